package intake_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"postroom/tickets"
)

// Mail that goes in circles ends here: by its hops, as RFC 5321 section 6.3
// asks, and at once where it is a mail of ours.
func TestS16_Loops(t *testing.T) {
	d := newJunkDesk(t)
	d.action.Store("no action")
	hops := func(n int) string {
		return strings.Repeat("Received: from a.example by b.example; Mon, 23 Nov 2026 10:00:00 +0100\r\n", n)
	}
	first, _ := d.receive(from("bob@customer.example"), junkMail("bob@customer.example", "1@customer.example", hops(50), "Fifty hops are many, but no loop."))
	if first == nil {
		t.Fatal("fifty hops were not kept")
	}
	d.command(first.Ref, "Thank you, we look into it.", "c1@team.example")
	var ours string
	if err := d.store.View(t.Context(), func(v tickets.View) error {
		msgs, err := v.MessagesOf(t.Context(), first.ID, 0)
		for _, m := range msgs {
			if m.Direction == tickets.DirectionOut {
				ours = m.MessageID
			}
		}
		return err
	}); err != nil || ours == "" {
		t.Fatalf("no answer of ours: %v", err)
	}
	for _, c := range []struct{ name, id, more string }{
		{"sixty hops", "2@customer.example", hops(60)},
		{"fifty-one hops", "3@customer.example", hops(51)},
		{"hops in odd letters, with a fold", "4@customer.example", strings.ReplaceAll(hops(51), "Received: from a.example", "rEcEiVeD:\r\n\tfrom a.example")},
		{"our own mail", ours, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := from("bob@customer.example")
			env.Via, env.Remote = tickets.ViaMX, netip.MustParseAddr("192.0.2.9")
			_, err := d.in.Receive(t.Context(), env, strings.NewReader(junkMail("bob@customer.example", c.id, c.more, "Round and round.")))
			var r *tickets.Refusal
			if !errors.As(err, &r) || r.Reason != tickets.RefuseLoop {
				t.Fatalf("%v, want a refusal as a loop", err)
			}
		})
	}
}
