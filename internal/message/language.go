package message

import (
	"math/bits"
	"strings"
	"unicode/utf8"
)

// maxLanguageBytes of a text are enough to know its language.
const maxLanguageBytes = 4 << 10

// detectLanguage returns the language of a text as an ISO 639-1 code, or ""
// when unsure. It goes by scripts, letters and the small words that no text
// can do without; quoted lines do not count. It costs a few microseconds.
func detectLanguage(text string) string {
	var d languageCount
	for budget := maxLanguageBytes; text != "" && budget > 0; {
		line := text
		if i := strings.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		if len(line) > budget {
			line = line[:budget]
		}
		budget -= len(line) + 1
		if line != "" && line[0] == '>' {
			budget += len(line) / 2
			continue
		}
		if d.read(line) {
			break
		}
	}
	return d.verdict()
}

// languageCount is what was seen of a text so far.
type languageCount struct {
	score   [len(latinCyrillic)]int32
	words   int
	known   int // words that are in the table
	letters int // of the scripts below as well
	script  [numScripts]int
	arabic  [3]int // letters that only Arabic, Persian, Urdu use
}

type script uint8

const (
	scriptLatin script = iota
	scriptCyrillic
	scriptGreek
	scriptHebrew
	scriptArabic
	scriptHan
	scriptKana
	scriptHangul
	scriptThai
	scriptDevanagari
	scriptBengali
	scriptTamil
	scriptGeorgian
	scriptArmenian
	numScripts
)

// read counts the words and letters of a line, and reports whether enough was
// seen.
func (d *languageCount) read(s string) bool {
	var word uint64 // the bytes of the word in lower case, while up to eight
	n := 0          // its length in bytes
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			if l := c | 0x20; 'a' <= l && l <= 'z' {
				word = word<<8 | uint64(l)
				n++
				continue
			}
			if n > 0 {
				if c == '@' || c == '/' || isDigit(c) {
					// Addresses and links are in no language.
					for i < len(s) && s[i] > ' ' {
						i++
					}
				} else {
					d.word(word, n)
				}
				word, n = 0, 0
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		r = lowerLetter(r)
		sc, ok := scriptOf(r)
		if !ok {
			if n > 0 {
				d.word(word, n)
				word, n = 0, 0
			}
			continue
		}
		d.script[sc]++
		switch sc {
		case scriptLatin, scriptCyrillic:
			if m := letterMask(r); m != 0 {
				d.add(m, 3)
			}
			var buf [4]byte
			k := utf8.EncodeRune(buf[:], r)
			for _, b := range buf[:k] {
				word = word<<8 | uint64(b)
			}
			n += k
		case scriptArabic:
			d.arabicLetter(r)
		}
	}
	if n > 0 {
		d.word(word, n)
	}
	return d.words > 250 && d.known > 60 || d.words > 80 && d.known > 30 && d.clear()
}

// clear reports whether one language is far ahead of all others.
func (d *languageCount) clear() bool {
	best, second := int32(0), int32(0)
	for _, s := range d.score {
		if s > best {
			best, second = s, best
		} else {
			second = max(second, s)
		}
	}
	return best > 2*second && int(best) > d.words
}

// word looks one word up.
func (d *languageCount) word(key uint64, n int) {
	d.words++
	d.letters += n
	if n > 8 {
		return
	}
	if m := stopWords.find(key); m != 0 {
		d.known++
		weight := int32(1)
		switch bits.OnesCount32(m) {
		case 1:
			weight = 6
		case 2:
			weight = 3
		case 3:
			weight = 2
		}
		d.add(m, weight)
	}
}

func (d *languageCount) add(mask uint32, weight int32) {
	for ; mask != 0; mask &= mask - 1 {
		d.score[bits.TrailingZeros32(mask)] += weight
	}
}

// verdict says what the counts amount to.
func (d *languageCount) verdict() string {
	latin := d.letters - d.script[scriptCyrillic]*2 // Cyrillic letters were counted as bytes of words
	top, most := scriptLatin, 0
	for sc := scriptCyrillic; sc < numScripts; sc++ {
		if d.script[sc] > most {
			top, most = sc, d.script[sc]
		}
	}
	wide := most
	if top == scriptHan || top == scriptKana || top == scriptHangul {
		wide = (d.script[scriptHan] + d.script[scriptKana] + d.script[scriptHangul]) * 4
	}
	if top != scriptCyrillic && most >= 4 && wide >= latin {
		switch top {
		case scriptHan, scriptKana:
			if d.script[scriptKana] > 0 && d.script[scriptKana]*12 >= d.script[scriptHan] {
				return "ja"
			}
			return "zh"
		case scriptArabic:
			return d.arabicLanguage()
		}
		return scriptLanguage[top]
	}
	best, second := -1, -1
	for i := range d.score {
		if best < 0 || d.score[i] > d.score[best] {
			second, best = best, i
		} else if second < 0 || d.score[i] > d.score[second] {
			second = i
		}
	}
	if s := d.score[best]; s < 10 || s*4 < d.score[second]*5 || int(s)*3 < d.words {
		return ""
	}
	return latinCyrillic[best]
}

func (d *languageCount) arabicLetter(r rune) {
	switch r {
	case 'ة', 'ى', 'ي', 'ك', 'إ', 'أ':
		d.arabic[0]++
	case 'پ', 'چ', 'ژ', 'گ', 'ی', 'ک':
		d.arabic[1]++
	case 'ٹ', 'ڈ', 'ڑ', 'ں', 'ھ', 'ہ', 'ے':
		d.arabic[2]++
	}
}

func (d *languageCount) arabicLanguage() string {
	switch {
	case d.arabic[2] >= 3 && d.arabic[2]*2 > d.arabic[0]:
		return "ur"
	case d.arabic[1] > d.arabic[0]:
		return "fa"
	}
	return "ar"
}

// lowerLetter maps the capital letters of the scripts whose words are looked
// up. It need not know all: a miss costs one word.
func lowerLetter(r rune) rune {
	switch {
	case r >= 0xC0 && r <= 0xDE && r != 0xD7, r >= 0x410 && r <= 0x42F, r >= 0x391 && r <= 0x3A9:
		return r + 0x20
	case r >= 0x400 && r <= 0x40F:
		return r + 0x50
	case r >= 0x100 && r <= 0x137 && r != 0x130 && r&1 == 0, r >= 0x14A && r <= 0x177 && r&1 == 0, r >= 0x218 && r <= 0x21B && r&1 == 0, r == 0x490:
		return r + 1
	case r >= 0x139 && r <= 0x148 && r&1 == 1, r >= 0x179 && r <= 0x17E && r&1 == 1:
		return r + 1
	case r == 0x130:
		return 'i'
	}
	return r
}

func scriptOf(r rune) (script, bool) {
	switch {
	case r >= 0xC0 && r <= 0x24F && r != 0xD7 && r != 0xF7, r >= 0x1E00 && r <= 0x1EFF:
		return scriptLatin, true
	case r >= 0x400 && r <= 0x52F:
		return scriptCyrillic, true
	case r >= 0x370 && r <= 0x3FF, r >= 0x1F00 && r <= 0x1FFF:
		return scriptGreek, true
	case r >= 0x5D0 && r <= 0x5EA:
		return scriptHebrew, true
	case r >= 0x620 && r <= 0x6D3 && (r < 0x660 || r > 0x669), r >= 0xFB50 && r <= 0xFEFC && r != 0xFEFF:
		return scriptArabic, true
	case r >= 0x3400 && r <= 0x9FFF:
		return scriptHan, true
	case r >= 0x3041 && r <= 0x30FF:
		return scriptKana, true
	case r >= 0xAC00 && r <= 0xD7A3, r >= 0x1100 && r <= 0x11FF:
		return scriptHangul, true
	case r >= 0xE01 && r <= 0xE4E:
		return scriptThai, true
	case r >= 0x900 && r <= 0x97F:
		return scriptDevanagari, true
	case r >= 0x980 && r <= 0x9FF:
		return scriptBengali, true
	case r >= 0xB80 && r <= 0xBFF:
		return scriptTamil, true
	case r >= 0x10A0 && r <= 0x10FF:
		return scriptGeorgian, true
	case r >= 0x531 && r <= 0x58F:
		return scriptArmenian, true
	}
	return 0, false
}

// scriptLanguage is the language that a script alone tells, or the one most
// written in it.
var scriptLanguage = [numScripts]string{
	scriptGreek: "el", scriptHebrew: "he", scriptHangul: "ko", scriptThai: "th", scriptDevanagari: "hi",
	scriptBengali: "bn", scriptTamil: "ta", scriptGeorgian: "ka", scriptArmenian: "hy",
}
