package storage

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"postroom/privacy"
	"postroom/tickets"
)

// What is restricted is found by the person's hash and told by whose key seals
// it. The privacy queue's own tickets stay open: the request is worked on there.
const (
	sqlRestrictTickets = `UPDATE tickets SET restricted = ?, version = version + 1 WHERE restricted = CAST(? AS INTEGER) AND owner = CAST(? AS INTEGER)
 AND id IN (SELECT no FROM lookups WHERE hash = ? AND kind = 13) AND id NOT IN (SELECT ticket_id FROM privacy_requests WHERE subject = ?)`
	sqlRestrictMessages = `UPDATE messages SET restricted = ?, version = version + 1 WHERE restricted = CAST(? AS INTEGER)
 AND (owner = CAST(? AS INTEGER) OR author_person = CAST(? AS INTEGER))
 AND id IN (SELECT no FROM lookups WHERE hash = ? AND kind = 14)
 AND (ticket_id IS NULL OR ticket_id NOT IN (SELECT ticket_id FROM privacy_requests WHERE subject = ?))`
	// Whoever shows tickets or messages reads of the change in the log.
	sqlRestrictLog = `INSERT INTO changes (org, ticket_id, message_id) SELECT org, COALESCE(ticket_id, 0), id FROM messages
 WHERE id IN (SELECT no FROM lookups WHERE hash = ? AND kind = 14)`
)

// restrict hides all that is the person's, or shows it again. What another
// request restricted stays as it is. A ticket's version grows, so that a mail
// that is just being decided does not join it.
func (p *planner) restrict(ctx context.Context, r *privacy.Restrict) error {
	id := r.RequestID
	if r.Request != nil {
		id = r.Request.ID
	}
	if id == 0 {
		return errors.New("a restriction needs its request")
	}
	org := r.Org
	if org == 0 {
		org = tickets.DefaultOrg
	}
	from, to := int64(0), id
	if !r.On {
		from, to = id, 0
	}
	for _, a := range r.Addresses {
		who, err := p.v.PersonByAddress(ctx, org, a)
		if err != nil {
			return err
		}
		if who == nil {
			continue
		}
		h := p.db.hash.address(org, a)
		p.add(-1, sqlRestrictTickets, to, from, who.ID, h, h)
		p.add(-1, sqlRestrictMessages, to, from, who.ID, who.ID, h, h)
		p.add(-1, sqlRestrictLog, h)
	}
	return nil
}

// errOthers is returned for an address that is somebody else's.
var errOthers = errors.New("the address is somebody else's")

// rename corrects a name, or moves somebody with everything that is found by
// the address to another address.
func (p *planner) rename(ctx context.Context, r *privacy.Rename) error {
	org := r.Org
	if org == 0 {
		org = tickets.DefaultOrg
	}
	who, err := p.v.PersonByAddress(ctx, org, r.Address)
	if err != nil || who == nil {
		return err
	}
	if r.Name != "" {
		who.Name = r.Name
	}
	if _, err := p.person(ctx, who); err != nil {
		return err
	}
	old, fresh := p.db.hash.address(org, r.Address), p.db.hash.address(org, r.To)
	if r.To == "" {
		return nil
	}
	person := p.v.persons[who.ID]
	was := person.was
	was.Address = r.To
	if !bytes.Equal(old, fresh) {
		other, err := p.v.PersonByAddress(ctx, org, r.To)
		if err != nil {
			return err
		}
		if other != nil {
			return errOthers
		}
		if p.db.d.postgres { // a mail of the person that is being committed is waited for
			p.first = append(p.first, op{text: "SELECT 1 FROM persons WHERE id = ? FOR UPDATE", args: []any{who.ID}, want: 1})
		}
		p.add(-1, "UPDATE lookups SET hash = ? WHERE hash = ? AND kind IN (11, 12, 13, 14, 15, 20)", fresh, old)
		for _, table := range []string{"consents", "factors", "privacy_tokens", "privacy_requests"} {
			p.add(-1, "UPDATE "+table+" SET subject = ? WHERE subject = ?", fresh, old)
		}
		if err := p.moveRequests(ctx, org, r); err != nil {
			return err
		}
	}
	p.add(1, "UPDATE persons SET address = ?, sealed = ? WHERE id = ? AND address = ?", fresh,
		person.seal.seal(place{column: "persons.sealed", row: who.ID}, encodePerson(&was)), who.ID, old)
	return nil
}

// moveRequests takes the person's requests along: those that are open, or hold
// the data restricted. An erasure that went on for the old address would find
// nobody, and a restriction never end.
func (p *planner) moveRequests(ctx context.Context, org int64, r *privacy.Rename) error {
	list, err := p.v.RequestsOf(ctx, org, r.Address, false)
	if err != nil {
		return err
	}
	for _, x := range list {
		if x.State.Final() && !x.Restricts(r.Address) || slices.ContainsFunc(p.c.Also, func(e tickets.Extra) bool {
			known, ok := e.(*privacy.Request)
			return ok && known.ID == x.ID
		}) {
			continue
		}
		was := p.db.openHash(x)
		if tickets.FoldAddress(x.Address) == tickets.FoldAddress(r.Address) {
			x.Address = r.To
		}
		for i := range x.Detail.Others {
			if l := &x.Detail.Others[i]; tickets.FoldAddress(l.Address) == tickets.FoldAddress(r.Address) {
				l.Address = r.To
			}
		}
		if now := p.db.openHash(x); !x.State.Final() && !bytes.Equal(was, now) {
			p.add(-1, "DELETE FROM lookups WHERE hash = ? AND kind = ? AND no = 0 AND target = ?", was, kindOpen, x.ID)
			p.add(-1, sqlMayLookup, now, kindOpen, int64(0), x.ID)
		}
		if err := p.request(ctx, x); err != nil {
			return err
		}
	}
	return nil
}
