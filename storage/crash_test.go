package storage

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"postroom/tickets"
)

const crashChild = "POSTROOM_STORAGE_CRASH"

// runCrashChild keeps mails from eight senders and says each receipt once it
// is kept, until it is killed. One in ten is staged.
func runCrashChild() {
	db, err := Open(ctx, Options{URL: os.Getenv("POSTROOM_STORAGE_URL"), DataDir: os.Getenv(crashChild), MasterKey: testMaster})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var out sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				mail := testMail{from: newRef() + "@x.test", id: newRef() + newRef() + newRef(), subject: "s", raw: []byte(newRef()), ack: true, job: "notify"}
				if i%10 == 9 {
					s := db.Stage(ctx)
					_, _ = s.Write([]byte(strings.Repeat("large\r\n", 100000)))
					if mail.stage, err = s.Finish(); err != nil {
						fmt.Println("error", err)
						os.Exit(1)
					}
				}
				var tk tickets.Ticket
				var m tickets.Message
				if _, err := db.Apply(ctx, mail.decide(&tk, &m)); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Println("kept", m.Receipt)
				out.Unlock()
			}
		})
	}
	wg.Wait()
}

// Killed at any moment, the store holds each mail that it said it keeps,
// exactly once, and nothing half.
func TestR1_KilledProcessLosesNothingItKept(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs a process and kills it many times")
	}
	backends(t, func(t *testing.T, opt Options) {
		var kept []string
		for round := range 6 {
			kept = append(kept, crashOnce(t, opt, time.Duration(150+rand.IntN(350))*time.Millisecond)...)
			db := open(t, opt)
			if f := faults(t, db); len(f) > 0 {
				t.Fatalf("round %d: %v", round, f)
			}
			times := map[string]int{}
			if err := db.EachTicket(ctx, TicketFilter{}, func(_ *tickets.Ticket, list []*tickets.Message) error {
				for _, m := range list {
					times[m.Receipt]++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for _, r := range kept {
				if times[r] != 1 {
					t.Errorf("round %d: %s is there %d times", round, r, times[r])
				}
			}
			if n, m := count(t, db, "SELECT COUNT(*) FROM messages"), count(t, db, "SELECT COUNT(*) FROM outbox"); n != m {
				t.Errorf("round %d: %d messages, %d acknowledgements", round, n, m)
			}
			if err := db.sweepStages(ctx, true); err != nil {
				t.Fatal(err)
			}
			if n := count(t, db, "SELECT COUNT(*) FROM bodies b WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.content = b.id / 4096)"); n != 0 {
				t.Errorf("round %d: %d chunks of nobody's", round, n)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if len(kept) < 50 {
			t.Errorf("only %d mails were kept, which shows little", len(kept))
		}
	})
}

// crashOnce runs a process for some time after its first mail, kills it and
// returns the receipts it gave.
func crashOnce(t *testing.T, opt Options, after time.Duration) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashChild+"="+opt.DataDir, "POSTROOM_STORAGE_URL="+opt.URL)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var kept []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		if word != "kept" {
			t.Errorf("the process says: %s", lines.Text())
			continue
		}
		if len(kept) == 0 {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		kept = append(kept, rest)
	}
	_ = cmd.Wait()
	return kept
}

func TestR5_FullDiskRefusesAndPasses(t *testing.T) {
	t.Parallel()
	db := open(t, Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster})
	keep(t, db, testMail{from: "a@x.test", id: "0", subject: "s", raw: []byte("0")})
	limit := func(pages int) {
		t.Helper()
		if err := db.writer.do(ctx, func() error {
			var n int
			return db.writer.conn.QueryRowContext(ctx, fmt.Sprint("PRAGMA max_page_count = ", pages)).Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite takes the size it has
	var tk tickets.Ticket
	var m tickets.Message
	large := make([]byte, 200<<10)
	for i := range large {
		large[i] = byte(rand.IntN(256))
	}
	mail := testMail{from: "b@x.test", id: "1", subject: "s", raw: large}
	_, err := db.Apply(ctx, mail.decide(&tk, &m))
	var r *tickets.Refusal
	if !errors.As(err, &r) || r.Reason != tickets.RefuseDiskFull {
		t.Fatalf("a full disk says %v", err)
	}
	s := db.Stage(ctx)
	if _, err := s.Write(append(large, large...)); !errors.As(err, &r) || r.Reason != tickets.RefuseDiskFull {
		t.Errorf("staging on a full disk says %v", err)
	}
	s.Abort()
	if n := count(t, db, "SELECT COUNT(*) FROM messages"); n != 1 {
		t.Errorf("%d messages", n)
	}
	if db.Err() != nil {
		t.Fatal("a full disk has broken the store")
	}
	limit(1 << 30)
	keep(t, db, mail)
	if f := faults(t, db); len(f) > 0 {
		t.Error(f)
	}
}

func TestR6_LockedDatabaseIsRefusedInTime(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a lock")
	}
	dir := t.TempDir()
	db := open(t, Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster})
	keep(t, db, testMail{from: "a@x.test", id: "0", subject: "s", raw: []byte("0")})
	other := openLite(filepath.Join(dir, "desk.db"), 1, 256, false, false)
	defer other.Close()
	tx, err := other.Begin() // immediate
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	start := time.Now()
	for i := range 6 {
		wg.Go(func() {
			time.Sleep(time.Duration(i) * 300 * time.Millisecond) // so that some wait behind another's batch
			began := time.Now()
			var tk tickets.Ticket
			var m tickets.Message
			_, err := db.Apply(ctx, testMail{from: "b@x.test", id: newRef(), subject: "s", raw: []byte{byte(i)}}.decide(&tk, &m))
			var r *tickets.Refusal
			if !errors.As(err, &r) || r.Reason != tickets.RefuseTemporary {
				t.Errorf("a locked database says %v", err)
			}
			if d := time.Since(began); d > 10*time.Second {
				t.Errorf("said so after %v", d)
			}
		})
	}
	wg.Wait()
	t.Log("all were answered after", time.Since(start).Round(time.Millisecond))
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	keep(t, db, testMail{from: "b@x.test", id: "after", subject: "s", raw: []byte("x")})
	if n := count(t, db, "SELECT COUNT(*) FROM messages"); n != 2 {
		t.Errorf("%d messages, what was refused is there", n)
	}
}

// After an fsync that failed nobody knows what the disk holds.
func TestR7_FailedCommitClosesTheStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster})
	keep(t, db, testMail{from: "a@x.test", id: "0", subject: "s", raw: []byte("0")})
	failing := true
	if err := db.writer.do(ctx, func() error {
		db.writer.crash = func(string) error {
			if failing {
				failing = false
				return sqlite3.Error{Code: sqlite3.ErrIoErr, ExtendedCode: sqlite3.ErrIoErrFsync}
			}
			return nil
		}
		return nil
	}); err == nil {
		t.Fatal("the batch that was to fail did not")
	}
	select {
	case <-db.Fatal():
	case <-time.After(5 * time.Second):
		t.Fatal("nobody was told")
	}
	var tk tickets.Ticket
	var m tickets.Message
	_, err := db.Apply(ctx, testMail{from: "b@x.test", id: "1", subject: "s", raw: []byte("1")}.decide(&tk, &m))
	var r *tickets.Refusal
	if !errors.As(err, &r) || r.Reason != tickets.RefuseTemporary {
		t.Errorf("a broken store says %v", err)
	}
	if db.Err() == nil {
		t.Error("a broken store says that it is well")
	}
	look(t, db, func(v tickets.View) error { // reading goes on
		_, err := v.TicketsIn(ctx, []int64{7}, []tickets.State{tickets.StateNew}, 1)
		return err
	})
}

func TestUnusedKeysAreSwept(t *testing.T) {
	t.Parallel()
	opt := Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster}
	db := open(t, opt)
	keep(t, db, testMail{from: "a@x.test", id: "0", subject: "s", raw: []byte("0")})
	id := personID(t, db, "a@x.test")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // ids of keys have the grain of a millisecond
	db = open(t, opt)
	if err := db.sweepKeys(ctx); err != nil {
		t.Fatal(err)
	}
	var left []int64
	if err := db.keys.db.SelectContext(ctx, &left, "SELECT id FROM keys WHERE kind = 'person'"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(left, []int64{id}) {
		t.Errorf("%d keys are left, want that of the one person", len(left))
	}
	if string(raw(t, db, firstMessage(t, db))) != "0" {
		t.Error("a key in use was swept")
	}
}

func firstMessage(t testing.TB, db *DB) int64 {
	t.Helper()
	return int64(count(t, db, "SELECT MIN(id) FROM messages"))
}
