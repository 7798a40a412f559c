package ratelimit

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postroom/internal/testenv"
)

var installationKey = []byte("an installation's key, 32 bytes.")

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(t *testing.T, cfg Config) Limiter {
	t.Helper()
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	cfg.Key = installationKey
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

func TestContract(t *testing.T) {
	kinds := map[string]func(t *testing.T) string{
		"in process": func(*testing.T) string { return "" },
		"redis":      func(t *testing.T) string { return testenv.Redis(t) },
	}
	tests := map[string]func(t *testing.T, l Limiter, c *clock){
		"a burst, then refusal":              burst,
		"one more for each part":             oneMoreForEachPart,
		"retryAfter is exact":                retryAfterIsExact,
		"a refusal costs nothing":            refusalCostsNothing,
		"a pause saves up n and no more":     pauseSavesUpN,
		"keys are apart":                     keysApart,
		"no limit":                           noLimit,
		"nothing allowed":                    nothingAllowed,
		"at once from everywhere":            concurrently,
		"a number a period cannot divide":    indivisible,
		"a clock that goes back":             clockGoesBack,
		"a limit made smaller holds now":     madeSmaller,
		"keys hostile to the store":          hostileKeys,
		"no more for a caller that hangs up": nothingForTheHungUp,
	}
	for kind, url := range kinds {
		for name, test := range tests {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := newClock()
				l := open(t, Config{URL: url(t), Now: c.now})
				test(t, l, c)
				if err := l.Healthy(); err != nil {
					t.Errorf("decided without Redis: %v", err)
				}
			})
		}
	}
}

// allowed is how many of tries events are.
func allowed(t *testing.T, l Limiter, key string, tries, n int, per time.Duration) int {
	t.Helper()
	count := 0
	for range tries {
		ok, after := l.Allow(t.Context(), key, n, per)
		if ok {
			count++
		}
		if ok != (after == 0) {
			t.Errorf("allowed %v, but retry after %v", ok, after)
		}
	}
	return count
}

func want(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d allowed, want %d", what, got, want)
	}
}

func burst(t *testing.T, l Limiter, _ *clock) {
	want(t, "of twenty at once", allowed(t, l, "k", 20, 10, time.Hour), 10)
}

func oneMoreForEachPart(t *testing.T, l Limiter, c *clock) {
	allowed(t, l, "k", 10, 10, time.Hour)
	for range 30 {
		c.forward(6 * time.Minute)
		want(t, "after a tenth of the period", allowed(t, l, "k", 3, 10, time.Hour), 1)
	}
}

func retryAfterIsExact(t *testing.T, l Limiter, c *clock) {
	allowed(t, l, "k", 4, 4, time.Minute)
	c.forward(5 * time.Second)
	_, after := l.Allow(t.Context(), "k", 4, time.Minute)
	if after != 10*time.Second {
		t.Errorf("retry after %v, want 10s", after)
	}
	c.forward(after - time.Millisecond)
	want(t, "a moment too early", allowed(t, l, "k", 1, 4, time.Minute), 0)
	c.forward(time.Millisecond)
	want(t, "then", allowed(t, l, "k", 1, 4, time.Minute), 1)
}

func refusalCostsNothing(t *testing.T, l Limiter, c *clock) {
	allowed(t, l, "k", 1000, 2, time.Minute)
	c.forward(30 * time.Second)
	want(t, "after a thousand refusals", allowed(t, l, "k", 1, 2, time.Minute), 1)
}

func pauseSavesUpN(t *testing.T, l Limiter, c *clock) {
	allowed(t, l, "k", 5, 5, time.Minute)
	c.forward(100 * time.Hour)
	want(t, "after a long pause", allowed(t, l, "k", 20, 5, time.Minute), 5)
}

func keysApart(t *testing.T, l Limiter, _ *clock) {
	allowed(t, l, "one", 5, 1, time.Minute)
	want(t, "another key", allowed(t, l, "two", 5, 1, time.Minute), 1)
}

func noLimit(t *testing.T, l Limiter, _ *clock) {
	want(t, "with n = 0", allowed(t, l, "k", 1000, 0, time.Minute), 1000)
}

func nothingAllowed(t *testing.T, l Limiter, _ *clock) {
	if ok, _ := l.Allow(t.Context(), "k", -1, time.Minute); ok {
		t.Error("a negative limit allowed an event")
	}
}

func concurrently(t *testing.T, l Limiter, _ *clock) {
	var count atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 50 {
				if ok, _ := l.Allow(t.Context(), "k", 100, time.Hour); ok {
					count.Add(1)
				}
			}
		})
	}
	all.Wait()
	want(t, "of 800 from 16 sides", int(count.Load()), 100)
}

func indivisible(t *testing.T, l Limiter, _ *clock) {
	want(t, "7 a second", allowed(t, l, "k", 20, 7, time.Second), 7)
	want(t, "more than one a microsecond", allowed(t, l, "many", 20, 5_000_000, time.Second), 20)
}

func clockGoesBack(t *testing.T, l Limiter, c *clock) {
	allowed(t, l, "k", 1, 2, time.Minute)
	c.forward(-10 * time.Second)
	ok, after := l.Allow(t.Context(), "k", 2, time.Minute)
	if ok || after > 10*time.Second {
		t.Errorf("allowed %v, retry after %v; want a refusal of 10s at most", ok, after)
	}
}

func madeSmaller(t *testing.T, l Limiter, _ *clock) {
	allowed(t, l, "k", 100, 100, time.Hour)
	want(t, "with a smaller limit", allowed(t, l, "k", 5, 2, time.Hour), 0)
}

func hostileKeys(t *testing.T, l Limiter, _ *clock) {
	keys := []string{"", "\x00", "a b\r\nFLUSHALL\r\n", strings.Repeat("x", 1<<20), "{tag}", "\xff\xfe"}
	for _, k := range keys {
		want(t, fmt.Sprintf("%.20q", k), allowed(t, l, k, 3, 1, time.Hour), 1)
	}
}

func nothingForTheHungUp(t *testing.T, l Limiter, _ *clock) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	count := 0
	for range 20 {
		if ok, _ := l.Allow(ctx, "k", 3, time.Hour); ok {
			count++
		}
	}
	if count > 3 {
		t.Errorf("%d of 3 allowed to callers that hang up", count)
	}
}
