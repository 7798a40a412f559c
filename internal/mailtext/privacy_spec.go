package mailtext

import (
	"slices"
	"strings"

	"postroom/privacy"
)

// mailSpec is what a mail gets and what it has to say.
type mailSpec struct {
	args     []string // without them it is not written
	optional []string
	must     []string // names that its text must hold; elements says why
	word     Word     // which word it asks for
}

// mailSpecs has every mail of package privacy.
var mailSpecs = map[privacy.Mail]mailSpec{
	privacy.MailChallenge:   {args: []string{"code", "until"}, optional: []string{"word", "factor"}, must: []string{"how", "ignore"}, word: WordConfirm},
	privacy.MailAgain:       {args: []string{"code", "until"}, optional: []string{"word", "factor"}, must: []string{"how", "ignore"}, word: WordConfirm},
	privacy.MailReminder:    {args: []string{"code", "until"}, optional: []string{"word", "factor"}, must: []string{"how", "ignore"}, word: WordConfirm},
	privacy.MailChoices:     {args: []string{"links"}, must: []string{"links"}},
	privacy.MailReceipt:     {args: []string{"due"}, optional: []string{"review"}, must: []string{"rights", "due", "objecting"}},
	privacy.MailExtension:   {args: []string{"due", "reason"}, must: []string{"due", "reason", "remedies"}},
	privacy.MailRefusal:     {args: []string{"ground", "facts"}, optional: []string{"part"}, must: []string{"ground", "facts", "remedies"}},
	privacy.MailClosed:      {optional: []string{"facts"}, must: []string{"remedies"}},
	privacy.MailArchive:     {optional: []string{"part", "parts", "encrypted", "expires", "nothing", "again", "plain"}, must: []string{"programs", "contents", "info", "objecting"}},
	privacy.MailPassphrase:  {args: []string{"passphrase"}, must: []string{"passphrase"}},
	privacy.MailPlain:       {args: []string{"code", "until"}, optional: []string{"word"}, must: []string{"how", "warning"}, word: WordConfirm},
	privacy.MailPending:     {args: []string{"on"}, optional: []string{"word"}, must: []string{"on", "word"}, word: WordCancel},
	privacy.MailNotice:      {args: []string{"on"}, optional: []string{"word"}, must: []string{"on", "word"}, word: WordCancel},
	privacy.MailWaits:       {must: []string{"rights"}},
	privacy.MailCancelled:   {},
	privacy.MailCertificate: {args: []string{"backups"}, optional: []string{"counts", "kept", "outside"}, must: []string{"counts", "kept", "remedies", "backup", "outside"}},
	privacy.MailRectified:   {args: []string{"fields"}, optional: []string{"told"}, must: []string{"fields", "told"}},
	privacy.MailRestricted:  {args: []string{"since"}, must: []string{"since", "announced"}},
	privacy.MailLifting:     {args: []string{"on"}, optional: []string{"reason"}, must: []string{"on", "remedies"}},
	privacy.MailObjection:   {optional: []string{"purpose"}, must: []string{"objecting"}},
	privacy.MailStopped:     {optional: []string{"purpose"}, must: []string{"past", "objecting"}},
	privacy.MailLink:        {args: []string{"code", "until"}, optional: []string{"word"}, must: []string{"how", "ignore"}, word: WordConfirm},
	privacy.MailLinked:      {optional: []string{"address"}},
	privacy.MailConsentAsk: {args: []string{"wording", "word", "code", "until"}, optional: []string{"purpose", "stop", "child", "special"},
		must: []string{"wording", "how", "voluntary", "withdraw"}},
	privacy.MailConsent:   {args: []string{"wording"}, optional: []string{"purpose", "stop"}, must: []string{"wording", "withdraw", "past"}},
	privacy.MailRecipient: {args: []string{"what", "address"}, optional: []string{"changes"}, must: []string{"what", "address"}},
}

// elements says why a mail must hold what it must.
var elements = map[string]string{
	"how":        "how to confirm, with the word, the code and the date (Article 12(2) and (6) GDPR)",
	"ignore":     "that without a confirmation nothing happens",
	"links":      "the ready-made mails to choose from (Article 12(2) GDPR)",
	"rights":     "what was asked for",
	"due":        "the date (Article 12(3) GDPR)",
	"reason":     "the reason (Article 12(3) GDPR)",
	"ground":     "the ground of the refusal (Article 12(4) GDPR)",
	"facts":      "the facts behind the refusal (Article 12(4) GDPR)",
	"remedies":   "complaint and court (Article 12(4) GDPR)",
	"programs":   "the programs that open the archive (Article 12(1) GDPR)",
	"contents":   "what is in the archive (Article 12(1) GDPR)",
	"info":       "the information that goes with a copy (Article 15(1) GDPR)",
	"objecting":  "the right to object (Article 21(4) GDPR)",
	"passphrase": "the passphrase",
	"warning":    "what it means to do without encryption (Article 32 GDPR)",
	"on":         "the date",
	"word":       "the word that stops it",
	"counts":     "what was erased",
	"kept":       "what is kept, on which ground and until when (Articles 12(4) and 17(3) GDPR)",
	"backup":     "until when backups hold it",
	"outside":    "which copies are outside (Article 19 GDPR)",
	"fields":     "what was corrected (Article 16 GDPR)",
	"told":       "who was told (Article 19 GDPR)",
	"since":      "since when (Article 18 GDPR)",
	"announced":  "that the end will be announced (Article 18(3) GDPR)",
	"past":       "that it works at once and what was done before stays lawful (Article 7(3) GDPR)",
	"wording":    "what is consented to (Article 7(1) and (2) GDPR)",
	"voluntary":  "that it is voluntary (Article 7(4) GDPR)",
	"withdraw":   "how to withdraw it (Article 7(3) GDPR)",
	"what":       "what is to be done (Article 19 GDPR)",
	"address":    "whose data it is",
}

// insteadOf are names that together say what a fragment says.
var insteadOf = map[string][]string{"how": {"word", "code", "until"}, "backup": {"backups"}}

// knows reports whether the mail has a value of that name.
func (s mailSpec) knows(name string) bool {
	switch name {
	case "no", "rights", "controller", "contact", "dpo", "authority", "stop":
		return true
	}
	return slices.Contains(s.args, name) || slices.Contains(s.optional, name)
}

// value puts an argument into the language.
func (w *privacyWords) value(name, s string, args map[string]string) string {
	switch name {
	case "until", "due", "expires", "on", "backups", "since":
		return w.day(s)
	case "rights", "what":
		return w.rightNames(s)
	case "ground":
		return w.ground(s)
	case "fields":
		return w.named(w.fields, s)
	case "links":
		return w.links(args)
	case "counts":
		return w.countLines(args)
	case "kept":
		return w.keptLines(s)
	case "told", "outside":
		return w.statusLines(s)
	case "facts", "reason":
		return strings.TrimRight(s, ". \n")
	case "review", "nothing", "special", "factor":
		if s != "yes" {
			return ""
		}
	}
	return s
}
