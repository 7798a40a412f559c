package outbound

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"postroom/tickets"
)

// settle keeps what came of it. Once a mail is handed over that must be
// known, or it is sent twice: so it is said again until the lease ends.
func (w *Worker) settle(ctx context.Context, h *held, job *Job, r Result, log *slog.Logger) {
	o := outcome(h.row, job, r, w.schedule, w.now())
	if w.seen != nil {
		w.seen(h.row.ID, o)
	}
	w.finish(ctx, h, o.OutOutcome, log)
	kind := tickets.OutKind("")
	if job != nil {
		kind = job.Out.Kind
	}
	attrs := []any{"kind", kind, "status", o.Result.Status, "phase", r.Phase, "tls", r.TLS != ""}
	switch o.State {
	case tickets.OutSent:
		w.meter.Sent(kind, r.TLS != "")
		log.Info("sent", attrs...)
	case tickets.OutFailed:
		w.meter.Failed(kind)
		log.Warn("not delivered", attrs...)
	default:
		w.meter.Deferred(kind)
		log.Info("put off", append(attrs, "until", o.Next)...)
	}
}

// giveBack ends the lease without a try.
func (w *Worker) giveBack(ctx context.Context, h *held, pause time.Duration, log *slog.Logger) {
	w.finish(ctx, h, tickets.OutOutcome{State: tickets.OutQueued, Next: w.now().Add(pause)}, log)
}

func (w *Worker) finish(ctx context.Context, h *held, o tickets.OutOutcome, log *slog.Logger) {
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		// What happened is kept even when the worker is stopping, only not for long.
		limit := w.cfg.Lease
		if ctx.Err() != nil {
			limit = 5 * time.Second
		}
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		err := w.outbox.Finish(one, h.row, o)
		cancel()
		switch {
		case err == nil:
			return
		case errors.Is(err, tickets.ErrLeaseLost):
			log.Warn("outbox: the row was taken by another worker")
			return
		case !w.ours(h), ctx.Err() != nil:
			log.Error("outbox: could not keep what came of it", "state", o.State, "err", err)
			return
		}
		log.Error("outbox: keep what came of it, trying again", "state", o.State, "err", err)
		t := time.NewTimer(min(pause, 5*time.Second))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}
