package privacydesk

import (
	"mime"
	"regexp"
	"strings"

	"postroom/internal/message"
)

// encodedRun is encoded words of RFC 2047 with nothing but space between them:
// they are one text.
var encodedRun = regexp.MustCompile(`=\?[^?\s]+\?[bBqQ]\?[^?]*\?=(?:\s+=\?[^?\s]+\?[bBqQ]\?[^?]*\?=)*`)

// addressFields hold mailboxes and must parse afterwards.
var addressFields = map[string]bool{
	"from": true, "to": true, "cc": true, "bcc": true, "reply-to": true, "sender": true, "return-path": true, "delivered-to": true, "x-original-to": true, "envelope-to": true,
	"resent-from": true, "resent-to": true, "resent-cc": true, "resent-sender": true, "disposition-notification-to": true, "errors-to": true, "mail-followup-to": true, "x-envelope-from": true,
}

// field is one header field with its folding, or a line that is none.
type field struct {
	name  string // empty: no field, kept as text
	value string // with folding and line end
}

func (f field) unfolded() string {
	return strings.TrimSpace(strings.NewReplacer("\r\n", "", "\n", "").Replace(f.value))
}

// maskField masks one field. What has nothing of the person stays as it was.
func (r *rewriter) maskField(f field) field {
	if f.name == "" {
		f.value, _ = r.mask(f.value, plain)
		return f
	}
	decoded := message.DecodeHeader(f.unfolded())
	if !r.shows(f.value) && !r.shows(decoded) && !r.shows(f.unfolded()) {
		return r.maskParameters(f)
	}
	word, lower := r.m.word(), strings.ToLower(f.name)
	if lower != "subject" && lower != "comments" && lower != "thread-topic" {
		word = r.atomWord()
	}
	value := encodedRun.ReplaceAllStringFunc(f.value, func(run string) string {
		text := message.DecodeHeader(run)
		masked, changed := maskText(text, r.patterns, word, maskedAddress, plain)
		if !changed {
			return run
		}
		return mime.QEncoding.Encode("utf-8", masked)
	})
	value, _ = maskText(value, r.patterns, word, maskedAddress, plain)
	out := field{f.name, value}
	if u := out.unfolded(); r.shows(u) || r.shows(message.DecodeHeader(u)) {
		out.value = r.wholeField(lower, decoded, word)
	}
	if !strings.HasSuffix(out.value, "\n") {
		out.value += "\r\n"
	}
	return r.maskParameters(out)
}

// wholeField makes a field anew whose text was spread over several words.
func (r *rewriter) wholeField(name, decoded, word string) string {
	if addressFields[name] {
		return " " + word + " <" + maskedAddress + ">\r\n"
	}
	masked, _ := maskText(decoded, r.patterns, word, maskedAddress, plain)
	if r.shows(masked) {
		masked = word
	}
	return " " + mime.QEncoding.Encode("utf-8", masked) + "\r\n"
}

// maskParameters looks at the file name of a part as it is put together from
// the pieces of RFC 2231.
func (r *rewriter) maskParameters(f field) field {
	lower := strings.ToLower(f.name)
	if lower != "content-type" && lower != "content-disposition" {
		return f
	}
	head := message.ReadPartHead([]message.Field{{Name: f.name, Value: f.unfolded()}})
	if head.Name == "" || !r.shows(head.Name) {
		return f
	}
	name, _ := maskText(head.Name, r.patterns, r.atomWord(), maskedAddress, plain)
	kind, _, _ := strings.Cut(f.unfolded(), ";")
	if lower == "content-disposition" {
		f.value = " " + strings.TrimSpace(kind) + "; " + quoted("filename", name) + "\r\n"
		return f
	}
	f.value = " " + head.Type + "; " + quoted("name", name)
	if head.Charset != "" {
		f.value += ";\r\n " + quoted("charset", head.Charset)
	}
	if head.Boundary != "" {
		f.value += ";\r\n " + quoted("boundary", head.Boundary)
	}
	f.value += "\r\n"
	return f
}

// quoted is a parameter, by RFC 2231 where it is not ASCII.
func quoted(name, value string) string {
	for i := range len(value) {
		if value[i] >= 0x80 || value[i] < ' ' {
			return strings.TrimPrefix(mime.FormatMediaType("x", map[string]string{name: value}), "x; ")
		}
	}
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
