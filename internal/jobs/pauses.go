package jobs

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"postroom/tickets"
)

// What failed is tried again soon, because most faults pass, and then less and
// less often. What fails for a day is parked: it stays, nobody works on it for
// nothing, and the administrator is told by the log, the metrics and the daily
// mail. `postroom outbox resume` sets it going again.
var pauses = [...]time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}

// parkAfter is how many tries a job has: the pauses between them add up to a day.
const parkAfter = 30

// pause is how long a job rests after so many failures, and false when it has
// had its tries.
func pause(failures int) (time.Duration, bool) {
	if failures >= parkAfter {
		return 0, false
	}
	return pauses[min(max(failures, 1), len(pauses))-1], true
}

// putOff sets a failed job aside until its next try, or parks it.
func (w *Worker) putOff(ctx context.Context, j *tickets.Job, why error) {
	log := w.Log.With("job", j.ID, "kind", j.Kind, "attempt", j.Attempts+1)
	rest, more := pause(j.Attempts + 1)
	again := time.Time{}
	if more {
		log.Error("job failed", "err", why)
		again = w.Now().Add(rest)
	} else {
		log.Error("job failed too often and is parked; see postroom outbox jobs", "err", why)
	}
	if err := w.noteFailure(ctx, j.ID, again); err != nil {
		log.Error("put a job off", "err", err)
		return // its lease runs out
	}
	if more && rest <= time.Minute { // later ones are for the sweep to find
		time.AfterFunc(rest, func() {
			select {
			case w.again <- struct{}{}:
			default:
			}
		})
	}
}

// noteFailure keeps trying while the store has trouble of its own: else its
// end would have to wait for the lease's.
func (w *Worker) noteFailure(ctx context.Context, id int64, again time.Time) error {
	for wait := time.Second; ; wait *= 2 {
		err := w.Store.FailJob(ctx, id, again)
		if err == nil || wait > leaseTime/4 {
			return err
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
	}
}

// protect does a job; one that panics is one that failed, and stops no other.
func (w *Worker) protect(ctx context.Context, j *tickets.Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.Log.Error("job panicked", "job", j.ID, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return w.do(ctx, j)
}
