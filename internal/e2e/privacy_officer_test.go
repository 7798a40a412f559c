package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The officer's side over the socket: each command as an answer to a mail, with
// what the person then gets.

// asked is a request whose proof is still missing, with the question for it and
// the mail by which the officer hears of it.
func (b *bureau) asked(s subject, what string) (challenge, heard *mail) {
	b.t.Helper()
	b.mail(s, privacyDesk, "", s.words[what])
	challenge = b.w.next(s.address(), s.opening["challenge"])
	return challenge, b.w.next(bare(olga), "New message", noIn(b.t, challenge))
}

// orders sends commands and waits for what the officer is told.
func (b *bureau) orders(m *mail, text string, words ...string) *mail {
	b.t.Helper()
	b.officer(m, text)
	return b.w.next(bare(olga), words...)
}

// got counts the person's mails that begin so.
func (b *bureau) got(s subject, opening string) (n int) {
	for _, m := range b.w.to(s.address()) {
		if strings.HasPrefix(m.msg.Subject, opening) {
			n++
		}
	}
	return n
}

// finds names the files of the archive that hold a word.
func (o *opened) finds(t testing.TB, word string) (in []string) {
	t.Helper()
	err := filepath.WalkDir(o.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), word) || strings.Contains(path, word) {
			in = append(in, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// linked proposes a further address and lets it prove itself; the request is
// then proved anew, for what it covers has changed.
func (b *bureau) linked(s, further subject, challenge, heard *mail) {
	b.t.Helper()
	b.orders(heard, "#link "+further.address(), "Done", further.address()+" is asked")
	question := b.w.next(further.address(), "Is this address yours?")
	if strings.Contains(string(question.raw), s.address()) || strings.Contains(question.msg.Text, "zephyrtone") {
		b.t.Errorf("the further address learns whose request it is:\n%s", question.raw)
	}
	b.answer(further, question, s.confirm)
	b.w.next(s.address(), "A further address was confirmed")
	b.answer(s, challenge, s.confirm)
	b.answer(s, b.w.next(s.address(), s.opening["again"]), s.confirm)
}

// #link: what a further address has comes into the archive when it has proved
// itself, in its own mailbox; one that has not stays out, and the mails say how
// it is added.
func TestPrivacyLink(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	second, third := s.as("annex"), s.as("thorn")
	b.mail(second, support, "A second kettle", "This one is mine as well: saffronpike.")
	b.mail(third, support, "A third kettle", "And another: cobaltwren.")
	b.w.next(bare(berta), "saffronpike")
	b.w.next(bare(berta), "cobaltwren")

	challenge, heard := b.asked(s, "access")
	b.orders(heard, "#link "+support, "Not done", "one address of the person")
	b.orders(heard, "#link "+third.address(), "Done")
	question := b.w.next(third.address(), "Is this address yours?")
	b.answer(subject{from: "eve@full.example"}, question, s.confirm)
	b.linked(s, second, challenge, heard)
	o := b.open(s)
	b.admin().request(s.address(), "access", "done")
	for _, word := range []string{"zephyrtone", "saffronpike"} {
		if in := o.finds(t, word); len(in) < 2 {
			t.Errorf("%s is only in %v", word, in)
		}
	}
	if in := o.finds(t, "cobaltwren"); len(in) > 0 {
		t.Errorf("the conversation of an address without proof is in %v", in)
	}
	for _, m := range b.w.to(s.address()) {
		if strings.HasPrefix(m.msg.Subject, s.opening["archive"]) && !strings.Contains(m.msg.Text, "send the same request from each of them") {
			t.Errorf("the mail does not say how further addresses are added:\n%s", m.msg.Text)
		}
	}
}

// #withhold: one message stays out, and the archive names it and the ground.
func TestPrivacyWithhold(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	receipt := ""
	for _, m := range b.admin().of(s.address())[0].Messages {
		if m.Direction == "note" {
			receipt = m.Receipt
		}
	}
	challenge, heard := b.asked(s, "access")
	b.orders(heard, "#withhold "+receipt+" 17(3)(b)", "Not done", "15(4)")
	b.orders(heard, "#withhold "+receipt+" 15(4)", "Done", receipt)
	b.answer(s, challenge, s.confirm)
	o := b.open(s)
	if in := o.finds(t, "patient-natured"); len(in) > 0 {
		t.Errorf("what is withheld is in %v", in)
	}
	list, _ := o.data["withheld"].([]any)
	if len(list) != 1 {
		t.Fatalf("left out, as the archive says: %v", list)
	}
	if x := list[0].(map[string]any); x["message"] != receipt || x["ground"] != "15(4)" {
		t.Errorf("it is listed as %v", x)
	}
	if page := o.read(t, "index.html"); !strings.Contains(page, "What was left out, and why") || !strings.Contains(page, "15(4)") || !strings.Contains(page, "zephyrtone") {
		t.Error("the page does not say what was left out, or lacks the rest")
	}
}

// #extend: the person is told why, and until when, within the first month and
// once.
func TestPrivacyExtend(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	_, heard := b.asked(s, "access")
	before := b.admin().request(s.address(), "access", "challenged")
	const why = "the files of 2019 have to be searched by hand"
	b.orders(heard, "#extend", "Not")
	b.orders(heard, "#extend "+why, "Done", "is due on")
	after := b.admin().request(s.address(), "access", "challenged")
	due, err := time.Parse(time.DateOnly, after.Due[:10])
	if err != nil || !after.Extended || before.Due[:10] >= after.Due[:10] {
		t.Fatalf("due on %s, then on %s: %v", before.Due, after.Due, err)
	}
	told := b.w.next(s.address(), "We need more time", why)
	for _, want := range []string{due.Format("2 January 2006"), "Article 12(3)", "Article 77", "Article 79"} {
		if !strings.Contains(told.msg.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, told.msg.Text)
		}
	}
	b.orders(heard, "#extend once more", "Not done", "once")
}

// #hold, #refuse, #confirm, #release: nothing happens by itself while a request
// is held; the refusal of one right is shown before it is sent, with its ground,
// the facts and the remedies; the other right is served all the same.
func TestPrivacyHoldAndPartialRefusal(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	s.words = map[string]string{"both": "Please send me a copy of all my personal data, and then delete my account and everything you have about me.", "access": ""}
	challenge, heard := b.asked(s, "both")
	b.orders(heard, "#hold", "Done", "On hold")
	b.answer(s, challenge, s.confirm)
	b.w.next(s.address(), s.opening["receipt"])
	b.admin().request(s.address(), "access", "verified")

	const facts = "Your invoices have to be kept for ten years."
	b.orders(heard, "#refuse erasure 15(4)\n\n"+facts, "Not done", "17(3)(b)")
	draft := b.orders(heard, "#refuse erasure 17(3)(b)\n\n"+facts, "Done", "nothing was sent yet", facts)
	b.admin().quiet()
	if n := b.got(s, "Our decision"); n > 0 {
		t.Fatal("the refusal was sent before it was confirmed")
	}
	b.orders(draft, "#confirm", "Done", "was refused")
	told := b.w.next(s.address(), "Our decision")
	for _, want := range []string{facts[:len(facts)-1], "Article 17(3)(b)", "Article 77", "Article 79"} {
		if !strings.Contains(told.msg.Text, want) {
			t.Errorf("the refusal does not say %q:\n%s", want, told.msg.Text)
		}
	}
	b.admin().request(s.address(), "erasure", "refused")
	if n := b.got(s, s.opening["archive"]); n > 0 || !b.admin().request(s.address(), "access", "verified").Held {
		t.Error("what is held goes on by itself")
	}
	b.orders(heard, "#release", "Done", "Released")
	if o := b.open(s); !strings.Contains(o.read(t, "index.html"), "zephyrtone") {
		t.Error("the copy is not whole")
	}
	b.admin().request(s.address(), "access", "done")
	if len(b.admin().of(s.address())) < 1 {
		t.Error("the refused erasure was carried out")
	}
}

// #lift: the end of a restriction is told a week before (Article 18(3)); until
// then nothing is shown.
func TestPrivacyLiftingIsAnnounced(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	b.ask(s, "restriction")
	b.w.next(s.address(), s.opening["restricted"])
	heard := b.w.next(bare(olga), "Restricted: ")
	b.orders(heard, "#lift your complaint was decided", "Done", "the restriction ends on")
	told := b.w.next(s.address(), "The restriction will end on", "your complaint was decided")
	for _, want := range []string{time.Now().UTC().Add(7 * 24 * time.Hour).Format("2 January 2006"), "Article 18(3)", "reply to this mail before that day"} {
		if !strings.Contains(told.msg.Text, want) {
			t.Errorf("the announcement does not say %q:\n%s", want, told.msg.Text)
		}
	}
	if out := b.admin().must("ticket", "search", "zephyrtone"); strings.Contains(out, s.address()) {
		t.Errorf("it is lifted already:\n%s", out)
	}
	b.orders(heard, "#lift", "Not done")
}

// A correction to an address of the desk's own is not carried out, and the
// officer is not told that somebody is asked there.
func TestPrivacyRectificationToTheDesk(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	s.words = map[string]string{"wrong": "You have my mail address wrong. Please correct my personal data.\n\nNew email: " + support + "\n", "access": ""}
	b.ask(s, "wrong")
	todo := b.w.next(bare(olga), "To decide: rectification")
	b.orders(todo, "#approve", "Not done", "nobody is asked there")
	b.admin().quiet()
	if r := b.admin().request(s.address(), "rectification", "review"); len(b.admin().of(support)) > 0 {
		t.Errorf("%+v", r)
	}
	own := s.as("quill")
	b.orders(todo, "#approve address: "+own.address(), "Done", "is asked to prove itself")
	b.answer(own, b.w.next(own.address(), "Is this address yours?"), s.confirm)
	b.w.next(s.address(), s.opening["rectified"])
}
