package privacy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// Marks in Record.Reminded of what happens once.
const (
	markRestricted = "restricted"
	markLifted     = "lifted"
)

// Due is a request whose time has come, with all that follows depends on.
type Due struct {
	Request   *Request
	Ticket    *tickets.Ticket
	Siblings  []*Request // all requests of the ticket
	Mails     []HeldMail // of the request
	Queue     *tickets.Queue
	Directory *tickets.Directory
	Recent    int
	Consents  []consent.Entry
	Budget    func(aligned bool) bool
	Now       time.Time
}

// When somebody is reminded, in days from the arrival; the person from the
// last question.
var officerDays = []int{7, 21, 27}

const (
	personReminders = 2
	personPause     = 4 * 24 * time.Hour
	alarmPause      = 48 * time.Hour
	deputyDays      = 2
	artifactLife    = 7 * 24 * time.Hour
	certificateLife = 7 * 24 * time.Hour  // for late bounces
	certificateMost = 14 * 24 * time.Hour // in any case
	requestLife     = 30 * 24 * time.Hour // of other requests' keys, after the end
)

// Tick does what time brings: later challenges, reminders, the end of a
// cooling-off, what follows from a delivery, the end of archives and keys. Run
// twice it does nothing the second time. It never refuses and never closes.
func (d *Desk) Tick(in Due) *tickets.Change {
	r := in.Request
	t := &turn{Desk: d, ch: &tickets.Change{}, now: in.Now, actor: tickets.ActorSystem, queue: in.Queue, dir: in.Directory, ticket: in.Ticket,
		siblings: in.Siblings, aligned: r.Detail.Aligned, budget: in.Budget}
	if r.State.Final() {
		t.after(r, &in)
	} else {
		t.during(r, &in)
	}
	t.touch(r)
	t.schedule()
	return t.ch
}

// during is a request that is open.
func (t *turn) during(r *Request, in *Due) {
	if !r.Held {
		t.askLater(r, in)
		t.remindPerson(r, in)
		if r.State == Cooling && !r.Record.On.IsZero() && !t.now.Before(r.Record.On) {
			t.startErasure(r)
		}
		if r.State == Executing {
			t.deliveries(r, in)
		}
	}
	if !r.State.Final() {
		t.remindOfficer(r)
	}
}

// askLater sends what waited for its budget.
func (t *turn) askLater(r *Request, in *Due) {
	if r.Record.AskAt.IsZero() || t.now.Before(r.Record.AskAt) {
		return
	}
	switch {
	case r.State == Executing && (r.Right == ConsentWithdrawal || r.Right == Objection):
		t.stopped(r, in.Recent) // of any other right it would end what is being carried out
	case r.Detail.Unsure:
		t.offer(r, in.Recent)
	case r.May(EdgeChallenged):
		list := []*Request{r}
		for _, s := range in.Siblings {
			if s.ID != r.ID && s.May(EdgeChallenged) && !s.Held && !s.Record.AskAt.IsZero() && tickets.FoldAddress(s.Address) == tickets.FoldAddress(r.Address) {
				list = append(list, s)
			}
		}
		t.ask(list, in.Recent)
	default:
		r.Record.AskAt = time.Time{}
	}
}

// remindPerson asks again, twice, with a fresh token. It never closes anything.
func (t *turn) remindPerson(r *Request, in *Due) {
	n := reminders(r)
	if r.State != Challenged || n >= personReminders || t.now.Before(r.Record.LastAsked.Add(personPause)) {
		return
	}
	list := waitingWith(r, in.Siblings)
	for _, w := range list {
		w.Record.Reminded = append(w.Record.Reminded, fmt.Sprintf("person-%d", n+1))
	}
	t.challenge(slices.DeleteFunc(list, func(w *Request) bool { return w.State != Challenged }), MailReminder)
}

func reminders(r *Request) int {
	n := 0
	for _, s := range r.Record.Reminded {
		if strings.HasPrefix(s, "person-") {
			n++
		}
	}
	return n
}

// deliveries looks at how the mails of a request that is carried out stand.
func (t *turn) deliveries(r *Request, in *Due) {
	switch r.Right {
	case Access, Portability:
		t.archiveDelivery(r, in)
	case Erasure:
		t.certificateDelivery(r, in)
	}
}

// newest returns the latest mails of a template since then, one for each part.
func newest(mails []HeldMail, m Mail, since time.Time) map[int]HeldMail {
	out := map[int]HeldMail{}
	for _, x := range mails {
		if old, ok := out[x.Artifact]; x.Template == string(m) && !x.Created.Before(since) && (!ok || x.ID > old.ID) {
			out[x.Artifact] = x
		}
	}
	return out
}

// all reports whether there are at least n mails and each was accepted; failed
// whether one never will be.
func all(mails map[int]HeldMail, n int) (sent, failed bool) {
	sent = len(mails) >= max(n, 1)
	for _, m := range mails {
		sent = sent && m.State == tickets.OutSent
		failed = failed || m.State == tickets.OutFailed
	}
	return sent && !failed, failed
}

// archiveDelivery sends the passphrase once every part was accepted, and ends
// the request once that was, too. What bounced goes to the officer.
func (t *turn) archiveDelivery(r *Request, in *Due) {
	parts := newest(in.Mails, MailArchive, r.Record.Since)
	sent, failed := all(parts, r.Record.Parts)
	if failed {
		t.undelivered(r, "A part of the archive was not accepted by the far side.")
		return
	}
	if !sent {
		return
	}
	if r.Record.Delivered.IsZero() {
		r.Record.Delivered = t.now
		t.step(r, EdgeDelivered, itoa(int64(r.Detail.Again)), nil)
	}
	if r.Detail.Secret == "" {
		t.finish(r)
		return
	}
	words := newest(in.Mails, MailPassphrase, r.Record.Since)
	switch sent, failed := all(words, 1); {
	case len(words) == 0:
		t.mail(r, MailPassphrase, map[string]string{"passphrase": r.Detail.Secret}).Spec.Verified = true
	case failed:
		t.undelivered(r, "The passphrase could not be handed over under verified TLS, or bounced. It is never put into a ticket.")
	case sent:
		r.Detail.Secret = ""
		t.finish(r)
	}
}

// undelivered gives the officer what could not be delivered.
func (t *turn) undelivered(r *Request, why string) {
	if !t.step(r, EdgeUndelivered, itoa(int64(r.Detail.Again)), nil) {
		return
	}
	r.Detail.Hints = appendNew(r.Detail.Hints, HintUndelivered)
	t.report(Officers(t.dir), t.ticketOf(r), "Not delivered: "+r.No, why+"\n\n\"#approve\" builds and sends it once more. It is deleted here seven days after it was made.\n\n"+officerText(r, t.Rules.Calendar))
}

// certificateDelivery ends an erasure when the certificate was accepted, or
// nobody tries any more: the erasure itself is done in any case.
func (t *turn) certificateDelivery(r *Request, in *Due) {
	list := newest(in.Mails, MailCertificate, time.Time{})
	if len(list) == 0 {
		return
	}
	sent, failed := all(list, 1)
	switch {
	case sent:
		r.Record.Delivered = t.now
		t.step(r, EdgeDelivered, "", nil)
		t.finish(r)
	case failed:
		t.report(Officers(t.dir), t.ticketOf(r), "Certificate not delivered: "+r.No,
			"The erasure was carried out, but its certificate was not accepted by the far side. Nothing else is known of the person any more; the address itself goes in fourteen days at most.")
		t.finish(r)
	}
}

// remindOfficer tells the officer, the deputy and, when it is late, everybody
// who decides or administers.
func (t *turn) remindOfficer(r *Request) {
	cal := t.Rules.Calendar
	due := ""
	for _, n := range officerDays {
		mark := fmt.Sprintf("d+%d", n)
		if t.now.Before(cal.Morning(r.Received, n)) || slices.Contains(r.Record.Reminded, mark) {
			continue
		}
		due = mark
		for _, s := range t.group(r) {
			s.Record.Reminded = appendNew(s.Record.Reminded, mark)
			t.step(s, EdgeAlarmed, mark, nil)
		}
	}
	if due != "" {
		t.report(Officers(t.dir), t.ticketOf(r), "Reminder: request "+r.No+" is due on "+cal.Day(r.Due), t.list(r))
	}
	if !r.Record.Turn.IsZero() && !r.Record.Deputy && !t.now.Before(cal.AfterWorkingDays(r.Record.Turn, deputyDays)) {
		r.Record.Deputy = true
		t.step(r, EdgeAlarmed, "deputy", nil)
		to := t.admins()
		if dep := t.deputy(t.dir); dep != nil && dep.Active {
			to = []*tickets.Agent{dep}
		}
		t.report(to, t.ticketOf(r), "No answer for two working days: request "+r.No, "The privacy officer has not decided yet. You stand in.\n\n"+t.list(r))
	}
	if t.now.After(r.Due) && !t.now.Before(nextAlarm(r)) {
		r.Record.Alarms++
		t.step(r, EdgeAlarmed, fmt.Sprintf("overdue-%d", r.Record.Alarms), nil)
		t.report(t.everybody(), t.ticketOf(r), "OVERDUE: request "+r.No+" was due on "+cal.Day(r.Due), "The time the law gives is over (Article 12(3) GDPR).\n\n"+t.list(r))
	}
}

func nextAlarm(r *Request) time.Time {
	return r.Due.Add(time.Second + time.Duration(r.Record.Alarms)*alarmPause)
}

// group are the open requests of a ticket, which are reminded of together.
func (t *turn) group(r *Request) []*Request {
	out := []*Request{r}
	for _, s := range t.siblings {
		if s.ID != r.ID && !s.State.Final() && s.Received.Equal(r.Received) {
			out = append(out, s)
		}
	}
	return out
}

func (t *turn) list(r *Request) string {
	var b strings.Builder
	for _, s := range t.group(r) {
		b.WriteString(officerText(s, t.Rules.Calendar) + "\n\n")
	}
	return strings.TrimSpace(b.String())
}

func (t *turn) admins() []*tickets.Agent {
	var out []*tickets.Agent
	for _, a := range t.dir.Agents {
		if a.Active && a.Role == tickets.RoleAdmin {
			out = append(out, a)
		}
	}
	return out
}

// everybody is the officers, the deputy and the administrators, each once.
func (t *turn) everybody() []*tickets.Agent {
	out := slices.Clone(Officers(t.dir))
	extra := t.admins()
	if dep := t.deputy(t.dir); dep != nil && dep.Active {
		extra = append(extra, dep)
	}
	for _, a := range extra {
		if !slices.ContainsFunc(out, func(b *tickets.Agent) bool { return b.ID == a.ID }) {
			out = append(out, a)
		}
	}
	return out
}

// after is a request that has ended: late bounces, the lifting of a
// restriction, and the end of what is kept of it.
func (t *turn) after(r *Request, in *Due) {
	if (r.Right == Access || r.Right == Portability) && r.State == Done && r.Record.Dropped.IsZero() {
		for _, m := range []Mail{MailArchive, MailPassphrase} {
			if _, failed := all(newest(in.Mails, m, r.Record.Since), 0); failed {
				t.undelivered(r, "It was accepted first and came back later.")
				return
			}
		}
	}
	if !r.Record.On.IsZero() && !t.now.Before(r.Record.On) {
		r.Record.On = time.Time{}
		t.restrict(r, false)
	}
	if at := dropAt(r); !at.IsZero() && !t.now.Before(at) && t.step(r, EdgeDropped, "", nil) {
		r.Record.Dropped = t.now
		t.job(JobExpire, r, nil)
	}
	if at := forgetAt(r); !at.IsZero() && !t.now.Before(at) && !slices.Contains(r.Record.Reminded, "forget") {
		r.Record.Reminded = append(r.Record.Reminded, "forget")
		t.step(r, EdgeForgotten, "", nil)
		t.job(JobForget, r, nil)
	}
}

// dropAt is when an archive goes: seven days after it was delivered, or after
// the end.
func dropAt(r *Request) time.Time {
	if r.Record.Parts == 0 || !r.Record.Dropped.IsZero() || !r.State.Final() {
		return time.Time{}
	}
	if !r.Record.Delivered.IsZero() {
		return r.Record.Delivered.Add(artifactLife)
	}
	return r.Finished.Add(artifactLife)
}

// forgetAt is when the request's own key goes, and with it who it was about.
func forgetAt(r *Request) time.Time {
	switch {
	case !r.State.Final() || r.Address == "":
		return time.Time{}
	case slices.Contains(r.Record.Reminded, markRestricted) && !slices.Contains(r.Record.Reminded, markLifted):
		return time.Time{} // lifting it has to be announced first
	case r.Right == Erasure && r.State == Done && !r.Record.Delivered.IsZero():
		return r.Record.Delivered.Add(certificateLife)
	case r.Right == Erasure && r.State == Done:
		return r.Finished.Add(certificateMost)
	}
	return r.Finished.Add(requestLife)
}

// schedule sets when each request of the change is looked at next.
func (t *turn) schedule() {
	for _, x := range t.ch.Also {
		if r, ok := x.(*Request); ok {
			t.wake(r)
		}
	}
}

// wake sets when the request is looked at next.
func (t *turn) wake(r *Request) { r.NextAt = t.Rules.next(r) }

// next is the earliest time at which something is to be done; zero: never. It
// may lie in the past.
func (rules Rules) next(r *Request) time.Time {
	var at time.Time
	sooner := func(c time.Time) {
		if !c.IsZero() && (at.IsZero() || c.Before(at)) {
			at = c
		}
	}
	if r.State.Final() {
		sooner(r.Record.On)
		sooner(dropAt(r))
		if !slices.Contains(r.Record.Reminded, "forget") {
			sooner(forgetAt(r))
		}
		return at
	}
	if !r.Held {
		sooner(r.Record.AskAt)
		if r.State == Challenged && reminders(r) < personReminders {
			sooner(r.Record.LastAsked.Add(personPause))
		}
		if r.State == Cooling {
			sooner(r.Record.On)
		}
	}
	for _, n := range officerDays {
		if !slices.Contains(r.Record.Reminded, fmt.Sprintf("d+%d", n)) {
			sooner(rules.Calendar.Morning(r.Received, n))
		}
	}
	if !r.Record.Turn.IsZero() && !r.Record.Deputy {
		sooner(rules.Calendar.AfterWorkingDays(r.Record.Turn, deputyDays))
	}
	sooner(nextAlarm(r))
	return at
}
