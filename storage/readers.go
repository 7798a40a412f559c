package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"

	"github.com/jmoiron/sqlx"
)

// readers is a bounded pool of connections for views. Each keeps its prepared
// statements; a transaction on it is one consistent reading.
type readers struct {
	db    *sqlx.DB
	free  chan *sqlx.Conn // nil: to be opened
	begin string
}

func newReaders(db *sqlx.DB, n int, begin string) *readers {
	r := &readers{db: db, free: make(chan *sqlx.Conn, n), begin: begin}
	for range n {
		r.free <- nil
	}
	return r
}

// borrow takes a connection; done gives it back. A connection that failed is
// closed instead.
func (r *readers) borrow(ctx context.Context) (*sqlx.Conn, error) {
	var c *sqlx.Conn
	select {
	case c = <-r.free:
	default:
		select {
		case c = <-r.free:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if c == nil {
		var err error
		if c, err = r.db.Connx(ctx); err != nil {
			r.free <- nil
			return nil, err
		}
	}
	return c, nil
}

func (r *readers) giveBack(c *sqlx.Conn, good bool) {
	if !good {
		_ = c.Raw(func(any) error { return driver.ErrBadConn }) // out of the pool below, too
		_ = c.Close()
		c = nil
	}
	r.free <- c
}

// snapshot runs fn within a read transaction.
func (r *readers) snapshot(ctx context.Context, fn func(q sqlx.QueryerContext) error) error {
	c, err := r.borrow(ctx)
	if err != nil {
		return err
	}
	// The transaction's own statements are not cancelled, so that the
	// connection is in a known state afterwards; fn's queries are.
	calm := context.WithoutCancel(ctx)
	if _, err := c.ExecContext(calm, r.begin); err != nil {
		r.giveBack(c, false)
		return err
	}
	good := false
	defer func() {
		if _, err := c.ExecContext(calm, "ROLLBACK"); err != nil {
			good = false
		}
		r.giveBack(c, good)
	}()
	err = fn(c)
	good = true
	return err
}

// with runs fn on a connection outside any transaction.
func (r *readers) with(ctx context.Context, fn func(q sqlx.QueryerContext) error) error {
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

func (r *readers) close() error {
	var errs []error
	for range cap(r.free) {
		if c := <-r.free; c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(append(errs, r.db.Close())...)
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
