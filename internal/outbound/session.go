package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"postroom/internal/tlspolicy"
)

// target is one host to talk to and how.
type target struct {
	name     string // for EHLO's other side, TLS and reports
	addr     string // IP and port
	mode     TLSMode
	policy   *tlspolicy.Requirement // what the domain asks of the connection; nil at a smarthost
	implicit bool                   // TLS from the first byte
	user     string
	password string
}

// session is an open conversation with a host, ready for MAIL.
type session struct {
	client *smtp.Client
	wire   *wireConn
	conn   net.Conn
	host   string
	tls    string
	sent   int
	dirty  bool // a transaction was begun and not ended
	t      Timeouts
}

var errHandshake = errors.New("outbound: TLS handshake failed")

// open connects, greets, encrypts and logs in. With opportunistic TLS a failed
// handshake is followed by a connection in the clear (RFC 7435): a passive
// listener is all that mode keeps out anyway.
func (d *deliverer) open(ctx context.Context, t target) (*session, error) {
	s, err := d.connect(ctx, t)
	if t.mode == TLSOpportunistic && errors.Is(err, errHandshake) && ctx.Err() == nil {
		t.mode = TLSNone
		s, err = d.connect(ctx, t)
	}
	return s, err
}

func (d *deliverer) connect(ctx context.Context, t target) (_ *session, err error) {
	s := &session{host: t.name, t: d.cfg.Timeouts}
	dialer := net.Dialer{Timeout: s.t.Connect}
	raw, err := dialer.DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return nil, s.at("connect", err)
	}
	s.wire = &wireConn{Conn: raw, block: s.t.Block, end: time.Now().Add(s.t.Total)}
	s.conn = s.wire
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer func() {
		stop()
		if err != nil {
			_ = raw.Close()
		}
	}()
	if t.implicit {
		if err := s.handshake(ctx, d.tlsConfig(t)); err != nil {
			return nil, err
		}
	}
	if err := s.greet(d.cfg.Hostname, s.conn); err != nil {
		return nil, err
	}
	if err := d.protect(ctx, s, t); err != nil {
		return nil, err
	}
	if t.user != "" {
		if err := s.login(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// greet makes the client on conn and says EHLO.
func (s *session) greet(hostname string, conn net.Conn) error {
	s.client = smtp.NewClient(conn)
	s.client.CommandTimeout, s.client.SubmissionTimeout = s.t.Greeting, s.t.Final
	if err := s.client.Hello(hostname); err != nil {
		phase := "hello"
		var se *smtp.SMTPError
		// The client reads the greeting within Hello. EHLO answers have no 220 or 554.
		if errors.As(err, &se) && (se.Code == 554 || se.Code == 521 || se.Code == 556 || se.Code == 421) {
			phase = "greeting"
		}
		return s.at(phase, err)
	}
	s.client.CommandTimeout = s.t.Command
	return nil
}

// protect starts TLS where it is wanted and offered.
func (d *deliverer) protect(ctx context.Context, s *session, t target) error {
	if s.tls != "" || t.mode == TLSNone {
		return nil
	}
	if ok, _ := s.client.Extension("STARTTLS"); !ok {
		if t.policy != nil {
			t.policy.Unsecured(nil)
		}
		if t.mode == TLSOpportunistic {
			return nil
		}
		return s.at("tls", fail(Temporary, "4.7.4", "the server offers no encryption, and it is required"))
	}
	if err := s.startTLS(); err != nil {
		if t.policy != nil && errors.Is(err, errHandshake) {
			t.policy.Unsecured(nil)
		}
		return err
	}
	if err := s.handshake(ctx, d.tlsConfig(t)); err != nil {
		if t.policy != nil && ctx.Err() == nil {
			t.policy.Unsecured(err)
		}
		return err
	}
	if c, ok := s.conn.(*tls.Conn); ok && t.policy != nil {
		t.policy.Secured(c.ConnectionState())
	}
	// After the handshake all that was said before is forgotten (RFC 3207 section 4.2).
	return s.greet(d.cfg.Hostname, &greetedConn{Conn: s.conn, first: strings.NewReader("220 \r\n")})
}

// startTLS asks for TLS. The client library cannot be told our name before its
// own STARTTLS, so it is said here.
func (s *session) startTLS() error {
	if err := s.wire.SetDeadline(time.Now().Add(s.t.Command)); err != nil {
		return s.at("tls", err)
	}
	if _, err := io.WriteString(s.wire, "STARTTLS\r\n"); err != nil {
		return s.at("tls", err)
	}
	line, err := readLine(s.wire, 2000)
	if err != nil {
		return s.at("tls", err)
	}
	if !strings.HasPrefix(line, "220 ") && strings.TrimSpace(line) != "220" {
		code, _ := strconv.Atoi(line[:min(3, len(line))])
		return s.at("tls", fmt.Errorf("%w: %w", errHandshake, &smtp.SMTPError{Code: code, Message: strings.TrimSpace(line[min(3, len(line)):])}))
	}
	return nil
}

func (s *session) handshake(ctx context.Context, cfg *tls.Config) error {
	c := tls.Client(s.conn, cfg)
	if err := s.wire.SetDeadline(time.Now().Add(s.t.Command)); err != nil {
		return s.at("tls", err)
	}
	if err := c.HandshakeContext(ctx); err != nil {
		return s.at("tls", fmt.Errorf("%w: %w", errHandshake, err))
	}
	_ = s.wire.SetDeadline(time.Time{})
	st := c.ConnectionState()
	s.tls = tls.VersionName(st.Version) + " " + tls.CipherSuiteName(st.CipherSuite)
	s.conn = c
	return nil
}

// login authenticates at the smarthost. A password is never said in the clear,
// but over loopback.
func (s *session) login(t target) error {
	if s.tls == "" && !loopback(t.addr) {
		return s.at("auth", fail(Temporary, "4.7.11", "the relay offers no encryption: the password was not sent"))
	}
	var mech sasl.Client
	switch {
	case s.client.SupportsAuth(sasl.Plain):
		mech = sasl.NewPlainClient("", t.user, t.password)
	case s.client.SupportsAuth(sasl.Login):
		mech = sasl.NewLoginClient(t.user, t.password)
	default:
		return s.at("auth", fail(Temporary, "4.7.0", "the relay offers neither AUTH PLAIN nor AUTH LOGIN"))
	}
	if err := s.client.Auth(mech); err != nil {
		return s.at("auth", err)
	}
	return nil
}

// send hands one mail over. On success the far side has answered 250 to it.
func (s *session) send(ctx context.Context, m *Mail) error {
	s.wire.end = time.Now().Add(s.t.Total)
	stop := context.AfterFunc(ctx, func() { _ = s.wire.Conn.Close() })
	defer stop()
	if m.UTF8 {
		if ok, _ := s.client.Extension("SMTPUTF8"); !ok {
			return s.at("rcpt", fail(Permanent, "5.6.7", "the address needs SMTPUTF8 (RFC 6531), and the server does not know it"))
		}
	}
	if max, ok := s.client.MaxMessageSize(); ok && max > 0 && m.Size > int64(max) {
		return s.at("mail", &smtp.SMTPError{Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4},
			Message: fmt.Sprintf("the server takes at most %d bytes, and the mail has %d", max, m.Size)})
	}
	s.dirty = true
	if err := s.client.Mail(m.From, &smtp.MailOptions{Size: m.Size, UTF8: m.UTF8}); err != nil {
		return s.at("mail", err)
	}
	if err := s.client.Rcpt(m.To, nil); err != nil {
		return s.at("rcpt", err)
	}
	w, err := s.client.Data()
	if err != nil {
		return s.at("data", err)
	}
	if _, err := m.WriteTo(ctx, w); err != nil {
		// No final dot: the far side must not take half a mail for a whole one.
		s.close()
		return s.at("body", err)
	}
	if m.beforeDot != nil {
		if err := m.beforeDot(ctx); err != nil {
			s.close()
			return s.at("body", err)
		}
		defer m.afterDot()
	}
	if _, err := w.CloseWithResponse(); err != nil {
		return s.at("final", err)
	}
	s.dirty = false
	s.sent++
	return nil
}

// reset makes the session ready for another mail after a refused one.
func (s *session) reset() error {
	if !s.dirty {
		return nil
	}
	s.wire.end = time.Now().Add(s.t.Command)
	if err := s.client.Reset(); err != nil {
		return err
	}
	s.dirty = false
	return nil
}

// quit ends the conversation politely, within a few seconds.
func (s *session) quit() {
	s.client.CommandTimeout = min(s.t.Command, 5*time.Second)
	s.wire.end = time.Now().Add(s.client.CommandTimeout)
	_ = s.client.Quit()
	s.close()
}

func (s *session) close() { _ = s.wire.Conn.Close() }

func (s *session) at(phase string, err error) error {
	var pe *phaseError
	if errors.As(err, &pe) {
		return err
	}
	var proto textproto.ProtocolError
	if errors.As(err, &proto) {
		class := Temporary
		if earlyPhases[phase] {
			class = Unreachable
		}
		status, text := "4.5.0", "the server's answer makes no sense: "+oneLine(string(proto), 100)
		if part, ok := strings.CutPrefix(string(proto), "short response: "); ok && len(strings.Trim(part, `"`)) <= 3 {
			status, text = "4.4.2", "the server's answer was cut off or came too slowly"
		}
		err = fail(class, status, text)
	}
	var r *Result
	if errors.As(err, &r) {
		given := *r
		given.Phase, given.Host, given.TLS = phase, s.host, s.tls
		err = &given
	}
	return &phaseError{phase: phase, host: s.host, tls: s.tls, err: err}
}
