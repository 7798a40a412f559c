package message

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// corpora returns the folder of real mails with known answers, which is not
// part of the project.
func corpora(t *testing.T) string {
	dir := os.Getenv("POSTROOM_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	if _, err := os.Stat(filepath.Join(dir, "parse.jsonl")); err != nil {
		t.Skip("corpora not there")
	}
	return dir
}

type record struct {
	ID, File string
	Expected map[string]json.RawMessage
}

func records(t *testing.T, dir, name string) []record {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []record
	s := bufio.NewScanner(f)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		var r record
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// exceptions are fields whose expected value is not what a reader should get,
// by the reason.
var exceptions = map[string][]string{
	"UTF-7 is never decoded in headers (docs/threats.md M6)": {
		"stalwart/legacy/001 subject", "stalwart/legacy/001 to", "stalwart/legacy/005 subject", "stalwart/legacy/005 to", "zbateson/m0006 Subject",
		"zbateson/m0007 Subject", "zbateson/m0007 To", "zbateson/m1011 Subject", "zbateson/m1011 To"},
	"the mail itself is damaged, UTF-7 made of the wrong charset": {"zbateson/m1011 text_expected"},
	"uuencoded files are attachments and taken out of the text": {
		"stalwart/legacy/049 n_attachments", "stalwart/legacy/049 text_parts", "mime4j/sig-uu text_parts", "mime4j/uu-junk text_parts", "mime4j/uu-zeegee text_parts"},
	"the plain text only says that the HTML is to be read": {"phpmime/m0008 text_test", "phpmime/m0025 text_test", "stalwart/rfc/006 text_parts"},
	"a multipart without parts is no attachment": {
		"stalwart/malformed/001 n_attachments", "stalwart/malformed/002 n_attachments", "stalwart/malformed/003 n_attachments", "stalwart/malformed/004 n_attachments",
		"stalwart/malformed/006 n_attachments", "stalwart/malformed/007 n_attachments", "stalwart/malformed/008 n_attachments", "stalwart/malformed/009 n_attachments",
		"stalwart/malformed/011 n_attachments", "stalwart/malformed/016 n_attachments"},
	"a part whose delimiter is the outer one's is the outer one's part":  {"stalwart/malformed/012 n_attachments"},
	"text/enriched is text of the body":                                  {"stalwart/rfc/000 n_attachments", "stalwart/rfc/003 n_attachments"},
	"the path is cut off, the name stays":                                {"stalwart/legacy/035 attachment_names", "stalwart/legacy/039 attachment_names"},
	"of two Content-Type fields the first holds":                         {"stalwart/malformed/020 text_parts", "stalwart/malformed/021 text_parts"},
	"what stands after the last part is not shown":                       {"enmime/TestEnvelopeEpilogue body_strings"},
	"the string is the test program's own":                               {"enmime/TestEnvelopeAddHeader body_strings", "enmime/TestEnvelopeSetHeader body_strings", "enmime/TestEnvelopeGetHeader body_strings", "enmime/TestParseOtherPartsRelated body_strings"},
	"random bytes of a fuzzer, in the wrong multipart":                   {"stalwart/malformed/019 html_parts"},
	"all three attached messages are listed":                             {"stalwart/thirdparty/015 n_attachments"},
	"a text shown as the body is not an attachment as well":              {"phpmime/m0014 attachments", "phpmime/m0016 attachments"},
	"a named text after the first is an attachment":                      {"zbateson/m1009 attachments"},
	"a signature part is listed: it is in the mail":                      {"zbateson/m4002 attachments", "zbateson/m4004 attachments"},
	"broken base64 that decodes to nothing is no attachment":             {"stalwart/thirdparty/002 n_attachments"},
	"nothing of the text is lost":                                        {"mime4j/malformedHeaderStartsBody-nocrlfcrlf text_parts"},
	"the attached message is read, not shown raw":                        {"mime4j/multipartnestedemptyparts text_parts"},
	"space at a delimiter's end does not count (RFC 2046 section 5.1.1)": {"mime4j/very-long-boundary text_parts", "mime4j/very-very-long-boundary text_parts", "mime4j/weird-boundary text_parts"},
}

// TestCorpusParse compares every known field of the parse corpus.
func TestCorpusParse(t *testing.T) {
	dir := corpora(t)
	excepted := map[string]bool{}
	for _, fields := range exceptions {
		for _, f := range fields {
			excepted[f] = true
		}
	}
	right, total := map[string]int{}, map[string]int{}
	var wrong []string
	for _, r := range records(t, dir, "parse.jsonl") {
		b, err := os.ReadFile(filepath.Join(dir, "data", r.File))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(bytes.NewReader(b), Limits{})
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			continue
		}
		source, _, _ := strings.Cut(r.ID, "/")
		for name, c := range checks[source] {
			raw, ok := r.Expected[name]
			if !ok || string(raw) == "null" {
				continue
			}
			if excepted[r.ID+" "+name] {
				continue
			}
			total[source]++
			if got := c(m, raw); got == "" {
				right[source]++
			} else {
				wrong = append(wrong, fmt.Sprintf("%s %s: %s", r.ID, name, got))
			}
		}
	}
	sort.Strings(wrong)
	for _, w := range wrong {
		t.Log(w)
	}
	r, n := 0, 0
	for _, s := range slices.Sorted(mapKeys(total)) {
		t.Logf("%-10s %4d of %4d fields", s, right[s], total[s])
		r, n = r+right[s], n+total[s]
	}
	t.Logf("all        %4d of %4d fields, %.1f %%, %d exceptions", r, n, 100*float64(r)/float64(n), len(excepted))
	if float64(r) < 0.97*float64(n) {
		t.Errorf("%d of %d fields right: below 97 %%", r, n)
	}
}

func mapKeys(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestCorpusRobust parses all files there are: nothing may fail, leave text
// that is not clean or take long.
func TestCorpusRobust(t *testing.T) {
	dir := corpora(t)
	seen := map[string]bool{}
	var slowest time.Duration
	for _, list := range []string{"robust.jsonl", "parse.jsonl", "bounce.jsonl", "not_automatic.jsonl", "threads.jsonl"} {
		for _, r := range records(t, dir, list) {
			if r.File == "" || seen[r.File] {
				continue
			}
			seen[r.File] = true
			b, err := os.ReadFile(filepath.Join(dir, "data", r.File))
			if err != nil {
				continue
			}
			took := time.Hour // the best of three: others may use the machine
			for range 3 {
				start := time.Now()
				m, err := Parse(bytes.NewReader(b), Limits{})
				took = min(took, time.Since(start))
				if err != nil {
					t.Fatalf("%s: %v", r.File, err)
				}
				mustBeClean(t, m)
			}
			per := took / time.Duration(1+len(b)>>16)
			slowest = max(slowest, per)
			if per > 50*time.Millisecond {
				t.Errorf("%s: %v per 64 KiB", r.File, per)
			}
		}
	}
	t.Logf("%d files, slowest %v per 64 KiB", len(seen), slowest)
}

// TestCorpusDamaged parses every file damaged in some places.
func TestCorpusDamaged(t *testing.T) {
	dir := corpora(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, r := range records(t, dir, "robust.jsonl") {
		whole, err := os.ReadFile(filepath.Join(dir, "data", r.File))
		if err != nil || len(whole) == 0 {
			continue
		}
		for range 20 {
			b := bytes.Clone(whole[:1+rnd.IntN(len(whole))])
			for range 1 + rnd.IntN(8) {
				at, n := rnd.IntN(len(b)), rnd.IntN(40)
				switch rnd.IntN(3) {
				case 0:
					b[at] = byte(rnd.Uint32())
				case 1:
					b = slices.Delete(b, at, min(len(b), at+n))
				case 2:
					from := rnd.IntN(len(whole))
					b = slices.Insert(b, at, whole[from:min(len(whole), from+n)]...)
				}
				if len(b) == 0 {
					b = []byte{'\n'}
				}
			}
			m, err := Parse(bytes.NewReader(b), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			mustBeClean(t, m)
		}
	}
}

// mustBeClean fails the test if text with control characters or invalid UTF-8
// leaves the package.
func mustBeClean(t *testing.T, m *Message) {
	t.Helper()
	clean := func(what, s string, line bool) {
		if !utf8.ValidString(s) {
			t.Errorf("%s is not UTF-8: %q", what, s)
		}
		for _, r := range s {
			if (r < ' ' && (line || r != '\n' && r != '\t')) || r >= 0x7f && r < 0xa0 {
				t.Errorf("%s has a control character: %q", what, s)
				return
			}
		}
	}
	if slices.Contains(m.Defects, faultDefect) {
		t.Error("Parse panicked")
	}
	clean("subject", m.Subject, true)
	clean("text", m.Text, false)
	clean("html", m.HTML, false)
	clean("reply", m.Reply, false)
	clean("message id", m.MessageID, true)
	for _, a := range slices.Concat(m.From, m.To, m.Cc, m.ReplyTo) {
		clean("name", a.Name, true)
		clean("address", a.Address, true)
	}
	for _, a := range m.Attachments {
		clean("attachment", a.Name, true)
		clean("type", a.Type, true)
		clean("content id", a.ContentID, true)
		if len(a.Name) > 255 || strings.ContainsAny(a.Name, "/\\") {
			t.Errorf("unsafe name %q", a.Name)
		}
	}
	for _, p := range m.parts {
		clean("part", p.text, false)
		if len(p.text) > partTextBytes {
			t.Errorf("part text of %d bytes", len(p.text))
		}
	}
}
