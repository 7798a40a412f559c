package outbound

import (
	"context"
	"strconv"
	"strings"

	"postroom/internal/mailtext"
	"postroom/tickets"
)

// ConsentGate reads the ledger of consents. It is asked twice for each mail
// with a purpose: before it is composed, and when all but its final dot was
// sent, so that a withdrawal that was committed in between still stops it.
type ConsentGate interface {
	// Stands reports whether the mail may leave now, and if not, why, in words
	// without anybody's data. It reads what is committed when it is called.
	Stands(ctx context.Context, out *tickets.Outgoing) (ok bool, why string, err error)
}

// statusConsent is what a mail ends with that rests on a consent which does not
// stand: not authorised (RFC 3463 section 3.8).
const statusConsent = "5.7.1"

// consented is nil when the mail may leave. Mail without a purpose, such as
// answers and privacy mails, never needs a consent. Who cannot read the ledger
// sends nothing that rests on it.
func (w *Worker) consented(ctx context.Context, out *tickets.Outgoing) error {
	marketing := out.Kind == tickets.OutNews || out.Kind == tickets.OutSurvey
	switch {
	case out.Purpose == "" && !marketing:
		return nil
	case out.Purpose == "":
		return &Result{Class: Permanent, Status: statusConsent, Phase: "consent", Text: "a mail of this kind names the purpose it rests on"}
	case w.consents == nil:
		return &Result{Class: Temporary, Status: "4.3.0", Phase: "consent", Text: "nobody here can say whether the consent stands"}
	}
	ok, why, err := w.consents.Stands(ctx, out)
	switch {
	case err != nil:
		w.log.Error("outbox: read the ledger of consents", "out", out.ID, "err", err)
		return &Result{Class: Temporary, Status: "4.3.0", Phase: "consent", Text: "the ledger of consents could not be read"}
	case !ok:
		return &Result{Class: Permanent, Status: statusConsent, Phase: "consent", Text: "no consent stands for this mail: " + why}
	}
	return nil
}

// stoppedEvent is the event of a mail with a purpose that did not leave.
func stoppedEvent(out *tickets.Outgoing, status string) *tickets.Event {
	e := &tickets.Event{Kind: "failed", Actor: tickets.ActorSystem, Data: map[string]string{"outbox": strconv.FormatInt(out.ID, 10),
		"kind": string(out.Kind), "purpose": out.Purpose, "status": status}}
	if status == statusConsent {
		e.Data["why"] = "no consent stands"
	}
	return e
}

// forPurpose is what the team sends to those who consented to it: its own
// words, and how to withdraw.
func (c *composer) forPurpose(d *draft, job *Job) error {
	out := job.Out
	if out.Spec.Unsubscribe == "" {
		return &Result{Class: Permanent, Status: "5.6.0", Phase: "compose", Text: "the mail does not say how to withdraw the consent it rests on"}
	}
	d.auto = "auto-generated"
	d.subject = cleanLine(out.Spec.Subject, 200)
	d.body.text = strings.TrimRight(out.Spec.Text, "\n ") + "\n\n-- \n" + mailtext.Unsubscribe(language(out), out.Spec.Unsubscribe) + "\n"
	return nil
}

// unsubscribe writes how to withdraw, for mail clients (RFC 2369 section 3.2,
// RFC 8058 section 3.1). Both fields are signed.
func (h *header) unsubscribe(spec tickets.OutSpec) {
	addr, _, err := wireAddress(spec.Unsubscribe)
	if spec.Unsubscribe == "" || err != nil {
		return
	}
	list := []string{"<mailto:" + addr + "?subject=STOP>"}
	if spec.OneClick != "" && !strings.ContainsAny(spec.OneClick, "<> \r\n\t,") && isASCII(spec.OneClick) {
		list = []string{"<" + spec.OneClick + ">,", list[0]}
	}
	h.words("List-Unsubscribe", list)
	if len(list) > 1 {
		h.raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
}
