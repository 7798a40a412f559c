package e2e

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3": another program that holds a lock
	"golang.org/x/sys/unix"
)

// R5: without room a mail is refused for now, nothing of it is kept, what is
// there can be read, and mail is taken again when there is room, without a
// restart.
func TestR5_DiskFull(t *testing.T) {
	t.Parallel()
	t.Run("no file may grow", func(t *testing.T) {
		t.Parallel()
		full(t, nil, func(d *desk) (fill, free func()) {
			limit := func(n uint64) func() {
				return func() {
					err := unix.Prlimit(d.proc.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY}, nil)
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			return limit(1 << 20), limit(unix.RLIM_INFINITY)
		})
	})
	if os.Getuid() != 0 {
		t.Log("not root: a file system of its own cannot be mounted; the limit on files is tried alone")
		return
	}
	t.Run("the file system is full", func(t *testing.T) {
		t.Parallel()
		full(t, mountSmall, func(d *desk) (fill, free func()) {
			filler := filepath.Join(d.data, "something-else")
			return func() { fillUp(t, filler) }, func() {
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}

// full tries the desk without room. mount, if any, gets it a disk of its own;
// prepare says how room is taken and given back, once the desk serves.
func full(t *testing.T, mount func(t *testing.T, dir string), prepare func(*desk) (fill, free func())) {
	w := newWorld(t)
	d := newDesk(t, w, nil)
	if mount != nil {
		mount(t, d.data)
	}
	d.team()
	d.serve()
	d.mustSend("early@acme.example", support, letter("early@acme.example", support, "Early", "", "There is room."))
	d.quiet()
	fill, free := prepare(d)
	fill()

	kept := map[string]string{} // receipt to SHA-256
	var refused, squeezed []string
	c, err := dialSMTP(d.mx())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	// From large to small, so that the last bit of room is tried too.
	for _, size := range []int{3 << 20, 400 << 10, 100 << 10, 100 << 10, 10 << 10, 1 << 10, 100} {
		for range 3 {
			from := fmt.Sprintf("late-%d@acme.example", letters.Add(1))
			raw := crlf(letter(from, support, "Late", "", randomLines(size)))
			receipt, err := c.send(from, []string{support}, raw)
			var reply *replyError
			switch {
			case err == nil:
				kept[receipt] = sum(raw)
				squeezed = append(squeezed, from)
			case errors.As(err, &reply) && reply.code == 452 && strings.HasPrefix(reply.text, "4.3.1 "):
				refused = append(refused, string(raw))
			default:
				t.Fatalf("a mail of %d bytes without room: %v\n%s", size, err, d.proc.log)
			}
		}
	}
	if len(refused) < 4 {
		t.Fatalf("only %d mails were refused", len(refused))
	}
	// What is there can be read, and nothing of what was refused.
	stored := func() map[string]string {
		all := map[string]string{}
		for _, tk := range d.tickets() {
			for _, m := range tk.Messages {
				if tk.Requester != "early@acme.example" {
					all[m.Receipt] = m.SHA256
				}
				if sum([]byte(d.must("ticket", "raw", fmt.Sprint(m.ID)))) != m.SHA256 {
					t.Errorf("message %d does not read as it was written", m.ID)
				}
			}
		}
		return all
	}
	if got := stored(); fmt.Sprint(got) != fmt.Sprint(kept) {
		t.Errorf("without room there are %v, kept were %v", got, kept)
	}
	free()
	for _, raw := range refused {
		kept[d.mustSend(address(raw), support, raw)] = sum([]byte(raw))
	}
	if got := stored(); fmt.Sprint(got) != fmt.Sprint(kept) {
		t.Errorf("with room again there are %v, kept were %v", got, kept)
	}
	// The agents are told of each. The work that follows from what squeezed in
	// may have been begun without room: it is taken up again when its lease ends.
	tell := map[string]time.Duration{}
	for _, raw := range refused {
		tell[address(raw)] = patience
	}
	if soak() {
		for _, from := range squeezed {
			tell[from] = 90 * time.Second
		}
	}
	for from, long := range tell {
		deadline := time.Now().Add(long)
		for !slices.ContainsFunc(w.to("carl@agents.example"), func(m *mail) bool { return m.holds(from) }) {
			if time.Now().After(deadline) {
				t.Fatalf("nobody was told of the mail from %s", from)
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	d.quiet()
	d.verify()
}

// R5: where the room is known to be too little the sender hears so before the
// data, and for a mail whose size it says, at MAIL.
func TestR5_TooLittleRoomLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, settings{"limits.min_free_bytes": fmt.Sprint(int64(1) << 60)})
	d.team()
	d.serve()
	c, err := dialSMTP(d.mx())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if text, err := c.say(452, "MAIL FROM:<ann@acme.example> SIZE=1000"); err != nil || !strings.HasPrefix(text, "4.3.1 ") {
		t.Errorf("MAIL without room left: %q %v", text, err)
	}
}

// R6: while another program holds the database a mail is refused for now within
// ten seconds, and nothing of it is kept; afterwards mail is taken.
func TestR6_Locked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.team()
	d.serve()
	other, err := sql.Open("sqlite3", "file:"+filepath.Join(d.data, "desk.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	lock, err := other.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.ExecContext(context.Background(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	const servers = 5
	mails := make([]string, servers)
	var wg sync.WaitGroup
	for i := range servers {
		from := fmt.Sprintf("patient-%d@acme.example", i)
		body := "Words."
		if i == 0 {
			body = randomLines(600 << 10) // goes in by pieces
		}
		mails[i] = letter(from, support, "Locked out", "", body)
		wg.Go(func() {
			start := time.Now()
			_, err := d.send(from, support, mails[i])
			if took := time.Since(start); err == nil || !strings.HasPrefix(err.Error(), "451 4.") || took > 10*time.Second {
				t.Errorf("mail %d while the database is locked, after %v: %v", i, took, err)
			}
		})
	}
	wg.Wait()
	if list := d.tickets(); len(list) != 0 {
		t.Errorf("while the database is locked there are %+v", list)
	}
	if _, err := lock.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	for _, raw := range mails {
		d.mustSend(address(raw), support, raw)
	}
	for _, raw := range mails {
		if list := d.of(address(raw)); len(list) != 1 || len(list[0].Messages) != 1 {
			t.Errorf("after the lock: %+v", list)
		}
	}
	d.verify()
}

// mountSmall puts a small file system where the desk keeps everything.
func mountSmall(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("postroom-test", dir, "tmpfs", 0, "size=64m,mode=700"); err != nil {
		t.Fatalf("mount a file system to fill: %v", err)
	}
	t.Cleanup(func() {
		// Detached, should something of the test still be open in it.
		if err := syscall.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// fillUp writes a file until there is no room, but for a little.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	size := int64(0)
	for err == nil {
		_, err = f.Write(block)
		size += int64(len(block))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(size - 512<<10); err != nil {
		t.Fatal(err)
	}
}

// randomLines is text of a size that does not compress.
func randomLines(size int) string {
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(randomWord(72) + "\n")
	}
	return b.String()[:size]
}

func randomWord(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	for i, c := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-+"[c%64]
	}
	return string(b)
}
