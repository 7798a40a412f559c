package outbound

import (
	"html"
	"strings"

	"postroom/internal/mailtext"
	"postroom/tickets"
)

// draft decides what a kind of mail says and to whom. Two rules stand above
// all kinds: a note goes to nobody but agents, and what is meant for agents
// goes to an agent who still is one.
func (c *composer) draft(job *Job, q *tickets.Queue) (*draft, error) {
	out := job.Out
	switch {
	case out.Kind == tickets.OutReport && out.ToAgent == 0 && out.Spec.Template == tickets.TemplateDelivered:
		return c.delivered(out, q), nil
	case out.Kind == tickets.OutAck, out.Kind == tickets.OutAnswer, out.Kind == tickets.OutPrivacy, out.Kind == tickets.OutNews, out.Kind == tickets.OutSurvey:
		if out.Message != nil && out.Message.Direction == tickets.DirectionNote {
			return nil, &Result{Class: Permanent, Status: "5.7.1", Phase: "compose", Text: "an internal note is not sent to customers"}
		}
	default:
		if a := job.Directory.AgentByID(out.ToAgent); a == nil || !a.Active {
			return nil, &Result{Class: Permanent, Status: "5.7.1", Phase: "compose", Text: "the recipient is no longer an agent here"}
		}
	}
	if err := restricted(job); err != nil {
		return nil, err
	}
	d := &draft{fromName: queueName(q), cc: out.Spec.Cc, replyTo: out.Spec.ReplyTo, inReply: strings.Trim(out.Spec.InReply, "<> "), refs: out.Spec.Refs}
	switch out.Kind {
	case tickets.OutAck:
		c.ack(d, job, q)
	case tickets.OutAnswer:
		c.answer(d, job, q)
	case tickets.OutNotification:
		c.notification(d, job, q)
	case tickets.OutReceipt, tickets.OutReport:
		c.toAgent(d, job, q)
	case tickets.OutNews, tickets.OutSurvey:
		if err := c.forPurpose(d, job); err != nil {
			return nil, err
		}
	case tickets.OutPrivacy:
		if err := c.toSubject(d, job); err != nil {
			return nil, err
		}
	default:
		return nil, &Result{Class: Permanent, Status: "5.3.0", Phase: "compose", Text: "a mail of this kind cannot be written"}
	}
	if err := c.parts(d, job, q); err != nil {
		return nil, err
	}
	if c.summaries && out.ToAgent != 0 {
		c.summary(d, job, q)
	}
	return d, nil
}

// delivered tells a sender who asked that the mail arrived (RFC 3464).
func (c *composer) delivered(out *tickets.Outgoing, q *tickets.Queue) *draft {
	args := out.Spec.Args
	d := &draft{fromName: queueName(q), subject: cleanLine(out.Spec.Subject, 200), auto: "auto-replied", null: true}
	d.body.text = out.Spec.Text
	var b strings.Builder
	field := func(name, value string) {
		if value = cleanLine(value, 500); value != "" {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	field("Reporting-MTA", "dns; "+q.ReplyDomain)
	field("Original-Envelope-Id", args["envid"])
	field("Arrival-Date", args["arrival"])
	for line := range strings.SplitSeq(args["recipients"], "\n") {
		final, original, _ := strings.Cut(line, "\t")
		b.WriteString("\r\n")
		field("Original-Recipient", original)
		field("Final-Recipient", "rfc822; "+final)
		field("Action", "delivered")
		field("Status", "2.1.5")
	}
	d.body.status = b.String()
	return d
}

func queueName(q *tickets.Queue) string {
	if q.DisplayName != "" {
		return q.DisplayName
	}
	return q.Name
}

func language(out *tickets.Outgoing) string {
	switch {
	case out.Spec.Language != "":
		return out.Spec.Language
	case out.ToPerson != nil && out.ToPerson.Language != "":
		return out.ToPerson.Language
	case out.Ticket != nil:
		return out.Ticket.Language
	}
	return ""
}

// texts gives the queue's own words in a language, or its fallback's.
func texts(q *tickets.Queue, lang string) (own, any tickets.QueueTexts) {
	return q.Texts[mailtext.Base(lang)], q.Texts[""]
}

// ack acknowledges a new ticket: none of the customer's text but the subject
// that the desk put into the spec because its sender is proved.
func (c *composer) ack(d *draft, job *Job, q *tickets.Queue) {
	out := job.Out
	lang := language(out)
	own, any := texts(q, lang)
	v := mailtext.AckVars{Queue: queueName(q), Controller: c.notice.Controller, Contact: c.notice.Contact, Body: own.Ack}
	if v.Body == "" {
		v.Body = any.Ack
	}
	if v.Controller == "" {
		v.Controller = v.Queue
	}
	if v.Contact == "" {
		v.Contact = q.Address
	}
	if out.Ticket != nil {
		v.Ref = out.Ticket.Ref
	}
	subject, text := mailtext.Ack(lang, v)
	if out.Spec.Subject != "" {
		d.subject = Subject(out.Spec.Subject, v.Ref, true)
	} else {
		d.subject = Subject(subject, v.Ref, false)
	}
	d.body.text = text
	d.auto, d.null, d.cc = "auto-replied", true, nil
	c.replyAddress(d, out, q)
}

// replyAddress is the secret address of the party the mail goes to.
func (c *composer) replyAddress(d *draft, out *tickets.Outgoing, q *tickets.Queue) {
	if d.replyTo != "" || out.Ticket == nil {
		return
	}
	if p := out.Ticket.PartyByAddress(out.To); p != nil {
		d.replyTo = c.addr.Reply(q, out.Ticket.Ref, p.No)
	}
}

// answer is what an agent wrote, under the queue's signature.
func (c *composer) answer(d *draft, job *Job, q *tickets.Queue) {
	out := job.Out
	if out.ToPerson != nil {
		d.toName = out.ToPerson.Name
	}
	subject, ref := out.Spec.Subject, ""
	if out.Ticket != nil {
		ref = out.Ticket.Ref
		if subject == "" {
			subject = out.Ticket.Subject
		}
	}
	d.subject = Subject(subject, ref, out.Spec.InReply != "" || len(out.Spec.Refs) > 0)
	lang := language(out)
	own, any := texts(q, lang)
	sign := own.Signature
	if sign == "" {
		sign = any.Signature
	}
	name := ""
	if out.Message != nil {
		if a := job.Directory.AgentByID(out.Message.AuthorAgent); a != nil {
			name = a.DisplayName
		}
	}
	name = cleanLine(name, 80)
	if safeName(name) != "" {
		d.fromName = safeName(name) + " (" + safeName(queueName(q)) + ")"
	}
	if sign == "" {
		if sign = queueName(q); name != "" {
			sign = name + "\n" + sign
		}
	}
	sign = strings.TrimSpace(strings.NewReplacer("{agent}", name, "{queue}", queueName(q), "{ref}", ref).Replace(sign))
	d.body.text = strings.TrimRight(out.Spec.Text, "\n ") + "\n\n-- \n" + sign
	if out.Spec.HTML != "" {
		d.body.html = strings.TrimRight(out.Spec.HTML, "\n ") + "\n<p>-- <br>" + strings.ReplaceAll(html.EscapeString(sign), "\n", "<br>\n") + "</p>\n"
	}
	c.replyAddress(d, out, q)
}

// toAgent is a receipt or a report.
func (c *composer) toAgent(d *draft, job *Job, q *tickets.Queue) {
	out := job.Out
	d.auto, d.null = "auto-generated", true
	ref, args := "", out.Spec.Args
	if out.Ticket != nil {
		ref = out.Ticket.Ref
		c.agentThread(d, out, q)
	}
	d.subject = Subject(out.Spec.Subject, ref, false)
	d.body.text = out.Spec.Text
	switch out.Spec.Template {
	case templateFailed, templateLate:
		v := mailtext.ReportVars{Ref: ref, Late: out.Spec.Template == templateLate, To: cleanLine(args["to"], 320), Kind: args["kind"],
			Status: args["status"], Words: oneLine(args["words"], 500), Host: cleanLine(args["host"], 255), Text: out.Spec.Text}
		d.body.text = mailtext.Report(v)
		if out.Spec.Subject == "" {
			d.subject = Subject(mailtext.ReportSubject(v), ref, false)
		}
	default:
		if out.Spec.Subject == "" {
			d.subject = Subject(mailtext.ReceiptSubject, ref, false)
		}
	}
	if d.replyTo == "" && out.Ticket != nil {
		// An answer to a report is a note: it must not reach the customer by accident.
		d.replyTo = c.addr.Note(q, ref, out.ToAgent)
	}
}

// agentThread keeps all that an agent gets about a ticket in one conversation
// of the agent's client, by a root that no mail has.
func (c *composer) agentThread(d *draft, out *tickets.Outgoing, q *tickets.Queue) {
	domain := q.ReplyDomain
	if domain == "" {
		domain = tickets.Domain(q.Address)
	}
	root := strings.ToLower(out.Ticket.Ref) + ".ticket@" + strings.ToLower(domain)
	d.refs = append([]string{root}, d.refs...)
	if d.inReply == "" {
		d.inReply = root
	}
}

// notification is what an agent gets of a new message.
func (c *composer) notification(d *draft, job *Job, q *tickets.Queue) {
	out := job.Out
	d.auto = "auto-generated"
	v := mailtext.NotifyVars{Queue: queueName(q), Text: out.Spec.Text, Why: cleanLine(out.Spec.Args["why"], 80)}
	v.Case = tickets.FoldAddress(q.Address) == tickets.FoldAddress(c.notice.Contact)
	subject, ref := out.Spec.Subject, ""
	if t := out.Ticket; t != nil {
		ref = t.Ref
		if subject == "" {
			subject = t.Subject
		}
		v.Ref, v.State, v.Priority, v.Tags = t.Ref, string(t.State), string(t.Priority), t.Tags
		if a := job.Directory.AgentByID(t.AssigneeID); a != nil {
			v.Assignee, v.Yours = a.Name, a.ID == out.ToAgent
		}
		c.agentThread(d, out, q)
		if d.replyTo == "" {
			d.replyTo = c.addr.Agent(q, t.Ref, out.ToAgent)
		}
	}
	if m := out.Message; m != nil {
		c.describe(&v, job, m)
		if right := out.Spec.Args["request"]; right != "" {
			v.Defects = append(v.Defects, mailtext.LooksLikeRequest(cleanLine(right, 40)))
		}
		if v.From != "" && !m.Unverified && m.AuthorAgent == 0 {
			if name := safeName(m.FromName); name != "" {
				d.fromName = name + " via " + safeName(queueName(q))
			}
		}
	}
	if out.Spec.Template == templateAttachments {
		v.Text, job = "The attachments of this message, as you asked.", &Job{Out: out, Directory: job.Directory}
	}
	for _, e := range job.Earlier {
		// What a stranger put into the ticket is shown once, marked, and quoted nowhere.
		if e.Unverified || e.Restricted || out.Message != nil && e.ID == out.Message.ID && e.ID != 0 {
			continue
		}
		v.Earlier = append(v.Earlier, mailtext.Earlier{At: e.Received, Who: who(job, e), Text: cleanText(e.Text)})
	}
	d.subject = Subject(subject, ref, false)
	d.body.text = mailtext.Notify(v)
}

// describe says of a message who it is from and what that is worth.
func (c *composer) describe(v *mailtext.NotifyVars, job *Job, m *tickets.Message) {
	v.From, v.Received = who(job, m), m.Received
	v.To, v.Cc = cleanList(m.To), cleanList(m.Cc)
	v.Proof, v.Unverified, v.Note = m.Proof, m.Unverified, m.Direction == tickets.DirectionNote
	v.Bounce, v.Automatic = m.Kind == "bounce", m.Kind == "auto-reply"
	if v.Text == "" {
		v.Text = cleanText(m.Text)
		if m.Whole != "" { // an agent sees the message whole, also what it quotes
			v.Text = cleanText(m.Whole)
		}
	}
	if tickets.Domain(m.EnvelopeFrom) != tickets.Domain(m.From) && m.AuthorAgent == 0 {
		v.EnvelopeFrom = cleanLine(m.EnvelopeFrom, 320)
	}
	for _, s := range m.Defects {
		v.Defects = append(v.Defects, cleanLine(s, 200))
	}
}

// who names a message's author with the address in plain sight (H10).
func who(job *Job, m *tickets.Message) string {
	if m.AuthorAgent != 0 {
		if a := job.Directory.AgentByID(m.AuthorAgent); a != nil {
			return a.Name + " (of the team)"
		}
	}
	addr := cleanLine(m.From, 320)
	if name := safeName(m.FromName); name != "" {
		return name + " <" + addr + ">"
	}
	return addr
}

func cleanList(list []string) []string {
	var out []string
	for _, s := range list {
		if len(out) == 20 {
			return append(out, "…")
		}
		out = append(out, cleanLine(s, 320))
	}
	return out
}

// parts puts the attachments in place: those the spec names, or for a
// notification what the queue's limit lets through.
func (c *composer) parts(d *draft, job *Job, q *tickets.Queue) error {
	out := job.Out
	m := out.Message
	if m == nil || out.Kind == tickets.OutAck || out.Kind == tickets.OutReport {
		return nil
	}
	indices, left := out.Spec.Attach, []tickets.Attachment(nil)
	if out.Kind == tickets.OutNotification {
		switch {
		case indices == nil:
			indices, left = withinLimit(m.Attachments, q.AttachLimit)
		case len(indices) == 0:
			left = append(left, m.Attachments...)
		}
	}
	for _, i := range indices {
		if i < 0 || i >= len(m.Attachments) {
			return &Result{Class: Permanent, Status: "5.6.0", Phase: "compose", Text: "an attachment that should go along is not in the message"}
		}
		a := attachment{meta: m.Attachments[i], index: i, of: m.ID}
		if cid := a.meta.ContentID; d.body.html != "" && cid != "" && strings.Contains(d.body.html, "cid:"+cid) {
			d.body.inline = append(d.body.inline, a)
			continue
		}
		d.body.attach = append(d.body.attach, a)
	}
	for i := range left {
		left[i].Name = cleanLine(left[i].Name, 200)
	}
	d.body.text += mailtext.LeftOut(left)
	return nil
}

// withinLimit takes attachments in order as long as their bytes fit. 0 is no limit.
func withinLimit(list []tickets.Attachment, limit int64) (take []int, left []tickets.Attachment) {
	var sum int64
	for i, a := range list {
		if limit > 0 && sum+a.Size > limit {
			left = append(left, a)
			continue
		}
		sum += a.Size
		take = append(take, i)
	}
	return take, left
}
