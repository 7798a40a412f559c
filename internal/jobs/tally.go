package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"postroom/internal/intake"
	"postroom/tickets"
)

// Tally counts what mails came to, by day, until it is put into the ledger. A
// process that is killed loses what it counted since the last sweep; no mail
// depends on it.
type Tally struct {
	mu     sync.Mutex
	counts map[string]int64
}

var _ intake.Counter = (*Tally)(nil)

// Count adds one of a kind to the day of at (UTC).
func (t *Tally) Count(at time.Time, kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[string]int64)
	}
	t.counts[dayName(at)+kind]++
}

func dayName(at time.Time) string { return "day:" + at.UTC().Format(time.DateOnly) + ":" }

// take empties the tally.
func (t *Tally) take() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := t.counts
	t.counts = nil
	return counts
}

func (t *Tally) giveBack(counts map[string]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[string]int64)
	}
	for name, n := range counts {
		t.counts[name] += n
	}
}

// Flush puts what was counted into the ledger. A process without a worker
// calls it now and then, and each at its end.
func (t *Tally) Flush(ctx context.Context, l Ledger) error {
	counts := t.take()
	if len(counts) == 0 {
		return nil
	}
	if err := l.AddCounts(ctx, counts); err != nil {
		t.giveBack(counts)
		return fmt.Errorf("keep the daily count: %w", err)
	}
	return nil
}

// Ledger keeps counts for all nodes.
type Ledger interface {
	// AddCounts adds to named counts.
	AddCounts(ctx context.Context, counts map[string]int64) error
	// Counts returns the counts whose names begin with prefix.
	Counts(ctx context.Context, prefix string) (map[string]int64, error)
	// ApplyOnce applies a change under a name that is used once in the life of
	// the installation; a second time it returns tickets.ErrGone.
	ApplyOnce(ctx context.Context, name string, decide tickets.Decide) (*tickets.Change, error)
}

// reportHour is when the count of the day before goes out (UTC): early enough
// to be there in the morning, late enough for every node to have counted.
const reportHour = 4

// keepCount puts the counts away, and mails yesterday's to the administrators.
func (w *Worker) keepCount(ctx context.Context) {
	if w.Ledger == nil || ctx.Err() != nil {
		return
	}
	if w.Tally != nil {
		if err := w.Tally.Flush(ctx, w.Ledger); err != nil && ctx.Err() == nil {
			w.Log.Error("daily count", "err", err)
		}
	}
	now := w.Now().UTC()
	day := now.AddDate(0, 0, -1)
	if now.Hour() < reportHour || day.Format(time.DateOnly) <= w.reported {
		return
	}
	if err := w.report(ctx, day); err != nil && !errors.Is(err, tickets.ErrGone) {
		if ctx.Err() == nil {
			w.Log.Error("daily report", "err", err)
		}
		return
	}
	w.reported = day.Format(time.DateOnly)
}

// report mails the count of a day to every admin, once for all nodes. Where
// there is no admin, or nothing came and nothing is parked, there is no report.
func (w *Worker) report(ctx context.Context, day time.Time) error {
	counts, err := w.Ledger.Counts(ctx, dayName(day))
	if err != nil {
		return err
	}
	parked, err := w.Store.ParkedJobs(ctx)
	if err != nil || len(counts) == 0 && parked == 0 {
		return err
	}
	text := reportText(day, counts, parked)
	ch, err := w.Ledger.ApplyOnce(ctx, "report:"+day.Format(time.DateOnly), func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		d, err := v.Directory(ctx)
		if err != nil || len(d.Queues) == 0 {
			return &tickets.Change{}, err
		}
		q, ch := d.Queues[0], &tickets.Change{}
		for _, a := range d.Agents {
			if !a.Active || a.Role != tickets.RoleAdmin {
				continue
			}
			ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Org: q.Org, Kind: tickets.OutReport, MessageID: tickets.NewMessageID(q.ReplyDomain),
				To: a.Address, ToAgent: a.ID, QueueID: q.ID, NotBefore: w.Now(), Spec: tickets.OutSpec{Template: "daily", Language: "en",
					Subject: "Mail on " + day.Format("2 January 2006"), Text: text, ReplyTo: w.Addr.Command(q, a.ID)}})
		}
		return ch, nil
	})
	if err == nil && len(ch.Outbox) > 0 {
		w.Made()
	}
	return err
}

// reportText is the count in words: every mail that came stands in one line.
func reportText(day time.Time, counts map[string]int64, parked int64) string {
	prefix := dayName(day)
	var b strings.Builder
	total := int64(0)
	for _, line := range []struct{ kind, words string }{
		{intake.CountTicket, "new tickets"},
		{intake.CountJoined, "into tickets that were there"},
		{intake.CountHeld, "held until somebody confirms them"},
		{intake.CountOther, "agents' commands, confirmations and reports"},
		{intake.CountAgain, "copies of mails that were here already"},
		{intake.CountRefused, "refused; their senders were told by their own servers"},
	} {
		n := counts[prefix+line.kind]
		total += n
		fmt.Fprintf(&b, "%8d  %s\n", n, line.words)
	}
	after := ""
	if parked > 0 {
		after = fmt.Sprintf("\nJobs that failed for a day and wait for you: %d. See \"postroom outbox jobs\" and the log.\n", parked)
	}
	return fmt.Sprintf("%d mails came in on %s (UTC):\n\n%s\nHeld mail waits for \"postroom held list\".\n%s", total, day.Format("Monday, 2 January 2006"), b.String(), after)
}
