package consent

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// Basis is a lawful basis of Article 6(1) GDPR.
type Basis string

// The bases that mail can rest on.
const (
	BasisConsent    Basis = "consent"
	BasisContract   Basis = "contract"
	BasisObligation Basis = "legal-obligation"
	BasisInterest   Basis = "legitimate-interest"
)

// Article names where the law has the basis; empty for what is none.
func (b Basis) Article() string {
	switch b {
	case BasisConsent:
		return "Article 6(1)(a) GDPR"
	case BasisContract:
		return "Article 6(1)(b) GDPR"
	case BasisObligation:
		return "Article 6(1)(c) GDPR"
	case BasisInterest:
		return "Article 6(1)(f) GDPR"
	}
	return ""
}

// Bar says what a consent takes beside the person's own answer.
type Bar string

// The bars.
const (
	BarNormal  Bar = "normal"
	BarChild   Bar = "child"   // a parent confirms, from another proved address (Article 8)
	BarSpecial Bar = "special" // an express statement, and the officer's review (Article 9(2)(a))
)

// What may be missing, as words of Entry.Lacks.
const (
	LacksParent = "parent"
	LacksReview = "review"
)

func (b Bar) lacks() string {
	switch b {
	case BarChild:
		return LacksParent
	case BarSpecial:
		return LacksReview
	}
	return ""
}

// Wording is what is asked, in one language. The same words always bear the
// same version: who changes them gives them a new one.
type Wording struct {
	Language  string // ISO 639-1
	Version   string
	Title     string // the purpose in a word or two; empty: its name
	Text      string // one purpose, in plain words
	Statement string // the express statement under the bar special; else empty
}

// Hash is SHA-256 over language, version, title, text and statement, each after
// its length. It is what the ledger keeps, so that the words can be proved later.
func (w Wording) Hash() []byte {
	h := sha256.New()
	for _, s := range []string{w.Language, w.Version, w.Title, w.Text, w.Statement} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	return h.Sum(nil)
}

// Purpose is what personal data is used for on its own basis, such as news.
type Purpose struct {
	Name     string
	Kind     string // of the mails: news or survey
	Basis    Basis
	Bar      Bar
	Lasts    time.Duration // a consent expires so long after it was given; 0: never
	Wordings []Wording     // the last of a language is asked; a consent to an earlier one stands as long as it is listed
}

// Label is how mails in the language name the purpose.
func (p *Purpose) Label(language string) string {
	if w := p.Current(language); w != nil && w.Title != "" {
		return w.Title
	}
	return p.Name
}

// Current returns the wording that is asked in the language, else in English,
// else the first language's; nil when there is none at all.
func (p *Purpose) Current(language string) *Wording {
	for _, l := range []string{strings.ToLower(language), "en"} {
		if i := lastOf(p.Wordings, l); i >= 0 {
			return &p.Wordings[i]
		}
	}
	if len(p.Wordings) == 0 {
		return nil
	}
	return &p.Wordings[lastOf(p.Wordings, p.Wordings[0].Language)]
}

func lastOf(list []Wording, language string) int {
	for i, w := range slices.Backward(list) {
		if w.Language == language {
			return i
		}
	}
	return -1
}

// Wording finds the words by version, language and hash; nil when they are not
// listed, or were changed without a new version.
func (p *Purpose) Wording(e *Entry) *Wording {
	for i := range p.Wordings {
		w := &p.Wordings[i]
		if w.Version == e.Version && w.Language == e.Language && slices.Equal(w.Hash(), e.WordingHash) {
			return w
		}
	}
	return nil
}

// Rules are what the configuration says of consent.
type Rules struct {
	Purposes    []Purpose
	Bases       map[string]Basis // of each kind of mail: ack, answer, notification, receipt, report, privacy, news, survey
	ChildTags   []string         // a ticket's tag that raises the bar
	SpecialTags []string
	Keep        time.Duration // how long the proof outlives an erasure
}

// Purpose returns the purpose of that name, compared without case, or nil.
func (r *Rules) Purpose(name string) *Purpose {
	for i := range r.Purposes {
		if strings.EqualFold(r.Purposes[i].Name, name) {
			return &r.Purposes[i]
		}
	}
	return nil
}

// Bars gives what a consent takes because of tags of the person's tickets.
func (r *Rules) Bars(tags []string) (lacks string) {
	for _, t := range tags {
		if slices.Contains(r.ChildTags, t) {
			lacks = union(lacks, LacksParent)
		}
		if slices.Contains(r.SpecialTags, t) {
			lacks = union(lacks, LacksReview)
		}
	}
	return lacks
}

// union joins two lists of what is missing, in a fixed order.
func union(a, b string) string {
	var out []string
	for _, w := range []string{LacksParent, LacksReview} {
		if lacks(a, w) || lacks(b, w) {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

func lacks(list, what string) bool { return slices.Contains(strings.Fields(list), what) }

func without(list, what string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(list), func(w string) bool { return w == what }), " ")
}

// Use is a kind of mail or a purpose, with the basis it rests on.
type Use struct {
	Name  string
	Basis Basis
}

// Uses lists the kinds of mail that go to people outside the team, and the
// purposes as they are named in the language, for whoever asks on what the use
// of their data rests (Articles 13(1)(c) and 15(1)(a) GDPR).
func (r *Rules) Uses(language string) []Use {
	var out []Use
	for _, kind := range []string{"ack", "answer", "privacy"} {
		if b, ok := r.Bases[kind]; ok {
			out = append(out, Use{kind, b})
		}
	}
	for i := range r.Purposes {
		out = append(out, Use{r.Purposes[i].Label(language), r.Purposes[i].Basis})
	}
	return out
}
