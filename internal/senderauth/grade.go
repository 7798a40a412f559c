package senderauth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"

	"postroom/internal/resolver"
)

// Grade levels.
const (
	GradeOK   = "ok"
	GradeWarn = "warn" // mail works, but some will not trust it
	GradeBad  = "bad"  // mail is lost or refused
)

// Finding is one line of what `postroom check` says about a domain.
type Finding struct {
	Level   string `json:"level"`
	What    string `json:"what"` // MX, SPF, DKIM, DMARC, MTA-STS, PTR
	Text    string `json:"text"`
	Publish string `json:"publish,omitempty"` // the record to add, in zone form
}

// Expect is what the installation knows about itself.
type Expect struct {
	Hostname string       // that the MX should lead to
	Addrs    []netip.Addr // from which mail leaves; empty: those of Hostname
	Relay    string       // host of the smarthost, when mail leaves by one
	Keys     []ExpectKey  // DKIM keys that sign for the domain
}

// ExpectKey is one DKIM key in use.
type ExpectKey struct {
	Selector string
	Public   crypto.PublicKey
}

// KeyRecord is the TXT record that publishes a DKIM key (RFC 6376 section
// 3.6.1), as one string. It is empty for a key of another kind than RSA or
// Ed25519.
func KeyRecord(key crypto.PublicKey) string {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(k)
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(k)
		if err != nil {
			return ""
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
	return ""
}

// Grade says how far the world can trust mail of a domain that Postroom serves,
// and which record to publish where it cannot. One Finding or more for each of
// MX, SPF, DKIM, DMARC, MTA-STS and PTR.
func Grade(ctx context.Context, dns *resolver.Resolver, domain string, want Expect) []Finding {
	d, err := Domain(domain)
	if err != nil {
		return []Finding{{GradeBad, "domain", fmt.Sprintf("%q is not a domain name", domain), ""}}
	}
	g := grader{dns: dns, domain: d, want: want}
	if len(g.want.Addrs) == 0 {
		g.want.Addrs, _ = dns.LookupIP(ctx, "ip", want.Hostname)
	}
	g.mx(ctx)
	g.spf(ctx)
	g.dkim(ctx)
	g.dmarc(ctx)
	g.mtaSTS(ctx)
	g.ptr(ctx)
	return g.out
}

type grader struct {
	dns    *resolver.Resolver
	domain string
	want   Expect
	out    []Finding
}

func (g *grader) say(level, what, text, publish string) {
	g.out = append(g.out, Finding{level, what, text, publish})
}

// unknown notes a look-up that failed for now.
func (g *grader) unknown(what string, err error) bool {
	if err == nil || resolver.IsNotFound(err) {
		return false
	}
	g.say(GradeWarn, what, "the DNS did not answer: "+printable(err.Error()), "")
	return true
}

// zoneTXT writes a TXT record as it stands in a zone, in strings of at most 255 bytes.
func zoneTXT(name, txt string) string {
	var b strings.Builder
	b.WriteString(name + ". IN TXT")
	for txt != "" {
		n := min(len(txt), 255)
		b.WriteString(` "` + txt[:n] + `"`)
		txt = txt[n:]
	}
	return b.String()
}

func (g *grader) mx(ctx context.Context) {
	publish := fmt.Sprintf("%s. IN MX 10 %s.", g.domain, g.want.Hostname)
	mx, err := g.dns.LookupMX(ctx, g.domain)
	if g.unknown("MX", err) {
		return
	}
	var hosts []string
	for _, m := range mx {
		if m.Host == lower(g.want.Hostname) {
			g.say(GradeOK, "MX", "mail for "+g.domain+" comes to "+m.Host, "")
			return
		}
		hosts = append(hosts, m.Host)
	}
	if len(hosts) == 0 {
		g.say(GradeBad, "MX", "no MX record: mail for "+g.domain+" does not come here", publish)
		return
	}
	g.say(GradeWarn, "MX", fmt.Sprintf("mail for %s goes to %s, not to %s; fine if it is forwarded from there",
		g.domain, printable(strings.Join(hosts, ", ")), g.want.Hostname), publish)
}

func (g *grader) spf(ctx context.Context) {
	publish := zoneTXT(g.domain, "v=spf1 mx -all")
	txts, err := g.dns.LookupTXT(ctx, g.domain)
	if g.unknown("SPF", err) {
		return
	}
	var records []string
	for _, t := range txts {
		if l := lower(t); l == "v=spf1" || strings.HasPrefix(l, "v=spf1 ") {
			records = append(records, t)
		}
	}
	switch {
	case len(records) == 0:
		g.say(GradeBad, "SPF", "no SPF record: nobody can tell our mail from a forgery by its server", publish)
		return
	case len(records) > 1:
		g.say(GradeBad, "SPF", "more than one SPF record, which is an error: join them into one", "")
		return
	case strings.HasSuffix(lower(records[0]), "+all"), strings.HasSuffix(lower(records[0]), " all"):
		g.say(GradeBad, "SPF", "the record lets everybody send as "+g.domain+": end it with -all or ~all", publish)
		return
	case g.want.Relay != "":
		g.say(GradeOK, "SPF", "there is a record; mail leaves by "+g.want.Relay+", whose servers it must name", "")
		return
	case len(g.want.Addrs) == 0:
		g.say(GradeWarn, "SPF", "there is a record, but "+g.want.Hostname+" has no address to try it with", "")
		return
	}
	c := &Checker{dns: g.dns}
	for _, ip := range g.want.Addrs {
		in := Input{Remote: ip.Unmap(), Helo: g.want.Hostname}
		s, _ := c.checkSPF(ctx, in, "postmaster@"+g.domain, g.domain, "mailfrom")
		switch s.Result {
		case Pass:
			g.say(GradeOK, "SPF", fmt.Sprintf("%s may send for %s", ip, g.domain), "")
		case PermError, TempError:
			g.say(GradeBad, "SPF", "the record cannot be evaluated: "+s.Reason, publish)
		default:
			kind := "ip4:"
			if ip.Unmap().Is6() {
				kind = "ip6:"
			}
			g.say(GradeBad, "SPF", fmt.Sprintf("mail from %s gets %q: add %s%s to the record", ip, s.Result, kind, ip.Unmap()), "")
		}
	}
}

func (g *grader) dkim(ctx context.Context) {
	if len(g.want.Keys) == 0 {
		g.say(GradeWarn, "DKIM", "mail of "+g.domain+" is not signed: no key here", "")
	}
	for _, k := range g.want.Keys {
		name := k.Selector + "._domainkey." + g.domain
		publish := zoneTXT(name, KeyRecord(k.Public))
		txts, err := g.dns.LookupTXT(ctx, name)
		if g.unknown("DKIM", err) {
			continue
		}
		if len(txts) == 0 {
			g.say(GradeBad, "DKIM", "the key is not published at "+name, publish)
			continue
		}
		there, err := publicKey(txts)
		switch {
		case err != nil:
			g.say(GradeBad, "DKIM", "the record at "+name+" is not usable: "+err.Error(), publish)
		case !sameKey(there, k.Public):
			g.say(GradeBad, "DKIM", "the record at "+name+" holds another key than the one that signs", publish)
		case testKey(txts[0]):
			g.say(GradeWarn, "DKIM", "the record at "+name+" says t=y (a test): take it out", publish)
		default:
			g.say(GradeOK, "DKIM", "the key at "+name+" is ours", "")
		}
	}
}

func sameKey(a, b crypto.PublicKey) bool {
	ra, rb := KeyRecord(a), KeyRecord(b)
	return ra != "" && bytes.Equal([]byte(ra), []byte(rb))
}

func testKey(txt string) bool {
	t, _ := tags(txt)
	return listed(t["t"], "y")
}

func (g *grader) dmarc(ctx context.Context) {
	publish := zoneTXT("_dmarc."+g.domain, "v=DMARC1; p=quarantine; rua=mailto:postmaster@"+g.domain)
	met, err := walk(ctx, g.dns, g.domain)
	if g.unknown("DMARC", err) {
		return
	}
	d, _, ok := policyFor(ctx, g.dns, g.domain, met)
	switch {
	case !ok:
		g.say(GradeBad, "DMARC", "no DMARC record: others may refuse our mail and cannot refuse forgeries", publish)
	case d.Test:
		g.say(GradeWarn, "DMARC", "the record at _dmarc."+d.Domain+" is still a test (t=y or pct below 100)", "")
	case d.Policy == DispositionNone:
		g.say(GradeWarn, "DMARC", "the record at _dmarc."+d.Domain+" asks for nothing (p=none): forgeries are let through", publish)
	default:
		g.say(GradeOK, "DMARC", fmt.Sprintf("_dmarc.%s asks to %s forgeries", d.Domain, d.Policy), "")
	}
}

func (g *grader) mtaSTS(ctx context.Context) {
	txts, err := g.dns.LookupTXT(ctx, "_mta-sts."+g.domain)
	if g.unknown("MTA-STS", err) {
		return
	}
	for _, t := range txts {
		if strings.HasPrefix(t, "v=STSv1;") {
			g.say(GradeOK, "MTA-STS", "others are told to come by TLS only, as the policy at https://mta-sts."+g.domain+"/.well-known/mta-sts.txt says", "")
			return
		}
	}
	g.say(GradeWarn, "MTA-STS", "no MTA-STS record: a wiretapper between other servers and ours can turn TLS off. "+
		"It also needs the policy file at https://mta-sts."+g.domain+"/.well-known/mta-sts.txt",
		zoneTXT("_mta-sts."+g.domain, "v=STSv1; id=1"))
}

func (g *grader) ptr(ctx context.Context) {
	if g.want.Relay != "" {
		g.say(GradeOK, "PTR", "mail leaves by "+g.want.Relay+", whose reverse name counts", "")
		return
	}
	if len(g.want.Addrs) == 0 {
		g.say(GradeBad, "PTR", g.want.Hostname+" has no address", g.want.Hostname+". IN A <the server's address>")
	}
	c := &Checker{dns: g.dns}
	for _, ip := range g.want.Addrs {
		switch r := c.checkIPRev(ctx, ip.Unmap()); {
		case r.Result == Pass && r.Name == lower(g.want.Hostname):
			g.say(GradeOK, "PTR", fmt.Sprintf("%s is called %s, and that name leads back", ip, r.Name), "")
		case r.Result == Pass:
			g.say(GradeWarn, "PTR", fmt.Sprintf("%s is called %s, not %s", ip, r.Name, g.want.Hostname), "")
		case r.Result == TempError:
			g.say(GradeWarn, "PTR", fmt.Sprintf("the DNS did not say how %s is called", ip), "")
		default:
			g.say(GradeBad, "PTR", fmt.Sprintf("%s has no reverse name that leads back to it: many servers will refuse our mail. "+
				"Ask the owner of the address to set it to %s", ip, g.want.Hostname), "")
		}
	}
}
