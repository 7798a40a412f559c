// Package demo is the outside world of postroom demo: customers and agents who
// write real mail over real SMTP, the servers of their mailboxes, and the DNS
// that names them. Everything is on loopback and in memory.
//
// The play checks what it shows: a step counts only when its mail arrived, or
// when it was seen that none did.
package demo

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"postroom/internal/message"
	"postroom/internal/resolver"
)

// World is everybody outside the desk.
type World struct {
	DNS  string // address of the name server
	Port int    // where all mail servers of the world listen
	MX   string // address of the desk's port 25, set once it listens

	Roots *x509.CertPool // verify the world's mail servers

	mu      sync.Mutex
	boxes   map[string][]*Mail
	arrived chan struct{}
	server  *smtp.Server
	watch   func(to string, m *Mail)
}

// Mail is one that arrived in the world.
type Mail struct {
	From string // envelope
	Raw  []byte
	Msg  *message.Message
	seen bool
}

// Domains of the world. The desk's own domain is desk.example.
const zone = `
desk.example.        300 IN MX 10 mx.desk.example.
mx.desk.example.     300 IN A 127.0.0.1
desk.example.        300 IN TXT "v=spf1 ip4:127.0.0.1 -all"
`

var domains = []string{"kunde.example", "acme.example", "agents.example", "full.example"}

// New starts the world's servers on loopback. They end with ctx.
func New(ctx context.Context) (*World, error) {
	w := &World{boxes: map[string][]*Mail{}, arrived: make(chan struct{}, 1)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.Port = l.Addr().(*net.TCPAddr).Port
	w.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{w: w}, nil }))
	w.server.Domain = "mail.outside.example"
	w.server.MaxMessageBytes = 64 << 20
	w.server.ReadTimeout, w.server.WriteTimeout = time.Minute, time.Minute
	w.server.EnableSMTPUTF8 = true
	if w.server.TLSConfig, w.Roots, err = certificate(w.server.Domain); err != nil {
		return nil, err
	}
	w.server.ErrorLog = log.New(io.Discard, "", 0)
	go w.server.Serve(l)
	context.AfterFunc(ctx, func() { w.server.Close() })
	text := zone + "mail.outside.example. 300 IN A 127.0.0.1\n"
	for _, d := range domains {
		text += d + ". 300 IN MX 10 mail.outside.example.\n" + d + `. 300 IN TXT "v=spf1 ip4:127.0.0.1 -all"` + "\n"
	}
	// Mail that claims to be from here is to be refused; nothing of it is.
	text += `strict.example. 300 IN TXT "v=spf1 -all"` + "\n" + `_dmarc.strict.example. 300 IN TXT "v=DMARC1; p=reject"` + "\n"
	w.DNS, err = resolver.ServeZone(ctx, text)
	return w, err
}

// certificate makes one for the name, and what verifies it: a passphrase is
// mailed over nothing less.
func certificate(name string) (*tls.Config, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots, nil
}

type session struct {
	w    *World
	from string
	to   []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasSuffix(to, "@full.example") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 2, 1}, Message: "mailbox disabled, not accepting messages"}
	}
	s.to = append(s.to, strings.ToLower(to))
	return nil
}

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := message.Parse(bytes.NewReader(raw), message.Limits{})
	if err != nil {
		return err
	}
	s.w.mu.Lock()
	watch := s.w.watch
	for _, to := range s.to {
		mail := &Mail{From: s.from, Raw: raw, Msg: m}
		s.w.boxes[to] = append(s.w.boxes[to], mail)
		if watch != nil {
			watch(to, mail)
		}
	}
	s.w.mu.Unlock()
	select {
	case s.w.arrived <- struct{}{}:
	default:
	}
	return nil
}

func (s *session) Reset()        { s.from, s.to = "", nil }
func (s *session) Logout() error { return nil }

// errNothing says that an awaited mail did not come.
var errNothing = errors.New("nothing came in time")

// wait returns the first mail to the address, not yet looked at, that fits.
func (w *World) wait(ctx context.Context, to string, fits func(*Mail) bool) (*Mail, error) {
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	for {
		w.mu.Lock()
		for _, m := range w.boxes[to] {
			if !m.seen && fits(m) {
				m.seen = true
				w.mu.Unlock()
				return m, nil
			}
		}
		w.mu.Unlock()
		select {
		case <-w.arrived:
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("mail to %s: %w", to, errNothing)
		}
	}
}

// all returns every mail to the address so far.
func (w *World) all(to string) []*Mail {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*Mail(nil), w.boxes[to]...)
}

// send hands a mail to the desk as a mail server does: port 25, STARTTLS.
func (w *World) send(from string, to []string, raw string) (reply string, err error) {
	c, err := smtp.DialStartTLS(w.MX, &tls.Config{InsecureSkipVerify: true}) // its certificate is self-signed
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.Hello("mail.outside.example"); err != nil && !strings.Contains(err.Error(), "Hello") {
		return "", err
	}
	if err := c.Mail(from, nil); err != nil {
		return "", err
	}
	for _, a := range to {
		if err := c.Rcpt(a, nil); err != nil {
			return "", err
		}
	}
	wc, err := c.Data()
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(wc, strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")); err != nil {
		return "", err
	}
	resp, err := wc.CloseWithResponse()
	if err != nil {
		return "", err
	}
	c.Quit()
	return resp.StatusText, nil
}

// Show prints every mail that arrives in the world from now on, so that a
// visitor who writes to the desk sees what comes of it.
func (w *World) Show(out io.Writer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watch = func(to string, m *Mail) {
		p := &play{out: out}
		fmt.Fprintln(out)
		p.show(to, m, 30)
		if len(m.Msg.ReplyTo) > 0 {
			p.say("(an answer goes to %s)", m.Msg.ReplyTo[0].Address)
		}
	}
}
