package storage

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"postroom/tickets"
)

const (
	sqlInsertMessage = `INSERT INTO messages (id, org, ticket_id, content, receipt, direction, kind, received, size, proof,
 author_agent, author_person, unverified, version, owner, wrapped, mid, dedupe, meta)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlInsertWrap = `INSERT INTO wraps (message_id, person_id, wrapped) VALUES (?, ?, ?)
 ON CONFLICT (message_id, person_id) DO UPDATE SET wrapped = excluded.wrapped`
	sqlInsertBody    = "INSERT INTO bodies (id, data) VALUES (?, ?)"
	sqlAdoptStage    = "DELETE FROM stages WHERE content = ?"
	sqlUpdateMessage = "UPDATE messages SET proof = ?, meta = ?, version = version + 1 WHERE id = ? AND version = ?"
	sqlMoveMessage   = `UPDATE messages SET ticket_id = ?, owner = ?, wrapped = ?, version = version + 1 WHERE id = ? AND version = ?`
)

// numbers chooses the ids of new messages and tickets, since rows that are
// written before theirs name them.
func (p *planner) numbers(ctx context.Context) error {
	number := func(m *tickets.Message) error {
		if m == nil || m.ID != 0 {
			return nil
		}
		id, err := p.id(ctx)
		if err != nil {
			return err
		}
		p.plan.fill(&m.ID)
		m.ID = id
		if p.fresh == nil {
			p.fresh = map[*tickets.Message]bool{}
		}
		p.fresh[m] = true
		return nil
	}
	for _, m := range p.c.Messages {
		if err := number(m); err != nil {
			return err
		}
	}
	for _, h := range p.c.Held {
		if err := number(h.Message); err != nil {
			return err
		}
		if h.Message != nil && p.fresh[h.Message] && !slices.Contains(p.c.Messages, h.Message) {
			p.c.Messages = append(p.c.Messages, h.Message)
		}
	}
	return nil
}

func (p *planner) messages(ctx context.Context) error {
	for _, m := range p.c.Messages {
		if !p.fresh[m] {
			continue
		}
		if err := p.message(ctx, m); err != nil {
			return fmt.Errorf("message %s: %w", m.Receipt, err)
		}
	}
	// A ticket that changed without a new message is a change of its own.
	for _, t := range p.c.Tickets {
		if !slices.ContainsFunc(p.c.Messages, func(m *tickets.Message) bool { return p.fresh[m] && m.TicketID == t.ID }) {
			p.add(-1, sqlInsertChange, t.Org, t.ID, int64(0))
		}
	}
	return nil
}

// message writes a new message: its key wrapped, its words sealed, its bytes
// in chunks or adopted from a stage.
func (p *planner) message(ctx context.Context, m *tickets.Message) error {
	ticket, org, err := p.ticketOf(ctx, m)
	if err != nil {
		return err
	}
	cek, content := randomKey(), m.ID
	if m.Raw.StageID != 0 {
		st := p.db.stages.get(m.Raw.StageID)
		if st == nil {
			return fmt.Errorf("the staged bytes %d are gone", m.Raw.StageID)
		}
		cek, content = st.cek, m.Raw.StageID
		p.plan.adopts = append(p.plan.adopts, st)
		p.add(1, sqlAdoptStage, content)
	}
	owner, ownerKey, err := p.messageOwner(ctx, org, ticket, m)
	if err != nil {
		return err
	}
	var author int64
	var authorKey sealer
	if m.AuthorPerson != nil {
		if authorKey, err = p.person(ctx, m.AuthorPerson); err != nil {
			return err
		}
		author = m.AuthorPerson.ID
	}
	if m.Received.IsZero() {
		m.Received = p.now
	}
	var ticketID any
	if m.TicketID != 0 {
		ticketID = m.TicketID
	}
	p.owns(owner, m.ID)
	p.owns(author, m.ID)
	key := newSealer(cek)
	var mid, dedupe []byte
	if m.MessageID != "" {
		mid = p.db.hash.messageID(org, m.MessageID)
		p.lookup(mid, kindMessage, m.ID, m.ID)
	}
	if len(m.Dedupe) > 0 {
		dedupe = p.db.hash.dedupe(org, m.Dedupe)
		p.lookup(dedupe, kindDedupe, 0, m.ID)
	}
	p.plan.mail = p.plan.mail || m.Direction == tickets.DirectionIn
	p.add(-1, sqlInsertMessage, m.ID, org, ticketID, content, m.Receipt, string(m.Direction), m.Kind, micros(m.Received), m.Raw.Size, m.Proof,
		m.AuthorAgent, author, bit(m.Unverified), int64(1), owner,
		ownerKey.seal(place{column: "messages.wrapped", row: m.ID, sub: owner}, cek), bytesOrNil(mid), bytesOrNil(dedupe), p.db.sealMeta(key, m))
	if author != 0 && author != owner {
		p.add(-1, sqlInsertWrap, m.ID, author, authorKey.seal(place{column: "messages.wrapped", row: m.ID, sub: author}, cek))
	}
	if m.Raw.StageID == 0 {
		p.body(key, content, m.Raw.Bytes)
	}
	p.add(-1, sqlInsertChange, org, m.TicketID, m.ID)
	return nil
}

// messageOwner is the ticket's requester; without a ticket the author; else
// the organisation.
func (p *planner) messageOwner(ctx context.Context, org int64, t *tickets.Ticket, m *tickets.Message) (int64, sealer, error) {
	if t == nil && m.AuthorPerson != nil {
		key, err := p.person(ctx, m.AuthorPerson)
		return m.AuthorPerson.ID, key, err
	}
	return p.owner(ctx, org, t)
}

// owns notes that a message's key is wrapped for somebody.
func (p *planner) owns(person, message int64) {
	if r := p.v.persons[person]; r != nil && !r.gone {
		p.lookup(r.hash, kindOwned, message, message)
	}
}

// ticketOf resolves which ticket a new message is put into.
func (p *planner) ticketOf(ctx context.Context, m *tickets.Message) (*tickets.Ticket, int64, error) {
	t := m.Ticket
	if t == nil && m.TicketID != 0 {
		for _, c := range p.c.Tickets {
			if c.ID == m.TicketID {
				t = c
			}
		}
		if t == nil {
			var err error
			if t, err = p.v.TicketByID(ctx, m.TicketID); err != nil {
				return nil, 0, err
			}
			if t == nil {
				return nil, 0, fmt.Errorf("ticket %d is not there", m.TicketID)
			}
		}
	}
	if t == nil {
		if m.AuthorPerson != nil && m.AuthorPerson.Org != 0 {
			return nil, m.AuthorPerson.Org, nil
		}
		return nil, p.heldOrg(m), nil
	}
	if t.ID == 0 {
		return nil, 0, fmt.Errorf("its new ticket %s is not among the change's tickets", t.Ref)
	}
	if m.TicketID != t.ID {
		p.plan.fill(&m.TicketID)
		m.TicketID = t.ID
	}
	return t, t.Org, nil
}

func (p *planner) heldOrg(m *tickets.Message) int64 {
	for _, h := range p.c.Held {
		if h.Message == m && h.Org != 0 {
			return h.Org
		}
	}
	return tickets.DefaultOrg
}

// body writes the bytes of a message that stayed in memory.
func (p *planner) body(key sealer, content int64, raw []byte) {
	for no := 0; ; no++ {
		n := min(len(raw), chunkSize)
		last := n == len(raw)
		p.add(-1, sqlInsertBody, chunkID(content, no), p.db.sealChunk(key, content, no, last, raw[:n]))
		if last {
			return
		}
		raw = raw[n:]
	}
}

// duplicate adds recipients and a better proof to the message already held.
func (p *planner) duplicate(ctx context.Context) error {
	d := p.c.Duplicate
	if d == nil || len(d.Recipients) == 0 && d.Proof == "" {
		return nil
	}
	r, err := p.v.readMessage(ctx, d.MessageID)
	if err != nil {
		return err
	}
	if r == nil {
		return errMoved
	}
	if r.cek == nil {
		return nil // erased: nothing is added to it
	}
	m := *r.m
	m.EnvelopeTo = slices.Clone(m.EnvelopeTo)
	for _, to := range d.Recipients {
		if !slices.Contains(m.EnvelopeTo, to) {
			m.EnvelopeTo = append(m.EnvelopeTo, to)
		}
	}
	if d.Proof != "" {
		m.Proof = d.Proof
	}
	if m.Proof == r.m.Proof && len(m.EnvelopeTo) == len(r.m.EnvelopeTo) {
		return nil
	}
	p.add(1, sqlUpdateMessage, m.Proof, p.db.sealMeta(newSealer(r.cek), &m), m.ID, r.version)
	return nil
}

// moves puts messages into other tickets and wraps their keys for those
// tickets' requesters.
func (p *planner) moves(ctx context.Context) error {
	for _, mv := range p.c.Moved {
		if mv.To.ID == 0 {
			return fmt.Errorf("message %d is moved to ticket %s, which is not among the change's tickets", mv.MessageID, mv.To.Ref)
		}
		r, err := p.v.readMessage(ctx, mv.MessageID)
		if err != nil {
			return err
		}
		if r == nil {
			return errMoved
		}
		owner, key, err := p.owner(ctx, r.org, mv.To)
		if err != nil {
			return err
		}
		if r.cek == nil {
			continue // erased: it stays where it is
		}
		at := place{column: "messages.wrapped", row: mv.MessageID, sub: owner}
		p.add(1, sqlMoveMessage, mv.To.ID, owner, key.seal(at, r.cek), mv.MessageID, r.version)
		var author int64
		if a := r.m.AuthorPerson; a != nil {
			author = a.ID
		}
		if author != 0 && author != owner {
			if authorKey, err := p.v.keyOf(ctx, r.org, author); err == nil {
				at.sub = author
				p.add(-1, sqlInsertWrap, mv.MessageID, author, authorKey.seal(at, r.cek))
			}
		}
		if owner != r.owner {
			if was := p.v.persons[r.owner]; was != nil && r.owner != author {
				p.add(-1, sqlDropLookup, was.hash, kindOwned, mv.MessageID)
			}
			if owner != author {
				p.owns(owner, mv.MessageID)
			}
		}
		p.add(-1, sqlInsertChange, r.org, mv.To.ID, mv.MessageID)
	}
	return nil
}

// bytesOrNil keeps an absent value NULL.
func bytesOrNil(b []byte) any {
	if b == nil {
		return nil
	}
	return bytes.Clone(b)
}
