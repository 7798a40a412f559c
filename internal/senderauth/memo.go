package senderauth

import (
	"sync"
	"time"
)

const (
	memoTime = 3 * time.Minute
	memoSize = 4096
)

// memo remembers outcomes for a few minutes, in bounded number. Temporary
// outcomes don't belong in it.
type memo[K comparable, V any] struct {
	mu   sync.Mutex
	now  func() time.Time
	kept map[K]memoEntry[V]
}

type memoEntry[V any] struct {
	value V
	until time.Time
}

func newMemo[K comparable, V any](now func() time.Time) *memo[K, V] {
	return &memo[K, V]{now: now, kept: map[K]memoEntry[V]{}}
}

func (m *memo[K, V]) get(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.kept[k]
	if !ok || !m.now().Before(e.until) {
		var zero V
		return zero, false
	}
	return e.value, true
}

func (m *memo[K, V]) put(k K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for old := range m.kept { // whichever comes first makes room
		if len(m.kept) < memoSize {
			break
		}
		delete(m.kept, old)
	}
	m.kept[k] = memoEntry[V]{v, m.now().Add(memoTime)}
}
