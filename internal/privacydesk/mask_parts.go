package privacydesk

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"path"
	"strings"

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
