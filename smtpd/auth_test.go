package smtpd

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func plain(user, password string) string { return b64("\x00" + user + "\x00" + password) }

func TestS5_AuthIsOfferedAndTakenUnderTLSOnly(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = testTLS(t)
	h := open(t, cfg)

	c := h.dial(RoleMX).hello()
	c.cmd("AUTH PLAIN "+plain("anna", "right"), "502 5.5.1")
	c = h.dial(RoleSubmission)
	c.want("220")
	if caps := c.cmd("EHLO client.example", "250"); strings.Contains(caps, "AUTH") || !strings.Contains(caps, "STARTTLS") {
		t.Errorf("in clear: %s", caps)
	}
	c.cmd("AUTH PLAIN "+plain("anna", "right"), "538 5.7.11")
	c.cmd("MAIL FROM:<anna@desk.example>", "530 5.7.0 STARTTLS first")
	c.cmd("STARTTLS", "220")
	c = c.tls()
	c.cmd("AUTH PLAIN "+plain("anna", "right"), "503 5.5.1") // EHLO again: RFC 3207
	if caps := c.cmd("EHLO client.example", "250"); !strings.Contains(caps, "AUTH PLAIN LOGIN") || strings.Contains(caps, "STARTTLS") {
		t.Errorf("under TLS: %s", caps)
	}
	c.cmd("STARTTLS", "503")
	c.cmd("AUTH CRAM-MD5", "504 5.5.4")
	c.cmd("AUTH", "501")
	c.cmd("AUTH PLAIN !!!", "501 5.5.2")
	c.cmd("AUTH PLAIN", "334 ")
	c.cmd("*", "501")
	c.cmd("AUTH PLAIN "+b64("eva\x00anna\x00right"), "535 5.7.8")
	c.cmd("AUTH LOGIN", "334 "+b64("Username:"))
	c.cmd(b64("anna"), "334 "+b64("Password:"))
	c.cmd(b64("right"), "235 2.0.0")
	c.cmd("AUTH PLAIN "+plain("anna", "right"), "503 5.5.1")
	c.cmd("MAIL FROM:<anna@desk.example>", "250")
	c.cmd("RCPT TO:<support@desk.example>", "250")
	c.cmd("DATA", "354")
	c.cmd("x\r\n.", "250")
	if env := h.desk.mails()[0].env; env.AgentID != 7 || env.Via != "submission" || !strings.HasPrefix(env.TLS, "TLS 1.3 TLS_") {
		t.Errorf("%+v", env)
	}

	d := newClient(t, h.dial(RoleSubmissions).Conn).tls().hello()
	d.cmd("AUTH LOGIN "+b64("anna"), "334 "+b64("Password:"))
	d.cmd(b64("right"), "235")
}

func TestAuth_TroubleIsTemporaryAndNamesNothing(t *testing.T) {
	cfg := testConfig()
	cfg.AllowPlainAuth = true
	h := open(t, cfg)
	c := h.dial(RoleSubmission).hello()
	if got := c.cmd("AUTH PLAIN "+plain("broken", "x"), "454 4.7.0"); strings.Contains(got, "pq") {
		t.Error(got)
	}
}

// sleeps records what was waited, and does not wait.
type sleeps struct {
	mu sync.Mutex
	d  []time.Duration
}

func (s *sleeps) sleep(_ context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.d = append(s.d, d)
	return nil
}

func (s *sleeps) take() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.d
	s.d = nil
	return d
}

// guess tries passwords of the given accounts from an address and says how many
// were answered 235, 535, and 454.
func (h *house) guess(from string, users []string, password string) (codes map[string]int) {
	h.t.Helper()
	codes = map[string]int{}
	var c *client
	for i, u := range users {
		if i%3 == 0 { // three failures to a session
			if c != nil {
				c.Close()
			}
			c = h.dialFrom(RoleSubmission, from).hello()
		}
		c.send("AUTH PLAIN " + plain(u, password) + "\r\n")
		got, err := c.reply()
		if err != nil {
			h.t.Fatal(err)
		}
		codes[got[:3]]++
	}
	c.Close()
	return codes
}

func names(n int, format string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = format
		if strings.Contains(format, "%") {
			list[i] = fmt.Sprintf(format, i)
		}
	}
	return list
}

func TestS11_BruteForce(t *testing.T) {
	var waits sleeps
	var mu sync.Mutex
	now := time.Now()
	cfg := testConfig()
	cfg.AllowPlainAuth, cfg.AuthDelay, cfg.Sleep = true, 0, waits.sleep
	cfg.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	h := open(t, cfg)

	// anna is at home at 127.0.77.*.
	if got := h.guess("127.0.77.1", []string{"anna"}, "right"); got["235"] != 1 {
		t.Fatal(got)
	}
	waits.take()

	// One place, many accounts: the network stops it.
	h.auth.asked = 0
	got := h.guess("127.1.0.1", names(100, "user%d"), "guess")
	if h.auth.asked > 11 || got["535"] != h.auth.asked || got["454"] != 100-h.auth.asked {
		t.Errorf("from one place %d of 100 were tried: %v", h.auth.asked, got)
	}
	for _, d := range waits.take() {
		if d != time.Second {
			t.Errorf("a failure took %v", d)
		}
	}

	// Many places, one account: the account stops it.
	h.auth.asked = 0
	for i := range 60 {
		h.guess(fmt.Sprintf("127.2.%d.1", i*4), []string{"anna"}, "guess")
	}
	if h.auth.asked > 6 {
		t.Errorf("one account was tried %d times from 60 places", h.auth.asked)
	}

	// Meanwhile anna logs in from home, but from nowhere else.
	if got := h.guess("127.0.77.2", []string{"anna"}, "right"); got["235"] != 1 {
		t.Errorf("locked out at home: %v", got)
	}
	if got := h.guess("127.9.0.1", []string{"anna"}, "right"); got["454"] != 1 {
		t.Errorf("the account is not blocked elsewhere: %v", got)
	}

	// The block ends. (The limiter of the test never forgets, the guard does.)
	mu.Lock()
	now = now.Add(25 * time.Hour)
	mu.Unlock()
	if got := h.guess("127.9.0.1", []string{"anna"}, "right"); got["235"] != 1 {
		t.Errorf("still blocked after a day: %v", got)
	}
}

func TestS11_ThreeFailuresEndTheSession(t *testing.T) {
	cfg := testConfig()
	cfg.AllowPlainAuth = true
	h := open(t, cfg)
	c := h.dial(RoleSubmission).hello()
	for range 3 {
		c.cmd("AUTH PLAIN "+plain("anna", "wrong"), "535 5.7.8")
	}
	c.cmd("AUTH PLAIN "+plain("anna", "right"), "421 4.7.0")
	c.wantClosed()
}

func TestS11_GuardIsBounded(t *testing.T) {
	g := newGuard(&windows{}, nil, time.Now, func(s string) string { return s })
	for i := range guardEntries + 100 {
		g.known[fmt.Sprint(i)] = time.Now()
		makeRoom(g.known, func(time.Time) bool { return false })
	}
	if len(g.known) > guardEntries {
		t.Errorf("%d entries", len(g.known))
	}
}

func TestS12_Enumeration(t *testing.T) {
	var waits sleeps
	cfg := testConfig()
	cfg.AllowPlainAuth, cfg.Tarpit, cfg.Sleep = true, 0, waits.sleep
	h := open(t, cfg)
	c := h.dial(RoleMX).hello()
	c.cmd("VRFY support", "252")
	c.cmd("VRFY nobody", "252")
	c.cmd("EXPN staff", "502")
	c.cmd("MAIL FROM:<eva@customer.example>", "250")
	for i := range 6 {
		c.cmd(fmt.Sprintf("RCPT TO:<nobody%d@desk.example>", i), "550 5.1.1")
	}
	if got := waits.take(); len(got) != 5 || got[0] != 5*time.Second {
		t.Errorf("waited %v", got)
	}
	c.cmd("RCPT TO:<support@desk.example>", "250") // this mail may go on
	c.cmd("DATA", "354")
	c.cmd("x\r\n.", "250")
	c.cmd("MAIL FROM:<eva@customer.example>", "421 4.7.0") // and no other
	c.wantClosed()

	c = h.dial(RoleSubmission).hello()
	unknown := c.cmd("AUTH PLAIN "+plain("nobody", "wrong"), "535")
	if wrong := c.cmd("AUTH PLAIN "+plain("anna", "wrong"), "535"); wrong != unknown {
		t.Errorf("%q is not %q", wrong, unknown)
	}
}

func TestS12_ReconnectingDoesNotHelp(t *testing.T) {
	var waits sleeps
	cfg := testConfig()
	cfg.Tarpit, cfg.Sleep = 0, waits.sleep
	h := open(t, cfg)
	for range 25 {
		c := h.dial(RoleMX).hello()
		c.cmd("MAIL FROM:<eva@customer.example>", "250")
		c.cmd("RCPT TO:<nobody@desk.example>", "550 5.1.1")
		c.Close()
	}
	if n := len(waits.take()); n != 5 {
		t.Errorf("%d of 25 guesses were slow", n)
	}
}

func TestS14_LogsCannotBeForgedOrFlooded(t *testing.T) {
	cfg := testConfig()
	cfg.AllowPlainAuth = true
	cfg.MaxBadCommands = -1
	h := open(t, cfg)
	h.desk.sender = nil
	evil := "evil\x1b[31m level=error msg=\u202eforged " + strings.Repeat("x", 300)
	c := h.dial(RoleMX)
	c.want("220")
	c.cmd("EHLO "+evil, "501")
	c.cmd("EHLO a\x1b[31mb", "501")
	c.send("EHLO " + strings.Repeat("y", 20_000) + "\r\n")
	c.want("500 5.5.2")
	c.cmd("EHLO client.example", "250")
	c.cmd("MAIL FROM:<secret-sender@customer.example>", "250")
	for i := range 20 {
		c.cmd(fmt.Sprintf("RCPT TO:<secret-rcpt%d@desk.example>", i), "550")
	}
	c.cmd("RSET", "250")
	c.cmd("\x1b]0;title\x07 evil", "500")
	c.Close()
	s := h.dial(RoleSubmission).hello()
	s.cmd("AUTH PLAIN "+plain("secret-user@desk.example", "secret-password"), "535")
	s.Close()
	for _, r := range []string{field(evil), field("a@b c\r\nd")} {
		if len(r) > 256 || strings.ContainsAny(r, "\x1b\r\n@") {
			t.Errorf("field: %q", r)
		}
	}
	logs := h.logs.String()
	for line := range strings.Lines(logs) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Errorf("not JSON: %q", line)
		}
		if m["conn"] == nil || m["network"] == nil {
			t.Errorf("without conn and network: %s", line)
		}
		if strings.ContainsAny(line[:len(line)-1], "\x1b\r\n") || len(line) > 1000 {
			t.Errorf("line: %q", line)
		}
	}
	if strings.Contains(logs, "secret") || strings.Contains(logs, "127.0.0.1") {
		t.Error("an address or a secret is in the log")
	}
}

func TestS14_ASessionsLinesAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.MaxUnknown = -1
	h := open(t, cfg)
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<eva@customer.example>", "250")
	for range 500 {
		c.cmd("RCPT TO:<nobody@desk.example>", "550")
	}
	if n := strings.Count(h.logs.String(), "\n"); n > maxSessionLines+5 {
		t.Errorf("%d lines", n)
	}
}
