package tickets

import "strings"

// SplitAddress splits at the last @, since a quoted local part may hold one
// (RFC 5321 section 4.1.2). ok is false without a local part or a domain.
func SplitAddress(address string) (local, domain string, ok bool) {
	i := strings.LastIndexByte(address, '@')
	if i <= 0 || i == len(address)-1 {
		return "", "", false
	}
	return address[:i], address[i+1:], true
}

// Domain returns the domain of an address in lower case, or "".
func Domain(address string) string {
	_, d, _ := SplitAddress(address)
	return strings.ToLower(d)
}

// FoldAddress is the form in which addresses are compared: all of it in lower
// case. Local parts are case-sensitive by RFC 5321 section 2.4, but no mailbox
// provider of note treats them so, and people change the case they type.
// Plus-tags and dots are kept: they may be different mailboxes.
func FoldAddress(address string) string { return strings.ToLower(address) }
