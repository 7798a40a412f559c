package message

import (
	"html"
	"strings"
)

// Forward is the mail that somebody passed on at the top of theirs.
type Forward struct {
	From       Address
	Subject    string
	Text       string
	InReplyTo  []string
	References []string
	Note       string // what the forwarder wrote above it
}

// maxForwardLines is how far below the top a forwarded mail may begin.
const maxForwardLines = 40

// Forwarded finds the original of a forwarded mail: one attached as
// message/rfc822, or one quoted below a header block, as mail clients forward
// inline. It returns nil when there is none, or none that names its author; a
// mail that answers (with a quote below) is not a forward.
func Forwarded(m *Message) *Forward {
	if f := forwardedAttachment(m); f != nil {
		return f
	}
	return forwardedInline(m)
}

func forwardedAttachment(m *Message) *Forward {
	for _, p := range m.parts {
		if p.typ != "message/rfc822" || len(p.fields) == 0 {
			continue
		}
		f := &Forward{Note: m.Text}
		for _, h := range p.fields {
			switch strings.ToLower(h.Name) {
			case "from":
				if as := parseAddresses(h.Value, "", 2); len(as) == 1 {
					f.From = as[0]
				}
			case "subject":
				f.Subject = decodeText(h.Value, "")
			case "in-reply-to":
				f.InReplyTo = parseIDs(h.Value)
			case "references":
				f.References = parseIDs(h.Value)
			}
		}
		if f.From.Address == "" {
			return nil
		}
		for _, inner := range m.parts {
			if inner.inside && inner.text != "" && (inner.typ == "text/plain" || inner.typ == "text/html" && f.Text == "") {
				f.Text = inner.text
				if inner.typ == "text/html" {
					f.Text = HTMLToText(inner.text)
					continue
				}
				break
			}
		}
		return f
	}
	return nil
}

// forwardedInline reads the header block under "---------- Forwarded message"
// and its kin. A subject that says so, or the line itself, must be there: a
// header block alone stands in every answer from Outlook too.
func forwardedInline(m *Message) *Forward {
	lines := strings.Split(m.Text, "\n")
	saysSo := forwardSubject(m.Subject)
	start := -1
	for i := 0; i < len(lines) && i < maxForwardLines; i++ {
		t := strings.TrimSpace(strings.TrimLeft(lines[i], "> "))
		low := strings.TrimRight(cleanAttribution(strings.Trim(t, ruleCutset+"<>[]|")), ": ")
		_, phrase := forwardPhrases[low]
		if phrase || saysSo && isHeaderLine(t) {
			start = i
			if phrase {
				start++
			}
			break
		}
	}
	if start < 0 {
		return nil
	}
	f := &Forward{Note: strings.TrimSpace(strings.Join(lines[:start], "\n"))}
	i := start
	seen := 0
	for ; i < len(lines) && i < start+24; i++ {
		t := strings.TrimSpace(strings.TrimLeft(lines[i], "> "))
		if t == "" {
			if seen > 0 {
				break
			}
			continue
		}
		colon := headerColon(t)
		if colon <= 0 {
			if seen == 0 {
				return nil
			}
			continue // a wrapped line of the block
		}
		class, value := headerKey(t, colon)
		if class == 0 {
			if seen > 0 {
				continue
			}
			return nil
		}
		seen++
		value = strings.TrimSpace(strings.Trim(strings.TrimSpace(value), "*"))
		switch class {
		case hdrFrom:
			if as := parseAddresses(strings.NewReplacer("[mailto:", "<", "]", ">").Replace(value), "", 2); len(as) == 1 && strings.Contains(as[0].Address, "@") {
				f.From = as[0]
			}
		case hdrSubject:
			f.Subject = value
		}
	}
	if f.From.Address == "" {
		return nil
	}
	body := lines[min(i, len(lines)):]
	for k := range body {
		body[k] = strings.TrimPrefix(strings.TrimPrefix(body[k], ">"), " ")
	}
	f.Text = strings.TrimSpace(strings.Join(body, "\n"))
	if f.Subject == "" {
		f.Subject = m.Subject
	}
	return f
}

func isHeaderLine(t string) bool {
	colon := headerColon(t)
	if colon <= 0 {
		return false
	}
	class, _ := headerKey(t, colon)
	return class == hdrFrom
}

// forwardSubject knows the prefixes by which clients mark a forward.
func forwardSubject(s string) bool {
	prefix, _, ok := strings.Cut(s, ":")
	if !ok || len(prefix) > 8 {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(prefix)) {
	case "fwd", "fw", "wg", "tr", "rv", "i", "vs", "vb", "pd", "doorst", "enc", "továbbítás", "ilt", "转发", "轉寄", "fs", "vl", "преп":
		return true
	}
	return false
}

// TextToHTML shows plain text as simple HTML: escaped, with its line breaks,
// addresses of the web as links.
func TextToHTML(text string) string {
	var b strings.Builder
	for _, para := range strings.Split(strings.TrimSpace(text), "\n\n") {
		b.WriteString("<p>")
		for i, line := range strings.Split(strings.Trim(para, "\n"), "\n") {
			if i > 0 {
				b.WriteString("<br>\n")
			}
			for j, word := range strings.SplitAfter(line, " ") {
				bare := strings.TrimRight(word, " .,;:!?)\"'")
				if u := strings.TrimLeft(bare, "(<\"'"); strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://") {
					at := strings.Index(word, u)
					u = strings.TrimRight(u, ">")
					e := html.EscapeString(u)
					b.WriteString(html.EscapeString(word[:at]) + `<a href="` + e + `">` + e + "</a>" + html.EscapeString(word[at+len(u):]))
					continue
				}
				if j == 0 {
					trimmed := strings.TrimLeft(word, " ")
					b.WriteString(strings.Repeat("&nbsp;", len(word)-len(trimmed)))
					word = trimmed
				}
				b.WriteString(html.EscapeString(word))
			}
		}
		b.WriteString("</p>\n")
	}
	return b.String()
}
