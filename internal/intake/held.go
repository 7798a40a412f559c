package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"postroom/internal/message"
	"postroom/tickets"
)

// asksPerHour is how often one agent is asked to confirm held mail.
const asksPerHour = 20

func (in *Intake) mayAsk(m *mail, a *tickets.Agent) bool {
	if in.limit == nil {
		return true
	}
	if m.askBudget == nil {
		ok, _ := in.limit.Allow(context.Background(), fmt.Sprintf("ask:%d", a.ID), asksPerHour, time.Hour)
		m.askBudget = &ok
	}
	return *m.askBudget
}

// confirmation is the way of a mail to the address that confirms a held one.
// Knowing the address proves the agent's mailbox; an automatic reply that went
// there proves nothing.
func (in *Intake) confirmation(ctx context.Context, v tickets.View, m *mail, to *destination) (*tickets.Change, error) {
	h, err := v.HeldByID(ctx, to.confirm)
	if err != nil {
		return nil, err
	}
	msg := m.toMessage()
	msg.Direction = tickets.DirectionNote
	ch := &tickets.Change{Messages: []*tickets.Message{msg}}
	if h == nil || h.State != "held" {
		msg.ThreadReason = "confirmation of a mail that is no longer held"
		return ch, nil
	}
	msg.Ticket = h.Ticket
	if h.Ticket != nil {
		ch.Tickets = []*tickets.Ticket{h.Ticket}
	}
	a := to.dir.AgentByID(h.AgentID)
	if m.msg.Kind != message.KindMail || a == nil || tickets.FoldAddress(a.Address) != tickets.FoldAddress(m.from.Address) {
		msg.ThreadReason = "no confirmation: automatic, or not from the agent's address"
		return ch, nil
	}
	// Any answer would do to prove the mailbox, but not that it means yes: a
	// "no", a holiday notice without the headers of one and an empty mail come
	// here too.
	switch verdictOf(m.msg.Reply) {
	case tickets.VerbConfirm:
	case tickets.VerbDrop:
		msg.ThreadReason, msg.AuthorAgent = "the agent dropped a held mail", a.ID
		ch.Release, ch.ReleaseState = h.ID, "dropped"
		return ch, nil
	default:
		msg.ThreadReason = "no confirmation: #confirm does not stand on its first line"
		if q := to.queue; q != nil && in.mayAsk(m, a) {
			ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Org: tickets.DefaultOrg, Kind: tickets.OutReceipt,
				MessageID: tickets.NewMessageID(q.ReplyDomain), Ticket: h.Ticket, To: a.Address, ToAgent: a.ID, QueueID: q.ID, NotBefore: m.env.Received,
				Spec: tickets.OutSpec{Template: "receipt", Subject: "Not done", ReplyTo: in.addr.Confirm(q, h.ID), InReply: m.msg.MessageID,
					Text: "The mail is still held back. Write #confirm on the first line to act on it, or #drop to forget it."}})
		}
		return ch, nil
	}
	msg.ThreadReason, msg.AuthorAgent, msg.Proof = "the agent's confirmation of a held mail", a.ID, "agent"
	// The held mail goes its way in a job, since its bytes have to be read.
	job := &tickets.Job{Kind: "release", Ticket: h.Ticket, RunAt: m.env.Received, Data: map[string]string{"held": fmt.Sprint(h.ID)}}
	if h.Message != nil {
		job.Message = h.Message
	}
	ch.Jobs = append(ch.Jobs, job)
	return ch, nil
}

// verdictOf is what the first line of an answer says of a held mail.
func verdictOf(text string) tickets.Verb {
	commands, _, errs := tickets.ParseCommands(text)
	if len(errs) == 0 && len(commands) == 1 {
		return commands[0].Verb
	}
	return ""
}

// release marks the held mail as done when this mail repeats it.
func (in *Intake) release(m *mail, ch *tickets.Change) {
	if m.confirmed == 0 {
		return
	}
	ch.Release, ch.ReleaseState = m.confirmed, "released"
	if a := m.heldAgent; a != 0 && m.heldKind == "agent" {
		if d := provedIn(m.results); d != "" {
			ch.TrustAgent, ch.TrustDomain = a, d
		}
	}
}

// Release acts on a held mail as its agent meant it, after a confirmation by
// the agent or by the administrator. It returns tickets.ErrGone when the mail
// is no longer held.
func (in *Intake) Release(ctx context.Context, heldID, jobID int64) error {
	var h *tickets.Held
	if err := in.store.View(ctx, func(v tickets.View) (err error) {
		h, err = v.HeldByID(ctx, heldID)
		return err
	}); err != nil {
		return err
	}
	if h == nil || h.State != "held" || h.Message == nil {
		return tickets.ErrGone
	}
	m, err := in.reread(ctx, h)
	if err != nil {
		return err
	}
	defer m.stage.Abort()
	ch, err := in.store.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		now, err := v.HeldByID(ctx, heldID)
		if err != nil {
			return nil, err
		}
		if now == nil || now.State != "held" {
			return nil, tickets.ErrGone
		}
		ch, err := in.decide(ctx, v, m)
		if err != nil {
			return nil, err
		}
		in.release(m, ch)
		ch.FinishJob = jobID
		return ch, nil
	})
	if err != nil {
		return err
	}
	in.announce(ch)
	return nil
}

// viaAgain is the door of a held mail that is read again: nothing is checked
// and nothing weighed a second time, since the outcome stands with the message.
const viaAgain tickets.Via = "again"

// reread brings a held mail back as it came in.
func (in *Intake) reread(ctx context.Context, h *tickets.Held) (*mail, error) {
	env := &tickets.Envelope{Via: viaAgain, From: h.Message.EnvelopeFrom, To: h.Message.EnvelopeTo, Received: h.Message.Received}
	if h.Message.Proof == "agent" { // held for another reason than doubt
		env.Via, env.AgentID = tickets.ViaSubmission, h.AgentID
	}
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(in.bodies.WriteRaw(ctx, h.Message.ID, pw)) }()
	m, err := in.read(ctx, env, pr)
	if err != nil {
		pr.CloseWithError(errors.New("stopped"))
		return nil, fmt.Errorf("read held mail %d: %w", h.ID, err)
	}
	m.receipt, m.confirmed, m.heldAgent, m.heldKind = h.Message.Receipt, h.ID, h.AgentID, h.Kind
	m.proof, m.results = h.Message.Proof, h.Message.AuthResults
	return m, nil
}

// Drop forgets a held mail at the administrator's word.
func (in *Intake) Drop(ctx context.Context, heldID int64) error {
	_, err := in.store.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		h, err := v.HeldByID(ctx, heldID)
		if err != nil {
			return nil, err
		}
		if h == nil || h.State != "held" {
			return nil, tickets.ErrGone
		}
		return &tickets.Change{Release: heldID, ReleaseState: "dropped"}, nil
	})
	return err
}

// provedIn returns the first domain that passed DKIM or SPF in a stored sender
// check.
func provedIn(results string) string {
	for _, method := range []struct{ pass, property string }{{"dkim=pass", "header.d="}, {"spf=pass", "smtp.mailfrom="}} {
		for _, entry := range strings.Split(results, ";") {
			entry = strings.TrimSpace(entry)
			if !strings.HasPrefix(entry, method.pass) {
				continue
			}
			for _, word := range strings.Fields(entry) {
				if v, ok := strings.CutPrefix(word, method.property); ok {
					return strings.ToLower(v[strings.LastIndexByte(v, '@')+1:])
				}
			}
		}
	}
	return ""
}
