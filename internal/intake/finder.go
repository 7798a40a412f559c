package intake

import (
	"context"

	"postroom/threading"
	"postroom/tickets"
)

// finder shows the view to threading.
type finder struct {
	v   tickets.View
	dir *tickets.Directory
	org int64
	hit map[int64]*tickets.Ticket // what was loaded, for the decision that follows
}

var _ threading.Finder = (*finder)(nil)

func newFinder(v tickets.View, d *tickets.Directory, org int64) *finder {
	return &finder{v: v, dir: d, org: org, hit: make(map[int64]*tickets.Ticket)}
}

func (f *finder) candidate(t *tickets.Ticket, err error) (*threading.Candidate, error) {
	if err != nil || t == nil {
		return nil, err
	}
	f.hit[t.ID] = t
	c := &threading.Candidate{ID: t.ID, Ref: t.Ref, MergedInto: t.MergedInto, Resolved: t.ResolvedAt}
	if q := f.dir.QueueByID(t.QueueID); q != nil {
		c.ReopenDays = q.ReopenDays
	}
	for _, p := range t.Parties {
		if !p.Removed && p.Person != nil {
			c.Parties = append(c.Parties, threading.CandidateParty{No: p.No, Address: p.Person.Address, Word: string(p.Role),
				Third: p.Role == tickets.PartyThird})
		}
	}
	return c, nil
}

func (f *finder) ByRef(ctx context.Context, ref string) (*threading.Candidate, error) {
	return f.candidate(f.v.TicketByRef(ctx, f.org, ref))
}

func (f *finder) ByID(ctx context.Context, id int64) (*threading.Candidate, error) {
	return f.candidate(f.v.TicketByID(ctx, id))
}

func (f *finder) ByMessageIDs(ctx context.Context, ids []string) (map[string][]int64, error) {
	hits, err := f.v.TicketsByMessageIDs(ctx, f.org, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]int64, len(hits))
	for _, h := range hits {
		if h.TicketID != 0 {
			out[h.MessageID] = append(out[h.MessageID], h.TicketID)
		}
	}
	return out, nil
}

func (f *finder) ByThreadIndex(ctx context.Context, conversation string) ([]int64, error) {
	return f.v.TicketsByThreadIndex(ctx, f.org, conversation)
}

// copiedLimit is how many of a ticket's messages are looked at for a Cc.
const copiedLimit = 50

// Copied looks for the address in To and Cc of proved mails by parties.
func (f *finder) Copied(ctx context.Context, ticketID int64, address string) (bool, error) {
	t := f.hit[ticketID]
	msgs, err := f.v.MessagesOf(ctx, ticketID, copiedLimit)
	if err != nil || t == nil {
		return false, err
	}
	for _, m := range msgs {
		if m.Direction != tickets.DirectionIn || m.Proof != "aligned" || m.Unverified || t.PartyByAddress(m.From) == nil {
			continue
		}
		if contains(m.To, address) || contains(m.Cc, address) {
			return true, nil
		}
	}
	return false, nil
}
