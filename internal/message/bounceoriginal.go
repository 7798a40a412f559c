package message

import (
	"encoding/json"
	"strings"
)

// originalID returns the Message-ID of the mail that bounced: from the
// attached message or headers, or from the text of the report.
func (r *report) originalID(m *Message) string {
	if r.id != "" {
		return r.id
	}
	for i := range m.parts {
		p := &m.parts[i]
		if !returnedPart(p) {
			continue
		}
		for _, f := range p.fields {
			if equalFold(f.Name, "Message-ID") {
				if id := bareID(f.Value); id != "" {
					return id
				}
			}
		}
		if id := idInLines(strings.Split(clip(p.text, maxReport), "\n")); id != "" {
			return id
		}
	}
	if id := idInLines(r.rest); id != "" {
		return id
	}
	if id := idInLines(r.lines); id != "" {
		return id
	}
	// Gmail and others thread their report with the mail it is about.
	if own := m.InReplyTo; len(own) > 0 {
		return own[0]
	}
	return ""
}

// returnedPart reports whether p holds the returned mail or its headers.
func returnedPart(p *part) bool {
	switch p.typ {
	case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers", "text/rfc822-header", "message/rfc822-headers", "message/partial":
		return true
	}
	return p.inside
}

// idInLines finds a Message-ID field, its value at times on the next line.
func idInLines(lines []string) string {
	for i, l := range lines {
		if i > maxLines {
			break
		}
		l = strings.TrimLeft(l, " \t>")
		if len(l) < 11 || l[0] != 'm' && l[0] != 'M' || !equalFold(l[:10], "message-id") {
			continue
		}
		v := strings.TrimLeft(l[10:], " \t")
		if v == "" || v[0] != ':' {
			continue
		}
		v = v[1:]
		if strings.TrimSpace(v) == "" && i+1 < len(lines) {
			v = lines[i+1]
		}
		if id := bareID(v); id != "" {
			return id
		}
	}
	return ""
}

// bareID takes the id out of its angle brackets.
func bareID(v string) string {
	v = strings.TrimSpace(v)
	if i := strings.IndexByte(v, '<'); i >= 0 {
		v = v[i+1:]
	}
	if i := strings.IndexAny(v, "> \t\r\n"); i >= 0 {
		v = v[:i]
	}
	if len(v) > 998 {
		return ""
	}
	return cleanWords(v)
}

// returnedTo returns the recipient in the returned mail's To field, if it has
// exactly one.
func (r *report) returnedTo(m *Message) string {
	for i := range m.parts {
		p := &m.parts[i]
		if !returnedPart(p) {
			continue
		}
		for _, f := range p.fields {
			if a := onlyAddress(f.Name, f.Value); a != "" {
				return a
			}
		}
		if a := toInLines(strings.Split(clip(p.text, 16<<10), "\n")); a != "" {
			return a
		}
	}
	return toInLines(r.rest)
}

func toInLines(lines []string) string {
	for i, l := range lines {
		if i > 300 {
			break
		}
		if name, v, ok := fieldLine(strings.TrimLeft(l, " \t")); ok {
			if a := onlyAddress(name, v); a != "" {
				return a
			}
		}
	}
	return ""
}

func onlyAddress(name, value string) string {
	if !equalFold(name, "to") && !equalFold(name, "x-envelope-to") && !equalFold(name, "x-original-to") && !equalFold(name, "x-rcpt-to") {
		return ""
	}
	if all := addressRE.FindAllString(clip(value, 2000), 3); len(all) == 1 {
		return trimAddress(all[0])
	}
	return ""
}

// notice is Amazon SES's notification by way of SNS, which may wrap it as a
// string in an envelope of its own.
type notice struct {
	Message string `json:"Message"`
	Type    string `json:"notificationType"`
	Event   string `json:"eventType"`
	Mail    struct {
		MessageID     string   `json:"messageId"`
		Destination   []string `json:"destination"`
		CommonHeaders struct {
			MessageID string `json:"messageId"`
		} `json:"commonHeaders"`
		Headers []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
	} `json:"mail"`
	Bounce struct {
		Type       string `json:"bounceType"`
		SubType    string `json:"bounceSubType"`
		Recipients []struct {
			Address string `json:"emailAddress"`
			Action  string `json:"action"`
			Status  string `json:"status"`
			Diag    string `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Delivery struct {
		Recipients []string `json:"recipients"`
		Response   string   `json:"smtpResponse"`
	} `json:"delivery"`
}

// readNotice reads a notice into r, and leaves r alone if the text is none, or
// one that is no delivery report.
func (r *report) readNotice(text string) {
	if !strings.Contains(clip(text, 4096), "Type\"") {
		return
	}
	var n notice
	// The end of the mail holds a footer after the object: decode one value only.
	if err := json.NewDecoder(strings.NewReader(unwrapJSON(text))).Decode(&n); err != nil {
		return
	}
	if strings.HasPrefix(n.Message, "{") {
		if err := json.Unmarshal([]byte(n.Message), &n); err != nil {
			return
		}
	}
	kind := strings.ToLower(orElse(n.Type, n.Event))
	switch kind {
	case "bounce":
		for _, b := range n.Bounce.Recipients {
			if len(r.rcpts) < maxRecipients {
				r.rcpts = append(r.rcpts, rcpt{final: typedAddress(b.Address), action: strings.ToLower(b.Action), status: b.Status, diag: stripType(b.Diag)})
			}
		}
	case "delivery":
		for _, a := range n.Delivery.Recipients {
			if len(r.rcpts) < maxRecipients {
				r.rcpts = append(r.rcpts, rcpt{final: typedAddress(a), action: "delivered", status: findEnhanced(n.Delivery.Response), diag: n.Delivery.Response})
			}
		}
	}
	if len(r.rcpts) == 0 {
		return
	}
	r.opening, r.code, r.machine, r.returned = true, true, true, true
	r.id = bareID(n.Mail.CommonHeaders.MessageID)
	for _, h := range n.Mail.Headers {
		if r.id == "" && equalFold(h.Name, "Message-ID") {
			r.id = bareID(h.Value)
		}
	}
	if r.id == "" {
		r.id = bareID(n.Mail.MessageID)
	}
}

// unwrapJSON undoes the hard line breaks that mail puts into long lines, also
// within strings.
func unwrapJSON(s string) string {
	return strings.NewReplacer("\r\n", "", "\n", "").Replace(s)
}
