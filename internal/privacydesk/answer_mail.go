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

	"postroom/privacy"
	"postroom/tickets"
)

// boundary parts the pieces of an answer. Base64 and quoted-printable lines
// never begin with it.
const boundary = "=_postroom_archive"

// answered is an answer of ours as one person got it.
type answered struct {
	id, subject, text, html string
	from, fromName, to      string
	cc                      []string
	attach                  []int // of the message's attachments
}

// answered finds out what was sent. The mail to the person in the outbox knows
// after its delivery only whom it went to.
func (c *collector) answered(ctx context.Context, v privacy.View, s *origin, m *tickets.Message) (*answered, error) {
	a := &answered{id: m.MessageID, subject: m.Subject, to: c.r.Address}
	_, a.text, _ = tickets.ParseCommands(m.Text)
	a.text = strings.TrimSpace(a.text)
	a.attach = s.attach
	queue := int64(0)
	t, err := v.TicketByID(ctx, s.ticket)
	if err != nil {
		return nil, err
	}
	if t != nil {
		queue = t.QueueID
		if t.Subject != "" {
			a.subject = "Re: " + t.Subject
		}
		for i := range t.Parties {
			p := &t.Parties[i]
			switch {
			case p.Person == nil || p.Person.Address == "" || p.Role == tickets.PartyThird || p.Joined.After(m.Received):
			case c.own[tickets.FoldAddress(p.Person.Address)]:
				a.to = p.Person.Address
			default:
				a.cc = append(a.cc, p.Person.Address)
			}
		}
	}
	if s.mail != 0 {
		o, _, err := v.OutgoingByID(ctx, s.mail)
		if err != nil {
			return nil, err
		}
		if o != nil {
			a.id, a.to, queue = cmp.Or(o.MessageID, a.id), cmp.Or(o.To, a.to), cmp.Or(o.QueueID, queue)
			if o.Spec.Text != "" || o.Spec.HTML != "" || len(o.Spec.Attach) > 0 { // it did not leave yet
				a.text, a.html, a.subject, a.cc, a.attach = o.Spec.Text, o.Spec.HTML, cmp.Or(o.Spec.Subject, a.subject), o.Spec.Cc, nil
				for _, i := range o.Spec.Attach {
					if i >= 0 && i < len(m.Attachments) {
						a.attach = append(a.attach, i)
					}
				}
			}
		}
	}
	if q := c.dir.QueueByID(queue); q != nil {
		a.from, a.fromName = q.Address, cmp.Or(q.DisplayName, q.Name)
	}
	return a, nil
}

// ownFiles are attachments of an agent's mail that never go to a customer, as
// the intake has it: signatures, keys, cards, mails.
var ownFiles = map[string]bool{
	"application/pkcs7-signature": true, "application/x-pkcs7-signature": true, "application/pgp-signature": true,
	"application/pgp-keys": true, "text/vcard": true, "text/x-vcard": true,
}

// sentFiles are the attachments that went along: not what the ticket had
// before and came back quoted.
func (c *collector) sentFiles(ticket int64, m *tickets.Message) (list []int) {
	for i, x := range m.Attachments {
		if !c.files[ticket][x.SHA256] && !ownFiles[x.Type] && !strings.HasPrefix(x.Type, "message/") {
			list = append(list, i)
		}
	}
	return list
}

// writeAnswer writes an answer of ours as the person got it: from the queue,
// with the text and the attachments that were sent. The bytes that left are
// not kept, so trace fields and signatures are missing.
func (c *collector) writeAnswer(ctx context.Context, m *tickets.Message, a *answered, w io.Writer) error {
	from := ""
	if a.from != "" {
		from = mime.QEncoding.Encode("utf-8", a.fromName) + " <" + a.from + ">"
	}
	p := &mailWriter{w: w}
	p.field("From", from)
	p.field("To", a.to)
	p.field("Cc", strings.Join(a.cc, ", "))
	p.field("Subject", mime.QEncoding.Encode("utf-8", a.subject))
	p.field("Date", m.Received.UTC().Format(time.RFC1123Z))
	if a.id != "" {
		p.field("Message-ID", "<"+a.id+">")
	}
	p.line("MIME-Version: 1.0")
	p.line(`Content-Type: multipart/mixed; boundary="` + boundary + `"`)
	p.line("")
	p.line("--" + boundary)
	if a.html != "" {
		p.line(`Content-Type: multipart/alternative; boundary="` + boundary + `_a"`)
		p.line("")
		p.line("--" + boundary + "_a")
	}
	p.text("plain", a.text)
	if a.html != "" {
		p.line("--" + boundary + "_a")
		p.text("html", a.html)
		p.line("--" + boundary + "_a--")
	}
	for _, i := range a.attach {
		x := m.Attachments[i]
		p.line("--" + boundary)
		p.line("Content-Type: " + cmp.Or(mediaType(x.Type), "application/octet-stream"))
		if v := mime.FormatMediaType("attachment", map[string]string{"filename": x.Name}); v != "" && x.Name != "" {
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
