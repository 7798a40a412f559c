package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// An erasure first takes away the row by which a person is known, in one
// transaction with moving everything that is found by the address to a hash
// that belongs to this erasure alone. Whoever was about to seal something
// under the person's key then decides again, and finds somebody unknown: a new
// mail begins a new relation, which no step touches. All later steps look
// under the erasure's own hash, work in batches that each are one transaction
// with the step's counts, and take what is still there: they may be broken off
// and begun again anywhere. The key goes when all that it opens is done.

// ErrCovered says that a request for access keeps what was to be erased.
var ErrCovered = errors.New("a request for access is open: what it covers is erased when it is answered")

var eraseSteps = []struct {
	name string
	run  func(*erasure, context.Context) error
}{
	{"people", (*erasure).people},
	{"kept", (*erasure).freeze},
	{"tickets", (*erasure).tickets},
	{"others", (*erasure).others},
	{"mails", (*erasure).mails},
	{"loose", (*erasure).loose},
	{"desk", (*erasure).desk},
	{"search", (*erasure).search},
	{"keys", (*erasure).keys},
	{"files", (*erasure).files},
}

// EraseSteps implements [privacy.Eraser].
func (db *DB) EraseSteps() []string {
	var names []string
	for _, s := range eraseSteps {
		names = append(names, s.name)
	}
	return names
}

// erasure is one erasure at one of its steps.
type erasure struct {
	db     *DB
	plan   privacy.Plan
	mask   privacy.Masker // nil: what names the person goes whole
	hashes [][]byte       // of the addresses
	until  time.Time      // after a restore: who came later is a new relation
	step   string
	began  time.Time
	who    []erased
	names  privacy.Identity

	counts map[string]int // what the step has done, committed
	ops    []op           // of the batch
	delta  map[string]int // what the batch does
	after  []func()       // when the batch is committed
}

// erased is somebody whose row is gone.
type erased struct {
	person tickets.Person
	keyID  int64
	key    sealer // none when the key was destroyed before
	hash   []byte // the erasure's own, where the address' stood
}

// EraseStep implements [privacy.Eraser]. A step that was done says again what
// it did.
func (db *DB) EraseStep(ctx context.Context, p privacy.Plan, step string, m privacy.Masker) (counts map[string]int, err error) {
	e := &erasure{db: db, plan: p, mask: m}
	for _, a := range p.Addresses {
		e.hashes = append(e.hashes, db.hash.address(p.Org, a))
	}
	return e.run(ctx, step)
}

func (e *erasure) run(ctx context.Context, step string) (map[string]int, error) {
	i := slices.Index(e.db.EraseSteps(), step)
	if i < 0 {
		return nil, fmt.Errorf("an erasure has no step %q", step)
	}
	e.step, e.began = step, e.db.now()
	for try := 0; ; try++ {
		done, err := e.load(ctx)
		if err != nil || done {
			return e.counts, wrapErr("erase: "+step, err)
		}
		if err = eraseSteps[i].run(e, ctx); err == nil {
			err = e.commit(ctx, true)
		}
		if err == nil {
			return e.counts, nil
		}
		if !moved(err) || try == tries {
			return nil, wrapErr("erase: "+step, err)
		}
	}
}

// load reads how far the step is and whom the erasure is about.
func (e *erasure) load(ctx context.Context) (done bool, err error) {
	e.counts, e.who, e.names = map[string]int{}, nil, privacy.Identity{Addresses: slices.Clone(e.plan.Addresses)}
	e.reset()
	err = e.db.readers.snapshot(ctx, func(q querier) error {
		v := e.db.newView(q)
		var at int64
		var counts string
		found, err := v.row(ctx, "SELECT at, counts FROM privacy_steps WHERE request_id = ? AND step = ?", []any{e.plan.RequestID, e.step}, &at, &counts)
		if err != nil {
			return err
		}
		if found {
			done = at != 0
			if err := json.Unmarshal([]byte(counts), &e.counts); err != nil {
				return err
			}
		}
		return e.loadPeople(ctx, v)
	})
	return done, err
}

func (e *erasure) loadPeople(ctx context.Context, v *view) error {
	rows, err := v.q.QueryContext(ctx, v.db.d.sql("SELECT target, owner, sealed FROM privacy_work WHERE request_id = ? AND kind = 'person' ORDER BY target"), e.plan.RequestID)
	if err != nil {
		return err
	}
	var sealed [][]byte
	if err := eachRow(rows, func() error {
		var w erased
		var s []byte
		err := rows.Scan(&w.person.ID, &w.keyID, &s)
		e.who, sealed = append(e.who, w), append(sealed, s)
		return err
	}); err != nil {
		return err
	}
	for i := range e.who {
		w := &e.who[i]
		w.hash, w.person.Org = e.tomb(w.person.ID), e.plan.Org
		if w.key, err = e.db.keys.get(ctx, w.keyID); errors.Is(err, errKeyGone) {
			w.key = sealer{}
			continue
		} else if err != nil {
			return err
		}
		plain, err := w.key.open(place{column: "persons.sealed", row: w.person.ID}, sealed[i])
		if err != nil {
			return err
		}
		d := decoder{b: plain}
		w.person.Address, w.person.Name = d.str(), d.str()
		if !slices.Contains(e.names.Addresses, w.person.Address) {
			e.names.Addresses = append(e.names.Addresses, w.person.Address)
		}
		e.named(w.person.Name)
	}
	return nil
}

// named adds a name the person is known by.
func (e *erasure) named(name string) {
	if name != "" && !slices.Contains(e.names.Names, name) {
		e.names.Names = append(e.names.Names, name)
	}
}

// tomb is the hash under which the erasure finds what was somebody's.
func (e *erasure) tomb(person int64) []byte {
	return e.db.hash.sum(hashErased, e.plan.Org, fmt.Sprint(e.plan.RequestID, " ", person))
}

// view reads with the keys of those whose rows are gone.
func (e *erasure) view(q querier) *view {
	v := e.db.newView(q)
	v.persons = map[int64]*readPerson{}
	for i := range e.who {
		w := &e.who[i]
		v.persons[w.person.ID] = &readPerson{was: w.person, keyID: w.keyID, hash: w.hash, seal: w.key, gone: w.key.aead == nil, shared: &w.person}
	}
	return v
}

// read runs fn on one reading.
func (e *erasure) read(ctx context.Context, fn func(v *view) error) error {
	return e.db.readers.snapshot(ctx, func(q querier) error { return fn(e.view(q)) })
}

// is tells whether an id is that of somebody who is erased.
func (e *erasure) is(person int64) bool {
	return slices.ContainsFunc(e.who, func(w erased) bool { return w.person.ID == person })
}

func (e *erasure) add(want int64, text string, args ...any) {
	e.ops = append(e.ops, op{text: text, args: args, want: want})
}

func (e *erasure) count(what string, n int) { e.delta[what] += n }

// batchOps is how many statements share a commit: enough that a sync costs
// little, few enough that mail does not wait.
const batchOps = 2000

// full commits what has gathered when that is enough.
func (e *erasure) full(ctx context.Context) error {
	if len(e.ops) < batchOps {
		return nil
	}
	return e.commit(ctx, false)
}

// commit writes the batch with the step's counts.
func (e *erasure) commit(ctx context.Context, done bool) error {
	sum := maps.Clone(e.counts)
	for k, n := range e.delta {
		sum[k] += n
	}
	counts, err := json.Marshal(sum)
	if err != nil {
		return err
	}
	at := int64(0)
	if done {
		at = micros(e.db.now())
	}
	e.add(-1, `INSERT INTO privacy_steps (request_id, step, at, counts) VALUES (?, ?, ?, ?)
 ON CONFLICT (request_id, step) DO UPDATE SET at = excluded.at, counts = excluded.counts`, e.plan.RequestID, e.step, at, string(counts))
	if e.db.failpoint != nil {
		if err := e.db.failpoint(e.step, "before"); err != nil {
			return err
		}
	}
	if err := e.db.execute(ctx, e.ops); err != nil {
		return err
	}
	for _, f := range e.after {
		f()
	}
	e.counts = sum
	e.reset()
	if e.db.failpoint != nil {
		return e.db.failpoint(e.step, "after")
	}
	return nil
}

func (e *erasure) reset() { e.ops, e.delta, e.after = nil, map[string]int{}, nil }
