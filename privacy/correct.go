package privacy

import (
	"strings"

	"postroom/tickets"
)

// NamesMarketing reports whether the words of an objection speak of
// advertising, newsletters or profiling for them: that objection is absolute
// and works at once (Article 21(2) and (3)).
func NamesMarketing(text string) bool {
	own, _ := ownAndQuoted(text[:min(len(text), MaxText)])
	f := fold("", own)
	hits, scores := f.lookUp()
	e := newEvaluation(f, false)
	for _, l := range candidates(scores) {
		e.read(hits, l)
		for _, w := range e.all {
			if w.mask&(cMarketing|cUnsub) != 0 {
				return true
			}
		}
	}
	return false
}

// Labels under which people write a correction on a line of its own.
var (
	nameLabels = []string{"name", "full name", "new name", "correct name", "my name", "right name", "neuer name", "richtiger name", "mein name", "korrekter name",
		"nom", "nouveau nom", "mon nom", "nom correct", "nombre", "nuevo nombre", "nombre correcto", "mi nombre", "nome", "nuovo nome", "nome corretto", "novo nome",
		"nome correto", "naam", "nieuwe naam", "juiste naam", "imie i nazwisko", "nazwisko", "nowe nazwisko", "poprawne nazwisko"}
	addressLabels = []string{"new address", "new email", "new e mail", "new mail address", "new email address", "new e mail address", "correct email", "neue adresse", "neue e mail",
		"neue email", "neue mailadresse", "neue e mail adresse", "nouvelle adresse", "nouvel e mail", "nouvelle adresse e mail", "nuevo correo", "nueva direccion", "nuevo email",
		"nuovo indirizzo", "nuova email", "nuova e mail", "nieuw adres", "nieuw e mailadres", "nieuwe e mail", "nowy adres", "nowy adres e mail", "nowy e mail", "novo email", "novo e mail", "novo endereco"}
)

// maxCorrections bounds what is read out of a mail.
const maxName = 120

// Corrections reads what somebody spells out on lines such as "New name: Ann
// Lee" or "New email: ann@example.org". Whatever is told in another way, or
// twice, is the officer's to understand.
func Corrections(text, address string) []Fix {
	own, _ := ownAndQuoted(text[:min(len(text), MaxText)])
	var out []Fix
	for line := range strings.SplitSeq(own, "\n") {
		label, value, ok := strings.Cut(line, ":")
		if !ok || len(label) > 60 {
			continue
		}
		key := foldLabel(label)
		value = strings.Trim(strings.TrimSpace(value), "\"“”„«»'.,;* ")
		fix := Fix{New: value}
		switch {
		case contains(addressLabels, key):
			value = strings.Trim(value, "<>")
			local, domain, ok := tickets.SplitAddress(value)
			if !ok || strings.ContainsAny(value, " \t,;<>()") || len(value) > 254 || tickets.FoldAddress(value) == tickets.FoldAddress(address) {
				continue
			}
			fix = Fix{Field: "address", Old: address, New: local + "@" + strings.ToLower(domain)}
		case contains(nameLabels, key):
			if value == "" || len(value) > maxName || strings.ContainsAny(value, "@:/\\<>|{}") {
				continue
			}
			fix.Field = "name"
		default:
			continue
		}
		for _, f := range out {
			if f.Field == fix.Field {
				return nil
			}
		}
		out = append(out, fix)
	}
	return out
}

func contains(list []string, s string) bool {
	for _, w := range list {
		if w == s {
			return true
		}
	}
	return false
}

// foldLabel is a label in lower case without accents, its words apart by one
// space.
func foldLabel(s string) string {
	f := fold("", s)
	var words []string
	for _, t := range f.tokens {
		words = append(words, string(f.word(t)))
	}
	return strings.Join(words, " ")
}
