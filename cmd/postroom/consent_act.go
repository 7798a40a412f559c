package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

type consentProveCmd struct {
	Address string `arg:"" help:"The person's mail address."`
	Purpose string `arg:"" help:"The purpose."`
	JSON    bool   `help:"As a JSON object."`
}

// proofJSON is the evidence of one consent (Article 7(1) GDPR).
type proofJSON struct {
	consentJSON
	Text      string      `json:"wording"`
	Statement string      `json:"statement,omitempty"`
	Listed    bool        `json:"wording_listed"` // the words with that hash are still configured
	Steps     []proofStep `json:"steps"`          // the question and every answer to it, oldest first
}

type proofStep struct {
	Act     string `json:"act"`
	At      string `json:"at"`
	Channel string `json:"channel,omitempty"`
	By      string `json:"by"`
	Receipt string `json:"receipt,omitempty"`
	Message int64  `json:"message,omitempty"` // postroom ticket raw prints it
}

func (cmd *consentProveCmd) Do(ctx context.Context, d *desk, s streams) error {
	p, err := d.purpose(cmd.Purpose)
	if err != nil {
		return err
	}
	var entries []consent.Entry
	if err := d.privacyView(ctx, func(v privacy.View) error {
		entries, err = v.ConsentsOf(ctx, tickets.DefaultOrg, cmd.Address)
		return err
	}); err != nil {
		return err
	}
	st := p.Standing(entries, d.now())
	if st.Entry == nil {
		return fmt.Errorf("the ledger has no consent of %s to %s: %s", cmd.Address, p.Name, st.Why)
	}
	j := proofJSON{consentJSON: toConsentJSON(st.Entry).standing(st), Steps: []proofStep{}}
	given := p.LastGrant(entries)
	if given == nil {
		given = st.Entry
	}
	j.Version, j.WordingHash, j.Language = given.Version, hex.EncodeToString(given.WordingHash), given.Language
	if w := p.Wording(given); w != nil {
		j.Text, j.Statement, j.Listed = w.Text, w.Statement, true
	}
	for i := range entries {
		e := &entries[i]
		if e.Purpose != "" && !strings.EqualFold(e.Purpose, p.Name) {
			continue
		}
		step, err := d.proofStep(ctx, e)
		if err != nil {
			return err
		}
		j.Steps = append(j.Steps, step)
	}
	if cmd.JSON {
		return printJSON(s.out, j)
	}
	fmt.Fprintf(s.out, "%s: consent to %s %s (%s)\n\n", cmd.Address, p.Name, map[bool]string{true: "stands", false: "does not stand"}[st.Stands], st.Why)
	fmt.Fprintf(s.out, "wording   version %s, %s\nsha256    %s\n", orDash(j.Version), orDash(j.Language), orDash(j.WordingHash))
	if j.Listed {
		fmt.Fprintf(s.out, "text      %s\n", strings.ReplaceAll(strings.TrimSpace(j.Text+"\n"+j.Statement), "\n", "\n          "))
	} else if j.WordingHash != "" {
		fmt.Fprintln(s.out, "text      no longer in the configuration, or changed since")
	}
	if j.Ends != "" {
		fmt.Fprintf(s.out, "ends      %s\n", toSecond(j.Ends))
	}
	fmt.Fprintln(s.out)
	for _, step := range j.Steps {
		fmt.Fprintf(s.out, "%s  %-9s  by %s, %s\n", toSecond(step.At), step.Act, step.By, orDash(step.Channel))
		if step.Receipt != "" {
			fmt.Fprintf(s.out, "                      receipt %s", step.Receipt)
			if step.Message != 0 {
				fmt.Fprintf(s.out, ": postroom ticket raw %d", step.Message)
			}
			fmt.Fprintln(s.out)
		}
	}
	return nil
}

// proofStep names who did it, and the message that shows it.
func (d *desk) proofStep(ctx context.Context, e *consent.Entry) (proofStep, error) {
	step := proofStep{Act: string(e.Act), At: stamp(e.At), Channel: e.Channel, Receipt: e.Receipt, By: "the person"}
	switch {
	case e.Act == consent.Asked:
		step.By = "the desk"
	case e.Act == consent.Expired:
		step.By = "time"
	case e.Channel == "command" || e.Channel == "agent":
		step.By = "the team"
	}
	if e.Receipt == "" {
		return step, nil
	}
	for _, a := range []string{e.Address, e.Guardian} {
		if a == "" {
			continue
		}
		id, err := d.store.MessageOf(ctx, e.Org, a, e.Receipt)
		if err != nil {
			return step, err
		}
		if id != 0 {
			step.Message = id
			if a == e.Guardian {
				step.By = "the parent"
			}
		}
	}
	return step, nil
}

type consentAskCmd struct {
	Purpose  string   `help:"What for." required:"" placeholder:"NAME"`
	Language string   `help:"Of the question; else the person's." placeholder:"CODE"`
	Parent   string   `help:"A parent's address, where the consent is a child's." placeholder:"ADDRESS"`
	Wished   bool     `help:"The person asked for it: ask also after a no, or a short time after the last question."`
	Address  []string `arg:"" help:"Who is asked."`
}

func (cmd *consentAskCmd) Do(ctx context.Context, d *desk, s streams) error {
	if _, err := d.purpose(cmd.Purpose); err != nil {
		return err
	}
	if err := ensurePrivacyQueue(ctx, d); err != nil {
		return err
	}
	failed := 0
	for _, address := range cmd.Address {
		if err := cmd.ask(ctx, d, address); err != nil {
			fmt.Fprintf(s.err, "%s: not asked: %v\n", address, err)
			failed++
			continue
		}
		fmt.Fprintf(s.out, "%s is asked about %s. An answer counts for seven days; silence is no consent.\n", address, cmd.Purpose)
	}
	if failed > 0 {
		return exitError(1)
	}
	return nil
}

func (cmd *consentAskCmd) ask(ctx context.Context, d *desk, address string) error {
	if _, domain, ok := tickets.SplitAddress(address); !ok || !strings.Contains(domain, ".") {
		return errors.New("this is no mail address")
	}
	lacks, err := d.barsOf(ctx, address)
	if err != nil {
		return err
	}
	_, err = d.applyPrivacy(ctx, func(v privacy.View) (*tickets.Change, error) {
		p, err := v.PersonByAddress(ctx, tickets.DefaultOrg, address)
		if err != nil {
			return nil, err
		}
		if p == nil {
			p = &tickets.Person{Org: tickets.DefaultOrg, Address: address, Created: d.now()}
		}
		who := consent.Who{Language: cmd.Language, Lacks: lacks, Guardian: cmd.Parent, Channel: "command", Wished: cmd.Wished}
		if who.Language == "" {
			who.Language = p.Language
		}
		return d.consents.Ask(ctx, v, privacy.Question{Purpose: cmd.Purpose, Person: p, Who: who}, d.now())
	})
	return err
}

// barsOf says what a consent of the person takes because of the tags of the
// person's tickets.
func (d *desk) barsOf(ctx context.Context, address string) (string, error) {
	var p *tickets.Person
	err := d.store.View(ctx, func(v tickets.View) (err error) {
		p, err = v.PersonByAddress(ctx, tickets.DefaultOrg, address)
		return err
	})
	if err != nil || p == nil {
		return "", err
	}
	list, err := d.store.TicketsOfPerson(ctx, p.ID)
	var tags []string
	for _, t := range list {
		tags = append(tags, t.Tags...)
	}
	return d.consents.Rules.Bars(tags), err
}

type consentReviewCmd struct {
	Purpose string `help:"What for." required:"" placeholder:"NAME"`
	Approve bool   `help:"It was given freely, expressly and knowing what it is about." xor:"decision" required:""`
	Refuse  bool   `help:"It was not." xor:"decision" required:""`
	Address string `arg:"" help:"Whose consent."`
}

func (cmd *consentReviewCmd) Do(ctx context.Context, d *desk, s streams) error {
	if _, err := d.purpose(cmd.Purpose); err != nil {
		return err
	}
	if err := ensurePrivacyQueue(ctx, d); err != nil {
		return err
	}
	if _, err := d.applyPrivacy(ctx, func(v privacy.View) (*tickets.Change, error) {
		return d.consents.Review(ctx, v, tickets.DefaultOrg, cmd.Address, cmd.Purpose, cmd.Approve, "command", "", d.now())
	}); err != nil {
		return err
	}
	if cmd.Approve {
		fmt.Fprintf(s.out, "The consent of %s to %s stands now, and is confirmed by mail.\n", cmd.Address, cmd.Purpose)
		return nil
	}
	fmt.Fprintf(s.out, "The consent of %s to %s was not accepted.\n", cmd.Address, cmd.Purpose)
	return nil
}

type consentWithdrawCmd struct {
	Purpose string `help:"Only this purpose; without it all of them." placeholder:"NAME"`
	Object  bool   `help:"An objection to marketing: the person is not asked again either."`
	Address string `arg:"" help:"Whose consent."`
}

func (cmd *consentWithdrawCmd) Do(ctx context.Context, d *desk, s streams) error {
	if cmd.Purpose != "" {
		if _, err := d.purpose(cmd.Purpose); err != nil {
			return err
		}
	}
	if err := ensurePrivacyQueue(ctx, d); err != nil {
		return err
	}
	ch, err := d.applyPrivacy(ctx, func(v privacy.View) (*tickets.Change, error) {
		ch := &tickets.Change{}
		return ch, d.consents.Stop(ctx, v, ch, privacy.Stop{Org: tickets.DefaultOrg, Address: cmd.Address, Purpose: cmd.Purpose, Object: cmd.Object,
			Channel: "command", Now: d.now()})
	})
	if err != nil {
		return err
	}
	if len(ch.Also) == 0 {
		fmt.Fprintf(s.out, "It was withdrawn already; nothing has changed.\n")
		return nil
	}
	fmt.Fprintf(s.out, "Withdrawn. From now on no mail that rests on it leaves; %s gets a confirmation.\n", cmd.Address)
	return nil
}

type consentSendCmd struct {
	textFile
	Purpose  string `help:"What for." required:"" placeholder:"NAME"`
	Subject  string `help:"The mail's subject." required:""`
	Queue    string `help:"From whose address; without it the first queue's." placeholder:"NAME"`
	Language string `help:"Only to those who consented in this language." placeholder:"CODE"`
	ID       string `name:"id" help:"Name of the mailing, of which nobody gets a second mail; without it, of the same subject and text." placeholder:"NAME"`
	Count    bool   `help:"Only say how many would get it; nothing is sent."`
}

// maxNews bounds the text of a mail to many.
const maxNews = 256 << 10

func (cmd *consentSendCmd) Do(ctx context.Context, d *desk, s streams) error {
	p, err := d.purpose(cmd.Purpose)
	if err != nil {
		return err
	}
	if p.Basis != consent.BasisConsent {
		return errors.New("there is no list of those who consented: this purpose rests on " + string(p.Basis))
	}
	text, err := io.ReadAll(io.LimitReader(s.in, maxNews+1))
	if err != nil {
		return err
	}
	if len(strings.TrimSpace(string(text))) == 0 || len(text) > maxNews {
		return fmt.Errorf("the text is empty or has more than %d bytes", maxNews)
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	m := privacy.Mailing{ID: cmd.ID, Purpose: p, Subject: cmd.Subject, Text: strings.ReplaceAll(string(text), "\r\n", "\n")}
	if m.Queue = senderQueue(dir, cmd.Queue, d.cfg.Privacy.Address); m.Queue == nil {
		return fmt.Errorf("there is no queue %q to send from", cmd.Queue)
	}
	sent, had := 0, 0
	now := d.now()
	err = d.store.Consents(ctx, tickets.DefaultOrg, func(e *consent.Entry) error {
		if e.Act != consent.Granted || e.Address == "" || !strings.EqualFold(e.Purpose, p.Name) || cmd.Language != "" && !strings.EqualFold(cmd.Language, e.Language) {
			return nil
		}
		var ch *tickets.Change
		var again bool
		send := func(v privacy.View) (_ *tickets.Change, err error) {
			ch, again, err = d.consents.Send(ctx, v, e, m, now)
			return ch, err
		}
		var err error
		if cmd.Count {
			err = d.privacyView(ctx, func(v privacy.View) error {
				_, err := send(v)
				return err
			})
		} else {
			_, err = d.applyPrivacy(ctx, send)
		}
		switch {
		case err != nil:
		case again:
			had++
		case ch != nil:
			sent++
		}
		return err
	})
	if cmd.Count {
		fmt.Fprintf(s.out, "%d consent to %s and would get it.\n", sent, p.Name)
		alreadyHad(s, had)
		return err
	}
	many := "mails are"
	if sent == 1 {
		many = "mail is"
	}
	fmt.Fprintf(s.out, "%d %s on the way, one to each who consents to %s. Each is checked again when it leaves.\n", sent, many, p.Name)
	alreadyHad(s, had)
	return err
}

func alreadyHad(s streams, n int) {
	if n > 0 {
		fmt.Fprintf(s.out, "%d have it from an earlier run and get no second one; --id names another mailing.\n", n)
	}
}

// senderQueue is the queue of that name, or the first that is not the privacy
// desk's.
func senderQueue(dir *tickets.Directory, name, privacyAddress string) *tickets.Queue {
	if name != "" {
		return dir.QueueByName(name)
	}
	for _, q := range dir.Queues {
		if tickets.FoldAddress(q.Address) != tickets.FoldAddress(privacyAddress) {
			return q
		}
	}
	return nil
}

// expireConsents writes into the ledger what has run out; mail is kept back on
// the date itself, whether or not this ran.
func (d *desk) expireConsents(ctx context.Context) error {
	now := d.now()
	return d.store.Consents(ctx, tickets.DefaultOrg, func(e *consent.Entry) error {
		if e.Act != consent.Granted || e.Ends.IsZero() || now.Before(e.Ends) || e.Address == "" {
			return nil
		}
		_, err := d.applyPrivacy(ctx, func(v privacy.View) (*tickets.Change, error) {
			entries, err := v.ConsentsOf(ctx, e.Org, e.Address)
			ch := &tickets.Change{}
			for _, gone := range d.consents.Rules.Expire(entries, now) {
				ch.Also = append(ch.Also, gone)
			}
			return ch, err
		})
		return err
	})
}

// expireEvery is how often the ledger is looked through for what has run out.
const expireEvery = time.Hour
