package tickets

// State is where a ticket stands.
type State string

// The states of a ticket.
const (
	StateNew      State = "new"      // nobody of the team has answered yet
	StateOpen     State = "open"     // the team's turn
	StateWaiting  State = "waiting"  // the customer's turn
	StateSnoozed  State = "snoozed"  // opens again at a time, or when the customer writes
	StateResolved State = "resolved" // done, until the customer writes again
	StateSpam     State = "spam"
)
