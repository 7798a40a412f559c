package message

import "strings"

// segment is a run of lines that belong together: own text, or a quote with
// the blank lines inside it. Lines in no segment are blank or taken away.
type segment struct {
	from, to   int // to is exclusive
	quote      bool
	introduced bool // an attribution line stood above the quote
	fixed      bool // a message passed on: never trimmed
}

// segments groups the classified lines before the cut.
func (sc *replyScan) segments() []segment {
	var segs []segment
	open := -1 // the last segment, while it may still grow
	for i := 0; i < sc.end; i++ {
		ln := &sc.lines[i]
		switch ln.kind {
		case lineBlank:
			continue
		case lineGone:
			open = -1
			continue
		}
		quote := ln.kind == lineQuote
		fixed := sc.verbatim >= 0 && i >= sc.verbatim
		if open >= 0 && segs[open].quote == quote && segs[open].fixed == fixed {
			segs[open].to = i + 1
			continue
		}
		segs = append(segs, segment{from: i, to: i + 1, quote: quote, introduced: ln.introduced, fixed: fixed})
		open = len(segs) - 1
	}
	return segs
}

// chooseSegments decides which quotes stay. A quote with no own text below it
// goes. One quote above own text goes if an attribution introduces it (the
// writer answers below it); quotes that alternate with own text are what the
// writer answers point by point, and stay.
func chooseSegments(lines []replyLine, segs []segment) []segment {
	last := len(segs)
	own := 0
	for i := range segs {
		if !segs[i].quote {
			own++
		}
	}
	// Trim the end first: what is below the last quote may be a mere
	// signature or disclaimer.
	for last > 0 {
		s := &segs[last-1]
		if s.quote {
			if last--; s.introduced && last > 1 && segs[last-1].quote && !segs[last-1].introduced && !segs[last-2].quote {
				// The mail program marked its own quote; the one above is
				// the writer's.
				break
			}
			continue
		}
		if s.fixed {
			break
		}
		to := trimSignature(lines, s.from, s.to, own == 1)
		if to > s.from {
			s.to = to
			break
		}
		own--
		last--
	}
	segs = segs[:last]
	runs, introduced := 0, false
	for i, s := range segs {
		if s.quote && (i == 0 || !segs[i-1].quote) {
			runs++
		}
		introduced = introduced || s.quote && s.introduced
	}
	if runs == 1 && !introduced {
		introduced = quoteIntroduced(lines, segs)
	}
	kept := segs[:0]
	for _, s := range segs {
		if !s.quote || runs > 1 || !introduced {
			if s.quote {
				s = trimQuote(lines, s)
			}
			kept = append(kept, s)
		}
	}
	return kept
}

// trimQuote takes lines with nothing but marks off both ends of a quote.
func trimQuote(lines []replyLine, s segment) segment {
	empty := func(i int) bool { return strings.Trim(lines[i].s, "> \t") == "" }
	for s.to-s.from > 1 && empty(s.to-1) {
		s.to--
	}
	for s.to-s.from > 1 && empty(s.from) {
		s.from++
	}
	return s
}

// quoteIntroduced reports whether the first quote is somebody's by an
// attribution, above it or as its first line.
func quoteIntroduced(lines []replyLine, segs []segment) bool {
	for _, s := range segs {
		if s.quote {
			return s.introduced || introducesItself(lines[s.from:s.to])
		}
	}
	return false
}

// introducesItself reports whether the first lines of a quote are an
// attribution, as Apple Mail writes it.
func introducesItself(quote []replyLine) bool {
	if len(quote) > 4 {
		quote = quote[:4]
	}
	inner := make([]replyLine, 0, len(quote)+1)
	for i := range quote {
		s := quote[i].s
		s = strings.TrimLeft(s, "> \t")
		inner = append(inner, replyLine{s: s})
		if s == "" {
			inner[i].kind = lineBlank
		}
	}
	sc := replyScan{lines: inner, end: len(inner), joinWrapped: true}
	for i := range inner {
		if inner[i].kind == lineBlank {
			break
		}
		if a, ok := sc.attribution(i); ok && a.start == 0 && a.strong {
			return true
		}
	}
	return false
}

// joinSegments writes the kept lines. Where something was taken away between
// two segments one blank line at most is left of the gap.
func joinSegments(lines []replyLine, kept []segment, tail string) string {
	n := len(tail)
	for _, s := range kept {
		for i := s.from; i < s.to; i++ {
			n += len(lines[i].s) + 1
		}
	}
	var b strings.Builder
	b.Grow(n + len(kept))
	for k, s := range kept {
		if k > 0 {
			prev := kept[k-1].to
			gap, removed := 0, false
			for i := prev; i < s.from; i++ {
				if lines[i].kind == lineQuote && strings.Trim(lines[i].s, "> \t") == "" {
					continue
				}
				if lines[i].kind != lineBlank {
					removed = true
					break
				}
				gap++
			}
			if removed && gap > 1 {
				gap = 1
			}
			for range gap + 1 {
				b.WriteByte('\n')
			}
		}
		for i := s.from; i < s.to; i++ {
			if i > s.from {
				b.WriteByte('\n')
			}
			if lines[i].kind != lineGone {
				b.WriteString(lines[i].s)
			}
		}
	}
	if tail != "" && len(kept) > 0 {
		b.WriteByte('\n')
		b.WriteString(tail)
	}
	return strings.TrimSpace(b.String())
}

func firstText(lines []replyLine) int {
	for i := range lines {
		if lines[i].kind != lineBlank {
			return i
		}
	}
	return 0
}

func lastText(lines []replyLine) int {
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].kind != lineBlank {
			return i
		}
	}
	return 0
}
