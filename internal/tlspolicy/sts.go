package tlspolicy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"postroom/internal/resolver"
)

// Policy is what a domain says in its mta-sts.txt.
type Policy struct {
	Mode   string   // enforce, testing or none
	MX     []string // names of exchangers, a leading "*." for one label
	MaxAge time.Duration
}

// The bounds of policies.
const (
	maxPolicy  = 64 << 10
	fetchTime  = 10 * time.Second
	longestAge = 31557600 * time.Second // RFC 8461 section 3.2
	failedFor  = 5 * time.Minute        // a fetch that failed is not tried again for so long
	maxKnown   = 20_000                 // domains
)

// Names reports whether the policy names the exchanger (RFC 8461 section 4.1).
func (p *Policy) Names(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return slices.ContainsFunc(p.MX, func(pattern string) bool {
		rest, wild := strings.CutPrefix(pattern, "*.")
		if !wild {
			return pattern == host
		}
		_, parent, ok := strings.Cut(host, ".")
		return ok && parent == rest
	})
}

// entry is what is known of a domain.
type entry struct {
	id      string
	policy  *Policy
	until   time.Time // of the policy
	retry   time.Time // no fetch before
	touched time.Time
}

func (e *entry) valid(now time.Time) *Policy {
	if e == nil || e.policy == nil || !now.Before(e.until) {
		return nil
	}
	return e.policy
}

// sts gives the policy that counts for the domain now; nil for none.
func (f *Finder) sts(ctx context.Context, domain string) *Policy {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	now := f.cfg.Now()
	id, err := f.stsID(ctx, domain)
	f.mu.Lock()
	e := f.known[domain]
	if err != nil || (e != nil && (e.id == id && e.valid(now) != nil || now.Before(e.retry))) {
		// No record, or none that can be read, is no reason to forget a policy.
		defer f.mu.Unlock()
		if e != nil {
			e.touched = now
		}
		return e.valid(now)
	}
	if wait := f.flying[domain]; wait != nil {
		f.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.known[domain].valid(now)
	}
	landed := make(chan struct{})
	f.flying[domain] = landed
	f.mu.Unlock()

	p, err := f.get(ctx, domain)

	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.flying, domain)
	close(landed)
	if e = f.known[domain]; e == nil {
		f.makeRoom()
		e = &entry{}
		f.known[domain] = e
	}
	e.touched = now
	if err != nil {
		e.retry = now.Add(failedFor)
		return e.valid(now)
	}
	*e = entry{id: id, policy: p, until: now.Add(p.MaxAge), touched: now}
	return p
}

// makeRoom forgets, when there are too many, the domain that was not written
// to for the longest time of a few.
func (f *Finder) makeRoom() {
	if len(f.known) < maxKnown {
		return
	}
	oldest, n := "", 0
	for d, e := range f.known { // in no order
		if oldest == "" || e.touched.Before(f.known[oldest].touched) {
			oldest = d
		}
		if n++; n == 16 {
			break
		}
	}
	delete(f.known, oldest)
}

// get fetches and reads the domain's policy, and counts what goes wrong.
func (f *Finder) get(ctx context.Context, domain string) (*Policy, error) {
	text, err := f.fetch(ctx, domain)
	if err != nil {
		f.cfg.Count(STS, FetchError)
		f.cfg.Log.Debug("a TLS policy was not fetched", "err", err)
		return nil, err
	}
	p, err := ParsePolicy(text)
	if err != nil {
		f.cfg.Count(STS, PolicyInvalid)
	}
	return p, err
}

var errNoRecord = errors.New("the domain publishes no MTA-STS record")

// stsID reads the record that says which policy is the newest (section 3.1).
func (f *Finder) stsID(ctx context.Context, domain string) (string, error) {
	texts, err := f.dns.LookupTXT(ctx, "_mta-sts."+domain)
	if err != nil {
		if resolver.IsNotFound(err) {
			return "", errNoRecord
		}
		return "", err
	}
	id, n := "", 0
	for _, t := range texts {
		if !strings.HasPrefix(t, "v=STSv1") {
			continue
		}
		if rest := strings.TrimLeft(t[len("v=STSv1"):], " \t"); !strings.HasPrefix(rest, ";") {
			continue
		}
		n++
		for field := range strings.SplitSeq(t, ";") {
			if name, v, ok := strings.Cut(strings.TrimSpace(field), "="); ok && name == "id" {
				id = v
			}
		}
	}
	if n != 1 || !isID(id) {
		return "", errNoRecord
	}
	return id, nil
}

func isID(s string) bool {
	return len(s) >= 1 && len(s) <= 32 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	})
}

// ParsePolicy reads a mta-sts.txt (section 3.2). Keys that it does not know
// mean nothing; of a key that comes twice the first counts, but for mx.
func ParsePolicy(text []byte) (*Policy, error) {
	p := &Policy{MaxAge: -1}
	version := ""
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if !ok {
			if strings.TrimSpace(line) == "" {
				continue
			}
			return nil, errors.New("a line of the policy has no colon")
		}
		switch strings.TrimSpace(name) {
		case "version":
			if version == "" {
				version = value
			}
		case "mode":
			if p.Mode == "" {
				p.Mode = value
			}
		case "max_age":
			n, err := strconv.ParseUint(value, 10, 32)
			if err != nil || len(value) > 10 {
				return nil, errors.New("the policy's max_age is no number")
			}
			if p.MaxAge < 0 {
				p.MaxAge = min(time.Duration(n)*time.Second, longestAge)
			}
		case "mx":
			if !isPattern(value) {
				return nil, errors.New("the policy names a mail server that can be none")
			}
			p.MX = append(p.MX, strings.ToLower(value))
		}
	}
	switch {
	case version != "STSv1":
		return nil, errors.New("the policy is of no known version")
	case p.Mode != "enforce" && p.Mode != "testing" && p.Mode != "none":
		return nil, errors.New("the policy's mode is none of enforce, testing and none")
	case p.MaxAge < 0:
		return nil, errors.New("the policy has no max_age")
	case p.Mode != "none" && len(p.MX) == 0:
		return nil, errors.New("the policy names no mail server")
	}
	return p, nil
}

func isPattern(s string) bool {
	rest := strings.TrimPrefix(s, "*.")
	if rest == "" || len(s) > 253 || strings.HasPrefix(rest, ".") || strings.HasSuffix(rest, ".") || strings.Contains(rest, "..") {
		return false
	}
	return !strings.ContainsFunc(rest, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '.' || r == '_')
	})
}

// fetchHTTPS gets the policy as section 3.3 says: from the host of that name
// with a certificate that holds for it, and from nowhere else.
func (f *Finder) fetchHTTPS(ctx context.Context, domain string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	host := "mta-sts." + domain
	transport := &http.Transport{
		DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10, DisableCompression: true,
		TLSClientConfig: &tls.Config{RootCAs: f.cfg.Roots, MinVersion: tls.VersionTLS12, Time: f.cfg.Now, ServerName: host},
		DialContext:     func(ctx context.Context, _, _ string) (net.Conn, error) { return f.dial(ctx, host) },
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the policy's server answered %d", res.StatusCode)
	}
	if kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "text/plain") {
		return nil, errors.New("the policy is no plain text")
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxPolicy+1))
	if err == nil && len(text) > maxPolicy {
		err = errors.New("the policy is too long")
	}
	return text, err
}

// dial goes to an address that may be asked, and to no other that DNS names.
func (f *Finder) dial(ctx context.Context, host string) (net.Conn, error) {
	ips, err := f.dns.LookupIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	err = errors.New("the policy's server has no address that may be asked")
	tries := 0
	for _, ip := range ips {
		if f.cfg.Allowed != nil && !f.cfg.Allowed(ip.Unmap()) {
			continue
		}
		if tries++; tries > 4 {
			break
		}
		var conn net.Conn
		if conn, err = new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(ip.Unmap().String(), strconv.Itoa(f.cfg.HTTPSPort))); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// Published fetches what a domain publishes now, for `postroom check`. It is
// nil without an error when the domain publishes nothing.
func (f *Finder) Published(ctx context.Context, domain string) (*Policy, error) {
	if _, err := f.stsID(ctx, domain); err != nil {
		if errors.Is(err, errNoRecord) {
			return nil, nil
		}
		return nil, err
	}
	text, err := f.fetch(ctx, domain)
	if err != nil {
		return nil, err
	}
	return ParsePolicy(text)
}
