package privacydesk

import (
	"context"
	"errors"
	"strings"
	"testing"

	"postroom/privacy"
	"postroom/tickets"
)

const zoraAt = "zora@quastner.example"

const withFile = "From: Zora Quastner <" + zoraAt + ">\r\nTo: support@desk.example\r\nSubject: broken\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nit is broken\r\n--b\r\nContent-Type: text/plain; name=log.txt\r\nContent-Disposition: attachment; filename=log.txt\r\n\r\nline one\r\n--b--\r\n"

// fill writes what is held about Zora: her own ticket with a note and an
// answer, and Bob's ticket that she takes part in.
func (w *world) fill() (own, bobs string, answer *tickets.Message) {
	own, _ = w.keep(letter{from: zoraAt, name: "Zora Quastner", to: "support@desk.example", subject: "broken", text: "it is broken", raw: withFile})
	w.keep(letter{from: "mia@team.example", name: "Mia Muster", subject: "broken", text: "Zora is known; ask Mia Muster or Bob Baumann (bob@baumann.example).", ticket: own, direction: tickets.DirectionNote, agent: 1})
	_, answer = w.keep(letter{from: "mia@team.example", name: "Mia Muster", subject: "Re: broken", text: "We send a new one.", raw: "From: Mia Muster <mia@team.example>\r\nSubject: Re: broken\r\nX-Private: agents only\r\n\r\n#tag vip\r\n\r\nWe send a new one.\r\n", ticket: own, direction: tickets.DirectionOut, agent: 1})
	bobs, _ = w.keep(letter{from: "bob@baumann.example", name: "Bob Baumann", to: "support@desk.example", subject: "offer for Bob Baumann", text: "I want tea for 100 people.\n\nZora Quastner knows the house.\n\nMy IBAN is DE00 1234."})
	w.keep(letter{from: "bob@baumann.example", name: "Bob Baumann", to: "support@desk.example", subject: "secret", text: "I also like coffee.", ticket: bobs})
	w.keep(letter{from: zoraAt, name: "Zora Quastner", to: "support@desk.example", subject: "Re: offer", text: "The house has two doors.", ticket: bobs})
	w.keep(letter{from: "bob@baumann.example", name: "Bob Baumann", to: "support@desk.example", cc: zoraAt, subject: "Re: offer", text: "Thanks, Zora! My number is 555.", ticket: bobs})
	return own, bobs, answer
}

// TestP5_Archive: the archive has what the person wrote and was sent whole,
// what they never saw masked, and of another's matter only what is about them.
func TestP5_Archive(t *testing.T) {
	w := newWorld(t)
	own, bobs, _ := w.fill()
	w.settleAll() // what a mail was composed of goes when it was delivered
	w.desk.Plain = true
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	if w.work() != 1 {
		t.Fatal("no job")
	}
	got := w.files(r, 1)
	page, all := got["index.html"], ""
	for name, content := range got {
		all += name + content
	}
	for _, want := range []string{own, bobs, "it is broken", "We send a new one", "The house has two doors", "Thanks, Zora! My number is 555.", "Zora Quastner knows the house", "Zora is known", "please send me all you have", "Relay Inc.", "Support: 1 (team.example)"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"100 people", "IBAN", "coffee", "Mia", "mia@team", "X-Private", "#tag", "Olga", "offer for Bob", "bob@baumann.example)"} {
		if strings.Contains(all, bad) {
			t.Errorf("the archive has %q", bad)
		}
	}
	if strings.Contains(page, "ask Mia") || !strings.Contains(page, "ask […] or Bob Baumann") && !strings.Contains(page, "ask […] or […]") {
		t.Error("the note is not masked as it should be")
	}
	whole, answers := false, 0
	for name, content := range got {
		if strings.HasPrefix(name, "messages/") {
			whole = whole || content == withFile
			if strings.Contains(content, "We send a new one") {
				answers++
				if !strings.Contains(content, "From: Support <support@desk.example>") || !strings.Contains(content, "To: "+zoraAt) {
					t.Error(content)
				}
			}
		}
	}
	if !whole || answers != 1 || got["attachments/00001/log.txt"] != "line one" {
		t.Errorf("not as it was: %v %d %q", whole, answers, got["attachments/00001/log.txt"])
	}
	mails := w.mails(r, privacy.MailArchive)
	if len(mails) != 1 || mails[0].Spec.Artifact != 1 || mails[0].To != zoraAt || mails[0].Spec.Args["encrypted"] != "no" || !strings.HasPrefix(mails[0].Spec.ReplyTo, "privacy+") {
		t.Errorf("%+v", mails)
	}
	after := w.reload(r)
	if after.Record.Parts != 1 || len(after.Record.SHA256) != 64 || after.Detail.Secret != "" || after.State != privacy.Executing || w.made == 0 {
		t.Errorf("%+v", after)
	}
}

// TestP5_PassedOnByAnAgent: of a mail that an agent passed on, the person gets
// her own words and files, and not what the agent wrote around them.
func TestP5_PassedOnByAnAgent(t *testing.T) {
	w := newWorld(t)
	w.keep(letter{from: zoraAt, name: "Zora Quastner", to: "support@desk.example", subject: "broken", text: "my boiler drips", passedOn: "mia@team.example",
		raw: "From: Mia Muster <mia@team.example>\r\nReply-To: mia@private.example\r\nTo: support@desk.example\r\nSubject: Fwd: broken\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
			"--b\r\n\r\nShe is a nuisance, keep it short.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Zora Quastner <" + zoraAt + ">\r\nSubject: broken\r\n\r\nmy boiler drips\r\n" +
			"--b\r\nContent-Type: text/vcard; name=mia.vcf\r\n\r\nFN:Mia Muster\r\n--b\r\nContent-Type: text/plain; name=drips.txt\r\nContent-Disposition: attachment; filename=drips.txt\r\n\r\ndrip drip\r\n--b--\r\n"})
	w.desk.Plain = true
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	if w.work() != 1 {
		t.Fatal("no job")
	}
	all := ""
	for name, content := range w.files(r, 1) {
		all += name + "\n" + content
	}
	for _, want := range []string{"my boiler drips", "drip drip"} {
		if !strings.Contains(all, want) {
			t.Errorf("the archive lacks %q", want)
		}
	}
	for _, bad := range []string{"nuisance", "mia@", "Mia Muster"} {
		if strings.Contains(all, bad) {
			t.Errorf("the archive has %q", bad)
		}
	}
}

// TestP5_MergedConversation: when another customer's conversation was merged
// into the person's ticket, the archive does not tell the one of the other.
func TestP5_MergedConversation(t *testing.T) {
	w := newWorld(t)
	own, bobs, _ := w.fill()
	w.keep(letter{from: "mia@team.example", name: "Mia Muster", subject: "offer", text: "pays late, always", ticket: bobs, direction: tickets.DirectionNote, agent: 1})
	w.keep(letter{from: "mia@team.example", name: "Mia Muster", subject: "offer", text: "your account 4711 is overdrawn", ticket: bobs, direction: tickets.DirectionOut, agent: 1})
	alone, _ := w.keep(letter{from: "carl@carlsen.example", name: "Carl Carlsen", to: "support@desk.example", subject: "mine", text: "my heating number is 8812"})
	w.keep(letter{from: "mia@team.example", name: "Mia Muster", subject: "mine", text: "is a grumbler", ticket: alone, direction: tickets.DirectionNote, agent: 1})
	w.keep(letter{from: "mia@team.example", name: "Mia Muster", subject: "mine", text: "number 8812 is blocked", ticket: alone, direction: tickets.DirectionOut, agent: 1})
	for _, refs := range [][2]string{{alone, bobs}, {bobs, own}} {
		w.apply(func(ctx context.Context, v privacy.View) (*tickets.Change, error) {
			from, err1 := v.TicketByRef(ctx, 1, refs[0])
			into, err2 := v.TicketByRef(ctx, 1, refs[1])
			list, err3 := v.MessagesOf(ctx, from.ID, 0)
			from.MergedInto = into.ID
			ch := &tickets.Change{Tickets: []*tickets.Ticket{from, into}}
			for _, m := range list {
				ch.Moved = append(ch.Moved, tickets.Move{MessageID: m.ID, To: into})
			}
			return ch, errors.Join(err1, err2, err3)
		})
	}
	w.keep(letter{from: "bob@baumann.example", name: "Bob Baumann", to: "support@desk.example", subject: "Re: offer", text: "and my PIN is 9090.", ticket: own})
	w.settleAll()
	w.desk.Plain = true
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	if w.work() != 1 {
		t.Fatal("no job")
	}
	all := ""
	for name, content := range w.files(r, 1) {
		all += name + "\n" + content
	}
	for _, want := range []string{"it is broken", "We send a new one", "Zora is known", "The house has two doors", "knows the house", "My number is 555"} {
		if !strings.Contains(all, want) {
			t.Errorf("the archive lacks %q", want)
		}
	}
	for _, bad := range []string{"IBAN", "coffee", "pays late", "8812", "grumbler", "9090"} {
		if strings.Contains(all, bad) {
			t.Errorf("the archive has %q", bad)
		}
	}
}

// TestP12_Passphrase: the archive is encrypted, its words are chosen once and
// are in no mail of the archive, and a job that is run again after a kill at
// any point comes to the same.
func TestP12_Passphrase(t *testing.T) {
	w := newWorld(t)
	w.fill()
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	jobs := w.lease()
	if len(jobs) != 1 {
		t.Fatal(jobs)
	}
	if err := w.desk.passphrase(t.Context(), jobs[0]); err != nil {
		t.Fatal(err)
	}
	secret := w.reload(r).Detail.Secret
	if strings.Count(secret, "-") != 5 {
		t.Fatalf("%q", secret)
	}
	if _, err := w.desk.build(t.Context(), w.reload(r)); err != nil { // killed before its end
		t.Fatal(err)
	}
	if err := w.desk.archive(t.Context(), jobs[0]); err != nil {
		t.Fatal(err)
	}
	after := w.reload(r)
	if after.Detail.Secret != secret {
		t.Error("the words changed")
	}
	mails := w.mails(r, privacy.MailArchive)
	if len(mails) != 1 || mails[0].Spec.Args["encrypted"] != "yes" {
		t.Fatalf("%+v", mails)
	}
	for k, v := range mails[0].Spec.Args {
		if strings.Contains(v, secret) {
			t.Errorf("%s has the passphrase", k)
		}
	}
	got := w.names(r, 1)
	if strings.Join(got, " ") != "README.txt data.zip" {
		t.Error(got)
	}
	if n := w.work(); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
	// Run again it does nothing: the row is gone.
	if err := w.desk.archive(t.Context(), jobs[0]); err == nil {
		if n := len(w.mails(r, privacy.MailArchive)); n != 1 {
			t.Errorf("%d mails", n)
		}
	}
}

// TestFactor: with a second factor that the person gave, that one opens the
// archive, and no words are mailed.
func TestFactor(t *testing.T) {
	w := newWorld(t)
	w.fill()
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	w.apply(func(ctx context.Context, v privacy.View) (*tickets.Change, error) {
		x, err := v.RequestByID(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		x.Record.Factor, x.Detail.Secret = true, "customer-4711-with-a-word"
		return &tickets.Change{Also: []tickets.Extra{x}}, nil
	})
	w.work()
	mails := w.mails(r, privacy.MailArchive)
	if len(mails) != 1 || mails[0].Spec.Args["encrypted"] != "factor" || w.reload(r).Detail.Secret != "" || strings.Join(w.names(r, 1), " ") != "README.txt data.zip" {
		t.Errorf("%+v", mails)
	}
}

// TestWithheld: what the officer withheld is left out and listed.
func TestWithheld(t *testing.T) {
	w := newWorld(t)
	w.desk.Plain = true
	_, bobs, answer := w.fill()
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	w.apply(func(ctx context.Context, v privacy.View) (*tickets.Change, error) {
		x, err := v.RequestByID(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		x.Detail.Withheld = []privacy.Withheld{{Receipt: answer.Receipt, Ground: "trade secret"}}
		return &tickets.Change{Also: []tickets.Extra{x}}, nil
	})
	w.work()
	page := w.files(r, 1)["index.html"]
	if strings.Contains(page, "We send a new one") || !strings.Contains(page, "trade secret") || !strings.Contains(page, bobs) {
		t.Error("not withheld, or not said")
	}
}

// TestNothingHeld: who is unknown is told so, without an archive.
func TestNothingHeld(t *testing.T) {
	w := newWorld(t)
	w.fill()
	r := w.request(privacy.Access, "nobody@elsewhere.example", privacy.JobArchive)
	w.work()
	mails := w.mails(r, privacy.MailArchive)
	if len(mails) != 1 || mails[0].Spec.Args["nothing"] != "yes" || mails[0].Spec.Artifact != 0 || w.reload(r).Record.Parts != 0 || w.reload(r).Detail.Secret != "" {
		t.Errorf("%+v", mails)
	}
}

// TestLeaseLost: who lost the job to another worker writes nothing.
func TestLeaseLost(t *testing.T) {
	w := newWorld(t)
	w.fill()
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	mine := w.lease()
	w.now = w.now.Add(2 * 60 * 1e9)
	if theirs := w.lease(); len(theirs) != 1 {
		t.Fatal(theirs)
	}
	w.apply(func(context.Context, privacy.View) (*tickets.Change, error) {
		return &tickets.Change{FinishJob: mine[0].ID}, nil
	})
	if err := w.desk.archive(t.Context(), mine[0]); err == nil {
		t.Error("went on without the lease")
	}
	if n := len(w.mails(r, privacy.MailArchive)); n != 0 {
		t.Errorf("%d mails", n)
	}
}
