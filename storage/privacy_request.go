package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

const requestColumns = `id, org, ref, legal_right, state, ticket_id, channel, received, due, internal, extended, held, after_id, next_at, finished, ends,
 record, version, key_id, sealed`

type requestRow struct {
	r                                             privacy.Request
	received, due, internal, next, finished, ends int64
	extended, held                                int64
	record                                        string
	keyID                                         int64
	sealed                                        []byte
}

func (q *requestRow) dest() []any {
	r := &q.r
	return []any{&r.ID, &r.Org, &r.No, &r.Right, &r.State, &r.TicketID, &r.Channel, &q.received, &q.due, &q.internal, &q.extended, &q.held, &r.After,
		&q.next, &q.finished, &q.ends, &q.record, &r.Version, &q.keyID, &q.sealed}
}

func (v *view) RequestByID(ctx context.Context, id int64) (*privacy.Request, error) {
	list, err := v.requests(ctx, "WHERE id = ?", id)
	return one(list), err
}

func (v *view) RequestByNo(ctx context.Context, org int64, no string) (*privacy.Request, error) {
	list, err := v.requests(ctx, "WHERE org = ? AND ref = ?", org, no)
	return one(list), err
}

func (v *view) RequestsOfTicket(ctx context.Context, ticketID int64) ([]*privacy.Request, error) {
	if ticketID == 0 {
		return nil, nil
	}
	return v.requests(ctx, "WHERE ticket_id = ? ORDER BY id", ticketID)
}

func (v *view) RequestsOf(ctx context.Context, org int64, address string, open bool) ([]*privacy.Request, error) {
	text := "WHERE id IN (SELECT no FROM lookups WHERE hash = ? AND kind = 20)"
	if open {
		text += openStates
	}
	return v.requests(ctx, text+" ORDER BY received DESC, id DESC", v.db.hash.address(org, address))
}

// openStates are those that are not final.
const openStates = " AND state NOT IN ('done', 'refused', 'expired', 'withdrawn')"

func one(list []*privacy.Request) *privacy.Request {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// requests reads and opens rows. One whose key was destroyed has no address.
func (v *view) requests(ctx context.Context, where string, args ...any) (list []*privacy.Request, err error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT "+requestColumns+" FROM privacy_requests "+where), args...)
	if err != nil {
		return nil, wrapErr("read requests", err)
	}
	var found []*requestRow
	if err := eachRow(rows, func() error {
		q := &requestRow{}
		found = append(found, q)
		return rows.Scan(q.dest()...)
	}); err != nil {
		return nil, wrapErr("read requests", err)
	}
	for _, q := range found {
		if err := v.openRequest(ctx, q); err != nil {
			return nil, fmt.Errorf("request %s: %w", q.r.No, err)
		}
		list = append(list, &q.r)
	}
	return list, nil
}

func (v *view) openRequest(ctx context.Context, q *requestRow) error {
	r := &q.r
	r.Received, r.Due, r.Internal, r.NextAt = fromMicros(q.received), fromMicros(q.due), fromMicros(q.internal), fromMicros(q.next)
	r.Finished, r.Ends, r.Extended, r.Held = fromMicros(q.finished), fromMicros(q.ends), q.extended != 0, q.held != 0
	if err := json.Unmarshal([]byte(q.record), &r.Record); err != nil {
		return err
	}
	if q.sealed == nil {
		return nil
	}
	key, err := v.db.keys.get(ctx, q.keyID)
	if errors.Is(err, errKeyGone) {
		return nil
	}
	if err != nil {
		return err
	}
	plain, err := key.open(place{column: "privacy_requests.sealed", row: r.ID}, q.sealed)
	if err == nil {
		plain, err = v.db.unsqueeze(plain)
	}
	if err != nil {
		return err
	}
	var s sealedRequest
	err = json.Unmarshal(plain, &s)
	r.Address, r.Name, r.Language, r.Detail = s.Address, s.Name, s.Language, s.Detail
	return err
}

// requestKeyID returns the id of a request's own key.
func (v *view) requestKeyID(ctx context.Context, id int64) (keyID int64, err error) {
	found, err := v.row(ctx, "SELECT key_id FROM privacy_requests WHERE id = ?", []any{id}, &keyID)
	if err == nil && !found {
		err = fmt.Errorf("request %d is not there", id)
	}
	return keyID, err
}

// coveredFor is how long after its end an access request still keeps what it
// covers.
const coveredFor = 30 * 24 * time.Hour

// CoveredUntil counts every request for access or portability that was not
// withdrawn, also one that nobody has proved yet: its clock runs from receipt.
func (v *view) CoveredUntil(ctx context.Context, org int64, address string) (until time.Time, err error) {
	list, err := v.RequestsOf(ctx, org, address, false)
	if err != nil {
		return until, err
	}
	for _, r := range list {
		if r.Right != privacy.Access && r.Right != privacy.Portability || r.State == privacy.Withdrawn {
			continue
		}
		end := r.Finished
		if !r.State.Final() {
			end = later(r.Due, v.now)
		}
		until = later(until, end.Add(coveredFor))
	}
	if !until.After(v.now) {
		return time.Time{}, nil
	}
	return until, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// DueRequests implements [privacy.Store].
func (db *DB) DueRequests(ctx context.Context, now time.Time, limit int) (ids []int64, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		ids, err = db.newView(q).ids(ctx, "SELECT id FROM privacy_requests WHERE next_at > 0 AND next_at <= ? ORDER BY next_at, id LIMIT ?", micros(now), limit)
		return err
	})
	return ids, wrapErr("look for due requests", err)
}

// Requests implements [privacy.Store]. No transaction is open while fn runs.
func (db *DB) Requests(ctx context.Context, org int64, open bool, fn func(*privacy.Request) error) error {
	where, args := "WHERE id < ? AND org = ?", []any{int64(1<<63 - 1), org}
	if open {
		where += openStates
	}
	return pages(func() (list []*privacy.Request, err error) {
		err = db.readers.snapshot(ctx, func(q querier) error {
			list, err = db.newView(q).requests(ctx, where+" ORDER BY id DESC LIMIT 100", args...)
			return err
		})
		if len(list) > 0 {
			args[0] = list[len(list)-1].ID
		}
		return list, err
	}, fn)
}

// Events implements [privacy.Store].
func (db *DB) Events(ctx context.Context, requestID int64) (list []privacy.Event, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT at, edge, mark, actor, actor_id, message_id, evidence, data FROM privacy_events WHERE request_id = ? ORDER BY at, id"), requestID)
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			e := privacy.Event{RequestID: requestID}
			var at, message int64
			var data string
			if err := rows.Scan(&at, &e.Edge, &e.Key, &e.Actor, &e.ActorID, &message, &e.Evidence, &data); err != nil {
				return err
			}
			e.At = fromMicros(at)
			if message != 0 {
				e.Message = &tickets.Message{ID: message}
			}
			list = append(list, e)
			return json.Unmarshal([]byte(data), &list[len(list)-1].Data)
		})
	})
	return list, wrapErr("read a request's events", err)
}
