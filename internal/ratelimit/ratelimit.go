// Package ratelimit answers one question: may this happen once more, or too
// often by now? The rule is GCRA: n events in a period, all at once if need be,
// and after that one for each n-th part of the period.
//
// With Redis the count is the installation's, otherwise this process's. A limit
// must never stop mail because Redis did: whatever Redis does not answer within
// 100 ms, or answers with an error, is decided here, from what this process has
// let through itself (it notes what Redis allowed, so that an outage gives
// nobody a second burst); and while Redis is unwell nobody waits for it.
//
// Keys may be made of addresses. They are hashed with the installation's key
// before they are kept anywhere, and expire with the limit they belong to.
package ratelimit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"
)

// Limiter counts events.
type Limiter interface {
	// Allow counts one event of key unless there would be more than n in per,
	// and says after how long one will be allowed again. The first n may come
	// at once. n == 0 is no limit; a negative n allows nothing. Use a key for
	// one n and per only. It never takes much longer than 100 ms.
	Allow(ctx context.Context, key string, n int, per time.Duration) (ok bool, retryAfter time.Duration)

	// Note and Noted share a fact between the nodes, for so long; only where
	// there is Redis. Losing a note must do no harm.
	Note(ctx context.Context, key string, keep time.Duration)
	Noted(ctx context.Context, key string) bool

	// Healthy is nil when the count is the whole installation's. The error is
	// for readiness and metrics: limits go on without.
	Healthy() error

	// Close ends the use of Redis; what is asked later is decided here.
	Close() error
}

// Config says where the counts live. The zero value keeps them in this process.
type Config struct {
	URL  string // of Redis; empty: in this process
	Name string // of the installation, if it shares its Redis database; default "postroom"
	Key  []byte // keys are hashed with it; the same on every node, needed with Redis
	Log  *slog.Logger

	// Now is the clock, of both kinds if set; else Redis counts by its own,
	// which all nodes share.
	Now func() time.Time
}

// Open returns the limiter that cfg describes. It fails only for a Config that
// cannot be one: a Redis that does not answer may come later.
func Open(cfg Config) (Limiter, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Name == "" {
		cfg.Name = "postroom"
	}
	if cfg.URL == "" {
		return newLocal(cfg), nil
	}
	if len(cfg.Key) < 16 {
		return nil, errors.New("rate limits on Redis need a key of 16 bytes or more to hash addresses with")
	}
	return openRedis(cfg)
}

// digest is what stands for a key, here and in Redis.
type digest [16]byte

func (c Config) digest(key string) digest {
	mac := hmac.New(sha256.New, c.Key)
	mac.Write([]byte("ratelimit\x00"))
	mac.Write([]byte(key))
	return digest(mac.Sum(nil)[:16])
}

// rule is a limit as GCRA counts it.
type rule struct {
	step   time.Duration // what one event costs
	period time.Duration // how far ahead of now the events may have run
}

// makeRule needs n > 0. More than one event a microsecond, Redis's unit here,
// counts as one.
func makeRule(n int, per time.Duration) rule {
	step := max((per / time.Duration(n)).Truncate(time.Microsecond), time.Microsecond)
	return rule{step: step, period: step * time.Duration(n)}
}

// decide is GCRA: tat is the theoretical arrival time, when the events so far
// will have been paid for.
func (r rule) decide(now, tat time.Time) (next time.Time, ok bool, retryAfter time.Duration) {
	if tat.Before(now) {
		tat = now
	}
	next = tat.Add(r.step)
	if over := next.Sub(now) - r.period; over > 0 {
		return tat, false, over
	}
	return next, true, 0
}
