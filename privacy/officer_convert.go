package privacy

import (
	"slices"

	"postroom/consent"
	"postroom/tickets"
)

// convert makes a request of a mail in an ordinary ticket, with the clock from
// when the customer's mail arrived (P10), or says what an unclear one asks for.
func (o *order) convert(c tickets.Command) {
	right, ok := RightOf(c.Arg)
	if !ok {
		o.fail(c, "the rights are access, portability, erasure, rectification, restriction, objection and withdraw")
		return
	}
	if o.in.Ticket == nil {
		o.fail(c, "this command belongs in an answer to a notification")
		return
	}
	if len(o.in.Requests) > 0 || o.in.Ticket.QueueID == o.queue.ID {
		o.convertHere(c, right)
		return
	}
	asks := o.in.Asks
	if asks == nil || asks.AuthorPerson == nil || asks.AuthorPerson.Address == "" {
		o.fail(c, "there is no customer's message here whose sender could be asked")
		return
	}
	if i := slices.IndexFunc(o.in.Open, func(r *Request) bool { return r.Right == right }); i >= 0 {
		o.say("This right is being exercised already: %s.", describe(o.in.Open[i], o.Rules.Calendar))
		return
	}
	o.ch.Tickets = append(o.ch.Tickets, o.in.New)
	o.ch.Events = append(o.ch.Events, &tickets.Event{Ticket: o.in.New, At: o.now, Kind: "created", Actor: tickets.ActorAgent, ActorID: o.in.Agent.ID, Message: o.in.Message,
		Data: map[string]string{"why": "privacy", "from": o.in.Ticket.Ref}})
	r := o.newRequest(right, o.in.New, asks.AuthorPerson.Address, asks.AuthorPerson.Name, o.in.New.Language, asks.Received)
	r.Detail.Words, r.Detail.InReply, r.Detail.Aligned = clip(asks.Text, maxWords), asks.MessageID, asks.Proof == "aligned"
	o.begin(r, asks.Text)
	o.report(Officers(o.dir), o.in.New, "A request from "+o.in.Ticket.Ref+": "+r.No, officerText(r, o.Rules.Calendar)+"\n\nHanded over by "+o.in.Agent.Name+".")
	o.say("%s: handed over to the privacy officer as a request for %s; the clock counts from %s, when the customer's mail came. Answer the customer about everything else here.",
		r.No, right, o.Rules.Calendar.Day(r.Received))
}

// begin starts a request that somebody else than the person's mail opened.
func (t *turn) begin(r *Request, text string) {
	switch {
	case r.Right == ConsentWithdrawal || r.Right == Objection && NamesMarketing(text):
		t.step(r, EdgeExecuting, "", nil)
		t.step(r, EdgeEffective, "", nil)
		act := consent.Withdrawn
		if r.Right == Objection {
			act = consent.Objected
		}
		if entry := consent.Withdraw(nil, consent.Entry{Org: r.Org, Address: r.Address, Act: act, Channel: "agent", Language: r.Language, At: t.now}); entry != nil {
			t.ch.Also = append(t.ch.Also, entry)
		}
		t.stopped(r, 0)
	default:
		if r.Right == Rectification && len(r.Detail.Changes) == 0 {
			r.Detail.Changes = Corrections(text, r.Address)
		}
		t.ask([]*Request{r}, 0)
	}
}

// convertHere says what a mail in the privacy queue asks for, or that it asks
// for one thing more.
func (o *order) convertHere(c tickets.Command, right Right) {
	if !o.Decides(o.dir, o.in.Agent) {
		o.fail(c, "only the privacy officer decides on requests")
		return
	}
	for _, r := range o.in.Requests {
		if r.Right == right && !r.State.Final() && !r.Detail.Unsure {
			o.fail(c, "%s exists already", describe(r, o.Rules.Calendar))
			return
		}
	}
	for _, r := range o.in.Requests {
		if !r.State.Final() && (r.Detail.Unsure || slices.Contains(r.Detail.Hints, HintAutomatic)) && (r.Right == "" || r.Right == right) {
			if n := o.clarify(r, right); n != nil {
				o.begin(n, n.Detail.Words)
				o.say("%s is a request for %s now; the person is asked to prove the mailbox where that is needed.", n.No, right)
				return
			}
		}
	}
	received, language, words := o.in.Ticket.Created, o.in.Ticket.Language, ""
	if o.in.Asks != nil {
		received, words = o.in.Asks.Received, o.in.Asks.Text
	}
	p := o.in.Ticket.Requester()
	if p == nil || p.Address == "" {
		o.fail(c, "nobody in this ticket has an address to ask")
		return
	}
	r := o.newRequest(right, o.in.Ticket, p.Address, p.Name, language, received)
	r.Detail.Words = clip(words, maxWords)
	o.begin(r, words)
	o.say("%s: a request for %s was opened; the clock counts from %s.", r.No, right, o.Rules.Calendar.Day(received))
}
