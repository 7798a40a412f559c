package consent

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Standing is what the ledger says of one person and one purpose.
type Standing struct {
	Stands bool
	Why    string // in a few words, without anybody's data
	Entry  *Entry // the one that decides; nil when there is none
}

// Standing says whether mail for the purpose may go to the person now. What
// rests on a legitimate interest may until somebody objects; what rests on
// consent only by an entry that grants it, to words that are still listed, and
// that has neither expired nor been withdrawn.
func (p *Purpose) Standing(entries []Entry, now time.Time) Standing {
	e := p.last(entries, func(a Act) bool { return a != Asked && a != Pending && a != Declined })
	if p.Basis != BasisConsent {
		if e != nil && (e.Act == Objected || e.Act == Withdrawn) {
			return Standing{Why: string(e.Act), Entry: e}
		}
		return Standing{Stands: true, Why: string(p.Basis), Entry: e}
	}
	switch {
	case e == nil:
		return p.never(entries)
	case e.Act != Granted:
		return Standing{Why: string(e.Act), Entry: e}
	case !e.Ends.IsZero() && !now.Before(e.Ends):
		return Standing{Why: "expired", Entry: e}
	case p.Wording(e) == nil:
		return Standing{Why: "the wording has changed", Entry: e}
	}
	return Standing{Stands: true, Why: "granted", Entry: e}
}

// never says why there was no consent yet.
func (p *Purpose) never(entries []Entry) Standing {
	e := p.last(entries, func(Act) bool { return true })
	switch {
	case e == nil:
		return Standing{Why: "never asked"}
	case e.Act == Pending:
		return Standing{Why: waits(e.Lacks), Entry: e}
	case e.Act == Asked:
		return Standing{Why: "asked, not answered", Entry: e}
	}
	return Standing{Why: string(e.Act), Entry: e}
}

func waits(lacks string) string {
	return "waits for " + strings.NewReplacer(LacksParent, "a parent", LacksReview, "the officer", " ", " and ").Replace(lacks)
}

// last is the newest entry about the purpose, or about all, whose act counts.
func (p *Purpose) last(entries []Entry, counts func(Act) bool) *Entry {
	for i, e := range slices.Backward(entries) {
		if (e.Purpose == "" || strings.EqualFold(e.Purpose, p.Name)) && counts(e.Act) {
			return &entries[i]
		}
	}
	return nil
}

// LastGrant is the newest consent to the purpose, whether or not it still
// stands; nil when there never was one.
func (p *Purpose) LastGrant(entries []Entry) *Entry {
	return p.last(entries, func(a Act) bool { return a == Granted })
}

// Why a question is not asked.
var (
	ErrBasis     = errors.New("this purpose does not rest on consent: there is nothing to ask")
	ErrWording   = errors.New("the configuration has no wording for this purpose")
	ErrStands    = errors.New("the consent stands already")
	ErrAsked     = errors.New("the question was asked less than 30 days ago; silence is no consent, and no reason to ask again so soon")
	ErrWithdrawn = errors.New("the person said no or withdrew less than 180 days ago; ask only when the person wishes it")
	ErrObjected  = errors.New("the person objected (Article 21(2) GDPR); ask only when the person wishes it")
	ErrGuardian  = errors.New("a child's consent takes a parent's, from another address: name it")
)

// How long somebody is left in peace.
const (
	askPause  = 30 * 24 * time.Hour
	noPause   = 180 * 24 * time.Hour
	AskStands = 7 * 24 * time.Hour // how long a question can be answered
)

// Who is asked.
type Who struct {
	Org      int64
	Address  string
	Language string
	Lacks    string // raised by tags; see [Rules.Bars]
	Guardian string // a parent's address, under the bar child
	Channel  string // who asks: agent or command
	Wished   bool   // the person wants to be asked, also after a no
}

// Ask gives the entry for a question that is about to be sent, or says why it
// must not be.
func (p *Purpose) Ask(entries []Entry, who Who, now time.Time) (*Entry, error) {
	if p.Basis != BasisConsent {
		return nil, ErrBasis
	}
	w := p.Current(who.Language)
	if w == nil {
		return nil, ErrWording
	}
	if p.Standing(entries, now).Stands {
		return nil, ErrStands
	}
	need := union(who.Lacks, p.Bar.lacks())
	if lacks(need, LacksParent) && (who.Guardian == "" || strings.EqualFold(who.Guardian, who.Address)) {
		return nil, ErrGuardian
	}
	if !who.Wished {
		if err := p.peace(entries, w, now); err != nil {
			return nil, err
		}
	}
	e := &Entry{Org: who.Org, Address: who.Address, Purpose: p.Name, Act: Asked, Version: w.Version, WordingHash: w.Hash(),
		Language: w.Language, Channel: who.Channel, Lacks: need, At: now}
	if lacks(need, LacksParent) {
		e.Guardian = who.Guardian
	}
	return e, nil
}

// peace says whether the person was asked, or said no, too short a time ago.
func (p *Purpose) peace(entries []Entry, w *Wording, now time.Time) error {
	e := p.last(entries, func(Act) bool { return true })
	if e == nil {
		return nil
	}
	switch age := now.Sub(e.At); e.Act {
	case Objected:
		return ErrObjected
	case Withdrawn, Declined:
		if age < noPause {
			return ErrWithdrawn
		}
	case Asked, Pending:
		// Changed words ask anew: the earlier question can no longer be answered.
		if age < askPause && p.Wording(e) != nil && e.Version == w.Version {
			return ErrAsked
		}
	}
	return nil
}

// Reply is what came back to a question, from whom.
type Reply struct {
	From    string // the proved address
	Agrees  bool   // by one of the words, see [Read]; else it is a no
	Channel string
	Receipt string
	At      time.Time
}

// Why an answer adds nothing.
var (
	ErrChanged = errors.New("the question can no longer be answered: its words have changed, or something was said since")
	ErrAnother = errors.New("the answer comes from somebody who was not asked")
)

// Answer gives the entry that follows from the answer to a question. open is
// the entry whose token came back: Asked for the person, Pending for a parent.
// A yes grants only what was asked, in the words that were asked; where the bar
// is higher it waits for the rest.
func (p *Purpose) Answer(entries []Entry, open *Entry, r Reply) (*Entry, error) {
	parent := open.Act == Pending && lacks(open.Lacks, LacksParent)
	whose := open.Address
	if parent {
		whose = open.Guardian
	}
	if whose == "" || !same(whose, r.From) {
		return nil, ErrAnother
	}
	if open.Act != Asked && !parent {
		return nil, ErrChanged
	}
	last := p.last(entries, func(Act) bool { return true })
	current := p.Current(open.Language)
	if last == nil || last.Act != open.Act || !last.At.Equal(open.At) || p.Wording(open) == nil || current.Version != open.Version {
		return nil, ErrChanged
	}
	need := union(open.Lacks, p.Bar.lacks())
	if parent {
		need = without(need, LacksParent)
	}
	e := follow(open, r.Channel, r.Receipt, r.At)
	switch {
	case !r.Agrees && parent:
		e.Act = Declined
	case !r.Agrees:
		e.Act = Withdrawn
	case need != "":
		e.Act, e.Lacks = Pending, need
	default:
		p.grant(e)
	}
	return e, nil
}

// Express reports whether an answer to the question has to be an express
// statement (Article 9(2)(a)).
func (p *Purpose) Express(open *Entry) bool {
	return lacks(union(open.Lacks, p.Bar.lacks()), LacksReview)
}

// Why there is nothing to review.
var (
	ErrNoReview    = errors.New("no consent of this person waits for a review")
	ErrParentFirst = errors.New("the parent has not confirmed it yet")
)

// Review gives the officer's decision about a consent that waits for it.
func (p *Purpose) Review(entries []Entry, approve bool, channel, receipt string, at time.Time) (*Entry, error) {
	open := p.last(entries, func(Act) bool { return true })
	if open == nil || open.Act != Pending || !lacks(open.Lacks, LacksReview) {
		return nil, ErrNoReview
	}
	if lacks(open.Lacks, LacksParent) {
		return nil, ErrParentFirst
	}
	if p.Wording(open) == nil {
		return nil, ErrChanged
	}
	if receipt == "" {
		receipt = open.Receipt // what proves it is the person's own answer
	}
	e := follow(open, channel, receipt, at)
	if e.Act = Declined; approve {
		p.grant(e)
	}
	return e, nil
}

func follow(open *Entry, channel, receipt string, at time.Time) *Entry {
	return &Entry{Org: open.Org, Address: open.Address, Purpose: open.Purpose, Version: open.Version, WordingHash: open.WordingHash,
		Language: open.Language, Guardian: open.Guardian, Channel: channel, Receipt: receipt, At: at}
}

func (p *Purpose) grant(e *Entry) {
	e.Act = Granted
	if p.Lasts > 0 {
		e.Ends = e.At.Add(p.Lasts)
	}
}

// Withdraw gives the entry for a withdrawal, of one purpose or with an empty
// name of all, or nil when that would change nothing: somebody who writes STOP
// twice, or in whose name others do, makes one entry. It needs no proof.
func Withdraw(entries []Entry, w Entry) *Entry {
	if w.Act != Objected {
		w.Act = Withdrawn
	}
	seen := map[string]bool{}
	for _, e := range slices.Backward(entries) {
		name := strings.ToLower(e.Purpose)
		if w.Purpose != "" && name != "" && !strings.EqualFold(w.Purpose, name) || seen[name] {
			continue
		}
		stopped := e.Act == Objected || e.Act == Withdrawn && w.Act == Withdrawn
		if stopped && (name == "" || name == strings.ToLower(w.Purpose)) {
			return nil
		}
		if !stopped && e.Act != Declined && e.Act != Expired {
			return &w
		}
		seen[name] = true
	}
	return &w
}

// Expire gives the entries for consents that have run out by now.
func (r *Rules) Expire(entries []Entry, now time.Time) []*Entry {
	var out []*Entry
	for i := range r.Purposes {
		p := &r.Purposes[i]
		e := p.last(entries, func(a Act) bool { return a != Asked && a != Pending && a != Declined })
		if e == nil || e.Act != Granted || e.Ends.IsZero() || now.Before(e.Ends) {
			continue
		}
		gone := follow(e, "", "", now)
		gone.Act = Expired
		out = append(out, gone)
	}
	return out
}

// same compares addresses as mailboxes: without case.
func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }
