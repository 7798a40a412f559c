package smtpd

import (
	"errors"
	"slices"
	"strings"
	"time"

	"postroom/tickets"
)

// rcpt takes RCPT TO: it parses the path; the engine parses the parameters and
// calls session.Rcpt.
func (f *front) rcpt(arg string) (forward string, ok bool) {
	if !f.mailOpen {
		f.say(say(503, 5, 5, 1, "MAIL first"))
		return "", false
	}
	path, params, r := pathAndParams(arg, "TO:")
	if r == nil {
		_, r = checkParams(params, []string{"NOTIFY", "ORCPT"})
	}
	if r == nil && strings.EqualFold(path, "postmaster") {
		path = "postmaster@" + f.srv.cfg.Hostname // RFC 5321 section 4.5.1
	}
	if r == nil {
		r = f.takePath(path, false)
	}
	if r != nil {
		f.say(r)
		return "", false
	}
	return strings.TrimRight("RCPT TO:<"+enginePath(path)+"> "+params, " "), true
}

// addRecipient is the part of RCPT TO that follows when its syntax is right.
func (f *front) addRecipient() error {
	cfg := &f.srv.cfg
	if cfg.Recipients > 0 && len(f.env.To) >= cfg.Recipients {
		return say(452, 4, 5, 3, "too many recipients") // RFC 5321 section 4.5.3.1.10
	}
	err := f.srv.intake.CheckRecipient(f.srv.life, &f.env, f.path)
	if err != nil {
		return f.unknownRecipient(err)
	}
	if !slices.Contains(f.env.To, f.path) {
		f.env.To = append(f.env.To, f.path)
	}
	return nil
}

// unknownRecipient makes guessing of addresses slow, for strangers: the first is answered at
// once, as anyone may mistype, unless the network has been guessing before. After
// MaxUnknown the session takes no further mail, but ends the present one, which
// may have a recipient that we know.
func (f *front) unknownRecipient(err error) error {
	var refusal *tickets.Refusal
	if f.agent != 0 || !errors.As(err, &refusal) || refusal.Reason != tickets.RefuseUnknownRecipient {
		return err
	}
	cfg := &f.srv.cfg
	f.unknown++
	if cfg.MaxUnknown > 0 && f.unknown > unknownInOneMail*cfg.MaxUnknown {
		return say(421, 4, 7, 0, "too many unknown recipients")
	}
	if (f.unknown > 1 || f.networkGuesses()) && cfg.Tarpit > 0 && !f.exempt {
		f.pause(cfg.Tarpit)
	}
	return err
}

// unknownInOneMail times MaxUnknown are too many even for one mail; after
// unknownPerHour of a network each of its guesses is slow.
const (
	unknownInOneMail = 5
	unknownPerHour   = 20
)

func (f *front) networkGuesses() bool {
	if f.srv.lim == nil || f.exempt {
		return false
	}
	ok, _ := f.srv.lim.Allow(f.srv.life, "unknown:"+f.srv.cfg.Pseudonym(f.network.String()), unknownPerHour, time.Hour)
	return !ok
}
