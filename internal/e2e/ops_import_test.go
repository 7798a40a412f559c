package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// An archive of what came and one of what was sent, as a mail client keeps them,
// make one conversation in the order it was held, with our answers as such.
func TestImportOfAConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	begin := time.Date(2023, 5, 2, 9, 0, 0, 0, time.UTC)
	ids := []string{"q1@acme.example", "a2@desk.example", "q3@acme.example", "a4@agents.example", "q5@acme.example"}
	var inbox, sent strings.Builder
	dir := t.TempDir()
	for i, id := range ids {
		from, to, box := ann, support, &inbox
		switch i {
		case 1:
			from, to, box = "Desk Support <"+support+">", ann, &sent
		case 3: // Berta wrote from her own mailbox
			from, to, box = berta, ann, &sent
		}
		at := begin.Add(time.Duration(i) * time.Hour)
		fmt.Fprintf(box, "From x %s\nFrom: %s\nTo: %s\nSubject: Printer\nDate: %s\nMessage-ID: <%s>\n", at.Format(time.ANSIC), from, to, at.Format(time.RFC1123Z), id)
		if i > 0 {
			fmt.Fprintf(box, "In-Reply-To: <%s>\nReferences: <%s>\n", ids[i-1], strings.Join(ids[:i], "> <"))
		}
		fmt.Fprintf(box, "\nThis is number %d.\n\n", i+1)
	}
	files := []string{filepath.Join(dir, "Inbox"), filepath.Join(dir, "Sent")}
	for i, text := range []string{inbox.String(), sent.String()} {
		if err := os.WriteFile(files[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.must("import", "--queue", "support", files[0], files[1])
	list := d.tickets()
	if len(list) != 1 {
		t.Fatalf("one conversation made %d tickets: %+v", len(list), list)
	}
	tk := list[0]
	var order, directions []string
	for _, m := range tk.Messages {
		order, directions = append(order, m.MessageID), append(directions, m.Direction)
	}
	if !slices.Equal(order, ids) || !slices.Equal(directions, []string{"in", "out", "in", "out", "in"}) {
		t.Errorf("it reads %q %q", order, directions)
	}
	if tk.Requester != "ann@acme.example" || tk.State != "resolved" || tk.Subject != "Printer" || tk.Messages[0].Proof != "import" {
		t.Errorf("it is %+v", tk)
	}
	show := d.must("ticket", "show", tk.Ref)
	for i := range ids {
		words := fmt.Sprintf("This is number %d.", i+1)
		at := strings.Index(show, words)
		if at < 0 {
			t.Errorf("show does not hold %q after what came before:\n%s", words, show)
			break
		}
		show = show[at:]
	}
	if people := d.must("person", "list"); strings.Contains(people, support) || strings.Contains(people, "berta@") {
		t.Errorf("we are people now:\n%s", people)
	}
	if rows := d.outbox(); len(rows) != 0 {
		t.Errorf("an import sent %+v", rows)
	}
	d.verify()
}

// Old mail without order, without Message-IDs, with line ends of all sorts and
// with what is no mail at all is taken in, once.
func TestImportOfAMess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.team()
	box := filepath.Join(t.TempDir(), "mess")
	mess := "From a Mon Mar  2 10:00:00 2020\r\nFrom: crlf@acme.example\r\nSubject: CR LF\r\n\r\nWords.\r\n\r\n" +
		"From b Mon Mar  2 10:00:00 2020\nFrom: nameless@acme.example\nSubject: no Message-ID\n\nWords.\n\n" +
		"From c Mon Mar  2 10:00:00 2020\nno header at all\n\n" +
		"From d Mon Mar  2 10:00:00 2020\n\n" +
		"From e Mon Mar  2 10:00:00 2020\nFrom: a@acme.example, b@acme.example\nFrom: c@acme.example\nSubject: too many\n\nbare\rCR and \x00 NUL\n" +
		"From the middle of a text: no empty line stands before this.\n\n" +
		"From f Mon Mar  2 10:00:00 2020\nFrom: last@acme.example\nSubject: the last line has no end\n\nWords"
	if err := os.WriteFile(box, []byte(mess), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"6 messages taken in, 0 known already, 0 not taken.", "0 messages taken in, 6 known already, 0 not taken."} {
		if out := d.must("import", "--queue", "support", "--state", "open", box); !strings.Contains(out, want) {
			t.Errorf("import says %q", out)
		}
		messages := 0
		for _, tk := range d.tickets() {
			messages += len(tk.Messages)
			if tk.State != "open" || tk.Queue != "support" {
				t.Errorf("imported: %+v", tk)
			}
		}
		if messages != 6 {
			t.Errorf("%d messages", messages)
		}
	}
	d.verify()
}
