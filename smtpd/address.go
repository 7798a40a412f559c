package smtpd

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// RFC 5321 section 4.5.3.1 lets a path be 256 octets with its brackets. The
// local part may be longer than its 64 octets, as return paths of bulk senders
// are.
const (
	maxMailbox = 254
	maxDomain  = 253
	maxLabel   = 63
)

// ParsePath reads the mailbox between the angle brackets of MAIL FROM or RCPT
// TO (RFC 5321 section 4.1.2, Mailbox). local is in its plainest form: quoted only
// where it must be. domain is in lower case, its U-labels turned to A-labels.
// utf8 says whether SMTPUTF8 was asked for (RFC 6531).
//
// Stricter than the grammar, so that no two parsers of a mail's way can
// differ: no source route, no address literal, no trailing dot, no quoted @, < or >,
// nothing that looks like an encoded word, no invisible characters, no
// A-label that is not the one form of its U-label. The null path and a bare
// Postmaster are the caller's.
func ParsePath(s string, utf8 bool) (local, domain string, err error) {
	if len(s) > maxMailbox {
		return "", "", say(501, 5, 1, 3, "address too long")
	}
	if err := checkCharacters(s, utf8); err != nil {
		return "", "", err
	}
	if strings.HasPrefix(s, "@") && strings.Contains(s, ":") {
		return "", "", say(550, 5, 7, 1, "source routes are not followed")
	}
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 {
		return "", "", badAddress("address without a local part or a domain")
	}
	if local, err = parseLocal(s[:at]); err != nil {
		return "", "", err
	}
	if domain, err = parseDomain(s[at+1:]); err != nil {
		return "", "", err
	}
	return local, domain, nil
}

func badAddress(text string) *reply { return say(501, 5, 1, 3, text) }

func refusedAddress(text string) *reply { return say(553, 5, 1, 3, text) }

// checkCharacters refuses what no address holds: control characters, broken
// UTF-8, and characters that cannot be seen.
func checkCharacters(s string, smtputf8 bool) error {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return badAddress("control character in address")
		}
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	if ascii {
		return nil
	}
	if !smtputf8 || !utf8.ValidString(s) {
		return say(553, 5, 6, 7, "address is not ASCII, and SMTPUTF8 was not asked for or it is not UTF-8")
	}
	for _, r := range s {
		if r >= utf8.RuneSelf && !unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r) && r != ' ' {
			return refusedAddress("invisible character in address")
		}
	}
	return nil
}

func parseLocal(s string) (string, error) {
	if s[0] == '"' {
		var err error
		if s, err = unquote(s); err != nil {
			return "", err
		}
	} else if !isDotString(s) {
		return "", badAddress("malformed local part")
	}
	if strings.Contains(s, "=?") && strings.Contains(s, "?=") {
		return "", refusedAddress("encoded word in address")
	}
	if s = norm.NFC.String(s); isDotString(s) {
		return s, nil
	}
	return quote(s), nil
}

// unquote takes the quotes off a quoted local part.
func unquote(s string) (string, error) {
	if len(s) < 3 || s[len(s)-1] != '"' {
		return "", badAddress("malformed quoted local part")
	}
	var b strings.Builder
	for i, in := 0, s[1:len(s)-1]; i < len(in); i++ {
		switch in[i] {
		case '"':
			return "", badAddress("malformed quoted local part")
		case '\\':
			if i++; i == len(in) {
				return "", badAddress("malformed quoted local part")
			}
		}
		if strings.IndexByte("@<>", in[i]) >= 0 {
			return "", refusedAddress("quoted @, < or > in address")
		}
		b.WriteByte(in[i])
	}
	return b.String(), nil
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

// isDotString says whether s is a Dot-string of RFC 5321 section 4.1.2, with the
// letters of RFC 6531.
func isDotString(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := 0; i < len(atom); i++ {
			if c := atom[i]; !isAlnum(c) && c < utf8.RuneSelf && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func parseDomain(s string) (string, error) {
	if s[0] == '[' {
		return "", refusedAddress("address literals are not accepted")
	}
	if strings.HasSuffix(s, ".") {
		return "", badAddress("trailing dot in domain")
	}
	if !isASCII(s) {
		a, err := toASCII(s)
		if err != nil {
			return "", refusedAddress("not a domain name")
		}
		s = a
	}
	s = strings.ToLower(s)
	if len(s) > maxDomain {
		return "", badAddress("domain too long")
	}
	for label := range strings.SplitSeq(s, ".") {
		if strings.HasPrefix(label, "xn--") && !isALabel(label) {
			return "", refusedAddress("not a domain name")
		}
		if !isLabel(label) {
			return "", badAddress("not a domain name")
		}
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return "", badAddress("address literal without brackets")
	}
	return s, nil
}

// toASCII turns U-labels into A-labels. A name that would first have to be
// mapped by more than its case (a full stop of another script, a ligature, a
// Roman numeral) is an error: it looks like another name.
func toASCII(s string) (string, error) {
	a, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", err
	}
	u, err := idna.Lookup.ToUnicode(a)
	if err != nil {
		return "", err
	}
	if u != strings.ToLower(norm.NFC.String(s)) {
		return "", refusedAddress("not a domain name")
	}
	return a, nil
}

// isLabel: letters, digits and hyphens, not at the ends; and the underscore,
// which hosts that send mail do have in their names.
func isLabel(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// isALabel says whether label is the one encoding of a U-label.
func isALabel(label string) bool {
	u, err := idna.Lookup.ToUnicode(label)
	if err != nil || isASCII(u) {
		return false
	}
	a, err := idna.Lookup.ToASCII(u)
	return err == nil && a == label
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// splitPath takes "<path> parameters" apart. The bracket that ends the path is
// the first one outside quotes.
func splitPath(s string) (path, params string, err error) {
	s = strings.TrimLeft(s, " ")
	if !strings.HasPrefix(s, "<") {
		return "", "", say(501, 5, 5, 4, "the address must stand in angle brackets")
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			if rest := s[i+1:]; rest == "" || rest[0] == ' ' {
				return s[1:i], strings.Trim(rest, " "), nil
			}
			return "", "", say(501, 5, 5, 4, "text after the address")
		}
	}
	return "", "", say(501, 5, 5, 4, "the address must stand in angle brackets")
}
