package message

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// headerColon returns where the colon after a possible header name stands,
// or -1.
func headerColon(t string) int {
	if len(t) > 64 {
		t = t[:64]
	}
	i := strings.IndexByte(t, ':')
	if w := strings.IndexByte(t, 0xEF); w >= 0 && (i < 0 || w < i) && strings.HasPrefix(t[w:], "：") {
		i = w
	}
	if i <= 0 || strings.IndexByte(t[:i], '@') >= 0 || strings.IndexByte(t[:i], '<') >= 0 {
		return -1
	}
	return i
}

// headerKey reads the header name before the colon of a line, and gives its
// class, or 0, and the value.
func headerKey(t string, colon int) (headerClass, string) {
	value := t[colon+1:]
	if t[colon] != ':' {
		value = t[colon+len("："):]
	}
	return headerClassOf(t[:colon]), value
}

// headerClassOf looks a header name up, in any case and with decoration.
func headerClassOf(key string) headerClass {
	key = strings.Trim(key, " \t*_|")
	if key == "" || len(key) > 48 {
		return 0
	}
	var buf [48]byte
	for i := 0; i < len(key); i++ {
		c := key[i]
		if c >= 0x80 {
			return headerWords[strings.Trim(cleanAttribution(key), "• \u3000")]
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return headerWords[string(buf[:len(key)])]
}

// headerBlock reports whether line i begins the header block that Outlook and
// its kin put above a quoted message. Names may be translated or bold, lines
// may be missing, wrapped or blank between.
func (sc *replyScan) headerBlock(i int) bool {
	var classes headerClass
	var address, date, blank bool
	gap := 0
	for j := i; j < len(sc.lines) && j < i+24; j++ {
		t := trimLineLeft(sc.lines[j].s)
		if t == "" {
			if blank {
				break
			}
			blank = true
			continue
		}
		if len(t) > 2000 || t[0] == '>' {
			break
		}
		if colon := headerColon(t); colon > 0 {
			if class, value := headerKey(t, colon); class != 0 {
				classes |= class
				if class != hdrSubject {
					found, _ := hasAddress(value)
					address = address || found
				}
				inside := keysInside(value)
				if classes |= inside; class == hdrSent || inside&hdrSent != 0 {
					dated, _ := hasDate(cleanAttribution(value))
					date = date || dated
				}
				gap, blank = 0, false
				continue
			}
		}
		if blank {
			break
		}
		found, _ := hasAddress(t)
		if address = address || found; !found {
			gap++
		}
		if gap > 2 {
			break
		}
	}
	kinds := bits.OnesCount8(uint8(classes &^ hdrCc))
	ruled := i > 0 && sc.ruleAbove(i)
	switch {
	case kinds >= 3:
		return address || ruled || classes&hdrSubject != 0
	case kinds == 2:
		return ruled || address && date || address && classes&(hdrFrom|hdrSubject) == hdrFrom|hdrSubject
	}
	return false
}

// keysInside returns the classes of further header names within a line, for
// blocks whose line ends were lost: "From: a@example.org Date: Mon, 1 May".
func keysInside(value string) headerClass {
	var classes headerClass
	for at, n := 0, 0; n < 8; n++ {
		i := strings.IndexByte(value[at:], ':')
		if i < 0 || at+i > 400 {
			break
		}
		head := strings.TrimRight(value[at:at+i], " \u00A0*")
		if sp := strings.LastIndexByte(head, ' '); sp >= 0 && at+i+1 < len(value) && strings.IndexByte(" \t*", value[at+i+1]) >= 0 {
			if class, _ := headerKey(head[sp+1:]+":", len(head)-sp-1); class != 0 {
				classes |= class
			}
		}
		at += i + 1
	}
	return classes
}

// ruleAbove reports whether a separating line stands right above line i.
func (sc *replyScan) ruleAbove(i int) bool {
	for k := i - 1; k >= 0 && k >= i-3; k-- {
		if t := trimLineLeft(sc.lines[k].s); t != "" {
			return isRule(t)
		}
	}
	return false
}

// isDash reports whether s begins with one of the dashes and lines that are
// not ASCII.
func isDash(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r >= 0x2010 && r <= 0x2015 || r == '─' || r == '━' || r == '⸻'
}

const ruleCutset = "-_=*~#+ \t‐‑‒–—―─━⸻"

// isRule reports whether a line is nothing but a separator.
func isRule(s string) bool {
	s = trimLineLeft(s)
	if s == "" || len(s) > 400 {
		return false
	}
	if first, last := s[0], s[len(s)-1]; first < 0x80 && !isRuleByte(first) || last < 0x80 && !isRuleByte(last) {
		return false
	}
	return strings.Trim(s, ruleCutset) == ""
}

func isRuleByte(c byte) bool {
	switch c {
	case '-', '_', '=', '*', '~', '#', '+', ' ', '\t':
		return true
	}
	return false
}

// decorated deals with a line that begins with dashes or the like: a rule, a
// signature delimiter, a separator with words, our reply line.
func (sc *replyScan) decorated(i int, t string) bool {
	last := t[len(t)-1]
	if len(t) > 400 || len(t) > 2 && last < 0x80 && !isRuleByte(last) && last != ']' && last != '>' && last != '|' && last != ':' && !strings.Contains(t, "above this") {
		return false // "- an item of a list"
	}
	inner := strings.Trim(t, ruleCutset+"<>[]|")
	if inner == "" {
		if strings.Trim(t, ruleCutset) != "" {
			return false
		}
		sc.delims = append(sc.delims, i)
		sc.lines[i].kind = lineText
		sc.own++
		return true
	}
	if len(inner) > 160 {
		return false
	}
	if isReplyLine(t) {
		return sc.replyLine(i)
	}
	if t[0] != '-' && t[0] != '_' && t[0] != '=' && t[0] != '*' && t[0] < 0x80 {
		return false
	}
	low := strings.TrimRight(cleanAttribution(inner), ": ")
	closed := len(t) > len(inner)+3
	if _, ok := forwardPhrases[low]; ok && closed {
		sc.passOn(i)
		return true
	}
	if strings.HasPrefix(low, "forwarded by ") && closed {
		sc.passOn(i)
		return true
	}
	if sc.passedOn {
		return false
	}
	if _, ok := originalPhrases[low]; ok && closed {
		if sc.own == 0 && sc.attributionFollows(i) {
			sc.lines[i].kind = lineGone
			sc.touched = true
			return true
		}
		return sc.cut(i)
	}
	// Dashes around a few words in a language we have no word of, and a
	// header block below.
	if isDashed(t) && strings.Count(low, " ") < 6 && i+1 < len(sc.lines) {
		for k := i + 1; k < len(sc.lines) && k <= i+2; k++ {
			b := trimLineLeft(sc.lines[k].s)
			if b == "" {
				continue
			}
			if colon := headerColon(b); colon > 0 {
				if class, _ := headerKey(b, colon); class != 0 && sc.headerBlock(k) {
					return sc.cut(i)
				}
			}
			break
		}
	}
	return false
}

// attributionFollows reports whether a marked quote with an attribution stands
// right below line i.
func (sc *replyScan) attributionFollows(i int) bool {
	for k := i + 1; k < len(sc.lines) && k <= i+3; k++ {
		if trimLineLeft(sc.lines[k].s) == "" {
			continue
		}
		if a, ok := sc.attribution(k); ok && a.quoteNext {
			return true
		}
	}
	return false
}

// isForwardPhrase reports whether a line that ends with a colon announces a
// message that is passed on, as Apple Mail does.
func isForwardPhrase(t string) bool {
	if len(t) > 80 {
		return false
	}
	_, ok := forwardPhrases[strings.TrimRight(cleanAttribution(t), ": ")]
	return ok
}

// abovePhrases are how helpdesks ask to answer above a line.
var abovePhrases = []string{
	"reply above this line", "reply above the line", "write above this line", "above this line to reply", "text above this line", "type above this line",
	"reply above here", "reply above this", "your reply above", "above this line", "über dieser zeile", "oberhalb dieser zeile", "oberhalb der linie", "oberhalb dieser linie",
	"au-dessus de cette ligne", "por encima de esta línea", "sobre esta línea", "encima de esta linea", "sopra questa riga", "sopra questa linea", "boven deze regel", "boven deze lijn",
	"powyżej tej linii", "acima desta linha", "ovanför den här raden", "ovanför denna rad", "ovenfor denne linje", "over denne linje", "over denne linjen", "tämän rivin yläpuolelle",
	"nad tímto řádkem", "nad tento řádek", "e sor fölé", "a vonal fölé", "bu satırın üstüne", "bu satırın üzerine", "выше этой строки", "выше этой линии", "над этой строкой", "вище цього рядка",
	"πάνω από αυτή τη γραμμή", "この行より上", "この線より上", "此行上方", "此线上方", "這一行上方", "이 줄 위에", "فوق هذا السطر", "מעל שורה זו", "deasupra acestei linii", "nad tento riadok",
}

// isReplyLine reports whether a line asks to answer above it: ours, or that
// of another helpdesk.
func isReplyLine(t string) bool {
	if len(t) > 200 {
		return false
	}
	low := cleanAttribution(strings.Trim(t, ruleCutset))
	for _, p := range abovePhrases {
		if strings.Contains(low, p) {
			return strings.IndexByte("#-=*_~+[", t[0]) >= 0 || isDash(t) || strings.HasPrefix(low, "please reply above") || strings.HasPrefix(low, "please type your reply above") || strings.HasPrefix(low, p)
		}
	}
	return false
}

// replyLine cuts at a reply line. If there are two, what is between them is
// ours and what is below the second is the writer's.
func (sc *replyScan) replyLine(i int) bool {
	sc.closeSignature(i)
	sc.touched = true
	for j := i + 1; j < len(sc.lines); j++ {
		t := trimLineLeft(sc.lines[j].s)
		if t == "" || t[0] == '>' || !isReplyLine(t) {
			continue
		}
		for k := i; k <= j; k++ {
			sc.lines[k].kind = lineGone
		}
		return true
	}
	if sc.own == 0 {
		sc.lines[i].kind = lineGone
		return true
	}
	sc.end = i
	return true
}
