package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"postroom/internal/tlspolicy"
)

// deliverer hands mails to the next hop.
type deliverer struct {
	cfg      Config
	resolver Resolver
	policy   TLSPolicy // nil: nobody's is asked for
	pool     *pool
}

// relayLane is the lane of all mail where there is a relay.
const relayLane = "relay"

// destination is the lane a mail takes to the MX: the domain in A-labels. It
// fails for an address that can have none.
func destination(to string) (string, error) {
	_, domain, ok := splitAddress(to)
	if !ok {
		return "", &Result{Class: Permanent, Status: "5.1.3", Phase: "compose", Text: "this is no mail address"}
	}
	ascii, ok := asciiDomain(domain)
	if !ok {
		return "", &Result{Class: Permanent, Status: "5.1.2", Phase: "compose", Text: "the address's domain is no domain name"}
	}
	return ascii, nil
}

// deliver hands m over to the destination and says what came of it. It uses a
// connection that is still open from the last mail where there is one.
func (d *deliverer) deliver(ctx context.Context, dest string, m *Mail) Result {
	key := dest
	if m.Verified {
		key += verifiedLane
	}
	if s := d.pool.take(key); s != nil {
		err := s.send(ctx, m)
		if r, again := d.afterReuse(key, s, err); !again {
			return r
		}
	}
	if d.cfg.Relay != "" {
		return d.viaRelay(ctx, key, m)
	}
	return d.viaMX(ctx, dest, key, m)
}

// afterReuse judges a try over a kept connection. One that broke before the
// body was begun says nothing of the destination: the far side may just have
// grown tired of waiting.
func (d *deliverer) afterReuse(dest string, s *session, err error) (Result, bool) {
	var pe *phaseError
	if errors.As(err, &pe) && pe.phase == "mail" {
		if r := classify(err); r.Code == 0 || r.Code == 421 {
			s.close()
			return Result{}, true
		}
	}
	return d.done(dest, s, err), false
}

// done keeps or ends the session and makes the result.
func (d *deliverer) done(dest string, s *session, err error) Result {
	if err != nil {
		r := classify(err)
		if r.Code == 0 || r.Code == 421 || s.reset() != nil {
			s.close()
			return r
		}
		d.pool.put(dest, s)
		return r
	}
	r := Result{Class: Delivered, Status: "2.0.0", Code: 250, Host: s.host, TLS: s.tls, Phase: "final"}
	d.pool.put(dest, s)
	return r
}

func (d *deliverer) viaRelay(ctx context.Context, key string, m *Mail) Result {
	host, port, err := net.SplitHostPort(d.cfg.Relay)
	if err != nil {
		return Result{Class: Unreachable, Status: "4.3.5", Phase: "connect", Text: "outbound.relay is not host:port"}
	}
	ips := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = append(ips, ip)
	} else if ips, err = d.resolver.LookupIP(ctx, "ip", host); err != nil {
		return Result{Class: Unreachable, Status: "4.4.3", Phase: "dns", Text: "the relay's name could not be looked up"}
	}
	mode := d.cfg.RelayTLS
	if m.Verified {
		mode = TLSRequire
	}
	last := Result{Class: Unreachable, Status: "4.4.4", Phase: "dns", Text: "the relay has no address"}
	for _, ip := range ips[:min(len(ips), maxAddresses)] {
		s, err := d.open(ctx, target{
			name: host, addr: net.JoinHostPort(ip.String(), port), mode: mode,
			implicit: port == "465" && mode != TLSNone, user: d.cfg.RelayUser, password: d.cfg.RelayPassword,
		})
		if err != nil {
			if last = classify(err); m.Verified {
				last = unverified(last)
			}
			continue
		}
		return d.done(key, s, s.send(ctx, m))
	}
	return last
}

// viaMX goes through the exchangers in order. Trouble before the mail was
// named moves on to the next address; an answer about the mail ends it.
func (d *deliverer) viaMX(ctx context.Context, dest, key string, m *Mail) Result {
	hosts, err := d.exchangers(ctx, dest)
	if err != nil {
		return classify(err)
	}
	var insecure *Result // a server there was, but no way to it that is good enough
	w := worst{Result{Class: Permanent, Status: "5.4.4", Phase: "dns", Text: "the domain names no mail server"}}
	for _, host := range hosts {
		mode, policy, err := d.protection(ctx, dest, host)
		if err != nil {
			w.note(Result{Class: Unreachable, Status: "4.7.5", Phase: "tls", Host: host, Text: err.Error()})
			continue
		}
		if m.Verified && mode != TLSRequire {
			mode, policy = TLSRequire, nil // by the exchanger's name, as nobody says better
		}
		ips, refused, err := d.addresses(ctx, host)
		switch {
		case notFound(err) || (err == nil && len(ips) == 0 && !refused):
			w.note(Result{Class: Permanent, Status: "5.4.4", Phase: "dns", Text: "there is no mail server at this address: its domain, or the server it names, does not exist"})
		case err != nil:
			w.note(Result{Class: Temporary, Status: "4.4.3", Phase: "dns", Text: "the mail server's address could not be looked up just now"})
		case refused && len(ips) == 0:
			w.note(Result{Class: Permanent, Status: "5.4.4", Phase: "dns", Text: "the domain's mail server lies in a private network, where no mail is sent"})
		}
		for _, ip := range ips {
			s, err := d.open(ctx, target{name: host, addr: hostPort(ip, d.cfg.MXPort), mode: mode, policy: policy})
			if err != nil {
				r := classify(err)
				if m.Verified {
					if r = unverified(r); r.Class == Permanent {
						insecure = &r
					}
				}
				w.note(r)
				continue
			}
			return d.done(key, s, s.send(ctx, m))
		}
	}
	if insecure != nil {
		return *insecure
	}
	return w.r
}

// protection is what a connection to an exchanger must be, by what its domain
// publishes.
func (d *deliverer) protection(ctx context.Context, domain, host string) (TLSMode, *tlspolicy.Requirement, error) {
	if d.policy == nil {
		return TLSOpportunistic, nil, nil
	}
	r, err := d.policy.For(ctx, domain, host)
	if err != nil {
		return "", nil, err
	}
	switch r.Level {
	case tlspolicy.Verified:
		return TLSRequire, r, nil
	case tlspolicy.Encrypted:
		return TLSEncrypt, r, nil
	}
	return TLSOpportunistic, r, nil
}

// worst gathers the results of hosts that could not be talked to. As long as
// one of them may come back the whole is temporary.
type worst struct{ r Result }

func (w *worst) note(r Result) {
	if w.r.Class == Permanent || r.Class == Unreachable {
		w.r = r
	}
}

// tlsConfig: a smarthost's certificate is verified where that is required. At
// an MX without a policy there is nothing to verify it against, so any will do.
func (d *deliverer) tlsConfig(t target) *tls.Config {
	if t.policy != nil {
		return t.policy.Config(d.cfg.TLS)
	}
	cfg := &tls.Config{}
	if d.cfg.TLS != nil {
		cfg = d.cfg.TLS.Clone()
	}
	cfg.ServerName = strings.TrimSuffix(t.name, ".")
	cfg.MinVersion = tls.VersionTLS12 // RFC 8996
	cfg.InsecureSkipVerify = t.mode != TLSRequire
	return cfg
}

// String tells the route in words, for `postroom check`.
func (c Config) String() string {
	if c.Relay != "" {
		return "relay " + c.Relay + " (TLS " + string(c.withDefaults().RelayTLS) + ")"
	}
	return "straight to the MX, port " + strconv.Itoa(c.withDefaults().MXPort)
}

// Probe talks to the relay up to the login and hangs up: for `postroom check`.
// Without a relay there is nothing to try.
func Probe(ctx context.Context, cfg Config, r Resolver) error {
	cfg = cfg.withDefaults()
	if cfg.Relay == "" {
		return nil
	}
	d := &deliverer{cfg: cfg, resolver: r, pool: newPool(0, time.Second)}
	host, port, err := net.SplitHostPort(cfg.Relay)
	if err != nil {
		return errors.New("outbound.relay: write host:port")
	}
	ips := []netip.Addr{}
	if ip, perr := netip.ParseAddr(host); perr == nil {
		ips = append(ips, ip)
	} else if ips, err = r.LookupIP(ctx, "ip", host); err != nil {
		return err
	}
	err = errors.New("the relay has no address")
	for _, ip := range ips {
		var s *session
		s, err = d.open(ctx, target{name: host, addr: net.JoinHostPort(ip.String(), port), mode: cfg.RelayTLS,
			implicit: port == "465" && cfg.RelayTLS != TLSNone, user: cfg.RelayUser, password: cfg.RelayPassword})
		if err == nil {
			s.quit()
			return nil
		}
	}
	return err
}
