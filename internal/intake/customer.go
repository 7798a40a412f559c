package intake

import (
	"context"
	"slices"
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
	dec = in.strictest(m, to, dec, f)
	sender, err := in.writer(ctx, v, m, to)
	if err != nil {
		return nil, err
	}
	c := tickets.Incoming{
		Message: m.toMessage(), Sender: sender, Queue: to.queueFor(f.hit[dec.TicketID]), Decision: dec, Ticket: f.hit[dec.TicketID],
		Language: language(m, sender), Index: m.msg.ThreadIndex, Aligned: m.aligned || m.proof == "agent",
		Automatic: m.msg.Kind == message.KindAutoReply, Bounce: m.msg.Kind == message.KindBounce, Bulk: m.msg.Bulk,
		Junk:    m.junkFor(to),
		Warning: looksLikeVerification(m), Addr: in.addr, Now: m.env.Received,
	}
	c.Message.ThreadReason = dec.Reason
	c.Message.AuthorPerson = sender
	if m.env.Via == tickets.ViaImport {
		return in.imported(ctx, v, m, to, &c)
	}
	if c.Aligned {
		if c.Copied, err = in.copied(ctx, v, m, to.dir, sender); err != nil {
			return nil, err
		}
	}
	if c.Ack, err = in.ackRule(ctx, v, m, to, sender, dec); err != nil {
		return nil, err
	}
	ch := tickets.Receive(c)
	in.mayBeRequest(ch, m, c.Message)
	return ch, nil
}

// strictest corrects a decision by what the mail went to and looks like. What
// comes to the privacy address is a case of its own, whatever it quotes. A
// service's verification that somebody had sent to a ticket's secret address
// does not get near that ticket (docs/threats.md H1).
func (in *Intake) strictest(m *mail, to *destination, dec threading.Decision, f *finder) threading.Decision {
	t := f.hit[dec.TicketID]
	switch dec.Action {
	case threading.Join, threading.Third, threading.Unverified:
	default:
		return dec
	}
	switch {
	case to.privacy && t != nil && t.QueueID != to.queue.ID:
		return threading.Decision{Action: threading.Linked, TicketID: dec.TicketID, Reason: dec.Reason + "; but it went to the privacy address: a case of its own"}
	case dec.Action == threading.Unverified && dec.PartyNo == 0 && (m.msg.Kind != message.KindMail || looksLikeVerification(m)):
		return threading.Decision{Action: threading.Linked, TicketID: dec.TicketID, Reason: dec.Reason + ", and it looks automatic: a ticket of its own, linked"}
	}
	return dec
}

// queueFor is where a new ticket goes: to the queue that was written to, else
// to that of the ticket it follows up.
func (to *destination) queueFor(t *tickets.Ticket) *tickets.Queue {
	if t != nil && !to.named && !to.privacy {
		if q := to.dir.QueueByID(t.QueueID); q != nil {
			return q
		}
	}
	return to.queue
}

// writer is the person who wrote the mail; nil when nobody can be named. An
// address of our own is never a person: an answer would come back to us.
func (in *Intake) writer(ctx context.Context, v tickets.View, m *mail, to *destination) (*tickets.Person, error) {
	if to.dir.QueueByAddress(m.from.Address) != nil || m.noFrom && in.hosts(to.dir, tickets.Domain(m.from.Address)) {
		return nil, nil
	}
	return in.person(ctx, v, m.from)
}

func (in *Intake) evidence(m *mail, to *destination) threading.Evidence {
	return threading.Evidence{From: m.from.Address, Proved: in.believed(m), Reply: to.replies, InReplyTo: m.msg.InReplyTo,
		References: m.msg.References, Subject: m.msg.Subject, ThreadIndex: m.msg.ThreadIndex, Now: m.when()}
}

// when is the time by which a mail is judged: its own if it is only put away.
func (m *mail) when() time.Time {
	if d := m.msg.Date; m.env.Via == tickets.ViaImport && !d.IsZero() && d.Before(m.env.Received) {
		return d
	}
	return m.env.Received
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
	rule := tickets.AckRule{Enabled: in.cfg.AckEnabled, RequireProof: in.cfg.CheckSenders, PerSenderDay: in.cfg.AckPerDay, Suppressed: suppressed(m)}
	isNew := dec.Action != threading.Join && dec.Action != threading.Third && dec.Action != threading.Unverified
	if !rule.Enabled || !isNew || sender == nil || rule.Suppressed || (rule.RequireProof && !m.aligned) {
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

// suppressed reports whether the mail asks for no automatic answer, in the ways
// of Exchange and of old list servers (docs/threats.md H13). Such a mail may well be
// a person's; only the acknowledgement is left out.
func suppressed(m *mail) bool {
	if m.msg.Get("X-Loop") != "" {
		return true
	}
	for _, w := range strings.Split(strings.ToLower(m.msg.Get("X-Auto-Response-Suppress")), ",") {
		if w = strings.TrimSpace(w); w == "all" || w == "autoreply" || w == "oof" {
			return true
		}
	}
	return false
}

// toMessage is what is kept of the mail beside its bytes.
func (m *mail) toMessage() *tickets.Message {
	msg := &tickets.Message{
		Receipt: m.receipt, MessageID: m.msg.MessageID, Direction: tickets.DirectionIn, Kind: string(m.msg.Kind),
		From: m.from.Address, FromName: m.from.Name, EnvelopeFrom: m.env.From, EnvelopeTo: m.env.To,
		Subject: m.msg.Subject, Text: clipText(m.msg.Reply, m.msg.Text), Defects: m.msg.Defects, Received: m.env.Received,
		Raw: m.raw, Proof: m.proof, AuthResults: m.results, Dedupe: m.identity(),
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
		msg.Attachments = append(msg.Attachments, tickets.Attachment{Name: a.Name, Type: a.Type, Size: a.Size, Inline: a.Inline, SHA256: a.SHA256, ContentID: a.ContentID})
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
// (docs/threats.md H1).
func looksLikeVerification(m *mail) bool {
	local, _, _ := tickets.SplitAddress(m.from.Address)
	if beginsWith(local, "noreply") || beginsWith(local, "donotreply") {
		return true
	}
	text := ""
	if len(m.msg.Text) < 4000 {
		text = m.msg.Text
	}
	if !mayNameCode(m.msg.Subject) && !mayNameCode(text) {
		return false
	}
	text = strings.ToLower(m.msg.Subject + "\n" + text)
	return namesCode(text) && hasCode(text) // a person who asks about such a mail names no code
}

// beginsWith compares a local part with a word in small letters, whatever
// stands between the letters.
func beginsWith(local, word string) bool {
	for i := 0; i < len(local) && word != ""; i++ {
		switch c := local[i]; {
		case c == '-' || c == '_' || c == '.':
		case c|0x20 != word[0]:
			return false
		default:
			word = word[1:]
		}
	}
	return word == ""
}

// mayNameCode is a quick look for a part of each phrase of namesCode: every
// mail is looked through, and few hold one.
func mayNameCode(text string) bool {
	return around(text, 'f', func(before, after string) bool { // verify, verification, confirm, confirmation
		return hasEnd(before, "ri") || hasEnd(before, "n") && hasStart(after, "i")
	}) || around(text, '-', func(before, after string) bool { // one-time
		return hasEnd(before, "e") && hasStart(after, "t")
	}) || around(text, 0xC3, func(before, _ string) bool { // bestätigungscode: the first octet of its ä
		return hasEnd(before, "st")
	})
}

// around asks for every place of an octet, a letter large or small, whether it
// is what is looked for.
func around(text string, c byte, found func(before, after string) bool) bool {
	at := func(c byte) bool {
		for from := 0; ; {
			i := strings.IndexByte(text[from:], c)
			if i < 0 {
				return false
			}
			if i += from; found(text[:i], text[i+1:]) {
				return true
			}
			from = i + 1
		}
	}
	return at(c) || 'a' <= c && c <= 'z' && at(c-0x20)
}

func hasEnd(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[len(s)-len(word):], word)
}

func hasStart(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[:len(word)], word)
}

// codePhrases are the words of services that send codes. mayNameCode has to
// find a part of each.
func codePhrases() []string {
	return []string{"verification code", "confirmation code", "one-time code", "one-time password", "verify your account", "verify your email",
		"confirm your account", "confirm your email", "bestätigungscode", "code de vérification", "código de verificación"}
}

func namesCode(text string) bool {
	return slices.ContainsFunc(codePhrases(), func(w string) bool { return strings.Contains(text, w) })
}

// hasCode finds a link, or four to eight digits in a row.
func hasCode(text string) bool {
	if strings.Contains(text, "https://") || strings.Contains(text, "http://") {
		return true
	}
	digits := 0
	for _, r := range text + " " {
		switch {
		case '0' <= r && r <= '9':
			digits++
		case digits >= 4 && digits <= 8:
			return true
		default:
			digits = 0
		}
	}
	return false
}

// imported puts old mail where it belongs and sends nothing. What the team
// itself wrote stands as an answer. Whoever else wrote into a conversation stays
// in it, as a third party: nobody reads more because of it.
func (in *Intake) imported(ctx context.Context, v tickets.View, m *mail, to *destination, c *tickets.Incoming) (*tickets.Change, error) {
	c.Import, c.Now = m.env.State, m.when()
	if c.Import == "" {
		c.Import = tickets.StateResolved
	}
	c.Message.Received = c.Now
	if c.Decision.Action == threading.Linked {
		c.Decision.Action = threading.Third
	}
	agent := to.dir.AgentByAddress(m.from.Address)
	if agent == nil && to.dir.QueueByAddress(m.from.Address) == nil {
		return tickets.Receive(*c), nil
	}
	c.Message.Direction = tickets.DirectionOut
	if agent != nil {
		c.Message.AuthorAgent = agent.ID
	}
	c.Message.AuthorPerson, c.Sender = nil, nil
	switch c.Decision.Action {
	case threading.Third, threading.Unverified:
		c.Decision.Action = threading.Join
	case threading.New, threading.FollowUp:
		// The team wrote first: the matter is whoever it wrote to.
		first, err := in.copied(ctx, v, m, to.dir, nil)
		if err != nil {
			return nil, err
		}
		if len(first) > 0 {
			c.Sender = first[0]
		}
	}
	return tickets.Receive(*c), nil
}

// forwarded finds the customer's mail in one that an agent forwarded to a
// queue: the ticket belongs to the original sender.
func (in *Intake) forwarded(to *destination, m *mail) *message.Forward {
	if !to.sure || to.token != nil || m.msg.Kind != message.KindMail {
		return nil
	}
	return in.outsider(to, message.Forwarded(m.msg))
}

// outsider leaves out what one of us wrote: a notification that is forwarded
// to a queue makes no customer of the desk itself (docs/threats.md H11).
func (in *Intake) outsider(to *destination, fwd *message.Forward) *message.Forward {
	if fwd == nil {
		return nil
	}
	if a := fwd.From.Address; to.dir.QueueByAddress(a) != nil || to.dir.AgentByAddress(a) != nil || in.hosts(to.dir, tickets.Domain(a)) {
		return nil
	}
	return fwd
}

func (in *Intake) forwardedMail(ctx context.Context, v tickets.View, m *mail, to *destination, fwd *message.Forward) (*tickets.Change, error) {
	sender, err := in.person(ctx, v, fwd.From)
	if err != nil {
		return nil, err
	}
	why := "forwarded by agent " + strconv.FormatInt(to.agent.ID, 10)
	f := newFinder(v, to.dir, tickets.DefaultOrg)
	dec, err := threading.Resolve(ctx, threading.Evidence{From: fwd.From.Address, Proved: true, InReplyTo: fwd.InReplyTo, References: fwd.References,
		Subject: fwd.Subject, Now: m.env.Received}, f)
	if err != nil {
		return nil, err
	}
	dec.Reason = why + "; " + dec.Reason
	c := tickets.Incoming{Message: m.toMessage(), Sender: sender, Queue: to.queue, Language: language(m, sender), Decision: dec,
		Ticket: f.hit[dec.TicketID], By: to.agent, Addr: in.addr, Now: m.env.Received}
	c.Message.From, c.Message.FromName = fwd.From.Address, fwd.From.Name
	c.Message.Subject, c.Message.Text, c.Message.Whole = fwd.Subject, clipText(fwd.Text, m.msg.Text), clipText(m.msg.Text, "")
	c.Message.AuthorPerson, c.Message.Proof, c.Message.ThreadReason = sender, "agent", dec.Reason
	return tickets.Receive(c), nil
}
