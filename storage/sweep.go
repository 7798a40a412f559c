package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const sweepEvery = 10 * time.Minute

// sweepLoop clears away what a crash or a hang-up left behind. On SQLite
// whatever is staged or unused at the start is of an earlier process.
func (db *DB) sweepLoop(ctx context.Context) {
	first := db.writer != nil
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := db.sweepStages(ctx, first); err != nil && ctx.Err() == nil {
			db.log.Warn("sweep", "err", err)
		}
		if err := db.sweepKeys(ctx); err != nil && ctx.Err() == nil {
			db.log.Warn("sweep", "err", err)
		}
		if err := db.purgeSearch(ctx, 0); err != nil && ctx.Err() == nil {
			db.log.Warn("sweep", "err", err) // words that another node erased
		}
		if err := db.sweepEnded(ctx); err != nil && ctx.Err() == nil {
			db.log.Warn("sweep", "err", err)
		}
		first = false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweepKeys removes people's keys that were made in advance and never used:
// those of earlier processes. On PostgreSQL another node may hold them, so
// only those older than a day go. What was looked at is remembered, so that a
// start does not read all keys.
func (db *DB) sweepKeys(ctx context.Context) error {
	k := db.keys
	before := k.firstID
	if db.d.postgres {
		before = min(before, newKeyID(db.now().Add(-sweepAge)))
	}
	var from int64
	if err := k.db.GetContext(ctx, &from, k.d.keys("SELECT CAST(COALESCE((SELECT value FROM keys.settings WHERE name = 'swept'), '0') AS BIGINT)")); err != nil {
		return fmt.Errorf("sweep keys: %w", err)
	}
	for from < before {
		var ids []int64
		if err := k.db.SelectContext(ctx, &ids, k.d.keys("SELECT id FROM keys.keys WHERE id > ? AND id < ? AND kind <> 'org' ORDER BY id LIMIT 1000"), from, before); err != nil {
			return fmt.Errorf("sweep keys: %w", err)
		}
		if err := db.sweepKeysOf(ctx, ids); err != nil {
			return fmt.Errorf("sweep keys: %w", err)
		}
		from = before
		if len(ids) == 1000 {
			from = ids[len(ids)-1]
		}
		if _, err := k.db.ExecContext(ctx, k.d.keys("INSERT INTO keys.settings (name, value) VALUES ('swept', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"), fmt.Sprint(from)); err != nil {
			return fmt.Errorf("sweep keys: %w", err)
		}
	}
	return nil
}

// sweepKeysOf removes those of the keys that are nobody's.
func (db *DB) sweepKeysOf(ctx context.Context, ids []int64) error {
	used := map[int64]bool{}
	err := db.readers.with(ctx, func(q querier) error {
		for part := range slices.Chunk(ids, 256) {
			args := make([]any, len(part))
			for i, id := range part {
				args[i] = id
			}
			in := marks(len(args))
			rows, err := q.QueryContext(ctx, db.d.sql("SELECT id FROM persons WHERE id IN ("+in+") UNION SELECT key_id FROM privacy_requests WHERE key_id IN ("+in+") UNION SELECT key_id FROM privacy_frozen WHERE key_id IN ("+in+") UNION SELECT target FROM privacy_work WHERE kind = 'person' AND target IN ("+in+")"), slices.Concat(args, args, args, args)...)
			if err != nil {
				return err
			}
			for rows.Next() {
				var id int64
				if err := rows.Scan(&id); err != nil {
					rows.Close()
					return err
				}
				used[id] = true
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !used[id] {
			if err := db.keys.drop(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}
