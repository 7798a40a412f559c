package tickets

import (
	"strings"
	"time"
)

// TemplateDelivered marks a report to a sender that a mail arrived.
const TemplateDelivered = "delivered"

// DeliveryReport tells the sender, who asked for it (NOTIFY=SUCCESS, RFC 3461
// section 4.1), that the mail arrived here. It says nothing of what becomes of it.
func DeliveryReport(env *Envelope, q *Queue, now time.Time) *Outgoing {
	var recipients []string
	for _, d := range env.DSN.Success {
		recipients = append(recipients, d.Address+"\t"+d.Original)
	}
	return &Outgoing{Org: q.Org, Kind: OutReport, MessageID: NewMessageID(q.ReplyDomain), To: env.From, QueueID: q.ID, NotBefore: now,
		Spec: OutSpec{Template: TemplateDelivered, Subject: "Delivered",
			Text: "This is a delivery report, as you asked for one. Your mail was delivered to:\n\n" + addressesOf(env.DSN.Success) +
				"\nNobody has read it yet because of that.\n",
			Args: map[string]string{"envid": env.DSN.EnvelopeID, "arrival": env.Received.UTC().Format(time.RFC1123Z),
				"recipients": strings.Join(recipients, "\n")}}}
}

func addressesOf(list []Delivered) string {
	var b strings.Builder
	for _, d := range list {
		b.WriteString("  " + d.Address + "\n")
	}
	return b.String()
}
