package senderauth

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"blitiri.com.ar/go/spf"

	"postroom/internal/resolver"
)

// spfKey is all that an SPF outcome depends on, as long as the records do not
// use the sender's local part.
type spfKey struct {
	ip     netip.Addr
	domain string
	helo   string
}

// spfIdentity gives what SPF is asked about: the envelope sender, or
// postmaster at the HELO name for the null sender (RFC 7208 section 2.4).
func spfIdentity(in Input) (sender, domain, scope string, err error) {
	scope = "mailfrom"
	local, from := "postmaster", in.Helo
	if in.MailFrom == "" {
		scope = "helo"
	} else if at := strings.LastIndexByte(in.MailFrom, '@'); at >= 0 {
		local, from = in.MailFrom[:at], in.MailFrom[at+1:]
	}
	if domain, err = Domain(from); err != nil {
		return "", "", scope, err
	}
	// The library splits at the first @, we at the last.
	local = strings.ReplaceAll(local, "@", "_")
	return local + "@" + domain, domain, scope, nil
}

// checkSPF evaluates RFC 7208 with its limits of 10 terms and 2 void look-ups,
// within a time and a number of questions of our own. keep says whether the
// outcome may serve other mails.
func (c *Checker) checkSPF(ctx context.Context, in Input, sender, domain, scope string) (s SPF, keep bool) {
	ctx, cancel := context.WithTimeout(ctx, spfTime)
	defer cancel()
	dns := &spfDNS{dns: resolver.Budget(c.dns, spfQuestions), ip: in.Remote}
	verdict, err := spf.CheckHostWithSender(in.Remote.AsSlice(), heloForSPF(in.Helo), sender,
		spf.WithContext(ctx), spf.WithResolver(dns))
	s = SPF{Result: Verdict(verdict), Domain: domain, Scope: scope}
	switch {
	case dns.exhausted.Load():
		s.Result, s.Reason = PermError, "too many DNS questions"
	case s.Result == PermError || s.Result == TempError:
		s.Reason = "record could not be evaluated"
		if err != nil {
			s.Reason = printable(err.Error())
		}
	}
	keep = s.Result != TempError && ctx.Err() == nil && !dns.personal.Load()
	return s, keep
}

func heloForSPF(helo string) string {
	if d, err := Domain(helo); err == nil {
		return d
	}
	return "unknown"
}

// spfDNS gives the SPF library our resolver. It asks only for the address
// family that can match.
type spfDNS struct {
	dns       *resolver.Resolver
	ip        netip.Addr
	exhausted atomic.Bool // a question was refused by the budget
	personal  atomic.Bool // a record looks at the sender's local part
}

var _ spf.DNSResolver = (*spfDNS)(nil)

func (d *spfDNS) note(err error) error {
	if errors.Is(err, resolver.ErrBudget) {
		d.exhausted.Store(true)
	}
	return err
}

func (d *spfDNS) LookupTXT(ctx context.Context, name string) ([]string, error) {
	txts, err := d.dns.LookupTXT(ctx, name)
	for _, t := range txts {
		t = lower(t)
		if strings.Contains(t, "%{l") || strings.Contains(t, "%{s") {
			d.personal.Store(true)
		}
	}
	return txts, d.note(err)
}

func (d *spfDNS) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	mx, err := d.dns.LookupMX(ctx, name)
	return mx, d.note(err)
}

func (d *spfDNS) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	network := "ip" // exists: asks for IPv4 whatever the client's family
	if d.ip.Is4() {
		network = "ip4"
	}
	addrs, err := d.dns.LookupIP(ctx, network, host)
	out := make([]net.IPAddr, 0, len(addrs))
	for _, a := range addrs {
		out = append(out, net.IPAddr{IP: a.AsSlice()})
	}
	return out, d.note(err)
}

func (d *spfDNS) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "not an address", Name: addr, IsNotFound: true}
	}
	names, err := d.dns.LookupPTR(ctx, ip)
	return names, d.note(err)
}

// checkIPRev looks whether a name that the address claims leads back to it.
func (c *Checker) checkIPRev(ctx context.Context, ip netip.Addr) IPRev {
	ctx, cancel := context.WithTimeout(ctx, iprevTime)
	defer cancel()
	dns := resolver.Budget(c.dns, iprevQuestions)
	names, err := dns.LookupPTR(ctx, ip)
	if err != nil {
		if resolver.IsNotFound(err) {
			return IPRev{Result: Fail}
		}
		return IPRev{Result: TempError}
	}
	network := "ip6"
	if ip.Is4() {
		network = "ip4"
	}
	out := IPRev{Result: Fail}
	for _, name := range names[:min(len(names), iprevQuestions-1)] {
		name, err := Domain(name)
		if err != nil {
			continue
		}
		addrs, err := dns.LookupIP(ctx, network, name)
		for _, a := range addrs {
			if a == ip {
				return IPRev{Result: Pass, Name: name}
			}
		}
		if err != nil && !resolver.IsNotFound(err) {
			out.Result = TempError
		}
	}
	return out
}
