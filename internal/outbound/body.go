package outbound

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"

	"postroom/internal/message"
	"postroom/tickets"
)

// bodyParts is what goes under the header. Text is never empty in a mail that is sent;
// inline are the images that HTML shows.
type bodyParts struct {
	text   string
	html   string
	inline []attachment
	attach []attachment
	status string // fields of a delivery report (RFC 3464 section 2.1)
}

// attachment is a part taken from a stored message, or another source, while
// the mail is written.
type attachment struct {
	meta  tickets.Attachment
	index int
	of    int64                                        // the message
	open  func(ctx context.Context, w io.Writer) error // instead of a message: writes the content, the same each time
}

// bodyWriter writes MIME entities. Everything in it follows from the mail's
// Message-ID and content, so that writing twice gives the same bytes.
type bodyWriter struct {
	ctx    context.Context
	w      io.Writer
	bodies Bodies
	seed   string
	n      int
}

// boundary gives the next boundary. "=_" occurs in no quoted-printable and no
// base64 text (RFC 2045 section 6.7), and our 7bit texts are checked for it.
func (b *bodyWriter) boundary() string {
	b.n++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", b.seed, b.n))
	return "=_" + hex.EncodeToString(sum[:12])
}

func (b *bodyWriter) put(s string) error {
	_, err := io.WriteString(b.w, s)
	return err
}

// write writes the fields that describe the body, the empty line and the body. top
// holds the other fields.
func (b *bodyWriter) write(top string, p bodyParts) error {
	if err := b.put(top); err != nil {
		return err
	}
	return b.mixed(p)
}

// multi writes a multipart entity of these parts; one part alone stands for itself.
func (b *bodyWriter) multi(subtype, params string, parts []func() error) error {
	if len(parts) == 1 {
		return parts[0]()
	}
	bound := b.boundary()
	if err := b.put("Content-Type: multipart/" + subtype + ";" + params + " boundary=\"" + bound + "\"\r\n\r\n"); err != nil {
		return err
	}
	for _, part := range parts {
		if err := b.put("--" + bound + "\r\n"); err != nil {
			return err
		}
		if err := part(); err != nil {
			return err
		}
		if err := b.put("\r\n"); err != nil {
			return err
		}
	}
	return b.put("--" + bound + "--\r\n")
}

func (b *bodyWriter) mixed(p bodyParts) error {
	if p.status != "" {
		return b.multi("report", " report-type=delivery-status;", []func() error{
			func() error { return b.text(p.text) },
			func() error { return b.put("Content-Type: message/delivery-status\r\n\r\n" + p.status) },
		})
	}
	parts := []func() error{func() error { return b.alternative(p) }}
	for _, a := range p.attach {
		parts = append(parts, func() error { return b.attachment(a, "attachment") })
	}
	return b.multi("mixed", "", parts)
}

func (b *bodyWriter) alternative(p bodyParts) error {
	parts := []func() error{func() error { return b.text(p.text) }}
	if p.html != "" {
		parts = append(parts, func() error { return b.related(p) })
	}
	return b.multi("alternative", "", parts)
}

func (b *bodyWriter) related(p bodyParts) error {
	parts := []func() error{func() error { return b.html(p.html) }}
	for _, a := range p.inline {
		parts = append(parts, func() error { return b.attachment(a, "inline") })
	}
	return b.multi("related", ` type="text/html";`, parts)
}

// text writes plain text as format=flowed (RFC 3676): as it is when it is
// ASCII, else quoted-printable.
func (b *bodyWriter) text(s string) error {
	s = flow(s)
	enc := "7bit"
	if !sevenBit(s) {
		enc = "quoted-printable"
	}
	if err := b.put("Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: " + enc + "\r\n\r\n"); err != nil {
		return err
	}
	if enc == "7bit" {
		return b.put(strings.ReplaceAll(s, "\n", "\r\n"))
	}
	return b.quoted(s)
}

func (b *bodyWriter) html(s string) error {
	if err := b.put("Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"); err != nil {
		return err
	}
	return b.quoted(cleanText(s))
}

func (b *bodyWriter) quoted(s string) error {
	q := quotedprintable.NewWriter(b.w)
	if _, err := io.WriteString(q, s); err != nil {
		return err
	}
	return q.Close()
}

// attachment streams one part out of the stored message into base64.
func (b *bodyWriter) attachment(a attachment, disposition string) error {
	typ := mediaType(a.meta.Type)
	var h header
	h.raw("Content-Type", typ)
	h.raw("Content-Transfer-Encoding", "base64")
	h.words("Content-Disposition", strings.Fields(strings.Join(append([]string{disposition}, fileName(cleanLine(a.meta.Name, 200))...), "; ")))
	if disposition == "inline" && a.meta.ContentID != "" && messageIDChars(a.meta.ContentID) {
		h.raw("Content-ID", "<"+a.meta.ContentID+">")
	}
	if err := b.put(h.String() + "\r\n"); err != nil {
		return err
	}
	if b.bodies == nil && a.open == nil {
		return fmt.Errorf("open attachment %d of message %d: no store", a.index, a.of)
	}
	lines := &base64Lines{w: b.w}
	enc := base64.NewEncoder(base64.StdEncoding, lines)
	if err := b.copy(a, enc); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	return lines.close()
}

func (b *bodyWriter) copy(a attachment, w io.Writer) error {
	if a.open != nil {
		return b.copyFrom(a, w)
	}
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := b.bodies.WriteRaw(ctx, a.of, pw)
		pw.CloseWithError(err)
		done <- err
	}()
	err := message.OpenAttachment(pr, a.index, w)
	cancel()
	pr.Close() // reading may stop early; the writer must too
	werr := <-done
	if err != nil {
		return fmt.Errorf("open attachment %d of message %d: %w", a.index, a.of, err)
	}
	if werr != nil && b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	return nil
}

// fileName gives the parameters that name a file: quoted when the name is
// plain, else in pieces as RFC 2231 has them.
func fileName(name string) []string {
	if name == "" {
		return nil
	}
	if isASCII(name) && len(name) <= 60 && !strings.ContainsAny(name, "\"\\%") && !strings.Contains(name, "=?") {
		return []string{"filename=" + quote(name)}
	}
	const hex = "0123456789ABCDEF"
	var pieces []string
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if b.Len() > 55 {
			pieces = append(pieces, b.String())
			b.Reset()
		}
		switch c := name[i]; {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_':
			b.WriteByte(c)
		default:
			b.WriteString("%" + hex[c>>4:c>>4+1] + hex[c&15:c&15+1])
		}
	}
	pieces = append(pieces, b.String())
	if len(pieces) == 1 {
		return []string{"filename*=utf-8''" + pieces[0]}
	}
	words := []string{"filename*0*=utf-8''" + pieces[0]}
	for i, p := range pieces[1:] {
		words = append(words, fmt.Sprintf("filename*%d*=%s", i+1, p))
	}
	return words
}

func messageIDChars(s string) bool { return messageID(s+"@x") && len(s) < 200 }

// mediaType gives a type that may stand in front of base64. A message or
// multipart may not (RFC 2046 section 5.2.1), so it goes as plain bytes.
func mediaType(t string) string {
	major, minor, ok := strings.Cut(strings.ToLower(strings.TrimSpace(t)), "/")
	if !ok || !token(major) || !token(minor) || major == "message" || major == "multipart" {
		return "application/octet-stream"
	}
	return major + "/" + minor
}

// token reports whether s may name a media type (RFC 6838 section 4.2).
func token(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || i > 0 && strings.IndexByte("!#$&-^_.+", c) >= 0) {
			return false
		}
	}
	return s != "" && len(s) <= 80
}

// base64Lines breaks its input after 76 characters.
type base64Lines struct {
	w   io.Writer
	col int
	buf []byte
}

func (l *base64Lines) Write(p []byte) (int, error) {
	l.buf = l.buf[:0]
	for _, c := range p {
		if l.col == 76 {
			l.buf = append(l.buf, '\r', '\n')
			l.col = 0
		}
		l.buf = append(l.buf, c)
		l.col++
	}
	if _, err := l.w.Write(l.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (l *base64Lines) close() error {
	if l.col == 0 {
		return nil
	}
	_, err := io.WriteString(l.w, "\r\n")
	return err
}
