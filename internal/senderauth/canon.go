package senderauth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"hash"
	"strings"
)

// The pieces of RFC 6376 that ARC is built of and that go-msgauth keeps to
// itself: canonical forms, keys, signatures.

// bodyHash hashes a body in canonical form (RFC 6376 section 3.4) as it
// streams by. It holds counts where others hold the empty lines themselves, so
// its memory is flat.
type bodyHash struct {
	h       hash.Hash
	relaxed bool
	out     []byte // to be hashed
	crlfs   int    // line ends seen but not yet known to be followed by ink
	space   bool   // relaxed: blanks seen on this line, not yet followed by ink
	cr      bool   // the last byte was CR
	ink     bool   // anything was hashed at all
}

func newBodyHash(relaxed bool) *bodyHash {
	return &bodyHash{h: sha256.New(), relaxed: relaxed, out: make([]byte, 0, 4096)}
}

func (b *bodyHash) Write(p []byte) {
	for _, c := range p {
		switch {
		case c == '\n':
			b.crlfs++
			b.cr, b.space = false, false
			continue
		case b.cr: // a CR that ended no line is ink
			b.cr = false
			b.put('\r')
		}
		switch {
		case c == '\r':
			b.cr = true
		case b.relaxed && (c == ' ' || c == '\t'):
			b.space = true
		default:
			b.put(c)
		}
	}
}

func (b *bodyHash) put(c byte) {
	for ; b.crlfs > 0; b.crlfs-- {
		b.emit('\r')
		b.emit('\n')
	}
	if b.space {
		b.space = false
		b.emit(' ')
	}
	b.emit(c)
	b.ink = true
}

func (b *bodyHash) emit(c byte) {
	if len(b.out) == cap(b.out) {
		b.h.Write(b.out)
		b.out = b.out[:0]
	}
	b.out = append(b.out, c)
}

// sum ends the body. Empty lines at its end don't count; what remains ends in
// CRLF. An empty body is nothing in the relaxed form, CRLF in the simple one.
func (b *bodyHash) sum() []byte {
	if b.cr {
		b.cr = false
		b.put('\r')
	}
	b.crlfs = 0
	if b.ink || !b.relaxed {
		b.emit('\r')
		b.emit('\n')
	}
	b.h.Write(b.out)
	b.out = b.out[:0]
	return b.h.Sum(nil)
}

// canonicalField is the header form of RFC 6376 section 3.4.2 (relaxed) or
// 3.4.1 (simple), with its line end.
func canonicalField(f field, relaxed bool) string {
	if !relaxed {
		return f.raw
	}
	words := strings.FieldsFunc(f.value(), func(r rune) bool {
		return r == ' ' || r == '\t' || r == '\r' || r == '\n'
	})
	return f.name + ":" + strings.Join(words, " ") + "\r\n"
}

// withoutSignature empties the b= tag, and that tag alone.
func withoutSignature(f field) field {
	colon := strings.IndexByte(f.raw, ':')
	if colon < 0 {
		return f
	}
	parts := strings.Split(f.raw[colon+1:], ";")
	for i, part := range parts {
		k, v, ok := strings.Cut(part, "=")
		if ok && strings.TrimSpace(k) == "b" {
			end := ""
			if i == len(parts)-1 && strings.HasSuffix(v, "\r\n") {
				end = "\r\n"
			}
			parts[i] = k + "=" + end
		}
	}
	f.raw = f.raw[:colon+1] + strings.Join(parts, ";")
	return f
}

// pick gives the header fields that h= names, each name taking the lowest not
// yet taken (RFC 6376 section 5.4.2).
func pick(all []field, h string) []field {
	taken := map[string]int{}
	var out []field
	for name := range strings.SplitSeq(squeeze(lower(h)), ":") {
		skip := taken[name]
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].name != name {
				continue
			}
			if skip == 0 {
				out = append(out, all[i])
				taken[name]++
				break
			}
			skip--
		}
	}
	return out
}

var (
	errKey       = errors.New("key record is not usable")
	errWeakKey   = errors.New("key is too short")
	errRevoked   = errors.New("key was revoked")
	errAlgorithm = errors.New("algorithm is not accepted")
	errSignature = errors.New("signature does not verify")
)

// publicKey reads a key record (RFC 6376 section 3.6.1, RFC 8463).
func publicKey(txts []string) (crypto.PublicKey, error) {
	if len(txts) != 1 {
		return nil, errKey
	}
	t, ok := tags(txts[0])
	if v, given := t["v"]; !ok || (given && v != "DKIM1") {
		return nil, errKey
	}
	if h, given := t["h"]; given && !listed(h, "sha256") {
		return nil, errKey
	}
	if s, given := t["s"]; given && !listed(s, "email") && !listed(s, "*") {
		return nil, errKey
	}
	p := squeeze(t["p"])
	if p == "" {
		return nil, errRevoked
	}
	der, err := base64.StdEncoding.DecodeString(p)
	if err != nil {
		return nil, errKey
	}
	switch t["k"] {
	case "", "rsa":
		return rsaKey(der)
	case "ed25519":
		if len(der) == ed25519.PublicKeySize {
			return ed25519.PublicKey(der), nil
		}
	}
	return nil, errKey
}

func rsaKey(der []byte) (crypto.PublicKey, error) {
	var key *rsa.PublicKey
	if any, err := x509.ParsePKIXPublicKey(der); err == nil {
		key, _ = any.(*rsa.PublicKey)
	} else {
		key, _ = x509.ParsePKCS1PublicKey(der)
	}
	switch {
	case key == nil:
		return nil, errKey
	case key.N.BitLen() < 1024: // RFC 8301 section 3.2
		return nil, errWeakKey
	case key.N.BitLen() > 8192:
		return nil, errKey
	}
	return key, nil
}

func listed(list, want string) bool {
	for item := range strings.SplitSeq(list, ":") {
		if squeeze(lower(item)) == want {
			return true
		}
	}
	return false
}

// verifySignature checks sig over a SHA-256 digest. a is the a= tag.
func verifySignature(key crypto.PublicKey, a string, digest []byte, b64 string) error {
	sig, err := base64.StdEncoding.DecodeString(squeeze(b64))
	if err != nil {
		return errSignature
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if lower(a) != "rsa-sha256" {
			return errAlgorithm
		}
		if rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, sig) != nil {
			return errSignature
		}
		return nil
	case ed25519.PublicKey:
		if lower(a) != "ed25519-sha256" {
			return errAlgorithm
		}
		if !ed25519.Verify(k, digest, sig) {
			return errSignature
		}
		return nil
	}
	return errKey
}
