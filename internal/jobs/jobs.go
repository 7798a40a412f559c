// Package jobs carries out the many-fold and slow work that follows from a
// change: a notification for each agent of a queue, a held mail that goes its
// way after its confirmation, tickets whose snooze ended.
//
// A job is a row, written in the transaction that caused it, and leased before
// it is carried out. What it does is one change that takes the row away in the
// same transaction, so that a job run twice does nothing the second time. A
// wake-up only saves the wait for the next sweep.
package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"postroom/tickets"
)

// Store leases jobs and commits what they do.
type Store interface {
	tickets.Store
	// LeaseJobs takes up to n due jobs for the worker, for the time given.
	LeaseJobs(ctx context.Context, worker string, n int, lease time.Duration) ([]*tickets.Job, error)
	// RetryJob puts a job off that did not fail, only waits for something.
	RetryJob(ctx context.Context, id int64, at time.Time) error
	// FailJob notes a failed try and puts the job off; a zero time parks it.
	FailJob(ctx context.Context, id int64, again time.Time) error
	// ReclaimJobs ends the leases of an earlier process of the worker's name.
	ReclaimJobs(ctx context.Context, worker string) error
	// ParkedJobs counts the jobs that are parked.
	ParkedJobs(ctx context.Context) (int64, error)
	// DueSnoozes returns ids of tickets whose snooze has ended.
	DueSnoozes(ctx context.Context, now time.Time, limit int) ([]int64, error)
}

// Releaser acts on a held mail that was confirmed.
type Releaser interface {
	Release(ctx context.Context, heldID, jobID int64) error
}

// Gate holds jobs back while mail at the doors needs the machine more. Pass
// returns when one may begin; its error is ctx's.
type Gate interface {
	Pass(ctx context.Context) error
}

// Worker carries out jobs until its context ends.
type Worker struct {
	Store    Store
	Releaser Releaser
	Learner  Learner // nil: nobody wants to learn
	Bodies   Bodies
	Limit    Limiter // nil: no budget of notifications
	Tally    *Tally  // nil: nobody counts
	Ledger   Ledger  // nil: no daily count is kept
	Addr     tickets.Addresses
	Name     string // of this worker, unique among the nodes
	Log      *slog.Logger
	Now      func() time.Time
	Wake     <-chan struct{} // a job may be waiting
	Made     func()          // told that outgoing mail was written; many goroutines call it
	Gate     Gate            // nil: nothing is held back

	// Request says which rights of a data subject the words of a mail seem to
	// exercise, the likeliest first; nil: nobody looks.
	Request func(subject, text string) (rights []string, sure bool)

	// Others carries out the kinds of jobs that belong to other rooms. A handler
	// takes its row away itself, in the change it makes.
	Others map[string]func(ctx context.Context, j *tickets.Job) error

	Sweep time.Duration // how often to look without a wake-up; 0 means 5 s

	reported string        // the newest day that was reported, by this process or another
	again    chan struct{} // a short pause is over
}

// The bounds of a round.
const (
	batch     = 64
	leaseTime = time.Minute
	together  = 16 // jobs at once: their changes share commits
)

// Run works until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	sweep := w.Sweep
	if sweep == 0 {
		sweep = 5 * time.Second
	}
	w.again = make(chan struct{}, 1)
	if err := w.Store.ReclaimJobs(ctx, w.Name); err != nil && ctx.Err() == nil {
		w.Log.Error("take back an earlier process's jobs", "err", err)
	}
	tick := time.NewTicker(sweep)
	defer tick.Stop()
	for {
		w.Work(ctx)
		select {
		case <-ctx.Done():
			return
		case <-w.Wake:
		case <-w.again:
		case <-tick.C:
		}
	}
}

// Work carries out all that is due now and returns.
func (w *Worker) Work(ctx context.Context) {
	for w.round(ctx) {
	}
	w.unsnooze(ctx)
	w.keepCount(ctx)
}

// round carries out what is due and reports whether there may be more.
func (w *Worker) round(ctx context.Context) bool {
	jobs, err := w.Store.LeaseJobs(ctx, w.Name, batch, leaseTime)
	if err != nil {
		if ctx.Err() == nil {
			w.Log.Error("lease jobs", "err", err)
		}
		return false
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, together)
	for _, list := range byTicket(jobs) {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			for _, j := range list {
				if w.pass(ctx) != nil {
					return // its lease runs out, and another takes it
				}
				w.carryOut(ctx, j)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return false
	}
	return len(jobs) == batch
}

// pass waits at the gate, if there is one.
func (w *Worker) pass(ctx context.Context) error {
	if w.Gate == nil {
		return ctx.Err()
	}
	return w.Gate.Pass(ctx)
}

// byTicket parts jobs into lists to be carried out side by side; those of one
// ticket stay in their order.
func byTicket(jobs []*tickets.Job) [][]*tickets.Job {
	at := make(map[int64]int, len(jobs))
	var lists [][]*tickets.Job
	for _, j := range jobs {
		if j.Ticket == nil {
			lists = append(lists, []*tickets.Job{j})
			continue
		}
		i, seen := at[j.Ticket.ID]
		if !seen {
			i = len(lists)
			at[j.Ticket.ID] = i
			lists = append(lists, nil)
		}
		lists[i] = append(lists[i], j)
	}
	return lists
}

// carryOut does one job and puts it off when that fails.
func (w *Worker) carryOut(ctx context.Context, j *tickets.Job) {
	err := w.protect(ctx, j)
	if err == nil || errors.Is(err, tickets.ErrGone) || ctx.Err() != nil {
		return
	}
	w.putOff(ctx, j, err)
}

func (w *Worker) do(ctx context.Context, j *tickets.Job) error {
	switch j.Kind {
	case "notify":
		return w.notify(ctx, j)
	case "learn":
		return w.learn(ctx, j)
	case "release":
		id, err := strconv.ParseInt(j.Data["held"], 10, 64)
		if err != nil {
			return fmt.Errorf("job names no held mail: %w", err)
		}
		err = w.Releaser.Release(ctx, id, j.ID)
		if errors.Is(err, tickets.ErrGone) {
			return w.finish(ctx, j)
		}
		return err
	}
	if other := w.Others[j.Kind]; other != nil {
		return other(ctx, j)
	}
	return fmt.Errorf("there is no work of the kind %q", j.Kind)
}

// finish takes a job away that has nothing left to do.
func (w *Worker) finish(ctx context.Context, j *tickets.Job) error {
	_, err := w.Store.Apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
		return &tickets.Change{FinishJob: j.ID}, nil
	})
	return err
}

// notify writes a notification for each agent concerned.
func (w *Worker) notify(ctx context.Context, j *tickets.Job) error {
	if j.Ticket == nil || j.Message == nil {
		return w.finish(ctx, j)
	}
	made := false
	asked := make(map[int64]verdict) // a budget is asked once, however often this is decided
	var look sync.Once
	var rights []string
	var sure bool
	_, err := w.Store.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		ch := &tickets.Change{FinishJob: j.ID}
		made = false
		m, err := v.MessageByID(ctx, j.Message.ID)
		if err != nil {
			return nil, err
		}
		id := j.Ticket.ID
		if m != nil && m.TicketID != 0 {
			id = m.TicketID // it may have moved since: merged, or split off
		}
		t, err := v.TicketByID(ctx, id)
		if err != nil {
			return nil, err
		}
		if t == nil || m == nil {
			return ch, nil
		}
		d, err := v.Directory(ctx)
		if err != nil {
			return nil, err
		}
		if d.QueueByID(t.QueueID) == nil {
			return nil, errors.New("the ticket's queue is not known here yet") // another node was given it just now
		}
		var notices []*tickets.Outgoing
		if j.Data["quiet"] == "" {
			notices = tickets.Notifications(tickets.Notice{Ticket: t, Message: m, Directory: d, Addr: w.Addr, Data: j.Data, Now: w.Now()})
		}
		if j.Data["look"] == "request" && w.Request != nil {
			look.Do(func() { rights, sure = w.Request(m.Subject, m.Text) })
			w.flag(ch, t, m, notices, rights, sure)
		}
		ch.Outbox = w.withinBudget(ctx, t, asked, notices)
		made = len(ch.Outbox) > 0
		return ch, nil
	})
	if err == nil && made {
		w.Made()
	}
	return err
}

// flag tells the agents that somebody seems to exercise a right.
func (w *Worker) flag(ch *tickets.Change, t *tickets.Ticket, m *tickets.Message, notices []*tickets.Outgoing, rights []string, sure bool) {
	if len(rights) == 0 {
		return
	}
	for _, o := range notices {
		if o.Spec.Args == nil {
			o.Spec.Args = map[string]string{}
		}
		o.Spec.Args["request"] = rights[0]
	}
	word := map[bool]string{true: "yes", false: "no"}[sure]
	ch.Events = append(ch.Events, &tickets.Event{TicketID: t.ID, At: w.Now(), Kind: "privacy", Actor: tickets.ActorSystem, Message: m,
		Data: map[string]string{"rights": strings.Join(rights, " "), "sure": word}})
}

// unsnooze opens tickets whose time has come, and tells their agents.
func (w *Worker) unsnooze(ctx context.Context) {
	ids, err := w.Store.DueSnoozes(ctx, w.Now(), batch)
	if err != nil {
		if ctx.Err() == nil {
			w.Log.Error("look for ended snoozes", "err", err)
		}
		return
	}
	for _, id := range ids {
		_, err := w.Store.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
			t, err := v.TicketByID(ctx, id)
			if err != nil || t == nil {
				return &tickets.Change{}, err
			}
			var last *tickets.Message
			if id := cmp.Or(t.LastInID, t.LastOutID); id != 0 { // the desk may have written first
				if last, err = v.MessageByID(ctx, id); err != nil {
					return nil, err
				}
			}
			return tickets.EndSnooze(t, last, w.Now()), nil
		})
		if err != nil {
			w.Log.Error("end a snooze", "ticket", id, "err", err)
		}
	}
}
