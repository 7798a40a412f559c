package spam

import (
	"fmt"
	"strings"

	"postroom/internal/senderauth"
	"postroom/tickets"
)

// Evidence is all that is known of a mail.
type Evidence struct {
	Auth    senderauth.Result
	Listed  []string // the DNS lists that hold the sending address
	History tickets.History
	Signs   []Sign
	Rspamd  *Opinion // nil when it was not asked or not heard
}

// Sign is something in the message that junk has more often than mail.
type Sign struct {
	Points float64
	Words  string
}

// Reason is one thing that counted. Points below zero speak for the mail.
type Reason struct {
	Points float64
	Words  string
}

// String is the reason as agents read it.
func (r Reason) String() string { return fmt.Sprintf("%s (%+.1f)", r.Words, r.Points) }

// Verdict is what a mail came to.
type Verdict struct {
	Points  float64
	Junk    bool
	Reasons []Reason
}

// The points. The usual threshold is six: no single sign of our own reaches
// it, but an agent's earlier word, two lists or rspamd's do with little more.
const (
	pointsDMARC      = 3.0  // the domain's own policy puts the mail aside
	pointsSPFFail    = 1.5  //
	pointsSoftFail   = 0.5  //
	pointsNoReverse  = 1.0  // the sending address has no name that leads back to it
	pointsLookAlike  = 2.5  //
	pointsFirstList  = 4.0  //
	pointsMoreLists  = 2.0  // each
	pointsMarked     = 4.0  // what came from there was marked as spam, and nothing answered
	pointsAnswered   = -5.0 // proved, and we answered that sender before
	pointsReject     = 8.0  // rspamd's actions
	pointsHeader     = 6.0  //
	pointsGreylist   = 2.0  //
	mostFromSigns    = 5.0  // what a mail looks like never decides alone
	mostRspamdCredit = -3.0
)

// Weigh adds up what is known of a mail. It is pure.
func Weigh(e Evidence, threshold float64) Verdict {
	var v Verdict
	note := func(points float64, words string) {
		if points != 0 {
			v.Points += points
			v.Reasons = append(v.Reasons, Reason{points, words})
		}
	}
	e.sender(note)
	for i, list := range e.Listed {
		points := pointsMoreLists
		if i == 0 {
			points = pointsFirstList
		}
		note(points, "the sending address is on the list "+list)
	}
	switch h := e.History; {
	case h.Answered > 0 && e.Auth.Aligned():
		note(pointsAnswered, "a proved sender whom the desk answered before")
	case h.Spam > 0 && h.Answered == 0 && 2*h.Spam > h.Tickets:
		note(pointsMarked, "earlier mail under this address was marked as spam")
	}
	left := mostFromSigns
	for _, s := range e.Signs {
		points := min(s.Points, left)
		left -= points
		note(points, s.Words)
	}
	e.opinion(note)
	v.Junk = threshold > 0 && v.Points >= threshold
	return v
}

// sender is what the sender check says. Through a forwarder or a list SPF and
// the address speak of somebody else.
func (e *Evidence) sender(note func(float64, string)) {
	a := e.Auth
	if a.Disposition == senderauth.DispositionQuarantine {
		note(pointsDMARC, "the author's domain asks to put this mail aside (DMARC)")
	}
	if a.LookAlike != "" && !a.Aligned() {
		note(pointsLookAlike, "the author's domain looks like another one")
	}
	if a.Forwarder != "" || a.List || a.Aligned() {
		return
	}
	switch a.SPF.Result {
	case senderauth.Fail:
		note(pointsSPFFail, "the sending server is not one of the domain's (SPF)")
	case senderauth.SoftFail:
		note(pointsSoftFail, "the sending server is probably not one of the domain's (SPF)")
	}
	if r := a.IPRev.Result; r == senderauth.Fail || r == senderauth.PermError {
		note(pointsNoReverse, "the sending server has no name that leads back to it")
	}
}

func (e *Evidence) opinion(note func(float64, string)) {
	o := e.Rspamd
	if o == nil {
		return
	}
	words := fmt.Sprintf("rspamd says %q with %.1f of %.1f", o.Action, o.Score, o.Required)
	if len(o.Symbols) > 0 {
		words += ": " + strings.Join(o.Symbols, ", ")
	}
	switch o.Action {
	case "reject":
		note(pointsReject, words)
	case "add header", "rewrite subject", "quarantine", "discard":
		note(pointsHeader, words)
	case "greylist", "soft reject":
		note(pointsGreylist, words)
	case "no action":
		if o.Score < 0 {
			note(max(o.Score/2, mostRspamdCredit), words)
		}
	}
}
