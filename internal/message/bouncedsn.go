package message

import (
	"strconv"
	"strings"
)

// rcpt is what a report says of one recipient.
type rcpt struct {
	final, original string
	action          string
	status          string // as reported
	diag            string
	text            string // the human-readable words about this recipient
}

// addStatus reads the groups of fields of a delivery-status part, RFC 3464
// section 2.1. Recipients found here replace those guessed from the text;
// their words stay as a help where no diagnostic is given. Blank lines within
// a group, missing ones between groups, unfolded continuation lines and
// fields of the wrong group are all met in the wild: a recipient begins where
// a field comes a second time.
func (r *report) addStatus(text string) {
	list := statusGroups(text)
	if len(list) == 0 {
		return
	}
	r.machine = true
	for i := range list {
		s := &list[i]
		for j := range r.rcpts {
			if t := &r.rcpts[j]; sameAddress(t.final, s.final) || sameAddress(t.final, s.original) || len(list) == 1 && len(r.rcpts) == 1 {
				s.text = t.text
				if s.final == "" && s.original == "" {
					s.final = t.final
				}
			}
		}
		if s.final == "" && s.original == "" && len(list) == 1 && len(r.rcpts) > 0 {
			s.final, s.text = r.rcpts[0].final, r.rcpts[0].text
		}
	}
	r.rcpts = list
}

// statusGroups returns the recipients of a delivery-status text.
func statusGroups(text string) []rcpt {
	var g groups
	n := 0
	for line := range strings.Lines(clip(text, maxReport)) {
		if n++; n > maxLines || len(g.out) >= maxRecipients {
			break
		}
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			g.blank()
		} else if name, value, ok := fieldLine(line); ok {
			g.field(name, value)
		} else if g.last != nil && len(*g.last) < 4*maxReason {
			*g.last += " " + strings.TrimSpace(line)
		}
	}
	g.flush()
	return g.out
}

// groups collects the fields of one recipient after the other.
type groups struct {
	out  []rcpt
	cur  rcpt
	last *string // the value that an unfolded line continues
}

func (g *groups) flush() {
	if g.cur != (rcpt{}) {
		g.out = append(g.out, g.cur)
	}
	g.cur, g.last = rcpt{}, nil
}

// blank ends the group if it is one: an address and what became of it.
func (g *groups) blank() {
	if (g.cur.final != "" || g.cur.original != "") && (g.cur.status != "" || g.cur.action != "") {
		g.flush()
	}
	g.last = nil
}

func (g *groups) field(name, value string) {
	g.last = nil
	known := g.cur.status != "" || g.cur.action != ""
	switch name {
	case "final-recipient":
		if g.cur.final != "" {
			g.flush()
		}
		g.cur.final = typedAddress(value)
	case "original-recipient":
		if g.cur.original != "" && g.cur.final != "" && known {
			g.flush()
		}
		g.cur.original = typedAddress(value)
	case "x-actual-recipient":
		g.cur.original = orElse(g.cur.original, typedAddress(value))
	case "action":
		g.cur.action = orElse(g.cur.action, keyword(value))
	case "status":
		g.cur.status = orElse(g.cur.status, value)
		g.last = &g.cur.status
	case "diagnostic-code":
		if g.cur.diag == "" {
			g.cur.diag = stripType(value)
			g.last = &g.cur.diag
		}
	}
}

// fieldLine splits "Name: value"; the name in lower case. Lines that begin
// with space, or have no name, are continuations.
func fieldLine(line string) (name, value string, ok bool) {
	if line == "" || line[0] == ' ' || line[0] == '\t' {
		return "", "", false
	}
	name, value, ok = strings.Cut(line, ":")
	if !ok || len(name) > 40 || strings.ContainsAny(strings.TrimSpace(name), " \t<>@()[]") {
		return "", "", false
	}
	return strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value), true
}

// typedAddress takes the address out of "rfc822; <user@host>" and "utf-8; …"
// (RFC 6533 section 3).
func typedAddress(v string) string {
	kind, rest, ok := strings.Cut(v, ";")
	if !ok {
		kind, rest = "", v
	}
	rest = strings.TrimSpace(rest)
	// The type is at times repeated: "rfc822;rfc822;user@host".
	if k, again, ok := strings.Cut(rest, ";"); ok && !strings.Contains(k, "@") {
		rest = strings.TrimSpace(again)
	}
	if i := strings.IndexByte(rest, '<'); i >= 0 {
		if j := strings.IndexByte(rest[i:], '>'); j > 1 {
			rest = rest[i+1 : i+j]
		}
	}
	rest = strings.Trim(rest, "<>\"' \t,;")
	if k := strings.ToLower(strings.TrimSpace(kind)); strings.HasPrefix(k, "utf-8") || strings.Contains(rest, "\\x{") {
		rest = unxtext(rest)
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "mailto:"), "MAILTO:")
	return clip(cleanWords(rest), 320)
}

// unxtext decodes the \x{HEX} escapes of utf-8-addr-xtext, RFC 6533 section 3.
func unxtext(s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, `\x{`)
		if i < 0 {
			break
		}
		j := strings.IndexByte(s[i:], '}')
		if j < 0 {
			break
		}
		b.WriteString(s[:i])
		if n, err := strconv.ParseUint(s[i+3:i+j], 16, 21); err == nil && n >= 0x20 {
			b.WriteRune(rune(n))
		}
		s = s[i+j+1:]
	}
	b.WriteString(s)
	return b.String()
}

// stripType drops the diagnostic type: "smtp; 550 …", "X-Notes; …".
func stripType(v string) string {
	kind, rest, ok := strings.Cut(v, ";")
	if ok && len(kind) < 24 && !strings.ContainsAny(strings.TrimSpace(kind), " \t<@") {
		return strings.TrimSpace(rest)
	}
	return strings.TrimSpace(v)
}

func sameAddress(a, b string) bool { return a != "" && b != "" && strings.EqualFold(a, b) }
