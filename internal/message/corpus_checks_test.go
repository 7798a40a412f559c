package message

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

type check func(m *Message, want json.RawMessage) string

var checks = map[string]map[string]check{
	"stalwart": {
		"from": listIs(func(m *Message) []Address { return m.From }), "to": listIs(func(m *Message) []Address { return m.To }),
		"reply_to": listIs(func(m *Message) []Address { return m.ReplyTo }),
		"subject":  subjectIs, "message_id": idIs, "text_parts": textsIn, "html_parts": textsIn,
		"n_attachments": countIs, "attachment_names": namesAre,
	},
	"zbateson": {
		"From": firstIs(func(m *Message) []Address { return m.From }), "To": firstIs(func(m *Message) []Address { return m.To }),
		"Subject": subjectIs, "Message-ID": idIs, "text_expected": textIn, "html_expected": textIn, "attachments": countIs,
	},
	"phpmime": {
		"from": listIs(func(m *Message) []Address { return m.From }), "to": listIs(func(m *Message) []Address { return m.To }),
		"subject": subjectIs, "attachments": phpNames, "text_test": phpText, "html_test": phpText,
	},
	"enmime": {"body_strings": anywhere},
	"mime4j": {"text_parts": partsIn, "binary_parts": atLeast},
}

type person struct {
	Name, Email, Display, Address string
}

func (p person) is(a Address) bool {
	name, addr := p.Name+p.Display, p.Email+p.Address
	if name == addr && a.Name == "" {
		name = ""
	}
	if addr == "" { // a word alone: theirs is the name, ours the address
		return a.Name+a.Address == name
	}
	return alike(strings.Join(strings.Fields(name), " "), a.Name) && strings.EqualFold(addr, a.Address)
}

// alike compares with a text in which raw 8-bit characters may have been lost.
func alike(want, got string) bool {
	if !strings.Contains(want, "\uFFFD") {
		return want == got
	}
	for _, piece := range strings.Split(want, "\uFFFD") {
		i := strings.Index(got, piece)
		if i < 0 {
			return false
		}
		got = got[i+len(piece):]
	}
	return true
}

func listIs(get func(*Message) []Address) check {
	return func(m *Message, raw json.RawMessage) string {
		var want []person
		if err := json.Unmarshal(raw, &want); err != nil {
			return firstIs(get)(m, raw)
		}
		got := get(m)
		if len(got) != len(want) {
			return fmt.Sprintf("got %q want %s", got, raw)
		}
		for i := range got {
			if !want[i].is(got[i]) {
				return fmt.Sprintf("got %q want %s", got, raw)
			}
		}
		return ""
	}
}

func firstIs(get func(*Message) []Address) check {
	return func(m *Message, raw json.RawMessage) string {
		var want person
		if err := json.Unmarshal(raw, &want); err != nil {
			return err.Error()
		}
		if got := get(m); len(got) == 0 || !want.is(got[0]) {
			return fmt.Sprintf("got %q want %s", got, raw)
		}
		return ""
	}
}

func str(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

func subjectIs(m *Message, raw json.RawMessage) string {
	if !alike(essence(str(raw)), essence(m.Subject)) {
		return fmt.Sprintf("got %q want %q", m.Subject, str(raw))
	}
	return ""
}

func idIs(m *Message, raw json.RawMessage) string {
	if m.MessageID != str(raw) {
		return fmt.Sprintf("got %q want %q", m.MessageID, str(raw))
	}
	return ""
}

func countIs(m *Message, raw json.RawMessage) string {
	if fmt.Sprint(len(m.Attachments)) != string(raw) {
		return fmt.Sprintf("got %v want %s", m.Attachments, raw)
	}
	return ""
}

// namesAre wants each name; a part without one may have got one from us.
func namesAre(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	for _, w := range want {
		if !slices.ContainsFunc(m.Attachments, func(a Attachment) bool { return alike(w, a.Name) || a.Name == safeName(w) }) {
			return fmt.Sprintf("got %v want %q", m.Attachments, want)
		}
	}
	return ""
}

func phpNames(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	if len(want) != len(m.Attachments) {
		return fmt.Sprintf("got %v want %q", m.Attachments, want)
	}
	for i, a := range m.Attachments {
		if a.Name != want[i] && !(a.Name == "" && strings.HasPrefix(want[i], "noname")) {
			return fmt.Sprintf("got %v want %q", m.Attachments, want)
		}
	}
	return ""
}

func phpText(m *Message, raw json.RawMessage) string {
	var test []any
	json.Unmarshal(raw, &test)
	return hasText(m, fmt.Sprint(test[len(test)-1]))
}

var tags = regexp.MustCompile(`(?s)<!--.*?-->|<(style|script|title)[^>]*>.*?</(style|script|title)>|<[^>]*>`)

// essence takes away what may differ without meaning: white space, markup,
// emphasis, the replaced characters of a corpus kept in the wrong charset.
func essence(s string) string {
	s = html.UnescapeString(tags.ReplaceAllString(s, ""))
	return strings.Map(func(r rune) rune {
		switch {
		case r <= ' ' || r == 0xa0 || r == 0x200b || r == 0xfeff || r == '*' || r == '>' || r == '|' || r == '-':
			return -1
		case r >= 0x7f && r < 0xa0:
			return -1
		}
		return r
	}, s)
}

func hasText(m *Message, want string) string {
	w := essence(want)
	if strings.Contains(w, "\uFFFD") {
		return hasPieces(m, w)
	}
	for _, have := range []string{m.Text, m.rawHTML, m.HTML} {
		if strings.Contains(essence(have), w) || strings.Contains(have, want) {
			return ""
		}
	}
	return fmt.Sprintf("text %.1000q\n    lacks %.1000q", m.Text, want)
}

// hasPieces compares with a text whose 8-bit characters were lost.
func hasPieces(m *Message, w string) string {
	have := essence(m.Text)
	have2 := essence(m.rawHTML)
	for _, piece := range strings.FieldsFunc(w, func(r rune) bool { return r == utf8.RuneError }) {
		if !strings.Contains(have, piece) && !strings.Contains(have2, piece) {
			return fmt.Sprintf("text %.1000q\n    lacks %.100q", m.Text, piece)
		}
	}
	return ""
}

func textIn(m *Message, raw json.RawMessage) string { return hasText(m, str(raw)) }

func textsIn(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	for _, w := range want {
		if s := hasText(m, w); s != "" {
			return s
		}
	}
	return ""
}

// anywhere looks for strings that may be of the text, the header, a name or an attachment.
func anywhere(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	all := m.Text + m.rawHTML + m.Subject
	for _, a := range slices.Concat(m.From, m.To, m.Cc, m.ReplyTo) {
		all += a.Name + " <" + a.Address + ">\n"
	}
	for _, a := range m.Attachments {
		all += a.Name + "\n"
	}
	for _, f := range m.Header {
		all += decodeText(f.Value, "") + "\n"
	}
	for _, p := range m.parts {
		all += p.text
	}
	for _, w := range want {
		if !strings.Contains(essence(all), essence(w)) && !strings.Contains(all, w) {
			return fmt.Sprintf("nowhere %q in %.500q", w, all)
		}
	}
	return ""
}

// partsIn looks for each text part, also those of attached messages.
func partsIn(m *Message, raw json.RawMessage) string {
	var want map[string]string
	json.Unmarshal(raw, &want)
	for id, w := range want {
		if !slices.ContainsFunc(m.parts, func(p part) bool {
			have := essence(p.text)
			for _, piece := range strings.FieldsFunc(essence(w), func(r rune) bool { return r == utf8.RuneError || r > 0x7f }) {
				if !strings.Contains(have, piece) {
					return false
				}
			}
			return true
		}) && hasText(m, w) != "" {
			return fmt.Sprintf("no part is %s: %.300q", id, w)
		}
	}
	return ""
}

func atLeast(m *Message, raw json.RawMessage) string {
	var want []string
	json.Unmarshal(raw, &want)
	binary := 0
	for _, p := range m.parts {
		if !strings.HasPrefix(p.typ, "text/") && !strings.HasPrefix(p.typ, "message/") {
			binary++
		}
	}
	if binary < len(want) {
		return fmt.Sprintf("%d binary parts, want %d", binary, len(want))
	}
	return ""
}
