package storage

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"
)

// form is one way in which a value may stand in a file.
type form struct {
	name   string
	text   []byte
	folded bool // ASCII letters are compared without case; text is in lower case
}

// begins returns the first two bytes, in every case they may have.
func (f *form) begins() (list []uint16) {
	seen := map[uint16]bool{}
	for _, a := range f.cases(f.text[0]) {
		for _, b := range f.cases(f.text[1]) {
			if two := uint16(a)<<8 | uint16(b); !seen[two] {
				seen[two] = true
				list = append(list, two)
			}
		}
	}
	return list
}

func (f *form) cases(c byte) [2]byte {
	if f.folded && 'a' <= c && c <= 'z' {
		return [2]byte{c, c - ('a' - 'A')}
	}
	return [2]byte{c, c}
}

// at reports whether b begins with the form.
func (f *form) at(b []byte) bool {
	if len(b) < len(f.text) {
		return false
	}
	for i, c := range f.text {
		if d := b[i]; d != c && (!f.folded || d < 'A' || d > 'Z' || d+('a'-'A') != c) {
			return false
		}
	}
	return true
}

// forms returns the ways in which a value may be written.
func forms(value string) []form {
	var exact, folded []form
	add := func(list *[]form, name string, b []byte) {
		if len(b) >= 3 {
			*list = append(*list, form{name: name, text: b, folded: list == &folded})
		}
	}
	lower := strings.ToLower(value)
	add(&folded, "plain", []byte(lower))
	add(&exact, "plain", []byte(value))
	add(&exact, "upper", []byte(strings.ToUpper(value)))
	for _, s := range []string{value, lower, strings.ToUpper(value)} {
		units := utf16.Encode([]rune(s))
		little, big := make([]byte, 0, 2*len(units)), make([]byte, 0, 2*len(units))
		for _, u := range units {
			little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
		}
		add(&exact, "utf-16le", little)
		add(&exact, "utf-16be", big)
		if len(s) >= 9 {
			for shift := range 3 {
				add(&exact, fmt.Sprint("base64+", shift), base64At(s, shift, base64.StdEncoding))
				add(&exact, fmt.Sprint("base64url+", shift), base64At(s, shift, base64.URLEncoding))
			}
		}
		for _, sum := range [][]byte{sum256(s), sum5(s)} {
			add(&exact, "digest", sum)
			add(&folded, "digest", []byte(hex.EncodeToString(sum)))
		}
	}
	add(&folded, "hex", []byte(hex.EncodeToString([]byte(value))))
	add(&folded, "hex", []byte(hex.EncodeToString([]byte(lower))))
	r := []byte(lower)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	add(&folded, "reversed", r)
	for _, mark := range []byte{'=', '%'} {
		for _, all := range []bool{true, false} {
			add(&folded, map[byte]string{'=': "quoted-printable", '%': "percent"}[mark], escaped(lower, mark, all))
		}
	}
	return append(dedupeForms(exact), dedupeForms(folded)...)
}

func sum256(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

func sum5(s string) []byte { h := md5.Sum([]byte(s)); return h[:] }

// base64At is what of a value in base64 does not depend on its neighbours.
func base64At(s string, shift int, enc *base64.Encoding) []byte {
	b := append(make([]byte, shift), s...)
	for len(b)%3 != 0 {
		b = b[:len(b)-1]
	}
	out := enc.EncodeToString(b)
	if shift > 0 {
		out = out[4:]
	}
	return []byte(out)
}

// escaped writes bytes as mark and two digits: all but letters and digits, or
// only what is not ASCII and the mark itself.
func escaped(s string, mark byte, all bool) []byte {
	var b []byte
	for i := range len(s) {
		c := s[i]
		plain := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_'
		if plain || !all && c < 0x80 && c > 0x20 && c != mark {
			b = append(b, c)
		} else {
			b = append(b, []byte(fmt.Sprintf("%c%02x", mark, c))...)
		}
	}
	return b
}

func dedupeForms(list []form) (out []form) {
	for _, f := range list {
		same := false
		for _, o := range out {
			same = same || bytes.Equal(o.text, f.text)
		}
		if !same {
			out = append(out, f)
		}
	}
	return out
}
