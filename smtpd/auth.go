package smtpd

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-sasl"
)

const (
	maxAuthFailures = 3 // in a session
	maxCredential   = 1024
)

// offersAuth: on submission, under TLS (RFC 8314 section 3.3), or on loopback if
// the operator says so.
func (f *front) offersAuth() bool {
	if f.role == RoleMX {
		return false
	}
	return f.tls != "" || f.srv.cfg.AllowPlainAuth && f.remote.IsLoopback()
}

// authenticate takes AUTH (RFC 4954); the engine runs the exchange.
func (f *front) authenticate(arg string) (forward string, ok bool) {
	mech, _, _ := strings.Cut(arg, " ")
	var r *reply
	switch {
	case f.role == RoleMX:
		r = say(502, 5, 5, 1, "no AUTH here")
	case f.helo == "":
		r = say(503, 5, 5, 1, "EHLO first")
	case !f.offersAuth():
		r = say(538, 5, 7, 11, "encryption required: STARTTLS first")
	case f.agent != 0:
		r = say(503, 5, 5, 1, "authenticated already")
	case f.mailOpen:
		r = say(503, 5, 5, 1, "not within a mail")
	case mech == "":
		r = say(501, 5, 5, 4, "expected a mechanism")
	case !strings.EqualFold(mech, sasl.Plain) && !strings.EqualFold(mech, sasl.Login):
		r = say(504, 5, 5, 4, "mechanism not supported")
	case f.authFailed >= maxAuthFailures:
		r = say(421, 4, 7, 0, "too many failures")
	}
	if r != nil {
		f.say(r)
		return "", false
	}
	return "AUTH " + arg, true
}

// login asks the Authenticator. Every failure looks the same, whether the name
// exists or not, and takes AuthDelay longer.
func (f *front) login(user, password string) error {
	if !utf8.ValidString(user) || !utf8.ValidString(password) || user == "" ||
		len(user) > maxCredential || len(password) > maxCredential {
		return f.loginFailed(user)
	}
	if wait := f.srv.guard.blocked(f.srv.life, user, f.remote, f.exempt); wait > 0 {
		f.event(slog.LevelInfo, "login not tried", slog.Duration("blocked", wait))
		f.authFailed++
		f.pause(f.srv.cfg.AuthDelay)
		return say(454, 4, 7, 0, "too many failures, please try again later")
	}
	id, err := f.srv.auth.Authenticate(f.srv.life, user, password)
	switch {
	case err == nil && id > 0:
		f.agent = id
		f.srv.guard.succeeded(f.srv.life, user, f.remote)
		f.event(slog.LevelInfo, "logged in", slog.Int64("agent", id))
		return nil
	case err == nil || errors.Is(err, ErrCredentials):
		return f.loginFailed(user)
	default:
		f.event(slog.LevelError, "login not checked", causeField(err))
		return say(454, 4, 7, 0, "temporary authentication failure")
	}
}

func (f *front) loginFailed(user string) error {
	f.authFailed++
	f.srv.guard.failed(f.srv.life, user, f.remote, f.exempt)
	f.event(slog.LevelInfo, "login failed")
	f.pause(f.srv.cfg.AuthDelay)
	return say(535, 5, 7, 8, "wrong name or password")
}

// plainExchange is PLAIN (RFC 4616). An agent acts for nobody else.
type plainExchange struct{ s *session }

func (x *plainExchange) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil {
		return nil, false, nil
	}
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 {
		return nil, true, say(501, 5, 5, 2, "malformed PLAIN response")
	}
	user := string(parts[1])
	if as := string(parts[0]); as != "" && as != user {
		return nil, true, say(535, 5, 7, 8, "wrong name or password")
	}
	return nil, true, x.s.guarded("AUTH", func() error { return x.s.f.login(user, string(parts[2])) })
}

// loginExchange is LOGIN, which no RFC describes and older clients need.
type loginExchange struct {
	s     *session
	user  string
	asked bool
	named bool
}

func (x *loginExchange) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case !x.asked && response == nil:
		x.asked = true
		return []byte("Username:"), false, nil
	case !x.named:
		x.asked, x.named, x.user = true, true, string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, x.s.guarded("AUTH", func() error { return x.s.f.login(x.user, string(response)) })
}
