package intake

import (
	"context"
	"strings"

	"postroom/internal/message"
	"postroom/tickets"
)

// returned is the way of a mail to the return path of one of ours: a delivery
// report, or an automatic reply that went there. Only this address, which
// nobody can guess, changes what is known of a delivery (docs/threats.md H15).
func (in *Intake) returned(ctx context.Context, v tickets.View, m *mail, to *destination) (*tickets.Change, error) {
	out, _, err := v.OutgoingByID(ctx, to.returned.ID)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return in.customer(ctx, v, m, &destination{dir: to.dir, queue: to.queue})
	}
	msg := m.toMessage()
	msg.Ticket = out.Ticket
	if m.msg.Kind == message.KindBounce {
		msg.ThreadReason = "delivery report to the return path of a mail of ours"
		b := tickets.Bounced{OutboxID: out.ID, Permanent: givenUp(m.msg.Bounce)}
		if m.msg.Bounce != nil {
			b.Status = m.msg.Bounce.Status
		}
		return keep(tickets.ReceiveBounce(msg, out, b, m.env.Received), msg), nil
	}
	if m.msg.Kind == message.KindMail {
		// A mail client that answers the return path: as any other mail.
		rest := *to
		rest.returned = nil
		return in.customer(ctx, v, m, &rest)
	}
	msg.ThreadReason = "automatic reply to a mail of ours"
	msg.Direction = tickets.DirectionNote
	ch := &tickets.Change{}
	if out.Ticket != nil {
		ch.Tickets = []*tickets.Ticket{out.Ticket}
		ch.Events = []*tickets.Event{{Ticket: out.Ticket, TicketID: out.Ticket.ID, At: m.env.Received, Kind: "received",
			Actor: tickets.ActorSystem, Message: msg, Data: map[string]string{"why": "automatic"}}}
	}
	return keep(ch, msg), nil
}

// givenUp reports whether nobody tries to deliver the mail any more. That may
// be so while the address is good: a full mailbox fails for good too.
func givenUp(b *message.Bounce) bool {
	if b == nil {
		return true
	}
	switch strings.ToLower(b.Action) {
	case "delayed", "delivered", "relayed", "expanded":
		return false
	}
	return !strings.HasPrefix(b.Status, "2")
}

// keep makes sure that the message is in the change, ticket or not.
func keep(ch *tickets.Change, msg *tickets.Message) *tickets.Change {
	for _, m := range ch.Messages {
		if m == msg {
			return ch
		}
	}
	ch.Messages = append(ch.Messages, msg)
	return ch
}
