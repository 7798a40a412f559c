package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Attacks on privacy desks (P1 to P14) over the socket. Those that are decisions
// alone are tried in package privacy and internal/intake.

// guarded is a desk that holds something of a victim's.
func guarded(t *testing.T) (*bureau, subject) {
	t.Helper()
	b := privacyHouse(t, arrangements[0], nil)
	s := inEnglish
	b.converse(s)
	return b, s
}

// onlyChallenges fails t when the address got anything but n questions for a
// proof since it was conversed with.
func (b *bureau) onlyChallenges(s subject, n int) {
	b.t.Helper()
	b.admin().quiet()
	found := 0
	for _, m := range b.w.to(s.address()) {
		switch {
		case strings.Contains(m.msg.Subject, s.opening["challenge"]):
			found++
		case m.seen, strings.Contains(m.msg.Subject, "kettle"):
		default:
			b.t.Errorf("the victim got %q", m.msg.Subject)
		}
	}
	if found != n {
		b.t.Errorf("%d challenges instead of %d", found, n)
	}
	for _, m := range b.w.all() {
		if strings.HasPrefix(m.to, "evil@") || strings.HasPrefix(m.to, "accomplice@") {
			b.t.Errorf("%s got %q", m.to, m.msg.Subject)
		}
	}
}

// P1: From the victim, sent from elsewhere, with a Reply-To: no data, no word of
// whether there is any; one question, to the address itself.
func TestP1_SpoofedRequest(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	b.door().mustSend("evil@nowhere.example", privacyDesk, letter(s.from, privacyDesk, "My data", "Reply-To: evil@full.example\n", s.words["access"]))
	c := b.w.next(s.address(), s.opening["challenge"])
	b.neutral(s, c)
	for _, word := range []string{"zephyrtone", "kettle", "Ada", "evil"} {
		if strings.Contains(string(c.raw), word) {
			t.Errorf("the question says %q:\n%s", word, c.raw)
		}
	}
	b.onlyChallenges(s, 1)
	if r := b.admin().request(s.address(), "access", "challenged"); r.Record.Parts != 0 {
		t.Errorf("something was built: %+v", r)
	}
}

// P2: a proved sender who names others in Reply-To and Cc: everything goes to
// the bare From address alone.
func TestP2_ReplyToAndCc(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	others := "Reply-To: evil@full.example\nCc: accomplice@full.example\n"
	b.door().mustSend(s.address(), privacyDesk, letter(s.from, privacyDesk, "My data", others, s.words["access"]))
	c := b.w.next(s.address(), s.opening["challenge"])
	extra, body := replying(c, s.confirm, "Ada")
	b.door().mustSend(s.address(), c.replyTo(), letter(s.from, c.replyTo(), "Re", extra+others, body))
	b.open(s)
	b.admin().quiet()
	for _, m := range b.w.all() {
		if strings.HasPrefix(m.to, "evil@") || strings.HasPrefix(m.to, "accomplice@") {
			t.Errorf("%s got %q", m.to, m.msg.Subject)
		}
	}
}

// P3: what does not prove the mailbox: another's answer, an automatic one, one
// without the word, a truncated token, a spoofed one, and the same twice.
func TestP3_AnswersThatDoNotCount(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	b.mail(s, privacyDesk, "", s.words["access"])
	c := b.w.next(s.address(), s.opening["challenge"])
	to := c.replyTo()
	extra, body := replying(c, s.confirm, "x")
	away := "I am away until Monday.\n\n"
	for line := range strings.Lines(c.msg.Text) {
		away += "> " + line
	}
	for what, try := range map[string][3]string{ // envelope, recipient, mail
		"from another mailbox": {"evil@full.example", to, letter("evil@full.example", to, "Re", extra, body)},
		"in her name":          {"evil@nowhere.example", to, letter(s.from, to, "Re", extra, body)},
		"by a machine":         {s.address(), to, letter(s.from, to, "Away", "Auto-Submitted: auto-replied\n"+extra, away)},
		"truncated":            {s.address(), strings.Replace(to, "@", "x@", 1), letter(s.from, to, "Re", extra, body)},
	} {
		b.door().mustSend(try[0], try[1], try[2])
		if r := b.admin().requests(s.address())[0]; r.State == "done" || r.State == "executing" || r.State == "verified" {
			t.Errorf("an answer %s counted: %s", what, r.State)
		}
	}
	b.admin().quiet()
	for _, m := range b.w.to(s.address()) {
		if len(m.msg.Attachments) > 0 && m.msg.Attachments[0].Type == "application/zip" {
			t.Fatal("an archive was sent")
		}
	}
	if r := b.admin().request(s.address(), "access", "review"); r.Waits != "officer" {
		t.Errorf("after failed tries it waits for %s", r.Waits)
	}
	todo := b.w.next(bare(olga), "identity")
	if strings.Contains(strings.ToLower(todo.msg.Text), "refuse it") {
		t.Error("the officer is told to refuse")
	}
}

// P3: a token works once.
func TestP3_TokenTwice(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	c := b.ask(s, "access")
	b.open(s)
	b.admin().request(s.address(), "access", "done")
	b.answer(s, c, s.confirm)
	b.admin().quiet()
	n := 0
	for _, m := range b.w.to(s.address()) {
		if len(m.msg.Attachments) > 0 && m.msg.Attachments[0].Type == "application/zip" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d archives by one token", n)
	}
}

// P8: a flood in the victim's name makes one request and one question, every
// mail is kept, and the officer has one case.
func TestP8_Flood(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	n := 100
	if soak() {
		n = 1000
	}
	var wg sync.WaitGroup
	for part := range 10 {
		wg.Go(func() {
			for i := range n / 10 {
				_, err := b.admin().send("evil@nowhere.example", privacyDesk, letter(s.from, privacyDesk, fmt.Sprint("Data ", part, " ", i), "", s.words["access"]))
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.onlyChallenges(s, 1)
	if list := b.admin().requests(s.address()); len(list) != 1 || list[0].State != "challenged" {
		t.Errorf("the flood made %+v", list)
	}
	for name, value := range map[string]string{`postroom_privacy_requests{state="challenged"}`: "1", "postroom_privacy_overdue": "0"} {
		if got := b.admin().metric(name, value); got != "" {
			t.Errorf("the metrics say %s", got)
		}
	}
	kept := 0
	for _, tk := range b.admin().tickets() {
		if tk.Queue == "Privacy" {
			kept += len(tk.Messages)
		}
	}
	if kept != n {
		t.Errorf("%d of %d mails were kept", kept, n)
	}
}

// P9: somebody unknown and somebody known get the same question.
func TestP9_NoOracle(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	stranger := s.as("nobody")
	b.mail(s, privacyDesk, "", s.words["access"])
	b.mail(stranger, privacyDesk, "", s.words["access"])
	known, unknown := b.w.next(s.address(), s.opening["challenge"]), b.w.next(stranger.address(), s.opening["challenge"])
	plain := func(m *mail) string {
		text := m.msg.Subject + "\n" + m.msg.Text
		text = strings.ReplaceAll(text, noIn(t, m), "NUMBER")
		return codePattern.ReplaceAllString(text, "CODE")
	}
	if plain(known) != plain(unknown) {
		t.Errorf("they differ:\n%s\n----\n%s", plain(known), plain(unknown))
	}
	headers := func(m *mail) (names string) {
		head, _, _ := strings.Cut(string(m.raw), "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			if name, _, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
				names += name + " "
			}
		}
		return names
	}
	if headers(known) != headers(unknown) {
		t.Errorf("the headers differ: %s and %s", headers(known), headers(unknown))
	}
	// Only after the proof the stranger learns that there is nothing.
	b.answer(stranger, unknown, s.confirm)
	b.w.next(stranger.address(), "we hold no data about you")
}

// P10: a request in an ordinary ticket is handed over by an agent; the clock
// runs from the customer's mail.
func TestP10_WrongChannel(t *testing.T) {
	t.Parallel()
	b := privacyHouse(t, arrangements[0], nil)
	s := inEnglish
	b.mail(s, support, "One more thing", s.words["access"])
	note := b.w.next(bare(berta), "looks like a privacy request")
	sent := b.admin().of(s.address())[0].Messages[0]
	extra, text := replying(note, "#privacy access", "Berta")
	b.door().mustSend(bare(berta), note.replyTo(), letter(berta, note.replyTo(), "Re", extra, text))
	b.w.next(bare(berta), "handed over to the privacy officer")
	c := b.w.next(s.address(), s.opening["challenge"])
	b.answer(s, c, s.confirm)
	b.open(s)
	r := b.admin().request(s.address(), "access", "done")
	if r.Received[:10] > note.msg.Date.UTC().Format("2006-01-02T15:04:05")[:10] || sent.Receipt == "" {
		t.Errorf("the clock runs from %s", r.Received)
	}
}

// By post, phone or representative: entered by the officer with its date.
func TestPrivacyOpenedByPost(t *testing.T) {
	t.Parallel()
	b := privacyHouse(t, arrangements[0], nil)
	s := inGerman
	b.converse(s)
	var r request
	out := b.admin().must("privacy", "open", "--right", "access", "--for", s.address(), "--received", "2026-11-02", "--by", "post", "--json")
	decode(t, out, &r)
	if r.Channel != "post" || r.State != "challenged" || !strings.HasPrefix(r.Due, "2026-12-02") {
		t.Errorf("opened as %+v", r)
	}
	c := b.w.next(s.address(), s.opening["challenge"])
	b.answer(s, c, s.confirm)
	if o := b.open(s); !strings.Contains(o.read(t, "index.html"), s.secret()) {
		t.Error("the archive is not whole")
	}
}

// A second factor on file opens the archive instead of words that are mailed.
func TestPrivacySecondFactor(t *testing.T) {
	t.Parallel()
	b, s := guarded(t)
	file := filepath.Join(t.TempDir(), "factor")
	if err := os.WriteFile(file, []byte("Kunde 4711-Zebra\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.admin().must("privacy", "factor", "set", s.address(), "--file", file)
	b.mail(s, privacyDesk, "", s.words["access"])
	c := b.w.next(s.address(), s.opening["challenge"])
	if !strings.Contains(c.msg.Text, "customer number") {
		t.Errorf("the question does not ask for the factor:\n%s", c.msg.Text)
	}
	b.answer(s, c, s.confirm+"\nKunde 4711-Zebra")
	a := b.w.next(s.address(), s.opening["archive"])
	if !strings.Contains(a.msg.Text, "agreed with you") {
		t.Errorf("the mail does not say what opens it:\n%s", a.msg.Text)
	}
	b.unpack(a, "Kunde 4711-Zebra")
	b.admin().request(s.address(), "access", "done")
	for _, m := range b.w.to(s.address()) {
		if strings.Contains(m.msg.Subject, s.opening["passphrase"]) {
			t.Error("a passphrase was mailed")
		}
	}
}

// The administrator's commands: a rehearsal, an export, a signed list.
func TestPrivacyCommands(t *testing.T) {
	for _, a := range privacyArrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			b := privacyHouse(t, a, nil)
			if out := b.admin().must("privacy", "drill"); !strings.Contains(out, "Passed in") {
				t.Error(out)
			}
			b.admin().quiet()
			if all := b.w.all(); len(all) > 0 {
				t.Errorf("the rehearsal wrote %q to %s", all[0].msg.Subject, all[0].to)
			}
			s := inFrench
			b.converse(s)
			file := filepath.Join(t.TempDir(), "copy.zip")
			b.admin().must("privacy", "export", s.address(), "--out", file)
			if out := b.admin().must("privacy", "verify", file); !strings.Contains(out, "The signature is right") {
				t.Error(out)
			}
			dir := t.TempDir()
			if out, err := sevenZip(t, dir, "x", file); err != nil {
				t.Fatal(out)
			}
			if o := b.readOpened(dir, file); !strings.Contains(o.read(t, "index.html"), s.secret()) {
				t.Error("the officer's copy is not whole")
			}
			if _, errs, status := b.admin().run("privacy", "export", "unknown@kunde.example", "--out", file+"2"); status == 0 {
				t.Errorf("exported nobody: %s", errs)
			}
			if out, _, status := b.admin().run("privacy", "scan", s.address()); status != 0 && status != 1 {
				t.Errorf("scan: %d %s", status, out)
			}
		})
	}
}

// codePattern is the code that can be typed instead of answering.
var codePattern = regexp.MustCompile(`[A-Z2-7]{5}(-[A-Z2-7]{5}){4}-[A-Z2-7]`)

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}
