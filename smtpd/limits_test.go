package smtpd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestS8_EarlyTalkers(t *testing.T) {
	cfg := testConfig()
	cfg.GreetPause = 300 * time.Millisecond
	h := open(t, cfg)
	c := h.dial(RoleMX)
	c.send("EHLO client.example\r\n" + smuggled)
	c.want("554 5.5.0")
	c.wantClosed()
	began := time.Now()
	h.dial(RoleMX).hello()
	if d := time.Since(began); d < cfg.GreetPause {
		t.Errorf("greeted after %v", d)
	}
	if len(h.desk.mails()) != 0 {
		t.Error("kept")
	}
}

func TestS8_AfterEHLOTooEarlyIsCountedAndAnswered(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(RoleMX)
	c.want("220")
	c.send("EHLO client.example\r\nNOOP\r\n")
	c.want("250-")
	c.want("250 2.0.0")
}

func TestS9_TooManyRecipientsAndCommands(t *testing.T) {
	cfg := testConfig()
	cfg.MaxBadCommands = 0 // the default
	h := open(t, cfg)
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<eva@customer.example>", "250")
	refused := 0
	for i := range 1001 {
		c.send(fmt.Sprintf("RCPT TO:<support%d@desk.example>\r\n", i))
		got, err := c.reply()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(got, "452 4.5.3") {
			refused++
		}
	}
	if refused != 901 {
		t.Errorf("%d refused", refused)
	}
	c.cmd("DATA", "354")
	c.cmd("x\r\n.", "250")
	if n := len(h.desk.mails()[0].env.To); n != 100 {
		t.Errorf("%d recipients", n)
	}
	ended := 0
	for ended = range 101 {
		c.send("FROB\r\n")
		if got, err := c.reply(); err != nil || strings.HasPrefix(got, "421") {
			break
		}
	}
	if ended > 25 {
		t.Errorf("421 after %d bad commands", ended)
	}
	c = h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<eva@customer.example>", "250")
	for n := 0; ; n++ {
		c.send("RCPT TO:<a@foreign.example>\r\n")
		got, err := c.reply()
		if err != nil || strings.HasPrefix(got, "421") {
			break
		}
		if n > maxRefused {
			t.Fatal("refused without end")
		}
	}
	for name, again := range map[string]string{"NOOP": "NOOP", "RSET": "RSET", "EHLO": "EHLO x"} {
		c := h.dial(RoleMX).hello()
		for n := 0; ; n++ {
			c.send(again + "\r\n")
			got, err := c.reply()
			if err != nil || strings.HasPrefix(got, "421") {
				break
			}
			if n > 200 {
				t.Fatalf("%s without end", name)
			}
		}
	}
}

func TestS9_OneTooBigOfManyMails(t *testing.T) {
	cfg := testConfig()
	cfg.MessageBytes = 1 << 20
	h := open(t, cfg)
	c := h.dial(RoleMX).hello()
	for i, size := range []int{100, 1<<20 + 1, 100, 1 << 20} {
		c.mail()
		c.cmd("DATA", "354")
		body := strings.Repeat(strings.Repeat("x", 62)+"\r\n", size/64+1)[:size-2] + "\r\n"
		body = strings.ReplaceAll(body, "\r\r\n", "x\r\n")
		want := "250 2.0.0"
		if i == 1 {
			want = "552 5.3.4"
		}
		c.cmd(body+".", want)
	}
}

func TestLimits_ConnectionsInAll(t *testing.T) {
	cfg := testConfig()
	cfg.Connections = 3
	cfg.AllowPlainAuth = true
	h := open(t, cfg)
	var held []*client
	for range 3 {
		held = append(held, h.dial(RoleMX).hello())
	}
	c := h.dial(RoleMX)
	c.want("421 4.7.0")
	c.wantClosed()
	h.dial(RoleSubmission).hello().cmd("QUIT", "221") // agents get in all the same
	held[0].cmd("QUIT", "221")
	held[0].wantClosed()
	h.until(func() bool { return h.open.Load() < 3 })
	h.dial(RoleMX).hello()
}

// until waits for what a session's goroutine does after the client has seen
// its end.
func (h *house) until(ok func() bool) {
	h.t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); {
		if time.Now().After(end) {
			h.t.Fatal("does not come about")
		}
		<-time.After(time.Millisecond)
	}
}

func TestLimits_ConnectionsPerNetwork(t *testing.T) {
	cfg := testConfig()
	cfg.ConnectionsPerNetwork = 2
	cfg.Exempt = []netip.Prefix{netip.MustParsePrefix("127.5.0.0/16")}
	h := open(t, cfg)
	h.dialFrom(RoleMX, "127.1.1.1").hello()
	h.dialFrom(RoleMX, "127.1.1.2").hello()
	h.dialFrom(RoleMX, "127.1.1.3").want("421 4.7.0")
	h.dialFrom(RoleMX, "127.1.2.3").hello()
	for range 5 {
		h.dialFrom(RoleMX, "127.5.1.1").hello()
	}
}

func TestLimits_NetworksAreA24OrA64(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.77":           "192.0.2.0/24",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"127.0.0.1":            "127.0.0.0/24",
		"fe80::1%eth0":         "fe80::/64",
	} {
		if got := networkOf(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	mapped := &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1"), Port: 1}
	if got := remoteOf(addressed{addr: mapped}).String(); got != "192.0.2.1" {
		t.Error(got)
	}
}

type addressed struct {
	net.Conn
	addr net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.addr }

func TestLimits_MailsAnHour(t *testing.T) {
	cfg := testConfig()
	cfg.MailsPerNetworkHour, cfg.MailsPerSenderHour = 4, 2
	h := open(t, cfg)
	try := func(from, sender, want string) {
		t.Helper()
		h.dialFrom(RoleMX, from).hello().cmd("MAIL FROM:<"+sender+">", want)
	}
	try("127.1.1.1", "eva@customer.example", "250")
	try("127.1.2.1", "EVA@customer.example", "250")
	try("127.1.3.1", "eva@customer.example", "450 4.7.1") // the sender
	try("127.1.1.2", "a@customer.example", "250")
	try("127.1.1.2", "b@customer.example", "250")
	try("127.1.1.2", "c@customer.example", "250")
	try("127.1.1.3", "d@customer.example", "450 4.7.1") // the network
	try("127.1.9.3", "d@customer.example", "250")
	try("127.1.9.3", "", "250")
	try("127.1.9.3", "", "250")
	try("127.1.8.3", "", "250") // bounces of one host do not stop those of another
	for key := range h.lim.used {
		if strings.Contains(key, "@") || strings.Contains(key, "127.") {
			t.Errorf("key in clear: %s", key)
		}
	}
}

func TestLimits_DiskFloor(t *testing.T) {
	free, trouble := int64(1000), error(nil)
	cfg := testConfig()
	cfg.MinFreeBytes = 500
	cfg.DiskFree = func() (int64, error) { return free, trouble }
	h := open(t, cfg)
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<eva@customer.example> SIZE=501", "452 4.3.1")
	c.cmd("MAIL FROM:<eva@customer.example> SIZE=500", "250")
	c.cmd("RCPT TO:<support@desk.example>", "250")
	free = 400
	c.cmd("DATA", "452 4.3.1")
	c.send("BDAT 3 LAST\r\na\r\n")
	c.want("452 4.3.1")
	free = 1000
	c.cmd("DATA", "354")
	c.cmd("a\r\n.", "250")
	free = 499
	c.cmd("MAIL FROM:<eva@customer.example>", "452 4.3.1")
	free, trouble = 1000, errors.New("statfs")
	c.cmd("MAIL FROM:<eva@customer.example>", "452 4.3.1")
}

func TestS10_Slowloris(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = testTLS(t)
	cfg.Connections, cfg.ConnectionsPerNetwork = 500, 30
	cfg.Timeouts.Command = 500 * time.Millisecond
	cfg.Timeouts.Handshake = 300 * time.Millisecond
	cfg.Timeouts.RateGrace = 200 * time.Millisecond
	h := open(t, cfg)
	var slow []net.Conn
	for i := range 200 { // one network
		role := RoleMX
		if i%2 == 0 {
			role = RoleSubmissions // silent in the handshake
		}
		slow = append(slow, h.dialFrom(role, fmt.Sprintf("127.66.0.%d", i+1)).Conn)
	}
	drip := make(chan struct{})
	defer close(drip)
	go func() { // one byte of a command, ever so slowly
		for {
			select {
			case <-drip:
				return
			case <-time.After(20 * time.Millisecond):
				for _, c := range slow {
					io.WriteString(c, "N")
				}
			}
		}
	}()
	began := time.Now()
	c := h.dialFrom(RoleMX, "127.77.0.1").hello().mail()
	c.cmd("DATA", "354")
	c.cmd("x\r\n.", "250")
	if d := time.Since(began); d > time.Second {
		t.Errorf("the honest one waited %v", d)
	}
	c.cmd("QUIT", "221")
	c.wantClosed()
	h.until(func() bool { return h.Server.open.Load() == 0 })

	c = h.dialFrom(RoleMX, "127.88.0.1").hello().mail()
	c.cmd("DATA", "354")
	go func() {
		for range 100 {
			if _, err := io.WriteString(c.Conn, "x\r\n"); err != nil {
				return
			}
			<-time.After(20 * time.Millisecond)
		}
	}()
	c.want("421 4.4.2 the data comes too slowly")
	c.wantClosed()
}

func TestS10_CrowdShortensPatience(t *testing.T) {
	cfg := testConfig()
	cfg.Connections = 10
	h := open(t, cfg)
	f := pieceFront(h.Server)
	if d := time.Until(f.commandDeadline()); d < time.Minute {
		t.Errorf("%v when empty", d)
	}
	for range 8 {
		h.dial(RoleMX).hello()
	}
	if d := time.Until(f.commandDeadline()); d > 10*time.Second {
		t.Errorf("%v when crowded", d)
	}
	f.agent = 1
	if d := time.Until(f.commandDeadline()); d < time.Minute {
		t.Errorf("%v for an agent", d)
	}
}
