package outbound

import (
	"regexp"
	"strings"
)

// replyPrefix are the words clients put before the subject of a reply.
var replyPrefix = regexp.MustCompile(`(?i)^(re|aw|antw|antwort|sv|vs|odp|res|rif|ynt|atb|bls|ref|回复|答复|返信|ответ|απ|vá|vl)(\[\d+\])?\s*[:：]\s*`)

// Subject gives a mail's subject: the ticket's reference in it once, at the
// end where it leaves the words in front readable, and one "Re:" at most.
func Subject(subject, ref string, reply bool) string {
	s := subject
	if ref != "" {
		s = regexp.MustCompile(`(?i)\s*\[#`+regexp.QuoteMeta(ref)+`\]`).ReplaceAllString(s, "")
	}
	s = cleanLine(s, 200)
	for {
		t := replyPrefix.ReplaceAllString(s, "")
		if t == s {
			break
		}
		s = t
	}
	if s == "" {
		s = "(no subject)"
	}
	if reply {
		s = "Re: " + s
	}
	if ref != "" {
		s += " [#" + ref + "]"
	}
	return strings.TrimSpace(s)
}
