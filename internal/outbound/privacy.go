package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"postroom/internal/mailtext"
	"postroom/tickets"
)

// PrivacyTexts writes the mails of the privacy desk.
type PrivacyTexts interface {
	Compose(lang, mail string, args map[string]string) (mailtext.PrivacyMail, error)
}

// Artifacts gives the parts of an archive, the same bytes each time.
type Artifacts interface {
	WriteArtifact(ctx context.Context, requestID int64, no int, w io.Writer) error
}

var _ PrivacyTexts = (*mailtext.PrivacyMails)(nil)

// toSubject is a mail to a data subject, or to a recipient of data. It goes to
// the address alone, under our own words, from a return path by which a bounce
// finds back to the request.
func (c *composer) toSubject(d *draft, job *Job) error {
	out := job.Out
	d.auto, d.cc = "auto-generated", nil
	if !strings.HasPrefix(out.Spec.Template, "privacy.") {
		d.subject, d.body.text, d.body.html = cleanLine(out.Spec.Subject, 200), out.Spec.Text, out.Spec.HTML
		return c.artifacts(d, out)
	}
	if c.privacy == nil {
		return &Result{Class: Temporary, Status: "4.3.0", Phase: "compose", Text: "nobody here has the words of this mail"}
	}
	m, err := c.privacy.Compose(language(out), out.Spec.Template, out.Spec.Args)
	if err != nil {
		return &Result{Class: Permanent, Status: "5.6.0", Phase: "compose", Text: "the mail cannot be written: " + cleanLine(err.Error(), 200)}
	}
	if m.Answer {
		d.auto = "auto-replied" // RFC 3834 section 5.1
	}
	d.subject, d.body.text, d.body.html = cleanLine(m.Subject, 200), m.Text, m.HTML
	return c.artifacts(d, out)
}

// artifacts puts a part of an archive, a certificate, or a list of erasures in
// place.
func (c *composer) artifacts(d *draft, out *tickets.Outgoing) error {
	no := cleanLine(out.Spec.Args["no"], 40)
	if out.Spec.Artifact > 0 {
		if c.artifactsOf == nil || out.RequestID == 0 {
			return &Result{Class: Permanent, Status: "5.6.0", Phase: "compose", Text: "the archive this mail brings is not there"}
		}
		name := cleanLine(out.Spec.Args["file"], 100)
		if name == "" {
			name = strings.ToLower(no) + "-" + strconv.Itoa(out.Spec.Artifact) + ".zip"
		}
		d.body.attach = append(d.body.attach, attachment{meta: tickets.Attachment{Name: name, Type: "application/zip"},
			open: func(ctx context.Context, w io.Writer) error {
				return c.artifactsOf.WriteArtifact(ctx, out.RequestID, out.Spec.Artifact, w)
			}})
	}
	for _, f := range []struct{ arg, name, media string }{
		{"certificate", "certificate-" + strings.ToLower(no) + ".json", "application/json"},
		{"signature", "certificate-" + strings.ToLower(no) + ".json.sig", "application/octet-stream"},
		{"list", "erasures.list", "text/plain"},
		{"list-signature", "erasures.list.sig", "application/octet-stream"},
	} {
		if content := out.Spec.Args[f.arg]; content != "" {
			d.body.attach = append(d.body.attach, attachment{meta: tickets.Attachment{Name: f.name, Type: f.media},
				open: func(_ context.Context, w io.Writer) error {
					_, err := io.WriteString(w, content)
					return err
				}})
		}
	}
	return nil
}

// statusRestricted: not authorised (RFC 3463 section 3.8).
const statusRestricted = "5.7.1"

// restricted says what may not leave of a ticket or message that is restricted
// (Article 18 GDPR): nothing is sent of it but what the privacy desk itself
// writes, and nobody is told of it but who decides about it.
func restricted(job *Job) error {
	out := job.Out
	hidden := out.Ticket != nil && out.Ticket.Restricted || out.Message != nil && out.Message.Restricted
	if !hidden {
		return nil
	}
	switch out.Kind {
	case tickets.OutPrivacy, tickets.OutReport, tickets.OutReceipt:
		return nil
	case tickets.OutNotification:
		if a := job.Directory.AgentByID(out.ToAgent); a != nil && a.Role == tickets.RolePrivacy {
			return nil
		}
	}
	return &Result{Class: Permanent, Status: statusRestricted, Phase: "compose",
		Text: "the use of this person's data is restricted (Article 18 GDPR): nothing of it is sent until the privacy officer lifts that"}
}

// verifiedLane marks connections that are kept for mail which goes over verified
// TLS only: no other connection serves it.
const verifiedLane = " verified"

// unverified turns the failure to protect a connection, for a mail that goes
// over verified TLS only, into a final one: trying again does not mend it, and
// the privacy officer has another way.
func unverified(r Result) Result {
	if r.Class == Delivered || r.Class == Permanent || r.Phase != "tls" {
		return r
	}
	status := "5.7.5" // RFC 3463: cryptographic failure
	if r.Status == "4.7.4" {
		status = "5.7.4" // security features not supported
	}
	r.Class, r.Status = Permanent, status
	r.Text = "no encrypted connection with a verified certificate could be had, and this mail goes over no other: " + r.Text
	return r
}

// copyFrom writes what an attachment's source has.
func (b *bodyWriter) copyFrom(a attachment, w io.Writer) error {
	if err := a.open(b.ctx, w); err != nil {
		if errors.Is(err, b.ctx.Err()) && b.ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("open part of an archive: %w", err)
	}
	return nil
}
