package message

import (
	"bytes"
	"strings"
)

// headerReader collects one header section, unfolded, and finds its end even
// where the empty line is missing. What is over its limits is not kept.
type headerReader struct {
	maxBytes, maxFields int

	top    bool // the message's own header: a mbox line and leading empty lines may precede it
	buf    []byte
	ends   []fieldPos
	held   [][]byte // lines that are header or body, as the next line will show
	blank  bool     // held begins with empty lines
	skip   bool     // the current line is not kept
	over   bool
	defect string
}

type fieldPos struct{ name, value, end int }

const maxHeld = 6 // lines without a colon before it must be the body

func (h *headerReader) reset(lim Limits, top bool) {
	*h = headerReader{maxBytes: lim.HeaderBytes, maxFields: lim.Fields, top: top, buf: h.buf[:0], ends: h.ends[:0]}
}

// feed takes a line (or, without bol, the rest of one). At the end of the
// header it returns true, and the lines it took that belong to the body.
func (h *headerReader) feed(line []byte, bol bool) ([][]byte, bool) {
	if !bol {
		h.append(bytes.TrimRight(line, "\r\n"))
		return nil, false
	}
	h.skip = false
	t := trimEOL(line)
	switch {
	case len(t) == 0:
		if len(h.ends) == 0 && h.top && len(h.held) < maxHeld && (len(h.held) == 0 || h.blank) {
			h.hold(line)
			h.blank = true
			return nil, false
		}
		if len(h.held) > 0 {
			h.hold(line)
			return h.flush(), true
		}
		return nil, true
	case t[0] == ' ' || t[0] == '\t':
		return h.folded(line, t)
	}
	colon := fieldName(t)
	switch {
	case colon > 0 && (len(h.held) == 0 || wellKnown(t[:colon])):
		h.drop()
		h.field(t, colon)
		return nil, false
	case colon == 0 || isMboxLine(t) && (len(h.ends) == 0 || t[0] == '>'):
		h.skip = true // a value without a name, or what a mail spool put before the mail
		return nil, false
	case len(h.held) >= maxHeld || t[0] == '-' && len(t) > 1 && t[1] == '-':
		return append(h.flush(), line), true
	}
	h.skip = true
	h.hold(line)
	return nil, false
}

// folded takes a line that begins with white space.
func (h *headerReader) folded(line, t []byte) ([][]byte, bool) {
	if len(bytes.TrimSpace(t)) == 0 { // an odd empty line, or the end
		h.hold(line)
		return nil, false
	}
	if len(h.held) > 0 && len(bytes.TrimSpace(h.held[len(h.held)-1])) == 0 && !h.blank && len(h.ends) > 0 {
		h.held = h.held[:0]
	}
	switch {
	case len(h.held) >= maxHeld:
		return append(h.flush(), line), true
	case len(h.held) > 0:
		h.hold(line)
	case len(h.ends) > 0: // however it was folded, one space is what it stands for
		h.append(append([]byte{' '}, bytes.TrimLeft(t, " \t")...))
	default:
		s := bytes.TrimLeft(t, " \t")
		if c := fieldName(s); c > 0 && wellKnown(s[:c]) {
			h.field(s, c)
		} else {
			h.hold(line)
		}
	}
	return nil, false
}

func (h *headerReader) hold(line []byte) { h.held = append(h.held, bytes.Clone(line)) }

// drop gives up the held lines: the header goes on after them.
func (h *headerReader) drop() {
	if len(h.held) > 0 {
		h.defect = "header line without a colon"
		h.held, h.blank = h.held[:0], false
	}
}

// flush returns the held lines as the body's first.
func (h *headerReader) flush() [][]byte {
	r := h.held
	if len(r) > 0 {
		h.defect = "no empty line after the header"
		if h.blank {
			h.defect = "no header"
			if len(bytes.TrimSpace(r[0])) == 0 {
				r = r[1:]
			}
		}
	}
	h.held = nil
	return r
}

func (h *headerReader) field(t []byte, colon int) {
	if h.over || len(h.ends) >= h.maxFields || len(h.buf)+len(t) > h.maxBytes {
		h.tooMuch()
		return
	}
	name := len(h.buf)
	h.buf = append(h.buf, bytes.TrimRight(t[:colon], " \t")...)
	value := len(h.buf)
	h.ends = append(h.ends, fieldPos{name, value, value})
	h.append(t[colon+1:])
}

func (h *headerReader) tooMuch() {
	h.over, h.skip = true, true
	h.defect = "header over its limits: the rest of it is left out"
}

// append adds to the value of the last field.
func (h *headerReader) append(t []byte) {
	if h.skip || h.over || len(h.ends) == 0 {
		return
	}
	if room := h.maxBytes - len(h.buf); len(t) > room {
		t = t[:max(room, 0)]
		defer h.tooMuch()
	}
	if bytes.IndexByte(t, 0) >= 0 || bytes.IndexByte(t, '\r') >= 0 {
		t = bytes.ReplaceAll(bytes.ReplaceAll(t, []byte{0}, nil), []byte{'\r'}, nil)
	}
	h.buf = append(h.buf, t...)
	h.ends[len(h.ends)-1].end = len(h.buf)
}

// fields returns what was read. The strings share one copy of the header.
func (h *headerReader) fields() []Field {
	if len(h.ends) == 0 {
		return nil
	}
	s := string(h.buf)
	fs := make([]Field, len(h.ends))
	for i, e := range h.ends {
		fs[i] = Field{Name: s[e.name:e.value], Value: strings.Trim(s[e.value:e.end], " \t")}
	}
	return fs
}

func trimEOL(line []byte) []byte {
	n := len(line)
	if n > 0 && line[n-1] == '\n' {
		n--
		for n > 0 && line[n-1] == '\r' {
			n--
		}
	}
	return line[:n]
}

// fieldName returns the place of the colon after a field name (RFC 5322
// section 2.2; white space before the colon is obsolete and seen), or -1.
// A URL is no field.
func fieldName(t []byte) int {
	for i, c := range t {
		switch {
		case c == ':':
			if i > 0 && bytes.HasPrefix(t[i:], []byte("://")) {
				return -1
			}
			return i
		case c == ' ' || c == '\t':
			rest := bytes.TrimLeft(t[i:], " \t")
			if i > 0 && len(rest) > 0 && rest[0] == ':' && wellKnown(t[:i]) {
				return len(t) - len(rest)
			}
			return -1
		case c < 33 || c >= 127:
			return -1
		}
	}
	return -1
}

func isMboxLine(t []byte) bool {
	return bytes.HasPrefix(t, []byte("From ")) || bytes.HasPrefix(t, []byte(">From "))
}

// wellKnown says whether a name is surely that of a header field, where the
// line might be text.
func wellKnown(name []byte) bool {
	name = bytes.TrimRight(name, " \t")
	n := strings.ToLower(string(name[:min(len(name), 40)]))
	switch n {
	case "from", "to", "cc", "bcc", "subject", "date", "sender", "received", "message-id", "mime-version", "in-reply-to",
		"references", "reply-to", "return-path", "delivered-to", "envelope-to", "priority", "importance", "precedence",
		"auto-submitted", "user-agent", "organization", "lines", "status", "thread-topic", "thread-index", "dkim-signature",
		"domainkey-signature", "authentication-results", "received-spf", "mailing-list", "errors-to", "sensitivity",
		"comments", "keywords", "disposition-notification-to", "return-receipt-to", "delivery-date", "newsgroups", "path":
		return true
	}
	for _, p := range []string{"x-", "content-", "list-", "arc-", "resent-", "original-", "ms-"} {
		if strings.HasPrefix(n, p) {
			return true
		}
	}
	return false
}
