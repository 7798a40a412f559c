package storage

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// LoadSecret returns a named secret of the installation, such as a signing
// key; nil and no error for a name that has none.
func (db *DB) LoadSecret(ctx context.Context, name string) ([]byte, error) {
	var list []struct {
		ID      int64  `db:"id"`
		Wrapped []byte `db:"wrapped"`
	}
	err := sqlx.SelectContext(ctx, db.keys.db, &list, db.d.keys("SELECT id, wrapped FROM keys.secrets WHERE name = ? ORDER BY id LIMIT 1"), name)
	if err != nil || len(list) == 0 {
		return nil, wrapErr("read a secret", err)
	}
	return db.keys.wrap.open(place{column: "secrets." + name, row: list[0].ID}, list[0].Wrapped)
}

// SaveSecret keeps the value unless the name has one already, and returns the
// one that stands: when two nodes make a key at once, both use the same.
func (db *DB) SaveSecret(ctx context.Context, name string, value []byte) ([]byte, error) {
	tx, err := db.keys.db.BeginTxx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	if db.d.postgres {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lockSetup); err != nil {
			return nil, err
		}
	}
	var n int
	if err := tx.GetContext(ctx, &n, db.d.keys("SELECT COUNT(*) FROM keys.secrets WHERE name = ?"), name); err != nil {
		return nil, err
	}
	if n == 0 {
		now := db.now()
		id := newKeyID(now)
		if _, err := tx.ExecContext(ctx, db.d.keys("INSERT INTO keys.secrets (id, name, created, wrapped) VALUES (?, ?, ?, ?)"), id, name,
			now.UnixMicro(), db.keys.wrap.seal(place{column: "secrets." + name, row: id}, value)); err != nil {
			return nil, fmt.Errorf("save a secret: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, err
	}
	return db.LoadSecret(ctx, name)
}
