package storage

import (
	"sync/atomic"
	"testing"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// What is kept until a date goes on it, and nothing earlier.
func TestWhatIsKeptUntilADateGoes(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		now := time.Now()
		var shift atomic.Int64
		opt.Now = func() time.Time { return time.Now().Add(time.Duration(shift.Load())) }
		db := open(t, opt)
		x := seed(t, db)
		eraseAll(t, db, x.ann)
		ends := now.AddDate(3, 0, 1)
		apply(t, db, func(v privacy.View) (*tickets.Change, error) {
			r, err := v.RequestByID(ctx, x.ann.RequestID)
			r.State, r.Finished, r.Ends = privacy.Done, now, ends
			return &tickets.Change{Also: []tickets.Extra{r}}, err
		})
		rows := func() int {
			return count(t, db, "SELECT (SELECT COUNT(*) FROM privacy_requests) + (SELECT COUNT(*) FROM consents) + (SELECT COUNT(*) FROM erasures)")
		}
		for _, c := range []struct {
			at   time.Time
			want int
		}{{now.AddDate(2, 11, 0), 3}, {ends.Add(time.Minute), 0}} {
			shift.Store(int64(time.Until(c.at)))
			if err := db.sweepEnded(ctx); err != nil {
				t.Fatal(err)
			}
			if n := rows(); n != c.want {
				t.Errorf("%d rows on %v, want %d", n, c.at, c.want)
			}
		}
		if n := count(t, db, "SELECT (SELECT COUNT(*) FROM privacy_events) + (SELECT COUNT(*) FROM privacy_steps) + (SELECT COUNT(*) FROM privacy_work) + (SELECT COUNT(*) FROM privacy_tokens)"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}
