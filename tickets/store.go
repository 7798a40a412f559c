package tickets

import (
	"context"
	"strings"
	"time"
)

// View is one consistent reading of the store. Lookups of what is not there
// return nil and no error.
type View interface {
	// Directory returns the queues and agents as this view sees them. The
	// value is shared: read only.
	Directory(ctx context.Context) (*Directory, error)

	// TicketByID and TicketByRef return the ticket with its parties, opened.
	TicketByID(ctx context.Context, id int64) (*Ticket, error)
	TicketByRef(ctx context.Context, org int64, ref string) (*Ticket, error)
	// TicketsByMessageIDs tells which of the ids name a mail that we hold or
	// sent, in one query; ids we know nothing of are left out.
	TicketsByMessageIDs(ctx context.Context, org int64, ids []string) ([]IDHit, error)
	// TicketsByThreadIndex returns the ids of tickets that began with this
	// Outlook conversation, newest first, at most ten.
	TicketsByThreadIndex(ctx context.Context, org int64, conversation string) ([]int64, error)

	// TicketsIn lists tickets of the queues in the states, longest waiting (oldest Updated) first.
	TicketsIn(ctx context.Context, queueIDs []int64, states []State, limit int) ([]*Ticket, error)

	// MessageByID returns the message without its bytes.
	MessageByID(ctx context.Context, id int64) (*Message, error)
	// MessagesOf returns a ticket's messages in order of arrival, newest last, without bytes;
	// limit > 0 keeps the newest so many.
	MessagesOf(ctx context.Context, ticketID int64, limit int) ([]*Message, error)
	// KnownByDedupe returns the message with this identity.
	KnownByDedupe(ctx context.Context, org int64, key []byte) (*Known, error)

	PersonByAddress(ctx context.Context, org int64, address string) (*Person, error)
	// AcksSince counts acknowledgements written to the address since then.
	AcksSince(ctx context.Context, org int64, address string, since time.Time) (int, error)

	HeldByID(ctx context.Context, id int64) (*Held, error)
	// OutgoingByID returns the outgoing mail with its ticket and message, and its state.
	OutgoingByID(ctx context.Context, id int64) (*Outgoing, OutState, error)
}

// Decide reads a view and says what follows. It may be called more than once
// for one mail, must not keep the view, and must do no I/O of its own.
type Decide func(ctx context.Context, v View) (*Change, error)

// Store commits changes.
type Store interface {
	// Apply runs decide on a snapshot and commits its change durably (fsync)
	// before it returns; ids are filled in. Where the change relied on
	// versions or absences that moved meanwhile, decide runs again within the
	// writing transaction. Cancelling ctx before the commit began cancels; after, it does not.
	Apply(ctx context.Context, decide Decide) (*Change, error)

	// Stage begins to take in a message's bytes; small ones stay in memory.
	Stage(ctx context.Context) Stage

	// View runs fn on one consistent reading.
	View(ctx context.Context, fn func(View) error) error
}

// Stage takes in the bytes of one message.
type Stage interface {
	Write(p []byte) (int, error)
	// Finish returns the name of what was written. The bytes are adopted by
	// the Apply whose change holds the Raw; otherwise they are swept.
	Finish() (Raw, error)
	// Abort forgets what was written. It may be called after Finish.
	Abort()
}

// IDHit is a Message-ID that is known.
type IDHit struct {
	MessageID string // the header's id
	TicketID  int64
	ID        int64 // of the message; 0 for a mail of ours that is no ticket message (acknowledgement, notification)
	About     int64 // for such a mail of ours: the message it quotes or answers; 0 if none
}

// Known is a message that is already held.
type Known struct {
	ID         int64
	TicketID   int64
	Receipt    string
	EnvelopeTo []string
	Proof      string
	Received   time.Time
	Size       int64
	SHA256     string
}

// Directory is who works on what: the queues and agents of an installation.
type Directory struct {
	Queues []*Queue
	Agents []*Agent
}

// QueueByID returns the queue, or nil.
func (d *Directory) QueueByID(id int64) *Queue {
	for _, q := range d.Queues {
		if q.ID == id {
			return q
		}
	}
	return nil
}

// QueueByName returns the queue with that name, compared without case, or nil.
func (d *Directory) QueueByName(name string) *Queue {
	for _, q := range d.Queues {
		if strings.EqualFold(q.Name, name) {
			return q
		}
	}
	return nil
}

// QueueByAddress returns the queue that receives mail for the address, or nil.
func (d *Directory) QueueByAddress(address string) *Queue {
	key := FoldAddress(address)
	for _, q := range d.Queues {
		if FoldAddress(q.Address) == key {
			return q
		}
		for _, r := range q.Receives {
			if FoldAddress(r) == key {
				return q
			}
		}
	}
	return nil
}

// AgentByID returns the agent, or nil.
func (d *Directory) AgentByID(id int64) *Agent {
	for _, a := range d.Agents {
		if a.ID == id {
			return a
		}
	}
	return nil
}

// AgentByAddress returns the active agent with that address, or nil.
func (d *Directory) AgentByAddress(address string) *Agent {
	key := FoldAddress(address)
	for _, a := range d.Agents {
		if a.Active && FoldAddress(a.Address) == key {
			return a
		}
	}
	return nil
}

// AgentByName returns the active agent with that name, compared without case, or nil.
func (d *Directory) AgentByName(name string) *Agent {
	for _, a := range d.Agents {
		if a.Active && strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}

// Hosts reports whether mail of the domain is received here: the domain of a
// queue's address, of a reply domain.
func (d *Directory) Hosts(domain string) bool {
	for _, q := range d.Queues {
		if strings.EqualFold(q.ReplyDomain, domain) || strings.EqualFold(Domain(q.Address), domain) {
			return true
		}
		for _, r := range q.Receives {
			if strings.EqualFold(Domain(r), domain) {
				return true
			}
		}
	}
	return false
}
