package storage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"postroom/privacy"
	"postroom/tickets"
)

// others takes the person out of other people's tickets: what the person wrote
// there goes, what others wrote is masked and sealed anew under a fresh key,
// since the old one may stand in a backup beside the old text.
func (e *erasure) others(ctx context.Context) error {
	ids, err := e.othersTickets(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := e.maskTicket(ctx, id); err != nil {
			return err
		}
	}
	for i := range e.who { // written into tickets in which the person is no party any more
		if err := e.dropAuthored(ctx, &e.who[i]); err != nil {
			return err
		}
	}
	return nil
}

// othersTickets are those the person takes part in, wrote into, or, where the
// search index knows, is named in.
func (e *erasure) othersTickets(ctx context.Context) (ids []int64, err error) {
	seen := map[int64]bool{}
	err = e.read(ctx, func(v *view) error {
		for i := range e.who {
			w := &e.who[i]
			for _, text := range []string{
				"SELECT t.id FROM lookups l JOIN tickets t ON t.id = l.no WHERE l.hash = ? AND l.kind = 13 AND t.frozen = 0 AND t.owner <> CAST(? AS INTEGER)",
				"SELECT m.ticket_id FROM lookups l JOIN messages m ON m.id = l.no WHERE l.hash = ? AND l.kind = 14 AND m.ticket_id IS NOT NULL AND m.frozen = 0 AND m.owner <> CAST(? AS INTEGER)",
			} {
				list, err := v.ids(ctx, text, w.hash, w.person.ID)
				if err != nil {
					return err
				}
				for _, id := range list {
					seen[id] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	named, err := e.db.ticketsNaming(ctx, e.plan.Org, e.names.Addresses)
	if err != nil {
		return nil, err
	}
	for _, id := range named {
		seen[id] = true
	}
	for id := range seen {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, e.read(ctx, func(v *view) error { // not those of the privacy queue about the person
		ids = slices.DeleteFunc(ids, func(id int64) bool {
			t, err2 := v.TicketByID(ctx, id)
			if err2 != nil {
				err = err2
			}
			if t == nil {
				return true
			}
			r := t.Requester()
			return r != nil && e.is(r.ID)
		})
		return err
	})
}

// maskTicket takes the person out of one ticket of somebody else's.
func (e *erasure) maskTicket(ctx context.Context, id int64) error {
	var list []*messageRow
	var t *tickets.Ticket
	var kept *privacy.Duty
	err := e.read(ctx, func(v *view) (err error) {
		if t, err = v.TicketByID(ctx, id); err != nil || t == nil {
			return err
		}
		if kept, err = e.duty(ctx, v, t); err != nil {
			return err
		}
		list, err = v.messageRows(ctx, "SELECT "+messageColumns+" FROM messages m WHERE m.ticket_id = CAST(? AS INTEGER) AND m.frozen = 0", id)
		return err
	})
	if err != nil || t == nil {
		return err
	}
	if err := e.learn(ctx, t, list); err != nil {
		return err
	}
	for _, row := range list {
		if err := e.maskMessage(ctx, t, row, kept); err != nil {
			return fmt.Errorf("message %d: %w", row.m.ID, err)
		}
	}
	return e.read(ctx, func(v *view) error { return e.leaveTicket(ctx, v, id) })
}

// learn finds out by what names the person goes in a ticket, and, where the
// key is gone, what the address was: each address that is found is hashed.
func (e *erasure) learn(ctx context.Context, t *tickets.Ticket, list []*messageRow) error {
	return e.read(ctx, func(v *view) error {
		for _, row := range list {
			r, err := v.openMessage(ctx, row)
			if err != nil {
				return err
			}
			if r.cek == nil {
				continue
			}
			for _, a := range slices.Concat([]string{r.m.From, r.m.EnvelopeFrom}, r.m.To, r.m.Cc, r.m.EnvelopeTo) {
				name, address := "", a
				if i := strings.LastIndexByte(a, '<'); i >= 0 {
					name, address = strings.Trim(a[:i], " \""), strings.TrimSuffix(a[i+1:], ">")
				}
				if a == r.m.From && name == "" {
					name = r.m.FromName
				}
				h := e.db.hash.address(t.Org, address)
				if slices.ContainsFunc(e.hashes, func(x []byte) bool { return string(x) == string(h) }) {
					if !slices.ContainsFunc(e.names.Addresses, func(x string) bool { return tickets.FoldAddress(x) == tickets.FoldAddress(address) }) {
						e.names.Addresses = append(e.names.Addresses, address)
					}
					e.named(name)
				}
			}
		}
		return nil
	})
}

// maskMessage masks one message, or takes it away when the person wrote it.
func (e *erasure) maskMessage(ctx context.Context, t *tickets.Ticket, row *messageRow, kept *privacy.Duty) error {
	if row.author != 0 && e.is(row.author) {
		return e.emptyMessage(ctx, t, row, kept)
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
	changed := e.maskFields(&m)
	if e.mask == nil {
		if changed {
			return e.emptyMessage(ctx, t, row, nil)
		}
		return nil
	}
	st := e.db.Stage(ctx).(*stage)
	left, err := e.mask.Mask(ctx, e.names, e.db.readContent(ctx, r.content, r.cek), st)
	if err != nil {
		st.Abort()
		return err
	}
	raw, err := st.Finish()
	if err != nil {
		st.Abort()
		return err
	}
	if len(left) > 0 {
		e.add(-1, "INSERT INTO privacy_work (request_id, kind, target, owner) VALUES (?, 'left', ?, 0) ON CONFLICT DO NOTHING", e.plan.RequestID, m.ID)
		e.count("left", 1)
	}
	if !changed && raw.SHA256 == m.Raw.SHA256 {
		st.Abort()
		return nil
	}
	m.Raw = raw
	e.count("masked", 1)
	return e.reseal(ctx, row, &m, st)
}

// maskFields masks what is known of a message beside its bytes.
func (e *erasure) maskFields(m *tickets.Message) (changed bool) {
	one := func(s *string) {
		if masked, is := e.masked(*s); is {
			*s, changed = masked, true
		}
	}
	for _, s := range []*string{&m.MessageID, &m.From, &m.FromName, &m.EnvelopeFrom, &m.Subject, &m.Text, &m.Whole, &m.AuthResults, &m.ThreadReason} {
		one(s)
	}
	for _, list := range [][]string{m.EnvelopeTo, m.To, m.Cc, m.Defects} {
		for i := range list {
			one(&list[i])
		}
	}
	for i := range m.Attachments {
		one(&m.Attachments[i].Name)
		one(&m.Attachments[i].ContentID)
	}
	return changed
}

// masked masks a text; without a masker it only says whether it has to be.
func (e *erasure) masked(s string) (string, bool) {
	if s == "" {
		return s, false
	}
	if e.mask != nil {
		return e.mask.Text(e.names, s)
	}
	low := strings.ToLower(s)
	for _, a := range slices.Concat(e.names.Addresses, e.names.Names) {
		if strings.Contains(low, strings.ToLower(a)) {
			return "", true
		}
	}
	return s, false
}

// emptied is what is left of a message the person wrote into somebody else's
// ticket.
const emptied = "Subject: [erased]\r\nContent-Type: text/plain\r\n\r\n[This message was erased at the request of its writer.]\r\n"

// emptyMessage takes a message's content away and leaves its place in the
// ticket. What a duty keeps is moved to a key of its own instead.
func (e *erasure) emptyMessage(ctx context.Context, t *tickets.Ticket, row *messageRow, kept *privacy.Duty) error {
	if kept != nil && row.author != 0 {
		return e.read(ctx, func(v *view) error {
			keyID, key, err := e.frozenKey(ctx, t, kept)
			if err != nil {
				return err
			}
			until, err := e.freezeMessage(ctx, v, row, keyID, key, kept)
			e.add(1, "UPDATE privacy_frozen SET until = ? WHERE ticket_id = ? AND key_id = ?", micros(until), t.ID, keyID)
			return err
		})
	}
	m := tickets.Message{ID: row.m.ID, Receipt: strings.ToLower(rand.Text()), Direction: row.m.Direction, Kind: row.m.Kind, Proof: row.m.Proof,
		Subject: "[erased]", Text: "[This message was erased at the request of its writer.]"}
	st := e.db.Stage(ctx).(*stage)
	if _, err := io.WriteString(st, emptied); err != nil {
		return err
	}
	var err error
	if m.Raw, err = st.Finish(); err != nil {
		return err
	}
	e.count("removed", 1)
	return e.reseal(ctx, row, &m, st)
}

// reseal writes a message anew under a fresh content key, for the owner it
// has and for its author, unless that is the person.
func (e *erasure) reseal(ctx context.Context, row *messageRow, m *tickets.Message, st *stage) error {
	return e.read(ctx, func(v *view) error {
		ownerKey, err := v.keyOf(ctx, row.org, row.owner)
		if err != nil {
			return err
		}
		cek, content := st.cek, m.Raw.StageID
		if content != 0 {
			e.add(1, sqlAdoptStage, content)
			e.after = append(e.after, func() { e.db.stages.adopted(st) })
		} else {
			if content, err = e.db.ids.take(ctx, 1); err != nil {
				return err
			}
			cek = randomKey()
			p := &planner{db: e.db, plan: &plan{}}
			p.body(newSealer(cek), content, m.Raw.Bytes)
			e.ops = append(e.ops, p.plan.ops...)
		}
		m.Raw.Bytes = nil
		author, err := e.identity(ctx, v, row, m)
		if err != nil {
			return err
		}
		wrapped := ownerKey.seal(place{column: "messages.wrapped", row: m.ID, sub: row.owner}, cek)
		e.add(1, "UPDATE messages SET content = ?, receipt = ?, size = ?, author_person = ?, wrapped = ?, meta = ?, version = version + 1 WHERE id = ? AND version = ?",
			content, m.Receipt, m.Raw.Size, author, wrapped, e.db.sealMeta(newSealer(cek), m), m.ID, row.version)
		e.add(-1, "DELETE FROM bodies WHERE id >= ? AND id < ?", chunkID(row.content, 0), chunkID(row.content+1, 0))
		e.add(-1, "DELETE FROM wraps WHERE message_id = ?", m.ID)
		if author != 0 && author != row.owner {
			key, err := v.keyOf(ctx, row.org, author)
			if err == nil {
				e.add(-1, sqlInsertWrap, m.ID, author, key.seal(place{column: "messages.wrapped", row: m.ID, sub: author}, cek))
			} else if !errors.Is(err, errKeyGone) {
				return err
			}
		}
		e.add(-1, sqlInsertChange, row.org, row.ticket.Int64, m.ID)
		e.add(-1, "INSERT INTO privacy_work (request_id, kind, target, owner) VALUES (?, 'message', ?, 0) ON CONFLICT DO NOTHING", e.plan.RequestID, m.ID)
		return e.full(ctx)
	})
}

// identity drops what a message is recognised by when that changed, and says
// who its author is now.
func (e *erasure) identity(ctx context.Context, v *view, row *messageRow, m *tickets.Message) (author int64, err error) {
	author = row.author
	for i := range e.who {
		w := &e.who[i]
		e.add(-1, sqlDropLookup, w.hash, kindOwned, m.ID)
		if author == w.person.ID {
			author = 0
		}
	}
	r, err := v.openMessage(ctx, row)
	if err != nil {
		return 0, err
	}
	var mid, dedupe []byte
	if _, err := v.row(ctx, "SELECT mid, dedupe FROM messages WHERE id = ?", []any{m.ID}, &mid, &dedupe); err != nil {
		return 0, err
	}
	if mid != nil && m.MessageID != r.m.MessageID {
		e.add(-1, sqlDropLookup, mid, kindMessage, m.ID)
		e.add(1, "UPDATE messages SET mid = NULL WHERE id = ?", m.ID)
	}
	if dedupe != nil && len(m.Dedupe) == 0 {
		e.add(-1, sqlDropLookup, dedupe, kindDedupe, int64(0))
		e.add(1, "UPDATE messages SET dedupe = NULL WHERE id = ?", m.ID)
	}
	return author, nil
}

// leaveTicket takes the person from those who take part, and the name from the
// subject and from mails about the ticket that have not gone yet.
func (e *erasure) leaveTicket(ctx context.Context, v *view, id int64) error {
	t, err := v.TicketByID(ctx, id)
	if err != nil || t == nil {
		return err
	}
	owner := int64(0)
	if _, err := v.row(ctx, "SELECT owner FROM tickets WHERE id = ?", []any{id}, &owner); err != nil {
		return err
	}
	took := false
	for i := range t.Parties {
		took = took || e.is(t.Parties[i].Person.ID)
	}
	subject, masked := e.masked(t.Subject)
	if took || masked {
		t.Subject = subject
		for i := range e.who {
			remove(t, e.who[i].person.ID)
		}
		if err := e.ticketRow(ctx, v, t, owner); err != nil {
			return err
		}
		e.count("parts", 1)
	}
	for i := range e.who {
		w := &e.who[i]
		e.add(-1, "UPDATE events SET actor_id = 0 WHERE ticket_id = ? AND actor = 'person' AND actor_id = ?", id, w.person.ID)
		e.add(-1, sqlDropLookup, w.hash, kindParty, id)
	}
	if err := e.maskMails(ctx, v, id); err != nil {
		return err
	}
	return e.full(ctx)
}

// maskMails masks what is still to be sent about a ticket of somebody else's.
func (e *erasure) maskMails(ctx context.Context, v *view, ticket int64) error {
	ids, err := v.ids(ctx, "SELECT id FROM outbox WHERE ticket_id = ? AND ticket_id > 0 AND spec IS NOT NULL", ticket)
	if err != nil {
		return err
	}
	for _, id := range ids {
		row, err := v.outboxRow(ctx, id)
		if err != nil {
			return err
		}
		if row == nil || row.person != 0 && e.is(row.person) {
			continue // goes with the person's mails
		}
		s, changed := row.o.Spec, false
		for _, text := range []*string{&s.Subject, &s.Text, &s.HTML, &s.ReplyTo} {
			if masked, is := e.masked(*text); is {
				*text, changed = masked, true
			}
		}
		for i := range s.Cc {
			if masked, is := e.masked(s.Cc[i]); is {
				s.Cc[i], changed = masked, true
			}
		}
		for k, a := range s.Args {
			if masked, is := e.masked(a); is {
				s.Args[k], changed = masked, true
			}
		}
		if !changed {
			continue
		}
		key, err := v.keyOf(ctx, row.o.Org, row.owner)
		if errors.Is(err, errKeyGone) {
			continue
		}
		if err != nil {
			return err
		}
		plain, err := json.Marshal(&s)
		if err != nil {
			return err
		}
		e.add(-1, "UPDATE outbox SET spec = ? WHERE id = ? AND spec IS NOT NULL", e.db.sealSqueezed(key, place{column: "outbox.spec", row: id}, plain, squeezeAbove), id)
	}
	return nil
}

// dropAuthored takes away what the person wrote that no ticket of anybody's
// led to.
func (e *erasure) dropAuthored(ctx context.Context, w *erased) error {
	if err := e.commit(ctx, false); err != nil {
		return err
	}
	return e.dropOwned(ctx, w, "m.frozen = 0")
}
