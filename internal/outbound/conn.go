package outbound

import (
	"errors"
	"io"
	"net"
	"time"
)

// wireConn is what lies between the SMTP client and the socket. The client
// sets a deadline for a command and then none while it writes the body; a far
// side that stops reading would hold us for ever. Here every write has its own
// deadline, all of them end with the whole conversation's, and a far side that
// talks without being asked is cut off.
type wireConn struct {
	net.Conn
	block time.Duration
	end   time.Time // of the conversation; zero between mails
	unask int       // bytes read since we last wrote
}

// maxReply bounds what a far side says to one command, TLS overhead included.
const maxReply = 128 << 10

var errTalksTooMuch = errors.New("the server does not stop talking")

func (c *wireConn) limit(t time.Time) time.Time {
	if t.IsZero() || (!c.end.IsZero() && c.end.Before(t)) {
		return c.end
	}
	return t
}

func (c *wireConn) SetDeadline(t time.Time) error      { return c.Conn.SetDeadline(c.limit(t)) }
func (c *wireConn) SetReadDeadline(t time.Time) error  { return c.Conn.SetReadDeadline(c.limit(t)) }
func (c *wireConn) SetWriteDeadline(t time.Time) error { return c.Conn.SetWriteDeadline(c.limit(t)) }

func (c *wireConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.unask += n; c.unask > maxReply {
		return n, errTalksTooMuch
	}
	return n, err
}

func (c *wireConn) Write(p []byte) (int, error) {
	c.unask = 0
	if err := c.SetWriteDeadline(time.Now().Add(c.block)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// greetedConn gives the SMTP client the greeting that it waits for, on a
// connection that was greeted before TLS began.
type greetedConn struct {
	net.Conn
	first io.Reader
}

func (c *greetedConn) Read(p []byte) (int, error) {
	if c.first != nil {
		n, err := c.first.Read(p)
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		c.first = nil
	}
	return c.Conn.Read(p)
}

// readLine reads one reply line a byte at a time, so that nothing of what
// follows is taken out of the socket: whatever a man in the middle put behind
// the answer to STARTTLS goes to the handshake, which it breaks, and never
// into the encrypted conversation.
func readLine(c net.Conn, max int) (string, error) {
	var b [1]byte
	line := make([]byte, 0, 80)
	for len(line) < max {
		if _, err := io.ReadFull(c, b[:]); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
	return "", errTalksTooMuch
}
