package message

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"path"
	"slices"
	"strings"
)

// AttachedText is what stands in attachments that are plain words: text, HTML,
// attached mails with their subjects. It is put together from what Parse kept,
// at most max bytes of it.
func (m *Message) AttachedText(max int) string {
	var b strings.Builder
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" && b.Len() < max {
			b.WriteString(truncate(s, max-b.Len()))
			b.WriteString("\n\n")
		}
	}
	for i, p := range m.parts {
		switch {
		case p.body:
		case isMessageType(p.typ):
			for _, f := range p.fields {
				if equalFold(f.Name, "subject") {
					add(decodeText(f.Value, ""))
				}
			}
		case p.typ == "text/html":
			if plainBeside(m.parts, i) {
				continue
			}
			add(HTMLToText(truncate(p.text, max)))
		case p.typ == "text/plain" || p.typ == "text/markdown":
			add(p.text)
		}
	}
	return truncate(b.String(), max)
}

// plainBeside says whether an HTML part of an attached mail stands beside the
// same in plain text.
func plainBeside(parts []part, i int) bool {
	p, before := parts[i], max(i-1, 0)
	return p.inside && before < i && parts[before].inside && parts[before].depth == p.depth && parts[before].typ == "text/plain"
}

// Bounds of reading an office document.
const (
	maxOfficeFiles = 2000
	maxOfficeXML   = 4 << 20 // of the one file in it that is read
	maxOfficeDepth = 200
)

// officeText names the file of a document that holds its words, by the end of
// the document's name.
var officeText = map[string]string{".docx": "word/document.xml", ".odt": "content.xml"}

// IsOffice reports whether an attachment is a document that OfficeText reads.
func IsOffice(a Attachment) bool {
	return officeText[strings.ToLower(path.Ext(a.Name))] != "" ||
		slices.Contains([]string{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/vnd.oasis.opendocument.text"}, a.Type)
}

// OfficeText returns the words of a .docx or .odt, at most max bytes, and
// nothing where it cannot be read. It unpacks one file, of which it reads no
// more than maxOfficeXML, and resolves no entities.
func OfficeText(doc []byte, max int) string {
	z, err := zip.NewReader(bytes.NewReader(doc), int64(len(doc)))
	if err != nil || len(z.File) > maxOfficeFiles {
		return ""
	}
	for _, f := range z.File {
		if f.Name != officeText[".docx"] && f.Name != officeText[".odt"] {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return ""
		}
		text := xmlText(io.LimitReader(r, maxOfficeXML), max)
		r.Close()
		return text
	}
	return ""
}

// xmlText is the character data of the document, a line for each paragraph.
// What cannot be read ends it.
func xmlText(r io.Reader, max int) string {
	d := xml.NewDecoder(r)
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, io.ErrUnexpectedEOF } // both are UTF-8
	var b strings.Builder
	hidden := 0 // within what is no text of the letter
	for depth := 0; b.Len() < max && depth <= maxOfficeDepth; {
		t, err := d.RawToken()
		if err != nil {
			break
		}
		switch t := t.(type) {
		case xml.StartElement:
			depth++
			switch t.Name.Local {
			case "p", "h", "br", "line-break", "tab", "tr":
				if t.Name.Local == "tab" {
					b.WriteByte(' ')
				} else {
					b.WriteByte('\n')
				}
			case "instrText", "annotation", "delText", "automatic-styles", "tracked-changes":
				hidden++
			}
		case xml.EndElement:
			depth--
			switch t.Name.Local {
			case "instrText", "annotation", "delText", "automatic-styles", "tracked-changes":
				hidden--
			}
		case xml.CharData:
			if hidden <= 0 {
				b.Write(t)
			}
		}
	}
	return cleanText(truncate(b.String(), max))
}
