package message

import (
	"strings"
)

// Caps on what one report is searched for; what is beyond them is ignored.
const (
	maxReport     = 64 << 10 // bytes of report text
	maxLines      = 1500     // lines of report text
	maxRecipients = 32       // recipients of one report
	maxReason     = 600      // bytes of Bounce.Reason
	maxProse      = 8 << 10  // bytes in which words of failure are looked for
)

// daemon says how surely the sender is a mail server.
type daemon int

const (
	daemonNone   daemon = iota
	daemonMaybe         // postmaster and the like: people write from there too
	daemonSurely        // mailer-daemon, or no sender at all
)

// findBounce returns what a delivery status notification says, or nil when the
// message is none. What makes a report: a machine-readable part under a
// multipart/report or from a mail server; X-Failed-Recipients; or a mail
// server's address, an empty return path or a known subject together with
// words of failure. A person who forwards or answers a report writes mail: a
// report inside an attached message and quoted lines count for nothing.
func findBounce(m *Message, h *marks) *Bounce {
	dsn := statusPart(m)
	isReport := h.reportType == "delivery-status" || h.reportType == "global-delivery-status" || h.reportType == "?"
	if dsn == nil && !isReport && h.daemonFrom == daemonNone && !h.nullPath && h.failedRcpt == "" && !bounceSubjectFirst(m.Subject) {
		return nil // nearly all mail ends here
	}
	if h.reportType != "" && !isReport || dsn == nil && (hasPart(m, "message/feedback-report") || hasPart(m, "message/disposition-notification")) {
		return nil // a receipt or an abuse report
	}
	subject := bounceSubject(m.Subject)
	if complaint(m) {
		return nil
	}
	if dsn != nil && !isReport && h.daemonFrom == daemonNone && !h.nullPath && !subject {
		return nil
	}
	rep := readReport(m, h)
	if dsn != nil {
		rep.addStatus(dsn.text)
	}
	if (!isReport || h.reportType == "?") && dsn == nil && !rep.convincing(m, h, subject) {
		return nil
	}
	return rep.bounce(m)
}

// statusPart returns the machine-readable part of a report, RFC 3464 section
// 2.1 or RFC 6533 section 3.
func statusPart(m *Message) *part {
	for i := range m.parts {
		p := &m.parts[i]
		if !p.inside && (p.typ == "message/delivery-status" || p.typ == "message/global-delivery-status") {
			return p
		}
	}
	return nil
}

var dashes = strings.NewReplacer("_", "-", ".", "-")

// daemonSender judges the From field.
func daemonSender(m *Message) daemon {
	if len(m.From) == 0 {
		v := strings.TrimSpace(m.Get("From"))
		if v == "" && m.FromFields == 0 && !hasField(m, "From") {
			return daemonNone
		}
		if strings.HasSuffix(v, "<>") || containsFold(clip(v, 200), "mailer-daemon") {
			return daemonSurely
		}
		return daemonNone
	}
	from := m.From[0]
	local, _, _ := strings.Cut(from.Address, "@")
	switch dashes.Replace(strings.ToLower(clip(local, 64))) {
	case "mailer-daemon", "mailerdaemon", "mail-daemon", "maildaemon", "mdaemon", "bounce", "bounces", "mail-deliver-agent",
		"mailer-deamon", "mail-delivery", "maildelivery", "mail-delivery-system", "mail-delivery-subsystem", "undeliverable",
		"microsoftexchange329e71ec88ae4615bbc36ab6ce41109e", "":
		return daemonSurely
	case "postmaster", "post-master", "poostmaster", "administrator", "mailadmin", "mail-admin", "system", "root", "mailer", "postoffice", "smtp",
		"no-reply", "noreply", "donotreply", "do-not-reply", "ndr", "sysadmin", "mta", "daemon", "exim", "qmaild", "admin", "mail", "mxadmin", "dsn", "nobody":
		return daemonMaybe
	}
	name := strings.ToLower(clip(from.Name, 100))
	for _, w := range []string{"mail delivery", "mailer daemon", "mailer-daemon", "delivery subsystem", "delivery system", "mail system", "mailsystem",
		"system administrator", "postmaster", "mail administrator", "mail router", "mail gateway", "microsoft outlook"} {
		if strings.Contains(name, w) {
			return daemonMaybe
		}
	}
	if strings.HasPrefix(strings.ToLower(local), "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e") {
		return daemonSurely
	}
	return daemonNone
}

func hasField(m *Message, name string) bool {
	for _, f := range m.Header {
		if equalFold(f.Name, name) {
			return true
		}
	}
	return false
}

// convincing weighs a report without a machine-readable part.
func (r *report) convincing(m *Message, h *marks, subject bool) bool {
	evidence := r.opening || len(r.rcpts) > 0 && r.code
	surely := h.daemonFrom == daemonSurely
	maybe := h.daemonFrom == daemonMaybe
	switch {
	case hasField(m, "X-MLServer"): // fml refuses in its own words
		return subject || r.opening
	case h.failedRcpt != "":
		return subject || evidence || surely || maybe
	case surely:
		return subject || evidence
	case maybe && h.nullPath:
		return subject || evidence
	case maybe: // people are postmasters too: their replies are not reports
		if h.human || h.replyTo && !r.opening {
			return false
		}
		return subject && (len(r.rcpts) > 0 || r.opening) || r.opening && (len(r.rcpts) > 0 || r.code)
	case h.nullPath: // or a responder that follows RFC 3834
		auto := h.autoSubmitted == "auto-replied" || h.proof != ""
		return subject && evidence || !auto && r.opening && len(r.rcpts) > 0 && r.code
	case subject: // neither sender nor path says so: all else must
		return !h.human && !h.replyTo && r.opening && len(r.rcpts) > 0 && (r.code || r.returned)
	}
	return false
}

// bounceSubjects are beginnings of the subjects of reports, in lower case.
var bounceSubjects = []string{
	"undelivered mail", "undeliverable", "undelivered message", "undeliverable message", "delivery status notification", "delivery notification", "delivery failure",
	"delivery failed", "delivery has failed", "delivery status", "delivery report", "delivery error", "delivery problem", "delivery delayed", "delivery delay", "delivery unsuccessful",
	"mail delivery fail", "mail delivery status", "mail delivery system", "mail delivery problem", "mail delivery error", "mail delivery warning", "mail delivery delayed", "mail deliverability", "mail delivery",
	"mail failure", "mail system error", "mail status report", "mail could not be delivered", "mail not delivered", "mail error", "mail undeliverable", "mail returned", "mail bounced", "mail returned to sender",
	"message delivery", "message status", "message undeliverable", "message could not be delivered", "message not delivered", "message you sent blocked", "message failed", "message notification", "message rejected",
	"message delayed", "message bounced", "your message could not be delivered", "your message was not delivered", "your message to", "your mail could not", "your email could not", "your mail to",
	"returned mail", "returned message", "returned email", "returned e-mail", "returned to sender", "return to sender", "return mail",
	"failure notice", "failure delivery", "failure notification", "failed mail", "failed delivery", "failed to deliver", "failed message", "email delivery fail", "email delivery", "e-mail delivery", "email error", "error delivering mail",
	"non-delivery", "nondelivery", "nondeliverable", "non delivery", "non-deliverable", "ndn:", "ndr:", "not delivered", "notification d'échec", "notice: mail delivery", "notice of non-delivery",
	"unable to deliver", "unzustellbar", "unzustellbarkeitsbericht", "could not send message", "could not deliver", "sorry, your message could not", "sorry,your message",
	"warning: could not send", "warning: message", "warning: mail", "warning: e-mail", "warning - delayed", "warning: delayed", "automatic notification of delivery", "considered unsolicited bulk", "virus in mail", "banned contents from you", "spam from you", "bad header from you",
	"dsn:", "status of your mail", "transient mail", "temporary delivery", "mailsystem", "mailbox full", "mailbox is full", "user unknown", "unknown user", "unknown recipient", "recipient unknown", "invalid recipient", "bounced mail", "bounce message", "bounce notification",
	"loop alert", "relayed:", "delivered:", "verzögert", "zugestellt", "relayé", "expanded:", "postmaster] ", "aws notification", "amazon ses",
	"mail konnte nicht", "e-mail konnte nicht", "ihre nachricht konnte nicht", "nicht zustellbar", "nicht zugestellt", "zustellung fehlgeschlagen", "fehler bei der zustellung", "mailzustellung", "zustellungsfehler", "fehlermeldung", "benachrichtigung zum übermittlungsstatus", "übermittlungsstatus",
	"non remis", "non délivré", "non distribu", "échec de la remise", "échec de remise", "message non distribu", "message non délivr", "courrier non", "avis de non", "retour de courrier", "impossible de remettre", "notification d'état de remise",
	"no se puede entregar", "no entregado", "no se ha podido", "mensaje no entregado", "error de entrega", "notificación de estado de entrega", "devuelto",
	"non recapitabile", "mancata consegna", "avviso: mancata", "messaggio non", "impossibile recapitare", "notifica sullo stato", "não entregue", "não foi possível entregar", "mensagem não", "falha na entrega", "notificação de status", "não é possível entregar",
	"onbestelbaar", "niet bezorgd", "niet afgeleverd", "ej leverbart", "kan ikke leveres", "kunne ikke leveres", "ikke leveret", "ei toimitettu", "olevererbart", "olevererbar", "ikke levert", "nie można dostarczyć", "niedostarczon", "nedoručiteln", "nelze doručit", "kézbesíthetetlen", "sikertelen",
	"teslim edilemedi", "ваше сообщение не доставлено", "недоставленн", "не удалось доставить", "не доставлено", "недоставлен", "недоставлено", "нe доставл", "недоставка",
	"メールエラー", "メッセージを配信できません", "配信不能", "配信できません", "配達できません", "送信できません", "配信エラー", "送信エラー", "不達", "未配信", "配信状態通知", "配信状況", "送信不能", "宛先不明",
	"退信", "无法投递", "系统退信", "邮件退回", "投递失败", "未送达", "無法傳遞", "無法投遞", "退回", "未送達", "전송 실패", "배달 실패", "배달되지 않음", "반송",
}

// bounceSubject reports whether the subject is a report's. Re: and Fwd: are
// a person's.
func bounceSubject(subject string) bool {
	s := strings.TrimLeft(subjectKey(subject), "*[(\"“! ")
	for _, w := range bounceIndex.of(s) {
		if strings.HasPrefix(s, w) {
			return true
		}
	}
	for _, w := range []string{"delivery failure", "delivery failed", "mail delivery fail", "could not be delivered", "returning message to sender", "undeliverable mail",
		"delivery status notification", "are not member", "returned mail:", "mail failure"} {
		if strings.Contains(s, w) {
			return !strings.HasPrefix(s, "re:") && !strings.HasPrefix(s, "fw") && !strings.HasPrefix(s, "aw:") && !strings.HasPrefix(s, "wg:")
		}
	}
	return false
}

// bounceSubjectFirst is the cheap question asked of every mail: could the
// subject be a report's? It looks at a few words only.
func bounceSubjectFirst(subject string) bool {
	if len(subject) < 4 || strings.HasPrefix(subject, "Re: ") || strings.HasPrefix(subject, "RE: ") {
		return false
	}
	return bounceSubject(subject)
}
