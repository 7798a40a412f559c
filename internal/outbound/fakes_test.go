package outbound

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"postroom/internal/resolver"
	"postroom/threading"
	"postroom/tickets"
)

// memOutbox is an outbox in memory with leases and fences, as a store has them.
type memOutbox struct {
	mu    sync.Mutex
	now   func() time.Time
	rows  map[int64]*memRow
	order []int64
	dir   *tickets.Directory
	done  chan int64
	fail  func() error // what Finish returns first
	last  []tickets.OutOutcome
	loads int
}

type memRow struct {
	row      Row
	out      *tickets.Outgoing
	state    tickets.OutState
	next     time.Time
	lease    time.Time
	outcomes []tickets.OutOutcome
	earlier  []*tickets.Message
}

func newMemOutbox(dir *tickets.Directory) *memOutbox {
	return &memOutbox{now: time.Now, rows: map[int64]*memRow{}, dir: dir, done: make(chan int64, 100000)}
}

func (m *memOutbox) add(out *tickets.Outgoing) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := int64(len(m.order) + 1)
	out.ID = id
	if out.MessageID == "" {
		out.MessageID = tickets.NewMessageID("desk.example")
	}
	m.rows[id] = &memRow{row: Row{ID: id, Kind: out.Kind, Lane: laneOf(out.To), Created: m.now()}, out: out, state: tickets.OutQueued, next: m.now()}
	m.order = append(m.order, id)
	return id
}

func (m *memOutbox) Lease(ctx context.Context, worker string, n, many int, d time.Duration) ([]Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []Row
	now := m.now()
	order := slices.Clone(m.order)
	slices.SortStableFunc(order, func(a, b int64) int { return m.rows[a].row.Kind.Rank() - m.rows[b].row.Kind.Rank() })
	for _, id := range order {
		r := m.rows[id]
		due := r.state == tickets.OutQueued && !r.next.After(now) || r.state == tickets.OutLeased && !r.lease.After(now)
		if len(rows) == n || !due || r.row.Kind.ManyFold() && many == 0 {
			continue
		}
		if r.row.Kind.ManyFold() {
			many--
		}
		r.state, r.lease = tickets.OutLeased, now.Add(d)
		r.row.Fence++
		rows = append(rows, r.row)
	}
	return rows, nil
}

func (m *memOutbox) Renew(ctx context.Context, rows []Row, d time.Duration) (lost []int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range rows {
		mr := m.rows[r.ID]
		if mr == nil || mr.row.Fence != r.Fence || mr.state != tickets.OutLeased {
			lost = append(lost, r.ID)
			continue
		}
		mr.lease = m.now().Add(d)
	}
	return lost, nil
}

// laneOf stands for a domain as a store's hash does.
func laneOf(to string) int64 {
	h := fnv.New64a()
	io.WriteString(h, tickets.Domain(to))
	return int64(h.Sum64() >> 1)
}

func (m *memOutbox) Load(ctx context.Context, id int64) (*Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	r := m.rows[id]
	if r == nil {
		return nil, nil
	}
	return &Job{Out: r.out, Directory: m.dir, Earlier: r.earlier}, nil
}

func (m *memOutbox) Finish(ctx context.Context, row Row, o tickets.OutOutcome) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(); err != nil {
			return err
		}
	}
	r := m.rows[row.ID]
	if r == nil || r.row.Fence != row.Fence {
		return tickets.ErrLeaseLost
	}
	r.state, r.next = o.State, o.Next
	if o.Attempted {
		r.row.Attempts++
	}
	r.row.Noticed = r.row.Noticed || o.Noticed
	r.outcomes = append(r.outcomes, o)
	m.last = append(m.last, o)
	m.done <- row.ID
	return nil
}

func (m *memOutbox) state(id int64) tickets.OutState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows[id].state
}

func (m *memOutbox) outcomes(id int64) []tickets.OutOutcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]tickets.OutOutcome(nil), m.rows[id].outcomes...)
}

// wait waits for n outcomes.
func (m *memOutbox) wait(t testing.TB, n int) {
	t.Helper()
	timeout := time.After(30 * time.Second)
	for range n {
		select {
		case <-m.done:
		case <-timeout:
			t.Fatal("nothing came of it in 30 s")
		}
	}
}

// memBodies holds raw messages.
type memBodies map[int64][]byte

func (b memBodies) WriteRaw(ctx context.Context, id int64, w io.Writer) error {
	raw, ok := b[id]
	if !ok {
		return fmt.Errorf("no message %d", id)
	}
	_, err := io.Copy(w, bytes.NewReader(raw))
	return err
}

// memKeys is a key store in memory.
type memKeys struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (k *memKeys) LoadSecret(ctx context.Context, name string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.m[name], nil
}

func (k *memKeys) SaveSecret(ctx context.Context, name string, v []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.m == nil {
		k.m = map[string][]byte{}
	}
	if k.m[name] == nil {
		k.m[name] = v
	}
	return k.m[name], nil
}

// sharedKeys spares each test the making of an RSA key.
var sharedKeys = sync.OnceValue(func() *memKeys {
	k := &memKeys{}
	if _, err := newSigner(k).of(context.Background(), "desk.example"); err != nil {
		panic(err)
	}
	return k
})

func testAddresses() tickets.Addresses {
	return tickets.Addresses{Keys: &threading.Keyring{Keys: [][]byte{bytes.Repeat([]byte{7}, 32)}}}
}

// desk is a small desk: one queue, two agents, a ticket of Ada's.
func desk() (*tickets.Directory, *tickets.Ticket) {
	q := &tickets.Queue{ID: 1, Org: 1, Name: "support", Address: "support@desk.example", ReplyDomain: "desk.example", DisplayName: "Example Support", Ack: true, AttachLimit: 1 << 20}
	dir := &tickets.Directory{Queues: []*tickets.Queue{q}, Agents: []*tickets.Agent{
		{ID: 1, Org: 1, Name: "ben", Address: "ben@team.example", DisplayName: "Ben", Active: true, Queues: []int64{1}},
		{ID: 2, Org: 1, Name: "cleo", Address: "cleo@team.example", Active: true, Queues: []int64{1}},
	}}
	ada := &tickets.Person{ID: 5, Org: 1, Address: "ada@customer.example", Name: "Ada Miller", Language: "en"}
	t := &tickets.Ticket{ID: 9, Org: 1, Ref: "K7Q2-9F3M", QueueID: 1, State: tickets.StateOpen, Subject: "The lamp hums", Language: "en",
		Parties: []tickets.Party{{No: 1, Person: ada, Role: tickets.PartyRequester}}}
	return dir, t
}

func answer(t *tickets.Ticket, to string) *tickets.Outgoing {
	return &tickets.Outgoing{Org: 1, Kind: tickets.OutAnswer, Ticket: t, To: to, ToPerson: t.Requester(), QueueID: 1,
		Spec: tickets.OutSpec{Text: "Please turn it off and on.", InReply: "q1@customer.example", Refs: []string{"q1@customer.example"}}}
}

// quick are timeouts for tests that wait for one; patient ones outlast a busy machine.
func quick() Timeouts   { return timeouts(400 * time.Millisecond) }
func patient() Timeouts { return timeouts(20 * time.Second) }

func timeouts(d time.Duration) Timeouts {
	return Timeouts{Connect: d, Greeting: d, Command: d, Block: d, Final: d, Total: 60 * time.Second, Idle: time.Second}
}

type world struct {
	box    *memOutbox
	fake   *resolver.Fake
	worker *Worker
	ticket *tickets.Ticket
	bodies memBodies
	keys   *memKeys

	mu   sync.Mutex
	seen map[int64]Outcome
}

// start runs a worker until the test ends.
func start(t testing.TB, cfg Config, zone string) *world {
	t.Helper()
	w := build(t, cfg, zone)
	w.run(t)
	return w
}

func build(t testing.TB, cfg Config, zone string) *world {
	t.Helper()
	dir, ticket := desk()
	w := &world{box: newMemOutbox(dir), fake: resolver.NewFake(zone), ticket: ticket, bodies: memBodies{}, keys: sharedKeys()}
	if cfg.Hostname == "" {
		cfg.Hostname = "desk.example"
	}
	if cfg.Sweep == 0 {
		cfg.Sweep = 50 * time.Millisecond
	}
	if cfg.Timeouts == (Timeouts{}) {
		cfg.Timeouts = patient()
	}
	parts := Parts{Outbox: w.box, Bodies: w.bodies, Resolver: resolver.From(w.fake), Keys: w.keys, Addresses: testAddresses()}
	if testing.Verbose() {
		parts.Log = slog.New(slog.NewTextHandler(testWriter{t}, nil))
	}
	w.worker = New(cfg, parts)
	w.seen = map[int64]Outcome{}
	w.worker.seen = func(id int64, o Outcome) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen[id] = o
	}
	return w
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Helper()
	fmt.Print(string(p))
	return len(p), nil
}

func (w *world) run(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.worker.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("the worker did not stop")
		}
	})
}

// send queues a mail, waits for what comes of it and returns that.
func (w *world) send(t testing.TB, out *tickets.Outgoing) Outcome {
	t.Helper()
	id := w.box.add(out)
	w.worker.Wake()
	w.box.wait(t, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	o, ok := w.seen[id]
	if !ok {
		t.Fatal("nothing was tried")
	}
	return o
}
