package mailtext

import (
	"maps"
	"strings"
	"testing"

	"postroom/privacy"
)

// Each mail to a data subject comes back in answers, and not always marked as
// quoted: whole, wrapped anew, behind a word of thanks. What we said is nobody's
// request, and what the writer says beside it still is.
func TestOwnMailsAreNoRequests(t *testing.T) {
	p, err := NewPrivacyMails(privacyTestDesk, map[string]map[string]PrivacyText{"en": {"cancelled": {Text: "We keep your records now.\n\nThe deletion of all your personal data that you wanted from us does not take place: please write again if you want us to erase all of your personal data.\n\n{contact} {no}"}}})
	if err != nil {
		t.Fatal(err)
	}
	ask := map[string]string{"en": "No. Please delete all my personal data.", "de": "Bitte löschen Sie alle meine personenbezogenen Daten.", "fr": "Veuillez effacer toutes mes données personnelles.",
		"es": "Por favor, borren todos mis datos personales.", "it": "Vi chiedo di cancellare tutti i miei dati personali.", "nl": "Verwijder alstublieft al mijn persoonsgegevens.",
		"pl": "Proszę usunąć wszystkie moje dane osobowe.", "pt": "Por favor, apaguem todos os meus dados pessoais."}
	for _, lang := range PrivacyLanguages() {
		for mail, base := range privacyArgs {
			if mail == privacy.MailRecipient {
				continue // goes to no data subject
			}
			args := map[string]string{"no": "P-2026-0001", "rights": "access erasure objection"}
			maps.Copy(args, base)
			for _, r := range []string{"access", "portability", "erasure", "rectification", "restriction", "objection", "consent-withdrawal"} {
				if mail == privacy.MailChoices {
					args["mailto."+r] = "mailto:privacy+" + r + "@desk.example?subject=" + r
				}
			}
			m, err := p.Compose(lang, string(mail), args)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(m.Text, "\n-- \n", "\n\n")
			for _, s := range []string{text, "Thanks!\n\n" + text, "CONFIRM\n" + rewrap(text, 60), text + "\n\nMany thanks\nAnn\n"} {
				subject, rest := p.Foreign("Re: "+m.Subject, s)
				if r := privacy.Recognise(subject, rest); r != nil && len(r.Rights) > 0 {
					t.Errorf("%s %s: %+v\n%s\n%s", lang, mail, *r, subject, rest)
				}
			}
			for _, s := range []string{ask[lang] + "\n\n" + text, rewrap(text, 70) + "\n\n" + ask[lang]} {
				subject, rest := p.Foreign("Re: "+m.Subject, s)
				if r := privacy.Recognise(subject, rest); r == nil || len(r.Rights) != 1 || r.Rights[0] != privacy.Erasure {
					t.Errorf("%s %s: the writer's own words are lost: %+v\n%s", lang, mail, r, rest)
				}
			}
		}
		// The person may use our words.
		for right, label := range privacyLanguages()[lang].labels {
			if subject, rest := p.Foreign(label, label); subject != label || rest != label {
				t.Errorf("%s %s: %q became %q, %q", lang, right, label, subject, rest)
			}
		}
	}
}

// rewrap breaks lines as other mail clients do.
func rewrap(s string, width int) string {
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		at := 0
		for _, w := range strings.Fields(line) {
			if at > 0 && at+len(w) > width {
				b.WriteByte('\n')
				at = 0
			} else if at > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(w)
			at += len(w) + 1
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func BenchmarkForeign(b *testing.B) {
	p, err := NewPrivacyMails(privacyTestDesk, nil)
	if err != nil {
		b.Fatal(err)
	}
	args := map[string]string{"no": "P-2026-0001", "rights": "access"}
	maps.Copy(args, privacyArgs[privacy.MailArchive])
	m, err := p.Compose("en", string(privacy.MailArchive), args)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(m.Text)))
	for b.Loop() {
		p.Foreign(m.Subject, m.Text)
	}
}
