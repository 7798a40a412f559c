package privacy

import (
	"slices"
	"strings"
	"time"

	"postroom/tickets"
)

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
	if r.taken() {
		o.fail(c, "the new address is known here as a person of its own, and two people are not put together; ask the person to exercise the right from each address, and write \"#done <what was said>\" or \"#refuse 16\"")
		return
	}
	if len(r.Detail.Changes) == 0 {
		o.fail(c, "write \"#approve name: New Name\" or \"#approve address: new@example.org\"; for anything else change it and write \"#done <what was changed>\"")
		return
	}
	for _, fix := range r.Detail.Changes {
		if fix.Field == "address" && o.ours(fix.New) {
			o.fail(c, "%s belongs to this desk or to an agent, so nobody is asked there; write \"#approve address: new@example.org\" with an address of the person's own, or \"#refuse 16\"", fix.New)
			return
		}
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

// draft gives a mail as the person would get it.
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
