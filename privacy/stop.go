package privacy

import (
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// stop carries out a withdrawal or an objection to marketing: at once, without
// a proof, as easily as the consent was given (Articles 7(3), 21(3); P14).
func (t *turn) stop(in *Incoming, ticket *tickets.Ticket, right Right) {
	e := consent.Entry{Org: t.queue.Org, Address: in.address(), Act: consent.Withdrawn, Channel: "mail", Receipt: in.Mail.Message.Receipt,
		Language: in.language(), At: t.now}
	if right == Objection {
		e.Act, e.Purpose = consent.Objected, t.Rules.Purpose
	}
	if e.Address == "" {
		return
	}
	entry := consent.Withdraw(in.Consents, e)
	if entry == nil {
		return // nothing leaves any more as it is; whoever says it twice gets one answer
	}
	t.ch.Also = append(t.ch.Also, entry)
	for _, r := range in.Open {
		if r.Right == right && r.State == Executing {
			t.step(r, EdgeNoted, in.Mail.Message.Receipt, nil)
			return // its confirmation waits for the budget
		}
	}
	r := t.newRequest(right, ticket, in.address(), in.name(), in.language(), in.Mail.Message.Received)
	r.Detail.InReply, r.Detail.Aligned, r.Detail.Purpose = in.Mail.Message.MessageID, in.Aligned, e.Purpose
	t.step(r, EdgeExecuting, "", nil)
	t.step(r, EdgeEffective, "", map[string]string{"act": string(e.Act)})
	if in.Ours || in.Machine {
		t.finish(r)
		return
	}
	recent := in.Recent
	if in.Aligned {
		recent = 0
	}
	t.stopped(r, recent)
}

// stopped confirms that mail stops. Since anybody may write STOP in somebody's
// name, the confirmation has the budget of challenges.
func (t *turn) stopped(r *Request, recent int) {
	switch {
	case recent > 0:
		r.Record.AskAt = t.now.Add(askPause)
		t.touch(r)
	case t.budget != nil && !t.budget(t.aligned):
		r.Record.AskAt = t.now.Add(budgetPause)
		t.touch(r)
	default:
		r.Record.LastAsked, r.Record.AskAt = t.now, time.Time{}
		t.mail(r, MailStopped, map[string]string{"purpose": r.Detail.Purpose})
		t.finish(r)
	}
}

// finish ends a request that was carried out.
func (t *turn) finish(r *Request) {
	if t.step(r, EdgeDone, "", nil) {
		t.settleTicket(r)
		t.wake(r)
	}
}
