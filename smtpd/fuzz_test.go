package smtpd

import (
	"bytes"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// states are what has been said before the fuzzed bytes arrive.
var states = []string{
	"",
	"EHLO x\r\n",
	"EHLO x\r\nMAIL FROM:<a@b.example>\r\n",
	"EHLO x\r\nMAIL FROM:<a@b.example> SMTPUTF8\r\nRCPT TO:<support@desk.example>\r\n",
	"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\n",
	"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<support@desk.example>\r\nBDAT 5\r\n",
	"EHLO x\r\nAUTH PLAIN\r\n",
	"EHLO x\r\nAUTH LOGIN\r\n",
}

// tape is a socket that plays bytes in pieces of a given size, and records.
type tape struct {
	net.Conn
	in    []byte
	piece int

	mu   sync.Mutex
	out  bytes.Buffer
	done chan struct{}
	once sync.Once
}

func (c *tape) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.piece)], c.in)
	c.in = c.in[n:]
	return n, nil
}

func (c *tape) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(p)
}

func (c *tape) Close() error                     { c.once.Do(func() { close(c.done) }); return nil }
func (c *tape) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }

var (
	lastChunk = regexp.MustCompile(`(?i)BDAT[ ]+[0-9]+[ ]+LAST`)
	anyChunk  = regexp.MustCompile(`(?i)BDAT`)
	replyLine = regexp.MustCompile(`^[2-5][0-9][0-9][ -][ -~]*$`)
)

// FuzzConversation plays bytes into each state of a session. Whatever they are: no panic,
// an end, replies that are replies, and no more messages than there are ends
// of data, each of which stands in what was sent as it was kept.
func FuzzConversation(f *testing.F) {
	for state := range states {
		for _, s := range []string{
			"a\r\n.\r\n", "abc\r\nBDAT 3 LAST\r\nx\r\n", "a\r\n.\r\n" + smuggled, "RSET\r\nNOOP\r\nQUIT\r\n",
			"RCPT TO:<Postmaster>\r\nDATA\r\n..\r\n.\r\n", "BDAT 4 LAST\r\n.\r\r\n", "*\r\n", "AGFubmEAcmlnaHQ=\r\n",
			"MAIL FROM:<\"a\\\"b\"@x> SIZE=10 BODY=8BITMIME\r\n", "STARTTLS\r\nEHLO y\r\n", "BDAT 99999999999 LAST\r\n",
		} {
			f.Add(byte(state), byte(7), []byte(s))
		}
		for _, end := range endings {
			f.Add(byte(state), byte(200), []byte("Subject: x\r\n\r\nfirst"+end+smuggled))
		}
	}
	cfg := testConfig()
	cfg.AllowPlainAuth = true
	cfg.MessageBytes = 1 << 16
	cfg.Timeouts.Linger = time.Millisecond
	h := open(f, cfg)
	f.Fuzz(func(t *testing.T, state, piece byte, in []byte) {
		stream := states[int(state)%len(states)] + string(in)
		role := RoleMX
		if strings.Contains(stream, "AUTH") {
			role = RoleSubmission
		}
		c := &tape{in: []byte(stream), piece: int(piece) + 1, done: make(chan struct{})}
		h.welcome(c, role)
		select {
		case <-c.done:
		case <-time.After(10 * time.Second):
			t.Fatalf("no end: %q", stream)
		}
		if logs := h.logs.take(); strings.Contains(logs, "panic") {
			t.Fatalf("panic: %s", logs)
		}
		checkReplies(t, c)
		kept := h.desk.take()
		most := strings.Count(stream, "\r\n.\r\n") + len(lastChunk.FindAllString(stream, -1))
		if len(kept) > most {
			t.Fatalf("%d messages of at most %d in %q", len(kept), most, stream)
		}
		for _, m := range kept {
			if _, ok := textEnd([]byte(m.data), false); !ok {
				t.Fatalf("kept %q", m.data)
			}
			if !anyChunk.MatchString(stream) && !strings.Contains(unstuffed(stream), "\r\n"+m.data+"\r\n") {
				t.Fatalf("kept %q, which is not in %q", m.data, stream)
			}
		}
	})
}

// unstuffed takes a dot from the start of each line, also of the one that ends
// a message.
func unstuffed(s string) string { return strings.ReplaceAll(s, "\r\n.", "\r\n") }

func checkReplies(t *testing.T, c *tape) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.Lines(c.out.String()) {
		if text, ok := strings.CutSuffix(line, "\r\n"); !ok || !replyLine.MatchString(text) {
			t.Fatalf("reply %q", line)
		}
	}
}
