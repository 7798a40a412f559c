package privacy

import (
	"time"

	"postroom/tickets"
)

// Opened is a request that came by post, by telephone or through somebody's
// representative, as the officer enters it.
type Opened struct {
	Right     Right
	Channel   Channel
	Address   string // where the person is answered
	Name      string
	Language  string
	Words     string
	Received  time.Time
	Proved    bool // the officer saw a proof of who it is; else the mailbox is asked
	Ticket    *tickets.Ticket
	Queue     *tickets.Queue
	Directory *tickets.Directory
	Open      []*Request     // open requests of the address
	Agent     *tickets.Agent // who enters it; nil: the command line
	FirstSeen time.Time
	Changed   bool
	Recent    int
	Now       time.Time
}

// Open makes a request that did not come by mail; its clock began when it
// arrived. Of an address and a right there is one open request: r is that one
// when it exists.
func (d *Desk) Open(in Opened) (ch *tickets.Change, r *Request) {
	for _, o := range in.Open {
		if o.Right == in.Right {
			return &tickets.Change{}, o
		}
	}
	t := &turn{Desk: d, ch: &tickets.Change{Tickets: []*tickets.Ticket{in.Ticket}}, now: in.Now, actor: tickets.ActorAdmin, queue: in.Queue, dir: in.Directory, aligned: true}
	if in.Agent != nil {
		t.actor, t.actorID = tickets.ActorAgent, in.Agent.ID
	}
	t.ch.Events = append(t.ch.Events, &tickets.Event{Ticket: in.Ticket, At: in.Now, Kind: "created", Actor: t.actor, ActorID: t.actorID,
		Data: map[string]string{"why": "privacy", "by": string(in.Channel)}})
	r = t.newRequest(in.Right, in.Ticket, in.Address, in.Name, in.Language, in.Received)
	r.Channel, r.Detail.Words, r.Detail.Aligned = in.Channel, clip(in.Words, maxWords), true
	switch {
	case in.Proved && t.step(r, EdgeVerified, "", map[string]string{"by": "officer"}):
		t.proceedAll([]*Request{r}, nil, &facts{firstSeen: in.FirstSeen, changed: in.Changed})
	default:
		t.begin(r, in.Words)
	}
	t.schedule()
	return t.ch, r
}
