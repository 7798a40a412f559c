package tickets

import (
	"strconv"
	"time"
)

// Notice is news of a ticket with what a notification says of it.
type Notice struct {
	Ticket    *Ticket
	Message   *Message
	Directory *Directory
	Addr      Addresses
	Data      map[string]string // "to": one agent only; "not": all but one; "why": assigned, moved, snooze ended
	Now       time.Time
}

// Notifications writes one mail for each agent concerned: the one named, else
// the assignee, else all agents of the queue, and the admins of a queue that
// has none. Nobody is told of what they wrote themselves, nor of spam but who
// asked for it: how else should a mistake come back?
func Notifications(n Notice) []*Outgoing {
	if n.Ticket.State == StateSpam && n.Data["to"] == "" {
		return nil
	}
	q := n.Directory.QueueByID(n.Ticket.QueueID)
	if q == nil {
		return nil
	}
	var out []*Outgoing
	for _, a := range n.agents() {
		if a.ID == n.Message.AuthorAgent && n.Data["to"] == "" && n.Data["why"] == "" {
			continue
		}
		out = append(out, n.notification(q, a))
	}
	return out
}

func (n *Notice) agents() []*Agent {
	not, _ := strconv.ParseInt(n.Data["not"], 10, 64)
	pick := func(id int64) []*Agent {
		if a := n.Directory.AgentByID(id); a != nil && a.Active && id != not {
			return []*Agent{a}
		}
		return nil
	}
	if id, err := strconv.ParseInt(n.Data["to"], 10, 64); err == nil {
		return pick(id)
	}
	if as := pick(n.Ticket.AssigneeID); as != nil {
		return as
	}
	var of, admins []*Agent
	for _, a := range n.Directory.Agents {
		switch {
		case !a.Active || a.ID == not:
		case a.Works(n.Ticket.QueueID):
			of = append(of, a)
		case a.Role == RoleAdmin:
			admins = append(admins, a)
		}
	}
	if of == nil {
		return admins
	}
	return of
}

// notification leaves what the ticket looks like to the composer, which reads
// it when the mail is sent.
func (n *Notice) notification(q *Queue, a *Agent) *Outgoing {
	spec := OutSpec{Template: "notification", Language: "en", Subject: n.Message.Subject,
		ReplyTo: n.Addr.Agent(q, n.Ticket.Ref, a.ID)}
	if why := n.Data["why"]; why != "" {
		spec.Args = map[string]string{"why": why}
	}
	return &Outgoing{Org: n.Ticket.Org, Kind: OutNotification, MessageID: NewMessageID(q.ReplyDomain), Ticket: n.Ticket,
		Message: n.Message, To: a.Address, ToAgent: a.ID, QueueID: q.ID, Spec: spec, NotBefore: n.Now}
}

// EndSnooze opens a ticket whose time has come and tells its agents.
func EndSnooze(t *Ticket, last *Message, now time.Time) *Change {
	ch := &Change{}
	if t.State != StateSnoozed || t.SnoozeUntil.After(now) {
		return ch
	}
	t.SetState(NextState(t.State, SnoozeEnded), now)
	t.Updated = now
	ch.Tickets = []*Ticket{t}
	ch.Events = []*Event{{Ticket: t, TicketID: t.ID, At: now, Kind: "state", Actor: ActorSystem,
		Data: map[string]string{"from": string(StateSnoozed), "to": string(t.State)}}}
	if last != nil {
		ch.Jobs = []*Job{{Kind: "notify", Ticket: t, Message: last, RunAt: now, Data: map[string]string{"why": "snooze ended"}}}
	}
	return ch
}
