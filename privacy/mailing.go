package privacy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// Mailing is a mail of the team's to many, for one purpose.
type Mailing struct {
	ID      string // one person gets one mail of it; empty: the hash of subject and text
	Purpose *consent.Purpose
	Queue   *tickets.Queue // whose address it comes from
	Subject string
	Text    string
}

// once is the name under which the mailing is written; each purpose has names
// of its own.
func (m *Mailing) once() string {
	id := m.ID
	if id == "" {
		sum := sha256.Sum256([]byte(m.Subject + "\x00" + m.Text))
		id = hex.EncodeToString(sum[:])
	}
	return "mailing\x00" + strings.ToLower(m.Purpose.Name) + "\x00" + id
}

// Send writes the mail to somebody under the entry that consents to it. The
// change is nil where the entry does not stand, or is not the one that does,
// and where the address has a mail of this mailing, which had says: so a run
// that was broken off can be begun again. Whether the consent stands is looked
// at again when the mail is handed over.
func (c *Consents) Send(ctx context.Context, v View, under *consent.Entry, m Mailing, now time.Time) (ch *tickets.Change, had bool, err error) {
	entries, err := v.ConsentsOf(ctx, under.Org, under.Address)
	if err != nil {
		return nil, false, err
	}
	s := m.Purpose.Standing(entries, now)
	if !s.Stands || s.Entry == nil || s.Entry.ID != under.ID {
		return nil, false, nil
	}
	if had, err = v.Written(ctx, under.Org, under.Address, m.once()); err != nil || had {
		return nil, had, err
	}
	to, err := c.person(ctx, v, under.Org, under.Address, now)
	if err != nil {
		return nil, false, err
	}
	out := &tickets.Outgoing{Org: under.Org, Kind: tickets.OutKind(m.Purpose.Kind), MessageID: tickets.NewMessageID(m.Queue.ReplyDomain), To: to.Address,
		ToPerson: to, QueueID: m.Queue.ID, Once: m.once(), Purpose: m.Purpose.Name,
		Spec: tickets.OutSpec{Subject: m.Subject, Text: m.Text, Language: s.Entry.Language}}
	out.Spec.Unsubscribe, out.Spec.OneClick = c.Unsubscribe(s.Entry)
	return &tickets.Change{Outbox: []*tickets.Outgoing{out}}, false, nil
}
