// Package mailtext holds the words of the mails that Postroom writes by itself:
// acknowledgements with the privacy notice in the customer's language, and what
// agents read about new messages, receipts and failures, in English.
//
// It is pure text in, text out. The acknowledgement takes nothing that a
// sender wrote, so that nobody can use it to say something to a third person
// (docs/threats.md H12); what agents read shows a stranger's words only below a
// line, and names every address in plain sight.
package mailtext

import (
	"fmt"
	"strings"
	"time"
)

// Base gives the two-letter language of a tag such as pt-BR, in lower case.
func Base(tag string) string {
	tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	tag, _, _ = strings.Cut(tag, "_")
	switch tag {
	case "no", "nn":
		return "nb"
	}
	return tag
}

// Earlier is a message that came before, for the short history of a notification.
type Earlier struct {
	At   time.Time
	Who  string
	Text string
}

// size says bytes in words.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", (n+1<<9)>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// clip shortens a text to some lines and characters, and says so.
func clip(s string, lines, runes int) string {
	s = strings.TrimSpace(s)
	cut := false
	list := strings.Split(s, "\n")
	if len(list) > lines {
		list, cut = list[:lines], true
	}
	s = strings.Join(list, "\n")
	if n := 0; len(s) > runes {
		for i := range s {
			if n++; n > runes {
				s, cut = s[:i], true
				break
			}
		}
	}
	if cut {
		s = strings.TrimRight(s, " \n") + " […]"
	}
	return s
}
