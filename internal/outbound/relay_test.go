package outbound

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"postroom/tickets"
)

// TestR10_FarSide gives the worker everything a far side may do, at every phase.
func TestR10_FarSide(t *testing.T) {
	for _, c := range []struct {
		name   string
		script func(*sink)
		state  tickets.OutState
		status string
		phase  string
		words  string
	}{
		{"takes it", func(s *sink) {}, tickets.OutSent, "2.0.0", "final", ""},
		{"421 greeting", func(s *sink) { s.always("greeting", "421 4.3.2 closing") }, tickets.OutQueued, "4.3.2", "greeting", "closing"},
		{"554 greeting", func(s *sink) { s.always("greeting", "554 5.7.1 you are listed") }, tickets.OutQueued, "4.7.1", "greeting", "you are listed"},
		{"521 greeting", func(s *sink) { s.always("greeting", "521 no mail here") }, tickets.OutFailed, "5.3.2", "greeting", "no mail here"},
		{"550 ehlo", func(s *sink) { s.always("ehlo", "550 5.7.1 not you") }, tickets.OutQueued, "4.7.1", "hello", "not you"},
		{"421 mail", func(s *sink) { s.always("mail", "421 4.7.0 too many") }, tickets.OutQueued, "4.7.0", "mail", "too many"},
		{"450 greylisted", func(s *sink) { s.always("rcpt", "450 4.2.0 greylisted, come back") }, tickets.OutQueued, "4.2.0", "rcpt", "greylisted"},
		{"451", func(s *sink) { s.always("rcpt", "451 local error") }, tickets.OutQueued, "4.3.0", "rcpt", "local error"},
		{"452 rcpt", func(s *sink) { s.always("rcpt", "452 4.5.3 too many recipients") }, tickets.OutQueued, "4.5.3", "rcpt", "too many"},
		{"550 rcpt", func(s *sink) { s.always("rcpt", "550 5.1.1 no such user here") }, tickets.OutFailed, "5.1.1", "rcpt", "no such user here"},
		{"550 bare", func(s *sink) { s.always("rcpt", "550 unknown") }, tickets.OutFailed, "5.1.1", "rcpt", "unknown"},
		{"550 with a 4.x.x", func(s *sink) { s.always("rcpt", "550 4.7.1 mixed up") }, tickets.OutFailed, "5.7.1", "rcpt", "mixed up"},
		{"451 data", func(s *sink) { s.always("data", "451 4.3.0 later") }, tickets.OutQueued, "4.3.0", "data", "later"},
		{"554 after the dot", func(s *sink) { s.always("final", "554 5.7.1 smells of spam") }, tickets.OutFailed, "5.7.1", "final", "smells of spam"},
		{"451 after the dot", func(s *sink) { s.always("final", "451 4.3.0 disk") }, tickets.OutQueued, "4.3.0", "final", "disk"},
		{"530 wants a login", func(s *sink) { s.always("mail", "530 5.7.0 log in first") }, tickets.OutQueued, "4.7.0", "mail", "log in"},
		{"several lines", func(s *sink) { s.always("rcpt", "550-5.1.1 no\r\n550 5.1.1 user") }, tickets.OutFailed, "5.1.1", "rcpt", "no user"},
		{"words with controls", func(s *sink) { s.always("rcpt", "550 5.1.1 a\x1b[31mb\u202ec") }, tickets.OutFailed, "5.1.1", "rcpt", "a[31mbc"},
		{"garbage greeting", func(s *sink) { s.always("greeting", "garbage") }, tickets.OutQueued, "4.5.0", "hello", "no sense"},
		{"garbage at rcpt", func(s *sink) { s.always("rcpt", "garbage") }, tickets.OutQueued, "4.5.0", "rcpt", "no sense"},
		{"garbage after the dot", func(s *sink) { s.always("final", "garbage") }, tickets.OutQueued, "4.5.0", "final", "no sense"},
		{"code out of range", func(s *sink) { s.always("rcpt", "999 what") }, tickets.OutQueued, "4.5.0", "rcpt", "no sense"},
		{"endless reply", func(s *sink) { s.always("ehlo", "flood") }, tickets.OutQueued, "4.4.1", "hello", "stop talking"},
		{"drips its greeting", func(s *sink) { s.always("greeting", "drip") }, tickets.OutQueued, "4.4.2", "hello", "cut off or came too slowly"},
		{"drips at rcpt", func(s *sink) { s.always("rcpt", "drip") }, tickets.OutQueued, "4.4.2", "rcpt", "cut off or came too slowly"},
		{"drips at data", func(s *sink) { s.always("data", "drip") }, tickets.OutQueued, "4.4.2", "data", "cut off or came too slowly"},
		{"hangs at greeting", func(s *sink) { s.always("greeting", "hang") }, tickets.OutQueued, "4.4.2", "hello", "no answer in time"},
		{"hangs at ehlo", func(s *sink) { s.always("ehlo", "hang") }, tickets.OutQueued, "4.4.2", "hello", "no answer in time"},
		{"hangs at mail", func(s *sink) { s.always("mail", "hang") }, tickets.OutQueued, "4.4.2", "mail", "no answer in time"},
		{"hangs at rcpt", func(s *sink) { s.always("rcpt", "hang") }, tickets.OutQueued, "4.4.2", "rcpt", "no answer in time"},
		{"hangs at data", func(s *sink) { s.always("data", "hang") }, tickets.OutQueued, "4.4.2", "data", "no answer in time"},
		{"hangs after the dot", func(s *sink) { s.always("final", "hang") }, tickets.OutQueued, "4.4.2", "final", "no answer in time"},
		{"rst at greeting", func(s *sink) { s.always("greeting", "rst") }, tickets.OutQueued, "4.4.1", "", "connection failed"},
		{"rst at rcpt", func(s *sink) { s.always("rcpt", "rst") }, tickets.OutQueued, "4.4.2", "rcpt", "connection failed"},
		{"rst in the body", func(s *sink) { s.always("body", "rst") }, tickets.OutQueued, "4.4.2", "", "connection failed"},
		{"closes after the dot", func(s *sink) { s.always("final", "close") }, tickets.OutQueued, "4.4.2", "final", "connection failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t, "127.0.0.1:0")
			c.script(s)
			limit := patient()
			if strings.Contains(c.words, "in time") || strings.Contains(c.words, "slowly") {
				limit = quick()
			}
			w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone, Timeouts: limit}, "")
			o := w.send(t, answer(w.ticket, "ada@customer.example"))
			if o.State != c.state || o.Result.Status != c.status || (c.phase != "" && o.Result.Phase != c.phase) {
				t.Errorf("state %s status %s phase %s (%s), want %s %s %s", o.State, o.Result.Status, o.Result.Phase, o.Result.Text, c.state, c.status, c.phase)
			}
			if !strings.Contains(o.Result.Text, c.words) {
				t.Errorf("words %q do not hold %q", o.Result.Text, c.words)
			}
			if o.State == tickets.OutFailed && (len(o.Events) != 1 || o.Events[0].Kind != "failed" || len(o.Reports) != 2) {
				t.Errorf("a failure makes %d events and %d reports, want 1 and 2", len(o.Events), len(o.Reports))
			}
			if o.State == tickets.OutQueued && (len(o.Reports) != 0 || o.Next.Before(time.Now().Add(4*time.Minute))) {
				t.Errorf("put off until %s with %d reports", o.Next, len(o.Reports))
			}
			if n := len(s.taken()); (n == 1) != (c.state == tickets.OutSent) {
				t.Errorf("the sink took %d mails", n)
			}
		})
	}
}

// TestR10_BodyStalls: a far side that stops reading in the body is left.
func TestR10_BodyStalls(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	s.always("body", "hang")
	w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone, Timeouts: quick()}, "")
	out := answer(w.ticket, "ada@customer.example")
	big := &tickets.Message{ID: 3, Direction: tickets.DirectionOut, Attachments: []tickets.Attachment{{Name: "a.bin", Type: "application/octet-stream", Size: 20 << 20}}}
	w.bodies[3] = rawWithAttachment(20 << 20)
	out.Message, out.Spec.Attach = big, []int{0}
	o := w.send(t, out)
	if o.State != tickets.OutQueued || o.Result.Phase != "body" || o.Result.Status != "4.4.2" {
		t.Errorf("got %s %s at %q", o.State, o.Result.Status, o.Result.Phase)
	}
}

// TestR4_ClosedBeforeTheReply: a far side that took the mail and dies before
// its 250 gets it again under the same Message-ID.
func TestR4_ClosedBeforeTheReply(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	s.on("final", func(n int) string {
		if n == 1 {
			return "close"
		}
		return ""
	})
	w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone, Retry: []time.Duration{time.Millisecond}}, "")
	id := w.box.add(answer(w.ticket, "ada@customer.example"))
	w.worker.Wake()
	w.box.wait(t, 2)
	if got := w.box.state(id); got != tickets.OutSent {
		t.Fatalf("state %s", got)
	}
	if s.times("final") != 2 || len(s.taken()) != 1 {
		t.Errorf("final dots %d, taken %d; want 2, 1", s.times("final"), len(s.taken()))
	}
	if !strings.Contains(s.taken()[0].data, "Message-ID: <"+w.box.rows[id].out.MessageID+">") {
		t.Error("the Message-ID changed")
	}
}

// TestR4_NothingLostLittleTwice: each ambiguous close costs at most one
// duplicate, recognisable by its Message-ID, and no mail is lost.
func TestR4_NothingLostLittleTwice(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	var mu sync.Mutex
	closes := 0
	s.on("final", func(n int) string {
		if n%3 != 0 {
			return ""
		}
		mu.Lock()
		defer mu.Unlock()
		closes++
		return "keep and close"
	})
	w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone, Retry: []time.Duration{time.Millisecond}, Sweep: 5 * time.Millisecond}, "")
	const mails = 200
	ids := map[string]int{}
	for i := range mails {
		id := w.box.add(answer(w.ticket, fmt.Sprintf("a%d@customer.example", i)))
		ids["<"+w.box.rows[id].out.MessageID+">"] = 0
	}
	w.worker.Wake()
	for sent := 0; sent < mails; {
		w.box.wait(t, 1)
		sent = 0
		for id := range int64(mails) {
			if w.box.state(id+1) == tickets.OutSent {
				sent++
			}
		}
	}
	for _, m := range s.taken() {
		_, rest, _ := strings.Cut(m.data, "\r\nMessage-ID: ")
		id, _, _ := strings.Cut(rest, "\r\n")
		if _, ours := ids[id]; !ours {
			t.Fatalf("a mail under another Message-ID: %s", id)
		}
		ids[id]++
	}
	for id, n := range ids {
		if n == 0 {
			t.Errorf("%s was lost", id)
		}
	}
	if twice := len(s.taken()) - mails; twice > closes || closes == 0 {
		t.Errorf("%d duplicates for %d ambiguous closes", twice, closes)
	}
}

// TestR4_StoreAwayAfterThe250: the store failing between the 250 and the mark
// does not send the mail again while the lease holds.
func TestR4_StoreAwayAfterThe250(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone}, "")
	left := 3
	w.box.fail = func() error {
		if left--; left >= 0 {
			return errors.New("database is locked")
		}
		return nil
	}
	w.run(t)
	if o := w.send(t, answer(w.ticket, "ada@customer.example")); o.State != tickets.OutSent {
		t.Fatalf("state %s", o.State)
	}
	if n := len(s.taken()); n != 1 {
		t.Errorf("sent %d times", n)
	}
}

// TestR9_FencedOut: a worker whose lease was taken over neither sends nor marks.
func TestR9_FencedOut(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	hold := make(chan struct{})
	s.on("greeting", func(int) string { <-hold; return "" })
	w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone, Lease: 300 * time.Millisecond, Timeouts: Timeouts{Greeting: 10 * time.Second, Idle: time.Second}}, "")
	id := w.box.add(answer(w.ticket, "ada@customer.example"))
	w.worker.Wake()
	for s.times("greeting") == 0 {
		runtime.Gosched()
	}
	w.box.mu.Lock()
	w.box.rows[id].row.Fence += 100 // another node has it
	w.box.rows[id].lease = time.Now().Add(time.Hour)
	w.box.mu.Unlock()
	gone := time.After(5 * time.Second)
	for {
		w.worker.mu.Lock()
		n := len(w.worker.held)
		w.worker.mu.Unlock()
		if n == 0 {
			break
		}
		select {
		case <-gone:
			t.Fatal("the lost row is still held")
		case <-time.After(time.Millisecond):
		}
	}
	close(hold)
	if n := len(w.box.outcomes(id)); n != 0 {
		t.Errorf("%d outcomes were kept by a worker that had lost the row", n)
	}
	if s.times("mail") != 0 {
		t.Error("it was sent all the same")
	}
}

// TestRelay_TLS: what each mode of relay_tls does with each relay.
func TestRelay_TLS(t *testing.T) {
	good, pool := testCert(t, "relay.example")
	other, _ := testCert(t, "other.example")
	for _, c := range []struct {
		mode   TLSMode
		server string // none, good, other
		sent   bool
		tls    bool
	}{
		{TLSRequire, "good", true, true}, {TLSRequire, "other", false, false}, {TLSRequire, "none", false, false},
		{TLSEncrypt, "good", true, true}, {TLSEncrypt, "other", true, true}, {TLSEncrypt, "none", false, false},
		{TLSOpportunistic, "other", true, true}, {TLSOpportunistic, "none", true, false},
		{TLSNone, "good", true, false}, {TLSNone, "none", true, false},
	} {
		t.Run(fmt.Sprintf("%s %s", c.mode, c.server), func(t *testing.T) {
			s := newSink(t, "127.0.0.1:0")
			switch c.server {
			case "good":
				s.cert = good
			case "other":
				s.cert = other
			}
			clientTLS := testRoots(pool)
			w := start(t, Config{Relay: fmt.Sprintf("relay.example:%d", s.port()), RelayTLS: c.mode, TLS: clientTLS}, "relay.example A 127.0.0.1\n")
			o := w.send(t, answer(w.ticket, "ada@customer.example"))
			if (o.State == tickets.OutSent) != c.sent || (o.State != tickets.OutSent && o.State != tickets.OutQueued) {
				t.Fatalf("state %s: %s", o.State, o.Result.Text)
			}
			if c.sent && (s.taken()[0].tls != c.tls || (o.Result.TLS != "") != c.tls || s.taken()[0].helo != "desk.example") {
				t.Errorf("TLS %v, helo %q", s.taken()[0].tls, s.taken()[0].helo)
			}
			if !c.sent && s.times("mail") != 0 {
				t.Error("a mail was begun where none may be")
			}
		})
	}
}

// TestRelay_Auth: the password goes over TLS or loopback only, and a wrong one
// is nobody's bounce.
func TestRelay_Auth(t *testing.T) {
	cert, pool := testCert(t, "relay.example")
	for _, c := range []struct {
		name, password string
		sent           bool
	}{{"right", "secret", true}, {"wrong", "guess", false}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSink(t, "127.0.0.1:0")
			s.cert, s.auth = cert, "desk:secret"
			w := start(t, Config{Relay: fmt.Sprintf("relay.example:%d", s.port()), RelayUser: "desk", RelayPassword: c.password, TLS: testRoots(pool)}, "relay.example A 127.0.0.1\n")
			o := w.send(t, answer(w.ticket, "ada@customer.example"))
			if (o.State == tickets.OutSent) != c.sent {
				t.Fatalf("state %s: %s", o.State, o.Result.Text)
			}
			if !c.sent && (o.State != tickets.OutQueued || o.Result.Phase != "auth") {
				t.Errorf("state %s phase %s", o.State, o.Result.Phase)
			}
		})
	}
}

// TestRelay_TooLarge: a notification that the agent's server finds too large
// comes without its attachments, and says so; an answer is never cut down.
func TestRelay_TooLarge(t *testing.T) {
	for _, kind := range []tickets.OutKind{tickets.OutNotification, tickets.OutAnswer} {
		s := newSink(t, "127.0.0.1:0")
		s.once("mail", "552 5.3.4 too large for us")
		w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone}, "")
		out := answer(w.ticket, "ben@team.example")
		out.Kind, out.ToAgent = kind, 1
		out.Message = question(w.ticket)
		out.Message.Attachments = []tickets.Attachment{{Name: "a.bin", Type: "application/octet-stream", Size: 320}}
		if kind == tickets.OutAnswer {
			out.Spec.Attach = []int{0}
		}
		w.bodies[3] = rawWithAttachment(320)
		o := w.send(t, out)
		if kind == tickets.OutAnswer {
			if o.State != tickets.OutFailed || len(s.taken()) != 0 {
				t.Errorf("answer: %s, %d sent", o.State, len(s.taken()))
			}
			continue
		}
		if o.State != tickets.OutSent || !strings.Contains(s.taken()[0].data, "Not attached") || strings.Contains(s.taken()[0].data, "Content-Disposition") {
			t.Errorf("notification: %s %s", o.State, o.Result.Text)
		}
	}
}
