package threading

import (
	"crypto/rand"
	"slices"
	"strings"
)

// refAlphabet is Crockford's base 32: no I, L, O or U, so that a reference can
// be said on the phone and copied by hand.
const refAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewRef returns a fresh ticket reference such as K7Q2-9F3M: 40 random bits, so
// that none can be guessed from another. The store refuses the rare repetition.
func NewRef() string {
	var b [5]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return formatRef(b)
}

func formatRef(b [5]byte) string {
	v := uint64(b[0])<<32 | uint64(b[1])<<24 | uint64(b[2])<<16 | uint64(b[3])<<8 | uint64(b[4])
	out := make([]byte, 9)
	for i := 8; i >= 0; i-- {
		if i == 4 {
			out[i] = '-'
			continue
		}
		out[i] = refAlphabet[v&31]
		v >>= 5
	}
	return string(out)
}

// ParseRef reads a reference as people type it: any case, with or without the
// dash or a leading #, O for 0 and I or L for 1.
func ParseRef(s string) (ref string, ok bool) {
	b, ok := refBytes(s)
	if !ok {
		return "", false
	}
	return formatRef(b), true
}

func refBytes(s string) (b [5]byte, ok bool) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "#")
	if len(s) == 9 && (s[4] == '-' || s[4] == ' ') {
		s = s[:4] + s[5:]
	}
	if len(s) != 8 {
		return b, false
	}
	var v uint64
	for i := 0; i < 8; i++ {
		c := s[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		switch c {
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		d := strings.IndexByte(refAlphabet, c)
		if d < 0 {
			return b, false
		}
		v = v<<5 | uint64(d)
	}
	for i := 4; i >= 0; i-- {
		b[i] = byte(v)
		v >>= 8
	}
	return b, true
}

// maxSubjectRefs bounds how many references of one subject are looked up, and
// maxTagLen how far its end is looked for.
const (
	maxSubjectRefs = 3
	maxTagLen      = 16
)

// SubjectRefs returns the references in a subject, written [#K7Q2-9F3M].
func SubjectRefs(subject string) []string {
	var refs []string
	for len(refs) < maxSubjectRefs {
		i := strings.Index(subject, "[#")
		if i < 0 {
			break
		}
		subject = subject[i+2:]
		j := strings.IndexByte(subject[:min(len(subject), maxTagLen)], ']')
		if j < 0 {
			continue
		}
		if ref, ok := ParseRef(subject[:j]); ok && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}
