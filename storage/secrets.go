package storage

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// Secrets are the installation's own random keys. In each list the newest
// stands first and signs; the older ones still verify what was signed before.
type Secrets struct {
	Lookup  []byte   // keyed hashes: identities, log tags
	Reply   [][]byte // tokens of secret reply addresses
	VERP    [][]byte // tokens of return paths
	Confirm [][]byte // tokens of confirmations and challenges
}

const secretLookup = "lookup"

var secretNames = []string{secretLookup, "reply", "verp", "confirm"}

// Secrets returns the installation's secrets.
func (db *DB) Secrets(ctx context.Context) (Secrets, error) {
	all, err := db.keys.secrets(ctx)
	if err != nil {
		return Secrets{}, err
	}
	return Secrets{Lookup: all[secretLookup][0], Reply: all["reply"], VERP: all["verp"], Confirm: all["confirm"]}, nil
}

// RotateSecret makes a new secret of that name (reply, verp, confirm); older
// ones still verify. The look-up key is not rotated: all hashes rest on it.
func (db *DB) RotateSecret(ctx context.Context, name string) error {
	switch name {
	case "reply", "verp", "confirm":
		return db.keys.addSecret(ctx, db.keys.db, name)
	}
	return fmt.Errorf("no secret called %q can be rotated", name)
}

// secrets returns all secrets by name, newest first, and makes those that
// are missing.
func (k *keyring) secrets(ctx context.Context) (map[string][][]byte, error) {
	for range 2 {
		all, err := k.readSecrets(ctx)
		if err != nil {
			return nil, err
		}
		missing := false
		for _, name := range secretNames {
			missing = missing || len(all[name]) == 0
		}
		if !missing {
			return all, nil
		}
		if err := k.makeSecrets(ctx); err != nil {
			return nil, fmt.Errorf("make the installation's secrets: %w", err)
		}
	}
	return nil, fmt.Errorf("the installation's secrets are incomplete")
}

func (k *keyring) readSecrets(ctx context.Context) (map[string][][]byte, error) {
	rows, err := k.db.QueryContext(ctx, k.d.keys("SELECT id, name, wrapped FROM keys.secrets ORDER BY id DESC"))
	if err != nil {
		return nil, fmt.Errorf("read the installation's secrets: %w", err)
	}
	defer rows.Close()
	all := map[string][][]byte{}
	for rows.Next() {
		var id int64
		var name string
		var wrapped []byte
		if err := rows.Scan(&id, &name, &wrapped); err != nil {
			return nil, err
		}
		secret, err := k.wrap.open(place{column: "secrets." + name, row: id}, wrapped)
		if err != nil {
			return nil, fmt.Errorf("the master key does not fit this data folder's keys: use the master key it was made with")
		}
		all[name] = append(all[name], secret)
	}
	return all, rows.Err()
}

// makeSecrets makes what is missing, once, however many nodes start.
func (k *keyring) makeSecrets(ctx context.Context) error {
	tx, err := k.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if k.d.postgres {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lockSetup); err != nil {
			return err
		}
	}
	for _, name := range secretNames {
		var n int
		if err := tx.GetContext(ctx, &n, k.d.keys("SELECT COUNT(*) FROM keys.secrets WHERE name = ?"), name); err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if err := k.addSecret(ctx, tx, name); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (k *keyring) addSecret(ctx context.Context, to sqlx.ExtContext, name string) error {
	now := k.now()
	id := newKeyID(now)
	_, err := to.ExecContext(ctx, k.d.keys("INSERT INTO keys.secrets (id, name, created, wrapped) VALUES (?, ?, ?, ?)"),
		id, name, now.UnixMicro(), k.wrap.seal(place{column: "secrets." + name, row: id}, randomKey()))
	return err
}
