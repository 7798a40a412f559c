package mailtext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"postroom/privacy"
)

var privacyTestDesk = PrivacyDesk{Controller: "Example Ltd", Contact: "privacy@desk.example", DPO: "Dr Dana Data, dpo@desk.example",
	Authority: "Example Authority, authority.example"}

// privacyArgs has what each mail is given, all of it.
var privacyArgs = map[privacy.Mail]map[string]string{
	privacy.MailChallenge:   {"code": "ABCD-EFGH-IJKL", "until": "2026-12-01"},
	privacy.MailAgain:       {"code": "ABCD-EFGH-IJKL", "until": "2026-12-01"},
	privacy.MailReminder:    {"code": "ABCD-EFGH-IJKL", "until": "2026-12-01", "factor": "yes"},
	privacy.MailChoices:     {"mailto.access": "mailto:privacy+access@desk.example?subject=access", "mailto.erasure": "mailto:privacy+erase@desk.example?subject=erase"},
	privacy.MailReceipt:     {"due": "2026-12-21", "review": "yes"},
	privacy.MailExtension:   {"due": "2027-02-21", "reason": "The archive is large."},
	privacy.MailRefusal:     {"ground": "17(3)(b)", "facts": "Invoices of 2024."},
	privacy.MailClosed:      {},
	privacy.MailArchive:     {"part": "1", "parts": "2", "encrypted": "yes", "expires": "2026-12-28"},
	privacy.MailPassphrase:  {"passphrase": "apple-river-stone-cloud-lamp-fern"},
	privacy.MailPlain:       {"code": "ABCD-EFGH-IJKL", "until": "2026-12-01"},
	privacy.MailPending:     {"on": "2026-12-03"},
	privacy.MailNotice:      {"on": "2026-12-03"},
	privacy.MailWaits:       {"rights": "access erasure"},
	privacy.MailCancelled:   {},
	privacy.MailCertificate: {"count.tickets": "3", "count.messages": "17", "kept": "17(3)(b)|§ 147 AO|2034-12-31|2", "backups": "2026-12-23", "outside": "agents|2|told\nOther desk|sent"},
	privacy.MailRectified:   {"fields": "name address", "told": "Printer Ltd|sent"},
	privacy.MailRestricted:  {"since": "2026-11-23"},
	privacy.MailLifting:     {"on": "2026-12-03", "reason": "The data was checked."},
	privacy.MailObjection:   {"purpose": "statistics"},
	privacy.MailStopped:     {"purpose": "our news"},
	privacy.MailLink:        {"code": "ABCD-EFGH-IJKL", "until": "2026-12-01"},
	privacy.MailLinked:      {"address": "ada@other.example"},
	privacy.MailConsentAsk:  {"purpose": "our news", "wording": "May we send you our news once a month?", "word": "AGREE", "code": "ABCD-EFGH-IJKL", "until": "2026-12-01"},
	privacy.MailConsent:     {"purpose": "our news", "wording": "May we send you our news once a month?"},
	privacy.MailRecipient:   {"what": "erasure", "address": "ada@customer.example"},
}

// senses are words that carry an element in each language; one of the
// alternatives, separated by |, has to be there.
var senses = map[string]map[string]string{
	"court":     {"en": "court", "de": "Gericht", "fr": "tribunal", "es": "tribunales", "it": "tribunale", "nl": "rechter", "pl": "sądu", "pt": "tribunais"},
	"complain":  {"en": "complain", "de": "beschweren", "fr": "réclamation", "es": "reclamar", "it": "reclamo", "nl": "klacht", "pl": "skargę", "pt": "reclamar"},
	"object":    {"en": "object", "de": "widersprechen", "fr": "opposer", "es": "oponerse", "it": "opporsi", "nl": "bezwaar", "pl": "sprzeciw", "pt": "opor-se"},
	"lawful":    {"en": "remains lawful", "de": "bleibt rechtmäßig", "fr": "reste licite", "es": "sigue siendo lícito", "it": "resta lecito", "nl": "blijft rechtmatig", "pl": "pozostaje zgodne z prawem", "pt": "continua a ser lícito"},
	"once":      {"en": "at once", "de": "sofort", "fr": "immédiatement", "es": "de inmediato", "it": "subito", "nl": "meteen", "pl": "natychmiast", "pt": "imediato"},
	"before":    {"en": "Before the restriction ends we will tell", "de": "Bevor die Einschränkung endet", "fr": "Avant la fin de la limitation", "es": "Antes de que termine", "it": "Prima che la limitazione", "nl": "Voordat de beperking eindigt", "pl": "Zanim ograniczenie się skończy", "pt": "Antes de a limitação terminar"},
	"nothing":   {"en": "nothing happens", "de": "geschieht nichts", "fr": "ne se passe rien", "es": "no ocurre nada", "it": "non succede nulla", "nl": "gebeurt er niets", "pl": "nic się nie stanie", "pt": "nada acontece"},
	"first":     {"en": "first line", "de": "erste Zeile|ersten Zeile", "fr": "première ligne", "es": "primera línea", "it": "prima riga", "nl": "eerste regel", "pl": "pierwszym wierszu", "pt": "primeira linha"},
	"voluntary": {"en": "up to you", "de": "Ihnen überlassen", "fr": "entièrement libre", "es": "voluntario", "it": "libera scelta", "nl": "aan u", "pl": "dobrowolne", "pt": "livre"},
	"withdraw":  {"en": "withdraw your consent at any time", "de": "jederzeit widerrufen", "fr": "retirer votre consentement à tout moment", "es": "retirar su consentimiento en cualquier momento", "it": "revocare il consenso in ogni momento", "nl": "op elk moment intrekken", "pl": "wycofać w każdej chwili", "pt": "retirar o consentimento a qualquer momento"},
	"keep":      {"en": "has to be kept", "de": "muss aufbewahrt werden", "fr": "doit être conservé", "es": "debe conservarse", "it": "deve essere conservato", "nl": "moet worden bewaard", "pl": "musi zostać zachowane", "pt": "tem de ser conservado"},
	"backup":    {"en": "Backups", "de": "Sicherungen", "fr": "sauvegardes", "es": "copias de seguridad", "it": "copie di sicurezza", "nl": "back-ups", "pl": "kopie zapasowe", "pt": "cópias de segurança"},
	"here":      {"en": "in this installation", "de": "in dieser Installation", "fr": "dans cette installation", "es": "en esta instalación", "it": "in questa installazione", "nl": "in deze installatie", "pl": "w tej instalacji", "pt": "nesta instalação"},
	"neutral":   {"en": "says nothing about whether we hold", "de": "sagt deshalb nichts darüber, ob wir Daten haben", "fr": "ne dit donc rien", "es": "no dice nada sobre si tenemos", "it": "non dice se abbiamo", "nl": "zegt daarom niets", "pl": "nie mówi, czy mamy", "pt": "nada diz sobre se temos"},
	"unsafe":    {"en": "without encryption", "de": "Ohne Verschlüsselung", "fr": "sans chiffrement", "es": "sin cifrado", "it": "senza cifratura", "nl": "zonder versleuteling", "pl": "bez szyfrowania", "pt": "sem cifra"},
	"free":      {"en": "costs you nothing", "de": "kostet Sie nichts", "fr": "gratuit", "es": "gratuito", "it": "gratuito", "nl": "kost u niets", "pl": "bezpłatne", "pt": "gratuito"},
	"identity":  {"en": "never ask for a copy of an identity", "de": "Ausweiskopie verlangen wir nie", "fr": "jamais de copie d’une pièce d’identité", "es": "Nunca pedimos copia", "it": "mai copia di un documento", "nl": "kopie van een identiteitsbewijs vragen wij nooit", "pl": "Nigdy nie prosimy o kopię", "pt": "Nunca pedimos cópia"},
}

// mandatory is what each mail has to say: "=" a text that stands in every
// language, "@" a date in the language's form, else a sense.
var mandatory = map[privacy.Mail][]string{
	privacy.MailChallenge:   {"neutral", "first", "nothing", "=ABCD-EFGH-IJKL", "@2026-12-01", "=privacy@desk.example", "word confirm"},
	privacy.MailAgain:       {"first", "nothing", "identity", "=ABCD-EFGH-IJKL", "@2026-12-01", "word confirm"},
	privacy.MailReminder:    {"first", "nothing", "=ABCD-EFGH-IJKL", "@2026-12-01", "word confirm"},
	privacy.MailChoices:     {"=mailto:privacy+access@desk.example?subject=access", "=mailto:privacy+erase@desk.example?subject=erase"},
	privacy.MailReceipt:     {"@2026-12-21", "object", "=21", "free", "right access"},
	privacy.MailExtension:   {"@2027-02-21", "=The archive is large.", "court", "=79", "right access"},
	privacy.MailRefusal:     {"ground 17(3)(b)", "=Invoices of 2024.", "court", "=79", "right access"},
	privacy.MailClosed:      {"court", "=79"},
	privacy.MailArchive:     {"=7-Zip", "=Keka", "=p7zip", "=Windows", "=AES-256", "=index.html", "=data.json", "=.mbox", "=CSV", "object", "@2026-12-28", "word again", "word plain", "right access", "=15"},
	privacy.MailPassphrase:  {"=apple-river-stone-cloud-lamp-fern"},
	privacy.MailPlain:       {"unsafe", "first", "=ABCD-EFGH-IJKL", "@2026-12-01", "word confirm"},
	privacy.MailPending:     {"@2026-12-03", "word cancel", "first"},
	privacy.MailNotice:      {"@2026-12-03", "word cancel", "first"},
	privacy.MailWaits:       {"right access", "right erasure"},
	privacy.MailCancelled:   {"=privacy@desk.example"},
	privacy.MailCertificate: {"here", "count tickets", "=3", "count messages", "=17", "keep", "ground 17(3)(b)", "=§ 147 AO", "@2034-12-31", "court", "backup", "@2026-12-23", "count agents", "=Other desk"},
	privacy.MailRectified:   {"field name", "field address", "=Printer Ltd"},
	privacy.MailRestricted:  {"@2026-11-23", "before", "=18"},
	privacy.MailLifting:     {"@2026-12-03", "=The data was checked.", "court", "=18"},
	privacy.MailObjection:   {"=statistics", "object", "=21"},
	privacy.MailStopped:     {"=our news", "once", "lawful", "object"},
	privacy.MailLink:        {"first", "nothing", "=ABCD-EFGH-IJKL", "@2026-12-01", "word confirm"},
	privacy.MailLinked:      {"=ada@other.example"},
	privacy.MailConsentAsk:  {"=May we send you our news once a month?", "=AGREE", "first", "voluntary", "withdraw", "=privacy+stop@desk.example", "=ABCD-EFGH-IJKL"},
	privacy.MailConsent:     {"=May we send you our news once a month?", "withdraw", "lawful", "=privacy+stop@desk.example"},
	privacy.MailRecipient:   {"=ada@customer.example", "right erasure", "=19"},
}

// allWords are the words of answers, in every language, with what they mean.
var allWords = func() map[string]Word {
	m := map[string]Word{}
	for _, w := range []Word{WordConfirm, WordCancel, WordAgain, WordPlain, WordStop} {
		for _, s := range Words(w) {
			m[s] = w
		}
	}
	return m
}()

func argsOf(mail privacy.Mail) map[string]string {
	args := map[string]string{"no": "P-K7Q2-9F3M", "rights": "access"}
	for k, v := range privacyArgs[mail] {
		args[k] = v
	}
	return args
}

func ourMails(t testing.TB, texts map[string]map[string]PrivacyText) *PrivacyMails {
	t.Helper()
	p, err := NewPrivacyMails(privacyTestDesk, texts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPrivacyMails_EveryElement: every mail says in every language what it has
// to, names who answers for the data, and leaves no gap open.
func TestPrivacyMails_EveryElement(t *testing.T) {
	p := ourMails(t, nil)
	if n := len(PrivacyLanguages()); n != 8 {
		t.Errorf("%d languages", n)
	}
	for _, mail := range privacy.Mails() {
		if len(mandatory[mail]) == 0 || privacyArgs[mail] == nil {
			t.Errorf("%s: the table does not say what it has to", mail)
		}
		for _, lang := range PrivacyLanguages() {
			m, err := p.Compose(lang, string(mail), argsOf(mail))
			if err != nil {
				t.Errorf("%s %s: %v", lang, mail, err)
				continue
			}
			for _, want := range append([]string{"=Example Ltd", "=privacy@desk.example", "=Dr Dana Data", "=Example Authority", "=P-K7Q2-9F3M", "complain", "=77"}, mandatory[mail]...) {
				holds(t, lang, mail, m, want)
			}
			sound(t, lang, mail, m)
		}
	}
}

// holds looks for an element in the text and, without its marks, in the HTML.
func holds(t *testing.T, lang string, mail privacy.Mail, m PrivacyMail, want string) {
	t.Helper()
	w := privacyLanguages()[lang]
	what, name, _ := strings.Cut(want, " ")
	alternatives := ""
	switch {
	case want[0] == '=':
		alternatives = want[1:]
	case want[0] == '@':
		alternatives = w.day(want[1:])
	case what == "word":
		alternatives = AskedWord(lang, Word(name))
	case what == "right":
		alternatives = w.rights[privacy.Right(name)]
	case what == "ground":
		alternatives = w.grounds[name]
	case what == "count":
		alternatives = w.counts[name]
	case what == "field":
		alternatives = w.fields[name]
	default:
		alternatives = senses[want][lang]
	}
	if alternatives == "" {
		t.Fatalf("the test has no words for %q in %s", want, lang)
	}
	for a := range strings.SplitSeq(alternatives, "|") {
		if strings.Contains(m.Text, a) {
			return
		}
	}
	t.Errorf("%s %s does not say %q (%s):\n%s", lang, mail, want, alternatives, m.Text)
}

// sound checks what holds for every mail.
func sound(t *testing.T, lang string, mail privacy.Mail, m PrivacyMail) {
	t.Helper()
	all := m.Subject + m.Text + m.HTML
	if strings.ContainsAny(all, "{}") || !utf8.ValidString(all) || strings.Contains(m.Text, "  \n") || strings.Contains(m.Text, "\n\n\n") || strings.Contains(strings.NewReplacer(" .mbox", "", " .eml", "", "(.eml", "").Replace(m.Text), " .") || strings.Contains(m.Text, "..") {
		t.Errorf("%s %s: a gap is open, or closed badly:\n%s\n%s", lang, mail, m.Subject, m.Text)
	}
	if m.Subject == "" || utf8.RuneCountInString(m.Subject) > 100 || strings.Contains(m.Subject, "\n") {
		t.Errorf("%s %s: subject %q", lang, mail, m.Subject)
	}
	if m.Language != lang && mail != privacy.MailRecipient {
		t.Errorf("%s %s came out in %s", lang, mail, m.Language)
	}
	if strings.Contains(m.HTML, "<img") || strings.Contains(m.HTML, "http") || strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "<style") {
		t.Errorf("%s %s: the HTML loads something:\n%s", lang, mail, m.HTML)
	}
	// An autoresponder that quotes the mail without marks must not confirm.
	for line := range strings.SplitSeq(m.Text, "\n") {
		if w := allWords[FoldWord(line)]; w != "" {
			t.Errorf("%s %s: a line is nothing but the word for %s", lang, mail, w)
		}
	}
}

// TestPrivacyMails_OwnLanguage: no language passes with another's sentences.
func TestPrivacyMails_OwnLanguage(t *testing.T) {
	for _, mail := range privacy.Mails() {
		seen := map[string]string{}
		for _, lang := range PrivacyLanguages() {
			w := privacyLanguages()[lang]
			if w.mails[mail].Text == "" {
				t.Fatalf("%s has no words for %s", lang, mail)
			}
			for s := range strings.SplitSeq(w.mails[mail].Text+"\n\n"+w.mails[mail].Subject, "\n\n") {
				if strings.Count(s, " ") < 4 || strings.Trim(s, "{}abcdefghijklmnopqrstuvwxyz?/.: ") == "" {
					continue
				}
				if other := seen[s]; other != "" {
					t.Errorf("%s: %s and %s share %q", mail, lang, other, s)
				}
				seen[s] = lang
			}
		}
	}
	for _, lang := range PrivacyLanguages() {
		w, en := privacyLanguages()[lang], &privacyEN
		for name, pair := range map[string][2]map[string]string{"grounds": {w.grounds, en.grounds}, "counts": {w.counts, en.counts},
			"fields": {w.fields, en.fields}, "states": {w.states, en.states}, "fragments": {w.fragments, en.fragments}} {
			for key := range pair[1] {
				if pair[0][key] == "" {
					t.Errorf("%s lacks %s %s", lang, name, key)
				}
			}
			if len(pair[0]) != len(pair[1]) {
				t.Errorf("%s: %d %s, English has %d", lang, len(pair[0]), name, len(pair[1]))
			}
		}
		if len(w.rights) != 7 || len(w.labels) != 7 || len(w.mails) != len(privacy.Mails()) {
			t.Errorf("%s: %d rights, %d labels, %d mails", lang, len(w.rights), len(w.labels), len(w.mails))
		}
	}
}

// TestPrivacyMails_Branches: what depends on the request is said only then.
func TestPrivacyMails_Branches(t *testing.T) {
	p := ourMails(t, nil)
	for _, c := range []struct {
		mail     privacy.Mail
		args     map[string]string
		has, not string
	}{
		{privacy.MailArchive, map[string]string{"part": "1", "parts": "1", "encrypted": "no"}, "not encrypted", "7-Zip"},
		{privacy.MailArchive, map[string]string{"part": "1", "parts": "1", "encrypted": "no"}, "not encrypted", "number 1"},
		{privacy.MailArchive, map[string]string{"part": "1", "parts": "1", "encrypted": "factor"}, "customer number", "mail of its own"},
		{privacy.MailArchive, map[string]string{"nothing": "yes"}, "we hold no data about you", "7-Zip"},
		{privacy.MailReceipt, map[string]string{"due": "2026-12-21"}, "being carried out", "A person"},
		{privacy.MailCertificate, map[string]string{"backups": "2026-12-23"}, "Backups", "has to be kept"},
		{privacy.MailCertificate, map[string]string{"backups": "2026-12-23", "count.kept": "2"}, "Backups", "kept by law"},
		{privacy.MailChallenge, map[string]string{"code": "A", "until": "2026-12-01"}, "“CONFIRM”", "customer number"},
		{privacy.MailChallenge, map[string]string{"code": "A", "until": "2026-12-01", "factor": "yes"}, "customer number", "{"},
		{privacy.MailRectified, map[string]string{"fields": "the address of the flat."}, "corrected: the address of the flat.", ", address"},
		{privacy.MailStopped, nil, "news, surveys or advertising", "of this kind"},
		{privacy.MailRefusal, map[string]string{"ground": "Art. 15(4)", "facts": "x"}, "rights and freedoms of others", "Art. 15(4)."},
		{privacy.MailRefusal, map[string]string{"ground": "Article 17(3)(e) GDPR", "facts": "x"}, "legal claims", "{"},
	} {
		args := map[string]string{"no": "P-1", "rights": "access"}
		for k, v := range c.args {
			args[k] = v
		}
		m, err := p.Compose("en", string(c.mail), args)
		if err != nil || !strings.Contains(m.Text, c.has) || strings.Contains(m.Text, c.not) {
			t.Errorf("%s %v: %v, want %q and no %q:\n%s", c.mail, c.args, err, c.has, c.not, m.Text)
		}
	}
}

// TestPrivacyGrounds: every ground that the officer can choose has words.
func TestPrivacyGrounds(t *testing.T) {
	for _, right := range privacy.Rights() {
		for _, g := range privacy.Grounds(right) {
			for _, lang := range PrivacyLanguages() {
				if privacyLanguages()[lang].grounds[g] == "" {
					t.Errorf("%s has no words for refusing %s by %s", lang, right, g)
				}
			}
		}
	}
}

// TestPrivacyMails_NothingMissing: a mail is not written with a hole in it.
func TestPrivacyMails_NothingMissing(t *testing.T) {
	p := ourMails(t, nil)
	for _, mail := range privacy.Mails() {
		for _, name := range mailSpecs[mail].args {
			args := argsOf(mail)
			delete(args, name)
			if name == "links" {
				delete(args, "mailto.access")
				delete(args, "mailto.erasure")
			}
			if m, err := p.Compose("en", string(mail), args); err == nil {
				t.Errorf("%s is written without %s:\n%s", mail, name, m.Text)
			}
		}
	}
	bare, err := NewPrivacyMails(PrivacyDesk{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare.Compose("en", string(privacy.MailCancelled), argsOf(privacy.MailCancelled)); err == nil {
		t.Error("a mail names no controller")
	}
	if _, err := p.Compose("en", "privacy.none", nil); err == nil {
		t.Error("a mail that there is not")
	}
}

// TestPrivacyMails_Texts: the operator's own words are taken when they say what
// the law wants said, and refused with what is missing when they do not.
func TestPrivacyMails_Texts(t *testing.T) {
	text := func(mail, text string) map[string]map[string]PrivacyText {
		return map[string]map[string]PrivacyText{"en": {mail: {Text: text}}}
	}
	for _, c := range []struct {
		texts map[string]map[string]PrivacyText
		want  string // of the error; empty: taken
	}{
		{text("refusal", "No: {ground}, {facts}.\n\n{remedies}"), ""},
		{text("privacy.refusal", "No: {ground}, {facts}.\n\n{remedies}"), ""},
		{text("refusal", "No: {ground}, {facts}."), "Article 12(4)"},
		{text("refusal", "No: {facts}. {remedies}"), "{ground}"},
		{text("challenge", "Write {word} or {code} until {until}. {ignore}"), ""},
		{text("challenge", "Write {word} until {until}. {ignore}"), "{how}"},
		{text("stopped", "Bye. {objecting}"), "Article 7(3)"},
		{text("cancelled", "Stopped, {name}."), "{name}"},
		{text("cancelled", "Stopped {?no}x"), "without {/}"},
		{text("cancelled", "Stopped {/}"), "without a {?"},
		{text("cancelled", "Stopped { no }"), "no gap"},
		{text("nonsense", "x"), "no such mail"},
		{map[string]map[string]PrivacyText{"xx": {"cancelled": {Text: "x"}}}, "the languages are"},
		{map[string]map[string]PrivacyText{"en": {"cancelled": {Subject: "Stopped ({no})"}}}, ""},
		{map[string]map[string]PrivacyText{"en": {"cancelled": {Subject: "Stopped ({due})"}}}, "{due}"},
	} {
		err := CheckPrivacyTexts(c.texts)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "privacy.texts.")) {
			t.Errorf("%v: %v, want %q", c.texts, err, c.want)
		}
	}
	p := ourMails(t, map[string]map[string]PrivacyText{"de": {"cancelled": {Text: "Gestoppt."}}})
	m, err := p.Compose("de", string(privacy.MailCancelled), argsOf(privacy.MailCancelled))
	if err != nil || !strings.HasPrefix(m.Text, "Gestoppt.\n\n-- \n") || !strings.Contains(m.Text, "Example Authority") || m.Subject != "Die Löschung wurde abgebrochen (P-K7Q2-9F3M)" {
		t.Errorf("%v: %+v", err, m)
	}
}

// TestPrivacyMails_Hostile: values are never read as templates or as HTML.
func TestPrivacyMails_Hostile(t *testing.T) {
	p := ourMails(t, nil)
	args := argsOf(privacy.MailRefusal)
	args["facts"] = "{contact} <script>alert(1)</script>"
	m, err := p.Compose("en", string(privacy.MailRefusal), args)
	if err != nil || !strings.Contains(m.Text, "{contact} <script>") || strings.Contains(m.HTML, "<script") {
		t.Errorf("%v\n%s\n%s", err, m.Text, m.HTML)
	}
}

// TestPrivacyMails_RecipientInBoth: a recipient of data gets English and the
// controller's language.
func TestPrivacyMails_RecipientInBoth(t *testing.T) {
	desk := privacyTestDesk
	desk.Language = "de"
	p, err := NewPrivacyMails(desk, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Compose("fr", string(privacy.MailRecipient), argsOf(privacy.MailRecipient))
	if err != nil || !strings.Contains(m.Text, "Please do the same") || !strings.Contains(m.Text, "Bitte tun Sie dasselbe") {
		t.Errorf("%v\n%s", err, m.Text)
	}
}

func TestPrivacyMails_Fallback(t *testing.T) {
	p := ourMails(t, nil)
	for tag, want := range map[string]string{"": "en", "sv": "en", "DE-at": "de", "pt_BR": "pt"} {
		if m, err := p.Compose(tag, string(privacy.MailCancelled), argsOf(privacy.MailCancelled)); err != nil || m.Language != want {
			t.Errorf("%q: %s, %v", tag, m.Language, err)
		}
	}
}

// TestPrivacyWords: each language asks for a word that every reader knows, one
// word never means two things, and typing without diacritics is enough.
func TestPrivacyWords(t *testing.T) {
	means := map[string]Word{}
	for _, w := range []Word{WordConfirm, WordCancel, WordAgain, WordPlain, WordStop} {
		for _, s := range Words(w) {
			if other, ok := means[s]; ok {
				t.Errorf("%q means %s and %s", s, other, w)
			}
			means[s] = w
		}
		for _, lang := range PrivacyLanguages() {
			if len(privacyLanguages()[lang].words[w]) == 0 || means[FoldWord(AskedWord(lang, w))] != w {
				t.Errorf("%s: the word for %s is not known", lang, w)
			}
		}
	}
	for line, want := range map[string]Word{"Bestätigen.": WordConfirm, "BESTATIGEN": WordConfirm, "bestaetigen": WordConfirm, "„CONFIRM“": WordConfirm, "> CONFIRM": WordConfirm,
		"potwierdz": WordConfirm, "  je   confirme !": WordConfirm, "CONFIRM please": "", "do not confirm": "", "Anuluję": WordCancel, "ＣＯＮＦＩＲＭ": WordConfirm} {
		if got := means[FoldWord(line)]; got != want {
			t.Errorf("%q folds to %q: %q, want %q", line, FoldWord(line), got, want)
		}
	}
}

func TestPrivacyDates(t *testing.T) {
	for lang, want := range map[string]string{"en": "1 March 2027", "de": "1. März 2027", "fr": "1er mars 2027", "es": "1 de marzo de 2027",
		"it": "1º marzo 2027", "nl": "1 maart 2027", "pl": "1 marca 2027", "pt": "1 de março de 2027"} {
		w := privacyLanguages()[lang]
		if got := w.day("2027-03-01"); got != want {
			t.Errorf("%s: %q", lang, got)
		}
		if got := w.day("2027-03-01T23:59:59+01:00"); got != want {
			t.Errorf("%s: %q", lang, got)
		}
		if got := w.day("soon"); got != "soon" {
			t.Errorf("%s: %q", lang, got)
		}
	}
	m, err := ourMails(t, nil).Compose("it", string(privacy.MailPending), map[string]string{"no": "P-1", "on": "2026-12-08"})
	if err != nil || m.Subject != "I suoi dati saranno cancellati l’8 dicembre 2026 (P-1)" || !strings.Contains(m.Text, "eseguita l’8 dicembre") {
		t.Errorf("%v %s\n%s", err, m.Subject, m.Text)
	}
}
