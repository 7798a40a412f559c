package privacydesk

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"path"
	"strings"
	"unicode/utf8"

	"postroom/internal/message"
)

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
