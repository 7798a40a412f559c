package storage

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// op is one statement of a plan. want is the number of rows it must touch; a
// different number means that what the decision relied on has moved. any
// number will do when it is -1.
type op struct {
	text string
	args []any
	want int64
	gone bool // a wrong number means that the work was done already
}

// plan is a change made ready: ids chosen, content sealed. What is left for
// the writer is to run the statements in order.
type plan struct {
	ops       []op
	directory bool     // queues or agents change
	mail      bool     // a message arrives
	adopts    []*stage // contents that become messages
	filled    []filled
}

// filled remembers what was written into a change, so that it can be taken
// back: the same message may be in the next decision.
type filled struct {
	field *int64
	was   int64
}

func (pl *plan) fill(field *int64) { pl.filled = append(pl.filled, filled{field, *field}) }

// undo takes back what was filled into a change that was not committed.
func (pl *plan) undo() {
	for _, f := range slices.Backward(pl.filled) {
		*f.field = f.was
	}
	pl.filled = nil
}

// planner turns a change into a plan. It works on the view the decision was
// made on, outside the writer.
type planner struct {
	db     *DB
	v      *view
	now    time.Time
	c      *tickets.Change
	plan   *plan
	nextID int64
	lastID int64

	first   []op // before anything else: what must still be there, and what makes room
	lookups []lookup
	people  map[string]*tickets.Person // new ones by organisation and address
	fresh   map[*tickets.Message]bool  // messages that this change makes
	made    map[int64]bool             // tickets written by this change

	relied   map[int64]bool             // people whose rows must still be there
	requests map[*privacy.Request]int64 // those this change makes, with their keys
}

// prepare makes a plan of a change and fills the ids into it.
func (db *DB) prepare(ctx context.Context, v *view, c *tickets.Change) (*plan, error) {
	p := &planner{db: db, v: v, now: v.now, c: c, plan: &plan{}}
	n := int64(len(c.Tickets) + len(c.Messages) + len(c.Events) + len(c.Outbox) + len(c.Jobs) + len(c.Held) + len(c.Also))
	if n > 0 {
		p.plan.ops = make([]op, 0, n+8)
		first, err := db.idsFor(ctx).take(ctx, n+4)
		if err != nil {
			return nil, wrapErr("reserve ids", err)
		}
		p.nextID, p.lastID = first, first+n+3
	}
	for _, step := range []func(context.Context) error{
		p.job, p.release, p.numbers, p.tickets, p.messages, p.duplicate, p.moves, p.held, p.events, p.also, p.outbox, p.jobs, p.bounced, p.trust,
	} {
		if err := step(ctx); err != nil {
			p.plan.undo()
			return nil, err
		}
	}
	p.writeLookups()
	return p.plan, nil
}

// lookup is a row of that table.
type lookup struct {
	hash             []byte
	kind, no, target int64
}

func (p *planner) lookup(hash []byte, kind, no, target int64) {
	for _, l := range p.lookups {
		if l.kind == kind && l.no == no && bytes.Equal(l.hash, hash) {
			return
		}
	}
	p.lookups = append(p.lookups, lookup{hash, kind, no, target})
}

// writeLookups puts the look-ups before everything else: a hash that was taken
// meanwhile then costs nothing more. Rows go several to a statement.
func (p *planner) writeLookups() {
	ops := p.first
	for list := p.lookups; len(list) > 0; {
		n := 8
		for n > len(list) {
			n /= 2
		}
		args := make([]any, 0, 4*n)
		for _, l := range list[:n] {
			args = append(args, l.hash, l.kind, l.no, l.target)
		}
		ops = append(ops, op{text: sqlInsertLookups[n], args: args, want: -1})
		list = list[n:]
	}
	p.plan.ops = append(ops, p.plan.ops...)
}

// sqlInsertLookups by number of rows. OR FAIL spares SQLite a copy of each page
// from which to take back the rows before the one that fails: the change is
// rolled back anyway.
var sqlInsertLookups = map[int]string{
	1: "INSERT INTO lookups (hash, kind, no, target) VALUES (?, ?, ?, ?)",
	2: "INSERT OR FAIL INTO lookups (hash, kind, no, target) VALUES (?, ?, ?, ?), (?, ?, ?, ?)",
	4: "INSERT OR FAIL INTO lookups (hash, kind, no, target) VALUES (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?)",
	8: "INSERT OR FAIL INTO lookups (hash, kind, no, target) VALUES (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?), (?, ?, ?, ?)",
}

func (p *planner) add(want int64, text string, args ...any) {
	p.plan.ops = append(p.plan.ops, op{text: text, args: args, want: want})
}

func (p *planner) id(ctx context.Context) (int64, error) {
	if p.nextID == 0 || p.nextID > p.lastID {
		first, err := p.db.idsFor(ctx).take(ctx, 16)
		if err != nil {
			return 0, wrapErr("reserve ids", err)
		}
		p.nextID, p.lastID = first, first+15
	}
	p.nextID++
	return p.nextID - 1, nil
}

// SQL of the writing side. Each runs as a prepared statement.
const (
	sqlInsertPerson = "INSERT INTO persons (id, org, key_id, address, language, created, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)"
	sqlUpdatePerson = "UPDATE persons SET language = ?, sealed = ? WHERE id = ?"
	sqlInsertTicket = `INSERT INTO tickets (id, org, ref, queue_id, state, assignee_id, priority, tags, language, created, updated,
 resolved_at, snooze_until, merged_into, linked_to, last_in, last_out, version, parties, owner, sealed)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpdateTicket = `UPDATE tickets SET queue_id = ?, state = ?, assignee_id = ?, priority = ?, tags = ?, language = ?, updated = ?,
 resolved_at = ?, snooze_until = ?, merged_into = ?, linked_to = ?, last_in = ?, last_out = ?, version = version + 1, parties = ?, owner = ?, sealed = ?
 WHERE id = ? AND version = ?`
	sqlInsertChange = "INSERT INTO changes (org, ticket_id, message_id) VALUES (?, ?, ?)"
	sqlInsertEvent  = "INSERT INTO events (ticket_id, id, at, kind, actor, actor_id, message_id, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
	sqlInsertEvents = "INSERT OR FAIL INTO events (ticket_id, id, at, kind, actor, actor_id, message_id, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?)"
)

// person makes sure that somebody has a row, and returns the sealer of the
// person's key.
func (p *planner) person(ctx context.Context, who *tickets.Person) (sealer, error) {
	if who.ID != 0 {
		return p.knownPerson(ctx, who)
	}
	if who.Org == 0 {
		who.Org = tickets.DefaultOrg
	}
	name := fmt.Sprint(who.Org, " ", tickets.FoldAddress(who.Address))
	p.plan.fill(&who.ID)
	if same := p.people[name]; same != nil {
		who.ID, who.Created = same.ID, same.Created
		return p.v.persons[who.ID].seal, nil
	}
	id, key, err := p.db.keys.take(ctx)
	if err != nil {
		if diskBroken(err) {
			p.db.poison(err) // keys are written as the content is
		}
		return sealer{}, err
	}
	who.ID = id
	if who.Created.IsZero() {
		who.Created = p.now
	}
	seal := newSealer(key)
	hash := p.v.addressHash(who.Org, who.Address)
	p.lookup(hash, kindPerson, 0, id)
	p.add(-1, sqlInsertPerson, id, who.Org, id, hash, who.Language, micros(who.Created),
		seal.seal(place{column: "persons.sealed", row: id}, encodePerson(who)))
	if p.people == nil {
		p.people = map[string]*tickets.Person{}
	}
	if p.v.persons == nil {
		p.v.persons = map[int64]*readPerson{}
	}
	p.people[name] = who
	p.reliesOn(id)
	p.v.persons[id] = &readPerson{was: *who, keyID: id, hash: hash, seal: seal, shared: who}
	return seal, nil
}

// knownPerson writes what the decision changed of somebody who has a row.
func (p *planner) knownPerson(ctx context.Context, who *tickets.Person) (sealer, error) {
	r, err := p.v.readPerson(ctx, who.ID)
	if err != nil {
		return sealer{}, err
	}
	if r == nil || r.gone {
		return sealer{}, fmt.Errorf("person %d: %w", who.ID, errKeyGone)
	}
	p.rely(r)
	if who.Name != r.was.Name || who.Language != r.was.Language {
		r.was.Name, r.was.Language = who.Name, who.Language
		p.add(1, sqlUpdatePerson, who.Language, r.seal.seal(place{column: "persons.sealed", row: who.ID}, encodePerson(&r.was)), who.ID)
	}
	return r.seal, nil
}

// rely has the change decided again when the person was erased, or moved to
// another address, meanwhile: nothing is ever sealed under a key that goes,
// however long another node remembers it.
func (p *planner) rely(r *readPerson) {
	if p.reliesOn(r.was.ID) {
		p.first = append(p.first, p.db.d.stillThere(r.was.ID, r.hash))
	}
}

// reliesOn notes somebody; it reports whether that was new.
func (p *planner) reliesOn(person int64) bool {
	if p.relied[person] {
		return false
	}
	if p.relied == nil {
		p.relied = map[int64]bool{}
	}
	p.relied[person] = true
	return true
}

// stillThere is a statement that fails unless the person is there. SQLite's
// writer sees what is there and writes nothing; PostgreSQL locks the row, so
// that an erasure waits for the commit.
func (d dialect) stillThere(person int64, address []byte) op {
	if d.postgres {
		return op{text: "SELECT 1 FROM persons WHERE id = ? AND address = ? FOR KEY SHARE", args: []any{person, address}, want: 1}
	}
	return op{text: "INSERT INTO stages (content, created, touched) SELECT 0, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM persons WHERE id = ? AND address = ?)",
		args: []any{person, address}, want: 0}
}

// owner returns whose key seals what belongs to a ticket: the requester's, or
// the organisation's (0) when there is none or the key was destroyed.
func (p *planner) owner(ctx context.Context, org int64, t *tickets.Ticket) (int64, sealer, error) {
	var who *tickets.Person
	if t != nil {
		who = t.Requester()
		org = t.Org
	}
	if who == nil {
		key, err := p.db.orgs.get(ctx, p.v, org)
		return 0, key, err
	}
	if who.ID != 0 {
		r, err := p.v.readPerson(ctx, who.ID)
		if err != nil {
			return 0, sealer{}, err
		}
		if r != nil && r.gone {
			key, err := p.db.orgs.get(ctx, p.v, org)
			return 0, key, err
		}
	}
	key, err := p.person(ctx, who)
	return who.ID, key, err
}

func (p *planner) tickets(ctx context.Context) error {
	for _, t := range p.c.Tickets {
		if err := p.ticket(ctx, t); err != nil {
			return fmt.Errorf("ticket %s: %w", t.Ref, err)
		}
	}
	return nil
}

// ticket writes a new ticket or what became of a known one.
func (p *planner) ticket(ctx context.Context, t *tickets.Ticket) error {
	if p.made[t.ID] {
		return nil
	}
	isNew := t.ID == 0
	if isNew {
		if t.Org == 0 {
			t.Org = tickets.DefaultOrg
		}
		id, err := p.id(ctx)
		if err != nil {
			return err
		}
		p.plan.fill(&t.ID)
		t.ID = id
	}
	if p.made == nil {
		p.made = map[int64]bool{}
	}
	p.made[t.ID] = true
	owner, key, err := p.owner(ctx, t.Org, t)
	if err != nil {
		return err
	}
	sealed := key.seal(place{column: "tickets.sealed", row: t.ID}, encodeTicket(t))
	if !slices.IsSorted(t.Tags) {
		slices.Sort(t.Tags)
	}
	tags := strings.Join(t.Tags, " ")
	p.plan.fill(&t.LastInID)
	p.plan.fill(&t.LastOutID)
	p.plan.fill(&t.Version)
	p.newest(t)
	if !isNew && len(t.Parties) > 0 && !p.v.parted[partyKey{t.ID, t.Parties[0].Person.ID}] {
		if _, err := p.v.TicketByID(ctx, t.ID); err != nil { // read elsewhere: who took part must be known
			return err
		}
	}
	parties, err := p.parties(ctx, t)
	if err != nil {
		return err
	}
	if isNew {
		t.Version = 1
		if t.Created.IsZero() {
			t.Created = p.now
		}
		if t.Updated.IsZero() {
			t.Updated = t.Created
		}
		p.add(-1, sqlInsertTicket, t.ID, t.Org, t.Ref, t.QueueID, string(t.State), t.AssigneeID, string(t.Priority), tags, t.Language,
			micros(t.Created), micros(t.Updated), micros(t.ResolvedAt), micros(t.SnoozeUntil), t.MergedInto, t.LinkedTo,
			t.LastInID, t.LastOutID, t.Version, parties, owner, sealed)
		if t.ThreadIndex != "" {
			p.lookup(p.db.hash.thread(t.Org, t.ThreadIndex), kindThread, t.ID, t.ID)
		}
	} else {
		p.add(1, sqlUpdateTicket, t.QueueID, string(t.State), t.AssigneeID, string(t.Priority), tags, t.Language, micros(t.Updated),
			micros(t.ResolvedAt), micros(t.SnoozeUntil), t.MergedInto, t.LinkedTo, t.LastInID, t.LastOutID, parties, owner, sealed, t.ID, t.Version)
		t.Version++
	}
	return nil
}

// newest notes the messages of this change that are the ticket's newest of a
// customer and of an agent.
func (p *planner) newest(t *tickets.Ticket) {
	for _, m := range p.c.Messages {
		if !p.fresh[m] || m.Ticket != t && (m.Ticket != nil || m.TicketID != t.ID) || m.Kind == "bounce" {
			continue
		}
		switch m.Direction {
		case tickets.DirectionIn:
			t.LastInID = max(t.LastInID, m.ID)
		case tickets.DirectionOut:
			t.LastOutID = max(t.LastOutID, m.ID)
		}
	}
}

// parties gives everybody who takes part a row, and the way from there to the
// ticket.
func (p *planner) parties(ctx context.Context, t *tickets.Ticket) ([]byte, error) {
	t.Parties = slices.DeleteFunc(t.Parties, func(party tickets.Party) bool { return party.Person == nil })
	for i := range t.Parties {
		party := &t.Parties[i]
		if party.Removed && party.Person.Address == "" { // erased; the number is not given again
			continue
		}
		known := p.v.parted[partyKey{t.ID, party.Person.ID}]
		if r := p.v.persons[party.Person.ID]; r == nil || !r.gone {
			if _, err := p.person(ctx, party.Person); err != nil {
				return nil, err
			}
		}
		if party.Joined.IsZero() {
			party.Joined = p.now
		}
		if r := p.v.persons[party.Person.ID]; !known && r != nil && !r.gone {
			p.lookup(r.hash, kindParty, t.ID, int64(party.No))
		}
	}
	return encodeParties(t.Parties), nil
}
