package privacydesk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"path"
	"strings"
	"unicode/utf8"

	"postroom/internal/message"
)

// rewriter walks through a message line by line and writes it masked.
type rewriter struct {
	ctx      context.Context
	m        *Masker
	patterns []pattern
	in       *bufio.Reader
	out      *bufio.Writer
	left     []string

	held    []byte // a line that was read and belongs to the next to ask
	hasHeld bool
	pieces  bool // the next read goes on with a long line
}

// read returns the next line with its end, or a piece of a very long one; nil
// at the end.
func (r *rewriter) read() ([]byte, error) {
	if r.hasHeld {
		r.hasHeld, r.pieces = false, false
		return r.held, nil
	}
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	line, err := r.in.ReadSlice('\n')
	r.pieces = err == bufio.ErrBufferFull
	if err == nil || r.pieces || err == io.EOF {
		return line, nil
	}
	return nil, err
}

func (r *rewriter) unread(line []byte) { r.held, r.hasHeld = line, true }

// delimits says which open multipart a line delimits, -1 if none.
func delimits(line []byte, open []string) (index int, closes bool) {
	if len(line) < 3 || line[0] != '-' || line[1] != '-' {
		return -1, false
	}
	line = bytes.TrimRight(line, " \t\r\n")
	for i := len(open) - 1; i >= 0; i-- {
		b := open[i]
		if len(line) >= len(b)+2 && string(line[2:2+len(b)]) == b {
			switch string(line[2+len(b):]) {
			case "":
				return i, false
			case "--":
				return i, true
			}
		}
	}
	return -1, false
}

// header reads a header section with the line that ends it. ended is false
// where the entity ends within it.
func (r *rewriter) header(open []string) (fields []field, blank string, err error) {
	size := 0
	var more []byte // of the newest field: appended to, so that many short lines take no square time
	end := func() {
		if n := len(fields); n > 0 && len(more) > 0 {
			fields[n-1].value += string(more)
			more = more[:0]
		}
	}
	defer func() { end() }()
	for {
		line, err := r.read()
		if err != nil {
			return nil, "", err
		}
		if len(line) == 0 {
			return fields, "", nil
		}
		if i, _ := delimits(line, open); i >= 0 {
			r.unread(bytes.Clone(line))
			return fields, "", nil
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return fields, string(line), nil
		}
		text := string(line)
		for r.pieces && size+len(text) < maxMaskedHeader {
			piece, err := r.read()
			if err != nil {
				return nil, "", err
			}
			text += string(piece)
		}
		size += len(text)
		if size > maxMaskedHeader { // hostile: the rest is its body
			r.unread([]byte(text))
			return fields, "", nil
		}
		if n := len(fields); n > 0 && (text[0] == ' ' || text[0] == '\t') {
			more = append(more, text...)
			continue
		}
		end()
		name, value, ok := strings.Cut(text, ":")
		if !ok || strings.TrimSpace(name) == "" || strings.ContainsAny(strings.TrimRight(name, " \t"), " \t") {
			fields = append(fields, field{"", text})
			continue
		}
		fields = append(fields, field{name, value})
	}
}

// entity rewrites one entity up to the line that delimits it, which stays unread.
func (r *rewriter) entity(open []string, depth int) error {
	fields, blank, err := r.header(open)
	if err != nil {
		return err
	}
	plainFields := make([]message.Field, 0, len(fields))
	for _, f := range fields {
		if f.name != "" {
			plainFields = append(plainFields, message.Field{Name: strings.TrimSpace(f.name), Value: f.unfolded()})
		}
	}
	head := message.ReadPartHead(plainFields)
	masked := make([]field, len(fields))
	for i, f := range fields {
		masked[i] = r.maskField(f)
	}
	kind := kindOf(head, depth)
	if kind == isText || kind == isEncodedMail {
		return r.text(masked, blank, head, open, depth, kind)
	}
	if err := r.writeHeader(masked, blank); err != nil {
		return err
	}
	switch kind {
	case isMultipart:
		return r.multipart(head, open, depth)
	case isMail:
		return r.entity(open, depth+1)
	}
	r.leave(describe(head), head.Name)
	return r.opaque(open, head)
}

func (r *rewriter) writeHeader(fields []field, blank string) error {
	for _, f := range fields {
		if f.name != "" {
			if _, err := r.out.WriteString(f.name + ":"); err != nil {
				return err
			}
		}
		if _, err := r.out.WriteString(f.value); err != nil {
			return err
		}
	}
	_, err := r.out.WriteString(blank)
	return err
}

type kind int

const (
	isOpaque kind = iota
	isText
	isMultipart
	isMail
	isEncodedMail
)

// kindOf says how a part is looked into.
func kindOf(h message.PartHead, depth int) kind {
	if depth > maxMaskedDepth || h.Encoding == "uuencode" {
		return isOpaque
	}
	switch {
	case h.Type == "multipart/signed" || h.Type == "multipart/encrypted":
		return isOpaque // changed, it would be worth nothing
	case strings.HasPrefix(h.Type, "multipart/"):
		if h.Boundary == "" {
			return isText
		}
		return isMultipart
	case h.Type == "message/rfc822" || h.Type == "message/global" || strings.EqualFold(path.Ext(h.Name), ".eml"):
		if h.Encoding != "" {
			return isEncodedMail
		}
		return isMail
	case strings.HasPrefix(h.Type, "text/"), strings.HasPrefix(h.Type, "message/"),
		h.Type == "application/json", h.Type == "application/xml", h.Type == "application/ics", h.Type == "application/csv", strings.HasSuffix(h.Type, "+xml"), strings.HasSuffix(h.Type, "+json"):
		return isText
	}
	switch strings.ToLower(path.Ext(h.Name)) {
	case ".txt", ".csv", ".ics", ".vcf", ".json", ".xml", ".log", ".md", ".html", ".htm", ".tsv":
		if h.Type == "application/octet-stream" {
			return isText
		}
	}
	return isOpaque
}

// describe names what a part is for the officer.
func describe(h message.PartHead) string {
	switch h.Type {
	case "multipart/signed":
		return "signed mail"
	case "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime":
		return "encrypted mail"
	}
	return h.Type
}

// multipart rewrites the parts, and the text before and after them.
func (r *rewriter) multipart(head message.PartHead, open []string, depth int) error {
	own := append(append([]string(nil), open...), head.Boundary)
	for closed := false; ; {
		line, err := r.read()
		if err != nil || len(line) == 0 {
			return err
		}
		i, closes := delimits(line, own)
		if i >= 0 && i < len(open) {
			r.unread(bytes.Clone(line))
			return nil
		}
		if i < 0 { // before the first part, or after the last
			text, _ := r.mask(string(line), plain)
			if _, err := r.out.WriteString(text); err != nil {
				return err
			}
			continue
		}
		if _, err := r.out.Write(line); err != nil {
			return err
		}
		if closed = closed || closes; closes {
			continue
		}
		if err := r.entity(own, depth+1); err != nil {
			return err
		}
	}
}

// opaque passes a part on as it is, or leaves it out.
func (r *rewriter) opaque(open []string, head message.PartHead) error {
	fresh := true
	if r.m.Strip {
		if _, err := r.out.WriteString(r.m.word() + "\r\n"); err != nil {
			return err
		}
	}
	for {
		line, err := r.read()
		if err != nil || len(line) == 0 {
			return err
		}
		if fresh {
			if i, _ := delimits(line, open); i >= 0 {
				r.unread(bytes.Clone(line))
				return nil
			}
		}
		fresh = !r.pieces
		if r.m.Strip {
			continue
		}
		if _, err := r.out.Write(line); err != nil {
			return err
		}
	}
}

// body reads the bytes of a part, without the line end that belongs to the
// delimiter behind it. over says that there are too many; what was read is
// returned and the rest is still to come.
func (r *rewriter) body(open []string) (b []byte, last string, over bool, err error) {
	fresh := true
	for {
		line, err := r.read()
		if err != nil {
			return nil, "", false, err
		}
		if len(line) == 0 {
			return b, "", false, nil
		}
		if fresh {
			if i, _ := delimits(line, open); i >= 0 {
				r.unread(bytes.Clone(line))
				for _, end := range []string{"\r\n", "\n"} {
					if bytes.HasSuffix(b, []byte(end)) {
						return b[:len(b)-len(end)], end, false, nil
					}
				}
				return b, "", false, nil
			}
		}
		fresh = !r.pieces
		b = append(b, line...)
		if len(b) > maxMaskedText {
			return b, "", true, nil
		}
	}
}

// text masks a text, or a mail that is encoded, and encodes it anew where
// anything was there.
func (r *rewriter) text(fields []field, blank string, head message.PartHead, open []string, depth int, k kind) error {
	body, last, over, err := r.body(open)
	if err != nil {
		return err
	}
	if over {
		r.leave(describe(head)+", very large", head.Name)
		if err := r.writeHeader(fields, blank); err != nil {
			return err
		}
		if !r.m.Strip {
			if _, err := r.out.Write(body); err != nil {
				return err
			}
		}
		return r.opaque(open, head)
	}
	content := decodeTransfer(body, head.Encoding)
	var changed bool
	var masked string
	if k == isEncodedMail {
		masked, changed, err = r.nested(content, depth)
		if err != nil {
			return err
		}
	} else {
		as := plain
		if head.Type == "text/html" || strings.HasSuffix(head.Type, "xml") || strings.EqualFold(path.Ext(head.Name), ".html") || strings.EqualFold(path.Ext(head.Name), ".htm") {
			as = elements
		}
		masked, changed = r.mask(message.DecodeCharset(content, head.Charset), as)
	}
	if !changed {
		if err := r.writeHeader(fields, blank); err != nil {
			return err
		}
		_, err = r.out.Write(append(body, last...))
		return err
	}
	if blank == "" {
		blank = "\r\n"
	}
	encoding := "quoted-printable"
	if head.Encoding == "base64" {
		encoding = "base64"
	}
	fields = reencoded(fields, head, encoding, k == isEncodedMail)
	if err := r.writeHeader(fields, blank); err != nil {
		return err
	}
	if err := encodeTransfer(r.out, masked, encoding); err != nil {
		return err
	}
	_, err = r.out.WriteString(last)
	return err
}

// nested masks a mail that came encoded.
func (r *rewriter) nested(raw []byte, depth int) (string, bool, error) {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	inner := &rewriter{ctx: r.ctx, m: r.m, patterns: r.patterns, in: bufio.NewReader(bytes.NewReader(raw)), out: w}
	if err := inner.entity(nil, depth+1); err != nil {
		return "", false, err
	}
	if err := w.Flush(); err != nil {
		return "", false, err
	}
	for _, l := range inner.left {
		r.leave(l, "")
	}
	return out.String(), !bytes.Equal(out.Bytes(), raw), nil
}

// reencoded is the header of a part whose text is now UTF-8 in the encoding.
func reencoded(fields []field, head message.PartHead, encoding string, mail bool) []field {
	var out []field
	typed := false
	for _, f := range fields {
		switch strings.ToLower(strings.TrimSpace(f.name)) {
		case "content-transfer-encoding", "content-md5", "content-length":
			continue
		case "content-type":
			if typed {
				continue
			}
			typed = true
			if !mail {
				f.value = contentType(f, head)
			}
		}
		out = append(out, f)
	}
	if n := len(out); n > 0 && !strings.HasSuffix(out[n-1].value, "\n") {
		out[n-1].value += "\r\n"
	}
	if !typed && !mail {
		out = append(out, field{"Content-Type", " " + head.Type + "; charset=utf-8\r\n"})
	}
	return append(out, field{"Content-Transfer-Encoding", " " + encoding + "\r\n"})
}

// contentType keeps the parameters of a Content-Type and makes its charset
// UTF-8.
func contentType(f field, head message.PartHead) string {
	var kept []string
	parts := strings.Split(f.unfolded(), ";")
	for _, p := range parts[1:] {
		name, _, _ := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && !strings.HasPrefix(name, "charset") {
			kept = append(kept, ";\r\n "+strings.TrimSpace(p))
		}
	}
	return " " + head.Type + "; charset=utf-8" + strings.Join(kept, "") + "\r\n"
}

// decodeTransfer undoes a transfer encoding; what is broken is left as it is
// or left out, so that as much as can be is looked at.
func decodeTransfer(b []byte, encoding string) []byte {
	switch encoding {
	case "base64":
		kept := make([]byte, 0, len(b))
		for _, c := range b {
			switch {
			case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/':
				kept = append(kept, c)
			case c == '-':
				kept = append(kept, '+')
			case c == '_':
				kept = append(kept, '/')
			}
		}
		if len(kept)%4 == 1 {
			kept = kept[:len(kept)-1]
		}
		out := make([]byte, base64.RawStdEncoding.DecodedLen(len(kept)))
		n, _ := base64.RawStdEncoding.Decode(out, kept)
		return out[:n]
	case "quoted-printable":
		out := make([]byte, 0, len(b))
		for i := 0; i < len(b); i++ {
			if b[i] != '=' {
				out = append(out, b[i])
				continue
			}
			rest := bytes.TrimLeft(b[i+1:], " \t")
			switch {
			case bytes.HasPrefix(rest, []byte("\r\n")):
				i = len(b) - len(rest) + 1
			case bytes.HasPrefix(rest, []byte("\n")):
				i = len(b) - len(rest)
			case i+2 < len(b) && hexDigit(b[i+1]) >= 0 && hexDigit(b[i+2]) >= 0:
				out = append(out, byte(hexDigit(b[i+1])<<4|hexDigit(b[i+2])))
				i += 2
			case len(rest) > 0:
				out = append(out, '=')
			}
		}
		return out
	}
	return b
}

func encodeTransfer(w io.Writer, text, encoding string) error {
	if encoding == "base64" {
		const line = 57
		for b := []byte(text); len(b) > 0; {
			n := min(line, len(b))
			if _, err := io.WriteString(w, base64.StdEncoding.EncodeToString(b[:n])+"\r\n"); err != nil {
				return err
			}
			b = b[n:]
		}
		return nil
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	q := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(q, text); err != nil {
		return err
	}
	return q.Close()
}
