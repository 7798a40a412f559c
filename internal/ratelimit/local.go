package ratelimit

import (
	"context"
	"sync"
	"time"
)

const (
	shards      = 64
	maxPerShard = 4096 // keys; a quarter of a million in all, some 20 MiB
	sweepEvery  = time.Minute
	sampled     = 16 // keys looked at to find one to forget
)

// local counts in this process.
type local struct {
	cfg    Config
	now    func() time.Time
	shards [shards]shard
}

// shard is a part of the keys, with its own lock.
type shard struct {
	mu    sync.Mutex
	tat   map[digest]time.Time
	swept time.Time
}

var _ Limiter = (*local)(nil)

func newLocal(cfg Config) *local {
	l := &local{cfg: cfg, now: cfg.Now}
	if l.now == nil {
		l.now = time.Now
	}
	for i := range l.shards {
		l.shards[i].tat = map[digest]time.Time{}
	}
	return l
}

func (l *local) Allow(_ context.Context, key string, n int, per time.Duration) (bool, time.Duration) {
	if n == 0 {
		return true, 0
	}
	if n < 0 || per <= 0 {
		return false, max(per, 0)
	}
	return l.allow(l.cfg.digest(key), makeRule(n, per))
}

func (l *local) allow(key digest, r rule) (bool, time.Duration) {
	now := l.now()
	s := &l.shards[key[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	next, ok, after := r.decide(now, s.tat[key])
	if ok {
		s.put(key, next, now)
	}
	return ok, after
}

// note counts an event that was allowed elsewhere, but lets the count run no
// further ahead than the limit itself would.
func (l *local) note(key digest, r rule) {
	l.allow(key, r)
}

// put keeps a count, in bounds: what has expired is swept once a minute, and
// when a flood of keys leaves no room, one of those with the least to forget
// goes.
func (s *shard) put(key digest, tat, now time.Time) {
	if _, known := s.tat[key]; !known {
		if now.Sub(s.swept) >= sweepEvery {
			s.sweep(now)
		}
		if len(s.tat) >= maxPerShard {
			s.forgetOne()
		}
	}
	s.tat[key] = tat
}

func (s *shard) sweep(now time.Time) {
	for k, tat := range s.tat {
		if !tat.After(now) {
			delete(s.tat, k)
		}
	}
	s.swept = now
}

// forgetOne drops the key that would be free the soonest among a few: a map is
// walked from a random place.
func (s *shard) forgetOne() {
	var least digest
	var at time.Time
	seen := 0
	for k, tat := range s.tat {
		if seen == 0 || tat.Before(at) {
			least, at = k, tat
		}
		if seen++; seen == sampled {
			break
		}
	}
	delete(s.tat, least)
}

func (l *local) Healthy() error { return nil }

func (l *local) Close() error { return nil }
