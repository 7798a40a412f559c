package intake_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// change applies a change to a request, as a job would.
func (d *privacyDesk) change(id int64, f func(r *privacy.Request) []*tickets.Outgoing) {
	d.t.Helper()
	_, err := d.store.Apply(d.t.Context(), func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		r, err := v.(privacy.View).RequestByID(ctx, id)
		if err != nil {
			return nil, err
		}
		out := f(r)
		return &tickets.Change{Outbox: out, Also: []tickets.Extra{r}}, nil
	})
	d.must(err)
}

// settle says of the newest mail of a template what the far side said.
func (d *privacyDesk) settle(m privacy.Mail, as tickets.OutState) {
	d.t.Helper()
	list, err := d.store.LeaseOutbox(d.t.Context(), "test", 100, 100, time.Minute)
	d.must(err)
	for _, l := range list {
		var o *tickets.Outgoing
		d.must(d.store.View(d.t.Context(), func(v tickets.View) (err error) { o, _, err = v.OutgoingByID(d.t.Context(), l.ID); return err }))
		state := tickets.OutSent
		if o.Spec.Template == string(m) {
			state = as
		}
		d.must(d.store.FinishOutbox(d.t.Context(), l, tickets.OutOutcome{State: state, Attempted: true, Status: "2.0.0"}))
	}
}

func reports(list []*tickets.Outgoing) string {
	var out []string
	for _, o := range list {
		if o.Kind == tickets.OutReport {
			subject, _, _ := strings.Cut(o.Spec.Subject, ":")
			out = append(out, subject+">"+o.To)
		}
	}
	return strings.Join(out, " ")
}

func TestPrivacyClockReminds(t *testing.T) {
	d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Deputy = "ben" })
	root := &tickets.Agent{Org: 1, Name: "root", Address: "root@team.example", Role: tickets.RoleAdmin, Active: true}
	d.must(d.store.AddAgent(t.Context(), root, ""))
	d.ask(mail{Body: everything})
	start := d.now
	seen := map[int]string{}
	for day := 1; day <= 36; day++ {
		out := d.tick(start.Add(time.Duration(day) * 24 * time.Hour).Sub(d.now))
		if s := strings.TrimSpace(mailsTo(out) + " " + reports(out)); s != "" {
			seen[day] = s
		}
		if again := d.tick(0); len(again) != 0 {
			t.Fatalf("day %d: a second look wrote %s", day, mailsTo(again)+reports(again))
		}
	}
	all := "OVERDUE>olga@team.example OVERDUE>root@team.example OVERDUE>ben@team.example"
	for day, want := range map[int]string{4: "reminder>ann@customer.example", 7: "Reminder>olga@team.example", 8: "reminder>ann@customer.example",
		21: "Reminder>olga@team.example", 27: "Reminder>olga@team.example", 31: all, 33: all} {
		if got := seen[day]; !strings.HasPrefix(got, want) && !strings.HasPrefix(strings.TrimPrefix(got, "Reminder>"), want) {
			t.Errorf("day %d: %q, want %q", day, got, want)
		}
	}
	if d.states("ann@customer.example") != "access:challenged" {
		t.Errorf("it closed by itself: %s", d.states("ann@customer.example"))
	}
	// The person's answer to the last question still counts for seven days only;
	// the officer closes.
	g := d.requests("ann@customer.example")[0]
	tk, _ := d.ticket(g.TicketID)
	if out := d.officer(tk, "#close"); mailsTo(out.out) != "closed>ann@customer.example" || d.states("ann@customer.example") != "access:expired" {
		t.Errorf("closed: %s, %s", mailsTo(out.out), d.states("ann@customer.example"))
	}
}

func TestPrivacyDeputyStandsIn(t *testing.T) {
	d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Deputy = "ben" }) // it is Monday
	d.ask(mail{Body: "Hello, I have a question about data protection."})
	if out := d.tick(47 * time.Hour); reports(out) != "" {
		t.Errorf("too early: %s", reports(out))
	}
	if out := d.tick(2 * time.Hour); reports(out) != "No answer for two working days>ben@team.example" {
		t.Errorf("after two working days: %q", reports(out))
	}
}

// verified is a request of a person of old, proved.
func (d *privacyDesk) verified(m mail) (*privacy.Request, got) {
	d.t.Helper()
	d.ok(mail{Body: "My printer"})
	d.now = d.now.Add(30 * 24 * time.Hour)
	g := d.ask(m)
	a := d.confirm(g.out[0])
	d.jobKinds()
	return d.requests("ann@customer.example")[0], a
}

func TestPrivacyArchiveDelivered(t *testing.T) {
	d := newPrivacyDesk(t)
	r, _ := d.verified(mail{Body: everything})
	d.settle("", "")
	archive := func() {
		d.change(r.ID, func(r *privacy.Request) (out []*tickets.Outgoing) {
			r.Record.Parts, r.Detail.Secret = 2, "six words of a passphrase here"
			for n := 1; n <= 2; n++ {
				o := privacy.Compose(d.privacy, r, privacy.MailArchive, r.Address, nil, d.now)
				o.Spec.Artifact = n
				out = append(out, o)
			}
			return out
		})
	}
	archive()
	if out := d.tick(time.Second); len(out) != 0 {
		t.Errorf("before the delivery: %s", mailsTo(out))
	}
	d.settle("", "")
	out := d.tick(time.Second)
	if mailsTo(out) != "passphrase>ann@customer.example" || !out[0].Spec.Verified || out[0].Spec.Artifact != 0 {
		t.Fatalf("after it: %s", mailsTo(out))
	}
	d.settle("", "")
	d.tick(time.Second)
	if d.states("ann@customer.example") != "access:done" || d.requests("ann@customer.example")[0].Detail.Secret != "" {
		t.Fatal(d.states("ann@customer.example"))
	}
	if tk, _ := d.ticket(r.TicketID); tk.State != tickets.StateResolved {
		t.Error("its ticket is open")
	}
	d.tick(7*24*time.Hour + time.Hour)
	if got := d.jobKinds(); got != "privacy-expire" {
		t.Errorf("after seven days: %q", got)
	}
	d.tick(24 * 24 * time.Hour)
	if got := d.jobKinds(); got != "privacy-forget" {
		t.Errorf("after thirty: %q", got)
	}
}

func TestPrivacyArchiveBounced(t *testing.T) {
	d := newPrivacyDesk(t)
	r, _ := d.verified(mail{Body: everything})
	d.settle("", "")
	d.change(r.ID, func(r *privacy.Request) []*tickets.Outgoing {
		r.Record.Parts = 1
		o := privacy.Compose(d.privacy, r, privacy.MailArchive, r.Address, nil, d.now)
		o.Spec.Artifact = 1
		return []*tickets.Outgoing{o}
	})
	d.settle(privacy.MailArchive, tickets.OutFailed)
	if out := d.tick(time.Second); !strings.Contains(reports(out), "Not delivered>olga@team.example") || d.states("ann@customer.example") != "access:review" {
		t.Fatalf("%s %s", reports(out), d.states("ann@customer.example"))
	}
	tk, _ := d.ticket(r.TicketID)
	d.officer(tk, "#approve")
	if d.states("ann@customer.example") != "access:executing" || d.jobKinds() != "privacy-archive" {
		t.Error("one word does not send it again")
	}
}

func TestPrivacyErasureCoolsOff(t *testing.T) {
	d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Automatic = true })
	r, a := d.verified(mail{Body: "Please delete all my personal data."})
	if mailsTo(a.out) != "receipt>ann@customer.example" {
		t.Error(mailsTo(a.out))
	}
	d.previewed(r.ID)
	if d.states("ann@customer.example") != "erasure:cooling" || d.jobKinds() != "" {
		t.Fatal(d.states("ann@customer.example"))
	}
	tk, _ := d.ticket(r.TicketID)
	d.officer(tk, "#hold")
	d.tick(8 * 24 * time.Hour)
	if d.jobKinds() != "" {
		t.Error("it began while it was held")
	}
	d.officer(tk, "#release")
	d.tick(time.Second)
	if d.states("ann@customer.example") != "erasure:executing" || d.jobKinds() != "privacy-erase" {
		t.Error(d.states("ann@customer.example"))
	}
	d.tick(time.Second)
	if d.jobKinds() != "" {
		t.Error("begun twice")
	}
}

func TestPrivacyCancelToThePlainAddress(t *testing.T) {
	d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Automatic = true })
	r, _ := d.verified(mail{Body: "Please delete all my personal data."})
	d.previewed(r.ID)
	d.ask(mail{IP: evilIP, Body: "CANCEL"})
	if d.states("ann@customer.example") != "erasure:cooling" {
		t.Error("cancelled in her name by a forged mail")
	}
	if g := d.ask(mail{Body: "Cancel!"}); mailsTo(g.out) != "cancelled>ann@customer.example" || d.states("ann@customer.example") != "erasure:withdrawn" {
		t.Errorf("%s, %s", mailsTo(g.out), d.states("ann@customer.example"))
	}
}

func TestPrivacyErasureWaitsForTheCopy(t *testing.T) {
	d := newPrivacyDesk(t)
	d.verified(mail{Body: "Please send me everything you have on me, then delete it."})
	var copied *privacy.Request
	for _, r := range d.requests("ann@customer.example") {
		if r.Right == privacy.Access {
			copied = r
		}
	}
	d.settle("", "")
	d.change(copied.ID, func(r *privacy.Request) []*tickets.Outgoing {
		r.Record.Parts = 1
		o := privacy.Compose(d.privacy, r, privacy.MailArchive, r.Address, nil, d.now)
		o.Spec.Artifact = 1
		return []*tickets.Outgoing{o}
	})
	if d.tick(time.Second); d.jobKinds() != "" {
		t.Error("did not wait")
	}
	d.settle("", "")
	if d.tick(time.Second); d.jobKinds() != "privacy-preview" {
		t.Error("does not go on after the delivery")
	}
}

func TestPrivacyRestriction(t *testing.T) {
	d := newPrivacyDesk(t)
	first := d.ok(mail{Body: "My other printer"}).t.ID
	r, a := d.verified(mail{Rcpt: []string{"privacy+restrict@desk.example"}, Body: "Please"})
	if mailsTo(a.out) != "restricted>ann@customer.example" || d.states("ann@customer.example") != "restriction:done" {
		t.Fatalf("%s %s", mailsTo(a.out), d.states("ann@customer.example"))
	}
	restricted := func() (n int) {
		d.must(d.store.View(t.Context(), func(v tickets.View) error {
			old, err := v.TicketByID(t.Context(), first)
			if err == nil && old.Restricted {
				n++
			}
			return err
		}))
		return n
	}
	if restricted() != 1 {
		t.Error("nothing is restricted")
	}
	d.tick(60 * 24 * time.Hour)
	if strings.Contains(d.jobKinds(), "forget") {
		t.Error("who is restricted was forgotten")
	}
	tk, _ := d.ticket(r.TicketID)
	g := d.officer(tk, "#lift it was checked")
	if mailsTo(g.out) != "lifting>ann@customer.example" {
		t.Fatalf("%s: %s", mailsTo(g.out), g.out[len(g.out)-1].Spec.Text)
	}
	d.tick(6 * 24 * time.Hour)
	if restricted() != 1 {
		t.Error("lifted before the day that was told")
	}
	d.tick(25 * time.Hour)
	if restricted() != 0 {
		t.Error("not lifted")
	}
}

func TestPrivacyRectification(t *testing.T) {
	d := newPrivacyDesk(t)
	_, a := d.verified(mail{Rcpt: []string{"privacy+rectify@desk.example"}, Body: "Correct name: Ann Lee\r\nNew email: annlee@other.example\r\n"})
	if d.states("ann@customer.example") != "rectification:verified" {
		t.Fatal(d.states("ann@customer.example"))
	}
	var link *tickets.Outgoing
	for _, o := range a.out {
		if o.Spec.Template == string(privacy.MailLink) {
			link = o
		}
	}
	if link == nil || link.To != "annlee@other.example" {
		t.Fatalf("the new address is not asked: %s", mailsTo(a.out))
	}
	g := d.confirm(link)
	if !strings.Contains(mailsTo(g.out), "rectified>ann@customer.example rectified>annlee@other.example") || d.jobKinds() != "privacy-tell" {
		t.Errorf("%s", mailsTo(g.out))
	}
	if p := d.ofTicket(g.t.ID); !strings.Contains(p, "Ann Lee") || !strings.Contains(p, "annlee@other.example") {
		t.Error("nothing was corrected")
	}
	// P4: what the new address asks for today, the officer sees first.
	h := d.ask(mail{From: "annlee@other.example", Body: everything})
	d.confirm(h.out[0])
	if got := d.states("annlee@other.example"); !strings.Contains(got, "access:review") {
		t.Errorf("a changed address gets everything at once: %s", got)
	}
}

// A forged mail names the attacker's mailbox as the person's new address. Who
// confirms the correction, which does not name it, hands nothing over by that.
func TestP1_ForgedNewAddress(t *testing.T) {
	d := newPrivacyDesk(t)
	d.ok(mail{Body: "My printer"})
	g := d.ask(mail{IP: evilIP, Rcpt: []string{"privacy+rectify@desk.example"}, Body: "New email: evil@evil.example\r\n"})
	a := d.confirm(g.out[0])
	if got := mailsTo(a.out); strings.Contains(got, "evil") || d.states("ann@customer.example") != "rectification:review" {
		t.Fatalf("%s, %s", got, d.states("ann@customer.example"))
	}
	r := d.requests("ann@customer.example")[0]
	if tk, _ := d.ticket(r.TicketID); mailsTo(d.officer(tk, "#approve address: annlee@other.example").out) != "link>annlee@other.example" {
		t.Error("the officer cannot decide")
	}
}

// Two people are not put together, and the officer who tries is told so.
func TestPrivacyRectificationToATakenAddress(t *testing.T) {
	d := newPrivacyDesk(t)
	d.ok(mail{From: "annlee@other.example", Body: "Another customer's printer"})
	_, a := d.verified(mail{Rcpt: []string{"privacy+rectify@desk.example"}, Body: "New email: annlee@other.example\r\n"})
	d.confirm(a.out[slices.IndexFunc(a.out, func(o *tickets.Outgoing) bool { return o.Spec.Template == string(privacy.MailLink) })])
	tk, _ := d.ticket(d.requests("ann@customer.example")[0].TicketID)
	g := d.officer(tk, "#approve")
	if o := g.out[len(g.out)-1]; o.Spec.Subject != "Not done" || !strings.Contains(o.Spec.Text, "person of its own") {
		t.Errorf("%s: %s", o.Spec.Subject, o.Spec.Text)
	}
	if g := d.officer(tk, "#done explained"); g.out[len(g.out)-1].Spec.Subject != "Done" {
		t.Error(g.out[len(g.out)-1].Spec.Text)
	}
}

// A question that waits for its budget is over when the officer vouches: the
// archive that is being built is not ended by it.
func TestPrivacyVouchedWhileAQuestionWaits(t *testing.T) {
	d := newPrivacyDesk(t)
	g := d.ask(mail{Body: everything})
	for range 2 {
		d.ask(mail{Rcpt: []string{"privacy+p.aaaa@desk.example"}, Body: "CONFIRM"})
	}
	d.change(d.requests("ann@customer.example")[0].ID, func(r *privacy.Request) []*tickets.Outgoing { r.Record.AskAt = d.now.Add(time.Hour); return nil })
	d.officer(g.t, "#approve access identity")
	if out := d.tick(50 * time.Hour); d.states("ann@customer.example") != "access:executing" {
		t.Errorf("%s, %s", mailsTo(out), d.states("ann@customer.example"))
	}
}

func TestPrivacyObjection(t *testing.T) {
	d := newPrivacyDesk(t)
	r, _ := d.verified(mail{Rcpt: []string{"privacy+object@desk.example"}, Body: "I object because of my situation."})
	if d.states("ann@customer.example") != "objection:review" {
		t.Fatal(d.states("ann@customer.example"))
	}
	tk, _ := d.ticket(r.TicketID)
	g := d.officer(tk, "#refuse 21\r\n\r\nWe need it for a pending claim.")
	g = d.officer(tk, "#confirm")
	if mailsTo(g.out) != "refusal>ann@customer.example lifting>ann@customer.example" {
		t.Errorf("%s", mailsTo(g.out))
	}
	d.tick(8 * 24 * time.Hour)
	if n := len(d.all()); n != 2 {
		t.Errorf("%d tickets are shown: still restricted", n)
	}
}

// The second factor that came with the proof opens the archive, as it was
// written.
func TestPrivacySecondFactorOpensTheArchive(t *testing.T) {
	for body, want := range map[string]string{"CONFIRM\r\nK-4711 blue\r\n": "K-4711 blue", "CONFIRM\r\nK-4712\r\n": ""} {
		d := newPrivacyDesk(t)
		hash, err := privacy.HashFactor("k 4711 Blue")
		d.must(err)
		d.must(d.store.SetSecondFactor(t.Context(), 1, "ann@customer.example", hash))
		g := d.ask(mail{Body: "Please send me a copy of all my personal data."})
		d.ask(mail{Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: body})
		r := d.requests("ann@customer.example")[0]
		if r.State != privacy.Executing || r.Detail.Secret != want || r.Detail.Made {
			t.Errorf("%q: %s, secret %q, made %v", body, r.State, r.Detail.Secret, r.Detail.Made)
		}
	}
}

func TestPrivacySecondFactorIsNoted(t *testing.T) {
	for body, want := range map[string]bool{"CONFIRM\r\nK-4711 blue\r\n": true, "CONFIRM\r\nK-4712\r\n": false, "CONFIRM\r\n": false} {
		d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Automatic = true })
		hash, err := privacy.HashFactor("k 4711 Blue")
		d.must(err)
		d.must(d.store.SetSecondFactor(t.Context(), 1, "ann@customer.example", hash))
		d.ok(mail{Body: "My printer"})
		d.now = d.now.Add(48 * time.Hour)
		g := d.ask(mail{Body: "Please delete all my personal data."})
		d.ask(mail{Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: body})
		r := d.requests("ann@customer.example")[0]
		if r.Record.Factor != want {
			t.Errorf("%q: factor %v", body, r.Record.Factor)
		}
		d.jobKinds()
		_, err = d.store.Apply(t.Context(), func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
			r, err := v.(privacy.View).RequestByID(ctx, r.ID)
			if err != nil {
				return nil, err
			}
			dir, err := v.Directory(ctx)
			return d.p.Previewed(privacy.Preliminary{Request: r, Preview: &privacy.Preview{}, Special: true, Queue: d.privacy, Directory: dir, Now: d.now}), err
		})
		d.must(err)
		if cooling := d.states("ann@customer.example") == "erasure:cooling"; cooling != want {
			t.Errorf("%q: special data, %s", body, d.states("ann@customer.example"))
		}
	}
}

func TestPrivacyForwardedByAnAgent(t *testing.T) {
	d := newPrivacyDesk(t)
	g := d.ask(mail{From: "ada@team.example", Subject: "Fwd: my data", Body: "---------- Forwarded message ---------\r\nFrom: Zoe <zoe@other.example>\r\nDate: Mon, 23 Nov 2026 10:00\r\n" +
		"Subject: my data\r\nTo: <support@desk.example>\r\n\r\n" + everything + "\r\n"})
	if mailsTo(g.out) != "challenge>zoe@other.example" || d.states("zoe@other.example") != "access:challenged" {
		t.Errorf("%s, %s", mailsTo(g.out), d.states("zoe@other.example"))
	}
}

func TestPrivacyArchiveAgainAndPlain(t *testing.T) {
	d := newPrivacyDesk(t)
	r, _ := d.verified(mail{Body: everything})
	var reply string
	d.change(r.ID, func(r *privacy.Request) []*tickets.Outgoing { r.Record.Parts = 1; return nil })
	_, err := d.store.Apply(t.Context(), func(context.Context, tickets.View) (*tickets.Change, error) {
		k, to, _ := privacy.NewToken(privacy.TokenAgain, r, r.Address, "privacy@desk.example", d.now)
		reply = to
		return &tickets.Change{Also: []tickets.Extra{k}}, nil
	})
	d.must(err)
	g := d.ask(mail{Rcpt: []string{reply}, Body: "UNENCRYPTED"})
	if mailsTo(g.out) != "plain>ann@customer.example" || d.jobKinds() != "" {
		t.Fatalf("the warning: %s", mailsTo(g.out))
	}
	d.confirm(g.out[0])
	if got := d.requests("ann@customer.example")[0]; !got.Record.Unsealed || d.jobKinds() != "privacy-archive" {
		t.Error("not built anew without encryption")
	}
}

// moves has somebody put another address in place of the one that is known.
func (d *privacyDesk) moves(to string) {
	d.t.Helper()
	d.now = d.now.Add(25 * time.Hour)
	g := d.ask(mail{Rcpt: []string{"privacy+rectify@desk.example"}, Body: "New email: " + to + "\r\n"})
	a := d.confirm(g.out[slices.IndexFunc(g.out, func(o *tickets.Outgoing) bool { return o.Spec.Template == string(privacy.MailChallenge) })])
	d.confirm(a.out[slices.IndexFunc(a.out, func(o *tickets.Outgoing) bool { return o.Spec.Template == string(privacy.MailLink) })])
	d.jobKinds()
}

// A request goes along when the address of its person is corrected: what is to
// be erased, or shown again, is found under the new one.
func TestPrivacyRequestsMoveWithTheAddress(t *testing.T) {
	const moved = "annlee@other.example"
	d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Automatic = true })
	r, _ := d.verified(mail{Body: "Please delete all my personal data."})
	d.previewed(r.ID)
	d.moves(moved)
	if d.states(moved) != "rectification:done erasure:cooling" && d.states(moved) != "erasure:cooling rectification:done" {
		t.Fatalf("%q", d.states(moved))
	}
	for _, x := range d.requests(moved) {
		if x.Right == privacy.Erasure && x.Address != moved {
			t.Errorf("%s would be erased, and %s be left", x.Address, moved)
		}
	}
	if g := d.ask(mail{From: moved, Body: "CANCEL"}); mailsTo(g.out) != "cancelled>"+moved {
		t.Errorf("from the new address: %s", mailsTo(g.out))
	}
	d.ask(mail{From: moved, Body: "Please delete all my personal data."})
	if got := d.states(moved); !strings.Contains(got, "erasure:challenged") {
		t.Errorf("no new request can be made: %s", got)
	}
}

func TestPrivacyRestrictionMovesWithTheAddress(t *testing.T) {
	const moved = "annlee@other.example"
	d := newPrivacyDesk(t)
	first := d.ok(mail{Body: "My other printer"}).t.ID
	r, _ := d.verified(mail{Rcpt: []string{"privacy+restrict@desk.example"}, Body: "Please"})
	d.moves(moved)
	tk, _ := d.ticket(r.TicketID)
	if g := d.officer(tk, "#lift it was checked"); mailsTo(g.out) != "lifting>"+moved {
		t.Errorf("told: %s", mailsTo(g.out))
	}
	d.tick(8 * 24 * time.Hour)
	d.must(d.store.View(t.Context(), func(v tickets.View) error {
		old, err := v.TicketByID(t.Context(), first)
		if err == nil && old.Restricted {
			t.Error("it stays restricted for ever")
		}
		return err
	}))
}

// A further address that proves itself when the erasure is decided is not said
// to be covered: nobody saw what would go, and no step looks at it.
func TestPrivacyLinkedTooLate(t *testing.T) {
	d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Automatic = true })
	r, _ := d.verified(mail{Body: "Please delete all my personal data."})
	tk, _ := d.ticket(r.TicketID)
	link := d.officer(tk, "#link annlee@other.example").out[0]
	d.previewed(r.ID)
	g := d.confirm(link)
	if strings.Contains(mailsTo(g.out), "linked") || !strings.Contains(reports(g.out), "Not covered") {
		t.Errorf("%s %s", mailsTo(g.out), reports(g.out))
	}
	if got := d.requests("ann@customer.example")[0].Addresses(); len(got) != 1 {
		t.Error(got)
	}
}

// Nothing of a customer's is ever put under an address of the desk's own, and
// the desk asks nothing of itself.
func TestPrivacyRectificationToAnAddressOfOurs(t *testing.T) {
	for _, to := range []string{"support@desk.example", "privacy@desk.example", "ada@team.example", "privacy+p.aaaa@desk.example"} {
		d := newPrivacyDesk(t)
		_, a := d.verified(mail{Rcpt: []string{"privacy+rectify@desk.example"}, Body: "New email: " + to + "\r\n"})
		if strings.Contains(mailsTo(a.out), "link") || d.states("ann@customer.example") != "rectification:review" {
			t.Errorf("%s: %s, %s", to, mailsTo(a.out), d.states("ann@customer.example"))
		}
	}
}

// The officer who approves such an address hears that nobody is asked there, and
// may name another one.
func TestPrivacyApprovedAddressOfOurs(t *testing.T) {
	d := newPrivacyDesk(t)
	_, a := d.verified(mail{Rcpt: []string{"privacy+rectify@desk.example"}, Body: "New email: support@desk.example\r\n"})
	for _, words := range []string{"#approve", "#approve address: privacy@desk.example", "#approve address: ada@team.example", "#approve address: privacy+p.aaaa@desk.example", "#link privacy@desk.example"} {
		g := d.officer(a.t, words)
		if o := g.out[len(g.out)-1]; o.Spec.Subject != "Not done" || strings.Contains(o.Spec.Text, "is asked to prove") || strings.Contains(mailsTo(g.out), "link") {
			t.Errorf("%s: %s: %s, mails %s", words, o.Spec.Subject, o.Spec.Text, mailsTo(g.out))
		}
	}
	if d.states("ann@customer.example") != "rectification:review" {
		t.Error(d.states("ann@customer.example"))
	}
	if g := d.officer(a.t, "#approve address: annlee@other.example"); !strings.Contains(mailsTo(g.out), "link>annlee@other.example") {
		t.Errorf("an address of her own: %s", mailsTo(g.out))
	}
}

// An agent who is logged in speaks for no customer: nothing of theirs can be
// cancelled, stopped or asked for under their From.
func TestPrivacyAgentSpeaksForNobody(t *testing.T) {
	d := newPrivacyDesk(t, func(r *privacy.Rules) { r.Automatic = true })
	r, _ := d.verified(mail{Body: "Please delete all my personal data."})
	d.previewed(r.ID)
	for _, to := range []string{"privacy@desk.example", "support@desk.example"} {
		d.refused(mail{Sender: "ada@team.example", Agent: d.ada, Rcpt: []string{to}, Body: "CANCEL"}, tickets.RefuseSender)
	}
	if d.states("ann@customer.example") != "erasure:cooling" {
		t.Error(d.states("ann@customer.example"))
	}
}
