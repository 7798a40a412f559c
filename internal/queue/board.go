package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	maxJobs  = 1 << 16 // ids a topic holds here; more are dropped, for the sweeper
	maxTries = 10      // times an id is handed out before it is left to the sweeper
	maxShift = 5       // doublings of the pause between tries
)

// board is where the ids stand that this process is to handle: those published
// here without Redis, and those taken from Redis with a receipt to give back.
type board struct {
	log        *slog.Logger
	retryPause time.Duration

	mu     sync.Mutex
	topics map[string]*topic
}

func newBoard(cfg Config) *board {
	return &board{log: cfg.Log, retryPause: cfg.RetryPause, topics: map[string]*topic{}}
}

func (b *board) topic(name string) *topic {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[name]
	if t == nil {
		t = &topic{
			name: name, log: b.log, retryPause: b.retryPause,
			jobs: map[int64]*job{}, more: make(chan struct{}, 1), idle: make(chan struct{}, 1),
		}
		b.topics[name] = t
	}
	return t
}

func (b *board) all() []*topic {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]*topic, 0, len(b.topics))
	for _, t := range b.topics {
		all = append(all, t)
	}
	return all
}

// topic holds each of its ids once, in whatever state.
type topic struct {
	name       string
	log        *slog.Logger
	retryPause time.Duration
	more       chan struct{} // something is ready
	idle       chan struct{} // a worker has nothing to do

	mu      sync.Mutex
	jobs    map[int64]*job
	ready   []*job // in order of arrival
	running int
	workers int
	fed     bool // has a feeder
	full    bool // said so in the log
}

type job struct {
	id       int64
	state    jobState
	failures int
	receipts []string // the stream's entries that end with this job
	again    bool     // published anew while it was running,
	later    []string // with these entries
}

type jobState int

const (
	jobReady jobState = iota
	jobRunning
	jobResting
)

// add puts an id on the board, with the stream entry it came in, if any. An id
// beyond the limit is dropped; its entry stays pending and is claimed later.
func (t *topic) add(id int64, receipt string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jobs[id]
	if j == nil {
		if len(t.jobs) >= maxJobs {
			if !t.full {
				t.log.Warn("queue is full; the sweeper will find what is dropped", "topic", t.name, "limit", maxJobs)
			}
			t.full = true
			return
		}
		j = &job{id: id}
		t.jobs[id] = j
		t.push(j)
	}
	if j.state == jobRunning {
		j.again = true
	}
	if receipt == "" {
		return
	}
	if j.state == jobRunning {
		j.later = append(j.later, receipt)
	} else {
		j.receipts = append(j.receipts, receipt)
	}
}

// push makes a job ready. The caller holds the lock.
func (t *topic) push(j *job) {
	j.state = jobReady
	t.ready = append(t.ready, j)
	signal(t.more)
}

// take waits for a job; nil when ctx ends first.
func (t *topic) take(ctx context.Context) *job {
	signal(t.idle)
	for ctx.Err() == nil {
		if j := t.pop(); j != nil {
			return j
		}
		select {
		case <-t.more:
		case <-ctx.Done():
		}
	}
	signal(t.more) // a signal that was ours may be another worker's need
	return nil
}

func (t *topic) pop() *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ready) == 0 {
		return nil
	}
	j := t.ready[0]
	t.ready[0] = nil
	t.ready = t.ready[1:]
	if len(t.ready) > 0 {
		signal(t.more)
	}
	j.state = jobRunning
	t.running++
	return j
}

// done ends a turn of j and returns the receipts to give back.
func (t *topic) done(ctx context.Context, j *job, err error) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	settled := j.receipts
	switch {
	case err != nil && ctx.Err() != nil: // shutting down is no failure of the job
		j.merge()
		t.push(j)
		return nil
	case err != nil && j.failures+1 < maxTries:
		j.failures++
		j.merge()
		t.rest(j)
		return nil
	case err != nil:
		t.log.Warn("job failed too often; left to the sweeper", "topic", t.name, "id", j.id, "tries", maxTries, "err", err)
	}
	if j.again {
		j.again, j.failures = false, 0
		j.receipts, j.later = j.later, nil
		t.push(j)
		return settled
	}
	delete(t.jobs, j.id)
	t.full = false
	return settled
}

// merge lets the turn to come stand for what was published during this one.
func (j *job) merge() {
	j.again = false
	j.receipts, j.later = append(j.receipts, j.later...), nil
}

// rest puts a failed job aside until its pause is over. The caller holds the
// lock.
func (t *topic) rest(j *job) {
	j.state = jobResting
	pause := t.retryPause << min(j.failures-1, maxShift)
	time.AfterFunc(pause, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.jobs[j.id] == j && j.state == jobResting {
			t.push(j)
		}
	})
}

// free is how many more jobs the workers could begin this moment. No more are
// drawn from Redis: an idle node shall have what a busy one would let wait.
func (t *topic) free() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.jobs) >= maxJobs {
		return 0
	}
	return t.workers - t.running - len(t.ready)
}

// held lists the receipts of all jobs here.
func (t *topic) held() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var held []string
	for _, j := range t.jobs {
		held = append(append(held, j.receipts...), j.later...)
	}
	return held
}

// evict takes off the board what nobody here has begun, unless workers are left
// to do it.
func (t *topic) evict() []*job {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.workers > 0 {
		return nil
	}
	var gone []*job
	for id, j := range t.jobs {
		if j.state != jobRunning {
			delete(t.jobs, id)
			gone = append(gone, j)
		}
	}
	t.ready = nil
	return gone
}

// work handles ids until ctx ends; settle is given the receipts of each that is
// done with.
func (t *topic) work(ctx context.Context, handle Handler, settle func(receipts []string)) {
	for {
		j := t.take(ctx)
		if j == nil {
			return
		}
		err := protect(ctx, handle, j.id)
		if err != nil && ctx.Err() == nil {
			t.log.Debug("job failed", "topic", t.name, "id", j.id, "err", err)
		}
		if receipts := t.done(ctx, j, err); len(receipts) > 0 {
			settle(receipts)
		}
	}
}

// join counts a worker in, and reports whether the topic needs a feeder.
func (t *topic) join() (feed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.workers++
	feed, t.fed = !t.fed, true
	return feed
}

func (t *topic) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.workers--
}

// unfed reports whether the feeder may end, because no worker is left; the next
// to join will need a new one.
func (t *topic) unfed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fed = t.workers > 0
	return !t.fed
}

// protect keeps one job's panic from ending the process and all other jobs.
func protect(ctx context.Context, handle Handler, id int64) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("job %d panicked: %v", id, p)
		}
	}()
	return handle(ctx, id)
}

// signal leaves a note in a channel of one; a note already there will do.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
