package tickets

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"postroom/threading"
)

// AgentMail is a proved agent's mail with all that its consequences depend on.
type AgentMail struct {
	Agent    *Agent
	Ticket   *Ticket // nil at the command address
	Queue    *Queue  // of the ticket; at the command address the agent's own
	Message  *Message
	Commands []Command
	Errors   []*CommandError // lines that were not understood: nothing is done
	Text     string          // what the agent wrote now, without commands, quotes and signature
	HTML     string          // Text as HTML, when the agent wrote HTML; empty otherwise
	Attach   []int           // attachments that go to the customer
	NoteOnly bool            // written to the note address, or automatic: never leaves
	Base     *Message        // the message the agent answered; nil when unknown
	Newer    *Message        // an answer of another agent that came after Base; nil if none

	Confirmed bool // the agent confirmed this mail
	Named     map[string]*Ticket
	Contents  map[int64][]*Message // messages of tickets that are merged or shown
	Listed    []*Ticket
	Customer  *Person // of #new: known or new
	Directory *Directory
	Addr      Addresses
	Now       time.Time
}

// agentRun collects the consequences while the commands are carried out.
type agentRun struct {
	*AgentMail
	ch    *Change
	done  []string // receipt lines
	wrong []string
	note  bool
	state State // set by a command; empty if none
}

// ReceiveAgent says what follows from an agent's mail: an answer to the
// customer, a note, commands carried out, or a refusal that changes nothing
// and says why.
func ReceiveAgent(in AgentMail) *Change {
	r := &agentRun{AgentMail: &in, ch: &Change{}, note: in.NoteOnly}
	in.Message.AuthorAgent = in.Agent.ID
	for _, e := range in.Errors {
		r.wrong = append(r.wrong, e.Error())
	}
	r.check()
	if len(r.wrong) > 0 {
		return r.refuse()
	}
	if in.Ticket != nil {
		r.ch.Tickets = append(r.ch.Tickets, in.Ticket)
		in.Ticket.Updated = in.Now
	}
	if r.collides() {
		return r.hold()
	}
	for _, c := range in.Commands {
		r.do(c)
		if len(r.wrong) > 0 {
			// A command failed half way: forget the others, tell the agent.
			return r.refuse()
		}
	}
	r.write()
	if len(in.Commands) > 0 {
		r.receipt("")
	}
	return r.ch
}

// Collides reports whether another agent answered after the message that this
// mail answers: the first answer wins.
func (r *agentRun) collides() bool {
	return r.Newer != nil && !r.Confirmed && !r.isNote() && r.Text != ""
}

func (r *agentRun) isNote() bool {
	if r.note {
		return true
	}
	for _, c := range r.Commands {
		if c.Verb == VerbNote {
			return true
		}
	}
	return false
}

func (r *agentRun) fail(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *agentRun) say(format string, args ...any) {
	r.done = append(r.done, fmt.Sprintf(format, args...))
}

// check refuses what could only be carried out in part, before anything is.
func (r *agentRun) check() {
	for _, c := range r.Commands {
		switch c.Verb {
		case VerbAssign:
			if r.agentNamed(c.Arg) == nil && !strings.EqualFold(c.Arg, "nobody") {
				r.fail("%q: there is no agent of that name", c.Line)
			}
		case VerbPriority:
			if _, ok := parsePriority(c.Arg); !ok {
				r.fail("%q: the priorities are low, normal, high and urgent", c.Line)
			}
		case VerbTag, VerbUntag:
			for _, w := range strings.Fields(c.Arg) {
				if _, ok := parseTag(w); !ok {
					r.fail("%q: a tag is a word of at most 40 letters, digits, dots and dashes", c.Line)
				}
			}
		case VerbSnooze:
			if _, ok := ParseSnooze(c.Arg, r.Now); !ok {
				r.fail("%q: write 4h, 3d, 2w or a date such as 2026-12-24, within a year", c.Line)
			}
		case VerbQueue:
			if r.Directory.QueueByName(c.Arg) == nil {
				r.fail("%q: there is no queue of that name", c.Line)
			}
		case VerbMacro:
			r.fail("%q: there is no macro of that name", c.Line)
		case VerbMerge:
			r.checkNamed(c)
		case VerbTake, VerbShow:
			if c.Arg != "" || r.Ticket == nil {
				r.checkNamed(c)
			}
		case VerbSplit:
			if r.Base == nil {
				r.fail("%q: answer the notification of the message that is to get a ticket of its own", c.Line)
			}
		case VerbSend:
			if !strings.EqualFold(c.Arg, "attachments") {
				r.fail("%q: only attachments can be sent", c.Line)
			} else if r.Base == nil {
				r.fail("%q: answer the notification whose attachments you want", c.Line)
			}
		case VerbNew:
			if r.Customer == nil {
				r.fail("%q: write the customer's address after it, such as #new ann@example.org", c.Line)
			} else if r.Text == "" {
				r.fail("%q: there is no text to send", c.Line)
			}
		case VerbForward:
			r.fail("%q: this mail holds no forwarded message", c.Line)
		}
		if r.Ticket == nil && needsTicket(c.Verb) {
			r.fail("%q: this command belongs in an answer to a notification", c.Line)
		}
	}
	if r.Ticket == nil && len(r.Commands) == 0 {
		r.fail("this address takes commands, and the mail held none; #help lists them")
	}
}

func needsTicket(v Verb) bool {
	switch v {
	case VerbList, VerbShow, VerbTake, VerbNew, VerbHelp, VerbForward, VerbConfirm:
		return false
	}
	return true
}

// checkNamed makes sure that the named ticket is there and may be touched; one
// in a queue of others looks like one that does not exist.
func (r *agentRun) checkNamed(c Command) {
	ref, ok := threading.ParseRef(c.Arg)
	t := r.Named[ref]
	if !ok || t == nil || !r.may(t) {
		r.fail("%q: there is no ticket with that reference", c.Line)
		return
	}
	if c.Verb == VerbMerge && r.Ticket != nil && t.ID == r.Ticket.ID {
		r.fail("%q: a ticket cannot be merged into itself", c.Line)
	}
	if c.Verb == VerbMerge && t.MergedInto != 0 {
		r.fail("%q: that ticket has been merged into another itself", c.Line)
	}
}

func (r *agentRun) may(t *Ticket) bool { return r.Agent.Role == RoleAdmin || r.Agent.Works(t.QueueID) }

func (r *agentRun) agentNamed(name string) *Agent {
	if strings.EqualFold(name, "me") {
		return r.Agent
	}
	if a := r.Directory.AgentByName(name); a != nil {
		return a
	}
	return r.Directory.AgentByAddress(strings.Trim(name, "<>"))
}

func (r *agentRun) event(t *Ticket, kind string, data map[string]string) {
	r.ch.Events = append(r.ch.Events, &Event{Ticket: t, TicketID: t.ID, At: r.Now, Kind: kind, Actor: ActorAgent, ActorID: r.Agent.ID,
		Message: r.Message, Data: data})
}

// refuse keeps the mail as a note and tells the agent why nothing was done.
func (r *agentRun) refuse() *Change {
	fresh := &agentRun{AgentMail: r.AgentMail, ch: &Change{}, wrong: r.wrong}
	if r.Ticket != nil {
		fresh.ch.Tickets = []*Ticket{r.Ticket}
	}
	fresh.keepAsNote()
	if r.Ticket != nil {
		fresh.event(r.Ticket, "refused", map[string]string{"lines": strconv.Itoa(len(r.wrong))})
	}
	fresh.receipt("Nothing was done and nothing was sent, because of this:")
	return fresh.ch
}

func (r *agentRun) keepAsNote() {
	r.Message.Ticket = r.Ticket
	r.Message.Direction = DirectionNote
	r.ch.Messages = append(r.ch.Messages, r.Message)
}

const collisionText = `%s answered the customer %s, after the message that you answered. Your answer is held back and was sent to nobody.

To send it anyway, reply to this mail; what you write in the reply does not matter. To let it rest, do nothing.

This was sent meanwhile:

%s`

// hold keeps an answer back that crossed with a colleague's.
func (r *agentRun) hold() *Change {
	ch := &Change{}
	h := &Held{ID: NewHeldID(), Org: r.Ticket.Org, At: r.Now, Kind: "collision", AgentID: r.Agent.ID, Ticket: r.Ticket,
		Message: r.Message, State: "held"}
	r.Message.Direction = DirectionNote
	ch.Held = []*Held{h}
	by := "a colleague"
	if a := r.Directory.AgentByID(r.Newer.AuthorAgent); a != nil {
		by = a.Name
	}
	ch.Outbox = append(ch.Outbox, &Outgoing{Org: r.Ticket.Org, Kind: OutReport, MessageID: NewMessageID(r.Queue.ReplyDomain),
		Ticket: r.Ticket, To: r.Agent.Address, ToAgent: r.Agent.ID, QueueID: r.Queue.ID, NotBefore: r.Now,
		Spec: OutSpec{Template: "collision", Subject: "Not sent: " + by + " was faster", ReplyTo: r.Addr.Confirm(r.Queue, h.ID),
			InReply: r.Message.MessageID, Text: fmt.Sprintf(collisionText, by, roundAgo(r.Now.Sub(r.Newer.Received)), clip(r.Newer.Text, 2000))}})
	ch.Events = append(ch.Events, &Event{TicketID: r.Ticket.ID, At: r.Now, Kind: "held", Actor: ActorAgent, ActorID: r.Agent.ID,
		Data: map[string]string{"why": "collision"}})
	return ch
}

func roundAgo(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "a moment ago"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + " […]"
}

// write makes the answer or the note of the text that is left.
func (r *agentRun) write() {
	if r.Ticket == nil {
		r.ensureKept()
		return
	}
	before := r.Ticket.State
	if r.isNote() || (r.Text == "" && len(r.Attach) == 0) {
		r.keepAsNote()
		if r.isNote() {
			r.event(r.Ticket, "note", nil)
			r.tellColleagues()
		}
		r.setState(before, r.state)
		return
	}
	r.Message.Direction, r.Message.Ticket = DirectionOut, r.Ticket
	r.ch.Messages = append(r.ch.Messages, r.Message)
	r.answer(r.Ticket)
	r.event(r.Ticket, "answered", nil)
	if r.Ticket.AssigneeID == 0 {
		r.assign(r.Agent)
	}
	state := r.state
	if state == "" {
		state = NextState(before, AgentAnswered)
	}
	r.setState(before, state)
}

// ensureKept keeps a mail to the command address though no ticket is its home.
func (r *agentRun) ensureKept() {
	for _, m := range r.ch.Messages {
		if m == r.Message {
			return
		}
	}
	r.keepAsNote()
}

func (r *agentRun) setState(before, after State) {
	if after == "" || after == before {
		return
	}
	until := r.Ticket.SnoozeUntil
	r.Ticket.SetState(after, r.Now)
	if after == StateSnoozed {
		r.Ticket.SnoozeUntil = until
	}
	r.event(r.Ticket, "state", map[string]string{"from": string(before), "to": string(after)})
}

// answer writes one outgoing mail for each party, each with a reply address of
// its own.
func (r *agentRun) answer(t *Ticket) {
	q := r.Directory.QueueByID(t.QueueID)
	if q == nil {
		q = r.Queue
	}
	r.Message.MessageID = NewMessageID(q.ReplyDomain)
	for i := range t.Parties {
		p := &t.Parties[i]
		if p.Removed || p.Role == PartyThird || p.Person == nil || p.Person.Address == "" {
			continue
		}
		spec := OutSpec{Language: t.Language, Subject: t.Subject, Text: r.Text, HTML: r.HTML,
			Template: "answer", ReplyTo: r.Addr.Reply(q, t.Ref, p.No), Attach: r.Attach}
		for j := range t.Parties {
			o := &t.Parties[j]
			if j != i && !o.Removed && o.Role != PartyThird && o.Person != nil {
				spec.Cc = append(spec.Cc, o.Person.Address)
			}
		}
		r.thread(&spec)
		r.ch.Outbox = append(r.ch.Outbox, &Outgoing{Org: t.Org, Kind: OutAnswer, MessageID: r.Message.MessageID, Ticket: t,
			Message: r.Message, To: p.Person.Address, ToPerson: p.Person, QueueID: q.ID, Spec: spec, NotBefore: r.Now})
	}
}

// thread makes the answer point at the customer's mail, and at the one before
// it, so that every client sorts it into the conversation.
func (r *agentRun) thread(spec *OutSpec) {
	for _, m := range r.Contents[r.Ticket.idOrZero()] {
		if m.Direction == DirectionNote || m.Unverified || m.MessageID == "" || m == r.Message {
			continue
		}
		spec.Refs = append(spec.Refs, m.MessageID)
		if m.Direction == DirectionIn {
			spec.InReply = m.MessageID
		}
	}
	if n := len(spec.Refs); n > 20 {
		spec.Refs = append(spec.Refs[:1:1], spec.Refs[n-19:]...)
	}
}

func (t *Ticket) idOrZero() int64 {
	if t == nil {
		return 0
	}
	return t.ID
}

// tellColleagues lets the assignee know of a note by somebody else.
func (r *agentRun) tellColleagues() {
	if r.Ticket.AssigneeID != 0 && r.Ticket.AssigneeID != r.Agent.ID {
		r.ch.Jobs = append(r.ch.Jobs, &Job{Kind: "notify", Ticket: r.Ticket, Message: r.Message, RunAt: r.Now})
	}
}

// receipt tells the agent what was done, or what was not understood.
func (r *agentRun) receipt(lead string) {
	lines := append(append([]string(nil), r.wrong...), r.done...)
	if lead != "" {
		lines = append([]string{lead}, lines...)
	}
	r.ch.Outbox = append(r.ch.Outbox, &Outgoing{Kind: OutReceipt, Org: r.Agent.Org, MessageID: NewMessageID(r.Queue.ReplyDomain),
		Ticket: r.Ticket, To: r.Agent.Address, ToAgent: r.Agent.ID, QueueID: r.Queue.ID, NotBefore: r.Now,
		Spec: OutSpec{Template: "receipt", Subject: receiptSubject(r.wrong), Text: strings.Join(lines, "\n"),
			InReply: r.Message.MessageID, ReplyTo: r.replyTo()}})
}

func receiptSubject(wrong []string) string {
	if len(wrong) > 0 {
		return "Not done"
	}
	return "Done"
}

func (r *agentRun) replyTo() string {
	if r.Ticket != nil {
		return r.Addr.Agent(r.Queue, r.Ticket.Ref, r.Agent.ID)
	}
	return r.Addr.Command(r.Queue, r.Agent.ID)
}
