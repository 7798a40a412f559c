package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"postroom/tickets"
)

// leaseFair takes the oldest due mails, one of each destination before a
// second of any: a destination with ten thousand mails delays nobody else's.
const leaseFair = `UPDATE outbox SET state = 'leased', fence = fence + 1, worker = ?, next_at = ? WHERE id IN (
 SELECT id FROM (SELECT id, next_at, ROW_NUMBER() OVER (PARTITION BY domain ORDER BY next_at, id) AS turn FROM (
  SELECT id, domain, next_at FROM outbox WHERE state IN ('queued', 'leased') AND next_at <= ? ORDER BY next_at LIMIT ?%s) AS due) AS fair
 ORDER BY turn, next_at LIMIT ?)` + leaseGives

// leaseFirst does the same among what goes before the many-fold kinds, answers
// first of all.
const leaseFirst = `UPDATE outbox SET state = 'leased', fence = fence + 1, worker = ?, next_at = ? WHERE id IN (
 SELECT id FROM (SELECT id, kind, next_at, ROW_NUMBER() OVER (PARTITION BY domain, kind ORDER BY next_at, id) AS turn FROM (
  SELECT id, domain, kind, next_at FROM outbox WHERE ` + firstDue + ` ORDER BY next_at LIMIT ?%s) AS due) AS fair
 ORDER BY CASE kind WHEN 'answer' THEN 0 WHEN 'privacy' THEN 1 ELSE 2 END, turn, next_at, id LIMIT ?)` + leaseGives

const (
	leaseGives = " RETURNING id, kind, domain, fence, attempts, created, noticed"
	// firstDue is in the words of the index outbox_first.
	firstDue = "state IN ('queued', 'leased') AND kind NOT IN ('notification', 'news', 'survey') AND next_at <= ?"
)

// leaseOf is how many due mails are looked at for each that is taken.
const leaseOf = 32

// LeaseOutbox takes up to n mails that are due and held by nobody alive, for
// the time given, those of the lowest [tickets.OutKind.Rank] first; at most
// many of them are of kinds that are many-fold. Nothing due costs no write.
func (db *DB) LeaseOutbox(ctx context.Context, worker string, n, many int, d time.Duration) ([]tickets.OutLease, error) {
	now := db.now()
	first, err := db.anyDue(ctx, "SELECT 1 FROM outbox WHERE "+firstDue+" LIMIT 1", now)
	due := first
	if err == nil && !first && many > 0 {
		due, err = db.anyDue(ctx, "SELECT 1 FROM outbox WHERE state IN ('queued', 'leased') AND next_at <= ? LIMIT 1", now)
	}
	if err != nil || !due {
		return nil, wrapErr("look for due mail", err)
	}
	var list []tickets.OutLease
	err = db.update(ctx, func(ctx context.Context, q executor) error {
		list = list[:0]
		lease := func(text string, n int) (err error) {
			text = db.d.sql(fmt.Sprintf(text, db.d.skipLocked()))
			list, err = leased(ctx, q, list, text, worker, micros(now.Add(d)), micros(now), leaseOf*n, n)
			return err
		}
		if first {
			if err := lease(leaseFirst, n); err != nil {
				return err
			}
		}
		// With these taken, what is left is many-fold.
		if rest := min(many, n-len(list)); rest > 0 {
			return lease(leaseFair, rest)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b tickets.OutLease) int {
		return cmp.Or(a.Kind.Rank()-b.Kind.Rank(), a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return list, wrapErr("lease mail", err)
}

// leased adds what a statement of leaseGives gives.
func leased(ctx context.Context, q executor, list []tickets.OutLease, text string, args ...any) ([]tickets.OutLease, error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return list, err
	}
	defer rows.Close()
	for rows.Next() {
		var l tickets.OutLease
		var created, noticed int64
		if err := rows.Scan(&l.ID, &l.Kind, &l.Lane, &l.Fence, &l.Attempts, &created, &noticed); err != nil {
			return list, err
		}
		l.Created, l.Noticed = fromMicros(created), noticed != 0
		list = append(list, l)
	}
	return list, rows.Err()
}

// skipLocked lets nodes pass over rows that another is leasing.
func (d dialect) skipLocked() string {
	if d.postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

func (db *DB) anyDue(ctx context.Context, text string, now time.Time) (found bool, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		var one int
		found, err = db.newView(q).row(ctx, text, []any{micros(now)}, &one)
		return err
	})
	return found, err
}

// RenewOutbox prolongs leases to d from now and returns the ids of those that
// were lost.
func (db *DB) RenewOutbox(ctx context.Context, leases []tickets.OutLease, d time.Duration) (lost []int64, err error) {
	until := micros(db.now().Add(d))
	err = db.update(ctx, func(ctx context.Context, q executor) error {
		lost = nil
		for _, l := range leases {
			res, err := q.ExecContext(ctx, db.d.sql("UPDATE outbox SET next_at = ? WHERE id = ? AND fence = ? AND state = 'leased'"), until, l.ID, l.Fence)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil {
				return err
			} else if n == 0 {
				lost = append(lost, l.ID)
			}
		}
		return nil
	})
	return lost, wrapErr("renew leases", err)
}

// ReclaimOutbox makes the mails due that an earlier process of this worker's name
// has leased. It is dead, and this saves waiting for its leases to end.
func (db *DB) ReclaimOutbox(ctx context.Context, worker string) error {
	args := []any{micros(db.now()), worker}
	return wrapErr("reclaim leases", db.execute(ctx, []op{
		{text: "UPDATE outbox SET state = 'queued', next_at = ?, fence = fence + 1, worker = '' WHERE state = 'leased' AND worker = ?", args: args, want: -1}}))
}

// FinishOutbox ends a lease with what came of it: the new state, events and
// further mail in one transaction. It returns [tickets.ErrLeaseLost] when the
// mail is no longer the holder's.
func (db *DB) FinishOutbox(ctx context.Context, l tickets.OutLease, o tickets.OutOutcome) error {
	now := db.now()
	var next, finished int64
	switch o.State {
	case tickets.OutQueued:
		next = micros(o.Next)
	case tickets.OutSent, tickets.OutFailed:
		finished = micros(now)
	default:
		return fmt.Errorf("finish mail %d: no such outcome %q", l.ID, o.State)
	}
	text := `UPDATE outbox SET state = ?, next_at = ?, finished = ?, attempts = attempts + ?, noticed = noticed + ?, status = ?, worker = ''
 WHERE id = ? AND fence = ? AND state = 'leased'`
	if o.State == tickets.OutSent { // a failed one may be tried again by hand
		text = `UPDATE outbox SET state = ?, next_at = ?, finished = ?, attempts = attempts + ?, noticed = noticed + ?, status = ?, worker = '', spec = NULL
 WHERE id = ? AND fence = ? AND state = 'leased'`
	}
	noticed := bit(o.Noticed && !l.Noticed)
	end := op{text: text, want: 1, gone: true,
		args: []any{string(o.State), next, finished, bit(o.Attempted), noticed, o.Status, l.ID, l.Fence}}
	_, err := db.apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
		return &tickets.Change{Events: o.Events, Outbox: o.Reports}, nil
	}, func(p *plan) {
		p.ops = append([]op{end}, p.ops...)
		if o.State != tickets.OutQueued {
			p.ops = append(p.ops, db.settled(l.ID))
		}
	})
	if errors.Is(err, tickets.ErrGone) {
		return tickets.ErrLeaseLost
	}
	return err
}

// RetryOutgoing makes a mail due at once, also one that was given up.
func (db *DB) RetryOutgoing(ctx context.Context, id int64) error {
	return db.outboxByHand(ctx, id, op{want: 1, gone: true,
		text: "UPDATE outbox SET state = 'queued', next_at = ?, finished = 0, status = '' WHERE id = ? AND state IN ('queued', 'failed') AND spec IS NOT NULL",
		args: []any{micros(db.now()), id}}, "tried again")
}

// DropOutgoing gives a mail up. One that a worker holds may still go out.
func (db *DB) DropOutgoing(ctx context.Context, id int64) error {
	return db.outboxByHand(ctx, id, op{want: 1, gone: true,
		text: "UPDATE outbox SET state = 'failed', finished = ?, fence = fence + 1, worker = '', spec = NULL WHERE id = ? AND spec IS NOT NULL",
		args: []any{micros(db.now()), id}}, "given up")
}

func (db *DB) outboxByHand(ctx context.Context, id int64, o op, what string) error {
	err := db.execute(ctx, []op{o})
	if !errors.Is(err, tickets.ErrGone) {
		return err
	}
	var state string
	err = db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, "SELECT state FROM outbox WHERE id = ?", []any{id}, &state)
		return err
	})
	switch {
	case err != nil:
		return err
	case state == "":
		return fmt.Errorf("there is no outgoing mail %d", id)
	}
	return fmt.Errorf("outgoing mail %d is %s and cannot be %s", id, state, what)
}

// OutRow is a line of the list of outgoing mail.
type OutRow struct {
	ID        int64
	MessageID string
	Kind      tickets.OutKind
	Ticket    string // reference; empty for mail about no ticket
	To        string // empty when erased
	State     tickets.OutState
	Attempts  int
	Created   time.Time
	NextAt    time.Time // zero once it is sent or failed
	Finished  time.Time
	Status    string // RFC 3463 code of the last answer
}

// OutboxFilter chooses outgoing mail; zero fields choose all.
type OutboxFilter struct {
	ID    int64
	State tickets.OutState
}

// EachOutgoing calls fn for each outgoing mail in order of its making. Memory
// stays the same for any number, and no transaction is open while fn runs.
func (db *DB) EachOutgoing(ctx context.Context, f OutboxFilter, fn func(OutRow) error) error {
	where, args := "o.id > ?", []any{int64(0)}
	if f.ID != 0 {
		where, args = where+" AND o.id = ?", append(args, f.ID)
	}
	if f.State != "" {
		where, args = where+" AND o.state = ?", append(args, string(f.State))
	}
	text := `SELECT o.id, o.org, o.kind, COALESCE(t.ref, ''), o.owner, o.state, o.attempts, o.created, o.next_at, o.finished, o.status, o.dest
 FROM outbox o LEFT JOIN tickets t ON t.id = o.ticket_id WHERE ` + where + " ORDER BY o.id LIMIT 256"
	return pages(func() (page []OutRow, err error) {
		err = db.readers.snapshot(ctx, func(q querier) error {
			page, err = db.newView(q).outPage(ctx, text, args)
			return err
		})
		if len(page) > 0 {
			args[0] = page[len(page)-1].ID
		}
		return page, err
	}, fn)
}

func (v *view) outPage(ctx context.Context, text string, args []any) (page []OutRow, err error) {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql(text), args...)
	if err != nil {
		return nil, err
	}
	type sealedRow struct {
		org, owner int64
		dest       []byte
	}
	var sealed []sealedRow
	err = eachRow(rows, func() error {
		var r OutRow
		var s sealedRow
		var created, next, finished int64
		if err := rows.Scan(&r.ID, &s.org, &r.Kind, &r.Ticket, &s.owner, &r.State, &r.Attempts, &created, &next, &finished, &r.Status, &s.dest); err != nil {
			return err
		}
		r.Created, r.Finished = fromMicros(created), fromMicros(finished)
		if r.State == tickets.OutQueued || r.State == tickets.OutLeased {
			r.NextAt = fromMicros(next)
		}
		page, sealed = append(page, r), append(sealed, s)
		return nil
	})
	for i := range sealed {
		if err != nil {
			return nil, err
		}
		var key sealer
		if key, err = v.keyOf(ctx, sealed[i].org, sealed[i].owner); errors.Is(err, errKeyGone) {
			err = nil
			continue
		} else if err != nil {
			return nil, err
		}
		page[i].To, page[i].MessageID, err = openDest(key, page[i].ID, sealed[i].dest)
	}
	return page, err
}

// eachRow calls fn for each row and closes them.
func eachRow(rows rows, fn func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// pages calls fn for everything of one page after the other.
func pages[T any](next func() ([]T, error), fn func(T) error) error {
	for {
		page, err := next()
		if err != nil {
			return err
		}
		for _, x := range page {
			if err := fn(x); err != nil {
				return err
			}
		}
		if len(page) == 0 {
			return nil
		}
	}
}
