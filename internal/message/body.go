package message

import (
	"html"
	"strings"
)

// node is a multipart or a text of the body's tree.
type node struct {
	subtype string // of a multipart; "" for a leaf
	kids    []*node
	html    bool
	text    string // of a leaf, in UTF-8: plain text, or HTML as it came
	plain   string // of an HTML leaf, its text once made
}

type textInfo struct{ entity }

// textNode adds decoded body text to the tree.
func (p *parser) textNode(b []byte, t textInfo) {
	if p.want >= 0 {
		return
	}
	if t.typ == "" {
		t.typ = "text/plain"
	}
	isHTML := t.typ == "text/html" || !t.hasType && t.typ == "text/plain" && startsHTML(b)
	cs := t.charset
	if isHTML && (cs == "" || canonical(cs) == "us-ascii") {
		if s := sniffHTMLCharset(b); s != "" && !strings.HasPrefix(canonical(s), "utf-") {
			cs = s
		}
	}
	s := cleanText(decodeCharset(b, cs, p.hint, !isHTML))
	if p.hint == "" && cs != "" {
		p.hint = cs
	}
	p.part(entity{typ: t.typ, disp: t.disp, fields: t.fields}, s)
	switch {
	case isHTML:
	case t.flowed:
		s = unflow(s, t.delsp)
	case t.typ == "text/enriched" || t.typ == "text/richtext":
		s = enrichedText(s)
	}
	p.hang(&node{html: isHTML, text: s})
}

func startsHTML(b []byte) bool {
	b = trimSpaceLeft(b[:min(len(b), 512)])
	return hasFold(b, "<html") || hasFold(b, "<!doctype html")
}

func trimSpaceLeft(b []byte) []byte {
	for len(b) > 0 && (b[0] <= ' ') {
		b = b[1:]
	}
	return b
}

func hasFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && equalFold(string(b[:len(prefix)]), prefix)
}

// finish makes Text and HTML of the tree.
func (p *parser) finish() {
	m := p.m
	if p.want >= 0 {
		return
	}
	if p.root != nil && p.root.subtype == "" && !p.root.html { // the usual mail
		m.Text = trimText(p.root.text)
	} else if p.root != nil {
		m.Text = trimText(p.root.asText())
		var shown, rawest strings.Builder
		if p.root.hasHTML() {
			p.root.writeHTML(&shown, &rawest)
			m.HTML, m.rawHTML = shown.String(), rawest.String()
		}
	}
	if strings.TrimSpace(m.Text) == "" && m.HTML == "" && p.tnefText+p.tnefHTML != "" {
		m.Text = trimText(p.tnefText)
		if p.tnefHTML != "" {
			m.HTML, m.rawHTML = sanitiseHTML(p.tnefHTML), p.tnefHTML
			if m.Text == "" {
				m.Text = HTMLToText(p.tnefHTML)
			}
		}
	}
	p.markInline()
}

// trimText takes away empty lines at both ends.
func trimText(s string) string {
	s = strings.TrimRight(s, " \t\n")
	for {
		line, rest, ok := strings.Cut(s, "\n")
		if !ok || strings.TrimSpace(line) != "" {
			return s
		}
		s = rest
	}
}

// asText returns the plain text of a part: of alternatives the plain one,
// unless it says nothing; of all others the texts one after the other.
func (n *node) asText() string {
	switch {
	case n.subtype == "" && n.html:
		if n.plain == "" {
			n.plain = HTMLToText(n.text)
		}
		return n.plain
	case n.subtype == "":
		return n.text
	case n.subtype == "alternative":
		return n.chooseText()
	}
	var b strings.Builder
	for _, k := range n.kids {
		t := k.asText()
		if strings.TrimSpace(t) == "" {
			continue
		}
		if b.Len() > 0 && !strings.HasSuffix(b.String()[b.Len()-1:], "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(t)
	}
	return b.String()
}

func (n *node) chooseText() string {
	best := ""
	for _, k := range n.kids {
		if k.hasHTML() {
			continue
		}
		if t := k.asText(); strings.TrimSpace(t) != "" {
			best = t
			break
		}
	}
	if best != "" && !isStub(best) {
		return best
	}
	for i := len(n.kids) - 1; i >= 0; i-- {
		k := n.kids[i]
		if !k.hasHTML() {
			continue
		}
		if t := k.asText(); strings.TrimSpace(t) != "" {
			return t
		}
	}
	return best
}

// isStub says whether a plain alternative only points to the HTML one.
func isStub(s string) bool {
	if len(s) > 400 {
		return false
	}
	low := strings.ToLower(s)
	if !strings.Contains(low, "html") {
		return false
	}
	for _, w := range []string{"not support", "doesn't support", "does not support", "cannot display", "can't display", "unable to", "not able to", "html version", "html format", "html-format", "html e-mail", "html email", "html mail", "html message", "html-mail", "html-e-mail", "unterstützt", "anzeigen", "ne supporte pas", "ne prend pas en charge", "no soporta", "no admite", "non supporta", "ondersteunt geen", "view this", "enable html"} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

func (n *node) hasHTML() bool {
	if n.html {
		return true
	}
	for _, k := range n.kids {
		if k.hasHTML() {
			return true
		}
	}
	return false
}

// writeHTML writes what a reader of HTML sees. Each part is sanitised alone,
// so that none can reach into the next (the EFAIL attacks).
func (n *node) writeHTML(shown, rawest *strings.Builder) {
	switch {
	case n.subtype == "" && n.html:
		shown.WriteString(sanitiseHTML(n.text))
		rawest.WriteString(n.text)
	case n.subtype == "":
		if strings.TrimSpace(n.text) != "" {
			pre := "<pre>" + html.EscapeString(n.text) + "</pre>\n"
			shown.WriteString(pre)
			rawest.WriteString(pre)
		}
	case n.subtype == "alternative":
		for i := len(n.kids) - 1; i >= 0; i-- {
			if k := n.kids[i]; k.hasHTML() && (strings.TrimSpace(k.asText()) != "" || i == 0 || !anyText(n.kids[:i])) {
				k.writeHTML(shown, rawest)
				return
			}
		}
		for _, k := range n.kids {
			if strings.TrimSpace(k.asText()) != "" {
				k.writeHTML(shown, rawest)
				return
			}
		}
	default:
		for _, k := range n.kids {
			k.writeHTML(shown, rawest)
		}
	}
}

func anyText(nodes []*node) bool {
	for _, n := range nodes {
		if strings.TrimSpace(n.asText()) != "" {
			return true
		}
	}
	return false
}

// markInline marks the attachments the HTML refers to.
func (p *parser) markInline() {
	m := p.m
	for i := range m.Attachments {
		if a := &m.Attachments[i]; a.ContentID != "" && !a.Inline && m.rawHTML != "" {
			a.Inline = strings.Contains(m.rawHTML, "cid:"+a.ContentID)
		}
	}
}
