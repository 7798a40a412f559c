package demo

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
)

const (
	jonas       = "Jonas Kühn <jonas@kunde.example>"
	privacyDesk = "privacy@desk.example"
)

// access: one neutral question, one word, and the archive and its passphrase
// come in two mails.
func (p *play) access(ctx context.Context) error {
	if err := p.write(ann, privacyDesk, "My data", "", "Please send me a copy of everything you have about me."); err != nil {
		return err
	}
	q, err := p.w.wait(ctx, bare(ann), has("CONFIRM"))
	if err != nil {
		return err
	}
	p.show("Ann", q, 7)
	if strings.Contains(q.Msg.Text, "invoice") {
		return errors.New("the question says what is held")
	}
	if _, err := p.w.wait(ctx, "olga@agents.example", has("copy of everything")); err != nil {
		return err
	}
	p.say("Olga, the privacy officer, has it in her mailbox, and need not do anything.")
	if err := p.write(ann, replyTo(q), "Re: "+q.Msg.Subject, inReply(q), quoted(q, "CONFIRM", "Ann")); err != nil {
		return err
	}
	receipt, err := p.w.wait(ctx, bare(ann), has("We are working on your request"))
	if err != nil {
		return err
	}
	p.say("Ann gets: \"%s\"", receipt.Msg.Subject)
	archive, err := p.w.wait(ctx, bare(ann), func(m *Mail) bool {
		return len(m.Msg.Attachments) == 1 && m.Msg.Attachments[0].Type == "application/zip"
	})
	if err != nil {
		return err
	}
	p.show("Ann", archive, 5)
	p.say("  attached: %s, %d bytes, encrypted", archive.Msg.Attachments[0].Name, archive.Msg.Attachments[0].Size)
	words, err := p.w.wait(ctx, bare(ann), has("The passphrase ("))
	if err != nil {
		return err
	}
	phrase := passphrase.FindStringSubmatch(words.Msg.Text)
	if phrase == nil {
		return errors.New("there is no passphrase in the mail")
	}
	p.say("and then, in a mail of its own, over verified TLS: %s", phrase[1])
	return expect(!strings.Contains(string(archive.Raw), phrase[1]), "the passphrase is in the mail with the archive")
}

var passphrase = regexp.MustCompile(`(?m)^ {4}([a-z]+(?:-[a-z]+){5})\s*$`)

// erasure, as a desk that decided to let it go without the officer: what there
// was of Jonas is gone, and a signed certificate says so.
func (p *play) erasure(ctx context.Context) error {
	if err := p.write(jonas, desk, "Passwort", "", "Guten Tag,\n\nich kann mich nicht mehr anmelden. Können Sie mir helfen?\n\nJonas Kühn"); err != nil {
		return err
	}
	if err := p.write(jonas, privacyDesk, "", "", "Bitte löschen Sie mein Konto und alle Daten, die Sie über mich haben."); err != nil {
		return err
	}
	q, err := p.w.wait(ctx, bare(jonas), has("BESTÄTIGEN"))
	if err != nil {
		return err
	}
	p.show("Jonas", q, 3)
	if err := p.write(jonas, replyTo(q), "Re: "+q.Msg.Subject, inReply(q), quoted(q, "Bestätigen", "Jonas")); err != nil {
		return err
	}
	m, err := p.w.wait(ctx, bare(jonas), has("Ihre Daten wurden gelöscht"))
	if err != nil {
		return err
	}
	p.show("Jonas", m, 9)
	if len(m.Msg.Attachments) != 2 {
		return errors.New("the mail has no certificate")
	}
	if err := p.desk.Verify(m.Raw); err != nil {
		return err
	}
	p.say("  attached: %s and its signature, which is right", m.Msg.Attachments[0].Name)
	_, err = p.ticket(ctx, func(t Ticket) bool { return strings.EqualFold(t.Requester, bare(jonas)) })
	return expect(err != nil, "there still is a ticket of his")
}

// certified is what the play reads of a certificate.
type certified struct {
	Scan   string         `json:"scan"`
	Counts map[string]int `json:"counts"`
}

// CleanCertificate says whether the text of a certificate tells of an erasure
// after which nothing was found.
func CleanCertificate(text []byte) error {
	var c certified
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	return expect(c.Scan == "clean" && c.Counts["tickets"] > 0, "the certificate says %+v", c)
}
