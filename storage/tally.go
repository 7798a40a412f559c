package storage

import (
	"context"
	"maps"
	"slices"
	"strings"

	"postroom/tickets"
)

const (
	sqlAddCount = "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value"
	sqlClaim    = "INSERT INTO counters (name, value) VALUES (?, 1) ON CONFLICT (name) DO NOTHING"
	sqlCounts   = "SELECT name, value FROM counters WHERE name LIKE ?"
)

// AddCounts adds to named counts, such as those of a day. Names are ASCII and
// hold nothing personal.
func (db *DB) AddCounts(ctx context.Context, counts map[string]int64) error {
	_, err := db.apply(ctx, nothing, func(pl *plan) {
		for _, name := range slices.Sorted(maps.Keys(counts)) { // in order, so that nodes don't wait for each other in a ring
			pl.ops = append(pl.ops, op{text: sqlAddCount, args: []any{tallyName(name), counts[name]}, want: -1})
		}
	})
	return err
}

// Counts returns the counts whose names begin with prefix.
func (db *DB) Counts(ctx context.Context, prefix string) (map[string]int64, error) {
	counts := make(map[string]int64)
	err := db.View(ctx, func(tv tickets.View) error {
		v := tv.(*view)
		rows, err := v.q.QueryContext(ctx, db.d.sql(sqlCounts), tallyName(prefix)+"%")
		if err != nil {
			return wrapErr("read counts", err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var n int64
			if err := rows.Scan(&name, &n); err != nil {
				return wrapErr("read counts", err)
			}
			counts[strings.TrimPrefix(name, tallyName(""))] = n
		}
		return rows.Err()
	})
	return counts, err
}

// ApplyOnce is Apply under a name that is used once in the life of the
// installation. Whoever comes second gets tickets.ErrGone.
func (db *DB) ApplyOnce(ctx context.Context, name string, decide tickets.Decide) (*tickets.Change, error) {
	return db.apply(ctx, decide, func(pl *plan) {
		pl.ops = append(pl.ops, op{text: sqlClaim, args: []any{tallyName("once:" + name)}, want: 1, gone: true})
	})
}

// tallyName keeps these names apart from the store's own counters.
func tallyName(name string) string { return "tally:" + name }

func nothing(context.Context, tickets.View) (*tickets.Change, error) { return &tickets.Change{}, nil }
