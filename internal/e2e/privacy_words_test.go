package e2e

import (
	"os"
	"strings"
	"testing"
)

// With notify = "summary" an agent works from the own mailbox as ever, and
// nothing that a customer wrote, nor the customer's name, gets there, not even
// by asking for it.
func TestSummariesCarryNoContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &story{t: t, w: w, h: arrangements[0].start(t, w, settings{"privacy.notify": quote("summary")})}
	s.write(ann, support, "The zephyrlamp hums", "", "It hums in quaverflat since Monday.")
	s.toBerta, s.toCarl = w.next(bare(berta), "New message"), w.next(bare(carl), "New message")
	s.ref = s.h.admin().of(bare(ann))[0].Ref
	s.expect(s.toBerta.holds("[#"+s.ref+"]", "Desk Support", "postroom ticket show "+s.ref, "Sender check: passed"), "the notification does not tell where to look:\n%s", s.toBerta.msg.Text)

	s.reply(berta, s.toBerta, "#show "+s.ref, "Berta")
	w.next(bare(berta), "Done", "postroom ticket show")
	s.reply(berta, s.toBerta, "Please turn it off and on.", "Berta")
	w.next(bare(ann), "Please turn it off and on.")
	s.reply(carl, s.toCarl, "Try the red button.", "Carl")
	w.next(bare(carl), "Not sent", "#confirm")
	s.h.admin().quiet()

	for _, to := range []string{bare(berta), bare(carl)} {
		for _, m := range w.to(to) {
			whole := strings.ToLower(m.msg.Subject + "\n" + m.msg.Text + "\n" + string(m.raw))
			for _, no := range []string{"zephyrlamp", "quaverflat", "acme.example", "cooper", "off and on"} {
				s.expect(!strings.Contains(whole, no), "a mail to %s holds %q:\n%s", to, no, m.raw)
			}
		}
	}
	// What they look at on the server is whole.
	s.expect(strings.Contains(s.h.admin().must("ticket", "show", s.ref), "zephyrlamp"), "the server does not show the ticket")
}

// The operator's own words for a mail to data subjects are refused at the start
// where they lack what the law wants said, and the message says what.
func TestOwnWordsThatLackSomething(t *testing.T) {
	t.Parallel()
	d := newDesk(t, newWorld(t), nil)
	whole, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"[privacy.texts.de.refusal]\ntext = \"Nein: {ground}. {facts}.\"\n":    "{remedies}: complaint and court (Article 12(4) GDPR)",
		"[privacy.texts.de.challenge]\ntext = \"Sind Sie es? {ignore}\"\n":     "{how}: how to confirm",
		"[privacy.texts.de.refusal]\nsubject = \"Nein, {surname}\"\n":          "there is nothing named {surname}",
		"[privacy.texts.sv.refusal]\ntext = \"Nej\"\n":                         "the languages are",
		"[[privacy.duty]]\nqueue = \"billing\"\nlaw = \"x\"\nkeep = \"10y\"\n": "Art. 17(3)(a) to (e)",
	} {
		set := string(whole)
		if strings.HasPrefix(text, "[[") {
			set = strings.Replace(set, "duty = []\n", "", 1)
		}
		if err := os.WriteFile(d.config, []byte(set+"\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, errs, status := d.run("serve"); status != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d, no %q in %q", text, status, want, errs)
		}
	}
	own := "[privacy.texts.de.refusal]\ntext = \"Nein: {ground}. {facts}.\\n\\n{remedies}\"\n"
	if err := os.WriteFile(d.config, []byte(string(whole)+"\n"+own), 0o600); err != nil {
		t.Fatal(err)
	}
	d.serve()
}
