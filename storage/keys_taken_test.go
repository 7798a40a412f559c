package storage

import (
	"testing"
	"time"
)

// With a clock that stands still, blocks of ids meet each other sooner or
// later: the next place is tried.
func TestKeysTakeAnotherPlace(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		now := time.Now()
		opt.Now = func() time.Time { return now }
		db := open(t, opt)
		seen := map[int64]bool{}
		blocks := 100 // of 2,000 among four million: two meet in 99 of 100 runs
		if db.d.postgres {
			blocks = 10 // slower; what differs from SQLite is only how a taken id is told
		}
		for range blocks {
			ids, _, err := db.keys.create(t.Context(), "person", 2000)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range ids {
				if seen[id] {
					t.Fatalf("id %d twice", id)
				}
				seen[id] = true
			}
		}
	})
}
