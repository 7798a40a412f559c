package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"time"

	"postroom/tickets"
)

func testRoots(pool *x509.CertPool) *tls.Config { return &tls.Config{RootCAs: pool} }

// sinksOn opens sinks on one port of several loopback addresses.
func sinksOn(t testing.TB, ips ...string) ([]*sink, int) {
	t.Helper()
	first := newSink(t, ips[0]+":0")
	list := []*sink{first}
	for _, ip := range ips[1:] {
		list = append(list, newSink(t, net.JoinHostPort(ip, fmt.Sprint(first.port()))))
	}
	return list, first.port()
}

// TestR11_DNS: what the DNS may say, and what comes of it.
func TestR11_DNS(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	zone := `
good.example MX 10 mx.good.example.
mx.good.example A 127.0.0.1
plain.example A 127.0.0.1
nullmx.example MX 0 .
nomail.example MX 10 gone.nomail.example.
nomail.example TXT "x"
loop.example MX 10 a.loop.example.
a.loop.example CNAME b.loop.example.
b.loop.example CNAME a.loop.example.
literal.example MX 10 127.0.0.1.
private.example MX 10 mx.private.example.
mx.private.example A 10.0.0.25
six.example MX 10 mx.six.example.
mx.six.example AAAA ::1
mapped.example MX 10 mx.mapped.example.
mx.mapped.example AAAA ::ffff:127.0.0.1
meta.example A 169.254.169.254
ours.example MX 10 desk.example.
desk.example A 127.0.0.1
fails.example MX 10 mx.fails.example.
txtonly.example TXT "x"
`
	for _, c := range []struct {
		domain  string
		private bool
		state   tickets.OutState
		status  string
	}{
		{"good.example", true, tickets.OutSent, "2.0.0"},
		{"Good.Example", true, tickets.OutSent, "2.0.0"},
		{"plain.example", true, tickets.OutSent, "2.0.0"},
		{"literal.example", true, tickets.OutSent, "2.0.0"},
		{"nullmx.example", true, tickets.OutFailed, "5.1.10"},
		{"nomail.example", true, tickets.OutFailed, "5.4.4"},
		{"nowhere.example", true, tickets.OutFailed, "5.4.4"},
		{"txtonly.example", true, tickets.OutFailed, "5.4.4"},
		{"loop.example", true, tickets.OutQueued, "4.4.3"},
		{"servfail.example", true, tickets.OutQueued, "4.4.3"},
		{"fails.example", true, tickets.OutQueued, "4.4.3"},
		{"silent.example", true, tickets.OutQueued, "4.4.3"},
		{"good.example", false, tickets.OutFailed, "5.4.4"},
		{"plain.example", false, tickets.OutFailed, "5.4.4"},
		{"literal.example", false, tickets.OutFailed, "5.4.4"},
		{"private.example", false, tickets.OutFailed, "5.4.4"},
		{"six.example", false, tickets.OutFailed, "5.4.4"},
		{"mapped.example", false, tickets.OutFailed, "5.4.4"},
		{"meta.example", false, tickets.OutFailed, "5.4.4"},
		{"ours.example", false, tickets.OutFailed, "5.4.6"},
		{"[127.0.0.1]", true, tickets.OutFailed, "5.1.2"},
		{"bad_domain!.example", true, tickets.OutFailed, "5.1.2"},
	} {
		t.Run(fmt.Sprintf("%s %v", c.domain, c.private), func(t *testing.T) {
			t.Parallel()
			w := build(t, Config{MXPort: s.port(), AllowPrivate: c.private}, zone)
			w.fake.Fail("servfail.example", "mx.fails.example")
			w.fake.Silence("silent.example")
			w.worker.deliver.resolver = bounded{w.worker.deliver.resolver}
			w.run(t)
			if o := w.send(t, answer(w.ticket, "ada@"+c.domain)); o.State != c.state || o.Result.Status != c.status {
				t.Errorf("%s %s (%s), want %s %s", o.State, o.Result.Status, o.Result.Text, c.state, c.status)
			}
		})
	}
}

// bounded ends a question as the real resolver does.
type bounded struct{ Resolver }

func (b bounded) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	return b.Resolver.LookupMX(ctx, name)
}

// TestMX_Order: the best exchanger first, the next when it is away or busy, and
// no other once a mail was refused.
func TestMX_Order(t *testing.T) {
	sinks, port := sinksOn(t, "127.0.0.11", "127.0.0.12", "127.0.0.13")
	zone := `
c.example MX 30 three.c.example.
c.example MX 10 one.c.example.
c.example MX 20 two.c.example.
one.c.example A 127.0.0.11
two.c.example A 127.0.0.12
three.c.example A 127.0.0.13
away.example MX 10 nobody.away.example.
away.example MX 20 two.c.example.
nobody.away.example A 127.0.0.14
`
	w := start(t, Config{MXPort: port, AllowPrivate: true, PerDest: 1, Timeouts: Timeouts{Idle: time.Nanosecond, Connect: time.Second, Greeting: time.Second}}, zone)
	w.send(t, answer(w.ticket, "a@c.example"))
	if n := len(sinks[0].taken()); n != 1 {
		t.Errorf("the best exchanger took %d", n)
	}
	sinks[0].always("greeting", "421 4.3.2 busy")
	w.send(t, answer(w.ticket, "b@c.example"))
	if n := len(sinks[1].taken()); n != 1 {
		t.Errorf("the second exchanger took %d", n)
	}
	sinks[0].always("greeting", "")
	sinks[0].always("rcpt", "550 5.1.1 no")
	if o := w.send(t, answer(w.ticket, "d@c.example")); o.State != tickets.OutFailed {
		t.Errorf("refused: %s", o.State)
	}
	w.send(t, answer(w.ticket, "e@away.example"))
	if n := len(sinks[1].taken()); n != 2 {
		t.Errorf("with the best away, the second took %d", n)
	}
	if n := sinks[2].times("greeting"); n != 0 {
		t.Errorf("the last was asked %d times", n)
	}
}

// TestMX_Opportunistic: TLS where offered, whatever the certificate; in the
// clear where it is not, or where the handshake fails.
func TestMX_Opportunistic(t *testing.T) {
	cert, _ := testCert(t, "unrelated.example")
	old := cert.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for _, c := range []struct {
		name     string
		cert     *tls.Config
		starttls string
		tls      bool
	}{{"offered", cert, "", true}, {"not offered", nil, "", false}, {"refused", cert, "454 4.7.0 not now", false}, {"too old", old, "", false}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSink(t, "127.0.0.1:0")
			s.cert = c.cert
			if c.starttls != "" {
				s.always("starttls", c.starttls)
			}
			w := start(t, Config{MXPort: s.port(), AllowPrivate: true}, "c.example A 127.0.0.1\n")
			o := w.send(t, answer(w.ticket, "a@c.example"))
			if o.State != tickets.OutSent || s.taken()[0].tls != c.tls || (o.Result.TLS != "") != c.tls {
				t.Errorf("%s %s TLS %q", o.State, o.Result.Text, o.Result.TLS)
			}
		})
	}
}

// TestS15_SMTPUTF8: an address beyond ASCII goes only where it is understood,
// and is never bent into another.
func TestS15_SMTPUTF8(t *testing.T) {
	for _, knows := range []bool{true, false} {
		s := newSink(t, "127.0.0.1:0")
		s.noUTF8 = !knows
		w := start(t, Config{MXPort: s.port(), AllowPrivate: true}, "xn--bcher-kva.example A 127.0.0.1\n")
		o := w.send(t, answer(w.ticket, "jürgen@bücher.example"))
		if knows && (o.State != tickets.OutSent || s.taken()[0].to != "jürgen@xn--bcher-kva.example" || !strings.Contains(s.taken()[0].params, "SMTPUTF8")) {
			t.Errorf("%s %s", o.State, o.Result.Text)
		}
		if !knows && (o.State != tickets.OutFailed || o.Result.Status != "5.6.7" || s.times("rcpt") != 0) {
			t.Errorf("%s %s, rcpt %d", o.State, o.Result.Status, s.times("rcpt"))
		}
		// Only the domain beyond ASCII needs nothing of the far side.
		o = w.send(t, answer(w.ticket, "juergen@bücher.example"))
		if o.State != tickets.OutSent || strings.Contains(s.taken()[len(s.taken())-1].params, "SMTPUTF8") {
			t.Errorf("ASCII local part: %s %s", o.State, o.Result.Text)
		}
	}
}

// TestR10_SlowDestinationDelaysNoOther: 300 mails to a destination that hangs
// and 200 to one that does not.
func TestR10_SlowDestinationDelaysNoOther(t *testing.T) {
	sinks, port := sinksOn(t, "127.0.0.21", "127.0.0.22", "127.0.0.23")
	sinks[0].always("greeting", "hang")
	sinks[2].always("final", "hang")
	zone := "hangs.example A 127.0.0.21\ngood.example A 127.0.0.22\ndrips.example A 127.0.0.23\n"
	long := Timeouts{Connect: 20 * time.Second, Greeting: 20 * time.Second, Command: 20 * time.Second, Final: 20 * time.Second, Idle: time.Second}
	w := build(t, Config{MXPort: port, AllowPrivate: true, Timeouts: long, Drain: time.Millisecond}, zone)
	for i := range 300 {
		w.box.add(answer(w.ticket, fmt.Sprintf("a%d@hangs.example", i)))
		w.box.add(answer(w.ticket, fmt.Sprintf("a%d@drips.example", i)))
	}
	w.run(t)
	const mails = 200
	arrived := make(chan struct{}, mails)
	sinks[1].on("final", func(int) string { arrived <- struct{}{}; return "" })
	var took []time.Duration
	for i := range mails {
		began := time.Now()
		w.box.add(answer(w.ticket, fmt.Sprintf("b%d@good.example", i)))
		w.worker.Wake()
		select {
		case <-arrived:
		case <-time.After(15 * time.Second):
			t.Fatalf("mail %d did not arrive in 15 s", i)
		}
		took = append(took, time.Since(began))
	}
	if n := sinks[0].times("greeting"); n == 0 || n > 10 {
		t.Errorf("%d connections hang at once", n)
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	p99 := took[len(took)*99/100]
	t.Logf("p50 %s p99 %s", took[len(took)/2], p99)
	if p99 > 2*time.Second {
		t.Errorf("p99 %s, want under 2 s", p99)
	}
}

func TestPublic(t *testing.T) {
	for ip, want := range map[string]bool{
		"8.8.8.8": true, "2a00:1450:4001::1": true, "127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false,
		"::1": false, "::": false, "fe80::1": false, "fc00::1": false, "::7f00:1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "198.18.0.1": false,
	} {
		if got := public(netip.MustParseAddr(ip)); got != want {
			t.Errorf("public(%s) = %v", ip, got)
		}
	}
}
