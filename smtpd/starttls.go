package smtpd

import "log/slog"

// upgrade takes STARTTLS (RFC 3207). What came in clear after it is thrown
// away, and a handshake that fails ends the connection.
func (f *front) upgrade(arg string) {
	switch {
	case f.srv.cfg.TLS == nil:
		f.say(say(502, 5, 5, 1, "no TLS here"))
		return
	case f.tls != "":
		f.say(say(503, 5, 5, 1, "TLS already"))
		return
	case arg != "":
		f.say(say(501, 5, 5, 4, "STARTTLS takes no parameter"))
		return
	case f.helo == "":
		f.say(say(503, 5, 5, 1, "EHLO first"))
		return
	}
	if !f.inStep() {
		f.event(slog.LevelWarn, "text in clear after STARTTLS thrown away")
		f.r, f.w = 0, 0
	}
	f.say(say(220, 2, 0, 0, "go ahead"))
	if f.flush() != nil || !f.startTLS() {
		f.closing, f.quiet = true, true
		return
	}
	f.handover = true
}
