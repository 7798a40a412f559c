package message

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// quick parses and fails the test if even the best of three tries takes longer
// than limit; others may use the machine too.
func quick(t *testing.T, what, mail string, limit time.Duration) *Message {
	t.Helper()
	best := time.Hour
	var m *Message
	for tries := 0; tries < 3 && best > limit*slowdown; tries++ {
		start := time.Now()
		m = parse(t, mail)
		best = min(best, time.Since(start))
	}
	if best > limit*slowdown {
		t.Errorf("%s: %v", what, best)
	}
	return m
}

func nested(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	return b.String() + "\ninnermost text\n"
}

func TestM1_Depth(t *testing.T) {
	if m := quick(t, "10", nested(10), 50*time.Millisecond); m.Text != "innermost text" {
		t.Errorf("depth 10: %q", m.Text)
	}
	for _, n := range []int{100, 10000} {
		m := quick(t, fmt.Sprint(n), nested(n), 50*time.Millisecond)
		if len(m.Attachments) != 1 || m.Attachments[0].Size == 0 || !hasDefect(m, "too deep") {
			t.Errorf("depth %d: %+v %q", n, m.Attachments, m.Defects)
		}
	}
	var b strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&b, "Subject: %d\nContent-Type: message/rfc822\n\n", i)
	}
	m := quick(t, "rfc822", b.String(), 50*time.Millisecond)
	if len(m.Attachments) != 1 || m.Attachments[0].Name != "1.eml" || !hasDefect(m, "too deep") || len(m.parts) > 60 {
		t.Errorf("rfc822: %+v %q, %d parts", m.Attachments, m.Defects, len(m.parts))
	}
	enc := "Subject: x\n\nx"
	for range 60 {
		enc = "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.ReplaceAll(enc, "=", "=3D")
	}
	quick(t, "encoded rfc822", enc, 100*time.Millisecond)
}

func hasDefect(m *Message, words string) bool {
	return strings.Contains(strings.Join(m.Defects, "\n"), words)
}

func TestM2_Parts(t *testing.T) {
	head := "Content-Type: multipart/mixed; boundary=b\n\n"
	for _, n := range []int{999, 100_000} {
		m := quick(t, fmt.Sprint(n), head+strings.Repeat("--b\nContent-Type: image/png\n\nx\n", n)+"--b--\n", 300*time.Millisecond)
		want := min(n, 1001) // the rest is one
		if len(m.Attachments) != want || (n > 1000) != hasDefect(m, "too many parts") {
			t.Errorf("%d parts: %d attachments, %q", n, len(m.Attachments), m.Defects)
		}
		if n > 1000 {
			var b bytes.Buffer
			OpenAttachment(strings.NewReader(head+strings.Repeat("--b\nContent-Type: image/png\n\nx\n", n)+"--b--\n"), 1000, &b)
			if last := m.Attachments[1000]; int64(b.Len()) != last.Size || last.Size < 3_000_000 {
				t.Errorf("the rest: %+v, opened %d", last, b.Len())
			}
		}
	}
	quick(t, "empty parts", head+strings.Repeat("--b\n", 100_000), 100*time.Millisecond)
	quick(t, "no boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n"+strings.Repeat("--\n", 100_000), 100*time.Millisecond)
	quick(t, "dashes", head+strings.Repeat("--bb\n", 100_000), 100*time.Millisecond)
	long := strings.Repeat("x", 10<<10)
	if m := quick(t, "long boundary", "Content-Type: multipart/mixed; boundary="+long+"\n\n--"+long+"\n\ntext\n--"+long+"--\n", 50*time.Millisecond); m.Text != "text" {
		t.Errorf("boundary of 10 KiB: %q", m.Text)
	}
	var deep strings.Builder // 50 open boundaries, each a prefix of the next, and lines that nearly match
	for i := 1; i <= 49; i++ {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=%s\n\n--%s\n", strings.Repeat("a", i), strings.Repeat("a", i))
	}
	quick(t, "prefixes", deep.String()+"\n"+strings.Repeat("--"+strings.Repeat("a", 60)+"\n", 20_000), 100*time.Millisecond)
	quick(t, "uuencoded files", "\n"+strings.Repeat(uuCat, 20_000), 300*time.Millisecond)
}

func TestM3_Headers(t *testing.T) {
	m := quick(t, "1 MB field", "Subject: a\nX-Long: "+strings.Repeat("x", 1<<20)+"\nTo: late@b.example\n\nbody", 50*time.Millisecond)
	if m.Subject != "a" || m.Text != "body" || len(m.To) != 0 || !hasDefect(m, "over its limits") {
		t.Errorf("1 MB field: %q %q %q", m.Subject, m.Text, m.Defects)
	}
	m = quick(t, "10 000 fields", "Subject: a\n"+strings.Repeat("X-A: b\n", 10_000)+"\nbody", 50*time.Millisecond)
	if len(m.Header) != 1000 || m.Text != "body" || !hasDefect(m, "over its limits") {
		t.Errorf("10 000 fields: %d %q", len(m.Header), m.Defects)
	}
	m = quick(t, "addresses", "To: "+strings.Repeat("a@b.example, ", 10_000)+"\nFrom: f@b.example\n\nbody", 50*time.Millisecond)
	if len(m.To) != 999 || len(m.From) != 1 || !hasDefect(m, "too many addresses") {
		t.Errorf("addresses: %d %d %q", len(m.To), len(m.From), m.Defects)
	}
	m = quick(t, "500 000 To fields", strings.Repeat("To: a@b.example\n", 500_000)+"\nbody", 200*time.Millisecond)
	if len(m.Header) != 1000 || m.Text != "body" {
		t.Errorf("500 000 To fields: %d %q", len(m.Header), m.Text)
	}
	quick(t, "folds", "Subject: a\n"+strings.Repeat(" b\n", 80_000)+"\nbody", 50*time.Millisecond)
	quick(t, "References", "References: "+strings.Repeat("<a@b> ", 40_000)+"\n\nbody", 50*time.Millisecond)
	quick(t, "no colon", strings.Repeat("junk\n", 500_000), 200*time.Millisecond)
	quick(t, "header of each part", "Content-Type: multipart/mixed; boundary=b\n\n"+strings.Repeat("--b\nX: "+strings.Repeat("x", 100_000)+"\n\nx\n", 200), 400*time.Millisecond)
}

func TestM5_Names(t *testing.T) {
	for in, want := range map[string]string{
		"../../etc/passwd": "passwd", `C:\x`: "x", `..\..\boot.ini`: "boot.ini", "NUL": "_NUL", "con.txt": "_con.txt", "COM1": "_COM1", ".bashrc": "_.bashrc",
		"a/b": "b", "/": "", "..": "", ".": "", "": "", "a\x00b": "ab", "a\r\nb": "a b", "exe\u202egpj.scr": "exegpj.scr", "a\u200bb": "ab", "x.exe. ": "x.exe",
		"e\u0301.txt": "é.txt", "\xff\xfe.txt": "\uFFFD.txt", "C:x": "x", "ok name (1).pdf": "ok name (1).pdf", "foo/": "foo",
	} {
		if got := safeName(in); got != want {
			t.Errorf("%q: got %q want %q", in, got, want)
		}
	}
	if n := safeName(strings.Repeat("ä", 300)); len(n) > 255 || len(n) < 250 {
		t.Errorf("%d bytes", len(n))
	}
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, " filename*%d=x;\n", i)
	}
	m := quick(t, "20 000 continuations", "Content-Disposition: attachment;\n"+b.String()+"\nx", 50*time.Millisecond)
	if len(m.Attachments) != 1 || len(m.Attachments[0].Name) > 255 {
		t.Errorf("%+v", m.Attachments)
	}
}

// TestM9_Text: text made to be slow is read in time.
func TestM9_Text(t *testing.T) {
	for _, unit := range []string{"On ", "On\n", "> ", ">\n", "\n", "=\n", "begin 644 x\n", "-- \n", " \n", "Fwd: \n", "<", "_", "\x1b$", "wrote:\n", "http://", "(a (b"} {
		body := strings.Repeat(unit, 3<<20/len(unit))
		quick(t, fmt.Sprintf("plain %q", unit), "Subject: x\nContent-Type: text/plain; format=flowed\n\n"+body, 500*time.Millisecond)
		quick(t, fmt.Sprintf("html %q", unit), "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n"+body, 1500*time.Millisecond)
	}
}

func TestM7_HTMLTime(t *testing.T) {
	for _, unit := range []string{"<b>", "<blockquote>", "<table><tr><td>", "<a href=http://x>", "<ul><li>", "<div hidden>", "<!--", "<br>", "<a b", "&lt;", "<svg><style>", "<pre>\n", "</b>", "<td>x", "<select>", "<a href=http://x>x</a>", "&", "<p ", "<img alt=x>"} {
		quick(t, unit, "Content-Type: text/html\n\n"+strings.Repeat(unit, 1<<20/len(unit)), 3*time.Second)
	}
}

// Memory does not grow with the message.
func TestMemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	grow := func(mail func() io.Reader) uint64 {
		var before, after runtime.MemStats
		Parse(mail(), Limits{})
		runtime.GC()
		runtime.ReadMemStats(&before)
		m, err := Parse(mail(), Limits{})
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		runtime.KeepAlive(m)
		return after.TotalAlloc - before.TotalAlloc
	}
	head := "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n"
	if n := grow(func() io.Reader {
		return io.MultiReader(strings.NewReader(head), &repeat{s: strings.Repeat("QUJD", 19) + "\r\n", n: 400_000}, strings.NewReader("--b--\n"))
	}); n > 256<<10 {
		t.Errorf("an attachment of 30 MiB took %d bytes of memory", n)
	}
	if n := grow(func() io.Reader {
		return io.MultiReader(strings.NewReader("Subject: x\n\n"), &repeat{s: "a line of text that is long enough\r\n", n: 900_000})
	}); n > 24<<20 {
		t.Errorf("a text of 30 MiB took %d bytes of memory", n)
	}
	if n := grow(func() io.Reader {
		return io.MultiReader(strings.NewReader("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"), &repeat{s: "x", n: 30 << 20})
	}); n > 24<<20 {
		t.Errorf("a line of 30 MiB took %d bytes of memory", n)
	}
}

// repeat reads as s, n times.
type repeat struct {
	s  string
	n  int
	at int
}

func (r *repeat) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		if r.n == 0 {
			return n, io.EOF
		}
		k := copy(b[n:], r.s[r.at:])
		n += k
		if r.at += k; r.at == len(r.s) {
			r.at, r.n = 0, r.n-1
		}
	}
	return n, nil
}
