package smtpd

import (
	"bytes"
	"io"
)

// startData takes DATA.
func (f *front) startData(arg string) (forward string, ok bool) {
	if r := f.mayData(arg != ""); r != nil {
		f.refuseData(r)
		return "", false
	}
	f.data = newDotReader(f)
	return "DATA", true
}

func (f *front) mayData(hasArg bool) *reply {
	switch {
	case !f.mailOpen:
		return say(503, 5, 5, 1, "MAIL first")
	case len(f.env.To) == 0:
		return say(503, 5, 5, 1, "RCPT first")
	case hasArg:
		return say(501, 5, 5, 4, "DATA takes no parameter")
	}
	return f.diskFull(f.size)
}

// dotReader reads the message of a DATA command (RFC 5321 section 4.5.2). It
// knows one end: a line of one dot, ended by CR LF, at the start or after CR LF.
type dotReader struct {
	intakeStream
	mid  bool // not at the start of a line
	line int  // bytes of the present line
}

var _ source = (*dotReader)(nil)

func newDotReader(f *front) *dotReader {
	d := &dotReader{}
	d.f = f
	d.intakeStream.next = d.run
	return d
}

// run returns the longest run of whole bytes of text in the buffer: up to a
// line that begins with a dot, or to a CR that needs its next byte to be judged.
func (d *dotReader) run() ([]byte, error) {
	f := d.f
	for {
		if !d.mid && f.r < f.w && f.buf[f.r] == '.' {
			if err := d.dot(); err != nil {
				return nil, err
			}
		}
		n, ok := d.scan(f.buf[f.r:f.w])
		if !ok {
			return nil, d.malformed()
		}
		if n > 0 {
			f.r += n
			return f.buf[f.r-n : f.r], nil
		}
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
}

// dot judges a dot at the start of a line: the end, or one to be taken away.
func (d *dotReader) dot() error {
	f := d.f
	for f.w-f.r < 3 {
		if f.w-f.r == 2 && f.buf[f.r+1] != '\r' {
			break
		}
		if err := d.fill(); err != nil {
			return err
		}
	}
	switch f.buf[f.r+1] {
	case '\r':
		if f.buf[f.r+2] != '\n' {
			return d.malformed()
		}
		f.r += 3
		return io.EOF
	case '\n':
		return d.malformed()
	}
	f.r++
	d.mid, d.line = true, 1
	return nil
}

// scan says how many bytes at the start of b are text.
func (d *dotReader) scan(b []byte) (n int, ok bool) {
	for n < len(b) {
		if !d.mid && b[n] == '.' {
			return n, true
		}
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			tail := b[n:]
			if tail[len(tail)-1] == '\r' {
				tail = tail[:len(tail)-1]
			}
			d.mid = d.mid || len(tail) > 0
			d.longer(len(tail))
			return n + len(tail), isText(tail)
		}
		line := b[n : n+i]
		if i == 0 || line[i-1] != '\r' || !isText(line[:i-1]) {
			return n, false
		}
		d.longer(i + 1)
		n += i + 1
		d.mid, d.line = false, 0
	}
	return n, true
}

// isText says whether part of a line, without its end, holds no CR and no NUL.
func isText(b []byte) bool { return bytes.IndexByte(b, '\r') < 0 && bytes.IndexByte(b, 0) < 0 }

func (d *dotReader) longer(n int) {
	d.line += n
	d.checkLine(d.line)
}
