package intake_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"postroom/consent"
	"postroom/internal/intake"
	"postroom/privacy"
	"postroom/tickets"
)

// ledgerDesk is a desk that asks for consents.
type ledgerDesk struct {
	*desk
	c *privacy.Consents
}

func newLedgerDesk(t *testing.T) *ledgerDesk {
	words := func(lang, text string) consent.Wording {
		return consent.Wording{Language: lang, Version: "1", Title: "News", Text: text}
	}
	c := &privacy.Consents{Address: "privacy@desk.example", Public: "https://desk.example/consent", Secret: []byte("a secret"), Rules: &consent.Rules{
		Purposes: []consent.Purpose{
			{Name: "news", Kind: "news", Basis: consent.BasisConsent, Wordings: []consent.Wording{words("en", "May we send you our news?"), words("de", "Dürfen wir Ihnen Neuigkeiten schicken?")}},
			{Name: "school", Kind: "news", Basis: consent.BasisConsent, Bar: consent.BarChild, Wordings: []consent.Wording{words("en", "May we send you our school news?")}},
			{Name: "health", Kind: "survey", Basis: consent.BasisConsent, Bar: consent.BarSpecial, Wordings: []consent.Wording{
				{Language: "en", Version: "1", Text: "May we ask you about your treatment?", Statement: "I expressly agree that my health data is used for it."}}},
		}}}
	return &ledgerDesk{desk: newDesk(t, func(o *intake.Options) { c.Addr, o.Consents = tickets.Addresses{Keys: o.Keys}, c }), c: c}
}

func (d *ledgerDesk) apply(decide func(v privacy.View) (*tickets.Change, error)) *tickets.Change {
	d.t.Helper()
	ch, err := d.store.Apply(d.t.Context(), func(_ context.Context, v tickets.View) (*tickets.Change, error) { return decide(v.(privacy.View)) })
	d.must(err)
	return ch
}

// ask asks and returns the question.
func (d *ledgerDesk) ask(purpose, address, language, parent string) *tickets.Outgoing {
	d.t.Helper()
	ch := d.apply(func(v privacy.View) (*tickets.Change, error) {
		p, err := v.PersonByAddress(d.t.Context(), 1, address)
		if p == nil {
			p = &tickets.Person{Org: 1, Address: address, Created: d.now}
		}
		d.must(err)
		return d.c.Ask(d.t.Context(), v, privacy.Question{Purpose: purpose, Person: p, Who: consent.Who{Language: language, Guardian: parent, Channel: "command"}}, d.now)
	})
	if len(ch.Outbox) != 1 || ch.Outbox[0].To != address || ch.Outbox[0].Spec.Template != string(privacy.MailConsentAsk) {
		d.t.Fatalf("asked by %+v", ch.Outbox)
	}
	d.now = d.now.Add(time.Minute)
	return ch.Outbox[0]
}

func (d *ledgerDesk) standing(purpose, address string) (s consent.Standing) {
	d.t.Helper()
	d.must(d.store.View(d.t.Context(), func(v tickets.View) error {
		entries, err := v.(privacy.View).ConsentsOf(d.t.Context(), 1, address)
		s = d.c.Rules.Purpose(purpose).Standing(entries, d.now)
		return err
	}))
	return s
}

func (d *ledgerDesk) ledger(address string) (acts string) {
	d.t.Helper()
	d.must(d.store.View(d.t.Context(), func(v tickets.View) error {
		entries, err := v.(privacy.View).ConsentsOf(d.t.Context(), 1, address)
		for _, e := range entries {
			acts += string(e.Act) + " "
		}
		return err
	}))
	return strings.TrimSpace(acts)
}

func TestConsentByMail(t *testing.T) {
	d := newLedgerDesk(t)
	q := d.ask("news", "ann@customer.example", "de", "")
	if !strings.HasPrefix(q.Spec.ReplyTo, "privacy+p.") || q.Spec.Args["word"] != "ZUSTIMMEN" || q.Spec.Args["wording"] == "" || q.Spec.Language != "de" {
		t.Errorf("the question: %+v", q.Spec)
	}
	yes := d.ok(mail{Rcpt: []string{q.Spec.ReplyTo}, Subject: "AW: Frage", Body: "Zustimmen\r\n\r\n> Dürfen wir?\r\n"})
	s := d.standing("news", "ann@customer.example")
	if !s.Stands || s.Entry.Receipt != yes.receipt || s.Entry.Channel != "mail" || s.Entry.Language != "de" {
		t.Fatalf("after the word: %+v %+v", s, s.Entry)
	}
	id, err := d.store.MessageOf(t.Context(), 1, "ann@customer.example", yes.receipt)
	d.must(err)
	if id == 0 {
		t.Error("the message that proves it is not found")
	}
	if len(yes.out) != 1 || yes.out[0].Spec.Template != string(privacy.MailConsent) || yes.out[0].Spec.Unsubscribe == "" || yes.out[0].To != "ann@customer.example" {
		t.Errorf("the confirmation: %+v", yes.out)
	}
	if yes.t != nil {
		t.Error("it became a ticket")
	}
	// The same answer again, as another mail, changes nothing and is kept.
	again := d.ok(mail{Rcpt: []string{q.Spec.ReplyTo}, Body: "Zustimmen"})
	if got := d.ledger("ann@customer.example"); got != "asked granted" || len(again.out) != 0 {
		t.Errorf("answered twice: %s, %d mails", got, len(again.out))
	}

	stop := yes.out[0].Spec.Unsubscribe
	gone := d.ok(mail{Rcpt: []string{stop}, Subject: "STOP", From: "someone@evil.example"})
	if s := d.standing("news", "ann@customer.example"); s.Stands || s.Entry.Act != consent.Withdrawn || s.Entry.Receipt != gone.receipt {
		t.Errorf("after any mail to the stop address: %+v", s)
	}
	if len(gone.out) != 1 || gone.out[0].To != "ann@customer.example" || gone.out[0].Spec.Template != string(privacy.MailStopped) {
		t.Errorf("told: %+v", gone.out)
	}
	if more := d.ok(mail{Rcpt: []string{stop}, Subject: "STOP"}); len(more.out) != 0 || d.ledger("ann@customer.example") != "asked granted withdrawn" {
		t.Errorf("withdrawn twice: %s, %d mails", d.ledger("ann@customer.example"), len(more.out))
	}
}

// What is no answer of the person who was asked gives no consent, and is a case
// for somebody to look at.
func TestConsentIsNotGivenBy(t *testing.T) {
	for name, m := range map[string]mail{
		"another mailbox":       {From: "bob@other.example", Body: "AGREE"},
		"a forged sender":       {IP: evilIP, Body: "AGREE"},
		"an automatic reply":    {Header: "Auto-Submitted: auto-replied\r\n", Subject: "Out of office", Body: "AGREE"},
		"an automatic quote":    {Body: "I am away.\r\n\r\n> reply with the word AGREE\r\n"},
		"a question":            {Body: "What would you send me?"},
		"a conditional":         {Body: "Agree, but only to the first one"},
		"an empty mail":         {Body: ""},
		"the word in the quote": {Body: "> AGREE\r\n"},
		"the word further down": {Body: "Hello,\r\n\r\nAGREE\r\n"},
		"a delivery report":     {Sender: "-", From: "MAILER-DAEMON@customer.example", Body: "AGREE"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newLedgerDesk(t)
			q := d.ask("news", "ann@customer.example", "en", "")
			m.Rcpt = []string{q.Spec.ReplyTo}
			g := d.ok(m)
			if d.standing("news", "ann@customer.example").Stands || d.ledger("ann@customer.example") != "asked" {
				t.Fatalf("the ledger says %s", d.ledger("ann@customer.example"))
			}
			for _, o := range g.out {
				if o.Spec.Template == string(privacy.MailConsent) {
					t.Error("it was confirmed")
				}
			}
			// The question is still open to the person.
			d.ok(mail{Rcpt: []string{q.Spec.ReplyTo}, Body: "I agree."})
			if !d.standing("news", "ann@customer.example").Stands {
				t.Error("and then the person's own answer does not count")
			}
		})
	}
}

func TestConsentDeclinedLateAndChanged(t *testing.T) {
	d := newLedgerDesk(t)
	q := d.ask("news", "ann@customer.example", "en", "")
	if g := d.ok(mail{Rcpt: []string{q.Spec.ReplyTo}, Body: "No, thanks"}); d.ledger("ann@customer.example") != "asked withdrawn" || len(g.out) != 1 {
		t.Errorf("a no: %s", d.ledger("ann@customer.example"))
	}
	q = d.ask("news", "bob@other.example", "en", "")
	d.now = d.now.Add(8 * 24 * time.Hour)
	late := d.ok(mail{From: "bob@other.example", Rcpt: []string{q.Spec.ReplyTo}, Body: "AGREE"})
	if d.ledger("bob@other.example") != "asked asked" || len(late.out) != 1 || late.out[0].Spec.ReplyTo == q.Spec.ReplyTo {
		t.Fatalf("a late yes: %s %+v", d.ledger("bob@other.example"), late.out)
	}
	d.c.Rules.Purposes[0].Wordings[0].Version, d.c.Rules.Purposes[0].Wordings[0].Text = "2", "May we send you our news each day?"
	changed := d.ok(mail{From: "bob@other.example", Rcpt: []string{late.out[0].Spec.ReplyTo}, Body: "AGREE"})
	if d.standing("news", "bob@other.example").Stands || len(changed.out) != 1 || !strings.Contains(changed.out[0].Spec.Args["wording"], "each day") {
		t.Fatalf("a yes to other words: %+v", changed.out)
	}
	d.ok(mail{From: "bob@other.example", Rcpt: []string{changed.out[0].Spec.ReplyTo}, Body: "AGREE"})
	if s := d.standing("news", "bob@other.example"); !s.Stands || s.Entry.Version != "2" {
		t.Errorf("asked anew: %+v", s)
	}
}

func TestConsentOfAChild(t *testing.T) {
	d := newLedgerDesk(t)
	q := d.ask("school", "kim@customer.example", "en", "mum@other.example")
	g := d.ok(mail{From: "kim@customer.example", Rcpt: []string{q.Spec.ReplyTo}, Body: "AGREE"})
	if d.standing("school", "kim@customer.example").Stands || len(g.out) != 1 || g.out[0].To != "mum@other.example" || g.out[0].Spec.Args["child"] != "kim@customer.example" {
		t.Fatalf("after the child: %+v", g.out)
	}
	d.must(d.store.View(t.Context(), func(v tickets.View) error {
		// What names the child is found from the child, for its erasure.
		mails, err := d.store.Holdings(t.Context(), 1, []string{"kim@customer.example"})
		if err == nil && !slices.ContainsFunc(mails.Mails, func(m privacy.HeldMail) bool { return m.ID == g.out[0].ID }) {
			t.Error("the question to the parent is not found from the child")
		}
		return err
	}))
	parent := g.out[0].Spec.ReplyTo
	d.ok(mail{From: "kim@customer.example", Rcpt: []string{parent}, Body: "AGREE"})
	d.ok(mail{From: "mum@other.example", IP: evilIP, Rcpt: []string{parent}, Body: "AGREE"})
	if d.standing("school", "kim@customer.example").Stands {
		t.Fatal("the child, or somebody in the parent's name, confirmed it")
	}
	done := d.ok(mail{From: "mum@other.example", Rcpt: []string{parent}, Body: "AGREE"})
	if s := d.standing("school", "kim@customer.example"); !s.Stands || s.Entry.Guardian != "mum@other.example" || s.Entry.Receipt != done.receipt {
		t.Errorf("after the parent: %+v", s)
	}
	if len(done.out) != 1 || done.out[0].To != "kim@customer.example" {
		t.Errorf("confirmed to %+v", done.out)
	}
}

func TestConsentToSpecialData(t *testing.T) {
	d := newLedgerDesk(t)
	officer := &tickets.Agent{Org: 1, Name: "otto", Address: "otto@team.example", Role: tickets.RolePrivacy, Active: true, Queues: []int64{d.privacy.ID}}
	d.must(d.store.AddAgent(t.Context(), officer, ""))
	q := d.ask("health", "ann@customer.example", "en", "")
	if !strings.Contains(q.Spec.Args["wording"], "expressly agree") || q.Spec.Args["special"] != "yes" {
		t.Errorf("the question: %+v", q.Spec.Args)
	}
	d.ok(mail{Rcpt: []string{q.Spec.ReplyTo}, Body: "Yes"})
	if d.ledger("ann@customer.example") != "asked" {
		t.Error("a mere yes was taken for an express statement")
	}
	g := d.ok(mail{Rcpt: []string{q.Spec.ReplyTo}, Body: "AGREE"})
	if s := d.standing("health", "ann@customer.example"); s.Stands || s.Why != "waits for the officer" {
		t.Errorf("before the review: %+v", s)
	}
	if len(g.out) != 1 || g.out[0].ToAgent != officer.ID || !strings.Contains(g.out[0].Spec.Text, "\n#consent approve health ann@customer.example\n") {
		t.Fatalf("the officer is told %+v", g.out)
	}
	// Only the officer decides, and only about what waits.
	for from, body := range map[string]string{
		"ada@team.example":  "#consent approve health ann@customer.example\r\n",
		"otto@team.example": "#consent approve health bob@other.example\r\n",
	} {
		agent, to := officer, g.out[0].Spec.ReplyTo
		if from != officer.Address {
			agent, to = d.ada, d.addr.Command(d.privacy, d.ada.ID)
		}
		r := d.ok(mail{From: from, Rcpt: []string{to}, Body: body})
		if d.standing("health", "ann@customer.example").Stands || len(r.out) != 1 || r.out[0].ToAgent != agent.ID || !strings.Contains(r.out[0].Spec.Text, "Nothing was done") {
			t.Errorf("%s: %+v", from, r.out)
		}
	}
	said := d.ok(mail{From: "otto@team.example", Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "#consent approve health ann@customer.example\r\n\r\n> It waits.\r\n"})
	if s := d.standing("health", "ann@customer.example"); !s.Stands || s.Entry.Receipt != said.receipt || len(said.out) != 2 {
		t.Errorf("approved: %+v, %d mails", s, len(said.out))
	}
}

// One mail to each whose consent stands, and none under an older one.
func TestNewsGoesToThoseWhoConsent(t *testing.T) {
	d := newLedgerDesk(t)
	for _, from := range []string{"ann@customer.example", "bob@other.example"} {
		q := d.ask("news", from, "en", "")
		d.ok(mail{From: from, Rcpt: []string{q.Spec.ReplyTo}, Body: "AGREE"})
	}
	g := d.outgoing()
	stop := g[len(g)-1].Spec.Unsubscribe // Bob's
	d.ask("news", "cem@mailer.example", "en", "")
	d.ok(mail{From: "bob@other.example", Rcpt: []string{stop}})
	m := privacy.Mailing{Purpose: d.c.Rules.Purpose("news"), Queue: d.support, Subject: "News", Text: "A lamp."}
	var sent []*tickets.Outgoing
	d.must(d.store.Consents(t.Context(), 1, func(e *consent.Entry) error {
		if ch := d.apply(func(v privacy.View) (*tickets.Change, error) {
			ch, _, err := d.c.Send(t.Context(), v, e, m, d.now)
			return ch, err
		}); ch != nil {
			sent = append(sent, ch.Outbox...)
		}
		return nil
	}))
	if len(sent) != 1 || sent[0].To != "ann@customer.example" || sent[0].Purpose != "news" || sent[0].Kind != tickets.OutNews ||
		!strings.HasPrefix(sent[0].Spec.OneClick, "https://desk.example/consent/") {
		t.Fatalf("%+v", sent)
	}
	hash := privacy.ClickForm(strings.TrimPrefix(sent[0].Spec.OneClick, "https://desk.example/consent/"))
	ch := d.apply(func(v privacy.View) (*tickets.Change, error) {
		ch := &tickets.Change{}
		_, err := d.c.StopByToken(t.Context(), v, ch, hash, privacy.Stop{Channel: "one-click", Now: d.now})
		return ch, err
	})
	if s := d.standing("news", "ann@customer.example"); s.Stands || s.Entry.Channel != "one-click" || len(ch.Outbox) != 1 {
		t.Errorf("after one click: %+v", s)
	}
}

// An agent asks in a ticket, and enters what the customer said on the phone.
func TestConsentByAgents(t *testing.T) {
	d := newLedgerDesk(t)
	first := d.ok(mail{Body: "My printer."})
	to := d.addr.Agent(d.support, first.t.Ref, d.ada.ID)
	g := d.ok(mail{From: "ada@team.example", Rcpt: []string{to}, Body: "#consent news\r\n#resolve\r\n"})
	if d.ledger("ann@customer.example") != "asked" || len(g.out) != 2 {
		t.Fatalf("asked: %q, %+v", d.ledger("ann@customer.example"), g.out)
	}
	q := g.out[0]
	if q.Kind != tickets.OutPrivacy {
		q = g.out[1]
	}
	d.ok(mail{Rcpt: []string{q.Spec.ReplyTo}, Body: "AGREE"})
	if !d.standing("news", "ann@customer.example").Stands {
		t.Fatal("the answer to an agent's question does not count")
	}
	// What must not be asked stops the whole mail.
	for _, line := range []string{"#consent news", "#consent nothing", "#consent school", "#withdraw nothing", "#withdraw"} {
		g := d.ok(mail{From: "ada@team.example", Rcpt: []string{to}, Body: line + "\r\n\r\nHello Ann."})
		for _, o := range g.out {
			if o.Kind != tickets.OutReceipt {
				t.Errorf("%s: %s was sent", line, o.Kind)
			}
		}
	}
	w := d.ok(mail{From: "ada@team.example", Rcpt: []string{to}, Body: "#withdraw news\r\n"})
	s := d.standing("news", "ann@customer.example")
	if s.Stands || s.Entry.Channel != "agent" || s.Entry.Receipt != w.receipt {
		t.Errorf("withdrawn: %+v", s)
	}
	if events := strings.Join(d.events(first.t), " "); strings.Count(events, "consent") != 2 {
		t.Errorf("events: %s", events)
	}
	// The customer's tag raises the bar.
	d.c.Rules.ChildTags = []string{"minor"}
	second := d.ok(mail{From: "bob@other.example", Body: "My printer."})
	to = d.addr.Agent(d.support, second.t.Ref, d.ada.ID)
	d.ok(mail{From: "ada@team.example", Rcpt: []string{to}, Body: "#tag minor\r\n"})
	d.ok(mail{From: "ada@team.example", Rcpt: []string{to}, Body: "#consent news\r\n"})
	if d.ledger("bob@other.example") != "" {
		t.Error("a child was asked without a parent")
	}
	d.ok(mail{From: "ada@team.example", Rcpt: []string{to}, Body: "#consent news mum@customer.example\r\n"})
	if d.ledger("bob@other.example") != "asked" {
		t.Errorf("with a parent: %q", d.ledger("bob@other.example"))
	}
}

// What does not answer a question for consent is no try at the proof of a
// request of the same address: the proof is still asked for, once.
func TestConsentAnswerIsNoTryAtAProof(t *testing.T) {
	d := newLedgerDesk(t)
	q := d.ask("news", "ann@customer.example", "en", "")
	open := d.ok(mail{Rcpt: []string{"privacy@desk.example"}, Body: "Please send me a copy of all personal data you hold about me."})
	if mailsTo(open.out) != "challenge>ann@customer.example" {
		t.Fatal(mailsTo(open.out))
	}
	tries := func() (n int, state privacy.State) {
		d.must(d.store.View(t.Context(), func(v tickets.View) error {
			list, err := v.(privacy.View).RequestsOf(t.Context(), 1, "ann@customer.example", false)
			for _, r := range list {
				n, state = n+r.Record.Tries, r.State
			}
			return err
		}))
		return n, state
	}
	for _, m := range []mail{
		{Body: "What would you send me?"},
		{Body: "AGREE", IP: evilIP},
		{Body: "Sorry, which question?\r\n" + q.Spec.Args["code"], IP: evilIP, Rcpt: []string{"privacy@desk.example"}},
		{Body: "AGREE", Header: "Auto-Submitted: auto-replied\r\n"},
		{Body: "AGREE", From: "bob@other.example"},
	} {
		if m.Rcpt == nil {
			m.Rcpt = []string{q.Spec.ReplyTo}
		}
		g := d.ok(m)
		if n, state := tries(); n != 0 || state != privacy.Challenged || strings.Contains(mailsTo(g.out), "again>") {
			t.Fatalf("%q: %d tries, %s, %s", m.Body, n, state, mailsTo(g.out))
		}
		if g.t == nil {
			t.Errorf("%q is kept nowhere", m.Body)
		}
	}
	d.ok(mail{Rcpt: []string{open.out[0].Spec.ReplyTo}, Body: "CONFIRM"})
	if _, state := tries(); state != privacy.Executing {
		t.Error(state)
	}
}
