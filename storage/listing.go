package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"postroom/tickets"
)

// page is how many rows a listing reads at a time. Between pages nothing is
// held, so that a slow reader of a long list keeps no transaction open.
const page = 100

// TicketFilter picks tickets; empty fields pick all.
type TicketFilter struct {
	Queue int64
	State tickets.State
	Ref   string

	Hidden bool // also what is restricted or kept for a law's sake (Articles 18 and 17(3) GDPR)
}

// listed is a ticket with its messages.
type listed struct {
	t    *tickets.Ticket
	msgs []*tickets.Message
}

// EachTicket calls fn for each ticket that fits, oldest first, with its
// messages. Memory does not grow with their number; a ticket made meanwhile may
// or may not be among them.
func (db *DB) EachTicket(ctx context.Context, f TicketFilter, fn func(*tickets.Ticket, []*tickets.Message) error) error {
	where, args := "id > ?", []any{int64(0)}
	if f.Queue != 0 {
		where, args = where+" AND queue_id = ?", append(args, f.Queue)
	}
	if f.State != "" {
		where, args = where+" AND state = ?", append(args, string(f.State))
	}
	if f.Ref != "" {
		where, args = where+" AND ref = ?", append(args, f.Ref)
	}
	if !f.Hidden {
		where += " AND restricted + frozen = 0"
	}
	text := fmt.Sprintf("SELECT %s FROM tickets WHERE %s ORDER BY id LIMIT %d", ticketColumns, where, page)
	err := pages(func() (list []listed, err error) {
		err = db.readers.snapshot(ctx, func(q querier) error {
			list, err = db.newView(q).ticketPage(ctx, text, args, f.Hidden)
			return err
		})
		if len(list) > 0 {
			args[0] = list[len(list)-1].t.ID
		}
		return list, err
	}, func(l listed) error { return fn(l.t, l.msgs) })
	return wrapErr("list tickets", err)
}

// ticketPage reads a page of tickets and, at once, the messages of all of them.
func (v *view) ticketPage(ctx context.Context, text string, args []any, hidden bool) (list []listed, err error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql(text), args...)
	if err != nil {
		return nil, err
	}
	var found []*ticketRow
	if err := eachRow(rows, func() error {
		row := &ticketRow{}
		found = append(found, row)
		return rows.Scan(row.dest()...)
	}); err != nil || len(found) == 0 {
		return nil, err
	}
	byID := map[int64]int{}
	ids := make([]any, page)
	for i := range ids {
		row := found[min(i, len(found)-1)] // one text for pages of any size
		ids[i] = row.t.ID
	}
	for i, row := range found {
		if err := v.openTicket(ctx, row); err != nil {
			return nil, fmt.Errorf("ticket %s: %w", row.t.Ref, err)
		}
		byID[row.t.ID] = i
		list = append(list, listed{t: &row.t})
	}
	shown := " AND m.restricted + m.frozen = 0"
	if hidden {
		shown = ""
	}
	messages, err := v.messageRows(ctx, "SELECT "+messageColumns+" FROM messages m WHERE m.ticket_id IN ("+marks(page)+")"+shown+" ORDER BY m.received, m.id", ids...)
	if err != nil {
		return nil, err
	}
	for _, row := range messages {
		r, err := v.openMessage(ctx, row)
		if err != nil {
			return nil, err
		}
		l := &list[byID[r.m.TicketID]]
		l.msgs = append(l.msgs, r.m)
	}
	return list, nil
}

// ids reads a column of ids.
func (v *view) ids(ctx context.Context, text string, args ...any) ([]int64, error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql(text), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}

// TicketEvents returns what happened to a ticket, oldest first. Their messages hold
// nothing but their ids.
func (db *DB) TicketEvents(ctx context.Context, ticketID int64) (list []*tickets.Event, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT id, at, kind, actor, actor_id, message_id, data FROM events WHERE ticket_id = ? ORDER BY at, id"), ticketID)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			e := &tickets.Event{TicketID: ticketID}
			var at, message int64
			var data string
			if err := rows.Scan(&e.ID, &at, &e.Kind, &e.Actor, &e.ActorID, &message, &data); err != nil {
				return err
			}
			e.At = fromMicros(at)
			if message != 0 {
				e.Message = &tickets.Message{ID: message}
			}
			if err := json.Unmarshal([]byte(data), &e.Data); err != nil {
				return err
			}
			list = append(list, e)
		}
		return rows.Err()
	})
	return list, wrapErr("read a ticket's events", err)
}

// EachPerson calls fn for each person, in order of their first mail. Those
// whose key was destroyed are left out.
func (db *DB) EachPerson(ctx context.Context, fn func(*tickets.Person) error) error {
	for after := int64(0); ; {
		var list []*tickets.Person
		n := 0
		err := db.readers.snapshot(ctx, func(q querier) error {
			v := db.newView(q)
			ids, err := v.ids(ctx, "SELECT id FROM persons WHERE id > ? ORDER BY id LIMIT ?", after, page)
			if err != nil {
				return err
			}
			n = len(ids)
			for _, id := range ids {
				r, err := v.readPerson(ctx, id)
				if err != nil {
					return err
				}
				after = id
				if r != nil && !r.gone {
					list = append(list, r.shared)
				}
			}
			return nil
		})
		if err != nil {
			return wrapErr("list people", err)
		}
		for _, p := range list {
			if err := fn(p); err != nil {
				return err
			}
		}
		if n < page {
			return nil
		}
	}
}

// TicketsOfPerson returns the tickets the person takes part in, oldest first.
func (db *DB) TicketsOfPerson(ctx context.Context, personID int64) (list []*tickets.Ticket, err error) {
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		r, err := v.readPerson(ctx, personID)
		if err != nil || r == nil {
			return err
		}
		ids, err := v.ids(ctx, "SELECT no FROM lookups WHERE hash = ? AND kind = ? ORDER BY no", r.hash, kindParty)
		if err != nil {
			return err
		}
		for _, id := range ids {
			t, err := v.TicketByID(ctx, id)
			if err != nil {
				return err
			}
			if t != nil {
				list = append(list, t)
			}
		}
		return nil
	})
	return list, wrapErr("list a person's tickets", err)
}

// HeldList returns held mail, oldest first; state "" means in any state.
func (db *DB) HeldList(ctx context.Context, state string) (list []*tickets.Held, err error) {
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		ids, err := v.ids(ctx, "SELECT id FROM held WHERE ? = '' OR state = ? ORDER BY at, id", state, state)
		if err != nil {
			return err
		}
		for _, id := range ids {
			h, err := v.HeldByID(ctx, id)
			if err != nil {
				return err
			}
			if h != nil {
				list = append(list, h)
			}
		}
		return nil
	})
	return list, wrapErr("list held mail", err)
}
