package senderauth

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"postroom/internal/resolver"
)

// maxARC is the longest chain there may be (RFC 8617 section 4.2.1).
const maxARC = 50

// arcSet is the three fields that one handler added.
type arcSet struct {
	aar, ams, seal field
	amsTags        map[string]string
	sealTags       map[string]string
}

// arcRun verifies the chain of one message while its body streams by.
type arcRun struct {
	ctx  context.Context
	keys *keyring
	all  []field
	sets []arcSet // sets[i] is instance i+1
	body *bodyHash
	err  error // of the chain's form; nothing is verified then
}

func startARC(ctx context.Context, keys *keyring, header []byte) *arcRun {
	a := &arcRun{ctx: ctx, keys: keys, all: fields(header)}
	a.sets, a.err = chain(a.all)
	relaxed := false
	if a.err == nil {
		_, body := canonicalization(a.sets[len(a.sets)-1].amsTags["c"])
		relaxed = body
	}
	a.body = newBodyHash(relaxed)
	return a
}

// canonicalization reads c= (RFC 6376 section 3.5): header/body, simple where
// not said.
func canonicalization(c string) (header, body bool) {
	h, b, _ := strings.Cut(squeeze(lower(c)), "/")
	return h == "relaxed", b == "relaxed"
}

// chain sorts the ARC fields into sets and checks their form (RFC 8617
// section 5.2, steps 1 to 3).
func chain(all []field) ([]arcSet, error) {
	bad := func(format string, args ...any) ([]arcSet, error) {
		return nil, fmt.Errorf(format, args...)
	}
	sets := map[int]*arcSet{}
	for _, f := range all {
		if !strings.HasPrefix(f.name, "arc-") {
			continue
		}
		var t map[string]string
		ok := true
		i := 0
		switch f.name {
		case "arc-authentication-results":
			first, _, _ := strings.Cut(f.value(), ";")
			k, v, _ := strings.Cut(first, "=")
			if strings.TrimSpace(k) == "i" {
				i = number(v)
			}
		case "arc-message-signature", "arc-seal":
			t, ok = tags(f.value())
			i = number(t["i"])
		default:
			continue
		}
		if !ok || i < 1 || i > maxARC {
			return bad("%s is malformed or beyond %d", f.name, maxARC)
		}
		s := sets[i]
		if s == nil {
			s = &arcSet{}
			sets[i] = s
		}
		if !s.take(f, t) {
			return bad("set %d has two %s", i, f.name)
		}
	}
	out := make([]arcSet, 0, len(sets))
	for i := 1; i <= len(sets); i++ {
		s := sets[i]
		switch {
		case s == nil || s.aar.name == "" || s.ams.name == "" || s.seal.name == "":
			return bad("set %d is not whole", i)
		case i == 1 && lower(s.sealTags["cv"]) != "none", i > 1 && lower(s.sealTags["cv"]) != "pass":
			return bad("set %d says cv=%s", i, s.sealTags["cv"])
		}
		out = append(out, *s)
	}
	if len(out) == 0 {
		return bad("no set")
	}
	return out, nil
}

func (s *arcSet) take(f field, t map[string]string) bool {
	at := &s.aar
	switch f.name {
	case "arc-message-signature":
		at, s.amsTags = &s.ams, t
	case "arc-seal":
		at, s.sealTags = &s.seal, t
	}
	if at.name != "" {
		return false
	}
	*at = f
	return true
}

func number(s string) int {
	s = squeeze(s)
	if len(s) > 2 {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// finish verifies: the newest message signature, then every seal, the newest
// first (RFC 8617 section 5.2, steps 4 to 6).
func (a *arcRun) finish() ARC {
	if a.err != nil {
		return ARC{Result: Fail, Reason: printable(a.err.Error())}
	}
	n := len(a.sets)
	newest := a.sets[n-1]
	out := ARC{Result: Fail, Instance: n}
	if d, err := Domain(squeeze(newest.sealTags["d"])); err == nil {
		out.Sealer = d
	}
	err := a.messageSignature(newest)
	for i := n; i >= 1 && err == nil; i-- {
		if err = a.seal(i); err != nil {
			err = fmt.Errorf("seal %d: %w", i, err)
		}
	}
	switch {
	case err == nil:
		out.Result = Pass
	case resolver.IsTemporary(err):
		out.Result, out.Reason = TempError, "key could not be asked for"
	default:
		out.Reason = printable(err.Error())
	}
	return out
}

func (a *arcRun) messageSignature(s arcSet) error {
	t := s.amsTags
	if _, partial := t["l"]; partial {
		return errors.New("message signature covers a part only (l=)")
	}
	if !listed(t["h"], "from") || listed(t["h"], "arc-seal") {
		return errors.New("message signature covers the wrong fields")
	}
	want, err := base64.StdEncoding.DecodeString(squeeze(t["bh"]))
	if err != nil || subtle.ConstantTimeCompare(want, a.body.sum()) != 1 {
		return errors.New("body was changed")
	}
	relaxed, _ := canonicalization(t["c"])
	h := sha256.New()
	for _, f := range pick(a.all, t["h"]) {
		h.Write([]byte(canonicalField(f, relaxed)))
	}
	own := canonicalField(withoutSignature(s.ams), relaxed)
	h.Write([]byte(strings.TrimRight(own, "\r\n")))
	return a.verify(t, h.Sum(nil))
}

func (a *arcRun) seal(i int) error {
	t := a.sets[i-1].sealTags
	if _, has := t["h"]; has { // RFC 8617 section 4.1.3
		return errors.New("a seal must not have h=")
	}
	return a.verify(t, sealDigest(a.sets[:i]))
}

// sealDigest is over all fields of all sets in order, the last seal without
// its signature and without its line end (RFC 8617 section 5.1.1).
func sealDigest(sets []arcSet) []byte {
	h := sha256.New()
	for i, s := range sets {
		h.Write([]byte(canonicalField(s.aar, true)))
		h.Write([]byte(canonicalField(s.ams, true)))
		seal := s.seal
		if i < len(sets)-1 {
			h.Write([]byte(canonicalField(seal, true)))
			continue
		}
		own := canonicalField(withoutSignature(seal), true)
		h.Write([]byte(strings.TrimRight(own, "\r\n")))
	}
	return h.Sum(nil)
}

func (a *arcRun) verify(t map[string]string, digest []byte) error {
	key, err := a.key(squeeze(t["s"]), squeeze(t["d"]))
	if err != nil {
		return err
	}
	return verifySignature(key, squeeze(t["a"]), digest, t["b"])
}

func (a *arcRun) key(selector, domain string) (crypto.PublicKey, error) {
	if selector == "" || domain == "" {
		return nil, errKey
	}
	txts, err := a.keys.lookup(a.ctx, selector+"._domainkey."+domain)
	if err != nil {
		return nil, err
	}
	if a.keys.flags(selector, domain).testing {
		return nil, errors.New("the key is marked as a test (t=y)")
	}
	return publicKey(txts)
}

// vouched says whether a trusted sealer wrote that the From domain was proved
// when the mail reached it: the newest one, or one before it as long as all
// seals since are of trusted sealers.
func (a *arcRun) vouched(from string, sealers map[string]bool) bool {
	if from == "" {
		return false
	}
	for i := len(a.sets) - 1; i >= 0; i-- {
		d, err := Domain(squeeze(a.sets[i].sealTags["d"]))
		if err != nil || !sealers[d] {
			return false
		}
		_, rest, _ := strings.Cut(a.sets[i].aar.value(), ";") // after i=
		if provedBy(rest, from) {
			return true
		}
	}
	return false
}

// provedBy reads the value of an Authentication-Results field, for a DMARC
// pass of the domain or an aligned pass of DKIM or SPF.
func provedBy(value, from string) bool {
	_, results := splitResults(value)
	for _, r := range results {
		if r.verdict != string(Pass) {
			continue
		}
		switch r.method {
		case "dmarc":
			if d, err := Domain(r.props["header.from"]); err == nil && d == from {
				return true
			}
		case "dkim":
			d, err := Domain(r.props["header.d"])
			if i := r.props["header.i"]; err != nil && i != "" {
				d, err = domainOf(i)
			}
			if err == nil && related(d, from) {
				return true
			}
		case "spf":
			m := r.props["smtp.mailfrom"]
			if d, err := Domain(m[strings.LastIndexByte(m, '@')+1:]); err == nil && related(d, from) {
				return true
			}
		}
	}
	return false
}
