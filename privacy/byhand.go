package privacy

import (
	"errors"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// ByHand is a decision of the officer's that was typed on the server, where
// who may type is the administrator, instead of mailed.
type ByHand struct {
	Verb      tickets.Verb // VerbApprove, or VerbResolve for the close of what was never proved
	Arg       string       // as after the command, such as identity
	Text      string       // as below the command
	Request   *Request
	Ticket    *tickets.Ticket
	Siblings  []*Request // all requests of the ticket, Request among them
	Queue     *tickets.Queue
	Directory *tickets.Directory
	Consents  []consent.Entry
	FirstSeen time.Time
	Changed   bool
	Now       time.Time
}

// Decide carries it out for this one request and says what was done. Its error
// says why nothing was: the change is then nil.
func (d *Desk) Decide(in ByHand) (ch *tickets.Change, said string, err error) {
	o := &order{turn: &turn{Desk: d, ch: &tickets.Change{}, now: in.Now, actor: tickets.ActorAdmin, queue: in.Queue, dir: in.Directory, aligned: true,
		siblings: in.Siblings, ticket: in.Ticket},
		in: &Order{Ticket: in.Ticket, Requests: []*Request{in.Request}, Text: in.Text, Queue: in.Queue, Own: in.Queue, Directory: in.Directory,
			Consents: in.Consents, FirstSeen: in.FirstSeen, Changed: in.Changed, Now: in.Now}}
	c := tickets.Command{Verb: in.Verb, Arg: in.Arg, Line: "#" + string(in.Verb)}
	switch in.Verb {
	case tickets.VerbApprove:
		o.approve(c)
	case tickets.VerbResolve:
		o.closeUnproved(c)
	default:
		return nil, "", errors.New("this is decided by mail, in an answer about the request")
	}
	if len(o.wrong) > 0 {
		_, why, _ := strings.Cut(o.wrong[0], ": ")
		return nil, "", errors.New(why)
	}
	o.schedule()
	return o.ch, strings.Join(o.done, "\n"), nil
}
