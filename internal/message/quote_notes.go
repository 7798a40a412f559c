package message

import "strings"

// notesHeader recognises the header of older Lotus Notes at line i and cuts
// there: the sender and date in one paragraph, then the names of the fields
// each on a line of its own, the values below them.
//
//	Ann Example <ann@example.org>
//	12/05/2020 10:07 AM
//
//	To
//	Bob/EXAMPLE@EXAMPLE
//	cc
//
//	Subject
//	Order
func (sc *replyScan) notesHeader(i int, t string) bool {
	if sc.passedOn || headerClassOf(t)&hdrTo == 0 {
		return false
	}
	subject := false
	for j := i + 1; j < len(sc.lines) && j <= i+12; j++ {
		l := trimLineLeft(sc.lines[j].s)
		if l != "" && len(l) <= 16 && headerClassOf(l)&hdrSubject != 0 {
			subject = true
			break
		}
	}
	if !subject {
		return false
	}
	// The paragraph above must hold the date.
	k := i - 1
	for k >= 0 && sc.lines[k].kind == lineBlank {
		k--
	}
	dated, own := false, 0
	for ; k >= 0 && sc.lines[k].kind == lineText && own < 4; k-- {
		d, clock := hasDate(cleanAttribution(sc.lines[k].s))
		dated = dated || d && clock
		own++
	}
	if !dated {
		return false
	}
	sc.own -= own
	if !sc.cut(k + 1) {
		sc.own += own
		return false
	}
	return true
}

// groupWise recognises the attribution that Novell GroupWise puts above an
// unmarked quote: ">>> Ann <ann@example.org> 12/05/2020 10:07 >>>".
func (sc *replyScan) groupWise(i int, t string) bool {
	if sc.own == 0 || len(t) > 300 || sc.quoteFollows(i) {
		return false
	}
	f := factsOf(cleanAttribution(t))
	return f.date && (strings.HasSuffix(t, ">>>") || f.colon && f.wrote)
}
