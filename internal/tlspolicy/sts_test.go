package tlspolicy

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postroom/internal/resolver"
)

func TestParsePolicy(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{ // want: mode, mx and age, or empty for an error
		{"RFC 8461's example", "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n",
			"enforce mail.example.com *.example.net backupmx.example.com 168h0m0s"},
		{"bare LF, spaces, capitals", "version:STSv1\nmode:  testing \nmx: Mail.Example.COM\nmax_age: 1\n\n", "testing mail.example.com 1s"},
		{"none needs no server", "version: STSv1\nmode: none\nmax_age: 0\n", "none 0s"},
		{"unknown keys", "version: STSv1\nmode: enforce\nfuture: x: y\nmx: a.example\nmax_age: 5\n", "enforce a.example 5s"},
		{"the first counts", "version: STSv1\nmode: enforce\nmode: none\nmx: a.example\nmax_age: 5\nmax_age: 6\n", "enforce a.example 5s"},
		{"an age beyond a year", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 4000000000\n", "enforce a.example 8766h0m0s"},
		{"no version", "mode: enforce\nmx: a.example\nmax_age: 5\n", ""},
		{"another version", "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 5\n", ""},
		{"no mode", "version: STSv1\nmx: a.example\nmax_age: 5\n", ""},
		{"another mode", "version: STSv1\nmode: report\nmx: a.example\nmax_age: 5\n", ""},
		{"no age", "version: STSv1\nmode: enforce\nmx: a.example\n", ""},
		{"an age below zero", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n", ""},
		{"a monstrous age", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 99999999999999999999\n", ""},
		{"no server", "version: STSv1\nmode: enforce\nmax_age: 5\n", ""},
		{"a star alone", "version: STSv1\nmode: enforce\nmx: *\nmax_age: 5\n", ""},
		{"a star in between", "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 5\n", ""},
		{"no colon", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age 5\n", ""},
		{"HTML", "<html></html>", ""},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePolicy([]byte(c.text))
			got := ""
			if err == nil {
				got = strings.Join(append(append([]string{p.Mode}, p.MX...), p.MaxAge.String()), " ")
			}
			if got != c.want {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	p := &Policy{MX: []string{"mx.a.example", "*.b.example"}}
	for host, want := range map[string]bool{"mx.a.example": true, "MX.A.example.": true, "x.mx.a.example": false, "a.example": false,
		"mx.b.example": true, "b.example": false, "y.mx.b.example": false, "mxb.example": false, "": false, ".b.example": true} {
		if p.Names(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

// site is a policy's server, and the zone that leads to it.
type site struct {
	*Finder
	zone   *resolver.Fake
	now    atomic.Int64 // seconds after the beginning
	asked  atomic.Int32
	answer atomic.Value // func(http.ResponseWriter, *http.Request)
	counts []string
}

const zone = "mta-sts.c.example A 127.0.0.1\n_mta-sts.c.example TXT \"v=STSv1; id=1;\"\n"

func newSite(t *testing.T, name string, cfg Config) *site {
	t.Helper()
	s := &site{zone: resolver.NewFake(zone)}
	begin := time.Now()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: begin.Add(-time.Hour),
		NotAfter: begin.Add(20 * 365 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.answer.Load().(func(http.ResponseWriter, *http.Request))(w, r)
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	s.says("enforce", "mx.c.example")
	cfg.Roots = x509.NewCertPool()
	cfg.Roots.AddCert(cert)
	cfg.HTTPSPort = srv.Listener.Addr().(*net.TCPAddr).Port
	cfg.Now = func() time.Time { return begin.Add(time.Duration(s.now.Load()) * time.Second) }
	cfg.Count = func(policy, result string) { s.counts = append(s.counts, policy+" "+result) }
	s.Finder = New(resolver.From(s.zone), cfg)
	return s
}

func (s *site) says(mode, mx string) {
	s.answer.Store(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/mta-sts.txt" || !strings.HasPrefix(r.Host, "mta-sts.c.example") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, "version: STSv1\nmode: "+mode+"\nmx: "+mx+"\nmax_age: 1000\n")
	})
}

func (s *site) level(t *testing.T) Level {
	t.Helper()
	r, err := s.For(t.Context(), "C.example", "mx.c.example")
	if err != nil {
		t.Fatal(err)
	}
	return r.Level
}

// A policy counts until its age is over, whoever takes away the record or the
// server meanwhile; a new id brings a new one.
func TestPoliciesAreKept(t *testing.T) {
	s := newSite(t, "mta-sts.c.example", Config{})
	for range 3 {
		if s.level(t) != Verified {
			t.Fatal("not enforced")
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Fatalf("fetched %d times", n)
	}
	s.answer.Store(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	for _, took := range []func(){func() { s.zone.Fail("_mta-sts.c.example") }, s.zone.Heal, func() { s.zone.Set("x.example A 127.0.0.1") }} {
		took()
		if s.level(t) != Verified {
			t.Fatal("forgotten before its time")
		}
	}
	s.zone.Set(strings.Replace(zone, "id=1", "id=2", 1)) // new, but not to be had
	for range 2 {
		if s.level(t) != Verified {
			t.Fatal("forgotten when a new one could not be fetched")
		}
	}
	if n := s.asked.Load(); n != 2 {
		t.Fatalf("fetched %d times: a failure is not repeated at once", n)
	}
	s.says("enforce", "other.c.example")
	s.now.Add(int64(failedFor / time.Second))
	if _, err := s.For(t.Context(), "c.example", "mx.c.example"); !errors.Is(err, ErrMX) {
		t.Fatalf("the new policy does not count: %v", err)
	}
	s.zone.Set("x.example A 127.0.0.1")
	s.now.Add(1001)
	if s.level(t) != Opportunistic {
		t.Fatal("kept beyond its age")
	}
}

// What cannot be fetched as the RFC wants it is no policy.
func TestFetching(t *testing.T) {
	plainText := func(status int, text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Location", "https://mta-sts.c.example/else")
			w.WriteHeader(status)
			io.WriteString(w, text)
		}
	}
	const good = "version: STSv1\nmode: enforce\nmx: mx.c.example\nmax_age: 1000\n"
	for _, c := range []struct {
		name   string
		cert   string
		answer func(http.ResponseWriter, *http.Request)
		zone   string
		cfg    Config
		level  Level
		asked  int32
	}{
		{"as it should be", "mta-sts.c.example", plainText(200, good), zone, Config{}, Verified, 1},
		{"a redirect", "mta-sts.c.example", plainText(301, good), zone, Config{}, Opportunistic, 1},
		{"not found", "mta-sts.c.example", plainText(404, good), zone, Config{}, Opportunistic, 1},
		{"too long", "mta-sts.c.example", plainText(200, good+strings.Repeat("x: y\n", maxPolicy/5)), zone, Config{}, Opportunistic, 1},
		{"HTML", "mta-sts.c.example", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, good)
		}, zone, Config{}, Opportunistic, 1},
		{"a certificate of another name", "c.example", plainText(200, good), zone, Config{}, Opportunistic, 0},
		{"an address that may not be asked", "mta-sts.c.example", plainText(200, good), zone,
			Config{Allowed: func(a netip.Addr) bool { return !a.IsLoopback() }}, Opportunistic, 0},
		{"no record", "mta-sts.c.example", plainText(200, good), "mta-sts.c.example A 127.0.0.1\n", Config{}, Opportunistic, 0},
		{"two records", "mta-sts.c.example", plainText(200, good), zone + "_mta-sts.c.example TXT \"v=STSv1; id=2;\"\n", Config{}, Opportunistic, 0},
		{"another record beside it", "mta-sts.c.example", plainText(200, good), zone + "_mta-sts.c.example TXT \"v=spf1 -all\"\n", Config{}, Verified, 1},
		{"a record without id", "mta-sts.c.example", plainText(200, good), strings.Replace(zone, "id=1;", "", 1), Config{}, Opportunistic, 0},
		{"a record of another version", "mta-sts.c.example", plainText(200, good), strings.Replace(zone, "STSv1;", "STSv11;", 1), Config{}, Opportunistic, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.cert, c.cfg)
			s.zone.Set(c.zone)
			s.answer.Store(c.answer)
			if got := s.level(t); got != c.level || s.asked.Load() != c.asked {
				t.Errorf("level %d after %d questions, counted %q", got, s.asked.Load(), s.counts)
			}
		})
	}
}

func TestPublished(t *testing.T) {
	s := newSite(t, "mta-sts.c.example", Config{})
	if p, err := s.Published(t.Context(), "c.example"); err != nil || p == nil || p.Mode != "enforce" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := s.Published(t.Context(), "nothing.example"); err != nil || p != nil {
		t.Errorf("%+v, %v", p, err)
	}
	s.zone.Fail("_mta-sts.c.example")
	if _, err := s.Published(t.Context(), "c.example"); err == nil {
		t.Error("trouble with the DNS passes for an answer")
	}
}

// What is kept has a bound.
func TestDomainsAreForgotten(t *testing.T) {
	f := New(resolver.From(resolver.NewFake(zone)), Config{})
	for i := range maxKnown {
		f.known[strings.Repeat("x", 1+i%60)+string(rune('a'+i%26))+time.Duration(i).String()] = &entry{}
	}
	before := len(f.known)
	f.fetch = func(context.Context, string) ([]byte, error) {
		return []byte("version: STSv1\nmode: testing\nmx: a.example\nmax_age: 9\n"), nil
	}
	if p := f.sts(t.Context(), "c.example"); p == nil || len(f.known) > before {
		t.Fatalf("%v; %d domains", p, len(f.known))
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte("version: STSv1\nmode: enforce\nmx: *.a.example\nmax_age: 1000\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy(text)
		if err != nil {
			return
		}
		if p.MaxAge < 0 || p.MaxAge > longestAge || (p.Mode != "none" && len(p.MX) == 0) {
			t.Fatalf("%+v", p)
		}
		p.Names("mx.a.example")
	})
}
