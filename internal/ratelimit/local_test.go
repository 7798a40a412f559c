package ratelimit

import (
	"fmt"
	"testing"
	"time"
)

func TestMemoryIsBounded(t *testing.T) {
	c := newClock()
	l := newLocal(Config{Now: c.now})
	for i := range shards * maxPerShard * 2 {
		l.Allow(t.Context(), fmt.Sprint(i), 1, time.Hour)
	}
	if n := l.size(); n > shards*maxPerShard {
		t.Errorf("%d keys kept, the limit is %d", n, shards*maxPerShard)
	}
}

// A flood of new keys shall not wash out the count of one who is over a limit.
func TestFloodForgetsTheLeast(t *testing.T) {
	c := newClock()
	l := newLocal(Config{Now: c.now})
	for range 1000 {
		l.Allow(t.Context(), "busy", 1000, time.Hour)
	}
	for i := range shards * maxPerShard * 2 {
		l.Allow(t.Context(), fmt.Sprint(i), 1000, time.Hour)
	}
	if ok, _ := l.Allow(t.Context(), "busy", 1000, time.Hour); ok {
		t.Error("a flood of keys gave the busy one a new burst")
	}
}

func TestExpiredKeysAreSwept(t *testing.T) {
	c := newClock()
	l := newLocal(Config{Now: c.now})
	for i := range 10_000 {
		l.Allow(t.Context(), fmt.Sprint(i), 1, time.Minute)
	}
	c.forward(time.Hour)
	for i := range shards * 20 {
		l.Allow(t.Context(), fmt.Sprint("new", i), 1, time.Minute)
	}
	if n := l.size(); n > shards*20 {
		t.Errorf("%d keys are kept, of which %d are live", n, shards*20)
	}
}

func (l *local) size() (n int) {
	for i := range l.shards {
		n += len(l.shards[i].tat)
	}
	return n
}

func BenchmarkAllow(b *testing.B) {
	l := newLocal(Config{Key: installationKey})
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("network:192.0.2.%d", i)
	}
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			l.Allow(b.Context(), keys[i%len(keys)], 100, time.Hour)
		}
	})
}
