package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postroom/privacy"
)

const backupPass = "correct horse battery"

// backups of the content and of the keys as they are now.
func backups(t *testing.T, db *DB) (content, keys []byte) {
	t.Helper()
	var c, k bytes.Buffer
	if err := errors.Join(db.Backup(ctx, &c), db.BackupKeys(ctx, &k, backupPass)); err != nil {
		t.Fatal(err)
	}
	return c.Bytes(), k.Bytes()
}

// Nobody comes back with a backup made before the erasure, whether the keys are
// of then or of now; who came back alone stays.
func TestErasedStaysErasedAfterARestore(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		x := seed(t, db)
		others := export(t, db, "other3@x.test")
		content, keysThen := backups(t, db)
		eraseAll(t, db, x.ann)
		_, keysNow := backups(t, db)
		list, err := db.ErasureList(ctx)
		if err != nil || strings.Contains(string(list), "zqx") || strings.Count(string(list), "\n") != 2 {
			t.Fatalf("list %q %v", list, err)
		}
		fresh := keep(t, db, testMail{from: annAddress, name: annName, id: "fresh", subject: "again", raw: []byte("fresh")})
		later, keysLater := backups(t, db)
		for name, keys := range map[string][]byte{"keys of then": keysThen, "keys of now": keysNow} {
			t.Run(name, func(t *testing.T) {
				backends(t, func(t *testing.T, opt Options) {
					if err := Restore(ctx, opt, bytes.NewReader(content), bytes.NewReader(keys), backupPass, Erasures{}); !errors.Is(err, ErrNoErasures) {
						t.Fatalf("restored without the list: %v", err)
					}
					if err := Restore(ctx, opt, bytes.NewReader(content), bytes.NewReader(keys), backupPass, Erasures{List: bytes.NewReader(list), Masker: testMasker{}}); err != nil {
						t.Fatal(err)
					}
					db := open(t, opt)
					x.clean(t, db)
					if now := export(t, db, "other3@x.test"); now != others {
						t.Errorf("another's export differs:\n%s\n%s", others, now)
					}
					if again, err := db.ErasureList(ctx); err != nil || strings.Count(string(again), "\n") != 2 {
						t.Errorf("the list after the restore: %q %v", again, err)
					}
				})
			})
		}
		t.Run("who came back", func(t *testing.T) {
			backends(t, func(t *testing.T, opt Options) {
				if err := Restore(ctx, opt, bytes.NewReader(later), bytes.NewReader(keysLater), backupPass, Erasures{List: bytes.NewReader(list), Masker: testMasker{}}); err != nil {
					t.Fatal(err)
				}
				if got := raw(t, open(t, opt), fresh.Messages[0].ID); string(got) != "fresh" {
					t.Errorf("what came after the erasure reads %q", got)
				}
			})
		})
	})
}

func TestListOfErasuresIsChecked(t *testing.T) {
	t.Parallel()
	opt := Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster}
	db := open(t, opt)
	content, keys := backups(t, db)
	for i, a := range []string{"a@x.test", "b@x.test", "c@x.test"} {
		if _, err := db.EraseStep(ctx, privacy.Plan{RequestID: int64(i + 1), Org: 1, Addresses: []string{a}}, "people", nil); err != nil {
			t.Fatal(err)
		}
	}
	list, err := os.ReadFile(filepath.Join(opt.DataDir, ErasuresFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(list), "\n")
	if len(lines) != 5 {
		t.Fatalf("%q", list)
	}
	restore := func(list string, accept bool) (Options, error) {
		opt := Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster}
		x := Erasures{AcceptMissing: accept}
		if list != "" {
			x.List = strings.NewReader(list)
		}
		return opt, Restore(ctx, opt, bytes.NewReader(content), bytes.NewReader(keys), backupPass, x)
	}
	for name, bad := range map[string]string{
		"a line left out": lines[0] + lines[1] + lines[3], "altered": strings.Replace(string(list), lines[2][:10], "1999-01-01", 1),
		"exchanged": lines[0] + lines[2] + lines[1], "another's": "postroom erasures 1 0123456789abcdef\n", "nonsense": "hello\n",
	} {
		opt, err := restore(bad, false)
		if err == nil {
			t.Errorf("a list with %s was taken", name)
		}
		if _, err := Open(ctx, opt); err == nil {
			t.Errorf("a restore that ended at a list with %s opens", name)
		}
	}
	if _, err := restore(string(list)+"2026-01-01T0", false); err != nil { // a crash while it was written
		t.Errorf("a line cut short: %v", err)
	}
	opt, err = restore("", true)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := open(t, opt).RestoredWithoutErasures(ctx); err != nil || at.IsZero() {
		t.Errorf("not recorded: %v %v", at, err)
	}
}
