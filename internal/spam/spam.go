// Package spam says how likely a mail is junk, and why.
//
// It exists because a desk that stands in the internet gets more junk than
// mail, and because the agents must be able to see why something was put
// aside. [Weigh] is pure: what is known of a mail goes in, points with reasons
// in words come out. A [Judge] gathers what is to be known: the sender check,
// the desk's own history with the sender, signs in the message, DNS lists
// (RFC 5782) where the administrator named some, and an rspamd where there is
// one.
//
// What always holds: nothing is ever refused or lost here. A verdict only says
// in which state a new ticket begins. The lists and rspamd each have two
// seconds and are asked while nobody holds a transaction; one that does not
// answer, or answers nonsense, adds nothing and takes nothing away, and after a
// few failures in a row it is not asked for half a minute. Reasons hold no
// address and no word of the mail. History speaks for a sender only when the
// mail is proved to be from there.
package spam

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"postroom/internal/message"
	"postroom/internal/resolver"
	"postroom/internal/senderauth"
	"postroom/tickets"
)

// History tells what came of a sender's earlier tickets.
type History interface {
	SenderHistory(ctx context.Context, org int64, address string) (tickets.History, error)
}

// Config is the [spam] part of the configuration.
type Config struct {
	Threshold float64  // points from which a mail is junk; 0: nothing is
	Lists     []string // DNS lists of addresses, at most MaxLists
	Rspamd    string   // base URL, a password in its user part; empty: none
}

// MaxLists is how many DNS lists are asked about one mail.
const MaxLists = 8

// Parts are what a Judge asks.
type Parts struct {
	DNS     resolver.Interface
	History History // nil: no history
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Judge judges mails. It is safe for concurrent use.
type Judge struct {
	cfg    Config
	dns    resolver.Interface
	past   History
	log    *slog.Logger
	rspamd *Rspamd
	room   *budget
}

// New makes a Judge. It asks nobody yet.
func New(cfg Config, p Parts) (*Judge, error) {
	j := &Judge{cfg: cfg, dns: p.DNS, past: p.History, log: p.Log, room: &budget{left: roomForLarge}}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	if len(j.cfg.Lists) > MaxLists {
		j.cfg.Lists = j.cfg.Lists[:MaxLists]
	}
	if cfg.Rspamd != "" {
		var err error
		if j.rspamd, err = NewRspamd(cfg.Rspamd, p.Now); err != nil {
			return nil, err
		}
	}
	return j, nil
}

// Rspamd is the filter that is asked beside our own signals; nil without one.
func (j *Judge) Rspamd() *Rspamd { return j.rspamd }

// Envelope is what the protocol said of the mail.
type Envelope struct {
	Remote netip.Addr
	Helo   string
	From   string
	To     []string
	ID     string // by which rspamd's log names the mail
}

// Look looks at one mail. Write gets its bytes as they arrive, Judge ends it.
type Look struct {
	j    *Judge
	env  Envelope
	head []byte // what rspamd will be shown
	took int    // bytes of the common room
	cut  bool
}

// What is kept of a mail for rspamd: the first small bytes always, more while
// all mails that are arriving have room together.
const (
	smallHead    = 64 << 10
	wholeHead    = 1 << 20
	roomForLarge = 32 << 20
)

// Start begins to look at a mail.
func (j *Judge) Start(env Envelope) *Look {
	return &Look{j: j, env: env}
}

// Write takes bytes of the mail. It never fails and keeps a copy.
func (l *Look) Write(p []byte) (int, error) {
	if l.j.rspamd == nil || l.cut {
		return len(p), nil
	}
	room := smallHead + l.took - len(l.head)
	if need := len(p) - room; need > 0 {
		need = min(need, wholeHead-smallHead-l.took)
		if got := l.j.room.take(need); got > 0 {
			l.took += got
			room += got
		}
	}
	if room < len(p) {
		l.cut = true
	}
	l.head = append(l.head, p[:min(len(p), room)]...)
	return len(p), nil
}

// Close gives back what the look held. It may be called more than once.
func (l *Look) Close() {
	l.j.room.give(l.took)
	l.took, l.head, l.cut = 0, nil, true
}

// patience is how long all that is outside may take together.
const patience = 2 * time.Second

// Judge weighs the mail: msg is what it says, auth what it proves.
func (l *Look) Judge(ctx context.Context, msg *message.Message, auth senderauth.Result) Verdict {
	j := l.j
	if j.cfg.Threshold <= 0 {
		return Verdict{}
	}
	e := Evidence{Auth: auth, Signs: signs(msg, l.env.To)}
	if j.asksOutside() {
		e.Listed, e.Rspamd = l.ask(ctx, auth)
	}
	v := Weigh(e, j.cfg.Threshold)
	if j.past == nil || len(msg.From) == 0 || v.Points+pointsMarked < j.cfg.Threshold {
		return v // the history would not change what becomes of the mail, and costs a reading of the store
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	h, err := j.past.SenderHistory(ctx, tickets.DefaultOrg, msg.From[0].Address)
	if err != nil {
		j.log.Warn("the sender's history was not read", "err", err)
	}
	e.History = h
	return Weigh(e, j.cfg.Threshold)
}

func (j *Judge) asksOutside() bool { return len(j.cfg.Lists) > 0 || j.rspamd != nil }

// ask asks all that is outside at once, no longer than patience.
func (l *Look) ask(ctx context.Context, auth senderauth.Result) (listed []string, heard *Opinion) {
	j := l.j
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var wg sync.WaitGroup
	if len(j.cfg.Lists) > 0 && l.env.Remote.IsValid() && auth.Forwarder == "" {
		wg.Go(func() { listed = j.listed(ctx, l.env.Remote) })
	}
	if j.rspamd != nil {
		wg.Go(func() {
			opinion, err := j.rspamd.Check(ctx, l.env, auth.IPRev.Name, l.head)
			if err != nil {
				j.log.Debug("rspamd was not heard", "err", err)
				return
			}
			heard = opinion
		})
	}
	wg.Wait()
	return listed, heard
}

// listed asks the DNS lists about the address (RFC 5782 section 2). What a
// list cannot say now it does not say.
func (j *Judge) listed(ctx context.Context, ip netip.Addr) []string {
	name := reversed(ip)
	found := make([]bool, len(j.cfg.Lists))
	var wg sync.WaitGroup
	for i, list := range j.cfg.Lists {
		wg.Go(func() {
			answers, err := j.dns.LookupIP(ctx, "ip4", name+"."+list)
			found[i] = err == nil && slices.ContainsFunc(answers, saysListed)
		})
	}
	wg.Wait()
	var out []string
	for i, list := range j.cfg.Lists {
		if found[i] {
			out = append(out, list)
		}
	}
	return out
}

// saysListed: lists answer within 127.0.0.0/8. Anything else is a provider's
// answer for names that do not exist, and 127.255.255.0/24 is a list's way to
// say that we may not ask.
func saysListed(a netip.Addr) bool {
	b := a.As4()
	return b[0] == 127 && !(b[1] == 255 && b[2] == 255)
}

// reversed is the address as lists have it: octets or nibbles, backwards.
func reversed(ip netip.Addr) string {
	ip = ip.Unmap().WithZone("")
	var parts []string
	if ip.Is4() {
		b := ip.As4()
		for i := 3; i >= 0; i-- {
			parts = append(parts, strconv.Itoa(int(b[i])))
		}
		return strings.Join(parts, ".")
	}
	const hex = "0123456789abcdef"
	b := ip.As16()
	for i := 15; i >= 0; i-- {
		parts = append(parts, string(hex[b[i]&15]), string(hex[b[i]>>4]))
	}
	return strings.Join(parts, ".")
}

// budget is bytes that all looks share.
type budget struct {
	mu   sync.Mutex
	left int
}

func (b *budget) take(n int) int {
	if n <= 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, b.left)
	b.left -= n
	return n
}

func (b *budget) give(n int) {
	b.mu.Lock()
	b.left += n
	b.mu.Unlock()
}
