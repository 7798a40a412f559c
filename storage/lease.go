package storage

import (
	"context"
	"errors"
	"sync"
	"time"

	"postroom/tickets"
)

// jobLeases remembers which leases of jobs this process holds, so that only
// their holder prolongs them.
type jobLeases struct {
	mu   sync.Mutex
	held map[int64]jobLease
}

type jobLease struct {
	fence int64
	until time.Time
}

// took notes new leases and forgets those that ran out.
func (j *jobLeases) took(list []jobRow, until, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.held == nil {
		j.held = map[int64]jobLease{}
	}
	for id, l := range j.held {
		if l.until.Before(now) {
			delete(j.held, id)
		}
	}
	for _, r := range list {
		j.held[r.j.ID] = jobLease{r.fence, until}
	}
}

// ExtendJob implements [privacy.Store].
func (db *DB) ExtendJob(ctx context.Context, jobID int64, until time.Time) error {
	db.leases.mu.Lock()
	l, ok := db.leases.held[jobID]
	db.leases.mu.Unlock()
	if !ok {
		return tickets.ErrLeaseLost
	}
	err := db.execute(ctx, []op{{want: 1, gone: true, text: "UPDATE jobs SET run_at = ? WHERE id = ? AND fence = ? AND worker <> ''",
		args: []any{micros(until), jobID, l.fence}}})
	if errors.Is(err, tickets.ErrGone) {
		return tickets.ErrLeaseLost
	}
	if err != nil {
		return wrapErr("prolong a job", err)
	}
	db.leases.mu.Lock()
	defer db.leases.mu.Unlock()
	db.leases.held[jobID] = jobLease{l.fence, until}
	return nil
}
