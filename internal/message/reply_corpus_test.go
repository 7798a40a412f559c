package message

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

// replyExceptions are records of the corpus whose expectation we do not
// share, each with the reason. They count as wrong all the same.
var replyExceptions = map[string]string{
	"talon/test_too_many_lines":                   "the peer was told to look at one line only; \"Hi\" is the writer's",
	"talon/test_blockquote_disclaimer":            "an unmarked quote between own texts may be what is answered: kept; the peer's own other tests keep such a quote in text",
	"talon/std_iphone":                            "the peer looks for quotes only, here signatures and footers go too",
	"talon/std_sparrow":                           "as above: a signature below its delimiter",
	"crisp/test_reads_simple_body":                "keeps \"-Abhishek Kona\", which willdurand, github_erp and mpr call a signature in the same mail",
	"crisp/test_parseReply_extracts_visible_text": "as above",
	"crisp/test_reads_top_post":                   "as above",
	"crisp/test_email_emoji":                      "keeps a block of name and position below a dash",
	"crisp/test_email_sent_from_my":               "drops unmarked text below a mobile footer: it may have been typed there",
	"willdurand/testEmailSentFromMy":              "as above",
	"crisp/test_email_german_3":                   "as above",
	"willdurand/testEmailUkrainian":               "expects words that are not in the mail",
	"mpr/test_gmail_header":                       "keeps the rule above the header block; github_erp drops it in the same mail",
	"mpr/test_dutch_gmail_header":                 "as above",
	"mpr/test_pl_simple_body":                     "calls closing and first name a signature; talon keeps them in twelve mails, and the writer did write them",
	"mpr/test_pl_simple_signature":                "as above",
	"mpr/test_swedish_simple_body":                "as above",
	"mpr/test_danish_simple_body":                 "as above",
	"mpr/test_danish_signatures_short":            "as above",
	"libredesk/protonmail":                        "keeps the advertisement of the mail program",
}

type replyRecord struct {
	ID, File, Format string
	Expected         struct {
		Reply          *string
		Compare        string
		NoSpace        *string  `json:"reply_html_nospace"`
		MustContain    []string `json:"must_contain"`
		MustNotContain []string `json:"must_not_contain"`
		NotInBody      []string `json:"signature_not_in_body"`
	}
}

// right judges got. loose disregards white space and the marks of quotes: the
// expectation was made from HTML by other rules.
func (r *replyRecord) right(got string) (ok, judged bool) {
	e := &r.Expected
	ok = true
	if e.Reply != nil {
		judged = true
		if e.Compare != "" || e.NoSpace != nil {
			got, want := strings.Fields(got), strings.Fields(*e.Reply)
			got = slices.DeleteFunc(got, func(w string) bool { return strings.Trim(w, ">") == "" })
			ok = ok && slices.Equal(got, want)
		} else {
			ok = ok && tidyText(strings.ReplaceAll(got, "\r\n", "\n")) == tidyText(*e.Reply)
		}
	}
	for _, s := range e.MustContain {
		judged = true
		ok = ok && strings.Contains(got, s)
	}
	for _, s := range append(slices.Clone(e.MustNotContain), e.NotInBody...) {
		judged = true
		ok = ok && !strings.Contains(got, s)
	}
	return ok, judged
}

// TestCorpusReply prints how often we and the unchanged input are right.
func TestCorpusReply(t *testing.T) {
	dir := corpora(t)
	f, err := os.Open(filepath.Join(dir, "reply.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type score struct{ exact, exacts, all, alls, unchanged int }
	scores := map[string]*score{"all": {}}
	s := bufio.NewScanner(f)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		var r replyRecord
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "data", r.File))
		if err != nil {
			t.Fatal(err)
		}
		got, input := replyOfRecord(t, &r, raw)
		ok, judged := r.right(got)
		if !judged {
			continue
		}
		same, _ := r.right(input)
		source, _, _ := strings.Cut(r.ID, "/")
		if scores[source] == nil {
			scores[source] = &score{}
		}
		for _, sc := range []*score{scores[source], scores["all"]} {
			sc.alls++
			sc.all += btoi(ok)
			sc.unchanged += btoi(same)
			if r.Expected.Reply != nil {
				sc.exacts++
				sc.exact += btoi(ok)
			}
		}
		reason, known := replyExceptions[r.ID]
		switch {
		case !ok && known:
			t.Logf("%s: not as the peer has it: %s", r.ID, reason)
		case !ok:
			t.Errorf("%s:\n got %.400q\nwant %s", r.ID, got, s.Bytes())
		case known:
			t.Errorf("%s is right: no exception any more", r.ID)
		}
	}
	names := make([]string, 0, len(scores))
	for n := range scores {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		sc := scores[n]
		t.Logf("%-10s exact %3d of %3d, all judged %3d of %3d, the input unchanged %3d", n, sc.exact, sc.exacts, sc.all, sc.alls, sc.unchanged)
	}
	if a := scores["all"]; a.exact*10 < a.exacts*9 || a.all*10 < a.alls*9 {
		t.Errorf("below 90 %%: %d of %d exact, %d of %d in all", a.exact, a.exacts, a.all, a.alls)
	}
}

func replyOfRecord(t *testing.T, r *replyRecord, raw []byte) (reply, input string) {
	switch r.Format {
	case "rfc822":
		m, err := Parse(bytes.NewReader(raw), Limits{})
		if err != nil {
			t.Errorf("%s: %v", r.ID, err)
			return "", ""
		}
		return m.Reply, m.Text
	case "html":
		return ReplyFromHTML(string(raw)), HTMLToText(string(raw))
	}
	return ReplyFromText(string(raw)), string(raw)
}
