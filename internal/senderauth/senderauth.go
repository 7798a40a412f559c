// Package senderauth finds out what a mail proves about its sender.
//
// It exists because everything in a From header is a claim, and Postroom
// quotes history, obeys commands and answers privacy requests only on proof.
// A Checker looks at the connection (SPF, RFC 7208; forward-confirmed reverse
// DNS), at the bytes as they stream by (DKIM, RFC 6376; ARC, RFC 8617) and at
// what the author's domain published (DMARC, RFC 9989, reading the records of
// RFC 7489 too), and gives one Result to store with the message.
//
// What always holds:
//   - Proof is "aligned" only if SPF or DKIM passed for a domain aligned with
//     the one From domain, whether or not that domain publishes DMARC.
//     Where it publishes, its strictness counts. Aligned by relaxation means
//     the same organisation by the public suffix list and, where there is a
//     DMARC record, by the tree walk too.
//   - DNS trouble is temporary and never proof, and never a reason to reject.
//   - ARC, a named forwarder or a mailing list can soften a rejection. None of
//     them ever proves anything.
//   - More than one From, or none, proves nothing.
//   - Memory does not grow with the message, DNS questions are at most 60 a
//     message, and Finish ends within seconds.
//
// The parts judge what strangers wrote, so each fails closed: what cannot be
// parsed, is too weak (RSA below 1024 bits, SHA-1), covers only a part of the
// body (l=), or is declared a test by its own key (t=y), is no proof.
//
// DKIM is verified by emersion/go-msgauth. Two of its habits are worked around
// here: it buffers runs of empty lines (so a body with an absurd run of them
// is not verified), and it leaks goroutines when its reader fails (so its
// reader never fails: an abandoned message simply ends early).
//
// A mail that comes from a server which the administrator named as a forwarder
// is judged without SPF, since SPF then speaks of the forwarder. The hop
// before it is not looked up either: its address stands in a Received line
// that is only as true as its writer. Such a mail is proved by DKIM or not at
// all, but it isn't refused.
package senderauth

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"postroom/internal/resolver"
)

// Proof says in one word what the mail proves about who wrote it.
type Proof string

// The proofs a check can end with.
const (
	ProofAligned Proof = "aligned" // SPF or DKIM passes for a domain aligned with From
	ProofNone    Proof = "none"    // nothing speaks for the sender, nothing against
	ProofFail    Proof = "fail"    // the From domain says that its mail looks different
	ProofTemp    Proof = "temp"    // could not be found out; may prove something later
)

// Disposition is what the From domain's policy asks for, after exceptions.
type Disposition string

// The dispositions of RFC 9989.
const (
	DispositionNone       Disposition = "none"
	DispositionQuarantine Disposition = "quarantine"
	DispositionReject     Disposition = "reject"
)

// Verdict is the outcome of one method, in the words of RFC 8601 section 2.7.
type Verdict string

// The verdicts. Not every method uses every one.
const (
	None      Verdict = "none"
	Pass      Verdict = "pass"
	Fail      Verdict = "fail"
	SoftFail  Verdict = "softfail"
	Neutral   Verdict = "neutral"
	Policy    Verdict = "policy" // valid, but not good enough for us
	TempError Verdict = "temperror"
	PermError Verdict = "permerror"
)

// Result is what one mail proves. It holds domains and the connecting address,
// no mailbox, and is stored as JSON with the message.
type Result struct {
	Proof         Proof       `json:"proof"`
	Why           string      `json:"why"`                      // one sentence for the agent
	From          string      `json:"from,omitempty"`           // From's domain as A-labels; empty unless there is exactly one
	Disposition   Disposition `json:"disposition"`              // after exceptions
	Override      string      `json:"override,omitempty"`       // the exception that softened the policy
	SPF           SPF         `json:"spf"`                      //
	DKIM          []DKIM      `json:"dkim,omitempty"`           // at most MaxSignatures, in the order of the header
	DMARC         DMARC       `json:"dmarc"`                    //
	ARC           ARC         `json:"arc,omitzero"`             //
	IPRev         IPRev       `json:"iprev,omitzero"`           //
	Remote        netip.Addr  `json:"remote,omitzero"`          //
	Forwarder     string      `json:"forwarder,omitempty"`      // as the administrator named it
	List          bool        `json:"list,omitempty"`           // says that it comes through a mailing list
	LookAlike     string      `json:"look_alike,omitempty"`     // why From's domain may not be what it looks like
	ManyFroms     bool        `json:"many_froms,omitempty"`     // more than one From field or mailbox
	Unverified    string      `json:"unverified,omitempty"`     // why signatures were not looked at
	ForgedResults bool        `json:"forged_results,omitempty"` // brought Authentication-Results under our name
}

// SPF is the outcome of RFC 7208.
type SPF struct {
	Result  Verdict `json:"result"`
	Domain  string  `json:"domain,omitempty"`
	Scope   string  `json:"scope,omitempty"` // "mailfrom", or "helo" for the null sender
	Aligned bool    `json:"aligned,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// DKIM is the outcome of one signature (RFC 6376).
type DKIM struct {
	Result   Verdict `json:"result"`
	Domain   string  `json:"domain,omitempty"`
	Selector string  `json:"selector,omitempty"`
	Aligned  bool    `json:"aligned,omitempty"`
	Testing  bool    `json:"testing,omitempty"` // t=y: the key's owner asks not to rely on it
	Reason   string  `json:"reason,omitempty"`
}

// DMARC is the outcome of RFC 9989.
type DMARC struct {
	Result Verdict     `json:"result"`
	Domain string      `json:"domain,omitempty"` // where the record that applies was found
	Policy Disposition `json:"policy,omitempty"` // what it asks for this mail, before exceptions
	Tag    string      `json:"tag,omitempty"`    // which tag asked: p, sp or np
	Test   bool        `json:"test,omitempty"`   // t=y or pct below 100: one step milder
	Reason string      `json:"reason,omitempty"`
}

// ARC is the outcome of RFC 8617.
type ARC struct {
	Result   Verdict `json:"result"`
	Instance int     `json:"instance,omitempty"`
	Sealer   string  `json:"sealer,omitempty"` // d= of the newest seal
	Trusted  bool    `json:"trusted,omitempty"`
	Vouches  bool    `json:"vouches,omitempty"` // a trusted sealer saw the From domain proved
	Reason   string  `json:"reason,omitempty"`
}

// IPRev is the outcome of the reverse look-up (RFC 8601 section 2.7.3).
type IPRev struct {
	Result Verdict `json:"result"`
	Name   string  `json:"name,omitempty"`
}

// Aligned says that the mail proves its From domain.
func (r Result) Aligned() bool { return r.Proof == ProofAligned }

// Rejected says that the From domain wants this mail refused and nothing
// speaks against that (550 5.7.1).
func (r Result) Rejected() bool { return r.Disposition == DispositionReject }

// Config is what the administrator decides.
type Config struct {
	// ARCSealers are domains (d= of a seal) whose word on what they saw may
	// soften a DMARC rejection. Subdomains are not included.
	ARCSealers []string
	// Forwarders are old mailboxes' servers and lists: an address, a network
	// in CIDR form, or a domain. A domain matches a client whose forward-
	// confirmed name is in it, or whose envelope sender is in it and passes SPF.
	Forwarders []string
	Now        func() time.Time // time.Now
	Log        *slog.Logger     // of outcomes, at debug level, without names; nil: none
}

// The bounds of one check.
const (
	MaxSignatures = 10        // DKIM signatures looked at (docs/threats.md M11)
	maxHeader     = 256 << 10 // bytes of header; beyond that nothing is verified
	maxBlankRun   = 8192      // empty lines in a row

	spfTime    = 5 * time.Second // docs/threats.md M12
	iprevTime  = 4 * time.Second
	keyTime    = 5 * time.Second
	dmarcTime  = 4 * time.Second
	finishTime = 5 * time.Second

	// DNS questions, 60 in all (docs/threats.md M12). Each part has its own, so that
	// a sender's bomb in one place cannot starve the check of another domain.
	spfQuestions   = 24
	iprevQuestions = 4
	dkimQuestions  = 10
	arcQuestions   = 6
	dmarcQuestions = 16
)

// Checker checks mails. It is safe for concurrent use.
type Checker struct {
	dns      *resolver.Resolver
	hostname string
	now      func() time.Time
	log      *slog.Logger
	sealers  map[string]bool
	nets     []netip.Prefix
	domains  []string
	spf      *memo[spfKey, SPF]
	iprev    *memo[netip.Addr, IPRev]
	dmarc    *memo[string, published]
}

// New makes a Checker. hostname is our name in Authentication-Results. It refuses a configuration with an entry that is
// neither an address, nor a network, nor a domain.
func New(dns *resolver.Resolver, hostname string, cfg Config) (*Checker, error) {
	c := &Checker{
		dns: dns, hostname: hostname, now: cfg.Now, log: cfg.Log,
		sealers: map[string]bool{},
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	for _, s := range cfg.ARCSealers {
		d, err := Domain(s)
		if err != nil {
			return nil, fmt.Errorf("trust.arc_sealers: %q: %w", s, err)
		}
		c.sealers[d] = true
	}
	for _, s := range cfg.Forwarders {
		if err := c.addForwarder(s); err != nil {
			return nil, fmt.Errorf("trust.forwarders: %q: %w", s, err)
		}
	}
	c.spf = newMemo[spfKey, SPF](c.now)
	c.iprev = newMemo[netip.Addr, IPRev](c.now)
	c.dmarc = newMemo[string, published](c.now)
	return c, nil
}

func (c *Checker) addForwarder(s string) error {
	if p, err := netip.ParsePrefix(s); err == nil {
		c.nets = append(c.nets, p.Masked())
		return nil
	}
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		c.nets = append(c.nets, netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	d, err := Domain(strings.TrimPrefix(s, "*."))
	if err != nil {
		return fmt.Errorf("write an address, a network such as 192.0.2.0/24, or a domain")
	}
	c.domains = append(c.domains, d)
	return nil
}
