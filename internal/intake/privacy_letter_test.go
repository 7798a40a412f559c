package intake_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"postroom/internal/mailtext"
	"postroom/privacy"
)

// office packs a document of a word processor.
func office(t *testing.T, file, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range [][2]string{{"mimetype", "application/octet-stream"}, {"styles.xml", "<a/>"}, {file, content}} {
		w, err := z.Create(f[0])
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A request may stand in an attached letter while the mail only points at it.
// It is asked about like one in the mail; what cannot be read is a case for the
// officer, never nothing; and a long mail about something else is not overruled
// by what hangs on it.
func TestPrivacyAttachedLetter(t *testing.T) {
	docx := office(t, "word/document.xml", `<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>Sehr geehrte Damen und Herren,</w:t></w:r></w:p>`+
		`<w:p><w:r><w:t>bitte löschen Sie alle </w:t></w:r><w:r><w:t>Daten, die Sie über mich gespeichert haben.</w:t></w:r></w:p></w:body></w:document>`)
	odt := office(t, "content.xml", `<office:document-content><office:body><text:p>Please send me a copy of all personal<text:s/> data you hold about me.</text:p></office:body></office:document-content>`)
	bomb := office(t, "word/document.xml", `<w:document><w:p><w:t>`+strings.Repeat("a ", 20<<20)+`</w:t></w:p></w:document>`)
	const see = "Hello,\r\n\r\nplease see the attached letter.\r\n\r\nRegards\r\nAnn"
	const letter = "To whom it may concern\r\n\r\nPlease delete all my personal data.\r\n"
	long := strings.Repeat("The lamp that I bought in May hums in the evening and nobody in the shop could say why. ", 8)
	for _, c := range []struct {
		name, body, header, attached string
		right                        privacy.Right
		state                        privacy.State
		mails                        string
	}{
		{"text", see, "Content-Type: text/plain; name=letter.txt\r\nContent-Disposition: attachment", letter, privacy.Erasure, privacy.Challenged, "challenge"},
		{"text inline by name", see, "Content-Type: text/plain; name=letter.txt", letter, privacy.Erasure, privacy.Challenged, "challenge"},
		{"nothing beside it", "", "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt", letter, privacy.Erasure, privacy.Challenged, "challenge"},
		{"html", see, "Content-Type: text/html\r\nContent-Disposition: attachment; filename=a.html", "<html><body><p>Please correct my data: my surname is wrongly spelt in your records.</p></body></html>", privacy.Rectification, privacy.Challenged, "challenge"},
		{"mail", see, "Content-Type: message/rfc822", "From: ann@customer.example\r\nSubject: my data\r\n\r\n" + letter, privacy.Erasure, privacy.Challenged, "challenge"},
		{"mail that is attached", see, "Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=letter.eml", "From: ann@customer.example\r\nContent-Type: text/plain\r\n\r\nBonjour,\r\nje voudrais une copie de toutes les données que vous avez sur moi.\r\n", privacy.Access, privacy.Challenged, "challenge"},
		{"docx", see, "Content-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document; name=brief.docx\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64", docx, privacy.Erasure, privacy.Challenged, "challenge"},
		{"odt by its name", see, "Content-Type: application/octet-stream; name=\"My letter.ODT\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64", odt, privacy.Access, privacy.Challenged, "challenge"},
		{"a bomb", see, "Content-Type: application/octet-stream; name=a.docx\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64", bomb, "", privacy.Review, "choices"},
		{"a broken document", see, "Content-Type: application/octet-stream; name=a.docx\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64", docx[:200], "", privacy.Review, "choices"},
		{"pdf", see, "Content-Type: application/pdf; name=letter.pdf\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64", "%PDF-1.4 delete all my personal data", "", privacy.Review, "choices"},
		{"beside a long mail", long, "Content-Type: text/plain; name=letter.txt\r\nContent-Disposition: attachment", letter, privacy.Erasure, privacy.Review, "choices"},
		{"the mail itself says more", "Please correct my data: my surname is wrongly spelt in your records.", "Content-Type: text/plain; name=letter.txt\r\nContent-Disposition: attachment", letter, privacy.Rectification, privacy.Challenged, "challenge"},
	} {
		d := newPrivacyDesk(t)
		content := c.attached
		if strings.Contains(c.header, "base64") {
			content = ""
			for enc := base64.StdEncoding.EncodeToString([]byte(c.attached)); enc != ""; {
				n := min(76, len(enc))
				content, enc = content+enc[:n]+"\r\n", enc[n:]
			}
		}
		g := d.ask(mail{Subject: "Letter", Header: "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=XX\r\n",
			Body: fmt.Sprintf("--XX\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n--XX\r\n%s\r\n\r\n%s\r\n--XX--\r\n", c.body, c.header, content)})
		list := d.requests("ann@customer.example")
		if len(list) != 1 || list[0].Right != c.right || list[0].State != c.state || mailsTo(g.out) != c.mails+">ann@customer.example" {
			t.Errorf("%s: %s, mails %s", c.name, d.states("ann@customer.example"), mailsTo(g.out))
		}
	}
}

// An answer that brings our mail back without a mark asks for nothing by our
// words, in no queue, and by its own as ever.
func TestPrivacyOwnMailBroughtBack(t *testing.T) {
	words, err := mailtext.NewPrivacyMails(mailtext.PrivacyDesk{Controller: "Example Ltd", Contact: "privacy@desk.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := words.Compose("en", string(privacy.MailReminder), map[string]string{"no": "P-1", "rights": "restriction erasure", "code": "AAAA-BBBB", "until": "2026-12-01"})
	if err != nil {
		t.Fatal(err)
	}
	ours := strings.ReplaceAll(strings.ReplaceAll(m.Text, "\n-- \n", "\n\n"), "\n", "\r\n")
	d := newPrivacyDesk(t)
	if d.ask(mail{Subject: "Re: " + m.Subject, Body: "Thanks!\r\n\r\n" + ours}); strings.Contains(d.states("ann@customer.example"), "erasure") || strings.Contains(d.states("ann@customer.example"), "restriction") {
		t.Errorf("our words made %s", d.states("ann@customer.example"))
	}
	if g := d.ok(mail{From: "bob@other.example", Rcpt: []string{"support@desk.example"}, Subject: "Re: " + m.Subject, Body: "What is this?\r\n\r\n" + ours}); strings.Contains(strings.Join(g.m.Defects, " "), "#privacy") {
		t.Errorf("in another queue: %v", g.m.Defects)
	}
	if d.ask(mail{From: "cem@third.example", Subject: "Re: " + m.Subject, Body: "Please send me a copy of all personal data you hold about me.\r\n\r\n" + ours}); d.states("cem@third.example") != "access:challenged" {
		t.Errorf("the writer's own words made %s", d.states("cem@third.example"))
	}
}
