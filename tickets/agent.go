package tickets

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
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
	Beside    Beside  // of #consent and #withdraw
	Directory *Directory
	Addr      Addresses
	Now       time.Time
}

// agentRun collects the consequences while the commands are carried out.
// Everything that can fail is found by check before anything is changed.
type agentRun struct {
	*AgentMail
	ch       *Change
	mailID   string   // the Message-ID under which the agent knows the mail
	done     []string // receipt lines
	wrong    []string
	note     bool
	state    State     // set by a command; empty if none
	until    time.Time // with StateSnoozed
	assigned bool      // a command said whose the ticket is
	into     *Ticket   // after #merge: where everything went
	sent     bool      // #new made the mail a ticket's first
	shown    bool      // the receipt holds content
}

// ReceiveAgent says what follows from an agent's mail: an answer to the
// customer, a note, commands carried out, or a refusal that changes nothing
// and says why.
func ReceiveAgent(in AgentMail) *Change {
	r := &agentRun{AgentMail: &in, ch: &Change{}, mailID: in.Message.MessageID, note: in.NoteOnly}
	in.Message.AuthorAgent = in.Agent.ID
	for _, e := range in.Errors {
		r.fail("%s", e.Error())
	}
	for _, c := range in.Commands {
		// What is written above spam is for colleagues at most.
		r.note = r.note || c.Verb == VerbNote || c.Verb == VerbSpam
	}
	r.check()
	if len(r.wrong) > 0 {
		return r.refuse()
	}
	if r.collides() {
		return r.hold()
	}
	if in.Ticket != nil {
		r.touch(in.Ticket)
	}
	for _, c := range in.Commands {
		r.do(c)
	}
	r.join()
	r.write()
	if len(in.Commands) > 0 {
		r.receipt("")
	}
	return r.ch
}

// collides reports whether another agent answered after the message that this
// mail answers: the first answer wins.
func (r *agentRun) collides() bool {
	return r.Newer != nil && !r.Confirmed && r.answers()
}

// answers reports whether the mail is an answer to the ticket's parties.
func (r *agentRun) answers() bool {
	return r.Ticket != nil && !r.note && !r.has(VerbNew) && (r.Text != "" || len(r.Attach) > 0)
}

func (r *agentRun) has(v Verb) bool {
	return slices.ContainsFunc(r.Commands, func(c Command) bool { return c.Verb == v })
}

func (r *agentRun) fail(format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
}

func (r *agentRun) say(format string, args ...any) {
	r.done = append(r.done, fmt.Sprintf(format, args...))
}

func (r *agentRun) event(t *Ticket, kind string, data map[string]string) {
	r.ch.Events = append(r.ch.Events, &Event{Ticket: t, TicketID: t.ID, At: r.Now, Kind: kind, Actor: ActorAgent, ActorID: r.Agent.ID,
		Message: r.Message, Data: data})
}

// refuse keeps the mail as a note and tells the agent why nothing was done.
func (r *agentRun) refuse() *Change {
	r.keepAsNote(r.Ticket)
	if r.Ticket != nil {
		r.ch.Tickets = []*Ticket{r.Ticket}
		r.event(r.Ticket, "refused", map[string]string{"lines": strconv.Itoa(len(r.wrong))})
	}
	r.receipt("Nothing was done and nothing was sent, because of this:")
	return r.ch
}

func (r *agentRun) keepAsNote(t *Ticket) {
	r.Message.Ticket = t
	r.Message.Direction = DirectionNote
	r.ch.Messages = append(r.ch.Messages, r.Message)
}

const collisionText = `%s answered the customer %s, after the message that you answered. Your answer is held back and was sent to nobody.

To send it anyway, reply to this mail with #confirm on the first line; #drop forgets it.

This was sent meanwhile:

%s`

// hold keeps an answer back that crossed with a colleague's.
func (r *agentRun) hold() *Change {
	ch := &Change{}
	h := &Held{ID: NewHeldID(), Org: r.Ticket.Org, At: r.Now, Kind: "collision", AgentID: r.Agent.ID, Ticket: r.Ticket,
		Message: r.Message, State: "held"}
	r.Message.Direction = DirectionNote
	r.Message.ThreadReason = "held: another agent had answered meanwhile"
	ch.Held = []*Held{h}
	by := "a colleague"
	if a := r.Directory.AgentByID(r.Newer.AuthorAgent); a != nil {
		by = a.Name
	}
	ch.Outbox = append(ch.Outbox, &Outgoing{Org: r.Ticket.Org, Kind: OutReport, MessageID: NewMessageID(r.Queue.ReplyDomain),
		Ticket: r.Ticket, To: r.Agent.Address, ToAgent: r.Agent.ID, QueueID: r.Queue.ID, NotBefore: r.Now,
		Spec: OutSpec{Template: "collision", Subject: "Not sent: " + by + " was faster", ReplyTo: r.Addr.Confirm(r.Queue, h.ID),
			InReply: r.mailID, Text: fmt.Sprintf(collisionText, by, roundAgo(r.Now.Sub(r.Newer.Received)), clip(r.Newer.Text, 2000))}})
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

// TemplateShown marks a receipt with what #show or #list brought: content, other
// than what was done.
const TemplateShown = "shown"

// receipt tells the agent what was done, or what was not understood.
func (r *agentRun) receipt(lead string) {
	lines := append(append([]string(nil), r.wrong...), r.done...)
	if lead != "" {
		lines = append([]string{lead}, lines...)
	}
	template := "receipt"
	if r.shown {
		template = TemplateShown
	}
	r.ch.Outbox = append(r.ch.Outbox, &Outgoing{Kind: OutReceipt, Org: r.Agent.Org, MessageID: NewMessageID(r.Queue.ReplyDomain),
		Ticket: r.Ticket, To: r.Agent.Address, ToAgent: r.Agent.ID, QueueID: r.Queue.ID, NotBefore: r.Now,
		Spec: OutSpec{Template: template, Subject: receiptSubject(r.wrong), Text: strings.Join(lines, "\n"),
			InReply: r.mailID, ReplyTo: r.receiptTo()}})
}

func receiptSubject(wrong []string) string {
	if len(wrong) > 0 {
		return "Not done"
	}
	return "Done"
}

// receiptTo is where an answer to a receipt goes. It is a note: what was done
// with a note or a command invites remarks that are not for the customer. Only
// where nothing was done may the answer be what was meant in the first place.
func (r *agentRun) receiptTo() string {
	if r.Ticket != nil && len(r.wrong) == 0 {
		return r.Addr.Note(r.Queue, r.Ticket.Ref, r.Agent.ID)
	}
	return r.replyTo()
}

func (r *agentRun) replyTo() string {
	if r.Ticket != nil {
		return r.Addr.Agent(r.Queue, r.Ticket.Ref, r.Agent.ID)
	}
	return r.Addr.Command(r.Queue, r.Agent.ID)
}
