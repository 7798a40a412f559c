package message

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
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
	"UTF-7 is never decoded in headers (THREATS M6)": {
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

type check func(m *Message, want json.RawMessage) string

var checks = map[string]map[string]check{
	"stalwart": {
		"from": listIs(func(m *Message) []Address { return m.From }), "to": listIs(func(m *Message) []Address { return m.To }),
		"reply_to": listIs(func(m *Message) []Address { return m.ReplyTo }),
		"subject":  subjectIs, "message_id": idIs, "text_parts": textsIn, "html_parts": textsIn,
		"n_attachments": countIs, "attachment_names": namesAre,
	},
	"zbateson": {
		"From": firstIs(func(m *Message) []Address { return m.From }), "To": firstIs(func(m *Message) []Address { return m.To }),
		"Subject": subjectIs, "Message-ID": idIs, "text_expected": textIn, "html_expected": textIn, "attachments": countIs,
	},
	"phpmime": {
		"from": listIs(func(m *Message) []Address { return m.From }), "to": listIs(func(m *Message) []Address { return m.To }),
		"subject": subjectIs, "attachments": phpNames, "text_test": phpText, "html_test": phpText,
	},
	"enmime": {"body_strings": anywhere},
	"mime4j": {"text_parts": partsIn, "binary_parts": atLeast},
}

type person struct {
	Name, Email, Display, Address string
}

func (p person) is(a Address) bool {
	name, addr := p.Name+p.Display, p.Email+p.Address
	if name == addr && a.Name == "" {
		name = ""
	}
	if addr == "" { // a word alone: theirs is the name, ours the address
		return a.Name+a.Address == name
	}
	return alike(strings.Join(strings.Fields(name), " "), a.Name) && strings.EqualFold(addr, a.Address)
}

// alike compares with a text in which raw 8-bit characters may have been lost.
func alike(want, got string) bool {
	if !strings.Contains(want, "\uFFFD") {
		return want == got
	}
	for _, piece := range strings.Split(want, "\uFFFD") {
		i := strings.Index(got, piece)
		if i < 0 {
			return false
		}
		got = got[i+len(piece):]
	}
	return true
}

func listIs(get func(*Message) []Address) check {
	return func(m *Message, raw json.RawMessage) string {
		var want []person
		if err := json.Unmarshal(raw, &want); err != nil {
			return firstIs(get)(m, raw)
		}
		got := get(m)
		if len(got) != len(want) {
			return fmt.Sprintf("got %q want %s", got, raw)
		}
		for i := range got {
			if !want[i].is(got[i]) {
				return fmt.Sprintf("got %q want %s", got, raw)
			}
		}
		return ""
	}
}

func firstIs(get func(*Message) []Address) check {
	return func(m *Message, raw json.RawMessage) string {
		var want person
		if err := json.Unmarshal(raw, &want); err != nil {
			return err.Error()
		}
		if got := get(m); len(got) == 0 || !want.is(got[0]) {
			return fmt.Sprintf("got %q want %s", got, raw)
		}
		return ""
	}
}

func str(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

func subjectIs(m *Message, raw json.RawMessage) string {
	if !alike(essence(str(raw)), essence(m.Subject)) {
		return fmt.Sprintf("got %q want %q", m.Subject, str(raw))
	}
	return ""
}

func idIs(m *Message, raw json.RawMessage) string {
	if m.MessageID != str(raw) {
		return fmt.Sprintf("got %q want %q", m.MessageID, str(raw))
	}
	return ""
}

func countIs(m *Message, raw json.RawMessage) string {
	if fmt.Sprint(len(m.Attachments)) != string(raw) {
		return fmt.Sprintf("got %v want %s", m.Attachments, raw)
	}
	return ""
}

// namesAre wants each name; a part without one may have got one from us.
func namesAre(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	for _, w := range want {
		if !slices.ContainsFunc(m.Attachments, func(a Attachment) bool { return alike(w, a.Name) || a.Name == safeName(w) }) {
			return fmt.Sprintf("got %v want %q", m.Attachments, want)
		}
	}
	return ""
}

func phpNames(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	if len(want) != len(m.Attachments) {
		return fmt.Sprintf("got %v want %q", m.Attachments, want)
	}
	for i, a := range m.Attachments {
		if a.Name != want[i] && !(a.Name == "" && strings.HasPrefix(want[i], "noname")) {
			return fmt.Sprintf("got %v want %q", m.Attachments, want)
		}
	}
	return ""
}

func phpText(m *Message, raw json.RawMessage) string {
	var test []any
	json.Unmarshal(raw, &test)
	return hasText(m, fmt.Sprint(test[len(test)-1]))
}

var tags = regexp.MustCompile(`(?s)<!--.*?-->|<(style|script|title)[^>]*>.*?</(style|script|title)>|<[^>]*>`)

// essence takes away what may differ without meaning: white space, markup,
// emphasis, the replaced characters of a corpus kept in the wrong charset.
func essence(s string) string {
	s = html.UnescapeString(tags.ReplaceAllString(s, ""))
	return strings.Map(func(r rune) rune {
		switch {
		case r <= ' ' || r == 0xa0 || r == 0x200b || r == 0xfeff || r == '*' || r == '>' || r == '|' || r == '-':
			return -1
		case r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, s)
}

func hasText(m *Message, want string) string {
	w := essence(want)
	if strings.Contains(w, "\uFFFD") {
		return hasPieces(m, w)
	}
	for _, have := range []string{m.Text, m.rawHTML, m.HTML} {
		if strings.Contains(essence(have), w) || strings.Contains(have, want) {
			return ""
		}
	}
	return fmt.Sprintf("text %.1000q\n    lacks %.1000q", m.Text, want)
}

// hasPieces compares with a text whose 8-bit characters were lost.
func hasPieces(m *Message, w string) string {
	have := essence(m.Text)
	have2 := essence(m.rawHTML)
	for _, piece := range strings.FieldsFunc(w, func(r rune) bool { return r == utf8.RuneError }) {
		if !strings.Contains(have, piece) && !strings.Contains(have2, piece) {
			return fmt.Sprintf("text %.1000q\n    lacks %.100q", m.Text, piece)
		}
	}
	return ""
}

func textIn(m *Message, raw json.RawMessage) string { return hasText(m, str(raw)) }

func textsIn(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	for _, w := range want {
		if s := hasText(m, w); s != "" {
			return s
		}
	}
	return ""
}

// anywhere looks for strings that may be of the text, the header, a name or an attachment.
func anywhere(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	all := m.Text + m.rawHTML + m.Subject
	for _, a := range slices.Concat(m.From, m.To, m.Cc, m.ReplyTo) {
		all += a.Name + " <" + a.Address + ">\n"
	}
	for _, a := range m.Attachments {
		all += a.Name + "\n"
	}
	for _, f := range m.Header {
		all += decodeText(f.Value, "") + "\n"
	}
	for _, p := range m.parts {
		all += p.text
	}
	for _, w := range want {
		if !strings.Contains(essence(all), essence(w)) && !strings.Contains(all, w) {
			return fmt.Sprintf("nowhere %q in %.500q", w, all)
		}
	}
	return ""
}

// partsIn looks for each text part, also those of attached messages.
func partsIn(m *Message, raw json.RawMessage) string {
	var want map[string]string
	json.Unmarshal(raw, &want)
	for id, w := range want {
		if !slices.ContainsFunc(m.parts, func(p part) bool {
			have := essence(p.text)
			for _, piece := range strings.FieldsFunc(essence(w), func(r rune) bool { return r == utf8.RuneError || r > 0x7f }) {
				if !strings.Contains(have, piece) {
					return false
				}
			}
			return true
		}) && hasText(m, w) != "" {
			return fmt.Sprintf("no part is %s: %.300q", id, w)
		}
	}
	return ""
}

func atLeast(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	binary := 0
	for _, p := range m.parts {
		if !strings.HasPrefix(p.typ, "text/") && !strings.HasPrefix(p.typ, "message/") {
			binary++
		}
	}
	if binary < len(want) {
		return fmt.Sprintf("%d binary parts, want %d", binary, len(want))
	}
	return ""
}
