package message

import "strings"

// unflow joins the lines of format=flowed text (RFC 3676) to paragraphs. The
// depth of quoting is kept as "> " before each; a line joins only one of the
// same depth, and the signature's separator joins none.
func unflow(s string, delsp bool) string {
	var b strings.Builder
	b.Grow(len(s))
	open, depth := false, 0 // a paragraph goes on; its depth of quoting
	for len(s) > 0 {
		line, rest, _ := strings.Cut(s, "\n")
		s = rest
		d := 0
		for d < len(line) && line[d] == '>' {
			d++
		}
		line = line[d:]
		line = strings.TrimPrefix(line, " ") // space-stuffing
		if open && (d != depth || line == "-- " || line == "") {
			b.WriteByte('\n')
			open = false
		}
		if !open && d > 0 {
			for range d - 1 {
				b.WriteByte('>')
			}
			b.WriteByte('>')
			if line != "" {
				b.WriteByte(' ')
			}
		}
		flows := strings.HasSuffix(line, " ") && line != "-- "
		if flows && delsp {
			line = line[:len(line)-1]
		}
		b.WriteString(line)
		if open, depth = flows, d; !open {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// enrichedText takes the commands out of text/enriched (RFC 1896) text.
func enrichedText(s string) string {
	var b strings.Builder
	skip := 0
	for len(s) > 0 {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			i = len(s)
		}
		if skip == 0 {
			b.WriteString(s[:i])
		}
		if s = s[i:]; s == "" {
			break
		}
		if strings.HasPrefix(s, "<<") {
			b.WriteByte('<')
			s = s[2:]
			continue
		}
		end := strings.IndexByte(s, '>')
		if end < 0 || end > 60 {
			b.WriteString(s)
			break
		}
		switch strings.ToLower(s[1:end]) {
		case "param":
			skip++
		case "/param":
			skip = max(skip-1, 0)
		case "nl":
			b.WriteByte('\n')
		}
		s = s[end+1:]
	}
	return b.String()
}
