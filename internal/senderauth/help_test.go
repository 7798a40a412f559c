package senderauth

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"postroom/internal/resolver"
)

// The world of the tests: an author's domain example.org whose mail comes from
// 192.0.2.1 and is signed, and strangers.
const baseZone = `
example.org        IN TXT "v=spf1 ip4:192.0.2.1 -all"
mail.example.org   IN TXT "v=spf1 ip4:192.0.2.1 -all"
mail.example.org   IN A 192.0.2.1
1.2.0.192.in-addr.arpa IN PTR mail.example.org.
evil.example       IN TXT "v=spf1 +all"
other.example      IN TXT "v=spf1 ip4:198.51.100.7 -all"
7.100.51.198.in-addr.arpa IN PTR old.other.example.
old.other.example  IN A 198.51.100.7
`

var (
	home      = netip.MustParseAddr("192.0.2.1")
	elsewhere = netip.MustParseAddr("203.0.113.9")
	oldHome   = netip.MustParseAddr("198.51.100.7")
)

var edKey = sync.OnceValue(func() ed25519.PrivateKey {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
})

var rsaKey2048 = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// keyRecord is a zone line that publishes a key, with extra tags in front.
func keyRecord(selector, domain, extra string, key crypto.Signer) string {
	k, p := "rsa", []byte(nil)
	switch pub := key.Public().(type) {
	case ed25519.PublicKey:
		k, p = "ed25519", pub
	case *rsa.PublicKey:
		p, _ = x509.MarshalPKIXPublicKey(pub)
	}
	b64 := base64.StdEncoding.EncodeToString(p)
	txt := "v=DKIM1; " + extra + "k=" + k + "; p=" + b64
	var parts []string
	for len(txt) > 200 {
		parts, txt = append(parts, `"`+txt[:200]+`"`), txt[200:]
	}
	parts = append(parts, `"`+txt+`"`)
	return fmt.Sprintf("%s._domainkey.%s IN TXT %s\n", selector, domain, strings.Join(parts, " "))
}

const plainMail = "From: Ann <ann@example.org>\r\nTo: support@desk.example\r\nSubject: Hello\r\n" +
	"Date: Mon, 1 Jun 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nDear desk,\r\n\r\nit is broken.\r\n"

// sign prepends a DKIM signature.
func sign(t testing.TB, mail, domain, selector string, key crypto.Signer, keys ...string) string {
	t.Helper()
	if len(keys) == 0 {
		keys = []string{"From", "To", "Subject", "Date", "Message-ID"}
	}
	var out bytes.Buffer
	err := dkim.Sign(&out, strings.NewReader(mail), &dkim.SignOptions{
		Domain: domain, Selector: selector, Signer: key, HeaderKeys: keys,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

type world struct {
	t    testing.TB
	fake *resolver.Fake
	c    *Checker
}

func newWorld(t testing.TB, zone string, cfg Config) *world {
	t.Helper()
	f := resolver.NewFake(baseZone + zone)
	c, err := New(resolver.From(f), "desk.example", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t, f, c}
}

// check runs one mail through, in pieces, as it would come from a socket.
func (w *world) check(ip netip.Addr, mailFrom, mail string, from ...string) Result {
	w.t.Helper()
	if from == nil {
		from = []string{"ann@example.org"}
	}
	k := w.c.Start(w.t.Context(), Input{Remote: ip, Helo: "mail.example.org", MailFrom: mailFrom})
	defer k.Close()
	for len(mail) > 0 {
		n := min(len(mail), 37)
		if _, err := k.Write([]byte(mail[:n])); err != nil {
			w.t.Fatal(err)
		}
		mail = mail[n:]
	}
	return k.Finish(from)
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
