package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"postroom/tickets"
)

func TestH1_TicketTrick(t *testing.T) {
	d := newDesk(t)
	// Mallory has a ticket and knows its secret address.
	own := d.ok(mail{From: "mallory@evil.example", Subject: "Hello"})
	before := d.ofTicket(own.t.ID)
	code := "Your verification code is 123456. Or open https://service.example/verify?t=1"
	for _, rcpt := range [][]string{d.replyTo(own.t, 1), {"support@desk.example"}} {
		for i, m := range []mail{
			{From: "noreply@service.example", Body: "Welcome to the service."},
			{From: "team@service.example", Body: code},
			{From: "team@service.example", Header: "Auto-Submitted: auto-generated\r\n", Body: "Welcome."},
			{From: "team@service.example", Sender: "-", Body: code},
		} {
			m.Rcpt, m.Header = rcpt, m.Header+"Cc: mallory@evil.example\r\nIn-Reply-To: <"+own.m.MessageID+">\r\n"
			g := d.ok(m)
			if g.t == nil || g.t.ID == own.t.ID || g.t.Requester().Address != strings.ToLower(m.From) {
				t.Fatalf("mail %d to %s is in ticket %+v", i, rcpt[0][:10], g.t)
			}
			if len(g.out) != 0 || len(outside(d.jobs())) != 0 {
				t.Errorf("mail %d: written to %v", i, outside(g.out))
			}
			if len(g.t.Parties) != 1 {
				t.Errorf("mail %d brought somebody in", i)
			}
			if i == 1 && !slices.Contains(g.t.Tags, "automated") {
				t.Errorf("tags %q", g.t.Tags)
			}
		}
	}
	if d.ofTicket(own.t.ID) != before {
		t.Error("Mallory's ticket changed")
	}
}

func TestH2_CCTakeover(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	a := d.answer(own.t, "The old password was swordfish.")
	answer := a.out[0].MessageID
	// From the requester, not proved, with evil in Cc, naming our answer.
	g := d.ok(mail{IP: evilIP, Header: "In-Reply-To: <" + answer + ">\r\nCc: evil@evil.example\r\n", Body: "What was it again?"})
	if g.t.ID != own.t.ID || !g.m.Unverified || g.m.Proof == "aligned" {
		t.Fatalf("kept in ticket %d as %+v", g.t.ID, g.m)
	}
	if len(g.t.Parties) != 1 || len(g.out) != 0 {
		t.Errorf("%d parties, mail %v", len(g.t.Parties), kinds(g.out))
	}
	// The same to the secret address: hers alone to know, but nobody joins.
	g = d.ok(mail{IP: evilIP, Rcpt: d.replyTo(own.t, 1), Header: "Cc: evil@evil.example\r\n", Body: "And now?"})
	if g.t.ID != own.t.ID || len(g.t.Parties) != 1 {
		t.Errorf("ticket %d, %d parties", g.t.ID, len(g.t.Parties))
	}
	d.jobs()
	for _, o := range d.answer(g.t, "I can't say that.").out {
		if o.To == "evil@evil.example" || slices.Contains(o.Spec.Cc, "evil@evil.example") {
			t.Error("the answer goes to evil")
		}
	}
	// Proved, she may bring somebody in, who gets nothing from before.
	g = d.ok(mail{Rcpt: d.replyTo(own.t, 1), Header: "Cc: bob@customer.example\r\n", Body: "Bob should know."})
	if g.t.PartyByAddress("bob@customer.example") == nil || len(g.out) != 0 {
		t.Error("a proved requester brings nobody in, or Bob was written to")
	}
	for _, o := range d.answer(g.t, "Hello both.").out {
		if o.To == "bob@customer.example" && strings.Contains(o.Spec.Text+o.Spec.HTML, "swordfish") {
			t.Error("Bob gets what was written before")
		}
	}
}

func TestH3_IdGuess(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	a := d.answer(own.t, "Turn it off.")
	d.jobs()
	before := d.ofTicket(own.t.ID)
	existing := []mail{
		{Header: "In-Reply-To: <" + a.out[0].MessageID + ">\r\n"},
		{Header: "References: <x@y> <" + own.m.MessageID + ">\r\n"},
		{Subject: "Re: Printer [#" + own.t.Ref + "]"},
	}
	missing := []mail{
		{Header: "In-Reply-To: <nobody@reply.desk.example>\r\n"},
		{Header: "References: <x@y> <nobody@customer.example>\r\n"},
		{Subject: "Re: Printer [#ZZZZ-ZZZZ]"},
	}
	for i := range existing {
		var seen []string
		for j, m := range []mail{existing[i], missing[i]} {
			m.From, m.Body = fmt.Sprintf("eve%d%d@evil.example", i, j), "What is this about?"
			g := d.ok(m)
			if g.t.ID == own.t.ID || g.t.Requester().Address != m.From {
				t.Fatalf("evidence %d: in ticket %d of %s", i, g.t.ID, g.t.Requester().Address)
			}
			if link := g.t.LinkedTo == own.t.ID; link != (j == 0) {
				t.Errorf("evidence %d: linked to %d", i, g.t.LinkedTo)
			}
			// What the stranger gets tells nothing.
			for _, o := range g.out {
				text := strings.NewReplacer(g.t.Ref, "REF", m.From, "FROM", m.Subject, "SUBJECT").Replace(d.words(o.Spec))
				for _, secret := range []string{own.t.Ref, "ann@", a.out[0].MessageID[:10]} {
					if m.Subject == "" && strings.Contains(text, secret) {
						t.Errorf("evidence %d: the acknowledgement tells %q", i, secret)
					}
				}
			}
			seen = append(seen, fmt.Sprint(kinds(g.out)))
		}
		if seen[0] != seen[1] {
			t.Errorf("evidence %d is answered by %s, a guess by %s", i, seen[0], seen[1])
		}
	}
	// Plus-addresses with a number or a reference are no addresses here.
	for _, tag := range []string{"1", "1234", own.t.Ref, "r." + own.t.Ref, strings.ToLower(own.t.Ref)} {
		if g := d.send(mail{From: "eve@evil.example", Rcpt: []string{"support+" + tag + "@desk.example"}}); g.err == nil {
			t.Errorf("support+%s is received", tag)
		}
	}
	if d.ofTicket(own.t.ID) != before {
		t.Error("the ticket that was named changed")
	}
}

func TestH4_TokenReplay(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.answer(own.t, "Done.")
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "#resolve\r\n"})
	d.jobs()
	g := d.ok(mail{From: "eve@evil.example", Rcpt: d.replyTo(own.t, 1), Body: "Send me the password."})
	if g.t.ID != own.t.ID || !g.m.Unverified {
		t.Fatalf("in ticket %d, %+v", g.t.ID, g.m)
	}
	if g.t.State != tickets.StateResolved || len(g.t.Parties) != 1 || len(g.out) != 0 {
		t.Errorf("%s, %d parties, mail %v", g.t.State, len(g.t.Parties), kinds(g.out))
	}
	told := d.jobs()
	if len(told) == 0 || len(outside(told)) != 0 {
		t.Errorf("told: agents and %v", outside(told))
	}
	// The agent who answers it is told that the stranger would not get it.
	answer := d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)},
		Header: "In-Reply-To: <" + told[0].MessageID + ">\r\n", Body: "Dear Eve, it is swordfish."})
	if len(outside(answer.out)) != 0 || len(answer.out) != 1 || !strings.Contains(answer.out[0].Spec.Text, "outside of this ticket") {
		t.Errorf("the answer went to %v", outside(answer.out))
	}
}

func TestH5_TokenForgery(t *testing.T) {
	d := newDesk(t)
	own, other := d.ok(mail{}), d.ok(mail{From: "dora@other.example"})
	good, bad := d.replyTo(own.t, 1)[0], d.replyTo(other.t, 1)[0]
	local, domain, _ := tickets.SplitAddress(good)
	badLocal, _, _ := tickets.SplitAddress(bad)
	head := len("support+r.")
	for _, forged := range []string{
		local[:len(local)-1] + string(local[len(local)-1]^1), local[:head+4] + string(local[head+4]^1) + local[head+5:], local[:len(local)-2], local + "a",
		local[:head+12] + badLocal[head+12:], "support+a." + local[head:], "support+r." + strings.Repeat("a", 34),
	} {
		g := d.send(mail{From: "ann@customer.example", Rcpt: []string{forged + "@" + domain}})
		if g.err == nil && g.t.ID == own.t.ID {
			t.Errorf("%q works", forged)
		}
	}
	if g := d.ok(mail{Rcpt: []string{strings.ToUpper(good)}, Body: "Again"}); g.t.ID != own.t.ID || g.m.Unverified {
		t.Error("the true address in capitals does not work")
	}
	refs := strings.Repeat("<nothing@reply.desk.example>\r\n ", 200)
	if g := d.ok(mail{From: "eve@evil.example", Header: "References: " + refs + "<" + own.m.MessageID + ">\r\n"}); g.t.ID == own.t.ID {
		t.Error("200 references join")
	}
}

func TestH6_AgentSpoof(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	before := d.ofTicket(own.t.ID)
	for i, m := range []mail{
		{Rcpt: []string{"support@desk.example"}},
		{Rcpt: []string{"support+commands@desk.example"}},
		{Rcpt: d.replyTo(own.t, 1)},
		{Rcpt: []string{d.addr.Command(d.support, d.ada.ID)}},
	} {
		m.From, m.IP, m.Body = "ada@team.example", evilIP, "#resolve\r\n#take "+own.t.Ref+"\r\n"
		g := d.ok(m)
		if len(d.held()) != i+1 || g.t != nil || len(outside(g.out)) != 0 {
			t.Errorf("mail %d: %d held, ticket %v, mail to %v", i, len(d.held()), g.t, outside(g.out))
		}
		if len(g.out) != 1 || g.out[0].To != "ada@team.example" || !strings.Contains(g.out[0].Spec.Text, "| #resolve") {
			t.Errorf("mail %d: Ada is asked %v", i, g.out)
		}
	}
	if d.ofTicket(own.t.ID) != before {
		t.Error("the ticket changed")
	}
	// Even Ada's own server proves nothing at an address that everybody knows.
	d.ok(mail{From: "ada@team.example", Rcpt: []string{"support+commands@desk.example"}, Body: "#take " + own.t.Ref + "\r\n"})
	if d.ofTicket(own.t.ID) != before {
		t.Error("a command at a public address was obeyed")
	}
	// With the secret of an answer, held too: nothing reaches the customer.
	g := d.ok(mail{From: "ada@team.example", IP: evilIP, Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "Pay to this account."})
	if len(outside(g.out)) != 0 || g.t != nil {
		t.Errorf("mail to %v", outside(g.out))
	}
	// And from anybody else's mailbox, proved or not.
	g = d.ok(mail{From: "eve@evil.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "Pay to this account."})
	if len(outside(g.out)) != 0 || g.t != nil {
		t.Errorf("mail to %v", outside(g.out))
	}
	// Plain words from her are a stranger's.
	g = d.ok(mail{From: "ada@team.example", IP: evilIP, Body: "Please reset my password."})
	if g.t == nil || g.m.AuthorAgent != 0 || g.m.Proof == "agent" || len(g.out) != 0 {
		t.Errorf("kept as %+v", g.m)
	}
	// By authenticated submission she is obeyed.
	d.ok(mail{From: "ada@team.example", Agent: d.ada, Rcpt: []string{"support+commands@desk.example"}, Body: "#take " + own.t.Ref + "\r\n"})
	if k, _ := d.ticket(own.t.ID); k.AssigneeID != d.ada.ID {
		t.Error("an authenticated agent is not obeyed")
	}
}

func TestH7_OwnDomainInbound(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.answer(own.t, "Turn it off.")
	for _, from := range []string{"support@desk.example", "boss@desk.example", "x@reply.desk.example", "privacy@desk.example", "info@old.example", d.replyTo(own.t, 1)[0]} {
		d.refused(mail{From: from, IP: evilIP, Sender: "x@evil.example"}, tickets.RefuseOwnDomain)
	}
	if g := d.ok(mail{From: "boss@desk.example"}); g.m.Proof != "aligned" {
		t.Error("proved mail of our own domain is not")
	}
	// What the privacy address gets is never refused for its check.
	if g := d.ok(mail{From: "boss@desk.example", IP: evilIP, Rcpt: []string{"privacy@desk.example"}}); g.t.QueueID != d.privacy.ID || len(g.out) != 0 {
		t.Errorf("in queue %d, mail %v", g.t.QueueID, kinds(g.out))
	}
	// Our own mail that comes back is a loop, wherever it comes from.
	for _, o := range d.outgoing() {
		for _, rcpt := range []string{"support@desk.example", "privacy@desk.example"} {
			d.refused(mail{From: "list@customer.example", ID: o.MessageID, Rcpt: []string{rcpt}}, tickets.RefuseLoop)
		}
	}
	// A mail that bears a customer's id is none.
	d.ok(mail{From: "dora@other.example", ID: own.m.MessageID, Body: "something else"})
}

func TestH8_ReplyToAuthor(t *testing.T) {
	d := newDesk(t)
	g := d.ok(mail{From: "mallory@evil.example", Header: "Reply-To: victim@customer.example\r\n"})
	if g.t.Requester().Address != "mallory@evil.example" || g.m.From != "mallory@evil.example" {
		t.Errorf("the author is %s", g.t.Requester().Address)
	}
	d.jobs()
	for _, o := range append(g.out, d.answer(g.t, "Hello.").out...) {
		if o.To == "victim@customer.example" || slices.Contains(o.Spec.Cc, "victim@customer.example") {
			t.Errorf("%s to the address of Reply-To", o.Kind)
		}
	}
}

func TestH9_MultiFrom(t *testing.T) {
	d := newDesk(t)
	d.refused(mail{From: "ann@customer.example\r\nFrom: eve@evil.example", Sender: "eve@evil.example"}, tickets.RefuseMalformed)
	d.refused(mail{From: "ann@customer.example, eve@evil.example", Sender: "eve@evil.example"}, tickets.RefuseMalformed)
	d.refused(mail{From: "g: ann@customer.example, eve@evil.example;", Sender: "eve@evil.example"}, tickets.RefuseMalformed)
	for _, m := range []mail{{From: "-"}, {From: "undisclosed-recipients:;"}, {From: ""}} {
		m.Sender, m.Raw = "ann@customer.example", ""
		if m.From == "" {
			m.Raw = "From: \r\nTo: support@desk.example\r\nSubject: x\r\n\r\nHello\r\n"
		}
		m.IP = home["customer.example"]
		g := d.ok(m)
		if g.m.From != "ann@customer.example" || g.m.Proof == "aligned" || len(g.out) != 0 {
			t.Errorf("From %q: author %q, %s, mail %v", m.From, g.m.From, g.m.Proof, kinds(g.out))
		}
	}
}

func TestH10_DisplayName(t *testing.T) {
	d := newDesk(t)
	g := d.ok(mail{From: "\"ada@team.example\" <eve@evil.example>", Body: "#resolve\r\n"})
	if g.t.Requester().Address != "eve@evil.example" || g.m.From != "eve@evil.example" || g.m.AuthorAgent != 0 {
		t.Errorf("the author is %+v", g.m)
	}
	g = d.ok(mail{From: "=?utf-8?q?ada=40team.example=E2=80=AE=E2=80=8B?= <eve@evil.example>"})
	if g.m.From != "eve@evil.example" || strings.ContainsAny(g.m.FromName, "\u202e\u200b") {
		t.Errorf("shown as %q", g.m.FromName)
	}
}

func TestH11_ForwardLeak(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{Body: "My secret"})
	note := d.jobs()[0]
	for i, rcpt := range [][]string{{"support@desk.example"}, d.replyTo(own.t, 1)} {
		// Ada forwards the notification: inline, and attached.
		for _, m := range []mail{
			{Body: "fyi\r\n\r\n---------- Forwarded message ---------\r\nFrom: Support <support@desk.example>\r\nSubject: Printer\r\n\r\nMy secret and an internal note\r\n"},
			{Header: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n", Body: "--b\r\nContent-Type: text/plain\r\n\r\nfyi\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" +
				"From: Support <support@desk.example>\r\nSubject: Printer\r\n\r\nMy secret and an internal note\r\n--b--\r\n"},
		} {
			m.From, m.Subject, m.Rcpt, m.Header = "ada@team.example", "Fwd: Printer", rcpt, m.Header+"In-Reply-To: <"+note.MessageID+">\r\n"
			g := d.ok(m)
			if len(outside(g.out)) != 0 || len(outside(d.jobs())) != 0 {
				t.Errorf("forward %d to %v", i, outside(g.out))
			}
			if g.t != nil && g.t.Requester() != nil && g.t.Requester().Address == "support@desk.example" {
				t.Error("the desk is its own customer")
			}
		}
	}
	// In an answer, an attached mail stays behind.
	g := d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)},
		Header: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n",
		Body: "--b\r\nContent-Type: text/plain\r\n\r\nHere you are.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: ben@team.example\r\nSubject: internal\r\n\r\nx\r\n" +
			"--b\r\nContent-Type: text/vcard; name=ada.vcf\r\nContent-Disposition: attachment\r\n\r\nBEGIN:VCARD\r\nEND:VCARD\r\n" +
			"--b\r\nContent-Type: application/pdf; name=manual.pdf\r\nContent-Disposition: attachment\r\n\r\nPDF\r\n--b--\r\n"})
	if len(outside(g.out)) != 1 || len(g.out[0].Spec.Attach) != 1 || g.m.Attachments[g.out[0].Spec.Attach[0]].Name != "manual.pdf" {
		t.Errorf("attached: %v of %+v", g.out[0].Spec.Attach, g.m.Attachments)
	}
}

func TestH12_AckBomb(t *testing.T) {
	d := newDesk(t)
	acks := 0
	for i := range 30 {
		d.ok(mail{Subject: fmt.Sprintf("Buy %d", i), Body: fmt.Sprint(i), Quiet: true})
	}
	if acks = len(d.outgoing()); acks != 1 {
		t.Errorf("%d acknowledgements to one address within a day", acks)
	}
	// Forged, none at all, whatever they say.
	for i := range 10 {
		if g := d.ok(mail{From: fmt.Sprintf("victim%d@customer.example", i), IP: evilIP}); len(g.out) != 0 {
			t.Fatal("an unproved sender is acknowledged")
		}
	}
	// In all.
	now := d.now
	for i := range 200 {
		d.now = now
		d.ok(mail{From: fmt.Sprintf("user%d@customer.example", i), Body: fmt.Sprint(i), Quiet: true})
	}
	if acks = len(d.outgoing()) - acks; acks == 0 || acks > 60 {
		t.Errorf("%d acknowledgements in a minute", acks)
	}
	// Nothing of the writer's words goes along but a proved one's subject.
	d.now = now.Add(48 * time.Hour)
	g := d.ok(mail{From: "zoe@customer.example", Subject: "Buy pills", Body: "CANARY"})
	if len(g.out) != 1 || strings.Contains(d.words(g.out[0].Spec), "CANARY") || g.out[0].Spec.Subject != "Buy pills" {
		t.Errorf("acknowledged %+v", g.out)
	}
	d.now = d.now.Add(25 * time.Hour)
	if g := d.ok(mail{Subject: "Tomorrow", Body: "x"}); len(g.out) != 1 {
		t.Error("no acknowledgement the next day")
	}
}

func TestH13_AckLoop(t *testing.T) {
	d := newDesk(t)
	for i, h := range []string{
		"Auto-Submitted: auto-replied\r\n", "Auto-Submitted: auto-generated\r\n", "Precedence: bulk\r\n", "Precedence: junk\r\n", "Precedence: list\r\n",
		"List-Id: <list.customer.example>\r\n", "List-Unsubscribe: <mailto:x@customer.example>\r\n", "X-Auto-Response-Suppress: All\r\n", "X-Loop: x@customer.example\r\n",
		"X-Autoreply: yes\r\n",
	} {
		if g := d.ok(mail{From: fmt.Sprintf("desk%d@customer.example", i), Header: h}); len(g.out) != 0 {
			t.Errorf("%q is acknowledged", strings.TrimSpace(h))
		}
	}
	if g := d.ok(mail{From: "null@customer.example", Sender: "-"}); len(g.out) != 0 {
		t.Error("a null sender is acknowledged")
	}
	// Two desks that answer each other, the other one without any mark.
	acks := 0
	header, subject := "", "Hello"
	before := len(d.outgoing())
	for i := range 100 {
		d.ok(mail{From: "help@customer.example", Subject: subject, Header: header, Body: fmt.Sprint("We got your mail ", i), Quiet: true})
		if i == 0 {
			header = "In-Reply-To: <" + d.outgoing()[before].MessageID + ">\r\n"
		}
		subject = "Re: " + subject
	}
	if acks = len(d.outgoing()) - before; acks != 1 {
		t.Errorf("%d acknowledgements in 100 rounds", acks)
	}
}

func TestH14_ServiceNow(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	g := d.ok(mail{Rcpt: d.replyTo(own.t, 1), Header: "Auto-Submitted: auto-generated\r\n", Body: "INC0012345: we did as you said and it works."})
	if g.t.ID != own.t.ID || len(g.out) != 0 || g.m.Kind != "auto-reply" {
		t.Errorf("in ticket %d as %s, mail %v", g.t.ID, g.m.Kind, kinds(g.out))
	}
	if got := d.bytesOf(g.m); !strings.Contains(got, "INC0012345") {
		t.Error("it was not kept whole")
	}
}

const dsn = "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n"

func report(recipient, action, status, id string) string {
	return "--b\r\nContent-Type: text/plain\r\n\r\nYour mail was not delivered.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
		"Reporting-MTA: dns; mx.customer.example\r\n\r\nFinal-Recipient: rfc822; " + recipient + "\r\nAction: " + action + "\r\nStatus: " + status +
		"\r\nDiagnostic-Code: smtp; 550 " + status + " no\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <" + id + ">\r\n--b--\r\n"
}

func TestH15_BounceSpoof(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	answer := d.answer(own.t, "Turn it off.").out[0]
	d.jobs()
	state := func() tickets.OutState {
		var s tickets.OutState
		d.must(d.store.View(t.Context(), func(v tickets.View) (err error) { _, s, err = v.OutgoingByID(t.Context(), answer.ID); return err }))
		return s
	}
	before := state()
	bounce := mail{From: "MAILER-DAEMON@evil.example", Sender: "-", Header: dsn, Body: report("ann@customer.example", "failed", "5.1.1", answer.MessageID)}
	for _, rcpt := range [][]string{{"support@desk.example"}, d.replyTo(own.t, 1)} {
		bounce.Rcpt = rcpt
		g := d.ok(bounce)
		if state() != before || len(g.out) != 0 || g.t.ID == own.t.ID {
			t.Fatalf("a forged bounce to %s: %s, ticket %d", rcpt[0][:9], state(), g.t.ID)
		}
	}
	path := d.addr.Return(d.support, answer.ID, d.now)
	for _, forged := range []string{"support+b.aaaaaaaa@reply.desk.example", strings.Replace(path, "+b.", "+r.", 1), d.addr.Return(d.support, answer.ID, d.now.AddDate(0, 0, -20))} {
		bounce.Rcpt = []string{forged}
		if g := d.send(bounce); g.err == nil {
			t.Errorf("%s is received", forged)
		}
	}
	d.jobs()
	// A delay changes nothing; the true report ends the delivery and tells the agent.
	late := bounce
	late.Rcpt, late.Body = []string{path}, report("ann@customer.example", "delayed", "4.4.1", answer.MessageID)
	if d.ok(late); state() != before || len(d.jobs()) != 0 {
		t.Errorf("after a delay: %s", state())
	}
	bounce.Rcpt = []string{path}
	g := d.ok(bounce)
	if state() != tickets.OutFailed || g.t.ID != own.t.ID || g.t.State != tickets.StateWaiting || !slices.Contains(d.events(own.t), "bounced") {
		t.Errorf("after the report: %s, ticket %d is %s", state(), g.t.ID, g.t.State)
	}
	if told := d.jobs(); len(told) != 1 || told[0].ToAgent != d.ada.ID {
		t.Errorf("told %v", told)
	}
}

func TestFullMailboxTellsTheAgent(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	answer := d.answer(own.t, "Turn it off.").out[0]
	d.jobs()
	d.ok(mail{From: "MAILER-DAEMON@customer.example", Sender: "-", Rcpt: []string{d.addr.Return(d.support, answer.ID, d.now)}, Header: dsn,
		Body: report("ann@customer.example", "failed", "5.2.2", answer.MessageID)})
	if told := d.jobs(); len(told) != 1 || told[0].ToAgent != d.ada.ID {
		t.Errorf("told %v", told)
	}
}

func TestH16_ExportByCommand(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{Body: "#list\r\n#show " + "AAAA-AAAA" + "\r\nexport all tickets"})
	if len(outside(own.out)) != 1 || own.out[0].Kind != tickets.OutAck || own.t == nil {
		t.Errorf("mail %v", kinds(own.out))
	}
	g := d.ok(mail{Rcpt: []string{"support+commands@desk.example"}, Body: "#list\r\n"})
	for _, o := range g.out {
		if o.Kind != tickets.OutAck {
			t.Errorf("a customer's command is answered by %s", o.Kind)
		}
	}
}

func TestH17_MergeAndSplit(t *testing.T) {
	d := newDesk(t)
	ann, dora := d.ok(mail{}), d.ok(mail{From: "dora@other.example", Subject: "Toner"})
	d.jobs()
	// Ann asks for it: words.
	g := d.ok(mail{Rcpt: d.replyTo(ann.t, 1), Body: "#merge " + dora.t.Ref + "\r\n"})
	if g.t.ID != ann.t.ID || g.t.MergedInto != 0 {
		t.Error("a customer merges")
	}
	// Ann writes to both secret addresses.
	g = d.ok(mail{Rcpt: append(d.replyTo(dora.t, 1), d.replyTo(ann.t, 1)...), Body: "Both?"})
	if g.t.ID != ann.t.ID {
		t.Error("her mail is in Dora's ticket")
	}
	// Ada does.
	d.jobs()
	m := d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, ann.t.Ref, d.ada.ID)}, Body: "#merge " + dora.t.Ref + "\r\n"})
	merged, _ := d.ticket(ann.t.ID)
	into, messages := d.ticket(dora.t.ID)
	if merged.MergedInto != dora.t.ID || len(messages) != 5 || into.Requester().Address != "dora@other.example" || len(outside(m.out)) != 0 {
		t.Fatalf("merged into %d, %d messages", merged.MergedInto, len(messages))
	}
	requesters := 0
	for _, p := range into.Parties {
		if p.Role == tickets.PartyRequester {
			requesters++
		}
	}
	if requesters != 1 {
		t.Errorf("%d requesters", requesters)
	}
	// Ann's old address leads to the survivor; her answers are her own.
	g = d.ok(mail{Rcpt: d.replyTo(ann.t, 1), Body: "Still there?"})
	if g.t.ID != dora.t.ID || g.m.Unverified {
		t.Errorf("a reply to the merged ticket is in %d", g.t.ID)
	}
	// A second merge of what was merged leads to the survivor too.
	third := d.ok(mail{From: "carl@other.example", Subject: "Third"})
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, third.t.Ref, d.ada.ID)}, Body: "#merge " + ann.t.Ref + "\r\n"})
	if k, _ := d.ticket(third.t.ID); k.MergedInto != dora.t.ID {
		t.Errorf("merged into %d", k.MergedInto)
	}
}
