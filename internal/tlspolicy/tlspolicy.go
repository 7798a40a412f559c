// Package tlspolicy finds out how well a connection to another domain's mail
// server must be protected: by MTA-STS (RFC 8461) and by DANE (RFC 7672).
//
// It exists because SMTP between servers is encrypted only if nobody on the
// way takes the word STARTTLS out. A domain that publishes a policy is
// believed: mail to it waits rather than goes in clear or to a server that
// cannot prove its name.
//
// What always holds: DANE counts only where a trusted, validating resolver
// vouches for every look-up on the way, and where it counts MTA-STS cannot
// soften it. A policy once fetched counts until its age is over, whatever
// happens to the records meanwhile. When no policy can be found out the domain
// is treated as one without (RFC 8461 section 5), but a TLSA look-up that fails
// puts the mail off (RFC 7672 section 2.1.2). Fetching follows no redirect,
// reads 64 KiB at most, takes ten seconds at most, and goes to no address that
// is not allowed. Policies live in memory: they name whom we write to.
package tlspolicy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"postroom/internal/resolver"
)

// DNS is what a Finder asks. Answers say whether they are vouched for.
type DNS interface {
	Query(ctx context.Context, name string, qtype uint16) (resolver.Answer, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupTLSA(ctx context.Context, name string) ([]resolver.TLSA, bool, error)
}

// The policies a connection can stand under, as reports name them (RFC 8460
// section 4.2), and what came of it.
const (
	NoPolicy = "no-policy-found"
	STS      = "sts"
	DANE     = "tlsa"

	Success       = "success"
	NoStartTLS    = "starttls-not-supported"
	HostMismatch  = "certificate-host-mismatch"
	Expired       = "certificate-expired"
	NotTrusted    = "certificate-not-trusted"
	Invalid       = "validation-failure"
	TLSAInvalid   = "tlsa-invalid"
	DNSSECInvalid = "dnssec-invalid"
	FetchError    = "sts-policy-fetch-error"
	PolicyInvalid = "sts-policy-invalid"
	MXMismatch    = "sts-mx-mismatch" // not in RFC 8460, which counts it as validation-failure
)

// Level says what a connection must be.
type Level int

// The levels.
const (
	Opportunistic Level = iota // as good as it gets
	Encrypted                  // TLS, whoever holds the certificate
	Verified                   // TLS with a certificate that Config verifies
)

// Config is how policies are looked for.
type Config struct {
	Port      int                   // of mail servers, in the names of TLSA records; 0: 25
	HTTPSPort int                   // 0: 443
	Roots     *x509.CertPool        // who vouches for the policies' servers; nil: the system's
	Allowed   func(netip.Addr) bool // addresses that may be asked for a policy; nil: all
	Now       func() time.Time      // nil: time.Now
	Log       *slog.Logger
	Count     func(policy, result string) // for each connection and each failed fetch; nil: nothing counts
}

// Finder finds policies and keeps them. It is safe for concurrent use.
type Finder struct {
	cfg   Config
	dns   DNS
	fetch func(ctx context.Context, domain string) ([]byte, error)

	mu     sync.Mutex
	known  map[string]*entry
	flying map[string]chan struct{}
}

// New makes a Finder. It asks nobody yet.
func New(dns DNS, cfg Config) *Finder {
	f := &Finder{cfg: cfg, dns: dns, known: map[string]*entry{}, flying: map[string]chan struct{}{}}
	if f.cfg.Port == 0 {
		f.cfg.Port = 25
	}
	if f.cfg.HTTPSPort == 0 {
		f.cfg.HTTPSPort = 443
	}
	if f.cfg.Now == nil {
		f.cfg.Now = time.Now
	}
	if f.cfg.Log == nil {
		f.cfg.Log = slog.New(slog.DiscardHandler)
	}
	if f.cfg.Count == nil {
		f.cfg.Count = func(string, string) {}
	}
	f.fetch = f.fetchHTTPS
	return f
}

// Requirement is what a connection to one exchanger of a domain must be.
type Requirement struct {
	Level  Level
	Policy string // NoPolicy, STS or DANE

	host    string
	testing bool // failures are only counted
	tlsa    []resolver.TLSA
	roots   *x509.CertPool
	now     func() time.Time
	count   func(policy, result string)
}

// ErrLater says that it could not be found out what the connection must be.
var ErrLater = errors.New("the mail server's TLSA records could not be looked up")

// ErrMX says that the domain's policy does not name the exchanger.
var ErrMX = errors.New("the domain's policy (MTA-STS) does not name this mail server")

// For says what a connection to host, an exchanger of domain, must be. An error
// means that there must be none now.
func (f *Finder) For(ctx context.Context, domain, host string) (*Requirement, error) {
	r := &Requirement{Policy: NoPolicy, host: strings.ToLower(strings.TrimSuffix(host, ".")), now: f.cfg.Now, count: f.cfg.Count}
	records, err := f.dane(ctx, domain, r.host)
	if err != nil {
		f.cfg.Count(DANE, DNSSECInvalid)
		return nil, ErrLater
	}
	if len(records) > 0 {
		r.Policy, r.Level = DANE, Encrypted
		if r.tlsa = usable(records); len(r.tlsa) > 0 {
			r.Level = Verified
		}
		return r, nil
	}
	p := f.sts(ctx, domain)
	if p == nil || p.Mode == "none" {
		return r, nil
	}
	r.Policy, r.testing = STS, p.Mode == "testing"
	if !p.Names(r.host) {
		f.cfg.Count(STS, MXMismatch)
		if !r.testing {
			return nil, ErrMX
		}
	}
	if !r.testing {
		r.Level = Verified
	}
	return r, nil
}

// Config gives the TLS configuration for the connection.
func (r *Requirement) Config(base *tls.Config) *tls.Config {
	cfg := &tls.Config{}
	if base != nil {
		cfg = base.Clone()
	}
	cfg.ServerName = r.host
	cfg.MinVersion = tls.VersionTLS12 // RFC 8996
	r.roots = cfg.RootCAs
	// The certificate is looked at in any case; what follows is the level's.
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		if r.Policy == NoPolicy {
			return nil
		}
		if err := r.verify(s.PeerCertificates); err != nil && r.Level == Verified {
			return err
		}
		return nil
	}
	return cfg
}

func (r *Requirement) verify(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("the server shows no certificate")
	}
	if len(r.tlsa) > 0 {
		return matchTLSA(r.tlsa, chain, r.host, r.now())
	}
	return verifyChain(chain, r.roots, r.host, r.now())
}

func verifyChain(chain []*x509.Certificate, roots *x509.CertPool, host string, now time.Time) error {
	others := x509.NewCertPool()
	for _, c := range chain[1:] {
		others.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: others, CurrentTime: now})
	return err
}

// Secured counts a connection that came to TLS. In testing it says here what
// enforcing would have said.
func (r *Requirement) Secured(s tls.ConnectionState) {
	result := Success
	if r.Policy != NoPolicy {
		if err := r.verify(s.PeerCertificates); err != nil && !(r.Level == Encrypted) {
			result = r.why(err)
		}
	}
	r.count(r.Policy, result)
}

// Unsecured counts a connection that did not come to TLS, and why; nil means
// that the server offers none.
func (r *Requirement) Unsecured(err error) {
	if err == nil {
		r.count(r.Policy, NoStartTLS)
		return
	}
	r.count(r.Policy, r.why(err))
}

// why names an error as RFC 8460 section 4.3 does.
func (r *Requirement) why(err error) string {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.Is(err, errTLSA):
		return TLSAInvalid
	case errors.As(err, &name):
		return HostMismatch
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Expired
	case errors.As(err, &unknown):
		return NotTrusted
	}
	return Invalid
}
