// Package queue carries wake-ups: "row 17 of the outbox wants a worker", "the
// change log moved". It carries ids and nothing else, and it may lose them.
//
// The rows in SQL are the jobs; a wake-up only says that one is due, so that
// nobody has to poll. Whoever publishes an id has committed its row, whoever is
// handed an id leases the row first (an id handed out twice then does nothing
// the second time), and a sweeper looks for due rows whose wake-up was lost.
// That is why this package may drop ids at its limits, and why losing all of
// Redis loses no work.
//
// With Redis, wake-ups reach every node: a stream with a consumer group for
// each topic, where the jobs of a dead worker are claimed by the living, and
// one channel for broadcasts. Without Redis, or while it is absent, slow,
// flushed, read-only or otherwise unwell, they stay in this process, whose own
// workers are woken all the same. Publish and Broadcast never wait for Redis.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Handler does the work of one id. An error, or a panic, has the id handed out
// again after a pause, ten times in all; after that it is left to the sweeper.
type Handler func(ctx context.Context, id int64) error

// Queue hands ids to workers and wake-ups to everybody.
type Queue interface {
	// Publish has each id handed to one worker of the topic, on any node, at
	// least once. Equal ids that wait are one. It returns at once, and an error
	// only when the queue is closed.
	Publish(ctx context.Context, topic string, ids ...int64) error

	// Consume handles ids of the topic, one at a time, until ctx ends, and then
	// returns nil; several calls work side by side. The consumer is the node's
	// name, the same after a restart. An id that was published again while it
	// was handled is handled again afterwards.
	Consume(ctx context.Context, topic, consumer string, handle Handler) error

	// Broadcast rings the topic's bell on every node. It returns at once, and
	// an error only when the queue is closed.
	Broadcast(ctx context.Context, topic string) error

	// Subscribe returns a bell that rings (receives) when the topic was
	// broadcast, and also when a broadcast may have been missed. Rings that
	// come while one is waiting are one: look what changed, rather than count.
	// Call stop when done with it.
	Subscribe(topic string) (bell <-chan struct{}, stop func())

	// Healthy is nil when wake-ups reach the other nodes, or there are none to
	// reach. The error is for readiness and metrics: work goes on without.
	Healthy() error

	// Close ends the queue's own work and hands ids that nobody here has begun
	// to the other nodes. End the consumers first.
	Close() error
}

// ErrClosed is what the methods of a closed queue return.
var ErrClosed = errors.New("queue is closed")

// Config says where a queue lives. The zero value lives in this process.
type Config struct {
	URL  string // of Redis; empty: in this process only
	Name string // of the installation, if it shares its Redis database; default "postroom"
	Log  *slog.Logger

	// ClaimAfter is how long a worker on Redis may be silent about an id before
	// others take it over; default 30 s.
	ClaimAfter time.Duration
	// RetryPause is the pause after an id's first failure, doubled with each
	// further one up to 32 times as much; default 1 s.
	RetryPause time.Duration
}

// Open returns the queue that cfg describes. It fails only for a URL that
// cannot be one: a Redis that does not answer may come later.
func Open(cfg Config) (Queue, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Name == "" {
		cfg.Name = "postroom"
	}
	if cfg.ClaimAfter <= 0 {
		cfg.ClaimAfter = 30 * time.Second
	}
	if cfg.RetryPause <= 0 {
		cfg.RetryPause = time.Second
	}
	if cfg.URL == "" {
		return newLocal(cfg), nil
	}
	q, err := openRedis(cfg)
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	return q, nil
}
