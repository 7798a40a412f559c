package e2e

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// R15: a desk that an earlier postroom left behind opens, shows what it showed
// then, and works on; and so does one restored from that postroom's backup.
//
// Every release freezes a desk: POSTROOM_FREEZE=testdata/frozen-2.tar.gz makes
// this test write one before it reads them. Those that are there never change.
func TestR15_OlderDatabaseOpens(t *testing.T) {
	t.Parallel()
	if file := os.Getenv("POSTROOM_FREEZE"); file != "" {
		freeze(t, file)
	}
	files, err := filepath.Glob("testdata/frozen-*.tar.gz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no frozen desk is here: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			dir := t.TempDir()
			unpack(t, file, dir)
			var was frozen
			text, err := os.ReadFile(filepath.Join(dir, "was.json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(text, &was); err != nil {
				t.Fatal(err)
			}

			restored := newDesk(t, w, nil)
			restored.must("restore", "--accept-missing-erasures", "--keys", filepath.Join(dir, "keys"), "--passphrase-file", filepath.Join(dir, "passphrase"), filepath.Join(dir, "content"))
			was.sameFields(t, "restored from its backup", all(restored))
			restored.verify()

			d := newDesk(t, w, settings{"data": quote(filepath.Join(dir, "data"))})
			d.data = filepath.Join(dir, "data")
			was.sameFields(t, "opened", all(d))
			d.serve()
			d.verify()
			d.mustSend("ann@acme.example", was.ReplyTo, letter(ann, was.ReplyTo, "no reference", "", "It was frozen for years."))
			w.next("berta@agents.example", "frozen for years")
			if n := len(d.ticket(was.Ref).Messages); n != 4 {
				t.Errorf("with the reply to an old secret address the ticket has %d messages", n)
			}
			if out := d.must("ticket", "search", "zebra"); !strings.Contains(out, was.Ref) {
				t.Errorf("search finds %q", out)
			}
		})
	}
}

// frozen is what is known of a frozen desk.
type frozen struct {
	Ref     string
	ReplyTo string // the secret address that Ann was given
	Said    map[string]string
}

// sameFields compares what the desk said then with what it says now. Fields may
// have come since; none has gone or changed.
func (was *frozen) sameFields(t *testing.T, when string, said map[string]string) {
	t.Helper()
	for args, then := range was.Said {
		now, asked := said[args]
		if !asked {
			t.Errorf("%s: nobody asked %q", when, args)
			continue
		}
		if !strings.Contains(args, "--json") {
			if strings.HasPrefix(args, "ticket raw") && now != then {
				t.Errorf("%s: %s gives other bytes", when, args)
			}
			continue // words may change
		}
		a, b := values(t, then), values(t, now)
		if len(a) != len(b) {
			t.Errorf("%s: %s shows %d, and showed %d", when, args, len(b), len(a))
			continue
		}
		for i := range a {
			if why := lacks(a[i], b[i]); why != "" {
				t.Errorf("%s: %s: %s", when, args, why)
			}
		}
	}
}

func values(t *testing.T, text string) (list []any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	for {
		var v any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
}

// lacks says what of one value is not in the other, or is something else.
func lacks(want, got any) string {
	switch want := want.(type) {
	case map[string]any:
		have, _ := got.(map[string]any)
		for name, v := range want {
			if why := lacks(v, have[name]); why != "" {
				return name + ": " + why
			}
		}
		return ""
	case []any:
		have, _ := got.([]any)
		if len(have) != len(want) {
			break
		}
		for i := range want {
			if why := lacks(want[i], have[i]); why != "" {
				return why
			}
		}
		return ""
	}
	if a, b := asJSON(want), asJSON(got); a != b {
		return "is " + b + ", and was " + a
	}
	return ""
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// freeze writes a desk as this postroom leaves it.
func freeze(t *testing.T, file string) {
	w := newWorld(t)
	d := alone(t, w, nil)
	s := theStory(t, w, d)
	content, keys, pass := backups(t, d)
	was := frozen{Ref: s.ref, ReplyTo: s.toAnn.replyTo(), Said: all(d)}
	d.stop()
	said, err := json.MarshalIndent(was, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	archive := tar.NewWriter(z)
	put := func(name string, text []byte) {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	put("was.json", said)
	for _, path := range []string{content, keys, pass, filepath.Join(d.data, "desk.db"), filepath.Join(d.data, "keys.db"),
		filepath.Join(d.data, "master.key"), filepath.Join(d.data, "node")} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		if filepath.Dir(path) == d.data {
			name = "data/" + name
		}
		put(name, text)
	}
	for _, name := range []string{"desk.db-wal", "keys.db-wal"} {
		if st, err := os.Stat(filepath.Join(d.data, name)); err == nil && st.Size() > 0 {
			t.Fatalf("a server that stopped left %s", name)
		}
	}
	for _, c := range []io.Closer{archive, z, f} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// unpack extracts an archive of ours into a folder.
func unpack(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(z); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(head.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
