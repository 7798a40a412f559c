package outbound

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is an SMTP server that follows a script: by phase (greeting, ehlo,
// starttls, mail, rcpt, data, body, final) it says what it was told to, or hang, rst,
// close, keep and close, garbage, drip, flood. Without a word it accepts. A reply function gets how often
// the phase was met.
type sink struct {
	t      testing.TB
	ln     net.Listener
	addr   string
	cert   *tls.Config
	noUTF8 bool
	auth   string // user:password that AUTH wants

	mu     sync.Mutex
	script map[string]func(n int) string
	met    map[string]int
	mails  []taken
	conns  int
	stop   chan struct{}
}

type taken struct {
	from, to string
	data     string // as on the wire, dots unstuffed
	raw      string // as on the wire
	tls      bool
	helo     string
	params   string
	at       time.Time
}

func newSink(t testing.TB, addr string) *sink {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{t: t, ln: ln, addr: ln.Addr().String(), script: map[string]func(int) string{}, met: map[string]int{}, stop: make(chan struct{})}
	go s.serve()
	t.Cleanup(func() { close(s.stop); ln.Close() })
	return s
}

func (s *sink) port() int { return s.ln.Addr().(*net.TCPAddr).Port }

// on makes the sink answer a phase with fn, or always with one reply.
func (s *sink) on(phase string, fn func(n int) string) *sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[phase] = fn
	return s
}

func (s *sink) always(phase, reply string) *sink {
	return s.on(phase, func(int) string { return reply })
}

func (s *sink) once(phase, reply string) *sink {
	return s.on(phase, func(n int) string {
		if n == 1 {
			return reply
		}
		return ""
	})
}

func (s *sink) taken() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]taken(nil), s.mails...)
}

func (s *sink) times(phase string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.met[phase]
}

func (s *sink) serve() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns++
		s.mu.Unlock()
		go s.talk(c.(*net.TCPConn))
	}
}

// say answers a phase; false ends the conversation.
func (s *sink) say(raw *net.TCPConn, w io.Writer, phase, normal string, first ...func()) (accepted, goOn bool) {
	s.mu.Lock()
	s.met[phase]++
	n, fn := s.met[phase], s.script[phase]
	s.mu.Unlock()
	reply := ""
	if fn != nil {
		reply = fn(n)
	}
	switch reply {
	case "":
		for _, f := range first {
			f()
		}
		_, err := io.WriteString(w, normal+"\r\n")
		return true, err == nil
	case "hang":
		<-s.stop
		return false, false
	case "rst":
		raw.SetLinger(0)
		return false, false
	case "close":
		return false, false
	case "keep and close":
		for _, f := range first {
			f()
		}
		return false, false
	case "garbage":
		io.WriteString(w, "\x00\xff hello?\r\n")
		return false, true
	case "drip": // a byte now and then
		for i := range normal {
			select {
			case <-s.stop:
				return false, false
			case <-time.After(100 * time.Millisecond):
			}
			if _, err := io.WriteString(w, normal[i:i+1]); err != nil {
				return false, false
			}
		}
		return false, false
	case "flood":
		for {
			if _, err := io.WriteString(w, strings.Repeat("250-x\r\n", 1000)); err != nil {
				return false, false
			}
		}
	}
	_, err := io.WriteString(w, reply+"\r\n")
	return false, err == nil && !strings.HasPrefix(reply, "421")
}

func (s *sink) talk(raw *net.TCPConn) {
	defer raw.Close()
	var c net.Conn = raw
	br := bufio.NewReader(c)
	var m taken
	inTLS := false
	if ok, on := s.say(raw, c, "greeting", "220 sink ready"); !ok && !on {
		return
	}
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToLower(strings.SplitN(line, " ", 2)[0])
		arg := line[len(verb):]
		ok, on := true, true
		switch verb {
		case "ehlo":
			m.helo = strings.TrimSpace(arg)
			ext := "250-sink\r\n"
			if s.cert != nil && !inTLS {
				ext += "250-STARTTLS\r\n"
			}
			if !s.noUTF8 {
				ext += "250-SMTPUTF8\r\n"
			}
			if s.auth != "" {
				ext += "250-AUTH PLAIN LOGIN\r\n"
			}
			_, on = s.say(raw, c, "ehlo", ext+"250-SIZE 50000000\r\n250 ENHANCEDSTATUSCODES")
		case "starttls":
			ok, on = s.say(raw, c, "starttls", "220 go")
			if !ok {
				break
			}
			tc := tls.Server(raw, s.cert)
			if tc.Handshake() != nil {
				return
			}
			c, br, inTLS = tc, bufio.NewReader(tc), true
			m.tls = true
		case "auth":
			f := strings.Fields(arg)
			dec, _ := base64.StdEncoding.DecodeString(f[len(f)-1])
			p := strings.Split(string(dec), "\x00")
			if len(p) == 3 && p[1]+":"+p[2] == s.auth {
				_, on = s.say(raw, c, "auth", "235 2.7.0 in")
			} else {
				_, on = s.say(raw, c, "auth", "535 5.7.8 wrong")
			}
		case "mail":
			m.from, m.params = between(arg), arg
			_, on = s.say(raw, c, "mail", "250 2.1.0 ok")
		case "rcpt":
			m.to = between(arg)
			_, on = s.say(raw, c, "rcpt", "250 2.1.5 ok")
		case "data":
			if ok, on = s.say(raw, c, "data", "354 go"); !ok {
				break
			}
			if !s.body(raw, br, &m) {
				return
			}
			m.at = time.Now()
			_, on = s.say(raw, c, "final", "250 2.0.0 kept", func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.mails = append(s.mails, m)
			})
		case "rset", "noop":
			_, on = s.say(raw, c, verb, "250 2.0.0 ok")
		case "quit":
			s.say(raw, c, "quit", "221 2.0.0 bye")
			return
		default:
			_, on = s.say(raw, c, "other", "500 5.5.1 what?")
		}
		if !on {
			return
		}
	}
}

func (s *sink) body(raw *net.TCPConn, br *bufio.Reader, m *taken) bool {
	s.mu.Lock()
	s.met["body"]++
	n, fn := s.met["body"], s.script["body"]
	s.mu.Unlock()
	if fn != nil {
		switch fn(n) {
		case "hang":
			<-s.stop
			return false
		case "rst":
			raw.SetLinger(0)
			return false
		}
	}
	var data, wire strings.Builder
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			m.data, m.raw = data.String(), wire.String()
			return true
		}
		wire.WriteString(line)
		data.WriteString(strings.TrimPrefix(line, "."))
	}
}

func between(s string) string {
	i, j := strings.IndexByte(s, '<'), strings.LastIndexByte(s, '>')
	if i < 0 || j < i {
		return s
	}
	return s[i+1 : j]
}

// testCert makes a certificate for names and the pool that trusts it.
func testCert(t testing.TB, names ...string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func (s *sink) String() string { return fmt.Sprintf("sink at %s", s.addr) }
