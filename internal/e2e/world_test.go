package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"postroom/internal/message"
	"postroom/internal/resolver"
)

// outsidePort is where all mail servers of the world listen.
const outsidePort = 2500

// world is everybody outside the desk: the name server that all ask, and one
// mail server for the mailboxes of customers and agents.
type world struct {
	t    testing.TB
	ip   string
	dns  string
	ca   string // file with the certificate that proves the world's mail server; empty: it speaks no TLS
	zone *resolver.Fake

	mu      sync.Mutex
	records string
	mails   []*mail
	atRcpt  func(to string) error
	atData  func(from string, to []string, raw []byte) error
	news    chan struct{} // closed and replaced at each arrival
}

// mail is one that arrived in the world, for one recipient.
type mail struct {
	from, to string // envelope
	raw      []byte
	msg      *message.Message
	tls      bool
	seen     bool
}

// outsideDomains are the world's own. The desk's is desk.example.
var outsideDomains = []string{"acme.example", "kunde.example", "agents.example", "full.example", "many.example"}

func newWorld(t testing.TB) *world { t.Helper(); return openWorld(t, nil) }

// newSecureWorld is a world whose mail server can be reached over TLS that can
// be verified.
func newSecureWorld(t testing.TB) *world {
	t.Helper()
	both := selfSigned(t, "mail.outside.example", 7)
	pair, err := tls.X509KeyPair(both, both)
	if err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, &tls.Config{Certificates: []tls.Certificate{pair}})
	w.ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(w.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

func openWorld(t testing.TB, secure *tls.Config) *world {
	t.Helper()
	w := &world{t: t, ip: loopback(t), news: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	text := fmt.Sprintf("mail.outside.example A %s\n", w.ip)
	for _, d := range outsideDomains {
		text += d + " MX 10 mail.outside.example.\n" + d + ` TXT "v=spf1 ip4:127.0.0.0/8 -all"` + "\n"
	}
	text += `strict.example TXT "v=spf1 -all"` + "\n" + `_dmarc.strict.example TXT "v=DMARC1; p=reject"` + "\n"
	w.records = text
	w.zone = resolver.NewFake(text)
	var err error
	if w.dns, err = w.zone.Serve(ctx, w.ip+":5300"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", w.ip, outsidePort))
	if err != nil {
		t.Fatal(err)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &inbound{w: w, c: c}, nil }))
	s.Domain = "mail.outside.example"
	s.MaxMessageBytes = 64 << 20
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	s.EnableSMTPUTF8 = true
	s.TLSConfig = secure
	s.ErrorLog = log.New(io.Discard, "", 0)
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return w
}

// publish adds records to the world's DNS.
func (w *world) publish(records ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records += strings.Join(records, "\n") + "\n"
	if err := w.zone.Set(w.records); err != nil {
		w.t.Fatal(err)
	}
}

// faults make the world's mail servers refuse: at RCPT, and after the data.
// Either may be nil.
func (w *world) faults(atRcpt func(to string) error, atData func(from string, to []string, raw []byte) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.atRcpt, w.atData = atRcpt, atData
}

type inbound struct {
	w    *world
	c    *smtp.Conn
	from string
	to   []string
}

func (s *inbound) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }

func (s *inbound) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.w.mu.Lock()
	fault := s.w.atRcpt
	s.w.mu.Unlock()
	if fault != nil {
		if err := fault(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, strings.ToLower(to))
	return nil
}

func (s *inbound) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.w.mu.Lock()
	fault := s.w.atData
	s.w.mu.Unlock()
	var after error
	if fault != nil {
		// errAfter: the mail is here all the same, only the desk does not learn it.
		if after = fault(s.from, s.to, raw); after != nil && !errors.Is(after, errAfter) {
			return after
		}
	}
	m, err := message.Parse(bytes.NewReader(raw), message.Limits{})
	if err != nil {
		return err
	}
	_, secured := s.c.TLSConnectionState()
	s.w.mu.Lock()
	for _, to := range s.to {
		s.w.mails = append(s.w.mails, &mail{from: s.from, to: to, raw: raw, msg: m, tls: secured})
	}
	close(s.w.news)
	s.w.news = make(chan struct{})
	s.w.mu.Unlock()
	if after != nil {
		s.c.Conn().Close()
	}
	return after
}

func (s *inbound) Reset()        { s.from, s.to = "", nil }
func (s *inbound) Logout() error { return nil }

// errAfter keeps the mail and cuts the connection instead of answering.
var errAfter = errors.New("kept, and cut off")

func refuse(code int, a, b, c int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{a, b, c}, Message: text}
}

// next waits for a mail to the address that no next has given yet and that holds
// the words in its subject or text.
func (w *world) next(to string, words ...string) *mail {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		w.mu.Lock()
		for _, m := range w.mails {
			if !m.seen && m.to == to && m.holds(words...) {
				m.seen = true
				w.mu.Unlock()
				return m
			}
		}
		news := w.news
		w.mu.Unlock()
		select {
		case <-news:
		case <-deadline:
			var have []string
			for _, m := range w.to(to) {
				have = append(have, fmt.Sprintf("%q (seen %v)", m.msg.Subject, m.seen))
			}
			w.t.Fatalf("no mail to %s with %q within %v; there are %s", to, words, patience, strings.Join(have, ", "))
		}
	}
}

func (m *mail) holds(words ...string) bool {
	text := m.msg.Subject + "\n" + m.msg.Text
	return !slices.ContainsFunc(words, func(s string) bool { return !strings.Contains(text, s) })
}

// to returns all mails to an address so far.
func (w *world) to(to string) (list []*mail) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.mails {
		if m.to == to {
			list = append(list, m)
		}
	}
	return list
}

// all returns every mail so far.
func (w *world) all() []*mail {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.mails)
}

// replyTo is where a client's Reply button sends.
func (m *mail) replyTo() string {
	if len(m.msg.ReplyTo) > 0 {
		return m.msg.ReplyTo[0].Address
	}
	return m.msg.From[0].Address
}
