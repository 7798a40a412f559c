package privacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"postroom/consent"
	"postroom/tickets"
)

// Answer is a mail that came to the secret address of a question.
type Answer struct {
	Hash      []byte // of the secret
	Message   *tickets.Message
	From      string // the canonical address of the author
	Aligned   bool   // SPF or DKIM proves it
	Automatic bool   // an automatic reply or a bounce: it never says yes
	Coded     bool   // the secret was typed as a code, which says yes as the word does
	Text      string // what the writer wrote now, without quotes
	Now       time.Time
}

// Answered decides on an answer to a question. It returns nil when the mail
// gives no consent and declines none: a question back, a word from another
// mailbox, an automatic reply. Such a mail is a case for the officer.
//
// A yes counts only from the mailbox that was asked, proved, by the word alone
// on its first line, to the very words that were asked. Where those have
// changed or the time is over, a yes is asked anew.
func (c *Consents) Answered(ctx context.Context, v View, a Answer) (*tickets.Change, error) {
	tok, err := v.TokenByHash(ctx, a.Hash)
	if err != nil || tok == nil || tok.Kind != TokenAgree || tok.Address == "" {
		return nil, err
	}
	open, err := v.ConsentByID(ctx, tok.Consent)
	if err != nil || open == nil || open.Address == "" {
		return nil, err
	}
	p := c.Rules.Purpose(open.Purpose)
	if p == nil || a.Automatic || !a.Aligned || tickets.FoldAddress(a.From) != tickets.FoldAddress(tok.Address) {
		return nil, nil
	}
	agrees, clear := consent.Read(a.Text, p.Express(open))
	if a.Coded && !clear && !p.Express(open) {
		agrees, clear = true, true
	}
	if !clear {
		return nil, nil
	}
	entries, err := v.ConsentsOf(ctx, open.Org, open.Address)
	if err != nil {
		return nil, err
	}
	a.Message.ThreadReason = "the answer to a question for consent"
	now := a.Now.Truncate(time.Microsecond)
	ch := &tickets.Change{Messages: []*tickets.Message{a.Message}}
	if !tok.Used.IsZero() {
		a.Message.ThreadReason = "a question for consent answered a second time"
		return ch, nil
	}
	ch.Also = append(ch.Also, &UseToken{Hash: a.Hash, At: now})
	e, err := p.Answer(entries, open, consent.Reply{From: a.From, Agrees: agrees, Channel: "mail", Receipt: a.Message.Receipt, At: now})
	late := now.After(tok.Expires)
	switch {
	case agrees && (late || errors.Is(err, consent.ErrChanged)):
		return c.anew(ctx, v, ch, p, entries, open, now)
	case errors.Is(err, consent.ErrChanged):
		return ch, nil // a no where nothing stands
	case err != nil:
		return nil, nil
	}
	ch.Also = append(ch.Also, e)
	return ch, c.follows(ctx, v, ch, p, open, e, now)
}

// anew asks again, since the person says yes to what can no longer be agreed
// to. The parent is asked anew only with the child.
func (c *Consents) anew(ctx context.Context, v View, ch *tickets.Change, p *consent.Purpose, entries []consent.Entry, open *consent.Entry, now time.Time) (*tickets.Change, error) {
	e, err := p.Ask(entries, consent.Who{Org: open.Org, Address: open.Address, Language: open.Language, Lacks: open.Lacks, Guardian: open.Guardian,
		Channel: "mail", Wished: true}, now)
	if err != nil || open.Act != consent.Asked {
		return ch, nil // it stands already, or nothing is left to ask
	}
	to, err := c.person(ctx, v, open.Org, open.Address, now)
	if err != nil {
		return nil, err
	}
	ch.Also = append(ch.Also, e)
	return ch, c.challenge(ctx, v, ch, p, e, to, now)
}

// follows writes what an answer causes.
func (c *Consents) follows(ctx context.Context, v View, ch *tickets.Change, p *consent.Purpose, open, e *consent.Entry, now time.Time) error {
	whom := e.Address
	if e.Act == consent.Pending && strings.Contains(e.Lacks, consent.LacksParent) {
		whom = e.Guardian
	}
	to, err := c.person(ctx, v, e.Org, whom, now)
	if err != nil {
		return err
	}
	switch {
	case whom != e.Address:
		return c.challenge(ctx, v, ch, p, e, to, now)
	case e.Act == consent.Pending:
		return c.tellOfficers(ctx, v, ch, p, e)
	case e.Act == consent.Granted:
		return c.Given(ctx, v, ch, p, e, to)
	case e.Act == consent.Withdrawn:
		return c.stopped(ctx, v, ch, e, to)
	}
	return nil
}

// Given confirms a consent, with the words it was given to and the way to
// withdraw it, and makes the token that withdraws.
func (c *Consents) Given(ctx context.Context, v View, ch *tickets.Change, p *consent.Purpose, e *consent.Entry, to *tickets.Person) error {
	stop, _ := c.Unsubscribe(e)
	hash, _ := c.StopForm(stop)
	ch.Also = append(ch.Also, &Token{Hash: hash, Kind: TokenStop, Entry: e, Scope: e.WordingHash, Address: e.Address, Made: e.At})
	args := map[string]string{"purpose": p.Label(e.Language), "wording": words(p.Wording(e)), "stop": stop}
	return c.write(ctx, v, ch, MailConsent, e.Language, args, to, "", e)
}

// tellOfficers asks the privacy officers to review a consent of special data.
func (c *Consents) tellOfficers(ctx context.Context, v View, ch *tickets.Change, p *consent.Purpose, e *consent.Entry) error {
	d, err := v.Directory(ctx)
	if err != nil {
		return err
	}
	q := d.QueueByAddress(c.Address)
	if q == nil {
		return errors.New("there is no queue of the privacy address")
	}
	for _, a := range d.Agents {
		if !a.Active || a.Role != tickets.RolePrivacy {
			continue
		}
		ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Org: e.Org, Kind: tickets.OutReport, MessageID: tickets.NewMessageID(q.ReplyDomain), To: a.Address, ToAgent: a.ID,
			About: []string{e.Address}, QueueID: q.ID, Spec: tickets.OutSpec{Subject: "A consent waits for your review: " + p.Name, ReplyTo: c.Addr.Command(q, a.ID),
				Text: fmt.Sprintf(reviewText, e.Address, p.Label(e.Language), e.Version, e.Language, e.Receipt, quote(words(p.Wording(e))), p.Name, e.Address, p.Name, e.Address)}})
	}
	return nil
}

const reviewText = `%s has consented to “%s” (wording %s, %s), which needs an express statement and your review, because it concerns special categories of data (Article 9 GDPR). Until you have looked at it, it does not stand and nothing is sent.

The answer that proves it has the receipt %s. These were the words:

%s

If it was given freely and knowing what it is about, reply to this mail with this on the first line:

#consent approve %s %s

If not:

#consent refuse %s %s
`

func quote(s string) string { return "| " + strings.ReplaceAll(s, "\n", "\n| ") }

// Review carries out the officer's decision.
func (c *Consents) Review(ctx context.Context, v View, org int64, address, purpose string, approve bool, channel, receipt string, now time.Time) (*tickets.Change, error) {
	p := c.Rules.Purpose(purpose)
	if p == nil {
		return nil, ErrPurpose
	}
	entries, err := v.ConsentsOf(ctx, org, address)
	if err != nil {
		return nil, err
	}
	e, err := p.Review(entries, approve, channel, receipt, now.Truncate(time.Microsecond))
	if err != nil {
		return nil, err
	}
	ch := &tickets.Change{Also: []tickets.Extra{e}}
	if e.Act != consent.Granted {
		return ch, nil
	}
	to, err := c.person(ctx, v, org, e.Address, now)
	if err != nil {
		return nil, err
	}
	return ch, c.Given(ctx, v, ch, p, e, to)
}

// Stop is a withdrawal: of one purpose, or with an empty one of all.
type Stop struct {
	Org      int64
	Address  string // the data subject's
	Purpose  string
	Object   bool // also an objection (Article 21(2)): it holds where there never was a consent
	Channel  string
	Receipt  string
	Language string
	Now      time.Time
}

// Stop adds the withdrawal to a change, in which it works from its commit on,
// and confirms it to the person. It needs no proof (Article 7(3)). One that
// changes nothing is not confirmed either, so that nobody can be flooded.
func (c *Consents) Stop(ctx context.Context, v View, ch *tickets.Change, s Stop) error {
	if s.Address == "" {
		return nil
	}
	entries, err := v.ConsentsOf(ctx, s.Org, s.Address)
	if err != nil {
		return err
	}
	w := consent.Entry{Org: s.Org, Address: s.Address, Purpose: s.Purpose, Act: consent.Withdrawn, Language: s.Language, Channel: s.Channel,
		Receipt: s.Receipt, At: s.Now.Truncate(time.Microsecond)}
	if s.Object {
		w.Act = consent.Objected
	}
	e := consent.Withdraw(entries, w)
	if e == nil {
		return nil
	}
	if p := c.Rules.Purpose(e.Purpose); p != nil {
		e.Purpose = p.Name
	}
	to, err := c.person(ctx, v, s.Org, s.Address, s.Now)
	if err != nil {
		return err
	}
	if e.Language == "" {
		e.Language = lastLanguage(entries, to)
	}
	ch.Also = append(ch.Also, e)
	return c.stopped(ctx, v, ch, e, to)
}

func lastLanguage(entries []consent.Entry, to *tickets.Person) string {
	for _, e := range slices.Backward(entries) {
		if e.Language != "" {
			return e.Language
		}
	}
	return to.Language
}

// stopped confirms a withdrawal.
func (c *Consents) stopped(ctx context.Context, v View, ch *tickets.Change, e *consent.Entry, to *tickets.Person) error {
	args := map[string]string{}
	if p := c.Rules.Purpose(e.Purpose); p != nil {
		args["purpose"] = p.Label(e.Language)
	}
	return c.write(ctx, v, ch, MailStopped, e.Language, args, to, "", nil)
}

// StopByToken withdraws what the secret of a mail stands for, by mail or by one
// click. done is false when there is no such token. Used tokens work again: a
// withdrawal is the same however often it is said.
func (c *Consents) StopByToken(ctx context.Context, v View, ch *tickets.Change, hash []byte, s Stop) (done bool, err error) {
	tok, err := v.TokenByHash(ctx, hash)
	if err != nil || tok == nil || tok.Kind != TokenStop || tok.Address == "" {
		return false, err
	}
	e, err := v.ConsentByID(ctx, tok.Consent)
	if err != nil || e == nil || e.Address == "" {
		return false, err
	}
	s.Org, s.Address, s.Purpose, s.Language = e.Org, e.Address, e.Purpose, e.Language
	return true, c.Stop(ctx, v, ch, s)
}
