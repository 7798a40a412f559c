package message

import "strings"

// parseAddresses reads an address-list field (RFC 5322 section 3.4) as
// leniently as can be: where one entry is broken the others are kept, an
// unquoted comma in a name, a semicolon between entries, a missing bracket
// or quote are taken as meant. At most max mailboxes are returned. Linear in
// the length of v.
func parseAddresses(v, hint string, max int) []Address {
	if a, ok := simpleAddress(v); ok && max > 0 {
		return []Address{a}
	}
	var out []Address
	groups := strings.IndexByte(v, ';') >= 0 // else a colon is part of a name
	pending := ""                            // entries without an address: the head of a name with a comma
	group := false
	for len(v) > 0 && len(out) < max {
		entry, sep, rest := nextEntry(v, groups && !group)
		v = rest
		switch sep {
		case ':': // a group's name; the members follow
			group, pending = true, ""
			continue
		case ';':
			group = false
		}
		if strings.TrimSpace(entry) == "" {
			continue
		}
		m := parseMailbox(entry, hint)
		if m.addr == "" {
			if pending != "" {
				pending += ", "
			}
			pending += m.name
			if pos := strings.TrimSpace(v); pos == "" || sep == ';' {
				out = appendBare(out, pending)
				pending = ""
			}
			continue
		}
		if pending != "" {
			if m.angle && m.name != "" || m.angle && len(out) == 0 {
				m.name = strings.Trim(pending+", "+m.name, ", ")
			} else {
				out = appendBare(out, pending)
			}
			pending = ""
		}
		if len(out) < max {
			out = append(out, Address{Name: m.name, Address: m.addr})
		}
	}
	if pending != "" && len(out) < max {
		out = appendBare(out, pending)
	}
	return out
}

// appendBare keeps a single word without a domain as a local mailbox; a name
// alone is none.
func appendBare(out []Address, s string) []Address {
	s = strings.Trim(s, " ,")
	if s == "" || strings.ContainsAny(s, " ,()<>\"@") || !isSimple(s) || len(s) > 64 || strings.HasPrefix(s, "=?") {
		return out
	}
	return append(out, Address{Address: s})
}

// simpleAddress reads the two usual forms without looking at each character's
// meaning: a@b and Plain Words <a@b>.
func simpleAddress(v string) (Address, bool) {
	at := -1
	open := -1
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c <= ' ' && c != ' ' || c >= 0x7f:
			return Address{}, false
		case strings.IndexByte(`"(),:;[\]=?'`, c) >= 0:
			return Address{}, false
		case c == '@':
			if at >= 0 {
				return Address{}, false
			}
			at = i
		case c == '<':
			if open >= 0 || at >= 0 {
				return Address{}, false
			}
			open = i
		case c == '>' && (i != len(v)-1 || open < 0), c == ' ' && at >= 0:
			return Address{}, false
		}
	}
	if at < 1 || at == len(v)-1 {
		return Address{}, false
	}
	if open < 0 {
		if strings.IndexByte(v, ' ') >= 0 {
			return Address{}, false
		}
		return Address{Address: lowerDomain(v)}, true
	}
	addr := v[open+1 : len(v)-1]
	if v[len(v)-1] != '>' || strings.IndexByte(addr, ' ') >= 0 || addr[0] == '@' || addr[len(addr)-1] == '@' {
		return Address{}, false
	}
	return Address{Name: strings.TrimSpace(v[:open]), Address: lowerDomain(addr)}, true
}

// window bounds how far the end of a quoted string, comment or bracket is
// looked for, so that many unclosed ones cost no more than linear time.
const window = 1024

// nextEntry cuts the next entry off a list. sep is the character that ended
// it: ',' or ';', ':' for the name of a group, ' ' for none where another
// follows, 0 at the end.
func nextEntry(v string, mayGroup bool) (entry string, sep byte, rest string) {
	angle, quotes, comments := false, true, true
	open := 0
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\':
			i++
		case c == '(' && comments:
			if end := commentEnd(v[i:]); end > 0 {
				i += end - 1
			} else {
				comments = false
			}
		case c == '"' && quotes && !angle:
			if end := quoteEnd(v[i:]); end > 0 {
				i += end - 1
			} else {
				quotes = false
			}
		case c == '=' && strings.HasPrefix(v[i:], "=?"):
			if _, n := parseWord(v[i:]); n > 0 {
				i += n - 1
			}
		case c == '<' && !angle:
			// A bracket that never closes hides nothing but itself.
			angle = strings.IndexByte(v[i:min(len(v), i+window)], '>') > 0
			open = i
		case c == '>':
			if angle && strings.IndexByte(v[open:i], '@') > 0 && anotherFollows(v[i+1:]) {
				return v[:i+1], ' ', v[i+1:]
			}
			angle = false
		case c == ',' && !angle, c == ';':
			return v[:i], c, v[i+1:]
		case c == ':' && !angle && mayGroup && isGroupName(v[:i]):
			return v[:i], ':', v[i+1:]
		}
	}
	return v, 0, ""
}

// anotherFollows says whether the comma before another address was forgotten:
// "A <a@b> C <c@d>".
func anotherFollows(v string) bool {
	v = v[:min(len(v), window)]
	end := strings.IndexAny(v, ",;<")
	if end < 0 || v[end] != '<' {
		return false
	}
	at := strings.IndexAny(v[end+1:], "@>,;<")
	return at >= 0 && v[end+1+at] == '@'
}

// isGroupName keeps "mailto:" and "[SMTP:" from being taken for a group.
func isGroupName(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && !equalFold(s, "mailto") && !strings.ContainsAny(s, "@[<")
}

// quoteEnd returns the length of the quoted string at the start of s, 0 if
// what stands after its end shows that a quote was forgotten or not escaped.
func quoteEnd(s string) int {
	for i := 1; i < len(s) && i < window; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			if i+1 < len(s) && strings.IndexByte(" \t<@,;()\"=>", s[i+1]) < 0 {
				return 0
			}
			return i + 1
		}
	}
	return 0
}

// commentEnd returns the length of the comment at the start of s, 0 if it is not closed.
func commentEnd(s string) int {
	depth := 0
	for i := 0; i < len(s) && i < window; i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

type mailbox struct {
	name, addr string
	angle      bool
}

// parseMailbox reads one entry of a list.
func parseMailbox(s, hint string) mailbox {
	var phrase, comment, addr strings.Builder
	angle, quotes, comments := false, true, true
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '"':
			end := 0
			if quotes {
				end = quoteEnd(s[i:])
			}
			if end == 0 {
				quotes = false
				i++
				continue
			}
			if i+end < len(s) && s[i+end] == '@' { // a quoted local part
				phrase.WriteString(s[i : i+end])
			} else {
				phrase.WriteString(unquote(s[i+1 : i+end-1]))
			}
			i += end
		case '(':
			end := 0
			if comments {
				end = commentEnd(s[i:])
			}
			if end == 0 {
				comments = false
				phrase.WriteByte(c)
				i++
				continue
			}
			if comment.Len() > 0 {
				comment.WriteByte(' ')
			}
			comment.WriteString(unquote(s[i+1 : i+end-1]))
			i += end
		case '<':
			end := strings.IndexByte(s[i:], '>')
			inner := s[i+1:]
			if end > 0 {
				inner = s[i+1 : i+end]
			}
			for strings.HasPrefix(inner, "<") {
				inner = inner[1:]
			}
			if angle && !strings.ContainsRune(inner, '@') || strings.TrimSpace(inner) == "" {
				phrase.WriteString(inner)
			} else {
				if angle { // the last bracket holds the address, the earlier were name
					phrase.WriteString(" " + addr.String())
					addr.Reset()
				}
				addr.WriteString(inner)
				angle = true
			}
			if end <= 0 {
				i = len(s)
			} else {
				i += end + 1
			}
		case '>':
			i++
		case '=':
			if _, n := parseWord(s[i:]); n > 0 {
				phrase.WriteString(s[i : i+n])
				i += n
				continue
			}
			fallthrough
		default:
			phrase.WriteByte(c)
			i++
		}
	}
	m := mailbox{angle: angle}
	name := phrase.String()
	if angle {
		m.addr = cleanAddress(addr.String())
		if m.addr == "" && addr.Len() > 0 && strings.Contains(name, "@") {
			angle = false
		}
	}
	if !angle {
		name, m.addr = addressIn(name)
	}
	m.name = displayName(name, hint)
	if m.name == "" || equalFold(m.name, m.addr) && comment.Len() > 0 {
		if c := displayName(comment.String(), hint); c != "" {
			m.name = c
		}
	}
	return m
}

// addressIn finds the address in an entry without brackets: the word with an
// @, or what stands around an @ with spaces beside it.
func addressIn(s string) (name, addr string) {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s, ""
	}
	left := strings.TrimRight(s[:at], " \t")
	right := strings.TrimLeft(s[at+1:], " \t")
	start := strings.LastIndexAny(left, " \t") + 1
	if strings.HasSuffix(left, `"`) { // a quoted local part may hold spaces
		if q := strings.LastIndexByte(left[:len(left)-1], '"'); q >= 0 {
			start = q
		}
	}
	end := strings.IndexAny(right, " \t")
	if end < 0 {
		end = len(right)
	}
	addr = cleanAddress(left[start:] + "@" + right[:end])
	if addr == "" {
		return s, ""
	}
	return strings.TrimSpace(left[:start] + " " + right[end:]), addr
}

// cleanAddress brings what stood for an address to the form local@domain,
// or returns "" where it is none.
func cleanAddress(s string) string {
	if strings.IndexByte(s, '(') >= 0 {
		for i := strings.IndexByte(s, '('); i >= 0; i = strings.IndexByte(s, '(') {
			end := commentEnd(s[i:])
			if end == 0 {
				break
			}
			s = s[:i] + s[i+end:]
		}
	}
	s = strings.Trim(cleanLine(s), " \t'<>,;")
	if len(s) > 7 && equalFold(s[:7], "mailto:") {
		s = s[7:]
	}
	if strings.HasPrefix(s, "@") { // a source route, RFC 5322 section 4.4
		if i := strings.IndexByte(s, ':'); i >= 0 {
			s = s[i+1:]
		}
	}
	if !strings.HasPrefix(s, `"`) {
		s = strings.Join(strings.Fields(s), "")
	}
	if s == "" || len(s) > 998 || strings.HasPrefix(s, "@") || strings.HasSuffix(s, "@") {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		if isHidden(r) {
			return -1
		}
		return r
	}, s)
	return lowerDomain(s)
}

func lowerDomain(s string) string {
	at := strings.LastIndexByte(s, '@')
	for i := at + 1; i < len(s); i++ {
		if c := s[i]; 'A' <= c && c <= 'Z' || c >= 0x80 {
			return s[:at+1] + strings.ToLower(s[at+1:])
		}
	}
	return s
}

func unquote(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// displayName decodes a name and takes away what only quotes it.
func displayName(s, hint string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	s = decodeText(s, hint)
	if !isSimple(s) {
		s = strings.Map(func(r rune) rune {
			if isHidden(r) {
				return -1
			}
			return r
		}, s)
	}
	for len(s) > 1 && (s[0] == '"' && s[len(s)-1] == '"' || s[0] == '\'' && s[len(s)-1] == '\'') {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	if strings.Contains(s, "  ") {
		s = strings.Join(strings.Fields(s), " ")
	}
	return strings.TrimSpace(s)
}
