package privacy

import "math/bits"

// misspelt finds what a word without an entry may have been meant to be: a
// stem with one letter wrong, missing, doubled or swapped, two in long stems.
// The first letter must be right.
func (d *dictionary) misspelt(language int, w []byte) concept {
	if len(w) < 5 || len(w) > 24 || w[0] < 'a' || w[0] > 'z' {
		return 0
	}
	set := letters(w)
	for i := range d.slips[language][w[0]-'a'] {
		s := &d.slips[language][w[0]-'a'][i]
		slack := 1
		if len(s.text) >= 9 {
			slack = 2
		}
		if len(w) < len(s.text)-slack+1 || len(w) > len(s.text)+4 || bits.OnesCount32(s.letters&^set) > slack {
			continue
		}
		if startDistance(s.text, w, slack) <= slack {
			return s.mask
		}
	}
	return 0
}

// startDistance is the least number of slips between a stem and any start of a
// word (optimal string alignment), or more than slack. Both are shorter than
// 32 bytes.
func startDistance(stem string, w []byte, slack int) int {
	if len(stem) >= 32 || len(w) >= 32 {
		return slack + 1
	}
	var rows [3][32]int8
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(w) + 1 {
		last[j] = int8(j)
	}
	for i := 1; i <= len(stem); i++ {
		row[0] = int8(i)
		least := row[0]
		for j := 1; j <= len(w); j++ {
			cost := int8(1)
			if stem[i-1] == w[j-1] {
				cost = 0
			}
			v := min(last[j-1]+cost, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && stem[i-1] == w[j-2] && stem[i-2] == w[j-1] {
				v = min(v, before[j-2]+1)
			}
			row[j] = v
			least = min(least, v)
		}
		if int(least) > slack {
			return slack + 1
		}
		before, last, row = last, row, before
	}
	best := slack + 1
	for j := range len(w) + 1 {
		best = min(best, int(last[j]))
	}
	return best
}
