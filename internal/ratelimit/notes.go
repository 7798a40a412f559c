package ratelimit

import (
	"context"
	"encoding/hex"
	"time"

	"postroom/internal/redisconn"
)

// Note remembers in Redis, for all nodes and for so long, that something was so.
// Where there is no Redis, or it is unwell, it is not remembered: a caller keeps
// what it noted itself.
func (l *local) Note(context.Context, string, time.Duration) {}

// Noted reports whether a note of any node still holds; false if that is not known.
func (l *local) Noted(context.Context, string) bool { return false }

func (l *onRedis) Note(ctx context.Context, key string, keep time.Duration) {
	if l.Healthy() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, redisconn.Patience)
	defer cancel()
	if err := l.client.Set(ctx, l.noteName(key), 1, keep).Err(); err != nil && ctx.Err() == nil {
		l.open(err)
	}
}

func (l *onRedis) Noted(ctx context.Context, key string) bool {
	if l.Healthy() != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, redisconn.Patience)
	defer cancel()
	n, err := l.client.Exists(ctx, l.noteName(key)).Result()
	return err == nil && n > 0
}

func (l *onRedis) noteName(key string) string {
	d := l.cfg.digest("note\x00" + key)
	return l.cfg.Name + ":note:" + hex.EncodeToString(d[:])
}
