package tlspolicy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"postroom/internal/resolver"
)

// dane gives the exchanger's TLSA records if every look-up on the way to them
// is vouched for: that of the domain's MX, of the exchanger's address, and
// their own (RFC 7672 section 2.2). An error means that they may exist.
func (f *Finder) dane(ctx context.Context, domain, host string) ([]resolver.TLSA, error) {
	mx, err := f.dns.Query(ctx, domain, dns.TypeMX)
	if err != nil || !mx.Secure {
		return nil, nil // who delivers looked the MX up itself: that answer was good enough, and not vouched for
	}
	secure := false
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		a, err := f.dns.Query(ctx, host, qtype)
		if err != nil {
			return nil, err
		}
		if len(a.Records) > 0 && !a.Secure {
			return nil, nil
		}
		secure = secure || len(a.Records) > 0
	}
	if !secure {
		return nil, nil
	}
	records, vouched, err := f.dns.LookupTLSA(ctx, fmt.Sprintf("_%d._tcp.%s", f.cfg.Port, host))
	switch {
	case resolver.IsNotFound(err), err == nil && !vouched:
		return nil, nil
	case err != nil:
		return nil, err
	}
	return records, nil
}

// The parameters of RFC 6698 that count between mail servers (RFC 7672 section
// 3.1): the others say something about public authorities.
const (
	usageTA = 2 // a certificate that issued the server's
	usageEE = 3 // the server's own
)

func usable(records []resolver.TLSA) (out []resolver.TLSA) {
	for _, r := range records {
		size := map[uint8]int{1: sha256.Size, 2: sha512.Size}[r.Matching]
		if (r.Usage == usageTA || r.Usage == usageEE) && r.Selector <= 1 && r.Matching <= 2 && (size == 0 || len(r.Data) == size) && len(r.Data) > 0 {
			out = append(out, r)
		}
	}
	return out
}

var errTLSA = errors.New("the certificate is not the one that the domain's TLSA records name")

// matchTLSA holds the chain against the records; one that matches is enough. A
// server's own certificate counts whatever names and dates stand in it (RFC
// 7672 section 3.1.1); one of an authority's needs both (section 3.1.2).
func matchTLSA(records []resolver.TLSA, chain []*x509.Certificate, host string, now time.Time) error {
	for _, r := range records {
		if r.Usage == usageEE {
			if matches(r, chain[0]) {
				return nil
			}
			continue
		}
		candidates := chain
		if r.Selector == 0 && r.Matching == 0 {
			if c, err := x509.ParseCertificate(r.Data); err == nil {
				candidates = append(append([]*x509.Certificate(nil), chain...), c)
			}
		}
		for _, c := range candidates {
			if !matches(r, c) {
				continue
			}
			roots := x509.NewCertPool()
			roots.AddCert(c)
			if verifyChain(chain, roots, host, now) == nil {
				return nil
			}
		}
	}
	return errTLSA
}

func matches(r resolver.TLSA, c *x509.Certificate) bool {
	data := c.Raw
	if r.Selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	switch r.Matching {
	case 1:
		sum := sha256.Sum256(data)
		data = sum[:]
	case 2:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return bytes.Equal(data, r.Data)
}
