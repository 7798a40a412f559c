package tickets

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// EarlierShown is how many earlier messages a notification shows in short.
const EarlierShown = 3

// Notice is news of a ticket with what a notification says of it.
type Notice struct {
	Ticket    *Ticket
	Message   *Message
	Earlier   []*Message // newest last, the message itself among them
	Directory *Directory
	Addr      Addresses
	Data      map[string]string // "to": one agent only; "why": assigned, moved
	Now       time.Time
}

// Notifications writes one mail for each agent concerned: the one named, else
// the assignee, else all agents of the queue, and the admins of a queue that
// has none. Nobody is told of what they wrote themselves, nor of spam.
func Notifications(n Notice) []*Outgoing {
	if n.Ticket.State == StateSpam {
		return nil
	}
	q := n.Directory.QueueByID(n.Ticket.QueueID)
	if q == nil {
		return nil
	}
	var out []*Outgoing
	for _, a := range n.agents() {
		if a.ID == n.Message.AuthorAgent && n.Data["to"] == "" {
			continue
		}
		out = append(out, n.notification(q, a))
	}
	return out
}

func (n *Notice) agents() []*Agent {
	pick := func(id int64) []*Agent {
		if a := n.Directory.AgentByID(id); a != nil && a.Active {
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
		case !a.Active:
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

func (n *Notice) notification(q *Queue, a *Agent) *Outgoing {
	t := n.Ticket
	spec := OutSpec{Template: "notification", Language: "en", Subject: n.Message.Subject,
		ReplyTo: n.Addr.Agent(q, t.Ref, a.ID),
		Refs:    []string{ticketRoot(t, q)},
		Args: map[string]string{
			"note":     n.Addr.Note(q, t.Ref, a.ID),
			"command":  n.Addr.Command(q, a.ID),
			"state":    string(t.State),
			"priority": string(t.Priority),
			"queue":    q.Name,
			"earlier":  n.earlier(),
		}}
	if why := n.Data["why"]; why != "" {
		spec.Args["why"] = why
	}
	if t.AssigneeID == a.ID {
		spec.Args["yours"] = "1"
	}
	if len(t.Tags) > 0 {
		spec.Args["tags"] = strings.Join(t.Tags, ", ")
	}
	return &Outgoing{Org: t.Org, Kind: OutNotification, MessageID: NewMessageID(q.ReplyDomain), Ticket: t, Message: n.Message,
		To: a.Address, ToAgent: a.ID, QueueID: q.ID, Spec: spec, NotBefore: n.Now}
}

// ticketRoot is an id that all notifications of a ticket refer to, so that the
// agent's client shows them as one conversation. It names no mail and is no
// evidence for anything.
func ticketRoot(t *Ticket, q *Queue) string {
	return "ticket." + strings.ToLower(t.Ref) + "@" + strings.ToLower(q.ReplyDomain)
}

// earlierLine is how much of each earlier message a notification shows.
const earlierLine = 300

func (n *Notice) earlier() string {
	var lines []string
	for _, m := range n.Earlier {
		if m.ID >= n.Message.ID {
			continue
		}
		who := m.From
		if a := n.Directory.AgentByID(m.AuthorAgent); a != nil {
			who = a.Name
		}
		switch {
		case m.Direction == DirectionNote:
			who += " (note)"
		case m.Unverified:
			who += " (unverified)"
		}
		text := clip(strings.Join(strings.Fields(m.Text), " "), earlierLine)
		lines = append(lines, fmt.Sprintf("%s, %s: %s", m.Received.UTC().Format("2006-01-02 15:04"), who, text))
	}
	if len(lines) > EarlierShown {
		lines = lines[len(lines)-EarlierShown:]
	}
	return strings.Join(lines, "\n")
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
