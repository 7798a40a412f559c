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
	Unverified Action = "unverified" // into the ticket, for the agents only: the secret address was right, the writer is no party
	Third      Action = "third"      // into the ticket, by somebody whom a party had put in Cc
	Linked     Action = "linked"     // a new ticket that points at the one a stranger named
	FollowUp   Action = "follow-up"  // a new ticket that points back at one closed for too long
)

// maxRefs is how many ids of References are looked up, from the last.
const maxRefs = 20

// Evidence is what a mail says of where it belongs.
type Evidence struct {
	From        string  // the author's address; a claim
	Aligned     bool    // the sender check proved From
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
}

// Finder looks tickets up. What is not there is nil without an error.
type Finder interface {
	ByRef(ctx context.Context, ref string) (*Candidate, error)
	ByID(ctx context.Context, id int64) (*Candidate, error)
	// ByMessageIDs returns the ticket of each id that names a mail we sent or
	// hold, in one look-up.
	ByMessageIDs(ctx context.Context, ids []string) (map[string]int64, error)
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
	PartyNo  int    // of the writer, when joined as a party
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

func bySecretAddress(ctx context.Context, e Evidence, f Finder) (*Decision, error) {
	for _, tok := range e.Reply {
		c, err := f.ByRef(ctx, tok.Ref)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return &Decision{Action: New, Reason: "secret reply address of a ticket that is no longer here"}, nil
		}
		return withSurvivor(ctx, e, f, c, "secret reply address", func(c *Candidate) *Decision {
			return &Decision{Action: Unverified, TicketID: c.ID,
				Reason: "secret reply address of this ticket, used by somebody who is no party to it"}
		})
	}
	return nil, nil
}

func byMessageID(ctx context.Context, e Evidence, f Finder) (*Decision, error) {
	ids := append([]string(nil), e.InReplyTo...)
	if len(ids) > maxRefs {
		ids = ids[:maxRefs]
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
		ticket, ok := hits[id]
		if !ok || seen[ticket] {
			continue
		}
		seen[ticket] = true
		field := "In-Reply-To"
		if i >= own {
			field = "References"
		}
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
	return stranger, nil
}

func bySubject(ctx context.Context, e Evidence, f Finder) (*Decision, error) {
	for _, ref := range SubjectRefs(e.Subject) {
		c, err := f.ByRef(ctx, ref)
		if err != nil {
			return nil, err
		}
		if c != nil {
			return namedCandidate(ctx, e, f, c, "the subject holds the ticket's reference")
		}
	}
	return nil, nil
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
	if err != nil || c == nil {
		return nil, err
	}
	return namedCandidate(ctx, e, f, c, why)
}

// namedCandidate judges evidence that anybody could have copied: only parties
// join, and those whom a party had put in Cc.
func namedCandidate(ctx context.Context, e Evidence, f Finder, c *Candidate, why string) (*Decision, error) {
	var copyErr error
	d, err := withSurvivor(ctx, e, f, c, why, func(c *Candidate) *Decision {
		if e.From != "" {
			copied, err := f.Copied(ctx, c.ID, e.From)
			if err != nil {
				copyErr = err
				return nil
			}
			if copied {
				return &Decision{Action: Third, TicketID: c.ID, Reason: why + "; the sender had been put in Cc by a party"}
			}
		}
		return &Decision{Action: Linked, TicketID: c.ID, Reason: why + ", but the sender is no party to it: a ticket of its own, linked"}
	})
	if copyErr != nil {
		return nil, copyErr
	}
	return d, err
}

// withSurvivor follows merges to the ticket that lives on and joins it when
// the writer is a party; otherwise stranger decides.
func withSurvivor(ctx context.Context, e Evidence, f Finder, c *Candidate, why string, stranger func(*Candidate) *Decision) (*Decision, error) {
	party := c.party(e.From)
	for hops := 0; c.MergedInto != 0; hops++ {
		next, err := f.ByID(ctx, c.MergedInto)
		if err != nil {
			return nil, err
		}
		if next == nil || hops == 10 {
			break
		}
		c, why = next, why+" (merged since)"
		if p := c.party(e.From); p != nil {
			party = p
		}
	}
	if party == nil {
		return stranger(c), nil
	}
	if c.closedTooLong(e.Now) {
		return &Decision{Action: FollowUp, TicketID: c.ID, PartyNo: party.No,
			Reason: fmt.Sprintf("%s, which was resolved more than %d days ago: a follow-up that links back", why, c.ReopenDays)}, nil
	}
	return &Decision{Action: Join, TicketID: c.ID, PartyNo: party.No, Reason: why + "; the sender is its " + party.Word}, nil
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
