package message

import "strings"

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
