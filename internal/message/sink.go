package message

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// sink takes the decoded bytes of one attachment: it counts and hashes them
// and, for OpenAttachment, hands them on. It holds a few KiB at most.
type sink struct {
	p     *parser
	h     hash.Hash
	buf   []byte
	n     int64
	index int  // among the attachments; -1 when there are too many to list
	eol   byte // line end not yet written: it may belong to a delimiter
}

const sinkBuffer = 8 << 10

// openSink lists a new attachment. Its place in the list is fixed here, so
// that it is the same for Parse and OpenAttachment.
func (p *parser) openSink(a Attachment) *sink {
	var s *sink
	if n := len(p.sinks); n > 0 {
		s, p.sinks = p.sinks[n-1], p.sinks[:n-1]
		s.h.Reset()
		*s = sink{p: p, h: s.h, buf: s.buf[:0]}
	} else {
		s = &sink{p: p, h: sha256.New(), buf: make([]byte, 0, sinkBuffer+1024)}
	}
	if len(p.m.Attachments) >= p.lim.Parts+1 { // one more for what is opaque
		p.defect("too many attachments: not all are listed")
		s.index = -1
		return s
	}
	s.index = len(p.m.Attachments)
	a.Index = s.index
	p.m.Attachments = append(p.m.Attachments, a)
	return s
}

func (p *parser) closeSink(s *sink) {
	s.flush()
	if s.index >= 0 {
		a := &p.m.Attachments[s.index]
		a.Size = s.n
		if p.want < 0 {
			var sum [sha256.Size]byte
			a.SHA256 = hex.EncodeToString(s.h.Sum(sum[:0]))
		}
		if s.index == p.want {
			p.done = true
		}
	}
	p.sinks = append(p.sinks, s)
}

func (s *sink) write(b []byte) {
	s.n += int64(len(b))
	if len(s.buf)+len(b) > sinkBuffer {
		s.flush()
		if len(b) >= sinkBuffer {
			s.pass(b)
			return
		}
	}
	s.buf = append(s.buf, b...)
}

func (s *sink) flush() {
	s.pass(s.buf)
	s.buf = s.buf[:0]
}

func (s *sink) pass(b []byte) {
	p := s.p
	switch {
	case len(b) == 0 || s.index < 0:
	case p.want < 0:
		s.h.Write(b)
	case p.want == s.index && p.outErr == nil:
		if _, err := p.out.Write(b); err != nil {
			p.outErr, p.done = err, true
		}
	}
}

var lineEnds = [3][]byte{nil, {'\n'}, {'\r', '\n'}}

// line takes a line as it came, keeping its end back until the next shows
// that it belongs to the content (RFC 2046 section 5.1.1).
func (s *sink) line(line []byte) {
	b, eol := cutEOL(line)
	s.endLine()
	s.write(b)
	s.eol = eol
}

func (s *sink) endLine() {
	if s.eol != 0 {
		s.write(lineEnds[s.eol])
		s.eol = 0
	}
}

// cutEOL splits a line from its end, an index of lineEnds.
func cutEOL(line []byte) ([]byte, byte) {
	n := len(line)
	switch {
	case n == 0 || line[n-1] != '\n':
		return line, 0
	case n > 1 && line[n-2] == '\r':
		return line[:n-2], 2
	}
	return line[:n-1], 1
}
