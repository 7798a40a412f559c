package outbound

import (
	"regexp"
	"strings"

	"postroom/internal/mailtext"
	"postroom/tickets"
)

// summary takes out of a mail to an agent all that a customer wrote or is
// named by, where the configuration wants no content in agents' outside
// mailboxes (notify = "summary"). What was asked for with #show or #send
// attachments stays here too: that would be the same content by another door.
func (c *composer) summary(d *draft, job *Job, q *tickets.Queue) {
	out := job.Out
	d.cc, d.body.html, d.body.inline, d.body.attach = nil, "", nil, nil
	d.fromName = queueName(q)
	ref := ""
	if out.Ticket != nil {
		ref = out.Ticket.Ref
	}
	switch {
	case out.Kind == tickets.OutNotification:
		v := c.bareNotice(job, q)
		d.subject = Subject(mailtext.SummarySubject(v), ref, false)
		d.body.text = mailtext.Summary(v)
	case out.Spec.Template == tickets.TemplateShown, out.Spec.Template == "collision":
		d.body.text = mailtext.SummaryShown(ref, out.Spec.Template == "collision")
		if out.Spec.Template == "collision" {
			d.subject = Subject("Not sent: a colleague was faster", ref, false)
		}
	default:
		d.body.text = withoutContent(d.body.text, tickets.Domain(q.Address), q.ReplyDomain)
	}
}

// bareNotice is what a notification may say without content.
func (c *composer) bareNotice(job *Job, q *tickets.Queue) mailtext.NotifyVars {
	out := job.Out
	v := mailtext.NotifyVars{Queue: queueName(q), Why: cleanLine(out.Spec.Args["why"], 80)}
	if t := out.Ticket; t != nil {
		v.Ref, v.State, v.Priority, v.Tags = t.Ref, string(t.State), string(t.Priority), t.Tags
		if a := job.Directory.AgentByID(t.AssigneeID); a != nil {
			v.Assignee, v.Yours = a.Name, a.ID == out.ToAgent
		}
	}
	if m := out.Message; m != nil {
		v.From = "-" // there is somebody
		v.Received, v.Proof, v.Unverified, v.Note = m.Received, m.Proof, m.Unverified, m.Direction == tickets.DirectionNote
		v.Bounce, v.Automatic = m.Kind == "bounce", m.Kind == "auto-reply"
	}
	return v
}

// mailAddress finds addresses in a text.
var mailAddress = regexp.MustCompile(`[^\s<>"'(),;:]+@[^\s<>"'(),;:]+`)

// withoutContent takes quoted lines and the addresses of others out of a
// report or a receipt.
func withoutContent(text string, own ...string) string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "|") || strings.HasPrefix(line, ">") {
			continue
		}
		out = append(out, mailAddress.ReplaceAllStringFunc(line, func(a string) string {
			domain := tickets.Domain(strings.TrimRight(a, "."))
			for _, o := range own {
				if o != "" && strings.EqualFold(domain, o) {
					return a
				}
			}
			return "(address not shown)"
		}))
	}
	return strings.Join(out, "\n")
}
