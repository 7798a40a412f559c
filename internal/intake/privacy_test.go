package intake_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postroom/consent"
	"postroom/internal/intake"
	"postroom/privacy"
	"postroom/tickets"
)

// privacyDesk is a desk with a privacy officer and rules of its own.
type privacyDesk struct {
	*desk
	p    *privacy.Desk
	olga *tickets.Agent
}

func newPrivacyDesk(t *testing.T, set ...func(*privacy.Rules)) *privacyDesk {
	t.Helper()
	d := &privacyDesk{p: &privacy.Desk{Rules: privacy.Rules{Address: "privacy@desk.example", Cooling: 7 * 24 * time.Hour, Calendar: privacy.Calendar{Country: "DE"}}}}
	for _, f := range set {
		f(&d.p.Rules)
	}
	d.desk = newDesk(t, func(o *intake.Options) {
		o.Privacy = d.p
		d.p.Addr = tickets.Addresses{Keys: o.Keys}
	})
	d.olga = &tickets.Agent{Org: 1, Name: "olga", Address: "olga@team.example", Role: tickets.RolePrivacy, Active: true, Queues: []int64{d.privacy.ID}}
	d.must(d.store.AddAgent(t.Context(), d.olga, ""))
	return d
}

// requests are those of an address, oldest first.
func (d *privacyDesk) requests(address string) (list []*privacy.Request) {
	d.t.Helper()
	d.must(d.store.View(d.t.Context(), func(v tickets.View) (err error) {
		list, err = v.(privacy.View).RequestsOf(d.t.Context(), 1, address, false)
		return err
	}))
	slices.Reverse(list)
	return list
}

func (d *privacyDesk) states(address string) string {
	var out []string
	for _, r := range d.requests(address) {
		out = append(out, string(r.Right)+":"+string(r.State))
	}
	return strings.Join(out, " ")
}

// ask writes to the privacy address.
func (d *privacyDesk) ask(m mail) got {
	d.t.Helper()
	if m.Rcpt == nil {
		m.Rcpt = []string{"privacy@desk.example"}
	}
	return d.ok(m)
}

// mailsTo are the templates of mails to outsiders, with their addresses.
func mailsTo(list []*tickets.Outgoing) string {
	var out []string
	for _, o := range list {
		if o.Kind == tickets.OutPrivacy {
			out = append(out, strings.TrimPrefix(o.Spec.Template, "privacy.")+">"+o.To)
		} else if o.ToAgent == 0 {
			out = append(out, string(o.Kind)+">"+o.To)
		}
	}
	return strings.Join(out, " ")
}

// tick lets time pass and does what it brings.
func (d *privacyDesk) tick(by time.Duration) []*tickets.Outgoing {
	d.t.Helper()
	before := len(d.outgoing())
	d.now = d.now.Add(by)
	for round := 0; ; round++ {
		ids, err := d.store.DueRequests(d.t.Context(), d.now, 100)
		d.must(err)
		if len(ids) == 0 || round > 5 {
			if round > 5 {
				d.t.Fatal("requests stay due")
			}
			return d.outgoing()[before:]
		}
		for _, id := range ids {
			_, err := d.store.Apply(d.t.Context(), func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
				return d.tickOn(ctx, v.(privacy.View), id)
			})
			d.must(err)
		}
	}
}

// tickOn reads what the clock needs and decides.
func (d *privacyDesk) tickOn(ctx context.Context, v privacy.View, id int64) (*tickets.Change, error) {
	in := privacy.Due{Queue: d.privacy, Now: d.now}
	var err error
	step := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	step(func() error { in.Request, err = v.RequestByID(ctx, id); return err })
	step(func() error { in.Directory, err = v.Directory(ctx); return err })
	step(func() error { in.Ticket, err = v.TicketByID(ctx, in.Request.TicketID); return err })
	step(func() error { in.Siblings, err = v.RequestsOfTicket(ctx, in.Request.TicketID); return err })
	step(func() error { in.Mails, err = v.MailsOfRequest(ctx, id); return err })
	step(func() error {
		in.Recent, err = v.ChallengesSince(ctx, 1, in.Request.Address, d.now.Add(-24*time.Hour))
		return err
	})
	if err != nil {
		return nil, err
	}
	return d.p.Tick(in), nil
}

// jobKinds are the privacy jobs that wait, and takes them away.
func (d *privacyDesk) jobKinds() string {
	d.t.Helper()
	list, err := d.store.LeaseJobs(d.t.Context(), "test", 100, time.Minute)
	d.must(err)
	var out []string
	for _, j := range list {
		if strings.HasPrefix(j.Kind, "privacy-") {
			out = append(out, j.Kind)
		}
		_, err := d.store.Apply(d.t.Context(), func(context.Context, tickets.View) (*tickets.Change, error) {
			return &tickets.Change{FinishJob: j.ID}, nil
		})
		d.must(err)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// confirm answers a challenge as its person would.
func (d *privacyDesk) confirm(c *tickets.Outgoing) got {
	d.t.Helper()
	return d.ask(mail{From: c.To, Rcpt: []string{c.Spec.ReplyTo}, Subject: "Re: Please confirm", Body: "CONFIRM\r\n\r\nOn Monday the desk wrote:\r\n> word CONFIRM\r\n"})
}

func (d *privacyDesk) officer(t *tickets.Ticket, body string) got {
	d.t.Helper()
	return d.ok(mail{From: "olga@team.example", Rcpt: []string{d.addr.Agent(d.privacy, t.Ref, d.olga.ID)}, Subject: "Re: request", Body: body})
}

const everything = "Please send me a copy of all personal data you hold about me."

func TestP1_Spoof(t *testing.T) {
	d := newPrivacyDesk(t)
	for i, m := range []mail{
		{From: "Ann <ann@customer.example>", IP: evilIP, Body: "BUY PILLS at evil.example. " + everything, Header: "Reply-To: evil@evil.example\r\nCc: evil@evil.example\r\n", Subject: "words of mine"},
		{From: "boss@strict.example", IP: evilIP, Body: everything, Header: "Reply-To: evil@evil.example\r\n"},
	} {
		g := d.ask(m)
		address := g.m.From
		if got := mailsTo(g.out); got != "challenge>"+address {
			t.Fatalf("mail %d: %s", i, got)
		}
		o := g.out[0]
		if said := d.words(o.Spec); strings.Contains(said, "evil") || strings.Contains(said, "PILLS") || strings.Contains(said, "words of mine") || len(o.Spec.Cc)+len(o.Spec.Refs) > 0 || o.Spec.InReply != "" {
			t.Errorf("the challenge holds words of the sender's: %s", said)
		}
		if got := d.states(address); got != "access:challenged" {
			t.Errorf("state %s", got)
		}
	}
	if got := d.jobKinds(); got != "" {
		t.Errorf("jobs %s", got)
	}
}

func TestP2_OnlyTheBareFrom(t *testing.T) {
	d := newPrivacyDesk(t)
	g := d.ask(mail{Body: everything, Header: "Reply-To: evil@evil.example\r\nCc: evil@evil.example\r\n"})
	if got := mailsTo(g.out); got != "challenge>ann@customer.example" {
		t.Fatal(got)
	}
	g = d.ask(mail{Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "CONFIRM", Header: "Reply-To: evil@evil.example\r\nCc: evil@evil.example\r\n"})
	if got := mailsTo(g.out); got != "receipt>ann@customer.example" {
		t.Errorf("after the proof: %s", got)
	}
	if len(g.t.Parties) != 1 {
		t.Error("somebody in Cc became a party")
	}
	if d.jobKinds() != "privacy-archive" {
		t.Error("no archive")
	}
}

func TestP3_Challenge(t *testing.T) {
	for _, c := range []struct {
		name  string
		m     mail
		after time.Duration
		mails string
		state string
	}{
		{"another address", mail{From: "bob@other.example", Body: "CONFIRM"}, 0, "again>ann@customer.example", "access:challenged"},
		{"unaligned", mail{IP: evilIP, Body: "CONFIRM"}, 0, "again>ann@customer.example", "access:challenged"},
		{"late", mail{Body: "CONFIRM"}, 7*24*time.Hour + time.Hour, "again>ann@customer.example", "access:challenged"},
		{"no word", mail{Body: "What is this about?"}, 0, "again>ann@customer.example", "access:challenged"},
		{"the word quoted", mail{Body: "> Reply with the word\r\n> CONFIRM\r\n"}, 0, "again>ann@customer.example", "access:challenged"},
		{"the word far down", mail{Body: "I am away\r\nuntil Monday.\r\nYour mail\r\nis not read.\r\nCONFIRM\r\n"}, 0, "again>ann@customer.example", "access:challenged"},
		{"an automatic reply", mail{Body: "CONFIRM", Header: "Auto-Submitted: auto-replied\r\n"}, 0, "", "access:challenged"},
		{"a bounce", mail{Body: "CONFIRM", From: "MAILER-DAEMON@customer.example", Sender: "-", Subject: "Undelivered Mail Returned to Sender"}, 0, "", "access:challenged"},
		{"a list", mail{Body: "CONFIRM", Header: "List-Id: <l.customer.example>\r\nPrecedence: list\r\n"}, 0, "", "access:challenged"},
		{"good", mail{Body: "CONFIRM"}, 0, "receipt>ann@customer.example", "access:executing"},
		{"in German, with a greeting", mail{Body: "Hallo,\r\n\r\nBestätigen.\r\n\r\nGruß, Ann"}, 0, "receipt>ann@customer.example", "access:executing"},
		{"on the last day", mail{Body: "confirm"}, 7*24*time.Hour - time.Hour, "receipt>ann@customer.example", "access:executing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newPrivacyDesk(t)
			g := d.ask(mail{Body: everything})
			d.now = d.now.Add(c.after)
			c.m.Rcpt = []string{g.out[0].Spec.ReplyTo}
			got := d.ask(c.m)
			if mailsTo(got.out) != c.mails || d.states("ann@customer.example") != c.state {
				t.Errorf("mails %q, %s; want %q, %s", mailsTo(got.out), d.states("ann@customer.example"), c.mails, c.state)
			}
			if got.t == nil || got.t.ID != g.t.ID {
				t.Error("the answer is not in the request's ticket")
			}
		})
	}
}

func TestP3_TruncatedAndCodes(t *testing.T) {
	d := newPrivacyDesk(t)
	first := d.ask(mail{Body: everything}).out[0]
	short := strings.Replace(first.Spec.ReplyTo, "@", "x@", 1)
	if g := d.ask(mail{Rcpt: []string{short}, Body: "CONFIRM"}); mailsTo(g.out) != "again>ann@customer.example" {
		t.Errorf("a damaged token: %s", mailsTo(g.out))
	}
	code := first.Spec.Args["code"]
	if g := d.ask(mail{Body: "> my code is\r\n> " + code + "\r\n"}); d.states("ann@customer.example") != "access:challenged" {
		t.Errorf("a code in a quotation counted: %s", mailsTo(g.out))
	}
	if g := d.ask(mail{Body: "The code: " + strings.ToLower(code)}); d.states("ann@customer.example") != "access:executing" {
		t.Errorf("the code typed: %s, %s", mailsTo(g.out), d.states("ann@customer.example"))
	}
	// A second use changes nothing and is not answered.
	if g := d.ask(mail{Rcpt: []string{first.Spec.ReplyTo}, Body: "CONFIRM"}); mailsTo(g.out) != "" {
		t.Errorf("used twice: %s", mailsTo(g.out))
	}
}

func TestP3_TwoFailuresGoToTheOfficer(t *testing.T) {
	d := newPrivacyDesk(t)
	g := d.ask(mail{Body: everything})
	for i, want := range []string{"again>ann@customer.example", ""} {
		a := d.ask(mail{IP: evilIP, Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "CONFIRM"})
		if mailsTo(a.out) != want {
			t.Errorf("failure %d: %s", i+1, mailsTo(a.out))
		}
	}
	if d.states("ann@customer.example") != "access:review" {
		t.Fatal(d.states("ann@customer.example"))
	}
	reports := d.outgoing()
	last := reports[len(reports)-1]
	if last.ToAgent != d.olga.ID || !strings.Contains(last.Spec.Text, "12(6)") || !strings.Contains(last.Spec.Text, "Never ask for a copy of an identity card") {
		t.Errorf("the officer is told: %s", last.Spec.Text)
	}
	if g := d.officer(g.t, "#approve"); d.states("ann@customer.example") != "access:review" || g.out[len(g.out)-1].Spec.Subject != "Not done" {
		t.Error("approved without anybody's proof")
	}
	// The person's own right answer still counts.
	if d.confirm(g.out[0]); d.states("ann@customer.example") != "access:executing" {
		t.Error("the right answer came too late")
	}
	// And for another the officer vouches.
	h := d.ask(mail{From: "zoe@other.example", Body: everything})
	for range 2 {
		d.ask(mail{From: "zoe@other.example", IP: evilIP, Rcpt: []string{h.out[0].Spec.ReplyTo}, Body: "CONFIRM"})
	}
	if d.officer(h.t, "#approve identity"); d.states("zoe@other.example") != "access:executing" {
		t.Error(d.states("zoe@other.example"))
	}
}

func TestP4_MailboxTakeover(t *testing.T) {
	d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Automatic = true })
	d.ok(mail{Body: "My printer"})
	g := d.ask(mail{Body: "Please delete all my personal data."})
	d.confirm(g.out[0])
	r := d.requests("ann@customer.example")[0]
	if d.jobKinds() != "privacy-preview" || !slices.Contains(r.Detail.Hints, privacy.HintYoung) {
		t.Fatalf("an address of today: %v", r.Detail.Hints)
	}
	d.previewed(r.ID)
	if d.states("ann@customer.example") != "erasure:review" {
		t.Fatal("not held for the officer")
	}
	// A person of old has the days of the cooling-off to stop it.
	d.ok(mail{From: "bob@other.example", Body: "My printer"})
	d.now = d.now.Add(25 * time.Hour)
	g = d.ask(mail{From: "bob@other.example", Body: "Please delete all my personal data."})
	d.officer(g.t, "#link bobby@mailer.example")
	link := d.outgoing()
	if o := link[len(link)-2]; o.To == "bobby@mailer.example" {
		d.confirm(o)
	} else if o := link[len(link)-1]; o.To == "bobby@mailer.example" {
		d.confirm(o)
	}
	// The scope changed by the link: the first token does not prove the new one.
	a := d.confirm(g.out[0])
	if mailsTo(a.out) != "again>bob@other.example" {
		t.Fatalf("a token for another scope: %s", mailsTo(a.out))
	}
	d.confirm(a.out[0])
	d.previewed(d.requests("bob@other.example")[0].ID)
	out := mailsTo(d.outgoing())
	if !strings.Contains(out, "pending>bob@other.example") || !strings.Contains(out, "notice>bobby@mailer.example") || d.states("bob@other.example") != "erasure:cooling" {
		t.Fatalf("%s: %s", d.states("bob@other.example"), out)
	}
	var cancel *tickets.Outgoing
	for _, o := range d.outgoing() {
		if o.Spec.Template == string(privacy.MailNotice) {
			cancel = o
		}
	}
	d.ask(mail{From: "mallory@evil.example", Rcpt: []string{cancel.Spec.ReplyTo}, Body: "CANCEL"})
	if d.states("bob@other.example") != "erasure:cooling" {
		t.Error("cancelled from another mailbox")
	}
	c := d.ask(mail{From: "bobby@mailer.example", Rcpt: []string{cancel.Spec.ReplyTo}, Body: "CANCEL"})
	if d.states("bob@other.example") != "erasure:withdrawn" || mailsTo(c.out) != "cancelled>bob@other.example" {
		t.Errorf("%s: %s", d.states("bob@other.example"), mailsTo(c.out))
	}
	if d.tick(8 * 24 * time.Hour); strings.Contains(d.jobKinds(), "privacy-erase") {
		t.Error("a cancelled erasure began")
	}
}

// previewed does what the preview's job ends with.
func (d *privacyDesk) previewed(id int64) {
	d.t.Helper()
	_, err := d.store.Apply(d.t.Context(), func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		r, err := v.(privacy.View).RequestByID(ctx, id)
		if err != nil {
			return nil, err
		}
		t, err := v.TicketByID(ctx, r.TicketID)
		if err != nil {
			return nil, err
		}
		dir, err := v.Directory(ctx)
		return d.p.Previewed(privacy.Preliminary{Request: r, Ticket: t, Preview: &privacy.Preview{}, Tickets: 1, Queue: d.privacy, Directory: dir, Now: d.now}), err
	})
	d.must(err)
}

func TestP7_ExactAddressOnly(t *testing.T) {
	d := newPrivacyDesk(t)
	d.ok(mail{From: "ann.lee+shop@customer.example"})
	g := d.ask(mail{From: "ann.lee@customer.example", Body: everything})
	for _, from := range []string{"ann.lee+shop@customer.example", "annlee@customer.example"} {
		if a := d.ask(mail{From: from, Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "CONFIRM"}); d.states("ann.lee@customer.example") == "access:executing" {
			t.Errorf("%s proved another address: %s", from, mailsTo(a.out))
		}
	}
	d.ask(mail{From: "Ann.Lee@CUSTOMER.example", Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "CONFIRM"})
	r := d.requests("ann.lee@customer.example")[0]
	if r.State != privacy.Executing || len(r.Addresses()) != 1 {
		t.Errorf("%s, covers %v", r.State, r.Addresses())
	}
	if got := d.states("ann.lee+shop@customer.example"); got != "" {
		t.Errorf("the other address has requests: %s", got)
	}
}

func TestP8_Flood(t *testing.T) {
	d := newPrivacyDesk(t)
	due := time.Time{}
	for i := range 100 {
		d.send(mail{Rcpt: []string{"privacy@desk.example"}, IP: evilIP, Body: everything, Quiet: true})
		if i == 0 {
			due = d.requests("ann@customer.example")[0].Due
		}
	}
	list := d.requests("ann@customer.example")
	if len(list) != 1 || !list[0].Due.Equal(due) || mailsTo(d.outgoing()) != "challenge>ann@customer.example" {
		t.Fatalf("%d requests, mails %s", len(list), mailsTo(d.outgoing()))
	}
	// Many addresses: what is over the budget goes later, and proved senders
	// have their own.
	d = newPrivacyDesk(t, func(r *privacy.Rules) { r.ChallengesHour = 3 })
	for i := range 6 {
		d.send(mail{From: fmt.Sprintf("v%d@customer.example", i), Rcpt: []string{"privacy@desk.example"}, IP: evilIP, Body: everything, Quiet: true})
	}
	if n := len(d.outgoing()); n > 4 || n < 3 {
		t.Errorf("%d challenges for a budget of 3", n)
	}
	if g := d.ask(mail{Body: everything}); mailsTo(g.out) != "challenge>ann@customer.example" {
		t.Error("a proved sender waits behind the flood")
	}
	if d.states("v5@customer.example") != "access:received" {
		t.Fatal(d.states("v5@customer.example"))
	}
	late := d.tick(2 * time.Hour)
	if !strings.Contains(mailsTo(late), "challenge>v5@customer.example") || d.states("v5@customer.example") != "access:challenged" {
		t.Errorf("later: %s", mailsTo(late))
	}
}

func TestP9_Oracle(t *testing.T) {
	d := newPrivacyDesk(t)
	d.ok(mail{From: "known@customer.example", Body: "I bought a lamp"})
	d.now = d.now.Add(48 * time.Hour)
	shape := func(from string) string {
		g := d.ask(mail{From: from, IP: evilIP, Body: "Please delete all my personal data. " + everything})
		o := *g.out[0]
		return fmt.Sprint(len(g.out), o.Kind, o.Spec.Template, o.Spec.Language, o.NotBefore.Sub(g.m.Received), len(o.Spec.Args), o.Spec.Args["rights"], o.Spec.Args["factor"], len(o.Spec.ReplyTo))
	}
	if a, b := shape("known@customer.example"), shape("never@customer.example"); a != b {
		t.Errorf("known: %s\nnever: %s", a, b)
	}
}

func TestP10_WrongChannel(t *testing.T) {
	d := newPrivacyDesk(t)
	g := d.ok(mail{Body: "Guten Tag, bitte schicken Sie mir alle Daten, die Sie über mich gespeichert haben."})
	arrived := g.m.Received
	// The job that tells the agents looks for it.
	d.work.Request = func(subject, text string) ([]string, bool) {
		r := privacy.Recognise(subject, text)
		return []string{string(r.Rights[0])}, r.Sure
	}
	d.work.Work(t.Context())
	leases, err := d.store.LeaseOutbox(t.Context(), "o", 9, 9, time.Minute)
	d.must(err)
	var flagged bool
	d.must(d.store.View(t.Context(), func(v tickets.View) error {
		for _, l := range leases {
			o, _, err := v.OutgoingByID(t.Context(), l.ID)
			if err != nil {
				return err
			}
			flagged = flagged || o.Kind == tickets.OutNotification && o.Spec.Args["request"] == "access"
		}
		return nil
	}))
	if !flagged || !slices.Contains(d.events(g.t), "privacy") {
		t.Error("the agents are not told")
	}
	if d.states("ann@customer.example") != "" {
		t.Error("an ordinary mail made a request by itself")
	}
	d.now = d.now.Add(10 * 24 * time.Hour)
	d.ok(mail{Rcpt: d.replyTo(g.t, 1), Body: "Are you there?"})
	a := d.answer(g.t, "#privacy access")
	r := d.requests("ann@customer.example")
	if len(r) != 1 || !r[0].Received.Equal(arrived) || r[0].State != privacy.Challenged || r[0].TicketID == g.t.ID {
		t.Fatalf("%+v", r)
	}
	if got := mailsTo(a.out); got != "challenge>ann@customer.example" {
		t.Errorf("mails: %s", got)
	}
	var told bool
	for _, o := range a.out {
		told = told || o.Kind == tickets.OutReport && o.ToAgent == d.olga.ID
	}
	if !told {
		t.Error("the officer is not told")
	}
	if b := d.answer(g.t, "#privacy access"); len(d.requests("ann@customer.example")) != 1 || mailsTo(b.out) != "" {
		t.Error("handed over twice")
	}
}

func TestP14_StopAtOnce(t *testing.T) {
	d := newPrivacyDesk(t)
	for i, m := range []mail{
		{From: "a@customer.example", Rcpt: []string{"privacy+stop@desk.example"}, Subject: "x", Body: ""},
		{From: "b@customer.example", Rcpt: []string{"privacy+stop@desk.example"}, IP: evilIP, Subject: "unsubscribe", Body: "STOP"},
		{From: "c@customer.example", Body: "I withdraw my consent to receive your newsletter."},
		{From: "d@customer.example", Body: "Hiermit widerspreche ich der Nutzung meiner Daten zu Werbezwecken."},
	} {
		g := d.ask(m)
		var acts []string
		d.must(d.store.View(t.Context(), func(v tickets.View) error {
			list, err := v.(privacy.View).ConsentsOf(t.Context(), 1, g.m.From)
			for _, e := range list {
				acts = append(acts, string(e.Act))
			}
			return err
		}))
		if len(acts) != 1 || acts[0] != string(consent.Withdrawn) && acts[0] != string(consent.Objected) {
			t.Errorf("mail %d: ledger %v", i, acts)
		}
		if got := mailsTo(g.out); got != "stopped>"+m.From {
			t.Errorf("mail %d: %s", i, got)
		}
		again := m
		again.ID = ""
		if g := d.ask(again); mailsTo(g.out) != "" {
			t.Errorf("mail %d again: %s", i, mailsTo(g.out))
		}
	}
}

func TestPrivacyTwoRightsAreLinked(t *testing.T) {
	d := newPrivacyDesk(t)
	g := d.ask(mail{Body: "Please send me everything you have on me, then delete it."})
	if d.states("ann@customer.example") != "access:challenged erasure:challenged" && d.states("ann@customer.example") != "erasure:challenged access:challenged" {
		t.Fatal(d.states("ann@customer.example"))
	}
	if len(g.out) != 1 {
		t.Fatalf("%d challenges", len(g.out))
	}
	a := d.confirm(g.out[0])
	if got := mailsTo(a.out); got != "receipt>ann@customer.example waits>ann@customer.example" {
		t.Errorf("mails: %s", got)
	}
	if got := d.jobKinds(); got != "privacy-archive" {
		t.Errorf("jobs: %s", got)
	}
	byRight := map[privacy.Right]*privacy.Request{}
	for _, r := range d.requests("ann@customer.example") {
		byRight[r.Right] = r
	}
	copied, erased := byRight[privacy.Access], byRight[privacy.Erasure]
	if erased.After != copied.ID || erased.State != privacy.Verified {
		t.Fatalf("the erasure waits for %d, %s", erased.After, erased.State)
	}
}

func TestPrivacyWhatIsUnclear(t *testing.T) {
	d := newPrivacyDesk(t)
	g := d.ask(mail{Body: "Hello, I have a question about data protection."})
	if got := mailsTo(g.out); got != "choices>ann@customer.example" {
		t.Fatalf("mails: %s; %s", got, d.states("ann@customer.example"))
	}
	if !strings.HasPrefix(g.out[0].Spec.Args["mailto.erasure"], "mailto:privacy+erase@desk.example") {
		t.Errorf("links: %v", g.out[0].Spec.Args)
	}
	before := d.requests("ann@customer.example")[0]
	if before.State != privacy.Review {
		t.Error(before.State)
	}
	d.now = d.now.Add(3 * 24 * time.Hour)
	h := d.ask(mail{Rcpt: []string{"privacy+access@desk.example"}, Subject: "access"})
	if got := mailsTo(h.out); got != "challenge>ann@customer.example" || h.t.ID != g.t.ID {
		t.Errorf("chosen: %s", got)
	}
	for _, r := range d.requests("ann@customer.example") {
		if !r.State.Final() && (r.Right != privacy.Access || !r.Received.Equal(before.Received)) {
			t.Errorf("%s since %v", r.Right, r.Received)
		}
	}
}

func TestPrivacyMachinesAreKeptAndNotAnswered(t *testing.T) {
	d := newPrivacyDesk(t)
	for _, m := range []mail{
		{Header: "Auto-Submitted: auto-generated\r\n", Body: everything},
		{From: "-", Sender: "-", Body: everything},
		{From: "support@desk.example", IP: evilIP, Body: everything},
	} {
		g := d.ask(m)
		if g.t == nil || g.t.QueueID != d.privacy.ID || mailsTo(g.out) != "" {
			t.Errorf("%s: ticket %v, mails %s", m.From, g.t, mailsTo(g.out))
		}
	}
	if d.states("ann@customer.example") != "access:review" {
		t.Error(d.states("ann@customer.example"))
	}
}

func TestPrivacyOfficersCommands(t *testing.T) {
	d := newPrivacyDesk(t)
	g := d.ask(mail{Body: "Please delete all my personal data."})
	d.confirm(g.out[0])
	r := d.requests("ann@customer.example")[0]
	d.jobKinds()
	d.previewed(r.ID)
	last := func(g got) *tickets.Outgoing { return g.out[len(g.out)-1] }
	if o := last(d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.privacy, g.t.Ref, d.ada.ID)}, Body: "#approve"})); o.Spec.Subject != "Not done" {
		t.Error("an ordinary agent decided")
	}
	if o := last(d.officer(g.t, "#refuse")); !strings.Contains(o.Spec.Text, "17(3)(b)") || strings.Contains(o.Spec.Text, "15(4)") {
		t.Errorf("grounds: %s", o.Spec.Text)
	}
	if o := last(d.officer(g.t, "#refuse 15(4)\r\n\r\nBecause.")); o.Spec.Subject != "Not done" {
		t.Error("a ground of another right")
	}
	draft := d.officer(g.t, "#refuse Art. 17.3.b\r\n\r\nWe must keep the invoices.")
	if mailsTo(draft.out) != "" || !strings.Contains(last(draft).Spec.Text, "We must keep the invoices.") {
		t.Errorf("the draft: %s %s", mailsTo(draft.out), last(draft).Spec.Text)
	}
	if o := d.officer(g.t, "#extend the archive of 2019 has to be searched by hand"); mailsTo(o.out) != "extension>ann@customer.example" {
		t.Errorf("extension: %s", mailsTo(o.out))
	}
	if o := last(d.officer(g.t, "#extend again")); o.Spec.Subject != "Not done" {
		t.Error("extended twice")
	}
	done := d.officer(g.t, "#confirm")
	r = d.requests("ann@customer.example")[0]
	if mailsTo(done.out) != "refusal>ann@customer.example" || r.State != privacy.Refused || r.Record.Ground != "17(3)(b)" || done.out[0].Spec.Args["facts"] != "We must keep the invoices." {
		t.Errorf("refused: %s, %s", mailsTo(done.out), r.State)
	}
	if tk, _ := d.ticket(g.t.ID); tk.State != tickets.StateResolved {
		t.Error("the ticket stays open")
	}
}
