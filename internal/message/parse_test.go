package message

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

func parse(t *testing.T, s string) *Message {
	t.Helper()
	m, err := Parse(strings.NewReader(s), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	mustBeClean(t, m)
	return m
}

func names(m *Message) (out []string) {
	for _, a := range m.Attachments {
		out = append(out, a.Name)
	}
	return out
}

func TestHeader(t *testing.T) {
	m := parse(t, `Return-Path: <a@b.example>
From: Anna <a@b.example>
Sender: Bot <bot@b.example>
To: x@y.example,
	y@y.example
Cc: Z <z@y.example>
Reply-To: r@b.example
Subject: folded
  subject
Date: Mon, 3 Mar 2025 10:11:12 +0100
Message-Id: <1@b.example>
In-Reply-To: Your mail of yesterday <2@y.example>
References: <3@y.example>
	<2@y.example><4@y.example> junk
Thread-Index: AQHXkZ5zq2pZ6ZbmXUqkz4pAAAAAAAAAAAA=
Content-Type: text/plain

Hello
`)
	if m.From[0] != (Address{"Anna", "a@b.example"}) || m.Sender.Address != "bot@b.example" || len(m.To) != 2 || m.Cc[0].Name != "Z" || m.ReplyTo[0].Address != "r@b.example" {
		t.Errorf("addresses: %+v", m)
	}
	if m.Subject != "folded subject" || m.MessageID != "1@b.example" || !slices.Equal(m.InReplyTo, []string{"2@y.example"}) || !slices.Equal(m.References, []string{"3@y.example", "2@y.example", "4@y.example"}) {
		t.Errorf("subject %q ids %q %q %q", m.Subject, m.MessageID, m.InReplyTo, m.References)
	}
	if m.ThreadIndex != "01d7919e73ab6a59e996e65d4aa4cf8a4000000000000" && len(m.ThreadIndex) != 44 {
		t.Errorf("thread index %q", m.ThreadIndex)
	}
	if m.Text != "Hello" || m.FromFields != 1 || m.FromMailboxes != 1 || len(m.Defects) != 0 || m.Get("return-path") != "<a@b.example>" {
		t.Errorf("text %q, From %d %d, defects %q", m.Text, m.FromFields, m.FromMailboxes, m.Defects)
	}
}

func TestFromIsCounted(t *testing.T) {
	for in, want := range map[string][2]int{
		"From: a@b.example\nFrom: c@d.example\n\n": {2, 2},
		"From: a@b.example, c@d.example\n\n":       {1, 2},
		"From: g: a@b.example, c@d.example;\n\n":   {1, 2},
		"From: a@b.example\nFrom: a@b.example\n\n": {2, 2},
		"From: undisclosed:;\n\n":                  {1, 0},
		"Subject: x\n\n":                           {0, 0},
	} {
		if m := parse(t, in); m.FromFields != want[0] || m.FromMailboxes != want[1] {
			t.Errorf("%q: %d fields, %d mailboxes", in, m.FromFields, m.FromMailboxes)
		}
	}
}

// TestRepairs: broken frames around a mail do not lose what it says.
func TestRepairs(t *testing.T) {
	for name, c := range map[string]struct{ in, subject, text string }{
		"mbox line":                {"From a@b.example Mon Mar  3 10:11:12 2025\nSubject: s\n\nbody", "s", "body"},
		"escaped mbox line":        {">From a@b.example Mon Mar  3 10:11:12 2025\nSubject: s\n\nbody", "s", "body"},
		"no colon":                 {"From: a@b.example\nthis is nonsense\nSubject: s\n\nbody", "s", "body"},
		"space before colon":       {"From : a@b.example\nSubject : s\n\nbody", "s", "body"},
		"bare LF":                  {"From: a@b.example\nSubject: s\n\nbody", "s", "body"},
		"bare CR":                  {"From: a@b.example\rSubject: s\r\rbody\rtext\r", "s", "body\ntext"},
		"CRCRLF":                   {"From: a@b.example\r\r\nSubject: s\r\r\n\r\r\nbody\r\r\ntext\r\r\n", "s", "body\ntext"},
		"missing empty line":       {"From: a@b.example\nSubject: s\nDear Sirs,\nplease help.\n\nYours", "s", "Dear Sirs,\nplease help.\n\nYours"},
		"text after the header":    {"From: a@b.example\nSubject: s\nDear Sirs,\n\nplease help.", "s", "Dear Sirs,\n\nplease help."},
		"empty lines first":        {"\n\r\nSubject: s\n\nbody", "s", "body"},
		"no header":                {"\nbody: text", "", "body: text"},
		"only text":                {"hello there\nI write to you\n", "", "hello there\nI write to you"},
		"only header":              {"From: a@b.example\nSubject: s", "s", ""},
		"empty":                    {"", "", ""},
		"line of spaces in header": {"From: a@b.example\n \nSubject: s\n\nbody", "s", "body"},
		"line of spaces ends it":   {"From: a@b.example\nSubject: s\n \nThe body is here\n", "s", "The body is here"},
		"first line is folded":     {" From: a@b.example\nSubject: s\n\nbody", "s", "body"},
		"no name":                  {"From: a@b.example\n: value\nSubject: s\n\nbody", "s", "body"},
		"URL is no field":          {"Subject: s\nhttp://example.com/\n\nbody", "s", "http://example.com/\n\nbody"},
		"NUL":                      {"Subject: a\x00b\n\nbo\x00dy", "ab", "body"},
		"8-bit subject":            {"Subject: caf\xe9\n\nbody", "café", "body"},
		"8-bit with charset":       {"Subject: \xf0\xd2\xc9\xd7\xc5\xd4\nContent-Type: text/plain; charset=koi8-r\n\n\xf0\xd2\xc9\xd7\xc5\xd4", "Привет", "Привет"},
		"boundary after header":    {"Subject: s\nContent-Type: multipart/mixed; boundary=b\n--b\nContent-Type: text/plain\n\nbody\n--b--\n", "s", "body"},
		"no boundary parameter":    {"Subject: s\nContent-Type: multipart/mixed\n\n--b12345\nContent-Type: text/plain\n\nbody\n--b12345--\n", "s", "body"},
		"zero parts":               {"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\nbody\nof it\n", "s", "body\nof it"},
		"no close":                 {"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n", "s", "body"},
		"inner not closed":         {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--b\n\ntwo\n--b--\n", "", "one\ntwo"},
		"boundary is a prefix":     {"Content-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--bbb\n--b--\n--bb\n\ntwo\n--bb--\n", "", "one\n--bbb\ntwo"},
		"same boundary twice":      {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n", "", "one\ntwo"},
		"closed too early":         {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n\n--b\n\ntwo\n--b--\n", "", "one\ntwo"},
		"space in boundary":        {"Content-Type: multipart/mixed; boundary=\"b c\"\n\n--b c  \n\none\n--b c--\t\n", "", "one"},
		"malformed content type":   {"Content-Type: foo bar\n\nbody", "", "body"},
		"content type text":        {"Content-Type: text\n\nbody", "", "body"},
		"unpadded base64":          {"Content-Transfer-Encoding: base64\n\naGVsbG8", "", "hello"},
		"base64 with junk":         {"Content-Transfer-Encoding: base64\n\naGVs!bG8=\n", "", "hello"},
		"base64, odd lines":        {"Content-Transfer-Encoding: base64\n\naG\nV\nsbG8=\n", "", "hello"},
		"base64 and a footer":      {"Content-Transfer-Encoding: base64\n\naGVsbG8gdGhlcmU=\n________\nTo leave the list write to it\n", "", "hello there"},
		"base64 concatenated":      {"Content-Transfer-Encoding: base64\n\naGVsbG8=\nIHRoZXJl\n", "", "hello there"},
		"base64 that is not":       {"Content-Transfer-Encoding: base64\n\nHello there, this is plain.\n", "", "Hello there, this is plain."},
		"broken QP":                {"Content-Transfer-Encoding: quoted-printable\n\na=ZZb=C3=A9 100=\n %= \nx=", "", "a=ZZbé 100 %x"},
		"QP lower case":            {"Content-Transfer-Encoding: Quoted-Printable\n\n=c3=a9=\n=C3=A9  \nx", "", "éé\nx"},
		"unknown CTE":              {"Content-Transfer-Encoding: x-rot26\n\nbody", "", "body"},
		"CTE with a comment":       {"Content-Transfer-Encoding: base64 (really)\n\naGVsbG8=", "", "hello"},
		"digest without header":    {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\n--b--\n", "", ""},
		"junk between parts":       {"Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b--\nepilogue\n", "", "one"},
	} {
		m := parse(t, c.in)
		if m.Subject != c.subject || m.Text != c.text {
			t.Errorf("%s: subject %q text %q, want %q %q", name, m.Subject, m.Text, c.subject, c.text)
		}
	}
}

func TestBody(t *testing.T) {
	mixed := func(parts ...string) string {
		return "Content-Type: multipart/mixed; boundary=M\n\n--M\n" + strings.Join(parts, "\n--M\n") + "\n--M--\n"
	}
	alt := func(parts ...string) string {
		return "Content-Type: multipart/alternative; boundary=A\n\n--A\n" + strings.Join(parts, "\n--A\n") + "\n--A--\n"
	}
	related := func(parts ...string) string {
		return "Content-Type: multipart/related; boundary=R\n\n--R\n" + strings.Join(parts, "\n--R\n") + "\n--R--\n"
	}
	plain := func(s string) string { return "Content-Type: text/plain\n\n" + s }
	html := func(s string) string { return "Content-Type: text/html\n\n" + s }
	img := "Content-Type: image/png; name=i.png\nContent-ID: <i@x>\n\nPNG"
	for name, c := range map[string]struct{ in, text, html, atts string }{
		"plain":                    {plain("a"), "a", "", ""},
		"html":                     {html("<p>a</p>"), "a", "<p>a</p>", ""},
		"alternative":              {alt(plain("a"), html("<p>b</p>")), "a", "<p>b</p>", ""},
		"alternative, html first":  {alt(html("<p>b</p>"), plain("a")), "a", "<p>b</p>", ""},
		"empty plain":              {alt(plain(" \n"), html("<p>b</p>")), "b", "<p>b</p>", ""},
		"stub":                     {alt(plain("Your mail client does not support HTML."), html("<p>b</p>")), "b", "<p>b</p>", ""},
		"long mention of html":     {alt(plain("HTML is not supported by our page.\n"+strings.Repeat("x", 400)), html("<p>b</p>")), "HTML is not supported by our page.\n" + strings.Repeat("x", 400), "<p>b</p>", ""},
		"related":                  {related(html(`<img src="cid:i@x">a`), img), "a", `<img src="cid:i@x">a`, "i.png+"},
		"alternative with related": {alt(plain("a"), related(html("<p>b</p>"), img)), "a", "<p>b</p>", "i.png"},
		"two texts":                {mixed(plain("a"), plain("b")), "a\nb", "", ""},
		"text and html":            {mixed(plain("a"), html("<p>b</p>")), "a\nb", "<pre>a</pre>\n<p>b</p>", ""},
		"apple: html, pdf, html":   {alt(plain("t"), mixed(html("<p>a</p>"), "Content-Type: application/pdf; name=x.pdf\nContent-Disposition: inline\n\nPDF", html("<p>b</p>"))), "t", "<p>a</p><p>b</p>", "x.pdf+"},
		"attached text":            {mixed(plain("a"), "Content-Type: text/plain\nContent-Disposition: attachment; filename=n.txt\n\nb"), "a", "", "n.txt"},
		"named text after first":   {mixed(plain("a"), "Content-Type: text/plain; name=n.txt\n\nb"), "a", "", "n.txt"},
		"inline named first":       {mixed("Content-Type: text/plain; name=n.txt\nContent-Disposition: inline\n\na", plain("b")), "a\nb", "", ""},
		"calendar":                 {alt(plain("a"), "Content-Type: text/calendar; method=REQUEST; name=invite.ics\n\nBEGIN:VCALENDAR"), "a", "", "invite.ics"},
		"footer in alternative":    {alt(plain("a"), html("<p>a</p>"), plain("-- list footer")), "a\n\n-- list footer", "<p>a</p>", ""},
		"html without a type":      {"Subject: s\n\n<html><body><p>a</p></body></html>", "a", "<p>a</p>", ""},
		"only an attachment":       {"Content-Type: image/png; name=i.png\n\nPNG", "", "", "i.png"},
		"unknown disposition":      {mixed(plain("a"), "Content-Disposition: foo; filename=n.txt\n\nb"), "a", "", "n.txt"},
		"signed":                   {"Content-Type: multipart/signed; boundary=S\n\n--S\n" + plain("a") + "\n--S\nContent-Type: application/pgp-signature; name=signature.asc\n\nsig\n--S--\n", "a", "", "signature.asc"},
		"enriched":                 {"Content-Type: text/enriched\n\nThis is <bold>bold</bold> <param>x</param>and << less.", "This is bold and < less.", "", ""},
		"yEnc stays text":          {plain("=ybegin line=128 size=3 name=x\n)*+\n=yend size=3"), "=ybegin line=128 size=3 name=x\n)*+\n=yend size=3", "", ""},
	} {
		m := parse(t, c.in)
		var atts []string
		for _, a := range m.Attachments {
			s := a.Name
			if a.Inline {
				s += "+"
			}
			atts = append(atts, s)
		}
		if m.Text != c.text || strings.TrimSpace(m.HTML) != c.html || strings.Join(atts, " ") != c.atts {
			t.Errorf("%s:\ntext %q\nhtml %q\natts %q", name, m.Text, m.HTML, atts)
		}
	}
}

func TestFlowed(t *testing.T) {
	for _, c := range []struct{ params, in, want string }{
		{"flowed", "one \ntwo\nthree", "one two\nthree"},
		{"flowed; delsp=yes", "on \ne \ntwo", "onetwo"},
		{"flowed", "> q1 \n> q2\n>> deep \n> q3\nmine", "> q1 q2\n>> deep \n> q3\nmine"},
		{"flowed", " From here\n >not a quote\n  two", "From here\n>not a quote\n two"},
		{"flowed", "text \n-- \nAnna", "text \n-- \nAnna"},
		{"fixed", "one \ntwo", "one \ntwo"},
		{"flowed", "para one \n\npara two \n", "para one \n\npara two"},
	} {
		if m := parse(t, "Content-Type: text/plain; format="+c.params+"\n\n"+c.in); m.Text != c.want {
			t.Errorf("%s %q: got %q want %q", c.params, c.in, m.Text, c.want)
		}
	}
}

// TestReadError: what was read before the reader failed is there, with its error.
func TestReadError(t *testing.T) {
	boom := errors.New("boom")
	m, err := Parse(io.MultiReader(strings.NewReader("Subject: s\n\nbody\n"), iotest.ErrReader(boom)), Limits{})
	if !errors.Is(err, boom) || m == nil || m.Subject != "s" || m.Text != "body" {
		t.Errorf("%v %+v", err, m)
	}
}

// TestAgreesWithGoMessage: of mail that go-message composed, both read the same.
func TestAgreesWithGoMessage(t *testing.T) {
	var b bytes.Buffer
	var h mail.Header
	h.SetAddressList("From", []*mail.Address{{Name: "Jürgen, Müller", Address: "j@b.example"}})
	h.SetAddressList("To", []*mail.Address{{Name: `Q "x"`, Address: "q@b.example"}, {Address: "r@b.example"}})
	h.SetSubject("Grüße aus 東京, " + strings.Repeat("lang ", 30))
	h.SetMessageID("1@b.example")
	w, err := mail.CreateWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	tw, _ := w.CreateInline()
	for _, typ := range []string{"text/plain", "text/html"} {
		var ih mail.InlineHeader
		ih.SetContentType(typ, map[string]string{"charset": "utf-8"})
		pw, _ := tw.CreatePart(ih)
		io.WriteString(pw, "<p>Grüße, "+strings.Repeat("wörter ", 40)+"</p>\r\n.\r\n")
		pw.Close()
	}
	tw.Close()
	var ah mail.AttachmentHeader
	ah.SetContentType("application/octet-stream", nil)
	ah.SetFilename("größe " + strings.Repeat("x", 90) + ".bin")
	aw, _ := w.CreateAttachment(ah)
	aw.Write(bytes.Repeat([]byte{0, 1, 2, 0xff}, 1000))
	aw.Close()
	w.Close()

	m := parse(t, b.String())
	e, err := gomessage.Read(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	gh := mail.Header{Header: e.Header}
	if s, _ := gh.Subject(); strings.TrimSpace(s) != m.Subject {
		t.Errorf("subject %q and %q", m.Subject, s)
	}
	for field, got := range map[string][]Address{"From": m.From, "To": m.To} {
		as, _ := gh.AddressList(field)
		for i, a := range as {
			if (Address{a.Name, a.Address}) != got[i] {
				t.Errorf("%s: %v and %v", field, got[i], a)
			}
		}
	}
	e.Walk(func(path []int, e *gomessage.Entity, err error) error {
		typ, _, _ := e.Header.ContentType()
		body, _ := io.ReadAll(e.Body)
		switch typ {
		case "text/plain":
			if m.Text != strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n")) {
				t.Errorf("text %q and %q", m.Text, body)
			}
		case "application/octet-stream":
			name, _ := (&mail.AttachmentHeader{Header: e.Header}).Filename()
			if a := m.Attachments[0]; a.Name != name || a.SHA256 != sum(string(body)) {
				t.Errorf("attachment %+v and %q", a, name)
			}
		}
		return nil
	})
}

// panicReader panics once what it holds is read.
type panicReader struct {
	r      io.Reader
	fired  bool
	drains int
}

func (p *panicReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err == nil {
		return n, nil
	}
	if !p.fired {
		p.fired = true
		panic("fault")
	}
	p.drains++
	return n, err
}

// TestFault: a fault of our own loses no mail.
func TestFault(t *testing.T) {
	r := &panicReader{r: strings.NewReader("Subject: s\n\n" + strings.Repeat("body\n", 10_000))}
	m, err := Parse(r, Limits{})
	if err != nil || m.Subject != "s" || !slices.Contains(m.Defects, faultDefect) || r.drains != 1 {
		t.Errorf("%v %+v", err, m)
	}
}
