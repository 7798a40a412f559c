package message

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const maxNameBytes = 255

// fileName decodes a file name parameter and makes it safe.
func fileName(p param, hint string) string {
	s := p.text
	switch {
	case !p.raw:
		s = decodeCharset([]byte(s), p.charset, hint, false)
	case strings.Contains(s, "=?"):
		s = decodeWords(s, hint)
	case strings.Contains(s, "%") && !strings.Contains(s, " "): // percent-encoded without saying so
		if t := unpercent(s); utf8.ValidString(t) && t != s && !isSimple(t) {
			s = t
		}
		s = raw(s, hint)
	default:
		s = raw(s, hint)
	}
	return safeName(s)
}

// safeName makes a name of unknown origin fit to be shown and to be a file's:
// the base name, NFC, nothing that cannot be seen or that a file system takes
// for more than a letter, not hidden, at most 255 bytes with its extension kept.
func safeName(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = norm.NFC.String(truncate(s, 4096))
	s = strings.TrimRight(s, `/\`)
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case isHidden(r) || r == '\r':
			return -1
		case r == '/' || r == '\\':
			return '_'
		}
		return r
	}, s)
	s = strings.Trim(s, " ")
	for len(s) > 1 && s[1] == ':' && s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z' { // a drive: C:x
		s = strings.TrimLeft(s[2:], " ")
	}
	if strings.Trim(s, ". ") == "" {
		return ""
	}
	s = strings.TrimRight(s, ". ") // Windows drops them, so that "x.exe. " would be another name
	if strings.HasPrefix(s, ".") {
		s = "_" + s
	}
	if isDevice(s) {
		s = "_" + s
	}
	if len(s) > maxNameBytes {
		ext := ""
		if i := strings.LastIndexByte(s, '.'); i > 0 && len(s)-i <= 16 {
			ext = s[i:]
		}
		s = truncate(s, maxNameBytes-len(ext)) + ext
	}
	return s
}

// isDevice says whether Windows would open a device instead of a file.
func isDevice(s string) bool {
	base, _, _ := strings.Cut(s, ".")
	switch b := strings.ToUpper(strings.TrimSpace(base)); b {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	default:
		return len(b) == 4 && (b[:3] == "COM" || b[:3] == "LPT") && b[3] >= '0' && b[3] <= '9'
	}
}
