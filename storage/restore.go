package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jmoiron/sqlx"
)

// restoring marks a database whose restore has not ended.
const restoring = "restoring"

// Restore fills an installation that holds nothing yet, of either kind, from
// a backup of the content. The keys come from their own backup, or are there
// already, as when the database was lost and the keys were not. Without keys
// it refuses: nothing could be read. A backup of an earlier version is brought
// up to date. Keys are wrapped anew with opt.MasterKey.
// A restore that was broken off leaves a database that does not open; clear
// it and restore again.
//
// What was erased since the backup is erased again before the store opens: the
// list of erasures is asked for.
func Restore(ctx context.Context, opt Options, content, keys io.Reader, passphrase string, erasures Erasures) error {
	if erasures.List == nil && !erasures.AcceptMissing {
		return ErrNoErasures
	}
	a, err := openArchive(content, contentMagic)
	if err != nil {
		return err
	}
	list, err := migrations("desk")
	if err != nil {
		return err
	}
	if a.head.Schema < 1 || a.head.Schema > len(list) {
		return fmt.Errorf("the backup has schema version %d, this postroom knows versions up to %d: restore it with the postroom that made it", a.head.Schema, len(list))
	}
	db, err := newDB(opt)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.connect(ctx, a.head.Schema); err != nil {
		return err
	}
	if err := db.checkEmpty(ctx); err != nil {
		return err
	}
	if err := db.restoreKeys(ctx, a.head.Installation, keys, passphrase); err != nil {
		return err
	}
	if err := removeSearch(opt.DataDir); err != nil {
		return wrapErr("restore", err)
	}
	if err := db.restoreContent(ctx, a); err != nil {
		return wrapErr("restore", err)
	}
	if err := db.d.migrate(ctx, db.main, "desk", 0); err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return wrapErr("restore", err)
	}
	return wrapErr("restore", eraseAgain(ctx, opt, erasures))
}

func (db *DB) checkEmpty(ctx context.Context) error {
	for _, table := range []string{"tickets", "messages", "persons", "queues", "agents", "outbox"} {
		var n int
		if err := db.main.GetContext(ctx, &n, "SELECT COUNT(*) FROM (SELECT 1 FROM "+table+" LIMIT 1) AS one"); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("the database is not empty (%s): restore into a new one", table)
		}
	}
	return nil
}

// restoreKeys brings the keys of the installation the backup is of.
func (db *DB) restoreKeys(ctx context.Context, installation string, keys io.Reader, passphrase string) error {
	var have string
	err := db.keys.db.GetContext(ctx, &have, db.d.keys("SELECT value FROM keys.settings WHERE name = 'installation'"))
	if err != nil && !isNoRows(err) {
		return wrapErr("read the keys", err)
	}
	if keys == nil {
		if have != installation {
			return errors.New("the backup cannot be read without its keys: give the backup of the keys, or put back the keys it was made with")
		}
		return nil
	}
	if have != "" {
		var used int
		if err := db.keys.db.GetContext(ctx, &used, db.d.keys("SELECT COUNT(*) FROM keys.keys WHERE kind = 'org'")); err != nil {
			return wrapErr("read the keys", err)
		}
		if have == installation || used > 0 {
			return errors.New("there are keys here already: restore into a new installation, or leave out the backup of the keys")
		}
	}
	a, err := openKeysBackup(keys, passphrase)
	if err != nil {
		return err
	}
	if a.head.Installation != installation {
		return errors.New("these are the keys of another installation")
	}
	return wrapErr("restore the keys", db.fillKeys(ctx, a))
}

// fillKeys writes all keys in one transaction, wrapped with the master key of
// this installation.
func (db *DB) fillKeys(ctx context.Context, a *archiveReader) error {
	tx, err := db.keys.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, text := range []string{"DELETE FROM keys.settings", "DELETE FROM keys.secrets", "DELETE FROM keys.keys"} {
		if _, err := tx.ExecContext(ctx, db.d.keys(text)); err != nil {
			return err
		}
	}
	texts := []string{"INSERT INTO keys.settings (name, value) VALUES (?, ?)",
		"INSERT INTO keys.keys (id, kind, created, wrapped) VALUES (?, ?, ?, ?)",
		"INSERT INTO keys.secrets (id, name, created, wrapped) VALUES (?, ?, ?, ?)"}
	for {
		table, row, err := a.next()
		if err != nil {
			return err
		}
		if table < 0 {
			return tx.Commit()
		}
		if table > 0 {
			id, ok1 := row[0].(int64)
			what, ok2 := row[1].(string)
			key, ok3 := row[3].([]byte)
			if !ok1 || !ok2 || !ok3 {
				return errArchive
			}
			at := place{column: "keys.wrapped", row: id}
			if table == 2 {
				at.column = "secrets." + what
			}
			row[3] = db.keys.wrap.seal(at, key)
		}
		if _, err := tx.ExecContext(ctx, db.d.keys(texts[table]), row...); err != nil {
			return err
		}
	}
}

// restoreRows is how many rows share a transaction.
const restoreRows = 2000

// restoreContent fills the tables. It commits in parts, under a mark that
// keeps the database from being opened before all of it is there.
func (db *DB) restoreContent(ctx context.Context, a *archiveReader) error {
	texts, err := insertTexts(a.head.Tables)
	if err != nil {
		return err
	}
	for _, text := range []string{"DELETE FROM settings", "DELETE FROM counters", "DELETE FROM orgs",
		"INSERT INTO settings (name, value) VALUES ('" + restoring + "', 'unfinished')"} {
		if _, err := db.main.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	for done := false; !done; {
		if done, err = db.restorePart(ctx, a, texts); err != nil {
			return err
		}
	}
	_, err = db.main.ExecContext(ctx, "UPDATE counters SET value = (SELECT COALESCE(MAX(seq), 0) FROM changes) WHERE name = 'changes'")
	return err
}

// insertTexts makes the statements from the archive's own names of tables and
// columns, which are those of the schema version it was made with.
func insertTexts(tables []archiveTable) ([]string, error) {
	var texts []string
	for _, t := range tables {
		for _, name := range append([]string{t.Name}, t.Columns...) {
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" || name == "" {
				return nil, errArchive
			}
		}
		texts = append(texts, "INSERT INTO "+t.Name+" ("+strings.Join(t.Columns, ", ")+") VALUES ("+marks(len(t.Columns))+")")
	}
	return texts, nil
}

func (db *DB) restorePart(ctx context.Context, a *archiveReader, texts []string) (done bool, err error) {
	tx, err := db.main.BeginTxx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = tx.Rollback() }()
	stmts := make([]*sqlx.Stmt, len(texts))
	for range restoreRows {
		table, row, err := a.next()
		if err != nil {
			return false, err
		}
		if table < 0 {
			done = true
			break
		}
		if stmts[table] == nil {
			if stmts[table], err = tx.PreparexContext(ctx, db.d.sql(texts[table])); err != nil {
				return false, err
			}
		}
		if _, err := stmts[table].ExecContext(ctx, row...); err != nil {
			return false, fmt.Errorf("table %s: %w", a.head.Tables[table].Name, err)
		}
	}
	return done, tx.Commit()
}
