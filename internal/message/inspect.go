package message

import (
	"encoding/json"
	"time"
)

// Inspection is what `postroom inspect --json` prints of one message. The
// names are fixed; lists are never null.
type Inspection struct {
	From        []InspectedAddress    `json:"from"`
	To          []InspectedAddress    `json:"to"`
	Cc          []InspectedAddress    `json:"cc"`
	ReplyTo     []InspectedAddress    `json:"reply_to"`
	Subject     string                `json:"subject"`
	Date        *string               `json:"date"` // RFC 3339, null if there is none
	MessageID   string                `json:"message_id"`
	InReplyTo   []string              `json:"in_reply_to"`
	References  []string              `json:"references"`
	Text        string                `json:"text"`
	Reply       string                `json:"reply"`
	HTML        string                `json:"html"`
	Attachments []InspectedAttachment `json:"attachments"`
	Kind        Kind                  `json:"kind"`
	AutoReason  string                `json:"auto_reason"`
	Bounce      *InspectedBounce      `json:"bounce"`
	Privacy     json.RawMessage       `json:"privacy"`          // set by the caller; null
	Thread      *int                  `json:"thread,omitempty"` // set by the caller with --threads
	Defects     []string              `json:"defects"`
	Error       string                `json:"error"` // why the file could not be read; "" if it was
}

// InspectedAddress is an Address in an Inspection.
type InspectedAddress struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// InspectedAttachment is an Attachment in an Inspection.
type InspectedAttachment struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	Inline bool   `json:"inline"`
	SHA256 string `json:"sha256"`
}

// InspectedBounce is a Bounce in an Inspection.
type InspectedBounce struct {
	Recipient         string `json:"recipient"`
	Status            string `json:"status"`
	Action            string `json:"action"`
	Reason            string `json:"reason"`
	OriginalMessageID string `json:"original_message_id"`
}

// Inspect returns all that was understood of the message.
func (m *Message) Inspect() Inspection {
	in := Inspection{
		From: inspectAddresses(m.From), To: inspectAddresses(m.To), Cc: inspectAddresses(m.Cc), ReplyTo: inspectAddresses(m.ReplyTo),
		Subject: m.Subject, MessageID: m.MessageID, InReplyTo: nonNil(m.InReplyTo), References: nonNil(m.References),
		Text: m.Text, Reply: m.Reply, HTML: m.HTML, Kind: m.Kind, AutoReason: m.AutoReason,
		Attachments: make([]InspectedAttachment, 0, len(m.Attachments)), Defects: nonNil(m.Defects),
		Privacy: json.RawMessage("null"),
	}
	if !m.Date.IsZero() {
		d := m.Date.Format(time.RFC3339)
		in.Date = &d
	}
	for _, a := range m.Attachments {
		in.Attachments = append(in.Attachments, InspectedAttachment{Name: a.Name, Type: a.Type, Size: a.Size, Inline: a.Inline, SHA256: a.SHA256})
	}
	if b := m.Bounce; b != nil {
		in.Bounce = &InspectedBounce{Recipient: b.Recipient, Status: b.Status, Action: b.Action, Reason: b.Reason, OriginalMessageID: b.OriginalMessageID}
	}
	return in
}

func inspectAddresses(as []Address) []InspectedAddress {
	out := make([]InspectedAddress, 0, len(as))
	for _, a := range as {
		out = append(out, InspectedAddress(a))
	}
	return out
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
