package intake

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"postroom/internal/mailtext"
	"postroom/internal/message"
	"postroom/internal/senderauth"
	"postroom/threading"
	"postroom/tickets"
)

// listed is how many tickets #list mails.
const listed = 100

// agent is the way of an agent's mail: to a secret address, to the command
// address, by submission, or to a queue's public address.
func (in *Intake) agent(ctx context.Context, v tickets.View, m *mail, to *destination) (*tickets.Change, error) {
	am := &tickets.AgentMail{Agent: to.agent, Queue: to.queue, Directory: to.dir, Addr: in.addr, Now: m.env.Received,
		Confirmed: m.heldKind == "collision"}
	own := to.token != nil || m.env.Via == tickets.ViaSubmission || m.confirmed != 0
	ref := ""
	switch {
	case to.token != nil:
		ref = to.token.Ref
		am.NoteOnly = to.token.Kind == threading.TokenNote
	case len(to.replies) > 0 && m.env.Via == tickets.ViaSubmission:
		ref = to.replies[0].Ref
	case to.command && own:
	case !in.startsWithCommand(m) && !to.command, to.sure && !own && in.onlyForwards(m):
		// Plain mail to a queue: a colleague who writes as a customer, or a
		// forward. Commands at its top are only obeyed when proved.
		return in.customer(ctx, v, m, to)
	}
	gone := false
	if ref != "" {
		t, err := in.survivor(ctx, v, ref)
		if err != nil {
			return nil, err
		}
		if am.Ticket, gone = t, t == nil; t != nil {
			am.Queue = to.dir.QueueByID(t.QueueID)
		}
	}
	if am.Queue == nil {
		am.Queue = to.queue
	}
	if m.msg.Kind != message.KindMail {
		return in.agentAutomatic(m, to, am), nil
	}
	if !to.proved {
		if m.auth.Proof == senderauth.ProofTemp {
			// Asked again in a while, the DNS may prove it (docs/threats.md M13).
			return nil, refusal(tickets.RefuseTemporary, "the sender could not be checked just now")
		}
		return in.hold(m, to, am), nil
	}
	am.Message = m.toMessage()
	am.Message.Proof, am.Message.AuthorAgent = "agent", to.agent.ID
	am.Message.ThreadReason = agentReason(m, to)
	am.Commands, am.Text, am.Errors = tickets.ParseCommands(m.msg.Reply)
	if gone {
		am.Errors = append(am.Errors, &tickets.CommandError{Line: ref, Why: "this ticket is no longer here"})
	}
	if to.torn {
		am.Errors = append(am.Errors, &tickets.CommandError{Line: "To", Why: "the mail went to the addresses of several tickets; write to one at a time"})
	}
	am.Text = strings.TrimSpace(am.Text)
	if am.Text != "" && m.msg.RenderHTML() != "" {
		am.HTML = message.TextToHTML(am.Text)
	}
	if ch, done, err := in.privacyOrder(ctx, v, m, to, am); done || err != nil {
		return ch, err
	}
	if ch, done, err := in.special(ctx, v, m, to, am); done || err != nil {
		return ch, err
	}
	if err := in.gather(ctx, v, m, am); err != nil {
		return nil, err
	}
	in.stopLeaks(am)
	ch := tickets.ReceiveAgent(*am)
	in.release(m, ch)
	return ch, nil
}

// stopLeaks refuses an answer that still holds what is internal.
func (in *Intake) stopLeaks(am *tickets.AgentMail) {
	if am.NoteOnly || am.Text == "" || am.Ticket == nil {
		return
	}
	what := tickets.Leaks(am.Text, am.Contents[am.Ticket.ID], mailtext.Marks())
	if what == "" && in.namesSecret(am) {
		what = "a secret address of the desk"
	}
	if what != "" {
		am.Errors = append(am.Errors, &tickets.CommandError{Line: "your text", Why: "it holds " + what +
			"; write your answer above the notification, and quote only what the customer wrote"})
	}
}

// namesSecret looks for an address that only the agent may know.
func (in *Intake) namesSecret(am *tickets.AgentMail) bool {
	for word := range strings.FieldsFuncSeq(am.Text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("<>()[]\"',;:", r) }) {
		local, _, ok := tickets.SplitAddress(word)
		if !ok || !strings.Contains(local, "+") {
			continue
		}
		if tok := in.keys.Parse(local, am.Now); tok != nil && tok.Kind != threading.TokenReply {
			return true
		}
	}
	return false
}

// onlyForwards reports whether the one command of a mail is #forward.
func (in *Intake) onlyForwards(m *mail) bool {
	commands, _, errs := tickets.ParseCommands(m.msg.Reply)
	return len(errs) == 0 && len(commands) == 1 && commands[0].Verb == tickets.VerbForward
}

func agentReason(m *mail, to *destination) string {
	switch {
	case to.token != nil && to.token.Kind == threading.TokenNote:
		return "the agent's secret note address of this ticket"
	case to.token != nil && to.token.Kind == threading.TokenAgent:
		return "the agent's secret reply address of this ticket"
	case m.env.Via == tickets.ViaSubmission:
		return "the ticket's reply address, by an authenticated agent"
	}
	return "the agent's command address"
}

func (in *Intake) startsWithCommand(m *mail) bool {
	commands, _, errs := tickets.ParseCommands(m.msg.Reply)
	return len(commands)+len(errs) > 0
}

// survivor loads the ticket of a reference, following merges.
func (in *Intake) survivor(ctx context.Context, v tickets.View, ref string) (*tickets.Ticket, error) {
	t, err := v.TicketByRef(ctx, tickets.DefaultOrg, ref)
	for hops := 0; err == nil && t != nil && t.MergedInto != 0 && hops < 10; hops++ {
		t, err = v.TicketByID(ctx, t.MergedInto)
	}
	return t, err
}

// special treats what is no business of one ticket: #forward at the top, alone.
// Otherwise the desk says what is wrong with it.
func (in *Intake) special(ctx context.Context, v tickets.View, m *mail, to *destination, am *tickets.AgentMail) (*tickets.Change, bool, error) {
	if len(am.Errors) > 0 || len(am.Commands) != 1 || am.Commands[0].Verb != tickets.VerbForward {
		return nil, false, nil
	}
	fwd := in.outsider(to, message.Forwarded(m.msg))
	if fwd == nil {
		return nil, false, nil
	}
	ch, err := in.forwardedMail(ctx, v, m, to, fwd)
	if err == nil {
		in.release(m, ch)
	}
	return ch, true, err
}

// gather loads what the commands and the answer depend on.
func (in *Intake) gather(ctx context.Context, v tickets.View, m *mail, am *tickets.AgentMail) error {
	am.Named = make(map[string]*tickets.Ticket)
	am.Contents = make(map[int64][]*tickets.Message)
	for _, ref := range tickets.NamedRefs(am.Commands) {
		t, err := in.survivor(ctx, v, ref)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		am.Named[ref] = t
		if am.Contents[t.ID], err = v.MessagesOf(ctx, t.ID, 0); err != nil {
			return err
		}
	}
	if am.Ticket != nil {
		var err error
		if am.Contents[am.Ticket.ID], err = v.MessagesOf(ctx, am.Ticket.ID, 0); err != nil {
			return err
		}
		if err := in.answered(ctx, v, m, am); err != nil {
			return err
		}
		am.Attach = in.attachments(m, am)
	}
	for _, c := range am.Commands {
		switch c.Verb {
		case tickets.VerbConsent, tickets.VerbWithdraw:
			if err := in.agentConsent(ctx, v, m, am, c); err != nil {
				return err
			}
		case tickets.VerbList:
			var err error
			am.Listed, err = v.TicketsIn(ctx, am.Agent.Queues, []tickets.State{tickets.StateNew, tickets.StateOpen, tickets.StateWaiting}, listed)
			if err != nil {
				return err
			}
		case tickets.VerbNew:
			a, ok := outsideAddress(c.Arg)
			if !ok || in.hosts(am.Directory, tickets.Domain(a.Address)) || am.Directory.AgentByAddress(a.Address) != nil {
				continue
			}
			p, err := in.person(ctx, v, a)
			if err != nil {
				return err
			}
			am.Customer = p
			am.Attach = in.attachments(m, am)
		}
	}
	return nil
}

// answered finds the message that the agent answers, by the notification that
// In-Reply-To names, and whether another agent was faster.
func (in *Intake) answered(ctx context.Context, v tickets.View, m *mail, am *tickets.AgentMail) error {
	ids := append(append([]string(nil), m.msg.InReplyTo...), lastOf(m.msg.References, 5)...)
	byID := make(map[int64]*tickets.Message)
	for _, msg := range am.Contents[am.Ticket.ID] {
		byID[msg.ID] = msg
	}
	if len(ids) > 0 {
		hits, err := v.TicketsByMessageIDs(ctx, tickets.DefaultOrg, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			for _, h := range hits {
				if h.MessageID == id && am.Base == nil {
					if am.Base = byID[h.ID]; am.Base == nil {
						am.Base = byID[h.About]
					}
				}
			}
		}
	}
	am.Newer = newerAnswer(am)
	return nil
}

// newerAnswer is the last answer of a colleague that came after the message
// that this mail answers, or after the customer's last one when that is not
// known. The order is that of arrival: ids of several nodes have none.
func newerAnswer(am *tickets.AgentMail) *tickets.Message {
	list := am.Contents[am.Ticket.ID]
	from := 0
	for i, msg := range list {
		if msg == am.Base || am.Base == nil && msg.Direction == tickets.DirectionIn && msg.Kind == string(message.KindMail) && !msg.Unverified {
			from = i + 1
		}
	}
	var newer *tickets.Message
	for _, msg := range list[from:] {
		if msg.Direction == tickets.DirectionOut && msg.AuthorAgent != am.Agent.ID && msg.AuthorAgent != 0 {
			newer = msg
		}
	}
	return newer
}

// outsideAddress reads the one address that #new names.
func outsideAddress(arg string) (message.Address, bool) {
	s := strings.Trim(strings.TrimPrefix(strings.TrimSpace(arg), "mailto:"), "<>")
	local, domain, ok := tickets.SplitAddress(s)
	if !ok || len(local) > 64 || strings.ContainsAny(local, " \t()<>[]:;,@\\\"") || strings.ContainsFunc(local, unicode.IsControl) {
		return message.Address{}, false
	}
	ascii, err := senderauth.Domain(domain)
	return message.Address{Address: local + "@" + ascii}, err == nil && strings.Contains(ascii, ".")
}

func lastOf(ids []string, n int) []string {
	var out []string
	for i := len(ids) - 1; i >= 0 && len(out) < n; i-- {
		out = append(out, ids[i])
	}
	return out
}

// attachments are those of the agent's mail that go to the customer: all but
// what a mail client carried over from the notification, mails (a notification
// that was attached holds what is internal), and what signs for the agent's
// own person: certificates, keys and cards.
func (in *Intake) attachments(m *mail, am *tickets.AgentMail) []int {
	old := make(map[string]bool)
	if am.Ticket != nil {
		for _, msg := range am.Contents[am.Ticket.ID] {
			for _, a := range msg.Attachments {
				old[a.SHA256] = true
			}
		}
	}
	var out []int
	for _, a := range m.msg.Attachments {
		if !old[a.SHA256] && !private[a.Type] && !strings.HasPrefix(a.Type, "message/") {
			out = append(out, a.Index)
		}
	}
	return out
}

var private = map[string]bool{
	"application/pkcs7-signature": true, "application/x-pkcs7-signature": true, "application/pgp-signature": true,
	"application/pgp-keys": true, "text/vcard": true, "text/x-vcard": true,
}

// agentAutomatic keeps an agent's out-of-office or bounce: it is no answer, and
// reaches nobody.
func (in *Intake) agentAutomatic(m *mail, to *destination, am *tickets.AgentMail) *tickets.Change {
	msg := m.toMessage()
	msg.Direction, msg.Ticket = tickets.DirectionNote, am.Ticket
	if to.proved {
		msg.AuthorAgent = am.Agent.ID
	}
	msg.ThreadReason = "automatic mail from an agent's mailbox: no answer"
	ch := &tickets.Change{Messages: []*tickets.Message{msg}}
	if am.Ticket != nil {
		ch.Tickets = []*tickets.Ticket{am.Ticket}
		ch.Events = []*tickets.Event{{Ticket: am.Ticket, TicketID: am.Ticket.ID, At: am.Now, Kind: "note", Actor: tickets.ActorSystem,
			Message: msg, Data: map[string]string{"why": "automatic", "agent": fmt.Sprint(am.Agent.ID)}}}
	}
	return ch
}

const confirmText = `A mail came in that says it is from you, and nothing proves it. It arrived on %s. It is held back: nothing was done and nothing was sent.

If you wrote it, reply to this mail with #confirm on the first line. If you did not write it, reply with #drop on the first line, or do nothing.

%s

Sent by: %s
What the check of the sender said: %s
It begins:

%s`

// askedAgain says what a confirmation changes for the next mail.
func askedAgain(m *mail, to *destination) string {
	d := provedIn(m.results)
	switch {
	case to.token == nil:
		return "It came to an address that anybody can write to, and you are asked about each mail there. Mail from here has a Reply-To of your own: write there instead."
	case d == "":
		return "Nothing proved a way by which it came. There is nothing to remember, and you will be asked about the next one, too."
	}
	return "The way it came, through " + d + ", is remembered with a #confirm: you are not asked again about mail that comes that way to an address of your own, such as the Reply-To of mail from here."
}

func sentBy(m *mail) string {
	from := m.env.From
	if from == "" {
		from = "the null sender"
	}
	if m.env.Remote.IsValid() {
		from += ", from " + m.env.Remote.Unmap().String()
	}
	return from
}

func orDash(s string) string {
	if s == "" {
		return "the sender was not checked"
	}
	return s
}

// beginning shows the first lines of a mail, marked as somebody's words.
func beginning(s string) string {
	var b strings.Builder
	n := 0
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		if n++; n > 6 {
			b.WriteString("| …\n")
			break
		}
		if len(line) > 200 {
			line = strings.ToValidUTF8(line[:200], "") + "…"
		}
		b.WriteString("| " + line + "\n")
	}
	return b.String()
}

// hold keeps a mail that claims to be an agent's and asks the agent.
func (in *Intake) hold(m *mail, to *destination, am *tickets.AgentMail) *tickets.Change {
	msg := m.toMessage()
	msg.Direction, msg.ThreadReason = tickets.DirectionNote, "held: nothing proves that the agent wrote it"
	h := &tickets.Held{ID: tickets.NewHeldID(), Org: tickets.DefaultOrg, At: am.Now, Kind: "agent", AgentID: to.agent.ID, Ticket: am.Ticket,
		Message: msg, State: "held"}
	ch := &tickets.Change{Held: []*tickets.Held{h}}
	if am.Ticket != nil {
		ch.Events = append(ch.Events, &tickets.Event{TicketID: am.Ticket.ID, At: am.Now, Kind: "held", Actor: tickets.ActorSystem,
			Data: map[string]string{"why": "not proved", "agent": fmt.Sprint(to.agent.ID)}})
	}
	q := am.Queue
	// The mail asks the agent's own mailbox, never the address that claimed, and
	// shows what it is about, so that nobody confirms blindly.
	if in.mayAsk(m, to.agent) {
		ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Org: tickets.DefaultOrg, Kind: tickets.OutReport,
			MessageID: tickets.NewMessageID(q.ReplyDomain), Ticket: am.Ticket, To: to.agent.Address, ToAgent: to.agent.ID, QueueID: q.ID,
			NotBefore: am.Now, Spec: tickets.OutSpec{Template: "confirm", Subject: "Did you write this?",
				ReplyTo: in.addr.Confirm(q, h.ID), Text: fmt.Sprintf(confirmText, m.env.Received.UTC().Format("2 January 2006 15:04 MST"),
					askedAgain(m, to), sentBy(m), orDash(m.auth.Why), beginning(m.msg.Subject+"\n"+m.msg.Text))}})
	}
	return ch
}
