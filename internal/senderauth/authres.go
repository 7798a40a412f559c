package senderauth

import (
	"strings"
)

// AuthenticationResults is the value of the field of that name (RFC 8601) for
// this result, on one line. It holds domains, no mailbox.
func (r Result) AuthenticationResults(authservID string) string {
	var b strings.Builder
	b.WriteString(authservID)
	add := func(method string, v Verdict, reason string, props ...string) {
		if v == "" {
			return
		}
		b.WriteString("; " + method + "=" + string(v))
		if reason != "" {
			b.WriteString(" reason=" + quoted(reason))
		}
		for i := 0; i+1 < len(props); i += 2 {
			if props[i+1] != "" {
				b.WriteString(" " + props[i] + "=" + pvalue(props[i+1]))
			}
		}
	}
	identity := "smtp.mailfrom"
	if r.SPF.Scope == "helo" {
		identity = "smtp.helo"
	}
	add("spf", r.SPF.Result, r.SPF.Reason, identity, r.SPF.Domain)
	if len(r.DKIM) == 0 {
		add("dkim", None, r.Unverified)
	}
	for _, d := range r.DKIM {
		add("dkim", d.Result, d.Reason, "header.d", d.Domain, "header.s", d.Selector)
	}
	dmarc := r.DMARC
	add("dmarc", dmarc.Result, dmarc.Reason, "header.from", r.From, "policy.dmarc", string(dmarc.Policy))
	add("arc", r.ARC.Result, r.ARC.Reason, "header.oldest-pass", "", "policy.sealer", r.ARC.Sealer)
	if r.Remote.IsValid() {
		add("iprev", r.IPRev.Result, "", "policy.iprev", r.Remote.String(), "policy.name", r.IPRev.Name)
	}
	return b.String()
}

func quoted(s string) string {
	s = printable(s)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func pvalue(s string) string {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(".-_@", c) >= 0) {
			return quoted(s)
		}
	}
	return s
}

// IsForged says whether the value of an Authentication-Results field of an
// incoming mail claims to be ours and must be removed (RFC 8601 section 5).
// Whatever is not clearly somebody else's is held to be forged.
func IsForged(value, hostname string) bool {
	id, _ := splitResults(value)
	if id == "" {
		return true
	}
	own, err1 := Domain(hostname)
	other, err2 := Domain(id)
	if err1 == nil && err2 == nil {
		return own == other
	}
	return strings.EqualFold(strings.Trim(id, ". "), strings.Trim(hostname, ". "))
}

// StripOwn gives a header section without the Authentication-Results fields
// that claim to be from hostname. The rest stays byte for byte. It is for the
// IMAP door, which will show agents a mail's own header with our result on top;
// notifications are written anew and hold none of it.
func StripOwn(header []byte, hostname string) []byte {
	out := make([]byte, 0, len(header))
	for len(header) > 0 {
		n := fieldLength(header)
		name, value, _ := strings.Cut(string(header[:n]), ":")
		if !strings.EqualFold(strings.TrimSpace(name), "authentication-results") || !IsForged(value, hostname) {
			out = append(out, header[:n]...)
		}
		header = header[n:]
	}
	return out
}

// methodResult is one "method=result prop=value…" of RFC 8601 section 2.2.
type methodResult struct {
	method, verdict string
	props           map[string]string
}

// splitResults reads the value of an Authentication-Results field leniently:
// the authserv-id, and what follows. Names and verdicts are in lower case.
func splitResults(value string) (id string, results []methodResult) {
	for n, part := range split(uncomment(value)) {
		words := wordsOf(part)
		if n == 0 {
			if len(words) > 0 {
				id = words[0]
			}
			continue
		}
		if len(words) == 0 {
			continue
		}
		method, verdict, ok := strings.Cut(words[0], "=")
		if !ok {
			continue
		}
		method, _, _ = strings.Cut(method, "/") // a version
		r := methodResult{method: lower(method), verdict: lower(verdict), props: map[string]string{}}
		for _, w := range words[1:] {
			if k, v, ok := strings.Cut(w, "="); ok {
				if _, dup := r.props[lower(k)]; !dup {
					r.props[lower(k)] = v
				}
			}
		}
		results = append(results, r)
	}
	return id, results
}

// uncomment takes out comments, which nest, and leaves quoted strings alone.
func uncomment(s string) string {
	var b strings.Builder
	depth, quote := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && (quote || depth > 0) && i+1 < len(s):
			if depth == 0 {
				b.WriteByte(c)
				b.WriteByte(s[i+1])
			}
			i++
			continue
		case c == '"' && depth == 0:
			quote = !quote
		case c == '(' && !quote:
			depth++
			continue
		case c == ')' && !quote && depth > 0:
			if depth--; depth == 0 {
				b.WriteByte(' ')
			}
			continue
		}
		if depth == 0 {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// split cuts at semicolons outside of quotes.
func split(s string) []string {
	var out []string
	quote, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote:
			i++
		case s[i] == '"':
			quote = !quote
		case s[i] == ';' && !quote:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// wordsOf cuts at white space outside of quotes, joins blanks around "=", and
// takes the quotes off.
func wordsOf(s string) []string {
	var out []string
	var b strings.Builder
	quote, pending, glue := false, false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && quote && i+1 < len(s):
			i++
			b.WriteByte(s[i])
			continue
		case c == '"':
			quote = !quote
			continue
		case !quote && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			pending = b.Len() > 0 && !glue
			continue
		case !quote && c == '=':
			glue, pending = true, false
			b.WriteByte(c)
			continue
		}
		if pending {
			out = append(out, b.String())
			b.Reset()
		}
		pending, glue = false, false
		b.WriteByte(c)
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}
