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
		w.box.add(answer(w.ticket, fmt.Sprintf("a%d@customer.example", i)))
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
