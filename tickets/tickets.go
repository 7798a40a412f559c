// Package tickets is the desk itself: tickets, messages, people, agents,
// queues, the rules of state, the commands agents write, and what follows from
// each mail.
//
// It is pure. State and time come in, a [Change] goes out; a store commits the
// change in one transaction or not at all. Every change of a ticket is an
// [Event] that says who, when and by which message, and events never carry
// content. The stores it needs are declared here as small interfaces.
package tickets

import (
	"errors"
	"time"
)

// Priority of a ticket.
type Priority string

// The priorities.
const (
	PriorityLow    Priority = "low"
	PriorityNormal Priority = "normal"
	PriorityHigh   Priority = "high"
	PriorityUrgent Priority = "urgent"
)

// Role of an agent.
type Role string

// The roles: an admin is also an agent; the privacy officer decides on
// requests of data subjects.
const (
	RoleAgent   Role = "agent"
	RoleAdmin   Role = "admin"
	RolePrivacy Role = "privacy"
)

// DefaultOrg is the organisation (controller) of an installation that holds
// only one.
const DefaultOrg int64 = 1

// Queue is where mail of one public address is worked on.
type Queue struct {
	ID          int64
	Org         int64
	Name        string                // unique in the organisation, compared without case
	Address     string                // the public address, From of every answer
	Receives    []string              // further recipients, such as a forwarded old mailbox
	ReplyDomain string                // domain of secret addresses and return paths
	DisplayName string                // name in From; empty means Name
	Ack         bool                  // acknowledge new tickets
	ReopenDays  int                   // a reply to a ticket resolved longer ago opens a follow-up; 0 means always reopen
	AttachLimit int64                 // bytes of attachments a notification carries; the rest comes on demand
	Texts       map[string]QueueTexts // by language, ISO 639-1; "" is the fallback
}

// QueueTexts are a queue's own words in one language; empty means the built-in.
type QueueTexts struct {
	Signature string
	Ack       string
}

// Agent is one of the team.
type Agent struct {
	ID             int64
	Org            int64
	Name           string // login and #assign name, unique, compared without case
	Address        string // where notifications go and answers come from
	DisplayName    string // shown to customers beside the queue's name; empty means only the queue's
	Role           Role
	Queues         []int64
	Active         bool
	TrustedDomains []string // sending domains that the agent confirmed once
}

// Works reports whether the agent works on the queue.
func (a *Agent) Works(queueID int64) bool {
	for _, q := range a.Queues {
		if q == queueID {
			return true
		}
	}
	return false
}

// Person is somebody outside the team, a data subject. Everything of the
// person is sealed with the person's own key.
type Person struct {
	ID       int64 // 0 until committed
	Org      int64
	Address  string // canonical: domain in lower case A-labels, local part as written
	Name     string
	Language string // last language seen, for the mails we write
	Created  time.Time
}

// PartyRole says how somebody takes part in a ticket.
type PartyRole string

// The roles of parties. A third party was put in Cc by a party or added by an
// agent; it never gets what was written before it joined.
const (
	PartyRequester PartyRole = "requester"
	PartyCc        PartyRole = "cc"
	PartyThird     PartyRole = "third"
)

// Party is a person in a ticket. No is 1 for the requester and never reused
// within the ticket; reply tokens name it.
type Party struct {
	No      int
	Person  *Person
	Role    PartyRole
	Joined  time.Time
	Removed bool
}

// Ticket is one matter between the desk and its requester.
type Ticket struct {
	ID          int64 // 0 until committed
	Org         int64
	Ref         string // such as K7Q2-9F3M
	QueueID     int64
	State       State
	AssigneeID  int64 // 0: nobody
	Priority    Priority
	Tags        []string // sorted, lower case
	Subject     string
	Language    string
	Parties     []Party // the first is the requester
	Created     time.Time
	Updated     time.Time
	ResolvedAt  time.Time // zero unless resolved
	SnoozeUntil time.Time // zero unless snoozed
	MergedInto  int64     // the survivor's id after a merge
	LinkedTo    int64     // the ticket this one was split from or follows up
	LastInID    int64     // newest message of a customer; the store sets both with new messages
	LastOutID   int64     // newest answer of an agent; first answer wins a collision
	ThreadIndex string    // Outlook's conversation id of the first message, or empty
	Restricted  bool      // Article 18 GDPR: open to the privacy officer only, nothing is changed or sent; the store sets it
	Version     int64     // counts committed changes; a change relies on the version it read
}

// Requester returns the requester, or nil in a ticket without one.
func (t *Ticket) Requester() *Person {
	for i := range t.Parties {
		if t.Parties[i].Role == PartyRequester && !t.Parties[i].Removed {
			return t.Parties[i].Person
		}
	}
	return nil
}

// PartyByAddress returns the party with that canonical address, or nil. Who
// was erased has none and is never found.
func (t *Ticket) PartyByAddress(address string) *Party {
	if address == "" {
		return nil
	}
	key := FoldAddress(address)
	for i := range t.Parties {
		p := &t.Parties[i]
		if !p.Removed && p.Person != nil && FoldAddress(p.Person.Address) == key {
			return p
		}
	}
	return nil
}

// Direction of a message.
type Direction string

// The directions.
const (
	DirectionIn   Direction = "in"
	DirectionOut  Direction = "out"
	DirectionNote Direction = "note"
)

// Raw names the bytes of a message: in memory when small, staged in the store
// when large. SHA256 (hex) and Size are of the bytes as received after
// unstuffing, without our trace fields.
type Raw struct {
	Bytes   []byte
	StageID int64
	Size    int64
	SHA256  string
}

// Attachment is what is known of an attachment without opening the message.
type Attachment struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Size      int64  `json:"size"`
	Inline    bool   `json:"inline"`
	SHA256    string `json:"sha256"`
	ContentID string `json:"cid,omitempty"` // without angle brackets: how HTML names an inline image
}

// Message is one mail or note in a ticket.
type Message struct {
	ID           int64   // 0 until committed
	TicketID     int64   // 0 for a mail that is kept but belongs to no ticket (commands, held mail)
	Ticket       *Ticket // in a change: the ticket it is put into, new or not; nil keeps TicketID
	Receipt      string  // the random word of the 250
	MessageID    string  // without angle brackets; ours is fixed before the first try
	Direction    Direction
	Kind         string // mail, auto-reply, bounce
	From         string // address of the From field, or of the envelope when there is none
	FromName     string
	EnvelopeFrom string
	EnvelopeTo   []string
	To, Cc       []string
	Subject      string
	Text         string // what the writer wrote now, capped at 64 KiB
	Whole        string // the whole text, capped likewise, when it says more than Text; empty otherwise
	Attachments  []Attachment
	Defects      []string
	Received     time.Time
	Raw          Raw
	Proof        string // what the sender check proved: aligned, none, fail, temp, agent (authenticated or confirmed), import
	AuthResults  string // the check in the words of RFC 8601
	ThreadReason string // why it stands in this ticket
	AuthorAgent  int64  // the agent who wrote it; 0 when a person did
	AuthorPerson *Person
	Restricted   bool   // Article 18 GDPR: open to the privacy officer only; the store sets it
	Unverified   bool   // nothing proves that a party wrote it: agents only, never quoted to anyone
	Dedupe       []byte // what makes two mails the same: Message-ID, From, envelope sender, body; without a Message-ID also the Date
}

// ActorKind says what sort of author an event has.
type ActorKind string

// The authors of events.
const (
	ActorPerson ActorKind = "person"
	ActorAgent  ActorKind = "agent"
	ActorAdmin  ActorKind = "admin" // the command line
	ActorSystem ActorKind = "system"
)

// Event is one change of a ticket: who, when, by which message. Data holds
// names of states, queues, tags and agents' ids, never content.
type Event struct {
	ID       int64
	TicketID int64
	Ticket   *Ticket // set instead of TicketID when the ticket is made in the same change
	At       time.Time
	Kind     string // created, received, joined, state, assigned, priority, tagged, untagged, queue, merged, split, snoozed, party, answered, note, ack, notified, bounced, failed, held, released, refused
	Actor    ActorKind
	ActorID  int64
	Message  *Message // nil when no message caused it
	Data     map[string]string
}

// OutKind says what a mail we send is.
type OutKind string

// The kinds of outgoing mail.
const (
	OutAck          OutKind = "ack"
	OutNotification OutKind = "notification"
	OutAnswer       OutKind = "answer"
	OutReceipt      OutKind = "receipt"
	OutReport       OutKind = "report"
	OutPrivacy      OutKind = "privacy"
	OutNews         OutKind = "news"   // the team's news, for a Purpose
	OutSurvey       OutKind = "survey" // a question how satisfied somebody is, for a Purpose
)

// OutState is where an outgoing mail stands.
type OutState string

// The states of outgoing mail.
const (
	OutQueued OutState = "queued"
	OutLeased OutState = "leased"
	OutSent   OutState = "sent"
	OutFailed OutState = "failed"
)

// Outgoing is one mail to one recipient. It is written in the transaction that
// caused it and composed when it is sent, from Spec and the message named.
type Outgoing struct {
	ID        int64
	Org       int64
	Kind      OutKind
	MessageID string   // fixed now, so that a second hand-over is recognisably the same
	Ticket    *Ticket  // nil for mail about no ticket
	Message   *Message // whose content is sent or quoted; nil if none
	To        string
	ToAgent   int64    // set when To is an agent's
	ToPerson  *Person  // set when To is a person's: the row is sealed with that key
	About     []string // whom it names beside the recipient: whose erasure takes it along; kept only as hashes
	QueueID   int64
	SealKey   int64  // seals the row instead of the recipient's key, such as a privacy request's own; 0: none
	RequestID int64  // the privacy request the mail belongs to; 0 if none
	Request   Extra  // that request when it is made in the same change; the store fills in RequestID, and SealKey with the request's own
	Once      string // names a mailing, of which an address gets one mail however often it is written; empty for all others
	Purpose   string // of a mail that rests on consent: it cannot leave without one that stands; empty for all others
	Spec      OutSpec
	NotBefore time.Time
}

// OutSpec is what the composer needs beside the ticket and the message. It is
// sealed at rest.
type OutSpec struct {
	Language    string            `json:"lang,omitempty"`
	Subject     string            `json:"subject,omitempty"`
	Text        string            `json:"text,omitempty"` // plain text written by us or cleaned from the agent's mail
	HTML        string            `json:"html,omitempty"`
	Template    string            `json:"template,omitempty"`
	Args        map[string]string `json:"args,omitempty"`
	ReplyTo     string            `json:"reply_to,omitempty"`
	Cc          []string          `json:"cc,omitempty"`     // shown in the header only
	Attach      []int             `json:"attach,omitempty"` // attachments of Message that go along; nil none
	InReply     string            `json:"in_reply,omitempty"`
	Refs        []string          `json:"refs,omitempty"`
	Artifact    int               `json:"artifact,omitempty"`    // this part of the privacy request's archive goes along; 0: none
	Unsubscribe string            `json:"unsubscribe,omitempty"` // an address that a mail to withdraws the consent this mail rests on (RFC 2369)
	OneClick    string            `json:"one_click,omitempty"`   // a URL where a POST does (RFC 8058)
	Verified    bool              `json:"verified,omitempty"`    // only over TLS with a verified certificate, else it fails
}

// Held is a mail that is kept but not acted on until somebody confirms it.
type Held struct {
	ID      int64 // chosen by the decision, since the confirmation address names it
	Org     int64
	At      time.Time
	Kind    string // agent: an unproved agent's mail; collision: an answer after another's
	AgentID int64
	Ticket  *Ticket // may be nil
	Message *Message
	State   string // held, released, dropped
}

// Job is slow or many-fold work that follows from a change.
type Job struct {
	ID      int64
	Kind    string // notify: expand to a notification per agent
	Ticket  *Ticket
	Message *Message
	Data    map[string]string
	Request Extra // the privacy request it is about when that is made in the same change; the store fills in Data["request"]
	RunAt   time.Time

	Attempts int // tries that failed so far
}

// Change is all that follows from one mail or command. A store commits it
// whole. Rows it points to with ID 0 are created in it; tickets with an ID are
// updated and must still have the Version the decision read, else the store
// asks for the decision again.
type Change struct {
	Tickets  []*Ticket
	Messages []*Message
	Events   []*Event
	Outbox   []*Outgoing
	Jobs     []*Job
	Held     []*Held

	// Duplicate is set when the mail was already held: nothing else is done
	// than adding recipients and raising the proof.
	Duplicate *Duplicate

	// Release names a held mail that this change acts on; it must still be
	// held, else the decision is asked for again.
	Release      int64
	ReleaseState string // released or dropped

	// Moved messages change their ticket (merge, split).
	Moved []Move

	// Bounced names an outgoing mail whose delivery state this mail changes.
	Bounced *Bounced

	// FinishJob names the job that this change carries out; the row goes with
	// the commit. When it is gone already the whole change is dropped and Apply
	// returns ErrGone.
	FinishJob int64

	// TrustDomain remembers a proved sending domain of an agent.
	TrustAgent  int64
	TrustDomain string

	// Also holds rows of the rooms that build on the desk, such as privacy
	// requests and consents; they are committed with the rest.
	Also []Extra
}

// Extra is a row of another room in a change. The store knows which there are.
type Extra interface{ Extra() }

// ErrGone says that the work had been done already, by another worker.
var ErrGone = errors.New("already done")

// Move puts a message into another ticket.
type Move struct {
	MessageID int64
	To        *Ticket
}

// Duplicate names the message a mail is a copy of.
type Duplicate struct {
	MessageID  int64
	Receipt    string
	Recipients []string // to add to the envelope recipients
	Proof      string   // a better proof than was known, or empty
}

// Bounced is a delivery report on a mail of ours.
type Bounced struct {
	OutboxID  int64
	Permanent bool // nobody tries any more
	Status    string
}
