package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// program is the program under test.
var program string

func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

func withBinary(m *testing.M) int {
	if program = os.Getenv("POSTROOM_BINARY"); program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "postroom-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "postroom")
	build := exec.Command("go", "build", "-tags=sqlite_fts5", "-o", program, "./cmd/postroom")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the binary to test: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

var addresses atomic.Int32

// loopback gives an address of 127.0.0.0/8 that no other server of this or of
// another test process uses. It is never in 127.0.0.0/24, where our own
// connections come from.
func loopback(t testing.TB) string {
	t.Helper()
	n, pid := int(addresses.Add(1))-1, os.Getpid()
	const networks = 5 // for each process, far apart: pids in use lie close together
	if n >= networks*254 {
		t.Fatal("more servers in one process than there are addresses of loopback for it")
	}
	return fmt.Sprintf("127.%d.%d.%d", 1+(pid/250+n/254*250/networks)%250, 1+pid%250, 1+n%254)
}

// patience is how long a test waits for what must come; it bears a busy machine.
const patience = 30 * time.Second

// eventually polls until ok returns "", and fails t with its last word
// otherwise.
func eventually(t testing.TB, what string, ok func() string) {
	t.Helper()
	within(t, patience, what, ok)
}

// within is eventually with another deadline. It looks less often where looking
// costs the desk more.
func within(t testing.TB, limit time.Duration, what string, ok func() string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		start := time.Now()
		why := ok()
		if why == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s: %s", limit, what, why)
		}
		<-time.After(pause + 2*time.Since(start))
	}
}

// soak is whether the long forms run.
func soak() bool { return os.Getenv("POSTROOM_SOAK") == "1" }
