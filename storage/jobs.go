package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"postroom/tickets"
)

const leaseJobs = `UPDATE jobs SET run_at = ?, fence = fence + 1, worker = ? WHERE id IN (
 SELECT id FROM jobs WHERE run_at <= ? ORDER BY run_at LIMIT ?%s) RETURNING id, kind, ticket_id, message_id, run_at, attempts, owner, sealed, fence`

type jobRow struct {
	j                      *tickets.Job
	ticket, message, owner int64
	sealed                 []byte
	fence                  int64
}

// LeaseJobs takes up to n jobs that are due, for the time given. Ticket and
// Message carry their ids only: who does the job reads them on its own view.
// The job's row goes with the change that names it in FinishJob; until then
// the job comes back when the lease has ended.
func (db *DB) LeaseJobs(ctx context.Context, worker string, n int, lease time.Duration) ([]*tickets.Job, error) {
	now := db.now()
	due, err := db.anyDue(ctx, "SELECT 1 FROM jobs WHERE run_at <= ? LIMIT 1", now)
	if err != nil || !due {
		return nil, wrapErr("look for jobs", err)
	}
	var list []jobRow
	text := fmt.Sprintf(leaseJobs, db.d.skipLocked())
	err = db.update(ctx, func(ctx context.Context, q executor) error {
		list = nil
		rows, err := q.QueryContext(ctx, db.d.sql(text), micros(now.Add(lease)), worker, micros(now), n)
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			r := jobRow{j: &tickets.Job{}}
			var at int64
			if err := rows.Scan(&r.j.ID, &r.j.Kind, &r.ticket, &r.message, &at, &r.j.Attempts, &r.owner, &r.sealed, &r.fence); err != nil {
				return err
			}
			r.j.RunAt = fromMicros(at)
			list = append(list, r)
			return nil
		})
	})
	if err != nil {
		return nil, wrapErr("lease jobs", err)
	}
	db.leases.took(list, now.Add(lease), now)
	return db.openJobs(ctx, list)
}

// openJobs opens what the jobs were given. A job whose key was destroyed has
// nothing to say any more and comes without data.
func (db *DB) openJobs(ctx context.Context, list []jobRow) (jobs []*tickets.Job, err error) {
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		for _, r := range list {
			if r.ticket != 0 {
				r.j.Ticket = &tickets.Ticket{ID: r.ticket}
			}
			if r.message != 0 {
				r.j.Message = &tickets.Message{ID: r.message, TicketID: r.ticket}
			}
			jobs = append(jobs, r.j)
			if r.sealed == nil {
				continue
			}
			key, err := v.keyOf(ctx, tickets.DefaultOrg, r.owner)
			if errors.Is(err, errKeyGone) {
				continue
			}
			if err != nil {
				return err
			}
			plain, err := key.open(place{column: "jobs.sealed", row: r.j.ID}, r.sealed)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(plain, &r.j.Data); err != nil {
				return fmt.Errorf("job %d: %w", r.j.ID, err)
			}
		}
		return nil
	})
	slices.SortFunc(jobs, func(a, b *tickets.Job) int { return int(a.ID - b.ID) })
	return jobs, wrapErr("open jobs", err)
}

// RetryJob puts a job off that did not fail, only waits for something.
func (db *DB) RetryJob(ctx context.Context, id int64, at time.Time) error {
	return wrapErr("put a job off", db.execute(ctx, []op{{text: "UPDATE jobs SET run_at = ?, worker = '' WHERE id = ?", args: []any{micros(at), id}, want: -1}}))
}

// DueSnoozes returns ids of tickets whose snooze has ended, oldest first.
func (db *DB) DueSnoozes(ctx context.Context, now time.Time, limit int) (ids []int64, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT id FROM tickets WHERE snooze_until > 0 AND snooze_until <= ? AND state = 'snoozed' ORDER BY snooze_until LIMIT ?"),
			micros(now), limit)
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			var id int64
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	})
	return ids, wrapErr("look for ended snoozes", err)
}
