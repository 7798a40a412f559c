package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// smtpClient is a mail server or client that speaks SMTP by hand, so that a
// test can do what no library would.
type smtpClient struct {
	conn net.Conn
	r    *textproto.Reader
}

// replyError is an answer that was not the one expected.
type replyError struct {
	code int
	text string
}

func (e *replyError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// dialSMTP connects, reads the greeting and says EHLO.
func dialSMTP(addr string) (*smtpClient, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(2 * patience))
	c := &smtpClient{conn: conn}
	c.r = textproto.NewReader(bufio.NewReader(conn))
	if _, err = c.expect(220); err == nil {
		_, err = c.say(250, "EHLO mail.outside.example")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *smtpClient) close() { c.conn.Close() }

// startTLS encrypts the connection with whatever certificate the server has,
// which it returns.
func (c *smtpClient) startTLS() (*tls.ConnectionState, error) {
	if _, err := c.say(220, "STARTTLS"); err != nil {
		return nil, err
	}
	conn := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	c.conn, c.r = conn, textproto.NewReader(bufio.NewReader(conn))
	state := conn.ConnectionState()
	_, err := c.say(250, "EHLO mail.outside.example")
	return &state, err
}

// expect reads an answer; another code than the one expected is a *replyError.
func (c *smtpClient) expect(code int) (string, error) {
	got, text, err := c.r.ReadResponse(-1)
	if err != nil {
		return "", err
	}
	if got != code {
		return text, &replyError{got, text}
	}
	return text, nil
}

// say sends a line and reads the answer.
func (c *smtpClient) say(code int, format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(c.conn, format+"\r\n", args...); err != nil {
		return "", err
	}
	return c.expect(code)
}

var receiptText = regexp.MustCompile(`^2\.0\.0 kept as ([a-z0-9]+)$`)

// send hands over a mail whose lines end in CRLF and returns its receipt. After
// a *replyError the connection is good for another mail.
func (c *smtpClient) send(from string, to []string, raw []byte) (receipt string, err error) {
	if err := c.envelope(from, to); err != nil {
		return "", err
	}
	if err := c.body(raw); err != nil {
		return "", err
	}
	text, err := c.expect(250)
	if err != nil {
		return "", err
	}
	m := receiptText.FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("250 %q names no receipt", text)
	}
	return m[1], nil
}

// envelope goes as far as the 354.
func (c *smtpClient) envelope(from string, to []string) error {
	_, err := c.say(250, "MAIL FROM:<%s>", from)
	for i := 0; err == nil && i < len(to); i++ {
		_, err = c.say(250, "RCPT TO:<%s>", to[i])
	}
	if err == nil {
		_, err = c.say(354, "DATA")
	}
	if _, ok := err.(*replyError); ok {
		if _, rerr := c.say(250, "RSET"); rerr != nil {
			return rerr
		}
	}
	return err
}

// body writes the data with its final dot and waits for no answer.
func (c *smtpClient) body(raw []byte) error {
	var b bytes.Buffer
	for line := range bytes.Lines(raw) {
		if line[0] == '.' {
			b.WriteByte('.')
		}
		b.Write(line)
	}
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		b.WriteString("\r\n")
	}
	b.WriteString(".\r\n")
	_, err := c.conn.Write(b.Bytes())
	return err
}

// send hands one mail to the desk's port 25 as a mail server does, over TLS.
func (d *desk) send(from, to, raw string) (receipt string, err error) {
	c, err := dialSMTP(d.mx())
	if err != nil {
		return "", err
	}
	defer c.close()
	if _, err := c.startTLS(); err != nil {
		return "", err
	}
	return c.send(from, strings.Split(to, ","), crlf(raw))
}

// mustSend is send of a mail that has to be accepted.
func (d *desk) mustSend(from, to, raw string) (receipt string) {
	d.t.Helper()
	receipt, err := d.send(from, to, raw)
	if err != nil {
		d.t.Fatalf("mail from %s to %s: %v", from, to, err)
	}
	return receipt
}

// crlf makes every line end as SMTP wants it, as a mail server would.
func crlf(s string) []byte {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return []byte(strings.ReplaceAll(s, "\n", "\r\n"))
}

func sum(raw []byte) string {
	h := sha256.Sum256(raw)
	return hex.EncodeToString(h[:])
}

var letters atomic.Int64

// newID makes a Message-ID of the writer's domain.
func newID(from string) string {
	domain := strings.TrimRight(from[strings.LastIndexByte(from, '@')+1:], ">")
	return fmt.Sprintf("%d.%d@%s", letters.Add(1), time.Now().UnixNano(), domain)
}

// bare is the address in "Name <address>".
func bare(from string) string {
	if _, a, ok := strings.Cut(from, "<"); ok {
		return strings.TrimRight(a, ">")
	}
	return from
}

// letter is a mail as a client writes it. extra is header lines, each with its
// line end.
func letter(from, to, subject, extra, body string) string {
	return fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%s>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n%s\n%s\n",
		from, to, subject, time.Now().Format(time.RFC1123Z), newID(from), extra, body)
}

// messageID reads the Message-ID of a mail of ours.
func messageID(raw []byte) string {
	_, rest, _ := strings.Cut(string(raw), "\r\nMessage-ID: <")
	id, _, _ := strings.Cut(rest, ">")
	return id
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
