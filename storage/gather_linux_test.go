package storage

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

// What was committed through the gathering file system is in the files for
// whoever reads them without it: in the WAL at once, in the database after a
// checkpoint, and also with a rollback journal.
func TestGatheredPagesAreInTheFiles(t *testing.T) {
	t.Parallel()
	if gatherVFS() == "" {
		t.Fatal("SQLite was not given the gathering file system")
	}
	for _, mode := range []string{"WAL", "DELETE"} {
		t.Run(mode, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "g.db")
			db := openLite(file, 1, 64, false, true) // few pages in memory: most are written before the commit
			defer db.Close()
			if _, err := db.Exec("PRAGMA journal_mode = " + mode); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("CREATE TABLE a (id INTEGER PRIMARY KEY, data BLOB); CREATE TABLE b (data BLOB PRIMARY KEY) WITHOUT ROWID"); err != nil {
				t.Fatal(err)
			}
			want := map[int][]byte{}
			for round := range 3 {
				tx, err := db.Begin()
				if err != nil {
					t.Fatal(err)
				}
				for i := range 600 {
					data := make([]byte, 2000)
					rand.Read(data)
					id := round*400 + i // some are written over
					if _, err := tx.Exec("INSERT OR REPLACE INTO a VALUES (?, ?)", id, data); err != nil {
						t.Fatal(err)
					}
					if _, err := tx.Exec("INSERT INTO b VALUES (?)", data[:40]); err != nil {
						t.Fatal(err)
					}
					want[id] = data
				}
				if err := tx.Commit(); err != nil {
					t.Fatal(err)
				}
				copied := filepath.Join(t.TempDir(), "copy.db")
				for _, end := range []string{"", "-wal"} {
					if data, err := os.ReadFile(file + end); err == nil {
						if err := os.WriteFile(copied+end, data, 0o600); err != nil {
							t.Fatal(err)
						}
					}
				}
				same(t, copied, want, 600*(round+1))
				if round == 1 {
					if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
						t.Fatal(err)
					}
				}
				same(t, file, want, 600*(round+1))
			}
		})
	}
}

// same reads a database with SQLite's own file system.
func same(t *testing.T, file string, want map[int][]byte, others int) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var ok string
	var n int
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&ok); err != nil || ok != "ok" {
		t.Fatalf("%s %v", ok, err)
	}
	if err := db.QueryRow("SELECT COUNT(*) FROM b").Scan(&n); err != nil || n != others {
		t.Fatalf("%d of %d rows, %v", n, others, err)
	}
	for id, data := range want {
		var got []byte
		if err := db.QueryRow("SELECT data FROM a WHERE id = ?", id).Scan(&got); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("row %d: %d bytes, %v", id, len(got), err)
		}
	}
}
