package outbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"postroom/tickets"
)

// Worker sends what is in the outbox. Make it with New, run it with Run.
type Worker struct {
	cfg      Config
	outbox   Outbox
	schedule Schedule
	composer *composer
	deliver  *deliverer
	lanes    *lanes
	doubt    *doubt
	meter    Meter
	gate     Gate
	consents ConsentGate
	log      *slog.Logger
	now      func() time.Time

	seen func(id int64, o Outcome) // for tests: hears of every try; nil otherwise

	wake chan struct{}
	mu   sync.Mutex
	held map[int64]*held
	many int           // how many of held are many-fold
	free chan struct{} // a row was given back while none could be taken
}

// held is a leased row that this worker is busy with.
type held struct {
	row    Row
	until  time.Time // when the lease ends, by our clock
	cancel context.CancelCauseFunc
	doubt  place // its turn between the final dot and the commit
}

// New makes a worker.
func New(cfg Config, p Parts) *Worker {
	cfg = cfg.withDefaults()
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Meter == nil {
		p.Meter = noMeter{}
	}
	if p.Gate == nil {
		p.Gate = noGate{}
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	queue := cfg.Slots / 2
	if cfg.Relay != "" {
		queue = cfg.Slots
	}
	return &Worker{
		cfg: cfg, outbox: p.Outbox, schedule: Schedule{Pauses: cfg.Retry}, meter: p.Meter, gate: p.Gate, consents: p.Consents, log: p.Log, now: p.Now,
		composer: &composer{bodies: p.Bodies, signer: newSigner(p.Keys), addr: p.Addresses, notice: cfg.Notice,
			privacy: p.Privacy, artifactsOf: p.Artifacts, summaries: cfg.Summaries},
		deliver: &deliverer{cfg: cfg, resolver: p.Resolver, policy: p.TLSPolicy, pool: newPool(cfg.PerDest, cfg.Timeouts.Idle)},
		lanes:   newLanes(cfg.PerDest, queue, cfg.Relay != "", p.Now),
		doubt:   newDoubt(p.Now),
		wake:    make(chan struct{}, 1), held: map[int64]*held{}, free: make(chan struct{}, 1),
	}
}

// Wake says that there may be something to send. It never blocks.
func (w *Worker) Wake() { poke(w.wake) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends. Then nothing new is begun, rows that only waited
// are given back, and deliveries under way may go on for Config.Drain.
func (w *Worker) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var busy sync.WaitGroup
	if r, ok := w.outbox.(Reclaimer); ok {
		if err := r.Reclaim(ctx, w.cfg.Worker); err != nil {
			w.log.Error("outbox: take back an earlier process's rows", "err", err)
		}
	}
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		w.renew(work)
	}()
	w.loop(ctx, work, &busy)

	drained := make(chan struct{})
	go func() {
		busy.Wait()
		close(drained)
	}()
	limit := time.NewTimer(w.cfg.Drain)
	defer limit.Stop()
	select {
	case <-drained:
	case <-limit.C:
		stop()
		<-drained
	}
	stop()
	<-renewed
	w.deliver.pool.close()
	return nil
}

// loop leases and starts until ctx ends.
func (w *Worker) loop(ctx, work context.Context, busy *sync.WaitGroup) {
	sweep := time.NewTicker(w.cfg.Sweep)
	defer sweep.Stop()
	for ctx.Err() == nil {
		more, full := w.take(ctx, work, busy)
		if more {
			continue
		}
		var free chan struct{}
		if full {
			free = w.free
		}
		select {
		case <-ctx.Done():
		case <-w.wake:
		case <-sweep.C:
		case <-free:
		}
	}
}

// slotsBusy is how many rows are leased while the gate holds back: what waits
// there is better left to wait in the store.
const slotsBusy = 32

// take leases what there is room for. more says that there may be more to
// lease at once, full that there was no room, for all kinds or for the
// many-fold: these leave a quarter of the room to the others, and are leased
// in batches, not one for each that is done.
func (w *Worker) take(ctx, work context.Context, busy *sync.WaitGroup) (more, full bool) {
	slots := w.cfg.Slots
	if w.gate.Busy() {
		slots = min(slots, slotsBusy)
	}
	w.mu.Lock()
	room, many := slots-len(w.held), max(1, slots-slots/4)-w.many
	w.mu.Unlock()
	if room <= 0 {
		return false, true
	}
	if many < slots/8 {
		many = 0
	}
	const batch = 64
	n := min(room, batch)
	many = max(0, min(many, n))
	until := time.Now().Add(w.cfg.Lease)
	rows, err := w.outbox.Lease(ctx, w.cfg.Worker, n, many, w.cfg.Lease)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Error("outbox: lease", "err", err)
		}
		return false, false
	}
	for _, row := range rows {
		rctx, cancel := context.WithCancelCause(work)
		h := &held{row: row, until: until, cancel: cancel}
		w.mu.Lock()
		w.held[row.ID] = h
		if row.Kind.ManyFold() {
			w.many++
		}
		w.mu.Unlock()
		busy.Go(func() {
			defer w.drop(h)
			defer func() { h.doubt.leave() }()
			w.handle(ctx, rctx, h)
		})
	}
	return len(rows) == n, many == 0
}

func (w *Worker) drop(h *held) {
	h.cancel(nil)
	w.mu.Lock()
	if w.held[h.row.ID] == h {
		delete(w.held, h.row.ID)
	}
	if h.row.Kind.ManyFold() {
		w.many--
	}
	w.mu.Unlock()
	poke(w.free)
}

// renew keeps the leases of what is under way. What is lost is cancelled.
func (w *Worker) renew(ctx context.Context) {
	tick := time.NewTicker(w.cfg.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		rows := make([]Row, 0, len(w.held))
		for _, h := range w.held {
			rows = append(rows, h.row)
		}
		w.mu.Unlock()
		if len(rows) == 0 {
			continue
		}
		until := time.Now().Add(w.cfg.Lease)
		lost, err := w.outbox.Renew(ctx, rows, w.cfg.Lease)
		if err != nil {
			w.log.Error("outbox: renew leases", "rows", len(rows), "err", err)
		}
		w.renewed(rows, lost, err == nil, until)
	}
}

func (w *Worker) renewed(rows []Row, lost []int64, ok bool, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	gone := map[int64]bool{}
	for _, id := range lost {
		gone[id] = true
	}
	for _, row := range rows {
		h := w.held[row.ID]
		switch {
		case h == nil || h.row.Fence != row.Fence:
		case gone[row.ID], !ok && time.Now().After(h.until):
			h.cancel(tickets.ErrLeaseLost)
		case ok:
			h.until = until
		}
	}
}

// ours reports whether the lease still holds, with time to spare for the
// final dot to be answered by a quick server.
func (w *Worker) ours(h *held) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Until(h.until) > w.cfg.Lease/10
}

// handle sees one row through. ctx ends when the worker is asked to stop, work
// when it must.
func (w *Worker) handle(ctx, work context.Context, h *held) {
	log := w.log.With("out", h.row.ID, "attempt", h.row.Attempts+1)
	defer func() {
		if p := recover(); p != nil {
			// A mail that makes us panic must not stop the others, and is not
			// tried in a loop: the lease runs out, or the pause does.
			log.Error("outbox: panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			w.settle(work, h, nil, Result{Class: Temporary, Status: "4.3.0", Phase: "compose", Text: "an internal error"}, log)
		}
	}()
	// Who waits holds nothing: the row is opened when its turn has come, for by
	// then it may have been erased, or its ticket have moved on.
	lane, urgent := w.lane(h.row), h.row.Kind.Urgent()
	r := Result{Class: Temporary, Status: "4.3.0"}
	if err := w.lanes.enter(both(ctx, work), lane, urgent); err != nil {
		w.turnedAway(work, h, lane, err, log)
		return
	}
	defer func() { w.lanes.leave(lane, r) }()
	if !urgent && w.gate.Pass(both(ctx, work)) != nil {
		w.giveBack(work, h, 0, log)
		return
	}
	job := w.load(work, h, log)
	if job == nil {
		return
	}
	dest := relayLane
	if w.cfg.Relay == "" {
		var err error
		if dest, err = destination(job.Out.To); err != nil {
			w.settle(work, h, job, classify(err), log)
			return
		}
	}
	r = w.try(work, h, job, dest)
	switch {
	case errors.Is(context.Cause(work), tickets.ErrLeaseLost):
		log.Warn("outbox: lease lost while sending")
		return
	case work.Err() != nil && r.Class != Delivered && r.Class != Permanent:
		w.giveBack(work, h, 0, log)
		return
	}
	w.settle(work, h, job, r, log)
}

// both gives a context that ends with either.
func both(a, b context.Context) context.Context {
	ctx, cancel := context.WithCancel(a)
	context.AfterFunc(b, cancel)
	return ctx
}

// lane is the way a row takes: with a relay there is one, else one for each
// domain.
func (w *Worker) lane(row Row) string {
	if w.cfg.Relay != "" {
		return relayLane
	}
	return strconv.FormatInt(row.Lane, 36)
}

// load opens a row, or says what became of one that cannot be opened.
func (w *Worker) load(ctx context.Context, h *held, log *slog.Logger) *Job {
	job, err := w.outbox.Load(ctx, h.row.ID)
	if err != nil && ctx.Err() == nil {
		log.Error("outbox: open row", "err", err)
		w.settle(ctx, h, nil, Result{Class: Temporary, Status: "4.3.0", Phase: "compose", Text: "the mail could not be read from the store"}, log)
	}
	if err != nil {
		return nil
	}
	if job != nil && job.Out.To == "" {
		// The key of the person it was for is destroyed: there is nobody to
		// send to and nobody to tell.
		w.settle(ctx, h, nil, Result{Class: Permanent, Status: "5.1.6", Phase: "compose"}, log)
		return nil
	}
	return job // nil when the row is gone
}

// turnedAway sees to a row whose lane did not let it in.
func (w *Worker) turnedAway(ctx context.Context, h *held, lane string, err error, log *slog.Logger) {
	var dead *errDead
	switch {
	case errors.As(err, &dead):
		// It counts as a try: the mail grows older, and who waits for it must hear of that.
		if job := w.load(ctx, h, log); job != nil {
			w.settle(ctx, h, job, dead.last, log)
		}
	case errors.Is(err, errCrowded):
		w.giveBack(ctx, h, w.lanes.crowdPause(lane), log)
	default:
		w.giveBack(ctx, h, 0, log)
	}
}

// try composes and hands over.
func (w *Worker) try(ctx context.Context, h *held, job *Job, dest string) Result {
	if err := w.consented(ctx, job.Out); err != nil {
		return classify(err)
	}
	m, err := w.composer.compose(ctx, h.row, job, w.now())
	if err != nil {
		var given *Result
		if errors.As(err, &given) {
			return *given
		}
		w.log.Error("outbox: compose", "out", h.row.ID, "err", err)
		return Result{Class: Temporary, Status: "4.3.0", Phase: "compose", Text: "the mail could not be composed"}
	}
	if !w.ours(h) {
		h.cancel(tickets.ErrLeaseLost)
		return Result{Class: Temporary, Status: "4.3.0", Phase: "compose"}
	}
	m.beforeDot = func(ctx context.Context) (err error) {
		h.doubt.leave() // an earlier host had it, and did not take the mail
		if h.doubt, err = w.doubt.stand(ctx, dest); err != nil {
			return err
		}
		return w.consented(ctx, job.Out) // last: what is withdrawn until now does not leave
	}
	m.afterDot = func() { h.doubt.answered() }
	r := w.deliver.deliver(ctx, dest, m)
	if tooLarge(r) && job.Out.Kind == tickets.OutNotification && job.Out.Message != nil && job.Out.Spec.Attach == nil && len(job.Out.Message.Attachments) > 0 {
		// Word without its attachments is better than none.
		short := *job.Out
		short.Spec.Attach = []int{}
		return w.try(ctx, h, &Job{Out: &short, Directory: job.Directory, Earlier: job.Earlier}, dest)
	}
	return r
}

// tooLarge reports whether the far side refused a mail for its size (RFC 1870
// section 6.1, RFC 3463).
func tooLarge(r Result) bool {
	return r.Class == Permanent && (r.Status == "5.3.4" || r.Status == "5.2.3" || r.Code == 552 && r.Phase != "rcpt")
}
