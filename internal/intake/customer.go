package intake

import (
	"context"
	"strconv"
	"strings"
	"time"

	"postroom/internal/message"
	"postroom/threading"
	"postroom/tickets"
)

// maxCopied is how many people of To and Cc one mail can bring into a ticket.
const maxCopied = 20

// customer is the way of a mail from outside the team.
func (in *Intake) customer(ctx context.Context, v tickets.View, m *mail, to *destination) (*tickets.Change, error) {
	if fwd := in.forwarded(to, m); fwd != nil {
		return in.forwardedMail(ctx, v, m, to, fwd)
	}
	f := newFinder(v, to.dir, tickets.DefaultOrg)
	dec, err := threading.Resolve(ctx, in.evidence(m, to), f)
	if err != nil {
		return nil, err
	}
	sender, err := in.person(ctx, v, m.from)
	if err != nil {
		return nil, err
	}
	c := tickets.Incoming{
		Message: m.toMessage(), Sender: sender, Queue: to.queue, Decision: dec, Ticket: f.hit[dec.TicketID],
		Language: language(m, sender), Index: m.msg.ThreadIndex, Aligned: m.aligned || m.proof == "agent",
		Automatic: m.msg.Kind == message.KindAutoReply, Bounce: m.msg.Kind == message.KindBounce, Bulk: m.msg.Bulk,
		Junk:    m.junkFor(to),
		Warning: looksLikeVerification(m), Addr: in.addr, Now: m.env.Received,
	}
	c.Message.ThreadReason = dec.Reason
	c.Message.AuthorPerson = sender
	if m.env.Via == tickets.ViaImport {
		return in.imported(m, to, &c), nil
	}
	if c.Aligned {
		if c.Copied, err = in.copied(ctx, v, m, to.dir, sender); err != nil {
			return nil, err
		}
	}
	if c.Ack, err = in.ackRule(ctx, v, m, to, sender, dec); err != nil {
		return nil, err
	}
	return tickets.Receive(c), nil
}

func (in *Intake) evidence(m *mail, to *destination) threading.Evidence {
	return threading.Evidence{From: m.from.Address, Proved: in.believed(m), Reply: to.replies, InReplyTo: m.msg.InReplyTo,
		References: m.msg.References, Subject: m.msg.Subject, ThreadIndex: m.msg.ThreadIndex, Now: m.env.Received}
}

// believed reports whether From may speak for a party without the secret
// address: it is proved, or nothing is checked here because a filter in front
// does that, or the mail is old and only put away.
func (in *Intake) believed(m *mail) bool {
	return m.aligned || m.proof == "agent" || m.env.Via == tickets.ViaImport || !in.cfg.CheckSenders
}

// person finds or makes the person of an address; nil when it is none.
func (in *Intake) person(ctx context.Context, v tickets.View, a message.Address) (*tickets.Person, error) {
	if _, _, ok := tickets.SplitAddress(a.Address); !ok {
		return nil, nil
	}
	p, err := v.PersonByAddress(ctx, tickets.DefaultOrg, a.Address)
	if err != nil || p != nil {
		return p, err
	}
	return &tickets.Person{Org: tickets.DefaultOrg, Address: a.Address, Name: a.Name, Created: in.now()}, nil
}

// language is that of the mail, else the one the person wrote in before.
func language(m *mail, p *tickets.Person) string {
	if m.msg.Language != "" {
		if p != nil {
			p.Language = m.msg.Language
		}
		return m.msg.Language
	}
	if p != nil {
		return p.Language
	}
	return ""
}

// copied are the people of To and Cc who are neither ours nor agents nor the
// sender.
func (in *Intake) copied(ctx context.Context, v tickets.View, m *mail, d *tickets.Directory, sender *tickets.Person) ([]*tickets.Person, error) {
	var out []*tickets.Person
	seen := map[string]bool{}
	if sender != nil {
		seen[tickets.FoldAddress(sender.Address)] = true
	}
	for _, a := range append(append([]message.Address(nil), m.msg.To...), m.msg.Cc...) {
		key := tickets.FoldAddress(a.Address)
		if seen[key] || in.hosts(d, tickets.Domain(key)) || d.QueueByAddress(key) != nil || d.AgentByAddress(key) != nil {
			continue
		}
		seen[key] = true
		p, err := in.person(ctx, v, a)
		if err != nil {
			return nil, err
		}
		if p != nil {
			out = append(out, p)
		}
		if len(out) == maxCopied {
			break
		}
	}
	return out, nil
}

// ackRule gathers what the rule of acknowledgements needs; the look-up is
// spared where the answer is no anyway.
func (in *Intake) ackRule(ctx context.Context, v tickets.View, m *mail, to *destination, sender *tickets.Person, dec threading.Decision) (tickets.AckRule, error) {
	rule := tickets.AckRule{Enabled: in.cfg.AckEnabled, RequireProof: in.cfg.CheckSenders, PerSenderDay: in.cfg.AckPerDay}
	isNew := dec.Action != threading.Join && dec.Action != threading.Third && dec.Action != threading.Unverified
	if !rule.Enabled || !isNew || sender == nil || (rule.RequireProof && !m.aligned) {
		return rule, nil
	}
	rule.OwnAddress = in.hosts(to.dir, tickets.Domain(sender.Address)) || to.dir.QueueByAddress(sender.Address) != nil ||
		to.dir.AgentByAddress(sender.Address) != nil
	if rule.PerSenderDay > 0 && sender.ID != 0 {
		n, err := v.AcksSince(ctx, tickets.DefaultOrg, sender.Address, m.env.Received.Add(-24*time.Hour))
		if err != nil {
			return rule, err
		}
		rule.SentToday = n
	}
	if in.limit != nil && m.ackBudget == nil {
		ok, _ := in.limit.Allow(ctx, "acks", in.cfg.AcksPerMinute, time.Minute)
		m.ackBudget = &ok
	}
	rule.OverBudget = m.ackBudget != nil && !*m.ackBudget
	return rule, nil
}

// toMessage is what is kept of the mail beside its bytes.
func (m *mail) toMessage() *tickets.Message {
	msg := &tickets.Message{
		Receipt: m.receipt, MessageID: m.msg.MessageID, Direction: tickets.DirectionIn, Kind: string(m.msg.Kind),
		From: m.from.Address, FromName: m.from.Name, EnvelopeFrom: m.env.From, EnvelopeTo: m.env.To,
		Subject: m.msg.Subject, Text: clipText(m.msg.Reply, m.msg.Text), Defects: m.msg.Defects, Received: m.env.Received,
		Raw: m.raw, Proof: m.proof, AuthResults: m.results,
	}
	if m.confirmed == 0 {
		msg.Dedupe = m.identity()
	}
	if whole := clipText(m.msg.Text, ""); len(whole) > len(msg.Text)+16 {
		msg.Whole = whole
	}
	for _, a := range m.msg.To {
		msg.To = append(msg.To, a.Address)
	}
	for _, a := range m.msg.Cc {
		msg.Cc = append(msg.Cc, a.Address)
	}
	for _, a := range m.msg.Attachments {
		msg.Attachments = append(msg.Attachments, tickets.Attachment{Name: a.Name, Type: a.Type, Size: a.Size, Inline: a.Inline, SHA256: a.SHA256})
	}
	return msg
}

const textKept = 64 << 10

func clipText(reply, whole string) string {
	s := reply
	if strings.TrimSpace(s) == "" {
		s = whole
	}
	if len(s) > textKept {
		s = strings.ToValidUTF8(s[:textKept], "")
	}
	return s
}

// looksLikeVerification finds mails by which some service wants to know
// whether it talks to us: they are never acknowledged and bring nobody in
// (THREATS.md H1).
func looksLikeVerification(m *mail) bool {
	local, _, _ := tickets.SplitAddress(strings.ToLower(m.from.Address))
	local = strings.NewReplacer("-", "", "_", "", ".", "").Replace(local)
	if strings.HasPrefix(local, "noreply") || strings.HasPrefix(local, "donotreply") {
		return true
	}
	text := strings.ToLower(m.msg.Subject)
	if len(m.msg.Text) < 4000 {
		text += "\n" + strings.ToLower(m.msg.Text)
	}
	for _, w := range []string{"verification code", "confirmation code", "one-time code", "one-time password", "verify your email",
		"confirm your email", "bestätigungscode", "code de vérification", "código de verificación"} {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// imported puts old mail where it belongs and sends nothing. What the team
// itself wrote stands as an answer.
func (in *Intake) imported(m *mail, to *destination, c *tickets.Incoming) *tickets.Change {
	c.Import = m.env.State
	if !m.msg.Date.IsZero() && m.msg.Date.Before(c.Now) {
		c.Now = m.msg.Date
		c.Message.Received = m.msg.Date
	}
	own := to.dir.QueueByAddress(m.from.Address) != nil || to.dir.AgentByAddress(m.from.Address) != nil
	if !own {
		return tickets.Receive(*c)
	}
	c.Message.Direction = tickets.DirectionOut
	if a := to.dir.AgentByAddress(m.from.Address); a != nil {
		c.Message.AuthorAgent = a.ID
	}
	if c.Decision.Action == threading.Linked {
		c.Decision.Action = threading.Join
	}
	c.Message.AuthorPerson, c.Sender = nil, nil
	return tickets.Receive(*c)
}

// forwarded finds the customer's mail in one that a proved agent forwarded to
// a queue: the ticket belongs to the original sender.
func (in *Intake) forwarded(to *destination, m *mail) *message.Forward {
	if to.agent == nil || !to.proved || to.token != nil {
		return nil
	}
	return message.Forwarded(m.msg)
}

func (in *Intake) forwardedMail(ctx context.Context, v tickets.View, m *mail, to *destination, fwd *message.Forward) (*tickets.Change, error) {
	sender, err := in.person(ctx, v, fwd.From)
	if err != nil {
		return nil, err
	}
	c := tickets.Incoming{Message: m.toMessage(), Sender: sender, Queue: to.queue, Language: language(m, sender),
		Decision: threading.Decision{Action: threading.New, Reason: "forwarded by agent " + strconv.FormatInt(to.agent.ID, 10)},
		Addr:     in.addr, Now: m.env.Received}
	f := newFinder(v, to.dir, tickets.DefaultOrg)
	dec, err := threading.Resolve(ctx, threading.Evidence{From: fwd.From.Address, Proved: true, InReplyTo: fwd.InReplyTo, References: fwd.References,
		Subject: fwd.Subject, Now: m.env.Received}, f)
	if err != nil {
		return nil, err
	}
	if dec.Action == threading.Join {
		c.Decision = threading.Decision{Action: dec.Action, TicketID: dec.TicketID, PartyNo: dec.PartyNo,
			Reason: c.Decision.Reason + "; " + dec.Reason}
		c.Ticket = f.hit[dec.TicketID]
	}
	c.Message.From, c.Message.FromName = fwd.From.Address, fwd.From.Name
	c.Message.Subject, c.Message.Text = fwd.Subject, clipText(fwd.Text, m.msg.Text)
	c.Message.AuthorPerson, c.Message.Proof, c.Message.ThreadReason = sender, "agent", c.Decision.Reason
	return tickets.Receive(c), nil
}
