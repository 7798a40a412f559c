package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The ways of running the desk on which the rights are exercised.
var privacyArrangements = []arrangement{arrangements[0], arrangements[2]}

// inAllLanguages runs the story of a right for three people in three
// languages on one desk, on each way to run it.
func inAllLanguages(t *testing.T, more settings, story func(b *bureau, s subject)) {
	for _, a := range privacyArrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			b := privacyHouse(t, a, more)
			for _, s := range subjects {
				t.Run(s.language, func(t *testing.T) {
					at := *b
					at.t = t
					story(&at, s)
				})
			}
		})
	}
}

// converse is an ordinary conversation: a question with an attachment, an
// answer, and a note about the person.
func (b *bureau) converse(s subject) {
	b.t.Helper()
	body := s.words["question"] + " zephyrtone, " + s.secret() + " – " + s.address() + "\n"
	raw := letter(encodeFrom(s.from), support, "The kettle of "+s.language, "", body)
	raw = withFile(raw, "plan.txt", "text/plain", "bought in springfall")
	b.door().mustSend(s.address(), support, raw)
	to := b.w.next(bare(berta), "The kettle of "+s.language)
	extra, text := replying(to, "Please descale it with lemonwort.", "Berta")
	b.door().mustSend(bare(berta), to.replyTo(), letter(berta, to.replyTo(), "Re: "+to.msg.Subject, extra, text))
	b.w.next(s.address(), "lemonwort")
	extra, text = replying(to, "#note\nThis customer is patient-natured.", "Berta")
	b.door().mustSend(bare(berta), to.replyTo(), letter(berta, to.replyTo(), "Re: "+to.msg.Subject, extra, text))
	eventually(b.t, "the note is there", func() string {
		for _, tk := range b.admin().of(s.address()) {
			for _, m := range tk.Messages {
				if m.Direction == "note" {
					return ""
				}
			}
		}
		return "not yet"
	})
}

// withFile puts the letter's text into a multipart with one attachment.
func withFile(raw, name, media, content string) string {
	head, body, _ := strings.Cut(raw, "\n\n")
	head = strings.Replace(head, "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit", `Content-Type: multipart/mixed; boundary="zq"`, 1)
	return head + "\n\n--zq\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + body +
		"\n--zq\nContent-Type: " + media + "\nContent-Disposition: attachment; filename=\"" + name + "\"\n\n" + content + "\n--zq--\n"
}

// Access (Article 15): one neutral question, one word, a receipt, the archive,
// and its passphrase in a mail of its own; the archive is opened as the mail
// says, is signed, and holds the conversation whole.
func TestPrivacyAccess(t *testing.T) {
	inAllLanguages(t, nil, func(b *bureau, s subject) {
		b.converse(s)
		b.ask(s, "access")
		receipt := b.w.next(s.address(), s.opening["receipt"])
		if len(receipt.msg.InReplyTo) == 0 {
			b.t.Error("the receipt is no answer in the person's client")
		}
		o := b.open(s)
		r := b.admin().request(s.address(), "access", "done")
		for name, want := range map[string]string{"index.html": "zephyrtone", "data.json": "lemonwort", "messages.mbox": "zephyrtone"} {
			if got := o.read(b.t, name); !strings.Contains(got, want) {
				b.t.Errorf("%s does not hold %q:\n%.9000s", name, want, got)
			}
		}
		page := o.read(b.t, "index.html")
		for _, want := range []string{"patient-natured", "plan.txt", r.No} {
			if !strings.Contains(page, want) {
				b.t.Errorf("the page does not hold %q", want)
			}
		}
		if strings.Contains(page, "Berta") || strings.Contains(page, bare(berta)) {
			b.t.Error("the page names the agent, who is to be shown by role")
		}
		if out := o.python(b.t); !strings.Contains(out, "valid") {
			b.t.Error(out)
		}
		// Offline, with nothing but the public keys.
		keys := filepath.Join(b.admin().data, "privacy-keys.txt")
		if out := b.admin().must("privacy", "verify", "--keys", keys, o.zip); !strings.Contains(out, r.No) {
			b.t.Error(out)
		}
		bad := o.spoilt(b.t)
		if out, _, status := b.admin().run("privacy", "verify", "--keys", keys, bad); status == 0 {
			b.t.Errorf("a changed archive is believed: %s", out)
		}
	})
}

// Portability (Article 20): what the person provided, without notes.
func TestPrivacyPortability(t *testing.T) {
	inAllLanguages(t, nil, func(b *bureau, s subject) {
		b.converse(s)
		b.ask(s, "portability")
		b.w.next(s.address(), s.opening["receipt"])
		o := b.open(s)
		b.admin().request(s.address(), "portability", "done")
		data := o.read(b.t, "data.json")
		if !strings.Contains(data, "zephyrtone") || strings.Contains(data, "patient-natured") {
			b.t.Errorf("not what was provided, or more than that:\n%.3000s", data)
		}
		if out := o.python(b.t); !strings.Contains(out, "valid") {
			b.t.Error(out)
		}
	})
}

// Rectification (Article 16): a name that was spelled out is corrected at once
// after the proof.
func TestPrivacyRectification(t *testing.T) {
	inAllLanguages(t, nil, func(b *bureau, s subject) {
		b.converse(s)
		b.ask(s, "rectification")
		b.w.next(s.address(), s.opening["rectified"])
		b.admin().request(s.address(), "rectification", "done")
		if out := b.admin().must("person", "show", s.address()); !strings.Contains(out, "-Moss") && !strings.Contains(out, "Großkreutz") && !strings.Contains(out, "Lefebvre") {
			b.t.Errorf("the name is still %s", out)
		}
	})
}

// Restriction (Article 18): hidden and frozen at once after the proof, open to
// the officer, in the person's own archive, and new mail is answered.
func TestPrivacyRestriction(t *testing.T) {
	inAllLanguages(t, nil, func(b *bureau, s subject) {
		b.converse(s)
		before := b.w.to(bare(berta))
		b.ask(s, "restriction")
		b.w.next(s.address(), s.opening["restricted"])
		b.admin().request(s.address(), "restriction", "done")
		b.mail(s, support, "Another matter", "This is new: umbergrove.")
		note := b.w.next(bare(berta), "umbergrove")
		if strings.Contains(note.msg.Text, "zephyrtone") {
			b.t.Error("the restricted conversation is shown to an agent")
		}
		// What Berta has of the old conversation leads nowhere any more.
		for _, m := range before {
			if strings.Contains(m.msg.Subject, "The kettle of "+s.language) {
				extra, text := replying(m, "One more thing about it: willowmark.", "Berta")
				b.door().mustSend(bare(berta), m.replyTo(), letter(berta, m.replyTo(), "Re: "+m.msg.Subject, extra, text))
				break
			}
		}
		extra, text := replying(note, "Of course: answered.", "Berta")
		b.door().mustSend(bare(berta), note.replyTo(), letter(berta, note.replyTo(), "Re: "+note.msg.Subject, extra, text))
		b.w.next(s.address(), "Of course: answered.")
		b.admin().quiet()
		for _, m := range b.w.to(s.address()) {
			if strings.Contains(m.msg.Text, "willowmark") {
				b.t.Error("an agent answered in a restricted conversation")
			}
		}
		if out := b.admin().must("ticket", "search", "zephyrtone"); strings.Contains(out, s.address()) {
			b.t.Errorf("search finds what is restricted:\n%s", out)
		}
		b.ask(s, "access")
		b.w.next(s.address(), s.opening["receipt"])
		if o := b.open(s); !strings.Contains(o.read(b.t, "index.html"), "zephyrtone") {
			b.t.Error("what is restricted is missing in the person's own archive (Article 18(2))")
		}
	})
}

// Objection (Article 21): to advertising at once and without a proof; on
// grounds of one's own after the proof, restricted until the officer decides.
func TestPrivacyObjection(t *testing.T) {
	inAllLanguages(t, nil, func(b *bureau, s subject) {
		b.converse(s)
		b.mail(s, privacyDesk, "", s.words["marketing"])
		b.w.next(s.address(), s.opening["stopped"])
		b.ask(s, "objection")
		b.w.next(s.address(), s.opening["receipt"])
		r := b.admin().request(s.address(), "objection", "review")
		todo := b.w.next(bare(olga), "To decide", r.No)
		if out := b.admin().must("ticket", "search", "zephyrtone"); strings.Contains(out, s.address()) {
			b.t.Errorf("it is not restricted meanwhile (Article 18(1)(d)):\n%s", out)
		}
		b.officer(todo, "#approve objection")
		b.w.next(bare(olga), "Done", "upheld")
		b.w.next(s.address(), s.opening["objection"])
		b.admin().request(s.address(), "objection", "done")
	})
}

// Withdrawal of consent by one word (Article 7(3)); the rest is TestConsent.
func TestPrivacyWithdrawal(t *testing.T) {
	inAllLanguages(t, nil, func(b *bureau, s subject) {
		b.mail(s, support, "Question", s.words["question"])
		b.w.next(bare(berta), s.words["question"])
		b.mail(s, "privacy+stop@desk.example", "", "STOP")
		b.w.next(s.address(), s.opening["stopped"])
		b.admin().request(s.address(), "consent-withdrawal", "done")
	})
}

// Erasure (Article 17): the officer sees what would be done and approves it by
// mail; the person may cancel until it begins; then everything is gone, the
// certificate says so and is signed, and other people's mail is as it was.
func TestPrivacyErasure(t *testing.T) {
	inAllLanguages(t, settings{"privacy.cooling_off": quote("2s")}, func(b *bureau, s subject) {
		b.converse(s)
		other := s.as("otto")
		b.mail(other, support, "Mine", "This stays: marblefern.")
		b.w.next(bare(berta), "marblefern")
		kept := b.rawOf(other)
		b.ask(s, "erasure")
		b.w.next(s.address(), s.opening["receipt"])
		r := b.admin().request(s.address(), "erasure", "review")
		todo := b.w.next(bare(olga), "To decide: erasure", r.No)
		if !strings.Contains(todo.msg.Text, "1 ticket") {
			b.t.Errorf("the officer is not told what would be erased:\n%s", todo.msg.Text)
		}
		if out := b.admin().must("privacy", "preview", r.No); !strings.Contains(out, "Erased:") {
			b.t.Error(out)
		}
		b.officer(todo, "#approve")
		b.w.next(bare(olga), "Done", r.No)
		b.w.next(s.address(), s.opening["pending"])
		cert := b.w.next(s.address(), s.opening["certificate"])
		b.verifyCertificate(cert, r.No)
		b.gone(s, r.No)
		if got := b.rawOf(other); fmt.Sprint(got) != fmt.Sprint(kept) {
			b.t.Error("somebody else's mail is not as it was")
		}
		// Who writes again begins anew.
		b.mail(s, support, "Hello again", "It is me: bramblewick.")
		b.w.next(bare(berta), "bramblewick")
	})
}

// The same without the officer, where the controller decided so.
func TestPrivacyErasureAutomatic(t *testing.T) {
	inAllLanguages(t, settings{"privacy.erasure": quote("automatic"), "privacy.cooling_off": quote("0")}, func(b *bureau, s subject) {
		b.converse(s)
		b.ask(s, "erasure")
		b.w.next(s.address(), s.opening["receipt"])
		cert := b.w.next(s.address(), s.opening["certificate"])
		no := noIn(b.t, cert)
		b.verifyCertificate(cert, no)
		b.gone(s, no)
	})
}

// CANCEL with the token stops an approved erasure, from the same mailbox only.
func TestPrivacyErasureCancelled(t *testing.T) {
	inAllLanguages(t, nil, func(b *bureau, s subject) {
		b.converse(s)
		b.ask(s, "erasure")
		b.w.next(s.address(), s.opening["receipt"])
		r := b.admin().request(s.address(), "erasure", "review")
		b.admin().must("privacy", "erase", r.No) // approved at the command line
		pending := b.w.next(s.address(), s.opening["pending"])
		b.admin().request(s.address(), "erasure", "cooling")
		b.answer(subject{from: "eve@full.example"}, pending, s.cancel)
		if got := b.admin().show(r.No).State; got != "cooling" {
			b.t.Errorf("somebody else cancelled it: %s", got)
		}
		b.answer(s, pending, s.cancel)
		b.w.next(s.address(), s.opening["cancelled"])
		b.admin().request(s.address(), "erasure", "withdrawn")
		if len(b.admin().of(s.address())) < 1 {
			b.t.Error("the tickets are gone")
		}
	})
}

// "Send me everything, then delete it" makes two requests; the erasure waits
// until the copy was accepted.
func TestPrivacyCopyThenErasure(t *testing.T) {
	t.Parallel()
	b := privacyHouse(t, arrangements[0], settings{"privacy.erasure": quote("automatic"), "privacy.cooling_off": quote("0")})
	s := inEnglish
	s.words = map[string]string{"both": "Please send me a copy of all my personal data, and then delete my account and everything you have about me.", "access": ""}
	b.converse(s)
	b.ask(s, "both")
	if o := b.open(s); !strings.Contains(o.read(t, "index.html"), "zephyrtone") {
		t.Error("the copy is not whole")
	}
	cert := b.w.next(s.address(), s.opening["certificate"])
	b.gone(s, noIn(t, cert))
}

// rawOf are the bytes of all messages of somebody, by receipt.
func (b *bureau) rawOf(s subject) map[string]string {
	b.t.Helper()
	out := map[string]string{}
	for _, tk := range b.admin().of(s.address()) {
		for _, m := range tk.Messages {
			out[m.Receipt] = sum([]byte(b.admin().must("ticket", "raw", itoa(m.ID))))
		}
	}
	if len(out) == 0 {
		b.t.Fatalf("%s has no messages", s.address())
	}
	return out
}

var numberPattern = regexp.MustCompile(`P-[0-9A-Z]{4}-[0-9A-Z]{4}`)

// noIn is the number of the request that a mail is about.
func noIn(t testing.TB, m *mail) string {
	t.Helper()
	no := numberPattern.FindString(m.msg.Subject)
	if no == "" {
		t.Fatalf("no number in %q", m.msg.Subject)
	}
	return no
}

// verifyCertificate checks the certificate with nothing but the public keys.
func (b *bureau) verifyCertificate(m *mail, no string) {
	b.t.Helper()
	if len(m.msg.Attachments) != 2 {
		b.t.Fatalf("the certificate's mail has %d attachments", len(m.msg.Attachments))
	}
	dir := b.t.TempDir()
	file := filepath.Join(dir, "certificate.json")
	text := attached(b.t, m, 0)
	for name, content := range map[string][]byte{file: text, file + ".sig": attached(b.t, m, 1)} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	keys := filepath.Join(b.admin().data, "privacy-keys.txt")
	if out := b.admin().must("privacy", "verify", "--keys", keys, file); !strings.Contains(out, no) || !strings.Contains(out, "clean") {
		b.t.Errorf("the certificate says\n%s", out)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "clean", "7", 1)), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if out, _, status := b.admin().run("privacy", "verify", "--keys", keys, file); status == 0 {
		b.t.Errorf("a forged certificate is believed: %s", out)
	}
}

// gone checks that the erasure of somebody has ended and left nothing but what
// the certificate's delivery needs.
func (b *bureau) gone(s subject, no string) {
	b.t.Helper()
	eventually(b.t, "the erasure ends", func() string {
		if r := b.admin().show(no); r.State != "done" {
			return r.State
		}
		return ""
	})
	if r := b.admin().show(no); r.Record.Scan != "clean" || r.Record.Counts["tickets"] < 1 {
		b.t.Errorf("the record says %+v", r.Record)
	}
	if list := b.admin().of(s.address()); len(list) > 0 {
		b.t.Errorf("tickets are left: %+v", list)
	}
	for _, n := range b.nodes {
		eventually(b.t, "nothing is found on disk", func() string { // files that were just removed may still be walked
			out, _, status := n.run("privacy", "scan", s.address(), s.secret())
			if status == 1 || status == 0 && strings.Contains(out, "Nothing was found") {
				return out[:len(out)*status]
			}
			b.t.Fatalf("status %d: %s", status, out)
			return ""
		})
	}
	if out := b.admin().must("ticket", "search", "lemonwort"); strings.Contains(out, s.address()) {
		b.t.Errorf("search finds\n%s", out)
	}
}

// secret is a word of this person's conversation and of nobody else's.
func (s subject) secret() string { return "quaver" + s.language + "lock" }
