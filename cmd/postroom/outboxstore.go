package main

import (
	"context"
	"slices"
	"time"

	"postroom/internal/outbound"
	"postroom/tickets"
)

// outboxStore shows the store to the outbox's worker.
type outboxStore struct{ d *desk }

var (
	_ outbound.Outbox    = outboxStore{}
	_ outbound.Reclaimer = outboxStore{}
)

func (o outboxStore) Lease(ctx context.Context, worker string, n, many int, d time.Duration) ([]outbound.Row, error) {
	return o.d.store.LeaseOutbox(ctx, worker, n, many, d)
}

func (o outboxStore) Renew(ctx context.Context, rows []outbound.Row, d time.Duration) ([]int64, error) {
	return o.d.store.RenewOutbox(ctx, rows, d)
}

// Reclaim ends the leases that this node held before it died: the data
// folder's lock says that nobody else has its name.
func (o outboxStore) Reclaim(ctx context.Context, worker string) error {
	return o.d.store.ReclaimOutbox(ctx, worker)
}

// earlierShown is how many messages a notification may show of what came before.
const earlierShown = 20

func (o outboxStore) Load(ctx context.Context, id int64) (*outbound.Job, error) {
	var job *outbound.Job
	unknown := false
	err := o.d.store.View(ctx, func(v tickets.View) error {
		out, _, err := v.OutgoingByID(ctx, id)
		if err != nil || out == nil {
			return err
		}
		dir, err := v.Directory(ctx)
		if err != nil {
			return err
		}
		job = &outbound.Job{Out: out, Directory: dir}
		unknown = out.QueueID != 0 && dir.QueueByID(out.QueueID) == nil
		if out.Kind != tickets.OutNotification || out.Ticket == nil || out.Message == nil {
			return nil
		}
		msgs, err := v.MessagesOf(ctx, out.Ticket.ID, earlierShown)
		if err != nil {
			return err
		}
		// In order of arrival; ids are none, since each node takes them from blocks
		// of its own.
		this := slices.IndexFunc(msgs, func(m *tickets.Message) bool { return m.ID == out.Message.ID })
		job.Earlier = msgs[:max(this, 0)]
		return nil
	})
	if err == nil && unknown { // another node was given the queue just now
		job.Directory, err = o.d.store.FreshDirectory(ctx)
	}
	return job, err
}

func (o outboxStore) Finish(ctx context.Context, r outbound.Row, out tickets.OutOutcome) error {
	err := o.d.store.FinishOutbox(ctx, r, out)
	if err == nil {
		for _, rep := range out.Reports {
			o.d.wake("outbox", rep.ID)
		}
		if r.Kind == tickets.OutPrivacy {
			o.d.wake(clockTopic, r.ID) // its request may go on
		}
	}
	return err
}
