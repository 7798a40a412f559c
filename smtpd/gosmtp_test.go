package smtpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postroom/tickets"
)

// One test for each trap of go-smtp v0.25.1 that this package works around.

func TestGoSMTP_S1_BodyIsNeverRunAsCommands(t *testing.T) {
	cfg := testConfig()
	cfg.Timeouts.DataIdle = 50 * time.Millisecond
	h := open(t, cfg)
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	c.send("Subject: real\r\n\r\nhello\r\n")
	c.want("421 4.4.2") // the pause was too long
	c.send("MAIL FROM:<ceo@victim.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\nforged\r\n.\r\n")
	c.wantClosed()
	if m := h.desk.mails(); len(m) != 0 {
		t.Fatalf("kept %q", m[0].data)
	}
}

func TestGoSMTP_S2_SteadyUploadOutlastsTheIdleTimeout(t *testing.T) {
	cfg := testConfig()
	cfg.Timeouts.DataIdle = 400 * time.Millisecond
	h := open(t, cfg)
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	for range 10 { // 600 ms in all
		c.send("steady\r\n")
		<-time.After(60 * time.Millisecond)
	}
	c.cmd(".", "250 2.0.0 kept as")
	if m := h.desk.mails(); len(m) != 1 || m[0].data != strings.Repeat("steady\r\n", 10) {
		t.Fatalf("kept %+v", m)
	}
}

func TestGoSMTP_S2_TransactionHasACap(t *testing.T) {
	cfg := testConfig()
	cfg.Timeouts.Transaction = 500 * time.Millisecond
	h := open(t, cfg)
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				io.WriteString(c.Conn, "drip\r\n")
			}
		}
	}()
	c.want("421 4.4.2")
}

func TestGoSMTP_S3_CRCRLFBeforeTheDotDoesNotHang(t *testing.T) {
	for _, body := range []string{"hello\r\r\n.\r\n", ".\r\r\n.\r\n", "\r\r\n.\r\n"} {
		h := open(t, testConfig())
		c := h.dial(RoleMX).hello().mail()
		c.cmd("DATA", "354")
		began := time.Now()
		c.send(body)
		c.want("550 5.5.2")
		c.wantClosed()
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("%q took %v", body, d)
		}
		if m := h.desk.mails(); len(m) != 0 {
			t.Errorf("%q kept %q", body, m[0].data)
		}
	}
}

func TestGoSMTP_S4_InternalErrorsStayInside(t *testing.T) {
	secret := errors.New("pq: connection refused to 10.0.0.5")
	for name, err := range map[string]error{
		"plain":   secret,
		"wrapped": fmt.Errorf("keep: %w", secret),
		"refusal": &tickets.Refusal{Reason: tickets.RefuseTemporary, Err: secret},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, testConfig())
			var at atomic.Value
			at.Store("")
			fail := func(step string) error {
				if at.Load() == step {
					return err
				}
				return nil
			}
			h.desk.sender = func(*tickets.Envelope) error { return fail("mail") }
			h.desk.rcpt = func(string) error { return fail("rcpt") }
			h.desk.receive = func(_ tickets.Envelope, r io.Reader) (string, error) {
				io.Copy(io.Discard, r)
				return "r", fail("data")
			}
			c := h.dial(RoleMX).hello()
			neutral := func(got string) {
				if strings.Contains(got, "pq") || strings.Contains(got, "10.0") {
					t.Errorf("leaked: %q", got)
				}
			}
			at.Store("mail")
			neutral(c.cmd("MAIL FROM:<eva@customer.example>", "451 4.3.0"))
			at.Store("rcpt")
			c.cmd("MAIL FROM:<eva@customer.example>", "250")
			neutral(c.cmd("RCPT TO:<support@desk.example>", "451 4.3.0"))
			at.Store("data")
			c.cmd("RCPT TO:<support@desk.example>", "250")
			c.cmd("DATA", "354")
			neutral(c.cmd("a\r\n.", "451 4.3.0"))
			c.mail() // in step
			neutral(c.cmd("BDAT 3 LAST\r\na", "451 4.3.0"))
		})
	}
}

func TestGoSMTP_S5_LongBodyLinesAreTaken(t *testing.T) {
	cfg := testConfig()
	cfg.LineBytes = 0
	h := open(t, cfg)
	long := strings.Repeat("x", 80_000) + "\r\n"
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	c.cmd(long+".", "250")
	c.mail()
	c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(long), long)) // in the command's packet
	c.want("250 2.0.0 kept as")
	for _, m := range h.desk.mails() {
		if m.data != long {
			t.Errorf("kept %d bytes of %d", len(m.data), len(long))
		}
	}
}

func TestGoSMTP_S6_PanicEndsItsSessionOnly(t *testing.T) {
	h := open(t, testConfig())
	other := h.dial(RoleMX).hello()
	h.desk.sender = func(env *tickets.Envelope) error {
		if env.From == "mail@panic.example" {
			panic("in CheckSender")
		}
		return nil
	}
	h.desk.rcpt = func(rcpt string) error {
		if rcpt == "rcpt@panic.example" {
			panic("in CheckRecipient")
		}
		return nil
	}
	h.desk.receive = func(_ tickets.Envelope, r io.Reader) (string, error) {
		b, err := io.ReadAll(r)
		if bytes.Contains(b, []byte("panic")) {
			panic("in Receive")
		}
		return "r", err
	}
	for _, steps := range [][]string{
		{"MAIL FROM:<mail@panic.example>"},
		{"MAIL FROM:<a@b.example>", "RCPT TO:<rcpt@panic.example>"},
		{"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "panic\r\n."},
		{"MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "BDAT 5 LAST\r\npanic"},
	} {
		c := h.dial(RoleMX).hello()
		for _, s := range steps[:len(steps)-1] {
			c.send(s + "\r\n")
			c.reply()
		}
		last := steps[len(steps)-1]
		if !strings.HasPrefix(last, "BDAT") {
			last += "\r\n"
		}
		c.send(last)
		c.want("421 4.3.0")
		c.wantClosed()
	}
	other.mail()
	other.cmd("DATA", "354")
	other.cmd("fine\r\n.", "250")
	if !strings.Contains(h.logs.String(), "panic in a session") {
		t.Error("panics are not in the log")
	}
}

// panicky is a socket that panics in its second Read, or in its first Close.
type panicky struct {
	net.Conn
	reads atomic.Int32
	close atomic.Bool
}

func (p *panicky) Read(b []byte) (int, error) {
	if p.reads.Add(1) == 2 {
		panic("in the socket's Read")
	}
	return p.Conn.Read(b)
}

func (p *panicky) Close() error {
	if p.close.Swap(false) {
		panic("in the socket's Close")
	}
	return p.Conn.Close()
}

func TestGoSMTP_S6_PanicOfTheFrontOrInCloseIsCaught(t *testing.T) {
	h := open(t, testConfig())
	other := h.dial(RoleMX).hello() // the engine runs
	for _, what := range []string{"read", "close"} {
		ours, theirs := net.Pipe()
		p := &panicky{Conn: theirs}
		h.welcome(p, RoleMX)
		c := newClient(t, ours)
		c.want("220")
		switch what {
		case "read":
			c.cmd("NOOP", "250")
			c.want("421 4.3.0")
		case "close":
			p.close.Store(true)
			p.reads.Store(10)
			c.cmd("QUIT", "221")
		}
		c.wantClosed()
	}
	other.cmd("NOOP", "250")
}

func TestGoSMTP_S7_BarePostmaster(t *testing.T) {
	h := open(t, testConfig())
	var got string
	h.desk.rcpt = func(rcpt string) error { got = rcpt; return nil }
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<eva@customer.example>", "250")
	c.cmd("RCPT TO:<Postmaster>", "250 2.1.5")
	if got != "postmaster@mx.desk.example" {
		t.Errorf("asked for %q", got)
	}
	c.cmd("RCPT TO:<support>", "501")
}

func TestGoSMTP_S8_PathsReachIntakeAsTheyWereMeant(t *testing.T) {
	h := open(t, testConfig())
	var got string
	h.desk.rcpt = func(rcpt string) error { got = rcpt; return nil }
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:eva@customer.example", "501")
	c.cmd("MAIL FROM:<é@customer.example>", "553 5.6.7")
	c.cmd("MAIL FROM:<eva@customer.example>", "250")
	c.cmd("RCPT TO:support@desk.example", "501")
	c.cmd("RCPT TO:<é@desk.example>", "553 5.6.7")
	c.cmd(`RCPT TO:<"a b"@Desk.Example>`, "250")
	if got != `"a b"@desk.example` {
		t.Errorf("asked for %s", got)
	}
	c.cmd(`RCPT TO:<"a\"b">x"@desk.example>`, "501")
	c.cmd(`RCPT TO:<"support"@desk.example>`, "250")
	if got != "support@desk.example" {
		t.Errorf("asked for %s", got)
	}
}

func TestGoSMTP_S9_DrainingIsBounded(t *testing.T) {
	cfg := testConfig()
	cfg.MessageBytes = 1000
	h := open(t, cfg)
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	go func() {
		for range 400 { // 4 MB, and no end
			if _, err := io.WriteString(c.Conn, strings.Repeat(strings.Repeat("x", 98)+"\r\n", 100)); err != nil {
				return
			}
		}
	}()
	c.want("552 5.3.4")
	c.wantClosed()
}

func TestGoSMTP_S10_BDATReceivesInTheSessionsOwnGoroutine(t *testing.T) {
	h := open(t, testConfig())
	var in, mixed atomic.Int32
	h.desk.receive = func(_ tickets.Envelope, r io.Reader) (string, error) {
		in.Add(1)
		defer in.Add(-1)
		_, err := io.Copy(io.Discard, r)
		return "r", err
	}
	h.desk.sender = func(*tickets.Envelope) error {
		if in.Load() != 0 {
			mixed.Add(1)
		}
		return nil
	}
	for range 50 {
		c := h.dial(RoleMX).hello().mail()
		c.send("BDAT 3\r\nabc")
		c.want("250")
		c.send("RSET\r\nMAIL FROM:<eva@customer.example>\r\n")
		c.want("250 2.0.0")
		c.want("250 2.1.0")
		c.Close()
	}
	if mixed.Load() != 0 {
		t.Error("a further transaction began while Receive was running")
	}
}

func TestGoSMTP_S11_ReplyNamesUsAndHalfALineIsNoCommand(t *testing.T) {
	cfg := testConfig()
	cfg.Timeouts.Command = 400 * time.Millisecond
	h := open(t, cfg)
	c := h.dial(RoleMX)
	c.want("220 mx.desk.example ")
	c.cmd("EHLO client.example", "250-mx.desk.example|")
	c.cmd("HELO client.example", "250 mx.desk.example")
	c.send("MAIL FROM:<eva@customer.example>") // and no end of the line
	c.want("421 4.4.2")
	c.wantClosed()
}

func TestGoSMTP_FailedHandshakeEndsTheConnection(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = testTLS(t)
	h := open(t, cfg)
	c := h.dial(RoleMX).hello()
	c.cmd("STARTTLS", "220")
	c.send("MAIL FROM:<eva@customer.example>\r\n")
	for { // an alert, perhaps, but no reply
		line, err := c.r.ReadString('\n')
		if strings.Contains(line, "250") || strings.Contains(line, "550") {
			t.Fatalf("went on in clear: %q", line)
		}
		if err != nil {
			if isTimeout(err) {
				t.Fatal("connection still open")
			}
			return
		}
	}
}

func TestShutdownIsRepeatable(t *testing.T) {
	h := open(t, testConfig())
	for range 2 {
		if err := h.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
