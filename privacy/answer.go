package privacy

import (
	"slices"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// Reply is a mail that answers something we asked: it came to a token's
// address, or holds a code that was typed.
type Reply struct {
	Incoming
	Token    *Token        // nil when there is no such token: truncated, or made up
	Request  *Request      // of the token; without a token the open request of this address that waits for a proof; nil if none
	Siblings []*Request    // all requests of that ticket
	Typed    bool          // the code was typed by hand, which needs no word beside it
	Factor   func() string // the second factor on file as it stands there, too, empty if it does not; asked when all else is right; nil: none is on file
}

// Answer says what follows from an answer. What does not come from the mailbox
// that was asked, proved, by a person, in time and whole has no effect but that
// the original address may be asked once more (P3).
func (d *Desk) Answer(in Reply) *tickets.Change {
	t := d.turn(&in.Incoming)
	t.siblings = in.Siblings
	r, k, from := in.Request, in.Token, in.address()
	if in.moves() && in.Mail.Sender.ID == 0 {
		// It becomes the address of the person of the request, not another's.
		in.Mail.Sender, in.Mail.Message.AuthorPerson = nil, nil
	}
	t.keepMail(&in.Incoming)
	if r == nil || in.Machine {
		return t.ch // kept for the officer; it proves nothing and is not answered
	}
	switch {
	case k == nil:
		t.failed(&in, r, "unknown")
	case !k.Used.IsZero():
		t.step(r, EdgeNoted, in.Mail.Message.Receipt, map[string]string{"why": "used"})
		t.failed(&in, r, "used")
	case tickets.FoldAddress(from) != tickets.FoldAddress(k.Address):
		t.failed(&in, r, "address")
	case !k.Expires.IsZero() && t.now.After(k.Expires):
		t.failed(&in, r, "late")
	case !in.Typed && !in.says(k):
		t.failed(&in, r, "word")
	case !in.Aligned:
		t.failed(&in, r, "unaligned")
	default:
		t.accept(&in, r, k)
	}
	t.schedule()
	return t.ch
}

// moves reports whether the answer comes from the address that a correction is
// to put in the place of the person's.
func (in *Reply) moves() bool {
	return in.Token != nil && in.Token.Kind == TokenLink && in.Request != nil && in.Request.Right == Rectification && in.Mail.Sender != nil &&
		slices.ContainsFunc(in.Request.Detail.Changes, func(f Fix) bool {
			return f.Field == "address" && tickets.FoldAddress(f.New) == tickets.FoldAddress(in.Mail.Sender.Address)
		})
}

// says reports whether the answer has the word that the token asks for.
func (in *Reply) says(k *Token) bool {
	switch k.Kind {
	case TokenCancel: // STOP is as plain to this question; in doubt nothing is erased
		return in.Word == SaysCancel || in.Word == SaysStop
	case TokenAgain:
		if string(k.Scope) == plainScope {
			return in.Word == SaysConfirm
		}
		return in.Word == SaysAgain || in.Word == SaysPlain
	}
	return in.Word == SaysConfirm
}

// plainScope marks the token that answers the warning before an archive is
// sent without encryption.
const plainScope = "plain"

// use marks the token; another mail with it changes nothing.
func (t *turn) use(k *Token) { t.ch.Also = append(t.ch.Also, &UseToken{Hash: k.Hash, At: t.now}) }

// accept carries out what a good answer says.
func (t *turn) accept(in *Reply, r *Request, k *Token) {
	switch k.Kind {
	case TokenProof:
		t.proved(in, r, k)
	case TokenLink:
		t.linked(in, r, k)
	case TokenCancel:
		if t.step(r, EdgeCancelled, "", nil) {
			t.use(k)
			t.mail(r, MailCancelled, nil)
			t.settleTicket(r)
		}
	case TokenAgain:
		t.again(in, r, k)
	}
}

// failed is an answer that cannot count. The first one gets a fresh challenge,
// to the address that was asked and no other; after the second the officer has
// the case (Articles 12(2), 12(6)). Nothing is refused.
func (t *turn) failed(in *Reply, r *Request, why string) {
	// Only a proof is asked for again: a token that cancels, or fetches an
	// archive, stays good until it is used or over.
	if in.Token != nil && in.Token.Kind != TokenProof {
		t.step(r, EdgeNoted, in.Mail.Message.Receipt, map[string]string{"why": why})
		return
	}
	if r.State == Expired && in.Aligned && why == "late" && t.now.Before(r.Due) {
		t.step(r, EdgeRevived, in.Mail.Message.Receipt, nil)
		t.challenge([]*Request{r}, MailAgain)
		return
	}
	waiting := waitingWith(r, in.Siblings)
	if !slices.Contains(waiting, r) || !t.step(r, EdgeFailed, in.Mail.Message.Receipt, map[string]string{"why": why}) {
		return
	}
	for _, w := range waiting {
		w.Record.Tries++
		t.touch(w)
	}
	switch {
	case r.Record.Tries == 1:
		t.challenge(waiting, MailAgain)
	case r.Record.Tries >= maxTries:
		hint := HintTries
		if why == "unaligned" {
			hint = HintUnaligned
		}
		first := r.State != Review
		for _, w := range waiting {
			t.toOfficer(w, hint)
		}
		if first {
			t.report(Officers(t.dir), t.ticketOf(r), "No proof by mail: "+r.No, otherProofs(r))
		}
	}
}

// waitingWith are the requests of a ticket that wait for the same proof.
func waitingWith(r *Request, siblings []*Request) []*Request {
	var out []*Request
	for _, s := range append([]*Request{r}, siblings...) {
		if s.ID == r.ID && s != r && r.ID != 0 || slices.Contains(out, s) {
			continue
		}
		if s.May(EdgeVerified) && s.Record.Asked > 0 && tickets.FoldAddress(s.Address) == tickets.FoldAddress(r.Address) {
			out = append(out, s)
		}
	}
	return out
}

// proved is the answer that proves the mailbox: for the requests the token was
// made for, as they were then.
func (t *turn) proved(in *Reply, r *Request, k *Token) {
	var list []*Request
	for _, w := range waitingWith(r, in.Siblings) {
		if k.covers(w) {
			list = append(list, w)
		}
	}
	if len(list) == 0 {
		t.failed(in, r, "scope")
		return
	}
	t.use(k)
	for _, w := range list {
		t.verify(in, w)
	}
	t.proceedAll(list, in.Siblings, &facts{firstSeen: in.FirstSeen, changed: in.Changed, consents: in.Consents})
}

// verify takes the edge of the proof, and notes a second factor that came with
// it.
func (t *turn) verify(in *Reply, r *Request) {
	t.step(r, EdgeVerified, "", nil)
	r.Record.AskAt = time.Time{}
	if in.Factor == nil {
		return
	}
	factor := in.Factor()
	r.Record.Factor = factor != ""
	if r.Right == Access || r.Right == Portability {
		r.Detail.Secret, r.Detail.Made = factor, false // opens the archive
	}
}

// linked is the proof of a further address: from now on the request covers it.
func (t *turn) linked(in *Reply, r *Request, k *Token) {
	for i := range r.Detail.Others {
		l := &r.Detail.Others[i]
		if tickets.FoldAddress(l.Address) != tickets.FoldAddress(k.Address) || !l.Proved.IsZero() {
			continue
		}
		if !t.step(r, EdgeProved, itoa(int64(i)), nil) {
			if t.step(r, EdgeNoted, in.Mail.Message.Receipt, map[string]string{"why": "late"}) {
				t.report(Officers(t.dir), t.ticketOf(r), "Not covered: "+r.No, "A further address was confirmed when this request had been decided. The request does not cover it; a new one from that address does: \"#privacy <right>\" in an answer to this person's mail, or \"postroom privacy open\".")
			}
			return
		}
		l.Proved = t.now
		t.use(k)
		t.linkOthers(in, r, l.Address)
		t.mail(r, MailLinked, map[string]string{"address": l.Address})
		switch {
		case r.Right != Rectification || r.State != Verified:
		case in.moves(): // still with a sender: somebody is known under it
			t.decide(r, HintTaken)
		default:
			t.rectify(r)
		}
		return
	}
}

// linkOthers takes the proved address into the other requests of the ticket
// that it was proposed for.
func (t *turn) linkOthers(in *Reply, r *Request, address string) {
	for _, s := range in.Siblings {
		if s.ID == r.ID || s.State.Final() || tickets.FoldAddress(s.Address) != tickets.FoldAddress(r.Address) {
			continue
		}
		for i := range s.Detail.Others {
			if l := &s.Detail.Others[i]; tickets.FoldAddress(l.Address) == tickets.FoldAddress(address) && l.Proved.IsZero() && t.step(s, EdgeProved, itoa(int64(i)), nil) {
				l.Proved = t.now
			}
		}
	}
}

// again sends an archive once more, or asks back before it goes without
// encryption.
func (t *turn) again(in *Reply, r *Request, k *Token) {
	switch {
	case !r.Record.Dropped.IsZero() || r.Record.Parts == 0:
		t.step(r, EdgeNoted, in.Mail.Message.Receipt, map[string]string{"why": "gone"})
		t.report(Officers(t.dir), t.ticketOf(r), "Asked for again: "+r.No, "The archive of this request was asked for again, after it was deleted here. A new request makes a new one: \"#privacy access\".")
	case in.Word == SaysPlain:
		t.use(k)
		t.warnPlain(r)
	case string(k.Scope) == plainScope:
		t.use(k)
		r.Record.Unsealed = true
		t.rebuild(r)
	default:
		t.use(k)
		t.rebuild(r)
	}
}

// warnPlain says what it means to do without encryption, and asks.
func (t *turn) warnPlain(r *Request) {
	k, replyTo, code := NewToken(TokenAgain, r, r.Address, t.Rules.Address, t.now)
	k.Scope = []byte(plainScope)
	t.ch.Also = append(t.ch.Also, k)
	t.mail(r, MailPlain, map[string]string{"code": code, "until": t.Rules.Calendar.Day(k.Expires)}).Spec.ReplyTo = replyTo
}

// rebuild makes and sends the archive anew. How often is bounded: it is large.
func (t *turn) rebuild(r *Request) {
	if r.Detail.Again >= maxAgain || !t.step(r, EdgeAgain, itoa(int64(r.Detail.Again)), nil) {
		t.report(Officers(t.dir), t.ticketOf(r), "Asked for again: "+r.No, "The archive of this request was asked for more often than it is sent by itself. #approve sends it once more.")
		return
	}
	r.Detail.Again++
	r.Record.Delivered = time.Time{}
	t.job(JobArchive, r, map[string]string{"again": itoa(int64(r.Detail.Again))})
}

// maxAgain is how often an archive is sent anew without the officer.
const maxAgain = 3

// facts are what a decision after the proof depends on beside the request.
type facts struct {
	firstSeen time.Time
	changed   bool
	consents  []consent.Entry
}
