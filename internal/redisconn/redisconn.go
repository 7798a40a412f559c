// Package redisconn opens connections to Redis in the one way this project
// uses it: Redis is the pace and never the truth, so every command either
// answers within the caller's deadline or has failed, nothing is retried behind
// the caller's back, and the client library is silent (what fails is logged
// once, by whoever falls back). Redis 6.2 is the oldest that has all commands.
package redisconn

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Patience is how long a caller that must go on waits for Redis before it does
// without.
const Patience = 100 * time.Millisecond

// Open returns a client for a redis:// or rediss:// URL (a secret: it may hold
// a password, so no error repeats it). It does not connect: an absent Redis
// shows with the first command.
func Open(url string) (*redis.Client, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("redis.url is no redis://[user:password@]host:port/number (or rediss://, unix://)")
	}
	opts.Protocol = 2 // nothing here needs pushed messages
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries = -1
	opts.DialerRetries = 1
	opts.DialTimeout = time.Second
	opts.ReadTimeout = time.Second
	opts.WriteTimeout = time.Second
	opts.PoolTimeout = Patience
	opts.PoolSize = 64
	opts.PipelinePoolSize = -1
	opts.DisableIdentity = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	redis.SetLogger(silent{})
	return redis.NewClient(opts), nil
}

// silent is the library's logger. It writes to standard error otherwise, once
// for every failed dial.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
