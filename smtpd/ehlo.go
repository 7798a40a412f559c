package smtpd

import (
	"log/slog"
	"strconv"
	"strings"
)

const maxHelo = 255

// hello takes EHLO or HELO. The name is not checked against anything (RFC 5321
// section 4.1.4), but it must be one that a header and a log can hold.
func (f *front) hello(verb, arg string) (forward string, ok bool) {
	f.idle++
	name, _, _ := strings.Cut(arg, " ")
	if !isHelo(name) {
		f.say(say(501, 5, 5, 4, "a host name or address literal is needed"))
		return "", false
	}
	if f.enough(); f.closing {
		return "", false
	}
	if !f.inStep() {
		f.bad++ // RFC 2920: the client could not know that we do pipelining
		f.event(slog.LevelInfo, "did not wait for the EHLO reply")
	}
	f.helo = name
	return verb + " " + name, true
}

func isHelo(s string) bool {
	if s == "" || len(s) > maxHelo {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' || strings.IndexByte(`<>"\()`, s[i]) >= 0 {
			return false
		}
	}
	return true
}

// sayCapabilities is the answer to EHLO, or HELO, by our name (RFC 5321 section
// 4.1.1.1).
func (f *front) sayCapabilities() {
	cfg := &f.srv.cfg
	if f.verb == "HELO" {
		f.put("250 " + cfg.Hostname)
		return
	}
	size := "SIZE"
	if cfg.MessageBytes > 0 {
		size += " " + strconv.FormatInt(cfg.MessageBytes, 10)
	}
	lines := []string{cfg.Hostname, "PIPELINING", size}
	if cfg.TLS != nil && f.tls == "" {
		lines = append(lines, "STARTTLS")
	}
	if f.offersAuth() {
		lines = append(lines, "AUTH PLAIN LOGIN")
	}
	if cfg.Recipients > 0 {
		lines = append(lines, "LIMITS RCPTMAX="+strconv.Itoa(cfg.Recipients)) // RFC 9422
	}
	lines = append(lines, "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES")
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		f.put("250" + sep + l)
	}
}
