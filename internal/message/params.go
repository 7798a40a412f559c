package message

import (
	"sort"
	"strconv"
	"strings"
)

// transfer is a Content-Transfer-Encoding.
type transfer byte

const (
	encNone transfer = iota
	encQP
	encBase64
	encUU
)

// entity is what a part's header says of its body.
type entity struct {
	typ      string // media type in lower case; text/plain if none or nonsense
	hasType  bool
	enc      transfer
	disp     string // attachment, inline or ""
	name     string // file name, safe
	boundary string
	charset  string
	flowed   bool
	delsp    bool
	cid      string
	fields   []Field
}

func (e entity) attachment() Attachment {
	return Attachment{Name: e.name, Type: e.typ, Inline: e.disp == "inline", ContentID: e.cid}
}

func (p *parser) entity(fields []Field) entity {
	e := entity{typ: "text/plain", fields: fields}
	if n := len(p.stack); n > 0 && p.stack[n-1].subtype == "digest" && !p.stack[n-1].message {
		e.typ = "message/rfc822" // RFC 2046 section 5.1.5
	}
	var ctName string
	for i := range fields {
		f := &fields[i]
		if len(f.Name) < 10 || !equalFold(f.Name[:8], "content-") {
			continue
		}
		switch {
		case equalFold(f.Name, "Content-Type") && !e.hasType:
			ctName = p.contentType(&e, f.Value)
		case equalFold(f.Name, "Content-Transfer-Encoding"):
			e.enc = p.transferEncoding(f.Value)
		case equalFold(f.Name, "Content-Disposition") && e.disp == "":
			v, params := parseParams(f.Value)
			e.disp = strings.ToLower(v)
			if e.disp != "inline" && e.disp != "" {
				e.disp = "attachment" // RFC 2183 section 2.8
			}
			if n, ok := params.get("filename"); ok {
				e.name = fileName(n, p.hint)
			} else if n, ok := params.get("name"); ok {
				e.name = fileName(n, p.hint)
			}
		case equalFold(f.Name, "Content-ID") && e.cid == "":
			e.cid = cleanLine(strings.Trim(f.Value, "<> \t"))
		}
	}
	if e.name == "" {
		e.name = ctName
	}
	return e
}

// contentType fills in the media type and its parameters and returns the name parameter.
func (p *parser) contentType(e *entity, value string) string {
	v, params := parseParams(value)
	v = strings.ToLower(v)
	e.hasType = true
	if slash := strings.IndexByte(v, '/'); slash > 0 && slash < len(v)-1 && isType(v) {
		e.typ = v
	} else {
		p.defect("malformed Content-Type")
		switch strings.Trim(v, "/") {
		case "html":
			e.typ = "text/html"
		case "multipart":
			e.typ = "multipart/mixed"
		case "message":
			e.typ = "message/rfc822"
		case "text", "plain", "":
			e.typ = "text/plain"
			e.hasType = v != ""
		default:
			if _, ok := params.get("boundary"); ok {
				e.typ = "multipart/mixed"
			}
		}
	}
	if b, ok := params.get("boundary"); ok {
		e.boundary = b.text
	}
	if c, ok := params.get("charset"); ok {
		e.charset = c.text
	}
	if f, ok := params.get("format"); ok {
		e.flowed = equalFold(f.text, "flowed")
	}
	if d, ok := params.get("delsp"); ok {
		e.delsp = equalFold(d.text, "yes")
	}
	for _, name := range []string{"name", "filename", "file"} {
		if n, ok := params.get(name); ok {
			return fileName(n, p.hint)
		}
	}
	return ""
}

func isType(v string) bool {
	for i := 0; i < len(v); i++ {
		if c := v[i]; c <= ' ' || c >= 127 || strings.IndexByte(`()<>@,;:\"[]?=`, c) >= 0 {
			return false
		}
	}
	return len(v) <= 255
}

func (p *parser) transferEncoding(v string) transfer {
	if i := strings.IndexAny(v, ";("); i >= 0 {
		v = v[:i]
	}
	v = strings.ToLower(strings.Trim(v, " \t\"'"))
	switch v {
	case "", "7bit", "8bit", "binary", "7-bit", "8-bit":
		return encNone
	case "base64":
		return encBase64
	case "quoted-printable":
		return encQP
	case "x-uuencode", "uuencode", "x-uue", "uue":
		return encUU
	}
	p.defect("unknown Content-Transfer-Encoding")
	switch {
	case strings.Contains(v, "base64"), strings.Contains(v, "base-64"):
		return encBase64
	case strings.Contains(v, "quoted"):
		return encQP
	}
	return encNone
}

// param is a parameter's value; raw marks one that RFC 2231 did not encode,
// so that encoded words in it, though forbidden, are looked for.
type param struct {
	text    string // for an RFC 2231 value: the bytes, percent-decoded
	charset string
	raw     bool
}

type params struct{ names, values []string }

// parseParams splits "value; name=x; name*0*=…" as leniently as can be. The
// first of two parameters of one name wins.
func parseParams(s string) (string, params) {
	v, rest, _ := strings.Cut(s, ";")
	v = strings.TrimSpace(stripComment(v))
	var ps params
	if sp := strings.IndexAny(v, " \t"); sp > 0 && strings.IndexByte(v, '=') > 0 { // the semicolon is missing
		v, rest = v[:sp], v[sp:]+";"+rest
	} else if rest == "" {
		return v, ps
	}
	for len(rest) > 0 && len(ps.names) < 25000 {
		var name, value string
		name, value, rest = nextParam(rest)
		if name != "" {
			ps.names = append(ps.names, name)
			ps.values = append(ps.values, value)
		}
	}
	return strings.Trim(v, "\""), ps
}

func stripComment(v string) string {
	if i := strings.IndexByte(v, '('); i >= 0 {
		return v[:i]
	}
	return v
}

func nextParam(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, " \t;")
	eq := strings.IndexAny(s, "=;")
	if eq < 0 || s[eq] == ';' {
		if eq < 0 {
			return "", "", ""
		}
		return "", "", s[eq+1:]
	}
	name = strings.ToLower(strings.TrimSpace(s[:eq]))
	s = strings.TrimLeft(s[eq+1:], " \t")
	if s != "" && s[0] == '"' {
		value, s = quoted(s[1:])
		// An unescaped quote within the name: go on to the quote before the next semicolon.
		if t := strings.TrimLeft(s, " \t"); t != "" && t[0] != ';' && t[0] != '(' && (name == "name" || name == "filename") {
			if end := strings.IndexByte(t, ';'); end < 0 && strings.HasSuffix(t, `"`) {
				return name, value + `"` + t[:len(t)-1], ""
			}
		}
		if end := strings.IndexByte(s, ';'); end >= 0 {
			return name, value, s[end+1:]
		}
		if i := strings.LastIndexAny(s, " \t"); i >= 0 && strings.IndexByte(s[i:], '=') > 0 {
			return name, value, s[i:] // the semicolon is missing
		}
		return name, value, ""
	}
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	value = strings.TrimSpace(s[:end])
	if name == "boundary" || name == "charset" || name == "format" || name == "delsp" {
		value = strings.TrimSpace(stripComment(value))
		if i := strings.IndexAny(value, " \t"); i > 0 {
			value = value[:i]
		}
	}
	if end < len(s) {
		end++
	}
	return name, strings.Trim(value, `"`), s[end:]
}

// quoted reads a quoted string after its opening quote.
func quoted(s string) (value, rest string) {
	i := strings.IndexAny(s, `"\`)
	if i < 0 {
		return s, ""
	}
	if s[i] == '"' {
		return s[:i], s[i+1:]
	}
	var b strings.Builder
	for i = 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++ // a backslash before anything else is a Windows path
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// get puts the value of a parameter together, RFC 2231 continuations in the
// order of their numbers. Linear (but for sorting) in their count.
func (ps params) get(name string) (param, bool) {
	type piece struct {
		n     int
		pct   bool
		value string
	}
	var pieces []piece
	plain := -1
	for i, n := range ps.names {
		if len(n) < len(name) || n[:len(name)] != name {
			continue
		}
		suffix := n[len(name):]
		switch {
		case suffix == "":
			if plain < 0 {
				plain = i
			}
		case suffix == "*":
			return decode2231(ps.values[i]), true
		case suffix[0] == '*':
			num, pct := strings.CutSuffix(suffix[1:], "*")
			if k, err := strconv.Atoi(num); err == nil && k >= 0 {
				pieces = append(pieces, piece{k, pct, ps.values[i]})
			}
		}
	}
	if len(pieces) == 0 {
		if plain < 0 {
			return param{}, false
		}
		return param{text: ps.values[plain], raw: true}, true
	}
	sort.SliceStable(pieces, func(i, j int) bool { return pieces[i].n < pieces[j].n })
	var out param
	var b strings.Builder
	for i, q := range pieces {
		if i > 0 && q.n == pieces[i-1].n || b.Len() > 64<<10 {
			continue
		}
		v := q.value
		if q.pct {
			if b.Len() == 0 && i == 0 {
				d := decode2231(v)
				out.charset = d.charset
				v = d.text
			} else {
				v = unpercent(v)
			}
		}
		b.WriteString(v)
	}
	out.text = b.String()
	out.raw = out.charset == ""
	return out, true
}

// decode2231 reads charset'language'percent-encoded text.
func decode2231(v string) param {
	if cs, rest, ok := strings.Cut(v, "'"); ok {
		if _, text, ok := strings.Cut(rest, "'"); ok {
			return param{text: unpercent(text), charset: cs, raw: cs == ""}
		}
	}
	return param{text: unpercent(v), raw: true}
}

func unpercent(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
