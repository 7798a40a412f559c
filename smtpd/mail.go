package smtpd

import (
	"math"
	"strconv"
	"strings"
	"time"

	"postroom/tickets"
)

// mail takes MAIL FROM: it parses the path and SIZE; the engine parses the
// other parameters and calls session.Mail.
func (f *front) mail(arg string) (forward string, ok bool) {
	if r := f.mayMail(); r != nil {
		f.say(r)
		return "", false
	}
	path, params, r := pathAndParams(arg, "FROM:")
	if r == nil {
		params, r = f.mailParams(params)
	}
	if r == nil {
		r = f.takePath(path, true)
	}
	if r != nil {
		f.say(r)
		return "", false
	}
	f.idle++
	return strings.TrimRight("MAIL FROM:<"+enginePath(path)+"> "+params, " "), true
}

// mayMail says what keeps a transaction from beginning now.
func (f *front) mayMail() *reply {
	switch {
	case f.helo == "":
		return say(503, 5, 5, 1, "EHLO first")
	case f.srv.cfg.MaxUnknown > 0 && f.unknown > f.srv.cfg.MaxUnknown:
		return say(421, 4, 7, 0, "too many unknown recipients")
	case f.mailOpen:
		return say(503, 5, 5, 1, "a mail is already under way")
	case f.role != RoleMX && f.agent == 0 && !f.offersAuth():
		return say(530, 5, 7, 0, "STARTTLS first")
	case f.role != RoleMX && f.agent == 0:
		return say(530, 5, 7, 0, "authentication required")
	}
	return nil
}

func pathAndParams(arg, prefix string) (path, params string, r *reply) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", "", say(501, 5, 5, 4, "expected "+prefix+"<address>")
	}
	path, params, err := splitPath(arg[len(prefix):])
	if err != nil {
		return "", "", replyOf(err)
	}
	return path, params, nil
}

// enginePath is the path as the engine is shown it. It has been parsed here,
// and what the engine makes of it is not used (its parser takes the quotes off).
func enginePath(path string) string {
	if path == "" {
		return ""
	}
	return "path@parsed.invalid"
}

// mailParams checks the names of the parameters, keeps SIZE and SMTPUTF8, and
// returns what is left for the engine.
func (f *front) mailParams(params string) (rest string, r *reply) {
	f.utf8, f.size = false, 0
	known := []string{"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID"}
	if f.role != RoleMX {
		known = append(known, "AUTH") // RFC 4954 section 5
	}
	list, r := checkParams(params, known)
	if r != nil {
		return "", r
	}
	var left []string
	for _, p := range list {
		name, value, has := strings.Cut(p, "=")
		switch strings.ToUpper(name) {
		case "SIZE":
			if f.size, r = f.declaredSize(value); r != nil {
				return "", r
			}
			continue
		case "SMTPUTF8":
			if has {
				return "", say(501, 5, 5, 4, "SMTPUTF8 takes no value")
			}
			f.utf8 = true
		}
		left = append(left, p)
	}
	return strings.Join(left, " "), nil
}

// checkParams refuses unknown parameters (RFC 5321 section 4.1.1.11), and those
// said twice.
func checkParams(params string, known []string) ([]string, *reply) {
	list := strings.Fields(params)
	seen := make(map[string]bool, len(list))
	for _, p := range list {
		name, _, _ := strings.Cut(p, "=")
		name = strings.ToUpper(name)
		switch {
		case !contained(known, name):
			return nil, say(555, 5, 5, 4, "parameter not recognised")
		case seen[name]:
			return nil, say(501, 5, 5, 4, "parameter said twice")
		}
		seen[name] = true
	}
	return list, nil
}

func contained(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// declaredSize reads SIZE= (RFC 1870: up to 20 digits).
func (f *front) declaredSize(value string) (int64, *reply) {
	if value == "" || len(value) > 20 || strings.Trim(value, "0123456789") != "" {
		return 0, say(501, 5, 5, 4, "SIZE is not a number")
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		n = math.MaxInt64
	}
	if most := f.srv.cfg.MessageBytes; most > 0 && n > most {
		return 0, tooLarge()
	}
	return n, nil
}

func tooLarge() *reply { return say(552, 5, 3, 4, "the message is too large") }

// takePath parses a path into f.path; the null path stays empty.
func (f *front) takePath(path string, null bool) *reply {
	f.path = ""
	if path == "" && null {
		return nil
	}
	local, domain, err := ParsePath(path, f.utf8)
	if err != nil {
		return replyOf(err)
	}
	f.path = local + "@" + domain
	return nil
}

// openMail is the part of MAIL FROM that follows when its syntax is right.
func (f *front) openMail() error {
	env := tickets.Envelope{
		Via: f.via(), From: f.path, Remote: f.remote, Helo: f.helo, TLS: f.tls,
		AgentID: f.agent, Received: f.srv.cfg.Now(), UTF8: f.utf8, Size: f.size,
	}
	if r := f.diskFull(f.size); r != nil {
		return r
	}
	if r := f.overRate(&env); r != nil {
		return r
	}
	if err := f.srv.intake.CheckSender(f.srv.life, &env); err != nil {
		return err
	}
	f.env, f.mailOpen = env, true
	f.expires = time.Now().Add(f.srv.cfg.Timeouts.Transaction)
	return nil
}

func (f *front) via() tickets.Via {
	if f.role == RoleMX {
		return tickets.ViaMX
	}
	return tickets.ViaSubmission
}

// diskFull says whether a mail of this size would leave too little room. Not to
// know is to have too little.
func (f *front) diskFull(size int64) *reply {
	cfg := &f.srv.cfg
	if cfg.DiskFree == nil || cfg.MinFreeBytes <= 0 {
		return nil
	}
	free, err := cfg.DiskFree()
	if err != nil || free < cfg.MinFreeBytes || free-size < cfg.MinFreeBytes {
		return say(452, 4, 3, 1, "no room at the moment, please try again later")
	}
	return nil
}

// overRate counts the mail against its network and its sender.
func (f *front) overRate(env *tickets.Envelope) *reply {
	cfg, lim := &f.srv.cfg, f.srv.lim
	if lim == nil || f.exempt {
		return nil
	}
	if n := cfg.MailsPerNetworkHour; n > 0 {
		if ok, _ := lim.Allow(f.srv.life, "mail:network:"+cfg.Pseudonym(f.network.String()), n, time.Hour); !ok {
			return say(450, 4, 7, 1, "too many mails from your network, please try again later")
		}
	}
	if n := cfg.MailsPerSenderHour; n > 0 {
		sender := strings.ToLower(env.From)
		if env.AgentID != 0 {
			sender = "agent " + strconv.FormatInt(env.AgentID, 10)
		}
		if sender == "" {
			sender = "null " + f.network.String() // bounces of one host, not of the world
		}
		if ok, _ := lim.Allow(f.srv.life, "mail:sender:"+cfg.Pseudonym(sender), n, time.Hour); !ok {
			return say(450, 4, 7, 1, "too many mails from this sender, please try again later")
		}
	}
	return nil
}
