package message

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Parse reads one message from r to its end and says what is in it. It never
// fails on what the message holds: broken input is repaired or kept opaque,
// with a line in Defects. The error is that of r alone, and the message read
// so far comes with it.
//
// The message is read once, a line at a time. Attachments are hashed and
// counted as they pass; kept in memory are only the header and the text, each
// capped by lim, so memory does not grow with the size of the message. Time
// is linear in it: nested boundaries are compared only on lines that begin
// with "--", and at most lim.Depth of them.
//
// The tree is walked here and not by go-message's reader, because that one
// gives up at a header line without a colon, loses a whole body at the first
// wrong base64 byte, and is quadratic in depth.
//
// Should a fault of our own panic, the mail is not refused for it: what was
// understood until then is returned with a defect, and r is read to its end.
func Parse(r io.Reader, lim Limits) (m *Message, err error) {
	p := newParser(lim)
	m = p.m
	defer func() {
		if recover() != nil {
			m.Defects = append(m.Defects, faultDefect)
			if m.Reply == "" {
				m.Reply = m.Text
			}
			_, err = io.Copy(io.Discard, r)
		}
	}()
	err = p.run(r)
	p.finish()
	p.release()
	extract(m)
	return m, err
}

const faultDefect = "internal fault: only what was understood before it is shown"

// ErrNoAttachment is what OpenAttachment returns for an index the message does not have.
var ErrNoAttachment = errors.New("message: no such attachment")

// OpenAttachment writes the decoded bytes of attachment index of the message
// in r to w. The numbers are those of Parse with the same (default) limits,
// with those in winmail.dat and uuencoded text counted. Bytes are streamed;
// reading stops at the attachment's end. Errors are those of r and w, or
// ErrNoAttachment.
func OpenAttachment(r io.Reader, index int, w io.Writer) error {
	p := newParser(Limits{})
	defer p.release()
	p.want, p.out = index, w
	err := p.run(r)
	switch {
	case p.outErr != nil:
		return fmt.Errorf("write attachment %d: %w", index, p.outErr)
	case err != nil:
		return fmt.Errorf("read attachment %d: %w", index, err)
	case index < 0 || index >= len(p.m.Attachments):
		return ErrNoAttachment
	}
	return nil
}

// The defaults of Limits, and what is kept of one part for classification.
const (
	defaultHeaderBytes = 256 << 10
	defaultFields      = 1000
	defaultAddresses   = 1000
	defaultParts       = 1000
	defaultDepth       = 50
	defaultTextBytes   = 1 << 20
	partTextBytes      = 64 << 10
	maxDefects         = 50
)

func (l Limits) withDefaults() Limits {
	or := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	or(&l.HeaderBytes, defaultHeaderBytes)
	or(&l.Fields, defaultFields)
	or(&l.Addresses, defaultAddresses)
	or(&l.Parts, defaultParts)
	or(&l.Depth, defaultDepth)
	or(&l.TextBytes, defaultTextBytes)
	return l
}

// state is what the parser takes the next line for.
type state byte

const (
	inHeader state = iota
	inLeaf
	inGap // before the first and after the last part of a multipart
)

// parser takes a message in by lines. One parser reads one message; a message
// attached in an encoding has a child parser of its own.
type parser struct {
	lim   Limits
	m     *Message
	state state
	bol   bool // the next fragment begins a line
	done  bool // nothing of what follows is wanted

	hdr   headerReader
	stack []frame
	leaf  leaf
	gap   []byte // preamble of a multipart that has no part yet
	root  *node  // the body's tree

	inside     int   // number of attached messages around this point
	attached   *sink // the raw bytes of the outermost attached message
	attachedAt int   // its index among the attachments
	nparts     int
	keep       int // bytes of part text and fields that may still be kept
	base       int // depth at which a child parser starts
	hint       string
	tnefText   string // of a winmail.dat
	tnefHTML   string
	budget     [2]int // body text still to be taken in: plain, HTML

	want   int // index of the attachment to write to out, or -1
	out    io.Writer
	outErr error
	sinks  []*sink // closed ones, to be used again
}

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}
	parsers = sync.Pool{New: func() any { return new(parser) }}
)

func newParser(lim Limits) *parser {
	p := parsers.Get().(*parser)
	lim = lim.withDefaults()
	*p = parser{
		lim: lim, m: &Message{Kind: KindMail}, bol: true, want: -1, keep: lim.TextBytes,
		budget: [2]int{lim.TextBytes, lim.TextBytes},
		hdr:    headerReader{buf: p.hdr.buf[:0], ends: p.hdr.ends[:0]}, stack: p.stack[:0],
		leaf: leaf{buf: p.leaf.buf[:0]}, gap: p.gap[:0], sinks: p.sinks,
	}
	p.beginHeader()
	return p
}

// release gives the parser's buffers back, unless a large message made them large.
func (p *parser) release() {
	if cap(p.leaf.buf)+cap(p.hdr.buf)+cap(p.gap) > 256<<10 {
		return
	}
	p.m, p.root, p.out, p.attached = nil, nil, nil, nil
	clear(p.stack[:cap(p.stack)])
	parsers.Put(p)
}

func (p *parser) run(r io.Reader) error {
	br := readers.Get().(*bufio.Reader)
	br.Reset(r)
	defer func() { br.Reset(nil); readers.Put(br) }()
	if head, _ := br.Peek(2048); bytes.IndexByte(head, '\n') < 0 && bytes.IndexByte(head, '\r') >= 0 {
		p.defect("lines end in bare CR")
		br = bufio.NewReader(&crReader{br})
	}
	for !p.done {
		line, err := br.ReadSlice('\n')
		if len(line) > 0 {
			p.feed(line)
		}
		if err == nil || err == bufio.ErrBufferFull {
			continue
		}
		p.end()
		if err == io.EOF {
			return nil
		}
		return err
	}
	return nil
}

// crReader turns the CR line ends of old Macintosh mail into LF.
type crReader struct{ r io.Reader }

func (c *crReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	for i, x := range b[:n] {
		if x == '\r' {
			b[i] = '\n'
		}
	}
	return n, err
}

func (p *parser) defect(s string) {
	if len(p.m.Defects) < maxDefects && p.want < 0 {
		for _, d := range p.m.Defects {
			if d == s {
				return
			}
		}
		p.m.Defects = append(p.m.Defects, s)
	}
}

// feed takes the next line in, with its end; a line longer than the reader's
// buffer comes in pieces.
func (p *parser) feed(line []byte) {
	bol := p.bol
	p.bol = line[len(line)-1] == '\n'
	if bol && p.delimiter(line) {
		if p.attached != nil { // a delimiter within the attached message
			p.attached.line(line)
		}
		return
	}
	if p.attached != nil {
		p.attached.line(line)
	}
	p.take(line, bol)
}

// delimiter acts on a line that is a multipart's delimiter and says whether it was.
func (p *parser) delimiter(line []byte) bool {
	if line[0] != '-' || len(line) < 3 || line[1] != '-' || len(p.stack) == 0 {
		return false
	}
	i, closing := p.boundary(line)
	if i < 0 {
		return false
	}
	p.cross(i, closing)
	return true
}

func (p *parser) take(line []byte, bol bool) {
	if p.state != inHeader {
		p.body(line)
		return
	}
	if rest, end := p.hdr.feed(line, bol); end {
		p.endHeader()
		p.again(rest)
	}
}

// again takes in the lines that were read as header and turned out to be body.
func (p *parser) again(rest [][]byte) {
	for _, l := range rest {
		if !p.delimiter(l) {
			p.take(l, true)
		}
	}
}

func (p *parser) body(line []byte) {
	switch p.state {
	case inLeaf:
		p.leafLine(line)
	case inGap:
		if f := &p.stack[len(p.stack)-1]; f.children == 0 && !f.closed && p.inside == 0 {
			if n := p.lim.TextBytes - len(p.gap); n > 0 {
				p.gap = append(p.gap, line[:min(n, len(line))]...)
			}
		}
	}
}

// end closes everything that is still open.
func (p *parser) end() {
	if p.state == inHeader {
		rest := p.hdr.flush()
		p.endHeader()
		p.again(rest)
	}
	p.cross(-1, true)
}
