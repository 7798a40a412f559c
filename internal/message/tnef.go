package message

import (
	"encoding/binary"
	"strings"
)

// The attributes of a TNEF stream ([MS-OXTNEF] section 2.1.3.3) that hold
// what a reader wants of it.
const (
	tnefSignature  = 0x223e9f78
	tnefBody       = 0x0002800c
	tnefAttachData = 0x0006800f
	tnefTitle      = 0x00018010
	tnefRendData   = 0x00069002 // begins an attachment
	tnefProps      = 0x00069003
	tnefAttachment = 0x00069005 // the attachment's MAPI properties
	tnefCodepage   = 0x00069007

	maxTNEFValue = 1 << 20 // of an attribute that is not an attachment's bytes
	maxTNEFDepth = 4       // of messages attached within
)

func isTNEF(e entity) bool {
	return e.typ == "application/ms-tnef" || e.typ == "application/vnd.ms-tnef" || e.typ == "application/x-ms-tnef" ||
		equalFold(e.name, "winmail.dat") || equalFold(e.name, "win.dat") && e.typ == "application/octet-stream"
}

// tnefReader unpacks a winmail.dat as it streams by: its attachments are
// listed as the mail's own, its text serves where the mail has no other. What
// is no TNEF, or not from some point on, is listed as an attachment itself.
type tnefReader struct {
	p     *parser
	e     entity
	depth int
	buf   []byte // the head of an attribute, or its value while that is wanted whole
	state tnefState
	id    uint32
	left  int64 // bytes of the value still to come
	raw   *sink // of what cannot be unpacked

	att      *sink // the attachment being read
	title    string
	codepage string
	pending  bool // an attachment began and has no bytes yet
}

type tnefState byte

const (
	tnefStart tnefState = iota
	tnefHead
	tnefValue // kept in buf
	tnefStream
	tnefSkip
	tnefSum
	tnefRaw
)

func newTNEF(p *parser, e entity) *tnefReader { return &tnefReader{p: p, e: e} }

func (t *tnefReader) write(b []byte) {
	for len(b) > 0 {
		switch t.state {
		case tnefRaw:
			if t.raw != nil {
				t.raw.write(b)
			}
			return
		case tnefStart:
			if b = t.fill(b, 6); len(t.buf) == 6 {
				if binary.LittleEndian.Uint32(t.buf) != tnefSignature {
					t.fail()
					continue
				}
				t.next(tnefHead)
			}
		case tnefHead:
			if b = t.fill(b, 9); len(t.buf) == 9 {
				t.head()
			}
		case tnefSum:
			if b = t.fill(b, 2); len(t.buf) == 2 {
				t.next(tnefHead)
			}
		default:
			n := min(int64(len(b)), t.left)
			t.take(b[:n])
			b = b[n:]
			if t.left -= n; t.left == 0 {
				t.value()
			}
		}
	}
}

func (t *tnefReader) fill(b []byte, n int) []byte {
	k := min(n-len(t.buf), len(b))
	t.buf = append(t.buf, b[:k]...)
	return b[k:]
}

func (t *tnefReader) next(s tnefState) { t.state, t.buf = s, t.buf[:0] }

// fail lists what is left as an attachment of its own.
func (t *tnefReader) fail() {
	if t.state == tnefRaw {
		return
	}
	t.endAttachment()
	t.p.defect("broken winmail.dat")
	t.state = tnefRaw
	if t.depth > 0 {
		return
	}
	a := t.e.attachment()
	if a.Name == "" {
		a.Name = "winmail.dat"
	}
	t.raw = t.p.openSink(a)
	t.raw.write(t.buf)
}

func (t *tnefReader) head() {
	level, n := t.buf[0], binary.LittleEndian.Uint32(t.buf[5:])
	t.id, t.left = binary.LittleEndian.Uint32(t.buf[1:]), int64(n)
	if level != 1 && level != 2 || n > 1<<31 {
		t.fail()
		return
	}
	if t.id == tnefRendData {
		t.endAttachment()
		t.pending, t.title = true, ""
	}
	switch {
	case t.id == tnefAttachData:
		t.endSink()
		t.pending = false
		t.att = t.p.openSink(Attachment{Name: t.title, Type: typeByName(t.title)})
		t.next(tnefStream)
	case n <= maxTNEFValue && (t.id == tnefTitle || t.id == tnefAttachment || t.id == tnefProps || t.id == tnefBody || t.id == tnefCodepage):
		t.next(tnefValue)
	default:
		if t.id == tnefAttachment || t.id == tnefProps {
			t.p.defect("winmail.dat holds more than is unpacked")
		}
		t.next(tnefSkip)
	}
	if t.left == 0 {
		t.value()
	}
}

func (t *tnefReader) take(b []byte) {
	switch t.state {
	case tnefValue:
		t.buf = append(t.buf, b...)
	case tnefStream:
		t.att.write(b)
	}
}

// value acts on an attribute whose value is complete.
func (t *tnefReader) value() {
	if t.state == tnefValue {
		switch t.id {
		case tnefTitle:
			t.rename(t.text(t.buf))
		case tnefCodepage:
			if len(t.buf) >= 4 {
				t.codepage = codepage(binary.LittleEndian.Uint32(t.buf))
			}
		case tnefBody:
			t.body(t.text(t.buf), false)
		case tnefProps:
			mapiProps(t.buf, t.messageProp)
		case tnefAttachment:
			mapiProps(t.buf, t.attachmentProp)
		}
	}
	t.next(tnefSum)
}

func (t *tnefReader) messageProp(id, typ uint16, v []byte) {
	switch id {
	case 0x1000: // PidTagBody
		t.body(t.propText(typ, v), false)
	case 0x1009: // PidTagRtfCompressed
		if s, isHTML := readRTF(expandRTF(v)); isHTML || t.p.tnefText == "" {
			t.body(s, isHTML && t.p.tnefHTML == "")
		}
	case 0x1013: // PidTagHtml
		t.body(t.propText(typ, v), true)
	}
}

func (t *tnefReader) attachmentProp(id, typ uint16, v []byte) {
	switch id {
	case 0x3707, 0x3001: // PidTagAttachLongFilename, PidTagDisplayName
		if id == 0x3707 || t.title == "" {
			t.rename(t.propText(typ, v))
		}
	case 0x370e: // PidTagAttachMimeTag
		if s := strings.ToLower(t.propText(typ, v)); t.att != nil && t.att.index >= 0 && strings.Count(s, "/") == 1 && isType(strings.Replace(s, "/", "", 1)) {
			t.p.m.Attachments[t.att.index].Type = s
		}
	case 0x3712: // PidTagAttachContentId
		if t.att != nil && t.att.index >= 0 {
			t.p.m.Attachments[t.att.index].ContentID = cleanLine(strings.Trim(t.propText(typ, v), "<>"))
		}
	case 0x3701: // PidTagAttachDataBinary, or an attached message behind its interface id
		if !t.pending {
			return
		}
		t.pending = false
		if typ == 0x000d && len(v) > 16+6 && binary.LittleEndian.Uint32(v[16:]) == tnefSignature && t.depth < maxTNEFDepth {
			inner := &tnefReader{p: t.p, e: t.e, depth: t.depth + 1}
			inner.write(v[16:])
			inner.close()
			return
		}
		t.att = t.p.openSink(Attachment{Name: t.title, Type: typeByName(t.title)})
		t.att.write(v)
	}
}

func (t *tnefReader) rename(s string) {
	if s = safeName(s); s == "" {
		return
	}
	t.title = s
	if t.att != nil && t.att.index >= 0 {
		a := &t.p.m.Attachments[t.att.index]
		a.Name = s
		if a.Type == "application/octet-stream" {
			a.Type = typeByName(s)
		}
	}
}

func (t *tnefReader) text(v []byte) string {
	return strings.TrimRight(decodeCharset([]byte(strings.TrimRight(string(v), "\x00")), t.codepage, t.p.hint, false), "\x00")
}

func (t *tnefReader) propText(typ uint16, v []byte) string {
	if typ&0xfff == 0x1f {
		return strings.TrimRight(decodeUTF16(v, "utf-16le"), "\x00")
	}
	return t.text(v)
}

// body keeps the message's text for a mail that has no other.
func (t *tnefReader) body(s string, isHTML bool) {
	if t.depth > 0 || strings.TrimSpace(s) == "" || t.p.want >= 0 {
		return
	}
	s = cleanText(s)
	if isHTML {
		t.p.tnefHTML = s
	} else if t.p.tnefText == "" {
		t.p.tnefText = s
	}
}

func (t *tnefReader) endSink() {
	if t.att != nil {
		t.p.closeSink(t.att)
		t.att = nil
	}
}

func (t *tnefReader) endAttachment() {
	t.endSink()
	t.pending = false
}

func (t *tnefReader) close() {
	if t.state != tnefHead && t.state != tnefSum && t.state != tnefRaw || t.state == tnefHead && len(t.buf) > 0 {
		switch t.state {
		case tnefStart, tnefHead, tnefValue:
			t.fail() // cut off: what is in hand is shown as it is
		default:
			t.p.defect("broken winmail.dat")
		}
	}
	t.endAttachment()
	if t.raw != nil {
		t.p.closeSink(t.raw)
		t.raw = nil
	}
}
