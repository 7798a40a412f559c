package intake

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"postroom/internal/message"
	"postroom/privacy"
	"postroom/threading"
	"postroom/tickets"
)

// privacyMail is the way of a mail to the privacy address. Whatever the sender
// check says, it is kept, the officer sees it and the clock of the law runs;
// only what we write by ourselves depends on what is proved. It comes before
// every stricter rule of other ways.
func (in *Intake) privacyMail(ctx context.Context, v tickets.View, m *mail, to *destination) (*tickets.Change, error) {
	pv, ok := v.(privacy.View)
	if !ok {
		return nil, errors.New("the store keeps no privacy requests")
	}
	i, err := in.privacyIncoming(ctx, pv, m, to)
	if err != nil {
		return nil, err
	}
	if fwd := in.forwarded(to, m); fwd != nil {
		if err := in.privacyForwarded(ctx, pv, m, to, i, fwd); err != nil {
			return nil, err
		}
		return in.desk.Receive(*i), nil
	}
	hash, token, asked := in.privacyForm(m)
	typed := false
	if !token {
		if hash = privacy.CodeIn(m.above()); hash != nil {
			token, typed = true, true
		}
	}
	if token {
		r, err := in.privacyReply(ctx, pv, m, i, hash)
		if err != nil {
			return nil, err
		}
		if r.Request != nil {
			r.Typed = typed
			return in.desk.Answer(*r), nil
		}
	}
	i.Asked = asked
	if err := in.privacyTicket(ctx, pv, m, i); err != nil {
		return nil, err
	}
	return in.desk.Receive(*i), nil
}

// recognise reads what the writer wrote now, and where that says nothing what
// it may point at below.
func (in *Intake) recognise(m *mail) *privacy.Recognition {
	if r := in.recognised(m); r != nil || m.msg.Text == m.msg.Reply {
		return r
	}
	r := in.asksFor(m.msg.Subject, m.msg.Text)
	if r != nil {
		r.Sure, r.Doubt = false, true
	}
	return r
}

// privacyForwarded makes a request that an agent passed on one of its original
// sender, who is asked like anybody whose mail proved nothing.
func (in *Intake) privacyForwarded(ctx context.Context, v privacy.View, m *mail, to *destination, i *privacy.Incoming, fwd *message.Forward) error {
	sender, err := in.person(ctx, v, fwd.From)
	if err != nil || sender == nil {
		return err
	}
	c := &i.Mail
	c.Sender, c.By, c.Message.AuthorPerson = sender, to.agent, sender
	c.Message.From, c.Message.FromName, c.Message.Subject, c.Message.Proof = fwd.From.Address, fwd.From.Name, fwd.Subject, "agent"
	c.Message.Text, c.Message.Whole = clipText(fwd.Text, m.msg.Text), clipText(m.msg.Text, "")
	c.Decision = threading.Decision{Action: threading.New, Reason: "forwarded to the privacy address by agent " + strconv.FormatInt(to.agent.ID, 10)}
	c.Ticket, c.Message.ThreadReason = nil, c.Decision.Reason
	i.Said, i.Text, i.Aligned, i.Ours = privacy.Recognise(fwd.Subject, fwd.Text), fwd.Text, false, in.hosts(to.dir, tickets.Domain(fwd.From.Address))
	if i.Open, err = v.RequestsOf(ctx, tickets.DefaultOrg, sender.Address, true); err != nil {
		return err
	}
	if i.Consents, err = v.ConsentsOf(ctx, tickets.DefaultOrg, sender.Address); err != nil {
		return err
	}
	if err := in.privacyHistory(ctx, v, m, sender.Address, i); err != nil {
		return err
	}
	return in.privacyTicket(ctx, v, m, i)
}

// privacyForm reads the plus-form of the privacy address that was written to:
// a token's, or the name of a right. hash is nil where a token is damaged.
func (in *Intake) privacyForm(m *mail) (hash []byte, token bool, asked privacy.Right) {
	for _, a := range m.env.To {
		if !in.isPrivacy(a) {
			continue
		}
		local, _, _ := tickets.SplitAddress(a)
		_, tag, plus := strings.Cut(local, "+")
		if !plus {
			continue
		}
		if h, ok := privacy.TokenInTag(tag); ok {
			if hash == nil {
				hash = h
			}
			token = true
			continue
		}
		if form, _, _ := strings.Cut(tag, "."); asked == "" {
			asked, _ = privacy.RightOf(form) // stop.<secret> that was not known stops as well
		}
	}
	return hash, token, asked
}

// privacyIncoming gathers what every mail to the privacy address depends on.
func (in *Intake) privacyIncoming(ctx context.Context, v privacy.View, m *mail, to *destination) (*privacy.Incoming, error) {
	f := newFinder(v, to.dir, tickets.DefaultOrg)
	dec, err := threading.Resolve(ctx, in.evidence(m, to), f)
	if err != nil {
		return nil, err
	}
	dec = in.strictest(m, to, dec, f)
	sender, err := in.writer(ctx, v, m, to)
	if err != nil {
		return nil, err
	}
	said, text := in.letter(m)
	i := &privacy.Incoming{Directory: to.dir, Said: said, Text: text, Word: in.wordIn(m.above()),
		Aligned: !m.noFrom && (m.aligned || m.proof == "agent" || !in.cfg.CheckSenders), Machine: m.msg.Kind != message.KindMail,
		Ours: in.hosts(to.dir, tickets.Domain(m.from.Address)), Budget: func(aligned bool) bool { return in.mayChallenge(ctx, m, aligned) },
		Mail: tickets.Incoming{Message: m.toMessage(), Sender: sender, Queue: to.queue, Decision: dec, Ticket: f.hit[dec.TicketID], Language: language(m, sender),
			Index: m.msg.ThreadIndex, Aligned: m.aligned || m.proof == "agent", Automatic: m.msg.Kind == message.KindAutoReply,
			Bounce: m.msg.Kind == message.KindBounce, Bulk: m.msg.Bulk, Addr: in.addr, Now: m.env.Received}}
	i.Mail.Message.ThreadReason, i.Mail.Message.AuthorPerson = dec.Reason, sender
	if sender == nil {
		return i, nil
	}
	if i.Open, err = v.RequestsOf(ctx, tickets.DefaultOrg, sender.Address, true); err != nil {
		return nil, err
	}
	i.Open = slices.DeleteFunc(i.Open, func(r *privacy.Request) bool {
		return tickets.FoldAddress(r.Address) != tickets.FoldAddress(sender.Address) // only linked to it
	})
	if err := in.privacyHistory(ctx, v, m, sender.Address, i); err != nil {
		return nil, err
	}
	i.Consents, err = v.ConsentsOf(ctx, tickets.DefaultOrg, sender.Address)
	return i, err
}

// privacyHistory says since when the address is known, whether it was made the
// person's lately, and how many challenges to it were not answered.
func (in *Intake) privacyHistory(ctx context.Context, v privacy.View, m *mail, address string, i *privacy.Incoming) error {
	p, err := v.PersonByAddress(ctx, tickets.DefaultOrg, address)
	if err != nil {
		return err
	}
	if i.FirstSeen = (time.Time{}); p != nil {
		i.FirstSeen = p.Created
	}
	list, err := v.RequestsOf(ctx, tickets.DefaultOrg, address, false)
	if err != nil {
		return err
	}
	since := m.env.Received.Add(-24 * time.Hour)
	i.Changed = false
	for _, r := range list {
		if r.MovedTo(address, m.env.Received) {
			i.Changed = true
			if i.Aligned && r.Finished.After(since) {
				since = r.Finished.Add(time.Microsecond)
			}
		}
		// Who has just proved to be there is not flooded by being asked about
		// something else.
		if at := r.Record.Verified; i.Aligned && at.After(since) && tickets.FoldAddress(r.Address) == tickets.FoldAddress(address) {
			since = at.Add(time.Microsecond)
		}
	}
	i.Recent, err = v.ChallengesSince(ctx, tickets.DefaultOrg, address, since)
	return err
}

// mayChallenge asks the budget of challenges, once for a mail however often it
// is decided.
func (in *Intake) mayChallenge(ctx context.Context, m *mail, aligned bool) bool {
	if in.limit == nil {
		return true
	}
	if m.challengeBudget == nil {
		ok := in.ChallengeBudget(ctx, aligned)
		m.challengeBudget = &ok
	}
	return *m.challengeBudget
}

// ChallengeBudget takes one challenge from the budget of an hour, of which
// proved senders have their own; the clock of requests asks it, too.
func (in *Intake) ChallengeBudget(ctx context.Context, aligned bool) bool {
	key := "challenges"
	if aligned {
		key = "challenges:proved"
	}
	if in.limit == nil {
		return true
	}
	ok, _ := in.limit.Allow(ctx, key, in.desk.Rules.Budget(aligned), time.Hour)
	return ok
}

// privacyTicket finds the ticket of a request that a further mail is about:
// there is one open request of an address and a right (P8).
func (in *Intake) privacyTicket(ctx context.Context, v privacy.View, m *mail, i *privacy.Incoming) error {
	if a := i.Mail.Decision.Action; a == threading.Join && i.Mail.Ticket != nil && i.Mail.Ticket.QueueID == i.Mail.Queue.ID {
		return nil
	}
	var rights []privacy.Right
	switch {
	case i.Asked != "":
		rights = []privacy.Right{i.Asked}
	case i.Said != nil:
		rights = i.Said.Rights
	}
	var open *privacy.Request
	for _, r := range i.Open {
		if slices.Contains(rights, r.Right) || open == nil && (len(rights) == 0 || r.Right == "") {
			open = r
		}
		if slices.Contains(rights, r.Right) {
			break
		}
	}
	if open == nil || i.Machine && len(rights) == 0 {
		return nil
	}
	t, err := v.TicketByID(ctx, open.TicketID)
	if err == nil {
		in.into(i, t, "an open request of this address")
	}
	return err
}

// recognised is what the mail asks for as a privacy request, nil if nothing. It
// is read once, however often the mail is decided on.
func (in *Intake) recognised(m *mail) *privacy.Recognition {
	if !m.asked {
		m.asked, m.request = true, in.asksFor(m.msg.Subject, m.msg.Reply)
	}
	return m.request
}

// asksFor is what the words ask for, without those of our own mails, which
// come back in answers and not always marked as quoted.
func (in *Intake) asksFor(subject, text string) *privacy.Recognition {
	r := privacy.Recognise(subject, text)
	if r == nil || in.foreign == nil {
		return r
	}
	s, rest := in.foreign(subject, text)
	if len(rest) == len(text) {
		return r
	}
	return privacy.Recognise(s, rest)
}

// mayBeRequest lets the job that tells the agents of an ordinary mail look
// whether somebody exercises a right in it, so that they can hand it over
// (P10): nobody waits for that with the sender. Spam is looked at, too.
func (in *Intake) mayBeRequest(ch *tickets.Change, m *mail, msg *tickets.Message) {
	if m.msg.Kind != message.KindMail || m.msg.Bulk || msg.Ticket == nil || m.env.Via == tickets.ViaImport {
		return
	}
	i := slices.IndexFunc(ch.Jobs, func(j *tickets.Job) bool { return j.Kind == "notify" && j.Message == msg })
	if i < 0 {
		i = len(ch.Jobs)
		ch.Jobs = append(ch.Jobs, &tickets.Job{Kind: "notify", Ticket: msg.Ticket, Message: msg, RunAt: m.env.Received, Data: map[string]string{"quiet": "yes"}})
	}
	if ch.Jobs[i].Data == nil {
		ch.Jobs[i].Data = map[string]string{}
	}
	ch.Jobs[i].Data["look"] = "request"
}
