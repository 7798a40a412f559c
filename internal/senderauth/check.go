package senderauth

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
)

// Input is what the connection and the envelope say before the message comes.
type Input struct {
	Remote   netip.Addr // invalid when the mail did not come over SMTP: no SPF then
	Helo     string
	MailFrom string // without angle brackets; empty for the null sender
}

// Check is the check of one mail. Write and Finish belong to one goroutine.
type Check struct {
	c      *Checker
	ctx    context.Context
	cancel context.CancelFunc
	in     Input
	wg     sync.WaitGroup // SPF and reverse look-up under way
	spf    SPF
	iprev  IPRev

	header   []byte // collected until it ends
	ended    bool   // the header has ended, or is too large to verify
	census   census
	tooLarge bool
	dkim     *dkimRun
	arc      *arcRun
	blank    blankRun
}

// Start begins a check as soon as the envelope is known. SPF and the reverse
// look-up go on while the message arrives. Close must be called in the end.
//
// ctx bounds the whole check and should be that of the connection.
func (c *Checker) Start(ctx context.Context, in Input) *Check {
	in.Remote = in.Remote.Unmap().WithZone("")
	k := &Check{c: c, ctx: ctx, in: in}
	k.startSPF()
	k.startIPRev()
	return k
}

// work is the context of what runs beside the mail, ended by Close. Most mails
// are answered from memory and need none.
func (k *Check) work() context.Context {
	if k.cancel == nil {
		k.ctx, k.cancel = context.WithCancel(k.ctx)
	}
	return k.ctx
}

func (k *Check) startSPF() {
	sender, domain, scope, err := spfIdentity(k.in)
	k.spf = SPF{Result: None, Domain: domain, Scope: scope}
	switch {
	case !k.in.Remote.IsValid():
		k.spf.Reason = "no connecting address"
		return
	case err != nil:
		k.spf.Reason = "no domain to ask about"
		return
	}
	if name, ok := k.c.forwarderNet(k.in.Remote); ok {
		k.spf.Reason = "forwarded by " + name
		return
	}
	key := spfKey{k.in.Remote, domain, lower(k.in.Helo)}
	if s, ok := k.c.spf.get(key); ok {
		k.spf = s
		return
	}
	ctx := k.work()
	k.wg.Go(func() {
		s, keep := k.c.checkSPF(ctx, k.in, sender, domain, scope)
		if keep {
			k.c.spf.put(key, s)
		}
		k.spf = s
	})
}

func (k *Check) startIPRev() {
	ip := k.in.Remote
	if !ip.IsValid() {
		return
	}
	if r, ok := k.c.iprev.get(ip); ok {
		k.iprev = r
		return
	}
	ctx := k.work()
	k.wg.Go(func() {
		k.iprev = k.c.checkIPRev(ctx, ip)
		if k.iprev.Result != TempError {
			k.c.iprev.put(ip, k.iprev)
		}
	})
}

// Write takes the message as it arrives, in pieces of any size. It never
// fails: a message that cannot be verified is just not verified. It may wait
// for the DNS, seconds at most.
func (k *Check) Write(p []byte) (int, error) {
	n := len(p)
	if !k.ended && len(k.header) == 0 { // usually all of it comes at once, and need not be collected
		if end := headerEnd(p, 0); end >= 0 && end <= maxHeader {
			k.headerDone(p[:end])
			p = p[end:]
		}
	}
	if !k.ended {
		before := len(k.header)
		k.header = append(k.header, p...)
		end := headerEnd(k.header, before)
		if end < 0 || end > maxHeader {
			if len(k.header) > maxHeader {
				k.ended, k.tooLarge = true, true
				k.census = take(k.header[:maxHeader], k.c.hostname)
				k.header = nil
			}
			return n, nil
		}
		p = p[end-before:]
		k.headerDone(k.header[:end])
	}
	k.body(p)
	return n, nil
}

// headerDone decides what of the body will be looked at.
func (k *Check) headerDone(header []byte) {
	k.ended = true
	k.census = take(header, k.c.hostname)
	// A From too many already settles that nothing is proved.
	if k.census.froms == 1 && k.census.dkim > 0 {
		k.dkim = startDKIM(k.work(), newKeyring(k.c.dns, dkimQuestions), header)
	}
	if k.census.arc > 0 {
		k.arc = startARC(k.work(), newKeyring(k.c.dns, arcQuestions), header)
	}
	k.header = nil
}

func (k *Check) body(p []byte) {
	if len(p) == 0 || (k.dkim == nil && k.arc == nil) {
		return
	}
	if k.dkim != nil && !k.blank.over {
		if k.blank.see(p); k.blank.over {
			k.dkim.end()
		} else {
			k.dkim.write(p)
		}
	}
	if k.arc != nil {
		k.arc.body.Write(p)
	}
}

// Close ends the check and what it started. It may be called at any time, also
// after Finish, and more than once.
func (k *Check) Close() {
	if k.cancel != nil {
		k.cancel()
	}
	if k.dkim != nil {
		k.dkim.end()
	}
}

// Finish gives the result, when the whole message has been written. from are
// the mailboxes' addresses of the From field as the parser of the message
// understood it; what it proves, it proves for exactly one.
//
// It waits for the DNS no longer than a few seconds.
func (k *Check) Finish(from []string) Result {
	if !k.ended { // no empty line: all of it is header
		if n := len(k.header); n > 0 && k.header[n-1] != '\n' {
			k.header = append(k.header, "\r\n"...)
		}
		k.header = append(k.header, "\r\n"...)
		k.headerDone(k.header)
	}
	r := Result{Remote: k.in.Remote, List: k.census.list, ForgedResults: k.census.forged}
	domain, err := author(from, k.census.froms)
	r.ManyFroms = err == errManyFroms
	if err == nil {
		r.From = domain
		if odd, why := Lookalike(domain); odd {
			r.LookAlike = why
		}
	}
	// All that asks the DNS goes on at once, within one time for all.
	ctx := k.ctx
	if k.dkim != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, finishTime)
		defer cancel()
	}
	auth := k.startAuthority(ctx, domain, err)
	if k.dkim != nil {
		k.dkim.end()
		r.DKIM = k.dkim.results(ctx)
	}
	k.wg.Wait() // each has its own time
	r.SPF, r.IPRev = k.spf, k.iprev
	if k.blank.over {
		r.Unverified = "thousands of empty lines in a row"
		for i := range r.DKIM {
			r.DKIM[i].Result, r.DKIM[i].Reason = Policy, r.Unverified
		}
	}
	switch {
	case k.tooLarge:
		r.Unverified = "header too large"
	case k.census.froms != 1 && k.census.dkim > 0:
		r.Unverified = "not exactly one From"
	}
	if k.arc != nil {
		r.ARC = k.arc.finish()
		r.ARC.Trusted = r.ARC.Result == Pass && k.c.sealers[r.ARC.Sealer]
		r.ARC.Vouches = r.ARC.Trusted && k.arc.vouched(domain, k.c.sealers)
	}
	k.c.markForwarder(&r)
	k.conclude(ctx, &r, auth(), err)
	k.c.log.LogAttrs(ctx, slog.LevelDebug, "sender checked",
		slog.String("proof", string(r.Proof)), slog.String("disposition", string(r.Disposition)),
		slog.String("spf", string(r.SPF.Result)), slog.Int("signatures", len(r.DKIM)),
		slog.String("dmarc", string(r.DMARC.Result)), slog.String("arc", string(r.ARC.Result)))
	return r
}

// startAuthority begins to ask what From's domain publishes, beside the
// signatures' keys if there are any. The function it gives waits for it.
func (k *Check) startAuthority(ctx context.Context, domain string, err error) func() *authority {
	var auth *authority
	switch {
	case err != nil:
	case k.dkim == nil:
		auth = k.c.authorityOf(ctx, domain)
	default:
		done := make(chan struct{})
		go func() {
			defer close(done)
			auth = k.c.authorityOf(ctx, domain)
		}()
		return func() *authority { <-done; return auth }
	}
	return func() *authority { return auth }
}

// author gives the one domain that the mail claims to be from. fields is the
// number of From fields.
func author(from []string, fields int) (string, error) {
	if fields > 1 || len(from) > 1 {
		return "", errManyFroms
	}
	if len(from) == 0 {
		return "", errDomain
	}
	return domainOf(from[0])
}

// forwarderNet says whether the administrator named a network with this address.
func (c *Checker) forwarderNet(ip netip.Addr) (string, bool) {
	for _, p := range c.nets {
		if p.Contains(ip) {
			return p.String(), true
		}
	}
	return "", false
}

// markForwarder notes a forwarder that the administrator named, and takes
// back what SPF said about it.
func (c *Checker) markForwarder(r *Result) {
	if name, ok := c.forwarderNet(r.Remote); ok {
		r.Forwarder = name
	}
	for _, d := range c.domains {
		named := r.IPRev.Result == Pass && within(r.IPRev.Name, d)
		wrote := r.SPF.Result == Pass && within(r.SPF.Domain, d)
		if r.Forwarder == "" && (named || wrote) {
			r.Forwarder = d
		}
	}
	if r.Forwarder != "" && r.SPF.Result != None {
		r.SPF.Reason = strings.TrimSpace("not counted (" + string(r.SPF.Result) + "): forwarded by " + r.Forwarder)
		r.SPF.Result = None
	}
}

// blankRun watches for bodies that would make the DKIM library hold a long run
// of empty lines in memory.
type blankRun struct {
	lines int
	ink   bool // the current line has something on it
	over  bool
}

func (b *blankRun) see(p []byte) {
	for len(p) > 0 {
		nl := bytes.IndexByte(p, '\n')
		line := p
		if nl >= 0 {
			line = p[:nl]
			p = p[nl+1:]
		} else {
			p = nil
		}
		if !b.ink {
			b.ink = len(bytes.Trim(line, " \t\r")) > 0
		}
		if nl < 0 {
			return
		}
		if b.ink {
			b.lines, b.ink = 0, false
		} else if b.lines++; b.lines > maxBlankRun {
			b.over = true
			return
		}
	}
}
