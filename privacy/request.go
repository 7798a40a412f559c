package privacy

import (
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// State is where a request stands. The machine is in machine.go.
type State string

// The states. Every one but the last four is open.
const (
	Received   State = "received"   // kept, the clock runs; nothing was asked of the person yet
	Challenged State = "challenged" // a proof of the mailbox was asked for
	Verified   State = "verified"   // the mailbox is proved; what follows is due
	Review     State = "review"     // the officer has to decide
	Cooling    State = "cooling"    // an approved erasure that the person may still cancel
	Executing  State = "executing"  // a job carries it out
	Done       State = "done"
	Refused    State = "refused"
	Expired    State = "expired"   // closed by the officer: the proof never came
	Withdrawn  State = "withdrawn" // by the person, or no request after all
)

// Final reports whether nothing follows any more.
func (s State) Final() bool {
	return s == Done || s == Refused || s == Expired || s == Withdrawn
}

// Channel is how a request reached the controller.
type Channel string

// The channels. Anything but mail is entered by the officer, who saw the proof.
const (
	ByMail           Channel = "mail"
	ByPost           Channel = "post"
	ByPhone          Channel = "phone"
	ByRepresentative Channel = "representative"
)

// Request is one right exercised by one person. A mail that asks for several
// makes several requests in one ticket of the privacy queue.
//
// What is personal stands in the fields from Address on and is sealed under a
// key of the request's own, which is destroyed some days after the end, so
// that the fields before it are all that remains.
type Request struct {
	ID       int64 // 0 until committed
	Org      int64
	No       string // public, random, such as P-K7Q2-9F3M
	Right    Right
	State    State
	TicketID int64           // in the privacy queue
	Ticket   *tickets.Ticket // set when the ticket is made or changed in the same change
	Channel  Channel
	Received time.Time // the first arrival anywhere: from here the law counts
	Due      time.Time // statutory end, after an extension if there was one (Article 12(3))
	Internal time.Time // the date we work towards
	Extended bool
	Held     bool      // the officer stopped it with #hold
	After    int64     // a request that has to be done first; 0 if none
	First    *Request  // as After, when that is made in the same change
	NextAt   time.Time // when Tick has something to do; zero: never
	Finished time.Time // reached a final state
	Ends     time.Time // with Finished: when the last of the row goes
	Record   Record
	Version  int64 // counts committed changes; an update relies on the one it read

	// Sealed. All of it is empty once the request's key was destroyed.
	Address  string // the data subject's canonical address
	Name     string
	Language string // ISO 639-1, of the mails the person gets
	Detail   Detail
}

// Record is what may stay when nobody can be told from it any more: no
// address, no name, no word of anybody's.
type Record struct {
	Verified  time.Time      `json:"verified,omitzero"`
	Decided   time.Time      `json:"decided,omitzero"`
	Ground    string         `json:"ground,omitempty"` // of a refusal, by its name in grounds.go
	Counts    map[string]int `json:"counts,omitempty"` // erased, masked, kept, told …
	Kept      []Kept         `json:"kept,omitempty"`
	Tries     int            `json:"tries,omitempty"`     // failed proofs
	Asked     int            `json:"asked,omitempty"`     // challenges sent
	SHA256    string         `json:"sha256,omitempty"`    // of the archive's manifest or of the certificate
	Delivered time.Time      `json:"delivered,omitzero"`  // the far side accepted what was asked for
	Reminded  []string       `json:"reminded,omitempty"`  // reminders that went to the officer, once each
	Deputy    bool           `json:"deputy,omitempty"`    // the deputy was told
	Unsealed  bool           `json:"plain,omitempty"`     // the person asked for the archive without encryption
	Parts     int            `json:"parts,omitempty"`     // of the archive
	Automatic bool           `json:"automatic,omitempty"` // carried out without the officer, as configured
	Scan      string         `json:"scan,omitempty"`      // what the last scan found: "clean" or a count
	Factor    bool           `json:"factor,omitempty"`    // a second factor was given
	Alarms    int            `json:"alarms,omitempty"`    // overdue alarms that were mailed
	LastAsked time.Time      `json:"last_asked,omitzero"` // the newest challenge or reminder of one
	AskAt     time.Time      `json:"ask_at,omitzero"`     // a challenge that waits for its budget goes out then
	Turn      time.Time      `json:"turn,omitzero"`       // since when the officer has to act; zero: not the officer's turn
	On        time.Time      `json:"on,omitzero"`         // an erasure begins then, or a restriction is lifted
	Since     time.Time      `json:"since,omitzero"`      // the newest archive was ordered then; mails from before don't count
	Dropped   time.Time      `json:"dropped,omitzero"`    // the archive was deleted here
}

// Kept is content that a law obliges to keep.
type Kept struct {
	Ground string    `json:"ground"` // such as Article 17(3)(b)
	Law    string    `json:"law"`
	Until  time.Time `json:"until"`
	Count  int       `json:"count"`
}

// Detail is the personal rest of a request, sealed as JSON.
type Detail struct {
	Others   []Linked   `json:"others,omitempty"`   // further addresses of the person
	Facts    string     `json:"facts,omitempty"`    // what the officer gave as reasons
	Extend   string     `json:"extend,omitempty"`   // reason of the extension
	Withheld []Withheld `json:"withheld,omitempty"` // parts left out of the archive
	Changes  []Fix      `json:"changes,omitempty"`  // rectification: what is to be changed
	Purpose  string     `json:"purpose,omitempty"`  // objection or withdrawal: of what; empty means all
	Words    string     `json:"words,omitempty"`    // what the person wrote, at most 4 KiB
	Draft    string     `json:"draft,omitempty"`    // a refusal shown to the officer, not sent yet
	InReply  string     `json:"in_reply,omitempty"` // Message-ID of the person's mail
	Secret   string     `json:"secret,omitempty"`   // what opens the archive, until it was sent: words made here, or the second factor as it was written
	Made     bool       `json:"made,omitempty"`     // the passphrase is words made here, not a second factor the person knows
	Told     []Told     `json:"told,omitempty"`     // recipients of the data who were told (Article 19)
	Unsure   bool       `json:"unsure,omitempty"`   // the words left open what is asked for: the officer, or the person, has to say
	Aligned  bool       `json:"aligned,omitempty"`  // the mail that asked proved its sender
	Hints    []string   `json:"hints,omitempty"`    // why the officer decides: names from grounds.go
	Refs     []string   `json:"refs,omitempty"`     // erasure: of the tickets, for those who have copies outside
	Again    int        `json:"again,omitempty"`    // how often the archive was sent anew
}

// Linked is a further address that may be the same person's. It counts only
// once it proved itself.
type Linked struct {
	Address string    `json:"address"`
	Proved  time.Time `json:"proved,omitzero"`
}

// Withheld is a part the officer leaves out of an archive, with its ground
// (Article 15(4)).
type Withheld struct {
	Receipt string `json:"receipt"` // of the message
	Ground  string `json:"ground"`
}

// Fix is one correction: field is name or address (Article 16).
type Fix struct {
	Field string `json:"field"`
	Old   string `json:"old,omitempty"`
	New   string `json:"new"`
}

// Told is a recipient of the person's data who was told of a rectification,
// erasure or restriction (Article 19).
type Told struct {
	Name    string    `json:"name"`
	Address string    `json:"address,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Status  string    `json:"status"` // queued, sent, failed, impossible
}

// Addresses returns the addresses the request is about: the person's own and
// those that proved themselves.
func (r *Request) Addresses() []string {
	out := []string{r.Address}
	for _, l := range r.Detail.Others {
		if !l.Proved.IsZero() {
			out = append(out, l.Address)
		}
	}
	return out
}

// TokenKind says what a token does.
type TokenKind string

// The kinds of tokens.
const (
	TokenProof  TokenKind = "proof"  // proves the mailbox of a request
	TokenLink   TokenKind = "link"   // proves a further address
	TokenCancel TokenKind = "cancel" // stops an erasure in its cooling-off
	TokenAgain  TokenKind = "again"  // sends an archive again, or unencrypted
	TokenAgree  TokenKind = "agree"  // gives a consent that was asked for
	TokenStop   TokenKind = "stop"   // withdraws a consent (List-Unsubscribe)
)

// Token is a secret of 128 bits that was mailed to one address. Only its
// SHA-256 is kept. It works once, until it expires, and for the address, the
// request and the scope it was made for.
type Token struct {
	Hash      []byte // SHA-256 of the 16 bytes
	Kind      TokenKind
	RequestID int64
	Request   *Request       // set when it is made in the same change
	Consent   int64          // of agree and stop: the ledger's entry
	Entry     *consent.Entry // set when the entry is made in the same change; the token is sealed as the entry is
	Scope     []byte         // digest of right and addresses at the time
	Address   string         // sealed under the request's key, or the person's: whose answer counts
	Made      time.Time
	Expires   time.Time
	Used      time.Time
}

// UseToken marks a token as used, in the change of the mail that used it. The
// store refuses the change where another mail was faster.
type UseToken struct {
	Hash []byte
	At   time.Time
}

// Event is one edge of a request's way. Events are only ever added; the same
// Edge and Key of one request is kept once, however often it is written.
type Event struct {
	RequestID int64
	Request   *Request // set when it is made in the same change
	At        time.Time
	Edge      string // such as received, challenged, verified, approved, archived, step, delivered, done
	Key       string // tells edges of one name apart; empty where there can be only one
	Actor     tickets.ActorKind
	ActorID   int64
	Message   *tickets.Message
	Evidence  []byte            // SHA-256 of what shows it; nil if nothing does
	Data      map[string]string // no content, nobody's address
}

// Restrict sets or lifts the restriction of all that is the person's: hidden
// from agents, lists, searches and notifications, nothing sent, nothing
// changed (Article 18). It stays open to the officer and in the person's own
// archive. What arrives later is not restricted.
type Restrict struct {
	Org       int64
	Addresses []string
	RequestID int64
	Request   *Request // set when it is made in the same change
	On        bool
}

// Rename corrects a person's name, or moves a person to another address
// (Article 16). The address must be nobody's else.
type Rename struct {
	Org     int64
	Address string // who
	Name    string // empty: unchanged
	To      string // new address; empty: unchanged
}

// Extra marks the rows that a tickets.Change carries for this room.
func (*Request) Extra() {}

// Extra marks a row of a change.
func (*Token) Extra() {}

// Extra marks a row of a change.
func (*UseToken) Extra() {}

// Extra marks a row of a change.
func (*Event) Extra() {}

// Extra marks a row of a change.
func (*Restrict) Extra() {}

// Extra marks a row of a change.
func (*Rename) Extra() {}
