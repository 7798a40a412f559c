package mailtext

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Word names what a word on the first line of an answer means.
type Word string

// The words that privacy mails ask for.
const (
	WordConfirm Word = "confirm" // proves a mailbox
	WordCancel  Word = "cancel"  // stops an erasure in its cooling-off
	WordAgain   Word = "again"   // sends an archive once more
	WordPlain   Word = "plain"   // asks for the archive without encryption
	WordStop    Word = "stop"    // withdraws a consent, or ends advertising
)

// Words returns all words of that meaning, in every language, as FoldWord
// gives them. Whoever reads an answer takes any of them: people answer in
// another language than the one they were asked in.
func Words(w Word) []string {
	var list []string
	seen := map[string]bool{}
	for _, lang := range PrivacyLanguages() {
		for _, s := range privacyLanguages()[lang].words[w] {
			if s = FoldWord(s); !seen[s] {
				seen[s] = true
				list = append(list, s)
			}
		}
	}
	return list
}

// ProofWords are the words that prove a mailbox.
func ProofWords() []string { return Words(WordConfirm) }

// CancelWords are the words that stop an erasure.
func CancelWords() []string { return Words(WordCancel) }

// AskedWord is the word that a mail in the language asks for.
func AskedWord(lang string, w Word) string { return privacyLanguages()[spoken(lang)].words[w][0] }

// FoldWord folds a line of an answer for the comparison with a word: lower
// case, without diacritics, quotation marks and punctuation, single spaces.
func FoldWord(line string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(line)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r == 'ł':
			b.WriteRune('l')
		case r == 'ß':
			b.WriteString("ss")
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		default:
			b.WriteRune(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
