package storage

import (
	"fmt"
	"testing"

	"postroom/privacy"
	"postroom/tickets"
)

// A mailbox outside is counted once, in however many tickets its owner was told
// of the person; what was never sent is in no mailbox.
func TestPreviewCountsMailboxesOnce(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		x := seed(t, db)
		other := keep(t, db, testMail{from: annAddress, name: annName, id: "second@x.test", subject: "another", text: "it drips", raw: []byte("From: " + annAddress + "\r\n\r\nit drips\r\n")}).Tickets[0]
		n := 0
		for _, id := range []int64{x.own.ID, other.ID} {
			apply(t, db, func(v privacy.View) (*tickets.Change, error) {
				now, err := v.TicketByID(ctx, id)
				if err != nil {
					return nil, err
				}
				ch := &tickets.Change{Tickets: []*tickets.Ticket{now}}
				for _, agent := range []int64{5, 6} {
					n++
					ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Kind: tickets.OutNotification, MessageID: fmt.Sprintf("copy%d@desk.test", n), Ticket: now, To: fmt.Sprintf("agent%d@team.test", agent), ToAgent: agent})
				}
				return ch, nil
			})
		}
		if _, err := db.main.Exec("UPDATE outbox SET state = 'sent' WHERE to_agent = 5"); err != nil {
			t.Fatal(err)
		}
		p, err := db.Preview(ctx, x.ann, testMasker{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Copies["agents"] != 1 {
			t.Errorf("copies %v, want one mailbox of an agent", p.Copies)
		}
	})
}
