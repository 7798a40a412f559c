package message

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// decodeText decodes a header value for showing: encoded words (RFC 2047) of
// every brokenness seen, raw 8-bit text, no control or bidirectional override
// characters. hint is the charset to try for raw bytes.
func decodeText(v, hint string) string {
	if isSimple(v) && !strings.Contains(v, "=?") {
		return strings.TrimSpace(v)
	}
	s := decodeWords(v, hint)
	if strings.Contains(s, "=?") && s != v { // encoded twice
		s = decodeWords(s, hint)
	}
	return cleanLine(s)
}

// isSimple says whether v is printable ASCII.
func isSimple(v string) bool {
	for i := 0; i < len(v); i++ {
		if v[i] < ' ' || v[i] > '~' {
			return false
		}
	}
	return true
}

// word is one encoded word.
type word struct {
	charset string
	enc     byte // 'B' or 'Q'
	text    string
}

// decodeWords decodes the encoded words of s. Neighbours of one charset are
// put together as bytes first, for characters split between them.
func decodeWords(s, hint string) string {
	var out strings.Builder
	var run []byte // decoded bytes of the current run of words
	var last word
	flush := func() {
		if len(run) > 0 {
			out.WriteString(decodeWordBytes(run, last.charset, hint))
			run = run[:0]
		}
		last = word{}
	}
	for len(s) > 0 {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		w, n := parseWord(s[i:])
		if n == 0 {
			flush()
			out.WriteString(raw(s[:i+2], hint))
			s = s[i+2:]
			continue
		}
		if gap := s[:i]; last.enc == 0 || strings.TrimLeft(gap, " \t\r\n") != "" {
			flush()
			out.WriteString(raw(gap, hint))
		} else if !equalFold(last.charset, w.charset) {
			flush()
		}
		s = s[i+n:]
		if w.enc == 'B' {
			// A group split between two words: go on with the rest of it.
			for len(w.text)%4 != 0 && len(w.text) < maxWord && !strings.HasSuffix(w.text, "=") {
				t := strings.TrimLeft(s, " \t\r\n")
				next, m := parseWord(t)
				if m == 0 || next.enc != 'B' || !equalFold(next.charset, w.charset) {
					break
				}
				w.text += next.text
				s = t[m:]
			}
		}
		run = append(run, w.bytes()...)
		last = w
	}
	flush()
	out.WriteString(raw(s, hint))
	return out.String()
}

func raw(s, hint string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0x1b) < 0 {
		return s
	}
	return guess([]byte(s), hint)
}

// decodeWordBytes decodes what a run of words held. An unknown charset is
// shown as it is, UTF-7 not at all: see the package's rule about it.
func decodeWordBytes(b []byte, label, hint string) string {
	if i := strings.IndexByte(label, '*'); i >= 0 { // RFC 2231 section 5: a language
		label = label[:i]
	}
	if canonical(label) == "iso-2022-jp" {
		if i := strings.LastIndex(string(b), "\x1b$"); i >= 0 && !strings.Contains(string(b[i:]), "\x1b(") {
			b = append(b, "\x1b(B"...)
		}
	}
	return decodeCharset(b, label, hint, false)
}

const maxWord = 8 << 10 // RFC 2047 says 75 characters; some put a whole subject into one

// parseWord reads an encoded word at the start of s and returns its length, 0
// if there is none. Spaces within, a missing end and lower-case letters are
// taken as meant.
func parseWord(s string) (word, int) {
	q1 := strings.IndexByte(s[min(2, len(s)):], '?')
	if !strings.HasPrefix(s, "=?") || q1 <= 0 || q1 > 64 {
		return word{}, 0
	}
	q1 += 2
	cs := s[2:q1]
	if strings.ContainsAny(cs, " \t=") || q1+2 >= len(s) || s[q1+2] != '?' {
		return word{}, 0
	}
	enc := s[q1+1] &^ 0x20
	if enc != 'B' && enc != 'Q' {
		return word{}, 0
	}
	text := s[q1+3 : min(len(s), q1+3+maxWord)]
	end := strings.Index(text, "?=")
	// In Q text a "?" may stand before an escape: "…?=3D" is no end, unless
	// nothing ends it later.
	for enc == 'Q' && end >= 0 && end+4 <= len(text) && unhex(text[end+2]) >= 0 && unhex(text[end+3]) >= 0 {
		next := strings.Index(text[end+2:], "?=")
		if next < 0 || strings.Contains(text[end+2:end+2+next], "=?") {
			break
		}
		end += 2 + next
	}
	tail := 2
	if end < 0 { // cut off
		end, tail = len(text), 0
		if strings.HasSuffix(text, "?") {
			end, tail = len(text)-1, 1
		}
		if sp := strings.IndexAny(text, " \t"); sp >= 0 && sp < end {
			end, tail = sp, 0
		}
	}
	return word{cs, enc, text[:end]}, q1 + 3 + end + tail
}

func (w word) bytes() []byte {
	if w.enc == 'B' {
		if b, err := base64.StdEncoding.DecodeString(w.text); err == nil {
			return b
		}
		var d base64Decoder
		b := d.line(nil, []byte(w.text))
		return d.flush(b)
	}
	b := make([]byte, 0, len(w.text))
	for i := 0; i < len(w.text); i++ {
		switch c := w.text[i]; {
		case c == '_':
			b = append(b, ' ')
		case c == '=' && i+2 < len(w.text) && unhex(w.text[i+1]) >= 0 && unhex(w.text[i+2]) >= 0:
			b = append(b, byte(unhex(w.text[i+1])<<4|unhex(w.text[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return b
}

// cleanLine makes a string fit for one line: valid UTF-8, white space as
// single kind, no control and no bidirectional override characters.
func cleanLine(s string) string {
	if isSimple(s) {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case r >= 0x80 && r < 0xa0:
			return mendC1(r)
		case r == '\r' || isUnsafe(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimSpace(s)
}

// mendC1 gives the character meant by a C1 control: text of Windows-1252 that
// someone took for Latin 1. It returns -1 where none was.
func mendC1(r rune) rune {
	if m := charmap.Windows1252.DecodeByte(byte(r)); m >= 0xa0 && m != utf8.RuneError {
		return m
	}
	return -1
}

// isUnsafe says whether a character has no place in a shown name or subject:
// controls and the bidirectional overrides that disguise one.
func isUnsafe(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r >= 0xe0000 && r <= 0xe007f
}

// isHidden is the wider rule for names: nothing that cannot be seen.
func isHidden(r rune) bool {
	return isUnsafe(r) || r == 0x200e || r == 0x200f || r == 0x061c || r == 0x200b || unicode.Is(unicode.Noncharacter_Code_Point, r)
}

// cleanText makes a text fit to leave the package: LF line ends, no other
// control characters but tabs.
func cleanText(s string) string {
	s = strings.TrimPrefix(s, "\ufeff")
	i := 0
	for i < len(s) && (s[i] >= ' ' && s[i] < 0x7f || s[i] == '\n' || s[i] == '\t' || s[i] > 0xc2 || s[i] >= 0x80 && s[i] < 0xc2) {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\r':
			if i+1 >= len(s) || s[i+1] != '\n' {
				b.WriteByte('\n')
			}
		case c < ' ' && c != '\n' && c != '\t' || c == 0x7f:
		case c == 0xc2 && i+1 < len(s) && s[i+1] < 0xa0:
			i++
			if r := mendC1(rune(s[i])); r > 0 {
				b.WriteRune(r)
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// truncate cuts s to n bytes at a character's end.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
