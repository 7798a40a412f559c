// Package consent is the ledger of who agreed to which wording for which
// purpose, when and by which message, and of the withdrawal (Articles 4(11),
// 7 and 8 GDPR).
//
// The ledger is only ever added to. What somebody agreed to is what the newest
// entry of a purpose says; silence never is a consent. A withdrawal works at
// once, needs no proof, and is as easy as the consent was (Article 7(3)).
//
// Everything here is pure: entries, purposes and the time come in, a decision
// goes out. When the ledger cannot be read nothing stands, so that a mail that
// rests on consent stays where it is.
package consent

import (
	"context"
	"time"
)

// Act is what an entry of the ledger says.
type Act string

// The acts.
const (
	Asked     Act = "asked"     // a question in plain words was sent; no consent yet
	Pending   Act = "pending"   // the person agreed; a parent's confirmation or the officer's review is missing, so it does not stand
	Granted   Act = "granted"   // the person answered it from the mailbox concerned
	Declined  Act = "declined"  // the officer's review, or the parent, said no
	Withdrawn Act = "withdrawn" // Article 7(3)
	Expired   Act = "expired"
	Objected  Act = "objected" // Article 21(2): as a withdrawal, also where there never was a consent
)

// Entry is one line of the ledger.
type Entry struct {
	ID          int64 // 0 until committed
	Org         int64
	Address     string // the data subject's; sealed, and gone after an erasure
	Subject     []byte // keyed hash of the address; the store sets it
	Purpose     string // its name in the configuration; empty in a withdrawal or objection: all of them
	Act         Act
	Version     string // of the wording
	WordingHash []byte // SHA-256 of the words that were asked or shown
	Language    string
	Channel     string // mail, one-click, agent, command
	Receipt     string // of the message that proves it; empty if none does
	Lacks       string // of Asked and Pending: what it takes beside the person's answer: "parent", "review", both with a space between; or nothing
	Guardian    string // under the bar child: the parent's address; sealed and gone with Address
	At          time.Time
	Ends        time.Time // of Granted: when it expires; zero: never
	Until       time.Time // after an erasure: when the line itself goes; the store sets it
}

// Extra marks the rows that a tickets.Change carries for this room.
func (*Entry) Extra() {}

// View reads the ledger.
type View interface {
	// ConsentsOf returns the entries about the address, oldest first, those
	// included whose address was erased: they are found by its keyed hash.
	ConsentsOf(ctx context.Context, org int64, address string) ([]Entry, error)
	// ConsentByID returns one entry, or nil.
	ConsentByID(ctx context.Context, id int64) (*Entry, error)
}
