package privacy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// Incoming is a mail to the privacy address with all that its consequences
// depend on.
type Incoming struct {
	// Mail is the mail as a customer's: who wrote it, which ticket it makes or
	// joins. The privacy desk sets what differs.
	Mail      tickets.Incoming
	Directory *tickets.Directory

	Asked     Right        // named by the plus-form; empty if none
	Said      *Recognition // what the words ask for; nil: nothing
	Text      string       // what the writer wrote now
	Word      Word         // a word that our mails ask for, on one of the first lines; empty if none
	Aligned   bool         // SPF or DKIM proves From
	Machine   bool         // automatic or a delivery report: it proves nothing and is not answered
	Ours      bool         // From is an address of this installation: never written to
	Open      []*Request   // open requests of this address, newest first
	Recent    int          // challenges to the address that were not answered within 24 hours
	Consents  []consent.Entry
	Budget    func(aligned bool) bool // whether one more mail may be written now; asked once at most
	FirstSeen time.Time               // when the address was first seen; zero: now
	Changed   bool                    // the address was made the person's less than a day ago
}

func (d *Desk) turn(in *Incoming) *turn {
	t := &turn{Desk: d, now: in.Mail.Now, actor: tickets.ActorPerson, msg: in.Mail.Message, queue: in.Mail.Queue, dir: in.Directory,
		aligned: in.Aligned, budget: in.Budget, ticket: in.Mail.Ticket, siblings: in.Open}
	if in.Mail.Sender != nil {
		t.actorID = in.Mail.Sender.ID
	}
	return t
}

// keepMail puts the mail into its ticket without anything that an ordinary
// mail would lead to beside the agents' notification.
func (t *turn) keepMail(in *Incoming) *tickets.Ticket {
	in.Mail.Ack, in.Mail.Junk, in.Mail.Copied = tickets.AckRule{}, nil, nil
	t.ch = tickets.Receive(in.Mail)
	for _, ticket := range t.ch.Tickets {
		if ticket == in.Mail.Message.Ticket {
			return ticket
		}
	}
	return in.Mail.Message.Ticket
}

// Receive says what follows from a mail to the privacy address that answers
// nothing we asked: a ticket of the privacy queue and a request for each right,
// or more mail in a ticket that is there. It is never refused and never
// dropped; what the words leave open goes to the officer.
func (d *Desk) Receive(in Incoming) *tickets.Change {
	t := d.turn(&in)
	ticket := t.keepMail(&in)
	// Here the address speaks for it as well, and the question that follows
	// names what was understood: only who confirms it has asked for it.
	sure := in.Asked != "" || in.Said != nil && (in.Said.Sure || !in.Said.Doubt) && len(in.Said.Rights) > 0
	rights := []Right{in.Asked}
	switch {
	case in.Asked != "":
	case in.Said != nil && len(in.Said.Rights) > 0:
		rights = in.Said.Rights
	default:
		rights = nil
	}
	if in.Machine && in.Asked != ConsentWithdrawal {
		if sure {
			t.forOfficer(&in, ticket, rights, HintAutomatic)
			t.tell(in.Mail.Message)
		}
		return t.ch
	}
	if t.cancelled(&in) {
		t.schedule()
		return t.ch
	}
	if !sure {
		t.unclear(&in, ticket, rights)
		t.tell(in.Mail.Message)
		return t.ch
	}
	var pending []*Request
	for _, right := range rights {
		if r := t.take(&in, ticket, right); r != nil {
			pending = append(pending, r)
		}
	}
	t.link(pending)
	t.askFor(&in, pending)
	t.tell(in.Mail.Message)
	t.schedule()
	return t.ch
}

// cancelled stops an erasure in its cooling-off for a proved CANCEL that went
// to the plain address: in doubt nothing is erased.
func (t *turn) cancelled(in *Incoming) bool {
	done := false
	for _, r := range in.Open {
		if in.Word == SaysCancel && in.Aligned && r.Right == Erasure && t.step(r, EdgeCancelled, "", nil) {
			t.mail(r, MailCancelled, nil)
			t.settleTicket(r)
			done = true
		}
	}
	return done
}

// tell puts what became of the mail, and what the officer can do, beside it:
// the notification of the ticket shows it.
func (t *turn) tell(m *tickets.Message) {
	for _, x := range t.ch.Also {
		r, ok := x.(*Request)
		if !ok || r.State == Withdrawn {
			continue
		}
		m.Defects = append(m.Defects, "privacy request "+describe(r, t.Rules.Calendar)+". "+waits(r, t.Rules.Calendar))
		for _, h := range r.Detail.Hints {
			m.Defects = append(m.Defects, hintTexts[h])
		}
	}
}

// take finds or makes the request for one right. It returns nil when nothing
// has to be proved for it, or the proof is there.
func (t *turn) take(in *Incoming, ticket *tickets.Ticket, right Right) *Request {
	if right == ConsentWithdrawal || right == Objection && NamesMarketing(in.Text) {
		t.stop(in, ticket, right)
		return nil
	}
	r := t.openRequest(in, right)
	switch {
	case r != nil && r.ID == 0:
	case r == nil:
		r = t.newRequest(right, ticket, in.address(), in.name(), in.language(), in.Mail.Message.Received)
		r.Detail.Words, r.Detail.InReply, r.Detail.Aligned = clip(in.Text, maxWords), in.Mail.Message.MessageID, in.Aligned
		if right == Rectification {
			r.Detail.Changes = Corrections(in.Text, r.Address)
		}
	default:
		t.more(in, r)
	}
	if !r.Record.Verified.IsZero() || in.Ours || r.Address == "" || r.Held {
		if in.Ours || r.Address == "" {
			t.toOfficer(r, HintNobody)
		}
		return nil
	}
	if r.State == Review && !r.Detail.Unsure {
		return nil // the officer has it
	}
	return r
}

// more notes a further mail about a request that runs.
func (t *turn) more(in *Incoming, r *Request) {
	t.step(r, EdgeNoted, in.Mail.Message.Receipt, nil)
	r.Detail.Aligned = r.Detail.Aligned || in.Aligned
	if r.Detail.Unsure {
		t.clarify(r, r.Right)
	}
}

// clarify makes a plain request of one whose words had left it open, with the
// same clock. What a request asks for is never changed: where nothing was said
// before, another takes its place. It returns nil when nothing was open.
func (t *turn) clarify(r *Request, right Right) *Request {
	if r.Right == right {
		if !t.step(r, EdgeClarified, "", nil) {
			return nil
		}
		r.Detail.Unsure, r.Detail.Hints = false, nil
		return r
	}
	if !t.step(r, EdgeWithdrawn, "", map[string]string{"why": "clarified"}) {
		return nil
	}
	n := t.newRequest(right, &tickets.Ticket{ID: r.TicketID}, r.Address, r.Name, r.Language, r.Received)
	n.Ticket, n.Detail, n.Record.LastAsked = r.Ticket, r.Detail, r.Record.LastAsked
	n.Detail.Unsure, n.Detail.Hints = false, nil
	if right == Rectification {
		n.Detail.Changes = Corrections(n.Detail.Words, n.Address)
	}
	return n
}

// openRequest is the open request of the address for a right; one that did not
// say which is taken for it.
func (t *turn) openRequest(in *Incoming, right Right) *Request {
	var unclear *Request
	for _, r := range in.Open {
		switch {
		case r.Right == right:
			return r
		case r.Right == "" && r.Detail.Unsure:
			unclear = r
		}
	}
	if unclear == nil {
		return nil
	}
	return t.clarify(unclear, right)
}

// link lets an erasure wait for the copy that was asked for in the same mail.
func (t *turn) link(pending []*Request) {
	var copied, erased *Request
	for _, r := range pending {
		switch r.Right {
		case Access:
			copied = r
		case Portability:
			if copied == nil {
				copied = r
			}
		case Erasure:
			erased = r
		}
	}
	if copied == nil || erased == nil || erased.After != 0 {
		return
	}
	if copied.ID != 0 {
		erased.After = copied.ID
	} else {
		erased.First = copied
	}
	t.touch(erased)
}

// askFor asks for the proof of what has none and was not asked for lately.
func (t *turn) askFor(in *Incoming, pending []*Request) {
	var list []*Request
	for _, r := range pending {
		if r.State == Received || r.State == Challenged && t.now.Sub(r.Record.LastAsked) >= askPause {
			list = append(list, r)
		}
	}
	if len(list) > 0 {
		t.ask(list, in.Recent)
	}
}

// unclear keeps a mail whose words leave open what is asked for: a case for
// the officer, and ready-made mails for the person to choose from. Further
// mail of the kind joins the case.
func (t *turn) unclear(in *Incoming, ticket *tickets.Ticket, rights []Right) {
	if in.Mail.Bulk && len(rights) == 0 || in.joins() {
		return // a ticket of its own, or part of one, and the officer sees it
	}
	if len(rights) == 0 {
		rights = []Right{""}
	}
	var made []*Request
	for _, right := range rights {
		if slices.ContainsFunc(in.Open, func(r *Request) bool { return r.Right == right }) {
			continue
		}
		r := t.newRequest(right, ticket, in.address(), in.name(), in.language(), in.Mail.Message.Received)
		r.Detail.Words, r.Detail.InReply, r.Detail.Aligned, r.Detail.Unsure = clip(in.Text, maxWords), in.Mail.Message.MessageID, in.Aligned, true
		t.toOfficer(r, HintUnclear)
		made = append(made, r)
	}
	// Who proves nothing and says nothing that sounds like a request is not
	// written to: most of that is unwanted mail under somebody else's name.
	if len(made) > 0 && made[0].Address != "" && !in.Ours && (in.Aligned || in.Said != nil) {
		t.offer(made[0], in.Recent)
	}
	t.schedule()
}

// joins reports whether the mail went into a ticket that was there.
func (in *Incoming) joins() bool {
	return in.Mail.Ticket != nil && in.Mail.Message.Ticket == in.Mail.Ticket
}

// offer sends the ready-made mails, within the budget of challenges.
func (t *turn) offer(r *Request, recent int) {
	switch {
	case recent > 0:
		r.Record.AskAt = t.now.Add(askPause)
	case t.budget != nil && !t.budget(t.aligned):
		r.Record.AskAt = t.now.Add(budgetPause)
	default:
		r.Record.Asked++
		r.Record.LastAsked, r.Record.AskAt = t.now, time.Time{}
		t.mail(r, MailChoices, t.choices())
	}
}

// forOfficer makes requests of what a machine sent, for the officer alone.
func (t *turn) forOfficer(in *Incoming, ticket *tickets.Ticket, rights []Right, hint string) {
	for _, right := range rights {
		if slices.ContainsFunc(in.Open, func(r *Request) bool { return r.Right == right }) {
			continue
		}
		r := t.newRequest(right, ticket, in.address(), in.name(), in.language(), in.Mail.Message.Received)
		r.Detail.Words = clip(in.Text, maxWords)
		t.toOfficer(r, hint)
	}
	t.schedule()
}

// toOfficer gives a request to the officer, and says why.
func (t *turn) toOfficer(r *Request, hint string) {
	e := EdgeReviewed
	switch {
	case hint == HintUnclear || hint == HintAutomatic || hint == HintNobody:
		e = EdgeUnclear
	case hint == HintTries || hint == HintUnaligned:
		e = EdgeDoubted
	}
	t.step(r, e, "", map[string]string{"why": hint})
	if !slices.Contains(r.Detail.Hints, hint) {
		r.Detail.Hints = append(r.Detail.Hints, hint)
	}
	if r.Record.Turn.IsZero() {
		r.Record.Turn = t.now
	}
	t.touch(r)
}

// maxWords is how much of a request's words is kept with it.
const maxWords = 4 << 10

func (in *Incoming) address() string {
	if in.Mail.Sender == nil {
		return ""
	}
	return in.Mail.Sender.Address
}

func (in *Incoming) name() string {
	if in.Mail.Sender == nil {
		return ""
	}
	return cmp.Or(in.Mail.Sender.Name, in.Mail.Message.FromName)
}

// language is that of the words, else of the mail. One word such as STOP tells
// of no language: then it is the one the person wrote in before.
func (in *Incoming) language() string {
	if p := in.Mail.Sender; p != nil && p.Language != "" && len(strings.Fields(in.Text)) <= 2 {
		return p.Language
	}
	if in.Said != nil && in.Said.Language != "" {
		return in.Said.Language
	}
	return in.Mail.Language
}

func clip(s string, n int) string {
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}
