package intake

import (
	"context"
	"errors"
	"slices"

	"postroom/internal/message"
	"postroom/privacy"
	"postroom/threading"
	"postroom/tickets"
)

// privacyOrder is the way of an agent's commands about requests of data
// subjects; done is false when the mail holds none.
func (in *Intake) privacyOrder(ctx context.Context, v tickets.View, m *mail, to *destination, am *tickets.AgentMail) (*tickets.Change, bool, error) {
	if !slices.ContainsFunc(am.Commands, func(c tickets.Command) bool {
		return c.Verb.Privacy() || c.Verb == tickets.VerbResolve || c.Verb == tickets.VerbConfirm
	}) {
		return nil, false, nil
	}
	pv, ok := v.(privacy.View)
	if !ok {
		return nil, false, errors.New("the store keeps no privacy requests")
	}
	o := privacy.Order{Agent: am.Agent, Ticket: am.Ticket, Message: am.Message, Commands: am.Commands, Errors: am.Errors, Text: am.Text,
		Queue: in.privacyQueue(to.dir), Own: am.Queue, Directory: to.dir, Now: m.env.Received,
		Budget: func(aligned bool) bool { return in.mayChallenge(ctx, m, aligned) }}
	if o.Queue == nil {
		o.Queue = to.queue
	}
	var err error
	if am.Ticket != nil {
		if o.Requests, err = pv.RequestsOfTicket(ctx, am.Ticket.ID); err != nil {
			return nil, false, err
		}
	}
	if !privacy.Ordered(am.Commands, o.Requests) {
		return nil, false, nil
	}
	if am.Ticket != nil && am.Agent.Role != tickets.RoleAdmin && !am.Agent.Works(am.Ticket.QueueID) && am.Ticket.AssigneeID != am.Agent.ID {
		return nil, false, nil // the desk says whose ticket it is
	}
	if err := in.orderFacts(ctx, pv, m, to, am, &o); err != nil {
		return nil, false, err
	}
	ch := in.desk.Command(o)
	in.release(m, ch)
	return ch, true, nil
}

// orderFacts gathers what the commands depend on.
func (in *Intake) orderFacts(ctx context.Context, v privacy.View, m *mail, to *destination, am *tickets.AgentMail, o *privacy.Order) error {
	if am.Ticket == nil {
		return nil
	}
	if err := in.gather(ctx, v, m, am); err != nil {
		return err
	}
	o.Asks = in.asks(am, o.Commands)
	address := ""
	switch p := am.Ticket.Requester(); {
	case len(o.Requests) > 0:
		address = o.Requests[0].Address
	case o.Asks != nil && o.Asks.AuthorPerson != nil:
		address = o.Asks.AuthorPerson.Address
	case p != nil:
		address = p.Address
	}
	if address != "" {
		facts := privacy.Incoming{Aligned: true}
		if err := in.privacyHistory(ctx, v, m, address, &facts); err != nil {
			return err
		}
		o.Recent, o.FirstSeen, o.Changed = facts.Recent, facts.FirstSeen, facts.Changed
		var err error
		if o.Consents, err = v.ConsentsOf(ctx, tickets.DefaultOrg, address); err != nil {
			return err
		}
		if o.Open, err = v.RequestsOf(ctx, tickets.DefaultOrg, address, true); err != nil {
			return err
		}
	}
	if o.Asks != nil && o.Asks.AuthorPerson != nil && len(o.Requests) == 0 {
		o.New = &tickets.Ticket{Org: o.Queue.Org, Ref: threading.NewRef(), QueueID: o.Queue.ID, State: tickets.StateNew, Priority: tickets.PriorityNormal,
			Subject: o.Asks.Subject, Language: am.Ticket.Language, Created: o.Now, Updated: o.Now, LinkedTo: am.Ticket.ID, Tags: []string{"linked"},
			Parties: []tickets.Party{{No: 1, Person: o.Asks.AuthorPerson, Role: tickets.PartyRequester, Joined: o.Now}}}
	}
	return nil
}

// asks finds the customer's mail that #privacy means: the one that the agent
// answers, else the earliest that asks for that right, else the last one.
func (in *Intake) asks(am *tickets.AgentMail, commands []tickets.Command) *tickets.Message {
	var right privacy.Right
	for _, c := range commands {
		if c.Verb == tickets.VerbPrivacy {
			right, _ = privacy.RightOf(c.Arg)
		}
	}
	var asks, last *tickets.Message
	for _, msg := range am.Contents[am.Ticket.ID] {
		if msg.Direction != tickets.DirectionIn || msg.Kind != string(message.KindMail) {
			continue
		}
		last = msg
		if r := in.asksFor(msg.Subject, msg.Text); asks == nil && r != nil && slices.Contains(r.Rights, right) {
			asks = msg
		}
	}
	found := asks
	if b := am.Base; b != nil && b.Direction == tickets.DirectionIn && (asks == nil || asks.Received.After(b.Received)) {
		found = b
	}
	if found == nil {
		found = last
	}
	if found != nil && found.AuthorPerson == nil && found.AuthorAgent == 0 {
		found.AuthorPerson = am.Ticket.Requester()
	}
	return found
}

// privacyQueue is the queue of the privacy address, or nil.
func (in *Intake) privacyQueue(d *tickets.Directory) *tickets.Queue {
	if q := d.QueueByAddress(in.cfg.PrivacyAddress); q != nil {
		return q
	}
	for _, q := range d.Queues {
		if in.isPrivacy(q.Address) {
			return q
		}
	}
	return nil
}
