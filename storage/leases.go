package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"postroom/tickets"
)

// A lease is a row that one worker has for a time: next_at (run_at of a job)
// is when it was due, and while it is leased when the lease ends. Every lease
// raises the fence, so that a worker who comes late is told. On PostgreSQL two
// nodes skip each other's rows.

// writing runs statements in a transaction of their own kind: SQLite's writer,
// where fn may run twice, or a transaction of PostgreSQL.
func (db *DB) writing(ctx context.Context, fn func(q sqlx.ExtContext) error) error {
	if err := db.Err(); err != nil {
		return err
	}
	if db.writer != nil {
		return db.writer.do(ctx, func() error { return fn(onConn{db.writer.conn, db.main}) })
	}
	tx, err := db.main.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// onConn lends a connection the names of a database.
type onConn struct {
	*sqlx.Conn
	db *sqlx.DB
}

func (c onConn) DriverName() string { return c.db.DriverName() }
func (c onConn) BindNamed(q string, arg any) (string, []any, error) {
	return c.db.BindNamed(q, arg)
}

func (db *DB) skipLocked() string {
	if db.d.postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// LeaseOutbox gives the worker up to n rows that are due, the longest due
// first, for d.
func (db *DB) LeaseOutbox(ctx context.Context, worker string, n int, d time.Duration) (list []tickets.OutLease, err error) {
	if due, err := db.anyDue(ctx, "SELECT 1 FROM outbox WHERE state IN ('queued', 'leased') AND next_at <= ? LIMIT 1"); err != nil || !due {
		return nil, wrapErr("look for due mail", err)
	}
	err = db.writing(ctx, func(q sqlx.ExtContext) error {
		list = nil
		now := db.now()
		rows, err := q.QueryContext(ctx, db.d.sql(`SELECT id, fence, attempts, created, noticed FROM outbox
 WHERE state IN ('queued', 'leased') AND next_at <= ? ORDER BY next_at LIMIT ?`+db.skipLocked()), micros(now), n)
		if err != nil {
			return err
		}
		for rows.Next() {
			var l tickets.OutLease
			var created, noticed int64
			if err := rows.Scan(&l.ID, &l.Fence, &l.Attempts, &created, &noticed); err != nil {
				rows.Close()
				return err
			}
			l.Fence++
			l.Created, l.Noticed = fromMicros(created), noticed != 0
			list = append(list, l)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, l := range list {
			if _, err := q.ExecContext(ctx, db.d.sql("UPDATE outbox SET state = 'leased', next_at = ?, fence = ?, worker = ? WHERE id = ?"),
				micros(now.Add(d)), l.Fence, worker, l.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, wrapErr("lease mail", err)
	}
	return list, nil
}

// anyDue looks without writing, so that an idle worker costs no commit.
func (db *DB) anyDue(ctx context.Context, text string) (bool, error) {
	var one int64
	err := db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, text, []any{micros(db.now())}, &one)
		return err
	})
	return one == 1, err
}

// RenewOutbox prolongs leases to d from now and returns the ids of those lost.
func (db *DB) RenewOutbox(ctx context.Context, leases []tickets.OutLease, d time.Duration) (lost []int64, err error) {
	err = db.writing(ctx, func(q sqlx.ExtContext) error {
		lost = nil
		until := micros(db.now().Add(d))
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

const sqlFinishOutbox = `UPDATE outbox SET state = ?, next_at = ?, attempts = attempts + ?, noticed = CASE WHEN ? = 1 THEN 1 ELSE noticed END,
 finished = ?, status = ?, worker = '', spec = CASE WHEN ? = 1 THEN NULL ELSE spec END WHERE id = ? AND fence = ? AND state = 'leased'`

// FinishOutbox ends a lease with what came of it, its events and its reports,
// in one transaction. tickets.ErrLeaseLost says that the lease was lost. What was
// sent keeps no content.
func (db *DB) FinishOutbox(ctx context.Context, l tickets.OutLease, o tickets.OutOutcome) error {
	next, finished := micros(o.Next), int64(0)
	if o.State == tickets.OutSent || o.State == tickets.OutFailed {
		finished = micros(db.now())
		next = finished
	}
	_, err := db.apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
		return &tickets.Change{Events: o.Events, Outbox: o.Reports}, nil
	}, func(p *plan) {
		p.ops = append([]op{{text: sqlFinishOutbox, want: 1, gone: true, args: []any{string(o.State), next, flag(o.Attempted), flag(o.Noticed),
			finished, o.Status, flag(o.State == tickets.OutSent), l.ID, l.Fence}}}, p.ops...)
	})
	if errors.Is(err, tickets.ErrGone) {
		return tickets.ErrLeaseLost
	}
	return wrapErr("finish a mail", err)
}

// RetryOutgoing makes a mail due now, also one that was given up.
func (db *DB) RetryOutgoing(ctx context.Context, id int64) error {
	err := db.execute(ctx, []op{{text: `UPDATE outbox SET state = 'queued', next_at = ?, finished = 0, fence = fence + 1
 WHERE id = ? AND state IN ('queued', 'failed') AND spec IS NOT NULL`, args: []any{micros(db.now()), id}, want: 1}})
	if errors.Is(err, errMoved) {
		return fmt.Errorf("mail %d is being sent, was sent, or is not there", id)
	}
	return err
}

// DropOutgoing gives a mail up.
func (db *DB) DropOutgoing(ctx context.Context, id int64) error {
	err := db.execute(ctx, []op{{text: `UPDATE outbox SET state = 'failed', finished = ?, fence = fence + 1, status = '5.0.0'
 WHERE id = ? AND state IN ('queued', 'leased')`, args: []any{micros(db.now()), id}, want: 1}})
	if errors.Is(err, errMoved) {
		return fmt.Errorf("mail %d is not waiting", id)
	}
	return err
}

// LeaseJobs gives the worker up to n due jobs for d. Their tickets and
// messages hold nothing but their ids.
func (db *DB) LeaseJobs(ctx context.Context, worker string, n int, d time.Duration) (list []*tickets.Job, err error) {
	if due, err := db.anyDue(ctx, "SELECT 1 FROM jobs WHERE run_at <= ? LIMIT 1"); err != nil || !due {
		return nil, wrapErr("look for due jobs", err)
	}
	type sealedJob struct {
		owner  int64
		sealed []byte
	}
	var rest []sealedJob
	err = db.writing(ctx, func(q sqlx.ExtContext) error {
		list, rest = nil, nil
		now := db.now()
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT id, kind, ticket_id, message_id, run_at, owner, sealed FROM jobs WHERE run_at <= ? ORDER BY run_at LIMIT ?"+
			db.skipLocked()), micros(now), n)
		if err != nil {
			return err
		}
		for rows.Next() {
			j := &tickets.Job{}
			var ticket, message, at int64
			var s sealedJob
			if err := rows.Scan(&j.ID, &j.Kind, &ticket, &message, &at, &s.owner, &s.sealed); err != nil {
				rows.Close()
				return err
			}
			j.RunAt = fromMicros(at)
			if ticket != 0 {
				j.Ticket = &tickets.Ticket{ID: ticket}
			}
			if message != 0 {
				j.Message = &tickets.Message{ID: message}
			}
			list, rest = append(list, j), append(rest, s)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, j := range list {
			if _, err := q.ExecContext(ctx, db.d.sql("UPDATE jobs SET run_at = ?, fence = fence + 1, attempts = attempts + 1, worker = ? WHERE id = ?"),
				micros(now.Add(d)), worker, j.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, wrapErr("lease jobs", err)
	}
	err = db.readers.with(ctx, func(q querier) error {
		v := db.newView(q)
		for i, j := range list {
			if rest[i].sealed == nil {
				continue
			}
			key, err := v.keyOf(ctx, tickets.DefaultOrg, rest[i].owner)
			if errors.Is(err, errKeyGone) {
				continue
			}
			if err != nil {
				return err
			}
			plain, err := key.open(place{column: "jobs.sealed", row: j.ID}, rest[i].sealed)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(plain, &j.Data); err != nil {
				return err
			}
		}
		return nil
	})
	return list, wrapErr("open jobs", err)
}

// RetryJob puts a job off.
func (db *DB) RetryJob(ctx context.Context, id int64, at time.Time) error {
	return db.execute(ctx, []op{{text: "UPDATE jobs SET run_at = ? WHERE id = ?", args: []any{micros(at), id}, want: -1}})
}

// DueSnoozes returns ids of tickets whose snooze has ended, the longest ended first.
func (db *DB) DueSnoozes(ctx context.Context, now time.Time, limit int) (list []int64, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		list, err = db.newView(q).ids(ctx, "SELECT id FROM tickets WHERE snooze_until > 0 AND snooze_until <= ? AND state = 'snoozed' ORDER BY snooze_until LIMIT ?",
			micros(now), limit)
		return err
	})
	return list, wrapErr("look for ended snoozes", err)
}

// ReclaimOutbox ends the leases of an earlier process of the worker's name,
// which is known to be dead.
func (db *DB) ReclaimOutbox(ctx context.Context, worker string) error {
	now := micros(db.now())
	return wrapErr("end old leases", db.execute(ctx, []op{
		{text: "UPDATE outbox SET state = 'queued', next_at = ?, worker = '' WHERE state = 'leased' AND worker = ?", args: []any{now, worker}, want: -1},
		{text: "UPDATE jobs SET run_at = ?, worker = '' WHERE worker = ?", args: []any{now, worker}, want: -1}}))
}
