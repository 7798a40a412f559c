package smtpd

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// guard makes guessing of passwords slow. Failures are counted by network at
// three widths and by account; who has too many is not let try for a while. An
// agent who logged in from a network before is counted there apart from all
// others, so that nobody's guessing locks a known place out.
//
// Counting is the Limiter's; what is blocked is kept in this process only,
// bounded, and so are the places that are known, unless Places shares them.
type guard struct {
	lim       Limiter
	places    Places // may be nil
	now       func() time.Time
	pseudonym func(string) string

	mu    sync.Mutex
	until map[string]time.Time // blocked
	known map[string]time.Time // account and network that logged in, and when
}

const (
	guardEntries = 20000
	knownFor     = 30 * 24 * time.Hour
)

// How many wrong passwords there may be: in a minute, in a day.
const (
	knownPerMinute, knownPerDay     = 20, 100 // of an account from where it logged in before
	accountPerMinute, accountPerDay = 5, 50   // of an account, from everywhere else together
	networkPerMinute, networkPerDay = 10, 50  // from an IPv4 address or IPv6 /64; thrice as many from a /26 or /48, nine times from a /21 or /32
)

// allowance is how many failures a key has.
type allowance struct {
	key      string
	min, day int // in a minute, in a day
}

func newGuard(lim Limiter, places Places, now func() time.Time, pseudonym func(string) string) *guard {
	return &guard{lim: lim, places: places, now: now, pseudonym: pseudonym,
		until: make(map[string]time.Time), known: make(map[string]time.Time)}
}

// allowances says what a failure of this account from this place is counted
// against.
func (g *guard) allowances(ctx context.Context, user string, from netip.Addr, exempt bool) []allowance {
	account := g.pseudonym("account " + strings.ToLower(user))
	place := g.place(user, from)
	if g.isKnown(ctx, place) {
		return []allowance{{"auth:known:" + place, knownPerMinute, knownPerDay}}
	}
	list := []allowance{{"auth:account:" + account, accountPerMinute, accountPerDay}}
	if exempt {
		return list
	}
	for i, width := range [...]struct{ v4, v6 int }{{32, 64}, {26, 48}, {21, 32}} {
		n := [...]int{1, 3, 9}[i]
		network := g.pseudonym(prefixOf(from, width.v4, width.v6).String())
		list = append(list, allowance{"auth:network:" + network, networkPerMinute * n, networkPerDay * n})
	}
	return list
}

func (g *guard) place(user string, from netip.Addr) string {
	return g.pseudonym("account " + strings.ToLower(user) + " at " + networkOf(from).String())
}

func (g *guard) isKnown(ctx context.Context, place string) bool {
	g.mu.Lock()
	at, ok := g.known[place]
	g.mu.Unlock()
	if ok && g.now().Sub(at) < knownFor {
		return true
	}
	return g.places != nil && g.places.Noted(ctx, placeKey+place)
}

// placeKey begins the keys of places that nodes share.
const placeKey = "auth:place:"

// blocked says how long this account may not be tried from this place.
func (g *guard) blocked(ctx context.Context, user string, from netip.Addr, exempt bool) time.Duration {
	list := g.allowances(ctx, user, from, exempt)
	g.mu.Lock()
	defer g.mu.Unlock()
	now, longest := g.now(), time.Duration(0)
	for _, a := range list {
		longest = max(longest, g.until[a.key].Sub(now))
	}
	return longest
}

func (g *guard) failed(ctx context.Context, user string, from netip.Addr, exempt bool) {
	if g.lim == nil {
		return
	}
	for _, a := range g.allowances(ctx, user, from, exempt) {
		g.count(ctx, a.key, ":minute", a.min, time.Minute)
		g.count(ctx, a.key, ":day", a.day, 24*time.Hour)
	}
}

func (g *guard) count(ctx context.Context, key, window string, n int, per time.Duration) {
	ok, wait := g.lim.Allow(ctx, key+window, n, per)
	if ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	makeRoom(g.until, func(t time.Time) bool { return t.Before(now) })
	if until := now.Add(max(wait, time.Second)); until.After(g.until[key]) {
		g.until[key] = until
	}
}

func (g *guard) succeeded(ctx context.Context, user string, from netip.Addr) {
	place := g.place(user, from)
	if g.places != nil {
		g.places.Note(ctx, placeKey+place, knownFor)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	makeRoom(g.known, func(t time.Time) bool { return now.Sub(t) >= knownFor })
	g.known[place] = now
}

// makeRoom keeps a map bounded: what has run out goes first, then anything.
func makeRoom(m map[string]time.Time, stale func(time.Time) bool) {
	if len(m) < guardEntries {
		return
	}
	for k, t := range m {
		if stale(t) {
			delete(m, k)
		}
	}
	for k := range m {
		if len(m) < guardEntries {
			return
		}
		delete(m, k)
	}
}
