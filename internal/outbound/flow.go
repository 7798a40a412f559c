package outbound

import (
	"strings"
	"unicode/utf8"
)

// flow makes format=flowed text (RFC 3676): long lines are broken at spaces,
// the space before the break kept as the sign that the line goes on; lines
// that begin like something else are stuffed. Quotes and the signature line
// stand as they are.
func flow(s string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(cleanText(s), "\n "), "\n") {
		flowLine(&b, line)
	}
	return b.String()
}

const flowAt = 72

func flowLine(b *strings.Builder, line string) {
	if line == "-- " {
		b.WriteString("-- \n")
		return
	}
	line = strings.TrimRight(line, " \t")
	if strings.HasPrefix(line, ">") {
		b.WriteString(line + "\n")
		return
	}
	for first := true; ; first = false {
		rest := ""
		if utf8.RuneCountInString(line) > flowAt+6 {
			if at := breakAt(line); at > 0 {
				line, rest = line[:at], line[at:]
			}
		}
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "From ") || (!first && strings.HasPrefix(line, ">")) || line == "-- " {
			b.WriteByte(' ')
		}
		b.WriteString(line)
		b.WriteByte('\n')
		if rest == "" {
			return
		}
		line = rest
	}
}

// breakAt is where a line is broken: behind the last space before the limit,
// or the first after it; 0 when there is none.
func breakAt(line string) int {
	at, n := 0, 0
	for i, r := range line {
		n++
		if r == ' ' && i+1 < len(line) && line[i+1] != ' ' && strings.TrimSpace(line[:i]) != "" {
			if n > flowAt && at > 0 {
				return at
			}
			at = i + 1
		}
		if n > flowAt && at > 0 {
			return at
		}
	}
	return at
}

// sevenBit reports whether a text of LF lines may go without encoding: ASCII,
// lines within RFC 5322's 998, and nothing that could be a boundary of ours.
func sevenBit(s string) bool {
	for line := range strings.SplitSeq(s, "\n") {
		if len(line) > 990 || strings.HasPrefix(line, "--=_") {
			return false
		}
	}
	return isASCII(s)
}
