package mailtext

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"postroom/privacy"
)

// PrivacyDesk is who answers for the data; it stands under every privacy mail.
type PrivacyDesk struct {
	Controller string // who decides about the data (Article 13(1)(a) GDPR); must not be empty
	Contact    string // the privacy address; must not be empty
	DPO        string // how to reach the data protection officer; empty if there is none
	Authority  string // the supervisory authority; empty: any
	Language   string // of the controller, for mails to recipients of data (Article 19)
}

// PrivacyText is the operator's own wording of one mail in one language. An
// empty field keeps ours. What stands under every mail follows in any case.
type PrivacyText struct{ Subject, Text string }

// PrivacyMail is a mail to a data subject, composed.
type PrivacyMail struct {
	Subject  string
	Text     string
	HTML     string // the same words
	Language string // in which it came out
	Answer   bool   // it follows at once from a mail of the person's
}

// PrivacyMails composes the mails of the privacy desk. It is safe for
// concurrent use.
type PrivacyMails struct {
	desk  PrivacyDesk
	texts map[string]map[privacy.Mail]parsedMail
	own   ownText
}

type parsedMail struct{ subject, body template }

// words of one language: all that the privacy desk says in it.
type privacyWords struct {
	months    [12]string
	date      string // with {d}, {month}, {y}
	first     string // how the first day of a month is written; empty: 1
	hello     string
	capital   bool   // the sentence after it begins with a capital
	colon     string // in lists; empty: ": "
	bye       string
	footer    string
	any       string              // the authority where none is configured
	list      string              // joins the last two of a list
	polish    func(string) string // what grammar does to a text that is filled in; nil: nothing
	rights    map[privacy.Right]string
	labels    map[privacy.Right]string // of the ready-made mails of [privacy.MailChoices]
	grounds   map[string]string
	counts    map[string]string
	fields    map[string]string
	states    map[string]string
	until     string // of what is kept, with {until}
	fragments map[string]string
	words     map[Word][]string // the first is the one that mails ask for
	mails     map[privacy.Mail]PrivacyText
}

// errGap says that a mail was to be composed without something it has to say.
var errGap = errors.New("something it has to say is missing")

// NewPrivacyMails makes the composer with the operator's own texts by language
// and name of the mail, with or without "privacy." in front. A text that lacks
// what the mail has to say, or names what there is not, is refused.
func NewPrivacyMails(desk PrivacyDesk, texts map[string]map[string]PrivacyText) (*PrivacyMails, error) {
	p := &PrivacyMails{desk: desk, texts: map[string]map[privacy.Mail]parsedMail{}}
	for _, lang := range PrivacyLanguages() {
		w := privacyLanguages()[lang]
		p.texts[lang] = map[privacy.Mail]parsedMail{}
		for mail := range mailSpecs {
			own, name := texts[lang][string(mail)], strings.TrimPrefix(string(mail), "privacy.")
			if own == (PrivacyText{}) {
				own = texts[lang][name]
			}
			m, err := parseMail(w, mail, own)
			if err != nil {
				return nil, fmt.Errorf("privacy.texts.%s.%s: %w", lang, name, err)
			}
			p.texts[lang][mail] = m
		}
	}
	return p, known(texts)
}

// known refuses texts for languages and mails that there are not.
func known(texts map[string]map[string]PrivacyText) error {
	for lang, mails := range texts {
		if _, ok := privacyLanguages()[lang]; !ok {
			return fmt.Errorf("privacy.texts.%s: the languages are %s", lang, strings.Join(PrivacyLanguages(), ", "))
		}
		for name := range mails {
			if _, ok := mailSpecs[privacy.Mail("privacy."+strings.TrimPrefix(name, "privacy."))]; !ok {
				return fmt.Errorf("privacy.texts.%s.%s: there is no such mail", lang, name)
			}
		}
	}
	return nil
}

// CheckPrivacyTexts reports what is wrong with the operator's own texts.
func CheckPrivacyTexts(texts map[string]map[string]PrivacyText) error {
	_, err := NewPrivacyMails(PrivacyDesk{}, texts)
	return err
}

// parseMail reads the words of a mail, the operator's or ours, and sees that
// nothing is missing.
func parseMail(w *privacyWords, mail privacy.Mail, own PrivacyText) (parsedMail, error) {
	subject, body := w.mails[mail].Subject, w.hello+"\n\n"+w.mails[mail].Text+"\n\n"+w.bye
	if own.Subject != "" {
		subject = own.Subject
	}
	if strings.TrimSpace(own.Text) != "" {
		body = strings.TrimSpace(own.Text)
	}
	spec := mailSpecs[mail]
	var m parsedMail
	var err error
	if m.subject, err = parseTemplate(subject); err != nil {
		return m, fmt.Errorf("subject: %w", err)
	}
	if m.body, err = parseTemplate(body); err != nil {
		return m, fmt.Errorf("text: %w", err)
	}
	used := map[string]bool{}
	for _, n := range append(m.subject.names(nil), m.body.names(nil)...) {
		if _, fragment := w.fragments[n]; !fragment && !spec.knows(n) {
			return m, fmt.Errorf("there is nothing named {%s} in this mail", n)
		}
	}
	for _, n := range m.body.names(nil) {
		used[n] = true
	}
	for _, must := range spec.must {
		if !used[must] && !all(used, insteadOf[must]) {
			return m, fmt.Errorf("the text lacks {%s}: %s", must, elements[must])
		}
	}
	return m, nil
}

// all reports whether all of the names, and at least one, are there.
func all(used map[string]bool, names []string) bool {
	for _, n := range names {
		if !used[n] {
			return false
		}
	}
	return len(names) > 0
}

// Compose writes a mail in the language, or in English where there is none of
// it. args are those named beside the mail in package privacy; dates are
// written 2006-01-02, or with a time behind. It fails where an argument that
// the mail cannot do without is missing.
func (p *PrivacyMails) Compose(lang, mail string, args map[string]string) (PrivacyMail, error) {
	if privacy.Mail(mail) == privacy.MailRecipient {
		return p.recipient(lang, args)
	}
	m, err := p.compose(lang, privacy.Mail(mail), args)
	m.Answer = answers[privacy.Mail(mail)]
	return m, err
}

// answers follow at once from a mail of the person's (RFC 3834); all others
// come when their time has come, or when somebody decided.
var answers = map[privacy.Mail]bool{privacy.MailChallenge: true, privacy.MailAgain: true, privacy.MailChoices: true, privacy.MailReceipt: true,
	privacy.MailPlain: true, privacy.MailCancelled: true, privacy.MailStopped: true, privacy.MailLinked: true, privacy.MailConsent: true}

// recipient writes to a recipient of data in English and, under it, in the
// controller's language.
func (p *PrivacyMails) recipient(lang string, args map[string]string) (PrivacyMail, error) {
	m, err := p.compose("en", privacy.MailRecipient, args)
	if p.desk.Language != "" { // not the person's, in which all else of the request is written
		lang = p.desk.Language
	}
	if lang = spoken(lang); lang == "en" || err != nil {
		return m, err
	}
	own, err := p.compose(lang, privacy.MailRecipient, args)
	m.Text += "\n" + strings.Repeat("-", 64) + "\n\n" + own.Text
	m.HTML += "<hr>\n" + own.HTML
	return m, err
}

// spoken is the language as it is written here, English for all others.
func spoken(lang string) string {
	if lang = Base(lang); privacyLanguages()[lang] != nil {
		return lang
	}
	return "en"
}

func (p *PrivacyMails) compose(lang string, mail privacy.Mail, args map[string]string) (PrivacyMail, error) {
	lang = spoken(lang)
	parsed, ok := p.texts[lang][mail]
	if !ok {
		return PrivacyMail{}, fmt.Errorf("privacy mail %q: there is none", mail)
	}
	v, err := p.values(lang, mail, args)
	if err != nil {
		return PrivacyMail{}, fmt.Errorf("privacy mail %q: %w", mail, err)
	}
	w := privacyLanguages()[lang]
	polish := w.polish
	if polish == nil {
		polish = func(s string) string { return s }
	}
	f := filler{values: v, fragments: w.fragments}
	out := PrivacyMail{Language: lang, Subject: strings.Join(strings.Fields(polish(f.fill(parsed.subject))), " ")}
	body := w.begin(tidy(polish(f.fill(parsed.body))))
	footer, err := parseTemplate(w.footer)
	if err != nil {
		return PrivacyMail{}, err
	}
	foot := tidy(f.fill(footer))
	out.Text = body + "\n\n-- \n" + foot + "\n"
	out.HTML = htmlOf(body, lang) + "<hr>\n" + htmlOf(foot, lang)
	if f.missing != "" {
		return PrivacyMail{}, fmt.Errorf("privacy mail %q: %w: %s", mail, errGap, f.missing)
	}
	return out, nil
}

// begin writes the first letter after the greeting as the language has it.
func (w *privacyWords) begin(body string) string {
	rest, ok := strings.CutPrefix(body, w.hello+"\n\n")
	if !ok || !w.capital {
		return body
	}
	r, size := utf8.DecodeRuneInString(rest)
	return w.hello + "\n\n" + string(unicode.ToUpper(r)) + rest[size:]
}

// values is all that the words may name: the arguments put into the language,
// and who answers for the data.
func (p *PrivacyMails) values(lang string, mail privacy.Mail, args map[string]string) (map[string]string, error) {
	w, spec := privacyLanguages()[lang], mailSpecs[mail]
	v := map[string]string{"controller": p.desk.Controller, "contact": p.desk.Contact, "dpo": p.desk.DPO, "authority": p.desk.Authority}
	for _, name := range append(append([]string{"no", "rights"}, spec.args...), spec.optional...) {
		v[name] = w.value(name, strings.TrimSpace(args[name]), args)
	}
	if v["authority"] == "" {
		v["authority"] = w.any
	}
	if v["stop"] == "" {
		v["stop"] = plus(p.desk.Contact, "stop")
	}
	for name, word := range map[string]Word{"word": spec.word, "again": WordAgain, "plain": WordPlain} {
		if word != "" && spec.knows(name) && v[name] == "" {
			v[name] = w.words[word][0]
		}
	}
	for _, name := range spec.args {
		if v[name] == "" {
			return nil, fmt.Errorf("%w: %s", errGap, name)
		}
	}
	for _, name := range []string{"controller", "contact"} {
		if v[name] == "" {
			return nil, fmt.Errorf("%w: %s", errGap, name)
		}
	}
	return v, nil
}

// plus makes the plus-form of an address.
func plus(address, what string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok {
		return address
	}
	return local + "+" + what + "@" + domain
}

// PrivacyLanguages lists those in which the privacy desk writes; others get
// English.
func PrivacyLanguages() []string {
	var list []string
	for l := range privacyLanguages() {
		list = append(list, l)
	}
	sort.Strings(list)
	return list
}

func privacyLanguages() map[string]*privacyWords {
	return map[string]*privacyWords{"en": &privacyEN, "de": &privacyDE, "fr": &privacyFR, "es": &privacyES,
		"it": &privacyIT, "nl": &privacyNL, "pl": &privacyPL, "pt": &privacyPT}
}
