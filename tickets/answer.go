package tickets

// write makes the answer or the note of the text that is left.
func (r *agentRun) write() {
	switch {
	case r.sent:
		return
	case r.Ticket == nil:
		r.keepAsNote(nil) // a mail of commands, at home in no ticket
		return
	}
	if !r.answers() {
		home := r.Ticket
		if r.into != nil {
			home = r.into
		}
		r.keepAsNote(home)
		if r.note {
			r.event(home, "note", nil)
			r.tellColleagues(home)
			if r.state == "" && r.into == nil {
				r.state = NextState(home.State, AgentNoted)
				r.until = home.SnoozeUntil
			}
		}
		r.setState(r.state)
		return
	}
	r.Message.Direction, r.Message.Ticket = DirectionOut, r.Ticket
	r.ch.Messages = append(r.ch.Messages, r.Message)
	r.answer(r.Ticket)
	r.event(r.Ticket, "answered", nil)
	if r.Ticket.AssigneeID == 0 && !r.assigned && r.may(r.Ticket) {
		r.assign(r.Agent)
	}
	if r.state == "" {
		r.state = NextState(r.Ticket.State, AgentAnswered)
	}
	r.setState(r.state)
}

func (r *agentRun) setState(after State) {
	t := r.Ticket
	if after == "" || after == t.State && t.SnoozeUntil.Equal(r.until) {
		return
	}
	before := t.State
	t.SetState(after, r.Now)
	t.SnoozeUntil = r.until
	r.event(t, "state", map[string]string{"from": string(before), "to": string(after)})
	r.teach(before, after)
}

func (t *Ticket) idOrZero() int64 {
	if t == nil {
		return 0
	}
	return t.ID
}

// answer writes one outgoing mail for each party, each with a reply address of
// its own.
func (r *agentRun) answer(t *Ticket) {
	q := r.Directory.QueueByID(t.QueueID)
	if q == nil {
		q = r.Queue
	}
	r.Message.MessageID = NewMessageID(q.ReplyDomain)
	for i := range t.Parties {
		p := &t.Parties[i]
		if !p.answered() {
			continue
		}
		spec := OutSpec{Language: t.Language, Subject: t.Subject, Text: r.Text, HTML: r.HTML,
			Template: "answer", ReplyTo: r.Addr.Reply(q, t.Ref, p.No), Attach: r.Attach}
		for j := range t.Parties {
			if o := &t.Parties[j]; j != i && o.answered() {
				spec.Cc = append(spec.Cc, o.Person.Address)
			}
		}
		r.thread(t, &spec)
		r.ch.Outbox = append(r.ch.Outbox, &Outgoing{Org: t.Org, Kind: OutAnswer, MessageID: r.Message.MessageID, Ticket: t,
			Message: r.Message, To: p.Person.Address, ToPerson: p.Person, QueueID: q.ID, Spec: spec, NotBefore: r.Now})
	}
}

// maxChain is how many ids References holds: the first and the newest.
const maxChain = 20

// thread makes the answer point at the customer's mail, and at those before
// it, so that every client sorts it into the conversation. What parties have
// not seen is left out.
func (r *agentRun) thread(t *Ticket, spec *OutSpec) {
	for _, m := range r.Contents[t.ID] {
		if m.Direction == DirectionNote || m.Unverified || m.MessageID == "" || m.Kind == "bounce" || m == r.Message {
			continue
		}
		spec.Refs = append(spec.Refs, m.MessageID)
		if m.Direction == DirectionIn {
			spec.InReply = m.MessageID
		}
	}
	if n := len(spec.Refs); n > maxChain {
		spec.Refs = append(spec.Refs[:1:1], spec.Refs[n-maxChain+1:]...)
	}
}

// tellColleagues lets the assignee know of a note by somebody else.
func (r *agentRun) tellColleagues(t *Ticket) {
	if t.AssigneeID != 0 && t.AssigneeID != r.Agent.ID {
		r.ch.Jobs = append(r.ch.Jobs, &Job{Kind: "notify", Ticket: t, Message: r.Message, RunAt: r.Now})
	}
}
