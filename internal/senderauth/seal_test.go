package senderauth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// SealOptions says who seals.
type SealOptions struct {
	Domain     string        // d=
	Selector   string        // s=
	Signer     crypto.Signer // RSA or Ed25519
	AuthservID string        // our name in what we found
	Now        time.Time     // t=
}

// sealedFields are those that the message signature covers where they exist.
// From is named once more than it occurs, so that none can be added.
var sealedFields = []string{
	"from", "from", "reply-to", "sender", "to", "cc", "subject", "date", "message-id",
	"in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding",
	"list-id", "list-unsubscribe", "dkim-signature",
}

// Seal is the other side of ARC, which tests need to have something to verify:
// nothing here passes a mail on as it came (docs/threats.md, "What is not
// forwarded"). It gives the three fields of RFC 8617 for a forwarded mail: what
// was found when it came (result), a signature over it as it leaves (message,
// from its first header byte to its end), and a seal over the chain so far.
// They are to be put in front of the message as given, each ending in CRLF.
//
// A chain that did not verify on arrival is sealed as failed, which is final. A
// message whose chain is malformed or full gets no seal and an error.
func Seal(opt SealOptions, result Result, message io.Reader) (string, error) {
	header, body, err := readHeader(message)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	all := fields(header)
	sets, cv, err := chainSoFar(all, result)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	algorithm, err := algorithmOf(opt.Signer)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	i := len(sets) + 1
	bh := newBodyHash(true)
	bh.Write(body)
	if _, err := io.Copy(writerFunc(bh.Write), message); err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}

	var set arcSet
	set.aar = newField("ARC-Authentication-Results",
		fmt.Sprintf("i=%d; %s", i, result.AuthenticationResults(opt.AuthservID)), "; ")

	var h []string
	for n, name := range sealedFields {
		if n == 1 || len(pick(all, name)) > 0 {
			h = append(h, name)
		}
	}
	set.ams = newField("ARC-Message-Signature", fmt.Sprintf(
		"i=%d; a=%s; c=relaxed/relaxed; d=%s; s=%s; t=%d; h=%s; bh=%s; b=", i, algorithm, opt.Domain,
		opt.Selector, opt.Now.Unix(), strings.Join(h, ":"), base64.StdEncoding.EncodeToString(bh.sum())), " ")
	digest := sha256.New()
	for _, f := range pick(all, strings.Join(h, ":")) {
		digest.Write([]byte(canonicalField(f, true)))
	}
	digest.Write([]byte(strings.TrimRight(canonicalField(set.ams, true), "\r\n")))
	if err := set.ams.sign(opt.Signer, digest.Sum(nil)); err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}

	set.seal = newField("ARC-Seal", fmt.Sprintf("i=%d; a=%s; cv=%s; d=%s; s=%s; t=%d; b=",
		i, algorithm, cv, opt.Domain, opt.Selector, opt.Now.Unix()), " ")
	covered := append(sets[:len(sets):len(sets)], set)
	if cv == "fail" { // RFC 8617 section 5.1.2: then only our own set
		covered = []arcSet{set}
	}
	if err := set.seal.sign(opt.Signer, sealDigest(covered)); err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return set.seal.raw + set.ams.raw + set.aar.raw, nil
}

// chainSoFar gives the sets that the mail came with and the word for them.
func chainSoFar(all []field, result Result) ([]arcSet, string, error) {
	there := false
	for _, f := range all {
		there = there || f.name == "arc-seal" || f.name == "arc-message-signature" || f.name == "arc-authentication-results"
	}
	if !there {
		return nil, "none", nil
	}
	sets, err := chain(all)
	if err != nil {
		return nil, "", err
	}
	if len(sets) == maxARC {
		return nil, "", errors.New("the ARC chain is full")
	}
	if result.ARC.Result == Pass {
		return sets, "pass", nil
	}
	return sets, "fail", nil
}

func algorithmOf(s crypto.Signer) (string, error) {
	if s == nil {
		return "", errAlgorithm
	}
	switch s.Public().(type) {
	case *rsa.PublicKey:
		return "rsa-sha256", nil
	case ed25519.PublicKey:
		return "ed25519-sha256", nil
	}
	return "", errAlgorithm
}

// newField folds a field at sep, where there is room for a line end.
func newField(name, value, sep string) field {
	var b strings.Builder
	b.WriteString(name + ":")
	line := b.Len()
	for part := range strings.SplitSeq(value, sep) {
		if b.Len() > len(name)+1 {
			b.WriteString(strings.TrimRight(sep, " "))
			line++
		}
		if line+len(part) > 76 {
			b.WriteString("\r\n")
			line = 0
		}
		b.WriteString(" " + part)
		line += 1 + len(part)
	}
	b.WriteString("\r\n")
	return field{name: lower(name), raw: b.String()}
}

// sign fills in the b= that the field ends with.
func (f *field) sign(s crypto.Signer, digest []byte) error {
	hash := crypto.SHA256
	if _, ed := s.Public().(ed25519.PublicKey); ed {
		hash = 0 // RFC 8463: Ed25519 signs the digest itself
	}
	sig, err := s.Sign(rand.Reader, digest, hash)
	if err != nil {
		return err
	}
	raw := strings.TrimRight(f.raw, "\r\n")
	for b64 := base64.StdEncoding.EncodeToString(sig); b64 != ""; {
		n := min(len(b64), 72)
		raw += "\r\n " + b64[:n]
		b64 = b64[n:]
	}
	f.raw = raw + "\r\n"
	return nil
}

// readHeader reads up to the end of the header, and gives what was read beyond.
func readHeader(r io.Reader) (header, body []byte, err error) {
	buf := make([]byte, 0, 8<<10)
	for {
		if len(buf) > maxHeader {
			return nil, nil, errors.New("header too large")
		}
		before := len(buf)
		if cap(buf)-before < 4<<10 {
			buf = append(make([]byte, 0, 2*cap(buf)), buf...)
		}
		n, err := r.Read(buf[before:cap(buf)])
		buf = buf[:before+n]
		if end := headerEnd(buf, before); end >= 0 {
			return buf[:end], buf[end:], nil
		}
		if err == io.EOF {
			return buf, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

type writerFunc func([]byte)

func (w writerFunc) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}
