// Package pace lets work that can wait go slowly while mail arrives faster than
// this machine keeps it. A mail at the door has somebody waiting for its 250;
// a notification may leave a few seconds later. Without it, a burst of mails
// makes a burst of mails to send, each dearer than the one that caused it, and
// the desk would slow its own doors down.
//
// [Doors] knows how busy the doors are, a [Gate] holds work back. Nothing is
// ever refused or forgotten here: however long the doors are busy, a gate lets
// work through at an even pace.
package pace

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// Doors counts the mails that have arrived whole and are not committed yet.
// It is safe for concurrent use.
type Doors struct {
	many   int64
	now    func() time.Time
	inside atomic.Int64
	busy   atomic.Int64 // when there were many, last
}

// NewDoors takes the doors to be busy while more mails are inside than there
// are processors to see to them. now is nil for time.Now.
func NewDoors(now func() time.Time) *Doors {
	if now == nil {
		now = time.Now
	}
	return &Doors{many: int64(runtime.GOMAXPROCS(0)), now: now}
}

// Enter says that a mail has arrived whole.
func (d *Doors) Enter() {
	if d.inside.Add(1) > d.many {
		d.busy.Store(d.now().UnixNano())
	}
}

// Leave says that it was answered.
func (d *Doors) Leave() { d.inside.Add(-1) }

// calm is how long the doors count as busy after they were: many mails are
// committed together and leave together.
const calm = 200 * time.Millisecond

// Busy reports whether mails wait for each other.
func (d *Doors) Busy() bool {
	last := d.busy.Load()
	return last != 0 && d.now().UnixNano()-last < int64(calm)
}

// Gate holds one kind of work back. A nil gate holds nothing.
type Gate struct {
	doors *Doors
	pause time.Duration
	turn  chan struct{}
}

// Gate makes a gate before the doors, which lets through so many pieces of work
// a second and processor while they are busy.
func (d *Doors) Gate(perSecond int) *Gate {
	return &Gate{doors: d, pause: time.Second / time.Duration(int64(perSecond)*d.many), turn: make(chan struct{}, 1)}
}

// Busy reports whether the gate holds back.
func (g *Gate) Busy() bool { return g != nil && g.doors.Busy() }

// Pass returns when the work may begin: at once while the doors are calm. Its
// error is ctx's.
func (g *Gate) Pass(ctx context.Context) error {
	if g == nil {
		return ctx.Err()
	}
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-g.turn }()
	if !g.doors.Busy() {
		return ctx.Err()
	}
	wait := time.NewTimer(g.pause)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
