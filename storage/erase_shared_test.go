package storage

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// Somebody's whole conversation was merged into the ticket of a person who is
// erased. It goes on as that somebody's, with what was answered to them; what
// is the person's alone, notes and the subject included, is gone. The same
// comes of it when the erasure was broken off before and after each of its
// transactions.
func TestEraseLeavesWhatIsOthers(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		x := seed(t, db)
		dave := keep(t, db, testMail{from: "dave@x.test", name: "Dave", id: "dave1", subject: "my boiler", text: "it drips", raw: []byte("From: dave@x.test\r\n\r\nit drips\r\n"), ack: true}).Tickets[0]
		say := func(id string, tk *tickets.Ticket, d tickets.Direction, text string, to ...string) {
			apply(t, db, func(v privacy.View) (*tickets.Change, error) {
				now, err := v.TicketByID(ctx, tk.ID)
				if err != nil {
					return nil, err
				}
				m := &tickets.Message{Ticket: now, Receipt: id, MessageID: id, Direction: d, Kind: "mail", From: "mia@team.test", AuthorAgent: 5, Subject: "Re", Text: text, Received: time.Now(), Raw: inMemory([]byte(text))}
				ch := &tickets.Change{Tickets: []*tickets.Ticket{now}, Messages: []*tickets.Message{m}}
				for _, a := range to {
					ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Kind: tickets.OutAnswer, MessageID: id + a, Ticket: now, Message: m, To: a, ToPerson: now.PartyByAddress(a).Person, Spec: tickets.OutSpec{Text: text}})
				}
				return ch, nil
			})
		}
		say("dave-answer", dave, tickets.DirectionOut, "turn the tap", "dave@x.test")
		say("ann-answer", x.own, tickets.DirectionOut, "zqxsubject is being looked at", annAddress)
		say("ann-note", x.own, tickets.DirectionNote, "zqxsearchword is rich")
		apply(t, db, func(v privacy.View) (*tickets.Change, error) {
			from, err1 := v.TicketByID(ctx, dave.ID)
			into, err2 := v.TicketByID(ctx, x.own.ID)
			list, err3 := v.MessagesOf(ctx, dave.ID, 0)
			if err := errors.Join(err1, err2, err3); err != nil {
				return nil, err
			}
			into.Parties = append(into.Parties, tickets.Party{No: len(into.Parties) + 1, Person: from.Requester(), Role: tickets.PartyCc, Joined: time.Now()})
			from.MergedInto = into.ID
			ch := &tickets.Change{Tickets: []*tickets.Ticket{from, into}}
			for _, m := range list {
				ch.Moved = append(ch.Moved, tickets.Move{MessageID: m.ID, To: into})
			}
			return ch, nil
		})
		say("both", x.own, tickets.DirectionOut, "both of you, "+annName, annAddress, "dave@x.test")
		before := export(t, db, "dave@x.test")
		preview, err := db.Preview(ctx, x.ann, testMasker{})
		if err != nil {
			t.Fatal(err)
		}
		var broken error
		for _, step := range db.EraseSteps() {
			for n := 0; ; n++ {
				calls := 0
				db.failpoint = func(string, string) error {
					if calls++; calls > n {
						return errBroken
					}
					return nil
				}
				if _, broken = db.EraseStep(ctx, x.ann, step, testMasker{}); !errors.Is(broken, errBroken) {
					break
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				db = open(t, opt)
			}
			if broken != nil {
				t.Fatalf("%s: %v", step, broken)
			}
		}
		db.failpoint = nil
		sum := eraseAll(t, db, x.ann)
		if sum["messages"] != preview.Messages || sum["tickets"] != preview.Tickets || sum["mails"] != preview.Mails {
			t.Errorf("did %v, shown was %+v", sum, preview)
		}
		x.clean(t, db)
		after := export(t, db, "dave@x.test")
		for _, want := range []string{"it drips", "turn the tap", "both of you, [masked]"} {
			if !strings.Contains(after, want) {
				t.Errorf("%q is gone:\n%s\n%s", want, before, after)
			}
		}
		if strings.Contains(after, "looked at") || strings.Contains(after, "is rich") {
			t.Errorf("Dave has what was Ann's:\n%s", after)
		}
		look(t, db, func(v tickets.View) error {
			tk, err := v.TicketByID(context.Background(), x.own.ID)
			if err != nil || tk == nil {
				t.Fatal("the ticket is gone", err)
			}
			if tk.Requester() == nil || tk.Requester().Address != "dave@x.test" || tk.Subject != "my boiler" || tk.Restricted || tk.ThreadIndex != "" || !tk.Parties[0].Removed {
				t.Errorf("%+v", tk)
			}
			return nil
		})
		// It goes on, and is Dave's to have erased.
		keep(t, db, testMail{from: "dave@x.test", name: "Dave", id: "dave2", ticket: x.own.Ref, text: "still", raw: []byte("still")})
		r := ask(t, db, privacy.Erasure, "dave@x.test", []byte("another token"))
		eraseAll(t, db, privacy.Plan{RequestID: r.ID, Org: 1, Addresses: []string{"dave@x.test"}, Now: time.Now(), Ends: time.Now().AddDate(3, 0, 0)})
		if h := export(t, db, "dave@x.test"); strings.Contains(h, "drips") || strings.Contains(h, "still") {
			t.Error(h)
		}
		if is := export(t, db, "carol@x.test"); !strings.Contains(is, "me too") {
			t.Errorf("what Carol wrote is gone: %s", is)
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}
