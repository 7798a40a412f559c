package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"sync"

	"github.com/jmoiron/sqlx"
)

// querier is what reads: a connection of the pool or the writer's own.
type querier interface {
	QueryContext(ctx context.Context, text string, args ...any) (rows, error)
}

// rows are what a query returns; [sql.Rows] are such.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

// connection is one of the pool. A transaction that is wanted begins with the
// first query: what needs none, costs none.
type connection interface {
	querier
	begin(calm bool)
	end() error
	close() error
	drop()
}

// readers is a bounded pool of connections for views. Each keeps its prepared
// statements; a transaction on it is one consistent reading.
type readers struct {
	db    *sqlx.DB
	wrap  func(*sqlx.Conn) (connection, error)
	slots chan struct{} // one for each that is lent

	mu   sync.Mutex
	idle []connection // the last is the one used last
}

func newReaders(db *sqlx.DB, n int, wrap func(*sqlx.Conn) (connection, error)) *readers {
	return &readers{db: db, wrap: wrap, slots: make(chan struct{}, n)}
}

// borrow takes a connection; giveBack ends its loan. It is the one that was
// used last: if nothing was committed since, its pages are still those of the
// database.
func (r *readers) borrow(ctx context.Context) (connection, error) {
	select {
	case r.slots <- struct{}{}:
	default:
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r.mu.Lock()
	if n := len(r.idle); n > 0 {
		c := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return c, nil
	}
	r.mu.Unlock()
	conn, err := r.db.Connx(ctx)
	if err == nil {
		var c connection
		if c, err = r.wrap(conn); err == nil {
			return c, nil
		}
		_ = conn.Close()
	}
	<-r.slots
	return nil, err
}

// giveBack returns a connection. One that failed is closed instead.
func (r *readers) giveBack(c connection, good bool) {
	if good {
		r.mu.Lock()
		r.idle = append(r.idle, c)
		r.mu.Unlock()
	} else {
		c.drop()
	}
	<-r.slots
}

// snapshot runs fn within a read transaction.
func (r *readers) snapshot(ctx context.Context, fn func(q querier) error) error {
	return r.reading(ctx, false, fn)
}

// decision is a snapshot for short queries by key, as decisions make them: one
// that runs is not cancelled.
func (r *readers) decision(ctx context.Context, fn func(q querier) error) error {
	return r.reading(ctx, true, fn)
}

func (r *readers) reading(ctx context.Context, calm bool, fn func(q querier) error) error {
	c, err := r.borrow(ctx)
	if err != nil {
		return err
	}
	good := false
	defer func() {
		if err := c.end(); err != nil {
			good = false
		}
		r.giveBack(c, good)
	}()
	c.begin(calm)
	err = fn(c)
	good = true
	return err
}

// with runs fn on a connection outside any transaction.
func (r *readers) with(ctx context.Context, fn func(q querier) error) error {
	c, err := r.borrow(ctx)
	if err != nil {
		return err
	}
	good := false
	defer func() { r.giveBack(c, good) }()
	err = fn(c)
	good = err == nil || isNoRows(err)
	return err
}

// close waits for what is lent.
func (r *readers) close() error {
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	var errs []error
	for _, c := range r.idle {
		errs = append(errs, c.close())
	}
	return errors.Join(append(errs, r.db.Close())...)
}

// pooled is a connection by way of database/sql.
type pooled struct {
	*sqlx.Conn
	wanted, began bool
}

var _ connection = (*pooled)(nil)

func (p *pooled) begin(bool) { p.wanted = true }

// QueryContext implements querier. The transaction's own statements are not
// cancelled, so that the connection is in a known state afterwards.
func (p *pooled) QueryContext(ctx context.Context, text string, args ...any) (rows, error) {
	if p.wanted && !p.began {
		if _, err := p.ExecContext(context.WithoutCancel(ctx), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err != nil {
			return nil, err
		}
		p.began = true
	}
	return query(ctx, p.Conn, text, args...)
}

func (p *pooled) end() error {
	began := p.began
	p.wanted, p.began = false, false
	if !began {
		return nil
	}
	_, err := p.ExecContext(context.Background(), "ROLLBACK")
	return err
}

func (p *pooled) close() error { return p.Conn.Close() }

func (p *pooled) drop() {
	_ = p.Raw(func(any) error { return driver.ErrBadConn }) // out of the pool below, too
	_ = p.Conn.Close()
}

// through is a querier of anything that database/sql asks.
type through struct{ sqlx.QueryerContext }

func (t through) QueryContext(ctx context.Context, text string, args ...any) (rows, error) {
	return query(ctx, t.QueryerContext, text, args...)
}

func query(ctx context.Context, q sqlx.QueryerContext, text string, args ...any) (rows, error) {
	r, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err // no interface around a nil *sql.Rows
	}
	return r, nil
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// redactURL leaves a password out of what is shown.
func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unreadable)"
	}
	return u.Redacted()
}
