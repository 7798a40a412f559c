package privacydesk

import (
	"crypto/md5" // avatars are named by it
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"postroom/privacy"
	"postroom/tickets"
)

// pattern is one form in which somebody stands in a text, folded.
type pattern struct {
	text    string
	address bool // replaced by an address
	within  bool // also within a word
	proper  bool // an everyday word too: only where it begins with a capital
}

// patternsOf are all forms of an identity that are looked for.
func patternsOf(who privacy.Identity) []pattern {
	var out []pattern
	add := func(p pattern) {
		if p.text != "" && !slices.ContainsFunc(out, func(q pattern) bool { return q.text == p.text }) {
			out = append(out, p)
		}
	}
	for _, a := range who.Addresses {
		addressPatterns(a, add)
	}
	for _, n := range who.Names {
		namePatterns(n, add)
	}
	return out
}

// everydayLocal are local parts that say nothing about anybody.
var everydayLocal = map[string]bool{
	"info": true, "mail": true, "contact": true, "kontakt": true, "office": true, "support": true, "sales": true, "service": true, "admin": true, "hello": true,
	"post": true, "team": true, "billing": true, "help": true, "privacy": true, "webmaster": true, "postmaster": true, "noreply": true, "newsletter": true, "orders": true, "user": true, "test": true,
}

func addressPatterns(address string, add func(pattern)) {
	local, domain, ok := tickets.SplitAddress(strings.TrimSpace(address))
	if !ok {
		return
	}
	domains := []string{domain}
	if d, err := idna.Lookup.ToASCII(domain); err == nil {
		domains = append(domains, d)
	}
	if d, err := idna.Lookup.ToUnicode(domain); err == nil {
		domains = append(domains, d)
	}
	for _, d := range domains {
		for _, at := range []string{"@", "=40", "=", " at ", "(at)", " (at) ", "[at]", " [at] "} {
			add(pattern{text: foldString(local + at + d), address: at == "@"})
		}
	}
	base, _, tagged := strings.Cut(local, "+")
	if tagged && len(base) >= 4 && !everydayLocal[strings.ToLower(base)] {
		add(pattern{text: foldString(base)})
	}
	if len(local) >= 4 && !everydayLocal[strings.ToLower(local)] {
		add(pattern{text: foldString(local), proper: everydayName[strings.ToLower(local)]})
	}
	// What was made of the address by machines.
	for _, a := range []string{address, strings.ToLower(address)} {
		m, s1, s2 := md5.Sum([]byte(a)), sha1.Sum([]byte(a)), sha256.Sum256([]byte(a))
		for _, b := range [][]byte{m[:], s1[:], s2[:], []byte(a)} {
			add(pattern{text: hex.EncodeToString(b), within: true})
		}
		for shift := range 3 {
			coded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), a...))
			coded = strings.ToLower(coded[(shift*8+5)/6 : len(coded)-1])
			add(pattern{text: coded, within: true})
			add(pattern{text: strings.NewReplacer("+", "-", "/", "_").Replace(coded), within: true})
		}
	}
}

// titles stand in front of names and are nobody's.
var titles = map[string]bool{
	"dr": true, "prof": true, "mr": true, "mrs": true, "ms": true, "miss": true, "herr": true, "frau": true, "madame": true, "monsieur": true, "mme": true, "sir": true, "lady": true,
	"senor": true, "senora": true, "signor": true, "signora": true, "pan": true, "pani": true, "mevrouw": true, "meneer": true, "von": true, "van": true, "der": true, "den": true, "del": true,
	"della": true, "dos": true, "the": true, "and": true, "und": true, "gmbh": true, "ltd": true, "inc": true, "via": true, "team": true, "support": true, "dipl": true, "ing": true, "jun": true, "sen": true,
}

// everydayName are names that are words as well: masked where they begin with
// a capital letter.
var everydayName = map[string]bool{
	"will": true, "mark": true, "may": true, "june": true, "april": true, "august": true, "grace": true, "rose": true, "art": true, "bill": true, "frank": true, "jack": true, "joy": true, "hope": true,
	"faith": true, "sue": true, "pat": true, "rob": true, "drew": true, "ray": true, "dawn": true, "long": true, "young": true, "king": true, "white": true, "brown": true, "black": true, "green": true,
	"gray": true, "stone": true, "wood": true, "hill": true, "price": true, "page": true, "post": true, "bank": true, "ernst": true, "gross": true, "klein": true, "lang": true, "kurz": true, "jung": true,
	"alt": true, "reich": true, "stark": true, "kaiser": true, "berg": true, "bach": true, "baum": true, "stein": true, "wolf": true, "fuchs": true, "vogel": true, "engel": true, "sommer": true, "winter": true,
	"sonntag": true, "montag": true, "petit": true, "grand": true, "blanc": true, "noir": true, "rey": true, "leon": true, "cruz": true, "luz": true, "paz": true, "sol": true, "mar": true, "bosco": true,
	"rossi": true, "bianchi": true, "groot": true, "jong": true, "wit": true, "bruin": true, "more": true, "best": true, "read": true, "ford": true, "case": true, "sharp": true, "small": true, "love": true,
	"summer": true, "sunny": true, "skye": true, "ruby": true, "pearl": true, "iris": true, "ivy": true, "lily": true, "olive": true, "violet": true, "chance": true, "chase": true, "hunter": true, "mason": true,
	"carter": true, "cook": true, "baker": true, "miller": true, "smith": true, "taylor": true, "turner": true, "walker": true, "fisher": true, "mailer": true, "gast": true, "kunde": true, "client": true,
}

func namePatterns(name string, add func(pattern)) {
	name = strings.TrimSpace(name)
	if strings.Contains(name, "@") {
		return
	}
	for _, n := range []string{name, umlauts.Replace(name)} {
		words := strings.FieldsFunc(n, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;()\"'“”„", r) })
		words = slices.DeleteFunc(words, func(w string) bool { return titles[strings.TrimRight(foldString(w), ".")] })
		if len(words) == 0 {
			continue
		}
		if len(words) > 1 {
			first, last := strings.Join(words[:len(words)-1], " "), words[len(words)-1]
			for _, whole := range []string{first + " " + last, last + ", " + first, last + " " + first, last + "," + first, first + last, first + "." + last, first + "_" + last, first + "-" + last} {
				add(pattern{text: foldString(whole)})
			}
		}
		for _, w := range words {
			for _, part := range append(strings.Split(w, "-"), w) {
				f := foldString(part)
				n := utf8.RuneCountInString(f)
				if n >= 3 || n >= 2 && unspaced(firstRune(f)) {
					add(pattern{text: f, proper: everydayName[f]})
				}
			}
		}
	}
}

// umlauts is how people write German and Nordic names without their letters.
var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue", "å", "aa", "Å", "Aa", "ø", "oe", "Ø", "Oe")

// unspaced says whether words of the script stand without spaces.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

func firstRune(s string) rune { r, _ := utf8.DecodeRuneInString(s); return r }

func lastRune(s string) rune { r, _ := utf8.DecodeLastRuneInString(s); return r }

// hit is where a pattern stands in the folded text.
type hit struct {
	from, to int
	address  bool
}

// find returns where the patterns stand, from left to right, without overlaps.
func find(f *folded, list []pattern) []hit {
	var hits []hit
	text := string(f.b)
	for _, p := range list {
		for at := 0; ; {
			i := strings.Index(text[at:], p.text)
			if i < 0 {
				break
			}
			i += at
			if end := i + len(p.text); p.within || f.stands(text, p, i, end) {
				hits = append(hits, hit{i, end, p.address})
				at = end
				continue
			}
			at = i + 1
		}
	}
	sort.Slice(hits, func(i, j int) bool {
		if hits[i].from != hits[j].from {
			return hits[i].from < hits[j].from
		}
		return hits[i].to > hits[j].to
	})
	out := hits[:0]
	for _, h := range hits {
		if n := len(out); n > 0 && h.from < out[n-1].to {
			continue
		}
		out = append(out, h)
	}
	return out
}

// stands says whether what was found is a word, or an address, of its own.
func (f *folded) stands(text string, p pattern, from, to int) bool {
	before, after := lastRune(text[:from]), firstRune(text[to:])
	if from > 0 && wordRune(before) && !unspaced(firstRune(p.text)) {
		return false
	}
	if to < len(text) && wordRune(after) && !unspaced(lastRune(p.text)) {
		next := firstRune(text[min(to+1, len(text)):])
		if p.address || after != 's' || to+1 < len(text) && wordRune(next) { // a genitive stands
			return false
		}
	}
	if p.address {
		// "x.anna@…" and "…@example.org.uk" are somebody else's.
		if (before == '.' || before == '+' || before == '-') && from > 1 && wordRune(lastRune(text[:from-1])) {
			return false
		}
		if rest := text[to:]; len(rest) > 1 && (rest[0] == '.' || rest[0] == '-') && wordRune(firstRune(rest[1:])) && !fileEnding(rest) {
			return false
		}
	}
	return !p.proper || f.capital(from)
}

// fileEnding says whether an address is followed by what names a file.
func fileEnding(rest string) bool {
	for _, e := range []string{".pdf", ".eml", ".txt", ".csv", ".ics", ".vcf", ".zip", ".jpg", ".png", ".html", ".htm", ".doc", ".docx", ".mbox", ".msg"} {
		if strings.HasPrefix(rest, e) && (len(rest) == len(e) || !wordRune(firstRune(rest[len(e):]))) {
			return true
		}
	}
	return false
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
