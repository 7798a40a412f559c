package message

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

const maxIDs = 200 // of one field: the first, and the last of the rest

// fillHeader takes what the message's own header says.
func (p *parser) fillHeader(fields []Field) {
	m := p.m
	m.Header = fields
	if p.want >= 0 {
		return
	}
	p.hint = p.charsetHint(fields)
	left := p.lim.Addresses
	for _, f := range fields { // From first: no other field may use up its room
		if len(f.Name) == 4 && equalFold(f.Name, "From") {
			m.FromFields++
			m.From = p.addresses(m.From, f.Value, &left)
		}
	}
	m.FromMailboxes = len(m.From)
	if m.FromFields > 1 { // the same field twice, as some gateways leave it
		m.From = slices.CompactFunc(m.From, func(a, b Address) bool { return a == b })
	}
	for _, f := range fields {
		switch {
		case len(f.Name) == 2 && equalFold(f.Name, "To"):
			m.To = p.addresses(m.To, f.Value, &left)
		case len(f.Name) == 2 && equalFold(f.Name, "Cc"):
			m.Cc = p.addresses(m.Cc, f.Value, &left)
		case len(f.Name) == 4 && m.Date.IsZero() && equalFold(f.Name, "Date"):
			m.Date = parseDate(decodeText(f.Value, p.hint))
		case len(f.Name) == 6 && m.Sender == nil && equalFold(f.Name, "Sender"):
			if a := p.addresses(nil, f.Value, &left); len(a) > 0 {
				m.Sender = &a[0]
			}
		case len(f.Name) == 7 && m.Subject == "" && equalFold(f.Name, "Subject"):
			m.Subject = decodeText(f.Value, p.hint)
		case len(f.Name) == 8 && equalFold(f.Name, "Reply-To"):
			m.ReplyTo = p.addresses(m.ReplyTo, f.Value, &left)
		case len(f.Name) == 10 && m.MessageID == "" && equalFold(f.Name, "Message-ID"):
			if ids := parseIDs(f.Value); len(ids) > 0 {
				m.MessageID = ids[0]
			}
		case len(f.Name) == 11 && equalFold(f.Name, "In-Reply-To"):
			m.InReplyTo = append(m.InReplyTo, parseIDs(f.Value)...)
		case len(f.Name) == 10 && equalFold(f.Name, "References"):
			m.References = append(m.References, parseIDs(f.Value)...)
		case len(f.Name) == 12 && m.ThreadIndex == "" && equalFold(f.Name, "Thread-Index"):
			m.ThreadIndex = conversation(f.Value)
		}
	}
	if m.FromFields > 0 && len(m.From) == 0 {
		p.defect("no address in From")
	}
	if left <= 0 {
		p.defect("too many addresses: not all are listed")
	}
}

func (p *parser) addresses(to []Address, value string, left *int) []Address {
	if *left <= 0 {
		return to
	}
	a := parseAddresses(value, p.hint, *left)
	if len(a) == 0 && strings.Contains(value, "=?") && !strings.Contains(value, "@") {
		// The whole field was encoded, brackets and all.
		if d := decodeText(value, p.hint); strings.Contains(d, "@") {
			a = parseAddresses(d, p.hint, *left)
		}
	}
	*left -= len(a)
	if to == nil {
		return a
	}
	return append(to, a...)
}

// charsetHint finds the charset for raw bytes in the header: that of the body,
// or of an encoded word.
func (p *parser) charsetHint(fields []Field) string {
	plain := true
	hint := ""
	for _, f := range fields {
		if hint == "" && strings.HasPrefix(f.Value, "=?") {
			if w, n := parseWord(f.Value); n > 0 {
				hint = w.charset
			}
		}
		plain = plain && isSimple(f.Value)
	}
	if plain {
		return hint
	}
	for _, f := range fields {
		if equalFold(f.Name, "Content-Type") {
			_, ps := parseParams(f.Value)
			if c, ok := ps.get("charset"); ok && c.text != "" && canonical(c.text) != "us-ascii" {
				return c.text
			}
		}
	}
	return hint
}

// parseIDs returns the message ids of a field without their brackets, or, in
// a field without brackets, its words.
func parseIDs(v string) []string {
	var ids []string
	if strings.IndexByte(v, '<') < 0 {
		for _, w := range strings.Fields(v) {
			if strings.Contains(w, "@") || len(ids) == 0 && w == strings.TrimSpace(v) {
				ids = addID(ids, w)
			}
		}
		return ids
	}
	for {
		open := strings.IndexByte(v, '<')
		if open < 0 {
			return ids
		}
		v = v[open+1:]
		end := strings.IndexAny(v, "<>")
		if end < 0 {
			return addID(ids, v)
		}
		if v[end] == '<' {
			continue
		}
		ids = addID(ids, v[:end])
		v = v[end+1:]
	}
}

func addID(ids []string, id string) []string {
	if !isSimple(id) || strings.IndexByte(id, ' ') >= 0 {
		id = strings.Join(strings.Fields(cleanLine(id)), "")
	}
	if id == "" || len(id) > 998 {
		return ids
	}
	if len(ids) >= maxIDs {
		copy(ids[1:], ids[2:])
		ids = ids[:len(ids)-1]
	}
	return append(ids, id)
}

// conversation returns the head of a Thread-Index, which all mails of one
// Outlook conversation share.
func conversation(v string) string {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(v), ""))
	if err != nil || len(b) < 22 {
		return ""
	}
	return hex.EncodeToString(b[:22])
}
