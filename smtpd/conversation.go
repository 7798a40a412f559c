package smtpd

import (
	"io"
	"net"
	"time"
)

// conversation is the connection as the engine sees it: each Read yields one
// checked command line (or the final dot of data that the session has read
// already), each Write is one line of a reply. After STARTTLS the front ends it
// and begins another, which is how the engine forgets what was said in clear.
type conversation struct {
	f     *front
	again bool // not the first of its front: the engine's greeting is swallowed
	over  bool // nothing more to read
	shut  bool
}

var _ net.Conn = (*conversation)(nil)

// Read is the front's turn to serve the wire until there is something that is
// the engine's business.
func (c *conversation) Read(p []byte) (n int, err error) {
	f := c.f
	defer func() {
		if v := recover(); v != nil {
			f.logPanic("front", v)
			f.say(panicReply())
			f.flush()
			c.over = true
			n, err = 0, io.EOF
		}
	}()
	if c.shut {
		return 0, net.ErrClosed
	}
	if len(f.feed) == 0 && !c.over {
		if f.dataRead {
			f.dataRead = false
			f.feed = ".\r\n"
		} else if line, ok := f.next(); ok {
			f.feed = line + "\r\n"
		} else {
			c.over = true
		}
	}
	if c.over {
		return 0, io.EOF
	}
	n = copy(p, f.feed)
	f.feed = f.feed[n:]
	return n, nil
}

// Write takes a line of the engine's reply.
func (c *conversation) Write(p []byte) (n int, err error) {
	if c.shut || c.over && c.f.handover {
		return 0, net.ErrClosed
	}
	if c.again && c.f.verb == verbGreeting {
		c.f.verb = ""
		return len(p), nil
	}
	c.f.engineSays(p)
	return len(p), nil
}

// Close ends the connection, or only this conversation of it. The engine calls
// it more than once.
func (c *conversation) Close() error {
	if c.shut {
		return nil
	}
	c.shut = true
	f := c.f
	defer f.survive("close")
	if f.handover {
		f.handover = false
		f.forget()
		f.srv.handoff.give(&conversation{f: f, again: true})
		return nil
	}
	f.shut()
	return nil
}

func (c *conversation) LocalAddr() net.Addr              { return engineAddr{} }
func (c *conversation) RemoteAddr() net.Addr             { return frontAddr(c.f.id) }
func (c *conversation) SetDeadline(time.Time) error      { return nil }
func (c *conversation) SetReadDeadline(time.Time) error  { return nil } // S2: the front has its own
func (c *conversation) SetWriteDeadline(time.Time) error { return nil }

// frontAddr names a session to the engine, whose log is not to hold addresses.
type frontAddr string

func (frontAddr) Network() string  { return "postroom" }
func (a frontAddr) String() string { return string(a) }
