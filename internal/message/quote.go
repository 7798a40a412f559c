package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// attribution is what introduces a quote: "On Monday, Ann wrote:", on one line
// or wrapped over several.
type attribution struct {
	start     int    // its first line
	prefix    string // own text that stands before it on that line
	strong    bool   // beyond doubt even if no marked quote follows
	quoteNext bool   // a marked quote follows
}

// lineFacts are what the words of an attribution are made of. They add up
// over the lines of a wrapped one.
type lineFacts struct {
	date      bool // a time, a full date or a year
	time      bool // a time of day
	address   bool // something with an @
	bracketed bool // the address in brackets
	wrote     bool // a word for "wrote"
	said      bool // a word that may also be of ordinary text
	wroteLast bool // and it stands at the end
	opens     bool // begins as attributions do: a preposition or a date
	colon     bool // ends with a colon
	dashed    bool // stands between dashes
}

// maxAttributionLines is how far a mail program wraps an attribution.
const maxAttributionLines = 5

// attribution looks whether line e ends an attribution.
func (sc *replyScan) attribution(e int) (attribution, bool) {
	low := cleanAttribution(sc.lines[e].s)
	if low == "" || len(low) > 500 {
		return attribution{}, false
	}
	a := attribution{start: e}
	f := factsOf(low)
	f.dashed = isDashed(sc.lines[e].s)
	if !f.colon && !f.dashed && !f.wroteLast && !(f.address && f.bracketed) {
		return a, false
	}
	a.quoteNext = sc.quoteFollows(e)
	if !f.colon && !f.dashed && !f.wroteLast && !a.quoteNext {
		return a, false
	}
	sum, size := f, len(low)
	var dateless *attribution
	for k := e; ; k-- {
		if k < e {
			if k < 0 || e-k >= maxAttributionLines || !sc.joins(k) {
				break
			}
			l := cleanAttribution(sc.lines[k].s)
			if size += len(l); l == "" || size > 700 {
				if l == "" {
					continue
				}
				break
			}
			above := factsOf(l)
			sum.date = sum.date || above.date
			sum.time = sum.time || above.time
			sum.address = sum.address || above.address
			sum.bracketed = sum.bracketed || above.bracketed
			sum.wrote = sum.wrote || above.wrote
			sum.said = sum.said || above.said
			sum.opens = above.opens
		}
		if sum.opens && sum.accepted(a.quoteNext, &a.strong) {
			a.start = k
			if sum.date {
				return a, true
			}
			// A preposition alone may be a name or a word: look further up
			// for the date.
			if dateless == nil {
				found := a
				dateless = &found
			}
		}
		if k >= e-1 {
			if p, ok := splitSharedLine(sc.lines[k].s); ok && sum.wrote && sum.address {
				sum.opens, sum.date, sum.time = true, true, true
				if sum.accepted(a.quoteNext, &a.strong) {
					a.start, a.prefix = k, p
					return a, true
				}
				sum.opens = false
			}
		}
	}
	if dateless != nil {
		return *dateless, true
	}
	a.start, a.strong = e, false
	return sc.nameFirst(e, low, f, a)
}

// joins reports whether line k can be part of an attribution that goes on
// below it.
func (sc *replyScan) joins(k int) bool {
	switch sc.lines[k].kind {
	case lineText:
		return len(sc.lines[k].s) < 300
	case lineBlank:
		// Polymail breaks the address off with a blank line.
		below := trimLineLeft(sc.lines[k+1].s)
		return strings.HasPrefix(below, "<") && k > 0 && sc.lines[k-1].kind == lineText
	}
	return false
}

// accepted judges an attribution that begins as one.
func (f *lineFacts) accepted(quoteNext bool, strong *bool) bool {
	wrote := f.wrote || (f.said && f.address)
	switch {
	case f.colon && f.date && (wrote && (f.time || f.address) || f.bracketed),
		f.dashed && wrote && f.date,
		f.wroteLast && f.date && f.address:
		*strong = true
		return true
	case quoteNext:
		return f.colon && (wrote || f.address || f.date) || f.date && f.bracketed
	}
	return false
}

// nameFirst judges line e alone as an attribution that begins with the name:
// "Ann <ann@example.org> wrote:", "---- Ann wrote ----", "Quoting Ann <…>:".
func (sc *replyScan) nameFirst(e int, low string, f lineFacts, a attribution) (attribution, bool) {
	switch {
	case f.bracketed && f.wrote && (f.colon || f.dashed) && (f.wroteLast || f.date):
		a.strong = true
	case f.dashed && f.wrote:
		a.strong = true
	case !a.quoteNext || !f.colon:
		return a, false
	case f.bracketed, f.wrote && (f.date || f.address):
	case f.wrote && f.wroteLast && namesAuthor(sc.lines[e].s):
	default:
		opens := false
		for _, q := range quotedBy {
			opens = opens || strings.HasPrefix(low, q)
		}
		if !opens {
			return a, false
		}
	}
	// The name may be on the line above: "Ann Example <\nann@example.org> wrote:".
	if f.bracketed && e > 0 && sc.lines[e-1].kind == lineText && (low[0] == '<' || strings.HasSuffix(sc.lines[e-1].s, "<")) &&
		len(sc.lines[e-1].s) < 60 && (e < 2 || sc.lines[e-2].kind != lineText) {
		a.start = e - 1
	}
	return a, true
}

// namesAuthor reports whether the words before the last are a name, as in
// "Ann Example wrote:", not a pronoun as in "You wrote:".
func namesAuthor(s string) bool {
	words := strings.Fields(trimLineLeft(s))
	if len(words) < 2 || len(words) > 6 {
		return false
	}
	if _, pronoun := pronouns[strings.ToLower(words[0])]; pronoun {
		return false
	}
	for _, w := range words[:len(words)-1] {
		r, _ := utf8.DecodeRuneInString(strings.TrimLeft(w, `"'(“„«`))
		if isLowerRune(r) {
			return false
		}
	}
	return true
}

var pronouns = wordSet(`i you he she we they as it who ich du er sie wir ihr wie il elle je tu nous vous ils comme
	yo tú usted él ella como io lei lui come noi ik jij u hij zij zoals jag han hon ni som ja ty on ona вы он она я мы как ви він вона`)

// sharedLeads are the words that begin an attribution in the middle of a line.
var sharedLeads = []string{"On ", "Am ", "Le ", "El ", "Il ", "Op ", "Em ", "Den "}

// splitSharedLine finds own text and an attribution on one line: "yes On Wed,
// Apr 4, 2012 at 3:59 PM, bob@example.com wrote:". It returns the own text.
func splitSharedLine(s string) (prefix string, ok bool) {
	for _, lead := range sharedLeads {
		i := strings.LastIndex(s, lead)
		if i < 1 || strings.IndexByte(" -\t_", s[i-1]) < 0 {
			continue
		}
		rest := s[i+len(lead):]
		if len(rest) > 24 {
			rest = rest[:24]
		}
		if !strings.ContainsAny(rest, "0123456789") {
			continue
		}
		if p := strings.TrimRight(s[:i], " -\t_"); strings.IndexByte(p, '@') < 0 && trimLineLeft(p) != "" {
			return p, true
		}
	}
	return "", false
}

// endsWrapped reports whether a line that begins with > is the end of a
// wrapped attribution, not a quote: "> wrote:" or ">:".
func endsWrapped(t string) bool {
	if len(t) > 40 || t[len(t)-1] != ':' || (len(t) > 1 && t[1] == '>') {
		return false
	}
	rest := strings.TrimSpace(t[1 : len(t)-1])
	if rest == "" {
		return true
	}
	f := factsOf(strings.ToLower(rest))
	return f.wrote && f.wroteLast && len(strings.Fields(rest)) <= 3
}

// cleanAttribution prepares a line for factsOf: lower case, without marks of
// direction and decoration, with digits of other scripts made ASCII.
func cleanAttribution(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			ascii = false
			break
		}
	}
	if ascii {
		s = strings.TrimLeft(s, " \t-_=*>~|")
		s = strings.TrimRight(s, " \t-_=*~|")
		return strings.ToLower(s)
	}
	s = strings.Map(plainRune, s)
	s = strings.TrimLeft(s, " \t-_=*>~|‐‑‒–—―")
	s = strings.TrimRight(s, " \t-_=*~|‐‑‒–—―")
	return strings.ToLower(s)
}

// plainRune drops marks of direction and maps digits and colons to ASCII.
func plainRune(r rune) rune {
	switch {
	case isDirectionMark(r):
		return -1
	case r == '\u00A0', r == '\u202F', r == '\u2009':
		return ' '
	case r == '：':
		return ':'
	case r >= '٠' && r <= '٩':
		return '0' + r - '٠'
	case r >= '۰' && r <= '۹':
		return '0' + r - '۰'
	case r >= '०' && r <= '९':
		return '0' + r - '०'
	case r >= '０' && r <= '９':
		return '0' + r - '０'
	}
	return r
}

func isDirectionMark(r rune) bool {
	return r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0xFEFF || r == 0x061C
}

// isDashed reports whether a line stands between dashes.
func isDashed(s string) bool {
	s = strings.TrimSpace(s)
	return len(s) > 6 && strings.HasPrefix(s, "--") && strings.HasSuffix(s, "--")
}

func isLowerRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z'
	}
	return unicode.IsLower(r)
}
