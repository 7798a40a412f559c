package storage

import (
	"context"
	"fmt"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// eraseEnds is when the keyed hash of somebody goes for whom nothing else is
// said: the usual limitation period.
const eraseEnds = 3 * 365 * 24 * time.Hour

func (e *erasure) ends() time.Time {
	if e.plan.Ends.IsZero() {
		return e.db.now().Add(eraseEnds)
	}
	return e.plan.Ends
}

// at is when the erasure happened.
func (e *erasure) at() time.Time {
	switch {
	case !e.until.IsZero():
		return e.until
	case !e.plan.Now.IsZero():
		return e.plan.Now
	}
	return e.began
}

// people takes away the rows by which somebody is known. The tickets are
// hidden with it, so that no mail joins them any more; those in the privacy
// queue lose their requester, since the officer goes on there.
func (e *erasure) people(ctx context.Context) error {
	if err := e.covered(ctx); err != nil {
		return err
	}
	if e.until.IsZero() {
		if err := e.db.listErased(ctx, e.plan, e.hashes, e.at(), e.ends()); err != nil {
			return err
		}
	}
	return e.read(ctx, func(v *view) error {
		for _, h := range e.hashes {
			if err := e.somebody(ctx, v, h); err != nil {
				return err
			}
			e.add(-1, "INSERT INTO erasures (hash, org, at, ends) VALUES (?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE SET at = excluded.at, ends = excluded.ends",
				h, e.plan.Org, micros(e.at()), micros(e.ends()))
		}
		return nil
	})
}

// covered refuses while a proved request for access is open.
func (e *erasure) covered(ctx context.Context) error {
	return e.read(ctx, func(v *view) error {
		until, err := e.blocked(ctx, v)
		if err == nil && !until.IsZero() {
			err = ErrCovered
		}
		return err
	})
}

// blocked says by when a proved request for access is due that is still open.
// One that nobody proved, such as a forged one, blocks nothing.
func (e *erasure) blocked(ctx context.Context, v *view) (until time.Time, err error) {
	for _, a := range e.plan.Addresses {
		list, err := v.RequestsOf(ctx, e.plan.Org, a, true)
		if err != nil {
			return until, err
		}
		for _, r := range list {
			if r.ID != e.plan.RequestID && (r.Right == privacy.Access || r.Right == privacy.Portability) && !r.Record.Verified.IsZero() {
				until = later(until, r.Due)
			}
		}
	}
	return until, nil
}

func (e *erasure) somebody(ctx context.Context, v *view, h []byte) error {
	var id, keyID, created int64
	var sealed []byte
	found, err := v.row(ctx, "SELECT id, key_id, created, sealed FROM persons WHERE id = (SELECT target FROM lookups WHERE hash = ? AND kind = 11 AND no = 0)", []any{h}, &id, &keyID, &created, &sealed)
	if err != nil || !found || !e.until.IsZero() && created > micros(e.until) {
		return err
	}
	tomb := e.tomb(id)
	e.add(1, "DELETE FROM persons WHERE id = ? AND address = ?", id, h) // on PostgreSQL this waits for mails under way
	e.add(1, sqlDropLookup, h, kindPerson, int64(0))
	e.add(-1, "UPDATE lookups SET hash = ? WHERE hash = ? AND kind IN (12, 13, 14, 15)", tomb, h)
	e.add(1, "INSERT INTO privacy_work (request_id, kind, target, owner, sealed) VALUES (?, 'person', ?, ?, ?)", e.plan.RequestID, id, keyID, sealed)
	e.add(-1, `UPDATE tickets SET restricted = ?, version = version + 1 WHERE owner = CAST(? AS INTEGER) AND id IN (SELECT no FROM lookups WHERE hash = ? AND kind = 13)
 AND id NOT IN (SELECT ticket_id FROM privacy_requests WHERE subject = ? OR id = ?)`, max(e.plan.RequestID, 1), id, tomb, h, e.plan.RequestID)
	e.count("people", 1)
	ids, err := v.ids(ctx, "SELECT ticket_id FROM privacy_requests WHERE subject = ? OR id = ?", h, e.plan.RequestID)
	if err != nil {
		return err
	}
	seen := map[int64]bool{0: true}
	for _, t := range ids {
		if !seen[t] {
			seen[t] = true
			if err := e.shell(ctx, v, t, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// shell takes the requester from a ticket of the privacy queue.
func (e *erasure) shell(ctx context.Context, v *view, id, person int64) error {
	t, err := v.TicketByID(ctx, id)
	if err != nil || t == nil {
		return err
	}
	if who := t.Requester(); who == nil || who.ID != person {
		return nil
	}
	list, err := v.RequestsOfTicket(ctx, id)
	if err != nil {
		return err
	}
	t.Subject, t.ThreadIndex = "", ""
	for _, r := range list {
		t.Subject = r.No
	}
	remove(t, person)
	return e.ticketRow(ctx, v, t, 0)
}

// remove takes somebody from a ticket. The number stays and is not given again.
func remove(t *tickets.Ticket, person int64) {
	for i := range t.Parties {
		if p := &t.Parties[i]; p.Person.ID == person {
			p.Person, p.Removed = &tickets.Person{Org: t.Org}, true
		}
	}
}

// ticketRow writes who takes part in a ticket and what is sealed of it, for
// another owner.
func (e *erasure) ticketRow(ctx context.Context, v *view, t *tickets.Ticket, owner int64) error {
	key, err := v.keyOf(ctx, t.Org, owner)
	if err != nil {
		return fmt.Errorf("ticket %d: %w", t.ID, err)
	}
	e.add(1, "UPDATE tickets SET parties = ?, owner = ?, sealed = ?, version = version + 1 WHERE id = ? AND version = ?", encodeParties(t.Parties), owner,
		key.seal(place{column: "tickets.sealed", row: t.ID}, encodeTicket(t)), t.ID, t.Version)
	e.add(-1, sqlInsertChange, t.Org, t.ID, int64(0))
	return nil
}
