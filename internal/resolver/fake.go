package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Fake is a Source that answers from a zone in master-file form (RFC 1035
// section 5), for tests and for the demo. It is safe for concurrent use.
type Fake struct {
	mu      sync.Mutex
	records map[string][]dns.RR
	fail    map[string]bool
	silent  map[string]bool
	secure  bool
	asked   int
	names   map[string]int
}

var _ Source = (*Fake)(nil)

// NewFake reads a zone. Names are absolute, with or without a final dot; the
// TTL may be left out:
//
//	example.org TXT "v=spf1 mx -all"
//	example.org MX 10 mx.example.org.
//
// It panics on a zone that does not parse, which is a fault of the test.
func NewFake(zone string) *Fake {
	f := &Fake{fail: map[string]bool{}, silent: map[string]bool{}, names: map[string]int{}}
	if err := f.Set(zone); err != nil {
		panic(err)
	}
	return f
}

// Set replaces the zone.
func (f *Fake) Set(zone string) error {
	records := map[string][]dns.RR{}
	p := dns.NewZoneParser(strings.NewReader(zone), ".", "zone")
	p.SetDefaultTTL(300)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		name := dns.CanonicalName(rr.Header().Name)
		records[name] = append(records[name], rr)
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("fake zone: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.records = records
	return nil
}

// Fail makes every question about these names end in SERVFAIL.
func (f *Fake) Fail(names ...string) { f.mark(f.fail, names) }

// Silence makes every question about these names go unanswered until the
// caller's context ends.
func (f *Fake) Silence(names ...string) { f.mark(f.silent, names) }

// Heal takes back Fail and Silence.
func (f *Fake) Heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.fail)
	clear(f.silent)
}

// Vouch sets the AD bit on every answer from now on.
func (f *Fake) Vouch(secure bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secure = secure
}

// Asked is the number of questions so far.
func (f *Fake) Asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// AskedAbout is the number of questions about one name.
func (f *Fake) AskedAbout(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.names[dns.CanonicalName(name)]
}

func (f *Fake) mark(set map[string]bool, names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range names {
		set[dns.CanonicalName(n)] = true
	}
}

// Query implements Source.
func (f *Fake) Query(ctx context.Context, name string, qtype uint16) (Answer, error) {
	name = dns.CanonicalName(name)
	records, rcode, silent := f.answer(name, qtype)
	if silent {
		<-ctx.Done()
		return Answer{}, temporary(name, "", ctx.Err())
	}
	if rcode == dns.RcodeServerFailure {
		return Answer{}, temporary(name, "", errors.New("servfail"))
	}
	found, end, _ := follow(&dns.Msg{Answer: records}, name, qtype)
	if end == "" {
		return Answer{}, temporary(name, "", errLongChain)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return Answer{Records: found, NXDomain: rcode == dns.RcodeNameError, Secure: f.secure, Name: end}, nil
}

// answer gives the records of a name with its CNAMEs, as a recursive server
// would.
func (f *Fake) answer(name string, qtype uint16) (records []dns.RR, rcode int, silent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	f.names[name]++
	for range maxChain {
		if f.silent[name] {
			return nil, 0, true
		}
		if f.fail[name] {
			return nil, dns.RcodeServerFailure, false
		}
		next := ""
		for _, rr := range f.records[name] {
			if rr.Header().Rrtype == qtype {
				records = append(records, rr)
			} else if cn, ok := rr.(*dns.CNAME); ok {
				records = append(records, rr)
				next = dns.CanonicalName(cn.Target)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if !f.exists(name) {
		return records, dns.RcodeNameError, false
	}
	return records, dns.RcodeSuccess, false
}

// exists: a name is there if it or anything below it has records.
func (f *Fake) exists(name string) bool {
	if _, ok := f.records[name]; ok {
		return true
	}
	for n := range f.records {
		if strings.HasSuffix(n, "."+name) {
			return true
		}
	}
	return false
}

// Serve answers DNS over UDP and TCP on the address given ("127.0.0.1:0" for
// any port) until ctx ends, and gives the address it listens on. Unanswered
// questions of Silence get no packet at all.
func (f *Fake) Serve(ctx context.Context, addr string) (string, error) {
	pc, ln, err := listenBoth(addr)
	if err != nil {
		return "", fmt.Errorf("serve fake zone: %w", err)
	}
	var lives sync.WaitGroup
	for _, s := range []*dns.Server{
		{PacketConn: pc, Handler: dns.HandlerFunc(f.serve)},
		{Listener: ln, Handler: dns.HandlerFunc(f.serve)},
	} {
		up := make(chan struct{})
		s.NotifyStartedFunc = func() { close(up) }
		lives.Add(1)
		go func() {
			defer lives.Done()
			_ = s.ActivateAndServe() // ends with Shutdown
		}()
		<-up
		context.AfterFunc(ctx, func() { _ = s.Shutdown() })
	}
	return pc.LocalAddr().String(), nil
}

// ServeZone is NewFake and Serve on a free loopback port.
func ServeZone(ctx context.Context, zone string) (string, error) {
	return NewFake(zone).Serve(ctx, "127.0.0.1:0")
}

// listenBoth finds one port that is free for UDP and TCP alike.
func listenBoth(addr string) (net.PacketConn, net.Listener, error) {
	var last error
	for range 10 {
		pc, err := net.ListenPacket("udp", addr)
		if err != nil {
			return nil, nil, err
		}
		ln, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, ln, nil
		}
		_ = pc.Close()
		last = err
	}
	return nil, nil, last
}

func (f *Fake) serve(w dns.ResponseWriter, req *dns.Msg) {
	m := new(dns.Msg)
	m.SetReply(req)
	m.RecursionAvailable = true
	if len(req.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		_ = w.WriteMsg(m)
		return
	}
	q := req.Question[0]
	records, rcode, silent := f.answer(dns.CanonicalName(q.Name), q.Qtype)
	if silent {
		return
	}
	m.Answer, m.Rcode = records, rcode
	f.mu.Lock()
	m.AuthenticatedData = f.secure
	f.mu.Unlock()
	size := dns.MinMsgSize
	if opt := req.IsEdns0(); opt != nil {
		size = int(opt.UDPSize())
		m.SetEdns0(udpSize, false)
	}
	if _, udp := w.LocalAddr().(*net.UDPAddr); udp {
		m.Truncate(size)
	}
	_ = w.WriteMsg(m)
}
