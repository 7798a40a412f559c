package message

import "bytes"

// uuText finds uuencoded files within a text body.
type uuText struct {
	held []byte // a begin line, until the next shows whether it is one
	sink *sink
}

// textLine takes a line of a text body. Uuencoded files in it become
// attachments; all else is kept as text, with LF line ends.
func (p *parser) textLine(line []byte, bol bool) {
	l := &p.leaf
	if l.uu.sink != nil || l.uu.held != nil {
		if p.uuBody(line) {
			return
		}
	}
	if bol && line[0] == 'b' && l.e.typ == "text/plain" && isUUBegin(line) {
		l.uu.held = bytes.Clone(line)
		return
	}
	if len(l.buf) >= l.keep {
		l.cut = true
		return
	}
	n := len(line)
	if n > 1 && line[n-1] == '\n' && line[n-2] == '\r' {
		l.add(trimEOL(line))
		l.add(lineEnds[1])
		return
	}
	l.add(line)
}

// uuBody takes a line after a begin line and says whether it was of the file.
func (p *parser) uuBody(line []byte) bool {
	l := &p.leaf
	t := trimEOL(line)
	if l.uu.sink != nil && string(bytes.TrimSpace(t)) == "end" {
		p.closeSink(l.uu.sink)
		l.uu.sink = nil
		return true
	}
	var ok bool
	l.tmp, ok = uuLine(l.tmp[:0], line)
	if l.uu.sink == nil { // the line after begin decides
		held := l.uu.held
		l.uu.held = nil
		if !ok || len(l.tmp) == 0 {
			l.add(held)
			return false
		}
		l.uu.sink = p.openSink(Attachment{Name: uuName(held, p.hint), Type: "application/octet-stream"})
	}
	if !ok {
		if len(t) == 0 {
			return true // the line of no bytes, its space stripped
		}
		p.defect("uuencoded file without its end")
		p.closeSink(l.uu.sink)
		l.uu.sink = nil
		return false
	}
	l.uu.sink.write(l.tmp)
	return true
}

// isUUBegin recognises "begin 644 name".
func isUUBegin(line []byte) bool {
	rest, ok := bytes.CutPrefix(trimEOL(line), []byte("begin "))
	if !ok {
		return false
	}
	mode, name, ok := bytes.Cut(bytes.TrimLeft(rest, " "), []byte{' '})
	if !ok || len(mode) < 3 || len(mode) > 4 || len(bytes.TrimSpace(name)) == 0 {
		return false
	}
	for _, c := range mode {
		if c < '0' || c > '7' {
			return false
		}
	}
	return true
}

func uuName(begin []byte, hint string) string {
	f := bytes.SplitN(bytes.TrimLeft(trimEOL(begin)[len("begin "):], " "), []byte{' '}, 2)
	return fileName(param{text: string(f[1]), raw: true}, hint)
}

func hasUU(b []byte) bool {
	return bytes.HasPrefix(b, []byte("begin ")) || bytes.Contains(b, []byte("\nbegin "))
}

// uuEncoded takes a line of a part whose transfer encoding is uuencode.
func (p *parser) uuEncoded(line []byte) {
	l := &p.leaf
	t := trimEOL(line)
	if isUUBegin(line) || string(t) == "end" || len(t) == 0 {
		return
	}
	l.tmp, _ = uuLine(l.tmp[:0], line)
	p.pass(l.tmp)
}
