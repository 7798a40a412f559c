package main

import (
	"postroom/internal/config"
	"postroom/internal/mailtext"
)

// privacyTexts are the words of the privacy desk's mails.
func privacyTexts(cfg *config.Config) (*mailtext.PrivacyMails, error) {
	return mailtext.NewPrivacyMails(mailtext.PrivacyDesk{Controller: cfg.Hostname, Contact: cfg.Privacy.Address}, nil)
}
