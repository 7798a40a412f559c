package queue

import (
	"maps"
	"sync"
)

const (
	maxBatch    = 512     // commands in one pipeline, about
	maxReceipts = 1 << 16 // receipts a topic keeps while Redis is away; their entries are claimed and done again
)

// outbox is what waits to be sent to Redis, each id once.
type outbox struct {
	ready chan struct{} // there may be something

	mu    *sync.Mutex
	ids   map[string]*idList
	rest  batch // receipts and bells
	count int   // ids in all
}

type idList struct {
	order []int64
	known map[int64]bool
}

// batch is what goes to Redis in one pipeline.
type batch struct {
	ids      map[string][]int64
	receipts map[string][]string
	bells    map[string]bool
}

func newBatch() batch {
	return batch{ids: map[string][]int64{}, receipts: map[string][]string{}, bells: map[string]bool{}}
}

func (b batch) empty() bool { return len(b.ids) == 0 && len(b.receipts) == 0 && len(b.bells) == 0 }

func newOutbox() outbox {
	return outbox{ready: make(chan struct{}, 1), mu: new(sync.Mutex), ids: map[string]*idList{}, rest: newBatch()}
}

func (o *outbox) publish(topic string, ids []int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l := o.ids[topic]
	if l == nil {
		l = &idList{known: map[int64]bool{}}
		o.ids[topic] = l
	}
	for _, id := range ids {
		if !l.known[id] && o.count < maxJobs {
			l.known[id] = true
			l.order = append(l.order, id)
			o.count++
		}
	}
	signal(o.ready)
}

func (o *outbox) broadcast(topic string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest.bells[topic] = true
	signal(o.ready)
}

func (o *outbox) settle(topic string, receipts []string) {
	if len(receipts) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rest.receipts[topic]) < maxReceipts {
		o.rest.receipts[topic] = append(o.rest.receipts[topic], receipts...)
	}
	signal(o.ready)
}

func (o *outbox) hasIDs() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count > 0
}

// take removes and returns about maxBatch commands' worth.
func (o *outbox) take() batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.rest
	o.rest = newBatch()
	room := maxBatch
	for topic, l := range o.ids {
		n := min(room, len(l.order))
		if n == 0 {
			break
		}
		b.ids[topic] = l.order[:n:n]
		for _, id := range l.order[:n] {
			delete(l.known, id)
		}
		l.order = l.order[n:]
		if len(l.order) == 0 {
			delete(o.ids, topic)
		}
		o.count -= n
		room -= n
	}
	return b
}

// putBack keeps receipts and bells for later, without a signal: nothing can be
// done about them before Redis is back.
func (o *outbox) putBack(b batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for topic, receipts := range b.receipts {
		if len(o.rest.receipts[topic]) < maxReceipts {
			o.rest.receipts[topic] = append(o.rest.receipts[topic], receipts...)
		}
	}
	maps.Copy(o.rest.bells, b.bells)
}
