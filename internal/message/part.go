package message

import "strings"

// PartHead is what the header of one MIME entity says of its body, read as
// leniently as Parse reads it: for those who rewrite a message.
type PartHead struct {
	Type     string // media type in lower case; text/plain if none or nonsense
	Boundary string // of a multipart
	Charset  string
	Encoding string // base64, quoted-printable, uuencode, or empty
	Name     string // file name, safe
}

// ReadPartHead reads the fields of an entity's header, whose values are unfolded.
func ReadPartHead(fields []Field) PartHead {
	p := newParser(Limits{})
	defer p.release()
	e := p.entity(fields)
	h := PartHead{Type: e.typ, Boundary: strings.TrimRight(e.boundary, " \t"), Charset: e.charset, Name: e.name}
	switch e.enc {
	case encBase64:
		h.Encoding = "base64"
	case encQP:
		h.Encoding = "quoted-printable"
	case encUU:
		h.Encoding = "uuencode"
	}
	return h
}

// DecodeCharset turns text of the labelled charset into UTF-8, believing the
// label as far as Parse does.
func DecodeCharset(b []byte, label string) string { return decodeCharset(b, label, "", false) }

// DecodeHeader decodes the encoded words of an unfolded header value (RFC 2047).
func DecodeHeader(value string) string { return decodeText(value, "") }
