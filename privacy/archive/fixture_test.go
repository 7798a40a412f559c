package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"
	"testing"
	"time"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

var made = time.Date(2026, 3, 29, 10, 30, 0, 0, time.UTC)

// memory is a source of what a test wrote down.
type memory struct {
	text map[int64]string
	raw  map[int64][]byte
	file map[int64][][]byte
}

func newMemory() *memory {
	return &memory{map[int64]string{}, map[int64][]byte{}, map[int64][][]byte{}}
}

func (m *memory) Text(_ context.Context, id int64) (string, error) { return m.text[id], nil }

func (m *memory) WriteRaw(_ context.Context, id int64, w io.Writer) error {
	if m.raw[id] == nil {
		return fmt.Errorf("message %d is not to be given whole", id)
	}
	_, err := w.Write(m.raw[id])
	return err
}

func (m *memory) WriteAttachment(_ context.Context, id int64, index int, w io.Writer) error {
	_, err := w.Write(m.file[id][index])
	return err
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// mail makes a message with its raw bytes.
func (m *memory) mail(id int64, relation privacy.Relation, by Who, at time.Time, subject, text string, files ...tickets.Attachment) Message {
	from, to, direction := "anna@example.org", "support@desk.example", tickets.DirectionIn
	switch {
	case by == Team:
		from, to, direction = "support@desk.example", "anna@example.org", tickets.DirectionOut
	case by == Another:
		from = ""
	}
	if relation == privacy.Internal {
		direction, to = tickets.DirectionNote, ""
	}
	raw := []byte(fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n%s\r\n", from, to, subject, strings.ReplaceAll(text, "\n", "\r\n")))
	m.text[id] = text
	msg := Message{ID: id, Receipt: fmt.Sprintf("r%d", id), MessageID: fmt.Sprintf("m%d@example.org", id), Direction: direction, Kind: "mail", Relation: relation, By: by,
		From: from, Subject: subject, Received: at, TextBytes: len(text), Attachments: files}
	if to != "" {
		msg.To = []string{to}
	}
	if relation == privacy.Wrote || relation == privacy.Addressed {
		m.raw[id] = raw
		msg.Whole, msg.Size, msg.SHA256 = true, int64(len(raw)), sum(raw)
	} else {
		msg.Masked = true
	}
	return msg
}

func (m *memory) attach(id int64, name, mediaType string, content []byte) tickets.Attachment {
	m.file[id] = append(m.file[id], content)
	return tickets.Attachment{Name: name, Type: mediaType, Size: int64(len(content)), SHA256: sum(content)}
}

var testKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))

// story is an archive with something of everything.
func story() (*Contents, *memory) {
	m := newMemory()
	day := func(d, h, min int) time.Time { return time.Date(2026, 2, d, h, min, 0, 0, time.UTC) }
	photo := m.attach(1, "washing machine, E18.jpg", "image/jpeg", bytes.Repeat([]byte("not really a picture "), 700))
	evil := m.attach(1, `..\..\windows\system32\con.txt`, "text/plain", []byte("hello"))
	invoice := m.attach(4, "Rechnung März.pdf", "application/pdf", []byte("%PDF-1.4 not really"))
	c := &Contents{
		Right: privacy.Access, No: "P-K7Q2-9F3M", Made: made, Language: "en", Addresses: []string{"anna@example.org"}, Key: testKey,
		People: []*tickets.Person{{Address: "anna@example.org", Name: "Anna Schmidt", Language: "en", Created: day(3, 8, 59)}},
		About: About{
			Controller: "Example Appliances Ltd\n1 Harbour Street, Exampletown", Contact: "privacy@desk.example", DPO: "Dr. Pat Example, dpo@desk.example",
			Authority: "Data Protection Authority of Exampleland, 2 Court Road",
			Purposes: []Purpose{
				{"Answering your questions", "Contract, Article 6(1)(b) GDPR", "address, name, what you wrote", "3 years after the last message"},
				{"Keeping the service secure", "Legitimate interest, Article 6(1)(f) GDPR", "technical data of the delivery", "14 days"},
			},
			Processors: []Processor{{"Relay Mail Inc.", "delivers our mail", "United States", "Standard contractual clauses, Decision (EU) 2021/914"}},
		},
		Tickets: []Ticket{
			{Ref: "K7Q2-9F3M", Queue: "Support", Subject: "Washing machine shows E18", State: tickets.StateResolved, Priority: tickets.PriorityHigh, Tags: []string{"vip", "warranty"}, Created: day(3, 9, 0), Resolved: day(5, 16, 0), Own: true, Messages: []Message{
				m.mail(1, privacy.Wrote, You, day(3, 9, 0), "Washing machine shows E18", "Hello,\n\nsince yesterday my washing machine shows E18 and does not drain.\nA picture is attached. What can I do?\n\nKind regards\nAnna Schmidt", photo, evil),
				m.mail(2, privacy.Internal, Team, day(3, 9, 20), "Washing machine shows E18", "Customer since 2019, third defect. [another person] knows the case: be generous."),
				m.mail(3, privacy.Addressed, Team, day(3, 10, 2), "Re: Washing machine shows E18", "Dear Ms Schmidt,\n\nplease clean the filter behind the flap at the bottom right. If that does not help, we send somebody on Thursday.\n\nYour support team"),
				m.mail(4, privacy.Wrote, You, day(4, 18, 30), "Re: Washing machine shows E18", "From the filter came a coin, and now it drains. Thank you!\n\n=cmd|' /C calc'!A0\n<script>alert(1)</script>", invoice),
			}},
			{Ref: "B3XX-77QP", Queue: "Sales", Subject: "Offer for our office", State: tickets.StateWaiting, Priority: tickets.PriorityNormal, Created: day(10, 9, 0), Frozen: true, Messages: []Message{
				m.mail(5, privacy.Beside, Another, day(10, 9, 0), "Offer for our office", "Please also ask Anna Schmidt (anna@example.org), she has the measures. Regards, [another person]"),
				m.mail(6, privacy.Addressed, Team, day(10, 11, 0), "Re: Offer for our office", "Dear both,\n\nour offer follows tomorrow."),
			}},
		},
		Deliveries: []Delivery{{"ack", "anna@example.org", "sent", "250", "K7Q2-9F3M", day(3, 9, 0), day(3, 9, 1)}, {"answer", "anna@example.org", "failed", "550 5.1.1", "K7Q2-9F3M", day(3, 10, 2), day(3, 10, 3)}},
		Recipients: []Recipient{{"Support: 2 agents", "agent", 3, day(3, 9, 1), day(4, 18, 31), ""}, {"bob@example.net", "copy", 1, day(10, 11, 1), day(10, 11, 1), "Germany"}},
		Consents:   []consent.Entry{{Purpose: "survey", Act: consent.Granted, Version: "2", WordingHash: []byte{1, 2, 3}, Language: "en", Channel: "mail", At: day(6, 9, 0), Ends: day(6, 9, 0).AddDate(1, 0, 0)}, {Purpose: "survey", Act: consent.Expired, At: day(20, 9, 0)}},
		Requests:   []*privacy.Request{{No: "P-K7Q2-9F3M", Right: privacy.Access, State: privacy.Executing, Channel: privacy.ByMail, Received: made.AddDate(0, 0, -1), Due: made.AddDate(0, 1, -1)}},
		Withheld:   []Withheld{{"B3XX-77QP", "r5", day(10, 9, 0), "attachment", "others"}},
	}
	return c, m
}

// built is an archive in memory.
type built struct {
	parts  [][]byte
	result *Result
}

func build(t testing.TB, c *Contents, src Source) built {
	t.Helper()
	var b built
	r, err := Build(context.Background(), c, src, func(_ context.Context, no, parts int, write func(io.Writer) error) error {
		if no != len(b.parts)+1 || no > parts {
			t.Errorf("part %d of %d after %d", no, parts, len(b.parts))
		}
		var buf bytes.Buffer
		err := write(&buf)
		b.parts = append(b.parts, buf.Bytes())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.result = r
	return b
}

// unzip returns the files of a part that is not encrypted, without its folder.
func unzip(t testing.TB, part []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(part), int64(len(part)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		if strings.Contains(f.Name, "..") || path.IsAbs(f.Name) || strings.Contains(f.Name, `\`) {
			t.Errorf("P12: name %q", f.Name)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		_, name, ok := strings.Cut(f.Name, "/")
		if !ok || out[name] != nil {
			t.Errorf("file %q is twice or in no folder", f.Name)
		}
		out[name] = content
	}
	return out
}
