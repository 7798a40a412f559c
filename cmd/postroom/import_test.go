package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fed reads what feed wrote back into messages.
func fed(t *testing.T, r io.Reader) (list []string) {
	t.Helper()
	for {
		var n int64
		err := binary.Read(r, binary.BigEndian, &n)
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		raw := make([]byte, n)
		if _, err := io.ReadFull(r, raw); err != nil {
			t.Fatal(err)
		}
		list = append(list, string(raw))
	}
}

func TestFeedMbox(t *testing.T) {
	for _, c := range []struct {
		name, mbox string
		want       []string
	}{
		{"one", "From a\nSubject: x\n\nWords\n\n", []string{"Subject: x\n\nWords\n"}},
		{"two", "From a\nA: 1\n\n1\n\nFrom b\nB: 2\n\n2\n\n", []string{"A: 1\n\n1\n", "B: 2\n\n2\n"}},
		{"CR LF", "From a\r\nA: 1\r\n\r\n1\r\n\r\nFrom b\r\nB: 2\r\n\r\n2\r\n\r\n", []string{"A: 1\r\n\r\n1\r\n", "B: 2\r\n\r\n2\r\n"}},
		{"empty lines in front", "\n\nFrom a\nA: 1\n\n1\n\n", []string{"A: 1\n\n1\n"}},
		{"quoted From lines lose one >", "From a\nA: 1\n\n>From x\n>>From y\n> From z\n>Fromage\n\n", []string{"A: 1\n\nFrom x\n>From y\n> From z\n>Fromage\n"}},
		{"a From line inside a text is none", "From a\nA: 1\n\nWords\nFrom here on\n\n", []string{"A: 1\n\nWords\nFrom here on\n"}},
		{"no last line end", "From a\nA: 1\n\nWords", []string{"A: 1\n\nWords"}},
		{"no mail between two", "From a\n\nFrom b\nB: 2\n\n2\n\n", []string{"", "B: 2\n\n2\n"}},
	} {
		var out bytes.Buffer
		if err := feedMbox(strings.NewReader(c.mbox), &out, nil); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := fed(t, &out); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
	for _, bad := range []string{"", "\n\n", "Subject: x\n\nWords\n", " From a\n"} {
		if err := feedMbox(strings.NewReader(bad), io.Discard, nil); err == nil {
			t.Errorf("%q was taken for an mbox", bad)
		}
	}
	broken := errors.New("broken")
	if err := feedMbox(strings.NewReader("From a\nA: 1\n\n"), errWriter{broken}, nil); !errors.Is(err, broken) {
		t.Errorf("a reader that is gone: %v", err)
	}
}

type errWriter struct{ err error }

func (w errWriter) Write([]byte) (int, error) { return 0, w.err }

// Folders of a maildir are read in the order of delivery, whatever lies beside
// cur and new.
func TestFeedMaildir(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"cur/1583143200.3.host:2,S": "third", "new/1583143200.1.host": "first", "cur/1583143200.2.host:2,": "second", ".Sent/cur/1583143200.4.host:2,S": "fourth",
		"tmp/1583143200.0.host": "unfinished", "dovecot.index": "index", "cur/sub/x": "not mail",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := feed(dir, &out, nil); err != nil {
		t.Fatal(err)
	}
	if got := fed(t, &out); !slices.Equal(got, []string{"first", "second", "third", "fourth"}) {
		t.Errorf("%q", got)
	}
}
