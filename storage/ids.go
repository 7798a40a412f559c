package storage

import (
	"context"
	"sync"
)

// idBlock is how many ids are reserved at once. A restart skips what was left
// of a block: ids are never used twice, not even after a crash, and may have
// gaps.
const idBlock = 1 << 14

// idSource hands out ids that grow. They are chosen before their row is
// written, because what is sealed is bound to them.
type idSource struct {
	mu      sync.Mutex
	next    int64
	end     int64
	reserve func(ctx context.Context, n int64) (end int64, err error)
}

// take returns the first of n ids in a row.
func (s *idSource) take(ctx context.Context, n int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next+n > s.end {
		end, err := s.reserve(context.WithoutCancel(ctx), idBlock)
		if err != nil {
			return 0, err
		}
		s.next, s.end = end-idBlock+1, end+1
	}
	first := s.next
	s.next += n
	return first, nil
}

// idsFor returns the source for a context: on the writer's own goroutine one
// that reserves within the writing transaction, since waiting there for
// somebody who waits for the writer would never end.
func (db *DB) idsFor(ctx context.Context) *idSource {
	if ctx.Value(onWriter{}) != nil {
		return &db.writer.ids
	}
	return &db.ids
}

const sqlReserve = "UPDATE counters SET value = value + ? WHERE name = 'ids' RETURNING value"
