package tickets

import (
	"strings"

	"postroom/threading"
)

// check finds everything that stands against the mail, so that it is carried
// out whole or not at all. It changes nothing but the list of what is wrong.
func (r *agentRun) check() {
	r.checkTicket()
	queue := int64(0)
	if r.Ticket != nil {
		queue = r.Ticket.QueueID
	}
	seen := make(map[Verb]bool)
	for _, c := range r.Commands {
		switch {
		case r.Ticket == nil && needsTicket(c):
			r.fail("%q: this command belongs in an answer to a notification", c.Line)
			continue
		case seen[c.Verb] && onlyOnce(c.Verb):
			r.fail("%q: only once in a mail", c.Line)
			continue
		}
		seen[c.Verb] = true
		if c.Verb == VerbQueue {
			q := r.Directory.QueueByName(c.Arg)
			if q == nil {
				r.fail("%q: there is no queue of that name", c.Line)
				continue
			}
			queue = q.ID // what follows holds for the new queue
		}
		r.checkCommand(c, queue)
	}
	r.checkTogether()
	if len(r.wrong) == 0 && len(r.Commands) == 0 {
		r.checkText()
	}
	if r.answers() {
		r.checkAnswer()
	}
}

// checkTicket keeps an agent from the tickets of others: a secret address from
// an old notification does not outlive the queue it was for.
func (r *agentRun) checkTicket() {
	if t := r.Ticket; t != nil && !r.may(t) && t.AssigneeID != r.Agent.ID {
		r.fail("%s is in a queue that you don't work on", t.Ref)
	}
}

func needsTicket(c Command) bool {
	if _, _, _, review := ConsentReview(c); review {
		return false
	}
	switch c.Verb {
	case VerbList, VerbShow, VerbTake, VerbNew, VerbHelp, VerbForward, VerbConfirm, VerbDrop:
		return false
	}
	return true
}

func onlyOnce(v Verb) bool {
	switch v {
	case VerbMerge, VerbSplit, VerbNew, VerbSend, VerbForward:
		return true
	}
	return false
}

func (r *agentRun) checkCommand(c Command, queue int64) {
	if c.Verb.Privacy() {
		r.fail("%q: there is no request of a data subject here that this could be about", c.Line)
		return
	}
	switch c.Verb {
	case VerbAssign:
		r.checkAssign(c, queue)
	case VerbPriority:
		if _, ok := parsePriority(c.Arg); !ok {
			r.fail("%q: the priorities are low, normal, high and urgent", c.Line)
		}
	case VerbTag, VerbUntag:
		r.checkTags(c)
	case VerbSnooze:
		if _, ok := ParseSnooze(c.Arg, r.Now); !ok {
			r.fail("%q: write 4h, 3d, 2w or a date such as 2026-12-24, within a year", c.Line)
		}
	case VerbMacro:
		r.fail("%q: there is no macro of that name", c.Line)
	case VerbMerge:
		r.checkNamed(c)
	case VerbTake, VerbShow:
		if c.Arg != "" || r.Ticket == nil {
			r.checkNamed(c)
		}
	case VerbSplit:
		r.checkSplit(c)
	case VerbSend:
		if !strings.EqualFold(c.Arg, "attachments") {
			r.fail("%q: only attachments can be sent", c.Line)
		} else if r.Base == nil {
			r.fail("%q: answer the notification whose attachments you want", c.Line)
		}
	case VerbNew:
		r.checkNew(c)
	case VerbConsent, VerbWithdraw:
		r.checkConsent(c)
	case VerbForward:
		r.fail("%q: this mail holds no forwarded message, or other commands beside it", c.Line)
	}
}

func (r *agentRun) checkAssign(c Command, queue int64) {
	if strings.EqualFold(c.Arg, "nobody") {
		return
	}
	a := r.agentNamed(c.Arg)
	switch {
	case a == nil:
		r.fail("%q: there is no agent of that name", c.Line)
	case !a.mayWork(queue):
		r.fail("%q: %s does not work on this queue", c.Line, a.Name)
	}
}

// maxTags bounds the tags of a ticket.
const maxTags = 50

func (r *agentRun) checkTags(c Command) {
	words := strings.Fields(c.Arg)
	for _, w := range words {
		if _, ok := parseTag(w); !ok {
			r.fail("%q: a tag is a word of at most 40 letters, digits, dots and dashes", c.Line)
			return
		}
	}
	if c.Verb == VerbTag && r.Ticket != nil && len(r.Ticket.Tags)+len(words) > maxTags {
		r.fail("%q: a ticket has at most %d tags", c.Line, maxTags)
	}
}

// checkNamed makes sure that the named ticket is there and may be touched; one
// in a queue of others looks like one that does not exist.
func (r *agentRun) checkNamed(c Command) {
	ref, ok := threading.ParseRef(c.Arg)
	t := r.Named[ref]
	if !ok || t == nil || !r.may(t) {
		r.fail("%q: there is no ticket with that reference", c.Line)
		return
	}
	if c.Verb == VerbMerge && r.Ticket != nil && t.ID == r.Ticket.ID {
		r.fail("%q: a ticket cannot be merged into itself", c.Line)
	}
}

func (r *agentRun) checkSplit(c Command) {
	switch {
	case r.Base == nil || r.Base.Direction != DirectionIn:
		r.fail("%q: answer the notification of the customer's message that is to get a ticket of its own", c.Line)
	case r.lastIn(r.Ticket, r.Base) == nil:
		r.fail("%q: that is the only message of this ticket", c.Line)
	}
}

func (r *agentRun) checkNew(c Command) {
	switch {
	case r.Ticket != nil:
		r.fail("%q: this mail answers a ticket; write it to %s", c.Line, r.Addr.Command(r.Queue, r.Agent.ID))
	case r.Customer == nil:
		r.fail("%q: write the address of somebody outside after it, such as #new ann@example.org", c.Line)
	case r.note:
		r.fail("%q: a note is sent to nobody", c.Line)
	case r.Text == "":
		r.fail("%q: there is no text to send", c.Line)
	}
}

// checkTogether refuses commands that contradict each other, and an answer
// whose readers would be others than the agent saw.
func (r *agentRun) checkTogether() {
	for _, v := range []Verb{VerbMerge, VerbSplit} {
		if r.has(v) && r.answers() {
			r.fail("#%s: send your answer in a mail of its own, after it is done", v)
		}
	}
	if r.has(VerbMerge) && r.has(VerbSplit) {
		r.fail("#merge and #split: one at a time")
	}
}

// checkText is for a mail without commands.
func (r *agentRun) checkText() {
	switch {
	case r.Ticket == nil:
		r.fail("this address takes commands, and the mail held none; #help lists them")
	case r.Text == "" && len(r.Attach) == 0:
		r.fail("there was no text of your own in the mail")
	}
}

// checkAnswer makes sure that an answer reaches whom the agent means.
func (r *agentRun) checkAnswer() {
	reached := false
	for i := range r.Ticket.Parties {
		reached = reached || r.Ticket.Parties[i].answered()
	}
	if !reached {
		r.fail("nobody in this ticket has an address to answer to")
		return
	}
	if b := r.Base; b != nil && b.Unverified {
		if p := r.Ticket.PartyByAddress(b.From); p == nil || !p.answered() {
			r.fail("the message that you answered is from somebody outside of this ticket, who would not get the answer; " +
				"#split gives it a ticket of its own, and an answer to any other message goes to the customer")
		}
	}
}

// answered reports whether the party gets the desk's answers.
func (p *Party) answered() bool {
	return !p.Removed && p.Role != PartyThird && p.Person != nil && p.Person.Address != ""
}

func (r *agentRun) may(t *Ticket) bool { return r.Agent.mayWork(t.QueueID) }

// mayWork reports whether the agent works on the queue or is an admin.
func (a *Agent) mayWork(queueID int64) bool { return a.Role == RoleAdmin || a.Works(queueID) }

func (r *agentRun) agentNamed(name string) *Agent {
	if strings.EqualFold(name, "me") {
		return r.Agent
	}
	if a := r.Directory.AgentByName(name); a != nil {
		return a
	}
	return r.Directory.AgentByAddress(strings.Trim(name, "<>"))
}
