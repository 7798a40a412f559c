package message

import (
	"strings"
	"testing"
	"time"
)

func TestHeaderText(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"  two  spaces stay  ", "two  spaces stay"},
		{"=?utf-8?q?caf=C3=A9?=", "café"},
		{"=?UTF-8?B?Y2Fmw6k=?=", "café"},
		{"=?UTF-8?B?Y2Fmw6k?=", "café"},
		{"=?iso-8859-1*de?Q?M=FCller?=", "Müller"},
		{"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
		{"=?utf-8?q?a?=\t\t=?utf-8?q?b?=", "ab"},
		{"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
		{"=?utf-8?q?a=C3?= =?utf-8?q?=A9b?=", "aéb"},
		{"=?utf-8?B?w?= =?utf-8?B?6k=?=", "é"},
		{"=?utf-8?q?a?= =?iso-8859-1?q?=E9?=", "aé"},
		{"x=?utf-8?q?a?=y", "xay"},
		{"=?utf-8?q?with space inside?=", "with space inside"},
		{"=?utf-8?q?cut off", "cut off"},
		{"=?utf-8?q?what=3F=3D?=", "what?="},
		{"=?utf-8?q?really?=3D?=", "really?="},
		{"=?nonsense?q?abc=FF?=", "abc\uFFFD"},
		{"=?nonsense?q?caf=C3=A9?= =?utf-8?q?=C3=A9?=", "caféé"},
		{"=?utf-7?q?+ADw-script+AD4-?=", "+ADw-script+AD4-"},
		{"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
		{"=?iso-2022-jp?B?GyRCRnw=?= =?iso-2022-jp?B?GyRCS1wbKEI=?=", "日本"},
		{"=?gb18030?B?xOO6ww==?=", "你好"},
		{"=?cp932?B?k/qWew==?=", "日本"},
		{"=?koi8-r?B?8NLJ18XU?=", "Привет"},
		{"=?windows-1252?Q?=80_5?=", "€ 5"},
		{"=?iso-8859-1?Q?=80_5?=", "€ 5"},
		{"=?utf-8?B?PT91dGYtOD9xP2E9QzM9QTk/PQ==?=", "aé"}, // encoded twice
		{"caf\xc3\xa9", "café"},
		{"caf\xe9", "café"},
		{"=?utf-8?q?a=0D=0ABcc:_x@y?=", "a Bcc: x@y"},
		{"=?utf-8?q?a=00=1B[31mb?=", "a[31mb"},
		{"a\u202eb\u2066c", "abc"},
		{"=?", "=?"},
		{"=??q?x?=", "=??q?x?="},
		{"=?utf-8?x?abc?=", "=?utf-8?x?abc?="},
		{"=?utf-8?q??=", ""},
		{"1 =? 2 and 3 ?= 4", "1 =? 2 and 3 ?= 4"},
	} {
		if got := decodeText(c.in, ""); got != c.want {
			t.Errorf("%q: got %q want %q", c.in, got, c.want)
		}
	}
}

func TestHeaderTextIsLinear(t *testing.T) {
	for _, unit := range []string{"=?", "=?a?q?b ", "=?a?q?b?= ", "=?a?b?Q ", "=?a?b?Q?= ", "=?a?q??=3D", "?=", "=?utf-8?q?=C3?= "} {
		in := strings.Repeat(unit, 256<<10/len(unit))
		best := time.Hour
		for range 3 {
			start := time.Now()
			decodeText(in, "")
			best = min(best, time.Since(start))
		}
		if best > 300*time.Millisecond {
			t.Errorf("256 KiB of %q took %v", unit, best)
		}
	}
}

func TestFileNames(t *testing.T) {
	long := strings.Repeat("ä", 300) + ".pdf"
	for in, want := range map[string]string{
		`attachment; filename=plain.txt`:                                        "plain.txt",
		`attachment; filename="with space.txt"`:                                 "with space.txt",
		`attachment; filename=with space.txt`:                                   "with space.txt",
		`attachment; filename=with space.txt; size=3`:                           "with space.txt",
		`attachment; filename="quote \"in\" it.txt"`:                            `quote "in" it.txt`,
		`attachment; filename="quote "in" it.txt"`:                              `quote "in" it.txt`,
		`attachment; filename*=utf-8''%e2%82%ac.txt`:                            "€.txt",
		`attachment; filename*=iso-8859-1'en'%A3.txt`:                           "£.txt",
		`attachment; filename*0="a"; filename*1="b.txt"`:                        "ab.txt",
		`attachment; filename*1="b.txt"; filename*0="a"`:                        "ab.txt",
		`attachment; filename*0*=utf-8''%e2%82; filename*1*=%ac; filename*2=.x`: "€.x",
		`attachment; filename="old.txt"; filename*=utf-8''n%C3%A4u.txt`:         "näu.txt",
		`attachment; filename="=?utf-8?q?=E2=82=AC?=.txt"`:                      "€.txt",
		`attachment; filename==?utf-8?B?4oKsLnR4dA==?=`:                         "€.txt",
		"attachment; filename=\"caf\xe9.txt\"":                                  "café.txt",
		"attachment; filename=\"caf\xc3\xa9.txt\"":                              "café.txt",
		`attachment; filename="caf%C3%A9.txt"`:                                  "café.txt",
		`attachment; filename="100%.txt"`:                                       "100%.txt",
		`attachment; filename="C:\Temp\x.doc"`:                                  "x.doc",
		`attachment filename="missing semicolon.txt"`:                           "missing semicolon.txt",
		`attachment;;; filename="double.txt"`:                                   "double.txt",
		`attachment; FileName = "spaces.txt"`:                                   "spaces.txt",
		`attachment; filename="unclosed.txt`:                                    "unclosed.txt",
		`attachment; filename=""`:                                               "",
		`attachment; filename="` + long + `"`:                                   strings.Repeat("ä", 125) + ".pdf",
		`attachment; filename="` + strings.Repeat("x", 300) + `"`:               strings.Repeat("x", 255),
		`attachment; filename="e` + "\u0301" + `.txt"`:                          "é.txt",
	} {
		m := parse(t, "Content-Type: application/octet-stream\nContent-Disposition: "+in+"\n\nx")
		if len(m.Attachments) != 1 || m.Attachments[0].Name != want {
			t.Errorf("%s\n got %+v\nwant %q", in, m.Attachments, want)
		}
	}
}
