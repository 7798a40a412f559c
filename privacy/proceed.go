package privacy

import (
	"slices"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// The jobs that carry out requests. Each has Data "request", the id.
const (
	JobArchive = "privacy-archive" // builds and mails the archive; "again": counts repetitions
	JobPreview = "privacy-preview" // works out what an erasure would do; ends in [Desk.Previewed]
	JobErase   = "privacy-erase"
	JobTell    = "privacy-tell"   // tells recipients (Article 19); "what": rectification or erasure
	JobExpire  = "privacy-expire" // drops the archive
	JobForget  = "privacy-forget" // destroys the request's key
)

// proceedAll goes on with requests that were proved together: one receipt for
// all, and then each its way.
func (t *turn) proceedAll(list, siblings []*Request, f *facts) {
	if len(list) == 0 {
		return
	}
	first, review := list[0], ""
	for _, r := range list {
		t.proceed(r, siblings, f)
		if r.State == Review || r.Right == Erasure && !t.Rules.Automatic {
			review = "yes"
		}
	}
	if len(list) == 1 && (first.Right == Restriction || first.Right == Rectification) && first.State == Done {
		return // its own mail says that it is done
	}
	args := map[string]string{"due": t.Rules.Calendar.Day(first.Due), "rights": rightsOf(list)}
	if review != "" {
		args["review"] = review
	}
	receipt := Compose(t.queue, first, MailReceipt, first.Address, args, t.now)
	t.ch.Outbox = append([]*tickets.Outgoing{receipt}, t.ch.Outbox...)
}

// proceed goes on with one request after its proof.
func (t *turn) proceed(r *Request, siblings []*Request, f *facts) {
	if r.Held {
		return // #release goes on
	}
	switch r.Right {
	case Access, Portability:
		// Who has the mailbox since today gets no more than what it got today;
		// an address that was put in another's place could get all of it (P4).
		if f.changed {
			t.decide(r, HintChanged)
			return
		}
		t.step(r, EdgeExecuting, "", nil)
		t.job(JobArchive, r, nil)
	case Erasure:
		t.proceedErasure(r, siblings, f)
	case Rectification:
		t.rectify(r)
	case Restriction:
		t.restrict(r, true)
		t.mail(r, MailRestricted, map[string]string{"since": t.Rules.Calendar.Day(t.now)})
		t.finish(r)
		t.report(Officers(t.dir), t.ticketOf(r), "Restricted: "+r.No, restrictedText)
	case Objection:
		t.restrict(r, true) // meanwhile (Article 18(1)(d))
		t.decide(r, HintWeigh)
	default:
		t.decide(r, HintUnclear)
	}
}

// decide gives a proved request to the officer and tells what to weigh.
func (t *turn) decide(r *Request, hint string) {
	if !t.step(r, EdgeReviewed, "", map[string]string{"why": hint}) {
		return
	}
	if !slices.Contains(r.Detail.Hints, hint) {
		r.Detail.Hints = append(r.Detail.Hints, hint)
	}
	t.report(Officers(t.dir), t.ticketOf(r), "To decide: "+string(r.Right)+" "+r.No, officerText(r, t.Rules.Calendar))
}

// proceedErasure lets a copy that was asked for go first, and has the erasure
// worked out before anybody decides on it.
func (t *turn) proceedErasure(r *Request, siblings []*Request, f *facts) {
	if r.Record.Asked > 0 && t.young(f) {
		r.Detail.Hints = appendNew(r.Detail.Hints, HintYoung)
	}
	if f.changed {
		r.Detail.Hints = appendNew(r.Detail.Hints, HintChanged)
	}
	if r.After != 0 {
		for _, s := range siblings {
			if s.ID == r.After && !s.State.Final() {
				if t.step(r, EdgeWaits, "", nil) {
					t.mail(r, MailWaits, map[string]string{"rights": rightsOf([]*Request{s, r})})
				}
				return
			}
		}
	}
	t.job(JobPreview, r, nil)
}

func (t *turn) young(f *facts) bool {
	hold := t.Rules.holdFor()
	return hold > 0 && (f.firstSeen.IsZero() || t.now.Sub(f.firstSeen) < hold)
}

// restrict sets or lifts the restriction of all that is the person's.
func (t *turn) restrict(r *Request, on bool) {
	row := &Restrict{Org: r.Org, Addresses: r.Addresses(), RequestID: r.ID, On: on}
	if r.ID == 0 {
		row.Request = r
	}
	t.ch.Also = append(t.ch.Also, row)
	if on {
		t.step(r, EdgeEffective, "", map[string]string{"restricted": "on"})
		r.Record.Reminded = appendNew(r.Record.Reminded, markRestricted)
	} else {
		t.step(r, EdgeLifted, "", nil)
		r.Record.Reminded = appendNew(r.Record.Reminded, markLifted)
	}
	t.touch(r)
}

// rectify carries out the corrections that the person spelled out: a name at
// once, an address when it proved itself as well. Anything else is the
// officer's.
func (t *turn) rectify(r *Request) {
	if len(r.Detail.Changes) == 0 {
		t.decide(r, HintWeigh)
		return
	}
	row := &Rename{Org: r.Org, Address: r.Address}
	var fields []string
	for _, c := range r.Detail.Changes {
		if c.Field == "address" {
			// Where the mail that names the address proved nothing, somebody else
			// may have written it, and whoever confirmed it knew no more than the
			// right: all of the person's would go to that address.
			if !r.Detail.Aligned && r.Record.Decided.IsZero() {
				t.decide(r, HintUnproved)
				return
			}
			if t.ours(c.New) || r.Record.Decided.IsZero() && t.hosts(c.New) {
				t.decide(r, HintOurs)
				return
			}
			if !r.provedOther(c.New) {
				t.proposeLink(r, c.New)
				return
			}
			row.To = c.New
		} else {
			row.Name = c.New
		}
		if !slices.Contains(fields, c.Field) {
			fields = append(fields, c.Field)
		}
	}
	if !t.step(r, EdgeExecuting, "", nil) {
		return
	}
	t.ch.Also = append(t.ch.Also, row)
	t.mail(r, MailRectified, map[string]string{"fields": strings.Join(fields, " ")})
	if row.To != "" {
		// Both mailboxes hear of it; the new one is held back for a day (P4).
		t.mailTo(r, MailRectified, row.To, map[string]string{"fields": strings.Join(fields, " ")})
		r.Detail.Others = slices.DeleteFunc(r.Detail.Others, func(l Linked) bool { // it is no further one any more
			return tickets.FoldAddress(l.Address) == tickets.FoldAddress(row.To)
		})
	}
	t.job(JobTell, r, map[string]string{"what": string(Rectification)})
	t.finish(r)
}

// Restricts reports whether this request holds the address restricted now
// (Article 18 GDPR), finished or not, until that is lifted.
func (r *Request) Restricts(address string) bool {
	if !slices.Contains(r.Record.Reminded, markRestricted) || slices.Contains(r.Record.Reminded, markLifted) {
		return false
	}
	return slices.ContainsFunc(r.Addresses(), func(a string) bool { return tickets.FoldAddress(a) == tickets.FoldAddress(address) })
}

// MovedTo reports whether a correction made the address the person's lately:
// less than a day ago.
func (r *Request) MovedTo(address string, now time.Time) bool {
	if r.Right != Rectification || r.State != Done || now.Sub(r.Finished) >= 24*time.Hour {
		return false
	}
	return slices.ContainsFunc(r.Detail.Changes, func(f Fix) bool {
		return f.Field == "address" && tickets.FoldAddress(f.New) == tickets.FoldAddress(address)
	})
}

func (r *Request) provedOther(address string) bool {
	return slices.ContainsFunc(r.Detail.Others, func(l Linked) bool {
		return tickets.FoldAddress(l.Address) == tickets.FoldAddress(address) && !l.Proved.IsZero()
	})
}

// ours reports whether the address, or that before its +, is a queue's, the
// privacy desk's or an agent's: whoever answers there is not the person.
func (t *turn) ours(address string) bool {
	bare := address
	if local, domain, ok := tickets.SplitAddress(address); ok {
		local, _, _ = strings.Cut(local, "+")
		bare = local + "@" + domain
	}
	return t.dir.QueueByAddress(address) != nil || t.dir.QueueByAddress(bare) != nil || t.dir.AgentByAddress(address) != nil ||
		tickets.FoldAddress(bare) == tickets.FoldAddress(t.Rules.Address)
}

// hosts reports whether mail to the address comes to this desk itself.
func (t *turn) hosts(address string) bool {
	domain := tickets.Domain(address)
	return slices.ContainsFunc(t.dir.Queues, func(q *tickets.Queue) bool {
		return strings.EqualFold(q.ReplyDomain, domain) || strings.EqualFold(tickets.Domain(q.Address), domain)
	})
}

// taken reports whether the address that is to be put in place proved itself as
// somebody who is known.
func (r *Request) taken() bool {
	return slices.Contains(r.Detail.Hints, HintTaken) && slices.ContainsFunc(r.Detail.Changes, func(f Fix) bool { return f.Field == "address" && r.provedOther(f.New) })
}

// proposeLink asks a further address whether it is the same person's. It
// counts once it proved itself; each is asked once a day at most.
func (t *turn) proposeLink(r *Request, address string) bool {
	i := slices.IndexFunc(r.Detail.Others, func(l Linked) bool { return tickets.FoldAddress(l.Address) == tickets.FoldAddress(address) })
	if i < 0 {
		r.Detail.Others = append(r.Detail.Others, Linked{Address: address})
		i = len(r.Detail.Others) - 1
	} else if !r.Detail.Others[i].Proved.IsZero() {
		return false
	}
	if !t.step(r, EdgeLinked, t.Rules.Calendar.Day(t.now)+" "+itoa(int64(i)), nil) {
		return false
	}
	k, replyTo, code := NewToken(TokenLink, r, address, t.Rules.Address, t.now)
	k.Scope = scopeOf(r)
	t.ch.Also = append(t.ch.Also, k)
	t.mailTo(r, MailLink, address, map[string]string{"code": code, "until": t.Rules.Calendar.Day(k.Expires)}).Spec.ReplyTo = replyTo
	return true
}

// Preliminary is what an erasure would do, with what decides who may approve
// it.
type Preliminary struct {
	Request   *Request
	Ticket    *tickets.Ticket
	Preview   *Preview
	Text      string // the preview in words, for the officer
	Special   bool   // special categories of data are tagged
	Tickets   int    // in which the person takes part
	Queue     *tickets.Queue
	Directory *tickets.Directory
	Siblings  []*Request
	JobID     int64 // of the preview's job, finished in the change
	Now       time.Time
}

// Previewed goes on with an erasure after its preview: to the officer, or on
// by itself where the controller decided so and nothing stands against it.
func (d *Desk) Previewed(in Preliminary) *tickets.Change {
	t := &turn{Desk: d, ch: &tickets.Change{FinishJob: in.JobID}, now: in.Now, actor: tickets.ActorSystem, queue: in.Queue, dir: in.Directory,
		ticket: in.Ticket, siblings: in.Siblings}
	r := in.Request
	if r.State != Verified && r.State != Review || r.Held {
		return t.ch
	}
	if (in.Special || in.Tickets > d.Rules.many()) && !r.Record.Factor {
		r.Detail.Hints = appendNew(r.Detail.Hints, HintFactor)
	}
	if len(in.Preview.Kept) > 0 {
		r.Detail.Hints = appendNew(r.Detail.Hints, HintDuty)
	}
	for _, m := range in.Preview.Masked {
		if len(m.Left) > 0 {
			r.Detail.Hints = appendNew(r.Detail.Hints, HintMask)
			break
		}
	}
	if d.Rules.Automatic && !slices.ContainsFunc(r.Detail.Hints, stopsAutomatic) && r.State == Verified {
		r.Record.Automatic = true
		t.approveErasure(r)
	} else {
		t.step(r, EdgeReviewed, "", nil)
		t.touch(r)
		t.report(Officers(in.Directory), in.Ticket, "To decide: erasure "+r.No, officerText(r, d.Rules.Calendar)+"\n\nThis would be done:\n\n"+in.Text)
	}
	t.schedule()
	return t.ch
}

// stopsAutomatic are the hints that only the officer can weigh.
func stopsAutomatic(hint string) bool {
	switch hint {
	case HintYoung, HintChanged, HintFactor, HintMask:
		return true
	}
	return false
}

// approveErasure lets the erasure begin when the cooling-off is over. All
// addresses that proved to be the person's hear of it, and can stop it.
func (t *turn) approveErasure(r *Request) {
	if !t.step(r, EdgeApproved, "", map[string]string{"automatic": yesNo(r.Record.Automatic)}) {
		return
	}
	r.Record.Decided = t.now
	if t.Rules.Cooling <= 0 {
		t.startErasure(r)
		return
	}
	t.step(r, EdgeCooling, "", nil)
	r.Record.On = t.now.Add(t.Rules.Cooling)
	for i, to := range r.Addresses() {
		m := MailPending
		if i > 0 {
			m = MailNotice
		}
		k, replyTo, _ := NewToken(TokenCancel, r, to, t.Rules.Address, t.now)
		k.Expires, k.Scope = r.Record.On, scopeOf(r)
		t.ch.Also = append(t.ch.Also, k)
		t.mailTo(r, m, to, map[string]string{"on": t.Rules.Calendar.Day(r.Record.On)}).Spec.ReplyTo = replyTo
	}
}

func (t *turn) startErasure(r *Request) {
	if t.step(r, EdgeExecuting, "", nil) {
		r.Record.On = time.Time{}
		t.job(JobErase, r, nil)
	}
}

// objected writes the objection into the ledger, so that nothing that rests on
// a legitimate interest leaves any more.
func (t *turn) objected(r *Request, consents []consent.Entry) {
	e := consent.Entry{Org: r.Org, Address: r.Address, Act: consent.Objected, Channel: "mail", Language: r.Language, At: t.now}
	if entry := consent.Withdraw(consents, e); entry != nil {
		t.ch.Also = append(t.ch.Also, entry)
	}
}

// ticketOf is the ticket of a request as far as a report names it.
func (t *turn) ticketOf(r *Request) *tickets.Ticket {
	if r.Ticket != nil {
		return r.Ticket
	}
	if t.ticket != nil && t.ticket.ID == r.TicketID {
		return t.ticket
	}
	for _, ticket := range t.ch.Tickets {
		if ticket.ID == r.TicketID && r.TicketID != 0 {
			return ticket
		}
	}
	return nil
}

// settleTicket goes on with the erasure that waited for a request that has
// ended, and resolves the ticket of requests that have all ended.
func (t *turn) settleTicket(r *Request) {
	for _, s := range t.siblings {
		if s.After == r.ID && r.ID != 0 && s.State == Verified && !slices.Contains(s.Record.Reminded, "preview") {
			s.Record.Reminded = append(s.Record.Reminded, "preview")
			t.touch(s)
			t.job(JobPreview, s, nil)
		}
	}
	ticket := t.ticketOf(r)
	if ticket == nil || ticket.State == tickets.StateResolved || ticket.State == tickets.StateSpam {
		return
	}
	for _, s := range t.siblings {
		if s != r && s.ID != r.ID && !s.State.Final() {
			return
		}
	}
	for _, x := range t.ch.Also {
		if s, ok := x.(*Request); ok && s != r && !s.State.Final() {
			return
		}
	}
	t.ch.Events = append(t.ch.Events, &tickets.Event{Ticket: ticket, TicketID: ticket.ID, At: t.now, Kind: "state", Actor: tickets.ActorSystem,
		Data: map[string]string{"from": string(ticket.State), "to": string(tickets.StateResolved)}})
	ticket.SetState(tickets.StateResolved, t.now)
	if !slices.Contains(t.ch.Tickets, ticket) {
		ticket.Updated = t.now
		t.ch.Tickets = append(t.ch.Tickets, ticket)
	}
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
