package tickets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"postroom/threading"
)

// do carries out one command that was checked before.
func (r *agentRun) do(c Command) {
	switch c.Verb {
	case VerbNote:
		r.say("Your text was kept as an internal note; it was sent to nobody outside the team.")
	case VerbResolve:
		r.become(StateResolved, "The ticket is resolved.")
	case VerbWait:
		r.become(StateWaiting, "The ticket waits for the customer.")
	case VerbOpen:
		r.become(StateOpen, "The ticket is open.")
	case VerbSpam:
		r.become(StateSpam, "The ticket is marked as spam; nothing was sent to the sender.")
	case VerbSnooze:
		until, _ := ParseSnooze(c.Arg, r.Now)
		r.become(StateSnoozed, "The ticket is snoozed until "+until.UTC().Format("2006-01-02 15:04 MST")+".")
		r.until = until
	case VerbAssign:
		r.doAssign(c)
	case VerbTake:
		r.doTake(c)
	case VerbTag, VerbUntag:
		r.doTag(c)
	case VerbPriority:
		r.doPriority(c)
	case VerbQueue:
		r.doQueue(c)
	case VerbMerge:
		r.doMerge(c)
	case VerbSplit:
		r.doSplit()
	case VerbSend:
		r.doSend()
	case VerbShow:
		r.doShow(c)
	case VerbList:
		r.doList()
	case VerbNew:
		r.doNew(c)
	case VerbHelp:
		r.say("%s", CommandHelp)
	case VerbConsent, VerbWithdraw:
		r.doConsent(c)
	case VerbConfirm, VerbDrop:
		r.say("There was nothing to confirm.")
	}
}

// CommandHelp is what #help answers.
const CommandHelp = `Commands stand at the top of your mail, one a line; ordinary text begins the answer.

#note                 keep the text as an internal note, send nothing
#resolve #wait #open  set the state
#snooze 3d            until then; also 4h, 2w or 2026-12-24
#assign NAME          or me, or nobody
#take [REF]           make it yours
#tag vip  #untag vip  tags
#priority high        low, normal, high, urgent
#queue billing        move to a queue
#merge REF            into that ticket
#split                give this message a ticket of its own
#spam                 mark as spam
#send attachments     mail me what was left out
#list  #show REF      open tickets, one ticket
#new ann@example.org  write to a customer first; the subject of your
                      mail is the ticket's
#consent news         ask the customer for consent (a child:
                      #consent news PARENT@ADDRESS)
#withdraw news        the customer withdrew a consent; or all
#privacy access       hand a data subject's request to the privacy
                      officer; or portability, erasure, rectification,
                      restriction, objection, withdraw

The privacy officer, in a request's ticket:

#approve              carry it out; also #approve identity,
                      #approve name: NAME, #approve address: ADDRESS
#refuse GROUND        with the facts below; #confirm then sends it
#extend REASON        two months more
#hold  #release       nothing is done by itself meanwhile
#link ADDRESS         a further address, which has to prove itself
#withhold RECEIPT GROUND
                      leave a message out of the archive
#done WHAT            you did it by hand
#lift REASON          end a restriction
#not-a-request        it is none
#close                the proof never came
#consent approve PURPOSE ADDRESS
                      or refuse: a consent of special categories`

// become keeps the last word on the state; it holds once everything is done.
func (r *agentRun) become(s State, say string) {
	r.state, r.until = s, time.Time{}
	r.say("%s", say)
}

func (r *agentRun) assign(a *Agent) {
	id := int64(0)
	if a != nil {
		id = a.ID
	}
	if r.Ticket.AssigneeID == id {
		return
	}
	from := r.Ticket.AssigneeID
	r.Ticket.AssigneeID = id
	r.event(r.Ticket, "assigned", map[string]string{"from": strconv.FormatInt(from, 10), "to": strconv.FormatInt(id, 10)})
}

func (r *agentRun) doAssign(c Command) {
	r.assigned = true
	if strings.EqualFold(c.Arg, "nobody") {
		r.assign(nil)
		r.say("Nobody has the ticket now.")
		return
	}
	a := r.agentNamed(c.Arg)
	r.assign(a)
	r.say("The ticket belongs to %s.", a.Name)
	if a.ID != r.Agent.ID {
		m := r.Base
		if m == nil {
			m = r.lastIn(r.Ticket, nil)
		}
		if m != nil {
			r.ch.Jobs = append(r.ch.Jobs, &Job{Kind: "notify", Ticket: r.Ticket, Message: m, RunAt: r.Now,
				Data: map[string]string{"to": strconv.FormatInt(a.ID, 10), "why": "assigned"}})
		}
	}
}

// lastIn is the ticket's newest message from outside, but for one.
func (r *agentRun) lastIn(t *Ticket, but *Message) *Message {
	var last *Message
	for _, m := range r.Contents[t.ID] {
		if m.Direction == DirectionIn && (but == nil || m.ID != but.ID) {
			last = m
		}
	}
	return last
}

func (r *agentRun) doTake(c Command) {
	t := r.named(c)
	r.assigned = r.assigned || t == r.Ticket
	if t.AssigneeID == r.Agent.ID {
		r.say("%s is yours already.", t.Ref)
		return
	}
	r.touch(t)
	from := t.AssigneeID
	t.AssigneeID = r.Agent.ID
	r.event(t, "assigned", map[string]string{"from": strconv.FormatInt(from, 10), "to": strconv.FormatInt(r.Agent.ID, 10)})
	r.say("%s is yours.", t.Ref)
	if m := r.lastIn(t, nil); m != nil {
		r.ch.Jobs = append(r.ch.Jobs, &Job{Kind: "notify", Ticket: t, Message: m, RunAt: r.Now,
			Data: map[string]string{"to": strconv.FormatInt(r.Agent.ID, 10), "why": "assigned"}})
	}
}

// named is the ticket a command means: the one it names, else the mail's own.
// Naming the mail's own ticket means that very copy.
func (r *agentRun) named(c Command) *Ticket {
	if ref, ok := threading.ParseRef(c.Arg); ok {
		if t := r.Named[ref]; r.Ticket == nil || t.ID != r.Ticket.ID {
			return t
		}
	}
	return r.Ticket
}

// touch makes the ticket part of the change once.
func (r *agentRun) touch(t *Ticket) {
	t.Updated = r.Now
	if !slices.Contains(r.ch.Tickets, t) {
		r.ch.Tickets = append(r.ch.Tickets, t)
	}
}

func (r *agentRun) doTag(c Command) {
	for _, w := range strings.Fields(c.Arg) {
		tag, _ := parseTag(w)
		i, has := slices.BinarySearch(r.Ticket.Tags, tag)
		switch {
		case c.Verb == VerbTag && !has:
			r.Ticket.Tags = slices.Insert(slices.Clone(r.Ticket.Tags), i, tag)
			r.event(r.Ticket, "tagged", map[string]string{"tag": tag})
		case c.Verb == VerbUntag && has:
			r.Ticket.Tags = slices.Delete(slices.Clone(r.Ticket.Tags), i, i+1)
			r.event(r.Ticket, "untagged", map[string]string{"tag": tag})
		}
	}
	r.say("Tags: %s.", strings.Join(r.Ticket.Tags, ", "))
}

func (r *agentRun) doPriority(c Command) {
	p, _ := parsePriority(c.Arg)
	if p != r.Ticket.Priority {
		r.event(r.Ticket, "priority", map[string]string{"from": string(r.Ticket.Priority), "to": string(p)})
		r.Ticket.Priority = p
	}
	r.say("The priority is %s.", p)
}

func (r *agentRun) doQueue(c Command) {
	q := r.Directory.QueueByName(c.Arg)
	if q.ID == r.Ticket.QueueID {
		r.say("The ticket is in %s already.", q.Name)
		return
	}
	r.event(r.Ticket, "queue", map[string]string{"from": strconv.FormatInt(r.Ticket.QueueID, 10), "to": strconv.FormatInt(q.ID, 10)})
	r.Ticket.QueueID = q.ID
	if a := r.Directory.AgentByID(r.Ticket.AssigneeID); a != nil && !a.mayWork(q.ID) {
		r.assign(nil)
	}
	r.say("The ticket is in %s now.", q.Name)
	if m := r.lastIn(r.Ticket, nil); m != nil && r.Ticket.AssigneeID == 0 {
		r.ch.Jobs = append(r.ch.Jobs, &Job{Kind: "notify", Ticket: r.Ticket, Message: m, RunAt: r.Now,
			Data: map[string]string{"why": "moved"}})
	}
}

// doMerge moves everything into the survivor. Replies to the merged ticket land
// there from now on; a requester who is somebody else becomes a Cc of it, so
// that no ticket has two requesters (docs/threats.md H17).
func (r *agentRun) doMerge(c Command) {
	into := r.named(c)
	t := r.Ticket
	r.touch(into)
	for _, m := range r.Contents[t.ID] {
		r.ch.Moved = append(r.ch.Moved, Move{MessageID: m.ID, To: into})
	}
	for i := range t.Parties {
		p := &t.Parties[i]
		if p.Removed || p.Person == nil || into.PartyByAddress(p.Person.Address) != nil {
			continue
		}
		if p.Role == PartyThird {
			into.addParty(p.Person, PartyThird, r.Now)
			r.event(into, "party", map[string]string{"role": string(PartyThird)})
			continue
		}
		into.addParty(p.Person, PartyCc, r.Now)
		r.event(into, "party", map[string]string{"role": string(PartyCc)})
		r.say("%s gets the answers in %s from now on, and nothing from before.", p.Person.Address, into.Ref)
	}
	into.LastInID = max(into.LastInID, t.LastInID)
	into.LastOutID = max(into.LastOutID, t.LastOutID)
	t.MergedInto, r.into = into.ID, into
	r.event(t, "merged", map[string]string{"into": into.Ref})
	r.event(into, "merged", map[string]string{"from": t.Ref})
	// A matter that was open stays open where it went.
	if s := NextState(into.State, CustomerWrote); s != into.State && t.State != StateResolved && t.State != StateWaiting {
		r.event(into, "state", map[string]string{"from": string(into.State), "to": string(s)})
		into.SetState(s, r.Now)
	}
	r.become(StateResolved, t.Ref+" is merged into "+into.Ref+"; replies to either land there.")
}

// doSplit gives the answered message a ticket of its own.
func (r *agentRun) doSplit() {
	t := r.Ticket
	person := r.Base.AuthorPerson
	if person == nil {
		person = t.Requester()
	}
	n := &Ticket{Org: t.Org, Ref: threading.NewRef(), QueueID: t.QueueID, State: StateNew, Priority: PriorityNormal,
		Subject: r.Base.Subject, Language: t.Language, Created: r.Now, Updated: r.Now, LinkedTo: t.ID, LastInID: r.Base.ID}
	if person != nil {
		n.Parties = []Party{{No: 1, Person: person, Role: PartyRequester, Joined: r.Now}}
	}
	r.ch.Tickets = append(r.ch.Tickets, n)
	r.ch.Moved = append(r.ch.Moved, Move{MessageID: r.Base.ID, To: n})
	if last := r.lastIn(t, r.Base); t.LastInID == r.Base.ID {
		t.LastInID = last.ID
	}
	r.ch.Events = append(r.ch.Events, &Event{At: r.Now, Kind: "created", Actor: ActorAgent, ActorID: r.Agent.ID,
		Data: map[string]string{"why": "split", "from": t.Ref}, Ticket: n})
	r.event(t, "split", map[string]string{"to": n.Ref})
	r.ch.Jobs = append(r.ch.Jobs, &Job{Kind: "notify", Ticket: n, Message: r.Base, RunAt: r.Now})
	r.say("The message has a ticket of its own: %s.", n.Ref)
}

func (r *agentRun) doSend() {
	all := make([]int, len(r.Base.Attachments))
	for i := range all {
		all[i] = i
	}
	if len(all) == 0 {
		r.say("That message has no attachments.")
		return
	}
	r.ch.Outbox = append(r.ch.Outbox, &Outgoing{Org: r.Ticket.Org, Kind: OutNotification, MessageID: NewMessageID(r.Queue.ReplyDomain),
		Ticket: r.Ticket, Message: r.Base, To: r.Agent.Address, ToAgent: r.Agent.ID, QueueID: r.Queue.ID, NotBefore: r.Now,
		Spec: OutSpec{Template: "attachments", Attach: all, ReplyTo: r.replyTo(), InReply: r.mailID}})
	r.say("%d attachments follow in a mail of their own.", len(all))
}

// showLimit bounds what #show mails of each message.
const showLimit = 4000

func (r *agentRun) doShow(c Command) {
	t := r.named(c)
	r.shown = true
	r.say("%s", Describe(t, r.Directory))
	for _, m := range r.Contents[t.ID] {
		who := m.From
		if a := r.Directory.AgentByID(m.AuthorAgent); a != nil {
			who = a.Name
		}
		if m.Direction == DirectionNote {
			who += " (note)"
		}
		r.say("\n%s, %s:\n%s", m.Received.UTC().Format("2006-01-02 15:04"), who, clip(m.Text, showLimit))
	}
}

// Describe is a ticket in one line, for agents.
func Describe(t *Ticket, d *Directory) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s", t.Ref, t.State)
	if q := d.QueueByID(t.QueueID); q != nil {
		fmt.Fprintf(&b, "  %s", q.Name)
	}
	if t.Priority != PriorityNormal {
		fmt.Fprintf(&b, "  %s", t.Priority)
	}
	if a := d.AgentByID(t.AssigneeID); a != nil {
		fmt.Fprintf(&b, "  has: %s", a.Name)
	}
	if p := t.Requester(); p != nil {
		fmt.Fprintf(&b, "  from: %s", p.Address)
	}
	fmt.Fprintf(&b, "  %s", clip(t.Subject, 120))
	return b.String()
}

func (r *agentRun) doList() {
	r.shown = true
	if len(r.Listed) == 0 {
		r.say("There is nothing open in your queues.")
		return
	}
	for _, t := range r.Listed {
		r.say("%s  (since %s)", Describe(t, r.Directory), t.Updated.UTC().Format("2006-01-02 15:04"))
	}
}

// doNew opens a ticket with the agent's mail to a customer.
func (r *agentRun) doNew(c Command) {
	t := &Ticket{Org: r.Queue.Org, Ref: threading.NewRef(), QueueID: r.Queue.ID, State: StateWaiting, Priority: PriorityNormal,
		AssigneeID: r.Agent.ID, Subject: r.Message.Subject, Language: r.Customer.Language, Created: r.Now, Updated: r.Now,
		Parties: []Party{{No: 1, Person: r.Customer, Role: PartyRequester, Joined: r.Now}}}
	r.ch.Tickets = append(r.ch.Tickets, t)
	r.Message.Direction, r.Message.Ticket = DirectionOut, t
	r.ch.Messages = append(r.ch.Messages, r.Message)
	r.answer(t)
	r.sent = true
	r.ch.Events = append(r.ch.Events, &Event{At: r.Now, Kind: "created", Actor: ActorAgent, ActorID: r.Agent.ID, Message: r.Message,
		Data: map[string]string{"why": "agent wrote first"}, Ticket: t})
	r.say("%s was opened and your mail is on its way to %s.", t.Ref, r.Customer.Address)
}
