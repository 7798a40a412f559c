package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second
)

// Server is a real server process on a free loopback port, with its data in a
// temporary folder. Kill, Start, Pause and Resume are for one goroutine.
type Server struct {
	kind string
	dir  string // all its files, and the watchman's notes
	port int
	user *syscall.Credential // nil: as we are
	argv []string
	url  string
	ping func(ctx context.Context, url string) error
	end  syscall.Signal // ends it at once, with its children

	cmd      *exec.Cmd
	exited   chan struct{} // closed when cmd is gone
	watchman *exec.Cmd
	tell     io.Closer // closing it sends the watchman to work
	stop     sync.Once
}

// URL is where the server listens; the same after Kill and Start.
func (s *Server) URL() string { return s.url }

// Addr is its host and port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Dir holds all the server's files, for those who look what is left in them.
func (s *Server) Dir() string { return s.dir }

// Kill ends the server with SIGKILL and waits until it is gone.
func (s *Server) Kill() {
	s.signal(syscall.SIGKILL)
	<-s.exited
	os.Remove(s.pidFile())
}

// Pause stops the server's clock (SIGSTOP): connections stay open and nothing
// is answered.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

// Start starts a killed server again on the same port and data, and returns
// when it answers.
func (s *Server) Start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		// PostgreSQL's children may still hold the memory of their killed
		// parent; they end by themselves.
		err := s.run(ctx)
		if !errors.Is(err, errEnded) {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

var errEnded = errors.New("ended at once")

// Stop ends the server and removes its folder. Once is enough.
func (s *Server) Stop() error {
	var err error
	s.stop.Do(func() {
		if s.cmd != nil {
			s.signal(s.end)
			s.signal(syscall.SIGCONT)
			select {
			case <-s.exited:
			case <-time.After(stopTimeout):
				s.Kill()
				err = fmt.Errorf("%s did not end within %v", s.kind, stopTimeout)
			}
			os.Remove(s.pidFile())
		}
		s.tell.Close()
		s.watchman.Wait()
	})
	return err
}

func (s *Server) signal(sig syscall.Signal) {
	select {
	case <-s.exited: // its number may be another's by now
	default:
		s.cmd.Process.Signal(sig)
	}
}

func (s *Server) pidFile() string { return filepath.Join(s.dir, "pid") }
func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

// newServer makes the folder and posts the watchman before anything runs.
func newServer(kind string, end syscall.Signal) (*Server, error) {
	dir, err := os.MkdirTemp("", "postroom-"+kind+"-")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{kind: kind, dir: dir, port: port, end: end}
	// A session of its own keeps Ctrl-C in the terminal from ending the
	// watchman before his work is done.
	s.watchman = exec.Command("/bin/sh", "-c", watch, "watchman", dir, fmt.Sprint(int(end)))
	s.watchman.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if s.tell, err = s.watchman.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.watchman.Start(); err != nil {
		return nil, fmt.Errorf("start %s's watchman: %w", kind, err)
	}
	return s, nil
}

// watch waits until the pipe from the starting process closes, then ends what
// the pid file names and removes the folder.
const watch = `read -r _
if [ -f "$1/pid" ]; then
	pid=$(cat "$1/pid")
	kill -"$2" "$pid"; kill -CONT "$pid"
	n=0
	while kill -0 "$pid" && ! grep -q '^State:.Z' /proc/"$pid"/status && [ $n -lt 50 ]
	do n=$((n+1)); sleep 0.1; done
	kill -KILL "$pid"
fi 2>/dev/null
rm -rf "$1"`

func (s *Server) run(ctx context.Context) error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.argv[0], s.argv[1:]...)
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+s.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.user}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.kind, err)
	}
	exited := make(chan struct{})
	s.cmd, s.exited = cmd, exited
	if err := os.WriteFile(s.pidFile(), fmt.Append(nil, cmd.Process.Pid), 0o644); err != nil {
		return err
	}
	go func() {
		cmd.Wait()
		close(exited)
	}()
	return s.untilReady(ctx)
}

func (s *Server) untilReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		if last = s.ping(ctx, s.url); last == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.exited:
			return fmt.Errorf("%s %w; its log ends: %s", s.kind, errEnded, s.lastLog())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (%w); its log ends: %s", s.kind, errors.Join(ctx.Err(), last), s.lastLog())
		}
	}
}

func (s *Server) lastLog() string {
	b, _ := os.ReadFile(s.logFile())
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
