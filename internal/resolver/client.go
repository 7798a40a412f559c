package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

// Config says whom to ask and within what bounds. Zero values mean the
// defaults given.
type Config struct {
	Servers    []string         // "address" or "address:port"; empty: those of /etc/resolv.conf
	Try        time.Duration    // for one try at one server; 2 s
	Total      time.Duration    // for one question, all tries and CNAMEs; 5 s
	MaxEntries int              // of the cache; 20,000
	MaxBytes   int              // of the cache, roughly; 16 MiB
	InFlight   int              // questions under way at once; 512
	Now        func() time.Time // time.Now
}

// TTLs are honoured within these bounds.
const (
	minTTL      = 5 * time.Second
	maxTTL      = time.Hour
	maxNegative = 15 * time.Minute
	noSOA       = 30 * time.Second // a denial that does not say for how long
	failureTTL  = time.Second      // so that a storm of mails is not a storm of questions
	udpSize     = 1232             // no fragments on usual paths
	maxChain    = 8                // CNAMEs followed
	rounds      = 2                // times each server is tried
)

// New makes a Resolver that asks servers over the network. It fails only on a
// configuration that cannot work.
func New(cfg Config) (*Resolver, error) {
	servers := cfg.Servers
	if len(servers) == 0 {
		conf, err := dns.ClientConfigFromFile("/etc/resolv.conf")
		if err != nil {
			return nil, fmt.Errorf("no dns.servers configured, and the system's: %w", err)
		}
		for _, s := range conf.Servers {
			servers = append(servers, net.JoinHostPort(s, conf.Port))
		}
	}
	if len(servers) == 0 {
		servers = []string{"127.0.0.1:53"} // resolv.conf(5): the default
	}
	c := &client{
		cfg:   cfg.withDefaults(),
		named: len(cfg.Servers) > 0,
	}
	for _, s := range servers {
		addr, err := serverAddr(s)
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, addr)
	}
	c.cache = newCache(c.cfg.MaxEntries, c.cfg.MaxBytes)
	c.slots = make(chan struct{}, c.cfg.InFlight)
	return From(c), nil
}

func (cfg Config) withDefaults() Config {
	orDuration := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	orInt := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	orDuration(&cfg.Try, 2*time.Second)
	orDuration(&cfg.Total, 5*time.Second)
	orInt(&cfg.MaxEntries, 20_000)
	orInt(&cfg.MaxBytes, 16<<20)
	orInt(&cfg.InFlight, 512)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg
}

func serverAddr(s string) (string, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.String(), nil
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(a, 53).String(), nil
	}
	if host, port, err := net.SplitHostPort(s); err == nil && host == "localhost" {
		if _, err := strconv.ParseUint(port, 10, 16); err == nil {
			return net.JoinHostPort("127.0.0.1", port), nil
		}
	}
	return "", fmt.Errorf("dns server %q: write an address, such as 127.0.0.1:53", s)
}

var errLongChain = errors.New("CNAME chain too long")

type client struct {
	cfg     Config
	servers []string
	named   bool         // the administrator named the servers
	first   atomic.Int32 // the server to try first: the last one that answered
	cache   *cache
	flights singleflight.Group
	slots   chan struct{}
	health  health
}

// Query implements Source.
func (c *client) Query(ctx context.Context, name string, qtype uint16) (Answer, error) {
	q := question{name, qtype}
	if e, ok := c.cache.get(q, c.cfg.Now()); ok {
		return e.answer, e.err
	}
	// The flight has its own time: who asked first may hang up without
	// spoiling the answer for who asked second.
	ch := c.flights.DoChan(strconv.Itoa(int(qtype))+" "+name, func() (any, error) {
		if !c.alive() {
			return c.failed(temporary(name, "", errDown)), nil
		}
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Total)
		defer cancel()
		e := c.fetch(own, q)
		c.cache.put(q, e, c.cfg.Now())
		return e, nil
	})
	select {
	case res := <-ch:
		e := res.Val.(entry)
		return e.answer, e.err
	case <-ctx.Done():
		return Answer{}, temporary(name, "", ctx.Err())
	}
}

// fetch asks, follows CNAMEs, and says how long to remember.
func (c *client) fetch(ctx context.Context, q question) entry {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return c.failed(temporary(q.name, "", ctx.Err()))
	}
	name, ttl, size := q.name, maxTTL, 0
	secure := true
	for range maxChain {
		msg, server, err := c.exchange(ctx, name, q.qtype)
		if err != nil {
			return c.failed(err)
		}
		secure = secure && msg.AuthenticatedData && c.trusts(server)
		size += msg.Len()
		found, end, least := follow(msg, name, q.qtype)
		ttl = min(ttl, least)
		switch {
		case end == "":
			return c.failed(temporary(q.name, server, errLongChain))
		case len(found) > 0:
			a := Answer{Records: found, Secure: secure, Name: end}
			return entry{answer: a, until: c.cfg.Now().Add(max(ttl, minTTL)), size: 3 * size}
		case end == name || msg.Rcode == dns.RcodeNameError || hasSOA(msg):
			a := Answer{NXDomain: msg.Rcode == dns.RcodeNameError, Secure: secure, Name: end}
			ttl = min(ttl, negativeTTL(msg))
			return entry{answer: a, until: c.cfg.Now().Add(max(ttl, minTTL)), size: size}
		}
		name = end // the server left the rest of the chain to us
	}
	return c.failed(temporary(q.name, "", errLongChain))
}

func (c *client) failed(err error) entry {
	return entry{err: err, until: c.cfg.Now().Add(failureTTL)}
}

// exchange tries the servers in turn until one gives an answer that is one.
func (c *client) exchange(ctx context.Context, name string, qtype uint16) (*dns.Msg, string, error) {
	var last error
	server := ""
	start := int(c.first.Load())
	for try := range rounds * len(c.servers) {
		at := (start + try) % len(c.servers)
		server = c.servers[at]
		msg, err := c.once(ctx, server, name, qtype)
		if err == nil {
			c.first.Store(int32(at))
			c.health.answered()
			return msg, server, nil
		}
		last = err
		if !timedOut(err) {
			c.health.answered() // with a refusal, or the machine is there
		}
		if ctx.Err() != nil {
			break
		}
	}
	if timedOut(last) && c.health.silent() {
		c.probe()
	}
	return nil, server, temporary(name, server, last)
}

func (c *client) once(ctx context.Context, server, name string, qtype uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	m.AuthenticatedData = true // we want to know (RFC 6840 section 5.7)
	m.SetEdns0(udpSize, false)
	msg, err := c.send(ctx, "udp", server, m)
	if err == nil && msg.Rcode == dns.RcodeFormatError {
		m.Extra = nil // a server from before EDNS
		msg, err = c.send(ctx, "udp", server, m)
	}
	if err == nil && msg.Truncated {
		msg, err = c.send(ctx, "tcp", server, m)
	}
	if err != nil {
		return nil, err
	}
	if msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError {
		return nil, errors.New(strings.ToLower(dns.RcodeToString[msg.Rcode]))
	}
	return msg, nil
}

func (c *client) send(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Try)
	defer cancel()
	cl := dns.Client{Net: network, UDPSize: udpSize, Timeout: c.cfg.Try}
	msg, _, err := cl.ExchangeContext(ctx, m, server)
	if err != nil {
		return nil, err
	}
	q := m.Question[0]
	if !msg.Response || len(msg.Question) != 1 || msg.Question[0].Qtype != q.Qtype ||
		!strings.EqualFold(msg.Question[0].Name, q.Name) {
		return nil, errors.New("answer to another question")
	}
	return msg, nil
}

// trusts says whose AD bit counts: a server on this machine, or one that the
// administrator named. One learnt by DHCP vouches for nothing.
func (c *client) trusts(server string) bool {
	ap, err := netip.ParseAddrPort(server)
	return c.named || (err == nil && ap.Addr().IsLoopback())
}

// follow walks the CNAMEs within one answer. It gives the records of the type
// asked for at the chain's end, that end ("" when the chain is too long or
// runs in a circle), and the least TTL met.
func follow(msg *dns.Msg, name string, qtype uint16) ([]dns.RR, string, time.Duration) {
	least := maxTTL
	for range maxChain {
		var found []dns.RR
		next := ""
		for _, rr := range msg.Answer {
			h := rr.Header()
			if h.Class != dns.ClassINET || !strings.EqualFold(h.Name, name) {
				continue
			}
			if h.Rrtype == qtype {
				found = append(found, rr)
			} else if cn, ok := rr.(*dns.CNAME); ok {
				next = dns.CanonicalName(cn.Target)
			} else {
				continue
			}
			least = min(least, time.Duration(h.Ttl)*time.Second)
		}
		if len(found) > 0 || next == "" {
			return found, name, least
		}
		name = next
	}
	return nil, "", least
}

func hasSOA(msg *dns.Msg) bool {
	for _, rr := range msg.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			return true
		}
	}
	return false
}

// negativeTTL is RFC 2308 section 5: the lesser of the SOA's TTL and minimum.
func negativeTTL(msg *dns.Msg) time.Duration {
	for _, rr := range msg.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second, maxNegative)
		}
	}
	return noSOA
}

func temporary(name, server string, err error) error {
	de := &net.DNSError{Err: "no answer", Name: name, Server: server, IsTemporary: true, UnwrapErr: err}
	if err != nil {
		de.Err = err.Error()
	}
	de.IsTimeout = timedOut(err)
	return de
}
