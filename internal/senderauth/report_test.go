package senderauth

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/authres"

	"postroom/internal/resolver"
)

func TestNamedForwarders(t *testing.T) {
	signed := sign(t, plainMail, "example.org", "s", edKey())
	broken := signed + "footer\r\n"
	listed := "List-Id: <l.other.example>\r\n" + broken
	rows := []struct {
		name, forwarder, mailFrom, mail string
		ip                              netip.Addr
		by                              string
		proof                           Proof
	}{
		{"address", "198.51.100.7", "ann@example.org", plainMail, oldHome, "198.51.100.7/32", ProofNone},
		{"network", "198.51.100.0/24", "ann@example.org", broken, oldHome, "198.51.100.0/24", ProofNone},
		{"confirmed name", "other.example", "ann@example.org", plainMail, oldHome, "other.example", ProofNone},
		{"rewritten sender with SPF", "other.example", "srs0=x@other.example", plainMail, oldHome, "other.example", ProofNone},
		{"list that was named", "other.example", "l-bounces@other.example", listed, oldHome, "other.example", ProofNone},
		{"DKIM survives", "198.51.100.7", "ann@example.org", signed, oldHome, "198.51.100.7/32", ProofAligned},
		{"SPF is not counted for a forwarder", "192.0.2.1", "ann@example.org", plainMail, home, "192.0.2.1/32", ProofNone},
		{"another address", "198.51.100.8", "ann@example.org", plainMail, oldHome, "", ProofFail},
		{"name that only resembles", "er.example", "ann@example.org", plainMail, oldHome, "", ProofFail},
		{"sender claimed without SPF", "other.example", "x@other.example", plainMail, elsewhere, "", ProofFail},
		{"list that nobody named", "198.51.100.8", "l-bounces@other.example", listed, oldHome, "", ProofFail},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, keyRecord("s", "example.org", "", edKey())+rejecting, Config{Forwarders: []string{row.forwarder}})
			r := w.check(row.ip, row.mailFrom, row.mail)
			if r.Forwarder != row.by || r.Proof != row.proof || r.Rejected() != (row.proof == ProofFail) {
				t.Errorf("%+v", r)
			}
			if row.by != "" && r.SPF.Result != None {
				t.Errorf("SPF of a forwarder: %+v", r.SPF)
			}
			if r.List != strings.HasPrefix(row.mail, "List-Id") {
				t.Errorf("list: %v", r.List)
			}
			if row.by != "" && row.proof == ProofNone && r.Override == "" {
				t.Error("no reason why it is let in")
			}
		})
	}
}

func TestAuthenticationResultsIsReadByOthers(t *testing.T) {
	w := arcWorld(t, "other.example")
	signed := sign(t, plainMail, "example.org", "s", edKey())
	for name, mail := range map[string]string{
		"good": signed, "plain": plainMail,
		"hostile selector": strings.Replace(signed, "s=s;", "s=a(\"\\dkim=pass\xff\u202e;", 1),
		"sealed":           w.hop(signed, "other.example", rsaKey2048(), w.check(home, "ann@example.org", signed)),
	} {
		r := w.check(home, `"odd; dmarc=pass"@example.org`, mail)
		value := r.AuthenticationResults("desk.example")
		for i := range len(value) {
			if value[i] < ' ' || value[i] > '~' {
				t.Errorf("%s: byte %#x in %q", name, value[i], value)
			}
		}
		if strings.Contains(value, "ann@") || strings.Contains(value, "odd") {
			t.Errorf("%s: a mailbox in %q", name, value)
		}
		if !IsForged(value, "desk.example") {
			t.Errorf("%s: our own is not known as ours: %q", name, value)
		}
		id, results, err := authres.Parse(value)
		if err != nil || id != "desk.example" {
			t.Errorf("%s: %v %q %q", name, err, id, value)
			continue
		}
		seen := map[string]string{}
		for _, res := range results {
			switch res := res.(type) {
			case *authres.SPFResult:
				seen["spf"] = string(res.Value) + " " + res.From
			case *authres.DKIMResult:
				seen["dkim"] = string(res.Value) + " " + res.Domain
			case *authres.DMARCResult:
				seen["dmarc"] = string(res.Value) + " " + res.From
			}
		}
		if seen["spf"] != "pass example.org" || seen["dmarc"] != "pass example.org" {
			t.Errorf("%s: %v in %q", name, seen, value)
		}
		if name == "good" && seen["dkim"] != "pass example.org" {
			t.Errorf("%s: %v in %q", name, seen, value)
		}
		if own := provedBy(value[strings.Index(value, ";"):], "example.org"); !own {
			t.Errorf("%s: our own reader does not see the proof in %q", name, value)
		}
	}
}

func TestResultSurvivesStorage(t *testing.T) {
	w := arcWorld(t)
	signed := sign(t, plainMail, "example.org", "s", edKey())
	for _, r := range []Result{{}, w.check(home, "ann@example.org", signed), w.check(elsewhere, "x@evil.example", plainMail)} {
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Result
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if string(again) != string(b) {
			t.Errorf("%s\n%s", b, again)
		}
		if strings.Contains(string(b), "ann@") {
			t.Errorf("a mailbox is stored: %s", b)
		}
	}
}

func TestReverseName(t *testing.T) {
	zone := "9.113.0.203.in-addr.arpa IN PTR mail.example.org.\n" + // leads back elsewhere
		"b.example IN AAAA 2001:db8::1\n" +
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa IN PTR b.example.\n"
	w := newWorld(t, zone, Config{})
	for ip, want := range map[string]IPRev{
		"192.0.2.1": {Pass, "mail.example.org"}, "::ffff:192.0.2.1": {Pass, "mail.example.org"},
		"203.0.113.9": {Fail, ""}, "192.0.2.200": {Fail, ""}, "2001:db8::1": {Pass, "b.example"},
	} {
		if r := w.check(netip.MustParseAddr(ip), "", plainMail); r.IPRev != want {
			t.Errorf("%s: %+v", ip, r.IPRev)
		}
	}
}

func TestSPFOutcomesAreRememberedButNotMixedUp(t *testing.T) {
	zone := `personal.example IN TXT "v=spf1 exists:%{l}.who.personal.example -all"` + "\n" +
		"ann.who.personal.example IN A 127.0.0.2\n" +
		`helo.example IN TXT "v=spf1 exists:%{h}.who.helo.example -all"` + "\n" +
		"good.example.who.helo.example IN A 127.0.0.2\n"
	w := newWorld(t, zone, Config{})
	spfOf := func(ip netip.Addr, helo, from string) Verdict {
		k := w.c.Start(t.Context(), Input{Remote: ip, Helo: helo, MailFrom: from})
		defer k.Close()
		_, _ = k.Write([]byte(plainMail))
		return k.Finish([]string{"x@nowhere.example"}).SPF.Result
	}
	for range 2 {
		for i, row := range []struct {
			ip         netip.Addr
			helo, from string
			want       Verdict
		}{
			{home, "a.example", "ann@example.org", Pass},
			{elsewhere, "a.example", "ann@example.org", Fail},
			{home, "a.example", "ann@evil.example", Pass},
			{home, "a.example", "ann@personal.example", Pass},
			{home, "a.example", "bob@personal.example", Fail},
			{home, "good.example", "ann@helo.example", Pass},
			{home, "bad.example", "ann@helo.example", Fail},
			{home, "[192.0.2.1]", "", None},
			{home, "example.org", "", Pass},
		} {
			if got := spfOf(row.ip, row.helo, row.from); got != row.want {
				t.Errorf("row %d: %s, want %s", i, got, row.want)
			}
		}
	}
	n := w.fake.AskedAbout("example.org")
	spfOf(home, "a.example", "ann@example.org")
	if w.fake.AskedAbout("example.org") != n {
		t.Error("the outcome was not remembered")
	}
}

func TestGradeSaysWhatToPublish(t *testing.T) {
	good := keyRecord("d1", "desk.example", "", rsaKey2048()) + keyRecord("d2", "desk.example", "", edKey()) + `
desk.example IN MX 10 mx.desk.example.
desk.example IN TXT "v=spf1 mx -all"
mx.desk.example IN A 192.0.2.25
25.2.0.192.in-addr.arpa IN PTR mx.desk.example.
_dmarc.desk.example IN TXT "v=DMARC1; p=reject"
_mta-sts.desk.example IN TXT "v=STSv1; id=20260101"
`
	want := Expect{Hostname: "mx.desk.example", Keys: []ExpectKey{{"d1", rsaKey2048().Public()}, {"d2", edKey().Public()}}}
	level := func(zone string, want Expect) (map[string]string, []Finding) {
		all := Grade(t.Context(), resolver.From(resolver.NewFake(zone)), "desk.example", want)
		out := map[string]string{}
		for _, f := range all {
			if f.Text == "" {
				t.Errorf("no words: %+v", f)
			}
			if old := out[f.What]; old == "" || old == GradeOK || f.Level == GradeBad {
				out[f.What] = f.Level
			}
		}
		return out, all
	}
	got, all := level(good, want)
	for _, what := range []string{"MX", "SPF", "DKIM", "DMARC", "MTA-STS", "PTR"} {
		if got[what] != GradeOK {
			t.Errorf("%s: %s of %+v", what, got[what], all)
		}
	}
	rows := []struct{ name, old, with, what, level string }{
		{"no MX", "desk.example IN MX 10 mx.desk.example.", "", "MX", GradeBad},
		{"MX elsewhere", "IN MX 10 mx.desk.example.", "IN MX 10 mx.old.example.", "MX", GradeWarn},
		{"no SPF", `"v=spf1 mx -all"`, `"hello"`, "SPF", GradeBad},
		{"SPF without us", "v=spf1 mx -all", "v=spf1 ip4:198.51.100.1 -all", "SPF", GradeBad},
		{"SPF for all", "v=spf1 mx -all", "v=spf1 mx +all", "SPF", GradeBad},
		{"SPF malformed", "v=spf1 mx -all", "v=spf1 nonsense -all", "SPF", GradeBad},
		{"no DMARC", "v=DMARC1; p=reject", "x", "DMARC", GradeBad},
		{"DMARC none", "p=reject", "p=none", "DMARC", GradeWarn},
		{"DMARC test", "p=reject", "p=reject; t=y", "DMARC", GradeWarn},
		{"no key", "d2._domainkey.desk.example", "d9._domainkey.desk.example", "DKIM", GradeBad},
		{"wrong key", keyRecord("d2", "desk.example", "", edKey()), keyRecord("d2", "desk.example", "", rsaKey2048()), "DKIM", GradeBad},
		{"test key", keyRecord("d2", "desk.example", "", edKey()), keyRecord("d2", "desk.example", "t=y; ", edKey()), "DKIM", GradeWarn},
		{"no MTA-STS", "v=STSv1", "x", "MTA-STS", GradeWarn},
		{"no PTR", "25.2.0.192.in-addr.arpa IN PTR mx.desk.example.", "", "PTR", GradeBad},
		{"PTR of another name", "IN PTR mx.desk.example.\n", "IN PTR x.provider.example.\nx.provider.example IN A 192.0.2.25\n", "PTR", GradeWarn},
	}
	for _, row := range rows {
		zone := strings.Replace(good, row.old, row.with, 1)
		if zone == good {
			t.Fatalf("%s: nothing changed", row.name)
		}
		got, all := level(zone, want)
		if got[row.what] != row.level {
			t.Errorf("%s: %s is %s\n%+v", row.name, row.what, got[row.what], all)
		}
	}
	// What it says to publish is what it asks for: a domain that follows the
	// advice has nothing bad left.
	_, all = level("mx.desk.example IN A 192.0.2.25\n25.2.0.192.in-addr.arpa IN PTR mx.desk.example.\n", want)
	zone := "mx.desk.example IN A 192.0.2.25\n25.2.0.192.in-addr.arpa IN PTR mx.desk.example.\n"
	for _, f := range all {
		if f.Publish != "" {
			zone += f.Publish + "\n"
		}
	}
	got, all = level(zone, want)
	for what, l := range got {
		if l != GradeOK {
			t.Errorf("after following the advice, %s is %s: %+v", what, l, all)
		}
	}
	f := resolver.NewFake(good)
	f.Fail("desk.example", "_dmarc.desk.example", "d1._domainkey.desk.example", "_mta-sts.desk.example")
	for _, x := range Grade(t.Context(), resolver.From(f), "desk.example", want) {
		if x.Level == GradeBad {
			t.Errorf("DNS trouble is called a fault: %+v", x)
		}
	}
}
