package message

import (
	"regexp"
	"strings"
)

// cause is why a mail was not delivered, as far as the words tell.
type cause int

const (
	causeNone cause = iota
	causeUserUnknown
	causeHostUnknown
	causeMoved
	causeNoMail // the domain or address takes no mail at all
	causeFull
	causeDisabled
	causeTooBig
	causeContent
	causeBlocked
	causeAuth
	causePolicy
	causeRelay
	causeSender
	causeExpired
	causeNetwork
	causeSystem
	causeFiltered // the server knows the address, and refused the mail in other words
	causeUnproven // said to be unknown, with nothing to prove it
)

// causeStatus gives each cause the class and detail of its status when the
// report has none, or none that fits.
var causeStatus = [...]string{
	causeNone:        "",
	causeUserUnknown: "5.1.1",
	causeHostUnknown: "5.1.2",
	causeMoved:       "5.1.6",
	causeNoMail:      "5.3.2",
	causeFull:        "4.2.2",
	causeDisabled:    "4.2.1",
	causeTooBig:      "4.3.4",
	causeContent:     "4.7.1",
	causeBlocked:     "4.7.1",
	causeAuth:        "4.7.26",
	causePolicy:      "4.7.1",
	causeRelay:       "4.7.1",
	causeSender:      "4.1.8",
	causeExpired:     "4.4.7",
	causeNetwork:     "4.4.1",
	causeSystem:      "4.3.0",
	causeFiltered:    "4.7.1",
	causeUnproven:    "4.1.1",
}

// causeWords are looked for in this order in the lower-cased words of the far
// server; the more telling come first. The loose ones are looked for only in
// the far server's own reply, never in the prose that reports put around it.
var causeWords = []struct {
	cause cause
	words []string
	loose []string
}{
	{cause: causeNoMail, words: []string{
		"null mx", "nullmx", "indicated no smtp service", "does not accept mail", "do not accept mail", "does not accept any mail", "doesn't accept mail", "does not accept email", "domain accepts no mail", "not accepting network messages",
		"no mail accepted", "does not accept incoming", "does not receive mail", "does not receive email", "smtp server <null>",
	}},
	{cause: causeMoved, words: []string{
		"user has moved", "has moved to", "mailbox has moved", "address has changed", "no forwarding address", "update your address", "update your records", "no longer at this address", "new e-mail address is", "new email address is", "has been replaced by",
	}, loose: []string{"has moved"}},
	{cause: causeSystem, words: []string{
		"no such file", "permission denied", "pipe to |", "i/o error", "can't create output", "command died", "command failed", "local delivery failed", "exit status", "exited with",
	}},
	{cause: causeSender, words: []string{
		"sender address rejected", "sender rejected", "sender verify failed", "sender verification", "sender denied", "invalid sender", "unknown sender", "bad sender", "sender's domain", "sender does not exist", "mail from domain", "domain of sender", "sender is blocked", "sender is not allowed", "sender has been blocked", "sender refused", "sender domain",
		"not allowed to send", "not authorized to send", "not permitted to send", "verify sender", "complete sender verify", "permission to post", "only accepts mail from", "access control for mail sender", "the address you used to send", "unresolvable address", "may not post", "not a member of", "not member", "groups.google.com/support", "authorized to submit", "sender not pre-approved",
	}, loose: []string{"sender not", "unknown or invalid sender", "5.1.8", "5.1.7", "from domain", "aren't allowed", "your address is not", "sender is on", "return path", "backscatter", "envelope sender", "verification failed for", "sender unknown", "not a member", "originator", "mail from:", "sender ip", "sender:", "senders", "sender"}},
	{cause: causeFull, words: []string{
		"mailbox full", "mailbox is full", "mailfolder is full", "mailbox has exceeded", "mailbox exceeded", "mailbox size limit", "mailbox exceeds", "over quota", "overquota", "over the quota", "quota exceed", "exceeded quota", "exceeds quota", "quota full", "exceed the quota", "out of quota", "exceeded the quota", "disk quota", "quota violation", "storage quota", "storage limit", "exceeded storage", "exceeded his/her", "exceeded their storage", "out of storage", "insufficient disk", "insufficient storage",
		"no space left in", "inbox is full", "inbox full", "folder is full", "not enough storage", "no room in", "has no free space", "too many messages on", "too many messages in", "account is full", "account full", "account is over", "maildir over", "user has exhausted", "exceeded the local limit", "mailbox would exceed", "mail box full", "mailbox over", "mailbox is over", "over its quota", "mbox full", "mailbox will be full", "size of mailbox", "allocated storage",
		"boîte pleine", "boite pleine", "boîte de réception est pleine", "boîte aux lettres est pleine", "quota dépass", "quota overschreden", "speicherplatz", "postfach voll", "postfach ist voll", "postfach des empfängers ist voll", "buzón lleno", "buzón está lleno", "casella piena", "caixa de correio cheia", "postvak vol", "mailbox vol", "переполнен",
		"メールボックスが一杯", "メールボックスがいっぱい", "容量を超", "一杯のため", "容量オーバー", "收件箱已满", "邮箱已满", "信箱已滿", "maximum allowed number of messages", "too many mails in the mailbox", "receiving mail at a rate", "receiving mail too quickly", "mailbox quota", "user's disk", "mailbox's storage",
	}, loose: []string{"exceeded allowed", "storage", "is filled", "quota", "is full", "too much mail data"}},
	{cause: causeDisabled, words: []string{
		"account disabled", "account is disabled", "account has been disabled", "account is locked", "account locked", "account is currently disabled", "account suspended", "account is suspended", "account has been suspended", "mailbox disabled", "mailbox is disabled", "mailbox is inactive", "mailbox inactive", "user is inactive", "account inactive", "account is inactive", "inactive user", "temporarily disabled", "mailbox is frozen", "mailbox frozen", "user suspended", "recipient suspended", "account expired",
		"account is not active", "mailbox currently unavailable", "currently suspended", "account is temporarily", "disabled account", "not currently accepting", "user is disabled", "user disabled", "has been deactivated", "recipient is suspended", "invalid/inactive user", "inactive recipient", "administratively disabled", "please change to another recipient", "blocked due to inactivity", "account that you tried to reach is disabled", "address no longer accepts",
	}, loose: []string{"is inactive", "is suspended", "is disabled", "inactive", "suspended", "dormant", "mailbox temporarily", "no longer accepts mail"}},
	{cause: causeHostUnknown, words: []string{
		"host unknown", "unknown host", "host not found", "domain not found", "domain does not exist", "domain doesn't exist", "unknown domain", "domain unknown", "no such domain", "no such host", "domain is not reachable", "domain may not exist", "account or domain may not exist", "no mx found", "no mx record", "no mail exchanger", "nxdomain", "name service error", "host or domain name not found", "couldn't find any host", "unrouteable mail domain", "unrouteable domain", "all relevant mx records point to non-existent", "illegal host/domain", "bad destination host", "bad destination system",
		"non-existent domain", "domain name not found", "host could not be found", "no valid mx", "domain couldn't be found", "domain wasn't found", "all host address lookups failed permanently", "domaine inconnu", "has no mx", "couldn't find any", "hostname lookup failed", "dns lookup failure: host", "lookup failed", "no valid hosts", "dns error", "domain name does not", "domain can't be found", "domain has no", "recipient domain does not", "not a valid domain", "mx or srv record",
	}, loose: []string{"invalid domain", "domain invalid", "domain must", "name server", "unable to resolve", "could not resolve", "can't resolve host", "mx record", "no mx", "dns server returned", "domain lookup", "undeliverable domain", "in the recipient's domain", "no route to host for"}},
	{cause: causeUserUnknown, words: []string{
		"user unknown", "unknown user", "unknown recipient", "recipient unknown", "unknown address", "address unknown", "unknown local", "unknown mailbox", "unknown account", "account unknown", "mailbox unknown", "unknown or illegal", "unknown virtual", "unknown email", "no such user", "no such recipient", "no such mailbox", "no such address", "no such account", "no such local user", "no such person", "no such email", "no mailbox here", "not a known user", "no valid recipients", "not known at this site", "not our user", "not a valid mailbox", "not a valid user", "not a valid recipient",
		"user not found", "user not known", "user not exist", "user does not exist", "user doesn't exist", "user doesnt exist", "recipient not found", "recipnotfound", "recipientnotfound", "recipient does not exist", "recipient doesn't exist", "recipient not exist", "mailbox not found", "mailbox does not exist", "mailbox doesn't exist", "mailbox not exist", "address does not exist", "address doesn't exist", "address not found", "address couldn't be found", "wasn't found at", "account does not exist", "account doesn't exist", "account not found",
		"not listed in", "isn't listed in", "name is not recognized", "name is not recognised", "name not recognized", "invalid final delivery", "unrouteable address", "unroutable address", "invalid recipient", "invalid mailbox", "invalid user", "invalid address", "invalid local", "bad destination mailbox", "illegal user", "illegal recipient", "e-mail address was not found", "email address was not found", "recipient address rejected: access denied", "mailbox name not allowed", "mailbox name is invalid", "undeliverable address", "recipient no longer", "user has left", "left the company", "account terminated", "account deleted", "account closed", "account has been deleted", "account has been closed", "non-existent user", "nonexistent user", "unknown name", "undefined mail alias", "address error", "no longer on server",
		"empfänger unbekannt", "unbekannter empfänger", "benutzer unbekannt", "unbekannter benutzer", "adresse existiert nicht", "empfänger existiert nicht", "empfängeradresse existiert nicht", "destinataire inconnu", "adresse inconnue", "utilisateur inconnu", "adresse n'existe pas", "destinatario desconocido", "usuario desconocido", "destinatario sconosciuto", "utente sconosciuto", "destinatário desconhecido", "usuário desconhecido", "onbekende gebruiker", "пользователь не найден", "нет такого пользовател", "адрес не существует", "宛先不明", "存在しないアドレス", "アドレスが見つかりません", "用户不存在", "收件人不存在", "존재하지 않는",
	}},
	{cause: causeTooBig, words: []string{
		"message too large", "message too big", "message is too large", "message is too big", "message size exceeds", "size exceeds", "exceeds size", "exceeded size", "maximum message size", "maximum permitted size", "max message size", "size limit exceeded", "mail size limit", "maximum allowed message", "exceeds maximum", "exceeds the maximum", "exceeded maximum", "headers too", "line length", "line too long", "size restriction", "larger than the", "too big for", "too large for", "zu groß", "trop volumineux", "demasiado grande", "message length exceed", "exceed maximum",
	}, loose: []string{"message size", "message exceeds", "too large", "too big", "larger than", "line limit", "too many recipients", "size limit", "header too"}},
	{cause: causeAuth, words: []string{
		"dmarc", "spf check", "spf fail", "spf validation", "fails spf", "failed spf", "spf record", "sender policy framework", "dkim", "unauthenticated", "authentication required", "authentication failed", "authentication checks", "openspf",
	}, loose: []string{"(spf)", "spf", "sender id", "senderid", "authenticat", "5.7.26", "5.7.509"}},
	{cause: causeRelay, words: []string{
		"relay access denied", "relaying denied", "relay denied", "relay not permitted", "relaying not permitted", "relaying not allowed", "relay not allowed", "relaying prohibited", "unable to relay", "not permitted to relay", "no relaying", "we don't handle mail for", "we do not relay", "domain isn't in my list", "open relay", "allowed to relay", "domain isn't allowed to be relayed",
	}, loose: []string{"relay", "must authenticate", "no such domain at this location", "not local host"}},
	{cause: causeBlocked, words: []string{
		"reverse dns", "rdns", "ptr record", "reverse lookup", "reverse hostname", "cannot find your", "resolve your", "unable to get canonical", "dynamic ip", "blacklist", "black list", "blocklist", "block list", "blackhole", "black hole", "dnsbl", "spamhaus", "spamcop", "sorbs", "barracudacentral", "uribl", "surbl", "invaluement", "blocked using", "poor reputation", "ip reputation", "senderbase", "senderscore", "client host", "your ip", "ip address", "client ip", "ip blocked", "ip is blocked", "your host", "your server", "your network", "your mail server", "refused to talk", "connections from your", "not accepting connections from", "access denied. ip", "too many connections", "rate limit", "throttl",
		"unusual rate", "greylist", "graylist", "unsolicited", "mta-blocked", "you are not welcome", "host rejected", "we do not accept mail from", "bulk email filter", "has been blocked", "was blocked", "been blocked by",
	}, loose: []string{
		"rbl", "ptr ", "no ptr", "reputation", "listed in", "listed at", "listed by", "listed on", "poor ", "helo", "ehlo", "bad name", "bogus", "connection refused by", "connection rejected", "service refuse", "try again later", "excessive", "temporarily deferred", "please retry", "hostname", "client address", "dns lookup", "fix your", "name lookup", "dns block", "banned", "spambot", "unauthorized", "whitelist", "abuse", "is not allowed to", "blocked", "block", "not accept email from", "invalid ip", "mismatch", "reverse", "without",
	}},
	{cause: causeExpired, words: []string{
		"delivery time expired", "retry timeout exceeded", "message expired", "delivery expired", "queue too long", "queue for too long", "retry time not reached", "could not be delivered for", "could not be delivered within", "has been in the queue", "been queued", "timed out", "connection timed", "maximum delivery attempts", "maximum retry", "max attempts", "too many attempts", "retries exceeded", "retry limit", "delivery attempts exceeded", "not been delivered after", "was delayed", "has been delayed", "is delayed", "not yet been delivered", "will be retried", "still trying", "keep trying", "will try again", "no longer be retried", "will retry", "attempts to deliver", "failing for a long time", "did not accept our requests to connect", "socket error", "failed since", "zustellversuche", "maximum number of delivery attempts", "been trying for", "within the time limit",
		"lost connection", "connection reset", "connection dropped", "connection lost", "unexpectedly closed", "closed connection", "remote server disconnected", "abgelaufen", "long period of time", "unable to contact", "expired after", "over a period", "days in the queue", "gave up", "giving up", "bounced for now", "given up",
	}, loose: []string{"expired", "timeout", "time-out", "time out", "conversation with", "temporary failure", "temporary problem", "temporary error", "temporarily", "tries failed", "no answer", "しばらく"}},
	{cause: causeContent, words: []string{
		"spam", "virus", "infected", "malware", "bulk mail", "content filter", "rejected due to content", "message content rejected", "message rejected by filter", "mail rejete", "header error", "rfc 2822", "rfc2822", "rfc5322", "rfc 5322", "non-compliant", "not compliant", "missing header", "bad header", "invalid header", "duplicate header", "message format", "trojan", "phish", "improper use of 8-bit", "banned",
	}, loose: []string{"content", "junk", "attachment", "prohibited", "considered", "high score", "appears to be", "message looks", "suspicious", "bare lf", "bare cr", "8bit", "rfc", "missing date", "malformed", "multiple from", "no subject", "worm", "header"}},
	{cause: causePolicy, words: []string{
		"for policy reasons", "policy violation", "local policy", "policy reasons", "administrative prohibition", "access denied", "delivery not authorized", "not authorized", "message rejected", "mail rejected", "rejected by the recipient", "was rejected by", "message refused", "support tls", "rejected by a remote", "not permitted", "filtered",
	}, loose: []string{
		"policy", "administratively", "security", "tls", "encrypt", "certificate", "permission", "prohibit", "restricted", "not allowed", "rejected by", "rejected for", "violation", "denied", "not accepted", "not accept", "refused by", "refused", "you must", "transaction failed", "filter", "disallowed", "can only", "isn't allowed", "reject", "禁止", "拒否", "拒绝", "refusé", "abgelehnt", "rechazado", "rifiutato", "отклонен",
	}},
	{cause: causeUserUnknown, words: []string{
		"does not exist", "doesn't exist", "do not exist", "couldn't be found", "could not be found", "cannot be found", "invalid email", "bad address", "bad recipient", "no longer valid", "no longer in use", "no longer available", "no longer employed", "no longer works", "has no mailbox", "is unknown", "was not found", "recipient rejected", "n'existe pas", "existiert nicht", "nicht gefunden", "no existe", "inesistente", "não existe", "bestaat niet", "finns inte", "findes ikke", "nie istnieje", "neexistuje", "не существует", "не найден", "見つかりません", "存在しません", "不存在", "找不到", "malformed recipient",
	}, loose: []string{
		"no such", "no user", "no mailbox", "no account", "no recipient", "not found", "not exist", "not recognized", "not recognised", "unrecognized", "bad destination", "illegal address", "not a valid", "not a local", "is not valid", "is not listed", "unknown", "user invalid", "recipient invalid", "recipient", "no longer", "has been closed", "mailbox for", "mailbox not available", "mailbox unavailable", "non-existent", "nonexistent", "not in our database", "not in directory", "address is invalid", "address invalid", "address not valid", "not be resolved", "verify address", "we don't have", "not have a", "user is not", "user isn't", "mistyped", "user reject", "doesn't have", "does not have", "invalid", "not known", "existe pas", "invalide",
	}},
	{cause: causeNetwork, words: []string{
		"connection refused", "network unreachable", "network is unreachable", "unable to connect", "could not connect", "couldn't connect", "cannot connect", "host unreachable", "hop count", "too many hops", "maximum hop", "routing loop", "mail loop", "loops back", "connection failed", "failed to connect", "no answer from host", "not responding", "network error", "communication failure", "error transferring to",
	}, loose: []string{"no route", "unreachable", "loop", "routing", "connect to", "server is down", "host is down", "dns", "deferred", "bad connection", "trouble"}},
	{cause: causeSystem, words: []string{
		"system error", "system full", "local error", "internal error", "internal software", "configuration error", "misconfigur", "unable to write", "read-only", "out of memory", "program failure", "no space left", "disk full", "insufficient system", "resources temporarily", "service unavailable", "service not available", "mailer error", "not implemented", "syntax error", "command not", "command unrecognized", "protocol error", "bad sequence", "duplicated message-id", "system not", "error writing",
	}, loose: []string{"local problem", "server error", "mail system", "cannot append", "exit code", "service is", "not available", "unavailable", "can't create", "can't open", "could not open", "cannot open", "unable to open", "mailer", "child process", "returned error", "shutting down", "software", "crash", "maintenance"}},
}

// causeOf judges a far server's words; prose is the text of a report around them.
func causeOf(words string, prose bool) cause {
	s := squash(words)
	if s == "" {
		return causeNone
	}
	for i := range causeWords {
		c := &causeWords[i]
		if hasAny(s, c.words) || !prose && hasAny(s, c.loose) {
			return c.cause
		}
	}
	if tries.MatchString(s) {
		return causeExpired
	}
	return causeNone
}

// squash lowers s and makes any run of white space one blank, so that phrases
// are found across line breaks.
func squash(s string) string {
	s = strings.ToLower(strings.Join(strings.Fields(clip(s, 2048)), " "))
	return strings.ReplaceAll(s, "’", "'")
}

var (
	// enhancedRE finds an RFC 3463 status that is no piece of a longer number.
	enhancedRE = regexp.MustCompile(`(?:^|[^0-9.A-Za-z])([245]\.\d{1,3}\.\d{1,3})(?:$|[^0-9.]|\.(?:$|[^0-9]))`)
	// replyRE finds an SMTP reply code where a reply can begin.
	replyRE = regexp.MustCompile(`(?:^|[\s:#("'\[=;,>-])([245][0-5]\d)(?:$|[\s:;,)"'#-])`)
)

func findEnhanced(s string) string {
	if x := enhancedRE.FindStringSubmatch(s); x != nil {
		return x[1]
	}
	return ""
}

func findReply(s string) string {
	if x := replyRE.FindStringSubmatch(s); x != nil {
		return x[1]
	}
	return ""
}

// verdict gives the status and action of one recipient; see Bounce
// for what the class means.
func (r *report) verdict(x *rcpt) (status, action string, c cause) {
	status = findEnhanced(x.status)
	if e := findEnhanced(serverWords(x.diag)); e != "" && (status == "" || strings.HasSuffix(status, ".0.0") || status[0] == e[0] && e[2:] != "0.0" && vague(status)) {
		status = e
	}
	code := findReply(x.diag)
	action = x.action
	switch action {
	case "failed", "delayed", "delivered", "relayed", "expanded":
	default:
		action = r.actionByWords(status)
	}
	if action == "delivered" || action == "relayed" || action == "expanded" {
		return classed('2', status, "2.0.0"), action, causeNone
	}
	c = causeOf(serverWords(x.diag), false)
	if c == causeNone {
		c = causeOf(near(x), x.diag != "")
	}
	if c == causeNone {
		c = causeOf(x.text, true)
	}
	c = r.refine(x, status, code, c)
	switch {
	case action == "delayed":
		return classed('4', status, orElse(causeStatus[c], "4.4.7")), action, c
	case code != "" && code[0] == '4' || code == "" && status != "" && status[0] == '4':
		return classed('4', status, "4.0.0"), action, c
	case c != causeNone:
		want := causeStatus[c]
		return classed(want[0], status, want), action, c
	}
	if status == "" && code == "" { // nobody said why
		return "4.0.0", action, c
	}
	return classed('5', status, "5.0.0"), action, c
}

// refine settles what the words leave open by the status code.
func (r *report) refine(x *rcpt, status, code string, c cause) cause {
	if c == causeUserUnknown {
		c = doubtUnknown(x, status)
	}
	if status == "" || len(status) < 5 {
		return c
	}
	switch status[2:] {
	case "1.1", "1.3", "1.10":
		if c != causeFull && c != causeDisabled && c != causeNoMail && c != causeMoved && c != causeSender && c != causeExpired {
			return causeUserUnknown
		}
	case "1.2":
		if c == causeNone || c == causePolicy || c == causeSystem || c == causeNetwork {
			return causeHostUnknown
		}
	case "1.6":
		return causeMoved
	case "2.2":
		if c == causeNone || c == causeUserUnknown || c == causePolicy {
			return causeFull
		}
	case "2.1":
		if c == causeNone {
			return causeDisabled
		}
	case "3.2":
		if c == causeNone {
			return causeNoMail
		}
	case "4.4", "4.3":
		if c == causeNone || c == causePolicy || c == causeSystem || c == causeNetwork {
			return causeHostUnknown
		}
	case "4.7", "4.1", "4.2":
		if c == causeNone || c == causeSystem || c == causePolicy || c == causeUserUnknown && findReply(x.diag) == "" && findEnhanced(serverWords(x.diag)) == "" {
			return causeExpired
		}
	case "3.4", "2.3":
		if c == causeNone || c == causePolicy {
			return causeTooBig
		}
	}
	if c == causeNone {
		switch status[2] {
		case '2':
			return causeDisabled
		case '3':
			return causeSystem
		case '4':
			return causeNetwork
		case '6':
			return causeContent
		case '7':
			return causePolicy
		}
	}
	return c
}

// doubtUnknown looks twice at "user unknown", which servers also say to hide
// a filter or where the address does exist.
func doubtUnknown(x *rcpt, status string) cause {
	text, diag := squash(x.text), squash(x.diag)
	atRcpt := hasAny(text, []string{"rcpt to", "after rcpt", "rejected address", "like recipient"})
	_, host, _ := strings.Cut(strings.ToLower(x.final), "@")
	switch {
	case !atRcpt && (status == "" || vague(status)) && hasAny(text, afterData):
		// The server took the address at RCPT and changed its mind on
		// seeing the mail.
		return causeFiltered
	case !atRcpt && (status == "" || vague(status)) && hasAny(host, []string{"docomo.ne.jp", "ezweb.ne.jp"}):
		// These carriers' filters, set by each subscriber, answer so to
		// unwanted senders.
		return causeFiltered
	case !atRcpt && status == "" && findReply(x.diag) != "":
		// A bare "550 unknown user" that a gateway passes on: whether the
		// address or the mail was refused does not show.
		return causeUnproven
	case !atRcpt && strings.HasSuffix(status, ".2.1"):
		return causeDisabled // the code says that the mailbox exists
	case hasAny(text, []string{"account is disabled", "account is suspended", "account has been disabled"}):
		return causeDisabled
	case strings.Contains(diag, " does not exist") && otherDomain(diag, host):
		return causeSender // it is the sender's domain that does not exist
	}
	return causeUserUnknown
}

// afterData are signs that the mail was refused only after DATA.
var afterData = []string{
	"after end of data", "end of data", "end-of-data", "after data", "smtp command data", "to data command", "data command)", "our final data", ">>> data", "after i sent the message", "text command", "message body", "smtp transmission failure",
}

// otherDomain reports whether the word before "does not exist" is a domain
// other than the recipient's.
func otherDomain(diag, host string) bool {
	before, _, _ := strings.Cut(diag, " does not exist")
	word := before[strings.LastIndexByte(before, ' ')+1:]
	return host != "" && !strings.ContainsAny(word, "<>@") && strings.Count(word, ".") > 0 && strings.Trim(word, "'\"()") != host
}

// tries finds a count of tries or a span of time, which tell an expiry.
var tries = regexp.MustCompile(`(?:failed|after|for|tried|within) (?:more than )?\d+ (?:attempts|tries|times|days|hours|minutes)`)

// ironPort finds what the far server said within "5.1.0 - Unknown address
// error 550-'…'", where the words in front are the gateway's own guess.
var ironPort = regexp.MustCompile(`^[245]\.\d\.\d - [A-Za-z /-]+ ([245]\d\d[- ].*)`)

// serverWords drops a gateway's own words in front of the far server's.
func serverWords(diag string) string {
	if x := ironPort.FindStringSubmatch(diag); x != nil {
		return x[1]
	}
	return diag
}

// actionByWords tells a warning and a receipt from a failure where no Action
// field does.
func (r *report) actionByWords(status string) string {
	switch {
	case r.delayed && (status == "" || status[0] == '4'):
		return "delayed"
	case r.delivered && (status == "" || status[0] == '2'):
		return "delivered"
	case status != "" && status[0] == '2':
		return "delivered"
	}
	return "failed"
}

func vague(status string) bool {
	switch status[2:] {
	case "0.0", "1.0", "3.0", "2.0", "5.0", "7.0", "4.0", "6.0":
		return true
	}
	return false
}

// classed gives a status the class wanted, keeping its subject and detail.
func classed(class byte, status, def string) string {
	if status == "" || strings.HasSuffix(status, ".0.0") {
		status = def
	}
	if status == "" {
		status = "5.0.0"
	}
	return string(class) + status[1:]
}

func orElse(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
