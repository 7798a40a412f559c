package privacy

import (
	"context"
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

// TickOn reads what [Desk.Tick] needs and decides. nil means that there is no
// such request, or that its time has not come.
func (d *Desk) TickOn(ctx context.Context, v View, id int64, budget func(aligned bool) bool, now time.Time) (*tickets.Change, error) {
	r, err := v.RequestByID(ctx, id)
	if err != nil || r == nil || r.NextAt.IsZero() || r.NextAt.After(now) {
		return nil, err
	}
	in := Due{Request: r, Budget: budget, Now: now}
	if in.Directory, err = v.Directory(ctx); err != nil {
		return nil, err
	}
	if in.Queue = in.Directory.QueueByAddress(d.Rules.Address); in.Queue == nil {
		return nil, nil
	}
	if in.Ticket, err = v.TicketByID(ctx, r.TicketID); err != nil {
		return nil, err
	}
	if in.Siblings, err = v.RequestsOfTicket(ctx, r.TicketID); err != nil {
		return nil, err
	}
	for i, s := range in.Siblings {
		if s.ID == r.ID {
			in.Siblings[i] = r
		}
	}
	if in.Mails, err = v.MailsOfRequest(ctx, r.ID); err != nil {
		return nil, err
	}
	if r.Address != "" {
		if in.Recent, err = v.ChallengesSince(ctx, r.Org, r.Address, now.Add(-askPause+time.Minute)); err != nil {
			return nil, err
		}
		if in.Consents, err = v.ConsentsOf(ctx, r.Org, r.Address); err != nil {
			return nil, err
		}
	}
	return d.Tick(in), nil
}
