package privacydesk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// tagSpecial marks tickets with special categories of data (Article 9 GDPR).
const tagSpecial = "special"

// plan is what an erasure is to do. It follows from the request and the
// configuration alone, so that it is the same whenever it is begun again.
func (d *Desk) plan(r *privacy.Request) privacy.Plan {
	at := r.Record.Decided
	if at.IsZero() {
		at = r.Received
	}
	keep := d.Decide.Rules.Keep
	if keep <= 0 {
		keep = 3 * 365 * 24 * time.Hour
	}
	keep = max(keep, time.Duration(d.BackupDays)*24*time.Hour)
	consents := keep
	if d.ConsentKeep > 0 {
		consents = d.ConsentKeep
	}
	return privacy.Plan{RequestID: r.ID, Org: r.Org, Addresses: r.Addresses(), Duties: d.Decide.Rules.Duties, Now: at, Ends: at.Add(keep), ConsentsUntil: at.Add(consents)}
}

// preview works out what an erasure would do, for the officer or the rules.
func (d *Desk) preview(ctx context.Context, j *tickets.Job) error {
	r, err := d.request(ctx, j)
	if err != nil {
		return err
	}
	if r == nil || r.State != privacy.Verified && r.State != privacy.Review {
		return d.finish(ctx, j)
	}
	kept, stop, err := d.keep(ctx, j)
	if err != nil {
		return err
	}
	defer stop()
	p, err := d.Store.Preview(kept, d.plan(r), d.Masker)
	if err != nil {
		return fmt.Errorf("preview the erasure of request %d: %w", r.ID, err)
	}
	many, special, _, err := d.reach(kept, r)
	if err != nil {
		return err
	}
	stop()
	text := ""
	if d.Words != nil {
		text = d.Words(p, d.Zone)
	}
	return d.apply(ctx, j, func(ctx context.Context, v privacy.View, r *privacy.Request) (*tickets.Change, error) {
		q, dir, ticket, err := d.queueOf(ctx, v, r)
		if err != nil {
			return nil, err
		}
		siblings, err := v.RequestsOfTicket(ctx, r.TicketID)
		if err != nil {
			return nil, err
		}
		return d.Decide.Previewed(privacy.Preliminary{Request: r, Ticket: ticket, Preview: p, Text: text, Special: special, Tickets: many,
			Queue: q, Directory: dir, Siblings: siblings, JobID: j.ID, Now: d.Now()}), nil
	})
}

// reach says how many tickets somebody takes part in, whether one of them has
// special categories of data, and their references. Those of the privacy desk
// itself don't count.
func (d *Desk) reach(ctx context.Context, r *privacy.Request) (n int, special bool, refs []string, err error) {
	h, err := d.Store.Holdings(ctx, r.Org, r.Addresses())
	if err != nil {
		return 0, false, nil, fmt.Errorf("look up what is held: %w", err)
	}
	own := map[int64]bool{r.TicketID: true}
	for _, x := range h.Requests {
		own[x.TicketID] = true
	}
	for part := range slices.Chunk(h.Tickets, 100) {
		err := d.view(ctx, func(v privacy.View) error {
			for _, held := range part {
				if own[held.ID] {
					continue
				}
				t, err := v.TicketByID(ctx, held.ID)
				if err != nil {
					return err
				}
				if t != nil {
					n++
					special = special || slices.Contains(t.Tags, tagSpecial)
					refs = append(refs, t.Ref)
				}
			}
			return nil
		})
		if err != nil {
			return 0, false, nil, err
		}
	}
	return n, special, refs, nil
}

// finish takes a job away that has nothing left to do.
func (d *Desk) finish(ctx context.Context, j *tickets.Job) error {
	_, err := d.Store.Apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
		return &tickets.Change{FinishJob: j.ID}, nil
	})
	return err
}
