package smtpd

import (
	"net"
	"net/netip"
)

// networkOf is what connections and mails are counted by: an IPv4 /24 or an
// IPv6 /64.
func networkOf(a netip.Addr) netip.Prefix { return prefixOf(a, 24, 64) }

func prefixOf(a netip.Addr, v4, v6 int) netip.Prefix {
	bits := v6
	if a.Is4() {
		bits = v4
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// remoteOf is the address of the other side, invalid if it has none (a pipe).
func remoteOf(c net.Conn) netip.Addr {
	if ta, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return ta.AddrPort().Addr().Unmap()
	}
	if ap, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		return ap.Addr().Unmap()
	}
	return netip.Addr{}
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
