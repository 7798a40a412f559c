package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// purposes are what a configuration says of consent, in place of "purpose = []".
const purposes = `
[[consent.purpose]]
name = "news"

[[consent.purpose.wording]]
language = "en"
version = "1"
title = "Our news"
text = "May we send you our news about once a month?"

[[consent.purpose.wording]]
language = "de"
version = "1"
title = "Neuigkeiten"
text = "Dürfen wir Ihnen etwa einmal im Monat Neuigkeiten schicken?"

[[consent.purpose.wording]]
language = "fr"
version = "1"
title = "Nos nouvelles"
text = "Pouvons-nous vous envoyer nos nouvelles environ une fois par mois ?"

[[consent.purpose]]
name = "school"
bar = "child"

[[consent.purpose.wording]]
language = "en"
version = "1"
text = "May we send you our school news?"
`

// withPurposes runs an arrangement that asks for consent.
func (a arrangement) withPurposes(t *testing.T, w *world) *house {
	t.Helper()
	h := a.build(t, w, nil)
	for i, n := range h.nodes {
		n.configure(settings{"consent.public_url": quote("http://" + h.admin().ip + ":" + portHTTP + "/consent")})
		text, err := os.ReadFile(n.config)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(text), "\n[consent]\n")
		if err := os.WriteFile(n.config, []byte(head+"\n[consent]\n"+strings.Replace(rest, "purpose = []\n", purposes, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		n.serve(a.roles[i]...)
		if len(a.roles[i]) == 0 || a.roles[i][1] == "mx,submission" {
			h.doors = append(h.doors, n)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			h.tell(t)
		}
	})
	return h
}

// consentLine is an entry or a standing, as consent list and show give it.
type consentLine struct {
	Address, Purpose, Act, Channel, Receipt, Language, Version, Guardian string
	WordingHash                                                          string `json:"wording_sha256"`
	Stands                                                               bool
	Why                                                                  string
}

type proof struct {
	consentLine
	Wording string
	Listed  bool `json:"wording_listed"`
	Steps   []struct {
		Act, Channel, By, Receipt string
		Message                   int64
	}
}

func (d *desk) proof(address, purpose string) (p proof) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(d.must("consent", "prove", address, purpose, "--json")), &p); err != nil {
		d.t.Fatal(err)
	}
	return p
}

// sendNews sends the team's news and says how many mails it made.
func (d *desk) sendNews(purpose, subject string) string {
	d.t.Helper()
	file := filepath.Join(d.dir, "news.txt")
	if err := os.WriteFile(file, []byte("There is a new lamp.\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return d.must("consent", "send", "--purpose", purpose, "--subject", subject, "--queue", "support", "--text", file)
}

// subscriber is one who is asked in a language, and withdraws in one of the
// ways there are.
type subscriber struct {
	address, language, word, wording string
	withdraw                         func(t *testing.T, h *house, w *world, s subscriber, news *mail)
}

var subscribers = []subscriber{
	{"ann@acme.example", "en", "Agree", "May we send you our news", func(t *testing.T, h *house, w *world, s subscriber, news *mail) {
		to := mailtoIn.FindSubmatch(unfold(news.raw))
		if to == nil {
			t.Fatalf("no address to unsubscribe:\n%s", news.raw)
		}
		h.door().mustSend(s.address, string(to[1]), letter(s.address, string(to[1]), "STOP", "", ""))
	}},
	{"karl@kunde.example", "de", "Zustimmen.", "Dürfen wir Ihnen", func(t *testing.T, h *house, w *world, s subscriber, news *mail) {
		click := clickIn.FindSubmatch(unfold(news.raw))
		if click == nil || !strings.Contains(string(news.raw), "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n") {
			t.Fatalf("no one click:\n%s", news.raw)
		}
		// Who only looks changes nothing (P11).
		resp, err := http.Get(string(click[1]))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if p := h.admin().proof(s.address, "news"); resp.StatusCode != 200 || !p.Stands {
			t.Errorf("looking at the link: %s, stands %v", resp.Status, p.Stands)
		}
		resp, err = http.PostForm(string(click[1]), url.Values{"List-Unsubscribe": {"One-Click"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("one click: %s", resp.Status)
		}
	}},
	{"fleur@many.example", "fr", "J’accepte", "Pouvons-nous vous envoyer", func(t *testing.T, h *house, w *world, s subscriber, news *mail) {
		h.door().mustSend(s.address, "privacy+stop@desk.example", letter(s.address, "privacy+stop@desk.example", "", "", "STOP"))
	}},
}

var (
	mailtoIn = regexp.MustCompile(`\r\nList-Unsubscribe: [^\r]*<mailto:([^?>]+)\?`)
	clickIn  = regexp.MustCompile(`\r\nList-Unsubscribe: <(http[^>]+)>`)
)

func unfold(raw []byte) []byte { return []byte(strings.ReplaceAll(string(raw), "\r\n ", " ")) }

// Consent is asked for, given, proved and withdrawn by mail, in three languages
// and three ways, and news leave while it stands and at no other time.
func TestConsent(t *testing.T) {
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h := a.withPurposes(t, w)
			for _, s := range subscribers {
				given(t, h, w, s)
			}
			h.admin().sendNews("news", "First news")
			for _, s := range subscribers {
				news := w.next(s.address, "First news", "There is a new lamp.")
				if from := news.msg.From[0].Address; from != support {
					t.Errorf("%s: news from %s", s.address, from)
				}
				s.withdraw(t, h, w, s, news)
				w.next(s.address) // told so
				p := h.admin().proof(s.address, "news")
				if p.Stands || p.Act != "withdrawn" {
					t.Errorf("%s: after the withdrawal %+v", s.address, p.consentLine)
				}
			}
			if out := h.admin().sendNews("news", "Second news"); !strings.HasPrefix(out, "0 mails") {
				t.Errorf("after all have withdrawn: %s", out)
			}
			h.admin().quiet()
			for _, m := range w.all() {
				if strings.Contains(m.msg.Subject, "Second") {
					t.Errorf("news to %s after the withdrawal", m.to)
				}
			}
			if _, errs, status := h.admin().run("consent", "ask", "--purpose", "news", subscribers[0].address); status == 0 || !strings.Contains(errs, "withdrew") {
				t.Errorf("asked again after a withdrawal: %d %s", status, errs)
			}
			child(t, h, w)
		})
	}
}

// given asks one, shows that nothing but the right answer counts, and proves it.
func given(t *testing.T, h *house, w *world, s subscriber) {
	t.Helper()
	d := h.admin()
	d.must("consent", "ask", "--purpose", "news", "--language", s.language, s.address)
	q := w.next(s.address, s.wording)
	reply := q.replyTo()
	if !strings.HasPrefix(reply, "privacy+p.") {
		t.Fatalf("the answer goes to %s", reply)
	}
	// From another mailbox, by a machine, in somebody's name, or without the word.
	h.door().mustSend("eve@full.example", reply, letter("eve@full.example", reply, "Re: x", "", s.word))
	h.door().mustSend(s.address, reply, letter(s.address, reply, "Away", "Auto-Submitted: auto-replied\n", s.word))
	h.door().mustSend("eve@nowhere.example", reply, letter(s.address, reply, "Re: x", "", s.word))
	h.door().mustSend(s.address, reply, letter(s.address, reply, "Re: x", "", "What for?"))
	if p := d.proof(s.address, "news"); p.Stands {
		t.Errorf("%s: it stands before the answer", s.address)
	}
	extra, body := replying(q, s.word, "sent from my phone")
	raw := letter(s.address, reply, "Re: "+q.msg.Subject, extra, body)
	receipt := h.door().mustSend(s.address, reply, raw)
	p := d.proof(s.address, "news")
	last := p.Steps[len(p.Steps)-1]
	if !p.Stands || p.Receipt != receipt || p.Language != s.language || !p.Listed || !strings.Contains(p.Wording, s.wording) || len(p.WordingHash) != 64 {
		t.Fatalf("%s: proved by %+v", s.address, p)
	}
	if last.Act != "granted" || last.By != "the person" || last.Message == 0 {
		t.Fatalf("%s: the last step is %+v", s.address, last)
	}
	if got := d.must("ticket", "raw", itoa(last.Message)); got != string(crlf(raw)) {
		t.Errorf("%s: the message that proves it is another:\n%s", s.address, got)
	}
	w.next(s.address, s.wording) // confirmed, with the words
}

// child is a consent that a parent confirms.
func child(t *testing.T, h *house, w *world) {
	const kid, mum = "kid@many.example", "mum@acme.example"
	d := h.admin()
	if _, errs, status := d.run("consent", "ask", "--purpose", "school", kid); status == 0 || !strings.Contains(errs, "parent") {
		t.Errorf("a child asked without a parent: %d %s", status, errs)
	}
	d.must("consent", "ask", "--purpose", "school", "--parent", mum, kid)
	q := w.next(kid, "school news")
	h.door().mustSend(kid, q.replyTo(), letter(kid, q.replyTo(), "Re", "", "AGREE"))
	toMum := w.next(mum, "school news", kid)
	if p := d.proof(kid, "school"); p.Stands || p.Why != "waits for a parent" {
		t.Errorf("before the parent: %+v", p.consentLine)
	}
	h.door().mustSend(mum, toMum.replyTo(), letter(mum, toMum.replyTo(), "Re", "", "AGREE"))
	p := d.proof(kid, "school")
	if last := p.Steps[len(p.Steps)-1]; !p.Stands || p.Guardian != mum || last.By != "the parent" || last.Message == 0 {
		t.Errorf("after the parent: %+v", p)
	}
	d.sendNews("school", "School news")
	w.next(kid, "School news")
}

// The withdrawal arrives in the second between composing and sending: when the
// far side has taken the recipient, and waits for the mail. It does not leave.
func TestConsentWithdrawnWhileTheMailLeaves(t *testing.T) {
	for _, a := range arrangements {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h := a.withPurposes(t, w)
			d, s := h.admin(), subscribers[0]
			given(t, h, w, s)
			d.sendNews("news", "First news")
			stop := string(mailtoIn.FindSubmatch(unfold(w.next(s.address, "First news").raw))[1])
			d.quiet()
			var met atomic.Int32
			failed := make(chan error, 1)
			w.faults(func(to string) error {
				if to == s.address && met.Add(1) == 1 {
					_, err := h.door().send(s.address, stop, letter(s.address, stop, "STOP", "", ""))
					failed <- err
				}
				return nil
			}, nil)
			if out := d.sendNews("news", "Second news"); !strings.HasPrefix(out, "1 mail is") {
				t.Fatalf("%s", out)
			}
			if err := <-failed; err != nil {
				t.Fatalf("the withdrawal: %v", err)
			}
			w.next(s.address) // told so
			d.quiet()
			for _, m := range w.to(s.address) {
				if strings.Contains(m.msg.Subject, "Second") {
					t.Fatal("the mail left after the withdrawal was kept")
				}
			}
			var kinds []string
			for _, o := range d.outbox() {
				if o.Kind == "news" {
					kinds = append(kinds, fmt.Sprintf("%s %s", o.State, o.Status))
				}
			}
			if got := strings.Join(kinds, ", "); got != "sent 2.0.0, failed 5.7.1" {
				t.Errorf("the outbox says %s", got)
			}
		})
	}
}
