package main

import (
	"time"

	"postroom/internal/config"
	"postroom/internal/mailtext"
	"postroom/privacy"
	"postroom/tickets"
)

// privacyRules are what the configuration says, in the privacy desk's terms.
func privacyRules(cfg *config.Config) privacy.Rules {
	p := &cfg.Privacy
	return privacy.Rules{Address: p.Address, Automatic: p.Automatic(), Cooling: time.Duration(p.CoolingOff), Deputy: p.Deputy, Many: p.ManyCases,
		Keep: time.Duration(p.KeepRecord), Calendar: privacy.Calendar{Zone: p.Location(), Country: p.Country}, Duties: privacyDuties(p)}
}

// privacyDuties are what laws oblige to keep; their periods are counted in the
// controller's zone.
func privacyDuties(p *config.Privacy) (list []privacy.Duty) {
	zone := p.Location()
	for _, d := range p.Duty {
		list = append(list, privacy.Duty{Queue: d.Queue, Tag: d.Tag, Ground: d.Ground, Law: d.Law,
			Keep: func(received time.Time) time.Time { return d.Keep.Until(received.In(zone)) }})
	}
	return list
}

// newPrivacyDesk makes the decisions on requests of data subjects, and the
// words of its mails.
func newPrivacyDesk(cfg *config.Config, addr tickets.Addresses) (*privacy.Desk, *mailtext.PrivacyMails, error) {
	texts, err := privacyTexts(cfg)
	if err != nil {
		return nil, nil, err
	}
	show := func(m privacy.Mail, language string, args map[string]string) string {
		mail, err := texts.Compose(language, string(m), args)
		if err != nil {
			return "" // ground and facts are shown alone
		}
		return "Subject: " + mail.Subject + "\n\n" + mail.Text
	}
	return &privacy.Desk{Rules: privacyRules(cfg), Addr: addr, Show: show}, texts, nil
}
