package ratelimit

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"postroom/internal/redisconn"
)

// probeEvery is how often a Redis that is unwell is tried again.
const probeEvery = 500 * time.Millisecond

var errClosed = errors.New("limiter is closed")

//go:embed gcra.lua
var gcraSource string

// onRedis counts in Redis, and here what Redis cannot.
//
// The breaker: the first call that Redis fails opens it. While it is open every
// call is decided here without a look at Redis, and one goroutine tries Redis
// until it answers well, which closes the breaker.
type onRedis struct {
	cfg    Config
	client *redis.Client
	script *redis.Script
	here   *local

	ctx     context.Context
	cancel  context.CancelFunc
	probing sync.WaitGroup

	mu  sync.Mutex
	err error // why the breaker is open; nil: it is closed
}

var _ Limiter = (*onRedis)(nil)

func openRedis(cfg Config) (*onRedis, error) {
	client, err := redisconn.Open(cfg.URL)
	if err != nil {
		return nil, err
	}
	l := &onRedis{cfg: cfg, client: client, script: redis.NewScript(gcraSource), here: newLocal(cfg)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if err := l.try(); err != nil {
		l.open(err)
	}
	return l, nil
}

func (l *onRedis) Allow(ctx context.Context, key string, n int, per time.Duration) (bool, time.Duration) {
	if n <= 0 || per <= 0 {
		return l.here.Allow(ctx, key, n, per)
	}
	d, r := l.cfg.digest(key), makeRule(n, per)
	if l.Healthy() != nil {
		return l.here.allow(d, r)
	}
	retryAfter, err := l.ask(ctx, d, r)
	if err != nil {
		// A caller that hung up, or a key that holds something else, says
		// nothing about Redis.
		if ctx.Err() == nil && !strings.Contains(err.Error(), "WRONGTYPE") {
			l.open(err)
		}
		return l.here.allow(d, r)
	}
	if retryAfter > 0 {
		return false, retryAfter
	}
	l.here.note(d, r)
	return true, 0
}

func (l *onRedis) ask(ctx context.Context, key digest, r rule) (retryAfter time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, redisconn.Patience)
	defer cancel()
	var now any = ""
	if l.cfg.Now != nil {
		now = l.cfg.Now().UnixMicro()
	}
	name := l.cfg.Name + ":limit:" + hex.EncodeToString(key[:])
	us, err := l.script.Run(ctx, l.client, []string{name}, r.step.Microseconds(), r.period.Microseconds(), now).Int64()
	return time.Duration(us) * time.Microsecond, err
}

// try does what a call does, on a key of its own, after it has connected.
func (l *onRedis) try() error {
	ctx, cancel := context.WithTimeout(l.ctx, time.Second)
	defer cancel()
	if err := l.client.Ping(ctx).Err(); err != nil {
		return err
	}
	_, err := l.ask(ctx, l.cfg.digest("probe"), makeRule(1, time.Microsecond))
	return err
}

// open opens the breaker, if it is not open, and tries Redis until it is well.
func (l *onRedis) open(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.ctx.Err() != nil {
		return
	}
	l.err = err
	l.cfg.Log.Warn("redis is not well; rate limits count in this process until it is", "err", err)
	l.probing.Go(l.untilWell)
}

func (l *onRedis) untilWell() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
		if l.try() == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.ctx.Err() != nil {
				return
			}
			l.err = nil
			l.cfg.Log.Info("redis is back; rate limits count there again")
			return
		}
	}
}

func (l *onRedis) Healthy() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *onRedis) Close() error {
	l.cancel()
	l.mu.Lock()
	l.err = errClosed // and open begins no goroutine any more
	l.mu.Unlock()
	l.probing.Wait()
	return l.client.Close()
}
