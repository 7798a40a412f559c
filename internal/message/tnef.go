package message

import (
	"encoding/binary"
	"path"
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

// mapiProps calls f with each value of a list of MAPI properties. It stops at
// the first length that cannot be.
func mapiProps(b []byte, f func(id, typ uint16, v []byte)) {
	ok := true
	cut := func(n uint32) []byte {
		if !ok || uint64(n) > uint64(len(b)) {
			ok = false
			return nil
		}
		v := b[:n]
		b = b[n:]
		return v
	}
	number := func() uint32 {
		if v := cut(4); ok {
			return binary.LittleEndian.Uint32(v)
		}
		return 0
	}
	padded := func(n uint32) []byte {
		v := cut(n)
		cut(min(-n&3, uint32(len(b))))
		return v
	}
	for count := number(); ok && count > 0; count-- {
		tag := number()
		typ, id := uint16(tag), uint16(tag>>16)
		if id >= 0x8000 { // a named property
			cut(16)
			if number() == 0 {
				cut(4)
			} else {
				padded(number())
			}
		}
		n := uint32(1)
		base := typ & 0xfff
		variable := base == 0x1e || base == 0x1f || base == 0x102 || base == 0x0d
		if variable || typ&0x1000 != 0 {
			n = number()
		}
		for ; ok && n > 0; n-- {
			size := fixedSize(base)
			if variable {
				size = number()
			}
			if v := padded(size); ok && size > 0 {
				f(id, typ, v)
			} else if size == 0 && !variable {
				return
			}
		}
	}
}

// fixedSize is the size of a property type on the wire, 0 if it is unknown.
func fixedSize(typ uint16) uint32 {
	switch typ {
	case 2, 3, 4, 0xa, 0xb:
		return 4
	case 5, 6, 7, 0x14, 0x40:
		return 8
	case 0x48:
		return 16
	}
	return 0
}

// codepage names the charset of a Windows code page number.
func codepage(n uint32) string {
	switch n {
	case 65001:
		return "utf-8"
	case 932:
		return "shift_jis"
	case 936:
		return "gb18030"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 874:
		return "windows-874"
	}
	if n >= 1250 && n <= 1258 {
		return "windows-125" + string(rune('0'+n-1250))
	}
	return ""
}

// typeByName gives the media type of a file that came without one.
func typeByName(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".pdf":
		return "application/pdf"
	case ".doc":
		return "application/msword"
	case ".docx":
		return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	case ".xls":
		return "application/vnd.ms-excel"
	case ".xlsx":
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case ".ppt":
		return "application/vnd.ms-powerpoint"
	case ".pptx":
		return "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	case ".txt", ".log":
		return "text/plain"
	case ".csv":
		return "text/csv"
	case ".htm", ".html":
		return "text/html"
	case ".ics":
		return "text/calendar"
	case ".vcf":
		return "text/vcard"
	case ".rtf":
		return "application/rtf"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".tif", ".tiff":
		return "image/tiff"
	case ".bmp":
		return "image/bmp"
	case ".zip":
		return "application/zip"
	}
	return "application/octet-stream"
}
