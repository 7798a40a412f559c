package privacy

import (
	"html"
	"strings"
)

// ownAndQuoted parts what the writer wrote now from what stands below as
// quotation. HTML is reduced to its text, the signature is left out. A
// forwarded mail is the writer's own: it was sent on to say something.
func ownAndQuoted(text string) (own, quoted string) {
	if looksLikeHTML(text) {
		text = stripTags(text)
	}
	var o, q strings.Builder
	o.Grow(len(text))
	rest := text
	for rest != "" {
		line := rest
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i+1], rest[i+1:]
		} else {
			rest = ""
		}
		trimmed := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(trimmed, ">"):
			q.WriteString(strings.TrimLeft(trimmed, "> \t"))
			q.WriteByte('\n')
		case trimmed == "--" && o.Len() > 0:
			_, after, _ := strings.Cut(rest, "\n>") // a quotation may follow the signature
			q.WriteString(after)
			return o.String(), q.String()
		case opensQuote(trimmed, rest):
			// Where the lines are marked they are told apart one by one, so that
			// answers between them are the writer's.
			if !strings.HasPrefix(strings.TrimLeft(rest, " \t\r\n"), ">") {
				q.WriteString(rest)
				return o.String(), q.String()
			}
		default:
			o.WriteString(line)
		}
	}
	return o.String(), q.String()
}

// wrote are the words of a line that introduces a quotation.
var wrote = []string{"wrote", "schrieb", "écrit", "escribió", "ha scritto", "schreef", "napisał", "escreveu", "skrev", "kirjoitti", "napsal", "írta", "scris", "έγραψε", "написал", "yazdı", "pisze"}

// opensQuote says whether the line begins a quotation of another mail: an
// attribution, or the headers that Outlook puts in front.
func opensQuote(line, rest string) bool {
	if len(line) == 0 || len(line) > 300 {
		return false
	}
	if strings.HasPrefix(line, "-----") {
		l := strings.ToLower(line)
		return !strings.Contains(l, "forward") && !strings.Contains(l, "weiterge") && !strings.Contains(l, "transf") &&
			strings.HasSuffix(line, "-----") && len(strings.Trim(line, "- ")) > 0
	}
	if strings.HasSuffix(line, ":") && (strings.ContainsRune(line, '@') || strings.ContainsAny(line, "0123456789")) {
		for _, w := range wrote {
			if strings.Contains(line, w) {
				return true
			}
		}
	}
	if name, value, ok := strings.Cut(line, ":"); ok && len(name) < 12 && strings.ContainsRune(value, '@') {
		return sentLine(rest)
	}
	return false
}

// sentLine says whether the next line is a date header of a quoted mail.
func sentLine(rest string) bool {
	next, _, _ := strings.Cut(rest[:min(len(rest), 200)], "\n")
	name, value, ok := strings.Cut(strings.TrimSpace(next), ":")
	if !ok || !strings.ContainsAny(value, "0123456789") {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "sent", "date", "gesendet", "datum", "envoyé", "enviado", "enviado el", "inviato", "data", "verzonden", "wysłano", "skickat", "sendt", "fecha":
		return true
	}
	return false
}

func looksLikeHTML(s string) bool {
	head := s[:min(len(s), 4096)]
	if strings.IndexByte(head, '<') < 0 {
		return false
	}
	head = strings.ToLower(head)
	for _, tag := range []string{"<html", "<body", "<div", "<p>", "<p ", "<br", "<table", "<span", "<!doctype"} {
		if strings.Contains(head, tag) {
			return true
		}
	}
	return false
}

// stripTags leaves the text of HTML, with line breaks where blocks end. What
// stands in style and script is not text.
func stripTags(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	unclosed := map[string]bool{} // looked for once, so that time stays linear
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexByte(s[:min(len(s), 8192)], '>')
		if end < 0 || len(s) < 2 || !(s[1] == '/' || s[1] == '!' || isLetter(s[1])) {
			b.WriteByte('<')
			s = s[1:]
			continue
		}
		name := strings.ToLower(tagName(s[1:end]))
		s = s[end+1:]
		switch name {
		case "style", "script", "head", "title":
			if unclosed[name] {
				break
			}
			if at := indexFold(s, "</"+name); at >= 0 {
				s = s[at:]
			} else {
				unclosed[name] = true
			}
		case "br", "/div", "/p", "/tr", "/li", "li", "/h1", "/h2", "/h3":
			b.WriteByte('\n')
			if name == "/p" || name == "/h1" || name == "/h2" || name == "/h3" {
				b.WriteByte('\n')
			}
		case "blockquote":
			b.WriteString("\n> ")
		case "td", "/td":
			b.WriteByte(' ')
		}
	}
	return html.UnescapeString(b.String())
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func tagName(s string) string {
	for i := range len(s) {
		if c := s[i]; i > 0 && !isLetter(c) && !('0' <= c && c <= '9') {
			return s[:i]
		}
	}
	return s
}

// indexFold finds a short lower-case ASCII string in any case.
func indexFold(s, lower string) int {
	for i := 0; i+len(lower) <= len(s); i++ {
		if s[i] == lower[0] && strings.EqualFold(s[i:i+len(lower)], lower) {
			return i
		}
	}
	return -1
}
