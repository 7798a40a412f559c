package spam

import (
	"strings"
	"testing"

	"postroom/internal/message"
)

func TestSigns(t *testing.T) {
	const plainMail = "From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: My order\r\n" +
		"Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@customer.example>\r\n\r\nWhere is my order? I have waited for two weeks.\r\n"
	attached := strings.Replace(plainMail, "\r\n\r\n", "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", 1) +
		"--b\r\nContent-Type: application/octet-stream; name=\"Invoice.pdf.EXE\"\r\nContent-Disposition: attachment; filename=\"Invoice.pdf.EXE\"\r\n\r\nMZ\r\n--b--\r\n"
	picture := strings.Replace(plainMail[:strings.Index(plainMail, "\r\n\r\n")], "Subject:", "MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\nSubject:", 1) +
		"\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:1\">\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <1>\r\nContent-Disposition: inline\r\n\r\nx\r\n--b--\r\n"
	change := func(old, new string) string {
		if !strings.Contains(plainMail, old) {
			t.Fatalf("the mail has no %q", old)
		}
		return strings.Replace(plainMail, old, new, 1)
	}
	body := "Where is my order? I have waited for two weeks."
	cases := []struct{ name, raw, want string }{
		{"an ordinary mail", plainMail, ""},
		{"a program", attached, "program"},
		{"a picture instead of words", picture, "pictures"},
		{"another address as name", change("Ann <", `"service@bank.example" <`), "shows another mail address"},
		{"the own address as name", change("Ann <", `"ann@customer.example" <`), ""},
		{"answers elsewhere", change("Subject:", "Reply-To: x@elsewhere.example\r\nSubject:"), "another domain"},
		{"answers at a subdomain", change("Subject:", "Reply-To: x@mail.customer.example\r\nSubject:"), ""},
		{"no Message-ID", change("Message-ID: <1@customer.example>\r\n", ""), "Message-ID"},
		{"no date", change("Date: Mon, 23 Nov 2026 10:00:00 +0100\r\n", ""), "date"},
		{"not to us", change("To: support@desk.example", "To: undisclosed-recipients:;"), "neither in To"},
		{"shouting", change("My order", "CHEAP PILLS FOR EVERYONE"), "capitals"},
		{"a short word in capitals", change("My order", "RE: ABC"), ""},
		{"only a link", change(body, "see https://x.example/y"), "link"},
		{"a link with text", change(body, body+" Please look at it here: https://x.example/y"), ""},
		{"mixed letters", change("My order", "=?utf-8?q?P=D0=B0ypal_account?="), "mixed letters"},
		{"honest Russian", change("My order", "=?utf-8?q?=D0=97=D0=B0=D0=BA=D0=B0=D0=B7_iPhone?="), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, err := message.Parse(strings.NewReader(c.raw), message.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			found := signs(m, []string{"support@desk.example"})
			if c.want == "" && len(found) > 0 {
				t.Fatalf("found %v", found)
			}
			if c.want != "" && (len(found) != 1 || !strings.Contains(found[0].Words, c.want)) {
				t.Fatalf("found %v, want %q alone", found, c.want)
			}
		})
	}
}
