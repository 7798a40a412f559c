package outbound

import (
	"context"
	"time"

	"postroom/tickets"
)

// Store is what a database offers of the outbox.
type Store interface {
	LeaseOutbox(ctx context.Context, worker string, n int, d time.Duration) ([]tickets.OutLease, error)
	RenewOutbox(ctx context.Context, leases []tickets.OutLease, d time.Duration) (lost []int64, err error)
	FinishOutbox(ctx context.Context, l tickets.OutLease, o tickets.OutOutcome) error
	ReclaimOutbox(ctx context.Context, worker string) error
	View(ctx context.Context, fn func(tickets.View) error) error
}

// FromStore makes an Outbox of a store.
func FromStore(s Store) Outbox { return stored{s} }

type stored struct{ s Store }

var _ Reclaimer = stored{}

// Reclaim implements Reclaimer.
func (o stored) Reclaim(ctx context.Context, worker string) error {
	return o.s.ReclaimOutbox(ctx, worker)
}

func (o stored) Lease(ctx context.Context, worker string, n int, d time.Duration) ([]Row, error) {
	return o.s.LeaseOutbox(ctx, worker, n, d)
}

func (o stored) Renew(ctx context.Context, rows []Row, d time.Duration) ([]int64, error) {
	return o.s.RenewOutbox(ctx, rows, d)
}

func (o stored) Finish(ctx context.Context, row Row, out tickets.OutOutcome) error {
	return o.s.FinishOutbox(ctx, row, out)
}

// earlierRead is how many messages of a ticket are read for what came before.
const earlierRead = 20

// Load reads the row with all that its mail says, on one snapshot.
func (o stored) Load(ctx context.Context, id int64) (job *Job, err error) {
	err = o.s.View(ctx, func(v tickets.View) error {
		job = nil
		out, _, err := v.OutgoingByID(ctx, id)
		if err != nil || out == nil {
			return err
		}
		j := &Job{Out: out}
		if j.Directory, err = v.Directory(ctx); err != nil {
			return err
		}
		if out.Kind == tickets.OutNotification && out.Ticket != nil && out.Message != nil {
			if j.Earlier, err = earlier(ctx, v, out); err != nil {
				return err
			}
		}
		job = j
		return nil
	})
	return job, err
}

// earlier gives the ticket's messages before the one told of.
func earlier(ctx context.Context, v tickets.View, out *tickets.Outgoing) ([]*tickets.Message, error) {
	all, err := v.MessagesOf(ctx, out.Ticket.ID, earlierRead)
	if err != nil {
		return nil, err
	}
	for i, m := range all {
		if m.ID == out.Message.ID || m.Received.After(out.Message.Received) {
			return all[:i], nil
		}
	}
	return all, nil
}
