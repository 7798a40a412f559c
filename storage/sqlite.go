package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// busyMillis is how long a lock held by another process is waited for. A
// change may wait for one batch before its own: twice this must stay under
// ten seconds.
const busyMillis = 4000

// liteDriver opens SQLite files with the pragmas that have no place in the
// driver's connection string.
type liteDriver struct {
	name    string
	pragmas []string
}

var _ driver.Connector = liteDriver{}

func (c liteDriver) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.name)
	if err != nil {
		return nil, err
	}
	for _, p := range c.pragmas {
		if _, err := conn.(*sqlite3.SQLiteConn).Exec("PRAGMA "+p, nil); err != nil {
			conn.Close()
			return nil, fmt.Errorf("PRAGMA %s: %w", p, err)
		}
	}
	return conn, nil
}

func (c liteDriver) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// openLite opens a database file. cacheKiB bounds the pages each connection
// keeps in memory. With beside, checkpoints are made beside the commits
// (checkpoint.go) and not by SQLite within one.
func openLite(file string, conns, cacheKiB int, readOnly, beside bool) *sqlx.DB {
	q := url.Values{
		"_journal_mode":    {"WAL"},
		"_synchronous":     {"FULL"},
		"_foreign_keys":    {"on"},
		"_secure_delete":   {"on"},
		"_busy_timeout":    {fmt.Sprint(busyMillis)},
		"_txlock":          {"immediate"},
		"_stmt_cache_size": {"64"},
		"_cache_size":      {fmt.Sprint(-cacheKiB)},
		"_mutex":           {"no"}, // whoever has a connection has it alone
	}
	if readOnly {
		q.Set("_query_only", "on")
		q.Set("_txlock", "deferred")
	}
	if name := gatherVFS(); name != "" {
		q.Set("vfs", name)
	}
	pragmas := []string{"temp_store = MEMORY", "journal_size_limit = 67108864"}
	if beside {
		pragmas = append(pragmas, "wal_autocheckpoint = 0")
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: q.Encode()}
	db := sqlx.NewDb(sql.OpenDB(liteDriver{u.String(), pragmas}), "sqlite3")
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db
}
