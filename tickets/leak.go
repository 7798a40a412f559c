package tickets

import (
	"strings"
	"unicode"
)

// The shortest text of a note, and the shortest line of one, by which it is
// known again in an answer; shorter ones stand in ordinary sentences.
const (
	leakText = 12
	leakLine = 24
)

// Leaks says what internal an answer would carry to the customer, or "". An
// agent who answers between or below the lines of a notification may leave in
// it what the team wrote to itself; who reads the text cannot tell that from
// the agent's own words, so that such a mail is stopped (docs/threats.md H11).
// marks are words that only our own mails to agents have.
func Leaks(text string, messages []*Message, marks []string) string {
	answer := letters(text)
	for _, m := range marks {
		if strings.Contains(answer, letters(m)) {
			return "parts of the notification, with what it says of the ticket"
		}
	}
	for _, m := range messages {
		internal := m.Direction == DirectionNote && m.AuthorAgent != 0 && m.Kind == "mail"
		if (internal || m.Unverified) && quotes(answer, m.Text) {
			if internal {
				return "an internal note"
			}
			return "a message that is shown to agents only"
		}
	}
	return ""
}

// quotes reports whether an answer, in letters, holds a text or a whole line of it.
func quotes(answer, text string) bool {
	_, text, _ = ParseCommands(text)
	if l := letters(text); len(l) >= leakText && strings.Contains(answer, l) {
		return true
	}
	for line := range strings.SplitSeq(text, "\n") {
		if l := letters(line); len(l) >= leakLine && strings.Contains(answer, l) {
			return true
		}
	}
	return false
}

// letters is a text without all that quoting and wrapping change.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
