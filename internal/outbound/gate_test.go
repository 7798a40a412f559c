package outbound

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"postroom/tickets"
)

// narrow is a gate of doors that stay busy: one delivery for each token.
type narrow chan struct{}

func (narrow) Busy() bool { return true }

func (g narrow) Pass(ctx context.Context) error {
	select {
	case <-g:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestGate: while the doors are busy no more is sent than the gate lets
// through, little is leased, and a stop gives back what waited.
func TestGate(t *testing.T) {
	const rows, through = 100, 3
	s := newSink(t, "127.0.0.1:0")
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone, Timeouts: Timeouts{Idle: time.Second}}, "")
	gate := make(narrow)
	w.worker.gate = gate
	for i := range rows {
		w.box.add(ack(w.ticket, fmt.Sprintf("a%d@customer.example", i)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.worker.Run(ctx) }()
	for range through {
		gate <- struct{}{}
	}
	for len(s.taken()) < through {
		runtime.Gosched()
	}
	w.worker.mu.Lock()
	if n := len(w.worker.held); n > slotsBusy {
		t.Errorf("%d rows are leased at once, want at most %d", n, slotsBusy)
	}
	w.worker.mu.Unlock()
	cancel()
	<-done
	sent := 0
	for id := range int64(rows) {
		for _, o := range w.box.outcomes(id + 1) {
			switch {
			case o.State == tickets.OutSent:
				sent++
			case o.State != tickets.OutQueued || o.Attempted:
				t.Errorf("row %d: %+v", id+1, o)
			}
		}
	}
	if sent != through || len(s.taken()) != through {
		t.Errorf("%d sent, the sink took %d; the gate let %d through", sent, len(s.taken()), through)
	}
}

// ack is a mail nobody waits for.
func ack(t *tickets.Ticket, to string) *tickets.Outgoing {
	out := answer(t, to)
	out.Kind = tickets.OutAck
	return out
}

// TestAnswersGoFirst: what an agent answers leaves while any number of older
// notifications to the same server wait, and the doors let none of them through.
func TestAnswersGoFirst(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone, Slots: 8, PerDest: 2, Timeouts: Timeouts{Idle: time.Second}}, "")
	gate := make(narrow)
	w.worker.gate = gate
	for i := range 50 {
		w.box.add(&tickets.Outgoing{Kind: tickets.OutNotification, Ticket: w.ticket, Message: question(w.ticket), To: fmt.Sprintf("b%d@team.example", i), ToAgent: 1, QueueID: 1})
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.worker.Run(ctx) }()
	for inside, _ := w.worker.lanes.crowd(relayLane); inside < 2; inside, _ = w.worker.lanes.crowd(relayLane) {
		runtime.Gosched()
	}
	id := w.box.add(answer(w.ticket, "ann@customer.example"))
	w.worker.Wake()
	for _, urgent := w.worker.lanes.crowd(relayLane); urgent == 0; _, urgent = w.worker.lanes.crowd(relayLane) {
		runtime.Gosched()
	}
	gate <- struct{}{} // one notification leaves, and its place is the answer's
	for w.box.state(id) != tickets.OutSent {
		runtime.Gosched()
	}
	cancel()
	<-done
	if n := len(s.taken()); n != 2 {
		t.Errorf("%d mails left, want one notification and the answer", n)
	}
}

// crowd is how many are inside a lane, and how many urgent ones wait for it.
func (l *lanes) crowd(key string) (inside, urgent int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ln := l.m[key]; ln != nil {
		return ln.inside, ln.urgent
	}
	return 0, 0
}

// TestRowsAreOpenedOnce: who waits for a place in the lane holds nothing, and
// is opened when it comes.
func TestRowsAreOpenedOnce(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := build(t, Config{MXPort: s.port(), AllowPrivate: true, PerDest: 1, Timeouts: Timeouts{Idle: time.Second}}, "customer.example A 127.0.0.1\n")
	for i := range 20 {
		w.box.add(answer(w.ticket, fmt.Sprintf("a%d@customer.example", i)))
	}
	w.run(t)
	w.box.wait(t, 20)
	w.box.mu.Lock()
	defer w.box.mu.Unlock()
	if w.box.loads != 20 {
		t.Errorf("20 rows were opened %d times", w.box.loads)
	}
}
