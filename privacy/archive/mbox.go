package archive

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

// mboxWriter writes one mbox in the mboxrd form: a line that is "From " after
// any number of ">" gets one more, so that nothing is lost when it is read
// back.
type mboxWriter struct {
	w     io.Writer
	start []byte // of a line whose quoting is not decided yet
	mid   bool   // within a line that is decided
	cr    bool   // a CR that may belong to a line end is held back
	last  byte
}

// begin writes the line before a message. Addresses that could break it are
// left out.
func (m *mboxWriter) begin(from string, at time.Time) error {
	for i := range len(from) {
		if from[i] <= ' ' || from[i] >= 0x7f {
			from = ""
			break
		}
	}
	if from == "" {
		from = "MAILER-DAEMON"
	}
	m.mid, m.start, m.cr, m.last = false, nil, false, '\n'
	_, err := fmt.Fprintf(m.w, "From %s %s\n", from, at.UTC().Format(time.ANSIC))
	return err
}

func (m *mboxWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n') + 1
		ends := i > 0
		if !ends {
			i = len(p)
		}
		if err := m.line(p[:i], ends); err != nil {
			return 0, err
		}
		p = p[i:]
	}
	return n, nil
}

const fromLine = "From "

// line takes a piece of a line. Line ends become LF, as in every mbox.
func (m *mboxWriter) line(b []byte, ends bool) error {
	if !m.mid {
		m.start = append(m.start, b...)
		rest := bytes.TrimLeft(m.start, ">")
		if !ends && len(m.start) < 1<<10 && len(rest) < len(fromLine) {
			return nil // it may still become one
		}
		if bytes.HasPrefix(rest, []byte(fromLine)) {
			if _, err := m.w.Write([]byte{'>'}); err != nil {
				return err
			}
		}
		b, m.mid = m.start, true
		m.start = nil
	}
	if m.cr && b[0] != '\n' {
		if _, err := m.w.Write([]byte{'\r'}); err != nil {
			return err
		}
	}
	m.cr = false
	n := len(b)
	switch {
	case ends:
		m.mid = false
		if n >= 2 && b[n-2] == '\r' {
			b = append(bytes.Clone(b[:n-2]), '\n')
		}
	case b[n-1] == '\r':
		m.cr, b = true, b[:n-1]
	}
	if len(b) == 0 {
		return nil
	}
	m.last = b[len(b)-1]
	_, err := m.w.Write(b)
	return err
}

// end closes a message with the empty line that parts it from the next.
func (m *mboxWriter) end() error {
	rest := m.start
	m.start = nil
	if len(rest) > 0 {
		m.last = rest[len(rest)-1]
		if _, err := m.w.Write(rest); err != nil {
			return err
		}
	}
	if m.cr { // it belonged to no line end
		m.cr, m.last = false, '\r'
		if _, err := m.w.Write([]byte{'\r'}); err != nil {
			return err
		}
	}
	sep := "\n"
	if m.last != '\n' {
		sep = "\n\n"
	}
	_, err := io.WriteString(m.w, sep)
	return err
}
