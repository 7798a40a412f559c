package storage

import (
	"context"
	"errors"

	"postroom/tickets"
)

// tickets takes away the person's own tickets, whole but for what others wrote
// in them, and from the privacy queue's tickets what the person wrote.
func (e *erasure) tickets(ctx context.Context) error {
	for i := range e.who {
		w := &e.who[i]
		ids, err := e.ownTickets(ctx, w)
		if err != nil {
			return err
		}
		for _, id := range ids {
			shared, err := e.handOver(ctx, w, id)
			if err == nil && !shared {
				err = e.wholeTicket(ctx, id)
			}
			if err != nil {
				return err
			}
		}
		if err := e.commit(ctx, false); err != nil {
			return err
		}
		if err := e.dropOwned(ctx, w, "m.owner = CAST(? AS INTEGER) AND m.frozen = 0", w.person.ID); err != nil {
			return err
		}
	}
	// One look at all jobs instead of one for each ticket.
	e.add(-1, "DELETE FROM jobs WHERE ticket_id > 0 AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = jobs.ticket_id)")
	return nil
}

// ownTickets are those in which the person is the requester, but for those of
// the privacy queue, and that nobody has to keep.
func (e *erasure) ownTickets(ctx context.Context, w *erased) (ids []int64, err error) {
	err = e.read(ctx, func(v *view) error {
		ids, err = v.ids(ctx, "SELECT t.id FROM lookups l JOIN tickets t ON t.id = l.no WHERE l.hash = ? AND l.kind = 13 AND t.owner = CAST(? AS INTEGER) AND t.frozen = 0"+
			" AND NOT EXISTS (SELECT 1 FROM privacy_requests r WHERE r.ticket_id = t.id) ORDER BY t.id", w.hash, w.person.ID)
		return err
	})
	return ids, err
}

// dropPage is how many messages are looked up at a time.
const dropPage = 250

// wholeTicket takes a ticket away with all that is in it.
func (e *erasure) wholeTicket(ctx context.Context, id int64) error {
	var ids []int64
	err := e.read(ctx, func(v *view) (err error) {
		ids, err = v.ids(ctx, "SELECT id FROM messages WHERE ticket_id = CAST(? AS INTEGER)", id)
		return err
	})
	if err != nil {
		return err
	}
	for len(ids) > 0 {
		n := min(len(ids), dropPage)
		if err := e.dropMessages(ctx, id, ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	err = e.read(ctx, func(v *view) error {
		t, err := v.TicketByID(ctx, id)
		if err != nil || t == nil {
			return err
		}
		ops, err := v.ticketEnd(ctx, t)
		e.ops = append(e.ops, ops...)
		e.count("tickets", 1)
		for i := range ops {
			if ops[i].text == sqlDropMail {
				e.count("mails", 1)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return e.full(ctx)
}

// dropMessages takes messages of a ticket away, and has the search index and
// the mailboxes know.
func (e *erasure) dropMessages(ctx context.Context, ticket int64, ids []int64) error {
	err := e.read(ctx, func(v *view) error {
		for _, id := range ids {
			ops, err := v.dropMessage(ctx, id)
			if err != nil {
				return err
			}
			if len(ops) > 0 {
				e.ops = append(e.ops, ops...)
				e.add(-1, sqlInsertChange, e.plan.Org, ticket, id)
				e.add(-1, "INSERT INTO privacy_work (request_id, kind, target, owner) VALUES (?, 'message', ?, 0) ON CONFLICT DO NOTHING", e.plan.RequestID, id)
				e.count("messages", 1)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.full(ctx)
}

// dropOwned takes away what is left of the messages whose key is the person's.
func (e *erasure) dropOwned(ctx context.Context, w *erased, where string, args ...any) error {
	type owned struct{ id, ticket int64 }
	var list []owned
	err := e.read(ctx, func(v *view) error {
		rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT m.id, COALESCE(m.ticket_id, 0) FROM lookups l JOIN messages m ON m.id = l.no WHERE l.hash = ? AND l.kind = 14 AND "+where), append([]any{w.hash}, args...)...)
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			var o owned
			err := rows.Scan(&o.id, &o.ticket)
			list = append(list, o)
			return err
		})
	})
	for _, o := range list {
		if err == nil {
			if o.ticket == 0 {
				e.add(-1, "UPDATE held SET state = 'dropped', message_id = 0 WHERE message_id = ?", o.id)
			}
			err = e.dropMessages(ctx, o.ticket, []int64{o.id})
		}
	}
	return err
}

// ticketOps takes a ticket away with all that is in it, in one piece.
func (v *view) ticketOps(ctx context.Context, t *tickets.Ticket) (ops []op, err error) {
	ids, err := v.ids(ctx, "SELECT id FROM messages WHERE ticket_id = CAST(? AS INTEGER)", t.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		more, err := v.dropMessage(ctx, id)
		if err != nil {
			return nil, err
		}
		ops = append(append(ops, more...), op{text: sqlInsertChange, args: []any{t.Org, t.ID, id}, want: -1})
	}
	more, err := v.ticketEnd(ctx, t)
	return append(ops, more...), err
}

// ticketEnd takes away a ticket whose messages are gone, and all that leads to
// it or follows from it.
func (v *view) ticketEnd(ctx context.Context, t *tickets.Ticket) (ops []op, err error) {
	add := func(want int64, text string, args ...any) { ops = append(ops, op{text: text, args: args, want: want}) }
	for i := range t.Parties {
		r, err := v.readPerson(ctx, t.Parties[i].Person.ID)
		if err != nil {
			return nil, err
		}
		if r != nil {
			add(-1, sqlDropLookup, r.hash, kindParty, t.ID)
		}
	}
	if t.ThreadIndex != "" {
		add(-1, sqlDropLookup, v.db.hash.thread(t.Org, t.ThreadIndex), kindThread, t.ID)
	}
	mails, err := v.mailOps(ctx, "WHERE ticket_id = ? AND ticket_id > 0", t.ID)
	if err != nil {
		return nil, err
	}
	ops = append(ops, mails...)
	held, err := v.heldOps(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	ops = append(ops, held...)
	add(-1, "DELETE FROM events WHERE ticket_id = ?", t.ID)
	add(-1, "UPDATE tickets SET merged_into = 0, version = version + 1 WHERE merged_into = ? AND merged_into > 0", t.ID)
	add(-1, "DELETE FROM privacy_frozen WHERE ticket_id = ?", t.ID)
	add(1, "DELETE FROM tickets WHERE id = ? AND version = ?", t.ID, t.Version)
	add(-1, sqlInsertChange, t.Org, t.ID, int64(0))
	return ops, nil
}

const sqlDropMail = "DELETE FROM outbox WHERE id = ?"

// mailOps takes mails of ours away with what leads to them.
func (v *view) mailOps(ctx context.Context, where string, args ...any) (ops []op, err error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT id, org, owner, message_id, dest FROM outbox "+where), args...)
	if err != nil {
		return nil, err
	}
	type mail struct {
		id, org, owner, message int64
		dest                    []byte
	}
	var list []mail
	if err := eachRow(rows, func() error {
		var m mail
		err := rows.Scan(&m.id, &m.org, &m.owner, &m.message, &m.dest)
		list = append(list, m)
		return err
	}); err != nil {
		return nil, err
	}
	for _, m := range list {
		add := func(text string, args ...any) { ops = append(ops, op{text: text, args: args, want: -1}) }
		key, err := v.keyOf(ctx, m.org, m.owner)
		if err != nil && !errors.Is(err, errKeyGone) {
			return nil, err
		}
		if err == nil {
			to, messageID, err := openDest(key, m.id, m.dest)
			if err != nil {
				return nil, err
			}
			if messageID != "" {
				add(sqlDropLookup, v.db.hash.messageID(m.org, messageID), kindMail, m.message)
			}
			if to != "" {
				add("DELETE FROM lookups WHERE hash = ? AND kind IN (12, 15) AND target = ?", v.db.hash.address(m.org, to), m.id)
			}
		}
		add(sqlDropMail, m.id)
	}
	return ops, nil
}

// heldOps takes held mail about a ticket away.
func (v *view) heldOps(ctx context.Context, ticket int64) (ops []op, err error) {
	ids, err := v.ids(ctx, "SELECT message_id FROM held WHERE ticket_id = ? AND message_id > 0 AND state = 'held'", ticket)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		more, err := v.dropMessage(ctx, id)
		if err != nil {
			return nil, err
		}
		ops = append(append(ops, more...), op{text: sqlInsertChange, args: []any{tickets.DefaultOrg, int64(0), id}, want: -1})
	}
	return append(ops, op{text: "DELETE FROM held WHERE ticket_id = ?", args: []any{ticket}, want: -1}), nil
}
