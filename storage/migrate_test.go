package storage

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
