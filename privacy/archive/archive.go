// Package archive writes what a person gets who asks for their data: the copy
// of Article 15 GDPR and the transferable data of Article 20.
//
// An archive is one or more zip files that open by themselves: a page to be
// read offline by anybody (no script, no remote reference), the same as data
// (data.json, by the schema in docs/archive.schema.json), as an mbox, as
// single mails and as tables, and the attachments; with a manifest that names
// the SHA-256 of each file and is signed.
//
// What must hold: mail that the person wrote or was sent is given whole, to
// the byte (CJEU C-487/21); what they never saw comes from the [Source] masked
// already, and what is left out is listed with its ground. No name in an archive
// leads out of its folder, no cell of a table is a formula, nothing of a
// mail becomes markup of the page. Memory does not grow with what is in the
// archive, only, a little, with the number of its messages; no part is larger
// than was asked for, but for a part that holds one larger file alone, and that
// says so.
//
// An error of the source or the writer ends the building and leaves an
// unusable part; the caller builds again from the start.
package archive

import (
	"context"
	"crypto/ed25519"
	"io"
	"time"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

// DefaultPartBytes is how large a part may be: what mail servers take, after
// its base64 is added.
const DefaultPartBytes = 10 << 20

// Source reads what is not in memory. Each is asked for several times.
type Source interface {
	// Text returns the words of a message, masked where the person never saw it.
	Text(ctx context.Context, id int64) (string, error)
	// WriteRaw streams a message as it was. It is asked for whole messages only.
	WriteRaw(ctx context.Context, id int64, w io.Writer) error
	// WriteAttachment streams the decoded bytes of an attachment.
	WriteAttachment(ctx context.Context, id int64, index int, w io.Writer) error
}

// Contents is what goes into an archive, but for the words and bytes of the
// messages.
type Contents struct {
	Right     privacy.Right // Access or Portability
	No        string        // of the request
	Made      time.Time     // what came later is not in it
	Language  string        // ISO 639-1; another than the eight means English
	Zone      *time.Location
	Addresses []string
	People    []*tickets.Person
	About     About

	Tickets    []Ticket
	Deliveries []Delivery
	Recipients []Recipient
	Consents   []consent.Entry
	Requests   []*privacy.Request
	Withheld   []Withheld

	PartBytes  int64  // 0: DefaultPartBytes
	Passphrase string // empty: not encrypted
	Key        ed25519.PrivateKey
}

// About is the information of Article 15(1) and (2), in the controller's words.
type About struct {
	Controller string // name and postal address
	Contact    string // address of the privacy desk
	DPO        string
	Authority  string
	Purposes   []Purpose
	Processors []Processor
	Source     string // where the data is from; empty: from the person's own mails
	Automated  string // empty: there are no automated decisions
}

// Purpose is one use of the data, with its basis in law.
type Purpose struct {
	Name       string `json:"name"`
	Basis      string `json:"basis"`
	Categories string `json:"categories"`
	Retention  string `json:"retention"`
}

// Processor is somebody who works with the data for the controller.
type Processor struct {
	Name      string `json:"name"`
	Purpose   string `json:"purpose"`
	Country   string `json:"country"`
	Safeguard string `json:"safeguard"` // of a transfer to a third country; empty: there is none
}

// Ticket is one conversation.
type Ticket struct {
	Ref      string
	Queue    string
	Subject  string
	State    tickets.State
	Priority tickets.Priority
	Tags     []string
	Created  time.Time
	Resolved time.Time
	Own      bool // the person is its requester
	Frozen   bool // restricted, or kept under a law
	Desk     bool // of the privacy desk: about the request itself
	Messages []Message
}

// Who says from whom a message is, as the person is told.
type Who string

// The writers of messages.
const (
	You     Who = "you"
	Team    Who = "team"
	Another Who = "another"
)

// Message is one mail or note.
type Message struct {
	ID        int64
	Receipt   string
	MessageID string
	Direction tickets.Direction
	Kind      string // mail, auto-reply, bounce
	Relation  privacy.Relation
	By        Who
	From      string // empty where it is masked
	FromName  string
	To, Cc    []string
	Subject   string
	Received  time.Time
	TextBytes int   // about how long Text is
	Size      int64 // of the whole
	SHA256    string
	Whole     bool   // its bytes are given as they were
	Masked    bool   // others in it were made unrecognisable
	Proof     string // what the check of its sender said
	Envelope  string // envelope sender of a mail the person wrote
	Auth      string // the check in full (RFC 8601)

	Attachments []tickets.Attachment
	Indexes     []int // of Attachments, as the source counts them
}

// Delivery is one mail of ours to the person.
type Delivery struct {
	Kind     string    `json:"kind"`
	To       string    `json:"to"`
	State    string    `json:"state"`
	Status   string    `json:"status,omitempty"`
	Ticket   string    `json:"ticket,omitempty"`
	Created  time.Time `json:"created"`
	Finished time.Time `json:"finished,omitzero"`
}

// Recipient is somebody to whom the person's data was in fact disclosed, from
// the delivery records (CJEU C-154/21).
type Recipient struct {
	Name    string    `json:"name"`
	What    string    `json:"what"` // copy, notification, agent
	Count   int       `json:"count"`
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Country string    `json:"country,omitempty"`
}

// Withheld is what was left out, and why.
type Withheld struct {
	Ticket   string    `json:"ticket"`
	Receipt  string    `json:"message"`
	Received time.Time `json:"received"`
	What     string    `json:"what"`   // message, attachment
	Ground   string    `json:"ground"` // such as Article 15(4), by name or in the officer's words
}

// Result says what was built.
type Result struct {
	Parts    int
	Large    int    // parts over the bound, which hold one file
	SHA256   []byte // of the manifests of all parts, one after the other
	Counts   map[string]int
	Nothing  bool // there is nothing about the person but this request
	Messages int
}

// Put takes in part no of parts; write has to be called once, and streams the
// part. An error of Put ends the building.
type Put func(ctx context.Context, no, parts int, write func(io.Writer) error) error

// Build writes the archive, part after part.
func Build(ctx context.Context, c *Contents, src Source, put Put) (*Result, error) {
	b := newBuilder(c, src)
	for i := range b.parts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := &b.parts[i]
		if err := put(ctx, p.no, len(b.parts), func(w io.Writer) error { return b.write(ctx, p, w) }); err != nil {
			return nil, err
		}
	}
	return b.result(), nil
}
