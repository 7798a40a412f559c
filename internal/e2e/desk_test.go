package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// desk is one installation: a folder as `postroom init` makes it, and the
// server that runs in it or not.
type desk struct {
	t      testing.TB
	dir    string
	config string
	data   string
	ip     string
	prefix []string // put before the server's command line, such as prlimit
	env    []string // of the server, besides ours

	proc *server
}

// The doors of every installation, at its own address.
const (
	portMX          = "2525"
	portSubmission  = "2587"
	portSubmissions = "2465"
	portHTTP        = "2080"
)

func (d *desk) mx() string          { return d.ip + ":" + portMX }
func (d *desk) submission() string  { return d.ip + ":" + portSubmission }
func (d *desk) submissions() string { return d.ip + ":" + portSubmissions }
func (d *desk) url(path string) string {
	return "http://" + d.ip + ":" + portHTTP + path
}

// settings are values of the configuration, "section.key" (or "key") to TOML.
type settings map[string]string

// newDesk makes an installation in the world. What the settings do not say is
// as `postroom init` wrote it, but for the doors and the way out.
func newDesk(t testing.TB, w *world, more settings) *desk {
	t.Helper()
	dir := t.TempDir()
	d := &desk{t: t, dir: dir, config: filepath.Join(dir, "etc", "postroom.toml"), data: filepath.Join(dir, "data"), ip: loopback(t)}
	if w.ca != "" {
		d.env = append(d.env, "SSL_CERT_FILE="+w.ca)
	}
	d.must("init", filepath.Dir(d.config), "--hostname", "mx.desk.example")
	set := settings{
		"data": quote(d.data), "listen.mx": quote(d.mx()), "listen.submission": quote(d.submission()),
		"listen.submissions": quote(d.submissions()), "listen.http": quote(d.ip + ":" + portHTTP),
		"listen.imap": `""`, "listen.imaps": `""`, "dns.servers": "[" + quote(w.dns) + "]",
		"outbound.mx_port": fmt.Sprint(outsidePort), "outbound.allow_private": "true", "outbound.retry": `["1s"]`,
		"limits.min_free_bytes": "0", "limits.exempt": `["127.0.0.0/8"]`, "ack.per_sender_day": "100",
		"privacy.address": quote("privacy@desk.example"), "log.format": quote("json"),
	}
	for k, v := range more {
		set[k] = v
	}
	d.configure(set)
	w.publish("mx.desk.example A "+d.ip, "desk.example MX 10 mx.desk.example.", `desk.example TXT "v=spf1 ip4:127.0.0.0/8 -all"`)
	return d
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// configure changes keys of the file that init wrote, as an editor does.
func (d *desk) configure(set settings) {
	d.t.Helper()
	text, err := os.ReadFile(d.config)
	if err != nil {
		d.t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	section, done := "", map[string]bool{}
	key := regexp.MustCompile(`^([a-z_]+) = `)
	for i, l := range lines {
		if strings.HasPrefix(l, "[") {
			section = strings.Trim(l, "[]") + "."
		}
		if m := key.FindStringSubmatch(l); m != nil {
			if v, ok := set[section+m[1]]; ok {
				lines[i] = m[1] + " = " + v
				done[section+m[1]] = true
			}
		}
	}
	for k := range set {
		if !done[k] {
			d.t.Fatalf("init's postroom.toml has no key %s", k)
		}
	}
	if err := os.WriteFile(d.config, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// team gives the desk its queues and agents.
func (d *desk) team() {
	d.t.Helper()
	pass := filepath.Join(d.dir, "password")
	if err := os.WriteFile(pass, []byte(agentPassword+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.must("queue", "add", "support", "--address", "support@desk.example", "--display-name", "Desk Support")
	d.must("queue", "add", "billing", "--address", "billing@desk.example", "--display-name", "Desk Billing")
	d.must("agent", "add", "berta", "--address", "berta@agents.example", "--queue", "support", "--password-file", pass)
	d.must("agent", "add", "carl", "--address", "carl@agents.example", "--queue", "support,billing")
}

const agentPassword = "a long enough password"

// run carries out a command of the binary in this installation.
func (d *desk) run(args ...string) (stdout, stderr string, status int) {
	d.t.Helper()
	return d.feed(nil, args...)
}

// feed is run with standard input.
func (d *desk) feed(in io.Reader, args ...string) (stdout, stderr string, status int) {
	d.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "POSTROOM_CONFIG="+d.config)
	cmd.Dir = d.dir
	cmd.Stdin = in
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	// SIGQUIT makes it say where it hangs.
	late := time.AfterFunc(4*patience, func() { cmd.Process.Signal(syscall.SIGQUIT) })
	err := cmd.Wait()
	if !late.Stop() {
		d.t.Fatalf("postroom %s: not done within %v\n%s", strings.Join(args, " "), 4*patience, errs.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must is run of what has to succeed; it returns standard output.
func (d *desk) must(args ...string) string {
	d.t.Helper()
	out, errs, status := d.run(args...)
	if status != 0 {
		d.t.Fatalf("postroom %s: exit status %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return out
}

// lines reads a --json list into a slice.
func lines[T any](d *desk, args ...string) (list []T) {
	d.t.Helper()
	dec := json.NewDecoder(strings.NewReader(d.must(append(args, "--json")...)))
	for {
		var v T
		err := dec.Decode(&v)
		if err == io.EOF {
			return list
		}
		if err != nil {
			d.t.Fatalf("postroom %s --json: %v", strings.Join(args, " "), err)
		}
		list = append(list, v)
	}
}

// ticket, message and outgoing are lines of the lists, by the names that
// DESIGN.md fixes.
type ticket struct {
	Ref, Queue, State, Assignee, Priority, Subject, Requester string
	Tags                                                      []string
	Messages                                                  []stored
}

type stored struct {
	ID           int64
	Receipt      string
	MessageID    string `json:"message_id"`
	Direction    string
	From         string
	EnvelopeFrom string   `json:"envelope_from"`
	EnvelopeTo   []string `json:"envelope_to"`
	Size         int64
	SHA256       string
	Proof        string
	ThreadReason string `json:"thread_reason"`
	Unverified   bool
}

type outgoing struct {
	ID        int64
	MessageID string `json:"message_id"`
	Kind      string
	Ticket    string
	To        string
	State     string
	Attempts  int
	Status    string
}

type held struct {
	ID      int64
	Kind    string
	State   string
	Agent   string
	Ticket  string
	Message stored
}

func (d *desk) tickets() []ticket  { d.t.Helper(); return lines[ticket](d, "ticket", "list") }
func (d *desk) outbox() []outgoing { d.t.Helper(); return lines[outgoing](d, "outbox", "list") }
func (d *desk) held() []held       { d.t.Helper(); return lines[held](d, "held", "list") }

// ticket returns one ticket by its reference.
func (d *desk) ticket(ref string) ticket {
	d.t.Helper()
	var t ticket
	if err := json.Unmarshal([]byte(d.must("ticket", "show", ref, "--json")), &t); err != nil {
		d.t.Fatal(err)
	}
	return t
}

// of returns the tickets of a requester.
func (d *desk) of(requester string) (list []ticket) {
	d.t.Helper()
	for _, t := range d.tickets() {
		if t.Requester == requester {
			list = append(list, t)
		}
	}
	return list
}

// server is a running `postroom serve`.
type server struct {
	cmd    *exec.Cmd
	log    *logBuffer
	exited chan struct{}
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve starts the server and returns when it is ready. When t ends it is
// stopped, and has to stop cleanly.
func (d *desk) serve(args ...string) *server {
	d.t.Helper()
	s := d.start(args...)
	eventually(d.t, "the server is ready", func() string {
		select {
		case <-s.exited:
			d.t.Fatalf("the server ended: %v\n%s", s.cmd.ProcessState, s.log)
		default:
		}
		return d.readiness()
	})
	return s
}

// readiness is "" when /readyz says so.
func (d *desk) readiness() string {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(d.url("/readyz"))
	if err != nil {
		return err.Error()
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp.Status
	}
	return ""
}

// start starts the server and does not wait for it.
func (d *desk) start(args ...string) *server {
	d.t.Helper()
	argv := append(append([]string(nil), d.prefix...), program, "serve")
	argv = append(argv, args...)
	s := &server{log: &logBuffer{}, exited: make(chan struct{})}
	s.cmd = exec.Command(argv[0], argv[1:]...)
	s.cmd.Env = append(append(os.Environ(), "POSTROOM_CONFIG="+d.config), d.env...)
	s.cmd.Dir = d.dir
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	if d.proc == nil {
		d.t.Cleanup(func() { d.stop() })
	}
	d.proc = s
	return s
}

// stop ends the server with SIGTERM, unless it is gone already, and fails t if
// that is no clean end.
func (d *desk) stop() {
	d.t.Helper()
	s := d.proc
	select {
	case <-s.exited:
		return
	default:
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.cmd.Process.Signal(syscall.SIGQUIT)
		<-s.exited
		d.t.Errorf("the server did not stop within %v of SIGTERM:\n%s", patience, s.log)
		return
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		d.t.Errorf("the server stopped with %v:\n%s", s.cmd.ProcessState, s.log)
	}
	if log := s.log.String(); strings.Contains(log, "panic") {
		d.t.Errorf("the server panicked:\n%s", log)
	}
}

// kill ends the server with SIGKILL.
func (d *desk) kill() {
	d.proc.cmd.Process.Kill()
	<-d.proc.exited
}

// quiet waits until nothing waits to be sent.
func (d *desk) quiet() {
	d.t.Helper()
	eventually(d.t, "the outbox is empty", d.waiting)
}

// waiting is "" when no mail waits to be sent.
func (d *desk) waiting() string {
	d.t.Helper()
	n := 0
	for _, state := range []string{"queued", "leased"} {
		n += len(lines[outgoing](d, "outbox", "list", "--state", state))
	}
	if n > 0 {
		return fmt.Sprintf("%d mails wait", n)
	}
	return ""
}

// verify lets the server read every message again.
func (d *desk) verify() {
	d.t.Helper()
	d.must("check", "--store")
}
