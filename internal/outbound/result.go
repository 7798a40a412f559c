package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"
)

// Class says what a try came to.
type Class int

// The classes. Unreachable is temporary, and says that other mails to the
// same destination need not try either for a moment.
const (
	Delivered Class = iota + 1
	Temporary
	Unreachable
	Permanent
)

// Result is what a try came to, and who said so. Host and Text may name people: they
// belong in the sealed row and in the report to the agents, never in a log.
type Result struct {
	Class  Class
	Status string // RFC 3463, x.y.z
	Code   int    // the SMTP reply code; 0 when no reply caused it
	Text   string // the far server's words, or ours, on one line
	Host   string // who said it; empty when it was us
	Phase  string // connect, greeting, hello, tls, auth, mail, rcpt, data, body, final, dns, compose
	TLS    string // version and cipher of the connection, empty in the clear
}

// phaseError is an error of a conversation with the place where it came up.
type phaseError struct {
	phase string
	host  string
	tls   string
	err   error
}

func (e *phaseError) Error() string { return e.phase + ": " + e.err.Error() }
func (e *phaseError) Unwrap() error { return e.err }

// earlyPhases are those in which nothing depends on the mail: another host of
// the same destination may do better.
var earlyPhases = map[string]bool{"connect": true, "greeting": true, "hello": true, "tls": true, "auth": true}

// classify turns an error into a result.
func classify(err error) Result {
	r := Result{Class: Temporary, Status: "4.0.0"}
	var pe *phaseError
	if errors.As(err, &pe) {
		r.Phase, r.Host, r.TLS = pe.phase, pe.host, pe.tls
	}
	var given *Result
	var se *smtp.SMTPError
	switch {
	case errors.As(err, &given):
		return *given
	case errors.As(err, &se):
		r.reply(se)
	case isTimeout(err):
		r.Status, r.Text = "4.4.2", "no answer in time while "+phaseWords[r.Phase]
		if r.Phase == "connect" {
			r.Status = "4.4.1"
		}
		r.Class = Unreachable
		if r.Phase == "data" || r.Phase == "body" || r.Phase == "final" {
			r.Class = Temporary
		}
	default:
		r.Status, r.Text = "4.4.2", "the connection failed while "+phaseWords[r.Phase]+": "+plainError(err)
		if earlyPhases[r.Phase] {
			r.Status, r.Class = "4.4.1", Unreachable
		}
	}
	return r
}

var phaseWords = map[string]string{
	"connect": "connecting", "greeting": "waiting for its greeting", "hello": "greeting it", "tls": "agreeing on encryption",
	"auth": "logging in", "mail": "naming the sender", "rcpt": "naming the recipient", "data": "asking to send",
	"body": "sending the mail", "final": "waiting for its confirmation", "": "talking to it",
}

// reply reads an SMTP reply. The first digit of the code decides (RFC 5321
// section 4.2.1); an enhanced code of another class is bent to it.
func (r *Result) reply(se *smtp.SMTPError) {
	r.Code, r.Text = se.Code, oneLine(se.Message, 500)
	class := 4
	if se.Code >= 500 && se.Code <= 599 {
		class, r.Class = 5, Permanent
	}
	sub := [2]int{0, 0}
	if e := se.EnhancedCode; e[0] > 0 {
		sub = [2]int{e[1], e[2]}
	} else if s, ok := basicStatus[se.Code]; ok {
		sub = s
	}
	switch {
	case r.Phase == "auth" || r.Phase == "tls" || se.Code == 530 || se.Code == 535 || se.Code == 538:
		// Our credentials or its TLS are wrong: that is no fault of the mail's.
		r.Class, class = Temporary, 4
	case earlyPhases[r.Phase] && se.Code != 521 && se.Code != 556:
		// A host that greets with 554 may have something against us today;
		// only 521 and 556 say that there is no mail here (RFC 7504).
		r.Class, class = Unreachable, 4
	case se.Code == 421 && r.Phase != "final":
		r.Class = Unreachable
	}
	if se.Code < 400 || se.Code > 599 {
		r.Class, class, sub = Temporary, 4, [2]int{5, 0}
		r.Text = "an answer that makes no sense: " + strconv.Itoa(se.Code) + " " + r.Text
	}
	r.Status = fmt.Sprintf("%d.%d.%d", class, clampSub(sub[0]), clampSub(sub[1]))
}

// basicStatus is for servers that give no enhanced code (RFC 5248, RFC 7504).
var basicStatus = map[int][2]int{
	421: {3, 2}, 450: {2, 0}, 451: {3, 0}, 452: {3, 1}, 455: {5, 4},
	500: {5, 2}, 501: {5, 4}, 502: {5, 1}, 503: {5, 1}, 521: {3, 2}, 550: {1, 1}, 551: {1, 6}, 552: {2, 2}, 553: {1, 3}, 554: {0, 0}, 556: {1, 10},
}

func clampSub(n int) int { return min(max(n, 0), 999) }

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &ne) && ne.Timeout())
}

// plainError says a network error in words that fit into a report: without our
// own addresses and ports.
func plainError(err error) string {
	var oe *net.OpError
	if errors.As(err, &oe) && oe.Err != nil {
		err = oe.Err
	}
	s := err.Error()
	if i := strings.LastIndex(s, "syscall: "); i >= 0 {
		s = s[i+9:]
	}
	return oneLine(s, 200)
}

// oneLine makes the far side's words safe to show: one line, valid UTF-8, no
// control or direction characters, at most max bytes.
func oneLine(s string, max int) string {
	s = strings.Join(strings.Fields(cleanText(s)), " ")
	if len(s) > max {
		s = strings.ToValidUTF8(s[:max], "") + "…"
	}
	return s
}

// fail makes an error of a result we came to ourselves.
func fail(class Class, status, text string) error {
	return &Result{Class: class, Status: status, Text: text}
}

// Error makes a result an error, for the ways inside this package.
func (r *Result) Error() string { return r.Status + " " + r.Text }
