package intake_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"postroom/tickets"
)

func TestImport(t *testing.T) {
	d := newDesk(t)
	old := func(from, to, id, refs, date, body string) mail {
		raw := fmt.Sprintf("From: %s\r\nTo: %s\r\nDate: %s\r\nMessage-ID: <%s>\r\nSubject: Old printer\r\n", from, to, date, id)
		if refs != "" {
			raw += "In-Reply-To: <" + refs + ">\r\n"
		}
		return mail{Raw: raw + "\r\n" + body + "\r\n", Via: tickets.ViaImport, Rcpt: []string{"support@desk.example"}, Sender: "-", State: tickets.StateResolved}
	}
	first := d.ok(old("ann@customer.example", "support@desk.example", "1@customer.example", "", "Tue, 01 Jan 2019 10:00:00 +0000", "It burns."))
	again := d.ok(old("ann@customer.example", "support@desk.example", "1@customer.example", "", "Tue, 01 Jan 2019 10:00:00 +0000", "It burns."))
	if again.receipt != first.receipt {
		t.Error("imported twice")
	}
	answer := d.ok(old("Support <support@desk.example>", "ann@customer.example", "2@desk.example", "1@customer.example", "Tue, 01 Jan 2019 12:00:00 +0000", "Turn it off."))
	ada := d.ok(old("ada@team.example", "ann@customer.example", "3@team.example", "2@desk.example", "Wed, 02 Jan 2019 12:00:00 +0000", "And on."))
	bob := d.ok(old("bob@customer.example", "support@desk.example", "4@customer.example", "3@team.example", "Thu, 03 Jan 2019 12:00:00 +0000", "Bob here."))
	late := d.ok(old("ann@customer.example", "support@desk.example", "5@customer.example", "3@team.example", "Fri, 25 Jan 2019 12:00:00 +0000", "Thanks."))
	for i, g := range []got{answer, ada, bob, late} {
		if g.t == nil || g.t.ID != first.t.ID {
			t.Fatalf("mail %d is in %+v", i, g.t)
		}
	}
	if answer.m.Direction != tickets.DirectionOut || ada.m.Direction != tickets.DirectionOut || ada.m.AuthorAgent != d.ada.ID || bob.m.Direction != tickets.DirectionIn {
		t.Errorf("directions %s %s %s, by %d", answer.m.Direction, ada.m.Direction, bob.m.Direction, ada.m.AuthorAgent)
	}
	k, _ := d.ticket(first.t.ID)
	if k.State != tickets.StateResolved || k.ResolvedAt.Year() != 2019 || k.ResolvedAt.Day() != 25 || !k.Created.Equal(time.Date(2019, 1, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("%s, resolved %v, created %v", k.State, k.ResolvedAt, k.Created)
	}
	if k.PartyByAddress("bob@customer.example") == nil || k.Requester().Address != "ann@customer.example" {
		t.Errorf("parties %+v", k.Parties)
	}
	// The team wrote first.
	out := d.ok(old("support@desk.example", "zoe@new.example", "6@desk.example", "", "Sat, 05 Jan 2019 12:00:00 +0000", "Your order."))
	if out.t.Requester() == nil || out.t.Requester().Address != "zoe@new.example" || out.m.Direction != tickets.DirectionOut {
		t.Errorf("%+v", out.t.Parties)
	}
	// A follow-up after the reopening window, in the old mail's own time.
	if g := d.ok(old("ann@customer.example", "support@desk.example", "7@customer.example", "5@customer.example", "Fri, 25 Oct 2019 12:00:00 +0000", "Again.")); g.t.ID == first.t.ID || g.t.LinkedTo != first.t.ID {
		t.Errorf("in %d, linked to %d", g.t.ID, g.t.LinkedTo)
	}
	// What a door would refuse is kept.
	bad := d.ok(mail{Raw: strings.Repeat("Received: x\r\n", 80) + "From: a@x.example\r\nFrom: b@x.example\r\n\r\nx\r\n", Via: tickets.ViaImport, State: tickets.StateOpen})
	if bad.t == nil || bad.t.State != tickets.StateOpen {
		t.Errorf("%+v", bad.t)
	}
	if len(d.outgoing()) != 0 || len(d.jobs()) != 0 {
		t.Error("an import sends mail")
	}
	// New mail joins what was imported.
	d.now = time.Date(2019, 2, 1, 0, 0, 0, 0, time.UTC)
	if g := d.ok(mail{Header: "In-Reply-To: <5@customer.example>\r\n", Body: "One more."}); g.t.ID != first.t.ID {
		t.Errorf("in %d", g.t.ID)
	}
	// An unknown queue is said, not guessed.
	env := tickets.Envelope{Via: tickets.ViaImport, Queue: "Nowhere", Received: d.now}
	if _, err := d.in.Receive(t.Context(), env, strings.NewReader("Subject: x\r\n\r\nx\r\n")); err == nil {
		t.Error("imported into no queue")
	}
}

func TestChecksEndWithTheirMail(t *testing.T) {
	d := newDesk(t)
	d.ok(mail{})
	env := tickets.Envelope{Via: tickets.ViaMX, From: "ann@customer.example", To: []string{"support@desk.example"}, Remote: netip.MustParseAddr("192.0.2.8"), Received: d.now}
	d.dns.Silence("customer.example", "8.2.0.192.in-addr.arpa", "x._domainkey.customer.example")
	before := runtime.NumGoroutine()
	for range 40 { // connections that break while the DNS is asked
		if _, err := d.in.Receive(context.Background(), env, &cut{s: "From: ann@customer.example\r\n\r\nx"}); err == nil {
			t.Fatal("a connection that broke was a mail")
		}
	}
	// Left alone, the questions would go on for seconds.
	for deadline := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > before+5 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before+5 {
		t.Errorf("%d goroutines before, %d after", before, n)
	}
}

// cut is a connection that breaks after s.
type cut struct{ s string }

func (c *cut) Read(p []byte) (int, error) {
	if c.s == "" {
		return 0, errBroken
	}
	n := copy(p, c.s)
	c.s = c.s[n:]
	return n, nil
}

func TestNotificationsHaveABudget(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	for i := range 80 {
		d.ok(mail{Rcpt: d.replyTo(own.t, 1), Body: fmt.Sprint("And ", i), Quiet: true})
	}
	n, more := 0, 0
	for _, o := range d.jobs() {
		switch {
		case o.Kind == tickets.OutNotification:
			n++
		case o.Spec.Template == "more":
			more++
		}
	}
	if n == 0 || n > 2*60 || more != 2 { // Ada and Ben
		t.Errorf("%d notifications of 81 mails in a ticket, %d words that there is more", n, more)
	}
	if _, ms := d.ticket(own.t.ID); len(ms) != 81 {
		t.Errorf("%d messages", len(ms))
	}
	// Another ticket is told of as ever.
	other := d.ok(mail{From: "dora@other.example"})
	if out := d.jobs(); len(out) != 2 || out[0].Ticket.ID != other.t.ID {
		t.Errorf("told %v", kinds(out))
	}
	// And an hour later this one too.
	d.now = d.now.Add(2 * time.Hour)
	d.ok(mail{Rcpt: d.replyTo(own.t, 1), Body: "Still there?"})
	if out := d.jobs(); len(out) != 2 || slices.Contains(kinds(out), tickets.OutReport) {
		t.Errorf("told %v", kinds(out))
	}
}

func TestJobsAreDoneOnce(t *testing.T) {
	d := newDesk(t)
	d.ok(mail{})
	other := newDeskOn(d)
	before := len(d.outgoing())
	other.Work(t.Context())
	d.work.Work(t.Context())
	if n := len(d.outgoing()) - before; n != 2 {
		t.Errorf("%d notifications", n)
	}
	// A ticket that became spam meanwhile is told to nobody, and its job is gone.
	own := d.ok(mail{From: "dora@other.example"})
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "#spam\r\n"})
	for _, o := range d.jobs() {
		if o.Ticket != nil && o.Ticket.ID == own.t.ID && o.Kind == tickets.OutNotification {
			t.Error("told of spam")
		}
	}
	// One that was merged meanwhile is told of as the survivor.
	a, b := d.ok(mail{Subject: "A", Body: "A"}), d.ok(mail{Subject: "B", Body: "B"})
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, b.t.Ref, d.ada.ID)}, Body: "#merge " + a.t.Ref + "\r\n"})
	for _, o := range d.jobs() {
		if o.Ticket != nil && o.Ticket.ID == b.t.ID {
			t.Error("told of a ticket that is merged away")
		}
	}
	jobs, err := d.store.LeaseJobs(t.Context(), "x", 10, time.Minute)
	d.must(err)
	if len(jobs) != 0 {
		t.Errorf("%d jobs are left", len(jobs))
	}
}

func TestSnoozeEnds(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "#snooze 3d\r\n"})
	d.now = d.now.Add(71 * time.Hour)
	if d.jobs(); len(d.jobs()) != 0 {
		t.Error("too early")
	}
	d.now = d.now.Add(2 * time.Hour)
	d.jobs()
	d.jobs() // the job that the end of the snooze made
	if k, _ := d.ticket(own.t.ID); k.State != tickets.StateOpen || !k.SnoozeUntil.IsZero() {
		t.Errorf("%s until %v", k.State, k.SnoozeUntil)
	}
	// One that the desk began is told of as well.
	g := d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Command(d.support, d.ada.ID)}, Body: "#new zoe@new.example\r\nIt has come."})
	d.jobs()
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, g.t.Ref, d.ada.ID)}, Body: "#snooze 1d\r\n"})
	d.now = d.now.Add(25 * time.Hour)
	told := append(d.jobs(), d.jobs()...)
	if len(told) != 1 || told[0].ToAgent != d.ada.ID {
		t.Errorf("told %v", kinds(told))
	}
}
