package intake

import (
	"context"
	"time"

	"postroom/internal/senderauth"
	"postroom/tickets"
)

// reportsPerHour is how many delivery reports one sender is sent.
const reportsPerHour = 10

// reportDelivery adds the report that the sender asked for, when the envelope
// sender's domain vouches for the connection: a report to a forged sender would
// be mail that nobody asked for.
func (in *Intake) reportDelivery(ctx context.Context, v tickets.View, m *mail, ch *tickets.Change) error {
	if ch == nil || ch.Duplicate != nil || len(m.env.DSN.Success) == 0 || m.env.From == "" || m.confirmed != 0 ||
		m.auth.SPF.Result != senderauth.Pass || m.auth.SPF.Scope != "mailfrom" {
		return nil
	}
	if in.limit != nil && m.reportBudget == nil {
		ok, _ := in.limit.Allow(ctx, "delivered:"+tickets.FoldAddress(m.env.From), reportsPerHour, time.Hour)
		m.reportBudget = &ok
	}
	if m.reportBudget != nil && !*m.reportBudget {
		return nil
	}
	d, err := v.Directory(ctx)
	if err != nil {
		return err
	}
	if q := in.defaultQueue(d, m.env.To); q != nil {
		ch.Outbox = append(ch.Outbox, tickets.DeliveryReport(m.env, q, m.env.Received))
	}
	return nil
}
