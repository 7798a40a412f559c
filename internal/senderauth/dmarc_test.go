package senderauth

import (
	"fmt"
	"strings"
	"testing"

	"postroom/internal/resolver"
)

func TestDMARCRecord(t *testing.T) {
	rows := []struct {
		txt  string
		ok   bool
		want dmarcRecord
	}{
		{"v=DMARC1; p=reject", true, dmarcRecord{policy: "reject"}},
		{"v=DMARC1;p=reject;", true, dmarcRecord{policy: "reject"}},
		{" v = DMARC1 ; p = Quarantine ; SP=none; np=reject", true, dmarcRecord{policy: "quarantine", sub: "none", absent: "reject"}},
		{"v=DMARC1", true, dmarcRecord{policy: "none"}},
		{"v=DMARC1; rua=mailto:a@b", true, dmarcRecord{policy: "none"}},
		{"v=DMARC1; p=explode; sp=reject", true, dmarcRecord{policy: "none", sub: "reject"}},
		{"v=DMARC1; p=reject; p=none", true, dmarcRecord{policy: "reject"}},
		{"v=DMARC1; p=reject; adkim=s; aspf=s", true, dmarcRecord{policy: "reject", strictDKIM: true, strictSPF: true}},
		{"v=DMARC1; p=reject; adkim=r; aspf=x", true, dmarcRecord{policy: "reject"}},
		{"v=DMARC1; p=reject; psd=y", true, dmarcRecord{policy: "reject", publicSuffix: true}},
		{"v=DMARC1; p=reject; psd=n", true, dmarcRecord{policy: "reject", notASuffix: true}},
		{"v=DMARC1; p=reject; t=y", true, dmarcRecord{policy: "reject", test: true}},
		{"v=DMARC1; p=reject; pct=50; rf=afrf; ri=86400; fo=1", true, dmarcRecord{policy: "reject", test: true}},
		{"v=DMARC1; p=reject; pct=100", true, dmarcRecord{policy: "reject"}},
		{"v=DMARC1; p=reject; pct=-5", true, dmarcRecord{policy: "reject"}},
		{"v=DMARC1; garbage; =; ; p=reject", true, dmarcRecord{policy: "reject"}},
		{"v=dmarc1; p=reject", false, dmarcRecord{}},
		{"v=DMARC2; p=reject", false, dmarcRecord{}},
		{"p=reject; v=DMARC1", false, dmarcRecord{}},
		{"v=DMARC1 p=reject", false, dmarcRecord{}},
		{"", false, dmarcRecord{}},
	}
	for _, row := range rows {
		got, ok := parseDMARC(row.txt)
		if ok != row.ok || (ok && got != row.want) {
			t.Errorf("%q: %+v %v", row.txt, got, ok)
		}
	}
}

// RFC 9989 sections 4.10 to 4.10.2: which record applies and where the
// organisation ends.
func TestDMARCTreeWalk(t *testing.T) {
	rows := []struct {
		name, zone, from string
		org, at, tag     string
		policy           Disposition
	}{
		{"own record", "_dmarc.example.com TXT v=DMARC1;p=reject;sp=none", "example.com", "example.com", "example.com", "p", "reject"},
		{"sp of the organisation", "_dmarc.example.com TXT v=DMARC1;p=reject;sp=quarantine|a.example.com A 192.0.2.1", "a.example.com", "example.com", "example.com", "sp", "quarantine"},
		{"p when there is no sp", "_dmarc.example.com TXT v=DMARC1;p=reject|a.example.com A 192.0.2.1", "a.example.com", "example.com", "example.com", "p", "reject"},
		{"np for what does not exist", "_dmarc.example.com TXT v=DMARC1;p=none;sp=none;np=reject", "nope.example.com", "example.com", "example.com", "np", "reject"},
		{"np not for what exists", "_dmarc.example.com TXT v=DMARC1;p=none;np=reject|a.example.com A 192.0.2.1", "a.example.com", "example.com", "example.com", "p", "none"},
		{"np not for the domain itself", "_dmarc.example.com TXT v=DMARC1;p=none;np=reject", "example.com", "example.com", "example.com", "p", "none"},
		{"own record of a subdomain wins", "_dmarc.a.example.com TXT v=DMARC1;p=none|_dmarc.example.com TXT v=DMARC1;p=reject", "a.example.com", "example.com", "a.example.com", "p", "none"},
		{"a record between is passed over for the top one", "_dmarc.mail.example.com TXT v=DMARC1;p=none|_dmarc.example.com TXT v=DMARC1;p=reject|a.mail.example.com A 192.0.2.1", "a.mail.example.com", "example.com", "example.com", "p", "reject"},
		{"psd=n ends the walk", "_dmarc.b.example.com TXT v=DMARC1;p=quarantine;psd=n|_dmarc.example.com TXT v=DMARC1;p=reject|a.b.example.com A 192.0.2.1", "a.b.example.com", "b.example.com", "b.example.com", "p", "quarantine"},
		{"psd=y: the organisation is one below", "_dmarc.bank TXT v=DMARC1;p=reject;psd=y|a.my.bank A 192.0.2.1", "a.my.bank", "my.bank", "bank", "p", "reject"},
		{"psd=y and a record of the organisation", "_dmarc.bank TXT v=DMARC1;p=reject;psd=y|_dmarc.my.bank TXT v=DMARC1;p=none|a.my.bank A 192.0.2.1", "a.my.bank", "my.bank", "my.bank", "p", "none"},
		{"np of a public suffix", "_dmarc.bank TXT v=DMARC1;p=none;np=reject;psd=y", "not.bank", "not.bank", "bank", "np", "reject"},
		{"two records are none", "_dmarc.example.com TXT v=DMARC1;p=reject|_dmarc.example.com TXT v=DMARC1;p=none", "example.com", "example.com", "", "", ""},
		{"other TXT records beside", "_dmarc.example.com TXT v=DMARC1;p=reject|_dmarc.example.com TXT hello", "example.com", "example.com", "example.com", "p", "reject"},
		{"nothing anywhere", "", "a.example.com", "a.example.com", "", "", ""},
		{"deep name", "_dmarc.example.com TXT v=DMARC1;p=reject|a.b.c.d.e.f.g.h.i.example.com A 192.0.2.1", "a.b.c.d.e.f.g.h.i.example.com", "example.com", "example.com", "p", "reject"},
		{"test mode is one step milder", "_dmarc.example.com TXT v=DMARC1;p=reject;t=y", "example.com", "example.com", "example.com", "p", "quarantine"},
		{"test mode of quarantine", "_dmarc.example.com TXT v=DMARC1;p=quarantine;t=y", "example.com", "example.com", "example.com", "p", "none"},
		{"pct of RFC 7489", "_dmarc.example.com TXT v=DMARC1;p=reject;pct=20", "example.com", "example.com", "example.com", "p", "quarantine"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := resolver.NewFake(shortZone(row.zone))
			dns := resolver.From(f)
			met, err := walk(t.Context(), dns, row.from)
			if err != nil {
				t.Fatal(err)
			}
			if f.Asked() > 8 {
				t.Errorf("%d questions", f.Asked())
			}
			if org := walkedOrg(row.from, met); org != row.org {
				t.Errorf("organisation %q, want %q", org, row.org)
			}
			d, _, _ := policyFor(t.Context(), dns, row.from, met)
			if d.Domain != row.at || d.Tag != row.tag || d.Policy != row.policy {
				t.Errorf("got %+v, want %s at %q by %q", d, row.policy, row.at, row.tag)
			}
		})
	}
}

// shortZone makes zone lines of "name TYPE data|…".
func shortZone(s string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(s, "|") {
		if name, rest, ok := strings.Cut(line, " "); ok {
			typ, data, _ := strings.Cut(rest, " ")
			if typ == "TXT" {
				data = `"` + data + `"`
			}
			fmt.Fprintf(&b, "%s IN %s %s\n", name, typ, data)
		}
	}
	return b.String()
}

func TestAlignment(t *testing.T) {
	const published = "|_dmarc.example.com TXT v=DMARC1;p=reject"
	rows := []struct {
		zone, from, domain string
		strict             bool
		dmarc, proof       bool
	}{
		{"", "example.com", "example.com", false, true, true},
		{"", "example.com", "mail.example.com", false, false, true},
		{"", "mail.example.com", "example.com", false, false, true},
		{"", "a.example.com", "b.example.com", false, false, true},
		{"", "example.com", "example.net", false, false, false},
		{"", "example.com", "notexample.com", false, false, false},
		{"", "a.co.uk", "b.co.uk", false, false, false}, // a public suffix is no organisation
		{"", "ann.github.io", "bob.github.io", false, false, false},
		{published, "example.com", "mail.example.com", false, true, true},
		{published, "example.com", "mail.example.com", true, false, false},
		{published, "example.com", "example.com", true, true, true},
		{published, "a.example.com", "b.example.com", false, true, true},
		{published, "a.example.com", "example.com", false, true, true},
		{published, "example.com", "example.net", false, false, false},
		// An island that declares itself: nobody beside or above speaks for it.
		{published + "|_dmarc.i.example.com TXT v=DMARC1;p=none;psd=n", "i.example.com", "example.com", false, false, false},
		{published + "|_dmarc.i.example.com TXT v=DMARC1;p=none;psd=n", "i.example.com", "x.i.example.com", false, true, true},
		{published + "|_dmarc.i.example.com TXT v=DMARC1;p=none;psd=n", "example.com", "i.example.com", false, false, false},
		// A registry that publishes a record without psd=y must not make all
		// of its customers one organisation: DMARC says so, we don't believe it.
		{"|_dmarc.co.uk TXT v=DMARC1;p=none", "a.co.uk", "b.co.uk", false, true, false},
	}
	for _, row := range rows {
		c, err := New(resolver.From(resolver.NewFake(shortZone(row.zone))), "desk.example", Config{})
		if err != nil {
			t.Fatal(err)
		}
		a := c.authorityOf(t.Context(), row.from)
		dmarc, proof := a.aligned(t.Context(), row.domain, row.strict)
		if dmarc != row.dmarc || proof != row.proof {
			t.Errorf("%s for %s (strict %v, %q): got %v %v, want %v %v", row.domain, row.from, row.strict, row.zone, dmarc, proof, row.dmarc, row.proof)
		}
	}
}

func FuzzDMARCRecord(f *testing.F) {
	for _, s := range []string{"v=DMARC1; p=reject", "v=DMARC1;p=none;sp=;np=x;pct=9999999999999999999", "v=DMARC1;;;=;=;", "v = DMARC1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseDMARC(s)
		if !ok {
			return
		}
		for _, d := range []Disposition{r.policy, r.sub, r.absent} {
			if d != "" && d != DispositionNone && d != DispositionQuarantine && d != DispositionReject {
				t.Errorf("%q gives the policy %q", s, d)
			}
		}
		if r.policy == "" || !strings.Contains(s, "DMARC1") {
			t.Errorf("%q is no record", s)
		}
	})
}
