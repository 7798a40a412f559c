package storage

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postroom/tickets"
)

var freeze = flag.Bool("freeze", false, "write testdata/v1 anew, before a version was ever released")

const frozenPass = "frozen with version one"

// TestFreeze makes what TestEveryEarlierVersionIsBroughtUpToDate begins with.
func TestFreeze(t *testing.T) {
	if !*freeze {
		t.Skip("writes test data only when asked to")
	}
	dir := t.TempDir()
	db := open(t, Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster})
	q := &tickets.Queue{Name: "Support", Address: "support@desk.test", ReplyDomain: "desk.test"}
	if err := errors.Join(db.AddQueue(ctx, q), db.AddAgent(ctx, &tickets.Agent{Name: "Mia", Address: "mia@team.test", Role: tickets.RoleAgent, Active: true, Queues: []int64{q.ID}}, "hash")); err != nil {
		t.Fatal(err)
	}
	c := keep(t, db, testMail{from: "ann@x.test", name: "Ann", id: "frozen-1", subject: "first", text: "one", raw: []byte("one"), ack: true, job: "notify"})
	_, staged := stageBytes(t, db, bytes.Repeat([]byte("large\r\n"), 60000))
	keep(t, db, testMail{from: "bob@x.test", name: "Bob", id: "frozen-2", ticket: c.Tickets[0].Ref, stage: staged})
	var content, keys bytes.Buffer
	if err := errors.Join(db.Backup(ctx, &content), db.BackupKeys(ctx, &keys, frozenPass), db.Close()); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join("testdata", "v1")
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"content.backup": content.Bytes(), "keys.backup": keys.Bytes(), "desk.db": nil, keysFile: nil} {
		if data == nil {
			var err error
			if data, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A database of each version that was ever in use is opened, and a backup of
// it restored, on both databases.
func TestEveryEarlierVersionIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	versions, err := filepath.Glob(filepath.Join("testdata", "v*"))
	if err != nil || len(versions) == 0 {
		t.Fatalf("no frozen versions: %v", err)
	}
	check := func(t *testing.T, opt Options) {
		db := open(t, opt)
		var id int64
		look(t, db, func(v tickets.View) error {
			hits, err := v.TicketsByMessageIDs(ctx, 1, []string{"frozen-2"})
			if err != nil || len(hits) != 1 {
				t.Fatalf("hits %v %v", hits, err)
			}
			id = hits[0].ID
			tk, err := v.TicketByID(ctx, hits[0].TicketID)
			if err == nil && (tk.Subject != "first" || len(tk.Parties) != 2 || tk.Requester().Name != "Ann") {
				t.Errorf("ticket %+v", tk)
			}
			return err
		})
		if got := raw(t, db, id); len(got) != 7*60000 {
			t.Errorf("%d bytes", len(got))
		}
		keep(t, db, testMail{from: "ann@x.test", name: "Ann", id: "after", subject: "goes on", raw: []byte("2"), ack: true})
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	}
	for _, from := range versions {
		t.Run(filepath.Base(from), func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"desk.db", keysFile} {
				data, err := os.ReadFile(filepath.Join(from, name))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			check(t, Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster})
			backends(t, func(t *testing.T, opt Options) {
				content, err1 := os.Open(filepath.Join(from, "content.backup"))
				keys, err2 := os.Open(filepath.Join(from, "keys.backup"))
				if err := errors.Join(err1, err2); err != nil {
					t.Fatal(err)
				}
				defer content.Close()
				defer keys.Close()
				if err := Restore(ctx, opt, content, keys, frozenPass, Erasures{AcceptMissing: true}); err != nil {
					t.Fatal(err)
				}
				check(t, opt)
			})
		})
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		if _, err := db.main.Exec("INSERT INTO schema_version (version, name) VALUES (99, 'later')"); err != nil {
			t.Fatal(err)
		}
		_, err := Open(ctx, opt)
		if err == nil || !strings.Contains(err.Error(), "version 99") {
			t.Errorf("opened: %v", err)
		}
	})
}

func TestOpenRefusesWhatDoesNotBelongTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opt := Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster}
	db := open(t, opt)
	keep(t, db, testMail{from: "a@x.test", id: "0", subject: "s", raw: []byte("0")})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	other := opt
	other.MasterKey = bytes.Repeat([]byte{8}, 32)
	if _, err := Open(ctx, other); err == nil || !strings.Contains(err.Error(), "master key does not fit") {
		t.Errorf("with another master key: %v", err)
	}
	short := opt
	short.MasterKey = []byte("short")
	if _, err := Open(ctx, short); err == nil {
		t.Error("with a short master key it opened")
	}
	if err := os.Rename(filepath.Join(dir, keysFile), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, opt); err == nil || !strings.Contains(err.Error(), "keys are not here") {
		t.Errorf("without its keys: %v", err)
	}
	if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, keysFile)); err != nil {
		t.Fatal(err)
	}
	again := open(t, opt)
	if f := faults(t, again); len(f) > 0 {
		t.Error(f)
	}
	if _, err := Open(ctx, Options{URL: "mysql://x", DataDir: dir, MasterKey: testMaster}); err == nil {
		t.Error("opened a database of a kind that is not known")
	}
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster})
	keep(t, db, testMail{from: "a@x.test", id: "0", subject: "search me", raw: []byte("0")})
	if _, err := db.Search(ctx, 1, []string{"search"}, 1); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files %v", len(files), err)
	}
	for _, f := range files {
		if st, err := f.Info(); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v %v", f.Name(), st.Mode(), err)
		}
	}
}
