package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"postroom/internal/testenv"
)

// The contract holds for nodes, two of one installation. In process they are
// the same queue.
func TestContract(t *testing.T) {
	kinds := map[string]func(t *testing.T) (a, b Queue){
		"in process": func(t *testing.T) (Queue, Queue) {
			q := open(t, Config{})
			return q, q
		},
		"redis": func(t *testing.T) (Queue, Queue) {
			url := testenv.Redis(t)
			return open(t, Config{URL: url}), open(t, Config{URL: url})
		},
	}
	tests := map[string]func(t *testing.T, a, b Queue){
		"each id is handled":                        eachIsHandled,
		"several workers share":                     workersShare,
		"a failed id comes again":                   failedComesAgain,
		"a panic is a failure":                      panicIsFailure,
		"an id is given up after ten tries":         givenUp,
		"published while handled, handled again":    handledAgain,
		"topics are apart":                          topicsApart,
		"a worker that ends leaves ids to another":  leavesToAnother,
		"a broadcast rings on every node":           broadcastRings,
		"a stopped bell is silent":                  stoppedBell,
		"waiting for nothing ends with the context": endsWithContext,
		"closed": closedRefuses,
	}
	for kind, nodes := range kinds {
		for name, test := range tests {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				a, b := nodes(t)
				test(t, a, b)
			})
		}
	}
}

func eachIsHandled(t *testing.T, a, b Queue) {
	w := consume(t, b, "outbox", nil)
	publish(t, a, "outbox", 1, 2, 3)
	publish(t, a, "outbox", 4)
	w.waitFor(1, 2, 3, 4)
}

func workersShare(t *testing.T, a, b Queue) {
	const n = 2000
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i)
	}
	w := newWorker(t)
	for i := range 8 {
		w.start([]Queue{a, b}[i%2], "outbox", nil)
	}
	for chunk := range slices.Chunk(ids, 37) {
		publish(t, a, "outbox", chunk...)
	}
	w.waitFor(ids...)
	if got := w.total(); got > n+n/10 {
		t.Errorf("%d ids were handled %d times; duplicates shall be the exception", n, got)
	}
}

func failedComesAgain(t *testing.T, a, b Queue) {
	var mu sync.Mutex
	failed := map[int64]int{}
	w := consume(t, b, "outbox", func(_ context.Context, id int64) error {
		mu.Lock()
		defer mu.Unlock()
		if failed[id]++; id == 7 && failed[id] < 4 {
			return errors.New("not yet")
		}
		return nil
	})
	publish(t, a, "outbox", 7, 8)
	w.waitFor(7, 8)
	mu.Lock()
	defer mu.Unlock()
	if failed[7] != 4 {
		t.Errorf("7 was handed out %d times, want 4", failed[7])
	}
}

func panicIsFailure(t *testing.T, a, b Queue) {
	var once sync.Once
	w := consume(t, b, "outbox", func(_ context.Context, id int64) error {
		once.Do(func() { panic("a fault of the worker") })
		return nil
	})
	publish(t, a, "outbox", 1)
	w.waitFor(1)
}

func givenUp(t *testing.T, a, b Queue) {
	tries := make(chan int64, 100)
	w := consume(t, b, "outbox", func(_ context.Context, id int64) error {
		if id == 9 {
			tries <- id
			return errors.New("never")
		}
		return nil
	})
	publish(t, a, "outbox", 9)
	for range maxTries {
		receive(t, tries)
	}
	publish(t, a, "outbox", 1)
	w.waitFor(1)
	select {
	case <-tries:
		t.Errorf("handed out more than %d times", maxTries)
	case <-time.After(100 * time.Millisecond):
	}
}

func handledAgain(t *testing.T, a, b Queue) {
	begun, go_on := make(chan int64, 10), make(chan bool, 10)
	consume(t, b, "outbox", func(_ context.Context, id int64) error {
		begun <- id
		<-go_on
		return nil
	})
	publish(t, a, "outbox", 5)
	receive(t, begun)
	publish(t, a, "outbox", 5) // its row changed after the worker had read it
	go_on <- true
	go_on <- true
	receive(t, begun)
}

func topicsApart(t *testing.T, a, b Queue) {
	one, two := consume(t, b, "one", nil), consume(t, b, "two", nil)
	publish(t, a, "one", 1)
	publish(t, a, "two", 2)
	one.waitFor(1)
	two.waitFor(2)
	if one.total() != 1 || two.total() != 1 {
		t.Errorf("topic one had %v, topic two %v", one.seen(), two.seen())
	}
}

func leavesToAnother(t *testing.T, a, b Queue) {
	begun := make(chan int64, 100)
	w := newWorker(t)
	stop := w.start(a, "outbox", func(ctx context.Context, id int64) error {
		begun <- id
		<-ctx.Done()
		return ctx.Err()
	})
	publish(t, a, "outbox", 1, 2, 3)
	receive(t, begun)
	stop()
	consume(t, b, "outbox", nil).waitFor(1, 2, 3)
}

func broadcastRings(t *testing.T, a, b Queue) {
	onA, stopA := a.Subscribe("changes")
	defer stopA()
	onB, stopB := b.Subscribe("changes")
	defer stopB()
	other, stop := b.Subscribe("other")
	defer stop()
	eventually(t, "the bells are still", func() bool { // a node that has just joined rings all its bells
		return a.Healthy() == nil && b.Healthy() == nil
	})
	drain(onA, onB, other)
	for range 3 {
		if err := a.Broadcast(t.Context(), "changes"); err != nil {
			t.Fatal(err)
		}
		receive(t, onA)
		receive(t, onB)
	}
}

func stoppedBell(t *testing.T, a, b Queue) {
	bell, stop := a.Subscribe("changes")
	beside, stop2 := a.Subscribe("changes")
	defer stop2()
	eventually(t, "joined", func() bool { return a.Healthy() == nil })
	stop()
	stop() // twice does no harm
	drain(bell, beside)
	if err := a.Broadcast(t.Context(), "changes"); err != nil {
		t.Fatal(err)
	}
	receive(t, beside)
	select {
	case <-bell:
		t.Error("rang after stop")
	default:
	}
}

func endsWithContext(t *testing.T, a, _ Queue) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Consume(ctx, "outbox", "node", func(context.Context, int64) error { return nil }) }()
	cancel()
	if err := receive(t, ended); err != nil {
		t.Errorf("Consume returned %v", err)
	}
}

func closedRefuses(t *testing.T, a, _ Queue) {
	for range 2 {
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	handle := func(context.Context, int64) error { return nil }
	for what, err := range map[string]error{
		"Publish":   a.Publish(t.Context(), "outbox", 1),
		"Broadcast": a.Broadcast(t.Context(), "changes"),
		"Consume":   a.Consume(t.Context(), "outbox", "node", handle),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOpenRefusesANonsenseURL(t *testing.T) {
	_, err := Open(Config{URL: "http://user:secret@host:1/"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// worker notes what its handlers have done.
type worker struct {
	t    *testing.T
	mu   sync.Mutex
	done []int64
}

func newWorker(t *testing.T) *worker { return &worker{t: t} }

// consume starts a worker; a nil handle succeeds.
func consume(t *testing.T, q Queue, topic string, handle Handler) *worker {
	w := newWorker(t)
	w.start(q, topic, handle)
	return w
}

func (w *worker) start(q Queue, topic string, handle Handler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- q.Consume(ctx, topic, fmt.Sprintf("%s-%p", w.t.Name(), q), func(ctx context.Context, id int64) error {
			if handle != nil {
				if err := handle(ctx, id); err != nil {
					return err
				}
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.done = append(w.done, id)
			return nil
		})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := receive(w.t, ended); err != nil {
			w.t.Errorf("Consume returned %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

func (w *worker) seen() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.done)
}

func (w *worker) total() int { return len(w.seen()) }

func (w *worker) waitFor(ids ...int64) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("%d ids are handled", len(ids)), func() bool {
		have := map[int64]bool{}
		for _, id := range w.seen() {
			have[id] = true
		}
		for _, id := range ids {
			if !have[id] {
				return false
			}
		}
		return true
	})
}

func open(t *testing.T, cfg Config) Queue {
	t.Helper()
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	if cfg.RetryPause == 0 {
		cfg.RetryPause = time.Millisecond
	}
	q, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return q
}

func publish(t *testing.T, q Queue, topic string, ids ...int64) {
	t.Helper()
	if err := q.Publish(t.Context(), topic, ids...); err != nil {
		t.Fatal(err)
	}
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came within 20 s")
		panic("unreachable")
	}
}

func drain(bells ...<-chan struct{}) {
	for _, b := range bells {
		select {
		case <-b:
		default:
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	within(t, 20*time.Second, what, ok)
}

func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not so within %v: %s", limit, what)
		}
	}
}
