package outbound

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"postroom/tickets"
)

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hidden are characters that change how the text around them is read: the
// direction marks of Unicode, invisible ones, and all controls. ZWJ and ZWNJ stay:
// emoji and several scripts need them.
func hidden(r rune) bool {
	switch {
	case r == '\u200b', r == '\u200e', r == '\u200f', r == '\u061c', r == '\ufeff', r == '\u2028', r == '\u2029',
		r >= '\u202a' && r <= '\u202e', r >= '\u2060' && r <= '\u2069', r >= '\ufff0' && r <= '\ufffb', r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return unicode.IsControl(r)
}

// cleanText drops what must not stand in a text: controls but tab and line
// feed, hidden characters, what is not UTF-8. Line ends become LF.
func cleanText(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if hidden(r) {
			return -1
		}
		return r
	}, s)
}

// cleanLine makes one line of a header text, at most max runes. A line break
// becomes a space, so that nothing that stood behind one begins a field (S13).
func cleanLine(s string, max int) string {
	s = strings.Join(strings.Fields(cleanText(s)), " ")
	if n := 0; len(s) > max {
		for i := range s {
			if n++; n > max {
				return strings.TrimSpace(s[:i]) + "…"
			}
		}
	}
	return s
}

// safeName is a display name that cannot pass for an address (H10): without
// direction marks and invisible characters, and empty when it holds an @ of
// any width or is longer than a name.
func safeName(s string) string {
	s = cleanLine(s, 80)
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u200c', '\u200d', '<', '>', '"', '\\':
			return -1
		}
		return r
	}, s)
	if strings.ContainsAny(s, "@＠﹫") {
		return ""
	}
	return strings.TrimSpace(s)
}

func splitAddress(a string) (local, domain string, ok bool) { return tickets.SplitAddress(a) }

var errAddress = errors.New("outbound: not a mail address")

// wireAddress is an address as it stands in commands and fields: the local
// part quoted where it must be (RFC 5321 section 4.1.2; the doors keep it
// without), the domain in A-labels. utf8 says that it needs SMTPUTF8.
func wireAddress(a string) (s string, utf8Needed bool, err error) {
	local, domain, ok := splitAddress(a)
	if !ok || !utf8.ValidString(a) || strings.ContainsFunc(a, hidden) {
		return "", false, errAddress
	}
	d, ok := asciiDomain(domain)
	if !ok {
		return "", false, errAddress
	}
	if len(local) > 1 && local[0] == '"' && local[len(local)-1] == '"' {
		local = unquote(local[1 : len(local)-1])
	}
	if local == "" || len(local) > 64 || len(local)+len(d) > 253 {
		return "", false, errAddress
	}
	if !dotAtom(local) {
		local = quote(local)
	}
	return local + "@" + d, !isASCII(local), nil
}

func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quote makes a quoted-string (RFC 5322 section 3.2.4).
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// dotAtom reports whether s needs no quotes in an address (RFC 5322 section
// 3.2.3, with the UTF-8 of RFC 6532).
func dotAtom(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '.' && c < utf8.RuneSelf && !atext(c) {
			return false
		}
	}
	return true
}

func atext(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// messageID checks an id that goes between angle brackets.
func messageID(id string) bool {
	if len(id) > 500 {
		return false
	}
	if left, right, ok := strings.Cut(id, "@"); !ok || left == "" || right == "" {
		return false
	}
	for i := 0; i < len(id); i++ {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '(' || c == ')' {
			return false
		}
	}
	return true
}
