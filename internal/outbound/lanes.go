package outbound

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// A lane is the way to one destination: the relay, or a domain. It lets only
// so many deliveries through at once, few at first and fewer after trouble, so
// that a destination that hangs holds few slots, and it remembers for a
// moment that the destination could not be reached.
type lane struct {
	limit    int
	inside   int
	waiting  []chan struct{} // the urgent before the others
	urgent   int             // how many of waiting are urgent
	turned   int             // rows given back because too many waited
	tried    bool
	good     time.Time // when a mail was last taken
	deadTill time.Time
	last     Result // why it is dead
}

var errCrowded = errors.New("outbound: too many mails wait for this destination")

// errDead carries what was heard when the destination was last tried.
type errDead struct{ last Result }

func (e *errDead) Error() string { return "outbound: destination was unreachable a moment ago" }

const (
	laneStart = 2                // deliveries at once to a destination not heard of yet
	laneNew   = 64               // rows that may wait for one not heard of yet
	laneBad   = 8                // and for one that has taken nothing of late
	laneDead  = 30 * time.Second // how long an unreachable destination is left alone, and how long a good one is thought good
)

type lanes struct {
	mu    sync.Mutex
	max   int // deliveries at once to one destination
	queue int // rows that may wait for a good one
	one   bool
	now   func() time.Time
	m     map[string]*lane
}

// newLanes makes lanes with so many places each and room for so many rows to
// wait. With one destination only, the relay, there is nobody to be fair to.
func newLanes(perDest, queue int, one bool, now func() time.Time) *lanes {
	return &lanes{max: perDest, queue: queue, one: one, now: now, m: map[string]*lane{}}
}

func (l *lanes) room(ln *lane) int {
	switch {
	case l.one, l.now().Sub(ln.good) < laneDead:
		return l.queue
	case !ln.tried:
		return laneNew
	}
	return laneBad
}

// enter waits for a place in the lane, an urgent mail before all that are not.
// The errors are errCrowded, *errDead and ctx's.
func (l *lanes) enter(ctx context.Context, key string, urgent bool) error {
	l.mu.Lock()
	ln := l.m[key]
	if ln == nil {
		ln = &lane{limit: min(laneStart, l.max)}
		l.m[key] = ln
	}
	if ln.deadTill.After(l.now()) {
		defer l.mu.Unlock()
		return &errDead{ln.last}
	}
	if ln.inside < ln.limit {
		ln.inside++
		l.mu.Unlock()
		return nil
	}
	ahead := len(ln.waiting)
	if urgent {
		ahead = ln.urgent
	}
	if ahead >= l.room(ln) {
		ln.turned++
		l.mu.Unlock()
		return errCrowded
	}
	turn := make(chan struct{}, 1)
	ln.waiting = slices.Insert(ln.waiting, ahead, turn)
	if urgent {
		ln.urgent++
	}
	l.mu.Unlock()
	select {
	case <-turn:
	case <-ctx.Done():
		l.giveUp(ln, turn)
		return ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if ln.deadTill.After(l.now()) {
		last := ln.last
		l.step(ln, -1)
		return &errDead{last}
	}
	return nil
}

func (l *lanes) giveUp(ln *lane, turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range ln.waiting {
		if c == turn {
			ln.waiting = slices.Delete(ln.waiting, i, i+1)
			if i < ln.urgent {
				ln.urgent--
			}
			return
		}
	}
	l.step(ln, -1) // our turn had come meanwhile
}

// leave gives the place back and learns from what happened.
func (l *lanes) leave(key string, r Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.m[key]
	ln.tried = true
	if r.Class == Delivered {
		ln.good = l.now()
	}
	switch {
	case r.Class == Unreachable:
		ln.limit = 1
		ln.deadTill, ln.last = l.now().Add(laneDead), r
	case r.Class == Delivered && ln.limit < l.max:
		ln.limit++
	}
	l.step(ln, -1)
	if ln.inside == 0 && len(ln.waiting) == 0 {
		ln.turned = 0
		if len(l.m) > 1000 {
			l.forget()
		}
	}
}

// step changes the number inside and lets in who may come. Once a lane is
// dead, all who wait are let through to hear so.
func (l *lanes) step(ln *lane, d int) {
	ln.inside += d
	dead := ln.deadTill.After(l.now())
	for len(ln.waiting) > 0 && (dead || ln.inside < ln.limit) {
		turn := ln.waiting[0]
		ln.waiting = ln.waiting[1:]
		ln.urgent = max(0, ln.urgent-1)
		ln.inside++
		turn <- struct{}{}
	}
}

// forget drops the lanes nobody is in, so that their number stays bounded.
func (l *lanes) forget() {
	now := l.now()
	for k, ln := range l.m {
		if ln.inside == 0 && len(ln.waiting) == 0 && !ln.deadTill.After(now) {
			delete(l.m, k)
		}
	}
}

// crowdPause is for how long a row is given back that found no room to wait: a
// moment while it is not known how the destination does, else the longer, the
// more were given back before it.
func (l *lanes) crowdPause(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.m[key]
	n := 0
	if ln != nil {
		n = ln.turned
	}
	if ln == nil || !ln.tried && n < 1000 || l.now().Sub(ln.good) < laneDead {
		return 500 * time.Millisecond
	}
	return 2*time.Second + time.Duration(min(n, 6000))*50*time.Millisecond
}
