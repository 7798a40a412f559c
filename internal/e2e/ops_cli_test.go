package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A command says the same whether a server runs that carries it out or not, by
// output, by error output and by exit status.
func TestCommandsWithAndWithoutServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	c := theStory(t, w, d)
	heldID := c.holdsSomething(d)
	out := d.outbox()[0].ID
	id := d.of("ann@acme.example")[0].Messages[0].ID
	box := filepath.Join(t.TempDir(), "box")
	if err := os.WriteFile(box, []byte("From x\nSubject: x\n\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	commands := [][]string{
		{"ticket", "list"}, {"ticket", "list", "--json"}, {"ticket", "list", "--queue", "support", "--state", "waiting"},
		{"ticket", "show", c.ref}, {"ticket", "show", c.ref, "--json"}, {"ticket", "show", strings.ToLower(c.ref)},
		{"ticket", "explain", c.ref}, {"ticket", "explain", c.ref, "--json"},
		{"ticket", "raw", fmt.Sprint(id)}, {"ticket", "search", "zebra"}, {"ticket", "search", "--json", "zebra"},
		{"queue", "list"}, {"queue", "list", "--json"}, {"queue", "show", "support"}, {"queue", "show", "support", "--json"},
		{"agent", "list"}, {"agent", "list", "--json"}, {"agent", "show", "berta"}, {"agent", "show", "berta", "--json"},
		{"person", "list"}, {"person", "list", "--json"}, {"person", "show", "ann@acme.example"}, {"person", "show", "ann@acme.example", "--json"},
		{"outbox", "list"}, {"outbox", "list", "--json"}, {"outbox", "show", fmt.Sprint(out)}, {"outbox", "show", fmt.Sprint(out), "--json"},
		{"held", "list"}, {"held", "list", "--json"}, {"held", "show", fmt.Sprint(heldID)}, {"held", "show", fmt.Sprint(heldID), "--json"},
		{"check", "--store"},
		// and what goes wrong
		{"ticket", "show", "K7Q2-9F3M"}, {"ticket", "show"}, {"ticket", "raw", "12"}, {"queue", "show", "none"}, {"queue", "add", "support", "--address", "new@desk.example"},
		{"agent", "set", "berta"}, {"held", "release", "12"}, {"outbox", "drop", "12"}, {"person", "show", "nobody@acme.example"}, {"import", "--queue", "none", box},
	}
	type answer struct {
		out, errs string
		status    int
	}
	say := func() (list []answer) {
		for _, args := range commands {
			var a answer
			a.out, a.errs, a.status = d.run(args...)
			if a.out == "" && a.errs == "" {
				t.Errorf("%s says nothing", strings.Join(args, " "))
			}
			list = append(list, a)
		}
		return list
	}
	with := say()
	d.stop()
	for i, a := range say() {
		if a != with[i] {
			t.Errorf("%s, without a server:\n%d\n%.1000s%.1000s\nwith one:\n%d\n%.1000s%.1000s", strings.Join(commands[i], " "),
				a.status, a.out, a.errs, with[i].status, with[i].out, with[i].errs)
		}
	}
}

// holdsSomething lets a mail claim to be Berta's that does not prove it.
func (c *conversation) holdsSomething(d *desk) int64 {
	d.t.Helper()
	extra, body := replying(c.toBerta, "Not proved.", "Berta")
	raw := letter("Berta <berta@unproved.example>", c.toBerta.replyTo(), "Re: "+c.toBerta.msg.Subject, extra, body)
	raw = strings.Replace(raw, "From: Berta <berta@unproved.example>", "From: "+berta, 1)
	d.mustSend("someone@unproved.example", c.toBerta.replyTo(), raw)
	list := d.held()
	if len(list) != 1 || list[0].Agent != "berta" {
		d.t.Fatalf("held: %+v", list)
	}
	d.quiet()
	return list[0].ID
}

// Search finds words in what was written, as parts of words and in any case, all
// of them in one message; right after the mail came, and with the index thrown
// away.
func TestSearch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	for who, text := range map[string]string{
		"ann":   "The Zebra-Printer in Straße 5 smokes. Größe XL.",
		"bob":   "My printer does not print, order 2026-1182.",
		"carla": "日本語のメールです。プリンタ",
	} {
		from := who + "@acme.example"
		d.mustSend(from, support, letter(from, support, "Subject of "+who, "", text))
	}
	find := func(words ...string) string {
		t.Helper()
		var found []string
		for _, line := range lines[struct {
			Ref  string
			From string
		}](d, append([]string{"ticket", "search"}, words...)...) {
			if line.Ref == "" {
				t.Errorf("%q finds a message of no ticket", words)
			}
			who, _, _ := strings.Cut(line.From, "@")
			found = append(found, who)
		}
		if len(found) == 2 && found[0] > found[1] {
			found[0], found[1] = found[1], found[0]
		}
		return strings.Join(found, " ")
	}
	try := func(when string) {
		t.Helper()
		for _, c := range []struct{ words, want string }{
			{"printer", "ann bob"}, {"PRINTER", "ann bob"}, {"zebra", "ann"}, {"ebra-pri", "ann"}, {"größe", "ann"}, {"GRÖSSE", ""}, {"Straße", "ann"},
			{"2026-1182", "bob"}, {"printer order", "bob"}, {"zebra order", ""}, {"プリンタ", "carla"}, {"carla", "carla"}, {"subject of bob", "bob"},
			{"%", ""}, {"pri_ter", ""}, {`"`, ""}, {"' OR 1=1", ""}, {"prin*", ""},
		} {
			if got := find(strings.Fields(c.words)...); got != c.want {
				t.Errorf("%s, %q finds %q, not %q", when, c.words, got, c.want)
			}
		}
	}
	try("while it runs")
	if out := d.must("ticket", "search", "--limit", "1", "printer"); strings.Count(out, "\n") != 1 {
		t.Errorf("limited to one:\n%s", out)
	}
	d.stop()
	d.withoutIndex()
	try("from a new index")
}

// withoutIndex throws the search index away, which is no part of what is kept.
func (d *desk) withoutIndex() {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.data, "search.db*"))
	if err != nil || len(files) == 0 {
		d.t.Fatalf("no search index: %v", err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			d.t.Fatal(err)
		}
	}
}
