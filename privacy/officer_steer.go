package privacy

import (
	"slices"
	"strings"
	"time"

	"postroom/tickets"
)

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
	if !ok || strings.ContainsAny(address, " ,;") || o.ours(address) {
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
		o.fail(c, "that address is covered already, or was asked today, or no request here is open and still undecided")
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
