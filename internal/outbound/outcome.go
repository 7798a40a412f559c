package outbound

import (
	"strconv"
	"time"

	"postroom/tickets"
)

// Templates: of the reports written here, and of the desk's mail that brings
// nothing but attachments.
const (
	templateFailed      = "undelivered"
	templateLate        = "late"
	templateAttachments = "attachments"
)

// outcome turns what a try came to into what is kept and who is told. It is
// pure: the same row, job and result give the same, but for Message-IDs.
func outcome(row Row, job *Job, r Result, s Schedule, now time.Time) (o Outcome) {
	o.Result = r
	defer func() { o.Status, o.Text = o.Result.Status, o.Result.Text }()
	o.Attempted = true
	switch r.Class {
	case Delivered:
		o.State = tickets.OutSent
	case Permanent:
		o.fail(job, now)
	default:
		next, ok := s.Next(row.Created, now, row.Attempts+1, row.Noticed)
		if !ok {
			o.Result.Class = Permanent
			o.Result.Status = "5.4.7" // RFC 3463: delivery time expired
			o.fail(job, now)
			return o
		}
		o.State, o.Next = tickets.OutQueued, next
		if !row.Noticed && now.Sub(row.Created) >= noticeAge {
			o.Noticed = true
			o.Reports = reports(job, o.Result, templateLate, now)
		}
	}
	return o
}

func (o *Outcome) fail(job *Job, now time.Time) {
	o.State = tickets.OutFailed
	if job == nil || job.Out == nil {
		return
	}
	if t := job.Out.Ticket; t != nil {
		o.Events = append(o.Events, &tickets.Event{TicketID: t.ID, At: now, Kind: "failed", Actor: tickets.ActorSystem, Message: job.Out.Message,
			Data: map[string]string{"outbox": strconv.FormatInt(job.Out.ID, 10), "kind": string(job.Out.Kind), "status": o.Result.Status}})
	}
	if job.Out.Purpose != "" && job.Out.Ticket == nil {
		e := stoppedEvent(job.Out, o.Result.Status)
		e.At = now
		o.Events = append(o.Events, e)
	}
	o.Reports = reports(job, o.Result, templateFailed, now)
}

// reports writes to those who should know: the assignee, else the queue's
// agents, but never the one whom the failed mail was for. Acknowledgements are
// not worth a mail, and a report on a receipt or a report could go on for ever.
func reports(job *Job, r Result, template string, now time.Time) []*tickets.Outgoing {
	if job == nil || job.Out == nil || job.Directory == nil {
		return nil
	}
	out := job.Out
	switch out.Kind {
	case tickets.OutAnswer, tickets.OutPrivacy:
	case tickets.OutNotification:
		if template == templateLate || r.Status == statusRestricted {
			return nil
		}
	default:
		return nil
	}
	q := job.Directory.QueueByID(out.QueueID)
	if q == nil {
		return nil
	}
	domain := q.ReplyDomain
	if domain == "" {
		domain = tickets.Domain(q.Address)
	}
	args := map[string]string{"to": out.To, "kind": string(out.Kind), "status": r.Status, "words": r.Text, "host": r.Host}
	if out.RequestID != 0 {
		// The person may be erased by now: neither the address nor what a server
		// says of it is put into another mailbox.
		args = map[string]string{"to": "the person of request " + out.Spec.Args["no"], "kind": string(out.Kind), "status": r.Status}
		if r.Host == "" && r.Code == 0 {
			args["words"] = r.Text // ours
		}
	}
	var list []*tickets.Outgoing
	for _, a := range whom(job, q) {
		list = append(list, &tickets.Outgoing{Org: out.Org, Kind: tickets.OutReport, MessageID: tickets.NewMessageID(domain),
			Ticket: out.Ticket, To: a.Address, ToAgent: a.ID, QueueID: q.ID, NotBefore: now,
			Spec: tickets.OutSpec{Template: template, Args: args, Text: excerpt(out)}})
	}
	return list
}

// excerpt is what an answer said, so that the agent knows which. Of a
// notification the colleague has the message itself in the ticket.
func excerpt(out *tickets.Outgoing) string {
	if out.Kind != tickets.OutAnswer || out.Ticket != nil && out.Ticket.Restricted {
		return ""
	}
	const most = 2000
	s := out.Spec.Text
	if len(s) > most {
		s = cleanText(s[:most]) + " […]"
	}
	return s
}

// officers decide about requests of data subjects.
func officers(d *tickets.Directory) (list []*tickets.Agent) {
	for _, a := range d.Agents {
		if a.Active && a.Role == tickets.RolePrivacy {
			list = append(list, a)
		}
	}
	return list
}

// whom names who is told: of the privacy desk's mail the officers, else the
// assignee, else the queue's agents, else the admins.
func whom(job *Job, q *tickets.Queue) []*tickets.Agent {
	not := job.Out.ToAgent
	if job.Out.Kind == tickets.OutPrivacy {
		if officers := officers(job.Directory); officers != nil {
			return officers
		}
	}
	if t := job.Out.Ticket; t != nil && t.AssigneeID != not {
		if a := job.Directory.AgentByID(t.AssigneeID); a != nil && a.Active {
			return []*tickets.Agent{a}
		}
	}
	var list, admins []*tickets.Agent
	for _, a := range job.Directory.Agents {
		switch {
		case !a.Active || a.ID == not:
		case a.Works(q.ID):
			list = append(list, a)
		case a.Role == tickets.RoleAdmin:
			admins = append(admins, a)
		}
	}
	if list == nil {
		return admins
	}
	return list
}
