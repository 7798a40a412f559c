package intake

import (
	"context"
	"strings"

	"postroom/internal/mailtext"
	"postroom/privacy"
	"postroom/threading"
	"postroom/tickets"
)

// privacyReply gathers what an answer depends on. Its Request is nil where the
// mail answers nothing that we know of: then it is a mail like others.
func (in *Intake) privacyReply(ctx context.Context, v privacy.View, m *mail, i *privacy.Incoming, hash []byte) (*privacy.Reply, error) {
	r := &privacy.Reply{Incoming: *i}
	r.Machine = r.Machine || m.msg.Bulk // passed on by a list, it proves nothing
	if hash != nil {
		k, err := v.TokenByHash(ctx, hash)
		if err != nil {
			return nil, err
		}
		if k != nil && (k.Kind == privacy.TokenAgree || k.Kind == privacy.TokenStop) {
			return r, nil // about a consent: no try at the proof of a request
		}
		if k != nil && k.RequestID != 0 {
			r.Token = k
			if r.Request, err = v.RequestByID(ctx, k.RequestID); err != nil {
				return nil, err
			}
		}
	}
	if r.Request == nil {
		r.Token = nil
		for _, o := range i.Open {
			if o.May(privacy.EdgeVerified) && o.Record.Asked > 0 && !o.Detail.Unsure {
				r.Request = o
				break
			}
		}
	}
	if r.Request == nil {
		return r, nil
	}
	var err error
	if r.Siblings, err = v.RequestsOfTicket(ctx, r.Request.TicketID); err != nil {
		return nil, err
	}
	for n, s := range r.Siblings {
		if s.ID == r.Request.ID {
			r.Siblings[n] = r.Request // one value for one row
		}
	}
	t, err := v.TicketByID(ctx, r.Request.TicketID)
	if err != nil {
		return nil, err
	}
	in.into(&r.Incoming, t, "the answer to a question of the privacy desk")
	if r.Request.Address != "" {
		if err := in.privacyHistory(ctx, v, m, r.Request.Address, &r.Incoming); err != nil {
			return nil, err
		}
		if r.Consents, err = v.ConsentsOf(ctx, tickets.DefaultOrg, r.Request.Address); err != nil {
			return nil, err
		}
	}
	kept, err := v.SecondFactor(ctx, tickets.DefaultOrg, r.Request.Address)
	if err == nil && kept != nil {
		r.Factor = func() string { return m.secondFactor(kept) }
	}
	return r, err
}

// into puts a mail into a ticket of the privacy queue: as the person's where
// that is proved, else for the officer's eyes only.
func (in *Intake) into(i *privacy.Incoming, t *tickets.Ticket, why string) {
	if t == nil {
		return
	}
	d := threading.Decision{Action: threading.Unverified, TicketID: t.ID, Reason: why}
	if s := i.Mail.Sender; s != nil {
		if p := t.PartyByAddress(s.Address); p != nil {
			d.PartyNo = p.No
			if i.Aligned {
				d.Action = threading.Join
			}
		}
	}
	i.Mail.Decision, i.Mail.Ticket, i.Mail.Message.ThreadReason = d, t, why
}

// above is what the writer put above all quotation. A mail of which nothing
// else is there is read as its quotation; what our own mail says there is no
// answer to it (P3).
func (m *mail) above() string {
	whole := make(map[string]bool)
	for line := range strings.SplitSeq(m.msg.Text, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, ">") {
			whole[line] = true
		}
	}
	top := privacy.TopLines(m.msg.Reply)
	for n, line := range top {
		if !whole[line] {
			return strings.Join(top[:n], "\n")
		}
	}
	return strings.Join(top, "\n")
}

// secondFactor tries the first lines of an answer as a second factor: at most
// three, since each try is made slow on purpose, and once for a mail.
func (m *mail) secondFactor(kept []byte) string {
	if m.factor == nil {
		found := ""
		for n, line := range privacy.TopLines(m.above()) {
			if n < 3 && privacy.CheckFactor(kept, line) {
				found = line
				break
			}
		}
		m.factor = &found
	}
	return *m.factor
}

// wordIn finds a word that our mails ask for, alone on one of the first lines,
// in any language.
func (in *Intake) wordIn(reply string) privacy.Word {
	for _, line := range privacy.TopLines(reply) {
		if w, ok := in.words[mailtext.FoldWord(line)]; ok {
			return w
		}
	}
	return ""
}

// privacyWords is what can be typed, folded.
func privacyWords() map[string]privacy.Word {
	words := map[string]privacy.Word{}
	for _, w := range []struct {
		word mailtext.Word
		says privacy.Word
	}{{mailtext.WordStop, privacy.SaysStop}, {mailtext.WordAgain, privacy.SaysAgain}, {mailtext.WordPlain, privacy.SaysPlain},
		{mailtext.WordConfirm, privacy.SaysConfirm}, {mailtext.WordCancel, privacy.SaysCancel}} {
		for _, s := range mailtext.Words(w.word) {
			words[s] = w.says
		}
	}
	return words
}
