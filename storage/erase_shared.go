package storage

import (
	"context"
	"slices"

	"postroom/tickets"
)

// share is a ticket of the person's in which others wrote, too, be it that
// theirs was merged into it: what they wrote, and what was answered to them, is
// not the person's to have destroyed. The ticket goes on as the heir's.
type share struct {
	heir *tickets.Party // nil: nobody else wrote
	kept []*messageRow
	gone []int64
}

// share says what of a ticket of the person's belongs to others as well. The
// heir is the first of those who wrote; a third party only where nobody else
// did. What nothing proves to be anybody's makes no heir.
func (e *erasure) share(ctx context.Context, v *view, t *tickets.Ticket) (*share, error) {
	list, err := v.messageRows(ctx, "SELECT "+messageColumns+" FROM messages m WHERE m.ticket_id = CAST(? AS INTEGER) AND m.frozen = 0 ORDER BY m.id", t.ID)
	if err != nil {
		return nil, err
	}
	s := &share{}
	var wrote []*tickets.Party
	for i := range t.Parties {
		p := &t.Parties[i]
		if p.Removed || p.Person == nil || p.Person.ID == 0 || e.is(p.Person.ID) ||
			!slices.ContainsFunc(list, func(r *messageRow) bool { return r.author == p.Person.ID && writtenBy(r) }) {
			continue
		}
		if r, err := v.readPerson(ctx, p.Person.ID); err != nil {
			return nil, err
		} else if r == nil || r.gone {
			continue
		}
		wrote = append(wrote, p)
		if s.heir == nil || s.heir.Role == tickets.PartyThird && p.Role != tickets.PartyThird {
			s.heir = p
		}
	}
	if s.heir == nil {
		return s, nil
	}
	answered, err := e.answeredTo(ctx, v, t.ID, wrote)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		theirs := r.unverified == 0 && r.author != 0 && slices.ContainsFunc(wrote, func(p *tickets.Party) bool { return p.Person.ID == r.author })
		if theirs || r.m.Direction == tickets.DirectionOut && (answered[r.m.ID] || sawIt(wrote, r)) {
			s.kept = append(s.kept, r)
		} else {
			s.gone = append(s.gone, r.m.ID)
		}
	}
	return s, nil
}

// writtenBy leaves out what a machine sent, and what nothing proves.
func writtenBy(r *messageRow) bool {
	return r.m.Direction == tickets.DirectionIn && r.m.Kind == "mail" && r.unverified == 0
}

// sawIt reports whether an answer went to one of the parties: those who were
// there get each, but for third parties.
func sawIt(parties []*tickets.Party, r *messageRow) bool {
	return slices.ContainsFunc(parties, func(p *tickets.Party) bool {
		return p.Role != tickets.PartyThird && !p.Joined.After(fromMicros(r.received))
	})
}

// answeredTo are the answers that the outbox knows to have gone to one of the
// parties, also before their ticket was merged into this one.
func (e *erasure) answeredTo(ctx context.Context, v *view, ticket int64, parties []*tickets.Party) (map[int64]bool, error) {
	out := map[int64]bool{}
	for _, p := range parties {
		ids, err := v.ids(ctx, `SELECT message_id FROM outbox WHERE ticket_id > 0 AND message_id > 0 AND to_person = CAST(? AS INTEGER)
 AND (ticket_id = ? OR ticket_id IN (SELECT id FROM tickets WHERE merged_into = ? AND merged_into > 0))`, p.Person.ID, ticket, ticket)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			out[id] = true
		}
	}
	return out, nil
}

// handOver leaves a ticket of the person's to whom it belongs as well, without
// what is the person's alone. Masking what stays is the next step's. done is
// false where nobody else wrote in it.
func (e *erasure) handOver(ctx context.Context, w *erased, id int64) (done bool, err error) {
	var s *share
	err = e.read(ctx, func(v *view) error {
		t, err := v.TicketByID(ctx, id)
		if err == nil && t != nil {
			s, err = e.share(ctx, v, t)
		}
		return err
	})
	if err != nil || s == nil || s.heir == nil {
		return false, err
	}
	for part := range slices.Chunk(s.gone, dropPage) {
		if err := e.dropMessages(ctx, id, part); err != nil {
			return false, err
		}
	}
	for part := range slices.Chunk(s.kept, dropPage) {
		if err := e.rewrap(ctx, w, s.heir.Person.ID, part); err != nil {
			return false, err
		}
	}
	if err := e.commit(ctx, false); err != nil { // the next looks at what is left
		return false, err
	}
	return true, e.inherit(ctx, w, id, s)
}

// rewrap makes messages the heir's.
func (e *erasure) rewrap(ctx context.Context, w *erased, heir int64, list []*messageRow) error {
	err := e.read(ctx, func(v *view) error {
		who, err := v.readPerson(ctx, heir)
		if err != nil {
			return err
		}
		for _, row := range list {
			r, err := v.openMessage(ctx, row)
			if err != nil {
				return err
			}
			e.add(-1, sqlDropLookup, w.hash, kindOwned, row.m.ID)
			if r.cek == nil || row.owner == heir {
				continue
			}
			e.add(1, "UPDATE messages SET owner = ?, wrapped = ?, version = version + 1 WHERE id = ? AND version = ?", heir,
				who.seal.seal(place{column: "messages.wrapped", row: row.m.ID, sub: heir}, r.cek), row.m.ID, row.version)
			e.add(-1, "DELETE FROM wraps WHERE message_id = ? AND person_id = ?", row.m.ID, heir)
			e.add(-1, sqlMayLookup, who.hash, kindOwned, row.m.ID, row.m.ID)
			e.add(-1, sqlInsertChange, row.org, row.ticket.Int64, row.m.ID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.full(ctx)
}

// inherit makes the ticket the heir's, under the heir's subject, and takes away
// what of it was sealed for the person.
func (e *erasure) inherit(ctx context.Context, w *erased, id int64, s *share) error {
	return e.read(ctx, func(v *view) error {
		t, err := v.TicketByID(ctx, id)
		if err != nil || t == nil {
			return err
		}
		if t.ThreadIndex != "" {
			e.add(-1, sqlDropLookup, v.db.hash.thread(t.Org, t.ThreadIndex), kindThread, t.ID)
		}
		t.Subject, t.ThreadIndex = "", ""
		var in, out int64
		for _, row := range s.kept {
			r, err := v.readMessage(ctx, row.m.ID)
			if err != nil {
				return err
			}
			if r != nil && t.Subject == "" && row.author == s.heir.Person.ID {
				t.Subject = r.m.Subject
			}
			if row.m.Direction == tickets.DirectionOut {
				out = row.m.ID
			} else {
				in = row.m.ID
			}
		}
		for i := range t.Parties {
			switch p := &t.Parties[i]; {
			case p.Person.ID == s.heir.Person.ID:
				p.Role = tickets.PartyRequester
			case p.Role == tickets.PartyRequester:
				p.Role = tickets.PartyCc
			}
		}
		if err := e.ticketRow(ctx, v, t, s.heir.Person.ID); err != nil {
			return err
		}
		e.add(1, "UPDATE tickets SET restricted = 0, last_in = ?, last_out = ? WHERE id = ?", in, out, id)
		mails, err := v.mailOps(ctx, "WHERE ticket_id = ? AND ticket_id > 0 AND owner = CAST(? AS INTEGER)", id, w.person.ID)
		if err != nil {
			return err
		}
		held, err := v.heldOps(ctx, id)
		if err != nil {
			return err
		}
		e.ops = append(append(e.ops, mails...), held...)
		e.count("mails", len(mailIDs(mails)))
		e.add(-1, "DELETE FROM events WHERE ticket_id = ? AND message_id > 0 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = events.message_id)", id)
		e.add(-1, "DELETE FROM jobs WHERE ticket_id = ? AND (owner = CAST(? AS INTEGER) OR message_id > 0 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = jobs.message_id))", id, w.person.ID)
		return nil
	})
}

// mailIDs are the mails that the statements take away.
func mailIDs(ops []op) (ids []int64) {
	for i := range ops {
		if ops[i].text == sqlDropMail {
			ids = append(ids, ops[i].args[0].(int64))
		}
	}
	return ids
}
