package outbound

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"postroom/tickets"
)

// ledger is a ledger of one consent, which a test withdraws.
type ledger struct {
	withdrawn atomic.Bool
	broken    atomic.Bool
	asked     atomic.Int32
}

func (l *ledger) Stands(_ context.Context, out *tickets.Outgoing) (bool, string, error) {
	l.asked.Add(1)
	if l.broken.Load() {
		return false, "", errors.New("the disk is gone")
	}
	return !l.withdrawn.Load(), "withdrawn", nil
}

func newsTo(t *tickets.Ticket) *tickets.Outgoing {
	return &tickets.Outgoing{Org: 1, Kind: tickets.OutNews, Purpose: "news", To: "ada@customer.example", ToPerson: t.Requester(), QueueID: 1,
		Spec: tickets.OutSpec{Language: "en", Subject: "A new lamp", Text: "It does not hum.", Unsubscribe: "privacy+stop.abcd@desk.example",
			OneClick: "https://desk.example/consent/abcd"}}
}

func consentWorld(t *testing.T) (*world, *sink, *ledger) {
	s := newSink(t, "127.0.0.1:0")
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone}, "")
	l := &ledger{}
	w.worker.consents = l
	w.run(t)
	return w, s, l
}

// A mail under a consent leaves, says how to withdraw, and both fields that say
// so are signed (RFC 8058 section 4).
func TestConsent_NewsLeaves(t *testing.T) {
	w, s, l := consentWorld(t)
	if o := w.send(t, newsTo(w.ticket)); o.State != tickets.OutSent || l.asked.Load() != 2 {
		t.Fatalf("%+v, asked %d times", o, l.asked.Load())
	}
	mail := strings.ReplaceAll(s.taken()[0].data, "\r\n ", " ")
	for _, want := range []string{
		"List-Unsubscribe: <https://desk.example/consent/abcd>, <mailto:privacy+stop.abcd@desk.example?subject=STOP>\r\n",
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "Auto-Submitted: auto-generated\r\n", "send any mail to",
		"List-Unsubscribe:List-Unsubscribe:List-Unsubscribe-Post:List-Unsubscribe-Post",
	} {
		if !strings.Contains(mail, want) && !strings.Contains(strings.ReplaceAll(mail, " ", ""), want) {
			t.Errorf("the mail lacks %q:\n%s", want, mail)
		}
	}
}

// The withdrawal is committed after the mail was composed, while the far side
// waits for its end: the mail does not leave.
func TestConsent_WithdrawnBetweenComposingAndSending(t *testing.T) {
	w, s, l := consentWorld(t)
	s.on("data", func(int) string {
		l.withdrawn.Store(true)
		return ""
	})
	o := w.send(t, newsTo(w.ticket))
	if o.State != tickets.OutFailed || o.Status != statusConsent || !strings.Contains(o.Text, "withdrawn") {
		t.Errorf("%+v", o)
	}
	if s.times("data") != 1 || s.times("final") != 0 || len(s.taken()) != 0 {
		t.Errorf("data %d, final %d, %d mails taken", s.times("data"), s.times("final"), len(s.taken()))
	}
	if len(o.Events) != 1 || o.Events[0].Data["purpose"] != "news" || o.Events[0].Data["why"] == "" || len(o.Reports) != 0 {
		t.Errorf("events %+v, %d reports", o.Events, len(o.Reports))
	}
	// Nor does it leave another time, and no connection is made for it.
	before := s.times("mail")
	if o := w.send(t, newsTo(w.ticket)); o.State != tickets.OutFailed || s.times("mail") != before {
		t.Errorf("%+v, %d connections", o.State, s.times("mail")-before)
	}
}

// Without a ledger to read nothing leaves that rests on it; it waits.
func TestConsent_NobodyCanSay(t *testing.T) {
	w, s, l := consentWorld(t)
	l.broken.Store(true)
	if o := w.send(t, newsTo(w.ticket)); o.State != tickets.OutQueued || len(s.taken()) != 0 {
		t.Errorf("with a broken ledger: %+v", o)
	}
	bare := build(t, Config{Relay: s.addr, RelayTLS: TLSNone}, "")
	bare.run(t)
	if o := bare.send(t, newsTo(bare.ticket)); o.State != tickets.OutQueued || len(s.taken()) != 0 {
		t.Errorf("without a ledger: %+v", o)
	}
}

// What is news without a purpose, or does not say how to withdraw, is a fault
// of ours and leaves for nobody.
func TestConsent_NewsWithoutAPurpose(t *testing.T) {
	w, s, _ := consentWorld(t)
	none, silent := newsTo(w.ticket), newsTo(w.ticket)
	none.Purpose, silent.Spec.Unsubscribe = "", ""
	for _, out := range []*tickets.Outgoing{none, silent} {
		if o := w.send(t, out); o.State != tickets.OutFailed || len(s.taken()) != 0 {
			t.Errorf("%+v", o)
		}
	}
}

// Support and privacy mails never need a consent, whatever the ledger says.
func TestConsent_AnswersNeedNone(t *testing.T) {
	w, s, l := consentWorld(t)
	l.withdrawn.Store(true)
	if o := w.send(t, answer(w.ticket, "ada@customer.example")); o.State != tickets.OutSent || l.asked.Load() != 0 || len(s.taken()) != 1 {
		t.Errorf("%+v, asked %d times", o, l.asked.Load())
	}
}
