package storage

import "context"

// PurgeSearch brings this node's search index up to date with what another
// node erased, in the file too. A node that is not told does it within
// [sweepEvery], and at its start.
func (db *DB) PurgeSearch(ctx context.Context) error {
	return wrapErr("purge the search index", db.purgeSearch(ctx, 0))
}
