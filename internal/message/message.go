// Package message understands mail: it turns the raw bytes of a message into
// headers, text, attachments and a classification, and never fails. What
// cannot be parsed is noted as a defect and shown as well as it can be; the
// caller keeps the raw bytes in any case.
//
// Input is hostile. Every cap of [Limits] is enforced while reading, memory
// does not grow with the size of a message, nothing is ever fetched,
// decrypted or expanded, and no text that leaves this package holds control
// characters or invalid UTF-8.
package message

import "time"

// Address is one mailbox of a header field. Name is decoded and free of
// control and bidirectional characters; Address is as written, without
// angle brackets, with the domain in lower case.
type Address struct {
	Name    string
	Address string
}

// Attachment describes a part that is not the body. Name is safe to show and
// to use as a file name (base name, no control or bidi characters, at most
// 255 bytes); it may be empty.
type Attachment struct {
	Name      string
	Type      string // media type in lower case, without parameters
	Size      int64  // decoded bytes
	Inline    bool   // shown within the body (Content-Disposition: inline or referenced by cid)
	ContentID string // without angle brackets
	SHA256    string // of the decoded bytes, lower-case hex
	Index     int    // position among the attachments, for Open
}

// Kind says what sort of mail a message is.
type Kind string

// The kinds of mail.
const (
	KindMail      Kind = "mail"       // written by a person, or at least not provably automatic
	KindAutoReply Kind = "auto-reply" // RFC 3834 and the vendors' ways of saying so
	KindBounce    Kind = "bounce"     // a delivery status notification, RFC 3464 or hand-made
)

// Bounce is what a delivery status notification says of one recipient: of
// several, the first that failed for good, else that failed, else that waits.
//
// The class of Status is a verdict on the address, not the far server's digit,
// because servers answer 5yz to nearly everything. It is 5 where the address
// can be given up: user or domain unknown, moved, or taking no mail, by an
// enhanced code, by a refusal at RCPT or in the reporting server's own words,
// or where a server says "permanent" and nothing else. It is 4 where the
// address may well work another time or for another mail (full, disabled,
// blocked, spam, policy, size, expired, out of order), while a server still
// tries, where "unknown user" came after DATA or as a bare 550 through a
// gateway, and where nothing tells. It is 2 for a receipt of delivery. Subject
// and detail (RFC 3463) are as reported; Reason holds the server's own code.
type Bounce struct {
	Recipient         string // the address that failed; empty if the notification does not say
	Status            string // RFC 3463 x.y.z; class 5 is permanent, 4 temporary; never empty
	Action            string // failed, delayed, delivered, relayed, expanded (RFC 3464 section 2.3.3)
	Reason            string // the far server's words
	OriginalMessageID string // Message-ID of the mail that bounced, without angle brackets
}

// Permanent reports whether the address can be given up; see Bounce.
func (b *Bounce) Permanent() bool { return b != nil && len(b.Status) > 0 && b.Status[0] == '5' }

// Message is a parsed mail.
type Message struct {
	From, To, Cc, ReplyTo []Address
	Sender                *Address
	FromFields            int // number of From fields; RFC 5322 section 3.6 allows one
	FromMailboxes         int // mailboxes in the From fields, groups counted by their members
	Subject               string
	Date                  time.Time // zero if absent or unreadable
	MessageID             string    // ids are without angle brackets
	InReplyTo             []string
	References            []string
	ThreadIndex           string // Outlook's conversation id: first 22 bytes of Thread-Index in hex, or empty

	Text  string // the whole body as plain text
	HTML  string // the HTML body, sanitised: no script, no remote reference
	Reply string // only what the writer wrote now

	Attachments []Attachment
	Kind        Kind
	AutoReason  string // why it is an auto-reply: the header or wording found
	Bulk        bool   // mailing list or bulk mail: never acknowledged, yet not an auto-reply
	Bounce      *Bounce

	Language string   // ISO 639-1 of the body, or empty when unsure
	Defects  []string // what was repaired or could not be understood, in words
	Header   []Field  // top-level fields in order, values unfolded but not decoded, capped

	pieces  []htmlPiece // what HTML is made of
	rawHTML string      // the HTML body as it came (UTF-8, capped), for finding quotes; never shown
	parts   []part      // every leaf and attached message in order, capped
}

// Field is one header field as it stood, unfolded.
type Field struct{ Name, Value string }

// Get returns the first value of the named field, compared without case, or "".
func (m *Message) Get(name string) string {
	for _, f := range m.Header {
		if equalFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// part is a leaf (or an attached message) of the MIME tree with the start of
// its decoded text, kept for classification.
//
// For an attached message (message/rfc822, message/global) text is its header
// section, one unfolded "Name: value" a line, as in a text/rfc822-headers
// part; its body follows as parts of their own, with inside set. Other
// message/* parts (delivery-status, feedback-report, …) are text.
type part struct {
	typ     string  // media type in lower case
	depth   int     // 0 is the message itself
	text    string  // UTF-8 with LF line ends, at most 64 KiB; empty for binary parts
	fields  []Field // the part's own header; for an attached message the header within; nil for the message itself
	inside  bool    // within an attached message
	dispAtt bool    // Content-Disposition: attachment
	body    bool    // of the message's own body
}

// Limits caps what Parse takes in. A zero field means the default.
type Limits struct {
	HeaderBytes int // header section of one entity; default 256 KiB
	Fields      int // header fields of one entity; default 1000
	Addresses   int // addresses in all fields together; default 1000
	Parts       int // MIME parts; default 1000
	Depth       int // nesting of multiparts and attached messages; default 50
	TextBytes   int // decoded body text kept; default 1 MiB

	NoHTML bool // leave Message.HTML empty: sanitising costs more than all the rest; RenderHTML does it when wanted
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		x, y := a[i], b[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if 'A' <= y && y <= 'Z' {
			y += 'a' - 'A'
		}
		if x != y {
			return false
		}
	}
	return true
}
