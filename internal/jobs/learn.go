package jobs

import (
	"context"
	"errors"
	"io"
	"time"

	"postroom/tickets"
)

// Learner is a filter that learns from what agents mark.
type Learner interface {
	Learn(ctx context.Context, spam bool, mail io.Reader) error
}

// Bodies gives the bytes of stored messages.
type Bodies interface {
	WriteRaw(ctx context.Context, messageID int64, w io.Writer) error
}

// For how long after the mark, and how often, a filter that is away is tried
// again; what it did not learn by then it never does.
const (
	learnWithin = 24 * time.Hour
	learnAgain  = 10 * time.Minute
)

// learn shows the filter a message as spam or as none. A message that is gone
// meanwhile, erased with its person, teaches nothing.
func (w *Worker) learn(ctx context.Context, j *tickets.Job) error {
	if w.Learner == nil || j.Message == nil || (j.Data["as"] != "spam" && j.Data["as"] != "ham") {
		return w.finish(ctx, j)
	}
	var there bool
	err := w.Store.View(ctx, func(v tickets.View) error {
		m, err := v.MessageByID(ctx, j.Message.ID)
		there = m != nil
		return err
	})
	if err != nil {
		return err
	}
	if !there {
		return w.finish(ctx, j)
	}
	pr, pw := io.Pipe()
	go func() { pw.CloseWithError(w.Bodies.WriteRaw(ctx, j.Message.ID, pw)) }()
	err = w.Learner.Learn(ctx, j.Data["as"] == "spam", pr)
	pr.CloseWithError(errors.New("stopped"))
	switch {
	case err == nil:
	case w.Now().Sub(markedAt(j)) < learnWithin:
		w.Log.Debug("the filter does not learn now", "job", j.ID, "err", err)
		return w.Store.RetryJob(ctx, j.ID, w.Now().Add(learnAgain))
	default:
		w.Log.Warn("the filter did not learn", "job", j.ID, "err", err)
	}
	return w.finish(ctx, j)
}

// markedAt is when the agent marked, as the mark wrote it down: the row's own
// time moves with every try.
func markedAt(j *tickets.Job) time.Time {
	at, err := time.Parse(time.RFC3339, j.Data["at"])
	if err != nil {
		return time.Time{}
	}
	return at
}
