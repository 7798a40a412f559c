package tickets

import "strings"

// Commands about the consent of a ticket's requester; the room of consents
// decides what follows, see [AgentMail.Beside].
const (
	VerbConsent  Verb = "consent"  // ask for it: a purpose, and for a child a parent's address
	VerbWithdraw Verb = "withdraw" // enter that it is withdrawn: a purpose, or all
)

// Beside is what commands about consent bring along.
type Beside struct {
	Change *Change  // rows and mails of the consents' room
	Said   []string // one line for the receipt of each such command, in order
	Data   []map[string]string
}

// ConsentReview reports whether the command is the privacy officer's decision
// about a consent that waits for it, which belongs to no ticket: "approve" or
// "refuse", a purpose and an address.
func ConsentReview(c Command) (approve bool, purpose, address string, ok bool) {
	words := strings.Fields(c.Arg)
	if c.Verb != VerbConsent || len(words) != 3 || !strings.EqualFold(words[0], "approve") && !strings.EqualFold(words[0], "refuse") {
		return false, "", "", false
	}
	return strings.EqualFold(words[0], "approve"), words[1], strings.Trim(words[2], "<>"), true
}

func (r *agentRun) checkConsent(c Command) {
	if r.Ticket != nil && r.Ticket.Requester() == nil {
		r.fail("%q: this ticket has no requester who could consent", c.Line)
	}
}

// doConsent tells of one command and lets the event say which purpose.
func (r *agentRun) doConsent(c Command) {
	if len(r.Beside.Said) == 0 {
		r.say("%q: nothing has changed.", c.Line)
		return
	}
	r.say("%s", r.Beside.Said[0])
	if r.Ticket != nil {
		r.event(r.Ticket, "consent", r.Beside.Data[0])
	}
	r.Beside.Said, r.Beside.Data = r.Beside.Said[1:], r.Beside.Data[1:]
}

// join takes over what the commands about consent brought along.
func (r *agentRun) join() {
	if ch := r.Beside.Change; ch != nil {
		r.ch.Also = append(r.ch.Also, ch.Also...)
		r.ch.Outbox = append(r.ch.Outbox, ch.Outbox...)
	}
}

// ConsentArg reads the argument of a command about consent: a purpose, and
// after it a parent's address.
func ConsentArg(c Command) (purpose, parent string) {
	purpose, parent, _ = strings.Cut(strings.TrimSpace(c.Arg), " ")
	return purpose, strings.Trim(strings.TrimSpace(parent), "<>")
}
