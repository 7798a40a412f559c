package tickets

// Happening is what can change the state of a ticket by itself.
type Happening string

// The happenings.
const (
	CustomerWrote Happening = "customer-wrote"
	AutoReplied   Happening = "auto-replied" // an out-of-office must not reopen anything
	StrangerWrote Happening = "stranger-wrote"
	MailBounced   Happening = "mail-bounced"
	AgentAnswered Happening = "agent-answered"
	AgentNoted    Happening = "agent-noted"
	SnoozeEnded   Happening = "snooze-ended"
)

// NextState is the rule of states: where a ticket goes when something happens.
// Commands of agents set the state directly and come after.
func NextState(s State, h Happening) State {
	switch h {
	case CustomerWrote:
		switch s {
		case StateWaiting, StateSnoozed, StateResolved:
			return StateOpen
		}
	case AgentAnswered:
		return StateWaiting
	case SnoozeEnded:
		if s == StateSnoozed {
			return StateOpen
		}
	}
	return s
}
