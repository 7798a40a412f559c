package tickets

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAnswerGoesToEachParty(t *testing.T) {
	am := agentMail("Turn it off first.")
	am.Attach, am.HTML = []int{0}, "<p>Turn it off first.</p>"
	ch := ReceiveAgent(am)
	whole(t, ch)
	if got := outside(ch); !slices.Equal(got, []string{"ann@customer.example", "bob@customer.example"}) {
		t.Fatalf("the answer goes to %q", got)
	}
	m := ch.Messages[0]
	if len(ch.Outbox) != 2 || m.Direction != DirectionOut || m.AuthorAgent != ada || m.Ticket != am.Ticket {
		t.Fatalf("%d mails, message %+v", len(ch.Outbox), m)
	}
	for i, o := range ch.Outbox {
		tok := keys.Parse(mustLocal(t, o.Spec.ReplyTo), now)
		if tok == nil || tok.Ref != "AAAA-AAAA" || tok.PartyNo != i+1 {
			t.Errorf("mail to %s has the reply address of party %+v", o.To, tok)
		}
		want := []string{"bob@customer.example"}
		if i == 1 {
			want = []string{"ann@customer.example"}
		}
		if !slices.Equal(o.Spec.Cc, want) {
			t.Errorf("mail to %s shows %q", o.To, o.Spec.Cc)
		}
		if o.MessageID != m.MessageID || o.MessageID == "agent@team.example" || !strings.HasSuffix(o.MessageID, "@desk.example") {
			t.Errorf("Message-ID %q", o.MessageID)
		}
		if o.Kind != OutAnswer || o.ToPerson == nil || o.ToAgent != 0 || o.Spec.Text != "Turn it off first." || o.Spec.Subject != "Printer" ||
			o.Spec.InReply != "second@customer.example" || !slices.Equal(o.Spec.Refs, []string{"first@customer.example", "second@customer.example"}) ||
			!slices.Equal(o.Spec.Attach, []int{0}) {
			t.Errorf("mail to %s: %+v", o.To, o.Spec)
		}
		if text, _ := json.Marshal(o.Spec); strings.Contains(string(text), "ada@team.example") {
			t.Errorf("the agent's own address goes to %s", o.To)
		}
	}
	if am.Ticket.State != StateWaiting || am.Ticket.AssigneeID != ada {
		t.Errorf("state %s, assignee %d", am.Ticket.State, am.Ticket.AssigneeID)
	}
	if !slices.Equal(events(ch), []string{"answered", "assigned", "state"}) {
		t.Errorf("events %v", events(ch))
	}
}

func TestAnswerNamesNothingThatPartiesHaveNotSeen(t *testing.T) {
	am := agentMail("Yes.")
	am.Contents[100] = append(am.Contents[100],
		&Message{ID: 1, Direction: DirectionNote, MessageID: "note@team.example"},
		&Message{ID: 2, Direction: DirectionIn, MessageID: "eve@evil.example", Unverified: true},
		&Message{ID: 3, Direction: DirectionIn, MessageID: "bounce@mx.example", Kind: "bounce"},
		&Message{ID: 4, Direction: DirectionOut, MessageID: "earlier@desk.example"})
	ch := ReceiveAgent(am)
	want := []string{"first@customer.example", "second@customer.example", "earlier@desk.example"}
	if o := ch.Outbox[0]; !slices.Equal(o.Spec.Refs, want) || o.Spec.InReply != "second@customer.example" {
		t.Errorf("References %q, In-Reply-To %q", o.Spec.Refs, o.Spec.InReply)
	}
}

func TestLongThreadsKeepTheFirstAndTheNewest(t *testing.T) {
	am := agentMail("Yes.")
	for i := range 60 {
		am.Contents[100] = append(am.Contents[100], &Message{ID: int64(2000 + i), Direction: DirectionIn, MessageID: "n" + strings.Repeat("x", i) + "@c.example"})
	}
	refs := ReceiveAgent(am).Outbox[0].Spec.Refs
	if len(refs) != maxChain || refs[0] != "first@customer.example" || refs[maxChain-1] != "n"+strings.Repeat("x", 59)+"@c.example" {
		t.Errorf("%d References: %q", len(refs), refs)
	}
}

// commandTable tries each command alone: what it makes of the ticket, and
// that nothing leaves.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		text  string
		setup func(*AgentMail)
		check func(*Ticket) bool
		event string
		jobs  int
	}{
		{"#resolve", nil, func(k *Ticket) bool { return k.State == StateResolved && k.ResolvedAt.Equal(now) }, "state", 0},
		{"#wait", nil, func(k *Ticket) bool { return k.State == StateWaiting }, "state", 0},
		{"#open", func(a *AgentMail) { a.Ticket.SetState(StateResolved, now) }, func(k *Ticket) bool { return k.State == StateOpen }, "state", 0},
		{"#open", nil, func(k *Ticket) bool { return k.State == StateOpen }, "", 0},
		{"#spam", nil, func(k *Ticket) bool { return k.State == StateSpam }, "state", -1},
		{"#snooze 3d", nil, func(k *Ticket) bool { return k.State == StateSnoozed && k.SnoozeUntil.Equal(now.Add(72*time.Hour)) }, "state", 0},
		{"#snooze 3d\n#open", nil, func(k *Ticket) bool { return k.State == StateOpen && k.SnoozeUntil.IsZero() }, "", 0},
		{"#snooze 5d", func(a *AgentMail) {
			a.Ticket.State, a.Ticket.SnoozeUntil = StateSnoozed, now.Add(time.Hour)
		}, func(k *Ticket) bool { return k.SnoozeUntil.Equal(now.Add(120 * time.Hour)) }, "state", 0},
		{"#assign me", nil, func(k *Ticket) bool { return k.AssigneeID == ada }, "assigned", 0},
		{"#assign BEN", nil, func(k *Ticket) bool { return k.AssigneeID == ben }, "assigned", 1},
		{"#assign <ben@team.example>", nil, func(k *Ticket) bool { return k.AssigneeID == ben }, "assigned", 1},
		{"#assign root", nil, func(k *Ticket) bool { return k.AssigneeID == root }, "assigned", 1},
		{"#assign nobody", func(a *AgentMail) { a.Ticket.AssigneeID = ben }, func(k *Ticket) bool { return k.AssigneeID == 0 }, "assigned", 0},
		{"#take", nil, func(k *Ticket) bool { return k.AssigneeID == ada }, "assigned", 1},
		{"#take AAAA-AAAA", nil, func(k *Ticket) bool { return k.AssigneeID == ada }, "assigned", 1},
		{"#tag vip big", func(a *AgentMail) { a.Ticket.Tags = []string{"old"} }, func(k *Ticket) bool { return slices.Equal(k.Tags, []string{"big", "old", "vip"}) }, "tagged", 0},
		{"#untag old", func(a *AgentMail) { a.Ticket.Tags = []string{"big", "old"} }, func(k *Ticket) bool { return slices.Equal(k.Tags, []string{"big"}) }, "untagged", 0},
		{"#priority URGENT", nil, func(k *Ticket) bool { return k.Priority == PriorityUrgent }, "priority", 0},
		{"#queue billing", nil, func(k *Ticket) bool { return k.QueueID == queueBilling }, "queue", 1},
		{"#queue billing\n#assign cleo", nil, func(k *Ticket) bool { return k.QueueID == queueBilling && k.AssigneeID == cleo }, "assigned", 2},
		{"#queue billing", func(a *AgentMail) { a.Ticket.AssigneeID = ada }, func(k *Ticket) bool { return k.AssigneeID == 0 }, "assigned", 1},
		{"#queue billing", func(a *AgentMail) { a.Ticket.AssigneeID = root }, func(k *Ticket) bool { return k.AssigneeID == root }, "queue", 0},
		{"#help", nil, func(k *Ticket) bool { return k.State == StateOpen }, "", 0},
	} {
		am := agentMail(c.text)
		if c.setup != nil {
			c.setup(&am)
		}
		ch := ReceiveAgent(am)
		whole(t, ch)
		if !c.check(am.Ticket) {
			t.Errorf("%q: the ticket is %+v", c.text, am.Ticket)
		}
		if c.event != "" && !slices.Contains(events(ch), c.event) || c.event == "" && len(ch.Events) > 0 {
			t.Errorf("%q: events %v", c.text, events(ch))
		}
		if got := outside(ch); got != nil {
			t.Errorf("%q: mail to %q", c.text, got)
		}
		if c.jobs >= 0 && len(ch.Jobs) != c.jobs {
			t.Errorf("%q: %d jobs", c.text, len(ch.Jobs))
		}
		if text := receipt(t, ch); text == "" || strings.Contains(text, "Nothing was done") {
			t.Errorf("%q: the receipt says %q", c.text, text)
		}
	}
}

func TestAnswerWithCommands(t *testing.T) {
	for _, c := range []struct {
		text     string
		state    State
		assignee int64
	}{
		{"#resolve\nDone.", StateResolved, ada},
		{"#open\nI'll look.", StateOpen, ada},
		{"#assign nobody\nSomebody will look.", StateWaiting, 0},
		{"#assign ben\nBen will look.", StateWaiting, ben},
		{"#queue billing\nOur colleagues of billing will answer.", StateWaiting, 0},
	} {
		am := agentMail(c.text)
		ch := ReceiveAgent(am)
		whole(t, ch)
		if len(outside(ch)) != 2 || receipt(t, ch) == "" {
			t.Errorf("%q: mail to %q", c.text, outside(ch))
		}
		if am.Ticket.State != c.state || am.Ticket.AssigneeID != c.assignee {
			t.Errorf("%q: %s, assignee %d", c.text, am.Ticket.State, am.Ticket.AssigneeID)
		}
		for _, o := range ch.Outbox {
			if o.Kind == OutAnswer && strings.Contains(o.Spec.Text, "#") {
				t.Errorf("%q: a command leaves", c.text)
			}
		}
	}
}

func TestWrongMailChangesNothing(t *testing.T) {
	for _, c := range []struct {
		name, text string
		setup      func(*AgentMail)
		says       string
	}{
		{"unknown command", "#tag vip\n#frobnicate\nHello", nil, "no such command"},
		{"half-way: tag, then an agent of another queue", "#tag vip\n#priority high\n#snooze 3d\n#assign cleo\nHello", nil, "does not work on this queue"},
		{"assign before the move", "#assign cleo\n#queue billing\nHello", nil, "does not work on this queue"},
		{"agent who lost the queue by the move", "#queue billing\n#assign ben", nil, "does not work on this queue"},
		{"no such agent", "#assign zoe", nil, "no agent"},
		{"no such queue", "#queue nowhere", nil, "no queue"},
		{"priority", "#priority highest", nil, "priorities"},
		{"tag", "#tag a,b", nil, "a tag is"},
		{"too many tags", "#tag one more", func(a *AgentMail) {
			for len(a.Ticket.Tags) < maxTags {
				a.Ticket.Tags = append(a.Ticket.Tags, "tag-"+strings.Repeat("x", len(a.Ticket.Tags)))
			}
		}, "at most"},
		{"snooze", "#snooze 20000w", nil, "within a year"},
		{"macro", "#macro refund", nil, "no macro"},
		{"merge with itself", "#merge AAAA-AAAA", nil, "into itself"},
		{"merge with nothing", "#merge ZZZZ-ZZZZ", nil, "no ticket"},
		{"merge with no reference", "#merge that one", nil, "no ticket"},
		{"merge into a queue of others", "#merge CCCC-CCCC", nil, "no ticket"},
		{"show a queue of others", "#show CCCC-CCCC", nil, "no ticket"},
		{"take from a queue of others", "#take CCCC-CCCC", nil, "no ticket"},
		{"merge twice", "#merge BBBB-BBBB\n#merge BBBB-BBBB", nil, "only once"},
		{"merge with an answer", "#merge BBBB-BBBB\nHello", nil, "mail of its own"},
		{"split with an answer", "#split\nHello", nil, "mail of its own"},
		{"merge and split", "#merge BBBB-BBBB\n#split", nil, "one at a time"},
		{"split of nothing", "#split", func(a *AgentMail) { a.Base = nil }, "answer the notification"},
		{"split of our own answer", "#split", func(a *AgentMail) { a.Base = &Message{ID: 1, Direction: DirectionOut} }, "answer the notification"},
		{"split of the only message", "#split", func(a *AgentMail) { a.Contents[100] = a.Contents[100][1:] }, "only message"},
		{"send what", "#send money", nil, "only attachments"},
		{"send of nothing", "#send attachments", func(a *AgentMail) { a.Base = nil }, "answer the notification"},
		{"new within a ticket", "#new eve@evil.example\nHello", func(a *AgentMail) { a.Customer = person(0, "eve@evil.example") }, "answers a ticket"},
		{"forward of nothing", "#forward", nil, "no forwarded"},
		{"empty mail", "", nil, "no text of your own"},
		{"nobody to answer", "Hello", func(a *AgentMail) { a.Ticket.Parties = a.Ticket.Parties[2:] }, "nobody in this ticket"},
		{"answer to a stranger's follow-up", "Hello", func(a *AgentMail) {
			a.Base = &Message{ID: 9, Direction: DirectionIn, Unverified: true, From: "eve@evil.example"}
		}, "outside of this ticket"},
		{"answer to a third party", "Hello", func(a *AgentMail) {
			a.Base = &Message{ID: 9, Direction: DirectionIn, Unverified: true, From: "third@elsewhere.example"}
		}, "outside of this ticket"},
		{"ticket in a queue of others", "Hello", func(a *AgentMail) { a.Ticket.QueueID = queueBilling }, "don't work on"},
		{"note in a queue of others", "#note\nHello", func(a *AgentMail) { a.Ticket.QueueID = queueBilling }, "don't work on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			am := agentMail(c.text)
			if c.setup != nil {
				c.setup(&am)
			}
			before := *am.Ticket
			before.Tags, before.Parties = slices.Clone(before.Tags), slices.Clone(before.Parties)
			ch := ReceiveAgent(am)
			whole(t, ch)
			if !reflect.DeepEqual(before, *am.Ticket) {
				t.Errorf("the ticket was %+v, is %+v", before, *am.Ticket)
			}
			for ref, k := range agentMail("").Named {
				if !reflect.DeepEqual(k, am.Named[ref]) {
					t.Errorf("%s changed", ref)
				}
			}
			if got := outside(ch); got != nil {
				t.Errorf("mail to %q", got)
			}
			if !slices.Equal(events(ch), []string{"refused"}) || len(ch.Jobs)+len(ch.Moved)+len(ch.Held) != 0 {
				t.Errorf("events %v", events(ch))
			}
			if len(ch.Messages) != 1 || ch.Messages[0].Direction != DirectionNote {
				t.Error("the mail is not kept as a note")
			}
			text := receipt(t, ch)
			if !strings.Contains(text, "Nothing was done") || !strings.Contains(text, c.says) {
				t.Errorf("the receipt says %q", text)
			}
			for _, secret := range []string{"Secret bill", "rich@bank.example", "the bill"} {
				if strings.Contains(text, secret) {
					t.Errorf("the receipt tells %q", secret)
				}
			}
		})
	}
}

// TestNoteNeverLeaves tries every command alone and every pair of them, with
// #note and at the note address: nothing goes to anybody but the agent.
func TestNoteNeverLeaves(t *testing.T) {
	lines := []string{"#resolve", "#wait", "#open", "#assign ben", "#take", "#take BBBB-BBBB", "#tag vip", "#untag vip", "#priority high", "#snooze 3d",
		"#queue billing", "#merge BBBB-BBBB", "#split", "#spam", "#macro refund", "#show", "#show BBBB-BBBB", "#list", "#send attachments",
		"#new ann@customer.example", "#forward", "#confirm", "#help", "#frobnicate", "#note", ""}
	const words = "CANARY this customer is difficult"
	tried := 0
	try := func(text string, noteOnly, command, confirmed bool) {
		am := agentMail(text)
		if command {
			am = atCommandAddress(am)
		}
		am.NoteOnly, am.Confirmed, am.Customer = noteOnly, confirmed, person(1, "ann@customer.example")
		am.HTML, am.Attach = "<p>"+words+"</p>", []int{0, 1}
		am.Newer = &Message{ID: 5000, AuthorAgent: ben, Direction: DirectionOut, Received: now, Text: "Ben's answer"}
		ch := ReceiveAgent(am)
		whole(t, ch)
		tried++
		if got := outside(ch); got != nil {
			t.Fatalf("%q (note address: %v): mail to %q", text, noteOnly, got)
		}
		for _, m := range ch.Messages {
			if m.Direction != DirectionNote {
				t.Fatalf("%q (note address: %v): kept as %q", text, noteOnly, m.Direction)
			}
		}
		for _, o := range ch.Outbox {
			if o.To != "ada@team.example" {
				t.Fatalf("%q: mail to %s", text, o.To)
			}
		}
	}
	for _, command := range []bool{false, true} {
		for _, confirmed := range []bool{false, true} {
			for _, a := range lines {
				for _, b := range lines {
					try("#note\n"+a+"\n"+b+"\n"+words, false, command, confirmed)
					try(a+"\n"+b+"\n#note\n"+words, false, command, confirmed)
					try(a+"\n"+b+"\n"+words, true, command, confirmed)
				}
			}
		}
	}
	t.Logf("%d mails", tried)
}

func TestNoteTellsTheAssignee(t *testing.T) {
	am := agentMail("#note\nLook here.")
	am.Ticket.AssigneeID = ben
	ch := ReceiveAgent(am)
	whole(t, ch)
	if len(ch.Jobs) != 1 || am.Ticket.State != StateOpen || !slices.Equal(events(ch), []string{"note"}) {
		t.Errorf("%d jobs, state %s, events %v", len(ch.Jobs), am.Ticket.State, events(ch))
	}
}

func TestCollision(t *testing.T) {
	newer := &Message{ID: 5000, AuthorAgent: ben, Direction: DirectionOut, Received: now.Add(-5 * time.Minute), Text: "Ben's answer"}
	am := agentMail("#resolve\nMy answer")
	am.Newer = newer
	before := *am.Ticket
	ch := ReceiveAgent(am)
	whole(t, ch)
	if outside(ch) != nil || len(ch.Held) != 1 || len(ch.Tickets) != 0 || !reflect.DeepEqual(before, *am.Ticket) {
		t.Fatalf("mail to %q, %d held, ticket %+v", outside(ch), len(ch.Held), am.Ticket)
	}
	h, o := ch.Held[0], ch.Outbox[0]
	if h.Kind != "collision" || h.Message != am.Message || h.AgentID != ada || !strings.Contains(o.Spec.Text, "Ben's answer") || !strings.Contains(o.Spec.Text, "5 minutes ago") {
		t.Errorf("held %+v, mail %q", h, o.Spec.Text)
	}
	if tok := keys.Parse(mustLocal(t, o.Spec.ReplyTo), now); tok == nil || tok.ID != h.ID {
		t.Error("the mail does not say how to send it anyway")
	}
	// Confirmed, it goes out; a note and bare commands never collide.
	am = agentMail("My answer")
	am.Newer, am.Confirmed = newer, true
	if got := outside(ReceiveAgent(am)); len(got) != 2 {
		t.Errorf("confirmed, it goes to %q", got)
	}
	for _, text := range []string{"#note\nMy note", "#resolve"} {
		am = agentMail(text)
		am.Newer = newer
		if ch := ReceiveAgent(am); len(ch.Held) != 0 {
			t.Errorf("%q was held", text)
		}
	}
}

func TestH17_Merge(t *testing.T) {
	am := agentMail("#merge BBBB-BBBB")
	ch := ReceiveAgent(am)
	whole(t, ch) // no ticket with two requesters
	from, into := am.Ticket, am.Named["BBBB-BBBB"]
	if from.MergedInto != 200 || from.State != StateResolved || into.State != StateOpen || len(ch.Moved) != 2 || outside(ch) != nil {
		t.Errorf("merged into %d, %s; the survivor is %s; %d moved; mail to %q", from.MergedInto, from.State, into.State, len(ch.Moved), outside(ch))
	}
	for _, mv := range ch.Moved {
		if mv.To != into {
			t.Error("a message moved elsewhere")
		}
	}
	if into.Requester().Address != "dora@other.example" {
		t.Error("the survivor has another requester")
	}
	if p := into.PartyByAddress("ann@customer.example"); p == nil || p.Role != PartyCc {
		t.Errorf("Ann in the survivor: %+v", p)
	}
	if p := into.PartyByAddress("third@elsewhere.example"); p == nil || p.Role != PartyThird {
		t.Errorf("the third in the survivor: %+v", p)
	}
	if into.PartyByAddress("gone@customer.example") != nil {
		t.Error("somebody who was removed came back by the merge")
	}
	if m := ch.Messages[0]; m.Ticket != into || m.Direction != DirectionNote {
		t.Error("the mail that asked for it is not in the survivor")
	}
	if text := receipt(t, ch); !strings.Contains(text, "ann@customer.example gets the answers in BBBB-BBBB") || strings.Contains(text, "third@") {
		t.Errorf("the receipt says %q", text)
	}
}

func TestH17_Split(t *testing.T) {
	am := agentMail("#split")
	ch := ReceiveAgent(am)
	whole(t, ch)
	if len(ch.Tickets) != 2 || len(ch.Moved) != 1 || ch.Moved[0].MessageID != 1001 || outside(ch) != nil {
		t.Fatalf("%d tickets, moved %+v", len(ch.Tickets), ch.Moved)
	}
	n := ch.Tickets[1]
	if n != ch.Moved[0].To || n.Ref == "AAAA-AAAA" || n.Subject != "Another thing" || n.LinkedTo != 100 || len(n.Parties) != 1 ||
		n.Requester().Address != "ann@customer.example" || n.LastInID != 1001 || am.Ticket.LastInID != 1000 {
		t.Errorf("the new ticket is %+v, the old one's newest %d", n, am.Ticket.LastInID)
	}
	if !strings.Contains(receipt(t, ch), n.Ref) {
		t.Error("the receipt does not name it")
	}
	// A stranger's follow-up gets a ticket of the stranger's.
	am = agentMail("#split")
	am.Base = &Message{ID: 1002, Direction: DirectionIn, Unverified: true, From: "eve@evil.example", AuthorPerson: person(66, "eve@evil.example")}
	am.Contents[100] = append(am.Contents[100], am.Base)
	ch = ReceiveAgent(am)
	if n := ch.Tickets[1]; n.Requester().Address != "eve@evil.example" || len(n.Parties) != 1 {
		t.Errorf("the stranger's ticket has parties %+v", n.Parties)
	}
}

func TestSendAttachments(t *testing.T) {
	am := agentMail("#send attachments")
	ch := ReceiveAgent(am)
	whole(t, ch)
	if len(ch.Outbox) != 2 || outside(ch) != nil {
		t.Fatalf("%d mails", len(ch.Outbox))
	}
	if o := ch.Outbox[0]; o.To != "ada@team.example" || o.Message != am.Base || !slices.Equal(o.Spec.Attach, []int{0, 1}) {
		t.Errorf("mail %+v", o)
	}
	am = agentMail("#send attachments")
	am.Base = am.Contents[100][0]
	if text := receipt(t, ReceiveAgent(am)); !strings.Contains(text, "no attachments") {
		t.Errorf("the receipt says %q", text)
	}
}

func TestShowTakeAndListByMail(t *testing.T) {
	am := atCommandAddress(agentMail("#show BBBB-BBBB"))
	ch := ReceiveAgent(am)
	whole(t, ch)
	if text := receipt(t, ch); !strings.Contains(text, "No toner") || !strings.Contains(text, "dora@other.example") {
		t.Errorf("shown: %q", text)
	}
	if ch.Messages[0].Ticket != nil || len(ch.Tickets) != 0 {
		t.Error("looking at a ticket changed it")
	}
	am = atCommandAddress(agentMail("#show CCCC-CCCC"))
	am.Agent = am.Directory.AgentByID(root)
	if text := ReceiveAgent(am).Outbox[0].Spec.Text; !strings.Contains(text, "Secret bill") {
		t.Errorf("an admin is shown %q", text)
	}
	am = atCommandAddress(agentMail("#take BBBB-BBBB"))
	ch = ReceiveAgent(am)
	whole(t, ch)
	if am.Named["BBBB-BBBB"].AssigneeID != ada || len(ch.Jobs) != 1 || ch.Jobs[0].Data["to"] != "11" {
		t.Errorf("taken: %+v, jobs %+v", am.Named["BBBB-BBBB"], ch.Jobs)
	}
	am = atCommandAddress(agentMail("#list"))
	am.Listed = []*Ticket{ticket(), other()}
	if text := receipt(t, ReceiveAgent(am)); !strings.Contains(text, "AAAA-AAAA") || !strings.Contains(text, "BBBB-BBBB") {
		t.Errorf("listed: %q", text)
	}
	am = atCommandAddress(agentMail("#list"))
	if text := receipt(t, ReceiveAgent(am)); !strings.Contains(text, "nothing open") {
		t.Errorf("listed: %q", text)
	}
	am = atCommandAddress(agentMail("Hello there"))
	if text := receipt(t, ReceiveAgent(am)); !strings.Contains(text, "held none") {
		t.Errorf("text without commands: %q", text)
	}
	am = atCommandAddress(agentMail("#resolve"))
	if text := receipt(t, ReceiveAgent(am)); !strings.Contains(text, "belongs in an answer") {
		t.Errorf("a ticket's command: %q", text)
	}
}

func TestNewWritesFirst(t *testing.T) {
	am := atCommandAddress(agentMail("#new zoe@new.example\nYour order has come."))
	am.Message.Subject, am.Customer = "Your order", person(0, "zoe@new.example")
	ch := ReceiveAgent(am)
	whole(t, ch)
	if got := outside(ch); !slices.Equal(got, []string{"zoe@new.example"}) {
		t.Fatalf("mail to %q", got)
	}
	k := ch.Tickets[0]
	if k.State != StateWaiting || k.AssigneeID != ada || k.Subject != "Your order" || k.Requester() != am.Customer || len(ch.Messages) != 1 ||
		ch.Messages[0].Ticket != k || ch.Messages[0].Direction != DirectionOut {
		t.Errorf("ticket %+v", k)
	}
	o := ch.Outbox[0]
	if tok := keys.Parse(mustLocal(t, o.Spec.ReplyTo), now); tok == nil || tok.Ref != k.Ref || tok.PartyNo != 1 || len(o.Spec.Cc) != 0 {
		t.Errorf("mail %+v", o.Spec)
	}
	for name, spoil := range map[string]func(*AgentMail){
		"nobody":  func(a *AgentMail) { a.Customer = nil },
		"no text": func(a *AgentMail) { a.Text = "" },
		"twice":   func(a *AgentMail) { a.Commands = append(a.Commands, a.Commands[0]) },
	} {
		am := atCommandAddress(agentMail("#new zoe@new.example\nYour order has come."))
		am.Customer = person(0, "zoe@new.example")
		spoil(&am)
		if ch := ReceiveAgent(am); outside(ch) != nil || len(ch.Tickets) != 0 {
			t.Errorf("%s: mail to %q, %d tickets", name, outside(ch), len(ch.Tickets))
		}
	}
}

func TestSpamIsNeverAnswered(t *testing.T) {
	am := agentMail("#spam\nSent from my phone")
	ch := ReceiveAgent(am)
	whole(t, ch)
	if outside(ch) != nil || am.Ticket.State != StateSpam {
		t.Errorf("mail to %q, state %s", outside(ch), am.Ticket.State)
	}
}

func TestClipKeepsRunes(t *testing.T) {
	for n := range 12 {
		if s := clip("größe東京", n); strings.ContainsRune(s, '\ufffd') {
			t.Errorf("%d: %q", n, s)
		}
	}
}
