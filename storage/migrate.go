package storage

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

//go:embed migrations
var migrationFiles embed.FS

type migration struct {
	version int
	name    string
	text    string
}

// migrations returns the numbered files of a folder in order. Numbers run
// from 1 without gaps.
func migrations(folder string) ([]migration, error) {
	names, err := fs.Glob(migrationFiles, path.Join("migrations", folder, "*.sql"))
	if err != nil {
		return nil, err
	}
	var list []migration
	for i, name := range names {
		base := path.Base(name)
		n, err := strconv.Atoi(base[:4])
		if err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s is out of order", name)
		}
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list = append(list, migration{n, base, string(text)})
	}
	return list, nil
}

// translate turns a migration's text into the database's own words.
func (d dialect) translate(text string) string {
	keep, drop := "--sqlite ", "--postgres "
	if d.postgres {
		keep, drop = drop, keep
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, drop) {
			continue
		}
		line = strings.TrimPrefix(line, keep)
		if i := strings.Index(line, "--"); i >= 0 {
			line = line[:i] + "\n"
		}
		b.WriteString(line)
	}
	if !d.postgres {
		return strings.ReplaceAll(b.String(), "keys.", "")
	}
	return strings.NewReplacer(" WITHOUT ROWID, STRICT", "", " STRICT", "", "INTEGER", "BIGINT", "BLOB", "BYTEA").Replace(b.String())
}

// migrate brings a database up to date, or up to a version when that is not 0,
// each file in a transaction of its own. A database of a later version than
// this program knows is refused: it would not know what it breaks.
func (d dialect) migrate(ctx context.Context, db *sqlx.DB, folder string, upTo int) error {
	table := "schema_version"
	if d.postgres && folder == "keys" {
		if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS keys"); err != nil {
			return fmt.Errorf("create the schema for keys: %w", err)
		}
		table = "keys.schema_version"
	}
	list, err := migrations(folder)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+table+" (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)"); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	for {
		done, err := d.migrateOne(ctx, db, table, list, upTo)
		if err != nil || done {
			return err
		}
	}
}

// migrateOne runs the next migration; done is true when there is none. The
// version is read under a lock, since several nodes may start at once.
func (d dialect) migrateOne(ctx context.Context, db *sqlx.DB, table string, list []migration, upTo int) (done bool, err error) {
	tx, err := db.BeginTxx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("prepare the database: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if d.postgres {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lockMigrate); err != nil {
			return false, fmt.Errorf("lock the database: %w", err)
		}
	}
	var have int
	if err := tx.GetContext(ctx, &have, "SELECT COALESCE(MAX(version), 0) FROM "+table); err != nil {
		return false, fmt.Errorf("read the database's version: %w", err)
	}
	if have > len(list) {
		return false, fmt.Errorf("the database has version %d, this postroom knows versions up to %d: start the newer postroom that wrote it, or restore a backup made before", have, len(list))
	}
	if have == len(list) || upTo > 0 && have == upTo {
		return true, nil
	}
	m := list[have]
	if _, err := tx.ExecContext(ctx, d.translate(m.text)); err != nil {
		return false, fmt.Errorf("migration %s: %w", m.name, err)
	}
	if _, err := tx.ExecContext(ctx, d.sql("INSERT INTO "+table+" (version, name) VALUES (?, ?)"), m.version, m.name); err != nil {
		return false, fmt.Errorf("migration %s: %w", m.name, err)
	}
	return false, tx.Commit()
}

// Advisory locks of PostgreSQL, all of one family.
const (
	lockMigrate = 0x706f7374_01
	lockChanges = 0x706f7374_02
	lockSetup   = 0x706f7374_03
)
