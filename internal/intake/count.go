package intake

import (
	"errors"

	"postroom/tickets"
)

// What a mail came to, for the daily count: in = tickets + joined + held +
// others + again + refused. A mail that is put off (4xx) is counted when it
// comes again.
const (
	CountTicket  = "ticket"  // a new ticket
	CountJoined  = "joined"  // into a ticket that was there
	CountHeld    = "held"    // kept until somebody confirms it
	CountOther   = "other"   // agents' commands, confirmations and reports that belong to no ticket
	CountAgain   = "again"   // a copy of a mail that was here
	CountRefused = "refused" // not taken; the far server told its sender
)

// countKept counts a mail that was committed. Imported mail is no news.
func (in *Intake) countKept(env *tickets.Envelope, ch *tickets.Change) {
	if in.count == nil || env.Via == tickets.ViaImport {
		return
	}
	kind := CountOther
	switch {
	case ch.Duplicate != nil:
		kind = CountAgain
	case len(ch.Held) > 0:
		kind = CountHeld
	default:
		for _, m := range ch.Messages {
			switch {
			case m.Ticket == nil:
			case m.Ticket.Version <= 1:
				kind = CountTicket
			default:
				kind = CountJoined
			}
		}
	}
	in.count.Count(env.Received, kind)
}

// countRefused counts a mail that was turned away for good.
func (in *Intake) countRefused(env *tickets.Envelope, err error) {
	var r *tickets.Refusal
	if in.count == nil || env.Via == tickets.ViaImport || !errors.As(err, &r) {
		return
	}
	switch r.Reason {
	case tickets.RefusePolicy, tickets.RefuseOwnDomain, tickets.RefuseMalformed, tickets.RefuseHeader, tickets.RefuseLoop, tickets.RefuseTooLarge:
		in.count.Count(env.Received, CountRefused)
	}
}
