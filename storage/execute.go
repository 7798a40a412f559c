package storage

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
)

// executor is what writes within a transaction.
type executor interface {
	sqlx.QueryerContext
	sqlx.ExecerContext
}

// execute commits statements that need no decision. Their errors are plain.
func (db *DB) execute(ctx context.Context, ops []op) error {
	if err := db.Err(); err != nil {
		return err
	}
	p := &plan{ops: ops}
	if db.writer != nil {
		return db.writer.do(ctx, func() error { return db.writer.runPlan(p) })
	}
	return db.commitPostgres(ctx, &decision{ctx: ctx, plan: p})
}

// update runs fn within a writing transaction and commits it durably. fn may
// run more than once. On SQLite it runs on the writer, so it must be quick and
// must not use the store otherwise.
func (db *DB) update(ctx context.Context, fn func(context.Context, executor) error) error {
	if err := db.Err(); err != nil {
		return err
	}
	calm := context.WithoutCancel(ctx)
	if db.writer != nil {
		return db.writer.do(ctx, func() error { return fn(calm, db.writer.conn) })
	}
	for try := 0; ; try++ {
		err := db.updatePostgres(ctx, calm, fn)
		if !moved(err) || try == tries {
			return err
		}
		select {
		case <-time.After(time.Duration(try+1) * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (db *DB) updatePostgres(ctx, calm context.Context, fn func(context.Context, executor) error) error {
	tx, err := db.main.BeginTxx(calm, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := fn(calm, tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return tx.Commit()
}
