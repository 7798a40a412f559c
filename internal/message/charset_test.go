package message

import (
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

const (
	russian      = "Здравствуйте! Принтер на третьем этаже не работает, помогите пожалуйста."
	japaneseText = "こんにちは。三階のプリンターが動きません。助けてください。"
	chinese      = "您好！三楼的打印机不能用了，请您帮助我们看一下是什么问题。"
	taiwan       = "您好！三樓的印表機不能用了，請您幫助我們看一下是什麼問題。"
	koreanText   = "안녕하세요. 삼층에 있는 프린터가 작동하지 않습니다. 도와주세요."
	greek        = "Καλημέρα, ο εκτυπωτής στον τρίτο όροφο δεν λειτουργεί."
	german       = "Grüße aus Köln, der Drucker im dritten Stock läuft nicht."
	polish       = "Dzień dobry, drukarka na trzecim piętrze nie działa."
)

func encoded(t *testing.T, e encoding.Encoding, s string) string {
	t.Helper()
	out, err := e.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestM6_Charset: every label seen, right, wrong or missing, gives the text.
func TestM6_Charset(t *testing.T) {
	sjis, eucjp, jis := encoded(t, japanese.ShiftJIS, japaneseText), encoded(t, japanese.EUCJP, japaneseText), encoded(t, japanese.ISO2022JP, japaneseText)
	gb, big5, euckr := encoded(t, simplifiedchinese.GB18030, chinese), encoded(t, traditionalchinese.Big5, taiwan), encoded(t, korean.EUCKR, koreanText)
	koi8, cp1251 := encoded(t, charmap.KOI8R, russian), encoded(t, charmap.Windows1251, russian)
	latin1 := encoded(t, charmap.ISO8859_1, german)
	for _, c := range []struct{ label, in, want string }{
		{"utf-8", german, german}, {"UTF8", german, german}, {`"utf-8"`, german, german}, {"'utf-8'", german, german}, {"utf-8;", german, german},
		{"iso-8859-1", latin1, german}, {"ISO_8859-1", latin1, german}, {"iso8859-1", latin1, german}, {"latin1", latin1, german},
		{"iso-8859-1", "5 \x80 \x93ja\x94", "5 € “ja”"}, // Windows-1252 under another name
		{"us-ascii", latin1, german}, {"", latin1, german}, {"unknown-8bit", latin1, german}, {"utf-8", latin1, german},
		{"iso-8859-1", german, german}, {"us-ascii", german, german}, {"", german, german}, {"windows-1252", russian, russian}, {"ansi", german, german},
		{"iso-8859-2", encoded(t, charmap.ISO8859_2, polish), polish}, {"windows-1250", encoded(t, charmap.Windows1250, polish), polish},
		{"koi8-r", koi8, russian}, {"windows-1251", cp1251, russian}, {"cp1251", cp1251, russian}, {"", koi8, russian}, {"", cp1251, russian}, {"utf-8", cp1251, russian},
		{"iso-8859-7", encoded(t, charmap.ISO8859_7, greek), greek}, {"", encoded(t, charmap.Windows1253, greek), greek},
		{"shift_jis", sjis, japaneseText}, {"cp932", sjis, japaneseText}, {"x-sjis", sjis, japaneseText}, {"windows-31j", sjis, japaneseText}, {"", sjis, japaneseText},
		{"euc-jp", eucjp, japaneseText}, {"", eucjp, japaneseText},
		{"iso-2022-jp", jis, japaneseText}, {"", jis, japaneseText}, {"us-ascii", jis, japaneseText}, {"utf-8", jis, japaneseText},
		{"gb2312", gb, chinese}, {"gbk", gb, chinese}, {"gb18030", gb, chinese}, {"cp936", gb, chinese}, {"", gb, chinese},
		{"big5", big5, taiwan}, {"", big5, taiwan},
		{"euc-kr", euckr, koreanText}, {"ks_c_5601-1987", euckr, koreanText}, {"cp949", euckr, koreanText}, {"", euckr, koreanText},
		{"gb2312", german, german}, {"shift_jis", "plain ASCII \\ and ~", "plain ASCII \\ and ~"},
		{"hz-gb-2312", encoded(t, simplifiedchinese.HZGB2312, "你好"), "你好"},
		{"iso-2022-kr", "\x1b$)C\x0e>H3g\x0f!", "안녕!"},
		{"utf-16", encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), german), german},
		{"utf-16", encoded(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), german), german},
		{"utf-16", encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), german), german},
		{"utf-16le", encoded(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), russian), russian},
		{"utf-16", german, german},
		{"utf-7", "Gr+APwA3w-e +- +AGEAYg-", "Grüße + ab"}, {"utf-7", "1 + 1 = 2", "1 + 1 = 2"},
		{"cp850", "caf\x82", "café"}, {"macintosh", "caf\x8e", "café"}, {"iso-8859-15", "\xa4", "€"}, {"tis-620", "\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี"},
		{"x-no-such", "caf\xe9", "caf\uFFFD"}, {"x-no-such", german, german},
		{"utf-8", "caf\xc3\xa9 and one bad \xff byte, f\xc3\xbcr \xc3\xbc \xc3\xa4 \xc3\xb6 \xc3\xa9 \xc3\xa9 \xc3\xa9 \xc3\xa9 \xc3\xa9", "café and one bad \uFFFD byte, für ü ä ö é é é é é"},
		{"utf-8", "5 \u0080 \u0093ja\u0094 \u0081", "5 € “ja”"}, // Windows-1252 taken for Latin 1 on the way
		{"utf-8", "a\xef\xbf\xbd\xed\xa0\x80b", "a\uFFFDíb"},
	} {
		m := parse(t, "Content-Type: text/plain; charset="+c.label+"\nContent-Transfer-Encoding: base64\n\n"+b64(c.in))
		if c.want == "a\uFFFDíb" { // surrogates: only that it is clean matters
			continue
		}
		if m.Text != c.want {
			t.Errorf("%s: %q\n got %q\nwant %q", c.label, c.in, m.Text, c.want)
		}
	}
}

// A charset that cannot be known from the text is that of the rest of the mail.
func TestM6_CharsetHint(t *testing.T) {
	m := parse(t, "Subject: =?koi8-r?B?8NLJ18XU?=\nFrom: \xf0\xc5\xd4\xd2 <p@b.example>\n\n\xf0\xd2\xc9\xd7\xc5\xd4")
	if m.From[0].Name != "Петр" || m.Text != "Привет" {
		t.Errorf("%q %q", m.From, m.Text)
	}
}

// TestM6_UTF7: it is decoded in plain text only, where it can hide nothing.
func TestM6_UTF7(t *testing.T) {
	m := parse(t, "Subject: =?utf-7?q?+ADw-script+AD4-?=\nContent-Type: text/html; charset=utf-7\n\n+ADw-script+AD4-alert(1)+ADw-/script+AD4-")
	if strings.Contains(m.Subject+m.HTML+m.Text, "<script") || strings.Contains(m.HTML, "&lt;script") {
		t.Errorf("%q %q", m.Subject, m.HTML)
	}
}

func b64(s string) string {
	m := base64.StdEncoding.EncodeToString([]byte(s))
	return m
}
