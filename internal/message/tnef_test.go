package message

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func tnefAttr(level byte, id uint32, data []byte) []byte {
	b := []byte{level}
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	var sum uint16
	for _, c := range data {
		sum += uint16(c)
	}
	return binary.LittleEndian.AppendUint16(b, sum)
}

// mapiProp is one property with one value of variable length, or of four bytes.
func mapiProp(typ, id uint16, v []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(id)<<16|uint32(typ))
	if typ == 3 {
		return append(b, v[:4]...)
	}
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(v)))
	b = append(b, v...)
	return append(b, make([]byte, -len(v)&3)...)
}

func mapiList(props ...[]byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(props))), bytes.Join(props, nil)...)
}

func utf16le(s string) (b []byte) {
	for _, u := range append(utf16.Encode([]rune(s)), 0) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func tnefOf(attrs ...[]byte) []byte {
	return append([]byte{0x78, 0x9f, 0x3e, 0x22, 1, 0}, bytes.Join(attrs, nil)...)
}

// tnefMail is a winmail.dat with a body and two attachments.
func tnefMail() []byte {
	return tnefOf(
		tnefAttr(1, tnefCodepage, []byte{0xe4, 4, 0, 0, 0, 0, 0, 0}),
		tnefAttr(1, 0x00089006, []byte{0, 0, 1, 0}),
		tnefAttr(1, tnefBody, []byte("The body, caf\xe9\x00")),
		tnefAttr(2, tnefRendData, make([]byte, 14)),
		tnefAttr(2, tnefTitle, []byte("report.pdf\x00")),
		tnefAttr(2, tnefAttachData, bytes.Repeat([]byte("PDF"), 10000)),
		tnefAttr(2, tnefRendData, make([]byte, 14)),
		tnefAttr(2, tnefTitle, []byte("LONGNA~1.TXT\x00")),
		tnefAttr(2, tnefAttachData, []byte("text")),
		tnefAttr(2, tnefAttachment, mapiList(mapiProp(3, 0x3705, []byte{1, 0, 0, 0}), mapiProp(0x1f, 0x3707, utf16le("long name.txt")), mapiProp(0x1e, 0x370e, []byte("text/plain\x00")), mapiProp(0x1e, 0x3712, []byte("cid@x\x00")))),
	)
}

func tnefPart(data []byte) string {
	return "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\n--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n" +
		base64.StdEncoding.EncodeToString(data) + "\n--b--\n"
}

func TestTNEF(t *testing.T) {
	m := parse(t, tnefPart(tnefMail()))
	if m.Text != "The body, café" || !slices.Equal(names(m), []string{"report.pdf", "long name.txt"}) {
		t.Fatalf("text %q, %q %q", m.Text, names(m), m.Defects)
	}
	a, b := m.Attachments[0], m.Attachments[1]
	if a.Size != 30000 || a.Type != "application/pdf" || b.SHA256 != sum("text") || b.Type != "text/plain" || b.ContentID != "cid@x" || len(m.Defects) != 0 {
		t.Errorf("%+v %+v %q", a, b, m.Defects)
	}
}

// A message attached in a winmail.dat gives its own attachments.
func TestTNEFNested(t *testing.T) {
	object := append(make([]byte, 16), tnefMail()...)
	m := parse(t, tnefPart(tnefOf(tnefAttr(2, tnefRendData, make([]byte, 14)), tnefAttr(2, tnefAttachment, mapiList(mapiProp(0x0d, 0x3701, object))))))
	if !slices.Equal(names(m), []string{"report.pdf", "long name.txt"}) {
		t.Errorf("%q %q", names(m), m.Defects)
	}
}

// TestTNEFBroken: what cannot be unpacked is listed as it is, and nothing panics.
func TestTNEFBroken(t *testing.T) {
	whole := tnefMail()
	if m := parse(t, tnefPart([]byte("this is no TNEF at all"))); !slices.Equal(names(m), []string{"winmail.dat"}) || m.Attachments[0].SHA256 != sum("this is no TNEF at all") {
		t.Errorf("%+v", m.Attachments)
	}
	broken := slices.Clone(whole)
	copy(broken[bytes.Index(broken, []byte("text"))+4+2:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	if m := parse(t, tnefPart(broken)); !slices.Equal(names(m), []string{"report.pdf", "LONGNA~1.TXT", "winmail.dat"}) || len(m.Defects) == 0 {
		t.Errorf("%q %q", names(m), m.Defects)
	}
	for n := range whole {
		if n < 400 || n > 30100 || n%997 == 0 {
			parse(t, tnefPart(whole[:n]))
		}
	}
	huge := tnefOf(tnefAttr(1, tnefProps, mapiList(mapiProp(0x1f, 0x1000, utf16le("x")))))
	binary.LittleEndian.PutUint32(huge[6+9:], 0xffffffff) // the count of properties
	parse(t, tnefPart(huge))
}

// A name in a winmail.dat is as safe as any.
func TestTNEFNames(t *testing.T) {
	m := parse(t, tnefPart(tnefOf(tnefAttr(2, tnefRendData, make([]byte, 14)), tnefAttr(2, tnefTitle, []byte("../../etc/passwd\x00")), tnefAttr(2, tnefAttachData, []byte("x")))))
	if strings.Join(names(m), "") != "passwd" {
		t.Errorf("%q", names(m))
	}
}
