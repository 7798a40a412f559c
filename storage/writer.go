package storage

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// batchMax bounds how many changes share a commit.
const batchMax = 256

// writer is SQLite's one writing connection and the goroutine that owns it.
type writer struct {
	db   *DB
	file string
	in   chan *request
	quit chan struct{}
	done chan struct{}
	once sync.Once

	conn  *sqlx.Conn
	lite  *sqlite3.SQLiteConn
	reads *liteConn // of the decisions made on the writer
	stmts map[string]*sqlite3.SQLiteStmt
	args  []driver.NamedValue
	ids   idSource // of changes decided on the writer; forgotten with a rollback

	pause *time.Timer

	started bool
	crash   func(at string) error // a test's failure before the commit; nil otherwise
}

// request is something to be done within the next commit, under a savepoint.
type request struct {
	ctx   context.Context
	run   func(savepoint bool) error
	after bool // run it after the commit instead, outside any transaction
	mail  bool // it keeps a message that arrives
	err   error
	done  chan struct{}
}

func newWriter(db *DB, file string) *writer {
	w := &writer{db: db, file: file, in: make(chan *request, batchMax), quit: make(chan struct{}), done: make(chan struct{}),
		stmts: map[string]*sqlite3.SQLiteStmt{}}
	w.ids.reserve = w.readReserve
	w.pause = time.NewTimer(time.Hour)
	return w
}

func (w *writer) start(ctx context.Context) {
	w.started = true
	go w.loop()
	w.db.work.Go(func() { w.checkpoints(ctx) })
}

// close ends the loop after the batch under way.
func (w *writer) close() {
	w.once.Do(func() { close(w.quit) })
	if w.started {
		<-w.done
	}
}

var errClosed = errors.New("the store is closed")

// do hands something to the writer and waits until it is durable. Cancelling
// ctx works until its turn comes.
func (w *writer) do(ctx context.Context, run func() error) error {
	return w.hand(&request{ctx: ctx, run: func(bool) error { return run() }, done: make(chan struct{})})
}

func (w *writer) hand(r *request) error {
	select {
	case w.in <- r:
	case <-w.quit:
		return errClosed
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	select {
	case <-r.done:
		return r.err
	case <-w.done:
		select {
		case <-r.done: // it was in the last batch
			return r.err
		default:
			return errClosed
		}
	}
}

// commit writes a plan. When something moved it decides again on the writing
// transaction, which nobody else can change.
func (w *writer) commit(ctx context.Context, d *decision, extra func(*plan)) error {
	run := func(savepoint bool) error {
		err := w.runPlan(d.plan)
		if !savepoint || !moved(err) {
			return err
		}
		d.plan.undo()
		if err := w.exec("ROLLBACK TO change"); err != nil {
			return err
		}
		if err := w.db.decideOn(context.WithValue(context.WithoutCancel(ctx), onWriter{}, true), w.reads, d, extra); err != nil {
			return err
		}
		if d.plan == nil {
			d.plan = &plan{}
		}
		return w.runPlan(d.plan)
	}
	return w.hand(&request{ctx: ctx, run: run, mail: d.plan.mail, done: make(chan struct{})})
}

// reserve takes a block of ids in a commit of its own.
func (w *writer) reserve(ctx context.Context, n int64) (end int64, err error) {
	err = w.do(ctx, func() (err error) {
		end, err = w.readReserve(ctx, n)
		return err
	})
	return end, err
}

// readReserve takes a block of ids within the transaction under way.
func (w *writer) readReserve(ctx context.Context, n int64) (end int64, err error) {
	err = w.conn.QueryRowContext(ctx, sqlReserve, n).Scan(&end)
	return end, err
}

// onWriter marks the context of what runs on the writer's goroutine.
type onWriter struct{}

func (w *writer) loop() {
	defer close(w.done)
	batch := make([]*request, 0, batchMax)
	for {
		batch = batch[:0]
		select {
		case r := <-w.in:
			batch = append(batch, r)
		case <-w.quit:
			w.drain()
			return
		}
		batch = w.gather(batch)
		w.batch(batch)
		for _, r := range batch {
			if r.after && r.err == nil {
				r.err = guard(func() error { return r.run(false) })
			}
			close(r.done)
		}
	}
}

// crowd is how many changes must wait for the writer to wait for more, and
// gatherFor for how long it does at most.
const (
	crowd     = 2
	gatherFor = 2 * time.Millisecond
)

// gather takes what else waits. As long as more comes it lets the others run
// first: when the machine is busy they have changes almost ready, and a larger
// batch costs each of them less; when it is idle this takes no time. A crowd
// also waits a little for the mails that are arriving just now; one alone never
// does.
func (w *writer) gather(batch []*request) []*request {
	mails := int64(0)
	for quiet := 0; len(batch) < batchMax && quiet < 2; {
		select {
		case r := <-w.in:
			batch, quiet = append(batch, r), 0
		default:
			quiet++
			runtime.Gosched()
		}
	}
	for _, r := range batch {
		mails += bit(r.mail)
	}
	if mails < crowd || w.db.arriving.Load() <= mails {
		return batch
	}
	w.pause.Reset(gatherFor)
	defer w.pause.Stop()
	for len(batch) < batchMax && w.db.arriving.Load() > mails {
		select {
		case r := <-w.in:
			batch, mails = append(batch, r), mails+bit(r.mail)
		case <-w.pause.C:
			return batch
		}
	}
	return batch
}

// drain turns away what nobody will do any more.
func (w *writer) drain() {
	for {
		select {
		case r := <-w.in:
			r.err = errClosed
			close(r.done)
		default:
			if w.conn != nil {
				for _, s := range w.stmts {
					_ = s.Close()
				}
				_ = w.reads.close()
				_ = w.conn.Close()
			}
			return
		}
	}
}

// batch commits what waits. An error of the transaction is everybody's; an
// error of one change its own.
func (w *writer) batch(batch []*request) {
	err := w.db.Err()
	if err == nil {
		err = w.transaction(batch, false)
	}
	if errors.Is(err, errAgain) {
		for _, r := range batch {
			r.err = nil
		}
		err = w.transaction(batch, true)
	}
	if err == nil {
		return
	}
	if diskBroken(err) {
		w.db.poison(err)
	}
	for _, r := range batch {
		if r.err == nil {
			r.err = err
		}
	}
}

// errAgain says that a change of the batch failed and none has a savepoint.
var errAgain = errors.New("do it again with savepoints")

// transaction commits a batch. Savepoints cost a copy of each page a change
// touches, and changes rarely fail: the first try goes without them and is
// rolled back whole by the first fault; the second then isolates it.
func (w *writer) transaction(batch []*request, savepoints bool) (err error) {
	if err := w.connect(); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			w.ids = idSource{reserve: w.readReserve}
			if !w.lite.AutoCommit() {
				_ = w.exec("ROLLBACK")
			}
		}
	}()
	kept := 0
	for _, r := range batch {
		if r.err = r.ctx.Err(); r.err != nil {
			continue
		}
		if r.after {
			continue
		}
		if !savepoints {
			if r.err = guard(func() error { return r.run(false) }); r.err != nil {
				if diskBroken(r.err) {
					return r.err
				}
				return errAgain
			}
		} else if err := w.one(r); err != nil {
			return err
		}
		if r.err == nil {
			kept++
		}
	}
	if kept == 0 {
		return w.exec("ROLLBACK")
	}
	if w.crash != nil {
		if err := w.crash("commit"); err != nil {
			return err
		}
	}
	if err := w.exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// one runs a request under its savepoint. What it returns concerns the whole
// transaction.
func (w *writer) one(r *request) (err error) {
	if err := w.exec("SAVEPOINT change"); err != nil {
		return err
	}
	r.err = guard(func() error { return r.run(true) })
	if r.err == nil {
		return w.exec("RELEASE change")
	}
	if w.lite.AutoCommit() {
		return r.err // SQLite has rolled everything back: full disk, I/O error
	}
	if diskBroken(r.err) || diskFull(r.err) {
		return r.err
	}
	w.ids = idSource{reserve: w.readReserve}
	return errors.Join(w.exec("ROLLBACK TO change"), w.exec("RELEASE change"))
}

// guard turns a panic of one change into its error.
func guard(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a change: %v", p)
		}
	}()
	return run()
}

// connect opens the writing connection once; it lives as long as the store.
func (w *writer) connect() error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.db.main.Connx(context.Background())
	if err != nil {
		return err
	}
	if err := conn.Raw(func(c any) error { w.lite = c.(*sqlite3.SQLiteConn); return nil }); err != nil {
		conn.Close()
		return err
	}
	if st, err := os.Stat(w.file); err == nil && st.Size() < walkedBelow {
		if _, err := w.lite.Exec(fmt.Sprintf("PRAGMA cache_size = -%d", walkedKiB), nil); err != nil {
			conn.Close()
			return err
		}
	}
	w.conn, w.reads = conn, &liteConn{lite: w.lite, stmts: map[string]*liteStmt{}, calm: true}
	return nil
}

func (w *writer) runPlan(p *plan) error {
	for i := range p.ops {
		o := &p.ops[i]
		if o.want < 0 {
			if err := w.put(o.text, o.args); err != nil {
				return err
			}
			continue
		}
		rows, err := w.run(o.text, o.args)
		if err == nil {
			err = o.check(rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// put executes a statement whose count of rows does not matter. Asked as a
// query the driver binds and steps in one call of C instead of one for each
// argument.
func (w *writer) put(text string, args []any) error {
	s, err := w.prepare(text, args)
	if err != nil {
		return err
	}
	r, err := s.QueryContext(context.Background(), w.args)
	clear(w.args)
	if err != nil {
		return err
	}
	if len(r.Columns()) > 0 { // else it is through already
		return r.Close()
	}
	return nil
}

// run executes a statement and returns how many rows it touched.
func (w *writer) run(text string, args []any) (rows int64, err error) {
	s, err := w.prepare(text, args)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(context.Background(), w.args)
	clear(w.args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// prepare returns a statement on the bare driver, since database/sql would
// cost as much again, and puts its arguments into w.args.
func (w *writer) prepare(text string, args []any) (*sqlite3.SQLiteStmt, error) {
	s := w.stmts[text]
	if s == nil {
		p, err := w.lite.Prepare(text)
		if err != nil {
			return nil, err
		}
		s = p.(*sqlite3.SQLiteStmt)
		w.stmts[text] = s
	}
	w.args = w.args[:0]
	for i, a := range args {
		w.args = append(w.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return s, nil
}

func (w *writer) exec(text string) error {
	_, err := w.run(text, nil)
	return err
}
