package smtpd

import (
	"errors"
	"strings"

	"github.com/emersion/go-smtp"

	"postroom/tickets"
)

// reply is what go-smtp sends as it stands, if it is returned unwrapped; also
// for 250, which it takes for the answer to DATA.
type reply = smtp.SMTPError

// say builds a reply with its enhanced status code (RFC 3463).
func say(code, class, subject, detail int, text string) *reply {
	return &reply{Code: code, EnhancedCode: smtp.EnhancedCode{class, subject, detail}, Message: text}
}

// replyOf is the one place where an error becomes an SMTP reply. What is not a
// refusal is temporary, and its text stays here.
func replyOf(err error) *reply {
	var r *reply
	if errors.As(err, &r) {
		return r
	}
	var refusal *tickets.Refusal
	if !errors.As(err, &refusal) {
		return say(451, 4, 3, 0, "temporary failure, please try again later")
	}
	text := publicText(refusal.Text)
	switch refusal.Reason {
	case tickets.RefuseUnknownRecipient:
		return say(550, 5, 1, 1, or(text, "no such mailbox here"))
	case tickets.RefuseRelay:
		return say(550, 5, 7, 1, or(text, "we do not relay"))
	case tickets.RefuseSender:
		return say(550, 5, 7, 1, or(text, "you may not send from this address"))
	case tickets.RefusePolicy:
		return say(550, 5, 7, 1, or(text, "refused by the policy of the sender's domain"))
	case tickets.RefuseOwnDomain:
		return say(550, 5, 7, 1, or(text, "mail from our own domain must be authenticated"))
	case tickets.RefuseMalformed:
		return say(550, 5, 6, 0, or(text, "the message is malformed"))
	case tickets.RefuseHeader:
		return say(552, 5, 3, 4, or(text, "the header is too large"))
	case tickets.RefuseTooLarge:
		return say(552, 5, 3, 4, or(text, "the message is too large"))
	case tickets.RefuseLoop:
		return say(554, 5, 4, 6, or(text, "the mail goes in a loop"))
	case tickets.RefuseBusy:
		return say(450, 4, 7, 1, or(text, "too many mails, please try again later"))
	case tickets.RefuseDiskFull:
		return say(452, 4, 3, 1, or(text, "no room at the moment, please try again later"))
	default:
		return say(451, 4, 3, 0, or(text, "temporary failure, please try again later"))
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// publicText makes one short line of printable ASCII (RFC 5321 section 4.2:
// textstring).
func publicText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, s)
	if len(s) > 400 {
		s = s[:400]
	}
	return strings.TrimSpace(s)
}

// isBad says whether a reply counts against the commands a session may get
// wrong: syntax and order, not a recipient or a mail refused on its merits.
func isBad(code int) bool {
	return code >= 500 && code <= 504 || code == 530 || code == 538 || code == 555
}
