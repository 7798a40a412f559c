package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"postroom/tickets"
)

const outboxColumns = `id, org, kind, ticket_id, message_id, queue_id, to_agent, to_person, owner, state,
 created, next_at, attempts, fence, noticed, finished, status, dest, spec, request_id, purpose`

type outboxRow struct {
	o                              tickets.Outgoing
	ticket, message, person, owner int64
	state                          tickets.OutState
	created, next, finished        int64
	attempts                       int
	fence, noticed                 int64
	status                         string
	dest, spec                     []byte
}

func (r *outboxRow) cols() []any {
	o := &r.o
	return []any{&o.ID, &o.Org, &o.Kind, &r.ticket, &r.message, &o.QueueID, &o.ToAgent, &r.person, &r.owner, &r.state,
		&r.created, &r.next, &r.attempts, &r.fence, &r.noticed, &r.finished, &r.status, &r.dest, &r.spec, &o.RequestID, &o.Purpose}
}

func (v *view) OutgoingByID(ctx context.Context, id int64) (*tickets.Outgoing, tickets.OutState, error) {
	row, err := v.outboxRow(ctx, id)
	if err != nil || row == nil {
		return nil, "", err
	}
	return &row.o, row.state, nil
}

// outboxRow returns a mail of ours, opened with its ticket and message, or nil.
func (v *view) outboxRow(ctx context.Context, id int64) (*outboxRow, error) {
	row := &outboxRow{}
	found, err := v.row(ctx, "SELECT "+outboxColumns+" FROM outbox WHERE id = ?", []any{id}, row.cols()...)
	if err != nil || !found {
		return nil, wrapErr("read an outgoing mail", err)
	}
	if err := v.openOutgoing(ctx, row); err != nil {
		return nil, fmt.Errorf("outgoing mail %d: %w", id, err)
	}
	if row.ticket != 0 {
		if row.o.Ticket, err = v.TicketByID(ctx, row.ticket); err != nil {
			return nil, err
		}
	}
	if row.message != 0 {
		if row.o.Message, err = v.MessageByID(ctx, row.message); err != nil {
			return nil, err
		}
	}
	if row.person != 0 {
		if row.o.ToPerson, err = v.person(ctx, row.person); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// openOutgoing opens address and content; both are empty when the key was
// destroyed, the content also once the mail is done with.
func (v *view) openOutgoing(ctx context.Context, row *outboxRow) error {
	row.o.NotBefore = fromMicros(row.next)
	row.o.SealKey = max(-row.owner, 0)
	key, err := v.keyOf(ctx, row.o.Org, row.owner)
	if errors.Is(err, errKeyGone) {
		return nil
	}
	if err != nil {
		return err
	}
	if row.o.To, row.o.MessageID, err = openDest(key, row.o.ID, row.dest); err != nil {
		return err
	}
	if row.spec == nil {
		return nil
	}
	plain, err := key.open(place{column: "outbox.spec", row: row.o.ID}, row.spec)
	if err != nil {
		return err
	}
	if plain, err = v.db.unsqueeze(plain); err != nil {
		return err
	}
	return json.Unmarshal(plain, &row.o.Spec)
}

func openDest(key sealer, id int64, data []byte) (to, messageID string, err error) {
	plain, err := key.open(place{column: "outbox.dest", row: id}, data)
	if err != nil {
		return "", "", err
	}
	d := decoder{b: plain}
	to, messageID = d.str(), d.str()
	return to, messageID, d.err
}
