package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

const uuCat = "begin 644 c.txt\n#0V%T\n`\nend\n"

func TestUuencode(t *testing.T) {
	m := parse(t, "Subject: s\n\nSee there:\n"+uuCat+"\nBye\n"+uuCat+"begin 1 is no file\nbegin 644 neither\nthis")
	if m.Text != "See there:\n\nBye\nbegin 1 is no file\nbegin 644 neither\nthis" || !slices.Equal(names(m), []string{"c.txt", "c.txt"}) || m.Attachments[0].Size != 3 {
		t.Errorf("text %q, %+v", m.Text, m.Attachments)
	}
	m = parse(t, "Content-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString([]byte("a\n"+uuCat+"b")))
	if m.Text != "a\nb" || len(m.Attachments) != 1 {
		t.Errorf("text %q, %+v", m.Text, m.Attachments)
	}
	m = parse(t, "Content-Type: application/x\nContent-Transfer-Encoding: x-uuencode\n\n"+uuCat)
	if m.Attachments[0].Size != 3 || m.Attachments[0].SHA256 != sum("Cat") {
		t.Errorf("%+v", m.Attachments)
	}
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func TestAttachedMessage(t *testing.T) {
	inner := "From: c@d.example\nSubject: The inner\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\ninner text\n--i\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; x@y.example\n--i--\n"
	for name, enc := range map[string]string{
		"plain":  "\n" + inner,
		"base64": "Content-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(inner)) + "\n",
		"qp":     "Content-Transfer-Encoding: quoted-printable\n\n" + strings.ReplaceAll(inner, "=", "=3D"),
	} {
		m := parse(t, "Subject: outer\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nouter text\n--o\nContent-Type: message/rfc822\n"+enc+"\n--o\nContent-Type: image/png; name=after.png\n\nx\n--o--\n")
		if m.Text != "outer text" || m.Subject != "outer" || !slices.Equal(names(m), []string{"The inner.eml", "after.png"}) {
			t.Errorf("%s: text %q, %q", name, m.Text, names(m))
		}
		if a := m.Attachments[0]; a.Type != "message/rfc822" || a.SHA256 != sum(inner) {
			t.Errorf("%s: %+v, want sha256 %s", name, a, sum(inner))
		}
		var found []string
		for _, p := range m.parts {
			if p.inside {
				found = append(found, p.typ+": "+p.text)
			}
			if p.typ == "message/rfc822" && (len(p.fields) != 3 || !strings.HasPrefix(p.text, "From: c@d.example\nSubject: The inner\n")) {
				t.Errorf("%s: header within: %q %q", name, p.text, p.fields)
			}
		}
		if want := []string{"text/plain: inner text", "message/delivery-status: Final-Recipient: rfc822; x@y.example"}; !slices.Equal(trimAll(found), want) {
			t.Errorf("%s: inside %q", name, found)
		}
	}
}

func trimAll(s []string) []string {
	for i := range s {
		s[i] = strings.TrimSpace(s[i])
	}
	return s
}

// TestOpenAttachment: every attachment Parse lists can be had, and is what it said.
func TestOpenAttachment(t *testing.T) {
	mail := "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\ntext\r\n" + strings.ReplaceAll(uuCat, "\n", "\r\n") +
		"--o\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QUJDREVG\r\n", 5000) +
		"--o\r\nContent-Type: text/csv; name=b.csv\r\n\r\n1;2\r\n3;4\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n" +
		"--o\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(tnefMail()) +
		"\r\n--o\r\nContent-Type: text/html; name=c.html\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=A9=\r\n</p>\r\n--o--\r\n"
	m := parse(t, mail)
	want := []string{"c.txt", "a.pdf", "b.csv", "inner.eml", "report.pdf", "long name.txt", "c.html"}
	if !slices.Equal(names(m), want) {
		t.Fatalf("%q", names(m))
	}
	for i, a := range m.Attachments {
		if a.Index != i {
			t.Errorf("%s has index %d", a.Name, a.Index)
		}
		var b bytes.Buffer
		if err := OpenAttachment(iotest.HalfReader(strings.NewReader(mail)), i, &b); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
		if int64(b.Len()) != a.Size || sum(b.String()) != a.SHA256 {
			t.Errorf("%s: %d bytes %.40q, want %d", a.Name, b.Len(), b.String(), a.Size)
		}
	}
	if got := m.Attachments[2]; got.SHA256 != sum("1;2\r\n3;4\r\n") {
		t.Errorf("b.csv: %+v", got)
	}
	if err := OpenAttachment(strings.NewReader(mail), 7, io.Discard); !errors.Is(err, ErrNoAttachment) {
		t.Errorf("index 7: %v", err)
	}
	if err := OpenAttachment(strings.NewReader(mail), -1, io.Discard); !errors.Is(err, ErrNoAttachment) {
		t.Errorf("index -1: %v", err)
	}
	full := errors.New("disk full")
	if err := OpenAttachment(strings.NewReader(mail), 1, failingWriter{full}); !errors.Is(err, full) {
		t.Errorf("write error: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }
