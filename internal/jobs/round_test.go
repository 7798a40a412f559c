package jobs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"postroom/tickets"
)

// pile is a store that holds jobs and notes what became of them.
type pile struct {
	tickets.Store
	mu      sync.Mutex
	waiting []*tickets.Job
	done    []int64
	off     []int64
	fail    int64
}

func (p *pile) LeaseJobs(_ context.Context, _ string, n int, _ time.Duration) ([]*tickets.Job, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n = min(n, len(p.waiting))
	list := p.waiting[:n]
	p.waiting = p.waiting[n:]
	return list, nil
}

func (p *pile) Apply(ctx context.Context, decide tickets.Decide) (*tickets.Change, error) {
	ch, err := decide(ctx, nil)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if ch.FinishJob == p.fail {
		return nil, errors.New("the disk is full")
	}
	p.done = append(p.done, ch.FinishJob)
	return ch, nil
}

func (p *pile) RetryJob(context.Context, int64, time.Time) error { return nil }

func (p *pile) FailJob(_ context.Context, id int64, _ time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = append(p.off, id)
	return nil
}

func (p *pile) ReclaimJobs(context.Context, string) error { return nil }

func (p *pile) ParkedJobs(context.Context) (int64, error) { return 0, nil }

func (p *pile) DueSnoozes(context.Context, time.Time, int) ([]int64, error) { return nil, nil }

// Jobs without a message have nothing to do: their change is only their end.
func pileOf(jobs, perTicket int) *pile {
	p := &pile{}
	for i := range jobs {
		p.waiting = append(p.waiting, &tickets.Job{ID: int64(i + 1), Kind: "notify", Ticket: &tickets.Ticket{ID: int64(i / perTicket)}})
	}
	return p
}

func worker(p *pile) *Worker {
	return &Worker{Store: p, Log: slog.New(slog.DiscardHandler), Now: time.Now}
}

func TestJobsOfOneTicketKeepTheirOrder(t *testing.T) {
	const jobs, perTicket = 300, 10
	p := pileOf(jobs, perTicket)
	worker(p).Work(t.Context())
	if len(p.done) != jobs {
		t.Fatalf("%d of %d jobs were done", len(p.done), jobs)
	}
	last := map[int64]int64{}
	for _, id := range p.done {
		ticket := (id - 1) / perTicket
		if id < last[ticket] {
			t.Errorf("job %d was done after job %d of the same ticket", id, last[ticket])
		}
		last[ticket] = id
	}
}

func TestAFailedJobIsPutOffAndKeepsNobodyWaiting(t *testing.T) {
	p := pileOf(100, 5)
	p.fail = 42
	worker(p).Work(t.Context())
	if len(p.done) != 99 || slices.Contains(p.done, 42) {
		t.Errorf("%d jobs were done", len(p.done))
	}
	if !slices.Equal(p.off, []int64{42}) {
		t.Errorf("put off: %v", p.off)
	}
}

// shut lets nothing through.
type shut struct{ asked chan struct{} }

func (g shut) Pass(ctx context.Context) error {
	select {
	case g.asked <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestJobsWaitAtTheGate(t *testing.T) {
	p := pileOf(100, 1)
	w := worker(p)
	gate := shut{make(chan struct{}, 1)}
	w.Gate = gate
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Work(ctx) }()
	<-gate.asked
	cancel()
	<-ended
	if len(p.done)+len(p.off) != 0 {
		t.Errorf("done %v and put off %v behind a shut gate", p.done, p.off)
	}
}
