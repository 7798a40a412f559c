package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"postroom/tickets"
)

// page is how many rows a listing reads at a time. Between pages nothing is
// held, so that a slow reader of a long list keeps no transaction open.
const page = 200

// TicketFilter picks tickets; empty fields pick all.
type TicketFilter struct {
	Queue int64
	State tickets.State
	Ref   string
}

// EachTicket calls fn for each ticket that fits, oldest first, with its
// messages. Memory does not grow with their number; a ticket made meanwhile may
// or may not be among them.
func (db *DB) EachTicket(ctx context.Context, f TicketFilter, fn func(*tickets.Ticket, []*tickets.Message) error) error {
	type entry struct {
		t    *tickets.Ticket
		msgs []*tickets.Message
	}
	for after := int64(0); ; {
		var list []entry
		err := db.readers.snapshot(ctx, func(q querier) error {
			v := db.newView(q)
			ids, err := v.ids(ctx, `SELECT id FROM tickets WHERE id > ? AND (? = 0 OR queue_id = ?) AND (? = '' OR state = ?) AND (? = '' OR ref = ?)
 ORDER BY id LIMIT ?`, after, f.Queue, f.Queue, string(f.State), string(f.State), f.Ref, f.Ref, page)
			if err != nil {
				return err
			}
			for _, id := range ids {
				t, err := v.TicketByID(ctx, id)
				if err != nil {
					return err
				}
				msgs, err := v.MessagesOf(ctx, id, 0)
				if err != nil {
					return err
				}
				list = append(list, entry{t, msgs})
			}
			return nil
		})
		if err != nil {
			return wrapErr("list tickets", err)
		}
		for _, e := range list {
			if err := fn(e.t, e.msgs); err != nil {
				return err
			}
			after = e.t.ID
		}
		if len(list) < page {
			return nil
		}
	}
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

// Events returns what happened to a ticket, oldest first. Their messages hold
// nothing but their ids.
func (db *DB) Events(ctx context.Context, ticketID int64) (list []*tickets.Event, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT id, at, kind, actor, actor_id, message_id, data FROM events WHERE ticket_id = ? ORDER BY id"), ticketID)
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

// OutboxFilter picks outgoing mails; empty fields pick all.
type OutboxFilter struct {
	ID    int64
	State tickets.OutState
}

// OutRow is an outgoing mail as a list shows it.
type OutRow struct {
	ID        int64
	MessageID string
	Kind      tickets.OutKind
	Ticket    string // reference; empty for mail about no ticket
	To        string // empty when the recipient was erased
	State     tickets.OutState
	Attempts  int
	NextAt    time.Time
	Status    string // RFC 3463 code of the last answer
}

// EachOutgoing calls fn for each outgoing mail that fits, oldest first.
func (db *DB) EachOutgoing(ctx context.Context, f OutboxFilter, fn func(OutRow) error) error {
	for after := int64(0); ; {
		var list []OutRow
		err := db.readers.snapshot(ctx, func(q querier) error {
			v := db.newView(q)
			ids, err := v.ids(ctx, "SELECT id FROM outbox WHERE id > ? AND (? = 0 OR id = ?) AND (? = '' OR state = ?) ORDER BY id LIMIT ?",
				after, f.ID, f.ID, string(f.State), string(f.State), page)
			if err != nil {
				return err
			}
			for _, id := range ids {
				r, err := v.outRow(ctx, id)
				if err != nil {
					return err
				}
				list = append(list, r)
			}
			return nil
		})
		if err != nil {
			return wrapErr("list outgoing mail", err)
		}
		for _, r := range list {
			if err := fn(r); err != nil {
				return err
			}
			after = r.ID
		}
		if len(list) < page {
			return nil
		}
	}
}

// outRow reads what a list shows, without opening ticket and message.
func (v *view) outRow(ctx context.Context, id int64) (OutRow, error) {
	row := &outboxRow{}
	if _, err := v.row(ctx, "SELECT "+outboxColumns+" FROM outbox WHERE id = ?", []any{id}, row.cols()...); err != nil {
		return OutRow{}, err
	}
	r := OutRow{ID: row.o.ID, MessageID: row.o.MessageID, Kind: row.o.Kind, State: row.state, Attempts: row.attempts,
		NextAt: fromMicros(row.next), Status: row.status}
	key, err := v.keyOf(ctx, row.o.Org, row.owner)
	switch {
	case errors.Is(err, errKeyGone):
	case err != nil:
		return r, err
	default:
		to, err := key.open(place{column: "outbox.dest", row: id}, row.dest)
		if err != nil {
			return r, fmt.Errorf("outgoing mail %d: %w", id, err)
		}
		r.To = string(to)
	}
	if row.ticket != 0 {
		_, err = v.row(ctx, "SELECT ref FROM tickets WHERE id = ?", []any{row.ticket}, &r.Ticket)
	} else {
		err = nil
	}
	return r, err
}
