package outbound

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

const (
	maxHosts     = 8 // exchangers tried for one mail
	maxAddresses = 4 // addresses tried of one exchanger
)

// asciiDomain gives the A-labels of a domain (RFC 5890), in lower case, or
// false for what can be none.
func asciiDomain(domain string) (string, bool) {
	d := strings.ToLower(strings.TrimSuffix(domain, "."))
	if !isASCII(d) {
		a, err := idna.Lookup.ToASCII(d)
		if err != nil {
			return "", false
		}
		d = a
	}
	if d == "" || len(d) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for i := 0; i < len(label); i++ {
			c := label[i]
			if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return "", false
			}
		}
	}
	return d, true
}

// exchangers gives the hosts that take a domain's mail, best first, those of
// equal preference shuffled (RFC 5321 section 5.1). A domain without MX
// records is its own exchanger. Errors are results.
func (d *deliverer) exchangers(ctx context.Context, domain string) ([]string, error) {
	records, err := d.resolver.LookupMX(ctx, domain)
	switch {
	case notFound(err), err == nil && len(records) == 0:
		return []string{domain}, nil
	case err != nil:
		return nil, &Result{Class: Temporary, Status: "4.4.3", Phase: "dns", Text: "the mail servers of the domain could not be looked up just now"}
	}
	if len(records) == 1 && (records[0].Host == "." || records[0].Host == "") {
		return nil, &Result{Class: Permanent, Status: "5.1.10", Phase: "dns", Text: "the domain says that it takes no mail (null MX, RFC 7505)"}
	}
	list := append([]*net.MX(nil), records...)
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	sort.SliceStable(list, func(i, j int) bool { return list[i].Pref < list[j].Pref })
	var hosts []string
	seen := map[string]bool{}
	for _, mx := range list {
		h := strings.ToLower(strings.TrimSuffix(mx.Host, "."))
		if strings.EqualFold(h, d.cfg.Hostname) && !d.cfg.AllowPrivate {
			// We are an exchanger ourselves: only better ones may be tried, or
			// the mail would go round.
			if len(hosts) == 0 {
				return nil, &Result{Class: Permanent, Status: "5.4.6", Phase: "dns", Text: "the domain's mail comes to this server, and it has no such mailbox"}
			}
			break
		}
		if h == "" || seen[h] || len(hosts) == maxHosts {
			continue
		}
		seen[h] = true
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// addresses gives where a host is reached, IPv6 and IPv4 in turn. Addresses
// that no stranger's DNS may send us to are left out; refused says that there were some.
func (d *deliverer) addresses(ctx context.Context, host string) (list []netip.Addr, refused bool, err error) {
	if ip, perr := netip.ParseAddr(strings.Trim(host, "[]")); perr == nil {
		// An exchanger must be a name (RFC 5321 section 5.1).
		if !d.cfg.AllowPrivate {
			return nil, true, nil
		}
		return []netip.Addr{ip.Unmap()}, false, nil
	}
	all, err := d.resolver.LookupIP(ctx, "ip", host)
	if err != nil {
		return nil, false, err
	}
	var v4, v6 []netip.Addr
	for _, ip := range all {
		ip = ip.Unmap()
		switch {
		case !d.cfg.AllowPrivate && !public(ip):
			refused = true
		case ip.Is4():
			v4 = append(v4, ip)
		default:
			v6 = append(v6, ip)
		}
	}
	for i := 0; len(list) < maxAddresses && (i < len(v4) || i < len(v6)); i++ {
		if i < len(v6) {
			list = append(list, v6[i])
		}
		if i < len(v4) && len(list) < maxAddresses {
			list = append(list, v4[i])
		}
	}
	return list, refused, nil
}

// notPublic are networks, beside those the standard library names, to which no
// mail goes: a stranger's MX must not make us talk to what is inside (RFC 6890,
// and the ways to write IPv4 in IPv6).
var notPublic = func() (list []netip.Prefix) {
	for _, s := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10"} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

func public(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

func loopback(addr string) bool {
	ap, err := netip.ParseAddrPort(addr)
	return err == nil && ap.Addr().Unmap().IsLoopback()
}

func notFound(err error) bool {
	var de *net.DNSError
	return errors.As(err, &de) && de.IsNotFound
}

func hostPort(ip netip.Addr, port int) string {
	return net.JoinHostPort(ip.String(), strconv.Itoa(port))
}

// Public reports whether mail, and questions about how to send it, may go to
// the address: not into networks that a stranger's DNS must not reach.
func Public(ip netip.Addr) bool { return public(ip.Unmap()) }
