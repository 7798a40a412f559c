package threading

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Action says what becomes of a mail.
type Action string

// The actions.
const (
	New        Action = "new"        // a ticket of its own
	Join       Action = "join"       // into the ticket, by one of its parties
	Unverified Action = "unverified" // into the ticket, for the agents only: nothing proves that a party wrote it
	Third      Action = "third"      // into the ticket, for the agents only: by somebody whom a party had put in Cc
	Linked     Action = "linked"     // a new ticket that points at the one a stranger named
	FollowUp   Action = "follow-up"  // a new ticket that points back at one closed for too long
)

// The bounds of what one mail can make us look up (docs/threats.md H5): ids of
// In-Reply-To, ids of References from the last, tickets of one id.
const (
	maxReplies   = 5
	maxRefs      = 20
	maxSameNamed = 5
)

// Evidence is what a mail says of where it belongs.
type Evidence struct {
	From        string  // the author's address; a claim
	Proved      bool    // From is proved, or who takes the mail in answers for it (import, an agent's forward)
	Reply       []Token // verified reply addresses among the envelope's recipients
	InReplyTo   []string
	References  []string
	Subject     string
	ThreadIndex string
	Now         time.Time
}

// Candidate is a ticket as threading needs to see it.
type Candidate struct {
	ID         int64
	Ref        string
	MergedInto int64
	Resolved   time.Time // zero unless resolved
	ReopenDays int       // 0: always reopens
	Parties    []CandidateParty
}

// CandidateParty is somebody who takes part in a ticket.
type CandidateParty struct {
	No      int
	Address string // compared without case
	Word    string // requester, cc or third, for the reason
	Third   bool   // joined without a word of the desk: what it writes stays with the agents
}

// Finder looks tickets up. What is not there is nil without an error.
type Finder interface {
	ByRef(ctx context.Context, ref string) (*Candidate, error)
	ByID(ctx context.Context, id int64) (*Candidate, error)
	// ByMessageIDs returns the tickets of each id that names a mail we sent or
	// hold, in one look-up. There may be several, since anybody can write a
	// mail with an id that was used before.
	ByMessageIDs(ctx context.Context, ids []string) (map[string][]int64, error)
	// ByThreadIndex returns tickets that hold this conversation, newest first.
	ByThreadIndex(ctx context.Context, conversation string) ([]int64, error)
	// Copied reports whether a proved mail of a party had the address in To or Cc.
	Copied(ctx context.Context, ticketID int64, address string) (bool, error)
}

// Decision is where a mail goes and why. TicketID is the ticket joined, or the
// one that the new ticket links to.
type Decision struct {
	Action   Action
	TicketID int64
	PartyNo  int    // of the party that the writer is or claims to be; 0 when none
	Reason   string // for postroom ticket explain; holds no address and no content
}

// Resolve decides where a mail belongs.
func Resolve(ctx context.Context, e Evidence, f Finder) (Decision, error) {
	steps := []func(context.Context, Evidence, Finder) (*Decision, error){
		bySecretAddress, byMessageID, bySubject, byThreadIndex,
	}
	var linked *Decision
	for _, step := range steps {
		d, err := step(ctx, e, f)
		if err != nil {
			return Decision{}, err
		}
		if d == nil {
			continue
		}
		// A stranger's evidence decides only when nothing better turns up.
		if d.Action == Linked {
			if linked == nil {
				linked = d
			}
			continue
		}
		return *d, nil
	}
	if linked != nil {
		return *linked, nil
	}
	return Decision{Action: New, Reason: "nothing in this mail names a ticket"}, nil
}

// bySecretAddress looks at all secret addresses that the mail went to. With
// those of several tickets, one that the writer is a party to goes before one
// that the writer only knows the address of.
func bySecretAddress(ctx context.Context, e Evidence, f Finder) (*Decision, error) {
	var best *Decision
	for _, tok := range e.Reply {
		c, err := f.ByRef(ctx, tok.Ref)
		if err != nil {
			return nil, err
		}
		d := &Decision{Action: New, Reason: "secret reply address of a ticket that is no longer here"}
		why := "secret reply address"
		told := c.partyNo(tok.PartyNo) // the party that was told the address
		if c != nil && c.MergedInto != 0 {
			why += " of a ticket merged since"
		}
		if c, err = survivor(ctx, f, c); err != nil {
			return nil, err
		}
		if c != nil {
			d = e.join(c, why, told != "" && strings.EqualFold(told, e.From))
			if d == nil {
				d = &Decision{Action: Unverified, TicketID: c.ID,
					Reason: "secret reply address of this ticket, used by somebody who is no party to it"}
			}
		}
		if best == nil || rank(d.Action) > rank(best.Action) {
			best = d
		}
	}
	return best, nil
}

// rank orders what secret addresses of several tickets say.
func rank(a Action) int {
	switch a {
	case Join:
		return 3
	case Third, FollowUp:
		return 2
	case Unverified:
		return 1
	}
	return 0
}

func byMessageID(ctx context.Context, e Evidence, f Finder) (*Decision, error) {
	ids := append([]string(nil), e.InReplyTo...)
	if len(ids) > maxReplies {
		ids = ids[:maxReplies]
	}
	own := len(ids)
	for i := len(e.References) - 1; i >= 0 && len(ids) < own+maxRefs; i-- {
		ids = append(ids, e.References[i])
	}
	if len(ids) == 0 {
		return nil, nil
	}
	hits, err := f.ByMessageIDs(ctx, ids)
	if err != nil || len(hits) == 0 {
		return nil, err
	}
	var stranger *Decision
	seen := make(map[int64]bool)
	for i, id := range ids {
		field := "In-Reply-To"
		if i >= own {
			field = "References"
		}
		for n, ticket := range hits[id] {
			if n == maxSameNamed || seen[ticket] {
				continue
			}
			seen[ticket] = true
			d, err := named(ctx, e, f, ticket, field+" names a mail of this ticket")
			if err != nil {
				return nil, err
			}
			if d != nil && d.Action != Linked {
				return d, nil
			}
			if stranger == nil {
				stranger = d
			}
		}
	}
	return stranger, nil
}

func bySubject(ctx context.Context, e Evidence, f Finder) (*Decision, error) {
	var stranger *Decision
	for _, ref := range SubjectRefs(e.Subject) {
		c, err := f.ByRef(ctx, ref)
		if err != nil {
			return nil, err
		}
		d, err := namedCandidate(ctx, e, f, c, "the subject holds the ticket's reference")
		if err != nil {
			return nil, err
		}
		if d != nil && d.Action != Linked {
			return d, nil
		}
		if stranger == nil {
			stranger = d
		}
	}
	return stranger, nil
}

func byThreadIndex(ctx context.Context, e Evidence, f Finder) (*Decision, error) {
	if e.ThreadIndex == "" {
		return nil, nil
	}
	ids, err := f.ByThreadIndex(ctx, e.ThreadIndex)
	if err != nil {
		return nil, err
	}
	var stranger *Decision
	for _, id := range ids {
		d, err := named(ctx, e, f, id, "Outlook's conversation index is this ticket's")
		if err != nil {
			return nil, err
		}
		if d != nil && d.Action != Linked {
			return d, nil
		}
		if stranger == nil {
			stranger = d
		}
	}
	return stranger, nil
}

func named(ctx context.Context, e Evidence, f Finder, ticketID int64, why string) (*Decision, error) {
	c, err := f.ByID(ctx, ticketID)
	if err != nil {
		return nil, err
	}
	return namedCandidate(ctx, e, f, c, why)
}

// namedCandidate judges evidence that anybody could have copied: only parties
// join, and those whom a party had put in Cc. It returns nil for a ticket that
// is no longer here.
func namedCandidate(ctx context.Context, e Evidence, f Finder, c *Candidate, why string) (*Decision, error) {
	if c == nil {
		return nil, nil
	}
	if c.MergedInto != 0 {
		why += " (merged since)"
	}
	c, err := survivor(ctx, f, c)
	if err != nil || c == nil {
		return nil, err
	}
	if d := e.join(c, why, false); d != nil {
		return d, nil
	}
	if e.From != "" {
		copied, err := f.Copied(ctx, c.ID, e.From)
		if err != nil {
			return nil, err
		}
		if copied && !c.closedTooLong(e.Now) {
			return &Decision{Action: Third, TicketID: c.ID, Reason: why + "; the sender had been put in Cc by a party"}, nil
		}
	}
	return &Decision{Action: Linked, TicketID: c.ID, Reason: why + ", but the sender is no party to it: a ticket of its own, linked"}, nil
}

// maxMerges bounds the way to a survivor; a ring of merges has none.
const maxMerges = 10

// survivor follows merges to the ticket that lives on; nil when that one is no
// longer here.
func survivor(ctx context.Context, f Finder, c *Candidate) (*Candidate, error) {
	for hops := 0; c != nil && c.MergedInto != 0; hops++ {
		if hops == maxMerges {
			return nil, nil
		}
		var err error
		if c, err = f.ByID(ctx, c.MergedInto); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// join says how a party's mail comes into its ticket, and nil when the writer
// is none. From is a claim: without the secret address that this very party
// was told, an unproved one is kept for the agents' eyes (docs/threats.md H2).
func (e *Evidence) join(c *Candidate, why string, secret bool) *Decision {
	party := c.party(e.From)
	switch {
	case party == nil:
		return nil
	case c.closedTooLong(e.Now):
		return &Decision{Action: FollowUp, TicketID: c.ID, PartyNo: party.No,
			Reason: fmt.Sprintf("%s, which was resolved more than %d days ago: a follow-up that links back", why, c.ReopenDays)}
	case party.Third:
		return &Decision{Action: Third, TicketID: c.ID, PartyNo: party.No, Reason: why + "; the sender is its " + party.Word}
	case !secret && !e.Proved:
		return &Decision{Action: Unverified, TicketID: c.ID, PartyNo: party.No,
			Reason: why + "; the sender claims to be its " + party.Word + ", and nothing proves it"}
	}
	return &Decision{Action: Join, TicketID: c.ID, PartyNo: party.No, Reason: why + "; the sender is its " + party.Word}
}

// partyNo returns the address of the party with that number, or "".
func (c *Candidate) partyNo(no int) string {
	if c == nil {
		return ""
	}
	for i := range c.Parties {
		if c.Parties[i].No == no {
			return c.Parties[i].Address
		}
	}
	return ""
}

func (c *Candidate) party(address string) *CandidateParty {
	if address == "" {
		return nil
	}
	for i := range c.Parties {
		if strings.EqualFold(c.Parties[i].Address, address) {
			return &c.Parties[i]
		}
	}
	return nil
}

func (c *Candidate) closedTooLong(now time.Time) bool {
	return c.ReopenDays > 0 && !c.Resolved.IsZero() && now.Sub(c.Resolved) > time.Duration(c.ReopenDays)*24*time.Hour
}
