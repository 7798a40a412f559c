package intake_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"postroom/internal/intake"
	"postroom/internal/ratelimit"
	"postroom/internal/resolver"
	"postroom/internal/senderauth"
	"postroom/internal/spam"
	"postroom/threading"
	"postroom/tickets"
)

// BenchmarkReceive is what a mail costs outside the store: read, checked,
// weighed, decided on, and kept nowhere.
func BenchmarkReceive(b *testing.B) {
	clock := func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
	checker, err := senderauth.New(resolver.From(resolver.NewFake(zone)), "desk.example", senderauth.Config{Now: clock})
	if err != nil {
		b.Fatal(err)
	}
	limit, err := ratelimit.Open(ratelimit.Config{Now: clock})
	if err != nil {
		b.Fatal(err)
	}
	store := &nowhere{dir: &tickets.Directory{Queues: []*tickets.Queue{{ID: 1, Org: 1, Name: "Support", Address: "support@desk.example",
		ReplyDomain: "reply.desk.example", Ack: true, ReopenDays: 30}}}}
	junk, err := spam.New(spam.Config{Threshold: 6}, spam.Parts{History: store})
	if err != nil {
		b.Fatal(err)
	}
	keys := &threading.Keyring{Keys: [][]byte{make([]byte, 32)}}
	in := intake.New(intake.Options{
		Config: intake.Config{Hostname: "desk.example", PrivacyAddress: "privacy@desk.example", CheckSenders: true, AckEnabled: true, AckPerDay: 1},
		Store:  store, Bodies: store, Sender: checker, Junk: junk, Limit: limit, Keys: keys, Now: clock,
	})
	for _, kind := range []string{"plain", "html", "reply"} {
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			body := benchMail(kind)
			env := tickets.Envelope{Via: tickets.ViaMX, From: "ann@customer.example", To: []string{"support@desk.example"},
				Remote: netip.MustParseAddr("192.0.2.1"), Helo: "mail.customer.example"}
			var r strings.Reader
			for b.Loop() {
				r.Reset(body)
				if _, err := in.Receive(b.Context(), env, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchMail is a mail of 4 KiB as people write them.
func benchMail(kind string) string {
	head := "Received: from [192.0.2.17] by out.customer.example (Mailer 4.2) with ESMTPSA\r\n\tid 7; Mon, 23 Nov 2026 10:15:27 +0100\r\n" +
		"From: Some Customer <ann@customer.example>\r\nTo: <support@desk.example>\r\nSubject: The printer refund 4711\r\n" +
		"Date: Mon, 23 Nov 2026 10:15:26 +0100\r\nMessage-ID: <4711.0815@customer.example>\r\nMIME-Version: 1.0\r\nUser-Agent: Mailer 4.2\r\n"
	const plain = "Content-Type: text/plain; charset=utf-8\r\n\r\n"
	switch kind {
	case "html":
		return head + "Content-Type: multipart/alternative; boundary=\"b1_7c2f\"\r\n\r\n--b1_7c2f\r\n" + plain + benchProse("", 1800) +
			"\r\n--b1_7c2f\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><div dir=\"ltr\"><p>" + benchProse("", 1800) +
			"</p></div></body></html>\r\n--b1_7c2f--\r\n"
	case "reply":
		return head + "In-Reply-To: <1.2@desk.example>\r\nReferences: <1.2@desk.example>\r\n" + plain + benchProse("", 600) +
			"\r\nOn Tue, 3 Mar 2026 at 10:12, Desk Support <support@desk.example> wrote:\r\n" + benchProse("> ", 3000)
	}
	return head + plain + benchProse("", 3600)
}

func benchProse(prefix string, n int) string {
	words := strings.Fields("the printer and to of in is order that you invoice with have not account delivery at from parcel or but please customer since " +
		"yesterday our window however network what there when how they answer the question number 1234 payment, thank")
	var s strings.Builder
	for i := 0; s.Len() < n; {
		line := prefix
		for len(line) < 66 {
			line += words[i*i%len(words)] + " "
			i++
		}
		s.WriteString(strings.TrimSpace(line) + "\r\n")
		if i%5 == 0 {
			s.WriteString(strings.TrimSpace(prefix) + "\r\n")
		}
	}
	return s.String()
}

// empty are the readings that no mail of a customer asks for.
type empty = tickets.View

// nowhere is a store that knows nobody and keeps nothing.
type nowhere struct {
	empty
	dir *tickets.Directory
}

func (s *nowhere) Apply(ctx context.Context, decide tickets.Decide) (*tickets.Change, error) {
	return decide(ctx, s)
}

func (s *nowhere) View(_ context.Context, fn func(tickets.View) error) error { return fn(s) }

func (s *nowhere) Stage(context.Context) tickets.Stage { return &dropped{} }

func (s *nowhere) WriteRaw(context.Context, int64, io.Writer) error {
	return fmt.Errorf("nothing is kept")
}

type dropped struct{ n int }

func (d *dropped) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }

func (d *dropped) Finish() (tickets.Raw, error) { return tickets.Raw{Size: int64(d.n)}, nil }

func (d *dropped) Abort() {}

func (s *nowhere) Directory(context.Context) (*tickets.Directory, error) { return s.dir, nil }

func (s *nowhere) TicketByRef(context.Context, int64, string) (*tickets.Ticket, error) {
	return nil, nil
}

func (s *nowhere) TicketsByMessageIDs(context.Context, int64, []string) ([]tickets.IDHit, error) {
	return nil, nil
}

func (s *nowhere) TicketsByThreadIndex(context.Context, int64, string) ([]int64, error) {
	return nil, nil
}

func (s *nowhere) KnownByDedupe(context.Context, int64, []byte) (*tickets.Known, error) {
	return nil, nil
}

func (s *nowhere) PersonByAddress(context.Context, int64, string) (*tickets.Person, error) {
	return nil, nil
}

func (s *nowhere) AcksSince(context.Context, int64, string, time.Time) (int, error) { return 0, nil }

func (s *nowhere) SenderHistory(context.Context, int64, string) (tickets.History, error) {
	return tickets.History{}, nil
}
