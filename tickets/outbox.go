package tickets

import (
	"errors"
	"time"
)

// ErrLeaseLost says that a leased row is no longer the holder's: the lease ran
// out and another took it, or the row was erased.
var ErrLeaseLost = errors.New("the lease was lost")

// OutLease is one leased row of the outbox.
type OutLease struct {
	ID       int64
	Kind     OutKind
	Lane     int64     // stands for the recipient's domain, which the row tells only when it is opened
	Fence    int64     // grows with every lease; the store refuses what comes with an older one
	Attempts int       // tries before this lease
	Created  time.Time // when the change that caused the mail was committed
	Noticed  bool      // the agents were told that it is late
}

// Rank is the order in which mails go that wait together, the lowest first:
// what a person waits for, what answers somebody, what tells the team.
func (k OutKind) Rank() int {
	switch k {
	case OutAnswer:
		return 0
	case OutPrivacy:
		return 1
	case OutNotification:
		return 3
	case OutNews, OutSurvey:
		return 4
	}
	return 2
}

// Urgent reports whether a person waits for mails of the kind.
func (k OutKind) Urgent() bool { return k.Rank() < 2 }

// ManyFold reports whether one event makes many mails of the kind, which let
// all others pass.
func (k OutKind) ManyFold() bool { return k.Rank() > 2 }

// OutOutcome is what came of a lease. The store keeps all of it in one
// transaction: the row's new state with Status and Text, Events and Reports.
type OutOutcome struct {
	State     OutState  // sent, failed, or queued to try again at Next
	Next      time.Time // with OutQueued
	Attempted bool      // counts as a try; false when the row was only given back
	Noticed   bool      // the delay notice is among Reports: never write another
	Status    string    // RFC 3463, x.y.z; empty when nothing was tried
	Text      string    // the far server's words: personal data, sealed or not kept
	Events    []*Event
	Reports   []*Outgoing
}
