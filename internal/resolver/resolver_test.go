package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

const zone = `
$TTL 300
example.org       IN SOA ns.example.org. host.example.org. 1 2 3 4 60
example.org       IN TXT "v=spf1 " "mx -all"
example.org       IN TXT "quote\" and \\ and \195\188"
example.org       IN MX 20 b.example.org.
example.org       IN MX 10 A.Example.org.
a.example.org     IN A 192.0.2.1
a.example.org     IN AAAA 2001:db8::1
b.example.org     IN A 192.0.2.2
www.example.org   IN CNAME www2.example.org.
www2.example.org  IN CNAME a.example.org.
loop1.example.org IN CNAME loop2.example.org.
loop2.example.org IN CNAME loop1.example.org.
dangling.example.org IN CNAME nowhere.example.org.
1.2.0.192.in-addr.arpa IN PTR A.example.org.
_25._tcp.a.example.org IN TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
xn--bcher-kva.example IN TXT "umlaut"
`

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// overWire gives a network resolver that asks a fake zone through sockets.
func overWire(t *testing.T, z string, cfg Config) (*Resolver, *Fake) {
	t.Helper()
	f := NewFake(z)
	addr, err := f.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Servers = append(cfg.Servers, addr)
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r, f
}

func TestLookupsOverTheWireAndFromTheFake(t *testing.T) {
	wire, served := overWire(t, zone, Config{})
	fake := NewFake(zone)
	served.Vouch(true)
	fake.Vouch(true)
	for name, r := range map[string]*Resolver{"wire": wire, "fake": From(fake)} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			check := func(what string, got any, err error, want string) {
				t.Helper()
				if s := fmt.Sprint(got); err != nil || s != want {
					t.Errorf("%s: got %s, %v; want %s", what, s, err, want)
				}
			}
			txt, err := r.LookupTXT(ctx, "Example.ORG.")
			check("TXT", fmt.Sprintf("%q", txt), err, fmt.Sprintf("%q", []string{"v=spf1 mx -all", "quote\" and \\ and ü"}))
			mx, err := r.LookupMX(ctx, "example.org")
			if len(mx) != 2 || mx[0].Host != "a.example.org" || mx[1].Pref != 20 {
				t.Errorf("MX: %v %v", mx, err)
			}
			ips, err := r.LookupIP(ctx, "ip", "www.example.org")
			check("IP through CNAMEs", ips, err, "[192.0.2.1 2001:db8::1]")
			ips, err = r.LookupIP(ctx, "ip6", "a.example.org")
			check("IP6", ips, err, "[2001:db8::1]")
			ips, err = r.LookupIP(ctx, "ip", "b.example.org")
			check("IP without AAAA", ips, err, "[192.0.2.2]")
			ptr, err := r.LookupPTR(ctx, netip.MustParseAddr("::ffff:192.0.2.1"))
			check("PTR", ptr, err, "[a.example.org]")
			tlsa, secure, err := r.LookupTLSA(ctx, "_25._tcp.a.example.org")
			if err != nil || !secure || len(tlsa) != 1 || tlsa[0].Usage != 3 || len(tlsa[0].Data) != 32 {
				t.Errorf("TLSA: %v %v %v", tlsa, secure, err)
			}
			txt, err = r.LookupTXT(ctx, "bücher.example")
			check("IDN", txt, err, "[umlaut]")
		})
	}
}

func TestNotFoundIsNotTemporary(t *testing.T) {
	wire, served := overWire(t, zone, Config{Try: 50 * time.Millisecond, Total: 200 * time.Millisecond})
	served.Fail("broken.example.org")
	served.Silence("silent.example.org")
	for name, want := range map[string]string{
		"nowhere.example.org":             "notfound",
		"b.example.org":                   "notfound", // there, but no TXT
		"dangling.example.org":            "notfound",
		"bad name.example.org":            "notfound",
		strings.Repeat("a", 64) + ".org":  "notfound",
		strings.Repeat("a.", 130) + "org": "notfound",
		"":                                "notfound",
		"broken.example.org":              "temporary",
		"silent.example.org":              "temporary",
		"loop1.example.org":               "temporary",
	} {
		_, err := wire.LookupTXT(t.Context(), name)
		got := "ok"
		switch {
		case IsNotFound(err):
			got = "notfound"
		case IsTemporary(err):
			got = "temporary"
		}
		var plain *net.DNSError
		if plain, _ = err.(*net.DNSError); plain == nil {
			t.Errorf("%q: %T is not a plain *net.DNSError", name, err)
		}
		if got != want {
			t.Errorf("%q: %s (%v), want %s", name, got, err, want)
		}
	}
	if ok, err := wire.Exists(t.Context(), "nowhere.example.org"); ok || err != nil {
		t.Errorf("nowhere exists: %v %v", ok, err)
	}
	if ok, err := wire.Exists(t.Context(), "example.org"); !ok || err != nil {
		t.Errorf("example.org does not exist: %v %v", ok, err)
	}
}

func TestTruncatedAnswerComesByTCP(t *testing.T) {
	var z strings.Builder
	for i := range 60 {
		fmt.Fprintf(&z, "big.example.org IN TXT \"%03d %s\"\n", i, strings.Repeat("x", 80))
	}
	r, _ := overWire(t, z.String(), Config{})
	txt, err := r.LookupTXT(t.Context(), "big.example.org")
	if err != nil || len(txt) != 60 {
		t.Errorf("%d records, %v", len(txt), err)
	}
}

func TestSecondServerAnswersWhenTheFirstIsDead(t *testing.T) {
	dead, err := net.ListenPacket("udp", "127.0.0.1:0") // takes packets, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	r, _ := overWire(t, zone, Config{Servers: []string{dead.LocalAddr().String()}, Try: 100 * time.Millisecond})
	if _, err := r.LookupTXT(t.Context(), "example.org"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := r.LookupMX(t.Context(), "example.org"); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d >= 100*time.Millisecond {
		t.Errorf("the dead server was asked first again: %v", d)
	}
}

func TestCacheKeepsForItsTimeAndNoLonger(t *testing.T) {
	c := &clock{t: time.Unix(1e9, 0)}
	r, f := overWire(t, zone, Config{Now: c.now})
	ask := func(name string) { _, _ = r.LookupTXT(t.Context(), name) }
	steps := []struct {
		name  string
		after time.Duration
		asked int
	}{
		{"example.org", 0, 1},
		{"example.org", 299 * time.Second, 1},
		{"example.org", 2 * time.Second, 2},
		{"nowhere.example.org", 0, 3},
		{"nowhere.example.org", 29 * time.Second, 3},
		{"nowhere.example.org", 2 * time.Second, 4},
	}
	for i, s := range steps {
		c.add(s.after)
		ask(s.name)
		if f.Asked() != s.asked {
			t.Fatalf("step %d (%s): the server was asked %d times, want %d", i, s.name, f.Asked(), s.asked)
		}
	}
	f.Fail("broken.example.org")
	ask("broken.example.org")
	n := f.Asked()
	ask("broken.example.org") // within a second: remembered
	if f.Asked() != n {
		t.Error("a failure is not remembered for a moment")
	}
	f.Heal()
	c.add(failureTTL)
	ask("broken.example.org")
	if f.Asked() == n {
		t.Error("a failure is remembered for too long")
	}
}

func TestCacheIsBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := newCache(100, 64<<10)
	for i := range 10_000 {
		c.put(question{fmt.Sprintf("n%d.example.", i), 16}, entry{until: now.Add(time.Hour), size: i % 3000}, now)
		if len(c.entries) > 100 || c.bytes > 64<<10 || c.bytes < 0 {
			t.Fatalf("after %d: %d entries, %d bytes", i, len(c.entries), c.bytes)
		}
	}
	if c.len() == 0 {
		t.Error("nothing is kept at all")
	}
}

func TestEqualQuestionsAtOnceGoOutOnce(t *testing.T) {
	f := NewFake(zone)
	f.Silence("slow.example.org")
	addr, err := f.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{Servers: []string{addr}, Try: 100 * time.Millisecond, Total: 150 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := r.LookupTXT(t.Context(), "slow.example.org"); !IsTemporary(err) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if n := f.Asked(); n > rounds {
		t.Errorf("asked %d times", n)
	}
}

func TestCallerWhoHangsUpIsAnsweredAtOnce(t *testing.T) {
	r, f := overWire(t, zone, Config{})
	f.Silence("slow.example.org")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := r.LookupTXT(ctx, "slow.example.org")
	if !IsTemporary(err) || time.Since(start) > time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestBudgetEndsQuestions(t *testing.T) {
	f := NewFake(zone)
	r := Budget(From(f), 3)
	for i := range 10 {
		_, err := r.LookupTXT(t.Context(), "example.org")
		if (i < 3) != (err == nil) || (i >= 3) != errors.Is(err, ErrBudget) {
			t.Errorf("question %d: %v", i+1, err)
		}
		if IsTemporary(err) || IsNotFound(err) {
			t.Errorf("question %d: %v is neither temporary nor not found", i+1, err)
		}
	}
	if f.Asked() != 3 {
		t.Errorf("%d questions went out", f.Asked())
	}
}

func TestServersAreAddresses(t *testing.T) {
	for s, want := range map[string]string{
		"127.0.0.1:5300": "127.0.0.1:5300", "127.0.0.1": "127.0.0.1:53", "::1": "[::1]:53",
		"[::1]:54": "[::1]:54", "localhost:5300": "127.0.0.1:5300", "dns.example": "", "": "", "127.0.0.1:99999": "",
	} {
		got, err := serverAddr(s)
		if got != want || (want == "") != (err != nil) {
			t.Errorf("%q: %q %v", s, got, err)
		}
	}
}

func BenchmarkCachedTXT(b *testing.B) {
	f := NewFake(zone)
	addr, err := f.Serve(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	r, err := New(Config{Servers: []string{addr}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.LookupTXT(b.Context(), "example.org"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDeadServersAreWaitedForOnlyOnce(t *testing.T) {
	c := &clock{t: time.Unix(1e9, 0)}
	dead, err := net.ListenPacket("udp", "127.0.0.1:0") // takes packets, says nothing
	if err != nil {
		t.Fatal(err)
	}
	addr := dead.LocalAddr().String()
	r, err := New(Config{Servers: []string{addr}, Try: 50 * time.Millisecond, Total: 200 * time.Millisecond, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	for i := range streakToProbe {
		_, _ = r.LookupTXT(t.Context(), fmt.Sprintf("n%d.example", i))
	}
	start := time.Now()
	for i := range 1000 {
		if _, err := r.LookupTXT(t.Context(), fmt.Sprintf("m%d.example", i)); !IsTemporary(err) {
			t.Fatal(err)
		}
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("a thousand questions to dead servers took %v", d)
	}
	dead.Close()
	if _, err := NewFake(zone).Serve(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	c.add(downTime)
	if _, err := r.LookupTXT(t.Context(), "example.org"); err != nil {
		t.Errorf("after the server came back: %v", err)
	}
}

// A stranger's slow zone must not take the DNS away from everybody else.
func TestSlowZonesDoNotMakeTheServersSeemDead(t *testing.T) {
	r, f := overWire(t, zone, Config{Try: 20 * time.Millisecond, Total: 100 * time.Millisecond})
	var wg sync.WaitGroup
	for i := range 20 {
		name := fmt.Sprintf("s%d.evil.example", i)
		f.Silence(name)
		wg.Go(func() { _, _ = r.LookupTXT(t.Context(), name) })
	}
	wg.Wait()
	if _, err := r.LookupTXT(t.Context(), "example.org"); err != nil {
		t.Error(err)
	}
}
