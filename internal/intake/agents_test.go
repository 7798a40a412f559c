package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"postroom/storage"
	"postroom/threading"
	"postroom/tickets"
)

func TestStoryOfTheDesk(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{From: "Ann <ann@customer.example>", Subject: "Printer", Body: "It burns."})
	if own.t.State != tickets.StateNew || fmt.Sprint(kinds(own.out)) != "[ack]" || own.m.Proof != "aligned" {
		t.Fatalf("%s, mail %v, %s", own.t.State, kinds(own.out), own.m.Proof)
	}
	told := d.jobs()
	if len(told) != 2 || told[0].Kind != tickets.OutNotification { // Ada and Ben
		t.Fatalf("told %v", kinds(told))
	}
	a := d.ok(mail{From: "ada@team.example", Rcpt: []string{told[0].Spec.ReplyTo}, Subject: "Re: Printer", Header: "In-Reply-To: <" + told[0].MessageID + ">\r\n",
		Body: "#tag hot\r\nTurn it off.\r\n\r\n-- \r\nAda, private phone 555\r\n"})
	if fmt.Sprint(kinds(a.out)) != "[answer receipt]" || a.out[0].To != "ann@customer.example" || a.out[0].Spec.Text != "Turn it off." ||
		a.out[0].Spec.InReply != own.m.MessageID || a.m.Direction != tickets.DirectionOut || a.t.State != tickets.StateWaiting || a.t.AssigneeID != d.ada.ID {
		t.Fatalf("answer %+v in %+v", a.out, a.t)
	}
	// Her reply, from a client that drops every header, to the secret address.
	g := d.ok(mail{Rcpt: []string{a.out[0].Spec.ReplyTo}, Subject: "thanks", Body: "It is off."})
	if g.t.ID != own.t.ID || g.t.State != tickets.StateOpen || len(g.out) != 0 || !strings.Contains(g.m.ThreadReason, "secret reply address") {
		t.Fatalf("in %d, %s, %q", g.t.ID, g.t.State, g.m.ThreadReason)
	}
	if told := d.jobs(); len(told) != 1 || told[0].ToAgent != d.ada.ID {
		t.Errorf("told %v", told)
	}
	// To support@, naming the answer.
	g = d.ok(mail{Header: "In-Reply-To: <" + a.out[0].MessageID + ">\r\n", Body: "Really."})
	if g.t.ID != own.t.ID || g.m.Unverified {
		t.Errorf("in %d, unverified %v", g.t.ID, g.m.Unverified)
	}
	if k, _ := d.ticket(own.t.ID); k.LastInID != g.m.ID || k.LastOutID != a.m.ID {
		t.Errorf("newest %d and %d, want %d and %d", k.LastInID, k.LastOutID, g.m.ID, a.m.ID)
	}
}

func TestNoteAddressNeverLeaves(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	note := d.addr.Note(d.support, own.t.Ref, d.ada.ID)
	for i, m := range []mail{
		{Rcpt: []string{note}},
		{Rcpt: append(d.replyTo(own.t, 1), note)},
		{Rcpt: []string{note, "support@desk.example"}},
		{Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID), note}},
		{Rcpt: []string{note, "privacy@desk.example"}},
		{Rcpt: []string{note}, Agent: d.ada},
		{Rcpt: []string{d.replyTo(own.t, 1)[0], note}, Agent: d.ada},
		{Rcpt: []string{note}, IP: evilIP},
		{Rcpt: []string{note}, From: "ann@customer.example"},
		{Rcpt: []string{note}, From: "eve@evil.example"},
		{Rcpt: []string{note}, Header: "Auto-Submitted: auto-replied\r\n"},
		{Rcpt: []string{note}, Sender: "-"},
		{Rcpt: []string{note}, Body: "#new ann@customer.example\r\nCANARY"},
		{Rcpt: []string{note}, Body: "#confirm\r\n#resolve\r\nCANARY"},
	} {
		if m.From == "" {
			m.From = "ada@team.example"
		}
		if m.Body == "" {
			m.Body = fmt.Sprint("CANARY this customer is difficult ", i)
		}
		g := d.ok(m)
		if len(outside(append(g.out, d.jobs()...))) != 0 {
			t.Errorf("mail %d leaves", i)
		}
		if g.m != nil && g.m.Direction != tickets.DirectionNote {
			t.Errorf("mail %d is kept as %q", i, g.m.Direction)
		}
		// A later answer says nothing of it.
		for _, o := range d.answer(own.t, fmt.Sprint("Answer ", i)).out {
			if strings.Contains(d.words(o.Spec), "CANARY") {
				t.Errorf("mail %d is in a later answer", i)
			}
		}
		d.jobs()
	}
	// Released from being held, a note stays one.
	for _, h := range d.held() {
		before := len(d.outgoing())
		if err := d.in.Release(t.Context(), h.ID, 0); err != nil {
			t.Fatal(err)
		}
		d.jobs()
		if out := outside(d.outgoing()[before:]); len(out) != 0 {
			t.Errorf("a note that was held goes to %v", out)
		}
	}
}

func TestHeldMailIsConfirmed(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	// Ada's provider signs for itself, not for her domain.
	m := mail{From: "ada@team.example", Sender: "bounces@mailer.example", IP: home["mailer.example"], Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "Turn it off."}
	g := d.ok(m)
	if len(d.held()) != 1 || len(g.out) != 1 || g.out[0].To != "ada@team.example" || !strings.Contains(g.out[0].Spec.Text, "| Turn it off") {
		t.Fatalf("%d held, asked %+v", len(d.held()), g.out)
	}
	raw := ""
	h := d.held()[0]
	raw = d.bytesOf(h.Message)
	confirm := g.out[0].Spec.ReplyTo
	// Others, and her out-of-office, confirm nothing.
	for _, c := range []mail{{From: "eve@evil.example"}, {From: "ada@team.example", Header: "Auto-Submitted: auto-replied\r\n"}, {From: "ada@team.example", Sender: "-", Header: "X-Autoreply: yes\r\n"}} {
		c.Rcpt, c.Body = []string{confirm}, "I am away."
		if d.ok(c); len(outside(d.jobs())) != 0 || len(d.held()) != 1 {
			t.Fatal("confirmed by somebody else")
		}
	}
	// Nor does any answer of hers that is not a plain yes.
	for _, no := range []string{"NO! I did not write this.", "I am out of office until Monday.", "", "yes", "#resolve\r\n"} {
		if d.ok(mail{From: "ada@team.example", Rcpt: []string{confirm}, Body: no}); len(outside(d.jobs())) != 0 || len(d.held()) != 1 {
			t.Fatalf("%q confirmed it", no)
		}
	}
	d.ok(mail{From: "ada@team.example", IP: evilIP, Rcpt: []string{confirm}, Body: "#confirm\r\n"})
	sent := d.jobs()
	if fmt.Sprint(outside(sent)) != "[ann@customer.example]" || len(d.held()) != 0 {
		t.Fatalf("sent to %v, %d held", outside(sent), len(d.held()))
	}
	k, ms := d.ticket(own.t.ID)
	last := ms[len(ms)-1]
	for _, m := range ms {
		if m.Direction == tickets.DirectionOut {
			last = m
		}
	}
	if k.State != tickets.StateWaiting || last.AuthorAgent != d.ada.ID || last.Proof != "agent" || last.Receipt != g.receipt || d.bytesOf(last) != raw {
		t.Errorf("%s, %+v", k.State, last)
	}
	// The mail itself, come again, is known.
	m.Raw = raw
	if again := d.ok(m); again.receipt != g.receipt || len(again.out) != 0 || len(d.held()) != 0 {
		t.Errorf("the mail came again: receipt %q, mail %v", again.receipt, kinds(again.out))
	}
	m.Raw = ""
	// Twice changes nothing.
	d.ok(mail{From: "ada@team.example", IP: evilIP, Rcpt: []string{confirm}, Body: "#confirm\r\nagain"})
	if out := d.jobs(); len(outside(out)) != 0 {
		t.Error("confirmed twice, sent twice")
	}
	// The way is remembered, at her secret address only.
	m.Body, m.ID = "And on again.", ""
	if g := d.ok(m); len(outside(g.out)) != 1 {
		t.Errorf("asked again: %v, %d held", kinds(g.out), len(d.held()))
	}
	m.Body, m.ID, m.Rcpt = "#take "+own.t.Ref+"\r\n", "", []string{"support+commands@desk.example"}
	if d.ok(m); len(d.held()) != 1 {
		t.Error("a shared mailer proves her at a public address")
	}
	// Dropped, it is gone for good.
	h = d.held()[0]
	d.must(d.in.Drop(t.Context(), h.ID))
	if err := d.in.Release(t.Context(), h.ID, 0); err != tickets.ErrGone {
		t.Errorf("released after it was dropped: %v", err)
	}
	if err := d.in.Drop(t.Context(), h.ID); err != tickets.ErrGone {
		t.Errorf("dropped twice: %v", err)
	}
}

// An agent's "no" drops what was not the agent's.
func TestHeldMailIsDropped(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	g := d.ok(mail{From: "ada@team.example", IP: evilIP, Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "Buy pills."})
	if len(d.held()) != 1 {
		t.Fatal("not held")
	}
	d.ok(mail{From: "ada@team.example", Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "#drop\r\nNot mine!"})
	if out := d.jobs(); len(outside(out)) != 0 || len(d.held()) != 0 {
		t.Errorf("%v, %d held", kinds(out), len(d.held()))
	}
}

// An answer between the lines of a notification must not take along what the
// team wrote to itself (docs/threats.md H11).
func TestH11_AnswerBetweenTheLines(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	d.ok(mail{From: "ben@team.example", Rcpt: []string{d.addr.Note(d.support, own.t.Ref, d.ben.ID)}, Body: "This customer never pays in time."})
	d.ok(mail{Rcpt: d.replyTo(own.t, 1), Body: "Any news?"})
	d.jobs()
	secret := d.addr.Agent(d.support, own.t.Ref, d.ada.ID)
	for name, body := range map[string]string{
		"note between quotes": "On Monday, Desk wrote:\r\n> Any news?\r\nYes.\r\n> 2026-11-23, ben (of the team):\r\n> | This customer never\r\n> | pays in time.\r\nBye, Ada\r\n",
		"note without marks":  "Hello,\r\n\r\nThis customer never pays in time.\r\n\r\nYes, tomorrow.\r\n",
		"the notification":    "Sender check: passed: the mail comes from a server of the sender's domain\r\nAny news?\r\n\r\nYes, tomorrow.\r\n",
		"a secret address":    "Yes. Write to " + secret + " next time.\r\n",
	} {
		g := d.ok(mail{From: "ada@team.example", Rcpt: []string{secret}, Body: body})
		if out := append(outside(g.out), outside(d.jobs())...); len(out) != 0 {
			t.Errorf("%s: sent to %v", name, out)
		}
		if len(g.out) == 0 || g.out[0].Kind != tickets.OutReceipt || !strings.Contains(g.out[0].Spec.Text, "write your answer above") {
			t.Errorf("%s: Ada is told %+v", name, g.out)
		}
	}
	g := d.ok(mail{From: "ada@team.example", Rcpt: []string{secret}, Body: "On Monday, Desk wrote:\r\n> Any news?\r\nYes, tomorrow.\r\n"})
	if len(outside(g.out)) != 1 {
		t.Errorf("an honest answer below a quote went to %v: %+v", outside(g.out), g.out)
	}
}

func TestHeldMailIsNotForever(t *testing.T) {
	d := newDesk(t)
	asked := 0
	for i := range 60 {
		g := d.ok(mail{From: "ada@team.example", IP: evilIP, Body: fmt.Sprint("#list\r\n", i)})
		asked += len(g.out)
	}
	if len(d.held()) != 60 || asked != 20 {
		t.Errorf("%d held, Ada was asked %d times in an hour", len(d.held()), asked)
	}
}

func TestCollisionIsConfirmed(t *testing.T) {
	for name, sub := range map[string]bool{"from her mailbox": false, "by submission": true} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			own := d.ok(mail{})
			told := d.jobs()
			d.ok(mail{From: "ben@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ben.ID)}, Body: "Ben's answer."})
			m := mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "Ada's answer.", Header: "In-Reply-To: <" + told[0].MessageID + ">\r\n"}
			if sub {
				m.Agent, m.Rcpt = d.ada, d.replyTo(own.t, 1)
			}
			g := d.ok(m)
			if len(outside(g.out)) != 0 || len(d.held()) != 1 || !strings.Contains(g.out[0].Spec.Text, "Ben's answer.") {
				t.Fatalf("%v, %d held", kinds(g.out), len(d.held()))
			}
			d.ok(mail{From: "ada@team.example", Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "#confirm\r\n"})
			sent := d.jobs()
			if fmt.Sprint(outside(sent)) != "[ann@customer.example]" {
				t.Fatalf("sent to %v", outside(sent))
			}
			for _, o := range sent {
				if o.Kind == tickets.OutAnswer && o.Spec.Text != "Ada's answer." {
					t.Errorf("sent %q", o.Spec.Text)
				}
			}
		})
	}
	// Who answers what the customer wrote after it does not collide.
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	d.ok(mail{From: "ben@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ben.ID)}, Body: "Ben's answer."})
	d.ok(mail{Rcpt: d.replyTo(own.t, 1), Body: "More."})
	if a := d.answer(own.t, "Ada's answer."); len(outside(a.out)) != 1 {
		t.Errorf("held: %v", kinds(a.out))
	}
}

func TestOneMailAnswersOneTicket(t *testing.T) {
	d := newDesk(t)
	a, b := d.ok(mail{}), d.ok(mail{From: "dora@other.example", Subject: "Toner"})
	d.jobs()
	for _, m := range []mail{
		{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, a.t.Ref, d.ada.ID), d.addr.Agent(d.support, b.t.Ref, d.ada.ID)}},
		{From: "ada@team.example", Agent: d.ada, Rcpt: append(d.replyTo(a.t, 1), d.replyTo(b.t, 1)...)},
	} {
		m.Body = "Dear Ann, dear Dora"
		g := d.ok(m)
		if len(outside(g.out)) != 0 || !strings.Contains(g.out[0].Spec.Text, "several tickets") {
			t.Errorf("mail to %v", outside(g.out))
		}
	}
}

func TestAgentBySubmission(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	g := d.ok(mail{From: "ada@team.example", Agent: d.ada, IP: evilIP, Rcpt: d.replyTo(own.t, 1), Body: "Turn it off."})
	if fmt.Sprint(outside(g.out)) != "[ann@customer.example]" || g.m.AuthorAgent != d.ada.ID || g.m.Proof != "agent" {
		t.Errorf("mail to %v, %+v", outside(g.out), g.m)
	}
	// From an address of the queue, which nobody else may use.
	g = d.ok(mail{From: "support@desk.example", Agent: d.ada, Rcpt: d.replyTo(own.t, 1), Body: "And on."})
	if len(outside(g.out)) != 1 {
		t.Errorf("mail to %v", outside(g.out))
	}
	for from, ok := range map[string]bool{"ada@team.example": true, "ADA@team.example": true, "support@desk.example": true, "info@old.example": true,
		"billing@desk.example": false, "ben@team.example": false, "ann@customer.example": false, "": false} {
		err := d.in.CheckSender(t.Context(), &tickets.Envelope{Via: tickets.ViaSubmission, AgentID: d.ada.ID, From: from})
		if (err == nil) != ok {
			t.Errorf("MAIL FROM:<%s>: %v", from, err)
		}
	}
	if err := d.in.CheckSender(t.Context(), &tickets.Envelope{Via: tickets.ViaSubmission, AgentID: 999, From: "ada@team.example"}); err == nil {
		t.Error("an account that is gone may send")
	}
	// Someone else's queue stays closed.
	bill := d.ok(mail{Rcpt: []string{"billing@desk.example"}, Body: "the bill"})
	g = d.ok(mail{From: "ada@team.example", Agent: d.ada, Rcpt: []string{d.addr.Reply(d.billing, bill.t.Ref, 1)}, Body: "Hello."})
	if len(outside(g.out)) != 0 || !strings.Contains(g.out[0].Spec.Text, "don't work on") {
		t.Errorf("mail to %v", outside(g.out))
	}
}

func TestAgentWhoLeft(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	rcpt := []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}
	d.must(d.store.RemoveAgent(t.Context(), d.ada.ID))
	g := d.ok(mail{From: "ada@team.example", Rcpt: rcpt, Body: "Turn it off."})
	if len(outside(g.out)) != 0 && g.out[0].Kind != tickets.OutAck || g.m != nil && g.m.AuthorAgent != 0 {
		t.Errorf("%v, %+v", kinds(g.out), g.m)
	}
}

func TestCommandsByMail(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{Subject: "Printer", Body: "It burns."})
	bill := d.ok(mail{From: "dora@other.example", Rcpt: []string{"billing@desk.example"}, Subject: "Secret bill", Body: "x"})
	d.jobs()
	command := func(body string) string {
		t.Helper()
		g := d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Command(d.support, d.ada.ID)}, Body: body})
		for _, o := range g.out {
			if o.Kind == tickets.OutReceipt && o.To == "ada@team.example" {
				return o.Spec.Text
			}
		}
		t.Fatalf("%q: no receipt but %v", body, kinds(g.out))
		return ""
	}
	if text := command("#list\r\n"); !strings.Contains(text, own.t.Ref) || strings.Contains(text, bill.t.Ref) {
		t.Errorf("#list: %q", text)
	}
	if text := command("#show " + strings.ToLower(own.t.Ref) + "\r\n"); !strings.Contains(text, "It burns.") {
		t.Errorf("#show: %q", text)
	}
	if text := command("#show " + bill.t.Ref + "\r\n"); !strings.Contains(text, "no ticket with that reference") || strings.Contains(text, "dora") {
		t.Errorf("#show of another queue: %q", text)
	}
	command("#take " + own.t.Ref + "\r\n")
	if k, _ := d.ticket(own.t.ID); k.AssigneeID != d.ada.ID {
		t.Error("#take took nothing")
	}
	before := len(d.outgoing())
	if text := command("#new Zoe <zoe@new.example>\r\nHello"); !strings.Contains(text, "address") {
		t.Errorf("#new with a name: %q", text)
	}
	for _, bad := range []string{"ann", "a@b", "ben@team.example", "support@desk.example", "a@b.example,c@d.example", "<a@b.example>c"} {
		if text := command("#new " + bad + "\r\nHello"); !strings.Contains(text, "Nothing was done") {
			t.Errorf("#new %q: %q", bad, text)
		}
	}
	if out := outside(d.outgoing()[before:]); len(out) != 0 {
		t.Errorf("mail to %v", out)
	}
	g := d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Command(d.support, d.ada.ID)}, Subject: "Your order", Body: "#new zoe@new.example\r\nIt has come."})
	if fmt.Sprint(outside(g.out)) != "[zoe@new.example]" || g.t == nil || g.t.Subject != "Your order" || g.t.State != tickets.StateWaiting {
		t.Fatalf("mail to %v, ticket %+v", outside(g.out), g.t)
	}
	if r := d.ok(mail{From: "zoe@new.example", Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "Thanks"}); r.t.ID != g.t.ID || r.t.State != tickets.StateOpen {
		t.Error("the reply is elsewhere")
	}
	command("#frobnicate\r\n")
}

func TestForwardsByAgents(t *testing.T) {
	d := newDesk(t)
	inline := mail{From: "ada@team.example", Subject: "Fwd: Printer", Body: "please look\r\n\r\n---------- Forwarded message ---------\r\nFrom: Ann <ann@customer.example>\r\n" +
		"Date: Mon, 23 Nov 2026\r\nSubject: Printer\r\nTo: Ada\r\n\r\nIt burns.\r\n"}
	attached := mail{From: "ada@team.example", Subject: "Fwd: Toner", Header: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n",
		Body: "--b\r\nContent-Type: text/plain\r\n\r\nplease look\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: Dora <dora@other.example>\r\nSubject: Toner\r\n" +
			"Message-ID: <orig@other.example>\r\nContent-Type: text/plain\r\n\r\nNo toner.\r\n--b--\r\n"}
	command := inline
	command.Body = "#forward\r\n" + strings.Replace(inline.Body, "It burns", "It burns again", 1)
	secret := command
	secret.Body = strings.Replace(secret.Body, "burns again", "burns for the third time", 1)
	secret.Rcpt = []string{d.addr.Command(d.support, d.ada.ID)}
	for i, c := range []struct {
		m       mail
		from    string
		subject string
		text    string
	}{
		{inline, "ann@customer.example", "Printer", "It burns."}, {attached, "dora@other.example", "Toner", "No toner."},
		{command, "ann@customer.example", "Printer", "It burns again."}, {secret, "ann@customer.example", "Printer", "It burns for the third time."},
	} {
		g := d.ok(c.m)
		if g.t == nil || g.t.Requester().Address != c.from || g.t.Subject != c.subject || strings.TrimSpace(g.m.Text) != c.text || g.m.From != c.from {
			t.Fatalf("forward %d: ticket %+v, message %+v", i, g.t, g.m)
		}
		if !strings.Contains(g.m.Whole, "please look") {
			t.Errorf("forward %d: what the agent wrote above it is lost", i)
		}
		if len(g.out) != 0 {
			t.Errorf("forward %d: mail %v", i, kinds(g.out))
		}
		events, err := d.store.TicketEvents(t.Context(), g.t.ID)
		d.must(err)
		if events[0].Actor != tickets.ActorAgent || events[0].ActorID != d.ada.ID {
			t.Errorf("forward %d: by %+v", i, events[0])
		}
		// The answer goes to the original sender.
		d.jobs()
		if a := d.answer(g.t, "Hello."); fmt.Sprint(outside(a.out)) != "["+c.from+"]" {
			t.Errorf("forward %d: answered to %v", i, outside(a.out))
		}
		d.jobs()
	}
	// Nobody else makes tickets in others' names.
	inline.From, inline.Body = "eve@evil.example", inline.Body+" "
	if g := d.ok(inline); g.t.Requester().Address != "eve@evil.example" {
		t.Error("a stranger's forward makes Ann a requester")
	}
	inline.From, inline.IP, inline.Body = "ada@team.example", evilIP, inline.Body+" "
	if g := d.ok(inline); g.t.Requester().Address != "ada@team.example" {
		t.Error("an unproved forward makes Ann a requester")
	}
	// #forward stands alone.
	command.Body = "#tag hot\r\n" + command.Body
	if g := d.ok(command); g.t != nil {
		t.Error("#forward beside other commands, at a public address, is carried out")
	}
}

func TestAgentsOutOfOfficeIsNoAnswer(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	told := d.jobs()
	for i, m := range []mail{
		{Header: "Auto-Submitted: auto-replied\r\n"},
		{Header: "X-Autoreply: yes\r\n", IP: evilIP},
		{Subject: "Automatic reply: Printer", Header: "X-Auto-Response-Suppress: All\r\nAuto-Submitted: auto-generated\r\n"},
		{From: "MAILER-DAEMON@team.example", Sender: "-", Header: dsn, Body: report("ada@team.example", "failed", "5.1.1", told[0].MessageID)},
	} {
		if m.From == "" {
			m.From = "ada@team.example"
		}
		if m.Body == "" {
			m.Body = fmt.Sprint("I am away until Monday. ", i)
		}
		m.Rcpt = []string{told[0].Spec.ReplyTo}
		g := d.ok(m)
		if len(outside(g.out)) != 0 || len(outside(d.jobs())) != 0 {
			t.Errorf("mail %d leaves", i)
		}
		if k, _ := d.ticket(own.t.ID); k.State != tickets.StateNew || k.AssigneeID != 0 {
			t.Errorf("mail %d: %s, assignee %d", i, k.State, k.AssigneeID)
		}
	}
}

func TestMailToSeveralOfOurAddresses(t *testing.T) {
	d := newDesk(t)
	ann, dora := d.ok(mail{}), d.ok(mail{From: "dora@other.example", Subject: "Toner"})
	// Secret address and public one: the ticket.
	if g := d.ok(mail{Rcpt: append(d.replyTo(ann.t, 1), "billing@desk.example"), Body: "1"}); g.t.ID != ann.t.ID {
		t.Errorf("in %d", g.t.ID)
	}
	// Two queues: one ticket, in the first.
	if g := d.ok(mail{Rcpt: []string{"billing@desk.example", "support@desk.example"}, Body: "2"}); g.t.QueueID != d.billing.ID || len(d.all()) != 3 {
		t.Errorf("queue %d, %d tickets", g.t.QueueID, len(d.all()))
	}
	// The privacy address: a case of its own, linked, whatever else it names.
	for i, m := range []mail{
		{Rcpt: append(d.replyTo(ann.t, 1), "privacy@desk.example")},
		{Rcpt: []string{"support@desk.example", "privacy@desk.example"}, Header: "In-Reply-To: <" + ann.m.MessageID + ">\r\n"},
		{Rcpt: []string{"privacy@desk.example"}, Subject: "Delete my data [#" + ann.t.Ref + "]"},
	} {
		m.Body = fmt.Sprint("Delete my data ", i)
		g := d.ok(m)
		if g.t.QueueID != d.privacy.ID || g.t.ID == ann.t.ID || g.t.LinkedTo != ann.t.ID {
			t.Errorf("mail %d: queue %d, ticket %d, linked to %d", i, g.t.QueueID, g.t.ID, g.t.LinkedTo)
		}
		// Her answer in the case stays in the case.
		reply := d.addr.Reply(d.privacy, g.t.Ref, 1)
		if r := d.ok(mail{Rcpt: []string{reply}, Body: fmt.Sprint("It is me ", i)}); r.t.ID != g.t.ID || r.m.Unverified {
			t.Errorf("mail %d: the answer is in %d", i, r.t.ID)
		}
	}
	// A stranger with two secret addresses reaches agents only.
	if g := d.ok(mail{From: "eve@evil.example", Rcpt: append(d.replyTo(dora.t, 1), d.replyTo(ann.t, 1)...), Body: "3"}); !g.m.Unverified || len(g.out) != 0 {
		t.Errorf("%+v", g.m)
	}
}

func TestPrivacyTicketIsAnsweredByItsAgents(t *testing.T) {
	d := newDesk(t)
	officer := &tickets.Agent{Org: 1, Name: "olga", Address: "olga@team.example", Role: tickets.RolePrivacy, Active: true, Queues: []int64{d.privacy.ID}}
	d.must(d.store.AddAgent(t.Context(), officer, ""))
	g := d.ok(mail{Rcpt: []string{"privacy@desk.example"}, Body: "Delete my data"})
	told := d.jobs()
	if len(told) != 1 || told[0].ToAgent != officer.ID {
		t.Fatalf("told %v", told)
	}
	a := d.ok(mail{From: "olga@team.example", Rcpt: []string{told[0].Spec.ReplyTo}, Body: "We will."})
	if fmt.Sprint(outside(a.out)) != "[ann@customer.example]" || a.t == nil || a.t.ID != g.t.ID {
		t.Errorf("mail to %v", outside(a.out))
	}
	// Others can't.
	if a := d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.privacy, g.t.Ref, d.ada.ID)}, Body: "No."}); len(outside(a.out)) != 0 {
		t.Error("an agent of another queue answers a privacy case")
	}
}

func TestFollowUpStaysInItsQueue(t *testing.T) {
	d := newDesk(t)
	d.support.ReplyDomain = "reply.desk.example"
	own := d.ok(mail{})
	d.jobs()
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "#resolve\r\n"})
	d.now = d.now.AddDate(0, 0, 31)
	g := d.ok(mail{Rcpt: d.replyTo(own.t, 1), Body: "It burns again."})
	if g.t.ID == own.t.ID || g.t.LinkedTo != own.t.ID || g.t.QueueID != d.support.ID || !slices.Contains(g.t.Tags, "follow-up") {
		t.Errorf("%+v", g.t)
	}
	if k, _ := d.ticket(own.t.ID); k.State != tickets.StateResolved {
		t.Errorf("the old one is %s", k.State)
	}
}

func TestMailAboutAnErasedTicketIsNoSecret(t *testing.T) {
	d := newDesk(t)
	gone := d.addr.Reply(d.billing, "ZZZZ-ZZZZ", 1)
	if g := d.ok(mail{Rcpt: []string{gone}}); g.t.QueueID != d.billing.ID || g.t.LinkedTo != 0 {
		t.Errorf("%+v", g.t)
	}
	g := d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, "ZZZZ-ZZZZ", d.ada.ID)}, Body: "Hello."})
	if len(outside(g.out)) != 0 || g.t != nil || !strings.Contains(g.out[0].Spec.Text, "no longer here") {
		t.Errorf("%v", g.out)
	}
}

func TestReturnPathOfAPersonsClient(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	answer := d.answer(own.t, "Turn it off.").out[0]
	d.jobs()
	path := []string{d.addr.Return(d.support, answer.ID, d.now)}
	if g := d.ok(mail{Rcpt: path, Header: "In-Reply-To: <" + answer.MessageID + ">\r\n", Body: "Thanks"}); g.t.ID != own.t.ID || g.t.State != tickets.StateOpen {
		t.Errorf("in %d, %s", g.t.ID, g.t.State)
	}
	d.answer(own.t, "You're welcome.")
	d.jobs()
	g := d.ok(mail{Rcpt: path, Header: "Auto-Submitted: auto-replied\r\n", Body: "I am away."})
	if g.t.ID != own.t.ID || g.t.State != tickets.StateWaiting || len(g.out) != 0 {
		t.Errorf("in %d, %s, mail %v", g.t.ID, g.t.State, kinds(g.out))
	}
	var rows int
	d.must(d.store.EachOutgoing(t.Context(), storage.OutboxFilter{State: tickets.OutFailed}, func(storage.OutRow) error { rows++; return nil }))
	if rows != 0 {
		t.Error("an automatic reply changed a delivery")
	}
}

func TestSecretAddressesAreOfTheirKind(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	for _, a := range []string{d.addr.Reply(d.support, own.t.Ref, 1), d.addr.Note(d.support, own.t.Ref, d.ada.ID)} {
		local, _, _ := tickets.SplitAddress(a)
		if tok := d.keys.Parse(local, d.now); tok == nil || tok.Kind == threading.TokenAgent {
			t.Errorf("%+v", tok)
		}
	}
}
