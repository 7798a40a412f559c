package outbound

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"postroom/internal/resolver"
	"postroom/internal/tlspolicy"
	"postroom/tickets"
)

// TestS17_NoPlaintextAgainstThePolicy: what a domain publishes about its TLS
// is kept, by MTA-STS (RFC 8461) and by DANE (RFC 7672): the mail waits, and is
// counted, rather than goes in clear or to whoever answers.
func TestS17_NoPlaintextAgainstThePolicy(t *testing.T) {
	good, _ := testCert(t, "mx.c.example")
	other, _ := testCert(t, "unrelated.example")
	stranger, _ := testCert(t, "mx.c.example")
	web, _ := testCert(t, "mta-sts.c.example")
	all := x509.NewCertPool()
	for _, cfg := range []*tls.Config{good, other, web} {
		c, err := x509.ParseCertificate(cfg.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		all.AddCert(c)
	}
	spki := func(cfg *tls.Config) string {
		c, err := x509.ParseCertificate(cfg.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		return hex.EncodeToString(sum[:])
	}
	const enforce = "version: STSv1\r\nmode: enforce\r\nmx: mx.c.example\r\nmax_age: 86400\r\n"
	tested := strings.Replace(enforce, "enforce", "testing", 1)
	for _, c := range []struct {
		name     string
		policy   string // of the domain; empty: no MTA-STS
		tlsa     string // of the server
		vouched  bool   // the resolver validates
		cert     *tls.Config
		starttls string // its answer to STARTTLS
		sent     bool
		inClear  bool
		tries    bool // connections are made
		count    string
	}{
		{"enforced and fine", enforce, "", false, good, "", true, false, true, "sts success"},
		{"certificate of another name", enforce, "", false, other, "", false, false, true, "sts certificate-host-mismatch"},
		{"certificate nobody vouches for", enforce, "", false, stranger, "", false, false, true, "sts certificate-not-trusted"},
		{"STARTTLS taken out", enforce, "", false, nil, "", false, false, true, "sts starttls-not-supported"},
		{"STARTTLS refused", enforce, "", false, good, "454 4.7.0 not now", false, false, true, "sts starttls-not-supported"},
		{"a server the policy does not name", strings.Replace(enforce, "mx: mx", "mx: *.mx", 1), "", false, good, "", false, false, false, "sts sts-mx-mismatch"},
		{"only tested: another name", tested, "", false, other, "", true, false, true, "sts certificate-host-mismatch"},
		{"only tested: no STARTTLS", tested, "", false, nil, "", true, true, true, "sts starttls-not-supported"},
		{"mode none", strings.Replace(enforce, "enforce", "none", 1), "", false, nil, "", true, true, true, "no-policy-found starttls-not-supported"},
		{"a policy that cannot be read", "version: STSv2\n", "", false, nil, "", true, true, true, "sts sts-policy-invalid"},
		{"no policy", "", "", false, other, "", true, false, true, "no-policy-found success"},

		{"DANE with any name and any issuer", "", "3 1 1 " + spki(stranger), true, stranger, "", true, false, true, "tlsa success"},
		{"DANE with another key", "", "3 1 1 " + spki(good), true, stranger, "", false, false, true, "tlsa tlsa-invalid"},
		{"DANE by the issuer", "", "2 1 1 " + spki(good), true, good, "", true, false, true, "tlsa success"},
		{"DANE by the issuer, another name", "", "2 1 1 " + spki(other), true, other, "", false, false, true, "tlsa tlsa-invalid"},
		{"DANE, STARTTLS taken out", "", "3 1 1 " + spki(good), true, nil, "", false, false, true, "tlsa starttls-not-supported"},
		{"DANE of no use: any certificate", "", "1 1 1 " + spki(other), true, stranger, "", true, false, true, "tlsa success"},
		{"DANE of no use: still not in clear", "", "1 1 1 " + spki(other), true, nil, "", false, false, true, "tlsa starttls-not-supported"},
		{"TLSA that nobody vouches for", "", "3 1 1 " + spki(good), false, nil, "", true, true, true, "no-policy-found starttls-not-supported"},
		{"TLSA that cannot be looked up", "", "fails", true, good, "", false, false, false, "tlsa dnssec-invalid"},
		{"a tested policy does not soften DANE", tested, "3 1 1 " + spki(good), true, stranger, "", false, false, true, "tlsa tlsa-invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSink(t, "127.0.0.1:0")
			s.cert = c.cert
			if c.starttls != "" {
				s.always("starttls", c.starttls)
			}
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				io.WriteString(w, c.policy)
			}))
			srv.TLS = web.Clone()
			srv.StartTLS()
			defer srv.Close()
			zone := "c.example MX 10 mx.c.example.\nmx.c.example A 127.0.0.1\nmta-sts.c.example A 127.0.0.1\n"
			if c.policy != "" {
				zone += `_mta-sts.c.example TXT "v=STSv1; id=1;"` + "\n"
			}
			name := fmt.Sprintf("_%d._tcp.mx.c.example", s.port())
			if c.tlsa != "" && c.tlsa != "fails" {
				zone += name + " TLSA " + c.tlsa + "\n"
			}
			w := build(t, Config{MXPort: s.port(), AllowPrivate: true, TLS: &tls.Config{RootCAs: all}}, zone)
			w.fake.Vouch(c.vouched)
			if c.tlsa == "fails" {
				w.fake.Fail(name)
			}
			var mu sync.Mutex
			var counts []string
			w.worker.deliver.policy = tlspolicy.New(resolver.From(w.fake), tlspolicy.Config{Port: s.port(), Roots: all,
				HTTPSPort: srv.Listener.Addr().(*net.TCPAddr).Port,
				Count:     func(policy, result string) { mu.Lock(); defer mu.Unlock(); counts = append(counts, policy+" "+result) }})
			w.run(t)
			o := w.send(t, answer(w.ticket, "a@c.example"))
			want := tickets.OutQueued
			if c.sent {
				want = tickets.OutSent
			}
			if o.State != want || (o.State == tickets.OutQueued && !strings.HasPrefix(o.Result.Status, "4.")) {
				t.Errorf("%s %s %s", o.State, o.Result.Status, o.Result.Text)
			}
			mails := s.taken()
			if (len(mails) == 1) != c.sent || (c.sent && mails[0].tls == c.inClear) {
				t.Errorf("%d mails taken, %+v", len(mails), o.Result)
			}
			if (s.times("connect")+s.times("greeting") > 0) != c.tries {
				t.Errorf("connections: %v", s.met)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(counts) == 0 || counts[0] != c.count {
				t.Errorf("counted %q, want %q first", counts, c.count)
			}
		})
	}
}
