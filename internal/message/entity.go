package message

import (
	"bytes"
	"strings"
)

// frame is an open multipart or attached message around the current line.
type frame struct {
	message  bool   // an attached message rather than a multipart
	boundary string // with its two dashes; empty while a multipart without one waits for its first
	subtype  string // of the multipart: mixed, alternative, related, …
	children int
	closed   bool // the closing delimiter was seen
	node     *node
}

// boundary says which open multipart the line delimits, innermost first, and
// whether it closes it; -1 if none. A multipart already closed is taken only
// where no other fits: some gateways close too early.
func (p *parser) boundary(line []byte) (int, bool) {
	line = bytes.TrimRight(line, " \t\r\n")
	late, lateClosing := -1, false
	for i := len(p.stack) - 1; i >= 0; i-- {
		f := &p.stack[i]
		if f.message {
			continue
		}
		b := f.boundary
		if b == "" { // no boundary parameter: the first plausible line gives it
			if f.children == 0 && i == len(p.stack)-1 && p.state == inGap && len(line) > 4 && len(line) <= 202 && !bytes.ContainsAny(line, " \t") {
				f.boundary = string(line)
				p.defect("multipart without a boundary parameter")
				return i, false
			}
			continue
		}
		if len(line) < len(b) || string(line[:len(b)]) != b {
			continue
		}
		closing := len(line) == len(b)+2 && line[len(b)] == '-' && line[len(b)+1] == '-'
		if !closing && len(line) != len(b) {
			continue
		}
		if !f.closed {
			return i, closing
		}
		if late < 0 {
			late, lateClosing = i, closing
		}
	}
	return late, lateClosing
}

// cross ends the current part at the delimiter of frame i (-1: the message's
// end) and begins the next one unless the delimiter closes.
func (p *parser) cross(i int, closing bool) {
	p.endPart()
	for len(p.stack)-1 > i {
		p.pop()
	}
	if i < 0 {
		return
	}
	f := &p.stack[i]
	f.closed = closing
	p.state = inGap
	if closing {
		return
	}
	f.children++
	p.gap = p.gap[:0]
	if p.nparts++; p.nparts > p.lim.Parts {
		p.opaque()
		return
	}
	p.beginHeader()
}

// endPart closes the leaf, or the header that a delimiter cut short.
func (p *parser) endPart() {
	switch p.state {
	case inHeader:
		rest := p.hdr.flush()
		p.endHeader()
		for _, l := range rest {
			p.body(l)
		}
		if p.state == inHeader { // an attached message cut off before its header
			p.endHeader()
		}
		if p.state == inLeaf {
			p.endLeaf()
		}
	case inLeaf:
		p.endLeaf()
	}
	p.state = inGap
}

func (p *parser) pop() {
	f := p.stack[len(p.stack)-1]
	if f.message {
		if p.inside--; p.inside == 0 && p.attached != nil {
			p.closeSink(p.attached)
			p.attached = nil
		}
	} else {
		if !f.closed {
			p.defect("multipart without its closing delimiter")
		}
		if f.children == 0 && p.inside == 0 && len(p.gap) > 0 {
			p.defect("multipart without parts")
			p.stack = p.stack[:len(p.stack)-1]
			p.textNode(p.gap, textInfo{})
			p.gap = p.gap[:0]
			return
		}
	}
	p.stack = p.stack[:len(p.stack)-1]
}

// opaque takes all that follows as one attachment: the message has more parts
// than it may.
func (p *parser) opaque() {
	p.defect("too many parts: the rest is kept as one attachment")
	for len(p.stack) > 0 {
		f := &p.stack[len(p.stack)-1]
		f.closed, f.children = true, f.children+1
		p.pop()
	}
	p.leaf.reset()
	p.leaf.sink = p.openSink(Attachment{Type: "application/octet-stream"})
	p.state = inLeaf
}

func (p *parser) beginHeader() {
	p.state = inHeader
	p.hdr.reset(p.lim, len(p.stack) == 0 && p.base == 0)
}

func (p *parser) depth() int { return p.base + len(p.stack) }

// endHeader decides by the header just read what the body is.
func (p *parser) endHeader() {
	fields := p.hdr.fields()
	if p.hdr.defect != "" {
		p.defect(p.hdr.defect)
	}
	top := p.depth() == 0
	e := p.entity(fields)
	if top {
		p.fillHeader(fields)
	} else if n := len(p.stack); n > 0 && p.stack[n-1].message || n == 0 {
		p.attachedHeader(fields)
	}
	if top && len(fields) == 0 {
		p.defect("no header")
	}
	switch {
	case strings.HasPrefix(e.typ, "multipart/"):
		if p.depth() < p.lim.Depth {
			p.beginMultipart(e)
			return
		}
		p.defect("nested too deep: the rest is kept as one attachment")
		e.typ, e.enc = "application/octet-stream", encNone
	case isMessageType(e.typ) && e.enc == encNone:
		if p.depth() < p.lim.Depth {
			p.beginAttached(e)
			return
		}
		p.defect("nested too deep: the rest is kept as one attachment")
	}
	p.beginLeaf(e)
}

func (p *parser) beginMultipart(e entity) {
	f := frame{subtype: e.typ[len("multipart/"):]}
	if b := strings.TrimRight(e.boundary, " \t"); b != "" {
		f.boundary = "--" + b
	}
	if p.inside == 0 {
		f.node = &node{subtype: f.subtype}
		p.hang(f.node)
	}
	p.stack = append(p.stack, f)
	p.gap = p.gap[:0]
	p.state = inGap
}

// hang puts n under the innermost multipart of the body's tree.
func (p *parser) hang(n *node) {
	for i := len(p.stack) - 1; i >= 0; i-- {
		if f := &p.stack[i]; f.node != nil {
			f.node.kids = append(f.node.kids, n)
			return
		}
	}
	if p.root == nil {
		p.root = n
	} else {
		p.root = &node{subtype: "mixed", kids: []*node{p.root, n}}
	}
}

func isMessageType(t string) bool { return t == "message/rfc822" || t == "message/global" }

// beginAttached opens an attached message whose lines follow as they are.
func (p *parser) beginAttached(e entity) {
	if p.inside == 0 {
		p.attached = p.openSink(e.attachment())
		p.attachedAt = p.attached.index
	}
	p.part(e, "")
	p.inside++
	p.stack = append(p.stack, frame{message: true})
	p.beginHeader()
}

// attachedHeader completes the entry of the attached message whose header was
// just read: it gives the attachment its subject as a name where it has none.
func (p *parser) attachedHeader(fields []Field) {
	if p.inside == 1 && p.attachedAt >= 0 {
		if a := &p.m.Attachments[p.attachedAt]; a.Name == "" {
			a.Name = subjectName(fields, p.hint)
		}
	}
	if n := len(p.m.parts); n > 0 && isMessageType(p.m.parts[n-1].typ) {
		p.partHeader(&p.m.parts[n-1], fields)
	}
}

func subjectName(fields []Field, hint string) string {
	for _, f := range fields {
		if equalFold(f.Name, "Subject") {
			if s := safeName(strings.ReplaceAll(decodeText(f.Value, hint), "/", "-")); s != "" {
				return safeName(truncate(s, 250) + ".eml")
			}
		}
	}
	return ""
}

// partHeader fills what is kept of an attached message's header.
func (p *parser) partHeader(q *part, fields []Field) {
	var b strings.Builder
	for i, f := range fields {
		n := len(f.Name) + len(f.Value) + 3
		if b.Len()+n > partTextBytes || p.keep < 2*n {
			fields = fields[:i]
			break
		}
		p.keep -= 2 * n
		b.WriteString(f.Name)
		b.WriteString(": ")
		b.WriteString(f.Value)
		b.WriteByte('\n')
	}
	q.text, q.fields = cleanText(strings.ToValidUTF8(b.String(), "\uFFFD")), fields
}

// part notes a part for classification.
func (p *parser) part(e entity, text string) {
	q := part{typ: e.typ, depth: p.depth(), inside: p.inside > 0, dispAtt: e.disp == "attachment"}
	if text != "" && p.keep > 0 {
		q.text = truncate(text, min(partTextBytes, p.keep))
		p.keep -= len(q.text)
	}
	if p.depth() > 0 && !isMessageType(e.typ) {
		n := 0
		for _, f := range e.fields {
			n += len(f.Name) + len(f.Value)
		}
		if n <= p.keep {
			q.fields = e.fields
			p.keep -= n
		}
	}
	p.m.parts = append(p.m.parts, q)
}
