package privacy

import (
	"sort"
	"strings"
	"sync"
)

// lexicon holds the words of one language by concept: separated by space, an
// underscore for the space of a phrase, a star after a stem. Marks may be
// written; they are folded as texts are. The longest entry that fits counts,
// and hides the shorter ones within it.
type lexicon struct {
	language string
	words    map[concept]string
}

// lexicons are the languages known, those with most words first.
var lexicons = []lexicon{english, german, french, spanish, italian, dutch, polish, portuguese,
	swedish, danish, norwegian, finnish, czech, slovak, hungarian, romanian, greek, russian, ukrainian, turkish,
	japanese, chinese, korean, arabic}

// everywhere are words that mean the same in any language.
var everywhere = map[concept]string{
	cLaw:    `gdpr dsgvo rgpd rodo bdar vdar ccpa lgpd kvkk lopd lopdgdd 2016_679 revdsg`,
	cFormat: `csv json xml`,
	cUnsub:  `unsubscribe`,
}

// unspacedLanguages have stems only.
var unspacedLanguages = map[string]bool{"ja": true, "zh": true, "ko": true, "ar": true}

// entry is what a key means in one language.
type entry struct {
	language uint8
	stem     bool
	mask     concept
}

// node is a byte of the trie of all keys.
type node struct {
	children []edge
	entries  []entry
}

type edge struct {
	b  byte
	to int32
}

// stem is a word long enough to be found with a slip in it.
type stem struct {
	text    string
	letters uint32 // which of a..z it holds
	mask    concept
}

// dictionary is the lexicons made searchable. It is never changed.
type dictionary struct {
	root  [256]int32
	nodes []node
	// slips are, by language and first letter, what may be misspelt.
	slips [][26][]stem
}

// tolerant are the concepts whose words are looked for with slips in them.
const tolerant = cErase | cData | cPData | cPersonal | cAccount | cRectify | cRestrict | cObject | cWithdraw | cConsent | cMarketing |
	cUnsub | cPort | cAccess | cAll

// dict builds the dictionary at the first use.
var dict = sync.OnceValue(func() *dictionary {
	d := &dictionary{nodes: make([]node, 1, 1<<15), slips: make([][26][]stem, len(lexicons))}
	for i, l := range lexicons {
		for _, words := range []map[concept]string{l.words, everywhere} {
			for mask := concept(1); mask != 0; mask <<= 1 { // in order, so that every start builds the same
				for _, w := range strings.Fields(words[mask]) {
					d.add(uint8(i), mask, w, unspacedLanguages[l.language])
				}
			}
		}
	}
	for l := range d.slips {
		for c := range d.slips[l] {
			s := d.slips[l][c]
			sort.Slice(s, func(i, j int) bool { return s[i].text < s[j].text })
		}
	}
	return d
})

// umlauts are also written with two letters.
var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "ø", "oe")

func (d *dictionary) add(language uint8, mask concept, word string, stemsOnly bool) {
	word, isStem := strings.CutSuffix(word, "*")
	isStem = isStem || stemsOnly
	word = strings.ReplaceAll(word, "_", " ")
	d.insert(foldWord(word), entry{language, isStem, mask})
	if v := umlauts.Replace(word); v != word {
		d.insert(foldWord(v), entry{language, isStem, mask})
	}
	key := foldWord(word)
	if mask&tolerant != 0 && len(key) >= 5 && isASCIIWord(key) {
		s := &d.slips[language][key[0]-'a']
		*s = append(*s, stem{key, letters([]byte(key)), mask})
	}
}

func (d *dictionary) insert(key string, e entry) {
	n := int32(0)
	for i := range len(key) {
		n = d.child(n, key[i])
	}
	list := d.nodes[n].entries
	for i := range list {
		if list[i].language == e.language && list[i].stem == e.stem {
			list[i].mask |= e.mask
			return
		}
	}
	d.nodes[n].entries = append(list, e)
}

func (d *dictionary) child(n int32, b byte) int32 {
	if next := d.next(n, b); next != 0 {
		return next
	}
	d.nodes = append(d.nodes, node{})
	to := int32(len(d.nodes) - 1)
	if n == 0 {
		d.root[b] = to
	} else {
		d.nodes[n].children = append(d.nodes[n].children, edge{b, to})
	}
	return to
}

// next is the node after b, 0 where there is none.
func (d *dictionary) next(n int32, b byte) int32 {
	if n == 0 {
		return d.root[b]
	}
	for _, e := range d.nodes[n].children {
		if e.b == b {
			return e.to
		}
	}
	return 0
}

func isASCIIWord(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

func letters(w []byte) (set uint32) {
	for _, c := range w {
		if 'a' <= c && c <= 'z' {
			set |= 1 << (c - 'a')
		}
	}
	return set
}
