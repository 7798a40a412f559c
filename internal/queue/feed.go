package queue

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// feed draws entries of the topic's stream onto the board while there are
// workers for it here and the queue is open.
func (q *onRedis) feed(t *topic, consumer string) {
	defer q.handOver(t) // what came after the last worker had gone
	claim := time.Now().Add(q.cfg.ClaimAfter / 3)
	for q.health.wait(q.ctx) == nil {
		if t.unfed() {
			return
		}
		if time.Now().After(claim) {
			q.failed(t, q.holdAndClaim(t, consumer))
			claim = time.Now().Add(q.cfg.ClaimAfter / 3)
		}
		free := t.free()
		if free <= 0 {
			select {
			case <-t.idle:
			case <-time.After(time.Until(claim)):
			case <-q.ctx.Done():
			}
			continue
		}
		q.failed(t, q.read(t, consumer, free))
	}
}

// failed sorts an error of the feeder: a group that is gone (the stream was
// flushed) is made again, anything else is for the probe.
func (q *onRedis) failed(t *topic, err error) {
	if err != nil && strings.HasPrefix(err.Error(), "NOGROUP") {
		ctx, cancel := context.WithTimeout(q.ctx, time.Second)
		defer cancel()
		err = q.makeGroup(ctx, t.name)
	}
	if err != nil && q.ctx.Err() == nil {
		q.health.set(err)
	}
}

func (q *onRedis) read(t *topic, consumer string, count int) error {
	// Redis ends the wait after blockFor; a connection that is dead ends here.
	// Not q.ctx: an entry that is under way at Close must arrive, to be handed over.
	ctx, cancel := context.WithTimeout(context.Background(), blockFor+time.Second)
	defer cancel()
	streams, err := q.client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: consumer, Streams: []string{q.stream(t.name), ">"},
		Count: int64(count), Block: blockFor,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range streams {
		q.post(t, s.Messages)
	}
	return nil
}

// holdAndClaim tells Redis which entries are still in hand here, and takes over
// those of workers that no longer tell.
func (q *onRedis) holdAndClaim(t *topic, consumer string) error {
	ctx, cancel := context.WithTimeout(q.ctx, 2*time.Second)
	defer cancel()
	key := q.stream(t.name)
	held := t.held()
	for len(held) > 0 {
		n := min(len(held), maxBatch)
		err := q.client.XClaimJustID(ctx, &redis.XClaimArgs{
			Stream: key, Group: group, Consumer: consumer, Messages: held[:n],
		}).Err()
		if err != nil {
			return err
		}
		held = held[n:]
	}
	entries, _, err := q.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
		Stream: key, Group: group, Consumer: consumer,
		MinIdle: q.cfg.ClaimAfter, Start: "0-0", Count: maxBatch,
	}).Result()
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		q.cfg.Log.Info("took over jobs of a silent worker", "topic", t.name, "jobs", len(entries))
	}
	q.post(t, entries)
	return nil
}

// post puts entries on the board. One that is not ours to read is ended.
func (q *onRedis) post(t *topic, entries []redis.XMessage) {
	for _, e := range entries {
		text, _ := e.Values[field].(string)
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			q.cfg.Log.Warn("queue entry without an id", "topic", t.name, "entry", e.ID)
			q.out.settle(t.name, []string{e.ID})
			continue
		}
		t.add(id, e.ID)
	}
}

// listenLoop hears the other nodes' broadcasts.
func (q *onRedis) listenLoop() {
	for q.health.wait(q.ctx) == nil {
		if err := q.listen(); err != nil && q.ctx.Err() == nil {
			q.health.set(err)
		}
	}
}

// listen returns when the connection is lost or silent.
func (q *onRedis) listen() error {
	sub := q.client.Subscribe(q.ctx, q.channel())
	defer sub.Close()
	end := context.AfterFunc(q.ctx, func() { sub.Close() })
	defer end()
	asked := false
	for {
		m, err := sub.ReceiveTimeout(q.ctx, time.Second)
		var timeout interface{ Timeout() bool }
		switch {
		case errors.As(err, &timeout) && timeout.Timeout() && !asked:
			if err := sub.Ping(q.ctx); err != nil {
				return err
			}
			asked = true
			continue
		case err != nil:
			return err
		}
		asked = false
		switch m := m.(type) {
		case *redis.Subscription:
			q.bells.ringAll() // what was rung before was missed
		case *redis.Message:
			if node, topic, ok := strings.Cut(m.Payload, " "); ok && node != q.node {
				q.bells.ring(topic)
			}
		}
	}
}
