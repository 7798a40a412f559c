package storage

import (
	"errors"
	"strings"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"

	"postroom/tickets"
)

// dialect is what differs between the databases: placeholders, the keys'
// schema, and how errors are told apart.
type dialect struct {
	postgres bool
	texts    *sync.Map // SQL text as written to as sent
}

// sql returns the text in this database's spelling. Texts are constants, so
// the map stays small.
func (d dialect) sql(text string) string {
	if !d.postgres {
		return text
	}
	if s, ok := d.texts.Load(text); ok {
		return s.(string)
	}
	s := sqlx.Rebind(sqlx.DOLLAR, spelling.Replace(text))
	d.texts.Store(text, s)
	return s
}

var spelling = strings.NewReplacer(" AS BLOB)", " AS BYTEA)", " AS INTEGER)", " AS BIGINT)", "INSERT OR FAIL ", "INSERT ")

// keys returns the text for the keys' database, where SQLite has a file
// instead of a schema.
func (d dialect) keys(text string) string {
	if d.postgres {
		return d.sql(text)
	}
	return strings.ReplaceAll(text, "keys.", "")
}

// moved reports whether an error means that something the decision relied on
// is no longer so: a unique key was taken, or a transaction lost a race.
func moved(err error) bool {
	if errors.Is(err, errMoved) {
		return true
	}
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		return lite.ExtendedCode == sqlite3.ErrConstraintUnique || lite.ExtendedCode == sqlite3.ErrConstraintPrimaryKey
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505", "40001", "40P01": // unique_violation, serialization_failure, deadlock_detected
			return true
		}
	}
	return false
}

// errMoved is returned when a guarded update matched no row.
var errMoved = errors.New("what the decision relied on has moved")

// diskFull reports whether there was no room: full, over a quota or over the
// limit on a file's size.
func diskFull(err error) bool {
	var lite sqlite3.Error
	if errors.As(err, &lite) {
		if lite.Code == sqlite3.ErrFull {
			return true
		}
		switch lite.SystemErrno {
		case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
			return lite.Code == sqlite3.ErrIoErr
		}
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "53100" // disk_full
}

// diskBroken reports whether reading, writing or an fsync failed below the
// database. After that of a write the state of the files is unknown.
func diskBroken(err error) bool {
	var lite sqlite3.Error
	return errors.As(err, &lite) && lite.Code == sqlite3.ErrIoErr && !diskFull(err)
}

// refuse turns an error of the database into what a door may answer.
func refuse(err error) error {
	var r *tickets.Refusal
	switch {
	case err == nil || errors.As(err, &r):
		return err
	case diskFull(err):
		return &tickets.Refusal{Reason: tickets.RefuseDiskFull, Text: "no room to keep the message, try later", Err: err}
	}
	return &tickets.Refusal{Reason: tickets.RefuseTemporary, Text: "the message could not be stored, try later", Err: err}
}
