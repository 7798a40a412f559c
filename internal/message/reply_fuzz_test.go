package message

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestM9_QuoteScannerIsLinear holds that hostile bodies cost no more than
// real ones: 3 MB take below 50 ms, on a machine that may have other work.
func TestM9_QuoteScannerIsLinear(t *testing.T) {
	const size = 3 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)+1)[:size] }
	for name, body := range map[string]string{
		"On":                   fill("On "),
		"On, line by line":     fill("On \n"),
		"marks":                strings.Repeat(">", 1_000_000),
		"marked lines":         strings.Repeat(">\n", 1_000_000),
		"blank lines":          strings.Repeat("\n", 1_000_000),
		"spaces":               fill(" "),
		"attributions":         fill("On Tue, May 12, 2020 at 10:07 AM Ann <ann@example.org>:\n"),
		"attributions, marked": fill("On 5/12/20 10:07 AM, Ann wrote:\n> x\ny\n"),
		"nearly attributions":  fill("On 12.05.2020 10:07 Ann@x <\n"),
		"colons":               fill("a:\n"),
		"addresses":            fill("a@b "),
		"digits":               fill("12.3"),
		"header names":         fill("From: a\nx\n"),
		"header lines":         fill("Subject: " + strings.Repeat("To: a@b ", 50) + "\n"),
		"rules":                fill("--\n"),
		"rules of many":        fill("-------- x\n"),
		"dashes":               fill("-"),
		"footers":              fill("Sent from my iPhone\n\n"),
		"nearly footers":       fill("Sent from my own, private, thing\n\n"),
		"fences":               fill("```\n"),
		"reply lines":          fill(ReplyLine + "\n"),
		"reply lines, two":     ReplyLine + "\n" + fill("a\n") + ReplyLine,
		"disclaimer":           fill("This message is confidential. "),
		"contacts":             "x\n\n" + fill("a@example.org\n"),
		"wide":                 fill("写道：\n"),
		"wide in one line":     fill("写道："),
		"marks of direction":   fill("\u202b\u200f:"),
		"carriage returns":     fill("\r"),
		"separators":           fill("-----x-----\nFrom: a\n"),
		"alternating":          fill("> a\nb\n"),
	} {
		best := time.Hour
		for tries := 0; tries < 10 && best > 50*time.Millisecond*slowdown; tries++ {
			start := time.Now()
			got := ReplyFromText(body)
			best = min(best, time.Since(start))
			if len(got) > len(body) {
				t.Errorf("%s: longer than the input", name)
			}
		}
		if best > 50*time.Millisecond*slowdown {
			t.Errorf("%s: %v", name, best)
		}
	}
}

// TestM9_HTMLQuotesAreLinear is the same for marks in HTML, nested as deep as
// the parser goes.
func TestM9_HTMLQuotesAreLinear(t *testing.T) {
	for name, body := range map[string]string{
		"gmail, nested":     strings.Repeat(`<div class="gmail_quote">`, 9000),
		"gmail, flat":       strings.Repeat(`<div class="gmail_quote"></div>`, 8000),
		"attributions":      strings.Repeat(`<div class="gmail_attr">x</div>`, 8000),
		"boxes, nested":     strings.Repeat(`<div style="border:none;border-top:solid;padding:3.0pt">`, 4500),
		"empty in a quote":  `<div class="gmail_quote">` + strings.Repeat("<b></b>", 30000),
		"quotes, nested":    strings.Repeat(`<blockquote class="gmail_quote">`, 8000),
		"signatures":        strings.Repeat(`<div class="gmail_signature">`, 8000) + "x",
		"text before a cut": strings.Repeat("<p></p>", 30000) + `<div id="divRplyFwdMsg">x`,
	} {
		best := time.Hour
		for tries := 0; tries < 10 && best > 200*time.Millisecond*slowdown; tries++ {
			start := time.Now()
			ReplyFromHTML(body)
			best = min(best, time.Since(start))
		}
		if best > 200*time.Millisecond*slowdown {
			t.Errorf("%s (%d bytes): %v", name, len(body), best)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, a := range attributions {
		f.Add("Yes.\n\n" + a.line + "\n> Is it there?\n\nno\n-- \nBob")
	}
	for _, h := range headerBlocks {
		f.Add("Yes.\n____\n*" + h.from + ":* a@example.org\n" + h.sent + ": 12.05.2020\n" + h.subject + "：x\n\nb")
	}
	f.Add("```\n> a\n```\nSent from my iPhone\n\n" + ReplyLine + "\nx\n" + ReplyLine)
	f.Add("reply--- On Wed, Apr 4, 2012 at 3:59 PM, me@example.org wrote:\n> Hi\n>\xff")
	f.Add(`<div>a</div><div class="gmail_quote"><div class="gmail_attr">x</div><blockquote>y</blockquote></div>`)
	if files, _ := filepath.Glob(filepath.Join("testdata", "reply_*")); len(files) > 0 {
		for _, name := range files {
			if b, err := os.ReadFile(name); err == nil {
				f.Add(string(b))
			}
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		var got string
		limit := 50*time.Millisecond*slowdown + time.Duration(len(body)/1024)*time.Millisecond
		best := time.Hour
		for tries := 0; tries < 10 && best > limit; tries++ {
			start := time.Now()
			got = ReplyFromText(body)
			best = min(best, time.Since(start))
		}
		if best > limit {
			t.Errorf("%v for %d bytes", best, len(body))
		}
		if len(got) > len(body) {
			t.Errorf("%d bytes from %d", len(got), len(body))
		}
		if utf8.ValidString(body) && !utf8.ValidString(got) {
			t.Errorf("broke UTF-8: %q", got)
		}
		if strings.TrimSpace(body) == "" && got != "" {
			t.Errorf("%q from blanks", got)
		}
		if s := ReplyFromHTML(body); utf8.ValidString(body) && !utf8.ValidString(s) {
			t.Errorf("HTML broke UTF-8: %q", s)
		}
		if l := detectLanguage(body); len(l) != 0 && len(l) != 2 {
			t.Errorf("language %q", l)
		}
	})
}

// ordinaryMail is 4 KiB of what people write, without a quote.
func ordinaryMail() string {
	var b strings.Builder
	b.WriteString("Hello,\n\nI bought a box with a blue lid in your shop last week. Some questions:\n\n")
	for b.Len() < 4<<10-80 {
		b.WriteString("The lid does not close as it should when the box is full,\nand when I press it down it opens again. Is that known?\n- I tried it with an empty box\nThanks for looking into it.\n\n")
	}
	b.WriteString("Regards\nAnn Example\n")
	return b.String()
}

func BenchmarkReplyOrdinary4KiB(b *testing.B) {
	body := ordinaryMail()
	if ReplyFromText(body) != strings.TrimSpace(body) {
		b.Fatal("changed")
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		ReplyFromText(body)
	}
}

func BenchmarkReplyQuoted4KiB(b *testing.B) {
	body := "Yes, it came.\n\nBob\n\nOn Tue, May 12, 2020 at 10:07 AM Ann Example <ann@example.org> wrote:\n> " +
		strings.ReplaceAll(ordinaryMail(), "\n", "\n> ")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		ReplyFromText(body)
	}
}

func BenchmarkReplyGmailHTML(b *testing.B) {
	body := `<div dir="ltr">Yes, it came.</div><br><div class="gmail_quote"><div class="gmail_attr">On Tue Ann wrote:<br></div><blockquote class="gmail_quote"><div>` +
		strings.ReplaceAll(ordinaryMail(), "\n", "<br>\n") + `</div></blockquote></div>`
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		ReplyFromHTML(body)
	}
}
