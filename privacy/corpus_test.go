package privacy_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"postroom/internal/message"
	"postroom/privacy"
)

// record is a line of a corpus.
type record struct {
	ID, File, Format string
	Expected         struct{ Type, Text string }
}

func corpus(t *testing.T, name string) (dir string, list []record) {
	t.Helper()
	dir = os.Getenv("POSTROOM_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpora")
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Skip("corpora not there")
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		list = append(list, r)
	}
	if lines.Err() != nil || len(list) == 0 {
		t.Fatal("no records", lines.Err())
	}
	return dir, list
}

// TestCorpusRequests: 95 of 100 letters are recognised by their right, every
// one as a request.
func TestCorpusRequests(t *testing.T) {
	dir, list := corpus(t, "privacy.jsonl")
	right, judged := 0, 0
	for _, r := range list {
		subject, text := r.Expected.Text, ""
		if r.File != "" {
			subject, text, _ = open(t, filepath.Join(dir, "data", r.File), r.Format)
		}
		got := privacy.Recognise(subject, text)
		if got == nil {
			t.Errorf("%s: not seen", r.ID)
			continue
		}
		if r.Expected.Type == "admonition" || r.Expected.Type == "complaint" {
			continue // about an earlier request: seen is enough
		}
		judged++
		if len(got.Rights) > 0 && got.Rights[0] == privacy.Right(r.Expected.Type) {
			right++
		} else {
			t.Logf("%s: %s, got %+v", r.ID, r.Expected.Type, got)
		}
		if len(got.Rights) > 4 {
			t.Logf("%s: many rights: %+v", r.ID, got)
		}
	}
	t.Logf("%d of %d by right, %d records", right, judged, len(list))
	if right*100 < judged*95 {
		t.Errorf("%d of %d recognised by right", right, judged)
	}
}

// notOrdinary are records of the negative corpora that are no false alarms,
// with the reason.
var notOrdinary = map[string]string{}

// TestCorpusOrdinaryMail: no mail by people and lists is taken for a request,
// neither in its whole text nor in what the writer wrote now.
func TestCorpusOrdinaryMail(t *testing.T) {
	for _, name := range []string{"not_automatic.jsonl", "reply.jsonl", "threads.jsonl", "parse.jsonl", "bounce.jsonl"} {
		dir, list := corpus(t, name)
		seen, alarms := 0, 0
		for _, r := range list {
			if r.File == "" {
				continue
			}
			seen++
			subject, text, reply := open(t, filepath.Join(dir, "data", r.File), r.Format)
			for _, s := range []string{text, reply} {
				if got := privacy.Recognise(subject, s); got != nil && notOrdinary[r.ID] == "" {
					alarms++
					t.Errorf("%s %s (%s): %+v", name, r.ID, r.File, got)
					break
				}
			}
		}
		t.Logf("%s: %d false alarms in %d", name, alarms, seen)
	}
}

func open(t *testing.T, file, format string) (subject, text, reply string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if format != "rfc822" && format != "" {
		return "", string(raw), string(raw)
	}
	m, err := message.Parse(bytes.NewReader(raw), message.Limits{})
	if err != nil {
		return "", string(raw), ""
	}
	in := m.Inspect()
	return in.Subject, in.Text, in.Reply
}
