package intake

import (
	"context"
	"errors"
	"strings"

	"postroom/threading"
	"postroom/tickets"
)

// CheckSender is asked at MAIL FROM. On submission an agent sends from the
// agent's own address or a queue's; anybody may say anything on port 25, where
// what it proves is found out later.
func (in *Intake) CheckSender(ctx context.Context, env *tickets.Envelope) error {
	if env.Via != tickets.ViaSubmission {
		return nil
	}
	return in.store.View(ctx, func(v tickets.View) error {
		d, err := v.Directory(ctx)
		if err != nil {
			return err
		}
		a := d.AgentByID(env.AgentID)
		if a == nil || !a.Active {
			return refusal(tickets.RefuseSender, "this account is closed")
		}
		if !mayWriteAs(d, a, env.From) {
			return refusal(tickets.RefuseSender, "you may send from your own address and from those of your queues")
		}
		return nil
	})
}

func mayWriteAs(d *tickets.Directory, a *tickets.Agent, from string) bool {
	if tickets.FoldAddress(from) == tickets.FoldAddress(a.Address) {
		return true
	}
	q := d.QueueByAddress(from)
	return q != nil && (a.Works(q.ID) || a.Role == tickets.RoleAdmin)
}

// CheckRecipient is asked at RCPT TO: queue addresses, secret addresses of
// ours, the privacy address, postmaster and abuse (RFC 2142) are received;
// nothing is ever relayed.
func (in *Intake) CheckRecipient(ctx context.Context, env *tickets.Envelope, rcpt string) error {
	err := in.store.View(ctx, func(v tickets.View) error {
		d, err := v.Directory(ctx)
		if err != nil {
			return err
		}
		return in.receives(d, rcpt)
	})
	var no *tickets.Refusal
	if in.fresh == nil || !errors.As(err, &no) {
		return err
	}
	// Another node may have been given a queue since that directory was read.
	d, err := in.fresh.FreshDirectory(ctx)
	if err != nil {
		return err
	}
	return in.receives(d, rcpt)
}

// receives says whether an address is one of ours.
func (in *Intake) receives(d *tickets.Directory, rcpt string) error {
	r := in.recipient(d, rcpt)
	switch {
	case r.known() && len(d.Queues) == 0:
		return refusal(tickets.RefuseTemporary, "no queue has been set up here yet")
	case r.known():
		return nil
	case in.hosts(d, tickets.Domain(rcpt)):
		return refusal(tickets.RefuseUnknownRecipient, "there is no such mailbox here")
	}
	return refusal(tickets.RefuseRelay, "mail for that domain is not received here")
}

// recipient is what one address of ours stands for.
type recipient struct {
	address string
	queue   *tickets.Queue
	token   *threading.Token
	privacy bool
	command bool // the command address, without a secret
	role    bool // postmaster or abuse
}

func (r recipient) known() bool {
	return r.queue != nil || r.token != nil || r.privacy || r.role
}

// commandTag is the plus-form of a queue's address that takes commands.
const commandTag = "commands"

func (in *Intake) recipient(d *tickets.Directory, address string) recipient {
	r := recipient{address: address}
	if r.queue = d.QueueByAddress(address); r.queue != nil {
		r.privacy = in.isPrivacy(address)
		return r
	}
	local, domain, ok := tickets.SplitAddress(address)
	if !ok {
		r.role = strings.EqualFold(address, "postmaster")
		return r
	}
	if !in.hosts(d, domain) {
		return r
	}
	base, tag, plus := strings.Cut(local, "+")
	if tok := in.keys.Parse(local, in.now()); tok != nil {
		r.token, r.queue = tok, queueNamed(d, base, domain)
		r.privacy = tok.Kind == threading.TokenReply && in.isPrivacy(address)
		return r
	}
	if in.isPrivacy(address) {
		r.privacy = true
		return r
	}
	if plus && strings.EqualFold(tag, commandTag) {
		if r.queue = d.QueueByAddress(base + "@" + domain); r.queue != nil {
			r.command = true
		}
		return r
	}
	r.role = strings.EqualFold(local, "postmaster") || strings.EqualFold(local, "abuse")
	return r
}

// queueNamed finds the queue whose secret addresses begin with that local part.
func queueNamed(d *tickets.Directory, local, replyDomain string) *tickets.Queue {
	for _, q := range d.Queues {
		if l, _, _ := tickets.SplitAddress(q.Address); strings.EqualFold(l, local) && strings.EqualFold(q.ReplyDomain, replyDomain) {
			return q
		}
	}
	return nil
}

// destination is what the recipients of one mail together ask for.
type destination struct {
	dir      *tickets.Directory
	queue    *tickets.Queue
	named    bool // the queue stands among the recipients by its own address
	replies  []threading.Token
	privacy  bool
	returned *threading.Token
	confirm  int64
	agent    *tickets.Agent   // an agent's mail, proved or claimed
	token    *threading.Token // agent, note or command
	torn     bool             // secret addresses of several tickets, where only one can be meant
	command  bool
	proved   bool // the mail is the agent's: commands are obeyed
	sure     bool // From is the agent's and proved, though it came to no secret address
}

// address reads the recipients and says who the mail is from, as far as that
// decides where it goes. It also refuses who pretends to be us.
func (in *Intake) address(ctx context.Context, v tickets.View, m *mail) (*destination, error) {
	d, err := v.Directory(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.spoofsUs(ctx, v, m, d); err != nil {
		return nil, err
	}
	in.warnOfImitation(m, d)
	to := &destination{dir: d}
	for _, a := range m.env.To {
		in.add(to, in.recipient(d, a))
	}
	if m.env.Via == tickets.ViaImport {
		if to.queue = d.QueueByName(m.env.Queue); to.queue == nil {
			return nil, refusal(tickets.RefuseUnknownRecipient, "there is no queue of that name")
		}
		return to, nil
	}
	if to.privacy {
		if q := d.QueueByAddress(in.cfg.PrivacyAddress); q != nil {
			to.queue = q
		}
	}
	if to.queue == nil {
		to.queue = in.defaultQueue(d, m.env.To)
	}
	if to.queue == nil {
		return nil, refusal(tickets.RefuseTemporary, "no queue has been set up here yet")
	}
	in.recogniseAgent(to, m)
	return to, nil
}

func (in *Intake) add(to *destination, r recipient) {
	if r.privacy {
		to.privacy = true
	}
	if own := r.token == nil; r.queue != nil && (to.queue == nil || own && !to.named) {
		to.queue, to.named = r.queue, own
	}
	if r.command {
		to.command = true
	}
	if r.token == nil {
		return
	}
	switch r.token.Kind {
	case threading.TokenReply:
		to.torn = to.torn || len(to.replies) > 0 && to.replies[0].Ref != r.token.Ref
		to.replies = append(to.replies, *r.token)
	case threading.TokenReturn:
		to.returned = r.token
	case threading.TokenConfirm:
		to.confirm = r.token.ID
	default:
		// A note address among the recipients makes the whole mail a note.
		to.torn = to.torn || to.token != nil && to.token.Ref != r.token.Ref
		if to.token == nil || r.token.Kind == threading.TokenNote {
			to.token = r.token
		}
	}
}

// defaultQueue takes what no queue's own address names: the privacy queue for
// privacy mail, else the first queue of the domain, else the first.
func (in *Intake) defaultQueue(d *tickets.Directory, to []string) *tickets.Queue {
	var first *tickets.Queue
	for _, q := range d.Queues {
		if in.isPrivacy(q.Address) {
			if in.toPrivacy(to) {
				return q
			}
			continue
		}
		for _, a := range to {
			if strings.EqualFold(tickets.Domain(a), tickets.Domain(q.Address)) {
				return q
			}
		}
		if first == nil {
			first = q
		}
	}
	if first == nil && len(d.Queues) > 0 {
		first = d.Queues[0]
	}
	return first
}

// recogniseAgent says whether this is an agent's mail, and whether that is
// proved: by authenticated submission, or by the agent's own secret address
// with From the agent and aligned, or sent through a domain that the agent
// confirmed once. A public address proves nothing: others can write to it
// through a domain that they share with the agent.
func (in *Intake) recogniseAgent(to *destination, m *mail) {
	switch {
	case m.confirmed != 0:
		to.agent, to.proved = to.dir.AgentByID(m.heldAgent), true
	case m.env.Via == tickets.ViaSubmission:
		to.agent, to.proved = to.dir.AgentByID(m.env.AgentID), true
	case to.token != nil:
		to.agent = to.dir.AgentByID(to.token.AgentID)
		to.proved = to.agent != nil && !m.noFrom && tickets.FoldAddress(m.from.Address) == tickets.FoldAddress(to.agent.Address) &&
			(m.aligned || in.trusts(to.agent, m))
	case !m.noFrom:
		to.agent = to.dir.AgentByAddress(m.from.Address)
	}
	if to.agent != nil && !to.agent.Active {
		to.agent = nil
	}
	to.proved = to.proved && to.agent != nil
	to.sure = to.proved || to.agent != nil && m.aligned && tickets.FoldAddress(m.from.Address) == tickets.FoldAddress(to.agent.Address)
}

// trusts reports whether the mail passed SPF or DKIM for a domain that the
// agent confirmed once.
func (in *Intake) trusts(a *tickets.Agent, m *mail) bool {
	for _, d := range provedDomains(m) {
		for _, t := range a.TrustedDomains {
			if strings.EqualFold(d, t) {
				return true
			}
		}
	}
	return false
}
