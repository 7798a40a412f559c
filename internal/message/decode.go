package message

import (
	"encoding/base64"
	"slices"
)

// The decoders of Content-Transfer-Encoding take a line and append what it
// stands for. None of them fails: bytes that cannot be are left as they are
// (quoted-printable) or left out (base64).

var b64value = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = int8(i)
	}
	t['-'], t['_'] = 62, 63 // the URL alphabet, seen from web clients
	return t
}()

// base64Decoder carries the bits of an unfinished group from line to line.
type base64Decoder struct {
	acc    uint32
	n      int  // characters in acc
	padded bool // padding was seen: what follows may be a list's footer
	ended  bool
	broken bool
}

func (d *base64Decoder) line(dst, src []byte) []byte {
	src = trimEOL(src)
	if d.ended || len(src) == 0 {
		return dst
	}
	if d.n == 0 && !d.padded && len(src)%4 == 0 {
		at := len(dst)
		size := base64.StdEncoding.DecodedLen(len(src))
		dst = slices.Grow(dst, size)[:at+size]
		if n, err := base64.StdEncoding.Decode(dst[at:], src); err == nil {
			d.padded = src[len(src)-1] == '='
			return dst[:at+n]
		}
		dst = dst[:at]
	}
	if d.padded && !looksBase64(src) {
		d.ended, d.broken = true, true
		return dst
	}
	for _, c := range src {
		v := b64value[c]
		if v < 0 {
			switch {
			case c == '=':
				dst = d.flush(dst)
				d.padded = true
			case (c == ' ' || c == '\t') && d.padded: // a remark after the end
				d.broken = true
				return dst
			case c != ' ' && c != '\t':
				d.broken = true
			}
			continue
		}
		d.acc = d.acc<<6 | uint32(v)
		if d.n++; d.n == 4 {
			dst = append(dst, byte(d.acc>>16), byte(d.acc>>8), byte(d.acc))
			d.acc, d.n = 0, 0
		}
	}
	return dst
}

// flush ends the current group, padded or not.
func (d *base64Decoder) flush(dst []byte) []byte {
	switch d.n {
	case 2:
		dst = append(dst, byte(d.acc>>4))
	case 3:
		dst = append(dst, byte(d.acc>>10), byte(d.acc>>2))
	case 1:
		d.broken = true
	}
	d.acc, d.n = 0, 0
	return dst
}

// looksBase64 says whether a line can be base64 throughout.
func looksBase64(line []byte) bool {
	t := trimEOL(line)
	for len(t) > 0 && (t[len(t)-1] == ' ' || t[len(t)-1] == '\t') {
		t = t[:len(t)-1]
	}
	for _, c := range t {
		if b64value[c] < 0 && c != '=' || c == '-' || c == '_' {
			return false
		}
	}
	return true
}

// isProse says whether the first line of a text labelled base64 is plainly
// not encoded: punctuation or spaces between words, no padding.
func isProse(line []byte) bool {
	bad := 0
	for _, c := range line {
		if c == '=' {
			return false
		}
		bad += btoi(b64value[c] < 0)
	}
	return bad > 0 && bad*12 >= len(line)
}

// decodeQP appends quoted-printable text without its line end. It returns
// what is left at the end of src, an escape whose rest is in the next piece.
func decodeQP(dst, src []byte, more bool) (out, rest []byte) {
	for i := 0; i < len(src); i++ {
		c := src[i]
		if c != '=' {
			dst = append(dst, c)
			continue
		}
		if i+2 >= len(src) && more {
			return dst, src[i:]
		}
		if i+2 < len(src) {
			if hi, lo := unhex(src[i+1]), unhex(src[i+2]); hi >= 0 && lo >= 0 {
				dst = append(dst, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		dst = append(dst, c)
	}
	return dst, nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// uuLine decodes one line of uuencoded data; ok is false if it is none.
func uuLine(dst, line []byte) (out []byte, ok bool) {
	line = trimEOL(line)
	if len(line) == 0 {
		return dst, false
	}
	if line[0] < ' ' || line[0] > '`' {
		return dst, false
	}
	n := int(line[0]-' ') & 63
	data := line[1:]
	need := (n + 2) / 3 * 4
	if len(data) > need+2 { // some encoders add a checksum character
		return dst, false
	}
	if len(data) < (n*8+5)/6 { // trailing spaces may have been stripped, but not a half
		if len(data) < need/2 {
			return dst, false
		}
	}
	at := func(i int) (uint32, bool) {
		if i >= len(data) {
			return 0, true
		}
		if c := data[i]; c >= ' ' && c <= '`' {
			return uint32(c-' ') & 63, true
		}
		return 0, false
	}
	start := len(dst)
	for i := 0; i < need; i += 4 {
		var v uint32
		for j := range 4 {
			x, ok := at(i + j)
			if !ok {
				return dst[:start], false
			}
			v = v<<6 | x
		}
		dst = append(dst, byte(v>>16), byte(v>>8), byte(v))
	}
	return dst[:start+n], true
}
