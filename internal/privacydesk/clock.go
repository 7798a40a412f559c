package privacydesk

import (
	"context"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// The bounds of the clock's rounds.
const (
	dueBatch   = 64
	tickEvery  = 5 * time.Second
	frozenNow  = 50
	frozenWait = time.Hour
)

// Run keeps the clock of all requests until ctx ends: it looks for requests
// whose time has come, on a wake-up and every few seconds, and now and then for
// what a law obliged to keep and no longer does.
func (d *Desk) Run(ctx context.Context, wake <-chan struct{}) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	var frozen time.Time
	for {
		d.Sweep(ctx)
		if now := d.Now(); now.Sub(frozen) >= frozenWait || now.Before(frozen) {
			frozen = now
			d.sweepFrozen(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-tick.C:
		}
	}
}

// Sweep does for all requests what is due now, and returns.
func (d *Desk) Sweep(ctx context.Context) {
	for {
		now := d.Now()
		ids, err := d.Store.DueRequests(ctx, now, dueBatch)
		if err != nil {
			if ctx.Err() == nil {
				d.Log.Error("look for requests that are due", "err", err)
			}
			return
		}
		moved := 0
		for _, id := range ids {
			on, err := d.tick(ctx, id, now)
			if err != nil {
				if ctx.Err() != nil {
					return
				}
				d.Log.Error("keep the clock of a request", "request", id, "err", err)
			}
			if on {
				moved++
			}
		}
		if len(ids) < dueBatch || moved == 0 {
			return
		}
	}
}

// tick does what time brings to one request. on says that it is not due any
// more.
func (d *Desk) tick(ctx context.Context, id int64, now time.Time) (on bool, err error) {
	made := false
	_, err = d.Store.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		pv, ok := v.(privacy.View)
		if !ok {
			return nil, errNoView
		}
		in, err := d.due(ctx, pv, id, now)
		if err != nil || in == nil {
			return &tickets.Change{}, err
		}
		ch := d.Decide.Tick(*in)
		on = in.Request.NextAt.IsZero() || in.Request.NextAt.After(now)
		made = len(ch.Outbox) > 0 || len(ch.Jobs) > 0
		return ch, nil
	})
	if err == nil && made && d.Made != nil {
		d.Made()
	}
	return on, err
}

// due gathers what the decision depends on; nil where there is no request.
func (d *Desk) due(ctx context.Context, v privacy.View, id int64, now time.Time) (*privacy.Due, error) {
	r, err := v.RequestByID(ctx, id)
	if err != nil || r == nil {
		return nil, err
	}
	in := &privacy.Due{Request: r, Budget: d.Budget, Now: now}
	if in.Queue, in.Directory, in.Ticket, err = d.queueOf(ctx, v, r); err != nil {
		return nil, err
	}
	if r.TicketID != 0 {
		if in.Siblings, err = v.RequestsOfTicket(ctx, r.TicketID); err != nil {
			return nil, err
		}
	}
	if in.Mails, err = v.MailsOfRequest(ctx, r.ID); err != nil {
		return nil, err
	}
	toldNow(r, in.Mails)
	if r.Address == "" {
		return in, nil
	}
	if in.Recent, err = v.ChallengesSince(ctx, r.Org, r.Address, now.Add(-24*time.Hour)); err != nil {
		return nil, err
	}
	in.Consents, err = v.ConsentsOf(ctx, r.Org, r.Address)
	return in, err
}

// sweepFrozen erases what a law obliged to keep until now.
func (d *Desk) sweepFrozen(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := d.Store.EraseFrozen(ctx, d.Now(), frozenNow)
		if err != nil && ctx.Err() == nil {
			d.Log.Error("erase what was kept long enough", "err", err)
		}
		if n > 0 {
			d.Log.Info("erased what was kept under a duty", "messages", n)
		}
		if err != nil || n < frozenNow {
			return
		}
	}
}
