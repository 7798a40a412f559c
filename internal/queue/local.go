package queue

import (
	"context"
	"sync/atomic"
)

// local is the queue of a process that is alone.
type local struct {
	board  *board
	bells  *bells
	closed atomic.Bool
}

var _ Queue = (*local)(nil)

func newLocal(cfg Config) *local {
	return &local{board: newBoard(cfg), bells: newBells()}
}

func (q *local) Publish(_ context.Context, topic string, ids ...int64) error {
	if q.closed.Load() {
		return ErrClosed
	}
	t := q.board.topic(topic)
	for _, id := range ids {
		t.add(id, "")
	}
	return nil
}

func (q *local) Consume(ctx context.Context, topic, _ string, handle Handler) error {
	if q.closed.Load() {
		return ErrClosed
	}
	t := q.board.topic(topic)
	t.join()
	defer t.leave()
	t.work(ctx, handle, func([]string) {})
	return nil
}

func (q *local) Broadcast(_ context.Context, topic string) error {
	if q.closed.Load() {
		return ErrClosed
	}
	q.bells.ring(topic)
	return nil
}

func (q *local) Subscribe(topic string) (<-chan struct{}, func()) { return q.bells.subscribe(topic) }

func (q *local) Healthy() error { return nil }

func (q *local) Close() error {
	q.closed.Store(true)
	return nil
}
