package storage

import (
	"context"
	"slices"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// duty returns the duty that keeps a ticket, or nil.
func (e *erasure) duty(ctx context.Context, v *view, t *tickets.Ticket) (*privacy.Duty, error) {
	if len(e.plan.Duties) == 0 {
		return nil, nil
	}
	dir, err := v.Directory(ctx)
	if err != nil {
		return nil, err
	}
	queue := ""
	if q := dir.QueueByID(t.QueueID); q != nil {
		queue = q.Name
	}
	for i := range e.plan.Duties {
		d := &e.plan.Duties[i]
		if d.Queue != "" && d.Queue == queue || d.Tag != "" && slices.Contains(t.Tags, d.Tag) {
			return d, nil
		}
	}
	return nil, nil
}

// freeze moves what a law obliges to keep to a fresh key, one for each ticket,
// hidden until its date. The message's own words stay as they were; nothing
// leads to them any more but the ticket.
func (e *erasure) freeze(ctx context.Context) error {
	if len(e.plan.Duties) == 0 {
		return nil
	}
	for i := range e.who {
		w := &e.who[i]
		ids, err := e.ownTickets(ctx, w)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := e.freezeTicket(ctx, w, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *erasure) freezeTicket(ctx context.Context, w *erased, id int64) error {
	return e.read(ctx, func(v *view) error {
		t, err := v.TicketByID(ctx, id)
		if err != nil || t == nil {
			return err
		}
		d, err := e.duty(ctx, v, t)
		if err != nil || d == nil || w.key.aead == nil {
			return err
		}
		list, err := v.messageRows(ctx, "SELECT "+messageColumns+" FROM messages m WHERE m.ticket_id = CAST(? AS INTEGER)", id)
		if err != nil {
			return err
		}
		keyID, key, err := e.frozenKey(ctx, t, d)
		if err != nil {
			return err
		}
		var until time.Time
		for _, row := range list {
			end, err := e.freezeMessage(ctx, v, row, keyID, key, d)
			if err != nil {
				return err
			}
			until = later(until, end)
		}
		if until.IsZero() {
			until = d.Keep(t.Created)
		}
		remove(t, w.person.ID)
		if err := e.ticketRow(ctx, v, t, -keyID); err != nil {
			return err
		}
		e.add(1, "UPDATE tickets SET frozen = ?, restricted = 0 WHERE id = ?", micros(until), t.ID)
		e.add(1, "UPDATE privacy_frozen SET until = ? WHERE ticket_id = ? AND key_id = ?", micros(until), t.ID, keyID)
		e.add(-1, "UPDATE events SET actor_id = 0 WHERE ticket_id = ? AND actor = 'person' AND actor_id = ?", t.ID, w.person.ID)
		if t.ThreadIndex != "" {
			e.add(-1, sqlDropLookup, v.db.hash.thread(t.Org, t.ThreadIndex), kindThread, t.ID)
		}
		e.add(-1, sqlDropLookup, w.hash, kindParty, t.ID)
		mails, err := v.mailOps(ctx, "WHERE ticket_id = ? AND ticket_id > 0", t.ID)
		e.ops = append(e.ops, mails...)
		if err != nil {
			return err
		}
		return e.commit(ctx, false)
	})
}

// frozenKey makes the key of something kept, named before it is used.
func (e *erasure) frozenKey(ctx context.Context, t *tickets.Ticket, d *privacy.Duty) (int64, sealer, error) {
	ids, keys, err := e.db.keys.create(ctx, "frozen", 1)
	if err != nil {
		return 0, sealer{}, err
	}
	e.add(1, "INSERT INTO privacy_frozen (ticket_id, key_id, request_id, until, ground, law) VALUES (?, ?, ?, 0, ?, ?)", t.ID, ids[0], e.plan.RequestID, d.Ground, d.Law)
	return ids[0], newSealer(keys[0]), nil
}

func (e *erasure) freezeMessage(ctx context.Context, v *view, row *messageRow, keyID int64, key sealer, d *privacy.Duty) (until time.Time, err error) {
	m := &row.m
	cek, err := v.contentKey(ctx, row)
	if err != nil {
		return until, err
	}
	until = d.Keep(fromMicros(row.received))
	var mid, dedupe []byte
	if _, err := v.row(ctx, "SELECT mid, dedupe FROM messages WHERE id = ?", []any{m.ID}, &mid, &dedupe); err != nil {
		return until, err
	}
	if mid != nil {
		e.add(-1, sqlDropLookup, mid, kindMessage, m.ID)
	}
	if dedupe != nil {
		e.add(-1, sqlDropLookup, dedupe, kindDedupe, int64(0))
	}
	author := row.author
	for i := range e.who {
		w := &e.who[i]
		e.add(-1, sqlDropLookup, w.hash, kindOwned, m.ID)
		e.add(-1, "DELETE FROM wraps WHERE message_id = ? AND person_id = ?", m.ID, w.person.ID)
		if author == w.person.ID {
			author = 0
		}
	}
	e.add(1, `UPDATE messages SET owner = ?, wrapped = ?, author_person = ?, mid = NULL, dedupe = NULL, restricted = 0, frozen = ?, version = version + 1
 WHERE id = ? AND version = ?`, -keyID, key.seal(place{column: "messages.wrapped", row: m.ID, sub: -keyID}, cek), author, micros(until), m.ID, row.version)
	e.add(-1, sqlInsertChange, row.org, row.ticket.Int64, m.ID)
	e.add(-1, "INSERT INTO privacy_work (request_id, kind, target, owner) VALUES (?, 'message', ?, 0) ON CONFLICT DO NOTHING", e.plan.RequestID, m.ID)
	e.count("kept", 1)
	return until, nil
}

// EraseFrozen erases what was kept for a law's sake and whose date has come,
// at most limit messages, and says how many there were. A ticket's key goes
// with its last message.
func (db *DB) EraseFrozen(ctx context.Context, now time.Time, limit int) (n int, err error) {
	type due struct{ id, ticket int64 }
	var list []due
	var ops []op
	seen := map[int64]int{}
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT id, COALESCE(ticket_id, 0) FROM messages WHERE frozen > 0 AND frozen <= ? ORDER BY frozen LIMIT ?"), micros(now), limit)
		if err != nil {
			return err
		}
		if err := eachRow(rows, func() error {
			var d due
			err := rows.Scan(&d.id, &d.ticket)
			list = append(list, d)
			return err
		}); err != nil {
			return err
		}
		for _, d := range list {
			more, err := v.dropMessage(ctx, d.id)
			if err != nil {
				return err
			}
			ops = append(ops, more...)
			ops = append(ops, op{text: sqlInsertChange, args: []any{tickets.DefaultOrg, d.ticket, d.id}, want: -1})
			seen[d.ticket]++
		}
		return nil
	})
	if err == nil && len(ops) > 0 {
		err = db.execute(ctx, ops)
	}
	if err != nil {
		return 0, wrapErr("erase what was kept", err)
	}
	for ticket := range seen {
		if err := db.endFrozen(ctx, ticket); err != nil {
			return len(list), wrapErr("erase what was kept", err)
		}
	}
	if len(list) > 0 {
		err = db.settleFiles(ctx, "messages", "bodies", "tickets")
	}
	return len(list), wrapErr("erase what was kept", err)
}

// endFrozen ends what was kept in a ticket when nothing of it is left.
func (db *DB) endFrozen(ctx context.Context, ticket int64) error {
	var ops []op
	var keys []int64
	err := db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		var one int
		left, err := v.row(ctx, "SELECT 1 FROM messages WHERE ticket_id = CAST(? AS INTEGER) AND frozen > 0 LIMIT 1", []any{ticket}, &one)
		if err != nil || left {
			return err
		}
		if keys, err = v.ids(ctx, "SELECT key_id FROM privacy_frozen WHERE ticket_id = ?", ticket); err != nil {
			return err
		}
		ops = append(ops, op{text: "DELETE FROM privacy_frozen WHERE ticket_id = ?", args: []any{ticket}, want: -1})
		var whole int
		frozen, err := v.row(ctx, "SELECT 1 FROM tickets WHERE id = ? AND frozen > 0", []any{ticket}, &whole)
		if err != nil || !frozen {
			return err
		}
		t, err := v.TicketByID(ctx, ticket)
		if err != nil {
			return err
		}
		ops, err = v.ticketOps(ctx, t)
		return err
	})
	if err == nil {
		err = db.execute(ctx, ops)
	}
	for _, k := range keys {
		if err == nil {
			err = db.keys.drop(ctx, k)
		}
	}
	return err
}

// KeptOf returns what is kept of an erasure, by ground and date.
func (db *DB) KeptOf(ctx context.Context, requestID int64) (list []privacy.Kept, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, db.d.sql(`SELECT f.ground, f.law, m.frozen, COUNT(*) FROM privacy_frozen f
 JOIN messages m ON m.ticket_id = f.ticket_id AND m.owner = -f.key_id WHERE f.request_id = ? GROUP BY f.ground, f.law, m.frozen ORDER BY m.frozen, f.ground, f.law`), requestID)
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			var k privacy.Kept
			var until int64
			err := rows.Scan(&k.Ground, &k.Law, &until, &k.Count)
			k.Until = fromMicros(until)
			list = append(list, k)
			return err
		})
	})
	return list, wrapErr("read what is kept", err)
}
