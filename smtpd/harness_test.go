package smtpd

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"postroom/tickets"
)

// desk is an Intake that keeps what it is given, for desk.example.
type desk struct {
	mu      sync.Mutex
	kept    []keptMail
	sender  func(*tickets.Envelope) error
	rcpt    func(string) error
	receive func(tickets.Envelope, io.Reader) (string, error)
}

type keptMail struct {
	env  tickets.Envelope
	data string
}

func (d *desk) CheckSender(_ context.Context, env *tickets.Envelope) error {
	if d.sender != nil {
		return d.sender(env)
	}
	return nil
}

func (d *desk) CheckRecipient(_ context.Context, _ *tickets.Envelope, rcpt string) error {
	if d.rcpt != nil {
		return d.rcpt(rcpt)
	}
	local, domain, _ := strings.Cut(rcpt, "@")
	if at := strings.LastIndexByte(rcpt, '@'); at >= 0 {
		local, domain = rcpt[:at], rcpt[at+1:]
	}
	switch {
	case domain != "desk.example":
		return &tickets.Refusal{Reason: tickets.RefuseRelay}
	case strings.HasPrefix(local, "support"), local == "postmaster":
		return nil
	}
	return &tickets.Refusal{Reason: tickets.RefuseUnknownRecipient}
}

func (d *desk) Receive(_ context.Context, env tickets.Envelope, data io.Reader) (string, error) {
	if d.receive != nil {
		return d.receive(env, data)
	}
	b, err := io.ReadAll(data)
	if err != nil {
		return "", fmt.Errorf("read the message: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = append(d.kept, keptMail{env, string(b)})
	return fmt.Sprintf("receipt%d", len(d.kept)), nil
}

func (d *desk) mails() []keptMail {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]keptMail(nil), d.kept...)
}

// take returns what was kept, and forgets it.
func (d *desk) take() []keptMail {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer func() { d.kept = nil }()
	return d.kept
}

// passwords is an Authenticator that knows anna.
type passwords struct {
	mu    sync.Mutex
	asked int
}

func (p *passwords) Authenticate(_ context.Context, user, password string) (int64, error) {
	p.mu.Lock()
	p.asked++
	p.mu.Unlock()
	switch {
	case user == "broken":
		return 0, errors.New("pq: connection refused to 10.0.0.5")
	case user == "anna" && password == "right":
		return 7, nil
	}
	return 0, ErrCredentials
}

// windows is a Limiter with a fixed window that never ends.
type windows struct {
	mu   sync.Mutex
	used map[string]int
}

func (w *windows) Allow(_ context.Context, key string, n int, per time.Duration) (bool, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.used == nil {
		w.used = make(map[string]int)
	}
	if w.used[key] >= n {
		return false, per
	}
	w.used[key]++
	return true, 0
}

// house is a running server.
type house struct {
	*Server
	t    testing.TB
	desk *desk
	auth *passwords
	lim  *windows
	logs *logBuffer
	addr map[Role]string
}

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
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

// take returns what was written, and forgets it.
func (l *logBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

func testConfig() Config {
	return Config{
		Hostname: "mx.desk.example", MessageBytes: 100_000, Recipients: 100, LineBytes: 10_000,
		AuthDelay: -1, Tarpit: -1, GreetPause: -1,
		Timeouts: Timeouts{Linger: 200 * time.Millisecond},
	}
}

// open starts a server on all roles; it is shut down at the end of the test.
func open(t testing.TB, cfg Config) *house {
	t.Helper()
	h := &house{t: t, desk: &desk{}, auth: &passwords{}, lim: &windows{}, logs: &logBuffer{}, addr: map[Role]string{}}
	log := slog.New(slog.NewJSONHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.Server = New(cfg, h.desk, h.auth, h.lim, log, nil)
	for _, role := range []Role{RoleMX, RoleSubmission, RoleSubmissions} {
		if role == RoleSubmissions && cfg.TLS == nil {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		h.addr[role] = l.Addr().String()
		go h.Serve(context.Background(), l, role)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return h
}

// client speaks SMTP badly, if told to.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (h *house) dial(role Role) *client { return h.dialFrom(role, "") }

// dialFrom comes from an address of the loopback network.
func (h *house) dialFrom(role Role, from string) *client {
	h.t.Helper()
	d := net.Dialer{}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.Dial("tcp", h.addr[role])
	if err != nil {
		h.t.Fatal(err)
	}
	return newClient(h.t, c)
}

func newClient(t testing.TB, c net.Conn) *client {
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Logf("send: %v", err)
	}
}

// reply reads one reply, its lines joined by "|".
func (c *client) reply() (string, error) {
	var lines []string
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return line, err
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "|"), nil
		}
	}
}

// want reads a reply that must begin so.
func (c *client) want(prefix string) string {
	c.t.Helper()
	got, err := c.reply()
	if err != nil || !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("got %q (%v), want %q", got, err, prefix)
	}
	return got
}

// cmd sends a command and wants a reply.
func (c *client) cmd(line, prefix string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	got, err := c.reply()
	if err != nil || !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("to %.80q got %q (%v), want %q", line, got, err, prefix)
	}
	return got
}

// wantClosed wants nothing more but the end of the connection.
func (c *client) wantClosed() {
	c.t.Helper()
	if got, err := c.reply(); err == nil {
		c.t.Fatalf("got %q, want the connection closed", got)
	} else if isTimeout(err) {
		c.t.Fatal("connection still open")
	}
}

// hello greets and begins a mail to support.
func (c *client) hello() *client {
	c.t.Helper()
	c.want("220 ")
	c.cmd("EHLO client.example", "250")
	return c
}

func (c *client) mail() *client {
	c.t.Helper()
	c.cmd("MAIL FROM:<eva@customer.example>", "250 2.1.0")
	c.cmd("RCPT TO:<support@desk.example>", "250 2.1.5")
	return c
}

// testTLS is a certificate for this test run.
func testTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.desk.example"},
		DNSNames: []string{"mx.desk.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert, nil }}
}

// tls goes on under TLS.
func (c *client) tls() *client {
	c.t.Helper()
	tc := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
	if err := tc.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	return newClient(c.t, tc)
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
