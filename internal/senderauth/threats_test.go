package senderauth

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"postroom/internal/resolver"
)

const rejecting = `_dmarc.example.org IN TXT "v=DMARC1; p=reject"` + "\n"

func TestH9_MultipleFromProvesNothing(t *testing.T) {
	w := newWorld(t, keyRecord("s", "example.org", "", edKey())+rejecting, Config{})
	signed := sign(t, plainMail, "example.org", "s", edKey())
	for name, r := range map[string]Result{
		"second From above the signature": w.check(home, "ann@example.org", "From: boss@example.org\r\n"+signed),
		"second From, parser saw one":     w.check(home, "ann@example.org", "from : x@evil.example\r\n"+signed, "ann@example.org"),
		"two mailboxes":                   w.check(home, "ann@example.org", signed, "ann@example.org", "boss@example.org"),
		"no mailbox":                      w.check(home, "ann@example.org", strings.Replace(signed, "From: Ann <ann@example.org>\r\n", "", 1), []string{}...),
		"address literal":                 w.check(home, "ann@example.org", signed, "ann@[192.0.2.1]"),
		"not an address":                  w.check(home, "ann@example.org", signed, "ann"),
	} {
		if name == "no mailbox" {
			k := w.c.Start(t.Context(), Input{Remote: home, Helo: "x", MailFrom: "ann@example.org"})
			_, _ = k.Write([]byte("Subject: x\r\n\r\n"))
			r = k.Finish(nil)
			k.Close()
		}
		if r.Proof != ProofNone || r.Disposition != DispositionNone {
			t.Errorf("%s: %s %s", name, r.Proof, r.Disposition)
		}
	}
}

func TestM10_Homograph(t *testing.T) {
	for domain, want := range map[string]string{
		"example.org": "example.org", "EXAMPLE.Org.": "example.org", "bücher.example": "xn--bcher-kva.example",
		"xn--bcher-kva.example": "xn--bcher-kva.example", "cоrp.example": "xn--crp-sed.example",
		"a_b.example": "a_b.example", "faß.de": "xn--fa-hia.de",
		"": "", "a..b": "", ".a": "", "a b.example": "", "a@b.example": "", "[192.0.2.1]": "", "192.0.2.1": "",
		"ex\u200bample.org": "", "xn--example-": "", "xn--abc-.example": "", "xn--zzzzzzz9999.example": "",
		"a\x00.example": "", "-a.example": "", strings.Repeat("a", 64) + ".example": "", strings.Repeat("a.", 127) + "example": "",
		"ａ.example": "", "exaⅿple.org": "", // what only maps to ASCII is meant to deceive
	} {
		got, err := Domain(domain)
		if got != want || (want == "") != (err != nil) {
			t.Errorf("%q: %q %v, want %q", domain, got, err, want)
		}
	}
	for domain, odd := range map[string]bool{
		"example.org": false, "bücher.example": false, "xn--bcher-kva.example": false, "пример.рф": false,
		"例え.jp": false, "東京カメラ.jp": false, "한국.kr": false, "αθήνα.gr": false, "почта.example": false,
		"cоrp.example": true, "xn--crp-sed.example": true, // Cyrillic o among Latin
		"сосо.example": true, "раура.com": true, // all Cyrillic, all look Latin
		"exaⅿple.org": true, "ａ.example": true, "ex\u200bample.org": true, "exаmple.org": true, "gοogle.com": true,
		"xn--zzzzzzz9999.example": true,
	} {
		got, why := Lookalike(domain)
		if got != odd || got != (why != "") {
			t.Errorf("%q: %v %q, want %v", domain, got, why, odd)
		}
	}
	known := NewKnown([]string{"example.org", "maple.example", "paypal.com", "not a domain", ""})
	for domain, like := range map[string]string{
		"exarnple.org": "example.org", "examp1e.org": "example.org", "exаmple.org": "example.org", "éxample.org": "example.org",
		"paypaI.com": "", "раураl.com": "paypal.com", "paypa1.com": "paypal.com", "example.org": "", "mail.example.org": "", "sample.org": "",
	} {
		if domain == "paypaI.com" {
			like = "paypal.com" // a capital I is an i, which is drawn like an l
		}
		if got := known.Imitated(domain); got != like {
			t.Errorf("%q imitates %q, want %q", domain, got, like)
		}
	}
	w := newWorld(t, "", Config{})
	if r := w.check(elsewhere, "", plainMail, "ann@exаmple.org"); r.LookAlike == "" || r.From != "xn--exmple-4nf.org" {
		t.Errorf("%+v", r)
	}
}

func TestM11_WeakSignaturesProveNothing(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	small, err := rsa.GenerateKey(rand.Reader, 512)
	if err != nil {
		t.Fatal(err)
	}
	key := edKey()
	w := newWorld(t, keyRecord("s", "example.org", "", key)+keyRecord("small", "example.org", "", small)+
		keyRecord("exact", "example.org", "t=s; ", key)+keyRecord("two", "example.org", "", key)+
		keyRecord("two", "example.org", "", rsaKey2048())+keyRecord("rsa", "example.org", "", rsaKey2048())+
		`gone._domainkey.example.org IN TXT "v=DKIM1; k=rsa; p="`+"\n"+rejecting, Config{})
	signed := sign(t, plainMail, "example.org", "s", key)
	tag := func(old, with string) string { return strings.Replace(signed, old, with, 1) }
	rows := map[string]struct {
		mail    string
		verdict Verdict
	}{
		"l= is there":           {tag(" v=1;", " v=1; l=10;"), Policy},
		"rsa-sha1":              {tag("a=ed25519-sha256", "a=rsa-sha1"), Policy},
		"RSA of 512 bits":       {sign512(t, small), Policy},
		"expired":               {tag(" v=1;", " v=1; x=1000;"), PermError},
		"key revoked":           {tag("s=s;", "s=gone;"), PermError},
		"key not published":     {tag("s=s;", "s=none;"), PermError},
		"two keys":              {tag("s=s;", "s=two;"), PermError},
		"other key":             {tag("s=s;", "s=rsa;"), PermError},
		"version 2":             {tag(" v=1;", " v=2;"), PermError},
		"From is not signed":    {tag("h=From:", "h=Form:"), PermError},
		"identity of another":   {tag(" v=1;", " v=1; i=@evil.example;"), PermError},
		"double tag":            {tag(" v=1;", " v=1; d=evil.example;"), PermError},
		"not a domain":          {tag("d=example.org", "d=exa mple.org@x"), PermError},
		"body changed":          {signed + "P.S.\r\n", Fail},
		"From changed":          {strings.Replace(signed, "Ann <", "Boss <", 1), Fail},
		"signature is nonsense": {"DKIM-Signature: ;;;=\r\n" + plainMail, PermError},
	}
	for name, row := range rows {
		r := w.check(elsewhere, "x@evil.example", row.mail)
		if len(r.DKIM) != 1 || r.DKIM[0].Result != row.verdict {
			t.Errorf("%s: %+v, want %s", name, r.DKIM, row.verdict)
		}
		if r.Proof == ProofAligned || !r.Rejected() {
			t.Errorf("%s: %s %s", name, r.Proof, r.Disposition)
		}
	}
	if r := w.check(elsewhere, "x@evil.example", signed); r.Proof != ProofAligned {
		t.Fatalf("the good one: %+v", r)
	}
	exact := sign(t, plainMail, "example.org", "exact", key)
	if r := w.check(elsewhere, "x@evil.example", exact); r.Proof != ProofAligned {
		t.Errorf("t=s and the domain itself: %+v", r.DKIM)
	}
}

// sign512 signs with a key that no library of today will sign with: what
// counts is that the short key is refused before its signature is looked at.
func sign512(t *testing.T, _ *rsa.PrivateKey) string {
	s := sign(t, plainMail, "example.org", "rsa", rsaKey2048())
	return strings.Replace(s, "s=rsa;", "s=small;", 1)
}

func TestM11_HundredSignatures(t *testing.T) {
	var zone strings.Builder
	for i := range 100 {
		zone.WriteString(keyRecord(fmt.Sprintf("s%d", i), "evil.example", "", edKey()))
	}
	w := newWorld(t, zone.String()+rejecting, Config{})
	mail := plainMail
	for i := range 100 {
		mail = sign(t, mail, "evil.example", fmt.Sprintf("s%d", i), edKey())
	}
	r := w.check(elsewhere, "x@evil.example", mail)
	if len(r.DKIM) != MaxSignatures || !r.Rejected() {
		t.Errorf("%d signatures judged, %s", len(r.DKIM), r.Disposition)
	}
	if w.fake.Asked() > 60 {
		t.Errorf("%d DNS questions", w.fake.Asked())
	}
}

func TestM11_ForgedAuthenticationResults(t *testing.T) {
	for value, forged := range map[string]bool{
		"desk.example; spf=pass": true, " DESK.example ; none": true, "desk.example 1; spf=pass": true,
		"(hello (nested)) desk.example; spf=pass": true, `"desk.example"; spf=pass`: true, "desk.example.; x": true,
		"\r\n\tdesk.example;\r\n\tspf=pass": true, "": true, "; spf=pass": true, "(desk.example)": true,
		"desk\\.example; x": false, "mx.other.example; spf=pass smtp.mailfrom=desk.example": false,
		"desk.example.evil.test; spf=pass": false, "notdesk.example; spf=pass": false, "(desk.example) other.example; x": false,
	} {
		if got := IsForged(value, "desk.example"); got != forged {
			t.Errorf("%q: %v", value, got)
		}
	}
	if !IsForged("bücher.example; x", "xn--bcher-kva.example") {
		t.Error("our name in Unicode passes")
	}
	header := "Received: x\r\nAuthentication-Results : desk.example;\r\n spf=pass\r\nauthentication-results: other.example; spf=fail\r\n" +
		"X-Authentication-Results: desk.example\r\nAUTHENTICATION-RESULTS: (c) desk.example; dkim=pass\r\nSubject: s\r\n\r\n"
	want := "Received: x\r\nauthentication-results: other.example; spf=fail\r\nX-Authentication-Results: desk.example\r\nSubject: s\r\n\r\n"
	if got := string(StripOwn([]byte(header), "desk.example")); got != want {
		t.Errorf("%q", got)
	}
	// And nothing in an incoming mail makes a difference to our own result.
	w := newWorld(t, rejecting, Config{ARCSealers: []string{"other.example"}})
	r := w.check(elsewhere, "x@evil.example", "Authentication-Results: desk.example; dmarc=pass header.from=example.org\r\n"+plainMail)
	if !r.Rejected() || !r.ForgedResults {
		t.Errorf("%+v", r)
	}
}

func TestM12_SPFBombs(t *testing.T) {
	var wide, deep, mxes strings.Builder
	for i := range 30 {
		fmt.Fprintf(&deep, "i%d.bomb.example IN TXT \"v=spf1 include:i%d.bomb.example -all\"\n", i, i+1)
		fmt.Fprintf(&wide, " include:w%d.bomb.example", i)
		fmt.Fprintf(&mxes, "mx.bomb.example IN MX 1 h%d.bomb.example.\n", i)
	}
	zone := deep.String() + mxes.String() + strings.Join([]string{
		`wide.bomb.example IN TXT "v=spf1` + wide.String() + ` -all"`,
		`loop.bomb.example IN TXT "v=spf1 include:loop.bomb.example -all"`,
		`redirect.bomb.example IN TXT "v=spf1 redirect=redirect.bomb.example"`,
		`void.bomb.example IN TXT "v=spf1 a:n1.example a:n2.example a:n3.example +all"`,
		`mx.bomb.example IN TXT "v=spf1 mx -all"`,
		`macro.bomb.example IN TXT "v=spf1 exists:%{i}.%{l999999999999999999999}.bomb.example +all"`,
		`two.bomb.example IN TXT "v=spf1 +all"`,
		`two.bomb.example IN TXT "v=spf1 -all"`,
		`manymx.bomb.example IN TXT "v=spf1 mx:m1.bomb.example mx:m2.bomb.example mx:m3.bomb.example mx:m4.bomb.example +all"`,
		`ptr.bomb.example IN TXT "v=spf1 ptr ptr:a.example ptr:b.example -all"`,
	}, "\n") + "\n"
	for m := 1; m <= 4; m++ {
		for i := range 10 {
			zone += fmt.Sprintf("m%d.bomb.example IN MX 1 h%d-%d.bomb.example.\nh%d-%d.bomb.example IN A 198.51.100.%d\n", m, m, i, m, i, i)
		}
	}
	for i := range 40 {
		zone += fmt.Sprintf("77.2.0.192.in-addr.arpa IN PTR p%d.bomb.example.\n", i)
	}
	for domain, want := range map[string]Verdict{
		"i0.bomb.example": PermError, "wide.bomb.example": PermError, "loop.bomb.example": PermError,
		"redirect.bomb.example": PermError, "void.bomb.example": PermError, "mx.bomb.example": PermError,
		"macro.bomb.example": PermError, "two.bomb.example": PermError, "manymx.bomb.example": PermError,
		"ptr.bomb.example": Fail,
	} {
		t.Run(domain, func(t *testing.T) {
			w := newWorld(t, zone+rejecting, Config{})
			start := time.Now()
			r := w.check(netip.MustParseAddr("192.0.2.77"), "x@"+domain, plainMail)
			if r.SPF.Result != want || r.SPF.Reason == "" && want == PermError {
				t.Errorf("%+v, want %s", r.SPF, want)
			}
			if n := w.fake.Asked(); n > 60 {
				t.Errorf("%d DNS questions", n)
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
			// The bomb must not keep us from seeing what From's domain wants.
			if !r.Rejected() {
				t.Errorf("disposition %s", r.Disposition)
			}
		})
	}
}

// Everything at once that a sender can make us ask.
func TestM12_AtMostSixtyQuestions(t *testing.T) {
	var zone strings.Builder
	mail := plainMail
	for i := range 12 {
		d := fmt.Sprintf("d%d.a.b.c.d.e.f.example.org", i)
		zone.WriteString(keyRecord("s", d, "", edKey()))
		mail = sign(t, mail, d, "s", edKey())
	}
	for i := range 50 {
		zone.WriteString(fmt.Sprintf("i%d.bomb.example IN TXT \"v=spf1 mx:m.bomb.example a:x%d.example include:i%d.bomb.example -all\"\n", i, i, i+1))
		zone.WriteString(fmt.Sprintf("77.2.0.192.in-addr.arpa IN PTR p%d.bomb.example.\n", i))
	}
	zone.WriteString(rejecting)
	w := newWorld(t, zone.String(), Config{})
	var arc strings.Builder
	for i := 40; i >= 1; i-- {
		cv := "pass"
		if i == 1 {
			cv = "none"
		}
		fmt.Fprintf(&arc, "ARC-Seal: i=%d; a=rsa-sha256; cv=%s; d=d%d.example; s=arc; b=AAAA\r\n"+
			"ARC-Message-Signature: i=%d; a=rsa-sha256; d=d%d.example; s=arc; h=from; bh=AA==; b=AAAA\r\n"+
			"ARC-Authentication-Results: i=%d; x\r\n", i, cv, i, i, i, i)
	}
	w.check(netip.MustParseAddr("192.0.2.77"), "x@i0.bomb.example", arc.String()+mail, "ann@x.y.z.u.v.w.example.org")
	if n := w.fake.Asked(); n > 60 || n < 30 {
		t.Errorf("%d DNS questions", n)
	}
	if sum := spfQuestions + iprevQuestions + dkimQuestions + arcQuestions + dmarcQuestions; sum > 60 {
		t.Errorf("the parts may ask %d", sum)
	}
}

func TestM13_DNSFailureIsTemporaryAndNeverProof(t *testing.T) {
	key := keyRecord("s", "example.org", "", edKey())
	signed := sign(t, plainMail, "example.org", "s", edKey())
	rows := []struct {
		name     string
		fail     []string
		ip       netip.Addr
		mailFrom string
		mail     string
		proof    Proof
	}{
		{"policy", []string{"_dmarc.example.org"}, elsewhere, "x@evil.example", plainMail, ProofTemp},
		{"policy, though all else passes", []string{"_dmarc.example.org"}, home, "ann@example.org", signed, ProofTemp},
		{"key", []string{"s._domainkey.example.org"}, elsewhere, "x@evil.example", signed, ProofTemp},
		{"key, SPF passes", []string{"s._domainkey.example.org"}, home, "ann@example.org", signed, ProofAligned},
		{"SPF record", []string{"example.org"}, home, "ann@example.org", plainMail, ProofTemp},
		{"SPF record, key passes", []string{"example.org"}, home, "ann@example.org", signed, ProofAligned},
		{"SPF record of a stranger", []string{"evil.example"}, elsewhere, "x@evil.example", plainMail, ProofFail},
		{"reverse name", []string{"9.113.0.203.in-addr.arpa"}, elsewhere, "x@evil.example", plainMail, ProofFail},
		{"the top level's", []string{"_dmarc.org"}, home, "ann@example.org", plainMail, ProofAligned},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, key+rejecting, Config{})
			w.fake.Fail(row.fail...)
			r := w.check(row.ip, row.mailFrom, row.mail)
			if r.Proof != row.proof {
				t.Errorf("proof %s (%s), want %s", r.Proof, r.Why, row.proof)
			}
			if (row.proof == ProofFail) != r.Rejected() {
				t.Errorf("disposition %s", r.Disposition)
			}
			w.fake.Heal() // nothing of it may be remembered
			if r := w.check(home, "ann@example.org", signed); r.Proof != ProofAligned {
				t.Errorf("after the DNS came back: %s (%s)", r.Proof, r.Why)
			}
		})
	}
}

func TestM13_SilentDNSEndsInTime(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for real time-outs")
	}
	t.Parallel()
	w := newWorld(t, rejecting, Config{})
	w.fake.Silence("example.org", "_dmarc.example.org", "s._domainkey.example.org", "9.113.0.203.in-addr.arpa")
	start := time.Now()
	r := w.check(elsewhere, "ann@example.org", sign(t, plainMail, "example.org", "s", edKey()))
	if d := time.Since(start); d > 7*time.Second {
		t.Errorf("took %v", d)
	}
	if r.Proof != ProofTemp || r.Disposition != DispositionNone {
		t.Errorf("%s %s", r.Proof, r.Disposition)
	}
}

// The DKIM library would hold the empty lines of this body in memory, once
// for each signature.
func TestMemoryIsFlatWhateverTheBody(t *testing.T) {
	w := newWorld(t, keyRecord("s", "evil.example", "", edKey()), Config{})
	signed := plainMail
	for range 3 {
		signed = sign(t, signed, "evil.example", "s", edKey())
	}
	for name, piece := range map[string]string{
		"empty lines": strings.Repeat("\r\n", 16<<10), "blank lines": strings.Repeat(" \r\n", 10<<10),
		"one line": strings.Repeat("x", 32<<10), "blanks": strings.Repeat(" ", 32<<10), "text": strings.Repeat("some text\r\n", 3000),
	} {
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		k := w.c.Start(t.Context(), Input{Remote: elsewhere, Helo: "x", MailFrom: "x@evil.example"})
		_, _ = k.Write([]byte(signed))
		var most uint64
		for i := range 140 { // over 4 MiB, held three times if held at all
			_, _ = k.Write([]byte(piece))
			if i%35 == 34 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		}
		r := k.Finish([]string{"x@evil.example"})
		k.Close()
		if most > before.HeapAlloc+4<<20 {
			t.Errorf("%s: %d KiB more in use", name, (most-before.HeapAlloc)>>10)
		}
		if strings.HasSuffix(name, "lines") && (r.Unverified == "" || r.DKIM[0].Result != Policy) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestAbandonedChecksLeaveNothingBehind(t *testing.T) {
	w := newWorld(t, keyRecord("s", "example.org", "", edKey()), Config{})
	one := sign(t, plainMail, "example.org", "s", edKey())
	three := sign(t, sign(t, one, "example.org", "s", edKey()), "example.org", "s", edKey())
	before := runtime.NumGoroutine()
	for range 50 {
		for _, mail := range []string{one, three} {
			k := w.c.Start(t.Context(), Input{Remote: home, Helo: "x", MailFrom: "ann@example.org"})
			_, _ = k.Write([]byte(mail[:len(mail)-20]))
			k.Close()
			k.Close()
		}
	}
	for range 200 {
		if runtime.NumGoroutine() <= before+2 {
			return
		}
		runtime.Gosched()
		time.Sleep(5 * time.Millisecond) // goroutines end when they end; nothing to wait on
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

func TestUnparsableConfigurationIsRefused(t *testing.T) {
	dns := resolver.From(resolver.NewFake(""))
	for _, cfg := range []Config{{Forwarders: []string{"not a name"}}, {ARCSealers: []string{""}}, {Forwarders: []string{"192.0.2.0/99"}}} {
		if _, err := New(dns, "desk.example", cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}
