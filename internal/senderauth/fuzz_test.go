package senderauth

import (
	"strings"
	"testing"
	"time"

	"postroom/internal/resolver"
)

// FuzzARC puts any header in front of a chain. Nothing may panic, take long,
// or be vouched for unless it is the chain itself.
func FuzzARC(f *testing.F) {
	w := arcWorld(f, "other.example")
	signed := sign(f, plainMail, "example.org", "s", edKey())
	sealed := w.hop(signed, "other.example", rsaKey2048(), w.check(home, "ann@example.org", signed))
	f.Add(sealed)
	f.Add("ARC-Seal: i=1; cv=none\r\n" + plainMail)
	f.Add("ARC-Seal: i=;\r\nARC-Message-Signature: i=1;;h=from:from;b=;bh=;c=//\r\nARC-Authentication-Results: i=1; ((()\"\r\n\r\n")
	f.Add("ARC-Authentication-Results: i=1;a(\\\r\n ;=;x/1=pass header.from = \"\r\nFrom: x\n\n\n")
	f.Add("\r\n")
	f.Add("DKIM-Signature: v=1; b=; bh=; h=from; d=; s=; a=\r\nFrom: a@b")
	f.Fuzz(func(t *testing.T, mail string) {
		start := time.Now()
		k := w.c.Start(t.Context(), Input{Remote: elsewhere, Helo: "x", MailFrom: "x@evil.example"})
		defer k.Close()
		for i := 0; i < len(mail); i += 100 {
			_, _ = k.Write([]byte(mail[i:min(i+100, len(mail))]))
		}
		r := k.Finish([]string{"ann@example.org"})
		if r.Proof == ProofAligned && !strings.Contains(mail, "d=example.org") {
			t.Errorf("proved by %q", r.Why)
		}
		if r.ARC.Vouches && r.ARC.Sealer != "other.example" {
			t.Errorf("vouched: %+v", r.ARC)
		}
		if value := r.AuthenticationResults("desk.example"); strings.ContainsAny(value, "\r\n\x00") || !IsForged(value, "desk.example") {
			t.Errorf("%q", value)
		}
		if d := time.Since(start); d > time.Second && len(mail) < 64<<10 {
			t.Errorf("%d bytes took %v", len(mail), d)
		}
	})
}

func FuzzAuthenticationResultsReader(f *testing.F) {
	f.Add("desk.example; spf=pass smtp.mailfrom=a@b", "desk.example")
	f.Add("(a(b)c\\) desk.example 1; dkim/1 = pass (x) header.d=\"a;b\"", "desk.example")
	f.Add("\"", "x")
	f.Fuzz(func(t *testing.T, value, host string) {
		_, _ = splitResults(value)
		if d, err := Domain(host); err == nil && !IsForged(" "+d+" 1; none", host) {
			t.Errorf("%q is not known as %q", d, host)
		}
		StripOwn([]byte("Authentication-Results:"+value), host)
	})
}

func BenchmarkPlainMailCachedDNS(b *testing.B) {
	addr, err := resolver.ServeZone(b.Context(), baseZone+rejecting)
	if err != nil {
		b.Fatal(err)
	}
	dns, err := resolver.New(resolver.Config{Servers: []string{addr}})
	if err != nil {
		b.Fatal(err)
	}
	bench(b, dns, plainMail+strings.Repeat("a line of text that is seventy bytes long or thereabouts, I think\r\n", 55))
}

func BenchmarkSignedMailCachedDNS(b *testing.B) {
	addr, err := resolver.ServeZone(b.Context(), baseZone+rejecting+keyRecord("s", "example.org", "", rsaKey2048()))
	if err != nil {
		b.Fatal(err)
	}
	dns, err := resolver.New(resolver.Config{Servers: []string{addr}})
	if err != nil {
		b.Fatal(err)
	}
	mail := plainMail + strings.Repeat("a line of text that is seventy bytes long or thereabouts, I think\r\n", 55)
	bench(b, dns, sign(b, mail, "example.org", "s", rsaKey2048()))
}

func bench(b *testing.B, dns *resolver.Resolver, mail string) {
	c, err := New(dns, "desk.example", Config{})
	if err != nil {
		b.Fatal(err)
	}
	raw := []byte(mail)
	b.ReportAllocs()
	for b.Loop() {
		k := c.Start(b.Context(), Input{Remote: home, Helo: "mail.example.org", MailFrom: "ann@example.org"})
		_, _ = k.Write(raw)
		if r := k.Finish([]string{"ann@example.org"}); r.Proof != ProofAligned {
			b.Fatalf("%+v", r)
		}
		k.Close()
	}
}
