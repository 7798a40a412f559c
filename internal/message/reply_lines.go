package message

import (
	"slices"
	"strings"
	"unicode/utf8"
)

type lineKind uint8

const (
	lineText  lineKind = iota
	lineBlank          // nothing but space
	lineQuote          // marked as somebody else's, with >
	lineGone           // attribution, separator, signature, footer: not shown
)

// replyLine is a line of a body, without the space at its end.
type replyLine struct {
	s          string
	kind       lineKind
	introduced bool // first line of a quote that an attribution introduces
}

// splitReplyLines returns the lines that are examined, and the text after
// them as it stands. lines is to be used again.
func splitReplyLines(lines []replyLine, text string) (_ []replyLine, tail string) {
	head := text
	if len(head) > maxReplyBytes {
		head = head[:maxReplyBytes]
		if i := strings.LastIndexByte(head, '\n'); i > 0 {
			head = head[:i]
		} else {
			for len(head) > 0 && !utf8.RuneStart(text[len(head)]) {
				head = head[:len(head)-1]
			}
		}
	}
	n := strings.Count(head, "\n") + 1
	if n > maxReplyLines {
		n = maxReplyLines
	}
	lines = slices.Grow(lines[:0], n)
	at := 0
	for len(lines) < n {
		nl := strings.IndexByte(head[at:], '\n')
		if nl < 0 {
			lines = append(lines, replyLine{s: trimLineRight(head[at:])})
			at = len(head)
			break
		}
		lines = append(lines, replyLine{s: trimLineRight(head[at : at+nl])})
		at += nl + 1
	}
	if at < len(text) {
		tail = strings.TrimPrefix(text[at:], "\n")
	}
	return lines, tail
}

func trimLineRight(s string) string {
	for len(s) > 0 {
		switch c := s[len(s)-1]; {
		case c == ' ' || c == '\t':
			s = s[:len(s)-1]
		case c == 0xA0 && len(s) > 1 && s[len(s)-2] == 0xC2:
			s = s[:len(s)-2]
		default:
			return s
		}
	}
	return s
}

func trimLineLeft(s string) string {
	for len(s) > 0 {
		switch c := s[0]; {
		case c == ' ' || c == '\t':
			s = s[1:]
		case c == 0xC2 && len(s) > 1 && s[1] == 0xA0:
			s = s[2:]
		case c == 0xEF && strings.HasPrefix(s, "\uFEFF"):
			s = s[3:]
		default:
			return s
		}
	}
	return s
}

// replyScan walks once over the lines and says of each what it is.
type replyScan struct {
	lines       []replyLine
	end         int   // lines from here on are somebody else's
	own         int   // lines of own text so far
	verbatim    int   // from here on a message that is passed on; -1 if none
	passedOn    bool  // the mail began with a header block: nothing below is cut
	introduced  bool  // an attribution was just seen
	joinWrapped bool  // unmarked ends of wrapped quote lines belong to the quote
	touched     bool  // some line was changed or taken away
	delims      []int // signature delimiters since the last quote
	noFence     bool  // no closing code fence is ahead
}

func (sc *replyScan) classify() {
	sc.verbatim = -1
	n := len(sc.lines)
	for i := 0; i < n && i < sc.end; i++ {
		ln := &sc.lines[i]
		if ln.kind == lineGone {
			continue
		}
		t := trimLineLeft(ln.s)
		if t == "" {
			ln.kind = lineBlank
			continue
		}
		if t[0] == '>' && !(i > 0 && endsWrapped(t) && sc.tryAttribution(i)) {
			if strings.HasPrefix(t, ">>> ") && sc.groupWise(i, t) {
				sc.cut(i)
				continue
			}
			if ln.kind != lineGone {
				sc.closeSignature(i)
				ln.kind, ln.introduced, sc.introduced = lineQuote, sc.introduced, false
				sc.touched = true
			}
			continue
		}
		if ln.kind == lineGone {
			continue
		}
		if sc.joinWrapped && sc.continuesQuote(i, t) {
			ln.kind = lineQuote
			continue
		}
		if t[0] == '`' && strings.HasPrefix(t, "```") {
			if j := sc.fenceEnd(i); j > 0 {
				sc.own += j - i
				i = j
				continue
			}
		}
		if sc.marker(i, t) {
			continue
		}
		if sc.verbatim >= 0 {
			break
		}
		if ln.kind == lineText {
			sc.own++
		}
	}
	sc.closeSignature(min(n, sc.end))
}

// marker looks whether line i starts something that is not the writer's own
// text, and marks it. It reports whether the line was dealt with.
func (sc *replyScan) marker(i int, t string) bool {
	c, last := t[0], t[len(t)-1]
	decorated := c == '-' || c == '_' || c == '=' || c == '*' || c == '#' || c == '~' || c == '+' || c == '[' || (c == 0xE2 && isDash(t))
	if decorated && sc.decorated(i, t) {
		return true
	}
	if sc.verbatim >= 0 {
		return true
	}
	if len(t) > 600 {
		return false
	}
	if colon := headerColon(t); colon > 0 && !sc.passedOn {
		if class, _ := headerKey(t, colon); class != 0 && sc.headerBlock(i) {
			return sc.cut(i)
		}
	}
	if len(t) <= 12 && sc.notesHeader(i, t) {
		return true
	}
	if last == ':' || last == '-' || last == '>' || last >= 0x80 || last == ')' || last == '*' || last == '_' || strings.IndexByte(t, '@') >= 0 {
		if last == ':' && isForwardPhrase(t) {
			sc.passOn(i)
			return true
		}
		if last == ':' && isReplyLine(t) {
			return sc.replyLine(i)
		}
		if sc.tryAttribution(i) {
			return true
		}
	}
	if (c|0x20 == 'p' || c|0x20 == 'r') && strings.Contains(t, "above this") && isReplyLine(t) {
		return sc.replyLine(i)
	}
	if len(t) <= 220 && sc.alone(i) && isFooterStart(t) && isMobileFooter(t, i > 0 && sc.lines[i-1].kind == lineText) {
		sc.lines[i].kind = lineGone
		sc.touched = true
		return true
	}
	return false
}

// cut ends the own text at line i, with the separators and blank lines above
// it. Without own text above, the mail is one that is passed on, and stays.
func (sc *replyScan) cut(i int) bool {
	sc.closeSignature(i)
	if sc.own == 0 {
		sc.passedOn = true
		return false
	}
	sc.end = i
	sc.touched = true
	return true
}

// passOn keeps everything from line i on as it stands.
func (sc *replyScan) passOn(i int) {
	sc.closeSignature(i)
	sc.verbatim = i
}

// tryAttribution marks line i and those above it that belong to it, if they
// introduce a quote.
func (sc *replyScan) tryAttribution(i int) bool {
	a, ok := sc.attribution(i)
	if !ok {
		return false
	}
	if !a.quoteNext && !a.strong {
		return false
	}
	// Lines taken for own text so far that are part of the attribution.
	back := 0
	for k := a.start; k < i; k++ {
		if sc.lines[k].kind == lineText {
			back++
		}
	}
	if a.prefix != "" && a.start < i {
		back--
	}
	above := sc.own - back
	if a.prefix != "" && a.start == i {
		above++
	}
	if !a.quoteNext && (above <= 0 || sc.passedOn) {
		return false
	}
	sc.closeSignature(a.start)
	sc.own = max(sc.own-back, 0)
	sc.touched = true
	start := a.start
	if a.prefix != "" {
		sc.lines[start] = replyLine{s: a.prefix}
		if start == i {
			sc.own++
		}
		start++
	}
	if !a.quoteNext {
		if sc.own == 0 {
			return false
		}
		sc.end = start
		return true
	}
	for k := start; k <= i; k++ {
		if sc.lines[k].kind != lineBlank {
			sc.lines[k].kind = lineGone
		}
	}
	sc.introduced = true
	return true
}

// continuesQuote reports whether an unmarked line between two quoted ones is
// the end of the one above, broken by a mail program that wraps.
func (sc *replyScan) continuesQuote(i int, t string) bool {
	if i == 0 || i+1 >= len(sc.lines) || sc.lines[i-1].kind != lineQuote {
		return false
	}
	next := trimLineLeft(sc.lines[i+1].s)
	if next == "" || next[0] != '>' {
		return false
	}
	prev := sc.lines[i-1].s
	if strings.IndexByte(t, ' ') < 0 && strings.ContainsAny(t, "/=_%&") || t[len(t)-1] == '>' && strings.Contains(t, "://") {
		return true
	}
	if len(prev) < 60 {
		return false
	}
	r, _ := utf8.DecodeRuneInString(t)
	return isLowerRune(r) || strings.IndexByte(".?!:;", prev[len(prev)-1]) < 0
}

// fenceEnd returns the line that closes the code fence opened at line i, or 0.
func (sc *replyScan) fenceEnd(i int) int {
	if sc.noFence {
		return 0
	}
	for j := i + 1; j < len(sc.lines); j++ {
		if strings.HasPrefix(trimLineLeft(sc.lines[j].s), "```") {
			for k := i + 1; k < j; k++ {
				if trimLineLeft(sc.lines[k].s) == "" {
					sc.lines[k].kind = lineBlank
				}
			}
			return j
		}
	}
	sc.noFence = true
	return 0
}

// alone reports whether line i is set apart: nothing, a blank line or
// something that is not text on both sides.
func (sc *replyScan) alone(i int) bool {
	if i > 0 && sc.lines[i-1].kind == lineText && !isRule(sc.lines[i-1].s) {
		return i+1 >= len(sc.lines) || sc.apart(i+1)
	}
	return true
}

// apart reports whether line i ends a paragraph before it.
func (sc *replyScan) apart(i int) bool {
	t := trimLineLeft(sc.lines[i].s)
	return t == "" || t[0] == '>' || isRule(t)
}

// quoteFollows reports whether the next line that is not blank is quoted.
func (sc *replyScan) quoteFollows(i int) bool {
	for k := i + 1; k < len(sc.lines) && k <= i+6; k++ {
		if t := trimLineLeft(sc.lines[k].s); t != "" {
			return t[0] == '>' && !endsWrapped(t)
		}
	}
	return false
}
