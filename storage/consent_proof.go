package storage

import (
	"context"
)

// MessageOf returns the id of the message with that receipt that the address
// wrote, so that what proves a consent can be read; 0 when it is not held, or
// was erased.
func (db *DB) MessageOf(ctx context.Context, org int64, address, receipt string) (id int64, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, "SELECT m.id FROM lookups l JOIN messages m ON m.id = l.target WHERE l.hash = ? AND l.kind = ? AND m.receipt = ?",
			[]any{db.hash.address(org, address), kindOwned, receipt}, &id)
		return err
	})
	return id, wrapErr("find a message by its receipt", err)
}
