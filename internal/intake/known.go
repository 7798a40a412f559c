package intake

import (
	"context"
	"crypto/sha256"
	"io"
	"strings"
	"time"

	"postroom/internal/senderauth"
	"postroom/tickets"
)

// sameWithin is for how long a mail without a Message-ID is recognised.
const sameWithin = 5 * 24 * time.Hour

// identity is what makes two mails the same: Message-ID, From, envelope sender
// and body; without a Message-ID also the Date, and without that the whole
// header: such a mail is the same only if every byte is. The store keeps a
// keyed hash. It is reckoned once.
func (m *mail) identity() []byte {
	if m.same == nil {
		m.same = m.reckon()
	}
	return m.same
}

func (m *mail) reckon() []byte {
	h := sha256.New()
	part := func(s string) {
		io.WriteString(h, s)
		h.Write([]byte{0})
	}
	part(m.msg.MessageID)
	part(tickets.FoldAddress(m.from.Address))
	part(tickets.FoldAddress(m.env.From))
	if m.msg.MessageID == "" {
		date := m.msg.Get("Date")
		part("date " + date)
		if date == "" {
			h.Write(m.headDigest[:])
		}
	}
	h.Write(m.digest[:])
	part(m.again)
	// It begins as the Message-ID's own hash does, so that the store finds both
	// on one page.
	id := sha256.Sum256([]byte(m.msg.MessageID))
	return h.Sum(id[:8])
}

// known recognises a mail that is here already: then only further recipients
// and a better proof are taken over.
func (in *Intake) known(ctx context.Context, v tickets.View, m *mail) (*tickets.Change, error) {
	if m.confirmed != 0 {
		return nil, nil
	}
	k, err := v.KnownByDedupe(ctx, tickets.DefaultOrg, m.identity())
	if err != nil || k == nil {
		return nil, err
	}
	if m.msg.MessageID == "" && m.env.Received.Sub(k.Received) > sameWithin {
		m.again, m.same = m.receipt, nil // in doubt, two messages
		return nil, nil
	}
	if proofRank(m.proof) > proofRank(k.Proof) && m.again == "" {
		// A copy proves what it says itself. Somebody who knew the mail may
		// have sent it first under another subject: then they are two.
		held, err := v.MessageByID(ctx, k.ID)
		if err != nil {
			return nil, err
		}
		if held == nil || held.Subject != m.msg.Subject || held.Kind != string(m.msg.Kind) {
			m.again, m.same = string(m.msg.Kind)+" "+m.msg.Subject, nil
			return in.known(ctx, v, m) // it may have come before, too
		}
	}
	dup := &tickets.Duplicate{MessageID: k.ID, Receipt: k.Receipt}
	for _, a := range m.env.To {
		if !contains(k.EnvelopeTo, a) {
			dup.Recipients = append(dup.Recipients, a)
		}
	}
	if proofRank(m.proof) > proofRank(k.Proof) {
		dup.Proof = m.proof
	}
	return &tickets.Change{Duplicate: dup}, nil
}

func contains(list []string, address string) bool {
	for _, a := range list {
		if tickets.FoldAddress(a) == tickets.FoldAddress(address) {
			return true
		}
	}
	return false
}

func proofRank(p string) int {
	switch p {
	case "agent":
		return 3
	case "aligned":
		return 2
	case "none", "temp", "import":
		return 1
	}
	return 0
}

// provedDomains are the domains for which the mail passed SPF or DKIM, aligned
// or not.
func provedDomains(m *mail) []string {
	var out []string
	if m.auth.SPF.Result == senderauth.Pass && m.auth.SPF.Scope == "mailfrom" {
		out = append(out, strings.ToLower(m.auth.SPF.Domain))
	}
	for _, d := range m.auth.DKIM {
		if d.Result == senderauth.Pass && !d.Testing {
			out = append(out, strings.ToLower(d.Domain))
		}
	}
	return out
}
