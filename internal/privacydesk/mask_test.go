package privacydesk

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"postroom/internal/message"
	"postroom/privacy"
)

var zora = privacy.Identity{Addresses: []string{"zora.quastmüller@bücher.example", "zq77@example.org"}, Names: []string{"Dr. Zora Quästmüller"}}

func maskRaw(t testing.TB, who privacy.Identity, raw string) (string, []string) {
	t.Helper()
	var out bytes.Buffer
	left, err := (&Masker{}).Mask(t.Context(), who, strings.NewReader(raw), &out)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), left
}

// TestText: each way in which somebody is named is masked, and nothing of
// anybody else.
func TestText(t *testing.T) {
	m := &Masker{}
	for in, want := range map[string]string{
		"Write to ZQ77@Example.org.":                      "Write to erased@erased.invalid.",
		"zora.quastmüller@bücher.example":                 "erased@erased.invalid",
		"zora.quastmüller@xn--bcher-kva.example":          "erased@erased.invalid",
		"<mailto:zq77%40example.org?subject=x>":           "<mailto:erased@erased.invalid?subject=x>",
		"zq77 at example.org, zq77[at]example.org":        "[erased], [erased]",
		"bounce+zq77=example.org@list.example":            "bounce+[erased]@list.example",
		"zq77=40example.org":                              "[erased]",
		"Zora Quästmüller wrote":                          "[erased] wrote",
		"Quästmüller, Zora":                               "[erased]",
		"ZORA  QUÄSTMÜLLER":                               "[erased]",
		"Zora Qua\u0308stmu\u0308ller":                    "[erased]",
		"Zora Quaestmueller":                              "[erased]",
		"Zora\n> Quästmüller":                             "[erased]",
		"Zo\u00adra Quäst\u200bmüller":                    "[erased]",
		"thanks, zora":                                    "thanks, [erased]",
		"Zora's and Zoras dog":                            "[erased]'s and [erased]s dog",
		"the login zq77 works":                            "the login [erased] works",
		"Dr. Watson":                                      "Dr. Watson",
		"Zorander and Azora":                              "Zorander and Azora",
		"xzq77@example.org, a.zq77@example.org, q@x.test": "xzq77@example.org, a.[erased]@example.org, q@x.test",
		"zq77@example.org.uk":                             "[erased]@example.org.uk",
		"mail zq77@example.org.pdf":                       "mail erased@erased.invalid.pdf",
		"":                                                "",
	} {
		if got, changed := m.Text(zora, in); got != want || changed != (in != want) {
			t.Errorf("%q became %q", in, got)
		}
	}
	sum := sha256.Sum256([]byte("zq77@example.org"))
	for _, coded := range []string{hex.EncodeToString(sum[:]), strings.ToUpper(hex.EncodeToString([]byte("zq77@example.org"))), base64.StdEncoding.EncodeToString([]byte("zq77@example.org"))} {
		if got, changed := m.Text(zora, "https://x.example/?u="+coded); !changed || strings.Contains(strings.ToLower(got), strings.ToLower(coded[:16])) {
			t.Errorf("%s stays: %s", coded, got)
		}
	}
	will := privacy.Identity{Names: []string{"Will May"}}
	if got, _ := m.Text(will, "It may be that Will will come in May, says Will May."); got != "It may be that [erased] will come in [erased], says [erased]." {
		t.Error(got)
	}
	han := privacy.Identity{Names: []string{"山田 太郎"}}
	if got, _ := m.Text(han, "これは山田さんです"); got != "これは[erased]さんです" {
		t.Error(got)
	}
	if got, _ := m.Text(privacy.Identity{}, "Zora"); got != "Zora" {
		t.Error(got)
	}
}

// TestHTML: names are found across tags and in attributes, tags stay.
func TestHTML(t *testing.T) {
	list := patternsOf(zora)
	for in, want := range map[string]string{
		`<p>Zo<b>ra</b> Qu&auml;stm&#252;ller</p>`:                `<p>[erased]<b></b></p>`,
		`<td>Zora</td><td>Quästmüller</td>`:                       `<td>[erased]</td><td></td>`,
		`<a href="mailto:zq77%40example.org">write</a>`:           `<a href="mailto:erased@erased.invalid">write</a>`,
		`<img alt="Zora Qu&auml;stm&uuml;ller" src="cid:1">`:      `<img alt="[erased]" src="cid:1">`,
		`<!-- Zora --><style>p{}</style><br>zq77&#64;example.org`: `<!-- [erased] --><style>p{}</style><br>erased@erased.invalid`,
		`a < b &amp; c > d`:                                       `a < b &amp; c > d`,
	} {
		if got, _ := maskText(in, list, "[erased]", maskedAddress, elements); got != want {
			t.Errorf("%s\nbecame %s", in, got)
		}
	}
}

const mixed = "Received: from x (zq77@example.org) by mx; Mon, 2 Feb 2026 10:00:00 +0000\r\n" +
	"From: \"Quästmüller, Zora\" <zq77@example.org>\r\n" +
	"To: =?utf-8?q?Zora_Qu=C3=A4stm=C3=BCller?= <zq77@example.org>, Bob <bob@example.net>,\r\n =?iso-8859-1?q?J=F6rg?= <joerg@example.net>\r\n" +
	"Subject: =?utf-8?b?" + "QW5nZWJvdCBmw7xyIFpvcmEgUXXDpHN0bQ==?=\r\n =?utf-8?b?w7xsbGVy?=\r\n" +
	"X-Customer: zq77@example.org\r\n" +
	"MIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=\"out\"\r\n" +
	"\r\n" +
	"preamble for zora\r\n" +
	"--out\r\n" +
	"Content-Type: multipart/alternative; boundary=in\r\n\r\n" +
	"--in\r\n" +
	"Content-Type: text/plain; charset=iso-8859-1; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"Hello Bob,\r\nZora Qu=E4stm=\r\n=FCller wrote. Gr=FC=DFe\r\n\r\n" +
	"--in\r\n" +
	"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"PHA+Wm9yYSBRdcOkc3RtPGI+w7xsbGVyPC9iPiAmbHQ7enE3NyYjNjQ7ZXhhbXBsZS5vcmcmZ3Q7PC9wPg==\r\n" +
	"--in--\r\n" +
	"--out\r\n" +
	"Content-Type: text/calendar; charset=utf-8; name=\"zora.ics\"\r\nContent-Disposition: attachment;\r\n filename*0*=utf-8''Termin%20mit%20Zo; filename*1*=ra%20Qu%C3%A4stm%C3%BCller.ics\r\n\r\n" +
	"BEGIN:VCALENDAR\r\nATTENDEE:mailto:zq77@example.org\r\nEND:VCALENDAR\r\n" +
	"--out\r\n" +
	"Content-Type: message/rfc822\r\n\r\n" +
	"From: Zora <zq77@example.org>\r\nSubject: inner\r\n\r\nfrom zora\r\n" +
	"--out\r\n" +
	"Content-Type: image/png; name=\"Zora.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"iVBORw0KGgo=\r\n" +
	"--out\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n\r\nOnly Bob wrote this.\r\n" +
	"--out--\r\nepilogue\r\n"

// TestP5_Mail: a mail of others is masked in every part, and stays a mail that
// says the rest.
func TestP5_Mail(t *testing.T) {
	got, left := maskRaw(t, zora, mixed)
	m, err := message.Parse(strings.NewReader(got), message.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	in := m.Inspect()
	all := fmt.Sprintf("%+v", in) + got
	for i := range m.Attachments {
		var b bytes.Buffer
		if err := message.OpenAttachment(strings.NewReader(got), i, &b); err != nil {
			t.Fatal(err)
		}
		all += b.String()
	}
	for _, canary := range []string{"zora", "quästm", "qu=c3=a4stm", "qu=e4stm", "zq77", "enE3N", "qu%c3"} {
		if strings.Contains(strings.ToLower(all), strings.ToLower(canary)) {
			t.Errorf("%q is still there", canary)
		}
	}
	if len(m.To) != 3 || m.To[1].Address != "bob@example.net" || m.To[2].Name != "Jörg" || m.From[0].Address != maskedAddress {
		t.Errorf("%+v %+v", m.From, m.To)
	}
	if !strings.Contains(m.Subject, "Angebot für [erased]") {
		t.Error(m.Subject)
	}
	if !strings.Contains(m.Text, "Hello Bob") || !strings.Contains(m.Text, "[erased] wrote. Grüße") || !strings.Contains(m.Text, "Only Bob wrote this") || len(m.Attachments) != 3 {
		t.Errorf("%q %+v", m.Text, m.Attachments)
	}
	if fmt.Sprint(left) != "[image/png ([erased].png)]" {
		t.Error(left)
	}
	if again, _ := maskRaw(t, zora, got); again != got {
		t.Error("masking twice is not masking once")
	}
}

// TestUntouched: a mail that does not name the person stays to the byte.
func TestUntouched(t *testing.T) {
	nobody := privacy.Identity{Addresses: []string{"nobody.at.all@nowhere.example"}, Names: []string{"Xerxes Ybbsitzer"}}
	for _, raw := range []string{
		mixed, "", "\r\n", "no header at all", "Subject: x\n\nbare line feeds\n", "Subject: x\r\n", "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n--a\r\n\r\n--a--",
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--a--\r\nend",
		"Content-Transfer-Encoding: base64\r\n\r\n!!!not base64\r\n",
		"Subject: x\r\n\r\n" + strings.Repeat("long", 40_000) + "\r\nend",
	} {
		if got, _ := maskRaw(t, nobody, raw); got != raw {
			t.Errorf("%.80q became %.80q", raw, got)
		}
	}
}

// TestHostile: time is linear in what came.
func TestHostile(t *testing.T) {
	const n = 4 << 20
	for name, raw := range map[string]string{
		"folded":   "Subject: x\r\n" + strings.Repeat(" \n", n/2),
		"open":     "Content-Type: text/html\r\n\r\n" + strings.Repeat("<a", n/2),
		"comments": "Content-Type: text/html\r\n\r\n" + strings.Repeat("<!--", n/4),
		"and":      "Content-Type: text/html\r\n\r\n" + strings.Repeat("&", n),
		"percent":  "\r\n" + strings.Repeat("%C3", n/3),
		"name":     "\r\n" + strings.Repeat("zora ", n/5),
		"words":    "Subject: " + strings.Repeat("=?utf-8?q?zora?= ", 1<<14) + "\r\n\r\n",
		"nested":   strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1<<14),
		"bounds":   strings.Repeat("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n", 1<<14),
	} {
		begun := time.Now()
		maskRaw(t, zora, raw)
		if d := time.Since(begun); d > 20*time.Second {
			t.Errorf("%s took %v", name, d)
		} else {
			t.Logf("%s: %v for %d KiB", name, d.Round(time.Millisecond), len(raw)>>10)
		}
	}
}

// TestLeft: what cannot be looked into is named, and taken out where that is wanted.
func TestLeft(t *testing.T) {
	raw := "From: bob@example.net\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n" +
		"--a\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nU0VDUkVU\r\n" +
		"--a\r\nContent-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\r\n\r\n--s\r\n\r\nzora\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\nabc\r\n--s--\r\n" +
		"--a\r\nContent-Type: application/pkcs7-mime\r\n\r\nMIIB\r\n--a--\r\n"
	got, left := maskRaw(t, zora, raw)
	if got != raw || fmt.Sprint(left) != "[application/pdf (x.pdf) signed mail encrypted mail]" {
		t.Errorf("%v\n%s", left, got)
	}
	var out bytes.Buffer
	if _, err := (&Masker{Strip: true}).Mask(t.Context(), zora, strings.NewReader(raw), &out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "U0VD") || strings.Contains(out.String(), "zora") || strings.Contains(out.String(), "MIIB") || !strings.Contains(out.String(), "--a--") {
		t.Error(out.String())
	}
}

// FuzzMask: whatever comes, masking ends, and in a plain text nothing of the
// person is found afterwards.
func FuzzMask(f *testing.F) {
	f.Add(mixed)
	f.Add("Subject: =?utf-8?q?zora?= =?utf-8?q?=20qu?=\r\n\r\nZora")
	f.Add("Content-Type: text/html\r\n\r\n<a href='zq77&#64;example.org'>Zo<i>ra</i>")
	f.Add("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n----\r\n")
	list := patternsOf(zora)
	f.Fuzz(func(t *testing.T, raw string) {
		maskRaw(t, zora, raw)
		for _, as := range []markup{plain, elements} {
			got, _ := maskText(raw, list, "[erased]", maskedAddress, as)
			again, changed := maskText(got, list, "[erased]", maskedAddress, as)
			for range 3 { // what was taken away may have brought letters together
				if !changed {
					break
				}
				again, changed = maskText(again, list, "[erased]", maskedAddress, as)
			}
			if changed {
				t.Fatalf("%q still shows %q", raw, again)
			}
		}
	})
}
