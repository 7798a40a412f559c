package privacy

import (
	"bytes"
	"slices"
	"sort"
	"strings"
	"sync"
)

// MaxText is how many bytes of a text are read; a request that begins further
// down is not seen. MaxSubject is the same for a subject.
const (
	MaxText    = 64 << 10
	MaxSubject = 1 << 10
)

// Recognise says which rights the words of a mail exercise, nil where it is no
// request. text is the body as plain text (HTML is understood as well), with
// or without quotations. Quoted words count only where the writer adds nothing
// of their own or points at them, and are never sure.
func Recognise(subject, text string) *Recognition {
	subject, text = subject[:min(len(subject), MaxSubject)], text[:min(len(text), MaxText)]
	subject, reply := cutReplyPrefix(subject)
	own, quoted := ownAndQuoted(text)
	r, below := judge(subject, own, reply)
	if r == nil && quoted != "" && below {
		if r, _ = judge(subject, quoted, reply); r != nil {
			r.Sure, r.Doubt = false, true
		}
	}
	return r
}

// cutReplyPrefix takes Re: and its like off a subject.
func cutReplyPrefix(s string) (rest string, reply bool) {
	for {
		before, after, ok := strings.Cut(s, ":")
		switch strings.ToLower(strings.TrimSpace(before)) {
		case "re", "aw", "antw", "sv", "vs", "odp", "res", "ref", "r", "rv", "回复", "답장":
			reply = true
		case "fw", "fwd", "wg", "tr", "i", "enc", "doorst", "vb":
		default:
			return s, reply
		}
		if !ok {
			return s, reply
		}
		s = after
	}
}

// The weights at which a right is told, and told surely.
const (
	enough = 1.0
	strong = 2.4
)

// room is what judging takes, kept for the next mail: every mail is judged.
type room struct {
	folded     folded
	evaluation evaluation
}

var rooms = sync.Pool{New: func() any { return new(room) }}

// leave gives the room back without what was in it, unless a long mail has made
// it large.
func (s *room) leave() {
	f, e := &s.folded, &s.evaluation
	if cap(f.bytes) > 16<<10 || cap(f.hits) > 16<<10 || cap(e.all) > 4<<10 {
		return
	}
	clear(f.bytes[:cap(f.bytes)])
	clear(e.all[:cap(e.all)])
	e.s = nil
	rooms.Put(s)
}

// judge weighs a text in the languages it may be written in. below is true
// where the words are few, or point at something quoted.
func judge(subject, text string, reply bool) (r *Recognition, below bool) {
	s := rooms.Get().(*room)
	defer s.leave()
	f := &s.folded
	f.fold(subject, text)
	if len(f.tokens) == 0 {
		return nil, true
	}
	hits, scores := f.lookUp()
	e := &s.evaluation
	*e = evaluation{text: f, reply: reply, all: e.all[:0], ends: e.ends[:0], objects: e.objects[:0]}
	var total weights
	doubt, general, language := false, false, ""
	best := 0.0
	for n, l := range candidates(scores) {
		e.read(hits, l)
		w := e.weigh()
		below = below || e.pointsBelow()
		sum := 0.0
		for i := range w {
			if w[i] < enough {
				continue
			}
			sum += w[i]
			total[i] = max(total[i], w[i])
		}
		if sum == 0 && !e.general {
			continue
		}
		if sum > best || language == "" {
			best, language, doubt = sum, lexicons[l].language, e.doubt
		}
		general = general || e.general
		if n == 0 {
			best += 0.5 // in doubt, the language most words are of
		}
	}
	below = below || len(f.tokens) <= 3
	if language == "" {
		return nil, below
	}
	return total.recognition(language, doubt), below
}

// candidates are the languages worth weighing, the likeliest first: no more
// than three.
func candidates(scores []float64) []int {
	var list []int
	for l, s := range scores {
		if s > 0 {
			list = append(list, l)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return scores[list[i]] > scores[list[j]] })
	for i, l := range list {
		if i == 3 || scores[l] < 0.4*scores[list[0]] {
			return list[:i]
		}
	}
	return list
}

// rights is the order of the weights.
var rights = [...]Right{Access, Portability, Erasure, Rectification, Restriction, Objection, ConsentWithdrawal}

const (
	iAccess = iota
	iPortability
	iErasure
	iRectification
	iRestriction
	iObjection
	iConsent
)

// weights is the evidence for each right.
type weights [len(rights)]float64

// recognition puts the rights in order of weight. What is far weaker than the
// strongest is a mention, not a request.
func (w *weights) recognition(language string, doubt bool) *Recognition {
	r := &Recognition{Rights: []Right{}, Language: language}
	order := []int{0, 1, 2, 3, 4, 5, 6}
	sort.SliceStable(order, func(i, j int) bool { return w[order[i]] > w[order[j]] })
	top := w[order[0]]
	for _, i := range order {
		if w[i] >= enough && w[i] >= 0.3*top {
			r.Rights = append(r.Rights, rights[i])
		}
	}
	r.Sure, r.Doubt = !doubt && top >= strong, doubt
	return r
}

// hit is a word or phrase of the lexicon in the text.
type hit struct {
	token    int32
	end      int32 // in the folded text
	language uint8
	mask     concept
}

// lookUp finds all words of all languages, and scores the languages by them.
func (f *folded) lookUp() (hits []hit, scores []float64) {
	d := dict()
	scores = make([]float64, len(lexicons))
	hits = slices.Grow(f.hits[:0], len(f.tokens)*4)
	for i, t := range f.tokens {
		n := int32(0)
		for p := t.start; p < int32(len(f.bytes)); p++ {
			if n = d.next(n, f.bytes[p]); n == 0 {
				break
			}
			entries := d.nodes[n].entries
			if len(entries) == 0 {
				continue
			}
			ends := f.endsWord(p+1, t)
			share := 1 / float64(len(entries))
			for _, e := range entries {
				if !ends && !e.stem {
					continue
				}
				hits = append(hits, hit{int32(i), p + 1, e.language, e.mask})
				if e.mask&cCommon != 0 {
					scores[e.language] += 1.5 * share
				} else {
					scores[e.language] += share
				}
			}
		}
	}
	f.hits = hits
	return hits, scores
}

// endsWord says whether a word can end before byte p.
func (f *folded) endsWord(p int32, t token) bool {
	return t.unspaced || p == t.end || p >= int32(len(f.bytes)) || f.bytes[p] == ' ' || f.bytes[p] == '\n'
}

// word is a token with what it means in the language at hand.
type word struct {
	mask   concept
	text   []byte
	number int // its value, 0 where it is none
	slip   bool
	hidden bool // within a phrase that means something else
}

// modifiers add to what the stem of the same word means.
const modifiers = first | cDone

// kept is what a stem still means in a longer word of its own entry, unless
// the longer one turns it into something else.
const (
	kept    = cErase | cRectify | cHold | cProcess | cAccess | cExport | cPlease | cWant
	turning = cCommon | cBusiness | cOthers | cSelf | cWrong | cRecover | cSecret | cMisdirected
)

// read gives every token its meaning in one language: the longest entry that
// begins there, slips forgiven, and nothing within a longer phrase.
func (e *evaluation) read(hits []hit, language int) {
	f := e.text
	ends := e.ends[:0]
	words := e.all[:0]
	for _, t := range f.tokens {
		words = append(words, word{text: f.word(t), number: number(f.word(t))})
		ends = append(ends, 0)
	}
	for _, h := range hits {
		if int(h.language) == language {
			w := &words[h.token]
			sameWord := h.end <= f.tokens[h.token].end
			switch {
			case h.end == ends[h.token] || h.mask&^modifiers == 0 && sameWord:
				w.mask |= h.mask
			case sameWord && h.mask&turning == 0:
				w.mask = h.mask | w.mask&kept
			default:
				w.mask = h.mask
			}
			ends[h.token] = h.end
		}
	}
	d := dict()
	for i, covered := 0, int32(0); i < len(words); i++ {
		w := &words[i]
		if f.tokens[i].start < covered {
			w.mask, w.hidden = 0, true
			continue
		}
		if w.mask == 0 && !f.tokens[i].unspaced {
			w.mask = d.misspelt(language, w.text)
			w.slip = w.mask != 0
		}
		covered = max(covered, ends[i])
		if w.mask == cCommon && bytes.IndexByte(f.bytes[f.tokens[i].start:max(ends[i], f.tokens[i].start)], ' ') >= 0 {
			w.hidden = true
		}
	}
	e.all, e.ends = words, ends
}

// number is the value of a short number that may be an article of law.
func number(w []byte) int {
	n := 0
	for i, c := range w {
		if c < '0' || c > '9' || i == 3 {
			if i > 0 && i < 3 { // 15a
				break
			}
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}
