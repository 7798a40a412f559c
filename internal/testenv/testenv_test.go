package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	a, b := Postgres(t), Postgres(t)
	if a == b {
		t.Fatalf("the same database twice: %s", a)
	}
	postgresExec(t, a, "CREATE TABLE only_here (id int)")
	postgresExec(t, b, "CREATE TABLE only_here (id int)")
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	var u string
	t.Run("inner", func(t *testing.T) { u = Postgres(t) })
	conn, err := pgx.Connect(t.Context(), u)
	if err == nil {
		conn.Close(t.Context())
		t.Errorf("%s is still there", u)
	}
}

func TestRedisIsEmptyAndApart(t *testing.T) {
	a, b := Redis(t), Redis(t)
	RedisDo(t, a, "SET", "k", "v")
	if n := RedisDo(t, b, "DBSIZE"); n != int64(0) {
		t.Errorf("%s sees %v keys of %s", b, n, a)
	}
}

// Once a collected pipe let the watchman end a server in use.
func TestSharedServersOutliveACollection(t *testing.T) {
	p, r := Postgres(t), Redis(t)
	for range 10 {
		runtime.GC()
		postgresExec(t, p, "SELECT 1")
		RedisDo(t, r, "PING")
	}
}

func TestServersComeBackAfterAKill(t *testing.T) {
	for name, s := range map[string]*Server{"postgres": PostgresServer(t), "redis": RedisServer(t)} {
		t.Run(name, func(t *testing.T) {
			if name == "postgres" {
				postgresExec(t, s.URL(), "CREATE TABLE kept (id int)")
			}
			s.Kill()
			if c, err := net.Dial("tcp", s.Addr()); err == nil {
				c.Close()
				t.Fatal("still listening after Kill")
			}
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			if name == "postgres" {
				postgresExec(t, s.URL(), "INSERT INTO kept VALUES (1)")
			}
		})
	}
}

func TestPausedServerDoesNotAnswer(t *testing.T) {
	s := RedisServer(t)
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.ping(ctx, s.URL()); err == nil {
		t.Error("a paused Redis answered")
	}
	s.Resume()
	if err := s.ping(t.Context(), s.URL()); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestWithservices(t *testing.T) {
	program := filepath.Join(t.TempDir(), "withservices")
	if out, err := exec.Command("go", "build", "-o", program, "./withservices").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Run("passes on status and addresses", func(t *testing.T) {
		tmp := t.TempDir()
		open(t, tmp)
		cmd := exec.Command(program, "sh", "-c", `echo "$POSTROOM_TEST_POSTGRES $POSTROOM_TEST_REDIS"; exit 3`)
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 {
			t.Errorf("want status 3, got %v", err)
		}
		if !bytes.Contains(out, []byte("postgres://")) || !bytes.Contains(out, []byte("redis://")) {
			t.Errorf("addresses: %q", out)
		}
		if left, _ := os.ReadDir(tmp); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("ends with an interrupt", func(t *testing.T) { endsBy(t, program, os.Interrupt) })
	// What no cleanup function can do.
	t.Run("leaves nothing when killed", func(t *testing.T) { endsBy(t, program, os.Kill) })
}

// endsBy runs program until its servers are up, ends it by sig and waits until
// nothing is left of them.
func endsBy(t *testing.T, program string, sig os.Signal) {
	tmp := t.TempDir()
	open(t, tmp)
	cmd := exec.Command(program, "sh", "-c", "echo up; exec cat")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(tmp + "/*/pid")
	if len(files) != 2 {
		t.Fatalf("want two servers, have %v", files)
	}
	var pids []int
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(string(b))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	cmd.Process.Signal(sig)
	cmd.Wait()
	eventually(t, "the servers and their folders are gone", func() bool {
		left, _ := os.ReadDir(tmp)
		return len(left) == 0 && !slices.ContainsFunc(pids, alive)
	})
}

// alive is whether a process runs; one that nobody has collected does not.
func alive(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && !bytes.Contains(status, []byte("\nState:\tZ"))
}

func TestMissingProgramSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := find("swaks"); err != nil && !strings.Contains(err.Error(), "make test") {
		t.Errorf("error does not help: %v", err)
	} else if err == nil {
		t.Error("found swaks on an empty PATH")
	}
	if _, err := find("unheard-of"); err == nil || !strings.Contains(err.Error(), "programs.txt") {
		t.Errorf("unlisted program: %v", err)
	}
}

func TestProxyDelaysAndCuts(t *testing.T) {
	s := RedisServer(t)
	p := NewProxy(t, s.Addr())
	ping := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return redisPing(ctx, p.Addr())
	}
	if err := ping(); err != nil {
		t.Fatal(err)
	}
	p.Delay(time.Hour)
	if err := ping(); err == nil {
		t.Error("answered in spite of the delay")
	}
	p.Delay(0)
	p.Cut()
	if err := ping(); err == nil {
		t.Error("answered in spite of the cut")
	}
	p.Mend()
	if err := ping(); err != nil {
		t.Errorf("after Mend: %v", err)
	}
}

// open lets the unprivileged user that PostgreSQL runs as through to dir.
func open(t *testing.T, dir string) {
	t.Helper()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Chmod(dir, 0o1777); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not so within 20 s: %s", what)
		}
	}
}
