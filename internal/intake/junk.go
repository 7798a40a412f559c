package intake

import (
	"context"

	"postroom/internal/spam"
	"postroom/tickets"
)

// startLook begins to weigh a mail that a stranger may have sent. Mail to the
// privacy address is never put aside, nor is what comes to a secret address:
// that belongs to a ticket, or is an agent's. A held mail that is read again
// comes from nowhere and is not weighed either.
func (in *Intake) startLook(m *mail) *spam.Look {
	env := m.env
	if in.junk == nil || (env.Via != tickets.ViaMX && env.Via != tickets.ViaFetch) || !env.Remote.IsValid() || in.toPrivacy(env.To) {
		return nil
	}
	for _, a := range env.To {
		if local, _, ok := tickets.SplitAddress(a); ok && in.keys.Parse(local, in.now()) != nil {
			return nil
		}
	}
	return in.junk.Start(spam.Envelope{Remote: remoteOf(env.Remote), Helo: env.Helo, From: env.From, To: env.To, ID: m.receipt})
}

// weigh ends the look. It asks the outside, so it comes before the decision.
func (in *Intake) weigh(ctx context.Context, m *mail) {
	if m.look == nil {
		return
	}
	v := m.look.Judge(ctx, m.msg, m.auth)
	if !v.Junk {
		return
	}
	m.junk = &tickets.Junk{Points: v.Points}
	for _, r := range v.Reasons {
		m.junk.Reasons = append(m.junk.Reasons, r.String())
	}
}

func (m *mail) endLook() {
	if m.look != nil {
		m.look.Close()
	}
}

// junkFor is the verdict on a mail, as far as it may count: what an agent
// proved, and what goes to the privacy desk, is never put aside.
func (m *mail) junkFor(to *destination) *tickets.Junk {
	if to.privacy || to.proved || (m.aligned && to.dir.AgentByAddress(m.from.Address) != nil) {
		return nil
	}
	return m.junk
}
