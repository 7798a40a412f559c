package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"postroom/tickets"
)

// tries bounds how often a change is decided again on PostgreSQL, where every
// try may lose against another node. SQLite's second decision cannot lose.
const tries = 12

// decision is one change on its way: how it was decided, what came out, and
// the plan that writes it.
type decision struct {
	ctx    context.Context
	decide tickets.Decide
	change *tickets.Change
	plan   *plan
	err    error
}

// Apply implements [tickets.Store]. Errors of decide come back as they are;
// those of the database as *[tickets.Refusal].
func (db *DB) Apply(ctx context.Context, decide tickets.Decide) (*tickets.Change, error) {
	return db.apply(ctx, decide, nil)
}

// apply runs a decision; extra adds statements to its plan that are guarded
// like the rest.
func (db *DB) apply(ctx context.Context, decide tickets.Decide, extra func(*plan)) (*tickets.Change, error) {
	if err := db.Err(); err != nil {
		return nil, refuse(err)
	}
	d := &decision{ctx: ctx, decide: decide}
	run := func(q querier) error { return db.decideOn(ctx, q, d, extra) }
	for try := 0; ; try++ {
		if err := db.readers.decision(ctx, run); err != nil {
			return nil, db.failed(err, d)
		}
		if d.plan == nil || len(d.plan.ops) == 0 {
			return d.change, nil
		}
		var err error
		if db.writer != nil {
			err = db.writer.commit(ctx, d, extra)
		} else {
			err = db.commitPostgres(ctx, d)
		}
		if err == nil {
			d.plan.done(db)
			return d.change, nil
		}
		d.plan.undo()
		if db.writer != nil || !moved(err) || try == tries {
			return nil, db.failed(err, d)
		}
		pause := time.Duration(rand.Int64N(int64(time.Millisecond) << min(try, 6)))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// decideOn decides on a reading and prepares the change.
func (db *DB) decideOn(ctx context.Context, q querier, d *decision, extra func(*plan)) error {
	v := db.newView(q)
	d.change, d.plan, d.err = nil, nil, nil
	c, err := d.decide(ctx, v)
	if err != nil {
		d.err = err
		return err
	}
	d.change = c
	if c == nil {
		return nil
	}
	d.plan, err = db.prepare(ctx, v, c)
	if err == nil && extra != nil {
		extra(d.plan)
	}
	return err
}

// failed says what an error means to the caller: the decision's own error as
// it is, anything else as a refusal that may pass.
func (db *DB) failed(err error, d *decision) error {
	switch {
	case d.err != nil && errors.Is(err, d.err):
		return d.err
	case errors.Is(err, tickets.ErrGone), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return refuse(err)
}

// done tells the rest of the store what was committed.
func (pl *plan) done(db *DB) {
	for _, s := range pl.adopts {
		db.stages.adopted(s)
	}
	if pl.directory {
		db.dir.forget()
	}
}

// check compares the rows an op touched with what it wants.
func (o *op) check(rows int64) error {
	if o.want < 0 || rows == o.want {
		return nil
	}
	if o.gone {
		return tickets.ErrGone
	}
	return errMoved
}

// commitPostgres sends a plan in one round trip and commits it in another.
// The commit is not cancelled once it was sent.
func (db *DB) commitPostgres(ctx context.Context, d *decision) error {
	calm := context.WithoutCancel(ctx)
	conn, err := db.main.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		pg := c.(*stdlib.Conn).Conn()
		tx, err := pg.Begin(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback(calm) }()
		batch := &pgx.Batch{}
		for i := range d.plan.ops {
			o := &d.plan.ops[i]
			batch.Queue(db.d.sql(o.text), o.args...)
		}
		results := tx.SendBatch(calm, batch)
		for i := range d.plan.ops {
			tag, err := results.Exec()
			if err == nil {
				err = d.plan.ops[i].check(tag.RowsAffected())
			}
			if err != nil {
				_ = results.Close()
				return err
			}
		}
		if err := results.Close(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := tx.Commit(calm); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		return nil
	})
}
