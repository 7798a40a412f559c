package smtpd

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postroom/tickets"
)

// endings are what one server or another has taken for the end of data.
var endings = []string{
	"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r.\n", "\n.\r",
	"\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\n.\r\x00\n", "\x00.\r\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n", "\r\r\n.\r\n", "\r\n\r.\r\n",
}

const smuggled = "MAIL FROM:<evil@customer.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nsecond\r\n.\r\n"

func TestS1_SmugglingIn(t *testing.T) {
	h := open(t, testConfig())
	for _, end := range endings {
		for _, by := range []string{"DATA", "BDAT"} {
			t.Run(fmt.Sprintf("%s %q", by, end), func(t *testing.T) {
				before := len(h.desk.mails())
				c := h.dial(RoleMX).hello().mail()
				message := "Subject: real\r\n\r\nfirst" + end
				if by == "DATA" {
					c.cmd("DATA", "354")
					c.send(message + smuggled)
				} else {
					c.send(fmt.Sprintf("BDAT %d LAST\r\n%s%s", len(message), message, smuggled))
				}
				c.want("550 5.5.2")
				c.wantClosed()
				if n := len(h.desk.mails()) - before; n != 0 {
					t.Errorf("%d mails kept", n)
				}
			})
		}
	}
}

// TestS1_ControlSequence shows that the test above could fail.
func TestS1_ControlSequence(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	c.send("Subject: real\r\n\r\nfirst\r\n.\r\n" + smuggled)
	for _, want := range []string{"250 2.0.0 kept", "250 2.1.0", "250 2.1.5", "354", "250 2.0.0 kept"} {
		c.want(want)
	}
}

// TestS1_BareEndingsAreNeverTaken: a bare line end is refused wherever it stands.
func TestS1_BareEndingsAreNeverTaken(t *testing.T) {
	h := open(t, testConfig())
	for _, body := range []string{"\n", "\r", "\x00", "a\nb\r\n.\r\n", "\na\r\n.\r\n", "a\rb\r\n.\r\n", "a\r\n\rb\r\n.\r\n", ".\n", ".\rx", "..\n"} {
		c := h.dial(RoleMX).hello().mail()
		c.cmd("DATA", "354")
		c.send(body)
		if strings.HasSuffix(body, "\r") {
			c.send("x")
		}
		c.want("550 5.5.2")
		c.wantClosed()
	}
	if m := h.desk.mails(); len(m) != 0 {
		t.Errorf("kept %q", m[0].data)
	}
}

// TestS1_RefusedDataIsNoCommands: who sends a message without waiting for 354
// does not get it read as commands when DATA is refused.
func TestS1_RefusedDataIsNoCommands(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<eva@customer.example>", "250")
	c.send("DATA\r\nRSET\r\n" + smuggled)
	c.want("503 5.5.1")
	c.wantClosed()
	if len(h.desk.mails()) != 0 {
		t.Error("smuggled")
	}
}

func TestS1_Corpus(t *testing.T) {
	dir := os.Getenv("POSTROOM_CORPORA")
	if dir == "" {
		dir = "../../shared/corpora"
	}
	index, err := os.ReadFile(filepath.Join(dir, "smuggling.jsonl"))
	if err != nil {
		t.Skip("corpora not there")
	}
	h := open(t, testConfig())
	for line := range strings.Lines(string(index)) {
		var r struct {
			ID, File string
			Expected struct {
				Most int    `json:"messages_accepted_max"`
				Not  string `json:"must_not_create_subject"`
			}
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, "data", r.File))
		if err != nil {
			t.Fatal(err)
		}
		before := len(h.desk.mails())
		c := h.dial(RoleMX).hello().mail()
		c.cmd("DATA", "354")
		c.send(string(data) + "\r\n.\r\nQUIT\r\n")
		for _, err := c.reply(); err == nil; _, err = c.reply() {
		}
		mails := h.desk.mails()[before:]
		if len(mails) > r.Expected.Most {
			t.Errorf("%s: %d messages", r.ID, len(mails))
		}
		for _, m := range mails {
			if strings.Contains(m.data, r.Expected.Not) && !strings.Contains(m.data, "Subject: outer") {
				t.Errorf("%s: smuggled", r.ID)
			}
		}
	}
}

// pieces is a socket that yields one prepared piece a Read.
type pieces struct {
	net.Conn
	in []string
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.in[0])
	if p.in[0] = p.in[0][n:]; p.in[0] == "" {
		p.in = p.in[1:]
	}
	return n, nil
}

func (p *pieces) SetReadDeadline(time.Time) error { return nil }
func (p *pieces) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func pieceFront(s *Server, in ...string) *front {
	f := newFront(s, &pieces{in: in}, RoleMX)
	f.buf = make([]byte, 16) // so that every message is compacted, too
	f.expires = time.Now().Add(time.Hour)
	return f
}

// TestS1_WhereTheWireIsCutDoesNotMatter reads each message in all ways to cut it
// in two, and byte by byte, with reads of one byte and of many.
func TestS1_WhereTheWireIsCutDoesNotMatter(t *testing.T) {
	h := open(t, testConfig())
	after := "QUIT\r\n"
	for _, tc := range []struct {
		wire, want string
		bad        bool
	}{
		{".\r\n", "", false},
		{"\r\n.\r\n", "\r\n", false},
		{"a\r\n.\r\n", "a\r\n", false},
		{"..\r\n.\r\n", ".\r\n", false},
		{"...a\r\n..\r\n.b\r\n.\r\n", "..a\r\n.\r\nb\r\n", false},
		{"a long line that does not fit\r\n.\r\n", "a long line that does not fit\r\n", false},
		{"a.\r\nb\r\n.\r\n", "a.\r\nb\r\n", false},
		{"a\r\r\n.\r\n", "", true},
		{".\r\r\n", "", true},
		{".\n", "", true},
		{"a\n.\r\n", "", true},
		{"a\x00\r\n.\r\n", "", true},
	} {
		whole := tc.wire + after
		cuts := [][]string{strings.Split(whole, "")}
		for i := 1; i < len(whole); i++ {
			cuts = append(cuts, []string{whole[:i], whole[i:]})
		}
		for _, cut := range cuts {
			for _, size := range []int{1, 2, 7, 4096} {
				f := pieceFront(h.Server, append([]string(nil), cut...)...)
				d := newDotReader(f)
				got, err := io.ReadAll(sized{d, size})
				if tc.bad {
					if d.failure() == nil || d.failure().Code != 550 || err == nil {
						t.Fatalf("%q cut %q: %q, %v", tc.wire, cut, got, err)
					}
					continue
				}
				if err != nil || string(got) != tc.want {
					t.Fatalf("%q cut %q: %q, %v", tc.wire, cut, got, err)
				}
				line, err := f.readLine(f.lineLimit)
				if err != nil || string(line) != "QUIT" {
					t.Fatalf("%q cut %q: then %q, %v", tc.wire, cut, line, err)
				}
			}
		}
	}
}

// sized reads so many bytes at a time.
type sized struct {
	r io.Reader
	n int
}

func (s sized) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }

// TestReceive_AnEarlyYesIsNot250: an Intake that did not read to the end has not
// kept the mail, whatever it says.
func TestReceive_AnEarlyYesIsNot250(t *testing.T) {
	h := open(t, testConfig())
	h.desk.receive = func(_ tickets.Envelope, r io.Reader) (string, error) {
		r.Read(make([]byte, 10))
		return "receipt", nil
	}
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	c.cmd("more than ten bytes\r\n.", "451 4.3.0")
	c.mail() // in step
	// One that hides the error of the data has not, either.
	h.desk.receive = func(_ tickets.Envelope, r io.Reader) (string, error) {
		io.Copy(io.Discard, r)
		return "receipt", nil
	}
	c.cmd("DATA", "354")
	c.send("a\nb\r\n.\r\n")
	c.want("550 5.5.2")
}

// TestReceive_AnEarlyNoKeepsStep: the rest of a refused message is passed over.
func TestReceive_AnEarlyNoKeepsStep(t *testing.T) {
	h := open(t, testConfig())
	h.desk.receive = func(tickets.Envelope, io.Reader) (string, error) {
		return "", &tickets.Refusal{Reason: tickets.RefuseLoop, Text: "too many hops\r\n250 ok"}
	}
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	c.cmd("MAIL FROM:<x@y.example>\r\n.", "554 5.4.6 too many hops  250 ok")
	c.mail()
	c.send("BDAT 5\r\nabc\r\nBDAT 3 LAST\r\nab\r\n")
	c.want("554 5.4.6")
	c.want("503 5.5.1")  // RFC 3030: the transaction is over
	c.cmd("NOOP", "500") // the CR LF left after three of four octets: "\n" of "ab\r\n"
}
