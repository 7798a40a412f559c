package privacy

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// token is a word of a mail, as an interval of the folded text. In scripts
// written without spaces each letter starts a token of its own.
type token struct {
	start, end int32
	unspaced   bool
	sentence   int32 // counted from 0; the subject is 0
}

// folded is a text made comparable: lower case, without accents, one space
// between words and a line break between sentences.
type folded struct {
	bytes      []byte
	tokens     []token
	paragraphs []int32 // of each sentence, its paragraph
	hits       []hit   // the room for lookUp
}

func (f *folded) word(t token) []byte { return f.bytes[t.start:t.end] }

// plain are the letters that stand for a letter with a mark, from U+00C0 to
// U+024F; a zero is a letter of its own.
var plain = func() (table [0x250]byte) {
	for to, from := range map[byte]string{
		'a': "àáâãäåāăąǎȁȃȧ", 'c': "çćĉċč", 'd': "ďđð", 'e': "èéêëēĕėęěȅȇȩ", 'g': "ĝğġģ", 'h': "ĥħ",
		'i': "ìíîïĩīĭįıǐ", 'j': "ĵ", 'k': "ķ", 'l': "ĺļľŀł", 'n': "ñńņňŉ", 'o': "òóôõöøōŏőǒȯ", 'r': "ŕŗř",
		's': "śŝşšș", 't': "ţťŧț", 'u': "ùúûüũūŭůűųǔ", 'w': "ŵ", 'y': "ýÿŷ", 'z': "źżž",
	} {
		for _, r := range from {
			table[r] = to
		}
	}
	return table
}()

// plainRunes does the same for Greek and Cyrillic.
var plainRunes = map[rune]rune{'ά': 'α', 'έ': 'ε', 'ή': 'η', 'ί': 'ι', 'ϊ': 'ι', 'ΐ': 'ι', 'ό': 'ο', 'ύ': 'υ', 'ϋ': 'υ',
	'ΰ': 'υ', 'ώ': 'ω', 'ς': 'σ', 'ё': 'е', 'й': 'и', 'ї': 'і'}

// appendFolded adds a letter in its plain form; marks and invisible characters
// add nothing.
func appendFolded(b []byte, r rune) []byte {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return append(b, byte(r))
	}
	switch r {
	case 'ß', 'ẞ':
		return append(b, "ss"...)
	case 'æ', 'Æ':
		return append(b, "ae"...)
	case 'œ', 'Œ':
		return append(b, "oe"...)
	case 'İ':
		return append(b, 'i')
	}
	if 0xFF01 <= r && r <= 0xFF5E { // full-width forms of ASCII
		return appendFolded(b, r-0xFEE0)
	}
	r = unicode.ToLower(r)
	if int(r) < len(plain) && plain[r] != 0 {
		return append(b, plain[r])
	}
	if p, ok := plainRunes[r]; ok {
		r = p
	}
	return utf8.AppendRune(b, r)
}

// foldWord folds a word of the lexicon.
func foldWord(s string) string {
	var b []byte
	for _, r := range s {
		if !invisible(r) {
			b = appendFolded(b, r)
		}
	}
	return string(b)
}

func invisible(r rune) bool {
	return 0x300 <= r && r <= 0x36F || 0x200B <= r && r <= 0x200F || r == 0xAD || r == 0xFEFF || r == 0x2060 || 0x64B <= r && r <= 0x652
}

// isUnspaced says whether words of this script are found inside a run.
func isUnspaced(r rune) bool {
	return r >= 0x590 && (0x590 <= r && r <= 0x6FF || 0xE00 <= r && r <= 0xE7F || 0x1100 <= r && r <= 0x11FF ||
		0x3040 <= r && r <= 0x30FF || 0x3400 <= r && r <= 0x9FFF || 0xAC00 <= r && r <= 0xD7AF)
}

// asciiWord are the letters and digits of ASCII in their plain form; all else
// is zero.
var asciiWord = func() (table [256]byte) {
	for c := range byte(utf8.RuneSelf) {
		if isWordRune(rune(c)) {
			table[c] = appendFolded(nil, rune(c))[0]
		}
	}
	return table
}()

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// abbreviations do not end a sentence with their full stop.
var abbreviations = map[string]bool{"art": true, "abs": true, "nr": true, "no": true, "al": true, "par": true, "pkt": true,
	"ust": true, "lit": true, "bzw": true, "ca": true, "dr": true, "mr": true, "mrs": true, "ms": true, "st": true, "ggf": true,
	"inkl": true, "evtl": true, "vgl": true, "usw": true, "pers": true, "tel": true, "str": true, "bspw": true, "cf": true, "incl": true}

// fold cuts subject and text into words and sentences.
func fold(subject, text string) *folded {
	f := &folded{}
	f.fold(subject, text)
	return f
}

// fold does so in the room that an earlier text took.
func (f *folded) fold(subject, text string) {
	f.bytes = slices.Grow(f.bytes[:0], len(subject)+len(text)+2)
	f.tokens = slices.Grow(f.tokens[:0], (len(subject)+len(text))/5+8)
	f.paragraphs = f.paragraphs[:0]
	f.paragraphs = append(f.paragraphs, -1)
	f.add(subject, true)
	f.breakSentence(0)
	f.add(text, false)
}

// breakSentence begins a new sentence, unless the current one is empty.
func (f *folded) breakSentence(paragraph int32) {
	now := int32(len(f.paragraphs) - 1)
	if now > 0 && (len(f.tokens) == 0 || f.tokens[len(f.tokens)-1].sentence != now) {
		f.paragraphs[now] = paragraph
		return
	}
	f.paragraphs = append(f.paragraphs, paragraph)
	f.bytes = append(f.bytes, '\n')
}

// add folds a text into words. whole keeps it one sentence, as a subject is.
func (f *folded) add(s string, whole bool) {
	paragraph := int32(0)
	inWord, lineStart := false, 0
	for i := 0; i < len(s); {
		if c := s[i]; asciiWord[c] != 0 { // as most are
			if !inWord || f.tokens[len(f.tokens)-1].unspaced {
				f.letter(rune(c), &inWord)
				i++
			}
			for ; i < len(s) && asciiWord[s[i]] != 0; i++ {
				f.bytes = append(f.bytes, asciiWord[s[i]])
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == ' ':
			if inWord {
				f.endWord()
				inWord = false
			}
		case invisible(r):
		case isWordRune(r):
			f.letter(r, &inWord)
		default:
			if inWord {
				f.endWord()
				inWord = false
			}
			switch {
			case whole:
			case r == '\n':
				if line, next := s[lineStart:i], s[i+1:]; blank(line) || blankStart(next) {
					paragraph++
					f.breakSentence(paragraph)
				} else if len(line) < 45 && startsAfresh(next) {
					f.breakSentence(paragraph)
				}
				lineStart = i + 1
			case endsSentence(r, s[i+size:]) && !f.afterAbbreviation(r, s[i+size:]):
				f.breakSentence(paragraph)
			}
		}
		i += size
	}
	if inWord {
		f.endWord()
	}
}

func (f *folded) letter(r rune, inWord *bool) {
	unspaced := isUnspaced(r)
	if *inWord && (unspaced || f.tokens[len(f.tokens)-1].unspaced) {
		f.tokens[len(f.tokens)-1].end = int32(len(f.bytes))
		*inWord = false
	}
	if !*inWord {
		f.tokens = append(f.tokens, token{start: int32(len(f.bytes)), unspaced: unspaced, sentence: int32(len(f.paragraphs) - 1)})
		*inWord = true
	}
	f.bytes = appendFolded(f.bytes, r)
}

func (f *folded) endWord() {
	f.tokens[len(f.tokens)-1].end = int32(len(f.bytes))
	f.bytes = append(f.bytes, ' ')
}

func (f *folded) afterAbbreviation(r rune, rest string) bool {
	if r != '.' || len(f.tokens) == 0 {
		return false
	}
	w := f.word(f.tokens[len(f.tokens)-1])
	if string(w) == "no" { // a number's, or the word
		rest = strings.TrimLeft(rest, " ")
		return rest != "" && '0' <= rest[0] && rest[0] <= '9'
	}
	return len(w) == 1 || abbreviations[string(w)]
}

// endsSentence says whether r ends a sentence before rest.
func endsSentence(r rune, rest string) bool {
	switch r {
	case '!', '?', ';', '。', '！', '？', '؟', '¡', '¿', '•':
		return true
	case '.', '…':
		return rest == "" || rest[0] == ' ' || rest[0] == '\n' || rest[0] == '\r' || rest[0] == '\t' || rest[0] == '"' || rest[0] == ')'
	}
	return false
}

func blank(line string) bool {
	for i := range len(line) {
		if c := line[i]; c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// blankStart says whether the next line is blank. It reads no further than a
// blank line needs.
func blankStart(next string) bool {
	for i := range min(len(next), 80) {
		switch next[i] {
		case ' ', '\t', '\r':
		case '\n':
			return true
		default:
			return false
		}
	}
	return false
}

// startsAfresh says whether a line begins like a new sentence or a list item.
func startsAfresh(next string) bool {
	r, _ := utf8.DecodeRuneInString(next)
	return unicode.IsUpper(r) || r == '-' || r == '*' || r == '•' || '0' <= r && r <= '9'
}
