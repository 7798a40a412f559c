package message

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"
)

// FuzzParse: no input panics, runs away or lets unclean text out; attachments
// are the same when opened; how the bytes arrive makes no difference.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		string(plainMail()), nested(5), tnefPart(tnefMail()), "\n" + uuCat,
		"From: =?utf-8?q?a?= <a@b.example>\nSubject: =?iso-2022-jp?B?GyRCRnw=?=\nContent-Type: multipart/alternative; boundary=\"b\"\n\n--b\nContent-Type: text/plain; format=flowed; delsp=yes\n\na \nb\n--b\nContent-Type: text/html; charset=utf-7\nContent-Transfer-Encoding: quoted-printable\n\n<p>=C3=A9<blockquote>x</blockquote><ul><li>a</ul><table><tr><td>1<td>2</table>\n--b--\n",
		"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ny\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKeQo=\n--b--\n",
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n--b--\n",
		tnefPart(tnefOf(tnefAttr(1, tnefProps, mapiList(mapiProp(0x102, 0x1009, lzfu(`{\rtf1\fromhtml1 {\*\htmltag64 <p>}T\'e9\u8364 ?}`)))))),
		"From a@b\nX\n: y\nTo : Doe, John <j@d>\n \nContent-Disposition: attachment; filename*0*=utf-8''%E2; filename*1*=%82%ac\n\n",
		"Content-Transfer-Encoding: base64\n\naGVsbG8\n", "\r\rSubject: x\r\r", "Content-Type: multipart/mixed\n\n--x123\n\na\n--x123--",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		start := time.Now()
		m, err := Parse(bytes.NewReader(b), Limits{})
		took := time.Since(start)
		if err != nil {
			t.Fatal(err)
		}
		mustBeClean(t, m)
		if limit := (500*time.Millisecond + time.Duration(len(b)>>16)*100*time.Millisecond) * slowdown; took > limit {
			t.Errorf("%d bytes took %v", len(b), took)
		}
		if len(b) < 1<<10 {
			again, err := Parse(iotest.OneByteReader(bytes.NewReader(b)), Limits{})
			if err != nil || again.Text != m.Text || len(again.Attachments) != len(m.Attachments) {
				t.Errorf("byte by byte: %v\n%q\n%q", err, m.Text, again.Text)
			}
		}
		for i, a := range m.Attachments[:min(3, len(m.Attachments))] {
			n := &counter{}
			if err := OpenAttachment(bytes.NewReader(b), i, n); err != nil || n.n != a.Size {
				t.Errorf("attachment %d: %v, %d bytes, not %d", i, err, n.n, a.Size)
			}
		}
		if _, err := Parse(bytes.NewReader(b), Limits{HeaderBytes: 100, Fields: 3, Addresses: 1, Parts: 2, Depth: 2, TextBytes: 10}); err != nil {
			t.Error(err)
		}
	})
}

type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

var _ io.Writer = (*counter)(nil)

// FuzzAddressList: what is found is clean, within the limit, and found again
// when written down.
func FuzzAddressList(f *testing.F) {
	for _, s := range []string{`a@b.example`, `"A, B" <a@b.example>, g: c@d.example;, e`, `=?utf-8?q?=C3=A9?= <x@y> (c)`, `Doe, John <<j@d>; "un <a@b>`, "\xff <a@b>", `<@r:a@b>`, `a@b@c, @, <>, "", ()`, `"a b"@c`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		as := parseAddresses(s, "", 100)
		if len(as) > 100 {
			t.Errorf("%d addresses", len(as))
		}
		for _, a := range as {
			if a.Address == "" || !utf8.ValidString(a.Name+a.Address) || strings.ContainsAny(a.Name+a.Address, "\r\n\x00") {
				t.Errorf("%q: %q", s, a)
			}
			if isPlainAddress(a.Address) {
				if again := parseAddresses("<"+a.Address+">", "", 100); len(again) != 1 || again[0].Address != a.Address {
					t.Errorf("%q: %q again %q", s, a.Address, again)
				}
			}
		}
	})
}

func isPlainAddress(s string) bool {
	return strings.Count(s, "@") == 1 && !strings.ContainsAny(s, "\"()<>,;:\\[] '=")
}

// FuzzDecodeHeader: decoded text is one clean line, and decoding it again in
// the way a forwarder would changes no plain text.
func FuzzDecodeHeader(f *testing.F) {
	for _, s := range []string{"=?utf-8?q?a=C3?= =?utf-8?q?=A9?=", "=?iso-2022-jp?B?GyRCRnw=?=", "=?utf-7?q?+ADw-?=", "=?x?b?////?=", "=?utf-16?B?/v8A?=", "\xff\xfe", "=?hz-gb-2312?q?~{<:Ky2;~}?=", "=?utf-8?q?=0D=0A?=", "=?gb18030?B?gTCBMA==?=", "a:b:c"} {
		f.Add(s, "koi8-r")
	}
	f.Fuzz(func(t *testing.T, s, hint string) {
		got := decodeText(s, hint)
		if !utf8.ValidString(got) {
			t.Errorf("%q: not UTF-8: %q", s, got)
		}
		for _, r := range got {
			if isUnsafe(r) {
				t.Errorf("%q: %U in %q", s, r, got)
			}
		}
		if n := safeName(got); len(n) > maxNameBytes || strings.ContainsAny(n, "/\\\x00") || safeName(n) != n {
			t.Errorf("%q: name %q, then %q", got, n, safeName(n))
		}
	})
}
