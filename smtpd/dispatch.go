package smtpd

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Between two mails a session may say so many commands that move nothing on,
// and be refused so often on the merits of what it asks for.
const (
	maxIdleCommands = 100
	maxRefused      = 2000
)

// dispatch decides what becomes of a command: answered here, or (ok) forwarded
// to the engine as the line returned.
func (f *front) dispatch(line string) (forward string, ok bool) {
	verb, arg, _ := strings.Cut(line, " ")
	verb, arg = strings.ToUpper(verb), strings.Trim(arg, " ")
	f.verb = verb
	if !utf8.ValidString(line) && verb != "MAIL" && verb != "RCPT" {
		f.say(say(500, 5, 5, 2, "not UTF-8"))
		return "", false
	}
	switch verb {
	case "MAIL":
		return f.mail(arg)
	case "RCPT":
		return f.rcpt(arg)
	case "DATA":
		return f.startData(arg)
	case "BDAT":
		return f.startBDAT(arg)
	case "EHLO", "HELO":
		return f.hello(verb, arg)
	case "AUTH":
		return f.authenticate(arg)
	case "STARTTLS":
		f.upgrade(arg)
		return "", false
	case "QUIT", "RSET", "NOOP", "VRFY", "EXPN", "HELP":
		f.idle++
		if f.enough(); f.closing {
			return "", false
		}
		return verb, true // its argument is nobody's business: VRFY 252, EXPN 502
	}
	f.verb = "" // what it said is no label for a metric
	f.say(say(500, 5, 5, 2, "command not recognised"))
	return "", false
}

// engineSays takes a line of the engine's reply and says it, or what stands for
// it, to the other side.
func (f *front) engineSays(line []byte) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) < 4 {
		return
	}
	code, err := strconv.Atoi(string(line[:3]))
	if err != nil || line[3] == '-' && f.verb == "EHLO" {
		return // its capabilities are not ours
	}
	if code == 354 {
		if _, chunked := f.data.(*bdatReader); !chunked {
			f.put("354 end with CR LF dot CR LF")
			f.flush() // whether or not Intake begins to read
		}
		return
	}
	if f.mute {
		f.mute = false
		return
	}
	f.count(code)
	switch {
	case code == 250 && (f.verb == "EHLO" || f.verb == "HELO"):
		f.sayCapabilities()
	case code == 250 && f.verb == "MAIL":
		f.put("250 2.1.0 sender ok")
	case code == 250 && f.verb == "RCPT":
		f.put("250 2.1.5 recipient ok")
	case f.verb == "AUTH" && code == 334:
		f.inAuth = true
		f.put(string(line))
	case f.verb == "AUTH" && code == 454 && bytes.HasSuffix(line, []byte("base64 data")):
		f.put("501 5.5.2 not base64") // RFC 4954 section 4
	default:
		f.put(string(line))
	}
	f.enough()
}

// inStep says that nothing has come behind a command that must be the last of
// its group (RFC 2920 section 3.1).
func (f *front) inStep() bool { return f.r == f.w }

// refuseData answers DATA. What came behind it without waiting for 354 may be a
// message, and is not to be read as commands: then the connection ends.
func (f *front) refuseData(r *reply) {
	f.say(r)
	if !f.inStep() {
		f.closing = true
	}
}
