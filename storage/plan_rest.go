package storage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"postroom/privacy"
	"postroom/tickets"
)

const (
	sqlInsertHeld   = "INSERT INTO held (id, org, at, kind, agent_id, ticket_id, message_id, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	sqlReleaseHeld  = "UPDATE held SET state = ? WHERE id = ? AND state = 'held'"
	sqlInsertOutbox = `INSERT INTO outbox (id, org, kind, ticket_id, message_id, queue_id, to_agent, to_person, owner, domain, state,
 created, next_at, attempts, fence, worker, noticed, finished, status, dest, spec, request_id, purpose, template, artifact)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, 0, 0, '', 0, 0, '', ?, ?, ?, ?, ?, ?)`
	sqlInsertJob   = "INSERT INTO jobs (id, kind, ticket_id, message_id, run_at, attempts, fence, worker, owner, sealed) VALUES (?, ?, ?, ?, ?, 0, 0, '', ?, ?)"
	sqlDropMessage = "DELETE FROM messages WHERE id = ?"
	sqlDropLookup  = "DELETE FROM lookups WHERE hash = ? AND kind = ? AND no = ?"
	sqlFinishJob   = "DELETE FROM jobs WHERE id = ?"
	sqlBounced     = "UPDATE outbox SET state = 'failed', status = ?, spec = NULL WHERE id = ?"
	sqlDelayed     = "UPDATE outbox SET status = ? WHERE id = ?"
	sqlAddDomain   = "INSERT INTO agent_domains (agent_id, hash, sealed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
	sqlDirectory   = "UPDATE counters SET value = value + 1 WHERE name = 'directory'"
)

// job takes away the row of the work that this change carries out.
func (p *planner) job(context.Context) error {
	if p.c.FinishJob != 0 {
		p.first = append(p.first, op{text: sqlFinishJob, args: []any{p.c.FinishJob}, want: 1, gone: true})
	}
	return nil
}

// release ends the wait of a held mail. Its message goes: what the change puts
// in its place has the same receipt and the same identity.
func (p *planner) release(ctx context.Context) error {
	if p.c.Release == 0 {
		return nil
	}
	p.first = append(p.first, op{text: sqlReleaseHeld, args: []any{p.c.ReleaseState, p.c.Release}, want: 1, gone: true})
	var id int64
	found, err := p.v.row(ctx, "SELECT message_id FROM held WHERE id = ?", []any{p.c.Release}, &id)
	if err != nil {
		return err
	}
	if !found {
		return tickets.ErrGone
	}
	if id == 0 {
		return nil
	}
	ops, err := p.v.dropMessage(ctx, id)
	p.first = append(p.first, ops...)
	return err
}

// dropMessage returns what removes a message and all that leads to it.
func (v *view) dropMessage(ctx context.Context, id int64) ([]op, error) {
	var content, owner, author int64
	var mid, dedupe []byte
	found, err := v.row(ctx, "SELECT content, owner, author_person, mid, dedupe FROM messages WHERE id = ?", []any{id}, &content, &owner, &author, &mid, &dedupe)
	if err != nil || !found {
		return nil, err
	}
	var ops []op
	unlook := func(hash []byte, kind, no int64) {
		if hash != nil {
			ops = append(ops, op{text: sqlDropLookup, args: []any{hash, kind, no}, want: -1})
		}
	}
	unlook(mid, kindMessage, id)
	unlook(dedupe, kindDedupe, 0)
	for _, person := range []int64{owner, author} {
		r, err := v.readPerson(ctx, person)
		if err != nil {
			return nil, err
		}
		if r != nil {
			unlook(r.hash, kindOwned, id)
		}
	}
	return append(ops,
		op{text: "DELETE FROM wraps WHERE message_id = ?", args: []any{id}, want: -1},
		op{text: "DELETE FROM bodies WHERE id >= ? AND id < ?", args: []any{chunkID(content, 0), chunkID(content+1, 0)}, want: -1},
		op{text: sqlDropMessage, args: []any{id}, want: 1}), nil
}

func (p *planner) held(ctx context.Context) error {
	for _, h := range p.c.Held {
		if h.ID == 0 {
			id, err := p.id(ctx)
			if err != nil {
				return err
			}
			p.plan.fill(&h.ID)
			h.ID = id
		}
		if h.Org == 0 {
			h.Org = tickets.DefaultOrg
		}
		if h.State == "" {
			h.State = "held"
		}
		if h.At.IsZero() {
			h.At = p.now
		}
		p.add(-1, sqlInsertHeld, h.ID, h.Org, micros(h.At), h.Kind, h.AgentID, ticketID(h.Ticket), messageID(h.Message), h.State)
	}
	return nil
}

func (p *planner) events(ctx context.Context) error {
	var args []any
	for i, e := range p.c.Events {
		id, err := p.id(ctx)
		if err != nil {
			return err
		}
		e.ID = id
		if e.Ticket != nil {
			p.plan.fill(&e.TicketID)
			e.TicketID = e.Ticket.ID
		}
		if e.At.IsZero() {
			e.At = p.now
		}
		// Somebody new had no id when the event was written down.
		if e.Actor == tickets.ActorPerson && e.ActorID == 0 && e.Message != nil && e.Message.AuthorPerson != nil {
			e.ActorID = e.Message.AuthorPerson.ID
		}
		args = append(args, e.TicketID, e.ID, micros(e.At), e.Kind, string(e.Actor), e.ActorID, messageID(e.Message), encodeData(e.Data))
		switch { // two to a statement
		case i%2 == 1:
			p.add(-1, sqlInsertEvents, args...)
			args = nil
		case i == len(p.c.Events)-1:
			p.add(-1, sqlInsertEvent, args...)
		}
	}
	return nil
}

// encodeData writes an object of strings as JSON with its keys in order.
func encodeData(m map[string]string) string {
	if len(m) == 0 {
		return "{}"
	}
	b := []byte{'{'}
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(append(appendJSON(b, k), ':'), m[k])
	}
	return string(append(b, '}'))
}

func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			q, _ := json.Marshal(s) // a string always marshals
			return append(b, q...)
		}
	}
	return strconv.AppendQuote(b, s)
}

func (p *planner) outbox(ctx context.Context) error {
	for _, o := range p.c.Outbox {
		if err := p.outgoing(ctx, o); err != nil {
			return fmt.Errorf("outgoing mail %s: %w", o.MessageID, err)
		}
	}
	return nil
}

// outgoing writes a mail to be sent. It is sealed for whom it goes to; a mail
// to an agent for the ticket's requester, whom it is about.
func (p *planner) outgoing(ctx context.Context, o *tickets.Outgoing) error {
	if o.Org == 0 {
		o.Org = tickets.DefaultOrg
		if o.Ticket != nil {
			o.Org = o.Ticket.Org
		}
	}
	var err error
	if o.ID == 0 {
		p.plan.fill(&o.ID)
		if o.ID, err = p.id(ctx); err != nil {
			return err
		}
	}
	if r, ok := o.Request.(*privacy.Request); ok && r != nil {
		p.plan.fill(&o.RequestID)
		o.RequestID = r.ID
	}
	owner, key, err := p.outOwner(ctx, o)
	if err != nil {
		return err
	}
	var person int64
	if o.ToPerson != nil {
		person = o.ToPerson.ID
	}
	spec, err := json.Marshal(&o.Spec)
	if err != nil {
		return err
	}
	due := p.now
	if o.NotBefore.After(due) {
		due = o.NotBefore
	}
	p.add(-1, sqlInsertOutbox, o.ID, o.Org, string(o.Kind), ticketID(o.Ticket), messageID(o.Message), o.QueueID, o.ToAgent, person,
		owner, p.db.hash.domain(o.Org, tickets.Domain(o.To)), micros(p.now), micros(due),
		key.seal(place{column: "outbox.dest", row: o.ID}, encodeDest(o.To, o.MessageID)),
		p.db.sealSqueezed(key, place{column: "outbox.spec", row: o.ID}, spec, squeezeAbove), o.RequestID, o.Purpose, o.Spec.Template, int64(o.Spec.Artifact))
	// A message that is sent is found by its own row; anything else of ours by its ticket.
	if o.MessageID != "" && o.Ticket != nil && (o.Message == nil || o.Message.MessageID != o.MessageID) {
		p.lookup(p.db.hash.messageID(o.Org, o.MessageID), kindMail, messageID(o.Message), o.Ticket.ID)
	}
	switch {
	case o.Kind == tickets.OutAck:
		p.lookup(p.v.addressHash(o.Org, o.To), kindAck, micros(p.now), o.ID)
	case o.Once != "":
		p.lookup(p.v.addressHash(o.Org, o.To), kindSent, onceNo(o.Once), o.ID)
	case o.ToPerson != nil && owner >= 0: // a request's mails are found by the request
		p.lookup(p.v.addressHash(o.Org, o.To), kindSent, o.ID, o.ID)
	}
	for _, a := range o.About {
		p.lookup(p.db.hash.address(o.Org, a), kindSent, o.ID, o.ID)
	}
	return nil
}

// onceNo is what a mailing has in place of the mail's number, below all of
// those: nobody gets a second mail under it.
func onceNo(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return -1 - int64(binary.BigEndian.Uint64(sum[:])>>1)
}

// encodeDest writes what a list shows of an outgoing mail; it stays when the
// content goes.
func encodeDest(to, messageID string) []byte {
	e := encoder{make([]byte, 0, 4+len(to)+len(messageID))}
	e.str(to)
	e.str(messageID)
	return e.b
}

// outOwner returns whose key seals a mail: the key that is named, that of the
// privacy request the mail belongs to, or the recipient's.
func (p *planner) outOwner(ctx context.Context, o *tickets.Outgoing) (int64, sealer, error) {
	if o.SealKey != 0 {
		key, err := p.db.keys.get(ctx, o.SealKey)
		return -o.SealKey, key, err
	}
	if o.RequestID != 0 {
		r, _ := o.Request.(*privacy.Request)
		if owner, key, err := p.requestKey(ctx, r, o.RequestID); err != nil || owner != 0 {
			return owner, key, err
		}
	}
	if o.ToPerson != nil {
		key, err := p.person(ctx, o.ToPerson)
		return o.ToPerson.ID, key, err
	}
	return p.owner(ctx, o.Org, o.Ticket)
}

func (p *planner) jobs(ctx context.Context) error {
	for _, j := range p.c.Jobs {
		id, err := p.id(ctx)
		if err != nil {
			return err
		}
		j.ID = id
		if j.RunAt.IsZero() {
			j.RunAt = p.now
		}
		var owner int64
		var sealed any
		about := j.Ticket
		if r, ok := j.Request.(*privacy.Request); ok && r != nil {
			j.Data = maps.Clone(j.Data)
			if j.Data == nil {
				j.Data = map[string]string{}
			}
			j.Data["request"] = strconv.FormatInt(r.ID, 10)
		}
		if j.Data["request"] != "" { // an erasure must outlive the person's key
			about = nil
		}
		if len(j.Data) > 0 {
			var key sealer
			if owner, key, err = p.owner(ctx, tickets.DefaultOrg, about); err != nil {
				return err
			}
			sealed = key.seal(place{column: "jobs.sealed", row: id}, []byte(encodeData(j.Data)))
		}
		p.add(-1, sqlInsertJob, id, j.Kind, ticketID(j.Ticket), messageID(j.Message), micros(j.RunAt), owner, sealed)
	}
	return nil
}

func (p *planner) bounced(context.Context) error {
	b := p.c.Bounced
	if b == nil {
		return nil
	}
	text := sqlDelayed
	if b.Permanent {
		text = sqlBounced
	}
	p.add(-1, text, b.Status, b.OutboxID)
	if b.Permanent {
		p.plan.ops = append(p.plan.ops, p.db.settled(b.OutboxID))
	}
	return nil
}

// trust remembers a sending domain that an agent confirmed.
func (p *planner) trust(ctx context.Context) error {
	if p.c.TrustAgent == 0 || p.c.TrustDomain == "" {
		return nil
	}
	dir, err := p.v.Directory(ctx)
	if err != nil {
		return err
	}
	a := dir.AgentByID(p.c.TrustAgent)
	if a == nil {
		return fmt.Errorf("agent %d is not there", p.c.TrustAgent)
	}
	key, err := p.db.orgs.get(ctx, p.v, a.Org)
	if err != nil {
		return err
	}
	p.add(-1, sqlAddDomain, a.ID, p.db.hash.sum(hashDomain, a.Org, p.c.TrustDomain),
		key.seal(place{column: "agent_domains.sealed", row: a.ID}, []byte(p.c.TrustDomain)))
	p.add(1, sqlDirectory)
	p.plan.directory = true
	return nil
}

func ticketID(t *tickets.Ticket) int64 {
	if t == nil {
		return 0
	}
	return t.ID
}

func messageID(m *tickets.Message) int64 {
	if m == nil {
		return 0
	}
	return m.ID
}
