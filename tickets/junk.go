package tickets

import (
	"fmt"
	"strings"
	"time"
)

// History is what came of the tickets a sender's address took part in before,
// of the newest few.
type History struct {
	Tickets  int
	Spam     int // of them, those that are marked as spam
	Answered int // of them, those that the desk answered
}

// Junk is why a new ticket begins in the state spam: nobody is told, nothing
// is acknowledged, and it waits in the list of that state.
type Junk struct {
	Points  float64
	Reasons []string // in words, without content
}

// putAside makes spam of the ticket and says why.
func (in *Incoming) putAside(ch *Change, t *Ticket) *Change {
	t.State = StateSpam
	e := in.event(t, "state", map[string]string{"from": string(StateNew), "to": string(StateSpam),
		"points": fmt.Sprintf("%.1f", in.Junk.Points), "why": strings.Join(in.Junk.Reasons, "; ")})
	e.Actor, e.ActorID = ActorSystem, 0
	ch.Events = append(ch.Events, e)
	return ch
}

// maxTaught is how many messages of a ticket one mark teaches the filter.
const maxTaught = 10

// teach lets the filter learn from an agent who marks a ticket as spam, or
// takes the mark away.
func (r *agentRun) teach(before, after State) {
	as := ""
	switch {
	case after == StateSpam:
		as = "spam"
	case before == StateSpam:
		as = "ham"
	default:
		return
	}
	n := 0
	for _, m := range r.Contents[r.Ticket.idOrZero()] {
		if m.Direction != DirectionIn || m.ID == 0 || n == maxTaught {
			continue
		}
		n++
		r.ch.Jobs = append(r.ch.Jobs, &Job{Kind: "learn", Ticket: r.Ticket, Message: m, RunAt: r.Now,
			Data: map[string]string{"as": as, "at": r.Now.UTC().Format(time.RFC3339)}})
	}
}
