package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"postroom/privacy"
	"postroom/tickets"
)

// Preview implements [privacy.Eraser]. It asks what the steps ask, and changes
// nothing.
func (db *DB) Preview(ctx context.Context, p privacy.Plan, m privacy.Masker) (*privacy.Preview, error) {
	e := &erasure{db: db, plan: p, mask: m, names: privacy.Identity{Addresses: slices.Clone(p.Addresses)}}
	for _, a := range p.Addresses {
		e.hashes = append(e.hashes, db.hash.address(p.Org, a))
	}
	out := &privacy.Preview{Copies: map[string]int{}}
	e.reset()
	var own []int64
	mails := map[int64]bool{}
	far := map[string]map[int64]bool{"agents": {}, "recipients": {}}
	err := e.read(ctx, func(v *view) (err error) {
		if out.Blocked, err = e.blocked(ctx, v); err != nil {
			return err
		}
		for _, a := range p.Addresses {
			if who, err := v.PersonByAddress(ctx, p.Org, a); err != nil {
				return err
			} else if who != nil {
				r := v.persons[who.ID]
				e.who = append(e.who, erased{person: *who, keyID: r.keyID, key: r.seal, hash: r.hash})
				e.named(who.Name)
			}
			sent, err := v.ids(ctx, "SELECT DISTINCT target FROM lookups WHERE hash = ? AND kind IN (12, 15)", db.hash.address(p.Org, a))
			if err != nil {
				return err
			}
			for _, id := range sent {
				mails[id] = true
			}
			n := 0 // what was written to the privacy queue
			if _, err := v.row(ctx, `SELECT COUNT(*) FROM lookups l JOIN messages m ON m.id = l.no WHERE l.hash = ? AND l.kind = 14 AND m.owner > 0
 AND m.ticket_id IN (SELECT ticket_id FROM privacy_requests WHERE subject = ?)`, []any{db.hash.address(p.Org, a), db.hash.address(p.Org, a)}, &n); err != nil {
				return err
			}
			out.Messages += n
		}
		return nil
	})
	for i := range e.who {
		if err != nil {
			break
		}
		var ids []int64
		ids, err = e.ownTickets(ctx, &e.who[i])
		own = append(own, ids...)
	}
	for _, id := range own {
		if err == nil {
			err = e.previewOwn(ctx, id, out, mails, far)
		}
	}
	if err == nil {
		err = e.previewOthers(ctx, out)
	}
	if err != nil {
		return nil, wrapErr("preview an erasure", err)
	}
	out.Mails = len(mails)
	for what, who := range far {
		if len(who) > 0 {
			out.Copies[what] = len(who)
		}
	}
	return out, nil
}

// previewOwn counts a ticket of the person's own, or what is kept of it, and
// who has copies of it outside: a mailbox counts once, however much lies in it.
func (e *erasure) previewOwn(ctx context.Context, id int64, out *privacy.Preview, mails map[int64]bool, far map[string]map[int64]bool) error {
	return e.read(ctx, func(v *view) error {
		t, err := v.TicketByID(ctx, id)
		if err != nil || t == nil {
			return err
		}
		agents, err := v.ids(ctx, "SELECT DISTINCT to_agent FROM outbox WHERE ticket_id = ? AND ticket_id > 0 AND to_agent > 0 AND state = 'sent'", id)
		if err != nil {
			return err
		}
		for _, a := range agents {
			far["agents"][a] = true
		}
		others, err := v.ids(ctx, "SELECT DISTINCT to_person FROM outbox WHERE ticket_id = ? AND ticket_id > 0 AND to_person > 0 AND state = 'sent'", id)
		if err != nil {
			return err
		}
		for _, o := range others {
			if !e.is(o) {
				far["recipients"][o] = true
			}
		}
		d, err := e.duty(ctx, v, t)
		if err != nil {
			return err
		}
		s := &share{}
		if d == nil {
			if s, err = e.share(ctx, v, t); err != nil {
				return err
			}
		}
		about, err := v.ids(ctx, "SELECT o.id FROM outbox o JOIN tickets t ON t.id = o.ticket_id WHERE o.ticket_id = ? AND o.ticket_id > 0 AND (o.owner = t.owner OR CAST(? AS INTEGER) = 0)", id, bit(s.heir != nil))
		if err != nil {
			return err
		}
		for _, m := range about {
			mails[m] = true
		}
		if s.heir != nil {
			out.Messages += len(s.gone)
			return e.previewShared(ctx, t, s, out)
		}
		times, err := v.ids(ctx, "SELECT received FROM messages WHERE ticket_id = CAST(? AS INTEGER)", id)
		if err != nil {
			return err
		}
		if d == nil {
			out.Tickets++
			out.Messages += len(times)
			return nil
		}
		for _, at := range times {
			countKept(out, d, at)
		}
		return nil
	})
}

// previewShared looks at what stays of a ticket of the person's since it is
// others' as well.
func (e *erasure) previewShared(ctx context.Context, t *tickets.Ticket, s *share, out *privacy.Preview) error {
	if err := e.learn(ctx, t, s.kept); err != nil {
		return err
	}
	for _, row := range s.kept {
		if err := e.previewMessage(ctx, t, row, out); err != nil {
			return err
		}
	}
	return nil
}

func (e *erasure) previewOthers(ctx context.Context, out *privacy.Preview) error {
	ids, err := e.othersTickets(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		var t *tickets.Ticket
		var list []*messageRow
		err := e.read(ctx, func(v *view) (err error) {
			if t, err = v.TicketByID(ctx, id); err == nil && t != nil {
				list, err = v.messageRows(ctx, "SELECT "+messageColumns+" FROM messages m WHERE m.ticket_id = CAST(? AS INTEGER) AND m.frozen = 0", id)
			}
			return err
		})
		if err == nil && t != nil {
			err = e.learn(ctx, t, list)
		}
		if err != nil {
			return err
		}
		for _, row := range list {
			if err := e.previewMessage(ctx, t, row, out); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *erasure) previewMessage(ctx context.Context, t *tickets.Ticket, row *messageRow, out *privacy.Preview) error {
	if row.author != 0 && e.is(row.author) {
		out.Masked = append(out.Masked, privacy.Masked{MessageID: row.m.ID, Ref: t.Ref})
		return nil
	}
	var r *readMessage
	err := e.read(ctx, func(v *view) (err error) {
		r, err = v.openMessage(ctx, row)
		return err
	})
	if err != nil || r.cek == nil {
		return err
	}
	m := *r.m
	m.EnvelopeTo, m.To, m.Cc, m.Defects, m.Attachments = slices.Clone(m.EnvelopeTo), slices.Clone(m.To), slices.Clone(m.Cc), slices.Clone(m.Defects), slices.Clone(m.Attachments)
	changed := e.maskFields(&m)
	var left []string
	if e.mask != nil {
		sum := sha256.New()
		if left, err = e.mask.Mask(ctx, e.names, e.db.readContent(ctx, r.content, r.cek), sum); err != nil {
			return err
		}
		changed = changed || hex.EncodeToString(sum.Sum(nil)) != r.m.Raw.SHA256
	}
	if changed || len(left) > 0 {
		out.Masked = append(out.Masked, privacy.Masked{MessageID: m.ID, Ref: t.Ref, Left: left})
	}
	return nil
}

// countKept counts a message that a duty keeps.
func countKept(out *privacy.Preview, d *privacy.Duty, received int64) {
	until := d.Keep(fromMicros(received))
	for i := range out.Kept {
		if k := &out.Kept[i]; k.Ground == d.Ground && k.Law == d.Law && k.Until.Equal(until) {
			k.Count++
			return
		}
	}
	out.Kept = append(out.Kept, privacy.Kept{Ground: d.Ground, Law: d.Law, Until: until, Count: 1})
}
