package message

import "testing"

func TestReadPartHead(t *testing.T) {
	got := ReadPartHead([]Field{
		{"Content-Type", `Text/HTML; charset="ISO-8859-1"; name="a.html"`},
		{"Content-Transfer-Encoding", " Quoted-Printable (really)"},
		{"Content-Disposition", `attachment; filename*=utf-8''M%C3%BCller.html`},
	})
	if got != (PartHead{Type: "text/html", Charset: "ISO-8859-1", Encoding: "quoted-printable", Name: "Müller.html"}) {
		t.Errorf("%+v", got)
	}
	if got := ReadPartHead([]Field{{"Content-Type", `multipart/mixed; boundary="b b "`}}); got.Boundary != "b b" || got.Type != "multipart/mixed" {
		t.Errorf("%+v", got)
	}
	if got := DecodeHeader("=?iso-8859-1?q?M=FCller?= Anna"); got != "Müller Anna" {
		t.Error(got)
	}
	if got := DecodeCharset([]byte("M\xfcller"), "iso-8859-1"); got != "Müller" {
		t.Error(got)
	}
}
