package privacy

import (
	"slices"
	"strings"
)

// Why the officer has to look at a request.
const (
	HintUnclear     = "unclear"
	HintAutomatic   = "automatic"
	HintNobody      = "nobody"
	HintTries       = "tries"
	HintUnaligned   = "unaligned"
	HintYoung       = "young"
	HintChanged     = "changed"
	HintFactor      = "factor"
	HintDuty        = "duty"
	HintMask        = "mask"
	HintWeigh       = "weigh"
	HintUndelivered = "undelivered"
	HintTaken       = "taken"
	HintUnproved    = "unproved"
	HintOurs        = "ours"
)

// hintTexts are the hints in words.
var hintTexts = map[string]string{
	HintUnclear:     "The words leave open what is asked for. The person was offered ready-made mails to choose from. #privacy <right> says what it is, #not-a-request that it is none.",
	HintAutomatic:   "A machine sent it (an automatic reply, or a program for somebody). It is not answered by itself. #privacy <right> takes it up.",
	HintNobody:      "Nobody can be written to at the sender's address, or it is one of our own.",
	HintTries:       "Two answers to our question could not be counted as a proof.",
	HintUnaligned:   "The right answer came from the right address, but neither SPF nor DKIM proves that address.",
	HintYoung:       "The first mail of this address came less than a day before.",
	HintChanged:     "The address was made the person's less than a day ago.",
	HintFactor:      "It concerns special categories of data, or very many tickets, and no second factor was given.",
	HintDuty:        "A law obliges to keep a part of it.",
	HintMask:        "There is content of others in which the person cannot be masked (see below).",
	HintWeigh:       "It takes a person's judgement.",
	HintTaken:       "The new address proved itself, but is known here as a person of its own; nothing was put together.",
	HintOurs:        "The new address belongs to this desk or to an agent. Nobody was asked there.",
	HintUnproved:    "The mail that names the new address proved nothing: somebody else may have written it. Ask the person which address is meant before you approve it.",
	HintUndelivered: "What was asked for could not be delivered.",
}

// grounds are the reasons for which a right may be refused, by their articles.
// Every one is the officer's to choose; none is ever chosen by itself.
var grounds = map[Right][]string{
	Access:            {"12(5)", "11(2)", "12(6)", "15(4)"},
	Portability:       {"12(5)", "11(2)", "12(6)", "20", "20(3)", "20(4)"},
	Erasure:           {"12(5)", "11(2)", "12(6)", "17(1)", "17(3)(a)", "17(3)(b)", "17(3)(c)", "17(3)(d)", "17(3)(e)"},
	Rectification:     {"12(5)", "11(2)", "12(6)", "16"},
	Restriction:       {"12(5)", "11(2)", "12(6)", "18"},
	Objection:         {"12(5)", "11(2)", "12(6)", "21", "21(6)"},
	ConsentWithdrawal: {"7(3)"},
}

// groundTexts say to the officer what a ground takes.
var groundTexts = map[string]string{
	"11(2)":    "you can show that you cannot tell which person it is",
	"12(5)":    "manifestly unfounded or excessive, in particular repetitive; yours to show",
	"12(6)":    "reasonable doubts about who asks, which further proofs did not dispel",
	"15(4)":    "the rights and freedoms of others; withhold only that part (#withhold)",
	"16":       "the data is accurate and complete",
	"17(1)":    "none of the reasons to erase applies",
	"17(3)(a)": "freedom of expression and information",
	"17(3)(b)": "a legal obligation or public task",
	"17(3)(c)": "public health",
	"17(3)(d)": "archives in the public interest, research, statistics",
	"17(3)(e)": "legal claims",
	"18":       "none of the four cases of Article 18(1) applies",
	"20":       "not provided by the person, or neither consent nor contract",
	"20(3)":    "a task in the public interest",
	"20(4)":    "the rights and freedoms of others",
	"21":       "compelling legitimate grounds that override, or legal claims; never for direct marketing",
	"21(6)":    "research or statistics in the public interest",
	"7(3)":     "there is no consent that could be withdrawn",
}

// Grounds lists the grounds on which a right may be refused.
func Grounds(right Right) []string { return slices.Clone(grounds[right]) }

// GroundFor reads how an officer writes a ground, such as "Art. 17(3)(b)" or
// 17.3.b. ok is false where it is none for that right.
func GroundFor(right Right, s string) (ground string, ok bool) {
	key := foldGround(s)
	for _, g := range grounds[right] {
		if foldGround(g) == key {
			return g, true
		}
	}
	return "", false
}

func foldGround(s string) string {
	s = strings.ToLower(s)
	for _, w := range []string{"article", "art", "gdpr"} {
		s = strings.ReplaceAll(s, w, "")
	}
	var b strings.Builder
	digit := false
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9':
			if !digit {
				b.WriteByte('.') // 11(2) is not 1(12)
			}
			b.WriteRune(r)
			digit = true
			continue
		case 'a' <= r && r <= 'z':
			b.WriteRune(r)
		}
		digit = false
	}
	return b.String()
}

// groundList offers the grounds of a right to the officer.
func groundList(right Right) string {
	var b strings.Builder
	for _, g := range grounds[right] {
		b.WriteString("  " + g + strings.Repeat(" ", max(1, 11-len(g))) + groundTexts[g] + "\n")
	}
	return b.String()
}

const proofsText = `Article 12(6) lets you ask for more, and Article 12(2) does not let you refuse only because a mail proved nothing. Offer another way, for example:
- a call back to the telephone number on file;
- a question about something that only the person and you know (a recent order or invoice number), asked neutrally;
- an answer sent from within their account with you, or a letter to the postal address on file with a word to return.
Never ask for a copy of an identity card.
When you are satisfied who it is, answer this mail with "#approve identity". #close ends it with a neutral mail that names the remedies.`

const restrictedText = `The restriction of Article 18 is in force: what was there is hidden and frozen, open to you only. New mail is received and can be answered.
When it is to end, "#lift <reason>" announces that to the person and lifts it a week later (Article 18(3)).`
