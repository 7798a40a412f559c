package outbound

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// header gathers the fields of one entity in order. All values pass through
// its methods, which fold (RFC 5322 section 2.2.3) and encode (RFC 2047), and
// by which no value can begin a field of its own.
type header struct{ b strings.Builder }

const foldAt = 76

// raw adds a field whose value holds only what a field may hold; line breaks
// in it are taken out all the same.
func (h *header) raw(name, value string) {
	h.words(name, strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\r' || r == '\n' || r == '\t' }))
}

// words adds a field of words with single spaces between them, folded where a
// line would grow long.
func (h *header) words(name string, words []string) {
	h.b.WriteString(name)
	h.b.WriteByte(':')
	n := len(name) + 1
	for i, w := range words {
		if i > 0 && n+1+len(w) > foldAt {
			h.b.WriteString("\r\n")
			n = 0
		}
		h.b.WriteByte(' ')
		h.b.WriteString(w)
		n += 1 + len(w)
	}
	h.b.WriteString("\r\n")
}

// text adds an unstructured field.
func (h *header) text(name, value string) { h.words(name, textWords(value)) }

func (h *header) String() string { return h.b.String() }

// textWords gives a text as the words of a field: as it stands when it is
// plain ASCII, else as encoded words. What looks like an encoded word is
// encoded, so that nobody decodes it to something else (S13).
func textWords(s string) []string {
	s = cleanLine(s, 300)
	plain := isASCII(s) && !strings.Contains(s, "=?")
	for w := range strings.FieldsSeq(s) {
		plain = plain && len(w) <= 200
	}
	if plain {
		return strings.Fields(s)
	}
	return encodedWords(s)
}

// encodedWords encodes a text as words of at most 75 characters, none of which
// ends within a character (RFC 2047 section 5). Q is taken where most is ASCII:
// it can be read without a decoder.
func encodedWords(s string) []string {
	ascii := 0
	for i := 0; i < len(s); i++ {
		if s[i] < utf8.RuneSelf {
			ascii++
		}
	}
	if ascii*2 >= len(s) {
		return qWords(s)
	}
	var words []string
	for len(s) > 0 {
		n := 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			if n+size > 42 {
				break
			}
			n += size
		}
		words = append(words, "=?utf-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return words
}

func qWords(s string) []string {
	const hex = "0123456789ABCDEF"
	var words []string
	var w strings.Builder
	flush := func() {
		words = append(words, "=?utf-8?Q?"+w.String()+"?=")
		w.Reset()
	}
	for len(s) > 0 {
		_, size := utf8.DecodeRuneInString(s)
		if w.Len()+3*size > 60 {
			flush()
		}
		for i := 0; i < size; i++ {
			switch c := s[i]; {
			case c == ' ':
				w.WriteByte('_')
			case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9':
				w.WriteByte(c) // the set that is right in a phrase too
			default:
				w.WriteByte('=')
				w.WriteByte(hex[c>>4])
				w.WriteByte(hex[c&15])
			}
		}
		s = s[size:]
	}
	flush()
	return words
}

// mailbox gives the words of a mailbox: a display name and the address. addr
// must have been through wireAddress.
func mailbox(name, addr string) []string {
	name = safeName(name)
	if name == "" {
		if strings.HasPrefix(addr, `"`) || !isASCII(addr) {
			return []string{"<" + addr + ">"}
		}
		return []string{addr}
	}
	var words []string
	switch {
	case !isASCII(name) || strings.Contains(name, "=?"):
		words = encodedWords(name)
	default:
		words = strings.Fields(quote(name))
	}
	return append(words, "<"+addr+">")
}
