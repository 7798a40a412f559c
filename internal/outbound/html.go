package outbound

import (
	"html"
	"strings"
)

// htmlOf makes plain HTML of a text: paragraphs, line breaks, quotes. It holds
// nothing that the text does not.
func htmlOf(text string) string {
	var b strings.Builder
	depth := 0
	for line := range strings.SplitSeq(strings.TrimSpace(cleanText(text)), "\n") {
		level := 0
		for strings.HasPrefix(line, ">") && level < 10 {
			line = strings.TrimPrefix(line[1:], " ")
			level++
		}
		for ; depth < level; depth++ {
			b.WriteString("<blockquote>\n")
		}
		for ; depth > level; depth-- {
			b.WriteString("</blockquote>\n")
		}
		lead := len(line) - len(strings.TrimLeft(line, " "))
		b.WriteString(strings.Repeat("&nbsp;", min(lead, 40)) + html.EscapeString(line[lead:]) + "<br>\n")
	}
	for ; depth > 0; depth-- {
		b.WriteString("</blockquote>\n")
	}
	return "<!DOCTYPE html>\n<html><body>\n" + b.String() + "</body></html>\n"
}
