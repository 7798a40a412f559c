package privacy

// Mail names a mail to a data subject; its words, in each language, are in
// internal/mailtext. The arguments a mail gets stand beside its name. Every
// mail also gets "no" (the request's number) and "rights" (names of rights,
// separated by a space); dates are written 2006-01-02, the words put them into
// the language's own form. Controller, contact of the privacy desk and of the
// data protection officer, and the supervisory authority come from the
// configuration.
//
// No mail repeats what its sender wrote, and none before the proof tells
// whether anything is held.
type Mail string

// The mails to data subjects.
const (
	MailChallenge   Mail = "privacy.challenge"   // prove the mailbox: word, code, until. Reply-To has the token
	MailAgain       Mail = "privacy.again"       // as challenge, after an answer that could not count: word, code, until
	MailReminder    Mail = "privacy.reminder"    // the challenge is unanswered: word, code, until
	MailChoices     Mail = "privacy.choices"     // what is meant was unclear: mailto.<right> links for each right
	MailReceipt     Mail = "privacy.receipt"     // proved; what happens now: due, review ("yes" when the officer decides)
	MailExtension   Mail = "privacy.extension"   // due, reason (Article 12(3))
	MailRefusal     Mail = "privacy.refusal"     // ground, facts; remedies (Article 12(4))
	MailClosed      Mail = "privacy.closed"      // the proof never came: neutral, reasons and remedies
	MailArchive     Mail = "privacy.archive"     // part, parts, encrypted ("yes", "factor", "no"), covers from the archive: nothing ("yes" when nothing is held), expires
	MailPassphrase  Mail = "privacy.passphrase"  // passphrase, after the archive was accepted
	MailPlain       Mail = "privacy.plain"       // the warning before an archive without encryption: word, code, until
	MailPending     Mail = "privacy.pending"     // erasure approved: on (date), word (CANCEL). Reply-To has the token
	MailNotice      Mail = "privacy.notice"      // as pending, to the person's other proved addresses
	MailWaits       Mail = "privacy.waits"       // the erasure waits for the archive's delivery
	MailCancelled   Mail = "privacy.cancelled"   // the erasure was cancelled
	MailCertificate Mail = "privacy.certificate" // erased: count.<what>, kept (lines ground|law|until|count), backups (date), outside; the certificate is attached
	MailRectified   Mail = "privacy.rectified"   // fields, told
	MailRestricted  Mail = "privacy.restricted"  // since; lifting will be announced (Article 18(3))
	MailLifting     Mail = "privacy.lifting"     // on: the restriction will be lifted, reason
	MailObjection   Mail = "privacy.objection"   // an objection under Article 21(1) was upheld: what stops
	MailStopped     Mail = "privacy.stopped"     // no more mail that rests on consent or is marketing: purpose; effective at once, past stays lawful
	MailLink        Mail = "privacy.link"        // to a further address: is it the same person's? word, code, until
	MailLinked      Mail = "privacy.linked"      // a further address was proved
	MailConsentAsk  Mail = "privacy.consent-ask" // purpose, wording, word, code, until
	MailConsent     Mail = "privacy.consent"     // given: purpose, wording, how to withdraw
	MailRecipient   Mail = "privacy.recipient"   // to a processor or recipient (Article 19): what, address; in English and the controller's language
)

// Mails lists all of them.
func Mails() []Mail {
	return []Mail{MailChallenge, MailAgain, MailReminder, MailChoices, MailReceipt, MailExtension, MailRefusal, MailClosed,
		MailArchive, MailPassphrase, MailPlain, MailPending, MailNotice, MailWaits, MailCancelled, MailCertificate, MailRectified,
		MailRestricted, MailLifting, MailObjection, MailStopped, MailLink, MailLinked, MailConsentAsk, MailConsent, MailRecipient}
}
