package senderauth

import (
	"bytes"
	"strings"
)

// field is one header field as it stands in the message, with its line ends.
type field struct {
	name string // lower case, no blanks
	raw  string
}

// value is what follows the colon, still folded.
func (f field) value() string {
	_, v, _ := strings.Cut(f.raw, ":")
	return v
}

// headerEnd gives the length of the header section including the empty line
// that ends it, or -1 when it has not ended yet. from says where to go on.
func headerEnd(b []byte, from int) int {
	if from == 0 && len(b) > 0 { // a message without any header
		if b[0] == '\n' {
			return 1
		}
		if bytes.HasPrefix(b, []byte("\r\n")) {
			return 2
		}
	}
	for i := max(from-3, 0); ; {
		nl := bytes.IndexByte(b[i:], '\n')
		if nl < 0 {
			return -1
		}
		i += nl + 1
		switch rest := b[i:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return i + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i + 2
		}
	}
}

// fields splits a header section. Lines are normalised to CRLF, as signatures
// are made over them.
func fields(header []byte) []field {
	var out []field
	for len(header) > 0 {
		n := fieldLength(header)
		raw := strings.TrimRight(string(header[:n]), "\r\n")
		header = header[n:]
		if raw == "" {
			continue
		}
		if strings.Contains(raw, "\n") {
			raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
		}
		out = append(out, field{name: fieldName([]byte(raw)), raw: raw + "\r\n"})
	}
	return out
}

// fieldLength is the length of the first field with its continuation lines.
func fieldLength(b []byte) int {
	n := 0
	for {
		nl := bytes.IndexByte(b[n:], '\n')
		if nl < 0 {
			return len(b)
		}
		n += nl + 1
		if n >= len(b) || (b[n] != ' ' && b[n] != '\t') {
			return n
		}
	}
}

func fieldName(line []byte) string {
	name, _, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return ""
	}
	return strings.ToLower(string(bytes.TrimSpace(name)))
}

// census is what a header says about how to check it, found without
// allocating for the many mails that have nothing to verify.
type census struct {
	froms, dkim, arc int
	list, forged     bool
}

func take(header []byte, hostname string) census {
	var c census
	for len(header) > 0 {
		n := fieldLength(header)
		name, _, _ := bytes.Cut(header[:n], []byte(":"))
		name = bytes.TrimSpace(name)
		switch {
		case is(name, "from"):
			c.froms++
		case is(name, "dkim-signature"):
			c.dkim++
		case is(name, "arc-seal"), is(name, "arc-message-signature"), is(name, "arc-authentication-results"):
			c.arc++
		case is(name, "list-id"), is(name, "list-post"):
			c.list = true
		case is(name, "authentication-results"):
			_, value, _ := strings.Cut(string(header[:n]), ":")
			c.forged = c.forged || IsForged(value, hostname)
		}
		header = header[n:]
	}
	return c
}

func is(name []byte, want string) bool {
	return len(name) == len(want) && strings.EqualFold(string(name), want)
}

// tags reads a tag list (RFC 6376 section 3.2). It refuses duplicates.
func tags(s string) (map[string]string, bool) {
	out := map[string]string{}
	for part := range strings.SplitSeq(s, ";") {
		k, v, ok := strings.Cut(part, "=")
		k = strings.TrimSpace(k)
		if !ok {
			if k != "" {
				return nil, false
			}
			continue
		}
		if _, dup := out[k]; dup || k == "" {
			return nil, false
		}
		out[k] = strings.TrimSpace(v)
	}
	return out, true
}

// squeeze takes all folding white space out, as tag values allow it anywhere.
func squeeze(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n':
			return -1
		}
		return r
	}, s)
}

// printable makes a reason fit to be shown and stored: ASCII without controls,
// and short.
func printable(s string) string {
	const most = 120
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= most {
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		b.WriteByte(byte(r))
	}
	return b.String()
}
