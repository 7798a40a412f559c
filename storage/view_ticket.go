package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"postroom/tickets"
)

const ticketColumns = `id, org, ref, queue_id, state, assignee_id, priority, tags, language, created, updated,
 resolved_at, snooze_until, merged_into, linked_to, last_in, last_out, version, parties, owner, sealed, restricted + frozen`

type ticketRow struct {
	t                                   tickets.Ticket
	tags                                string
	created, updated, resolved, snoozed int64
	owner, hidden                       int64
	parties, sealed                     []byte
}

func (r *ticketRow) dest() []any {
	t := &r.t
	return []any{&t.ID, &t.Org, &t.Ref, &t.QueueID, &t.State, &t.AssigneeID, &t.Priority, &r.tags, &t.Language, &r.created, &r.updated,
		&r.resolved, &r.snoozed, &t.MergedInto, &t.LinkedTo, &t.LastInID, &t.LastOutID, &t.Version, &r.parties, &r.owner, &r.sealed, &r.hidden}
}

func (v *view) TicketByID(ctx context.Context, id int64) (*tickets.Ticket, error) {
	return v.ticket(ctx, "SELECT "+ticketColumns+" FROM tickets WHERE id = ?", id)
}

func (v *view) TicketByRef(ctx context.Context, org int64, ref string) (*tickets.Ticket, error) {
	return v.ticket(ctx, "SELECT "+ticketColumns+" FROM tickets WHERE org = ? AND ref = ?", org, ref)
}

func (v *view) ticket(ctx context.Context, text string, args ...any) (*tickets.Ticket, error) {
	var row ticketRow
	found, err := v.row(ctx, text, args, row.dest()...)
	if err != nil || !found {
		return nil, wrapErr("read a ticket", err)
	}
	if err := v.openTicket(ctx, &row); err != nil {
		return nil, fmt.Errorf("ticket %s: %w", row.t.Ref, err)
	}
	return &row.t, nil
}

// openTicket completes a row with its parties and its subject. What was
// sealed with a destroyed key is empty.
func (v *view) openTicket(ctx context.Context, row *ticketRow) error {
	t := &row.t
	t.Tags = strings.Fields(row.tags)
	t.Restricted = row.hidden != 0
	t.Created, t.Updated = fromMicros(row.created), fromMicros(row.updated)
	t.ResolvedAt, t.SnoozeUntil = fromMicros(row.resolved), fromMicros(row.snoozed)
	if err := v.parties(ctx, t, row.parties); err != nil {
		return err
	}
	key, err := v.keyOf(ctx, t.Org, row.owner)
	if errors.Is(err, errKeyGone) {
		return nil
	}
	if err != nil {
		return err
	}
	plain, err := key.open(place{column: "tickets.sealed", row: t.ID}, row.sealed)
	if err != nil {
		return err
	}
	d := decoder{b: plain}
	t.Subject, t.ThreadIndex = d.str(), d.str()
	return d.err
}

func encodeTicket(t *tickets.Ticket) []byte {
	e := encoder{make([]byte, 0, 8+len(t.Subject)+len(t.ThreadIndex))}
	e.str(t.Subject)
	e.str(t.ThreadIndex)
	return e.b
}

// parties reads who takes part. A person whose row is gone was erased.
func (v *view) parties(ctx context.Context, t *tickets.Ticket, data []byte) error {
	d := decoder{b: data}
	for range d.len() {
		p := tickets.Party{No: int(d.int())}
		id := d.int()
		p.Role = tickets.PartyRole(d.str())
		p.Joined, p.Removed = fromMicros(d.int()), d.int() == 1
		person, err := v.person(ctx, id)
		if err != nil {
			return err
		}
		if person == nil {
			person = &tickets.Person{ID: id, Org: t.Org}
		}
		p.Person = person
		t.Parties = append(t.Parties, p)
		if v.parted == nil {
			v.parted = map[partyKey]bool{}
		}
		v.parted[partyKey{t.ID, id}] = true
	}
	return d.err
}

func encodeParties(list []tickets.Party) []byte {
	e := encoder{make([]byte, 0, 1+32*len(list))}
	e.count(len(list))
	for i := range list {
		p := &list[i]
		e.int(int64(p.No))
		e.int(p.Person.ID)
		e.str(string(p.Role))
		e.int(micros(p.Joined))
		e.int(bit(p.Removed))
	}
	return e.b
}

// TicketsByMessageIDs asks for all ids at once.
func (v *view) TicketsByMessageIDs(ctx context.Context, org int64, ids []string) ([]tickets.IDHit, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	byHash := make(map[string]string, len(ids))
	args := make([]any, 0, len(ids))
	for _, id := range ids {
		h := v.db.hash.messageID(org, id)
		if _, twice := byHash[string(h)]; !twice {
			byHash[string(h)] = id
			args = append(args, h)
		}
	}
	for n := len(args); n&(n-1) != 0; n++ { // a power of two: few texts to prepare
		args = append(args, args[0])
	}
	text := `SELECT l.hash, l.kind, l.no, l.target, COALESCE(m.ticket_id, 0) FROM lookups l LEFT JOIN messages m ON l.kind = 16 AND m.id = l.target
 WHERE l.kind IN (16, 17) AND l.hash IN (` + strings.ReplaceAll(marks(len(args)), "?", "CAST(? AS BLOB)") + `) ORDER BY l.kind, l.no`
	rows, err := v.q.QueryContext(ctx, v.db.d.sql(text), args...)
	if err != nil {
		return nil, wrapErr("find Message-IDs", err)
	}
	defer rows.Close()
	var hits []tickets.IDHit
	seen := map[tickets.IDHit]bool{}
	for rows.Next() {
		var hash []byte
		var kind, no, target, ticket int64
		if err := rows.Scan(&hash, &kind, &no, &target, &ticket); err != nil {
			return nil, err
		}
		hit := tickets.IDHit{MessageID: byHash[string(hash)], TicketID: ticket, ID: target}
		if kind == kindMail {
			hit.TicketID, hit.ID, hit.About = target, 0, no
		}
		if hit.TicketID == 0 || seen[tickets.IDHit{MessageID: hit.MessageID, TicketID: hit.TicketID}] {
			continue // held without a ticket, or the mail of a message that was named
		}
		seen[tickets.IDHit{MessageID: hit.MessageID, TicketID: hit.TicketID}] = true
		hits = append(hits, hit)
	}
	return hits, rows.Err()
}

// TicketsIn asks for each queue and state apart, so that each answer comes off
// the index in order.
func (v *view) TicketsIn(ctx context.Context, queueIDs []int64, states []tickets.State, limit int) ([]*tickets.Ticket, error) {
	if limit <= 0 {
		return nil, nil
	}
	type waiting struct{ id, updated int64 }
	var found []waiting
	for _, q := range queueIDs {
		for _, s := range states {
			rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT id, updated FROM tickets WHERE queue_id = ? AND state = ? AND restricted + frozen = 0 ORDER BY updated LIMIT ?"),
				q, string(s), limit)
			if err != nil {
				return nil, wrapErr("list tickets", err)
			}
			for rows.Next() {
				var w waiting
				if err := rows.Scan(&w.id, &w.updated); err != nil {
					rows.Close()
					return nil, err
				}
				found = append(found, w)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(found, func(a, b waiting) int { return cmp.Or(cmp.Compare(a.updated, b.updated), cmp.Compare(a.id, b.id)) })
	var list []*tickets.Ticket
	for _, w := range found[:min(limit, len(found))] {
		t, err := v.TicketByID(ctx, w.id)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// marks returns n placeholders.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }
