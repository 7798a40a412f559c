package main

import (
	"postroom/internal/config"
	"postroom/internal/mailtext"
)

// privacyTexts are the words of the privacy desk's mails. It fails where the
// operator's own words lack what the law wants said.
func privacyTexts(cfg *config.Config) (*mailtext.PrivacyMails, error) {
	texts := map[string]map[string]mailtext.PrivacyText{}
	for lang, mails := range cfg.Privacy.Texts {
		texts[lang] = map[string]mailtext.PrivacyText{}
		for mail, t := range mails {
			texts[lang][mail] = mailtext.PrivacyText{Subject: t.Subject, Text: t.Text}
		}
	}
	return mailtext.NewPrivacyMails(mailtext.PrivacyDesk{Controller: cfg.Privacy.Controller, Contact: cfg.Privacy.Address,
		DPO: cfg.Privacy.DPO, Authority: cfg.Privacy.Authority, Language: cfg.Privacy.Language}, texts)
}
