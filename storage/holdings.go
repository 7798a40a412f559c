package storage

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"postroom/privacy"
	"postroom/tickets"
)

// Holdings implements [privacy.Reader]. Memory grows with the number of
// messages by a few words each; their content is opened one after the other.
func (db *DB) Holdings(ctx context.Context, org int64, addresses []string) (*privacy.Holdings, error) {
	h := &privacy.Holdings{}
	var found []heldRowMessage
	seen := map[int64]bool{}
	for _, a := range addresses {
		list, err := db.holdingsOf(ctx, org, a, h)
		if err != nil {
			return nil, wrapErr("look up what is held", err)
		}
		for _, m := range list {
			if !seen[m.ID] {
				seen[m.ID] = true
				found = append(found, m)
			}
		}
	}
	slices.SortFunc(found, func(a, b heldRowMessage) int {
		return cmp.Or(cmp.Compare(a.received, b.received), cmp.Compare(a.ID, b.ID))
	})
	for _, m := range found {
		h.Messages = append(h.Messages, m.HeldMessage)
	}
	slices.SortFunc(h.Tickets, func(a, b privacy.HeldTicket) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(h.Mails, func(a, b privacy.HeldMail) int { return cmp.Compare(a.ID, b.ID) })
	h.Mails = slices.CompactFunc(h.Mails, func(a, b privacy.HeldMail) bool { return a.ID == b.ID })
	slices.SortFunc(h.Requests, func(a, b *privacy.Request) int { return cmp.Compare(a.ID, b.ID) })
	h.Requests = slices.CompactFunc(h.Requests, func(a, b *privacy.Request) bool { return a.ID == b.ID })
	return h, nil
}

type heldRowMessage struct {
	privacy.HeldMessage
	received int64
	author   int64
	own      bool
}

// holdingsOf adds what is held about one address and returns the messages.
func (db *DB) holdingsOf(ctx context.Context, org int64, address string, h *privacy.Holdings) (list []heldRowMessage, err error) {
	hash := db.hash.address(org, address)
	var who *tickets.Person
	delivered := map[int64]bool{}
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		if who, err = v.PersonByAddress(ctx, org, address); err != nil {
			return err
		}
		if who != nil {
			h.People = append(h.People, who)
			if list, err = v.heldMessages(ctx, hash, who.ID, h); err != nil {
				return err
			}
		}
		mails, err := v.heldMails(ctx, "WHERE id IN (SELECT target FROM lookups WHERE hash = ? AND kind IN (12, 15))", hash)
		if err != nil {
			return err
		}
		for _, m := range mails {
			if m.Kind == tickets.OutAnswer {
				delivered[m.MessageID] = true
			}
		}
		requests, err := v.RequestsOf(ctx, org, address, false)
		if err != nil {
			return err
		}
		for _, r := range requests {
			more, err := v.MailsOfRequest(ctx, r.ID)
			if err != nil {
				return err
			}
			mails = append(mails, more...)
		}
		consents, err := v.ConsentsOf(ctx, org, address)
		h.Mails, h.Requests, h.Consents = append(h.Mails, mails...), append(h.Requests, requests...), append(h.Consents, consents...)
		return err
	})
	if err != nil || who == nil {
		return nil, err
	}
	return list, db.relations(ctx, who, list, delivered)
}

// heldMessages reads the tickets somebody takes part in and the messages that
// are in them or that the person wrote elsewhere.
func (v *view) heldMessages(ctx context.Context, hash []byte, person int64, h *privacy.Holdings) (list []heldRowMessage, err error) {
	seen := map[int64]bool{}
	var foreign map[int64]bool
	read := func(own, frozen bool, text string, args ...any) error {
		rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT m.id, COALESCE(m.ticket_id, 0), m.received, m.author_person, m.restricted + m.frozen FROM "+text), args...)
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			var m heldRowMessage
			var hidden int64
			if err := rows.Scan(&m.ID, &m.TicketID, &m.received, &m.author, &hidden); err != nil {
				return err
			}
			m.Frozen, m.own = hidden != 0, own && !foreign[m.ID]
			if !seen[m.ID] && (!frozen || m.author == person) {
				seen[m.ID] = true
				list = append(list, m)
			}
			return nil
		})
	}
	ids, err := v.ids(ctx, "SELECT no FROM lookups WHERE hash = ? AND kind = 13 ORDER BY no", hash)
	if err != nil {
		return nil, err
	}
	dir, err := v.Directory(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		t, err := v.TicketByID(ctx, id)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		held := privacy.HeldTicket{ID: t.ID, Ref: t.Ref, Frozen: t.Restricted}
		if q := dir.QueueByID(t.QueueID); q != nil {
			held.Queue = q.Name
		}
		for i := range t.Parties {
			if p := &t.Parties[i]; p.Person.ID == person {
				held.PartyNo, held.Requester = p.No, held.Requester || p.Role == tickets.PartyRequester
			}
		}
		// What is kept of somebody who was erased shows others only their own words.
		var kept int64
		if _, err := v.row(ctx, "SELECT frozen FROM tickets WHERE id = ?", []any{id}, &kept); err != nil {
			return nil, err
		}
		h.Tickets = append(h.Tickets, held)
		if foreign, err = v.mergedIn(ctx, id, person); err != nil {
			return nil, err
		}
		if err := read(held.Requester, kept != 0, "messages m WHERE m.ticket_id = CAST(? AS INTEGER)", id); err != nil {
			return nil, err
		}
	}
	return list, read(false, false, "lookups l JOIN messages m ON m.id = l.no WHERE l.hash = ? AND l.kind = 14 AND m.author_person = CAST(? AS INTEGER)", hash, person)
}

// mergedIn are the messages of a ticket that were about somebody else's matter
// until that was merged into it: answers and notes as well. They are not the
// person's because the ticket is.
func (v *view) mergedIn(ctx context.Context, ticket, person int64) (map[int64]bool, error) {
	ids, err := v.ids(ctx, `WITH RECURSIVE merged (id) AS (SELECT id FROM tickets WHERE merged_into = ? AND merged_into > 0
 UNION SELECT t.id FROM tickets t JOIN merged ON t.merged_into = merged.id WHERE t.merged_into > 0)
 SELECT e.message_id FROM merged JOIN tickets t ON t.id = merged.id JOIN events e ON e.ticket_id = t.id WHERE t.owner <> CAST(? AS INTEGER) AND e.message_id > 0`, ticket, person)
	out := map[int64]bool{}
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

// relations finds out what each message is to the person, some at a time.
func (db *DB) relations(ctx context.Context, who *tickets.Person, list []heldRowMessage, delivered map[int64]bool) error {
	address := strings.ToLower(who.Address)
	for part := range slices.Chunk(list, page) {
		err := db.readers.snapshot(ctx, func(q querier) error {
			v := db.newView(q)
			for i := range part {
				m := &part[i]
				switch {
				case m.author == who.ID:
					m.Relation = privacy.Wrote
					continue
				case delivered[m.ID]:
					m.Relation = privacy.Addressed
					continue
				}
				r, err := v.readMessage(ctx, m.ID)
				if err != nil {
					return err
				}
				m.Relation = privacy.Beside
				if m.own && m.author == 0 { // what somebody else wrote is theirs, in whosever ticket
					m.Relation = privacy.Internal
				}
				if r == nil || r.m.Direction == tickets.DirectionNote {
					continue
				}
				for _, to := range slices.Concat(r.m.To, r.m.Cc) {
					if names(to, address) {
						m.Relation = privacy.Addressed
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// names reports whether a recipient, with or without a name, is the address.
func names(recipient, address string) bool {
	s := strings.ToLower(recipient)
	if i := strings.LastIndexByte(s, '<'); i >= 0 {
		s = strings.TrimSuffix(s[i+1:], ">")
	}
	return strings.TrimSpace(s) == address
}
