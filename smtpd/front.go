package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"postroom/tickets"
)

// phase is what a session is doing, for Shutdown.
type phase int

const (
	phaseBusy phase = iota // not reading
	phaseIdle              // waits for a command or a handshake: may be broken off
	phaseData              // waits for data, or for the other side to go: gets some more time
)

// front owns one connection: its socket, its limits, and what has been said on
// it. Only the goroutine that serves the connection touches it, but for what mu
// guards.
type front struct {
	srv     *Server
	role    Role
	id      string
	log     *slog.Logger
	remote  netip.Addr
	network netip.Prefix
	exempt  bool

	mu      sync.Mutex
	conn    net.Conn // the socket, or TLS on it
	phase   phase
	drained bool      // Shutdown has begun
	cutoff  time.Time // when data ends then
	killed  bool
	closed  sync.Once

	buf  []byte // read from the wire: r to w is still to be looked at
	r, w int
	out  []byte // replies not yet written

	verb      string // what the engine is answering
	feed      string // what the engine has still to read
	pushed    string // a command that ended a run of BDAT, to be handled next
	dataRead  bool   // the session has read the data: show the engine its end
	inAuth    bool   // the next line is an answer to 334
	mute      bool   // the engine's answer is not for the wire
	inMessage bool   // between two BDATs
	handover  bool   // a conversation ends and the next begins (STARTTLS)
	closing   bool   // no more commands
	quiet     bool   // the other side is not in the middle of saying something: no need to linger

	tls      string // version and cipher
	helo     string
	agent    int64
	path     string // the mailbox of the MAIL or RCPT the engine is parsing
	utf8     bool
	size     int64
	mailOpen bool
	env      tickets.Envelope
	data     source    // where the message comes from
	expires  time.Time // of the transaction

	bad, idle, refused, unknown, authFailed, lines int // counts
}

const verbGreeting = "greeting"

func newFront(s *Server, c net.Conn, role Role) *front {
	f := &front{srv: s, role: role, id: s.nextID(), conn: c, remote: remoteOf(c), verb: verbGreeting}
	f.network = networkOf(f.remote)
	f.exempt = contains(s.cfg.Exempt, f.remote)
	f.log = s.log.With("conn", f.id, "role", string(role), "network", f.network.String())
	return f
}

// begin does what comes before the greeting. It reports whether there is to be
// one.
func (f *front) begin() bool {
	f.buf = make([]byte, bufferBytes)
	if f.role == RoleSubmissions {
		return f.startTLS()
	}
	return f.role != RoleMX || !f.talksFirst()
}

// talksFirst waits a moment before the greeting: who does not wait for it is no
// mail server (RFC 5321 section 4.3.1). An end of the connection is found out
// later.
func (f *front) talksFirst() bool {
	pause := f.srv.cfg.GreetPause
	if pause <= 0 || f.exempt {
		return false
	}
	f.fill(time.Now().Add(pause), phaseIdle)
	if f.r == f.w {
		return false
	}
	f.srv.metrics.Turned(f.role, "early")
	f.event(slog.LevelInfo, "spoke before the greeting")
	f.put("554 5.5.0 " + f.srv.cfg.Hostname + " you spoke before the greeting")
	f.closing = true
	return true
}

// startTLS does the handshake as the server.
func (f *front) startTLS() bool {
	conn := tls.Server(f.conn, f.srv.cfg.TLS)
	deadline := time.Now().Add(f.srv.cfg.Timeouts.Handshake)
	if f.await(deadline, phaseIdle) != nil {
		return false
	}
	f.conn.SetWriteDeadline(deadline)
	ctx, cancel := context.WithDeadline(f.srv.life, deadline)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		f.event(slog.LevelInfo, "no TLS", causeField(err))
		return false
	}
	f.mu.Lock()
	f.conn = conn
	f.phase = phaseBusy
	f.mu.Unlock()
	conn.SetWriteDeadline(time.Time{})
	state := conn.ConnectionState()
	f.tls = tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
	return true
}

// next serves the wire until a command is the engine's business, and returns
// that command. ok is false when the conversation is over.
func (f *front) next() (line string, ok bool) {
	for !f.closing {
		if f.pushed != "" {
			line, f.pushed = f.pushed, ""
		} else if line, ok = f.command(); !ok {
			continue
		}
		if f.inAuth {
			f.inAuth = false
			return line, true
		}
		if forward, ok := f.dispatch(line); ok {
			return forward, true
		}
		if f.handover {
			return "", false
		}
	}
	f.flush()
	return "", false
}

// command reads a command line; when there is none, it has been answered.
func (f *front) command() (string, bool) {
	if f.isDraining() {
		f.readFailed(errDraining)
		return "", false
	}
	line, err := f.readLine(f.lineLimit)
	if err != nil {
		f.readFailed(err)
		return "", false
	}
	return string(line), true
}

func (f *front) lineLimit(start []byte) int {
	if f.inAuth {
		return maxAuthLine
	}
	verb := strings.ToUpper(string(start[:min(len(start), 4)]))
	switch verb {
	case "AUTH":
		return maxAuthLine
	case "MAIL", "RCPT":
		return maxPathLine
	}
	return maxCommandLine
}

func (f *front) readFailed(err error) {
	f.verb = ""
	if f.inAuth {
		f.closing = true // the exchange cannot be taken up again
	}
	switch {
	case errors.Is(err, errDraining):
		f.quiet = true
		f.say(say(421, 4, 3, 2, f.srv.cfg.Hostname+" is shutting down"))
	case errors.Is(err, errLongLine):
		f.say(say(500, 5, 5, 2, "line too long"))
	case errors.Is(err, errBadLine):
		f.say(say(500, 5, 5, 2, "a line must end in CR LF and hold neither CR, LF nor NUL"))
	case errors.Is(err, errEndlessLine):
		f.say(say(421, 4, 7, 0, "line too long"))
	case isTimeout(err):
		f.quiet = true
		f.say(say(421, 4, 4, 2, "timeout"))
	default: // gone
		f.closing, f.quiet = true, true
	}
}

// commandDeadline is when the line we begin to wait for must be here.
func (f *front) commandDeadline() time.Time {
	wait := f.srv.cfg.Timeouts.Command
	if f.agent == 0 && !f.exempt && f.srv.crowded() {
		wait = min(wait, 10*time.Second)
	}
	d := time.Now().Add(wait)
	if f.mailOpen && f.expires.Before(d) {
		return f.expires
	}
	return d
}

// say answers a command by the front itself.
func (f *front) say(r *reply) {
	f.count(r.Code)
	e := r.EnhancedCode
	f.put(strconv.Itoa(r.Code) + " " + strconv.Itoa(e[0]) + "." + strconv.Itoa(e[1]) + "." + strconv.Itoa(e[2]) + " " + r.Message)
	f.enough()
}

// count notes a reply that is on its way out.
func (f *front) count(code int) {
	f.srv.metrics.Reply(f.role, f.verb, code)
	if code == 421 {
		f.closing = true
	}
	switch {
	case isBad(code):
		f.bad++
	case code >= 400:
		f.refused++
	}
}

// enough ends a session that only makes mistakes, or does nothing.
func (f *front) enough() {
	if f.closing {
		return
	}
	if most := f.srv.cfg.MaxBadCommands; most > 0 && f.bad > most || f.idle > maxIdleCommands || f.refused > maxRefused {
		f.event(slog.LevelInfo, "too many bad commands")
		f.verb = ""
		f.say(say(421, 4, 7, 0, "too many bad commands"))
	}
}

// forget is what STARTTLS asks for (RFC 3207 section 4.2).
func (f *front) forget() {
	f.resetTransaction()
	f.helo, f.verb, f.feed, f.pushed = "", verbGreeting, "", ""
	f.inAuth, f.mute, f.dataRead = false, false, false
}

func (f *front) resetTransaction() {
	f.mailOpen, f.env, f.data = false, tickets.Envelope{}, nil
	f.path, f.utf8, f.size = "", false, 0
}

func (f *front) setPhase(p phase) {
	f.mu.Lock()
	f.phase = p
	f.mu.Unlock()
}

func (f *front) isDraining() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.drained
}

// drain is Shutdown's word to a session.
func (f *front) drain() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drained {
		return
	}
	f.drained = true
	f.cutoff = time.Now().Add(f.srv.cfg.Timeouts.Drain)
	switch f.phase {
	case phaseIdle:
		f.conn.SetReadDeadline(time.Unix(1, 0))
	case phaseData:
		f.conn.SetReadDeadline(f.cutoff)
	}
}

// kill cuts the connection; its goroutine finds out.
func (f *front) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.killed = true
	if nc, ok := f.conn.(*tls.Conn); ok {
		nc.NetConn().Close()
		return
	}
	f.conn.Close()
}

// shut ends the connection. Only the goroutine that serves it calls this.
func (f *front) shut() {
	f.closed.Do(func() {
		defer f.srv.leave(f)
		f.mu.Lock()
		killed := f.killed
		f.mu.Unlock()
		if !killed && f.flush() == nil && f.closing && !f.quiet {
			f.linger()
		}
		f.conn.Close()
		f.log.Debug("session closed", "lines", f.lines)
	})
}
