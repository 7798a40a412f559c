package tickets

import (
	"slices"
	"strings"
	"testing"
	"time"

	"postroom/threading"
)

var (
	now  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	keys = &threading.Keyring{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}}
	addr = Addresses{Keys: keys}
)

const (
	queueSupport, queueBilling = 1, 2
	ada, ben, cleo, root       = 11, 12, 13, 14 // ada and ben: support; cleo: billing; root: admin
)

// directory is a desk with two queues and four agents.
func directory() *Directory {
	return &Directory{
		Queues: []*Queue{
			{ID: queueSupport, Org: 1, Name: "Support", Address: "support@desk.example", ReplyDomain: "desk.example", Ack: true},
			{ID: queueBilling, Org: 1, Name: "Billing", Address: "billing@desk.example", ReplyDomain: "desk.example", Ack: true},
		},
		Agents: []*Agent{
			{ID: ada, Org: 1, Name: "ada", Address: "ada@team.example", Role: RoleAgent, Queues: []int64{queueSupport}, Active: true},
			{ID: ben, Org: 1, Name: "ben", Address: "ben@team.example", Role: RoleAgent, Queues: []int64{queueSupport}, Active: true},
			{ID: cleo, Org: 1, Name: "cleo", Address: "cleo@team.example", Role: RoleAgent, Queues: []int64{queueBilling}, Active: true},
			{ID: root, Org: 1, Name: "root", Address: "root@team.example", Role: RoleAdmin, Active: true},
		},
	}
}

func person(id int64, address string) *Person {
	return &Person{ID: id, Org: 1, Address: address, Language: "de"}
}

// ticket is Ann's, with Bob in Cc and a third who was never promised anything.
func ticket() *Ticket {
	return &Ticket{ID: 100, Org: 1, Ref: "AAAA-AAAA", QueueID: queueSupport, State: StateOpen, Priority: PriorityNormal, Subject: "Printer",
		Language: "de", Created: now.Add(-time.Hour), Updated: now.Add(-time.Hour), Version: 3, LastInID: 1001,
		Parties: []Party{
			{No: 1, Person: person(1, "ann@customer.example"), Role: PartyRequester},
			{No: 2, Person: person(2, "bob@customer.example"), Role: PartyCc},
			{No: 3, Person: person(3, "third@elsewhere.example"), Role: PartyThird},
			{No: 4, Person: person(4, "gone@customer.example"), Role: PartyCc, Removed: true},
			{No: 5, Person: &Person{ID: 5, Org: 1}, Role: PartyCc}, // erased
		}}
}

// contents are the messages of ticket.
func contents() []*Message {
	return []*Message{
		{ID: 1000, TicketID: 100, Direction: DirectionIn, Kind: "mail", MessageID: "first@customer.example", From: "ann@customer.example",
			AuthorPerson: person(1, "ann@customer.example"), Subject: "Printer", Text: "It burns", Received: now.Add(-time.Hour)},
		{ID: 1001, TicketID: 100, Direction: DirectionIn, Kind: "mail", MessageID: "second@customer.example", From: "ann@customer.example",
			AuthorPerson: person(1, "ann@customer.example"), Subject: "Another thing", Text: "And it smokes", Received: now.Add(-time.Minute),
			Attachments: []Attachment{{Name: "smoke.jpg"}, {Name: "fire.jpg"}}},
	}
}

// other is Dora's ticket in the same queue.
func other() *Ticket {
	return &Ticket{ID: 200, Org: 1, Ref: "BBBB-BBBB", QueueID: queueSupport, State: StateWaiting, Priority: PriorityNormal, Subject: "Toner",
		Version: 1, Parties: []Party{{No: 1, Person: person(9, "dora@other.example"), Role: PartyRequester}}}
}

// private is a ticket of the billing queue.
func private() *Ticket {
	return &Ticket{ID: 300, Org: 1, Ref: "CCCC-CCCC", QueueID: queueBilling, State: StateOpen, Priority: PriorityNormal, Subject: "Secret bill",
		Version: 1, Parties: []Party{{No: 1, Person: person(8, "rich@bank.example"), Role: PartyRequester}}}
}

// agentMail is a mail of Ada's with that text, in answer to the newest message.
func agentMail(text string) AgentMail {
	t, list := ticket(), contents()
	am := AgentMail{Agent: directory().AgentByID(ada), Ticket: t, Directory: directory(), Addr: addr, Now: now, Base: list[1],
		Contents: map[int64][]*Message{100: list, 200: {{ID: 2000, TicketID: 200, Direction: DirectionIn, Text: "No toner"}}, 300: {{ID: 3000, Direction: DirectionIn, Text: "the bill"}}},
		Named:    map[string]*Ticket{"AAAA-AAAA": ticket(), "BBBB-BBBB": other(), "CCCC-CCCC": private()},
		Message:  &Message{MessageID: "agent@team.example", From: "ada@team.example", Direction: DirectionIn, Kind: "mail", Subject: "Re: Printer", Text: text},
	}
	am.Queue = am.Directory.QueueByID(queueSupport)
	am.Commands, am.Text, am.Errors = ParseCommands(text)
	am.Text = strings.TrimSpace(am.Text)
	return am
}

// atCommandAddress takes the ticket away from a mail.
func atCommandAddress(am AgentMail) AgentMail {
	am.Ticket, am.Base = nil, nil
	return am
}

// outside are the mails of a change that go to anybody but agents.
func outside(ch *Change) (to []string) {
	for _, o := range ch.Outbox {
		if o.ToAgent == 0 {
			to = append(to, o.To)
		} else if a := directory().AgentByID(o.ToAgent); a == nil || a.Address != o.To {
			to = append(to, "not the agent: "+o.To)
		}
	}
	slices.Sort(to)
	return to
}

// receipt is the text of the receipt in a change.
func receipt(t *testing.T, ch *Change) string {
	t.Helper()
	for _, o := range ch.Outbox {
		if o.Kind == OutReceipt {
			if o.To != "ada@team.example" || o.ToAgent != ada || o.Spec.InReply != "agent@team.example" {
				t.Errorf("the receipt goes to %s in reply to %q", o.To, o.Spec.InReply)
			}
			return o.Spec.Text
		}
	}
	return ""
}

func events(ch *Change) (kinds []string) {
	for _, e := range ch.Events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// whole checks what holds for every change: each message once, each event of
// a ticket that is in it, each with an author.
func whole(t *testing.T, ch *Change) {
	t.Helper()
	seen := map[*Message]bool{}
	for _, m := range ch.Messages {
		if seen[m] {
			t.Error("a message twice in a change")
		}
		seen[m] = true
		if m.Ticket != nil && !slices.Contains(ch.Tickets, m.Ticket) {
			t.Errorf("a message goes to %s, which is not in the change", m.Ticket.Ref)
		}
	}
	for _, e := range ch.Events {
		if e.Ticket != nil && !slices.Contains(ch.Tickets, e.Ticket) {
			t.Errorf("event %s of %s, which is not in the change", e.Kind, e.Ticket.Ref)
		}
		if e.Actor == "" || e.At.IsZero() || e.Ticket == nil && e.TicketID == 0 {
			t.Errorf("event %s without author, time or ticket", e.Kind)
		}
		for k, v := range e.Data {
			if strings.Contains(v, "@") {
				t.Errorf("event %s holds an address: %s=%s", e.Kind, k, v)
			}
		}
	}
	for _, tk := range ch.Tickets {
		requesters := 0
		numbers := map[int]bool{}
		for _, p := range tk.Parties {
			if p.Role == PartyRequester {
				requesters++
			}
			if numbers[p.No] {
				t.Errorf("%s has two parties %d", tk.Ref, p.No)
			}
			numbers[p.No] = true
		}
		if requesters > 1 {
			t.Errorf("%s has %d requesters", tk.Ref, requesters)
		}
		if (tk.State == StateSnoozed) == tk.SnoozeUntil.IsZero() || (tk.State == StateResolved) == tk.ResolvedAt.IsZero() {
			t.Errorf("%s is %s, snoozed until %v, resolved at %v", tk.Ref, tk.State, tk.SnoozeUntil, tk.ResolvedAt)
		}
		if !slices.IsSorted(tk.Tags) {
			t.Errorf("%s has tags %q", tk.Ref, tk.Tags)
		}
	}
	for _, o := range ch.Outbox {
		if o.To == "" || o.MessageID == "" || o.QueueID == 0 || o.NotBefore.IsZero() || o.Org == 0 {
			t.Errorf("outgoing %s to %q is not complete", o.Kind, o.To)
		}
	}
}
