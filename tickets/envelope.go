package tickets

import (
	"net/netip"
	"time"
)

// Via says by which door a mail came in.
type Via string

// The doors.
const (
	ViaMX         Via = "mx"         // port 25, anyone
	ViaSubmission Via = "submission" // an authenticated agent
	ViaImport     Via = "import"     // old mail; nothing is sent because of it
	ViaFetch      Via = "fetch"      // drawn from an existing mailbox
)

// Envelope is what the protocol said of a mail, apart from its bytes.
// Addresses are as they were written, split at the last @, with the domain in
// lower case.
type Envelope struct {
	Via      Via
	From     string   // reverse path (RFC 5321 section 4.1.1.2); empty for the null sender
	To       []string // accepted forward paths, at least one
	Remote   netip.Addr
	Helo     string
	TLS      string // version and cipher, empty in the clear
	AgentID  int64  // the authenticated agent; 0 when nobody logged in
	Received time.Time
	UTF8     bool  // SMTPUTF8 was asked for (RFC 6531)
	Size     int64 // as declared by SIZE=; 0 when not said
	Queue    string
	State    State // with ViaImport: the queue to import into and the state to leave the ticket in
	DSN      DSNRequest
}

// DSNRequest is what the sender asked to hear of the delivery (RFC 3461
// section 4). Failures are refused in the session, so that only success is
// left to report.
type DSNRequest struct {
	EnvelopeID string      // ENVID, decoded
	Success    []Delivered // recipients with NOTIFY=SUCCESS
}

// Delivered is a recipient whose sender wants to know that the mail arrived.
type Delivered struct {
	Address  string
	Original string // ORCPT as type;address, decoded; empty if not said
}

// RefusalReason says why a mail or a recipient is not taken. The doors turn
// it into a reply of their protocol, in one function each.
type RefusalReason int

// The reasons to refuse.
const (
	RefuseUnknownRecipient RefusalReason = iota + 1 // no such mailbox here (550 5.1.1)
	RefuseRelay                                     // not our domain (550 5.7.1)
	RefuseSender                                    // reverse path not allowed for this agent (550 5.7.1)
	RefusePolicy                                    // DMARC says reject (550 5.7.1)
	RefuseOwnDomain                                 // unauthenticated mail from a domain of ours (550 5.7.1)
	RefuseMalformed                                 // bare CR, LF, NUL; more than one From (550 5.6.0)
	RefuseHeader                                    // header over a limit (552 5.3.4)
	RefuseTooLarge                                  // message over the limit (552 5.3.4)
	RefuseLoop                                      // too many hops, or our own mail came back (554 5.4.6)
	RefuseBusy                                      // over a rate (450 4.7.1)
	RefuseDiskFull                                  // below the floor (452 4.3.1)
	RefuseTemporary                                 // anything that may work later (451 4.3.0)
)

// Refusal is an error whose text may be shown to the far side.
type Refusal struct {
	Reason RefusalReason
	Text   string // public; no internals
	Err    error  // private cause, for the log; may be nil
}

func (r *Refusal) Error() string {
	if r.Err != nil {
		return r.Text + ": " + r.Err.Error()
	}
	return r.Text
}

// Unwrap returns the private cause.
func (r *Refusal) Unwrap() error { return r.Err }
