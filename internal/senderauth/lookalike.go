package senderauth

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Lookalike says whether a domain may not be what it looks like to a person
// (docs/threats.md M10), and why: scripts mixed within a label, letters of another
// script that all pass for Latin ones, or characters that are not what they
// show. It takes Unicode or A-labels.
func Lookalike(domain string) (bool, string) {
	plain := true
	for i := 0; i < len(domain); i++ {
		plain = plain && domain[i] < 0x80
	}
	if plain && !strings.Contains(lower(domain), "xn--") {
		return false, ""
	}
	uni, err := idna.Lookup.ToUnicode(domain)
	if err != nil {
		return true, "not a valid international domain name"
	}
	if !plain {
		for _, r := range domain {
			if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) {
				return true, "contains invisible characters"
			}
		}
		if composed := norm.NFC.String(domain); !strings.EqualFold(norm.NFKC.String(composed), composed) {
			return true, "contains letters that stand for others"
		}
	}
	labels := strings.Split(uni, ".")
	for i, label := range labels {
		if why := oddLabel(label, labels[i+1:]); why != "" {
			return true, why
		}
	}
	return false, ""
}

// oddLabel judges one label in Unicode; above are the labels above it.
func oddLabel(label string, above []string) string {
	scripts := map[string]bool{}
	passes, letters := true, 0 // passes: every letter looks Latin
	for _, r := range label {
		s := scriptOf(r)
		if s == "" {
			continue
		}
		scripts[s] = true
		letters++
		_, like := latinTwin[r]
		passes = passes && like
	}
	switch {
	case mixed(scripts):
		return "mixes letters of different scripts"
	case letters > 0 && passes && !scripts["Latin"] && !sameScript(above, scripts):
		return "letters of another script that look Latin"
	}
	return ""
}

// sameScript says whether the top of the name is of the label's own script,
// as in пример.рф, where nobody expects Latin.
func sameScript(above []string, scripts map[string]bool) bool {
	if len(above) == 0 {
		return false
	}
	for _, r := range above[len(above)-1] {
		if s := scriptOf(r); s != "" && !scripts[s] {
			return false
		}
	}
	return true
}

// mixed says whether scripts stand together that no language writes together
// (after the "highly restrictive" level of UTS 39).
func mixed(scripts map[string]bool) bool {
	if len(scripts) < 2 {
		return false
	}
	for _, together := range [][]string{
		{"Latin", "Han", "Hiragana", "Katakana"},
		{"Latin", "Han", "Hangul"},
		{"Latin", "Han", "Bopomofo"},
	} {
		rest := len(scripts)
		for _, s := range together {
			if scripts[s] {
				rest--
			}
		}
		if rest == 0 {
			return false
		}
	}
	return true
}

var scriptTables = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"Latin", unicode.Latin}, {"Cyrillic", unicode.Cyrillic}, {"Greek", unicode.Greek},
	{"Armenian", unicode.Armenian}, {"Han", unicode.Han}, {"Hiragana", unicode.Hiragana},
	{"Katakana", unicode.Katakana}, {"Hangul", unicode.Hangul}, {"Bopomofo", unicode.Bopomofo},
	{"Hebrew", unicode.Hebrew}, {"Arabic", unicode.Arabic}, {"Cherokee", unicode.Cherokee},
	{"Thai", unicode.Thai}, {"Devanagari", unicode.Devanagari}, {"Georgian", unicode.Georgian},
}

// scriptOf names the script of a letter, "" for what belongs to all.
func scriptOf(r rune) string {
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for _, s := range scriptTables {
		if unicode.Is(s.table, r) {
			return s.name
		}
	}
	return "other"
}

// latinTwin maps letters to the Latin ones that a reader takes them for.
var latinTwin = map[rune]string{
	// Cyrillic
	'а': "a", 'ь': "b", 'с': "c", 'ԁ': "d", 'е': "e", 'ё': "e", 'ҽ': "e", 'ғ': "f", 'ɡ': "g", 'һ': "h",
	'і': "i", 'ї': "i", 'ј': "j", 'к': "k", 'ӏ': "l", 'м': "m", 'п': "n", 'о': "o", 'р': "p", 'ԛ': "q",
	'г': "r", 'ѕ': "s", 'т': "t", 'ц': "u", 'ѵ': "v", 'ԝ': "w", 'х': "x", 'у': "y", 'ү': "y", 'ӡ': "3",
	// Greek
	'α': "a", 'β': "b", 'ε': "e", 'η': "n", 'ι': "i", 'κ': "k", 'ν': "v", 'ο': "o", 'ρ': "p",
	'τ': "t", 'υ': "u", 'χ': "x", 'γ': "y", 'ω': "w", 'ϲ': "c", 'ϳ': "j", 'σ': "o",
	// Armenian
	'օ': "o", 'ս': "u", 'հ': "h", 'ո': "n", 'ց': "g", 'զ': "q",
	// Latin
	'ı': "i", 'ł': "l", 'ø': "o", 'đ': "d", 'ħ': "h", 'ŧ': "t",
}

// Known are domains that others may imitate.
type Known struct {
	own   map[string]bool   // the domains themselves
	drawn map[string]string // what each looks like
}

// NewKnown takes domains; those that are none are left out.
func NewKnown(domains []string) *Known {
	k := &Known{own: make(map[string]bool), drawn: make(map[string]string)}
	for _, name := range domains {
		if d, err := Domain(name); err == nil && !k.own[d] {
			k.own[d] = true
			k.drawn[skeleton(d)] = name
		}
	}
	return k
}

// Imitated says which of the domains the given one imitates: not the same, but
// drawn the same (rn for m, 0 for o, letters of other scripts, accents). Empty
// when it imitates none.
func (k *Known) Imitated(domain string) string {
	d, err := Domain(domain)
	if err != nil || k.own[d] {
		return ""
	}
	return k.drawn[skeleton(d)]
}

// drawnAs are pairs of letters that look like one.
var drawnAs = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d")

// skeleton is a domain, in A-labels, as it is drawn.
func skeleton(domain string) string {
	uni := domain
	if strings.Contains(domain, "xn--") {
		if u, err := idna.Lookup.ToUnicode(domain); err == nil {
			uni = norm.NFD.String(u)
		}
	}
	var b strings.Builder
	b.Grow(len(uni))
	for _, r := range uni {
		switch {
		case r >= 0x80 && unicode.Is(unicode.Mn, r):
		case r >= 0x80 && latinTwin[r] != "":
			b.WriteString(latinTwin[r])
		case r == '0':
			b.WriteByte('o')
		case r == '1', r == 'i':
			b.WriteByte('l')
		default:
			b.WriteRune(r)
		}
	}
	s := strings.ReplaceAll(b.String(), "i", "l")
	return drawnAs.Replace(s)
}
