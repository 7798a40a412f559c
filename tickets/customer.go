package tickets

import (
	"slices"
	"strconv"
	"time"

	"postroom/threading"
)

// Incoming is a mail from outside the team with all that its consequences
// depend on.
type Incoming struct {
	Message  *Message
	Sender   *Person // known or new; nil when nobody can be named
	Queue    *Queue  // where a new ticket goes
	Decision threading.Decision
	Ticket   *Ticket // the ticket joined or linked to; nil for a new one
	Language string
	Index    string // Outlook's conversation id, or empty

	Aligned   bool      // the sender check proved From
	Automatic bool      // an automatic reply
	Bounce    bool      // a delivery report that names no mail of ours
	Bulk      bool      // list or bulk mail
	Warning   bool      // looks like a one-time code or a verification of somebody else's service
	Copied    []*Person // people in To and Cc who are neither ours nor the sender
	By        *Agent    // the agent who passed the mail on; nil when it came by itself
	Junk      *Junk     // why a new ticket is spam; nil when it is none

	Ack    AckRule
	Import State // leave an imported ticket in this state and send nothing; empty otherwise
	Addr   Addresses
	Now    time.Time
}

// maxParties bounds who can be put in Cc of one ticket.
const maxParties = 50

// Receive says what follows from a customer's mail: which ticket it makes or
// joins, who is told, whether it is acknowledged.
func Receive(in Incoming) *Change {
	switch in.Decision.Action {
	case threading.Join:
		return in.join(CustomerWrote)
	case threading.Third:
		in.Message.Unverified = true
		return in.join(CustomerWrote)
	case threading.Unverified:
		in.Message.Unverified = true
		if in.Decision.PartyNo != 0 {
			// It may well be the customer: the team looks, nobody is told.
			return in.join(CustomerWrote)
		}
		return in.join(StrangerWrote)
	}
	return in.open()
}

func (in *Incoming) event(t *Ticket, kind string, data map[string]string) *Event {
	e := &Event{Ticket: t, TicketID: t.ID, At: in.Now, Kind: kind, Actor: ActorSystem, Message: in.Message, Data: data}
	switch {
	case in.By != nil:
		e.Actor, e.ActorID = ActorAgent, in.By.ID
	case in.Sender != nil:
		e.Actor, e.ActorID = ActorPerson, in.Sender.ID // 0 when new: the message names its author
	}
	return e
}

// open makes a new ticket of the mail.
func (in *Incoming) open() *Change {
	m := in.Message
	t := &Ticket{
		Org: in.Queue.Org, Ref: threading.NewRef(), QueueID: in.Queue.ID, State: StateNew, Priority: PriorityNormal,
		Subject: m.Subject, Language: in.Language, Created: in.Now, Updated: in.Now, ThreadIndex: in.Index,
	}
	if in.Sender != nil {
		t.Parties = append(t.Parties, Party{No: 1, Person: in.Sender, Role: PartyRequester, Joined: in.Now})
	}
	data := map[string]string{"queue": strconv.FormatInt(in.Queue.ID, 10), "why": string(in.Decision.Action)}
	switch in.Decision.Action {
	case threading.Linked, threading.FollowUp:
		t.LinkedTo = in.Decision.TicketID
		t.Tags = append(t.Tags, string(in.Decision.Action))
	}
	if in.Warning {
		t.Tags = append(t.Tags, "automated")
	}
	slices.Sort(t.Tags)
	m.Ticket = t
	ch := &Change{Tickets: []*Ticket{t}, Messages: []*Message{m}}
	ch.Events = append(ch.Events, in.event(t, "created", data))
	if in.Import != "" {
		t.State = in.Import
		if t.State == StateResolved {
			t.ResolvedAt = in.Now
		}
		return ch
	}
	if in.Junk != nil {
		return in.putAside(ch, t)
	}
	in.copyIn(ch, t)
	ch.Jobs = append(ch.Jobs, &Job{Kind: "notify", Ticket: t, Message: m, RunAt: in.Now})
	if in.ackable() {
		in.Ack.write(ch, in, t)
	}
	return ch
}

// join puts the mail into a ticket that is there.
func (in *Incoming) join(what Happening) *Change {
	t, m := in.Ticket, in.Message
	if in.Automatic || in.Bounce {
		what = AutoReplied
	}
	before := t.State
	m.Ticket = t
	ch := &Change{Tickets: []*Ticket{t}, Messages: []*Message{m}}
	ch.Events = append(ch.Events, in.event(t, "received", map[string]string{"why": string(in.Decision.Action)}))
	if in.Decision.Action == threading.Third && in.Sender != nil && t.PartyByAddress(in.Sender.Address) == nil && len(t.Parties) < maxParties {
		t.addParty(in.Sender, PartyThird, in.Now)
		ch.Events = append(ch.Events, in.event(t, "party", map[string]string{"role": string(PartyThird)}))
	}
	if in.Import != "" {
		in.putAway(t)
		return ch
	}
	t.Updated = in.Now
	t.SetState(NextState(t.State, what), in.Now)
	if t.State != before {
		ch.Events = append(ch.Events, in.event(t, "state", map[string]string{"from": string(before), "to": string(t.State)}))
	}
	if p := t.partyNo(in.Decision.PartyNo); in.Decision.Action == threading.Join && p != nil && p.Role == PartyRequester {
		in.copyIn(ch, t)
	}
	ch.Jobs = append(ch.Jobs, &Job{Kind: "notify", Ticket: t, Message: m, RunAt: in.Now})
	return ch
}

// putAway keeps the times of a ticket that old mail is put into: resolved, it
// counts as closed since its newest mail.
func (in *Incoming) putAway(t *Ticket) {
	if in.Now.After(t.Updated) {
		t.Updated = in.Now
	}
	if t.State == StateResolved && in.Now.After(t.ResolvedAt) {
		t.ResolvedAt = in.Now
	}
}

func (t *Ticket) partyNo(no int) *Party {
	for i := range t.Parties {
		if p := &t.Parties[i]; p.No == no && !p.Removed {
			return p
		}
	}
	return nil
}

// copyIn makes parties of those whom the proved requester put in To or Cc. A
// mail that only claims to be the requester's adds nobody: that is how a
// stranger would read along (docs/threats.md H2).
func (in *Incoming) copyIn(ch *Change, t *Ticket) {
	if !in.Aligned || in.Automatic || in.Bounce || in.Bulk || in.Warning {
		return
	}
	for _, p := range in.Copied {
		if len(t.Parties) >= maxParties {
			return
		}
		if t.PartyByAddress(p.Address) != nil {
			continue
		}
		t.addParty(p, PartyCc, in.Now)
		ch.Events = append(ch.Events, in.event(t, "party", map[string]string{"role": string(PartyCc)}))
	}
}

func (t *Ticket) addParty(p *Person, role PartyRole, now time.Time) *Party {
	no := 0
	for _, q := range t.Parties {
		no = max(no, q.No)
	}
	t.Parties = append(t.Parties, Party{No: no + 1, Person: p, Role: role, Joined: now})
	return &t.Parties[len(t.Parties)-1]
}

// SetState moves the ticket and keeps the times that belong to states.
func (t *Ticket) SetState(s State, now time.Time) {
	if s == t.State {
		return
	}
	t.State = s
	t.ResolvedAt, t.SnoozeUntil = time.Time{}, time.Time{}
	if s == StateResolved {
		t.ResolvedAt = now
	}
}

// AckRule says whether and how new tickets are acknowledged.
type AckRule struct {
	Enabled      bool
	RequireProof bool // only proved senders (docs/threats.md H12)
	PerSenderDay int  // 0: no limit
	SentToday    int
	OverBudget   bool // the installation's or the address's rate is used up
	OwnAddress   bool // the sender is one of ours
	Suppressed   bool // the mail asks for no automatic answer
}

// ackable decides whether a new ticket is acknowledged: once, never to
// anything that might answer by itself or that did not write to us (RFC 3834
// section 2).
func (in *Incoming) ackable() bool {
	a, m := in.Ack, in.Message
	switch {
	case !a.Enabled, !in.Queue.Ack, in.Sender == nil:
	case in.Automatic, in.Bounce, in.Bulk, in.Warning:
	case m.EnvelopeFrom == "", a.OwnAddress, a.Suppressed:
	case a.RequireProof && !in.Aligned:
	case a.PerSenderDay > 0 && a.SentToday >= a.PerSenderDay, a.OverBudget:
	default:
		return true
	}
	return false
}

func (a AckRule) write(ch *Change, in *Incoming, t *Ticket) {
	spec := OutSpec{
		Language: in.Language, Template: "ack",
		ReplyTo: in.Addr.Reply(in.Queue, t.Ref, 1),
	}
	if in.Message.MessageID != "" {
		spec.InReply = in.Message.MessageID
		spec.Refs = []string{in.Message.MessageID}
	}
	// A proved sender's own subject lets the client thread; an unproved one's
	// would let a forger write to a victim through us.
	if in.Aligned {
		spec.Subject = in.Message.Subject
	}
	ch.Outbox = append(ch.Outbox, &Outgoing{
		Org: t.Org, Kind: OutAck, MessageID: NewMessageID(in.Queue.ReplyDomain), Ticket: t, To: in.Sender.Address,
		ToPerson: in.Sender, QueueID: in.Queue.ID, Spec: spec, NotBefore: in.Now,
	})
}

// ReceiveBounce says what follows from a delivery report on a mail of ours,
// known by its return path: an event, and word to the agents when the mail is
// given up. Reports on acknowledgements and on our own reports stay an event.
func ReceiveBounce(m *Message, out *Outgoing, b Bounced, now time.Time) *Change {
	ch := &Change{Bounced: &b}
	t := out.Ticket
	if t == nil {
		return ch
	}
	m.Ticket = t
	ch.Tickets, ch.Messages = []*Ticket{t}, []*Message{m}
	t.Updated = now
	t.SetState(NextState(t.State, MailBounced), now)
	ch.Events = append(ch.Events, &Event{TicketID: t.ID, At: now, Kind: "bounced", Actor: ActorSystem, Message: m,
		Data: map[string]string{"outbox": strconv.FormatInt(out.ID, 10), "kind": string(out.Kind), "status": b.Status,
			"permanent": strconv.FormatBool(b.Permanent)}})
	switch {
	case !b.Permanent:
	case out.Kind == OutAnswer:
		ch.Jobs = append(ch.Jobs, &Job{Kind: "notify", Ticket: t, Message: m, RunAt: now})
	case out.Kind == OutNotification && (out.Message == nil || out.Message.Kind != "bounce"):
		// Somebody else has to know; but two dead mailboxes must not go on
		// telling of each other.
		ch.Jobs = append(ch.Jobs, &Job{Kind: "notify", Ticket: t, Message: m, RunAt: now,
			Data: map[string]string{"not": strconv.FormatInt(out.ToAgent, 10)}})
	}
	return ch
}
