package message

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// factsOf reads a line that cleanAttribution prepared.
func factsOf(low string) lineFacts {
	var f lineFacts
	if low == "" {
		return f
	}
	f.colon = low[len(low)-1] == ':'
	f.date, f.time = hasDate(low)
	f.address, f.bracketed = hasAddress(low)
	f.readWords(low)
	if !f.wrote && hasWideScript(low) {
		for _, p := range wroteParts {
			if i := strings.LastIndex(low, p); i >= 0 {
				f.wrote = true
				f.wroteLast = f.wroteLast || len(low)-i-len(p) <= 3
			}
		}
	}
	f.opens = f.opens || opensWithDate(low)
	return f
}

// readWords looks the words of a line up.
func (f *lineFacts) readWords(low string) {
	first, sinceWrote := true, 0
	for i := 0; i < len(low); {
		r, n := utf8.DecodeRuneInString(low[i:])
		if !isWordRune(r) {
			i += n
			continue
		}
		start := i
		for i < len(low) {
			r, n = utf8.DecodeRuneInString(low[i:])
			if !isWordRune(r) {
				break
			}
			i += n
		}
		w := low[start:i]
		if first {
			_, f.opens = leadWords[w]
			first = false
		}
		sinceWrote++
		if len(w) < 3 || (i < len(low) && low[i] == '@') {
			continue
		}
		if _, ok := wroteWords[w]; ok {
			f.wrote, sinceWrote = true, 0
		} else if _, ok := saidWords[w]; ok {
			f.said, sinceWrote = true, 0
		}
	}
	f.wroteLast = (f.wrote || f.said) && sinceWrote <= 1
}

func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsMark(r)
}

// hasWideScript reports whether s has runes of three bytes, as the scripts
// without word spaces have.
func hasWideScript(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0xE0 {
			return true
		}
	}
	return false
}

// hasAddress looks for a mail address, and whether it stands in brackets.
func hasAddress(s string) (found, bracketed bool) {
	for at := strings.IndexByte(s, '@'); at >= 0; {
		if at > 0 && at+1 < len(s) && isAddressByte(s[at-1]) && isAddressByte(s[at+1]) {
			found = true
			a, b := at, at
			for a > 0 && isAddressByte(s[a-1]) {
				a--
			}
			for b+1 < len(s) && isAddressByte(s[b+1]) {
				b++
			}
			if a > 0 && strings.IndexByte("<([\"", s[a-1]) >= 0 || b+1 < len(s) && strings.IndexByte(">)]", s[b+1]) >= 0 ||
				strings.HasSuffix(s[:a], "mailto:") || strings.HasSuffix(s[:a], "&lt;") {
				bracketed = true
			}
		}
		next := strings.IndexByte(s[at+1:], '@')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return found, bracketed
}

func isAddressByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= 0x80 || strings.IndexByte(".-_+=!#$%'*/?^`{|}~", c) >= 0 && c != 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// hasDate reports whether s has a time of day, a date in digits or a year, and
// whether it has a time of day.
func hasDate(s string) (date, clock bool) {
	for i := 0; i < len(s); {
		if !isDigit(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		n := i - start
		if n > 4 {
			continue
		}
		if n == 4 && (s[start:start+2] == "20" || s[start:start+2] == "19") && !besideWord(s, start, i) {
			date = true
		}
		if i+1 >= len(s) {
			break
		}
		switch c := s[i]; {
		case c == ':' && n <= 2 && digitsAt(s, i+1) == 2, c == 'h' && n <= 2 && digitsAt(s, i+1) == 2:
			return true, true
		case c == '.' || c == '/' || c == '-':
			d := digitsAt(s, i+1)
			j := i + 1 + d
			if d >= 1 && d <= 2 && j+1 < len(s) && (s[j] == c) && digitsAt(s, j+1) >= 1 && digitsAt(s, j+1) <= 4 {
				date = true
				i = j + 1 + digitsAt(s, j+1)
				continue
			}
			if c == '.' && n <= 2 && d == 2 && (strings.HasSuffix(s[:start], "kl. ") || strings.HasSuffix(s[:start], "kl ") || strings.HasSuffix(s[:start], "klo ")) {
				return true, true
			}
		case strings.HasPrefix(s[i:], "年"), strings.HasPrefix(s[i:], "月"), strings.HasPrefix(s[i:], "년"), strings.HasPrefix(s[i:], "월"):
			date = true
		}
	}
	return date, false
}

// besideWord reports whether the digits s[a:b] are part of a word or address.
func besideWord(s string, a, b int) bool {
	return a > 0 && (isAddressByte(s[a-1]) && strings.IndexByte("-./'", s[a-1]) < 0 && s[a-1] < 0x80) || b < len(s) && (s[b] == '@' || 'a' <= s[b] && s[b] <= 'z')
}

func digitsAt(s string, i int) int {
	n := 0
	for i+n < len(s) && isDigit(s[i+n]) {
		n++
	}
	return n
}

// opensWithDate reports whether a line begins with a date: a digit at once,
// or after one short word (the day of the week).
func opensWithDate(low string) bool {
	if isDigit(low[0]) {
		return true
	}
	i := strings.IndexByte(low, ' ')
	if i < 1 || i > 24 || i+1 >= len(low) || strings.IndexByte(low[:i], '@') >= 0 {
		return false
	}
	rest := strings.TrimLeft(low[i:], " ")
	if rest == "" {
		return false
	}
	if isDigit(rest[0]) {
		return true
	}
	// "Thu, Jun 26", "Fri, Jul. 3": a word, a comma, a word, a digit.
	if low[i-1] != ',' && low[i-1] != '.' {
		return false
	}
	j := strings.IndexByte(rest, ' ')
	return j > 0 && j <= 20 && j+1 < len(rest) && isDigit(rest[j+1])
}
