package outbound

import "io"

// maxLine is the longest line of a mail without its CRLF (RFC 5322 section 2.1.1).
const maxLine = 998

// lineWriter stands between the composer and everything behind it and makes
// sure of what a mail's bytes must be: lines end in CRLF, no CR or LF stands
// alone, no line is longer than 998 octets. CR, LF and CRLF each end a line,
// so that no far side can see a line where we saw none (S2: "\r.\r\n").
type lineWriter struct {
	w   io.Writer
	buf []byte
	col int
	cr  bool
	n   int64
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.buf = l.buf[:0]
	for _, c := range p {
		switch {
		case c == '\n' && l.cr:
			l.cr = false // the end was written at the CR
			continue
		case c == '\r' || c == '\n':
			l.buf = append(l.buf, '\r', '\n')
			l.col = 0
		default:
			if l.col == maxLine {
				l.buf = append(l.buf, '\r', '\n')
				l.col = 0
			}
			l.buf = append(l.buf, c)
			l.col++
		}
		l.cr = c == '\r'
	}
	l.n += int64(len(l.buf))
	if _, err := l.w.Write(l.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// close ends the last line.
func (l *lineWriter) close() error {
	if l.col == 0 {
		return nil
	}
	_, err := l.Write([]byte("\r\n"))
	return err
}
