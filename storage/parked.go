package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"postroom/tickets"
)

// parked stands in run_at for a job that no worker takes: it is never due.
const parked = math.MaxInt64

// FailJob notes a failed try of a job and puts it off until again. A zero time
// parks it: no worker takes it before ResumeJobs, and it is never lost.
func (db *DB) FailJob(ctx context.Context, id int64, again time.Time) error {
	at := int64(parked)
	if !again.IsZero() {
		at = micros(again)
	}
	return wrapErr("put a failed job off", db.execute(ctx, []op{{want: -1,
		text: "UPDATE jobs SET run_at = ?, attempts = attempts + 1, worker = '' WHERE id = ?", args: []any{at, id}}}))
}

// ReclaimJobs makes the jobs due that an earlier process of this worker's name
// has leased. It is dead, and this saves waiting for its leases to end. A
// worker calls it before it leases anything.
func (db *DB) ReclaimJobs(ctx context.Context, worker string) error {
	return wrapErr("reclaim jobs", db.execute(ctx, []op{{want: -1,
		text: "UPDATE jobs SET run_at = ?, worker = '' WHERE worker = ?", args: []any{micros(db.now()), worker}}}))
}

// JobRow is a line of the list of jobs.
type JobRow struct {
	ID       int64
	Kind     string
	Ticket   string // reference; empty for a job about no ticket
	Attempts int    // tries that failed
	NextAt   time.Time
	Parked   bool // NextAt is zero then
}

// EachJob calls fn for each job that is not done yet, in order of their making.
func (db *DB) EachJob(ctx context.Context, parkedOnly bool, fn func(JobRow) error) error {
	text, args := "SELECT j.id, j.kind, COALESCE(t.ref, ''), j.attempts, j.run_at FROM jobs j LEFT JOIN tickets t ON t.id = j.ticket_id WHERE j.id > ? AND j.run_at >= ? ORDER BY j.id LIMIT 256", []any{int64(math.MinInt64), int64(math.MinInt64)}
	if parkedOnly {
		args[1] = int64(parked)
	}
	return pages(func() (page []JobRow, err error) {
		err = db.readers.snapshot(ctx, func(q querier) error {
			page = nil
			rows, err := q.QueryContext(ctx, db.d.sql(text), args...)
			if err != nil {
				return err
			}
			return eachRow(rows, func() error {
				var r JobRow
				var at int64
				if err := rows.Scan(&r.ID, &r.Kind, &r.Ticket, &r.Attempts, &at); err != nil {
					return err
				}
				if r.Parked = at == parked; !r.Parked {
					r.NextAt = fromMicros(at)
				}
				page = append(page, r)
				return nil
			})
		})
		if len(page) > 0 {
			args[0] = page[len(page)-1].ID
		}
		return page, wrapErr("list jobs", err)
	}, fn)
}

// ParkedJobs counts the jobs that failed too often and wait for somebody.
func (db *DB) ParkedJobs(ctx context.Context) (n int64, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, "SELECT COUNT(*) FROM jobs WHERE run_at = ?", []any{int64(parked)}, &n)
		return err
	})
	return n, wrapErr("count parked jobs", err)
}

// ResumeJob makes a job due now, its failures forgotten.
func (db *DB) ResumeJob(ctx context.Context, id int64) error {
	err := db.execute(ctx, []op{{want: 1, gone: true,
		text: "UPDATE jobs SET run_at = ?, attempts = 0 WHERE id = ? AND worker = ''", args: []any{micros(db.now()), id}}})
	if errors.Is(err, tickets.ErrGone) {
		return fmt.Errorf("there is no job %d that waits", id)
	}
	return wrapErr("resume a job", err)
}
