package storage

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"postroom/tickets"
)

const fullChild = "POSTROOM_STORAGE_FULL"

// runFullChild writes until its files may not grow any more, and goes on when
// they may again.
func runFullChild() {
	signal.Ignore(syscall.SIGXFSZ)
	fail := func(format string, args ...any) {
		fmt.Printf(format+"\n", args...)
		os.Exit(1)
	}
	limit := func(n uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: 1 << 40}); err != nil {
			fail("limit: %v", err)
		}
	}
	db, err := Open(ctx, Options{URL: "sqlite:", DataDir: os.Getenv(fullChild), MasterKey: testMaster})
	if err != nil {
		fail("open: %v", err)
	}
	limit(2 << 20)
	kept := 0
	add := func() error {
		var tk tickets.Ticket
		var m tickets.Message
		_, err := db.Apply(ctx, testMail{from: newRef() + "@x.test", id: fmt.Sprint("mail", kept), subject: "s", raw: []byte(strings.Repeat(newRef(), 4000))}.decide(&tk, &m))
		if err == nil {
			kept++
		}
		return err
	}
	for err == nil && kept < 5000 {
		err = add()
	}
	var r *tickets.Refusal
	if !errors.As(err, &r) || r.Reason != tickets.RefuseDiskFull {
		fail("after %d mails a full disk says %v", kept, err)
	}
	if err := add(); !errors.As(err, &r) || r.Reason != tickets.RefuseDiskFull {
		fail("again it says %v", err)
	}
	if db.Err() != nil {
		fail("a full disk broke the store: %v", db.Err())
	}
	limit(1 << 30)
	before := kept
	for range 20 {
		if err := add(); err != nil {
			fail("with room again: %v", err)
		}
	}
	n := 0
	if err := db.EachTicket(ctx, TicketFilter{}, func(*tickets.Ticket, []*tickets.Message) error { n++; return nil }); err != nil || n != kept {
		fail("%d tickets, %d kept: %v", n, kept, err)
	}
	if err := db.VerifyStore(ctx, func(s string) { fail("%s", s) }); err != nil {
		fail("%v", err)
	}
	fmt.Println("kept", before)
	os.Exit(0)
}

// The disk itself refuses to grow, in the middle of a commit.
func TestR5_FullDiskUnderACommit(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fullChild+"="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "kept ") {
		t.Errorf("%v: %s", err, out)
	}
}
