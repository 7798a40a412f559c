package outbound

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postroom/tickets"
)

// TestR14_Drain: when the end is asked for, what is in flight is finished and
// what only waits is given back.
func TestR14_Drain(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	hold := make(chan struct{})
	s.on("final", func(int) string { <-hold; return "" })
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone, PerDest: 2, Timeouts: Timeouts{Idle: time.Second}}, "")
	for i := range 10 {
		w.box.add(answer(w.ticket, fmt.Sprintf("a%d@customer.example", i)))
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.worker.Run(ctx) }()
	for s.times("final") < 2 {
		runtime.Gosched()
	}
	cancel()
	w.box.wait(t, 8) // those that waited
	close(hold)
	<-done
	sent := 0
	for id := range int64(10) {
		switch o := w.box.outcomes(id + 1); {
		case len(o) != 1:
			t.Errorf("row %d has %d outcomes", id+1, len(o))
		case o[0].State == tickets.OutSent:
			sent++
		case o[0].State != tickets.OutQueued || o[0].Attempted:
			t.Errorf("row %d: %+v", id+1, o[0])
		}
	}
	if sent != 2 || len(s.taken()) != 2 {
		t.Errorf("%d sent, the sink took %d; want 2", sent, len(s.taken()))
	}
}

// TestR14_DrainEnds: a delivery that does not end is cut off and tried later.
func TestR14_DrainEnds(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	s.always("rcpt", "hang")
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone, Drain: 50 * time.Millisecond, Timeouts: Timeouts{Idle: time.Second}}, "")
	id := w.box.add(answer(w.ticket, "a@customer.example"))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.worker.Run(ctx) }()
	for s.times("rcpt") == 0 {
		runtime.Gosched()
	}
	cancel()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	if o := w.box.outcomes(id); len(o) != 1 || o[0].State != tickets.OutQueued || o[0].Attempted {
		t.Errorf("%+v", o)
	}
}

// TestWorker_Renews: a delivery longer than the lease keeps it.
func TestWorker_Renews(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone, Lease: time.Second, Timeouts: Timeouts{Idle: time.Second}}, "")
	s.on("data", func(int) string { <-time.After(3 * time.Second); return "" }) // three leases
	w.run(t)
	o := w.send(t, answer(w.ticket, "a@customer.example"))
	if o.State != tickets.OutSent || s.times("data") != 1 {
		t.Errorf("%s, begun %d times", o.State, s.times("data"))
	}
}

// TestWorker_ReusesConnections: many mails, few greetings; and a kept
// connection that the far side closed is no failure.
func TestWorker_ReusesConnections(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone, PerDest: 2}, "")
	for i := range 50 {
		w.box.add(answer(w.ticket, fmt.Sprintf("a%d@customer.example", i)))
	}
	w.worker.Wake()
	w.box.wait(t, 50)
	if n := s.times("greeting"); len(s.taken()) != 50 || n > 3 {
		t.Errorf("%d mails over %d connections", len(s.taken()), n)
	}
	// A refused recipient does not end the connection, nor the next mail.
	var one atomic.Bool
	s.on("rcpt", func(int) string {
		if one.CompareAndSwap(false, true) {
			return "550 5.1.1 no"
		}
		return ""
	})
	if o := w.send(t, answer(w.ticket, "no@customer.example")); o.State != tickets.OutFailed {
		t.Error(o.State)
	}
	if o := w.send(t, answer(w.ticket, "yes@customer.example")); o.State != tickets.OutSent {
		t.Error(o.State, o.Result.Text)
	}
	s.once("mail", "")
	n := s.times("mail")
	s.on("mail", func(m int) string {
		if m == n+1 {
			return "421 4.4.2 idle for too long"
		}
		return ""
	})
	if o := w.send(t, answer(w.ticket, "again@customer.example")); o.State != tickets.OutSent {
		t.Error(o.State, o.Result.Text)
	}
}

// TestWorker_Erased: a row that is gone when its turn comes sends nothing.
func TestWorker_Erased(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	hold := make(chan struct{})
	s.on("greeting", func(int) string { <-hold; return "" })
	w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone, PerDest: 1, Timeouts: Timeouts{Idle: time.Second}}, "")
	w.box.add(answer(w.ticket, "first@customer.example"))
	w.worker.Wake()
	for s.times("greeting") == 0 {
		runtime.Gosched()
	}
	second := w.box.add(answer(w.ticket, "second@customer.example"))
	w.worker.Wake()
	for w.box.state(second) != tickets.OutLeased {
		runtime.Gosched()
	}
	w.box.mu.Lock()
	delete(w.box.rows, second)
	w.box.order = w.box.order[:1]
	w.box.mu.Unlock()
	close(hold)
	w.box.wait(t, 1)
	third := w.box.add(answer(w.ticket, "third@customer.example"))
	_ = third
	w.worker.Wake()
	w.box.wait(t, 1)
	for _, m := range s.taken() {
		if strings.Contains(m.to, "second") {
			t.Error("an erased mail was sent")
		}
	}
}

// TestWorker_KeyDestroyed: a mail whose person was erased ends without a word.
func TestWorker_KeyDestroyed(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone}, "")
	out := answer(w.ticket, "")
	out.Spec = tickets.OutSpec{}
	o := w.send(t, out)
	if o.State != tickets.OutFailed || len(o.Events) != 0 || len(o.Reports) != 0 || s.times("greeting") != 0 {
		t.Errorf("%s with %d events and %d reports", o.State, len(o.Events), len(o.Reports))
	}
}

// TestLanes_DeadIsHeardByAll: who waits for a destination that is found
// unreachable hears so at once.
func TestLanes_DeadIsHeardByAll(t *testing.T) {
	now := time.Now()
	l := newLanes(1, 100, false, func() time.Time { return now })
	if err := l.enter(context.Background(), "x", false); err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 5)
	for range 5 {
		go func() {
			heard <- l.enter(context.Background(), "x", false)
		}()
	}
	for {
		l.mu.Lock()
		n := len(l.m["x"].waiting)
		l.mu.Unlock()
		if n == 5 {
			break
		}
		runtime.Gosched()
	}
	l.leave("x", Result{Class: Unreachable, Text: "gone"})
	for range 5 {
		if _, ok := (<-heard).(*errDead); !ok {
			t.Error("let in")
		}
	}
	if err := l.enter(context.Background(), "x", false); err == nil {
		t.Error("tried again at once")
	}
	now = now.Add(laneDead + time.Second)
	if err := l.enter(context.Background(), "x", false); err != nil {
		t.Errorf("not tried again: %v", err)
	}
}

// BenchmarkOutbox is the whole way from the row to the sink's 250: leased,
// composed, signed twice, handed over, marked.
func BenchmarkOutbox(b *testing.B) {
	s := newSink(b, "127.0.0.1:0")
	w := build(b, Config{Relay: s.addr, RelayTLS: TLSNone, Timeouts: Timeouts{Idle: 10 * time.Second}}, "")
	b.ReportAllocs()
	for i := range b.N {
		out := answer(w.ticket, fmt.Sprintf("a%d@customer.example", i))
		out.Spec.Text = strings.Repeat("A line of an answer as agents write them.\n", 50)
		w.box.add(out)
	}
	b.ResetTimer()
	w.run(b)
	for range b.N {
		<-w.box.done
	}
	b.StopTimer()
	if n := len(s.taken()); n != b.N {
		b.Fatalf("%d of %d sent", n, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

func BenchmarkCompose(b *testing.B) {
	_, ticket := desk()
	dir, _ := desk()
	for name, keys := range map[string]KeyStore{"unsigned": nil, "signed": sharedKeys()} {
		b.Run(name, func(b *testing.B) {
			c := &composer{addr: testAddresses(), signer: newSigner(keys)}
			out := answer(ticket, "ada@customer.example")
			out.MessageID = "x@desk.example"
			out.Spec.Text = strings.Repeat("A line of an answer as agents write them.\n", 50)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.compose(context.Background(), Row{ID: 1, Created: at}, &Job{Out: out, Directory: dir}, at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
