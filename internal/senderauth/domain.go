package senderauth

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

var errDomain = errors.New("not a domain name")

// Domain gives a domain in the form in which it is compared and stored:
// A-labels (IDNA2008 with the lookup profile of UTS 46), lower case, no final
// dot. It refuses what is no host name, address literals, and A-labels that do
// not decode to what they could have come from (docs/threats.md M10).
func Domain(s string) (string, error) {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 1000 {
		return "", errDomain
	}
	plain := true // nothing for IDNA to do
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', 'A' <= c && c <= 'Z':
		case c >= 0x80:
			plain = false
		default:
			return "", errDomain
		}
	}
	s = lower(s)
	if strings.Contains(s, "xn--") {
		plain = false
	}
	if !plain {
		a, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", errDomain
		}
		u, err := idna.Lookup.ToUnicode(a)
		if err != nil || u == a { // punycode of plain ASCII
			return "", errDomain
		}
		s = a
	}
	if len(s) > 253 {
		return "", errDomain
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' {
			return "", errDomain
		}
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return "", errDomain
	}
	return s, nil
}

func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// domainOf gives the domain of an address, split at the last @.
func domainOf(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", errDomain
	}
	return Domain(address[at+1:])
}

// organisation is the registrable domain by the public suffix list, or the
// domain itself where there is none above it.
func organisation(domain string) string {
	org, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return org
}

// within says that name is domain or lies below it.
func within(name, domain string) bool {
	return name == domain || (strings.HasSuffix(name, domain) &&
		name[len(name)-len(domain)-1] == '.')
}
