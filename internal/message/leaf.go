package message

import (
	"bytes"
	"slices"
	"strings"
)

// leaf is the part being read: where its decoded bytes go.
type leaf struct {
	e     entity
	body  bool // it is text of the message's body
	sink  *sink
	child *parser // reads an attached message that is encoded
	line  []byte  // the child's unfinished line
	tnef  *tnefReader
	buf   []byte // decoded text, capped by keep
	keep  int
	cut   bool
	mid   bool // the last piece did not end its line
	eol   byte // line end not yet passed on
	begun bool // a line was read
	b64   base64Decoder
	carry []byte // quoted-printable escape split between pieces of a long line
	tmp   []byte
	uu    uuText
}

func (l *leaf) reset() { *l = leaf{buf: l.buf[:0], tmp: l.tmp[:0]} }

// beginLeaf decides what becomes of a part that is not walked into.
func (p *parser) beginLeaf(e entity) {
	l := &p.leaf
	l.reset()
	l.e = e
	p.state = inLeaf
	textual := strings.HasPrefix(e.typ, "text/") || strings.HasPrefix(e.typ, "message/")
	message := isMessageType(e.typ)
	switch {
	case message:
		if p.inside == 0 {
			l.sink = p.openSink(e.attachment())
		}
		if p.depth() < p.lim.Depth {
			p.part(e, "")
			l.child = p.newChild()
		}
	case p.inside > 0:
		if textual {
			l.keep = partTextBytes
		}
	case isTNEF(e):
		l.tnef = newTNEF(p, e)
	case p.isBody(e):
		l.body = true
		l.keep = p.budget[kindOf(e.typ)]
	default:
		l.sink = p.openSink(e.attachment())
		if textual {
			l.keep = partTextBytes
		}
	}
}

func (p *parser) newChild() *parser {
	c := &parser{lim: p.lim, m: p.m, bol: true, want: -1, base: p.depth() + 1, inside: p.inside + 1, keep: p.keep, nparts: p.nparts, hint: p.hint, attachedAt: -1}
	if p.leaf.sink != nil {
		c.attachedAt = p.leaf.sink.index
	}
	c.beginHeader()
	return c
}

const (
	plainText = 0
	htmlText  = 1
)

func kindOf(typ string) int {
	if typ == "text/html" {
		return htmlText
	}
	return plainText
}

// isBody says whether a leaf is part of the body rather than an attachment,
// by the rule of RFC 8621 section 4.1.4: the first part of its multipart is,
// and so is a later one without a file name unless it is a related resource.
func (p *parser) isBody(e entity) bool {
	switch e.typ {
	case "text/plain", "text/html", "text/enriched", "text/richtext", "text/markdown", "text/x-markdown":
	default:
		return false
	}
	if e.disp == "attachment" {
		return false
	}
	if len(p.stack) == 0 {
		return true
	}
	f := &p.stack[len(p.stack)-1]
	return f.children <= 1 || f.subtype == "alternative" || f.subtype != "related" && e.name == ""
}

// leafLine decodes a line (or a piece of a long one) and passes it on.
func (p *parser) leafLine(line []byte) {
	l := &p.leaf
	bol := !l.mid
	l.mid = line[len(line)-1] != '\n'
	if !l.begun && len(bytes.TrimSpace(line)) > 0 {
		l.begun = true
		if l.e.enc == encBase64 && l.keep > 0 && isProse(bytes.TrimSpace(line)) {
			l.e.enc = encNone
			p.defect("text labelled base64 that is not")
		}
	}
	switch l.e.enc {
	case encNone:
		if l.body {
			p.textLine(line, bol)
			return
		}
		b, eol := cutEOL(line)
		p.passLine(b, eol)
	case encQP:
		p.qpLine(line)
	case encBase64:
		l.tmp = l.b64.line(l.tmp[:0], line)
		p.pass(l.tmp)
	case encUU:
		p.uuEncoded(line)
	}
}

func (p *parser) qpLine(line []byte) {
	l := &p.leaf
	b, eol := cutEOL(line)
	if len(l.carry) > 0 {
		b = append(l.carry, b...)
		l.carry = nil
	}
	if eol != 0 {
		b = bytes.TrimRight(b, " \t")
		if n := len(b); n > 0 && b[n-1] == '=' {
			b, eol = b[:n-1], 0
		}
	}
	var rest []byte
	l.tmp, rest = decodeQP(l.tmp[:0], b, l.mid)
	if len(rest) > 0 {
		l.carry = bytes.Clone(rest)
	}
	p.passLine(l.tmp, eol)
}

// passLine hands on decoded bytes and, if eol is not 0, a line end, which is
// kept back until something follows it.
func (p *parser) passLine(b []byte, eol byte) {
	l := &p.leaf
	if l.eol != 0 {
		p.pass(lineEnds[l.eol])
	}
	p.pass(b)
	l.eol = eol
}

func (p *parser) pass(b []byte) {
	l := &p.leaf
	if len(b) == 0 {
		return
	}
	if l.sink != nil {
		l.sink.write(b)
	}
	switch {
	case l.child != nil:
		l.feedChild(b)
	case l.tnef != nil:
		l.tnef.write(b)
	case l.keep > 0:
		l.add(b)
	}
}

func (l *leaf) add(b []byte) {
	if room := l.keep - len(l.buf); len(b) > room {
		b = b[:room]
		l.cut = true
	}
	l.buf = append(l.buf, b...)
}

func (l *leaf) feedChild(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n') + 1
		if i == 0 {
			l.line = append(l.line, b...)
			if len(l.line) > 16<<10 {
				l.child.feed(l.line)
				l.line = l.line[:0]
			}
			return
		}
		if len(l.line) > 0 {
			l.line = append(l.line, b[:i]...)
			l.child.feed(l.line)
			l.line = l.line[:0]
		} else {
			l.child.feed(b[:i])
		}
		b = b[i:]
	}
}

// endLeaf finishes the part being read.
func (p *parser) endLeaf() {
	l := &p.leaf
	if l.e.enc == encBase64 {
		l.tmp = l.b64.flush(l.tmp[:0])
		p.pass(l.tmp)
		if l.b64.broken {
			p.defect("broken base64")
		}
	}
	if len(l.carry) > 0 && string(l.carry) != "=" {
		p.passLine(l.carry, 0)
	}
	switch {
	case l.child != nil:
		if len(l.line) > 0 {
			l.child.feed(l.line)
		}
		l.child.end()
		p.keep, p.nparts = l.child.keep, l.child.nparts
	case l.tnef != nil:
		l.tnef.close()
	case l.body:
		p.endBody()
	case len(l.buf) > 0 && p.want < 0:
		p.part(l.e, cleanText(decodeCharset(l.buf, l.e.charset, p.hint, l.e.typ == "text/plain")))
	case !isMessageType(l.e.typ):
		p.part(l.e, "")
	}
	if l.uu.sink != nil {
		p.closeSink(l.uu.sink)
	}
	if l.sink != nil {
		p.closeSink(l.sink)
	}
	l.reset()
	p.state = inGap
}

// endBody finishes a part of the body.
func (p *parser) endBody() {
	l := &p.leaf
	if l.uu.held != nil {
		l.add(l.uu.held)
		l.uu.held = nil
	}
	if l.e.enc != encNone && l.e.typ == "text/plain" && hasUU(l.buf) {
		text := slices.Clone(l.buf)
		l.buf = l.buf[:0]
		for len(text) > 0 {
			i := bytes.IndexByte(text, '\n') + 1
			if i == 0 {
				i = len(text)
			}
			p.textLine(text[:i], true)
			text = text[i:]
		}
	}
	if n := len(l.buf); l.e.enc == encNone && len(p.stack) > 0 && n > 0 && l.buf[n-1] == '\n' {
		l.buf = l.buf[:n-1] // it belongs to the delimiter
	}
	if l.cut {
		p.defect("text over the limit: its end is left out")
	}
	p.budget[kindOf(l.e.typ)] -= len(l.buf)
	p.textNode(l.buf, textInfo{l.e})
}
