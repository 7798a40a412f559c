package privacy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// Order is an agent's mail with commands about requests, and all that its
// consequences depend on.
type Order struct {
	Agent     *tickets.Agent
	Ticket    *tickets.Ticket // the mail's; nil at the command address
	Requests  []*Request      // of that ticket
	Message   *tickets.Message
	Commands  []tickets.Command
	Errors    []*tickets.CommandError // lines that were not understood: nothing is done
	Text      string                  // what the agent wrote below the commands
	Queue     *tickets.Queue          // the privacy queue
	Own       *tickets.Queue          // of the ticket
	Directory *tickets.Directory
	Consents  []consent.Entry // of the ticket's data subject
	Recent    int             // as in Incoming
	FirstSeen time.Time
	Changed   bool
	Budget    func(aligned bool) bool
	Now       time.Time

	// Of #privacy in an ordinary ticket: the customer's mail that asks, its
	// author's open requests, and the ticket that would be made.
	Asks *tickets.Message
	Open []*Request
	New  *tickets.Ticket
}

// order collects the consequences of the commands.
type order struct {
	*turn
	in    *Order
	done  []string
	wrong []string
}

func (o *order) say(format string, args ...any) {
	o.done = append(o.done, fmt.Sprintf(format, args...))
}
func (o *order) fail(c tickets.Command, format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf("%q: %s", c.Line, fmt.Sprintf(format, args...)))
}

// Ordered reports whether an agent's commands are the privacy desk's: one of
// its verbs, or #close and #confirm where a request of the ticket takes them.
func Ordered(commands []tickets.Command, requests []*Request) bool {
	return slices.ContainsFunc(commands, func(c tickets.Command) bool {
		return c.Verb.Privacy() || isClose(c) && slices.ContainsFunc(requests, func(r *Request) bool { return !r.State.Final() }) ||
			c.Verb == tickets.VerbConfirm && slices.ContainsFunc(requests, func(r *Request) bool { return r.Detail.Draft != "" })
	})
}

// isClose tells #close, which among ordinary tickets means #resolve.
func isClose(c tickets.Command) bool {
	return c.Verb == tickets.VerbResolve && strings.HasPrefix(strings.ToLower(c.Line), "#close")
}

// Command carries out an officer's commands, each with a line of receipt, all
// or none of them. Only the privacy officer decides; any agent may hand a
// request over with #privacy.
func (d *Desk) Command(in Order) *tickets.Change {
	o := &order{in: &in, turn: &turn{Desk: d, ch: &tickets.Change{}, now: in.Now, actor: tickets.ActorAgent, actorID: in.Agent.ID, msg: in.Message,
		queue: in.Queue, dir: in.Directory, aligned: true, budget: in.Budget, siblings: in.Requests, ticket: in.Ticket}}
	for _, e := range in.Errors {
		o.wrong = append(o.wrong, e.Error())
	}
	var before tickets.Ticket
	if in.Ticket != nil {
		before = *in.Ticket
	}
	for _, c := range in.Commands {
		if len(o.wrong) == 0 {
			o.carryOut(c)
		}
	}
	if len(o.wrong) > 0 {
		if in.Ticket != nil {
			*in.Ticket = before
		}
		// What was begun is forgotten: the change is made anew, with nothing in
		// it but the note and the receipt.
		o.ch = &tickets.Change{}
		o.done = nil
	}
	o.note()
	o.schedule()
	o.receipt()
	return o.ch
}

// note keeps the agent's mail in its ticket; it is sent to nobody.
func (o *order) note() {
	m := o.in.Message
	m.Direction, m.Ticket = tickets.DirectionNote, o.in.Ticket
	o.ch.Messages = append(o.ch.Messages, m)
	if o.in.Ticket == nil {
		return
	}
	if !slices.Contains(o.ch.Tickets, o.in.Ticket) {
		o.in.Ticket.Updated = o.now
		o.ch.Tickets = append(o.ch.Tickets, o.in.Ticket)
	}
	o.ch.Events = append(o.ch.Events, &tickets.Event{Ticket: o.in.Ticket, TicketID: o.in.Ticket.ID, At: o.now, Kind: "note", Actor: tickets.ActorAgent,
		ActorID: o.in.Agent.ID, Message: m, Data: map[string]string{"why": "privacy"}})
}

// receipt says what was done, or why nothing was.
func (o *order) receipt() {
	subject, lines := "Done", o.done
	if len(o.wrong) > 0 {
		subject, lines = "Not done", append([]string{"Nothing was done and nothing was sent, because of this:"}, o.wrong...)
	}
	q := o.in.Own
	if q == nil {
		q = o.queue
	}
	out := &tickets.Outgoing{Org: q.Org, Kind: tickets.OutReceipt, MessageID: tickets.NewMessageID(q.ReplyDomain), Ticket: o.in.Ticket, To: o.in.Agent.Address,
		ToAgent: o.in.Agent.ID, QueueID: q.ID, NotBefore: o.now,
		Spec: tickets.OutSpec{Template: "receipt", Subject: subject, Text: strings.Join(lines, "\n"), InReply: o.in.Message.MessageID}}
	if o.in.Ticket != nil {
		out.Spec.ReplyTo = o.Addr.Agent(q, o.in.Ticket.Ref, o.in.Agent.ID)
	} else {
		out.Spec.ReplyTo = o.Addr.Command(q, o.in.Agent.ID)
	}
	o.ch.Outbox = append(o.ch.Outbox, out)
}

func (o *order) carryOut(c tickets.Command) {
	if c.Verb == tickets.VerbPrivacy {
		o.convert(c)
		return
	}
	if !c.Verb.Privacy() && !isClose(c) && c.Verb != tickets.VerbConfirm {
		o.fail(c, "send this in a mail of its own; here are only commands of the privacy desk")
		return
	}
	switch {
	case o.in.Ticket == nil || len(o.in.Requests) == 0:
		o.fail(c, "this command belongs in an answer about a request of the privacy desk; #privacy <right> makes one of an ordinary ticket")
		return
	case !o.Decides(o.dir, o.in.Agent):
		o.fail(c, "only the privacy officer decides on requests")
		return
	}
	switch c.Verb {
	case tickets.VerbApprove:
		o.approve(c)
	case tickets.VerbRefuse:
		o.refuse(c)
	case tickets.VerbConfirm:
		o.confirm(c)
	case tickets.VerbExtend:
		o.extend(c)
	case tickets.VerbHold, tickets.VerbRelease:
		o.hold(c)
	case tickets.VerbLink:
		o.linkTo(c)
	case tickets.VerbWithhold:
		o.withhold(c)
	case tickets.VerbNotRequest:
		o.notRequest(c)
	case tickets.VerbDone:
		o.doneByHand(c)
	case tickets.VerbLift:
		o.lift(c)
	default:
		o.closeUnproved(c)
	}
}

// pick finds the one request a command means: named by its right, else the
// only one that it can be meant for.
func (o *order) pick(c tickets.Command, fits func(*Request) bool) (r *Request, rest string) {
	word, rest, _ := strings.Cut(strings.TrimSpace(c.Arg), " ")
	right, named := RightOf(word)
	if !named {
		rest = strings.TrimSpace(c.Arg)
	}
	var list []*Request
	for _, x := range o.in.Requests {
		if fits(x) && (!named || x.Right == right) {
			list = append(list, x)
		}
	}
	switch len(list) {
	case 1:
		return list[0], strings.TrimSpace(rest)
	case 0:
		o.fail(c, "no request of this ticket can take this now.\n%s", o.standing())
	default:
		o.fail(c, "there is more than one request; name the right, such as \"#%s %s\".\n%s", c.Verb, list[0].Right, o.standing())
	}
	return nil, ""
}

// standing lists the ticket's requests.
func (o *order) standing() string {
	var b strings.Builder
	for _, r := range o.in.Requests {
		b.WriteString("  " + describe(r, o.Rules.Calendar) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func (o *order) approve(c tickets.Command) {
	r, rest := o.pick(c, func(r *Request) bool { return r.State == Review || r.State == Verified && r.Right == Erasure })
	switch {
	case r == nil:
	case r.Held:
		o.fail(c, "%s is on hold; #release first", r.No)
	case r.State == Verified:
		o.fail(c, "%s waits: for the copy that was asked for first, or for its preview, which comes by mail", r.No)
	case r.Detail.Unsure && r.Right == "":
		o.fail(c, "say what is asked for: #privacy access, portability, erasure, rectification, restriction, objection or withdraw")
	case r.Detail.Unsure || slices.Contains(r.Detail.Hints, HintAutomatic) && r.Record.Asked == 0:
		o.clarify(r, r.Right)
		o.ask([]*Request{r}, o.in.Recent)
		o.say("%s is a request for %s now; the person is asked to prove the mailbox.", r.No, r.Right)
	case r.Record.Verified.IsZero() && !strings.EqualFold(rest, "identity"):
		o.fail(c, "nobody has proved yet to be the person.\n%s", proofsText)
	case r.Record.Verified.IsZero():
		o.vouch(r)
	default:
		o.approveProved(c, r, rest)
	}
}

// vouch takes the officer's word for who the person is.
func (o *order) vouch(r *Request) {
	if !o.step(r, EdgeVerified, "", map[string]string{"by": "officer"}) {
		return
	}
	r.Detail.Hints = nil
	o.proceedAll([]*Request{r}, o.in.Requests, &facts{firstSeen: o.in.FirstSeen, changed: o.in.Changed, consents: o.in.Consents})
	o.say("%s: you vouch for who it is. It goes on: %s.", r.No, describe(r, o.Rules.Calendar))
}

func (o *order) approveProved(c tickets.Command, r *Request, rest string) {
	switch r.Right {
	case Erasure:
		o.approveErasure(r)
		if r.State == Cooling {
			o.say("%s is approved. The person was told and can cancel until %s; then the erasure begins.", r.No, o.Rules.Calendar.Day(r.Record.On))
		} else {
			o.say("%s is approved; the erasure begins now.", r.No)
		}
	case Access, Portability:
		if r.Record.Parts > 0 {
			o.step(r, EdgeAgain, "officer "+itoa(int64(r.Detail.Again)), nil)
			r.Detail.Again++
			r.Record.Delivered = time.Time{}
		} else {
			o.step(r, EdgeApproved, "", nil)
			o.step(r, EdgeExecuting, "", nil)
		}
		r.Record.Decided = o.now
		o.job(JobArchive, r, nil)
		o.say("%s is approved; the archive is built and mailed.", r.No)
	case Rectification:
		o.approveCorrection(c, r, rest)
	case Objection:
		o.step(r, EdgeApproved, "", nil)
		r.Record.Decided = o.now
		o.objected(r, o.in.Consents)
		o.mail(r, MailObjection, nil)
		o.finish(r)
		o.say("%s is upheld; the person was told, and what was restricted meanwhile stays so until #lift.", r.No)
	default:
		o.fail(c, "say what is asked for with #privacy <right>")
	}
}

// approveCorrection carries out corrections of name or address that the officer
// read out of the mail.
func (o *order) approveCorrection(c tickets.Command, r *Request, rest string) {
	if rest != "" {
		field, value, ok := strings.Cut(rest, ":")
		if !ok {
			field, value, _ = strings.Cut(rest, " ")
		}
		fix := Fix{Field: strings.ToLower(strings.TrimSpace(field)), New: strings.TrimSpace(value)}
		_, _, isAddress := tickets.SplitAddress(fix.New)
		if fix.New == "" || fix.Field != "name" && (fix.Field != "address" || !isAddress) {
			o.fail(c, "write \"#approve name: New Name\" or \"#approve address: new@example.org\"; for anything else change it and write \"#done <what was changed>\"")
			return
		}
		r.Detail.Changes = []Fix{fix}
	}
	if len(r.Detail.Changes) == 0 {
		o.fail(c, "write \"#approve name: New Name\" or \"#approve address: new@example.org\"; for anything else change it and write \"#done <what was changed>\"")
		return
	}
	o.step(r, EdgeApproved, "", nil)
	r.Record.Decided = o.now
	o.rectify(r)
	if r.State == Done {
		o.say("%s: corrected, and the person was told.", r.No)
	} else {
		o.say("%s: the new address is asked to prove itself; then it is corrected.", r.No)
	}
}

// refuse shows the draft of a refusal. Nothing is sent before #confirm.
func (o *order) refuse(c tickets.Command) {
	r, rest := o.pick(c, func(r *Request) bool { return r.May(EdgeRefused) && r.Right != "" })
	if r == nil {
		return
	}
	ground, ok := GroundFor(r.Right, rest)
	facts := strings.TrimSpace(o.in.Text)
	switch {
	case !ok:
		o.fail(c, "these are the grounds on which %s can be refused; write one after #refuse, and the facts below it:\n%s", r.Right, groundList(r.Right))
		return
	case facts == "":
		o.fail(c, "write the facts below the command: in plain words, why %s applies here. The person gets them (Article 12(4)).", ground)
		return
	}
	r.Detail.Draft = ground + "\n" + clip(facts, maxWords)
	o.touch(r)
	o.say("This would be sent to the person; nothing was sent yet. Answer with #confirm to send it, with another #refuse to change it.\n\n%s", o.draft(MailRefusal, r, refusalArgs(r)))
}

func refusalArgs(r *Request) map[string]string {
	ground, facts, _ := strings.Cut(r.Detail.Draft, "\n")
	return map[string]string{"no": r.No, "rights": string(r.Right), "ground": ground, "facts": facts}
}

// show gives a mail as the person would get it.
func (d *Desk) draft(m Mail, r *Request, args map[string]string) string {
	if d.Show != nil {
		if text := d.Show(m, r.Language, args); text != "" {
			return text
		}
	}
	return "Ground: Article " + args["ground"] + " GDPR\nFacts: " + args["facts"]
}

// confirm sends refusals that were shown.
func (o *order) confirm(c tickets.Command) {
	n := 0
	for _, r := range o.in.Requests {
		if r.Detail.Draft == "" {
			continue
		}
		args := refusalArgs(r)
		if !o.step(r, EdgeRefused, "", map[string]string{"ground": args["ground"]}) {
			continue
		}
		n++
		r.Record.Ground, r.Record.Decided, r.Detail.Facts, r.Detail.Draft = args["ground"], o.now, args["facts"], ""
		delete(args, "no")
		o.mail(r, MailRefusal, args)
		if r.Right == Objection {
			o.announceLifting(r, "the objection was not upheld")
		}
		o.settleTicket(r)
		o.say("%s was refused on the ground of Article %s; the person was told, with the remedies.", r.No, args["ground"])
	}
	if n == 0 {
		o.fail(c, "there is nothing to confirm")
	}
}

// extend moves the statutory date by two months, once, within the first month,
// and tells the person why (Article 12(3)).
func (o *order) extend(c tickets.Command) {
	n := 0
	for _, r := range o.in.Requests {
		if r.State.Final() {
			continue
		}
		switch {
		case r.Extended:
			o.fail(c, "%s was extended before; it can be done once", r.No)
			return
		case o.now.After(r.Due):
			o.fail(c, "%s: the first month is over; an extension had to be told before %s", r.No, o.Rules.Calendar.Day(r.Due))
			return
		}
		n++
		o.step(r, EdgeExtended, "", nil)
		r.Extended, r.Detail.Extend = true, clip(c.Arg, maxWords)
		r.Due = o.Rules.Calendar.Due(r.Received, 1+extraMonths)
		r.Internal = o.Rules.Calendar.plusDays(r.Due, -2)
		o.mail(r, MailExtension, map[string]string{"due": o.Rules.Calendar.Day(r.Due), "reason": r.Detail.Extend})
		o.say("%s is due on %s now; the person was told why.", r.No, o.Rules.Calendar.Day(r.Due))
	}
	if n == 0 {
		o.fail(c, "no request of this ticket is open")
	}
}

func (o *order) hold(c tickets.Command) {
	n, on := 0, c.Verb == tickets.VerbHold
	for _, r := range o.in.Requests {
		if r.State.Final() || r.Held == on {
			continue
		}
		e := EdgeReleased
		if on {
			e = EdgeHeld
		}
		if o.step(r, e, o.now.UTC().Format(time.RFC3339), nil) {
			r.Held = on
			n++
		}
	}
	switch {
	case n == 0:
		o.fail(c, "nothing here can be put on hold or released")
	case on:
		o.say("On hold: nothing is done by itself until #release. The clock of the law runs on.")
	default:
		o.say("Released.")
		o.resume()
	}
}

// resume goes on with what was proved while it was held.
func (o *order) resume() {
	for _, r := range o.in.Requests {
		if r.State == Verified {
			o.proceed(r, o.in.Requests, &facts{firstSeen: o.in.FirstSeen, changed: o.in.Changed, consents: o.in.Consents})
		}
	}
}

// linkTo asks a further address whether it is the same person's.
func (o *order) linkTo(c tickets.Command) {
	address := strings.Trim(strings.TrimSpace(c.Arg), "<>")
	local, domain, ok := tickets.SplitAddress(address)
	if !ok || strings.ContainsAny(address, " ,;") || o.dir.AgentByAddress(address) != nil || o.dir.QueueByAddress(address) != nil {
		o.fail(c, "write one address of the person after it")
		return
	}
	address = local + "@" + strings.ToLower(domain)
	asked := 0
	for _, r := range o.in.Requests {
		if r.State.Final() || tickets.FoldAddress(r.Address) == tickets.FoldAddress(address) {
			continue
		}
		if asked == 0 {
			if o.proposeLink(r, address) {
				asked++
			}
			continue
		}
		if !slices.ContainsFunc(r.Detail.Others, func(l Linked) bool { return tickets.FoldAddress(l.Address) == tickets.FoldAddress(address) }) {
			r.Detail.Others = append(r.Detail.Others, Linked{Address: address})
			o.touch(r)
		}
	}
	if asked == 0 {
		o.fail(c, "that address is covered already, or no request here is open")
		return
	}
	o.say("%s is asked whether it is the same person's. Until it proves itself it stays out.", address)
}

// withhold leaves a part out of the archive, with its ground.
func (o *order) withhold(c tickets.Command) {
	receipt, ground, _ := strings.Cut(strings.TrimSpace(c.Arg), " ")
	r, _ := o.pick(tickets.Command{Verb: c.Verb, Line: c.Line}, func(r *Request) bool {
		return (r.Right == Access || r.Right == Portability) && !r.State.Final()
	})
	if r == nil {
		return
	}
	g, ok := GroundFor(r.Right, ground)
	if !ok || receipt == "" {
		o.fail(c, "write \"#withhold RECEIPT GROUND\", with the receipt of one message and one of these grounds:\n%s", groundList(r.Right))
		return
	}
	for i := range r.Detail.Withheld {
		if r.Detail.Withheld[i].Receipt == receipt {
			r.Detail.Withheld = slices.Delete(r.Detail.Withheld, i, i+1)
			break
		}
	}
	r.Detail.Withheld = append(r.Detail.Withheld, Withheld{Receipt: receipt, Ground: g})
	o.step(r, EdgeWithheld, receipt, map[string]string{"ground": g})
	o.say("%s: message %s stays out on the ground of Article %s; the archive says so. What was built before is not changed.", r.No, receipt, g)
}

// notRequest ends what is no request after all. The person is not written to:
// an ordinary answer is the officer's to give.
func (o *order) notRequest(c tickets.Command) {
	n := 0
	for _, r := range o.in.Requests {
		if o.step(r, EdgeWithdrawn, "", map[string]string{"why": "not a request"}) {
			n++
			o.settleTicket(r)
		}
	}
	if n == 0 {
		o.fail(c, "no request here is open, or it is being carried out")
		return
	}
	o.say("Noted: this is no request of a data subject. The ticket can be answered as any other.")
}

// closeUnproved ends requests whose proof never came, with a neutral mail that
// gives reasons and remedies (Article 12(4)).
func (o *order) closeUnproved(c tickets.Command) {
	n := 0
	for _, r := range o.in.Requests {
		if r.State.Final() {
			continue
		}
		if !o.step(r, EdgeExpired, "", nil) {
			o.fail(c, "%s is proved, so it is not closed but decided: #approve, #refuse <ground> or #done", r.No)
			return
		}
		n++
		args := map[string]string{}
		if text := strings.TrimSpace(o.in.Text); text != "" {
			args["facts"] = clip(text, maxWords)
		}
		if r.Address != "" && !slices.Contains(r.Detail.Hints, HintNobody) {
			o.mail(r, MailClosed, args)
		}
		o.settleTicket(r)
	}
	if n == 0 {
		o.fail(c, "no request here is open")
		return
	}
	o.say("Closed; the person was told neutrally, with reasons and remedies. A late proof before the month ends opens it again.")
}

// doneByHand ends what the officer did by hand.
func (o *order) doneByHand(c tickets.Command) {
	r, what := o.pick(c, func(r *Request) bool {
		return (r.State == Review || r.State == Verified) && !r.Record.Verified.IsZero() && r.Right != Erasure
	})
	switch {
	case r == nil:
		return
	case r.Right == Rectification && what == "":
		o.fail(c, "write what was changed after it; the person gets these words")
		return
	}
	r.Record.Decided = o.now
	if r.Right == Rectification {
		o.mail(r, MailRectified, map[string]string{"fields": clip(what, maxWords)})
		o.job(JobTell, r, map[string]string{"what": string(Rectification)})
	}
	o.finish(r)
	o.say("%s is done.", r.No)
}

// liftAfter is how long before its end the lifting of a restriction is told.
const liftAfter = 7 * 24 * time.Hour

func (o *order) lift(c tickets.Command) {
	r, reason := o.pick(c, func(r *Request) bool {
		return (r.Right == Restriction || r.Right == Objection) && r.May(EdgeLifting) && r.Record.On.IsZero() && !slices.Contains(r.Record.Reminded, markLifted)
	})
	if r == nil {
		return
	}
	if r.Address == "" {
		o.fail(c, "what is known of the person was destroyed meanwhile")
		return
	}
	o.announceLifting(r, reason)
	o.say("%s: the person was told; the restriction ends on %s.", r.No, o.Rules.Calendar.Day(r.Record.On))
}

// announceLifting tells before a restriction is lifted (Article 18(3)).
func (t *turn) announceLifting(r *Request, reason string) {
	if !t.step(r, EdgeLifting, "", nil) {
		return
	}
	r.Record.On = t.now.Add(liftAfter)
	args := map[string]string{"on": t.Rules.Calendar.Day(r.Record.On)}
	if reason != "" {
		args["reason"] = reason
	}
	t.mail(r, MailLifting, args)
}

// convert makes a request of a mail in an ordinary ticket, with the clock from
// when the customer's mail arrived (P10), or says what an unclear one asks for.
func (o *order) convert(c tickets.Command) {
	right, ok := RightOf(c.Arg)
	if !ok {
		o.fail(c, "the rights are access, portability, erasure, rectification, restriction, objection and withdraw")
		return
	}
	if o.in.Ticket == nil {
		o.fail(c, "this command belongs in an answer to a notification")
		return
	}
	if len(o.in.Requests) > 0 || o.in.Ticket.QueueID == o.queue.ID {
		o.convertHere(c, right)
		return
	}
	asks := o.in.Asks
	if asks == nil || asks.AuthorPerson == nil || asks.AuthorPerson.Address == "" {
		o.fail(c, "there is no customer's message here whose sender could be asked")
		return
	}
	if i := slices.IndexFunc(o.in.Open, func(r *Request) bool { return r.Right == right }); i >= 0 {
		o.say("This right is being exercised already: %s.", describe(o.in.Open[i], o.Rules.Calendar))
		return
	}
	o.ch.Tickets = append(o.ch.Tickets, o.in.New)
	o.ch.Events = append(o.ch.Events, &tickets.Event{Ticket: o.in.New, At: o.now, Kind: "created", Actor: tickets.ActorAgent, ActorID: o.in.Agent.ID, Message: o.in.Message,
		Data: map[string]string{"why": "privacy", "from": o.in.Ticket.Ref}})
	r := o.newRequest(right, o.in.New, asks.AuthorPerson.Address, asks.AuthorPerson.Name, o.in.New.Language, asks.Received)
	r.Detail.Words, r.Detail.InReply, r.Detail.Aligned = clip(asks.Text, maxWords), asks.MessageID, asks.Proof == "aligned"
	o.begin(r, asks.Text)
	o.report(Officers(o.dir), o.in.New, "A request from "+o.in.Ticket.Ref+": "+r.No, officerText(r, o.Rules.Calendar)+"\n\nHanded over by "+o.in.Agent.Name+".")
	o.say("%s: handed over to the privacy officer as a request for %s; the clock counts from %s, when the customer's mail came. Answer the customer about everything else here.",
		r.No, right, o.Rules.Calendar.Day(r.Received))
}

// begin starts a request that somebody else than the person's mail opened.
func (t *turn) begin(r *Request, text string) {
	switch {
	case r.Right == ConsentWithdrawal || r.Right == Objection && NamesMarketing(text):
		t.step(r, EdgeExecuting, "", nil)
		t.step(r, EdgeEffective, "", nil)
		act := consent.Withdrawn
		if r.Right == Objection {
			act = consent.Objected
		}
		if entry := consent.Withdraw(nil, consent.Entry{Org: r.Org, Address: r.Address, Act: act, Channel: "agent", Language: r.Language, At: t.now}); entry != nil {
			t.ch.Also = append(t.ch.Also, entry)
		}
		t.stopped(r, 0)
	default:
		if r.Right == Rectification && len(r.Detail.Changes) == 0 {
			r.Detail.Changes = Corrections(text, r.Address)
		}
		t.ask([]*Request{r}, 0)
	}
}

// convertHere says what a mail in the privacy queue asks for, or that it asks
// for one thing more.
func (o *order) convertHere(c tickets.Command, right Right) {
	if !o.Decides(o.dir, o.in.Agent) {
		o.fail(c, "only the privacy officer decides on requests")
		return
	}
	for _, r := range o.in.Requests {
		if r.Right == right && !r.State.Final() && !r.Detail.Unsure {
			o.fail(c, "%s exists already", describe(r, o.Rules.Calendar))
			return
		}
	}
	for _, r := range o.in.Requests {
		if !r.State.Final() && (r.Detail.Unsure || slices.Contains(r.Detail.Hints, HintAutomatic)) && (r.Right == "" || r.Right == right) {
			if n := o.clarify(r, right); n != nil {
				o.begin(n, n.Detail.Words)
				o.say("%s is a request for %s now; the person is asked to prove the mailbox where that is needed.", n.No, right)
				return
			}
		}
	}
	received, language, words := o.in.Ticket.Created, o.in.Ticket.Language, ""
	if o.in.Asks != nil {
		received, words = o.in.Asks.Received, o.in.Asks.Text
	}
	p := o.in.Ticket.Requester()
	if p == nil || p.Address == "" {
		o.fail(c, "nobody in this ticket has an address to ask")
		return
	}
	r := o.newRequest(right, o.in.Ticket, p.Address, p.Name, language, received)
	r.Detail.Words = clip(words, maxWords)
	o.begin(r, words)
	o.say("%s: a request for %s was opened; the clock counts from %s.", r.No, right, o.Rules.Calendar.Day(received))
}
