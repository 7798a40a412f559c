package senderauth

import (
	"crypto"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// hop forwards a mail as a server would: it checks, seals, and may add to it.
func (w *world) hop(mail, domain string, key crypto.Signer, r Result) string {
	w.t.Helper()
	set, err := Seal(SealOptions{
		Domain: domain, Selector: "arc", Signer: key, AuthservID: "mx." + domain, Now: time.Unix(1.7e9, 0),
	}, r, strings.NewReader(mail))
	if err != nil {
		w.t.Fatal(err)
	}
	return set + mail
}

func arcWorld(t testing.TB, sealers ...string) *world {
	return newWorld(t, keyRecord("s", "example.org", "", edKey())+
		keyRecord("arc", "other.example", "", rsaKey2048())+
		keyRecord("arc", "second.example", "", edKey())+
		keyRecord("arc", "evil.example", "", edKey())+
		`_dmarc.example.org IN TXT "v=DMARC1; p=reject"`+"\n", Config{ARCSealers: sealers})
}

func TestARCOfATrustedSealerSoftensARejection(t *testing.T) {
	w := arcWorld(t, "other.example", "second.example")
	signed := sign(t, plainMail, "example.org", "s", edKey())
	first := w.check(elsewhere, "x@evil.example", signed)
	if first.Proof != ProofAligned {
		t.Fatalf("before the first hop: %+v", first)
	}
	// A list that adds a footer breaks DKIM, then forwards.
	one := w.hop(signed+"-- \r\nthe list\r\n", "other.example", rsaKey2048(), first)
	r := w.check(oldHome, "x@other.example", one)
	if r.ARC.Result != Pass || r.ARC.Instance != 1 || r.ARC.Sealer != "other.example" || !r.ARC.Vouches {
		t.Fatalf("after one hop: %+v", r.ARC)
	}
	if r.Disposition != DispositionNone || r.Override == "" {
		t.Errorf("refused though a trusted sealer vouches: %+v", r)
	}
	if r.Proof != ProofNone {
		t.Errorf("ARC must never prove anything: %s", r.Proof)
	}
	two := w.hop(one, "second.example", edKey(), r)
	r = w.check(elsewhere, "x@second.example", two)
	if r.ARC.Result != Pass || r.ARC.Instance != 2 || !r.ARC.Vouches || r.Rejected() {
		t.Errorf("after two hops: %+v", r)
	}
	if n := strings.Count(two, "\r\n"); strings.Count(two, "\n") != n {
		t.Error("sealed mail has bare LF")
	}
	for line := range strings.SplitSeq(two, "\r\n") {
		if len(line) > 998 {
			t.Errorf("line of %d bytes", len(line))
		}
	}
}

// testdata/arc-two-hops.eml was signed and sealed by another implementation
// (dkimpy 1.1.4), which in turn found the seals of Seal to be right.
func TestARCOfAnotherImplementation(t *testing.T) {
	mail, err := os.ReadFile("testdata/arc-two-hops.eml")
	if err != nil {
		t.Fatal(err)
	}
	zone, err := os.ReadFile("testdata/arc-two-hops.zone")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, string(zone)+rejecting, Config{ARCSealers: []string{"other.example"}})
	r := w.check(elsewhere, "x@evil.example", string(mail))
	if r.ARC.Result != Pass || r.ARC.Instance != 2 || !r.ARC.Vouches || r.Rejected() {
		t.Errorf("%+v", r)
	}
	if len(r.DKIM) != 1 || r.DKIM[0].Result != Pass || r.Proof != ProofNone {
		t.Errorf("%+v", r)
	}
}

func TestARCThatDoesNotCount(t *testing.T) {
	w := arcWorld(t, "other.example")
	signed := sign(t, plainMail, "example.org", "s", edKey())
	good := w.check(elsewhere, "x@evil.example", signed)
	forged := w.check(elsewhere, "x@evil.example", plainMail)
	if !forged.Rejected() {
		t.Fatalf("%+v", forged)
	}
	broken := signed + "footer\r\n"
	sealed := w.hop(broken, "other.example", rsaKey2048(), good)
	byEvil := w.hop(broken, "evil.example", edKey(), good)
	rows := []struct {
		name, mail string
		verdict    Verdict
	}{
		{"sealer is not trusted", byEvil, Pass},
		{"trusted sealer saw no proof either", w.hop(plainMail, "other.example", rsaKey2048(), forged), Pass},
		{"trusted seal, then an unknown one", w.hop(sealed, "evil.example", edKey(), w.check(oldHome, "", sealed)), Pass},
		{"unknown seal, then a trusted one that saw no proof", w.hop(byEvil, "other.example", rsaKey2048(), w.check(elsewhere, "x@evil.example", byEvil)), Pass},
		{"body changed", sealed + "more\r\n", Fail},
		{"subject changed", strings.Replace(sealed, "Subject: Hello", "Subject: Pay!", 1), Fail},
		{"a further From", "From: boss@example.org\r\n" + sealed, Fail},
		{"results changed", strings.Replace(sealed, "dkim=pass", "dkim=Pass", 1), Fail},
		{"message signature gone", strings.Replace(sealed, "ARC-Message-Signature:", "X-Was:", 1), Fail},
		{"seal gone", strings.Replace(sealed, "ARC-Seal:", "X-Was:", 1), Fail},
		{"set twice", sealed[:strings.Index(sealed, "ARC-Message-Signature")] + sealed, Fail},
		{"domain exchanged", strings.Replace(byEvil, "d=evil.example", "d=other.example", 1), Fail},
		{"cv=pass at the first", strings.Replace(sealed, "cv=none", "cv=pass", 1), Fail},
		{"cv=fail", strings.Replace(sealed, "cv=none", "cv=fail", 1), Fail},
		{"second without first", strings.ReplaceAll(sealed, " i=1;", " i=2;"), Fail},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			from := []string{"ann@example.org"}
			r := w.check(elsewhere, "x@evil.example", row.mail, from...)
			if r.ARC.Result != row.verdict || r.ARC.Vouches {
				t.Errorf("%+v", r.ARC)
			}
			if r.Proof == ProofAligned || (!r.Rejected() && !r.ManyFroms) {
				t.Errorf("proof %s, disposition %s", r.Proof, r.Disposition)
			}
		})
	}
}

func TestM11_ForgedARC(t *testing.T) {
	w := arcWorld(t, "other.example")
	var b strings.Builder
	for i := 51; i >= 1; i-- {
		fmt.Fprintf(&b, "ARC-Seal: i=%d; a=rsa-sha256; cv=pass; d=other.example; s=arc; b=AAAA\r\n"+
			"ARC-Message-Signature: i=%d; a=rsa-sha256; d=other.example; s=arc; h=from; bh=AA==; b=AAAA\r\n"+
			"ARC-Authentication-Results: i=%d; mx.other.example; dmarc=pass header.from=example.org\r\n", i, i, i)
	}
	r := w.check(elsewhere, "x@evil.example", b.String()+plainMail)
	if r.ARC.Result != Fail || r.ARC.Vouches || !r.Rejected() || r.Proof != ProofFail {
		t.Errorf("i=51: %+v", r)
	}
	one := "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=other.example; s=arc; b=AAAA\r\n" +
		"ARC-Message-Signature: i=1; a=rsa-sha256; d=other.example; s=arc; h=from; bh=AA==; b=AAAA\r\n" +
		"ARC-Authentication-Results: i=1; mx.other.example; arc=pass; dmarc=pass header.from=example.org\r\n"
	r = w.check(elsewhere, "x@evil.example", one+plainMail)
	if r.ARC.Result != Fail || !r.Rejected() {
		t.Errorf("forged: %+v", r)
	}
}

func TestFailedChainIsSealedAsFailed(t *testing.T) {
	w := arcWorld(t, "other.example")
	signed := sign(t, plainMail, "example.org", "s", edKey())
	sealed := w.hop(signed, "other.example", rsaKey2048(), w.check(elsewhere, "", signed)) + "changed\r\n"
	r := w.check(elsewhere, "x@evil.example", sealed)
	again := w.hop(sealed, "second.example", edKey(), r)
	if !strings.Contains(again, "cv=fail") {
		t.Error("a broken chain was sealed as whole")
	}
	if r := w.check(elsewhere, "x@evil.example", again); r.ARC.Result != Fail {
		t.Errorf("%+v", r.ARC)
	}
	if _, err := Seal(SealOptions{Signer: edKey()}, Result{}, strings.NewReader("ARC-Seal: i=1\r\n\r\n")); err == nil {
		t.Error("a malformed chain was sealed")
	}
}

// The message signature of ARC and DKIM's are made alike, so each judges the
// other's canonical forms here.
func TestBodyHashAgreesWithDKIM(t *testing.T) {
	w := arcWorld(t, "other.example")
	head := "From: ann@example.org\r\nSubject:  a  b\r\n\t c \r\nTo: x@y\r\nDate: x\r\nMessage-ID: <1@x>\r\n"
	for _, body := range []string{
		"", "\r\n", "\r\n\r\n\r\n", "a", "a\r\n", "a \t \r\n b\t\tc \r\n\r\n\r\n", " \r\n \r\n", "a\r\n\r\n\r\nb\r\n",
		strings.Repeat("line \t of text\r\n\r\n", 5000), " ", "\t\r\n",
	} {
		mail := head + "\r\n" + body
		signed := sign(t, mail, "example.org", "s", edKey())
		r := w.check(elsewhere, "x@evil.example", signed)
		if len(r.DKIM) != 1 || r.DKIM[0].Result != Pass {
			t.Fatalf("%q: %+v", body, r.DKIM)
		}
		b := newBodyHash(true)
		for _, c := range []byte(body) {
			b.Write([]byte{c})
		}
		bh := fmt.Sprintf("bh=%s", base64Of(b.sum()))
		if !strings.Contains(squeeze(signed[:strings.Index(signed, "From:")]), bh) {
			t.Errorf("%.20q: body hashes differ", body)
		}
		sealed := w.hop(signed, "other.example", rsaKey2048(), r)
		if r := w.check(elsewhere, "", sealed); r.ARC.Result != Pass {
			t.Errorf("%.20q: %+v", body, r.ARC)
		}
	}
}
