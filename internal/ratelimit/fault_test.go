package ratelimit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"postroom/internal/testenv"
)

const (
	patience = 300 * time.Millisecond // 100 ms for Redis, and something for a busy machine
	back     = 5 * time.Second
)

type fault struct {
	begin, end func(t *testing.T, s *testenv.Server, p *testenv.Proxy)
}

var faults = map[string]fault{
	"killed": {
		func(_ *testing.T, s *testenv.Server, _ *testenv.Proxy) { s.Kill() },
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
		},
	},
	"stopped": {
		func(_ *testing.T, s *testenv.Server, _ *testenv.Proxy) { s.Pause() },
		func(_ *testing.T, s *testenv.Server, _ *testenv.Proxy) { s.Resume() },
	},
	"slow": {
		func(_ *testing.T, _ *testenv.Server, p *testenv.Proxy) { p.Delay(2 * time.Second) },
		func(_ *testing.T, _ *testenv.Server, p *testenv.Proxy) { p.Delay(0) },
	},
	"read only": {
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "REPLICAOF", "127.0.0.1", "1")
		},
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "REPLICAOF", "NO", "ONE")
		},
	},
	"out of memory": {
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "CONFIG", "SET", "maxmemory", "1")
		},
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "CONFIG", "SET", "maxmemory", "0")
		},
	},
}

// R8: with Redis unwell, limits go on in this process, the first call waits
// 100 ms at most and those after it not at all; nobody gets a second burst
// because of it; and Redis counts again within five seconds of its return.
func TestR8_RedisUnwell(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testenv.RedisServer(t)
			p := testenv.NewProxy(t, s.Addr())
			l := open(t, Config{URL: p.Through(t, s.URL())})
			want(t, "before", allowed(t, l, "busy", 6, 6, time.Hour), 6)

			f.begin(t, s, p)
			begin := time.Now()
			want(t, "a full burst was had before", allowed(t, l, "busy", 1, 6, time.Hour), 0)
			if d := time.Since(begin); d > patience {
				t.Errorf("the first call took %v", d)
			}
			want(t, "an event to count", allowed(t, l, "new", 1, 1, time.Hour), 1)
			if l.Healthy() == nil {
				t.Fatal("the fault is not noticed")
			}
			begin = time.Now()
			for i := range 1000 {
				want(t, "a new key", allowed(t, l, fmt.Sprint(i), 2, 1, time.Hour), 1)
			}
			if d := time.Since(begin); d > patience {
				t.Errorf("two thousand calls took %v while the breaker is open", d)
			}

			f.end(t, s, p)
			within(t, back, "redis counts again", func() bool { return l.Healthy() == nil })
			other := open(t, Config{URL: s.URL()})
			want(t, "on one node", allowed(t, l, "shared", 3, 4, time.Hour), 3)
			want(t, "on the other", allowed(t, other, "shared", 3, 4, time.Hour), 1)
		})
	}
}

func TestR8_RedisAbsentAtStart(t *testing.T) {
	s := testenv.RedisServer(t)
	s.Kill()
	l := open(t, Config{URL: s.URL()})
	want(t, "without Redis", allowed(t, l, "k", 5, 2, time.Hour), 2)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, back, "redis counts", func() bool { return l.Healthy() == nil })
}

// After a flush the count begins anew, scripts included.
func TestR8_RedisFlushed(t *testing.T) {
	s := testenv.RedisServer(t)
	l := open(t, Config{URL: s.URL()})
	allowed(t, l, "k", 5, 5, time.Hour)
	testenv.RedisDo(t, s.URL(), "FLUSHALL")
	testenv.RedisDo(t, s.URL(), "SCRIPT", "FLUSH")
	want(t, "after the flush", allowed(t, l, "k", 10, 5, time.Hour), 5)
	if err := l.Healthy(); err != nil {
		t.Error(err)
	}
}

// One key of the wrong type is that key's trouble only.
func TestR8_WrongType(t *testing.T) {
	s := testenv.RedisServer(t)
	l := open(t, Config{URL: s.URL()})
	allowed(t, l, "k", 1, 5, time.Hour)
	for _, name := range keys(t, s) {
		testenv.RedisDo(t, s.URL(), "DEL", name)
		testenv.RedisDo(t, s.URL(), "LPUSH", name, "x")
	}
	want(t, "counted here", allowed(t, l, "k", 10, 5, time.Hour), 4)
	if err := l.Healthy(); err != nil {
		t.Errorf("the breaker opened: %v", err)
	}
	for _, name := range keys(t, s) {
		testenv.RedisDo(t, s.URL(), "SET", name, "no number")
	}
	want(t, "over nonsense", allowed(t, l, "k", 10, 5, time.Hour), 5)
}

// Nothing personal is in Redis, and nothing for ever.
func TestKeysAreHashedAndExpire(t *testing.T) {
	s := testenv.RedisServer(t)
	l := open(t, Config{URL: s.URL()})
	allowed(t, l, "sender:ada@example.org", 3, 2, time.Hour)
	allowed(t, l, "network:192.0.2.0", 1, 1, 50*time.Millisecond)
	all := keys(t, s)
	if len(all) == 0 {
		t.Fatal("no key in Redis")
	}
	for _, name := range all {
		if strings.Contains(name, "ada") || strings.Contains(name, "192.0") {
			t.Errorf("a key tells who it is about: %q", name)
		}
		if ttl := testenv.RedisDo(t, s.URL(), "PTTL", name).(int64); ttl == -1 || ttl > time.Hour.Milliseconds() {
			t.Errorf("%s lives for %d ms", name, ttl)
		}
	}
}

// By Redis's own clock, as in service.
func TestRedisClock(t *testing.T) {
	l := open(t, Config{URL: testenv.Redis(t)})
	per := 200 * time.Millisecond
	want(t, "at once", allowed(t, l, "k", 4, 2, per), 2)
	_, after := l.Allow(t.Context(), "k", 2, per)
	if after <= 0 || after > per/2 {
		t.Errorf("retry after %v, want %v at most", after, per/2)
	}
	begin := time.Now()
	within(t, back, "allowed again", func() bool { return allowed(t, l, "k", 1, 2, per) == 1 })
	if d := time.Since(begin); d > per {
		t.Errorf("allowed after %v, having said %v", d, after)
	}
}

func TestOpenNeedsAKeyForRedis(t *testing.T) {
	if _, err := Open(Config{URL: "redis://127.0.0.1:1/0"}); err == nil {
		t.Error("addresses would be hashed without a key")
	}
}

func keys(t *testing.T, s *testenv.Server) (names []string) {
	for _, k := range testenv.RedisDo(t, s.URL(), "KEYS", "*").([]any) {
		names = append(names, k.(string))
	}
	return names
}

func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not so within %v: %s", limit, what)
		}
	}
}
