package intake

import (
	"context"
	"errors"
	"strings"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

// agentConsent decides about #consent and #withdraw in a ticket: the customer
// is asked, or said to an agent that it is over. What must not be asked is an
// error of the line, so that nothing of the mail is done.
func (in *Intake) agentConsent(ctx context.Context, v tickets.View, m *mail, am *tickets.AgentMail, c tickets.Command) error {
	pv, ok := v.(privacy.View)
	if _, _, _, review := tickets.ConsentReview(c); review && ok && in.consents != nil {
		return in.reviewConsent(ctx, pv, m, am, c)
	}
	if am.Ticket == nil || am.Ticket.Requester() == nil {
		return nil // said by the check of commands
	}
	who := am.Ticket.Requester()
	purpose, parent := tickets.ConsentArg(c)
	wrong := func(why string) error {
		am.Errors = append(am.Errors, &tickets.CommandError{Line: c.Line, Why: why})
		return nil
	}
	if in.consents == nil || !ok {
		return wrong("there are no purposes here to consent to")
	}
	p := in.consents.Rules.Purpose(purpose)
	all := c.Verb == tickets.VerbWithdraw && strings.EqualFold(purpose, "all")
	if p == nil && !all {
		return wrong("there is no purpose of that name in the configuration")
	}
	if am.Beside.Change == nil {
		am.Beside.Change = &tickets.Change{}
	}
	if c.Verb == tickets.VerbWithdraw {
		s := privacy.Stop{Org: am.Ticket.Org, Address: who.Address, Channel: "agent", Receipt: m.receipt, Language: who.Language, Now: am.Now}
		if p != nil {
			s.Purpose = p.Name
		}
		before := len(am.Beside.Change.Also)
		if err := in.consents.Stop(ctx, pv, am.Beside.Change, s); err != nil {
			return err
		}
		said := "It is withdrawn; nothing that rests on it leaves any more, and the customer is told."
		if len(am.Beside.Change.Also) == before {
			said = "It was withdrawn already."
		}
		am.Beside.Said, am.Beside.Data = append(am.Beside.Said, said), append(am.Beside.Data, map[string]string{"purpose": s.Purpose, "act": string(consent.Withdrawn)})
		return nil
	}
	ch, err := in.consents.Ask(ctx, pv, privacy.Question{Purpose: p.Name, Person: who, Who: consent.Who{Language: who.Language,
		Lacks: in.consents.Rules.Bars(am.Ticket.Tags), Guardian: parent, Channel: "agent"}}, am.Now)
	if why := refused(err); why != "" {
		return wrong(why)
	}
	if err != nil {
		return err
	}
	am.Beside.Change.Also = append(am.Beside.Change.Also, ch.Also...)
	am.Beside.Change.Outbox = append(am.Beside.Change.Outbox, ch.Outbox...)
	am.Beside.Said = append(am.Beside.Said, "The customer is asked about "+p.Name+"; it stands when the customer has answered.")
	am.Beside.Data = append(am.Beside.Data, map[string]string{"purpose": p.Name, "act": string(consent.Asked)})
	return nil
}

// reviewConsent is the privacy officer's decision, by mail.
func (in *Intake) reviewConsent(ctx context.Context, v privacy.View, m *mail, am *tickets.AgentMail, c tickets.Command) error {
	approve, purpose, address, _ := tickets.ConsentReview(c)
	if am.Agent.Role != tickets.RolePrivacy {
		am.Errors = append(am.Errors, &tickets.CommandError{Line: c.Line, Why: "only the privacy officer decides about that"})
		return nil
	}
	ch, err := in.consents.Review(ctx, v, tickets.DefaultOrg, address, purpose, approve, "agent", m.receipt, am.Now)
	if why := refused(err); why != "" {
		am.Errors = append(am.Errors, &tickets.CommandError{Line: c.Line, Why: why})
		return nil
	}
	if err != nil {
		return err
	}
	said, act := "The consent to "+purpose+" was not accepted.", consent.Declined
	if approve {
		said, act = "The consent to "+purpose+" stands now; the person gets a confirmation.", consent.Granted
	}
	if am.Beside.Change == nil {
		am.Beside.Change = &tickets.Change{}
	}
	am.Beside.Change.Also = append(am.Beside.Change.Also, ch.Also...)
	am.Beside.Change.Outbox = append(am.Beside.Change.Outbox, ch.Outbox...)
	am.Beside.Said = append(am.Beside.Said, said)
	am.Beside.Data = append(am.Beside.Data, map[string]string{"purpose": purpose, "act": string(act)})
	return nil
}

// refused gives the reason why something is not done; empty for errors that
// are nobody's fault.
func refused(err error) string {
	for _, e := range []error{consent.ErrBasis, consent.ErrWording, consent.ErrStands, consent.ErrAsked, consent.ErrWithdrawn, consent.ErrObjected, consent.ErrGuardian,
		consent.ErrNoReview, consent.ErrParentFirst, consent.ErrChanged, privacy.ErrPurpose} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	return ""
}
