package privacydesk

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is a text made comparable: lower case, without accents, invisible
// letters and differences of white space, with percent escapes decoded. For
// each of its bytes it knows where in the source that stood.
type folded struct {
	src      string
	b        []byte
	from, to []int32
	open     bool // no tag ends from here on
}

// markup says how a source is read.
type markup int

const (
	plain    markup = iota
	elements        // HTML as it is seen: tags are nothing, character references are decoded
	source          // HTML with its tags as text: for what stands in attributes
)

// special are letters that do not decompose.
var special = map[rune]string{'ß': "ss", 'ø': "o", 'ł': "l", 'đ': "d", 'æ': "ae", 'œ': "oe", 'ı': "i", 'ð': "d", 'þ': "th", 'ħ': "h"}

func foldString(s string) string { return string(fold(s, plain).b) }

func fold(s string, m markup) *folded {
	f := &folded{src: s, b: make([]byte, 0, len(s)), from: make([]int32, 0, len(s)), to: make([]int32, 0, len(s))}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '<' && m == elements:
			i = f.tag(i)
		case c == '&' && m != plain:
			i = f.reference(i)
		case c == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			i = f.percent(i)
		case c < utf8.RuneSelf:
			i = f.ascii(i)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			f.rune(r, i, i+n)
			i += n
		}
	}
	return f
}

func (f *folded) put(c byte, from, to int) {
	f.b, f.from, f.to = append(f.b, c), append(f.from, int32(from)), append(f.to, int32(to))
}

func (f *folded) ascii(i int) int {
	c := f.src[i]
	switch {
	case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v':
		f.space(i, i+1)
		if c == '\n' { // a name goes on behind the mark of a quote
			for j := i + 1; j < len(f.src) && (f.src[j] == '>' || f.src[j] == ' '); j++ {
				i = j
			}
		}
	case 'A' <= c && c <= 'Z':
		f.put(c+'a'-'A', i, i+1)
	case c < ' ' || c == 0x7f:
	default:
		f.put(c, i, i+1)
	}
	return i + 1
}

// space is one space, however many there are.
func (f *folded) space(from, to int) {
	if n := len(f.b); n > 0 && f.b[n-1] == ' ' {
		if int(f.to[n-1]) == from {
			f.to[n-1] = int32(to)
		}
		return
	}
	f.put(' ', from, to)
}

func (f *folded) rune(r rune, from, to int) {
	if r < utf8.RuneSelf {
		switch {
		case r == ' ' || '\t' <= r && r <= '\r':
			f.space(from, to)
		case 'A' <= r && r <= 'Z':
			f.put(byte(r)+'a'-'A', from, to)
		case r > ' ' && r < 0x7f:
			f.put(byte(r), from, to)
		}
		return
	}
	if unicode.IsSpace(r) || unicode.Is(unicode.Zs, r) {
		f.space(from, to)
		return
	}
	if unicode.In(r, unicode.Mn, unicode.Cf, unicode.Me) || unicode.IsControl(r) {
		return
	}
	for _, d := range norm.NFKD.String(string(r)) {
		d = unicode.ToLower(d)
		if unicode.Is(unicode.Mn, d) {
			continue
		}
		text, ok := special[d]
		if !ok {
			text = string(d)
		}
		for j := range len(text) {
			f.put(text[j], from, to)
		}
	}
}

// percent decodes one character of %XX escapes.
func (f *folded) percent(i int) int {
	var b []byte
	j := i
	for j+2 < len(f.src) && f.src[j] == '%' && hexDigit(f.src[j+1]) >= 0 && hexDigit(f.src[j+2]) >= 0 && len(b) < utf8.UTFMax {
		b = append(b, byte(hexDigit(f.src[j+1])<<4|hexDigit(f.src[j+2])))
		j += 3
		if utf8.FullRune(b) {
			break
		}
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError || n != len(b) {
		f.put('%', i, i+1)
		return i + 1
	}
	f.rune(r, i, j)
	return j
}

// reference decodes a character reference of HTML.
func (f *folded) reference(i int) int {
	end := strings.IndexByte(f.src[i:min(len(f.src), i+34)], ';')
	if end < 0 {
		f.put('&', i, i+1)
		return i + 1
	}
	end += i + 1
	text := html.UnescapeString(f.src[i:end])
	if text == f.src[i:end] {
		f.put('&', i, i+1)
		return i + 1
	}
	for _, r := range text {
		f.rune(r, i, end)
	}
	return end
}

// inline are elements within which a word goes on.
var inline = map[string]bool{"a": true, "b": true, "i": true, "u": true, "s": true, "em": true, "strong": true, "span": true, "font": true, "wbr": true, "big": true, "small": true, "sub": true, "sup": true, "mark": true, "code": true, "o:p": true}

// tag passes over a tag or comment; one that breaks the line is a space.
func (f *folded) tag(i int) int {
	s := f.src[i:]
	if strings.HasPrefix(s, "<!--") {
		if end := strings.Index(s, "-->"); end >= 0 {
			return i + end + 3
		}
		return len(f.src)
	}
	end := -1
	if !f.open { // looked for once: a text of nothing but < takes no square time
		end = strings.IndexByte(s, '>')
		f.open = end < 0
	}
	if end < 0 || len(s) < 2 || !(s[1] == '/' || s[1] == '!' || s[1] == '?' || 'a' <= s[1]|0x20 && s[1]|0x20 <= 'z') {
		f.put('<', i, i+1)
		return i + 1
	}
	name := strings.TrimLeft(s[1:end], "/")
	if j := strings.IndexAny(name, " \t\r\n/"); j >= 0 {
		name = name[:j]
	}
	if !inline[strings.ToLower(name)] {
		f.space(i, i) // of no length: the tag stays where a name goes on behind it
	}
	return i + end + 1
}

// capital says whether the source has a capital letter there.
func (f *folded) capital(at int) bool {
	s := f.src[f.from[at]:f.to[at]]
	if strings.HasPrefix(s, "&") {
		s = html.UnescapeString(s)
	}
	return unicode.IsUpper(firstRune(s)) || unicode.IsTitle(firstRune(s))
}

// replace puts other words where hits are. What lies between their letters,
// such as tags, stays.
func (f *folded) replace(hits []hit, word, address string) string {
	if len(hits) == 0 {
		return f.src
	}
	var out strings.Builder
	out.Grow(len(f.src))
	at := 0
	for _, h := range hits {
		from := int(f.from[h.from])
		if from < at {
			continue
		}
		out.WriteString(f.src[at:from])
		if h.address {
			out.WriteString(address)
		} else {
			out.WriteString(word)
		}
		at = from
		for i := h.from; i < h.to; i++ {
			if a := int(f.from[i]); a > at {
				out.WriteString(between(f.src[at:a]))
				at = a
			}
			at = max(at, int(f.to[i]))
		}
	}
	out.WriteString(f.src[at:])
	return out.String()
}

// between is what stays of what stood between the letters of a hit: its tags.
func between(s string) string {
	if !strings.Contains(s, "<") {
		return ""
	}
	return s
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
