// Package resolver is the one way by which Postroom asks the DNS.
//
// It exists because the sender check asks on behalf of strangers: how often,
// how long and how much must be bounded here, in one place, and an answer that
// did not come must be told apart from the answer "there is none". The first
// is temporary and proves nothing; the second is a fact.
//
// What always holds: a question ends within Config.Total, whatever the far
// side does; answers are kept for their TTL within bounds, in a cache of
// bounded size; equal questions asked at once go out once; a cancelled caller
// does not spoil the answer for the others. Every error is a *net.DNSError, with
// IsNotFound (no such name, or no such record) or IsTemporary (ask again
// later) set, so that the SPF and DKIM libraries understand it.
//
// When the servers are down every lookup ends as temporary, after the first few
// at once and without waiting; failures are remembered for a second only. A Fake answers from a zone text for
// tests, and ServeZone puts such a zone behind a real socket.
package resolver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// Interface is what other rooms need of the DNS. Each method reports errors as
// the package comment says. Answers may be shared with other callers: read,
// don't write.
type Interface interface {
	// LookupTXT gives each TXT record as one string (RFC 7208 section 3.3).
	LookupTXT(ctx context.Context, name string) ([]string, error)
	// LookupMX gives the mail exchangers, lowest preference first. A null MX
	// (RFC 7505) is one record with Host ".".
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	// LookupIP gives the addresses of a host; network is "ip", "ip4" or "ip6".
	LookupIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	// LookupPTR gives the names an address claims, in lower case, no final dot.
	LookupPTR(ctx context.Context, addr netip.Addr) ([]string, error)
	// LookupTLSA gives the TLSA records of a name such as _25._tcp.mx.example
	// and whether a validating, trusted server vouches for the answer. Without
	// secure they must not be used (RFC 7672 section 2.2).
	LookupTLSA(ctx context.Context, name string) (records []TLSA, secure bool, err error)
}

// TLSA is one record of RFC 6698.
type TLSA struct {
	Usage, Selector, Matching uint8
	Data                      []byte
}

// Source answers one question: the seam between the lookups and where their
// answers come from (network, fake, budget).
//
// A name or record that does not exist is no error: Answer says so. An error
// means that nobody knows, and is a *net.DNSError with IsTemporary set, or
// ErrBudget's.
type Source interface {
	Query(ctx context.Context, name string, qtype uint16) (Answer, error)
}

// Answer is what the DNS said to one question. It may be shared: read only.
type Answer struct {
	Records  []dns.RR // of the type asked for, after any CNAMEs; empty when there is none
	NXDomain bool     // the name does not exist at all (RFC 8020)
	Secure   bool     // AD bit from a server that is trusted to set it
	Name     string   // the name the CNAMEs led to, fully qualified
}

// Resolver turns a Source into the typed lookups.
type Resolver struct{ src Source }

var _ Interface = (*Resolver)(nil)

// From makes a Resolver of any Source.
func From(src Source) *Resolver { return &Resolver{src: src} }

// Query asks one question. The name may be in Unicode; it is sent as A-labels
// (RFC 5890). A name that cannot be in the DNS does not exist.
func (r *Resolver) Query(ctx context.Context, name string, qtype uint16) (Answer, error) {
	fqdn, ok := canonical(name)
	if !ok {
		return Answer{NXDomain: true}, nil
	}
	return r.src.Query(ctx, fqdn, qtype)
}

// Exists says whether a name exists in the DNS at all, with whatever records
// (RFC 8020), which is what DMARC's np= asks.
func (r *Resolver) Exists(ctx context.Context, name string) (bool, error) {
	a, err := r.Query(ctx, name, dns.TypeA)
	return err == nil && !a.NXDomain, err
}

func (r *Resolver) ask(ctx context.Context, name string, qtype uint16) (Answer, error) {
	a, err := r.Query(ctx, name, qtype)
	if err == nil && len(a.Records) == 0 {
		err = notFound(name)
	}
	return a, err
}

// LookupTXT implements Interface.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := r.ask(ctx, name, dns.TypeTXT)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(a.Records))
	for _, rr := range a.Records {
		if t, ok := rr.(*dns.TXT); ok {
			out = append(out, unescapeTXT(t.Txt))
		}
	}
	return out, nil
}

// LookupMX implements Interface.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	a, err := r.ask(ctx, name, dns.TypeMX)
	if err != nil {
		return nil, err
	}
	out := make([]*net.MX, 0, len(a.Records))
	for _, rr := range a.Records {
		if m, ok := rr.(*dns.MX); ok {
			out = append(out, &net.MX{Host: bare(m.Mx), Pref: m.Preference})
		}
	}
	for i := 1; i < len(out); i++ { // few records; stable insertion
		for j := i; j > 0 && out[j].Pref < out[j-1].Pref; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out, nil
}

// LookupIP implements Interface.
func (r *Resolver) LookupIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	switch network {
	case "ip4":
		return r.addresses(ctx, host, dns.TypeA)
	case "ip6":
		return r.addresses(ctx, host, dns.TypeAAAA)
	}
	var v6 []netip.Addr
	var err6 error
	done := make(chan struct{})
	go func() {
		defer close(done)
		v6, err6 = r.addresses(ctx, host, dns.TypeAAAA)
	}()
	v4, err4 := r.addresses(ctx, host, dns.TypeA)
	<-done
	all := append(v4, v6...)
	switch {
	case len(all) > 0:
		return all, nil
	case err4 != nil && !IsNotFound(err4):
		return nil, err4
	case err6 != nil && !IsNotFound(err6):
		return nil, err6
	}
	return nil, notFound(host)
}

func (r *Resolver) addresses(ctx context.Context, host string, qtype uint16) ([]netip.Addr, error) {
	a, err := r.ask(ctx, host, qtype)
	if err != nil {
		return nil, err
	}
	out := make([]netip.Addr, 0, len(a.Records))
	for _, rr := range a.Records {
		var ip net.IP
		switch rec := rr.(type) {
		case *dns.A:
			ip = rec.A
		case *dns.AAAA:
			ip = rec.AAAA
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			out = append(out, addr.Unmap())
		}
	}
	return out, nil
}

// LookupPTR implements Interface.
func (r *Resolver) LookupPTR(ctx context.Context, addr netip.Addr) ([]string, error) {
	name, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return nil, notFound(addr.String())
	}
	a, err := r.ask(ctx, name, dns.TypePTR)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(a.Records))
	for _, rr := range a.Records {
		if p, ok := rr.(*dns.PTR); ok {
			out = append(out, bare(p.Ptr))
		}
	}
	return out, nil
}

// LookupTLSA implements Interface.
func (r *Resolver) LookupTLSA(ctx context.Context, name string) ([]TLSA, bool, error) {
	a, err := r.ask(ctx, name, dns.TypeTLSA)
	if err != nil {
		return nil, a.Secure, err
	}
	out := make([]TLSA, 0, len(a.Records))
	for _, rr := range a.Records {
		if t, ok := rr.(*dns.TLSA); ok {
			if data, ok := hexBytes(t.Certificate); ok {
				out = append(out, TLSA{t.Usage, t.Selector, t.MatchingType, data})
			}
		}
	}
	return out, a.Secure, nil
}

// IsNotFound says that the DNS answered, and the answer is that there is no
// such name or record.
func IsNotFound(err error) bool {
	var de *net.DNSError
	return errors.As(err, &de) && de.IsNotFound
}

// IsTemporary says that nobody knows now, and that asking later may help.
func IsTemporary(err error) bool {
	var de *net.DNSError
	return errors.As(err, &de) && (de.IsTemporary || de.IsTimeout)
}

func notFound(name string) error {
	return &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
}

// canonical gives the form under which a name is asked and cached.
func canonical(name string) (string, bool) {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 0x80 {
			a, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
			if err != nil {
				return "", false
			}
			name = a
			break
		}
		if c <= ' ' || c == 0x7f || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' {
			return "", false
		}
	}
	if name == "" || len(name) > 254 {
		return "", false
	}
	if _, ok := dns.IsDomainName(name); !ok {
		return "", false
	}
	return dns.CanonicalName(name), true
}

// bare is a name as people write it: lower case, no final dot (but "." stays,
// since a null MX says something).
func bare(fqdn string) string {
	if fqdn == "." {
		return "."
	}
	return strings.ToLower(strings.TrimSuffix(fqdn, "."))
}

// unescapeTXT joins the strings of one record and takes back the escapes that
// miekg/dns writes for quotes, backslashes and bytes that don't print.
func unescapeTXT(parts []string) string {
	joined := strings.Join(parts, "")
	if !strings.Contains(joined, `\`) {
		return joined
	}
	var b strings.Builder
	for i := 0; i < len(joined); i++ {
		c := joined[i]
		if c != '\\' || i+1 == len(joined) {
			b.WriteByte(c)
			continue
		}
		if d, ok := decimal(joined[i+1:]); ok {
			b.WriteByte(d)
			i += 3
			continue
		}
		i++
		b.WriteByte(joined[i])
	}
	return b.String()
}

func decimal(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return byte(n), n < 256
}
