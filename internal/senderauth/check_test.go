package senderauth

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
)

// What "aligned" means everywhere: SPF or DKIM passes for a domain aligned
// with From, whether or not that domain publishes DMARC.
func TestProof(t *testing.T) {
	key := edKey()
	keys := keyRecord("s", "example.org", "", key) + keyRecord("s", "news.example.org", "", key) +
		keyRecord("s", "evil.example", "", key) + keyRecord("test", "example.org", "t=y; ", key) +
		keyRecord("exact", "example.org", "t=s; ", key) +
		"soft.example IN TXT \"v=spf1 ~all\"\nbare.example IN A 192.0.2.77\n"
	signed := sign(t, plainMail, "example.org", "s", key)
	const none, reject = "", `_dmarc.example.org IN TXT "v=DMARC1; p=reject"` + "\n"
	const strict = `_dmarc.example.org IN TXT "v=DMARC1; p=reject; adkim=s; aspf=s"` + "\n"
	rows := []struct {
		name     string
		dmarc    string
		ip       netip.Addr
		mailFrom string
		mail     string
		from     string
		proof    Proof
		dis      Disposition
	}{
		{"spf aligned, no dmarc", none, home, "ann@example.org", plainMail, "", ProofAligned, "none"},
		{"spf aligned, dmarc", reject, home, "ann@example.org", plainMail, "", ProofAligned, "none"},
		{"spf of subdomain, relaxed", reject, home, "b@mail.example.org", plainMail, "", ProofAligned, "none"},
		{"spf of subdomain, strict", strict, home, "b@mail.example.org", plainMail, "", ProofFail, "reject"},
		{"spf of subdomain, no dmarc", none, home, "b@mail.example.org", plainMail, "", ProofAligned, "none"},
		{"null sender, helo aligned", reject, home, "", plainMail, "", ProofAligned, "none"},
		{"spf of a stranger", none, elsewhere, "x@evil.example", plainMail, "", ProofNone, "none"},
		{"spf of a stranger, dmarc", reject, elsewhere, "x@evil.example", plainMail, "", ProofFail, "reject"},
		{"spf fails, no dmarc", none, elsewhere, "ann@example.org", plainMail, "", ProofFail, "none"},
		{"spf softfails, no dmarc", none, elsewhere, "a@soft.example", plainMail, "a@soft.example", ProofNone, "none"},
		{"nothing published", none, elsewhere, "a@bare.example", plainMail, "a@bare.example", ProofNone, "none"},
		{"dkim aligned, no dmarc", none, elsewhere, "x@evil.example", signed, "", ProofAligned, "none"},
		{"dkim aligned, dmarc", reject, elsewhere, "x@evil.example", signed, "", ProofAligned, "none"},
		{"dkim aligned, strict", strict, elsewhere, "x@evil.example", signed, "", ProofAligned, "none"},
		{"dkim of subdomain, relaxed", reject, elsewhere, "x@evil.example", sign(t, plainMail, "news.example.org", "s", key), "", ProofAligned, "none"},
		{"dkim of subdomain, strict", strict, elsewhere, "x@evil.example", sign(t, plainMail, "news.example.org", "s", key), "", ProofFail, "reject"},
		{"dkim of a stranger", reject, elsewhere, "x@evil.example", sign(t, plainMail, "evil.example", "s", key), "", ProofFail, "reject"},
		{"dkim broken", reject, elsewhere, "x@evil.example", strings.Replace(signed, "broken", "stolen", 1), "", ProofFail, "reject"},
		{"dkim broken, no dmarc", none, elsewhere, "x@evil.example", strings.Replace(signed, "broken", "stolen", 1), "", ProofNone, "none"},
		{"dkim subject changed", none, elsewhere, "x@evil.example", strings.Replace(signed, "Hello", "Hullo", 1), "", ProofNone, "none"},
		{"dkim test key proves nothing, refuses nothing", reject, elsewhere, "x@evil.example", sign(t, plainMail, "example.org", "test", key), "", ProofNone, "none"},
		{"two signatures, one aligned", reject, elsewhere, "x@evil.example", sign(t, signed, "evil.example", "s", key), "", ProofAligned, "none"},
		{"quarantine", `_dmarc.example.org IN TXT "v=DMARC1; p=quarantine"`, elsewhere, "x@evil.example", plainMail, "", ProofFail, "quarantine"},
		{"p=none", `_dmarc.example.org IN TXT "v=DMARC1; p=none"`, elsewhere, "x@evil.example", plainMail, "", ProofFail, "none"},
		{"at sign in the local part", reject, elsewhere, "x@evil.example@example.org", plainMail, "", ProofFail, "reject"},
		{"not over SMTP", none, netip.Addr{}, "ann@example.org", plainMail, "", ProofNone, "none"},
		{"not over SMTP, signed", none, netip.Addr{}, "ann@example.org", signed, "", ProofAligned, "none"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, keys+row.dmarc, Config{})
			from := row.from
			if from == "" {
				from = "ann@example.org"
			}
			r := w.check(row.ip, row.mailFrom, row.mail, from)
			if r.Proof != row.proof || r.Disposition != row.dis {
				b, _ := json.MarshalIndent(r, "", " ")
				t.Errorf("got %s/%s, want %s/%s\n%s", r.Proof, r.Disposition, row.proof, row.dis, b)
			}
			if r.Why == "" {
				t.Error("no reason given")
			}
			if a := w.fake.Asked(); a > 60 {
				t.Errorf("%d DNS questions", a)
			}
		})
	}
}
