package mailtext

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"postroom/privacy"
)

// Answers bring our own mails back, and not every mail client marks what is
// quoted. Our words name rights and what may be asked for; read as the
// writer's they would make requests of themselves. They are told by runs of
// words, so that line breaks, and what was filled in, change nothing.
const (
	ownRun   = 4  // words of ours in a row
	ownShare = 60 // percent of a sentence that make it ours
	ownWords = 12 // in sentences of ours: with fewer nothing is quoted
)

// ownText is what the privacy desk says, in all its languages.
type ownText struct {
	once     sync.Once
	runs     map[uint64]bool // true: a mail's own words, not such as are filled in
	subjects []string
}

// Foreign returns subject and text of an answer without the sentences of mails
// of ours in it. Where there are none they come back as they are. Who uses our
// words for a sentence or two is not taken for a quotation. What lies beyond
// privacy.MaxText is not looked at.
func (p *PrivacyMails) Foreign(subject, text string) (string, string) {
	p.own.once.Do(p.learnOwn)
	type piece struct {
		text string
		own  bool
	}
	var pieces []piece
	total := 0
	choice, _, _ := strings.Cut(p.desk.Contact, "@")
	whole := text
	text = text[:min(len(text), privacy.MaxText)]
	for _, s := range sentences(text) {
		words := strings.Fields(FoldWord(s))
		n, said := p.own.covered(words)
		own := n > 0 && n*100 >= ownShare*len(words)
		if own && said {
			total += len(words)
		}
		own = own || choice != "" && strings.Contains(s, choice+"+") // a ready-made mail to choose
		pieces = append(pieces, piece{s, own})
	}
	if total < ownWords {
		return subject, whole
	}
	var b strings.Builder
	for _, s := range pieces {
		if !s.own {
			b.WriteString(s.text)
		}
	}
	if folded := FoldWord(subject); slices.ContainsFunc(p.own.subjects, func(s string) bool { return strings.Contains(folded, s) }) {
		subject = ""
	}
	return subject, b.String() + whole[len(text):]
}

// covered counts the words that stand in runs of ours. said is true where one
// of them is of a mail itself.
func (o *ownText) covered(words []string) (n int, said bool) {
	until := 0
	for i := 0; i+ownRun <= len(words); i++ {
		if mail, ok := o.runs[runHash(words[i:i+ownRun])]; ok {
			said = said || mail
			n += i + ownRun - max(i, until)
			until = i + ownRun
		}
	}
	return n, said
}

func runHash(words []string) uint64 {
	h := fnv.New64a()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return h.Sum64()
}

// sentences parts a text after full stops and the like, at empty lines and
// before the lines of a list. Put together again they are the text.
func sentences(text string) (list []string) {
	start := 0
	cut := func(at int) {
		if at > start {
			list, start = append(list, text[start:at]), at
		}
	}
	for i := 0; i < len(text); i++ {
		next := byte('\n')
		if i+1 < len(text) {
			next = text[i+1]
		}
		switch c := text[i]; {
		case (c == '.' || c == '!' || c == '?') && (next == ' ' || next == '\n' || next == '\r'):
			after := strings.TrimLeft(text[i+1:min(len(text), i+8)], " \r\n")
			if c != '.' || after == "" || (after[0] < '0' || after[0] > '9') && (after[0] < 'a' || after[0] > 'z') { // Art. 17
				cut(i + 1)
			}
		case c == '\n' && (next == '\n' || next == '\r' || next == '-' || next == '*'):
			cut(i + 1)
		}
	}
	cut(len(text))
	return list
}

// learnOwn takes in all that is said: what stands under every mail, what is
// filled in, and the mails, the operator's wording of them included. What the
// ready-made mails say is the person's.
func (p *PrivacyMails) learnOwn() {
	o := &p.own
	o.runs = map[uint64]bool{}
	take := func(s string, said bool) {
		words := strings.Fields(FoldWord(s))
		for i := 0; i+ownRun <= len(words); i++ {
			h := runHash(words[i : i+ownRun])
			o.runs[h] = o.runs[h] || said
		}
	}
	learn := func(s string) { take(s, true) }
	parse := func(s string) {
		if t, err := parseTemplate(s); err == nil {
			t.literals(learn)
		}
	}
	for lang, w := range privacyLanguages() {
		learn(w.any)
		if t, err := parseTemplate(w.footer + "\n\n" + w.bye); err == nil {
			learn((&filler{values: map[string]string{"no": "no", "controller": p.desk.Controller, "contact": p.desk.Contact, "dpo": p.desk.DPO,
				"authority": cmp.Or(p.desk.Authority, w.any)}}).fill(t))
		}
		parse(w.footer)
		for _, s := range w.fragments {
			parse(s)
		}
		for _, m := range []map[string]string{w.grounds, w.counts, w.states} {
			for _, s := range m {
				take(s, false)
			}
		}
		for _, s := range w.rights {
			take(s, false)
		}
		for _, m := range p.texts[lang] {
			m.body.literals(learn)
			m.subject.literals(func(s string) {
				if s = FoldWord(s); len(strings.Fields(s)) > 2 {
					o.subjects = append(o.subjects, s)
				}
			})
		}
	}
}

// literals passes on what stands in the template between gaps.
func (t template) literals(fn func(string)) {
	for _, n := range t {
		if n.text != "" {
			fn(n.text)
		}
		n.yes.literals(fn)
		n.no.literals(fn)
	}
}
