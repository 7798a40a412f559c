package spam

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"postroom/internal/message"
	"postroom/tickets"
)

// signs finds what junk has more often than mail. It reads what the parser
// understood; nothing of it is repeated in words.
func signs(m *message.Message, to []string) []Sign {
	var out []Sign
	add := func(is bool, points float64, words string) {
		if is {
			out = append(out, Sign{points, words})
		}
	}
	add(slices.ContainsFunc(m.Attachments, runs), 4, "an attachment is a program")
	add(otherAddressInName(m), 2.5, "the author's name shows another mail address")
	add(repliesElsewhere(m), 1, "answers are wanted at another domain")
	add(m.MessageID == "", 1, "there is no Message-ID")
	add(m.Date.IsZero(), 1, "there is no readable date")
	add(len(m.From) == 0, 1.5, "there is no author")
	add(!named(m, to), 0.5, "our address stands neither in To nor in Cc")
	add(shouts(m.Subject), 1, "the subject is in capitals")
	text := strings.TrimSpace(m.Text)
	add(text == "" && len(m.Attachments) == 0, 0.5, "there is no text")
	add(onlyPictures(m, text), 1.5, "there are only pictures")
	add(mostlyLinks(text), 1.5, "there is hardly more than a link")
	add(m.Bulk && m.Get("List-Unsubscribe") == "", 1, "bulk mail without a way to end it")
	add(hidden(m.Subject), 1.5, "the subject is written with invisible or mixed letters")
	return out
}

// programs are endings under which a double click runs something.
var programs = []string{".exe", ".scr", ".pif", ".com", ".bat", ".cmd", ".vbs", ".vbe", ".js", ".jse", ".wsf", ".hta", ".lnk", ".msi",
	".jar", ".ps1", ".cpl", ".iso", ".img", ".vhd", ".docm", ".xlsm", ".one"}

func runs(a message.Attachment) bool {
	return slices.Contains(programs, strings.ToLower(path.Ext(a.Name)))
}

// otherAddressInName: "bank@example.com" <stranger@elsewhere.example>.
func otherAddressInName(m *message.Message) bool {
	if len(m.From) == 0 {
		return false
	}
	at := strings.LastIndexByte(m.From[0].Name, '@')
	if at < 1 {
		return false
	}
	domain := strings.ToLower(strings.TrimRight(m.From[0].Name[at+1:], " '\">)"))
	return strings.Contains(domain, ".") && domain != strings.ToLower(tickets.Domain(m.From[0].Address))
}

func repliesElsewhere(m *message.Message) bool {
	if len(m.From) == 0 || len(m.ReplyTo) == 0 {
		return false
	}
	from, reply := strings.ToLower(tickets.Domain(m.From[0].Address)), strings.ToLower(tickets.Domain(m.ReplyTo[0].Address))
	return from != reply && !strings.HasSuffix(from, "."+reply) && !strings.HasSuffix(reply, "."+from)
}

func named(m *message.Message, to []string) bool {
	for _, list := range [][]message.Address{m.To, m.Cc} {
		for _, a := range list {
			if slices.ContainsFunc(to, func(t string) bool { return tickets.FoldAddress(t) == tickets.FoldAddress(a.Address) }) {
				return true
			}
		}
	}
	return false
}

func shouts(s string) bool {
	upper, letters := 0, 0
	for _, r := range s {
		if unicode.IsUpper(r) {
			upper++
		}
		if unicode.IsUpper(r) || unicode.IsLower(r) {
			letters++
		}
	}
	return letters >= 12 && upper*10 >= letters*9
}

// onlyPictures: what a filter of words cannot read. Remote pictures are gone
// from what the parser shows, so those that come along count.
func onlyPictures(m *message.Message, text string) bool {
	pictures := 0
	for _, a := range m.Attachments {
		if !strings.HasPrefix(a.Type, "image/") {
			return false
		}
		if a.Inline {
			pictures++
		}
	}
	return text == "" && pictures > 0
}

func mostlyLinks(text string) bool {
	if len(text) > 2000 || !strings.Contains(text, "http") {
		return false
	}
	links, rest := 0, 0
	for w := range strings.FieldsSeq(text) {
		if strings.HasPrefix(w, "http://") || strings.HasPrefix(w, "https://") || strings.HasPrefix(w, "<http") {
			links++
		} else {
			rest += len(w)
		}
	}
	return links > 0 && rest < 40
}

// hidden: Cyrillic or Greek letters within a Latin word, or letters that take
// no room: how words are written that a filter shall not find.
func hidden(s string) bool {
	for w := range strings.FieldsSeq(s) {
		latin, alike := false, false
		for _, r := range w {
			switch {
			case r == '\u200b' || r == '\u00ad' || r == '\u2060':
				return true
			case unicode.Is(unicode.Latin, r):
				latin = true
			case unicode.Is(unicode.Cyrillic, r), unicode.Is(unicode.Greek, r) && r != 'µ' && r != 'Ω':
				alike = true
			}
		}
		if latin && alike {
			return true
		}
	}
	return false
}
