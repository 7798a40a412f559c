package privacy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// Order is an agent's mail with commands about requests, and all that its
// consequences depend on.
type Order struct {
	Agent     *tickets.Agent
	Ticket    *tickets.Ticket // the mail's; nil at the command address
	Requests  []*Request      // of that ticket
	Message   *tickets.Message
	Commands  []tickets.Command
	Errors    []*tickets.CommandError // lines that were not understood: nothing is done
	Text      string                  // what the agent wrote below the commands
	Queue     *tickets.Queue          // the privacy queue
	Own       *tickets.Queue          // of the ticket
	Directory *tickets.Directory
	Consents  []consent.Entry // of the ticket's data subject
	Recent    int             // as in Incoming
	FirstSeen time.Time
	Changed   bool
	Budget    func(aligned bool) bool
	Now       time.Time

	// Of #privacy in an ordinary ticket: the customer's mail that asks, its
	// author's open requests, and the ticket that would be made.
	Asks *tickets.Message
	Open []*Request
	New  *tickets.Ticket
}

// order collects the consequences of the commands.
type order struct {
	*turn
	in    *Order
	done  []string
	wrong []string
}

func (o *order) say(format string, args ...any) {
	o.done = append(o.done, fmt.Sprintf(format, args...))
}
func (o *order) fail(c tickets.Command, format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf("%q: %s", c.Line, fmt.Sprintf(format, args...)))
}

// Ordered reports whether an agent's commands are the privacy desk's: one of
// its verbs, or #close and #confirm where a request of the ticket takes them.
func Ordered(commands []tickets.Command, requests []*Request) bool {
	return slices.ContainsFunc(commands, func(c tickets.Command) bool {
		return c.Verb.Privacy() || isClose(c) && slices.ContainsFunc(requests, func(r *Request) bool { return !r.State.Final() }) ||
			c.Verb == tickets.VerbConfirm && slices.ContainsFunc(requests, func(r *Request) bool { return r.Detail.Draft != "" })
	})
}

// isClose tells #close, which among ordinary tickets means #resolve.
func isClose(c tickets.Command) bool {
	return c.Verb == tickets.VerbResolve && strings.HasPrefix(strings.ToLower(c.Line), "#close")
}

// Command carries out an officer's commands, each with a line of receipt, all
// or none of them. Only the privacy officer decides; any agent may hand a
// request over with #privacy.
func (d *Desk) Command(in Order) *tickets.Change {
	o := &order{in: &in, turn: &turn{Desk: d, ch: &tickets.Change{}, now: in.Now, actor: tickets.ActorAgent, actorID: in.Agent.ID, msg: in.Message,
		queue: in.Queue, dir: in.Directory, aligned: true, budget: in.Budget, siblings: in.Requests, ticket: in.Ticket}}
	for _, e := range in.Errors {
		o.wrong = append(o.wrong, e.Error())
	}
	var before tickets.Ticket
	if in.Ticket != nil {
		before = *in.Ticket
	}
	for _, c := range in.Commands {
		if len(o.wrong) == 0 {
			o.carryOut(c)
		}
	}
	if len(o.wrong) > 0 {
		if in.Ticket != nil {
			*in.Ticket = before
		}
		// What was begun is forgotten: the change is made anew, with nothing in
		// it but the note and the receipt.
		o.ch = &tickets.Change{}
		o.done = nil
	}
	o.note()
	o.schedule()
	o.receipt()
	return o.ch
}

// note keeps the agent's mail in its ticket; it is sent to nobody.
func (o *order) note() {
	m := o.in.Message
	m.Direction, m.Ticket = tickets.DirectionNote, o.in.Ticket
	o.ch.Messages = append(o.ch.Messages, m)
	if o.in.Ticket == nil {
		return
	}
	if !slices.Contains(o.ch.Tickets, o.in.Ticket) {
		o.in.Ticket.Updated = o.now
		o.ch.Tickets = append(o.ch.Tickets, o.in.Ticket)
	}
	o.ch.Events = append(o.ch.Events, &tickets.Event{Ticket: o.in.Ticket, TicketID: o.in.Ticket.ID, At: o.now, Kind: "note", Actor: tickets.ActorAgent,
		ActorID: o.in.Agent.ID, Message: m, Data: map[string]string{"why": "privacy"}})
}

// receipt says what was done, or why nothing was.
func (o *order) receipt() {
	subject, lines := "Done", o.done
	if len(o.wrong) > 0 {
		subject, lines = "Not done", append([]string{"Nothing was done and nothing was sent, because of this:"}, o.wrong...)
	}
	q := o.in.Own
	if q == nil {
		q = o.queue
	}
	out := &tickets.Outgoing{Org: q.Org, Kind: tickets.OutReceipt, MessageID: tickets.NewMessageID(q.ReplyDomain), Ticket: o.in.Ticket, To: o.in.Agent.Address,
		ToAgent: o.in.Agent.ID, QueueID: q.ID, NotBefore: o.now,
		Spec: tickets.OutSpec{Template: "receipt", Subject: subject, Text: strings.Join(lines, "\n"), InReply: o.in.Message.MessageID}}
	if o.in.Ticket != nil {
		out.Spec.ReplyTo = o.Addr.Agent(q, o.in.Ticket.Ref, o.in.Agent.ID)
	} else {
		out.Spec.ReplyTo = o.Addr.Command(q, o.in.Agent.ID)
	}
	o.ch.Outbox = append(o.ch.Outbox, out)
}

func (o *order) carryOut(c tickets.Command) {
	if c.Verb == tickets.VerbPrivacy {
		o.convert(c)
		return
	}
	if !c.Verb.Privacy() && !isClose(c) && c.Verb != tickets.VerbConfirm {
		o.fail(c, "send this in a mail of its own; here are only commands of the privacy desk")
		return
	}
	switch {
	case o.in.Ticket == nil || len(o.in.Requests) == 0:
		o.fail(c, "this command belongs in an answer about a request of the privacy desk; #privacy <right> makes one of an ordinary ticket")
		return
	case !o.Decides(o.dir, o.in.Agent):
		o.fail(c, "only the privacy officer decides on requests")
		return
	}
	switch c.Verb {
	case tickets.VerbApprove:
		o.approve(c)
	case tickets.VerbRefuse:
		o.refuse(c)
	case tickets.VerbConfirm:
		o.confirm(c)
	case tickets.VerbExtend:
		o.extend(c)
	case tickets.VerbHold, tickets.VerbRelease:
		o.hold(c)
	case tickets.VerbLink:
		o.linkTo(c)
	case tickets.VerbWithhold:
		o.withhold(c)
	case tickets.VerbNotRequest:
		o.notRequest(c)
	case tickets.VerbDone:
		o.doneByHand(c)
	case tickets.VerbLift:
		o.lift(c)
	default:
		o.closeUnproved(c)
	}
}

// pick finds the one request a command means: named by its right, else the
// only one that it can be meant for.
func (o *order) pick(c tickets.Command, fits func(*Request) bool) (r *Request, rest string) {
	word, rest, _ := strings.Cut(strings.TrimSpace(c.Arg), " ")
	right, named := RightOf(word)
	if !named {
		rest = strings.TrimSpace(c.Arg)
	}
	var list []*Request
	for _, x := range o.in.Requests {
		if fits(x) && (!named || x.Right == right) {
			list = append(list, x)
		}
	}
	switch len(list) {
	case 1:
		return list[0], strings.TrimSpace(rest)
	case 0:
		o.fail(c, "no request of this ticket can take this now.\n%s", o.standing())
	default:
		o.fail(c, "there is more than one request; name the right, such as \"#%s %s\".\n%s", c.Verb, list[0].Right, o.standing())
	}
	return nil, ""
}

// standing lists the ticket's requests.
func (o *order) standing() string {
	var b strings.Builder
	for _, r := range o.in.Requests {
		b.WriteString("  " + describe(r, o.Rules.Calendar) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
