package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"postroom/internal/config"
	"postroom/internal/outbound"
	"postroom/internal/resolver"
	"postroom/internal/senderauth"
	"postroom/internal/tlspolicy"
	"postroom/privacy"
	"postroom/tickets"
)

type checkCmd struct {
	Store bool `help:"Verify the store: integrity, and the sha256 of every message. Nothing else is tried."`
}

// checkTime bounds one thing that is tried.
const checkTime = 10 * time.Second

type report struct {
	w     io.Writer
	wrong int
}

func (r *report) ok(what, format string, args ...any) {
	fmt.Fprintf(r.w, "ok    %-10s %s\n", what, fmt.Sprintf(format, args...))
}
func (r *report) warn(what, format string, args ...any) {
	fmt.Fprintf(r.w, "warn  %-10s %s\n", what, fmt.Sprintf(format, args...))
}
func (r *report) fail(what, format string, args ...any) {
	r.wrong++
	fmt.Fprintf(r.w, "FIX   %-10s %s\n", what, fmt.Sprintf(format, args...))
}

func (cmd *checkCmd) Do(ctx context.Context, d *desk, s streams) error {
	r := &report{w: s.out}
	if cmd.Store {
		if err := d.store.VerifyStore(ctx, func(fault string) { r.fail("store", "%s", fault) }); err != nil {
			return err
		}
		if r.wrong > 0 {
			return exitError(1)
		}
		r.ok("store", "every message is whole")
		return nil
	}
	// A resolver of its own: a running server's remembers what was missing a
	// minute ago, and this is for looking again after publishing it.
	dns, err := resolver.New(resolver.Config{Servers: d.cfg.DNS.Servers})
	if err != nil {
		return err
	}
	anew := *d
	anew.dns = dns
	d = &anew
	r.ok("config", "hostname %s, data in %s", d.cfg.Hostname, d.cfg.Data)
	r.ok("database", "answers")
	r.ok("search", "%s", d.store.SearchMode())
	d.checkRedis(ctx, r)
	d.checkHostname(ctx, r)
	d.checkCertificate(r)
	d.checkOutbound(ctx, r)
	checkPrivacy(&d.cfg.Privacy, r)
	if err := d.checkQueues(ctx, r); err != nil {
		return err
	}
	if r.wrong > 0 {
		fmt.Fprintf(s.out, "\n%d things to fix.\n", r.wrong)
		return exitError(1)
	}
	return nil
}

func (d *desk) checkRedis(ctx context.Context, r *report) {
	if d.cfg.Redis.URL == "" {
		r.ok("redis", "not configured: queues and limits in this process")
		return
	}
	opt, err := redis.ParseURL(d.cfg.Redis.URL)
	if err != nil {
		r.fail("redis", "redis.url: %v", err)
		return
	}
	c := redis.NewClient(opt)
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if err := c.Ping(ctx).Err(); err != nil {
		r.warn("redis", "%s does not answer (%v); mail goes on with limits of this process", opt.Addr, err)
		return
	}
	r.ok("redis", "%s answers", opt.Addr)
}

// checkHostname asks for the address that every MX record will lead to.
func (d *desk) checkHostname(ctx context.Context, r *report) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	addrs, err := d.dns.LookupIP(ctx, "ip", d.cfg.Hostname)
	if err != nil || len(addrs) == 0 {
		r.fail("dns", "%s has no address: publish an A or AAAA record for it, or correct hostname", d.cfg.Hostname)
		return
	}
	r.ok("dns", "%s is at %s", d.cfg.Hostname, addrs[0])
}

func (d *desk) checkCertificate(r *report) {
	if d.cfg.TLS.ACME {
		r.ok("tls", "certificates by ACME; port 443 of %s has to be reachable", d.cfg.Hostname)
		return
	}
	if d.cfg.TLS.Cert == "" {
		r.warn("tls", "self-signed: mail servers take it, mail clients complain; set tls.cert and tls.key, or tls.acme")
		return
	}
	pair, err := tls.LoadX509KeyPair(d.cfg.TLS.Cert, d.cfg.TLS.Key)
	if err != nil {
		r.fail("tls", "tls.cert: %v", err)
		return
	}
	switch left := time.Until(pair.Leaf.NotAfter); {
	case pair.Leaf.VerifyHostname(d.cfg.Hostname) != nil:
		r.fail("tls", "%s is not for %s", d.cfg.TLS.Cert, d.cfg.Hostname)
	case left < 0:
		r.fail("tls", "%s ended on %s", d.cfg.TLS.Cert, pair.Leaf.NotAfter.Format("2006-01-02"))
	case left < 14*24*time.Hour:
		r.warn("tls", "%s ends on %s", d.cfg.TLS.Cert, pair.Leaf.NotAfter.Format("2006-01-02"))
	default:
		r.ok("tls", "certificate for %s until %s", d.cfg.Hostname, pair.Leaf.NotAfter.Format("2006-01-02"))
	}
}

// checkPrivacy says what people have a right to be told and nobody wrote down,
// and what the sums of time do not know.
func checkPrivacy(p *config.Privacy, r *report) {
	whole := true
	warn := func(lacks bool, format string, args ...any) {
		if lacks {
			whole = false
			r.warn("privacy", format, args...)
		}
	}
	warn(p.Named() == "", "privacy.controller is empty: privacy mails name %s in its place; say who answers for the data, with the postal address (Article 13(1)(a) GDPR)", p.Controller)
	warn(p.DPO == "", "privacy.dpo is empty: no mail says how to reach a data protection officer (Article 13(1)(b) GDPR); right only where none has to be designated")
	warn(p.Authority == "", "privacy.authority is empty: mails name no supervisory authority to complain to (Article 13(2)(d) GDPR)")
	switch {
	case p.Country == "":
		warn(true, "privacy.country is empty: no public holidays are known, and no date moves because of one")
	case !privacy.KnownCountry(p.Country):
		warn(true, "privacy.country: the public holidays of %s are not known here, and no date moves because of one", p.Country)
	}
	if whole {
		r.ok("privacy", "%s; holidays of %s", p.Controller, p.Country)
	}
}

func (d *desk) checkOutbound(ctx context.Context, r *report) {
	pass, err := d.cfg.RelayPassword()
	if err != nil {
		r.fail("relay", "%v", err)
		return
	}
	if d.cfg.Outbound.Relay == "" {
		r.ok("outbound", "straight to the MX of each domain, port %d", d.cfg.Outbound.MXPort)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if err := outbound.Probe(ctx, outboundConfig(d.cfg, pass, d.node), d.dns); err != nil {
		r.fail("relay", "%s: %v", d.cfg.Outbound.Relay, err)
		return
	}
	r.ok("relay", "%s lets us in", d.cfg.Outbound.Relay)
}

func (d *desk) checkQueues(ctx context.Context, r *report) error {
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	if len(dir.Queues) == 0 {
		r.fail("queues", "there is none: postroom queue add NAME --address ADDRESS")
	}
	domains := map[string]bool{}
	for _, q := range dir.Queues {
		agents := 0
		for _, a := range dir.Agents {
			if a.Active && a.Works(q.ID) {
				agents++
			}
		}
		if agents == 0 {
			r.warn("queues", "nobody works on %s: postroom agent set NAME --queue %s", q.Name, q.Name)
		}
		for _, domain := range []string{tickets.Domain(q.Address), q.ReplyDomain} {
			if !domains[domain] {
				domains[domain] = true
				d.checkDomain(ctx, r, domain)
				d.checkPolicy(ctx, r, domain)
			}
		}
	}
	d.checkMailboxes(ctx, r, dir, domains)
	return nil
}

// checkMailboxes looks for agents whose own mailbox is in a domain whose mail
// comes here: this server has no mailboxes, and what it writes to them returns.
func (d *desk) checkMailboxes(ctx context.Context, r *report, dir *tickets.Directory, ours map[string]bool) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	for _, a := range dir.Agents {
		domain := tickets.Domain(a.Address)
		if !a.Active || !ours[domain] {
			continue
		}
		list, err := d.dns.LookupMX(ctx, domain)
		if err != nil || !slices.ContainsFunc(list, func(mx *net.MX) bool {
			return strings.EqualFold(strings.TrimSuffix(mx.Host, "."), d.cfg.Hostname)
		}) {
			continue
		}
		r.fail("agents", "%s has the mailbox %s, but mail for %s comes to this server, which has no mailboxes: postroom agent set %s --address ADDRESS-ELSEWHERE", a.Name, a.Address, domain, a.Name)
	}
}

// checkPolicy says whether other servers are told to send to the domain under
// TLS alone (MTA-STS), and whether what they are told is true.
func (d *desk) checkPolicy(ctx context.Context, r *report, domain string) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	p, err := tlspolicy.New(d.dns, policyConfig(d.cfg, nil)).Published(ctx, domain)
	switch {
	case err != nil:
		r.warn(domain, "MTA-STS: there is a record, but the policy cannot be had: %v", err)
	case p == nil:
		r.warn(domain, "MTA-STS: not published: a wiretapper between other servers and ours can turn TLS off"+
			"\n                 publish: _mta-sts.%[1]s. IN TXT \"v=STSv1; id=1\""+
			"\n                 and https://mta-sts.%[1]s/.well-known/mta-sts.txt: version: STSv1, mode: testing, mx: %[2]s, max_age: 604800 (a line each)", domain, d.cfg.Hostname)
	case p.Mode != "none" && !p.Names(d.cfg.Hostname):
		r.fail(domain, "MTA-STS: the policy does not name %s; servers that keep it will not send here", d.cfg.Hostname)
	default:
		r.ok(domain, "MTA-STS: mode %s", p.Mode)
	}
}

// checkDomain grades what the DNS says of a domain we send from.
func (d *desk) checkDomain(ctx context.Context, r *report, domain string) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	records, err := outbound.DNSRecords(ctx, d.store, domain)
	if err != nil {
		r.fail(domain, "signing keys: %v", err)
		return
	}
	want := senderauth.Expect{Hostname: d.cfg.Hostname}
	if host, _, err := net.SplitHostPort(d.cfg.Outbound.Relay); err == nil {
		want.Relay = host
	}
	for _, rec := range records {
		want.Keys = append(want.Keys, senderauth.ExpectKey{Selector: rec.Selector, Public: rec.Public})
	}
	for _, f := range senderauth.Grade(ctx, d.dns, domain, want) {
		if f.What == "MTA-STS" {
			continue // checkPolicy reads the policy itself
		}
		text := f.What + ": " + f.Text
		if f.Publish != "" {
			text += "\n                 publish: " + f.Publish
		}
		switch f.Level {
		case senderauth.GradeOK:
			r.ok(domain, "%s", text)
		case senderauth.GradeWarn:
			r.warn(domain, "%s", text)
		default:
			r.fail(domain, "%s", text)
		}
	}
}
