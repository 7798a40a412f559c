package message

import (
	"regexp"
	"strings"
)

// report is a delivery report read from its human-readable text. Hundreds of
// servers word it their own way, yet all in the same order: that it failed,
// whom it was for, what the far server said, the returned mail. So one reader
// goes by that order and by the look of lines rather than by vendor.
type report struct {
	rcpts      []rcpt
	lines      []string // before the returned mail
	lower      []string // the same in lower case
	scores     []int    // how much each looks like a far server's reply
	rest       []string // the returned mail, if it is in the text
	opening    bool     // words of failure were found
	code       bool     // an SMTP reply or status of class 4 or 5 was found
	returned   bool     // holds the returned mail or its headers
	delayed    bool
	delivered  bool
	machine    bool   // recipients come from machine-readable fields
	failedRcpt string // the first of X-Failed-Recipients
	id         string // original Message-ID, where a field gives it
}

// readReport reads the text of m.
func readReport(m *Message, h *marks) *report {
	r := &report{}
	text := bodyText(m)
	if strings.HasPrefix(text, "{") {
		if r.readNotice(text); r.machine {
			return r
		}
	}
	r.split(text)
	joined := r.joined()
	r.opening = hasAny(joined, openings)
	r.delayed = (hasAny(joined, delayWords) || delaySubject(m.Subject)) && !hasAny(joined, finalWords)
	r.delivered = !r.opening && hasAny(joined, deliveredWords)
	for _, l := range r.lines {
		n := codeScore(l)
		r.lower = append(r.lower, strings.ToLower(l))
		r.scores = append(r.scores, n)
		r.code = r.code || n > 0
	}
	for i := range m.parts {
		if m.parts[i].inside || m.parts[i].typ == "message/rfc822" || m.parts[i].typ == "text/rfc822-headers" {
			r.returned = true
		}
	}
	r.returned = r.returned || len(r.rest) > 0
	r.findRecipients(m, h)
	if fields := statusLines(r.lines); fields != "" {
		r.addStatus(fields)
	}
	return r
}

// openings are words of failure, in lower case, on one line.
var openings = []string{
	"could not be delivered", "couldn't be delivered", "cannot be delivered", "can not be delivered", "can't be delivered", "could not deliver", "couldn't deliver", "cannot deliver", "can't deliver", "unable to deliver", "wasn't able to deliver", "was not able to deliver", "unable to send", "was not delivered", "were not delivered", "wasn't delivered", "not been delivered", "not be delivered", "has not been delivered", "undeliverable", "undelivered", "non-delivery", "nondelivery",
	"delivery failed", "delivery has failed", "delivery failure", "failed to deliver", "delivery to the following", "delivery of the following", "failed permanently", "failed addresses follow", "did not reach", "following address failed", "address(es) failed", "following addresses had", "following recipient", "following errors", "permanent fatal errors", "transient non-fatal errors", "had delivery problems", "had delivery errors", "delivery problems", "delivery error", "error delivering", "error occurred while", "errors occurred", "error while attempting", "error message below",
	"returned to sender", "returned to you", "returning message", "returning your", "is being returned", "being returned", "was returned", "has been returned", "could not be sent", "couldn't be sent", "mail delivery", "been rejected", "was rejected by", "were rejected", "has been blocked", "was undeliverable", "failure reasons", "failed recipient", "your message has been delayed", "message delayed", "has been delayed", "delivery delayed", "delivery status notification", "not yet been delivered", "requested action not taken", "message blocked", "blocked by our", "permanent error", "i'm afraid i wasn't able", "this is a permanent error", "will not try to redeliver", "recipient(s) below", "unsent message", "not listed in", "rejected your message", "message wasn't delivered", "address not found", "recipient inbox full", "message not delivered", "couldn't be found", "unknown user:", "user mailbox exceeds", "non-delivered information", "message you sent", "failed for the following", "delivery time expired", "invalid user address", "is not a member", "not a member of", "duplicated message-id", "did not like our", "rejected by a remote", "account is disabled", "technical report", "your mail sent on", "trouble delivering", "no valid recipients", "unable to relay", "rejected recipient",
	"konnte nicht zugestellt", "nicht zugestellt", "nicht übermittelt", "konnten nicht", "fehlgeschlagen", "unzustellbar", "n'a pas pu être", "n'ont pas pu", "n'a pas été", "échec", "non remis", "impossible de", "no se pudo entregar", "no se ha podido", "no pudo ser entregado", "non è stato possibile", "impossibile recapitare", "mancata consegna", "non è stato recapitato", "não pôde ser entregue", "não foi possível entregar", "não foi entregue", "kon niet worden", "niet worden afgeleverd", "kunne ikke", "kunde inte", "ei voitu toimittaa", "nie można", "nie mogła", "nelze doručit", "nebylo možné", "teslim edilemedi", "не может быть доставлено", "не удалось доставить", "не было доставлено", "не доставлено",
	"送信できません", "配信できません", "配達できません", "届けられません", "送信に失敗", "配送できません", "お届けできません", "エラーのため", "送信されませんでした", "宛先不明", "配信に失敗", "以下のメールアドレス", "无法投递", "投递失败", "被退回", "无法送达", "退信", "전송하지 못", "배달되지", "전송되지",
}

var delayWords = []string{
	"warning message only", "do not need to resend", "will be retried", "has been delayed", "not yet been delivered", "has not yet", "still trying", "will keep trying", "will continue to", "we will retry", "will try again", "delivery delayed", "delayed delivery", "no action is required on your part", "temporarily delayed", "this is just a warning", "is only a warning", "delivery attempts will continue", "transient non-fatal errors", "is taking longer", "server will attempt", "could not be delivered yet", "noch nicht zugestellt", "will be tried", "has been temporarily delayed", "delivery temporarily suspended", "will be made periodically", "delivery will continue", "being delayed", "is still in the queue", "weiterhin versucht",
}

// finalWords speak against a mere warning.
var finalWords = []string{
	"failed permanently", "permanent error", "permanent failure", "permanent fatal", "given up", "giving up", "gave up", "no further delivery attempts", "no longer be retried", "will not try to redeliver", "has been removed from the queue", "deleted from queue",
}

var deliveredWords = []string{
	"was successfully delivered", "successfully delivered", "has been delivered", "was delivered to", "been successfully relayed", "were relayed", "erfolgreich zugestellt", "delivered successfully", "successfully relayed", "successful delivery", "a été remis", "wurde zugestellt", "has been successfully", "relayed to the following",
}

func delaySubject(s string) bool {
	s = strings.ToLower(clip(s, 200))
	return strings.Contains(s, "(delay)") || strings.Contains(s, "delayed") || strings.HasPrefix(s, "warning: could not send") || strings.Contains(s, "verzögert") || strings.Contains(s, "transient")
}

// returnedWords begin the returned mail within the text, in lower case.
var returnedWords = []string{
	"this is a copy of", "below this line is", "below is a copy", "copy of the message", "copy of your message", "copy of the original", "original message follow", "original message header", "header of the original message", "headers of the original", "message headers follow", "message header follows", "original message -", "- original message", "-original message", "-----original", "original message:", "original mail as follows", "original mail -", "returned message -", "-- returned message", "returned message text", "unsent message", "message contents follow", "message header ---", "message headers --", "headers of message", "text of the message", "start of returned", "start of message", "rest of this message", "first part of the", "beginning of your message", "message text follow", "message body follow", "returned mail follows", "returned content", "original-message", "message follows", "message is attached", "header information of", "headers from your", "your original message", "your message follows", "message headers:", "message header:", "original header", "originalnachricht", "kopf der nachricht", "message d'origine", "message original", "en-têtes", "mensaje original", "messaggio originale", "mensagem original", "исходное сообщение", "copie du message", "kopie der", "オリジナルメッセージ", "元のメッセージ", "原始邮件", "including all the headers", "message header sent", "here is your message", "--- message ---", "included is a copy",
}

// headerStart finds the first line of a header section.
var headerStart = regexp.MustCompile(`^\s{0,8}(?i:Received|Return-Path|X-Received|DKIM-Signature|X-Envelope-From|X-Originating-IP|Mime-Version|X-Mailer|ARC-Seal): `)

// split parts the report from the returned mail.
func (r *report) split(text string) {
	n, cut := 0, false
	for line := range strings.Lines(text) {
		if n++; n > maxLines {
			return
		}
		line = strings.TrimRight(line, "\r\n \t")
		if !cut && len(r.lines) > 0 {
			if headerStart.MatchString(line) {
				cut = true
			} else if l := strings.ToLower(clip(line, 200)); l != "" && hasAny(l, returnedWords) && !strings.Contains(l, "could not") && !strings.Contains(l, "following recipient") {
				cut = true
				continue
			}
		}
		if cut {
			r.rest = append(r.rest, line)
		} else {
			r.lines = append(r.lines, line)
		}
	}
}

// joined is the report in lower case on one line, without quoted lines.
func (r *report) joined() string {
	var b strings.Builder
	for _, l := range r.lines {
		t := strings.TrimSpace(l)
		if strings.HasPrefix(t, ">") && !strings.HasPrefix(t, ">>>") {
			continue
		}
		b.WriteString(clip(t, maxProse))
		b.WriteByte(' ')
		if b.Len() > maxProse {
			break
		}
	}
	return strings.ReplaceAll(strings.ToLower(b.String()), "’", "'")
}

// statusLines returns the lines of machine-readable fields that some servers
// put into the text.
func statusLines(lines []string) string {
	for i, l := range lines {
		name, v, ok := fieldLine(strings.TrimSpace(l))
		if !ok || (name != "final-recipient" && name != "original-recipient") || !strings.Contains(v, "@") {
			continue
		}
		start := i
		for start > 0 && strings.TrimSpace(lines[start-1]) != "" {
			start--
		}
		var b strings.Builder
		for _, l := range lines[start:] {
			b.WriteString(strings.TrimSpace(l))
			b.WriteByte('\n')
		}
		return b.String()
	}
	return ""
}

// codeScore says how much a line looks like a far server's reply.
func codeScore(l string) int {
	if len(l) > 2000 {
		l = clip(l, 2000)
	}
	score := 0
	if e := findEnhanced(l); e != "" && e[0] != '2' && !strings.Contains(strings.ToLower(l), "version") {
		score += 3
	}
	if x := replyRE.FindStringSubmatchIndex(l); x != nil && l[x[2]] != '2' {
		rest := strings.TrimSpace(l[x[3]:])
		before := strings.TrimSpace(l[:x[2]])
		switch {
		case before == "" || strings.HasSuffix(before, ":") || strings.HasSuffix(before, "<<<") || strings.HasSuffix(before, "#") || strings.HasSuffix(before, ";"):
			score += 2
		case len(rest) > 8 && !strings.Contains(before, "@"):
			score++
		}
		if rest == "" && before != "" {
			score--
		}
	}
	return score
}

// diagnostic returns the far server's words among the lines from..to.
func (r *report) diagnostic(from, to int, addr string) string {
	best, at := 0, -1
	for i := from; i < to && i < len(r.lines); i++ {
		if r.scores[i] > best {
			best, at = r.scores[i], i
		}
	}
	if at < 0 || best < 2 {
		return ""
	}
	// A code alone on its line ends what the lines above it say.
	for code := at; at > from && at > code-3 && len(strings.TrimSpace(r.lines[at])) < 16 && strings.TrimSpace(r.lines[at-1]) != ""; {
		at--
	}
	var b strings.Builder
	for i := at; i < to && i < len(r.lines) && i < at+8; i++ {
		t := strings.TrimSpace(r.lines[i])
		if t == "" || i > at && (strings.HasPrefix(t, ">>>") || strings.HasPrefix(t, "---") || strings.HasPrefix(t, "***") || strings.HasPrefix(t, "===") || strings.HasPrefix(t, "___")) {
			break
		}
		b.WriteString(strings.TrimPrefix(t, "<<< "))
		b.WriteByte(' ')
	}
	s := strings.TrimSpace(b.String())
	// "host mx said: 550 …": the words in front are not the far server's.
	if x := replyRE.FindStringSubmatchIndex(clip(r.lines[at], 2000)); x != nil {
		t := strings.TrimPrefix(strings.TrimSpace(clip(r.lines[at], 2000)), "<<< ")
		if k := strings.Index(t, r.lines[at][x[2]:]); k > 0 && strings.HasSuffix(strings.TrimRight(t[:k], " '\"("), ":") && len(s) > k+8 {
			s = s[k:]
		}
	}
	return strings.TrimPrefix(s, "<"+addr+">: ")
}

// near returns the words beside and below the recipient's address, up to a
// blank line: where servers without reply codes say what was wrong.
func near(x *rcpt) string {
	addr := strings.ToLower(x.final)
	lines := strings.Split(x.text, "\n")
	for i, l := range lines {
		t := strings.TrimSpace(l)
		k := strings.Index(strings.ToLower(t), addr)
		if addr == "" || k < 0 || k+len(addr) > len(t) {
			continue
		}
		var b strings.Builder
		if after := strings.Trim(t[k+len(addr):], ">:\"'). "); len(after) > 8 {
			b.WriteString(after + " ")
		}
		for _, n := range lines[i+1:] {
			n = strings.TrimSpace(n)
			if n == "" || b.Len() > maxReason {
				break
			}
			b.WriteString(n + " ")
		}
		if s := strings.TrimSpace(b.String()); len(s) > 8 {
			return s
		}
	}
	return ""
}

// reasonText chooses the words to show where no code was found.
func (r *report) reasonText(x *rcpt) string {
	if x.diag != "" {
		return x.diag
	}
	if s := near(x); causeOf(s, false) != causeNone {
		return s
	}
	for _, l := range r.lines[:min(len(r.lines), 200)] { // else the line that tells the cause
		if t := strings.TrimSpace(l); len(t) > 8 && causeOf(t, true) != causeNone {
			return t
		}
	}
	if s := near(x); s != "" {
		return s
	}
	for _, l := range r.lines {
		if t := strings.TrimSpace(l); len(t) > 8 && (t[0] >= 0x80 || strings.Contains(t, " ")) && !strings.HasPrefix(t, "--") && !strings.HasPrefix(t, "**") {
			return t
		}
	}
	return ""
}

// bounce chooses the recipient to report: the first that failed for good,
// else that failed, was delayed, was delivered.
func (r *report) bounce(m *Message) *Bounce {
	if len(r.rcpts) == 0 {
		x := rcpt{text: strings.Join(r.lines, "\n"), diag: r.diagnostic(0, len(r.lines), "")}
		x.final = r.returnedTo(m)
		r.rcpts = append(r.rcpts, x)
	}
	var out *Bounce
	rank := -1
	for i := range r.rcpts {
		x := &r.rcpts[i]
		status, action, _ := r.verdict(x)
		score := 0
		switch {
		case action == "failed" && status[0] == '5':
			score = 3
		case action == "failed":
			score = 2
		case action == "delayed":
			score = 1
		}
		if score <= rank {
			continue
		}
		rank = score
		to := x.final
		if !strings.Contains(to, "@") || strings.ContainsAny(to, " |") { // a pipe or a file, not an address
			to = orElse(x.original, orElse(r.failedRcpt, to))
		}
		out = &Bounce{Recipient: to, Status: status, Action: action, Reason: clip(cleanWords(r.reasonText(x)), maxReason)}
		if score == 3 {
			break
		}
	}
	out.OriginalMessageID = r.originalID(m)
	return out
}

// cleanWords makes one line of printable text.
func cleanWords(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\n' || c == '\t' || c == '\r':
			return ' '
		case c < 0x20 || c >= 0x7f && c < 0xa0 || c >= 0x200b && c <= 0x200f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0xfeff:
			return -1
		}
		return c
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
