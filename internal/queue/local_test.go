package queue

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestEqualIDsThatWaitAreOne(t *testing.T) {
	q := open(t, Config{})
	for range 1000 {
		publish(t, q, "outbox", 7)
	}
	publish(t, q, "outbox", 8)
	w := consume(t, q, "outbox", nil)
	w.waitFor(7, 8)
	if w.total() != 2 {
		t.Errorf("handled %v", w.seen())
	}
}

func TestMemoryIsBounded(t *testing.T) {
	q := open(t, Config{}).(*local)
	for id := range int64(maxJobs + 1000) {
		publish(t, q, "outbox", id)
	}
	if n := len(q.board.topic("outbox").jobs); n != maxJobs {
		t.Errorf("%d ids wait, the limit is %d", n, maxJobs)
	}
	o := newOutbox()
	for id := range int64(maxJobs + 1000) {
		o.publish("outbox", []int64{id, id})
	}
	if o.count != maxJobs {
		t.Errorf("%d ids wait to be sent, the limit is %d", o.count, maxJobs)
	}
}

func TestPausesBetweenTriesDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newLocal(Config{RetryPause: time.Second, Log: slog.New(slog.DiscardHandler)})
		begin := time.Now()
		var at []time.Duration
		ctx, cancel := context.WithCancel(t.Context())
		go q.Consume(ctx, "outbox", "node", func(context.Context, int64) error {
			at = append(at, time.Since(begin).Round(time.Second)/time.Second)
			return errors.New("never")
		})
		q.Publish(ctx, "outbox", 1)
		time.Sleep(time.Hour) // of the bubble's time
		cancel()
		synctest.Wait()
		want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 95, 127, 159}
		if len(at) != len(want) {
			t.Fatalf("tried at %v s, want %v", at, want)
		}
		for i := range want {
			if at[i] != want[i] {
				t.Errorf("tried at %v s, want %v", at, want)
				break
			}
		}
	})
}
