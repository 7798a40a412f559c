package e2e

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // to do what a newer postroom will

	"postroom/internal/testenv"
)

// alone is one desk on SQLite that runs, with its team.
func alone(t testing.TB, w *world, more settings) *desk {
	t.Helper()
	return arrangements[0].start(t, w, more).admin()
}

// R4: a mail server that takes the mail and dies before it says so gets it a
// second time, recognisably the same.
func TestR4_CutAfterTheDataOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	cuts := 0
	w.faults(nil, func(from string, to []string, raw []byte) error {
		if to[0] == "ann@acme.example" {
			if cuts++; cuts <= 1 {
				return errAfter
			}
		}
		return nil
	})
	d.mustSend("ann@acme.example", support, letter(ann, support, "Hello", "", "Are you there?"))
	a, b := w.next("ann@acme.example"), w.next("ann@acme.example")
	if a.msg.MessageID != b.msg.MessageID || a.msg.MessageID == "" {
		t.Errorf("the second try is another mail: %s, %s", a.msg.MessageID, b.msg.MessageID)
	}
	d.quiet()
	if n := len(w.to("ann@acme.example")); n != 2 {
		t.Errorf("%d copies", n)
	}
}

// R8: whatever happens to Redis, mail is taken and goes out, and five seconds
// after its return all is as before.
func TestR8_RedisFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := testenv.RedisServer(t)
	server.Kill()
	d := alone(t, w, settings{"redis.url": quote(server.URL())})
	n := 0
	works := func(when string) {
		t.Helper()
		n++
		word := fmt.Sprintf("question-%d", n)
		from := fmt.Sprintf("c%d@many.example", n)
		start := time.Now()
		d.mustSend(from, support, letter(from, support, "Hello", "", word))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s: the 250 took %v", when, took)
		}
		w.next("berta@agents.example", word)
		w.next(from)
		if took := time.Since(start); took > 12*time.Second {
			t.Errorf("%s: the mails out took %v", when, took)
		}
	}
	works("Redis was never started")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "metrics say that Redis is back", func() string { return d.metric("postroom_queue_up", "1") })
	works("Redis is back")
	testenv.RedisDo(t, server.URL(), "FLUSHALL")
	works("Redis was flushed")
	testenv.RedisDo(t, server.URL(), "REPLICAOF", "127.0.0.1", "1")
	works("Redis is read-only")
	testenv.RedisDo(t, server.URL(), "REPLICAOF", "NO", "ONE")
	server.Pause()
	works("Redis does not answer")
	server.Resume()
	works("Redis answers again")
	server.Kill()
	works("Redis was killed")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	back := time.Now()
	eventually(t, "metrics say that Redis is back", func() string { return d.metric("postroom_queue_up", "1") })
	if took := time.Since(back); took > 5*time.Second {
		t.Errorf("it took %v until Redis was found again", took)
	}
	for _, key := range testenv.RedisDo(t, server.URL(), "KEYS", "*").([]any) {
		if s := fmt.Sprint(key); strings.Contains(s, "example") || strings.Contains(s, "berta") {
			t.Errorf("a key in Redis names somebody: %s", s)
		}
	}
}

// R14: SIGTERM under load ends the server cleanly, and what was answered 250
// is there afterwards.
func TestR14_SIGTERMUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := arrangements[0].start(t, w, settings{"ack.enabled": "false"})
	for i := range senders {
		h.admin().control("queue", "add", fmt.Sprintf("q%d", i), "--address", killQueue(i))
	}
	d := h.admin()
	for range 2 {
		var stop atomic.Bool
		ledgers := make([][]noted, senders)
		var wg sync.WaitGroup
		for i := range senders {
			wg.Go(func() { ledgers[i] = h.keepSending(t, i, senders, &stop) })
		}
		<-time.After(500 * time.Millisecond)
		start := time.Now()
		d.stop() // fails t unless the exit status is 0
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("the stop took %v", took)
		}
		d.serve()
		stop.Store(true)
		wg.Wait()
		stored := map[string]int{}
		for _, tk := range d.tickets() {
			for _, m := range tk.Messages {
				stored[m.Receipt]++
			}
		}
		for _, ledger := range ledgers {
			for _, n := range ledger {
				if n.receipt == "" || stored[n.receipt] != 1 {
					t.Errorf("%s was kept as %q and is there %d times", n.id, n.receipt, stored[n.receipt])
				}
			}
		}
	}
	d.verify()
}

// R15: a database that a newer postroom wrote is refused, with words that help,
// and is left as it was.
func TestR15_NewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.must("queue", "add", "support", "--address", support)
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(d.data, "desk.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const table = "schema_version"
	if _, err := db.Exec("INSERT INTO " + table + " (version, name) VALUES (9999, 'from the future')"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve"}, {"ticket", "list"}} {
		_, errs, status := d.run(args...)
		if status != 1 || !strings.Contains(errs, "9999") || !strings.Contains(errs, "newer") {
			t.Errorf("postroom %s: status %d, %q", args, status, errs)
		}
	}
	if _, err := db.Exec("DELETE FROM " + table + " WHERE version = 9999"); err != nil {
		t.Fatal(err)
	}
	if out := d.must("queue", "list"); !strings.Contains(out, support) {
		t.Errorf("afterwards the queues are %q", out)
	}
}
