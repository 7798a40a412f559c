package intake

import (
	"context"
	"slices"

	"postroom/internal/message"
	"postroom/privacy"
	"postroom/tickets"
)

// consented is the way of a mail about a consent: an answer to a question, or
// a withdrawal. done is false when the mail has to go a way of its own as well:
// it went to somebody else too, or asks for more; what follows from the
// withdrawal is in the change all the same, and nil when nothing does.
func (in *Intake) consented(ctx context.Context, v tickets.View, m *mail, to *destination) (ch *tickets.Change, done bool, err error) {
	pv, ok := v.(privacy.View)
	if in.consents == nil || !ok || m.env.Via == tickets.ViaImport {
		return nil, false, nil
	}
	for _, a := range m.env.To {
		if hash := in.consents.AgreeForm(a); hash != nil {
			ch, err := in.agreed(ctx, pv, m, to, hash, false)
			return ch, ch != nil, err
		}
	}
	if to.privacy { // only there a code means anything, and looking for one costs
		if hash := privacy.CodeIn(m.msg.Reply); hash != nil {
			ch, err := in.agreed(ctx, pv, m, to, hash, true)
			if err != nil || ch != nil {
				return ch, ch != nil, err
			}
		}
	}
	for _, a := range m.env.To {
		if hash, ok := in.consents.StopForm(a); ok && m.msg.Kind != message.KindBounce {
			return in.stopped(ctx, pv, m, to, hash)
		}
	}
	return nil, false, nil
}

// agreed is the answer to a question for consent; nil when it is none.
func (in *Intake) agreed(ctx context.Context, v privacy.View, m *mail, to *destination, hash []byte, coded bool) (*tickets.Change, error) {
	if m.noFrom {
		return nil, nil
	}
	msg, err := in.loose(ctx, v, m, to)
	if err != nil {
		return nil, err
	}
	return in.consents.Answered(ctx, v, privacy.Answer{Hash: hash, Message: msg, From: m.from.Address, Aligned: m.aligned || !in.cfg.CheckSenders,
		Automatic: m.msg.Kind != message.KindMail, Coded: coded, Text: m.msg.Reply, Now: m.env.Received})
}

// stopped is any mail to the secret stop address of a mail of ours. It needs no
// proof and works at once (Article 7(3) GDPR): the secret names the consent
// that ends, whoever writes. The plain stop address is a request like others.
func (in *Intake) stopped(ctx context.Context, v privacy.View, m *mail, to *destination, hash []byte) (ch *tickets.Change, done bool, err error) {
	msg, err := in.loose(ctx, v, m, to)
	if err != nil {
		return nil, false, err
	}
	msg.ThreadReason = "a withdrawal of consent"
	ch = &tickets.Change{}
	known, err := in.consents.StopByToken(ctx, v, ch, hash, privacy.Stop{Channel: "mail", Receipt: msg.Receipt, Now: m.env.Received})
	if err != nil {
		return nil, false, err
	}
	if !known {
		return nil, false, nil // the privacy desk takes it for a request to stop everything
	}
	if in.wantsMore(m) {
		return ch, false, nil
	}
	return keep(ch, msg), true, nil
}

// wantsMore reports whether a mail to a stop address went elsewhere too, or
// says more than stop.
func (in *Intake) wantsMore(m *mail) bool {
	if slices.ContainsFunc(m.env.To, func(a string) bool { return !in.isPrivacy(a) }) {
		return true
	}
	if m.msg.Kind != message.KindMail {
		return false
	}
	r := privacy.Recognise(m.msg.Subject, m.msg.Reply)
	if r == nil {
		return false
	}
	for _, right := range r.Rights {
		if right != privacy.ConsentWithdrawal && right != privacy.Objection {
			return true
		}
	}
	return false
}

// loose is the mail as a message that belongs to no ticket: evidence, under
// its author's key.
func (in *Intake) loose(ctx context.Context, v tickets.View, m *mail, to *destination) (*tickets.Message, error) {
	msg := m.toMessage()
	var err error
	msg.AuthorPerson, err = in.writer(ctx, v, m, to)
	return msg, err
}

// join adds what follows from a withdrawal to what else follows from its mail.
func join(ch, more *tickets.Change) *tickets.Change {
	if more == nil || ch == nil || ch.Duplicate != nil {
		return ch
	}
	ch.Also = append(ch.Also, more.Also...)
	ch.Outbox = append(ch.Outbox, more.Outbox...)
	return ch
}
