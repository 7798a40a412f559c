package privacydesk

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"postroom/tickets"
)

// boundary parts the pieces of an answer. Base64 and quoted-printable lines
// never begin with it.
const boundary = "=_postroom_archive"

// writeAnswer writes an answer of ours as the person got it: from the queue,
// with the text and the attachments that were sent. The bytes that left are
// not kept, so trace fields and signatures are missing.
func (c *collector) writeAnswer(ctx context.Context, m *tickets.Message, o *tickets.Outgoing, w io.Writer) error {
	text, html, subject, id, to := m.Text, "", m.Subject, m.MessageID, strings.Join(m.To, ", ")
	var from string
	var cc []string
	var attach []int
	if o != nil {
		text, html, subject, id, to, cc, attach = o.Spec.Text, o.Spec.HTML, o.Spec.Subject, o.MessageID, o.To, o.Spec.Cc, o.Spec.Attach
		if q := c.dir.QueueByID(o.QueueID); q != nil {
			from = mime.QEncoding.Encode("utf-8", cmp.Or(q.DisplayName, q.Name)) + " <" + q.Address + ">"
		}
	}
	p := &mailWriter{w: w}
	p.field("From", from)
	p.field("To", to)
	p.field("Cc", strings.Join(cc, ", "))
	p.field("Subject", mime.QEncoding.Encode("utf-8", subject))
	p.field("Date", m.Received.UTC().Format(time.RFC1123Z))
	if id != "" {
		p.field("Message-ID", "<"+id+">")
	}
	p.line("MIME-Version: 1.0")
	p.line(`Content-Type: multipart/mixed; boundary="` + boundary + `"`)
	p.line("")
	p.line("--" + boundary)
	if html != "" {
		p.line(`Content-Type: multipart/alternative; boundary="` + boundary + `_a"`)
		p.line("")
		p.line("--" + boundary + "_a")
	}
	p.text("plain", text)
	if html != "" {
		p.line("--" + boundary + "_a")
		p.text("html", html)
		p.line("--" + boundary + "_a--")
	}
	for _, i := range attach {
		if i < 0 || i >= len(m.Attachments) {
			continue
		}
		a := m.Attachments[i]
		p.line("--" + boundary)
		p.line("Content-Type: " + cmp.Or(mediaType(a.Type), "application/octet-stream"))
		if v := mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}); v != "" && a.Name != "" {
			p.line("Content-Disposition: " + v)
		}
		p.line("Content-Transfer-Encoding: base64")
		p.line("")
		if p.err == nil {
			e := base64.NewEncoder(base64.StdEncoding, &wrapped{w: w})
			if p.err = c.WriteAttachment(ctx, m.ID, i, e); p.err == nil {
				p.err = e.Close()
			}
		}
		p.line("")
	}
	p.line("--" + boundary + "--")
	return p.err
}

// mailWriter writes the lines of a mail and keeps the first fault.
type mailWriter struct {
	w   io.Writer
	err error
}

func (p *mailWriter) line(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s+"\r\n")
	}
}

func (p *mailWriter) field(name, value string) {
	if value = strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, value); value != "" {
		p.line(name + ": " + value)
	}
}

func (p *mailWriter) text(subtype, s string) {
	p.line(fmt.Sprintf("Content-Type: text/%s; charset=utf-8", subtype))
	p.line("Content-Transfer-Encoding: quoted-printable")
	p.line("")
	if p.err == nil {
		q := quotedprintable.NewWriter(p.w)
		if _, p.err = io.WriteString(q, s); p.err == nil {
			p.err = q.Close()
		}
	}
	p.line("")
}

// wrapped breaks base64 into lines.
type wrapped struct {
	w  io.Writer
	at int
}

func (l *wrapped) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if l.at == 76 {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return 0, err
			}
			l.at = 0
		}
		k := min(76-l.at, len(b))
		if _, err := l.w.Write(b[:k]); err != nil {
			return 0, err
		}
		l.at += k
		b = b[k:]
	}
	return n, nil
}

// mediaType is a type that may stand in a header, or nothing.
func mediaType(s string) string {
	if t, _, err := mime.ParseMediaType(s); err == nil {
		return t
	}
	return ""
}
