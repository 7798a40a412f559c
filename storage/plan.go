package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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

	people map[string]*tickets.Person // new ones by organisation and address
	fresh  map[*tickets.Message]bool  // messages that this change makes
	made   map[int64]bool             // tickets written by this change
}

// prepare makes a plan of a change and fills the ids into it.
func (db *DB) prepare(ctx context.Context, v *view, c *tickets.Change) (*plan, error) {
	p := &planner{db: db, v: v, now: v.now, c: c, plan: &plan{}}
	n := int64(len(c.Tickets) + len(c.Messages) + len(c.Events) + len(c.Outbox) + len(c.Jobs) + len(c.Held))
	if n > 0 {
		p.plan.ops = make([]op, 0, 3*n+8)
		first, err := db.idsFor(ctx).take(ctx, n+4)
		if err != nil {
			return nil, wrapErr("reserve ids", err)
		}
		p.nextID, p.lastID = first, first+n+3
	}
	for _, step := range []func(context.Context) error{
		p.job, p.numbers, p.tickets, p.messages, p.duplicate, p.moves, p.held, p.events, p.outbox, p.jobs, p.bounced, p.trust,
	} {
		if err := step(ctx); err != nil {
			p.plan.undo()
			return nil, err
		}
	}
	return p.plan, nil
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
	sqlInsertLookup = "INSERT INTO lookups (hash, kind, no, target) VALUES (?, ?, ?, ?)"
	sqlAddLookup    = "INSERT INTO lookups (hash, kind, no, target) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
	sqlInsertPerson = "INSERT INTO persons (id, org, key_id, address, language, created, sealed) VALUES (?, ?, ?, ?, ?, ?, ?)"
	sqlUpdatePerson = "UPDATE persons SET language = ?, sealed = ? WHERE id = ?"
	sqlInsertTicket = `INSERT INTO tickets (id, org, ref, queue_id, state, assignee_id, priority, tags, language, created, updated,
 resolved_at, snooze_until, merged_into, linked_to, last_in, last_out, version, owner, sealed)
 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpdateTicket = `UPDATE tickets SET queue_id = ?, state = ?, assignee_id = ?, priority = ?, tags = ?, language = ?, updated = ?,
 resolved_at = ?, snooze_until = ?, merged_into = ?, linked_to = ?, last_in = ?, last_out = ?, version = version + 1, owner = ?, sealed = ?
 WHERE id = ? AND version = ?`
	sqlInsertParty = "INSERT INTO parties (ticket_id, no, person_id, role, joined, removed) VALUES (?, ?, ?, ?, ?, ?)"
	sqlPutParty    = `INSERT INTO parties (ticket_id, no, person_id, role, joined, removed) VALUES (?, ?, ?, ?, ?, ?)
 ON CONFLICT (ticket_id, no) DO UPDATE SET person_id = excluded.person_id, role = excluded.role, removed = excluded.removed
 WHERE parties.person_id <> excluded.person_id OR parties.role <> excluded.role OR parties.removed <> excluded.removed`
	sqlInsertChange = "INSERT INTO changes (org, ticket_id, message_id) VALUES (?, ?, ?)"
	sqlInsertEvent  = "INSERT INTO events (ticket_id, id, at, kind, actor, actor_id, message_id, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
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
		return sealer{}, err
	}
	who.ID = id
	if who.Created.IsZero() {
		who.Created = p.now
	}
	seal := newSealer(key)
	hash := p.db.hash.address(who.Org, who.Address)
	p.add(-1, sqlInsertLookup, hash, kindPerson, int64(0), id)
	p.add(-1, sqlInsertPerson, id, who.Org, id, hash, who.Language, micros(who.Created),
		seal.seal(place{column: "persons.sealed", row: id}, encodePerson(who)))
	if p.people == nil {
		p.people = map[string]*tickets.Person{}
	}
	if p.v.persons == nil {
		p.v.persons = map[int64]*readPerson{}
	}
	p.people[name] = who
	p.v.persons[id] = &readPerson{was: *who, keyID: id, seal: seal, shared: who}
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
	if who.Name != r.was.Name || who.Language != r.was.Language {
		r.was.Name, r.was.Language = who.Name, who.Language
		p.add(1, sqlUpdatePerson, who.Language, r.seal.seal(place{column: "persons.sealed", row: who.ID}, encodePerson(&r.was)), who.ID)
	}
	return r.seal, nil
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
			t.LastInID, t.LastOutID, t.Version, owner, sealed)
		if t.ThreadIndex != "" {
			p.add(-1, sqlAddLookup, p.db.hash.thread(t.Org, t.ThreadIndex), kindThread, t.ID, t.ID)
		}
	} else {
		p.add(1, sqlUpdateTicket, t.QueueID, string(t.State), t.AssigneeID, string(t.Priority), tags, t.Language, micros(t.Updated),
			micros(t.ResolvedAt), micros(t.SnoozeUntil), t.MergedInto, t.LinkedTo, t.LastInID, t.LastOutID, owner, sealed, t.ID, t.Version)
		t.Version++
	}
	for i := range t.Parties {
		if err := p.party(ctx, t, &t.Parties[i], isNew); err != nil {
			return err
		}
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

func (p *planner) party(ctx context.Context, t *tickets.Ticket, party *tickets.Party, isNew bool) error {
	if party.Person == nil {
		return nil
	}
	if r := p.v.persons[party.Person.ID]; r == nil || !r.gone {
		if _, err := p.person(ctx, party.Person); err != nil {
			return err
		}
	}
	if party.Joined.IsZero() {
		party.Joined = p.now
	}
	text := sqlPutParty
	if isNew {
		text = sqlInsertParty
	}
	p.add(-1, text, t.ID, int64(party.No), party.Person.ID, string(party.Role), micros(party.Joined), flag(party.Removed))
	return nil
}
