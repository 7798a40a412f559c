package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// liteConn reads from SQLite with statements that stay prepared, on the bare
// driver: database/sql would cost more than most of the queries.
type liteConn struct {
	pooled *sqlx.Conn // whose connection this is; nil for the writer's
	lite   *sqlite3.SQLiteConn
	stmts  map[string]*liteStmt
	args   []driver.NamedValue
	wanted bool // a transaction, from the next query on
	began  bool
	calm   bool // a query that runs is not cancelled: it is a short one, and watching costs
}

var _ connection = (*liteConn)(nil)

// liteStmt is a prepared statement. While its rows are read, the same text
// asked again is prepared apart.
type liteStmt struct {
	*sqlite3.SQLiteStmt
	busy   bool
	values []driver.Value
}

// liteStmts bounds how many statements stay prepared; few texts are ever used.
const liteStmts = 100

func newLiteConn(c *sqlx.Conn) (*liteConn, error) {
	l := &liteConn{pooled: c, stmts: map[string]*liteStmt{}}
	return l, c.Raw(func(c any) error { l.lite = c.(*sqlite3.SQLiteConn); return nil })
}

func (c *liteConn) begin(calm bool) { c.wanted, c.calm = true, calm }

func (c *liteConn) end() error {
	began := c.began
	c.wanted, c.began, c.calm = false, false, false
	if !began {
		return nil
	}
	return c.exec("ROLLBACK")
}

func (c *liteConn) close() error {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	if c.pooled == nil {
		return nil
	}
	return c.pooled.Close()
}

// drop closes the connection for good.
func (c *liteConn) drop() {
	_ = c.pooled.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.close()
}

func (c *liteConn) exec(text string) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(context.Background(), nil)
	return err
}

func (c *liteConn) prepare(text string) (*liteStmt, error) {
	s := c.stmts[text]
	if s != nil && !s.busy {
		return s, nil
	}
	p, err := c.lite.Prepare(text)
	if err != nil {
		return nil, err
	}
	fresh := &liteStmt{SQLiteStmt: p.(*sqlite3.SQLiteStmt)}
	if s != nil {
		return fresh, nil
	}
	if len(c.stmts) >= liteStmts {
		for text, old := range c.stmts {
			if !old.busy {
				delete(c.stmts, text)
				_ = old.Close()
			}
		}
	}
	c.stmts[text] = fresh
	return fresh, nil
}

// QueryContext implements querier.
func (c *liteConn) QueryContext(ctx context.Context, text string, args ...any) (rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.calm {
		ctx = context.Background()
	}
	if c.wanted && !c.began {
		if err := c.exec("BEGIN"); err != nil {
			return nil, err
		}
		c.began = true
	}
	s, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	if n := s.NumInput(); n != len(args) {
		return nil, fmt.Errorf("a query has %d parameters and %d arguments", n, len(args))
	}
	c.args = c.args[:0]
	for i, a := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	r, err := s.QueryContext(ctx, c.args)
	clear(c.args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &liteRows{stmt: s, rows: r, own: c.stmts[text] != s}, nil
}

// liteRows are the rows of one query, with the methods of [sql.Rows].
type liteRows struct {
	stmt *liteStmt
	rows driver.Rows
	own  bool // the statement ends with its rows
	here bool // a row was read
	err  error
}

func (r *liteRows) Next() bool {
	r.here = false
	if r.rows == nil {
		return false
	}
	s := r.stmt
	if s.values == nil {
		s.values = make([]driver.Value, len(r.rows.Columns()))
	}
	if err := r.rows.Next(s.values); err != nil {
		if err != io.EOF {
			r.err = err
		}
		if err := r.Close(); r.err == nil {
			r.err = err
		}
		return false
	}
	r.here = true
	return true
}

func (r *liteRows) Scan(dest ...any) error {
	if !r.here {
		return errors.New("no row was read")
	}
	if len(dest) != len(r.stmt.values) {
		return fmt.Errorf("a row has %d columns, not %d", len(r.stmt.values), len(dest))
	}
	for i, v := range r.stmt.values {
		if err := assign(dest[i], v); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	return nil
}

func (r *liteRows) Err() error { return r.err }

func (r *liteRows) Close() error {
	if r.rows == nil {
		return nil
	}
	err := r.rows.Close()
	clear(r.stmt.values)
	r.rows, r.here, r.stmt.busy = nil, false, false
	if r.own {
		err = errors.Join(err, r.stmt.Close())
	}
	return err
}

// assign puts a column's value where Scan is to put it.
func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case *int64:
		if n, ok := v.(int64); ok {
			*d = n
			return nil
		}
	case *string:
		if s, ok := v.(string); ok {
			*d = s
			return nil
		}
	case *[]byte:
		switch b := v.(type) {
		case []byte:
			*d = b
			return nil
		case nil:
			*d = nil
			return nil
		}
	case *any:
		*d = v
		return nil
	case sql.Scanner:
		return d.Scan(v)
	}
	to := reflect.ValueOf(dest).Elem()
	switch v := v.(type) {
	case int64:
		if to.CanInt() && !to.OverflowInt(v) {
			to.SetInt(v)
			return nil
		}
	case string:
		if to.Kind() == reflect.String {
			to.SetString(v)
			return nil
		}
	}
	return fmt.Errorf("a %T does not fit into a %T", v, dest)
}
