package intake

import (
	"context"
	"strings"

	"postroom/tickets"
)

func refusal(reason tickets.RefusalReason, text string) error {
	return &tickets.Refusal{Reason: reason, Text: text}
}

// refuse turns away what must not come in, before anything is decided. What
// needs the store is in [Intake.decide].
func (in *Intake) refuse(m *mail) error {
	if m.env.Via == tickets.ViaImport {
		return nil
	}
	h, msg := m.header, m.msg
	switch {
	case h.over, h.fields > maxHeaderFields:
		return refusal(tickets.RefuseHeader, "the header is over the limit of 1000 fields or 256 KiB")
	case len(msg.From)+len(msg.To)+len(msg.Cc)+len(msg.ReplyTo) > maxAddresses:
		return refusal(tickets.RefuseHeader, "the header names more than 1000 addresses")
	case h.hops > maxHops:
		return refusal(tickets.RefuseLoop, "too many hops: this mail is going in circles")
	case msg.FromFields > 1, msg.FromMailboxes > 1:
		return refusal(tickets.RefuseMalformed, "a mail has one From field with one mailbox")
	}
	if m.auth.Rejected() && !in.toPrivacy(m.env.To) {
		return refusal(tickets.RefusePolicy, "the policy of the author's domain (DMARC) asks to reject this mail")
	}
	return nil
}

// toPrivacy reports whether the mail goes to a privacy address, which refuses
// and defers nothing for the sender check.
func (in *Intake) toPrivacy(to []string) bool {
	for _, a := range to {
		if in.isPrivacy(a) {
			return true
		}
	}
	return false
}

// isPrivacy matches the privacy address and its plus-forms.
func (in *Intake) isPrivacy(address string) bool {
	if in.cfg.PrivacyAddress == "" {
		return false
	}
	local, domain, ok := tickets.SplitAddress(tickets.FoldAddress(address))
	want, wantDomain, _ := tickets.SplitAddress(tickets.FoldAddress(in.cfg.PrivacyAddress))
	if !ok || domain != wantDomain {
		return false
	}
	base, _, _ := strings.Cut(local, "+")
	return base == want
}

// spoofsUs refuses mail that claims to come from a domain of ours and does not
// prove it (docs/threats.md H7), and our own mail that came back.
func (in *Intake) spoofsUs(ctx context.Context, v tickets.View, m *mail, d *tickets.Directory) error {
	if a := d.AgentByID(m.env.AgentID); m.env.Via == tickets.ViaSubmission && !m.noFrom && a != nil && !mayWriteAs(d, a, m.from.Address) {
		// Else an agent could speak for a customer, and be believed (RFC 6409 section 6.1).
		return refusal(tickets.RefuseSender, "From has to be your own address or that of a queue of yours")
	}
	if m.env.Via == tickets.ViaSubmission || m.env.Via == tickets.ViaImport || m.confirmed != 0 {
		return nil
	}
	domain := tickets.Domain(m.from.Address)
	if !m.noFrom && domain != "" && !m.aligned && m.auth.Forwarder == "" && !in.toPrivacy(m.env.To) {
		if q := d.QueueByAddress(m.from.Address); q != nil || (in.cfg.CheckSenders && in.ours(d, domain)) {
			return refusal(tickets.RefuseOwnDomain, "mail from this domain has to prove itself (SPF or DKIM)")
		}
	}
	if id := m.msg.MessageID; id != "" && in.ours(d, tickets.Domain(id)) {
		hits, err := v.TicketsByMessageIDs(ctx, tickets.DefaultOrg, []string{id})
		if err != nil {
			return err
		}
		for _, hit := range hits {
			if hit.ID == 0 {
				return refusal(tickets.RefuseLoop, "this is a mail of ours that came back")
			}
			if held, err := v.MessageByID(ctx, hit.ID); err != nil {
				return err
			} else if held != nil && held.Direction == tickets.DirectionOut {
				return refusal(tickets.RefuseLoop, "this is a mail of ours that came back")
			}
		}
	}
	return nil
}

// ours reports whether we alone write mail from the domain: that of a queue's
// public address, a reply domain, the privacy address. The domain of an old
// mailbox that is only forwarded here is not.
func (in *Intake) ours(d *tickets.Directory, domain string) bool {
	for _, q := range d.Queues {
		if strings.EqualFold(q.ReplyDomain, domain) || strings.EqualFold(tickets.Domain(q.Address), domain) {
			return true
		}
	}
	return strings.EqualFold(domain, tickets.Domain(in.cfg.PrivacyAddress))
}

// hosts reports whether mail of the domain is received here.
func (in *Intake) hosts(d *tickets.Directory, domain string) bool {
	return d.Hosts(domain) || strings.EqualFold(domain, in.cfg.Hostname) ||
		strings.EqualFold(domain, tickets.Domain(in.cfg.PrivacyAddress))
}
