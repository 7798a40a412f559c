package e2e

import (
	"encoding/csv"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// P4: somebody who got into the mailbox passes the question and has an erasure
// approved: the other address that proved to be the same person's hears of it,
// and stops it from there, with CANCEL or as plain a word; nobody else can.
func TestP4_CoolingOff(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	second := s.as("annex")
	b.mail(second, support, "A second kettle", "This one is mine as well: saffronpike.")
	b.w.next(bare(berta), "saffronpike")
	challenge, heard := b.asked(s, "erasure")
	b.linked(s, second, challenge, heard)
	todo := b.w.next(bare(olga), "To decide: erasure")
	b.orders(todo, "#approve", "Done", "can cancel until")
	b.w.next(s.address(), s.opening["pending"])
	notice := b.w.next(second.address(), "An erasure will be carried out on")
	if strings.Contains(string(notice.raw), s.address()) || !strings.Contains(notice.msg.Text, "CANCEL") {
		t.Errorf("the notice names the other address, or no way to stop it:\n%s", notice.raw)
	}
	b.answer(subject{from: "eve@full.example"}, notice, s.cancel)
	b.door().mustSend("eve@nowhere.example", notice.replyTo(), letter(second.from, notice.replyTo(), "Re", "", s.cancel))
	b.answer(second, notice, "What is this about?")
	b.admin().quiet()
	b.admin().request(s.address(), "erasure", "cooling")
	b.answer(second, notice, "STOP")
	b.w.next(s.address(), s.opening["cancelled"])
	b.admin().request(s.address(), "erasure", "withdrawn")
	if len(b.admin().of(s.address())) < 1 || len(b.admin().of(second.address())) < 1 {
		t.Error("tickets are gone")
	}
}

// P5: what somebody else wrote in the person's conversation comes without that
// one's name, signature and number; the person's own mail comes as it was.
func TestP5_ThirdParties(t *testing.T) {
	t.Parallel()
	b := privacyHouse(t, arrangements[0], nil)
	s := inEnglish
	raw := letter(s.from, support, "Our kettle", "Cc: bob@many.example\n", "Our kettle whistles: zephyrtone.\n")
	b.door().mustSend(s.address(), support, raw)
	b.w.next(bare(berta), "zephyrtone")
	id := messageID(crlf(raw))
	about := "In-Reply-To: <" + id + ">\nReferences: <" + id + ">\n"
	b.door().mustSend("bob@many.example", support, letter("Bob Harrowgate <bob@many.example>", support, "Re: Our kettle", about,
		"Ada Quillfeather asked me to add its number, amberfinch 12.\n\n-- \nBob Harrowgate\nHarrowgate Kettles\n+49 151 23456789\n"))
	b.w.next(bare(berta), "amberfinch")
	if list := b.admin().tickets(); len(list) != 1 {
		t.Fatalf("they are not one conversation: %+v", list)
	}
	b.ask(s, "access")
	o := b.open(s)
	for _, word := range []string{"Harrowgate", "23456789"} {
		if in := o.finds(t, word); len(in) > 0 {
			t.Errorf("%s is in %v", word, in)
		}
	}
	if box := o.read(t, "messages.mbox"); !strings.Contains(box, "Cc: bob@many.example") || !strings.Contains(box, "zephyrtone") {
		t.Errorf("the person's own mail is not as it was:\n%s", box)
	}
	if page := o.read(t, "index.html"); !strings.Contains(page, "asked me to add") {
		t.Error("what the other wrote about the person is missing")
	}
}

// P7: an address proves itself alone: neither a plus form nor a dotted one
// proves it or comes with it; capitals make no other address.
func TestP7_Alias(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	tagged, dotted := subject{from: "ada+shop@acme.example"}, subject{from: "a.da@acme.example"}
	b.mail(tagged, support, "The shop's", "Only for the shop: saffronpike.")
	b.w.next(bare(berta), "saffronpike")
	loud := s
	loud.from = "Ada Quillfeather <ADA@Acme.Example>"
	b.mail(loud, privacyDesk, "", s.words["access"])
	c := b.w.next(s.address(), s.opening["challenge"])
	b.answer(tagged, c, s.confirm)
	b.answer(dotted, c, s.confirm)
	for _, r := range b.admin().requests(s.address()) {
		if r.State == "executing" || r.State == "done" || r.State == "verified" {
			t.Errorf("an alias proved it: %s", r.State)
		}
	}
	if len(b.admin().requests(tagged.address())) > 0 {
		t.Error("there is a request of the alias")
	}
	b.answer(loud, c, s.confirm)
	o := b.open(s)
	if in := o.finds(t, "saffronpike"); len(in) > 0 {
		t.Errorf("the alias's conversation is in %v", in)
	}
	if !strings.Contains(o.read(t, "index.html"), "zephyrtone") {
		t.Error("the copy is not whole")
	}
}

// P11: what fetches links changes nothing, however often and in whatever way;
// the one click does.
func TestP11_LookingChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, s := arrangements[0].withPurposes(t, w), subscribers[0]
	given(t, h, w, s)
	h.admin().sendNews("news", "First news")
	news := w.next(s.address, "First news")
	found := clickIn.FindSubmatch(unfold(news.raw))
	if found == nil {
		t.Fatalf("no link:\n%s", news.raw)
	}
	link := string(found[1])
	for _, try := range []struct{ method, link string }{{"GET", link}, {"HEAD", link}, {"GET", link}, {"OPTIONS", link}, {"GET", link + "?List-Unsubscribe=One-Click"}, {"PUT", link}, {"DELETE", link}} {
		r, err := http.NewRequestWithContext(t.Context(), try.method, try.link, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if p := h.admin().proof(s.address, "news"); !p.Stands {
			t.Fatalf("%s withdrew the consent", try.method)
		}
	}
	resp, err := http.PostForm(link, url.Values{"List-Unsubscribe": {"One-Click"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if p := h.admin().proof(s.address, "news"); p.Stands {
		t.Error("the click did nothing")
	}
}

// P12: the archive does not open with another passphrase and shows no name from
// outside; no cell is a formula; no name leads out of its folder.
func TestP12_Archive(t *testing.T) {
	t.Parallel()
	b := privacyHouse(t, arrangements[0], nil)
	s := inEnglish
	for i, name := range []string{"../../../evil.sh", "/etc/passwd", `..\\..\\evil.bat`} {
		raw := withFile(letter("\"=HYPERLINK(1)\" <ada@acme.example>", support, []string{"=cmd|'/c calc'!A1", "@SUM(1)", "+1-1"}[i], "", "zephyrtone\n"), name, "text/plain", "x")
		b.door().mustSend(s.address(), support, raw)
		b.w.next(bare(berta), "zephyrtone")
	}
	b.ask(s, "access")
	o := b.open(s) // tries another passphrase first
	if out, err := sevenZip(t, filepath.Dir(o.zip), "l", "-slt", "part.zip"); err != nil || strings.Count(out, "\nPath = ") != 3 || !strings.Contains(out, "\nPath = README.txt\n") || !strings.Contains(out, "\nPath = data.zip\n") || !strings.Contains(out, "AES-256") {
		t.Errorf("from outside:\n%s", out)
	}
	out, err := sevenZip(t, filepath.Dir(o.zip), "l", "-slt", "data.zip")
	if err != nil {
		t.Fatal(out)
	}
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Path = "); ok && (strings.HasPrefix(name, "/") || strings.Contains(name, "..") || strings.Contains(name, `\`)) {
			t.Errorf("an entry is called %q", name)
		}
	}
	cells := 0
	err = filepath.WalkDir(o.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".csv" {
			return err
		}
		name, _ := filepath.Rel(o.dir, path)
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(o.read(t, name), "\ufeff"))).ReadAll()
		for _, cell := range slices.Concat(rows...) {
			if cells++; cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("%s has the cell %q", name, cell)
			}
		}
		return err
	})
	if err != nil || cells < 20 {
		t.Errorf("%d cells read: %v", cells, err)
	}
	if len(o.finds(t, "calc'!A1")) < 2 {
		t.Error("the subject is not in the archive")
	}
}

// P14: STOP works at once, without a question, also where nothing proves the
// sender, and news no longer leave.
func TestP14_Stop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := arrangements[0].withPurposes(t, w)
	for i, s := range subscribers[:2] {
		given(t, h, w, s)
		door := "privacy+stop@desk.example"
		from := s.address
		if i == 1 {
			from = "eve@nowhere.example"
		}
		h.door().mustSend(from, door, letter(s.address, door, "", "", "STOP"))
		if p := h.admin().proof(s.address, "news"); p.Stands || p.Act != "withdrawn" {
			t.Errorf("from %s: after STOP %+v", from, p.consentLine)
		}
	}
	if out := h.admin().sendNews("news", "After all"); !strings.HasPrefix(out, "0 mails") {
		t.Errorf("after all have withdrawn: %s", out)
	}
	h.admin().quiet()
	for _, m := range w.all() {
		if strings.HasPrefix(m.msg.Subject, inEnglish.opening["challenge"]) || strings.HasPrefix(m.msg.Subject, inGerman.opening["challenge"]) || strings.Contains(m.msg.Subject, "After all") {
			t.Errorf("%s got %q", m.to, m.msg.Subject)
		}
	}
}
