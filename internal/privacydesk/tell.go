package privacydesk

import (
	"context"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

const edgeTold = "told"

// How a recipient of the data was told.
const (
	toldQueued  = "queued"
	toldSent    = "sent"
	toldFailed  = "failed"
	toldOtherly = "impossible" // by mail: no address is configured
)

// tell writes to every configured recipient of the person's data what was
// rectified or erased (Article 19 GDPR).
func (d *Desk) tell(ctx context.Context, j *tickets.Job) error {
	return d.apply(ctx, j, func(ctx context.Context, v privacy.View, r *privacy.Request) (*tickets.Change, error) {
		ch := &tickets.Change{FinishJob: j.ID}
		if r.Address == "" {
			return ch, nil
		}
		q, _, _, err := d.queueOf(ctx, v, r)
		if err != nil {
			return nil, err
		}
		d.tellAll(ch, q, r, j.Data["what"], d.Now())
		ch.Also = append(ch.Also, r)
		return ch, nil
	})
}

// tellAll adds the mails to the change and the recipients to the request.
func (d *Desk) tellAll(ch *tickets.Change, q *tickets.Queue, r *privacy.Request, what string, now time.Time) {
	address := strings.Join(r.Addresses(), ", ")
	var changes []string
	for _, c := range r.Detail.Changes {
		changes = append(changes, c.Field+": "+c.New)
	}
	for _, p := range d.Processors {
		t := privacy.Told{Name: p.Name, Address: p.Address, At: now, Status: toldOtherly}
		if p.Address != "" {
			t.Status = toldQueued
			args := map[string]string{"what": what, "address": address}
			if what == string(privacy.Rectification) && len(changes) > 0 {
				args["changes"] = strings.Join(changes, "; ")
			}
			o := privacy.Compose(q, r, privacy.MailRecipient, p.Address, args, now)
			o.Spec.Language, o.Ticket = "en", nil
			ch.Outbox = append(ch.Outbox, o)
		}
		r.Detail.Told = append(r.Detail.Told, t)
	}
	if len(d.Processors) > 0 {
		ch.Also = append(ch.Also, d.event(r, edgeTold, what, map[string]int{"recipients": len(d.Processors)}))
	}
}

// toldNow brings the states of the mails to recipients into the request.
func toldNow(r *privacy.Request, mails []privacy.HeldMail) {
	for i := range r.Detail.Told {
		t := &r.Detail.Told[i]
		for _, m := range mails {
			if m.Template != string(privacy.MailRecipient) || tickets.FoldAddress(m.To) != tickets.FoldAddress(t.Address) {
				continue
			}
			switch m.State {
			case tickets.OutSent:
				t.Status = toldSent
			case tickets.OutFailed:
				t.Status = toldFailed
			}
		}
	}
}
