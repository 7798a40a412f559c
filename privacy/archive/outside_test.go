package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"postroom/internal/testenv"
	"postroom/privacy"
)

// noise cannot be compressed.
func noise(n int, seed int64) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(b)
	return b
}

func run(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestP12_SevenZip: 7-Zip opens the archive with the passphrase and not with
// another, and the names in the clear tell nothing.
func TestP12_SevenZip(t *testing.T) {
	sevenZip := testenv.Program(t, "7z")
	c, m := story()
	c.Passphrase = "acorn-bridge-candle-delta-ember-fjord"
	part := build(t, c, m).parts[0]
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.zip"), part, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, dir, sevenZip, "t", "-p"+c.Passphrase, "a.zip"); err != nil {
		t.Fatal(out)
	}
	if out, err := run(t, dir, sevenZip, "t", "-pwrong", "a.zip"); err == nil {
		t.Error("opened with a wrong passphrase: " + out)
	}
	listed, err := run(t, dir, testenv.Program(t, "unzip"), "-l", "a.zip")
	if err != nil || !strings.Contains(listed, "data.zip") || strings.Contains(listed, "washing") || strings.Contains(listed, "messages") {
		t.Errorf("%v %s", err, listed)
	}
	if details, _ := run(t, dir, sevenZip, "l", "-slt", "a.zip"); !strings.Contains(details, "AES-256") {
		t.Error(details)
	}
	for _, secret := range []string{"anna", "Anna", "K7Q2", "Washing", "index.html\x00"} {
		if bytes.Contains(part, []byte(secret)) {
			t.Errorf("%q stands in the clear", secret)
		}
	}
	if out, err := run(t, dir, sevenZip, "x", "-p"+c.Passphrase, "a.zip"); err != nil {
		t.Fatal(out)
	}
	if out, err := run(t, dir, sevenZip, "x", "data.zip"); err != nil {
		t.Fatal(out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "P-K7Q2-9F3M-1", "messages", "00001_2026-02-03.eml"))
	if err != nil || !bytes.Equal(got, m.raw[1]) {
		t.Error("not as it was", err)
	}
	flipped := bytes.Clone(part)
	flipped[bytes.LastIndex(flipped, []byte("data.zip"))-4000] ^= 1 // within the encrypted data
	if err := os.WriteFile(filepath.Join(dir, "b.zip"), flipped, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, dir, sevenZip, "t", "-p"+c.Passphrase, "b.zip"); err == nil {
		t.Error("a changed archive is believed: " + out)
	}
}

// readBack is what python makes of a part: its zip, its mbox, its data.
const readBack = `
import sys, json, mailbox, zipfile, os, tempfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
d = tempfile.mkdtemp()
z.extractall(d)
top = os.path.join(d, os.listdir(d)[0])
box = mailbox.mbox(os.path.join(top, 'messages.mbox'))
for m in box:
    print(m['Subject'], '|', m.get_payload().replace('\n', '~'))
data = json.load(open(os.path.join(top, 'data.json'), encoding='utf-8'))
print('tickets', len(data['tickets']))
import jsonschema
schema = json.load(open(sys.argv[2], encoding='utf-8'))
jsonschema.Draft202012Validator.check_schema(schema)
v = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
v.validate(data)
data['tickets'][0]['messages'][0]['by'] = 'nobody'
assert not v.is_valid(data)
print('schema holds')
`

// TestPython: python's zipfile, mailbox and jsonschema read the archive.
func TestPython(t *testing.T) {
	testenv.Program(t, "jsonschema")
	python := "/usr/bin/python3" // the one that jsonschema is installed for
	if _, err := os.Stat(python); err != nil {
		python = testenv.Program(t, "python3")
	}
	c, m := story()
	m.raw[4] = []byte("From: anna@example.org\r\nSubject: quoted\r\n\r\nFrom the filter\r\n>From older\r\nFrom")
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, build(t, c, m).parts[0], 0o600); err != nil {
		t.Fatal(err)
	}
	schema, err := filepath.Abs("../../docs/archive.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, ".", python, "-c", readBack, file, schema)
	if err != nil {
		t.Fatal(out)
	}
	if !strings.Contains(out, "quoted | >From the filter~>>From older~From~") || !strings.Contains(out, "tickets 2") || !strings.Contains(out, "schema holds") || strings.Count(out, " | ") != 4 {
		t.Error(out)
	}
}

// large is a source of many messages that are made when they are asked for.
type large struct{ raw, file []byte }

func (l large) Text(context.Context, int64) (string, error) {
	return strings.Repeat("A line of a mail as people write them.\n", 40), nil
}

func (l large) WriteRaw(_ context.Context, id int64, w io.Writer) error {
	if _, err := fmt.Fprintf(w, "Subject: %d\r\n\r\n", id); err != nil {
		return err
	}
	_, err := w.Write(l.raw)
	return err
}

func (l large) WriteAttachment(_ context.Context, _ int64, _ int, w io.Writer) error {
	_, err := w.Write(l.file)
	return err
}

// TestMemory: ten thousand messages with attachments take less than 128 MiB,
// and every part stays within its bound.
func TestMemory(t *testing.T) {
	c, m := story()
	c.Passphrase = "acorn-bridge-candle-delta-ember-fjord"
	src := large{raw: noise(2<<10, 1), file: noise(1<<10, 2)}
	if os.Getenv("POSTROOM_SOAK") != "" {
		src = large{raw: noise(60<<10, 1), file: noise(40<<10, 2)}
	}
	c.Tickets = nil
	for i := range 1000 {
		x := Ticket{Ref: fmt.Sprintf("T%d", i), Subject: "One of very many"}
		for j := range 10 {
			id := int64(i*10 + j)
			msg := m.mail(id, privacy.Wrote, You, made, "One of very many", "")
			delete(m.raw, id)
			msg.Size, msg.TextBytes = int64(len(src.raw)+30), 1600
			msg.Attachments = append(msg.Attachments, m.attach(1, fmt.Sprintf("photo %d.jpg", id), "image/jpeg", src.file))
			x.Messages = append(x.Messages, msg)
		}
		c.Tickets = append(c.Tickets, x)
	}
	m.file = nil
	runtime.GC()
	var peak uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		var s runtime.MemStats
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&s)
				peak = max(peak, s.HeapInuse+s.StackInuse)
			}
		}
	}()
	begun := time.Now()
	var total, most int64
	r, err := Build(t.Context(), c, src, func(_ context.Context, _, _ int, write func(io.Writer) error) error {
		n := &counter{w: io.Discard}
		err := write(n)
		total, most = total+n.n, max(most, n.n)
		return err
	})
	close(stop)
	<-done
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages, %d parts, %d MiB, largest %.1f MiB, %v, peak %d MiB", r.Messages, r.Parts, total>>20, float64(most)/(1<<20), time.Since(begun).Round(time.Millisecond), peak>>20)
	if peak > 128<<20 {
		t.Errorf("%d MiB in use", peak>>20)
	}
	if most > DefaultPartBytes {
		t.Errorf("a part has %d bytes", most)
	}
}

// TestPassphrase: six different words of a list of more than 2,048, none of
// which the list has twice.
func TestPassphrase(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range strings.Fields(wordList) {
		if seen[w] || len(w) < 3 || len(w) > 9 || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Errorf("word %q", w)
		}
		seen[w] = true
	}
	if len(seen) < 2048 {
		t.Errorf("%d words", len(seen))
	}
	a, err := Passphrase()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Passphrase()
	if a == b || strings.Count(a, "-") != 5 {
		t.Errorf("%q %q", a, b)
	}
}

// FuzzMbox: whatever a message holds and however it is cut, it is one message
// in the mbox, and what is read back is the message with LF for CRLF.
func FuzzMbox(f *testing.F) {
	f.Add([]byte("From x\r\n>From y\r\n\rFrom z"), 3)
	f.Fuzz(func(t *testing.T, raw []byte, cut int) {
		var out bytes.Buffer
		m := &mboxWriter{w: &out}
		if err := m.begin("a@example.org", made); err != nil {
			t.Fatal(err)
		}
		cut = min(max(cut, 1), 1<<16)
		for rest := raw; len(rest) > 0; {
			n := min(cut, len(rest))
			if _, err := m.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := m.end(); err != nil {
			t.Fatal(err)
		}
		_, body, _ := strings.Cut(out.String(), "\n")
		lines := strings.Split(body, "\n")
		for i, l := range lines {
			if strings.HasPrefix(l, "From ") {
				t.Fatalf("line %d begins a message: %q", i, l)
			}
			if rest := strings.TrimLeft(l, ">"); strings.HasPrefix(rest, "From ") {
				lines[i] = l[1:]
			}
		}
		got := strings.TrimRight(strings.Join(lines, "\n"), "\n")
		want := strings.TrimRight(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
		if got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}
