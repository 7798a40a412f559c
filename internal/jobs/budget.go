package jobs

import (
	"context"
	"fmt"
	"time"

	"postroom/tickets"
)

// Limiter is the budget of notifications.
type Limiter interface {
	Allow(ctx context.Context, key string, n int, per time.Duration) (bool, time.Duration)
}

// How many notifications one agent gets: of one ticket, and of all. A flood of
// mail must not become a flood in the agents' own mailboxes, where it would
// hide the rest and get us blocked. Nothing is lost by it: the mail stands in
// its ticket, and the agent is told once an hour that there is more.
const (
	perTicketHour = 60
	perAgentHour  = 1000
	moreNotice    = time.Hour
)

type verdict int

const (
	sendIt verdict = iota
	sayMore
	sayNothing
)

const moreText = `More mail came in than is mailed to you: %s. Everything is kept in its ticket.

To see what is open, write #list to this mail's reply address; #show REF shows one ticket.`

// withinBudget keeps what an agent may still get. What is over is left out,
// with a word to the agent the first time.
func (w *Worker) withinBudget(ctx context.Context, t *tickets.Ticket, asked map[int64]verdict, list []*tickets.Outgoing) []*tickets.Outgoing {
	if w.Limit == nil {
		return list
	}
	var out []*tickets.Outgoing
	for _, o := range list {
		v, ok := asked[o.ToAgent]
		if !ok {
			v = w.ask(ctx, t, o.ToAgent)
			asked[o.ToAgent] = v
		}
		switch v {
		case sendIt:
			out = append(out, o)
		case sayMore:
			out = append(out, &tickets.Outgoing{Org: o.Org, Kind: tickets.OutReport, MessageID: o.MessageID, Ticket: t, To: o.To, ToAgent: o.ToAgent,
				QueueID: o.QueueID, NotBefore: o.NotBefore, Spec: tickets.OutSpec{Template: "more", Language: "en", Subject: "More mail than is mailed to you",
					Text: fmt.Sprintf(moreText, fmt.Sprintf("over %d in this ticket or %d in all, within an hour", perTicketHour, perAgentHour)), ReplyTo: o.Spec.ReplyTo}})
		}
	}
	return out
}

func (w *Worker) ask(ctx context.Context, t *tickets.Ticket, agent int64) verdict {
	ok, _ := w.Limit.Allow(ctx, fmt.Sprintf("notify:%d:%d", agent, t.ID), perTicketHour, time.Hour)
	if ok {
		ok, _ = w.Limit.Allow(ctx, fmt.Sprintf("notify:%d", agent), perAgentHour, time.Hour)
	}
	if ok {
		return sendIt
	}
	if first, _ := w.Limit.Allow(ctx, fmt.Sprintf("notify-more:%d", agent), 1, moreNotice); first {
		return sayMore
	}
	return sayNothing
}
