package outbound

import (
	"context"
	"sync"
	"time"
)

// doubt lets one mail at a time stand between its final dot and the commit that
// says it was sent. A process that is killed there hands that mail over a second
// time when it comes back, and so at most one mail a kill is sent twice.
//
// A server that takes its time to answer must not hold up the others: after a
// moment the turn passes on, and mail to that destination takes no turn for a
// while. For those alone a kill may cost more than one mail a second copy. What
// the commit takes is our own time, and ends no turn.
type doubt struct {
	turn   chan struct{}
	moment time.Duration
	now    func() time.Time

	mu   sync.Mutex
	slow map[string]time.Time // destination to when it was slow
}

const (
	doubtMoment = 250 * time.Millisecond
	slowFor     = time.Minute
	slowKnown   = 1000 // destinations remembered
)

func newDoubt(now func() time.Time) *doubt {
	return &doubt{turn: make(chan struct{}, 1), moment: doubtMoment, now: now, slow: map[string]time.Time{}}
}

// place is one mail's turn. Its methods may be called in any order, and twice;
// the zero value is no turn.
type place struct {
	late *time.Timer
	give func()
}

// answered says that the server has spoken: what is left of the turn is ours.
func (p place) answered() {
	if p.late != nil {
		p.late.Stop()
	}
}

// leave gives the turn back.
func (p place) leave() {
	p.answered()
	if p.give != nil {
		p.give()
	}
}

// stand waits for the turn. Its error is ctx's.
func (d *doubt) stand(ctx context.Context, dest string) (place, error) {
	if d.isSlow(dest) {
		return place{}, nil
	}
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return place{}, ctx.Err()
	}
	give := sync.OnceFunc(func() { <-d.turn })
	return place{give: give, late: time.AfterFunc(d.moment, func() {
		d.wasSlow(dest)
		give()
	})}, nil
}

func (d *doubt) isSlow(dest string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, known := d.slow[dest]
	if known && d.now().Sub(at) >= slowFor {
		delete(d.slow, dest)
		return false
	}
	return known
}

func (d *doubt) wasSlow(dest string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.slow) >= slowKnown {
		for other := range d.slow { // any: it is found out again at the cost of a moment
			delete(d.slow, other)
			break
		}
	}
	d.slow[dest] = d.now()
}
