package senderauth

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"postroom/internal/resolver"
)

// dmarcRecord is what counts of a policy record (RFC 9989 section 4.7).
type dmarcRecord struct {
	policy, sub, absent      Disposition // p, sp, np; sp and np empty when not given
	strictDKIM, strictSPF    bool
	publicSuffix, notASuffix bool // psd=y, psd=n
	test                     bool // t=y, or a pct below 100 from the days of RFC 7489
}

// parseDMARC reads a record. ok is false when it is none at all: v=DMARC1 must
// come first, and exactly so. Anything else that is wrong in it falls back to
// defaults; a policy that is missing or not understood means none.
func parseDMARC(txt string) (r dmarcRecord, ok bool) {
	first, rest, _ := strings.Cut(txt, ";")
	k, v, _ := strings.Cut(first, "=")
	if strings.TrimSpace(k) != "v" || strings.TrimSpace(v) != "DMARC1" {
		return r, false
	}
	r.policy = DispositionNone
	seen := map[string]bool{}
	for part := range strings.SplitSeq(rest, ";") {
		k, v, _ := strings.Cut(part, "=")
		k, v = lower(strings.TrimSpace(k)), lower(strings.TrimSpace(v))
		if seen[k] {
			continue
		}
		seen[k] = true
		r.set(k, v)
	}
	return r, true
}

func (r *dmarcRecord) set(tag, v string) {
	d := Disposition(v)
	known := d == DispositionNone || d == DispositionQuarantine || d == DispositionReject
	switch tag {
	case "p":
		if known {
			r.policy = d
		}
	case "sp":
		if known {
			r.sub = d
		}
	case "np":
		if known {
			r.absent = d
		}
	case "adkim":
		r.strictDKIM = v == "s"
	case "aspf":
		r.strictSPF = v == "s"
	case "psd":
		r.publicSuffix, r.notASuffix = v == "y", v == "n"
	case "t":
		r.test = r.test || v == "y"
	case "pct":
		// RFC 9989 dropped the tag. Whoever still publishes less than 100 is
		// still trying out: the milder reading for all, without dice.
		n, err := strconv.Atoi(v)
		r.test = r.test || (err == nil && n >= 0 && n < 100)
	}
}

// found is a record that a tree walk met.
type found struct {
	domain string
	record dmarcRecord
}

// walk is the DNS tree walk of RFC 9989 section 4.10: the records met from the
// domain upwards, the longest name first.
func walk(ctx context.Context, dns *resolver.Resolver, domain string) ([]found, error) {
	const most = 8 // labels looked at one by one, hence questions
	var out []found
	for at, first := domain, true; at != ""; first = false {
		rec, ok, err := lookupDMARC(ctx, dns, at)
		switch {
		case err != nil && strings.Contains(at, "."):
			return out, err
		case ok:
			out = append(out, found{at, rec})
			if rec.notASuffix || rec.publicSuffix {
				return out, nil
			}
		}
		labels := strings.Split(at, ".")
		drop := 1
		if first && len(labels) > most {
			drop = len(labels) - (most - 1)
		}
		at = strings.Join(labels[drop:], ".")
	}
	return out, nil
}

func lookupDMARC(ctx context.Context, dns *resolver.Resolver, domain string) (r dmarcRecord, ok bool, err error) {
	txts, err := dns.LookupTXT(ctx, "_dmarc."+domain)
	if err != nil {
		if resolver.IsNotFound(err) {
			err = nil
		}
		return r, false, err
	}
	n := 0
	for _, txt := range txts {
		if rec, is := parseDMARC(txt); is {
			r, n = rec, n+1
		}
	}
	return r, n == 1, nil // several records are none
}

// walkedOrg picks the organisational domain from what a walk met (RFC 9989
// section 4.10.2).
func walkedOrg(start string, met []found) string {
	for _, f := range met {
		if f.record.notASuffix {
			return f.domain
		}
		if f.record.publicSuffix && f.domain != start {
			return oneBelow(start, f.domain)
		}
	}
	if len(met) > 0 {
		return met[len(met)-1].domain
	}
	return start
}

// oneBelow gives the ancestor of name that is one label longer than suffix.
func oneBelow(name, suffix string) string {
	rest := strings.TrimSuffix(name, "."+suffix)
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + suffix
}

// policyFor says which record applies to mail from domain, and by which tag
// (RFC 9989 section 4.10.1).
func policyFor(ctx context.Context, dns *resolver.Resolver, domain string, met []found) (d DMARC, rec dmarcRecord, ok bool) {
	if len(met) == 0 {
		return d, rec, false
	}
	apply := met[0]
	if apply.domain != domain {
		// The organisation's own record, or that of the public suffix above it.
		org := walkedOrg(domain, met)
		apply = met[len(met)-1]
		for _, f := range met {
			if f.domain == org {
				apply = f
			}
		}
	}
	rec = apply.record
	d = DMARC{Domain: apply.domain, Policy: rec.policy, Tag: "p", Test: rec.test}
	if apply.domain != domain {
		if rec.sub != "" {
			d.Policy, d.Tag = rec.sub, "sp"
		}
		if rec.absent != "" {
			if there, err := dns.Exists(ctx, domain); err == nil && !there {
				d.Policy, d.Tag = rec.absent, "np"
			}
		}
	}
	if rec.test {
		d.Policy = milder(d.Policy)
	}
	return d, rec, true
}

func milder(d Disposition) Disposition {
	if d == DispositionReject {
		return DispositionQuarantine
	}
	return DispositionNone
}

// authority is what the DNS says about a From domain: its policy, and who may
// speak for it.
type authority struct {
	published
	from   string
	err    error
	unsure bool // an organisation could not be found out

	dns   *resolver.Resolver
	until time.Time // when looking further ends
	orgs  map[string]string
}

// published is what a domain says of itself, remembered from mail to mail.
type published struct {
	org    string // by the tree walk
	policy DMARC
	record dmarcRecord
	has    bool // there is a DMARC record
}

func (c *Checker) authorityOf(ctx context.Context, from string) *authority {
	a := &authority{from: from, until: time.Now().Add(finishTime)}
	if p, ok := c.dmarc.get(from); ok {
		a.published, a.dns = p, c.dns
		return a
	}
	a.dns = resolver.Budget(c.dns, dmarcQuestions)
	ctx, cancel := context.WithTimeout(ctx, dmarcTime)
	defer cancel()
	met, err := walk(ctx, a.dns, from)
	if err != nil && (len(met) == 0 || met[0].domain != from) {
		a.err = err
		return a
	}
	a.org = walkedOrg(from, met)
	if err != nil {
		a.org, a.unsure = from, true // nothing above or beside aligns
	}
	a.policy, a.record, a.has = policyFor(ctx, a.dns, from, met)
	if err == nil && a.record.absent == "" { // np= depends on one more answer, which may have failed
		c.dmarc.put(from, a.published)
	}
	return a
}

// aligned says whether an authenticated domain may speak for From: for DMARC,
// by the tree walk alone; as proof, also by the public suffix list.
func (a *authority) aligned(ctx context.Context, domain string, strict bool) (dmarc, proof bool) {
	switch {
	case a.err != nil || domain == "":
		return false, false
	case domain == a.from:
		return true, true
	}
	proof = organisation(domain) == organisation(a.from)
	if !a.has {
		return false, proof
	}
	dmarc = !strict && a.sameOrg(ctx, domain)
	return dmarc, proof && dmarc
}

// sameOrg compares organisational domains by the tree walk. Domains outside
// From's organisation need no walk of their own.
func (a *authority) sameOrg(ctx context.Context, domain string) bool {
	if !within(domain, a.org) {
		return false
	}
	if domain == a.org {
		return true
	}
	if org, ok := a.orgs[domain]; ok {
		return org == a.org
	}
	const most = 3 // strangers' signatures must not make us walk without end
	if len(a.orgs) >= most {
		return false
	}
	ctx, cancel := context.WithDeadline(ctx, a.until)
	defer cancel()
	met, err := walk(ctx, a.dns, domain)
	org := walkedOrg(domain, met)
	if err != nil {
		org, a.unsure = "", true
	}
	if a.orgs == nil {
		a.orgs = map[string]string{}
	}
	a.orgs[domain] = org
	return org == a.org
}

// related says whether a domain could speak for From by the looser measure,
// for judging what a temporary failure may have hidden.
func related(domain, from string) bool {
	return domain != "" && organisation(domain) == organisation(from)
}

var errManyFroms = errors.New("more than one From")
