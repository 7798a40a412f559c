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
