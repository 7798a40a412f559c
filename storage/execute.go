package storage

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// querier is what reads: a connection of the pool or the writer's own.
type querier = sqlx.QueryerContext

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
