package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"postroom/tickets"
)

const messageColumns = `m.id, m.org, m.ticket_id, m.content, m.receipt, m.direction, m.kind, m.received, m.size, m.proof,
 m.author_agent, m.author_person, m.unverified, m.version, m.owner, m.wrapped, m.meta, m.restricted + m.frozen`

type messageRow struct {
	m          tickets.Message
	org        int64
	ticket     sql.NullInt64
	content    int64
	received   int64
	unverified int64
	author     int64
	version    int64
	owner      int64
	hidden     int64
	wrapped    []byte
	meta       []byte
}

func (r *messageRow) dest() []any {
	m := &r.m
	return []any{&m.ID, &r.org, &r.ticket, &r.content, &m.Receipt, &m.Direction, &m.Kind, &r.received, &m.Raw.Size, &m.Proof,
		&m.AuthorAgent, &r.author, &r.unverified, &r.version, &r.owner, &r.wrapped, &r.meta, &r.hidden}
}

func (v *view) MessageByID(ctx context.Context, id int64) (*tickets.Message, error) {
	r, err := v.readMessage(ctx, id)
	if err != nil || r == nil {
		return nil, err
	}
	return r.m, nil
}

func (v *view) readMessage(ctx context.Context, id int64) (*readMessage, error) {
	if r := v.messages[id]; r != nil {
		return r, nil
	}
	var row messageRow
	found, err := v.row(ctx, "SELECT "+messageColumns+" FROM messages m WHERE m.id = ?", []any{id}, row.dest()...)
	if err != nil || !found {
		return nil, wrapErr("read a message", err)
	}
	return v.openMessage(ctx, &row)
}

func (v *view) MessagesOf(ctx context.Context, ticketID int64, limit int) ([]*tickets.Message, error) {
	text := "SELECT " + messageColumns + " FROM messages m WHERE m.ticket_id = CAST(? AS INTEGER) AND m.restricted + m.frozen = 0 ORDER BY m.received DESC, m.id DESC"
	args := []any{ticketID}
	if limit > 0 {
		text += fmt.Sprintf(" LIMIT %d", limit)
	}
	list, err := v.messageRows(ctx, text, args...)
	if err != nil {
		return nil, wrapErr("read a ticket's messages", err)
	}
	// By arrival, not by id: each node takes ids from blocks of its own, and an
	// imported mail may be older than what was there.
	slices.Reverse(list)
	out := make([]*tickets.Message, 0, len(list))
	for _, row := range list {
		r, err := v.openMessage(ctx, row)
		if err != nil {
			return nil, err
		}
		out = append(out, r.m)
	}
	return out, nil
}

func (v *view) messageRows(ctx context.Context, text string, args ...any) ([]*messageRow, error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql(text), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []*messageRow
	for rows.Next() {
		row := &messageRow{}
		if err := rows.Scan(row.dest()...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// openMessage opens a row. When every key that wraps its content key is gone,
// only what is not personal is left.
func (v *view) openMessage(ctx context.Context, row *messageRow) (*readMessage, error) {
	if r := v.messages[row.m.ID]; r != nil {
		return r, nil
	}
	m := row.m
	m.TicketID = row.ticket.Int64
	m.Received = fromMicros(row.received)
	m.Unverified = row.unverified != 0
	m.Restricted = row.hidden != 0
	r := &readMessage{m: &m, version: row.version, content: row.content, owner: row.owner, org: row.org}
	if row.author != 0 {
		p, err := v.person(ctx, row.author)
		if err != nil {
			return nil, err
		}
		m.AuthorPerson = p
	}
	var err error
	r.cek, err = v.contentKey(ctx, row)
	switch {
	case errors.Is(err, errKeyGone):
	case err != nil:
		return nil, fmt.Errorf("message %d: %w", m.ID, err)
	default:
		if err := v.db.openMeta(r.cek, row.meta, &m); err != nil {
			return nil, fmt.Errorf("message %d: %w", m.ID, err)
		}
	}
	if v.messages == nil {
		v.messages = map[int64]*readMessage{}
	}
	v.messages[m.ID] = r
	return r, nil
}

// contentKey unwraps a message's key with the first key that is there.
func (v *view) contentKey(ctx context.Context, row *messageRow) ([]byte, error) {
	id := row.m.ID
	key, err := v.keyOf(ctx, row.org, row.owner)
	if err == nil {
		return key.open(place{column: "messages.wrapped", row: id, sub: row.owner}, row.wrapped)
	}
	if !errors.Is(err, errKeyGone) {
		return nil, err
	}
	rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT person_id, wrapped FROM wraps WHERE message_id = CAST(? AS INTEGER)"), id)
	if err != nil {
		return nil, err
	}
	type wrap struct {
		person  int64
		wrapped []byte
	}
	var list []wrap
	for rows.Next() {
		var w wrap
		if err := rows.Scan(&w.person, &w.wrapped); err != nil {
			rows.Close()
			return nil, err
		}
		list = append(list, w)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, w := range list {
		key, err := v.keyOf(ctx, row.org, w.person)
		if err == nil {
			return key.open(place{column: "messages.wrapped", row: id, sub: w.person}, w.wrapped)
		}
		if !errors.Is(err, errKeyGone) {
			return nil, err
		}
	}
	return nil, errKeyGone
}

// sealMeta compresses and seals what a message says.
func (db *DB) sealMeta(key sealer, m *tickets.Message) []byte {
	room := scratch.Get().(*[]byte)
	defer scratch.Put(room)
	*room = encodeMeta((*room)[:0], m)
	return db.sealSqueezed(key, place{column: "messages.meta", row: m.ID}, *room, squeezeAbove)
}

func (db *DB) openMeta(cek, data []byte, m *tickets.Message) error {
	plain, err := newSealer(cek).open(place{column: "messages.meta", row: m.ID}, data)
	if err != nil {
		return err
	}
	if plain, err = db.unsqueeze(plain); err != nil {
		return err
	}
	return decodeMeta(plain, m)
}

func (v *view) KnownByDedupe(ctx context.Context, org int64, key []byte) (*tickets.Known, error) {
	if len(key) == 0 {
		return nil, nil
	}
	var id int64
	found, err := v.row(ctx, "SELECT target FROM lookups WHERE hash = ? AND kind = 18 AND no = 0", []any{v.db.hash.dedupe(org, key)}, &id)
	if err != nil || !found {
		return nil, wrapErr("find an identity", err)
	}
	m, err := v.MessageByID(ctx, id)
	if err != nil || m == nil {
		return nil, err
	}
	return &tickets.Known{ID: m.ID, TicketID: m.TicketID, Receipt: m.Receipt, EnvelopeTo: m.EnvelopeTo, Proof: m.Proof,
		Received: m.Received, Size: m.Raw.Size, SHA256: m.Raw.SHA256}, nil
}
