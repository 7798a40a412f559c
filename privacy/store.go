package privacy

import (
	"context"
	"io"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// View is one consistent reading with the privacy desk's own rows. The views
// of a store that keeps them implement it beside tickets.View. Lookups of what
// is not there return nil and no error.
type View interface {
	tickets.View
	consent.View

	RequestByID(ctx context.Context, id int64) (*Request, error)
	RequestByNo(ctx context.Context, org int64, no string) (*Request, error)
	// RequestsOfTicket returns the requests of a ticket of the privacy queue, oldest first.
	RequestsOfTicket(ctx context.Context, ticketID int64) ([]*Request, error)
	// RequestsOf returns the requests about the address, newest first; open ones only, or all.
	RequestsOf(ctx context.Context, org int64, address string, open bool) ([]*Request, error)
	// TokenByHash returns the token, also a used or expired one.
	TokenByHash(ctx context.Context, hash []byte) (*Token, error)
	// MailsOfRequest returns the mails of a request with how each stands. When
	// one was delivered, failed or bounced, the store makes the request due.
	MailsOfRequest(ctx context.Context, requestID int64) ([]HeldMail, error)
	// ChallengesSince counts the challenges written to the address since then.
	ChallengesSince(ctx context.Context, org int64, address string, since time.Time) (int, error)
	// Written reports whether a mail of that mailing (tickets.Outgoing.Once) was
	// written to the address. Who was erased is not remembered.
	Written(ctx context.Context, org int64, address, once string) (bool, error)
	// SecondFactor returns the salted hash on file for the address, or nil.
	SecondFactor(ctx context.Context, org int64, address string) ([]byte, error)
	// CoveredUntil says until when nothing of the address may be deleted because
	// an access request runs or ended less than 30 days ago; zero if nothing does.
	CoveredUntil(ctx context.Context, org int64, address string) (time.Time, error)
}

// Store is what the privacy desk needs beside the decisions that go through
// tickets.Store.Apply.
type Store interface {
	tickets.Store
	// DueRequests returns ids of requests whose NextAt has come.
	DueRequests(ctx context.Context, now time.Time, limit int) ([]int64, error)
	// Requests lists requests, newest first; fn's error ends it.
	Requests(ctx context.Context, org int64, open bool, fn func(*Request) error) error
	// Events lists a request's events in order.
	Events(ctx context.Context, requestID int64) ([]Event, error)
	// Consents lists the ledger, oldest first; fn's error ends it.
	Consents(ctx context.Context, org int64, fn func(*consent.Entry) error) error
	// ExtendJob keeps a lease for longer; tickets.ErrLeaseLost when it is another's.
	ExtendJob(ctx context.Context, jobID int64, until time.Time) error

	Reader
	Eraser
	Artifacts
}

// Reader finds everything that is held about somebody.
type Reader interface {
	// Holdings lists what is held about the addresses, in order of time.
	Holdings(ctx context.Context, org int64, addresses []string) (*Holdings, error)
	// WriteRaw streams the bytes of a message.
	WriteRaw(ctx context.Context, messageID int64, w io.Writer) error
}

// Holdings is where somebody's data is, without its content: that is read
// message by message.
type Holdings struct {
	People   []*tickets.Person // those of the addresses that are known
	Tickets  []HeldTicket
	Messages []HeldMessage
	Mails    []HeldMail // of ours to the person that are no ticket messages, and deliveries of those that are
	Consents []consent.Entry
	Requests []*Request
}

// HeldTicket is a ticket somebody takes part in.
type HeldTicket struct {
	ID        int64
	Ref       string
	Queue     string
	Requester bool // else the person is Cc or a third party in somebody else's ticket
	PartyNo   int
	Frozen    bool // restricted, or under a duty to keep
}

// Relation says what a message is to somebody.
type Relation string

// The relations of a message to a person.
const (
	Wrote     Relation = "wrote"     // the person is its author
	Addressed Relation = "addressed" // it was sent to the person, who saw it whole
	Internal  Relation = "internal"  // a note or another's message in the person's own ticket, never sent to the person
	Beside    Relation = "beside"    // in somebody else's ticket that the person takes part in; the person never got it
)

// HeldMessage is one message in which somebody's data may be.
type HeldMessage struct {
	ID       int64
	TicketID int64
	Relation Relation
	Frozen   bool
}

// HeldMail is a mail of ours to the person, or the delivery of an answer.
type HeldMail struct {
	ID        int64
	Kind      tickets.OutKind
	Template  string // of OutSpec
	Artifact  int    // of OutSpec
	TicketID  int64
	MessageID int64
	To        string
	State     tickets.OutState
	Status    string
	Created   time.Time
	Finished  time.Time
}

// Masker makes somebody unrecognisable in content that is also another's.
type Masker interface {
	// Mask writes raw to w with every trace of the identity replaced. left names
	// what it could not look into (images, PDFs, signed or encrypted parts): the
	// officer decides about that.
	Mask(ctx context.Context, who Identity, raw io.Reader, w io.Writer) (left []string, err error)
	// Text does the same to plain text and reports whether anything was there.
	Text(who Identity, s string) (masked string, changed bool)
}

// Identity is what somebody is recognised by.
type Identity struct {
	Addresses []string
	Names     []string
}

// Duty is a law that obliges to keep what stands in a queue or under a tag
// (Article 17(3)).
type Duty struct {
	Queue  string                                     // either
	Tag    string                                     // or
	Ground string                                     // such as "Art. 17(3)(b)"
	Law    string                                     // such as "§ 147 AO"
	Keep   func(received time.Time) (until time.Time) `json:"-"`
}

// Plan is what an erasure is to do, decided before it begins and the same
// whenever it is begun again.
type Plan struct {
	RequestID int64
	Org       int64
	Addresses []string
	Duties    []Duty
	Now       time.Time

	Ends          time.Time // when the keyed hash goes that a restore knows the person by: last backup and limitation period; zero: in three years
	ConsentsUntil time.Time // when the consents' lines, then without an address, go (Articles 7(1), 17(3)(e))
}

// Preview says exactly what an erasure would do.
type Preview struct {
	Tickets  int // erased whole
	Messages int
	Masked   []Masked // parts in others' tickets
	Kept     []Kept
	Mails    int            // of ours, in the outbox
	Blocked  time.Time      // nothing may be deleted before: an access request covers it
	Copies   map[string]int // copies outside this installation: agents' mailboxes, relays, recipients
}

// Masked is a message of somebody else's in which the person is masked.
type Masked struct {
	MessageID int64
	Ref       string
	Left      []string // what cannot be masked and goes to the officer
}

// Eraser takes somebody's data away, step by step. Each step is durable when
// it returns, may be repeated after a kill at any point, and is recorded.
type Eraser interface {
	Preview(ctx context.Context, p Plan, m Masker) (*Preview, error)
	// EraseSteps are the names of the steps, in order.
	EraseSteps() []string
	// EraseStep carries out one step and says what it did.
	EraseStep(ctx context.Context, p Plan, step string, m Masker) (counts map[string]int, err error)
	// Scan looks for the values, in every encoding that could hide them, in all
	// that this installation has on disk: databases, logs, indexes, temporary
	// files, backups in the data folder. It returns where it found something.
	Scan(ctx context.Context, values []string) ([]Find, error)
	// Forget destroys the request's own key and what it sealed.
	Forget(ctx context.Context, requestID int64) error
}

// Find is a place where a scanned value still stands.
type Find struct {
	Where    string // file or table
	Encoding string
	Count    int
}

// Artifacts keep the parts of an archive, sealed under the request's key,
// until they were delivered.
type Artifacts interface {
	// PutArtifact keeps what r has. The same number replaces what was there.
	PutArtifact(ctx context.Context, requestID int64, no int, name string, r io.Reader) (size int64, err error)
	WriteArtifact(ctx context.Context, requestID int64, no int, w io.Writer) error
	DropArtifacts(ctx context.Context, requestID int64) error
}
