package tickets

import (
	"slices"
	"strings"
	"testing"

	"postroom/threading"
)

// incoming is a proved mail of Ann's that makes a new ticket.
func incoming() Incoming {
	ann := person(1, "ann@customer.example")
	return Incoming{
		Message: &Message{MessageID: "ask@customer.example", Direction: DirectionIn, Kind: "mail", From: "ann@customer.example",
			EnvelopeFrom: "ann@customer.example", Subject: "Printer on fire", AuthorPerson: ann},
		Sender: ann, Queue: directory().QueueByID(queueSupport), Decision: threading.Decision{Action: threading.New}, Language: "de",
		Aligned: true, Ack: AckRule{Enabled: true, RequireProof: true, PerSenderDay: 1}, Addr: addr, Now: now,
	}
}

// joining is one that is put into ticket.
func joining(action threading.Action, party int) Incoming {
	in := incoming()
	in.Ticket = ticket()
	in.Decision = threading.Decision{Action: action, TicketID: 100, PartyNo: party}
	return in
}

func acks(ch *Change) int {
	n := 0
	for _, o := range ch.Outbox {
		if o.Kind == OutAck {
			n++
		}
	}
	return n
}

func TestNewTicket(t *testing.T) {
	in := incoming()
	in.Index, in.Copied = "01d9", []*Person{person(0, "bob@customer.example")}
	ch := Receive(in)
	whole(t, ch)
	k := ch.Tickets[0]
	if k.State != StateNew || k.QueueID != queueSupport || k.Subject != "Printer on fire" || k.ThreadIndex != "01d9" || k.Language != "de" ||
		k.Requester() != in.Sender || len(k.Parties) != 2 || k.Parties[1].Role != PartyCc || ch.Messages[0].Ticket != k {
		t.Errorf("ticket %+v", k)
	}
	if len(ch.Jobs) != 1 || ch.Jobs[0].Kind != "notify" || acks(ch) != 1 || !slices.Equal(events(ch), []string{"created", "party"}) {
		t.Errorf("%d jobs, %d acknowledgements, events %v", len(ch.Jobs), acks(ch), events(ch))
	}
	o := ch.Outbox[0]
	if tok := keys.Parse(mustLocal(t, o.Spec.ReplyTo), now); tok == nil || tok.Ref != k.Ref || tok.PartyNo != 1 {
		t.Error("the acknowledgement's reply address is not the ticket's")
	}
	if o.To != "ann@customer.example" || o.Spec.InReply != "ask@customer.example" || o.Spec.Subject != "Printer on fire" || o.Spec.Text != "" || len(o.Spec.Cc) != 0 {
		t.Errorf("acknowledgement %+v", o)
	}
}

func TestMailWithoutSender(t *testing.T) {
	in := incoming()
	in.Sender, in.Aligned, in.Message.From, in.Message.EnvelopeFrom, in.Message.AuthorPerson = nil, false, "", "", nil
	ch := Receive(in)
	whole(t, ch)
	if k := ch.Tickets[0]; len(k.Parties) != 0 || k.Requester() != nil || len(ch.Outbox) != 0 || len(ch.Jobs) != 1 || ch.Events[0].Actor != ActorSystem {
		t.Errorf("ticket %+v, events %+v", k, ch.Events[0])
	}
}

func TestH12_H13_Acknowledgements(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Incoming)
		ack  bool
	}{
		{"a person's proved mail", func(*Incoming) {}, true},
		{"off", func(in *Incoming) { in.Ack.Enabled = false }, false},
		{"off for the queue", func(in *Incoming) { in.Queue.Ack = false }, false},
		{"automatic reply", func(in *Incoming) { in.Automatic = true }, false},
		{"bounce", func(in *Incoming) { in.Bounce = true }, false},
		{"bulk or list", func(in *Incoming) { in.Bulk = true }, false},
		{"verification of a service", func(in *Incoming) { in.Warning = true }, false},
		{"null sender", func(in *Incoming) { in.Message.EnvelopeFrom = "" }, false},
		{"one of our addresses", func(in *Incoming) { in.Ack.OwnAddress = true }, false},
		{"asks for no automatic answer", func(in *Incoming) { in.Ack.Suppressed = true }, false},
		{"not proved", func(in *Incoming) { in.Aligned = false }, false},
		{"not proved, and no proof is asked for", func(in *Incoming) { in.Aligned, in.Ack.RequireProof = false, false }, true},
		{"one today already", func(in *Incoming) { in.Ack.SentToday = 1 }, false},
		{"no limit by day", func(in *Incoming) { in.Ack.SentToday, in.Ack.PerSenderDay = 9, 0 }, true},
		{"over the budget", func(in *Incoming) { in.Ack.OverBudget = true }, false},
		{"nobody to write to", func(in *Incoming) { in.Sender = nil }, false},
		{"import", func(in *Incoming) { in.Import = StateResolved }, false},
		{"junk", func(in *Incoming) { in.Junk = &Junk{Points: 9, Reasons: []string{"listed"}} }, false},
		{"linked ticket of a stranger", func(in *Incoming) { in.Decision.Action, in.Decision.TicketID = threading.Linked, 100 }, true},
		{"follow-up", func(in *Incoming) { in.Decision.Action, in.Decision.TicketID = threading.FollowUp, 100 }, true},
	} {
		in := incoming()
		c.set(&in)
		ch := Receive(in)
		whole(t, ch)
		if got := acks(ch) == 1; got != c.ack {
			t.Errorf("%s: acknowledged is %v", c.name, got)
		}
		if acks(ch) == 1 && !in.Aligned && ch.Outbox[0].Spec.Subject != "" {
			t.Errorf("%s: an unproved sender's subject goes out", c.name)
		}
	}
	for _, action := range []threading.Action{threading.Join, threading.Third, threading.Unverified} {
		if acks(Receive(joining(action, 1))) != 0 {
			t.Errorf("%s: a known ticket is acknowledged again", action)
		}
	}
}

func TestJoin(t *testing.T) {
	resolved := func(in *Incoming) { in.Ticket.SetState(StateResolved, now) }
	waiting := func(in *Incoming) { in.Ticket.SetState(StateWaiting, now) }
	for _, c := range []struct {
		name       string
		action     threading.Action
		party      int
		set        func(*Incoming)
		state      State
		unverified bool
		parties    int
	}{
		{"the requester reopens", threading.Join, 1, resolved, StateOpen, false, 5},
		{"the requester answers", threading.Join, 1, waiting, StateOpen, false, 5},
		{"a Cc reopens", threading.Join, 2, resolved, StateOpen, false, 5},
		{"an out-of-office doesn't (docs/threats.md H14: filed all the same)", threading.Join, 1, func(in *Incoming) { resolved(in); in.Automatic = true }, StateResolved, false, 5},
		{"a bounce doesn't", threading.Join, 1, func(in *Incoming) { resolved(in); in.Bounce = true }, StateResolved, false, 5},
		{"spam stays spam", threading.Join, 1, func(in *Incoming) { in.Ticket.State = StateSpam }, StateSpam, false, 5},
		{"a stranger with the secret address doesn't", threading.Unverified, 0, resolved, StateResolved, true, 5},
		{"who claims to be the requester does, for agents only", threading.Unverified, 1, resolved, StateOpen, true, 5},
		{"a new third party", threading.Third, 0, func(in *Incoming) {
			waiting(in)
			in.Sender = person(0, "carl@customer.example")
		}, StateOpen, true, 6},
		{"a known third party", threading.Third, 3, func(in *Incoming) {
			waiting(in)
			in.Sender = person(3, "third@elsewhere.example")
		}, StateOpen, true, 5},
	} {
		in := joining(c.action, c.party)
		c.set(&in)
		ch := Receive(in)
		whole(t, ch)
		k := ch.Tickets[0]
		if k.State != c.state || in.Message.Unverified != c.unverified || len(k.Parties) != c.parties {
			t.Errorf("%s: %s, unverified %v, %d parties", c.name, k.State, in.Message.Unverified, len(k.Parties))
		}
		if in.Message.Ticket != k || len(ch.Jobs) != 1 || len(ch.Outbox) != 0 {
			t.Errorf("%s: %d jobs, %d mails", c.name, len(ch.Jobs), len(ch.Outbox))
		}
		if p := k.Parties[len(k.Parties)-1]; c.parties == 6 && (p.Role != PartyThird || p.No != 6) {
			t.Errorf("%s: party %+v", c.name, p)
		}
	}
}

func TestH2_WhoIsPutInCc(t *testing.T) {
	evil := func() []*Person { return []*Person{person(0, "evil@evil.example")} }
	for _, c := range []struct {
		name string
		in   Incoming
		set  func(*Incoming)
		adds bool
	}{
		{"the proved requester", joining(threading.Join, 1), func(*Incoming) {}, true},
		{"the requester, not proved", joining(threading.Join, 1), func(in *Incoming) { in.Aligned = false }, false},
		{"who claims to be the requester", joining(threading.Unverified, 1), func(in *Incoming) { in.Aligned = false }, false},
		{"a proved Cc", joining(threading.Join, 2), func(*Incoming) {}, false},
		{"a proved stranger with the secret address", joining(threading.Unverified, 0), func(*Incoming) {}, false},
		{"a third party", joining(threading.Third, 3), func(*Incoming) {}, false},
		{"the requester's out-of-office", joining(threading.Join, 1), func(in *Incoming) { in.Automatic = true }, false},
		{"the requester through a list", joining(threading.Join, 1), func(in *Incoming) { in.Bulk = true }, false},
		{"a new ticket", incoming(), func(*Incoming) {}, true},
		{"a new ticket, not proved", incoming(), func(in *Incoming) { in.Aligned = false }, false},
		{"a verification", incoming(), func(in *Incoming) { in.Warning = true }, false},
		{"junk", incoming(), func(in *Incoming) { in.Junk = &Junk{} }, false},
		{"import", incoming(), func(in *Incoming) { in.Import = StateResolved }, false},
	} {
		c.in.Copied = evil()
		c.set(&c.in)
		ch := Receive(c.in)
		whole(t, ch)
		if got := ch.Tickets[0].PartyByAddress("evil@evil.example") != nil; got != c.adds {
			t.Errorf("%s: added is %v", c.name, got)
		}
		for _, o := range ch.Outbox {
			if o.Kind != OutAck || o.To != "ann@customer.example" {
				t.Errorf("%s: %s to %s", c.name, o.Kind, o.To)
			}
		}
	}
	in := joining(threading.Join, 1)
	for i := range 200 {
		in.Copied = append(in.Copied, person(0, strings.Repeat("x", i+1)+"@many.example"))
	}
	if n := len(Receive(in).Tickets[0].Parties); n > maxParties {
		t.Errorf("%d parties", n)
	}
}

func TestSomebodyRemovedIsNoParty(t *testing.T) {
	k := ticket()
	if k.PartyByAddress("gone@customer.example") != nil || k.PartyByAddress("") != nil {
		t.Error("found")
	}
	if k.PartyByAddress("ANN@Customer.Example") == nil {
		t.Error("not found in another case")
	}
	in := joining(threading.Join, 1)
	in.Copied = []*Person{person(4, "gone@customer.example")}
	p := Receive(in).Tickets[0].PartyByAddress("gone@customer.example")
	if p == nil || p.No != 6 {
		t.Errorf("who comes back gets number %+v: an old secret address would work again", p)
	}
}

func TestForwardIsTheAgentsDoing(t *testing.T) {
	in := incoming()
	in.By, in.Ack = directory().AgentByID(ada), AckRule{}
	ch := Receive(in)
	whole(t, ch)
	if e := ch.Events[0]; e.Actor != ActorAgent || e.ActorID != ada {
		t.Errorf("event %+v", e)
	}
}

func TestImportSendsNothing(t *testing.T) {
	in := incoming()
	in.Import, in.Copied = StateResolved, []*Person{person(0, "bob@customer.example")}
	ch := Receive(in)
	whole(t, ch)
	if k := ch.Tickets[0]; k.State != StateResolved || !k.ResolvedAt.Equal(now) || len(ch.Outbox)+len(ch.Jobs) != 0 {
		t.Errorf("ticket %+v", k)
	}
	in = joining(threading.Join, 1)
	in.Import = StateResolved
	in.Ticket.SetState(StateResolved, now.AddDate(0, 0, -3))
	ch = Receive(in)
	whole(t, ch)
	if k := ch.Tickets[0]; k.State != StateResolved || !k.ResolvedAt.Equal(now) || !k.Updated.Equal(now) || len(ch.Outbox)+len(ch.Jobs) != 0 {
		t.Errorf("ticket %+v", k)
	}
}

func TestH15_Bounce(t *testing.T) {
	bounce := func(kind OutKind, about *Message, permanent bool) *Change {
		out := &Outgoing{ID: 7, Kind: kind, Ticket: ticket(), ToAgent: ada, Message: about}
		ch := ReceiveBounce(&Message{ID: 8, Kind: "bounce", Direction: DirectionIn}, out, Bounced{OutboxID: 7, Permanent: permanent, Status: "5.1.1"}, now)
		whole(t, ch)
		if ch.Tickets[0].State != StateOpen || ch.Bounced.OutboxID != 7 || !slices.Equal(events(ch), []string{"bounced"}) || len(ch.Outbox) != 0 {
			t.Errorf("%s: %+v", kind, ch)
		}
		return ch
	}
	for _, c := range []struct {
		kind      OutKind
		about     *Message
		permanent bool
		told      int
	}{
		{OutAnswer, nil, true, 1}, {OutAnswer, nil, false, 0}, {OutAck, nil, true, 0}, {OutReceipt, nil, true, 0}, {OutReport, nil, true, 0},
		{OutNotification, &Message{Kind: "mail"}, true, 1},
		{OutNotification, &Message{Kind: "bounce"}, true, 0}, // two dead mailboxes don't tell of each other
	} {
		if ch := bounce(c.kind, c.about, c.permanent); len(ch.Jobs) != c.told {
			t.Errorf("%s, permanent %v: %d jobs", c.kind, c.permanent, len(ch.Jobs))
		}
	}
	if ch := ReceiveBounce(&Message{}, &Outgoing{ID: 7}, Bounced{OutboxID: 7}, now); ch.Bounced == nil || len(ch.Tickets) != 0 {
		t.Error("a mail of ours without a ticket")
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		in, local, domain string
		ok                bool
	}{
		{"a@b.example", "a", "b.example", true}, {`"x@y"@b.example`, `"x@y"`, "b.example", true},
		{"", "", "", false}, {"a", "", "", false}, {"@b", "", "", false}, {"a@", "", "", false},
	} {
		local, domain, ok := SplitAddress(c.in)
		if local != c.local || domain != c.domain || ok != c.ok {
			t.Errorf("%q: %q %q %v", c.in, local, domain, ok)
		}
	}
	q := directory().QueueByID(queueSupport)
	seen := map[string]bool{}
	for _, a := range []string{addr.Reply(q, "AAAA-AAAA", 1), addr.Agent(q, "AAAA-AAAA", 1), addr.Note(q, "AAAA-AAAA", 1), addr.Command(q, 1),
		addr.Return(q, 1, now), addr.Confirm(q, 1)} {
		local, domain, _ := SplitAddress(a)
		if seen[a] || domain != "desk.example" || !strings.HasPrefix(local, "support+") || keys.Parse(local, now) == nil {
			t.Errorf("%q", a)
		}
		seen[a] = true
	}
	for range 1000 {
		if id := NewHeldID(); id <= 0 || id >= 1<<47 {
			t.Fatalf("held id %d", id)
		}
	}
}
