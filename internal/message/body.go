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
	other   bool   // a leaf of text, but neither plain nor HTML
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
	p.m.parts[len(p.m.parts)-1].body = true
	switch {
	case isHTML:
	case t.flowed:
		s = unflow(s, t.delsp)
	case t.typ == "text/enriched" || t.typ == "text/richtext":
		s = enrichedText(s)
	}
	p.hang(&node{html: isHTML, other: !isHTML && t.typ != "text/plain", text: s})
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
		if p.root.hasHTML() {
			m.pieces = p.root.htmlPieces(nil)
		}
	}
	if strings.TrimSpace(m.Text) == "" && m.pieces == nil && p.tnefText+p.tnefHTML != "" {
		m.Text = trimText(p.tnefText)
		if p.tnefHTML != "" {
			m.pieces = []htmlPiece{{text: p.tnefHTML}}
			if m.Text == "" {
				m.Text = HTMLToText(p.tnefHTML)
			}
		}
	}
	m.rawHTML = joinRaw(m.pieces)
	if !p.lim.NoHTML {
		m.HTML = m.RenderHTML()
	}
	p.markInline()
}

// htmlPiece is one part of the body as HTML shows it.
type htmlPiece struct {
	text  string
	plain bool // plain text between HTML parts
}

func (h htmlPiece) raw() string {
	if h.plain {
		return "<pre>" + html.EscapeString(h.text) + "</pre>\n"
	}
	return h.text
}

func joinRaw(pieces []htmlPiece) string {
	if len(pieces) == 1 {
		return pieces[0].raw()
	}
	var b strings.Builder
	for _, h := range pieces {
		b.WriteString(h.raw())
	}
	return b.String()
}

// RenderHTML returns the sanitised HTML of the body, as in the field HTML.
// Each part is sanitised alone, so that none can reach into the next (the
// EFAIL attacks).
func (m *Message) RenderHTML() string {
	var b strings.Builder
	for _, h := range m.pieces {
		if h.plain {
			b.WriteString(h.raw())
		} else {
			b.WriteString(sanitiseHTML(h.text))
		}
	}
	return b.String()
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
		t := k.asText()
		switch {
		case strings.TrimSpace(t) == "" || best != "" && k.other:
		case best == "":
			best = t
		case !strings.Contains(best, strings.TrimSpace(t)): // a list's footer, put in the wrong place
			best = strings.TrimRight(best, "\n") + "\n\n" + t
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
	for _, w := range []string{"not support", "doesn't support", "does not support", "cannot display", "can't display", "unable to", "not able to", "html version", "html format", "html-format", "html e-mail", "html email", "html mail", "html message", "html-mail", "html-e-mail", "unterstützt", "anzeigen", "ne supporte pas", "ne prend pas en charge", "no soporta", "no admite", "non supporta", "ondersteunt geen", "view this", "enable html", "html capable", "html-capable"} {
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

// htmlPieces returns what a reader of HTML sees, part by part.
func (n *node) htmlPieces(to []htmlPiece) []htmlPiece {
	switch {
	case n.subtype == "":
		if !n.html && strings.TrimSpace(n.text) == "" {
			return to
		}
		return append(to, htmlPiece{n.text, !n.html})
	case n.subtype == "alternative":
		for i := len(n.kids) - 1; i >= 0; i-- {
			if n.kids[i].hasHTML() && !n.kids[i].blank() {
				return n.kids[i].htmlPieces(to)
			}
		}
		for _, k := range n.kids {
			if !k.blank() {
				return k.htmlPieces(to)
			}
		}
		return to
	}
	for _, k := range n.kids {
		to = k.htmlPieces(to)
	}
	return to
}

func (n *node) blank() bool {
	if strings.TrimSpace(n.text) != "" {
		return false
	}
	for _, k := range n.kids {
		if !k.blank() {
			return false
		}
	}
	return true
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
