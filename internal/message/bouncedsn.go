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
	weight          int    // how surely the address is the recipient
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
	var out []rcpt
	var cur rcpt
	seen := map[string]bool{}
	var last *string
	flush := func() {
		if cur.final != "" || cur.original != "" || cur.status != "" || cur.action != "" || cur.diag != "" {
			out = append(out, cur)
		}
		cur, last = rcpt{}, nil
		clear(seen)
	}
	n := 0
	for line := range strings.Lines(clip(text, maxReport)) {
		if n++; n > maxLines || len(out) >= maxRecipients {
			break
		}
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" {
			if cur.final != "" || cur.original != "" {
				if cur.status != "" || cur.action != "" {
					flush()
				}
			}
			last = nil
			continue
		}
		name, value, ok := fieldLine(line)
		if !ok {
			if last != nil && len(*last) < 4*maxReason {
				*last += " " + strings.TrimSpace(line)
			}
			continue
		}
		var dst *string
		switch name {
		case "final-recipient":
			dst, value = &cur.final, typedAddress(value)
		case "original-recipient", "x-actual-recipient":
			dst, value = &cur.original, typedAddress(value)
			if name == "x-actual-recipient" && seen["original-recipient"] {
				dst = nil
			}
		case "action":
			dst, value = &cur.action, keyword(value)
		case "status":
			dst = &cur.status
		case "diagnostic-code":
			dst, value = &cur.diag, stripType(value)
		case "reporting-mta", "remote-mta", "received-from-mta", "arrival-date", "last-attempt-date", "will-retry-until", "final-log-id", "x-display-name":
			last = nil
			continue
		default:
			last = nil
			continue
		}
		if dst == nil {
			last = nil
			continue
		}
		if seen[name] && (name == "final-recipient" || name == "original-recipient" && cur.final != "" && (cur.status != "" || cur.action != "")) {
			flush()
			switch name {
			case "final-recipient":
				dst = &cur.final
			default:
				dst = &cur.original
			}
		}
		if !seen[name] || *dst == "" {
			*dst = value
		}
		seen[name] = true
		last = nil
		if name == "diagnostic-code" || name == "status" {
			last = dst
		}
	}
	flush()
	return out
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
