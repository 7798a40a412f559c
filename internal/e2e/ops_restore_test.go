package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postroom/internal/testenv"
)

// A backup goes from each database into each other one, and what was given out
// before still leads back to its ticket.
func TestRestoreAcrossDatabases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := alone(t, w, nil)
	s := theStory(t, w, first)
	before := all(first)
	content, keys, pass := backups(t, first)
	first.stop()

	moved := newDesk(t, w, settings{"database.url": quote(testenv.Postgres(t))})
	moved.must("restore", "--accept-missing-erasures", "--keys", keys, "--passphrase-file", pass, content)
	same(t, "on PostgreSQL", before, all(moved))
	if _, errs, status := moved.run("restore", "--accept-missing-erasures", "--keys", keys, "--passphrase-file", pass, content); status != 1 || !strings.Contains(errs, "empty") {
		t.Errorf("a restore over what is there: status %d, %q", status, errs)
	}
	moved.serve()
	moved.verify()
	s.goesOn(moved, "Written to PostgreSQL")
	moved.quiet()
	before = all(moved)
	content, keys, pass = backups(t, moved)
	moved.stop()

	back := newDesk(t, w, nil)
	back.must("restore", "--accept-missing-erasures", "--keys", keys, "--passphrase-file", pass, content)
	same(t, "on SQLite again", before, all(back))
	back.serve()
	back.verify()
	s.goesOn(back, "Written to SQLite")
	s.finds(back, "Written to PostgreSQL")
}

// A backup taken while mail comes in is whole: each mail is in it or not, and
// every one that was answered before it began is.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	early := d.mustSend("early@acme.example", support, letter("early@acme.example", support, "Early", "", "Words."))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			from := fmt.Sprintf("load-%d@acme.example", i)
			body := "Words."
			if i%4 == 0 {
				body = randomLines(400 << 10)
			}
			if _, err := d.send(from, support, letter(from, support, "Load", "", body)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	eventually(t, "mail comes in", func() string {
		if n := len(d.tickets()); n < 5 {
			return fmt.Sprintf("%d tickets", n)
		}
		return ""
	})
	content, keys, pass := backups(t, d)
	close(stop)
	<-done
	whole := map[string]string{}
	for _, tk := range d.tickets() {
		whole[tk.Messages[0].Receipt] = tk.Messages[0].SHA256
	}
	d.stop()

	restored := newDesk(t, w, nil)
	restored.must("restore", "--accept-missing-erasures", "--keys", keys, "--passphrase-file", pass, content)
	restored.verify()
	found := false
	for _, tk := range restored.tickets() {
		for _, m := range tk.Messages {
			found = found || m.Receipt == early
			if whole[m.Receipt] != m.SHA256 {
				t.Errorf("restored was %+v", m)
			}
		}
	}
	if !found {
		t.Error("the mail from before the backup is not in it")
	}
}

// story with a conversation that a desk has had: what leads back to it.
type conversation struct {
	w              *world
	ref            string
	toBerta, toAnn *mail
	annsID         string
}

// theStory lets Ann write, Berta answer and note, and a large mail come in.
func theStory(t *testing.T, w *world, d *desk) *conversation {
	t.Helper()
	raw := letter(ann, support, "Invoice 2026-1182", "", "Where is the zebra on invoice 2026-1182?")
	d.mustSend("ann@acme.example", support, raw)
	c := &conversation{w: w, annsID: messageID(crlf(raw)), toBerta: w.next("berta@agents.example", "zebra")}
	d.reply(berta, c.toBerta, "Hello Ann, here it is.")
	c.toAnn = w.next("ann@acme.example", "here it is")
	d.reply(berta, c.toBerta, "#note\n#tag vip\nAnn is a good customer.")
	w.next("berta@agents.example", "vip")
	d.mustSend("bob@acme.example", support, letter("Bob <bob@acme.example>", support, "Much", "", strings.Repeat("A line of a large mail.\n", 30_000)))
	w.next("carl@agents.example", "Much")
	d.quiet()
	c.ref = d.of("ann@acme.example")[0].Ref
	return c
}

// reply answers a mail of the desk, from the mailbox it came to.
func (d *desk) reply(from string, m *mail, text string) {
	d.t.Helper()
	extra, body := replying(m, text, "Kind regards")
	d.mustSend(bare(from), m.replyTo(), letter(from, m.replyTo(), "Re: "+m.msg.Subject, extra, body))
}

// goesOn checks that the addresses that the desk gave out before still lead to
// the ticket, for Ann and for Berta, and that nobody is told of old mail.
func (c *conversation) goesOn(d *desk, words string) {
	t := d.t
	t.Helper()
	before := len(c.w.to("berta@agents.example"))
	d.mustSend("ann@acme.example", c.toAnn.replyTo(), letter(ann, c.toAnn.replyTo(), "no reference", "", words+", says Ann."))
	c.w.next("berta@agents.example", words+", says Ann.")
	if n := len(c.w.to("berta@agents.example")); n != before+1 {
		t.Errorf("Berta was told %d times", n-before)
	}
	d.reply(berta, c.toBerta, "#note\n"+words+", notes Berta.")
	c.w.next("berta@agents.example", "internal note")
	messages := d.ticket(c.ref).Messages
	last := messages[len(messages)-2:]
	if last[0].Direction != "in" || last[0].From != "ann@acme.example" || last[0].Unverified || last[1].Direction != "note" {
		t.Errorf("after %q the ticket ends with %+v", words, last)
	}
	c.finds(d, words)
}

// finds searches for words and expects them in the ticket.
func (c *conversation) finds(d *desk, words string) {
	d.t.Helper()
	if out := d.must(append([]string{"ticket", "search"}, strings.Fields(words)...)...); !strings.Contains(out, c.ref) {
		d.t.Errorf("search for %q finds %q", words, out)
	}
}

// backups writes both backups of a desk.
func backups(t *testing.T, d *desk) (content, keys, pass string) {
	t.Helper()
	dir := t.TempDir()
	content, keys, pass = filepath.Join(dir, "content"), filepath.Join(dir, "keys"), filepath.Join(dir, "passphrase")
	if err := os.WriteFile(pass, []byte("a passphrase of some length\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("backup", content)
	d.must("backup", "--keys", "--passphrase-file", pass, keys)
	return content, keys, pass
}

// all is what the lists and shows say of a desk, by command, and each message as
// it came in.
func all(d *desk) map[string]string {
	d.t.Helper()
	said := map[string]string{}
	ask := func(args ...string) string {
		out := d.must(args...)
		said[strings.Join(args, " ")] = out
		return out
	}
	for _, what := range []string{"ticket", "queue", "agent", "person", "outbox", "held"} {
		ask(what, "list", "--json")
	}
	for _, tk := range d.tickets() {
		ask("ticket", "show", tk.Ref)
		ask("ticket", "show", tk.Ref, "--json")
		ask("ticket", "explain", tk.Ref, "--json")
		for _, m := range tk.Messages {
			if raw := ask("ticket", "raw", fmt.Sprint(m.ID)); sum([]byte(raw)) != m.SHA256 {
				d.t.Errorf("message %d is not what was written", m.ID)
			}
		}
	}
	return said
}

// same compares what two desks say.
func same(t *testing.T, when string, want, got map[string]string) {
	t.Helper()
	for args, text := range want {
		if got[args] != text {
			t.Errorf("%s, %s says\n%.2000s\nand said before\n%.2000s", when, args, got[args], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s there are %d answers, there were %d", when, len(got), len(want))
	}
}
