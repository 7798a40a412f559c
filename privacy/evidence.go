package privacy

// evaluation weighs one text, in one language at a time.
type evaluation struct {
	text  *folded
	reply bool
	all   []word  // every token
	ends  []int32 // where its entry ends in the folded text

	// The sentence at hand.
	s       []word
	mask    concept // all of it
	around  concept // with the sentences beside it
	subject bool
	objects []object

	// What earlier sentences spoke of, so that "it" can mean it.
	carried      float64
	carriedWrong bool

	sum, most weights
	doc       concept
	mine      int // sentences that speak of the writer's own data
	askedAll  bool
	doubt     bool
	general   bool
}

// object is what a verb may act on. strength says how surely it is personal
// data of the writer; below 1 it is not enough alone.
type object struct {
	strength float64
	weak     bool // a support mail's noun between it and the verb takes its place
}

// How surely an object is the writer's personal data.
const (
	mineAndPersonal = 3.0
	allAboutMe      = 2.3
	mineData        = 2.2
	personalData    = 2.0
	myAccount       = 1.7
	onlyAboutMe     = 1.6
	myName          = 1.2
	bareAll         = 0.8
	bareData        = 0.6
)

func newEvaluation(f *folded, reply bool) *evaluation { return &evaluation{text: f, reply: reply} }

// weigh goes through the sentences and sums up.
func (e *evaluation) weigh() weights {
	e.sum, e.most, e.doc, e.mine = weights{}, weights{}, 0, 0
	e.carried, e.carriedWrong, e.askedAll, e.doubt, e.general = 0, false, false, false, false
	sentences := e.sentences()
	masks := make([]concept, len(sentences)+2)
	for i, s := range sentences {
		for _, w := range s.words {
			masks[i+1] |= w.mask
		}
		e.doc |= masks[i+1]
	}
	skipped := disclaimers(sentences, masks[1:])
	for i, s := range sentences {
		if skipped[i] {
			e.carried = 0
			continue
		}
		e.s, e.mask, e.subject = s.words, masks[i+1], s.subject
		e.around = masks[i] | masks[i+1] | masks[i+2]
		e.sentence()
	}
	return e.conclude()
}

// sentence is a run of words between full stops.
type sentence struct {
	words     []word
	paragraph int32
	subject   bool
}

// sentences cuts the words into sentences, without the letters of unspaced
// scripts that mean nothing, so that distances are those between words.
func (e *evaluation) sentences() []sentence {
	var list []sentence
	tokens := e.text.tokens
	kept := e.all[:0]
	for i := 0; i < len(tokens); {
		id, from := tokens[i].sentence, len(kept)
		for ; i < len(tokens) && tokens[i].sentence == id; i++ {
			if !tokens[i].unspaced || e.all[i].mask != 0 {
				kept = append(kept, e.all[i])
			}
		}
		list = append(list, sentence{kept[from:len(kept):len(kept)], e.text.paragraphs[id], id == 0})
	}
	e.all = kept
	return list
}

// disclaimers finds the sentences of footers that speak to whoever gets the
// mail by mistake: from the first such sentence to the end of its paragraph.
func disclaimers(list []sentence, masks []concept) []bool {
	skip := make([]bool, len(list))
	for i := 0; i < len(list); {
		j, all := i, concept(0)
		for ; j < len(list) && list[j].paragraph == list[i].paragraph && list[j].subject == list[i].subject; j++ {
			all |= masks[j]
		}
		if all&cSecret != 0 && all&cMisdirected != 0 {
			on := false
			for k := i; k < j; k++ {
				on = on || masks[k]&(cSecret|cMisdirected) != 0
				skip[k] = on
			}
		}
		i = j
	}
	return skip
}

// near says whether a word of the kind stands within before words before i or
// after words after it.
func (e *evaluation) near(i int, kind concept, before, after int) bool {
	return e.find(i, kind, before, after) >= 0
}

// find is the index of the nearest such word, -1 where there is none.
func (e *evaluation) find(i int, kind concept, before, after int) int {
	for d := 1; d <= max(before, after); d++ {
		if j := i + d; d <= after && j < len(e.s) && e.s[j].mask&kind != 0 {
			return j
		}
		if j := i - d; d <= before && j >= 0 && e.s[j].mask&kind != 0 {
			return j
		}
	}
	return -1
}

// findObjects weighs every word of the sentence as an object.
func (e *evaluation) findObjects() {
	e.objects = e.objects[:0]
	for range e.s {
		e.objects = append(e.objects, object{})
	}
	const nouns = cData | cPData | cAccount | cAll | cAboutMe | cIdent | cAbout
	if e.mask&nouns == 0 {
		return
	}
	for j := range e.s {
		if e.s[j].mask&cAbout != 0 && !e.near(j, cBusiness, 0, 3) {
			if k := e.find(j, cMeAcc|cMeDat, 0, 1); k >= 0 && e.s[k].mask&cMy == 0 {
				e.s[j].mask |= cAboutMe
				e.mask |= cAboutMe
			}
		}
	}
	for j := range e.s {
		if e.s[j].mask&cAboutMe != 0 && e.possessive(j+1) {
			e.s[j].mask &^= cAboutMe
		}
		if e.s[j].mask&nouns != 0 {
			e.objects[j] = e.objectAt(j)
		}
	}
}

// possessive says whether the "mi" at j, which folding made of "mí", belongs
// to the noun after it: "sobre mi pedido".
func (e *evaluation) possessive(j int) bool {
	if j+1 >= len(e.s) || string(e.s[j].text) != "mi" {
		return false
	}
	next := e.s[j+1].mask
	return next == 0 || next&(cBusiness|cIdent|cAccount|cRecords|cPersonal|cData) != 0
}

func (e *evaluation) objectAt(j int) object {
	m := e.s[j].mask
	switch {
	case m&(cData|cPData) != 0:
		return e.dataAt(j)
	case m&cAccount != 0:
		if e.near(j, cBusiness, 1, 1) {
			return object{}
		}
		if m&cMy != 0 || e.near(j, cMy, 4, 1) || e.near(j, cHave, 2, 0) && e.near(j, cMe, 3, 0) {
			return object{myAccount, true}
		}
		if e.subject && e.mask&cOthers == 0 {
			return object{1.1, true}
		}
		return object{0.7, true}
	case m&cAboutMe != 0:
		return object{onlyAboutMe, false}
	case m&cAll != 0:
		if e.near(j, cAboutMe, 6, 8) {
			return object{allAboutMe, false}
		}
		if e.near(j, cBusiness, 2, 6) {
			return object{}
		}
		return object{bareAll, true}
	case m&cIdent != 0 && (m&cMy != 0 || e.near(j, cMy, 2, 1)):
		if e.near(j, cBusiness, 2, 5) {
			return object{0.4, true}
		}
		return object{myName, true}
	}
	return object{}
}

func (e *evaluation) dataAt(j int) object {
	m := e.s[j].mask
	personal := m&cPData != 0 || e.near(j, cPersonal, 2, 3)
	mine := m&cMy != 0 || e.near(j, cMy, 4, 2) || e.near(j, cAboutMe, 4, 8)
	business := e.near(j, cBusiness, 2, 2)
	others := e.near(j, cOthers, 4, 5)
	switch {
	case !mine && e.near(j, cYour, 2, 0):
		return object{}
	case !mine && others:
		return object{0.3, true}
	case personal && mine:
		return object{mineAndPersonal, false}
	case business && !personal:
		return object{0.4, true}
	case personal:
		if e.mask&first == 0 && e.mask&asking == 0 && !e.subject {
			return object{0.7, false}
		}
		if e.mask&(cMy|cAboutMe) != 0 && e.mask&asking != 0 {
			return object{personalData + 0.6, false}
		}
		return object{personalData, false}
	case mine:
		return object{mineData, true}
	case e.subject:
		return object{1.1, true}
	}
	return object{bareData, true}
}

// strongest is the best object for the verb at i, less with distance.
func (e *evaluation) strongest(i, before, after int) float64 {
	best := e.objects[i].strength
	for j := max(0, i-before); j <= min(len(e.s)-1, i+after); j++ {
		o := e.objects[j]
		if o.strength == 0 || j == i {
			continue
		}
		distance := j - i
		if distance < 0 {
			distance = -distance
		}
		v := o.strength - 0.03*float64(distance)
		if v > best && !(o.weak && e.displaced(i, j)) {
			best = v
		}
	}
	return best
}

// displaced says whether the verb at i acts on a support mail's noun instead
// of the object at j: "remove the item from my account". Joined by "and" they
// are both acted on.
func (e *evaluation) displaced(i, j int) bool {
	from, to := i+1, j
	if j < i {
		if e.near(i, cBusiness, 0, 4) {
			return true
		}
		from, to = j+1, i
	}
	for k := from; k < to; k++ {
		if e.s[k].mask&cBusiness != 0 {
			for a := k + 1; a < to; a++ {
				if e.s[a].mask&cAnd != 0 {
					return false
				}
			}
			return true
		}
	}
	return false
}

// negated says whether the verb at i is something not to be done.
func (e *evaluation) negated(i int) bool {
	if e.conditional() || e.s[i].mask&cDone != 0 {
		return false
	}
	for j := i - 1; j >= max(0, i-4); j-- {
		if e.s[j].mask&cNot != 0 && e.s[j].mask&cStop == 0 {
			return true
		}
	}
	for j := i + 1; j <= min(len(e.s)-1, i+4); j++ {
		switch string(e.s[j].text) {
		case "nicht", "niet", "inte", "ikke", "nich":
			return j+1 == len(e.s) || e.s[j+1].mask&cStop == 0 && string(e.s[j+1].text) != "mehr" && string(e.s[j+1].text) != "meer" && string(e.s[j+1].text) != "nur"
		}
	}
	return false
}

// conditional says whether the sentence begins with "if".
func (e *evaluation) conditional() bool {
	return e.mask&cIf != 0 && e.opening(cIf, 3)
}

// opening says whether one of the first n words is of the kind.
func (e *evaluation) opening(kind concept, n int) bool {
	for i := range min(n, len(e.s)) {
		if e.s[i].mask&kind != 0 {
			return true
		}
	}
	return false
}

// add counts evidence for a right, found at word i.
func (e *evaluation) add(right int, v float64, i int) {
	if v <= 0 {
		return
	}
	if e.s[i].slip {
		v *= 0.8
	}
	if e.mask&first == 0 && e.mask&asking == 0 && !e.subject && i > 1 {
		v *= 0.5
	}
	if e.subject {
		v *= 1.2
		if e.reply {
			v *= 0.4
		}
	}
	if e.mask&cHow != 0 && e.opening(cHow, 3) {
		v *= 0.7
		e.doubt = true
	}
	e.sum[right] += v
	e.most[right] = max(e.most[right], v)
}

// conclude turns what was found into weights.
func (e *evaluation) conclude() weights {
	var w weights
	offers := 0
	for _, x := range e.all {
		if x.mask&cOffer != 0 {
			offers++
		}
	}
	if offers >= 3 && e.mine == 0 {
		e.general = false
		return w
	}
	e.doubt = e.doubt || offers >= 3
	if e.askedAll && e.most[iErasure] >= enough {
		e.most[iAccess] = max(e.most[iAccess], 1.1)
	}
	for i := range w {
		w[i] = e.most[i] + min(0.25*max(0, e.sum[i]-e.most[i]), 1.5)
		if e.doc&cLaw != 0 && w[i] >= 0.8 {
			w[i] += 0.6
		}
	}
	if words := len(e.all); words > 0 && words <= 3 && e.doc&(cStop|cUnsub) != 0 && e.doc&cBusiness == 0 {
		w[iObjection] = max(w[iObjection], 1.2)
	}
	return w
}

// pointsBelow says whether a text is short and speaks of what is quoted.
func (e *evaluation) pointsBelow() bool {
	return len(e.all) <= 3 || len(e.all) <= 40 && e.doc&cBelow != 0
}
