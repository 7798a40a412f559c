// Package privacy is the privacy desk. Its first part recognises, from the
// words of a mail alone, that somebody exercises a right over their personal
// data.
//
// What must hold: a request needs no form, no article of law and no particular
// language (Articles 12(2) and 15 to 22 GDPR), so evidence is weighed instead
// of phrases compared; an ordinary support mail is not taken for a request;
// and what is unsure is said to be unsure, for the privacy officer to decide.
// Recognition decides nothing by itself and proves nothing about the sender.
//
// All text is hostile. Time and memory are linear in the first MaxText bytes
// and the rest is not read. There is no I/O and nothing to fail: the worst
// outcome is a wrong answer, which is why nothing is ever erased or sent on
// this answer alone.
package privacy

// Right is one of the rights of a data subject.
type Right string

// The rights that a mail can exercise.
const (
	Access            Right = "access"             // Article 15 GDPR
	Portability       Right = "portability"        // Article 20
	Erasure           Right = "erasure"            // Article 17
	Rectification     Right = "rectification"      // Article 16
	Restriction       Right = "restriction"        // Article 18
	Objection         Right = "objection"          // Article 21
	ConsentWithdrawal Right = "consent-withdrawal" // Article 7(3)
)

// Recognition is what the words of a mail ask for.
type Recognition struct {
	// Rights in order of weight, each once. Empty, not nil, where somebody
	// exercises their rights without saying which.
	Rights []Right
	// Language is the ISO 639-1 code of the words that told.
	Language string
	// Sure is false where a person should look before anything follows.
	Sure bool
	// Doubt says that something in the words speaks against it, such as an
	// offer, or words that are only quoted; without it an answer that is not
	// sure is only weak, and what is written to the privacy address is strong
	// enough to be asked about.
	Doubt bool
}
