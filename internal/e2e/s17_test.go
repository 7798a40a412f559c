package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// S17: somebody takes STARTTLS out of the way to two domains that promise it,
// one by DANE and one by MTA-STS. Nothing for them leaves in clear: it waits and is
// counted, while mail for others goes.
func TestS17_NothingInClearAgainstAPromise(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a policy is fetched from port 443, which only root opens")
	}
	w := newWorld(t)
	w.zone.Vouch(true)
	for _, domain := range []string{"dane.example", "sts.example"} {
		w.publish("mail."+domain+" A "+w.ip, domain+" MX 10 mail."+domain+".", domain+` TXT "v=spf1 ip4:127.0.0.0/8 -all"`)
	}
	w.publish(fmt.Sprintf("_%d._tcp.mail.dane.example TLSA 3 1 1 %s", outsidePort, strings.Repeat("ab", 32)),
		`_mta-sts.sts.example TXT "v=STSv1; id=1"`, "mta-sts.sts.example A "+w.ip)
	t.Setenv("SSL_CERT_FILE", servePolicy(t, w.ip, "version: STSv1\r\nmode: enforce\r\nmx: mail.sts.example\r\nmax_age: 86400\r\n"))
	d := alone(t, w, nil)
	for _, domain := range []string{"dane.example", "sts.example", "kunde.example"} {
		from := "ann@" + domain
		d.mustSend(from, support, letter("Ann <"+from+">", support, "From "+domain, "", "Words."))
	}
	w.next("ann@kunde.example")
	for _, c := range []struct{ to, policy string }{{"ann@dane.example", "tlsa"}, {"ann@sts.example", "sts"}} {
		eventually(t, "mail to "+c.to+" was tried, counted and waits", func() string {
			if d.figure(`postroom_outgoing_tls_total{policy="`+c.policy+`",result="starttls-not-supported"}`) < 1 {
				return "not counted"
			}
			for _, o := range d.outbox() {
				if o.To == c.to && o.Kind == "ack" && o.State == "queued" && o.Attempts > 0 && strings.HasPrefix(o.Status, "4.7.") {
					return ""
				}
			}
			return fmt.Sprint(d.outbox())
		})
		if n := len(w.to(c.to)); n != 0 {
			t.Errorf("%d mails to %s left in clear", n, c.to)
		}
	}
}

// servePolicy serves a policy of sts.example and returns the file of who vouches
// for its certificate.
func servePolicy(t *testing.T, ip, policy string) (roots string) {
	t.Helper()
	both := selfSigned(t, "mta-sts.sts.example", 1)
	pair, err := tls.X509KeyPair(both, both)
	if err != nil {
		t.Fatal(err)
	}
	roots = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, both, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", ip+":443")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Host == "mta-sts.sts.example" && r.URL.Path == "/.well-known/mta-sts.txt" {
				w.Header().Set("Content-Type", "text/plain")
				io.WriteString(w, policy)
				return
			}
			http.NotFound(w, r)
		})}
	go srv.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}}))
	t.Cleanup(func() { srv.Close() })
	return roots
}
