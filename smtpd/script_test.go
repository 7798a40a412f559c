package smtpd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestConversations plays testdata/*.smtp. A line is one of
//
//	# words                 what must hold
//	! key value             role (first), or a limit: message_bytes, recipients, tls, bad, line_bytes
//	C: text                 the client sends text CR LF
//	C+ "quoted"             the client sends exactly these bytes (Go syntax)
//	S: prefix               one reply, its lines joined by |, begins so
//	S: EOF                  the connection is closed
//	TLS                     the client does the handshake
//	KEPT "quoted"           the next mail that was kept, byte for byte
//	KEPT none               no further mail was kept
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.smtp")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, name := range files {
		playFile(t, strings.TrimSuffix(filepath.Base(name), ".smtp"))
	}
}

func TestS3_BDATMix(t *testing.T) {
	playFile(t, "bdat")
	playFile(t, "bdat-bare")
	playFile(t, "bdat-malformed")
}

func TestS4_StartTLSInjection(t *testing.T) { playFile(t, "starttls") }

func TestS9_Limits(t *testing.T) {
	playFile(t, "limits")
	playFile(t, "lines")
	playFile(t, "bad-commands")
}

func playFile(t *testing.T, name string) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		b, err := os.ReadFile(filepath.Join("testdata", name+".smtp"))
		if err != nil {
			t.Fatal(err)
		}
		play(t, string(b))
	})
}

func play(t *testing.T, script string) {
	cfg, role := testConfig(), RoleMX
	var h *house
	var c *client
	kept := 0
	for n, line := range strings.Split(script, "\n") {
		if strings.HasPrefix(line, "! ") {
			role = setting(t, &cfg, role, line[2:])
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if h == nil {
			h = open(t, cfg)
			c = h.dial(role)
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "C:":
			c.send(rest + "\r\n")
		case "C+":
			c.send(unquoted(t, rest))
		case "S:":
			if rest == "EOF" {
				c.wantClosed()
				continue
			}
			if got, err := c.reply(); err != nil || !strings.HasPrefix(got, rest) {
				t.Fatalf("line %d: got %q (%v), want %q", n+1, got, err, rest)
			}
		case "TLS":
			c = c.tls()
		case "KEPT":
			mails := h.desk.mails()[kept:]
			if rest == "none" {
				if len(mails) > 0 {
					t.Fatalf("line %d: kept %q", n+1, mails[0].data)
				}
				continue
			}
			if len(mails) == 0 {
				t.Fatalf("line %d: kept nothing", n+1)
			}
			if mails[0].data != unquoted(t, rest) {
				t.Fatalf("line %d: kept %q, want %s", n+1, mails[0].data, rest)
			}
			kept++
		default:
			t.Fatalf("line %d: %q", n+1, line)
		}
	}
}

func unquoted(t *testing.T, s string) string {
	t.Helper()
	u, err := strconv.Unquote(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return u
}

func setting(t *testing.T, cfg *Config, role Role, s string) Role {
	t.Helper()
	key, value, _ := strings.Cut(s, " ")
	n, _ := strconv.Atoi(value)
	switch key {
	case "role":
		return Role(value)
	case "tls":
		cfg.TLS = testTLS(t)
	case "plain_auth":
		cfg.AllowPlainAuth = true
	case "message_bytes":
		cfg.MessageBytes = int64(n)
	case "recipients":
		cfg.Recipients = n
	case "bad":
		cfg.MaxBadCommands = n
	case "line_bytes":
		cfg.LineBytes = n
	default:
		t.Fatalf("setting %q", key)
	}
	return role
}
