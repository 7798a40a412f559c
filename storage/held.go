package storage

import (
	"context"

	"postroom/tickets"
)

const heldColumns = "id, org, at, kind, agent_id, ticket_id, message_id, state"

type heldRow struct {
	h                   tickets.Held
	at, ticket, message int64
}

func (r *heldRow) dest() []any {
	return []any{&r.h.ID, &r.h.Org, &r.at, &r.h.Kind, &r.h.AgentID, &r.ticket, &r.message, &r.h.State}
}

func (v *view) HeldByID(ctx context.Context, id int64) (*tickets.Held, error) {
	var row heldRow
	found, err := v.row(ctx, "SELECT "+heldColumns+" FROM held WHERE id = ?", []any{id}, row.dest()...)
	if err != nil || !found {
		return nil, wrapErr("read a held mail", err)
	}
	return v.openHeld(ctx, &row)
}

func (v *view) openHeld(ctx context.Context, row *heldRow) (_ *tickets.Held, err error) {
	h := row.h
	h.At = fromMicros(row.at)
	if row.ticket != 0 {
		if h.Ticket, err = v.TicketByID(ctx, row.ticket); err != nil {
			return nil, err
		}
	}
	if row.message != 0 {
		if h.Message, err = v.MessageByID(ctx, row.message); err != nil {
			return nil, err
		}
	}
	return &h, nil
}
