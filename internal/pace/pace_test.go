package pace

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fill puts so many mails inside that the doors are busy.
func fill(d *Doors) {
	for range d.many + 1 {
		d.Enter()
	}
}

func TestDoorsAreBusyWhileMailsWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDoors(nil)
		if d.Busy() {
			t.Error("busy before anything came")
		}
		for range d.many {
			d.Enter()
		}
		if d.Busy() {
			t.Error("busy though each mail has a processor")
		}
		d.Enter()
		if !d.Busy() {
			t.Error("not busy with one more mail than processors")
		}
		for range d.many + 1 {
			d.Leave()
		}
		if !d.Busy() {
			t.Error("calm at once, though mails leave in batches")
		}
		time.Sleep(calm)
		if d.Busy() {
			t.Error("busy long after the last mail")
		}
	})
}

func TestGateIsOpenWhileTheDoorsAreCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewDoors(nil).Gate(25)
		began := time.Now()
		for range 1000 {
			if err := g.Pass(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("1000 pieces of work were held back for %v", took)
		}
	})
}

// However many wait, and however long the doors are busy, work goes through,
// and not faster than it should.
func TestGateLetsWorkThroughEvenlyWhileTheDoorsAreBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDoors(nil)
		g := d.Gate(25)
		stop := keepBusy(d)
		const pieces = 200
		began := time.Now()
		var wg sync.WaitGroup
		for range pieces {
			wg.Go(func() {
				if err := g.Pass(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want := pieces * g.pause
		if took := time.Since(began); took != want {
			t.Errorf("%d pieces of work took %v, want %v", pieces, took, want)
		}
		stop()
	})
}

// What waits when the doors become calm goes through at once.
func TestGateOpensWhenTheDoorsCalmDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDoors(nil)
		g := d.Gate(25)
		fill(d)
		began := time.Now()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { g.Pass(t.Context()) })
		}
		wg.Wait()
		if took := time.Since(began); took > calm+g.pause {
			t.Errorf("the last went through %v after the doors were busy, want at most %v", took, calm+g.pause)
		}
	})
}

func TestGateEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDoors(nil)
		g := d.Gate(25)
		defer keepBusy(d)()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if g.Pass(ctx) == nil {
					t.Error("let through before its time")
				}
			})
		}
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}

func TestNoGateHoldsNothing(t *testing.T) {
	var g *Gate
	if g.Busy() || g.Pass(t.Context()) != nil {
		t.Error("a gate that is not there holds back")
	}
}

// keepBusy keeps the doors busy until its end is called.
func keepBusy(d *Doors) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	fill(d)
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			d.Enter()
			d.Leave()
			time.Sleep(calm / 4)
		}
	})
	return func() { cancel(); wg.Wait() }
}
