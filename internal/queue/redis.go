package queue

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"postroom/internal/redisconn"
)

const (
	group      = "workers"              // each topic's one consumer group
	field      = "id"                   // the one field of a stream's entry
	maxStream  = 1 << 16                // entries a stream holds; the oldest go, for the sweeper
	probeEvery = time.Second            // looks whether Redis is well
	blockFor   = 500 * time.Millisecond // a read waits for entries; the end of a consumer waits for the read
)

// onRedis is the queue of several nodes. Publish and Broadcast only write to
// the outbox, which one goroutine sends; one more looks every second whether
// Redis is well, one listens for broadcasts, and each topic with workers here
// has a feeder that draws its entries onto the board. While Redis is not well,
// the outbox goes to the board at once.
//
// A stream entry ends (XACK and XDEL) when its job is done; what is pending for
// long, because its worker died, is claimed by another feeder.
type onRedis struct {
	cfg    Config
	client *redis.Client
	board  *board
	bells  *bells
	out    outbox
	health health
	node   string // to know our own broadcasts by

	ctx    context.Context // of the queue's own goroutines
	cancel context.CancelFunc
	own    sync.WaitGroup
	feeds  sync.WaitGroup
	closed atomic.Bool
}

var _ Queue = (*onRedis)(nil)

func openRedis(cfg Config) (*onRedis, error) {
	client, err := redisconn.Open(cfg.URL)
	if err != nil {
		return nil, err
	}
	q := &onRedis{
		cfg: cfg, client: client, board: newBoard(cfg), bells: newBells(),
		out: newOutbox(), health: newHealth(cfg.Log), node: rand.Text(),
	}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	q.probe() // so that a Redis that is there is used from the first id on
	for _, f := range []func(){q.sendLoop, q.probeLoop, q.listenLoop} {
		q.own.Go(f)
	}
	return q, nil
}

func (q *onRedis) Publish(_ context.Context, topic string, ids ...int64) error {
	if q.closed.Load() {
		return ErrClosed
	}
	if q.health.get() != nil {
		q.keepHere(topic, ids)
		return nil
	}
	q.out.publish(topic, ids)
	return nil
}

func (q *onRedis) Broadcast(_ context.Context, topic string) error {
	if q.closed.Load() {
		return ErrClosed
	}
	q.bells.ring(topic)
	q.out.broadcast(topic)
	return nil
}

func (q *onRedis) Subscribe(topic string) (<-chan struct{}, func()) { return q.bells.subscribe(topic) }

func (q *onRedis) Healthy() error { return q.health.get() }

func (q *onRedis) Consume(ctx context.Context, topic, consumer string, handle Handler) error {
	if q.closed.Load() {
		return ErrClosed
	}
	t := q.board.topic(topic)
	if t.join() {
		q.feeds.Go(func() { q.feed(t, consumer) })
	}
	defer q.handOver(t)
	defer t.leave()
	t.work(ctx, handle, func(receipts []string) { q.out.settle(topic, receipts) })
	return nil
}

func (q *onRedis) Close() error {
	if q.closed.Swap(true) {
		return nil
	}
	q.cancel()
	q.feeds.Wait()
	for _, t := range q.board.all() {
		q.handOver(t)
	}
	q.own.Wait()
	q.send()
	return q.client.Close()
}

// handOver gives to the other nodes what stands on the board, if it has no
// worker left: a new entry for each id, then the end of the old ones.
func (q *onRedis) handOver(t *topic) {
	if q.health.get() != nil {
		return
	}
	for _, j := range t.evict() {
		q.out.publish(t.name, []int64{j.id})
		q.out.settle(t.name, j.receipts)
	}
}

// keepHere is what becomes of ids that Redis cannot take.
func (q *onRedis) keepHere(topic string, ids []int64) {
	t := q.board.topic(topic)
	for _, id := range ids {
		t.add(id, "")
	}
}

func (q *onRedis) stream(topic string) string { return q.cfg.Name + ":queue:" + topic }

// channel bears the database's number, because channels know no databases.
func (q *onRedis) channel() string {
	return q.cfg.Name + ":bells:" + strconv.Itoa(q.client.Options().DB)
}

func (q *onRedis) sendLoop() {
	for {
		select {
		case <-q.out.ready:
			if q.health.get() == nil || q.out.hasIDs() {
				q.send()
			}
		case <-q.ctx.Done():
			return
		}
	}
}

// send empties the outbox: to Redis if it is well and answers in time, else ids
// to the board; bells and receipts then wait for its return.
func (q *onRedis) send() {
	for {
		batch := q.out.take()
		if batch.empty() {
			return
		}
		if q.health.get() == nil {
			batch = q.deliver(batch)
		}
		if batch.empty() {
			continue
		}
		for topic, ids := range batch.ids {
			q.keepHere(topic, ids)
		}
		q.out.putBack(batch)
		if !q.out.hasIDs() {
			return
		}
	}
}

// deliver sends a batch and returns what of it Redis has not taken.
func (q *onRedis) deliver(b batch) (left batch) {
	ctx, cancel := context.WithTimeout(context.Background(), redisconn.Patience)
	defer cancel()
	left = newBatch()
	var refused []func() // by command
	var commands []redis.Cmder
	pipe := q.client.Pipeline()
	send := func(c redis.Cmder, refuse func()) {
		commands, refused = append(commands, c), append(refused, refuse)
	}
	for topic, ids := range b.ids {
		for _, id := range ids {
			send(pipe.XAdd(ctx, &redis.XAddArgs{
				Stream: q.stream(topic), MaxLen: maxStream, Approx: true, Values: []any{field, id},
			}), func() { left.ids[topic] = append(left.ids[topic], id) })
		}
	}
	for topic, receipts := range b.receipts {
		pipe.XAck(ctx, q.stream(topic), group, receipts...)
		send(pipe.XDel(ctx, q.stream(topic), receipts...), func() { left.receipts[topic] = receipts })
	}
	for topic := range b.bells {
		send(pipe.Publish(ctx, q.channel(), q.node+" "+topic), func() { left.bells[topic] = true })
	}
	if _, err := pipe.Exec(ctx); err != nil {
		q.health.set(err)
	}
	for i, c := range commands {
		if c.Err() != nil {
			refused[i]()
		}
	}
	return left
}

func (q *onRedis) probeLoop() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			q.probe()
		case <-q.ctx.Done():
			return
		}
	}
}

// probe looks whether Redis is reachable, quick, writable and has each topic's
// stream with its group, and if it has just come back, brings the outbox and
// the board up to date.
func (q *onRedis) probe() {
	err := q.tryAll()
	if q.ctx.Err() != nil {
		return
	}
	if back := q.health.set(err); back {
		for _, t := range q.board.all() {
			q.handOver(t)
		}
		signal(q.out.ready)
	}
}

func (q *onRedis) tryAll() error {
	ctx, cancel := context.WithTimeout(q.ctx, time.Second)
	defer cancel()
	if err := q.client.Ping(ctx).Err(); err != nil { // may have to connect first
		return err
	}
	ctx, cancel = context.WithTimeout(q.ctx, redisconn.Patience)
	defer cancel()
	if err := q.client.Set(ctx, q.cfg.Name+":queue", "probe", time.Minute).Err(); err != nil {
		return err
	}
	for _, t := range q.board.all() {
		if err := q.makeGroup(ctx, t.name); err != nil {
			return err
		}
	}
	return nil
}

func (q *onRedis) makeGroup(ctx context.Context, topic string) error {
	err := q.client.XGroupCreateMkStream(ctx, q.stream(topic), group, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return err
	}
	return nil
}
