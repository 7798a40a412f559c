package storage

import (
	"encoding/binary"
	"errors"

	"postroom/tickets"
)

// What is sealed is written as fields one after the other. A reader takes
// fields that are not there as empty, so that later versions may append.

type encoder struct{ b []byte }

func (e *encoder) str(s string) {
	e.b = binary.AppendUvarint(e.b, uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) int(n int64) { e.b = binary.AppendVarint(e.b, n) }

func (e *encoder) count(n int) { e.b = binary.AppendUvarint(e.b, uint64(n)) }

func (e *encoder) strs(list []string) {
	e.count(len(list))
	for _, s := range list {
		e.str(s)
	}
}

var errEncoding = errors.New("sealed fields are damaged")

type decoder struct {
	b   []byte
	err error
}

func (d *decoder) len() int {
	if d.err != nil || len(d.b) == 0 {
		return 0
	}
	n, w := binary.Uvarint(d.b)
	if w <= 0 || n > uint64(len(d.b)-w) {
		d.err, d.b = errEncoding, nil
		return 0
	}
	d.b = d.b[w:]
	return int(n)
}

func (d *decoder) str() string {
	n := d.len()
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) int() int64 {
	if d.err != nil || len(d.b) == 0 {
		return 0
	}
	n, w := binary.Varint(d.b)
	if w <= 0 {
		d.err, d.b = errEncoding, nil
		return 0
	}
	d.b = d.b[w:]
	return n
}

func (d *decoder) strs() []string {
	n := d.len()
	if n == 0 {
		return nil
	}
	out := make([]string, 0, n)
	for range n {
		out = append(out, d.str())
	}
	return out
}

// encodeMeta adds all of a message that may be personal.
func encodeMeta(to []byte, m *tickets.Message) []byte {
	e := encoder{to}
	e.str(m.MessageID)
	e.str(m.From)
	e.str(m.FromName)
	e.str(m.EnvelopeFrom)
	e.strs(m.EnvelopeTo)
	e.strs(m.To)
	e.strs(m.Cc)
	e.str(m.Subject)
	e.str(m.Text)
	e.count(len(m.Attachments))
	for i := range m.Attachments {
		a := &m.Attachments[i]
		e.str(a.Name)
		e.str(a.Type)
		e.int(a.Size)
		e.int(bit(a.Inline))
		e.str(a.SHA256)
	}
	e.strs(m.Defects)
	e.str(m.Raw.SHA256)
	e.str(m.AuthResults)
	e.str(m.ThreadReason)
	e.str(string(m.Dedupe))
	e.str(m.Whole)
	return e.b
}

func decodeMeta(b []byte, m *tickets.Message) error {
	d := decoder{b: b}
	m.MessageID = d.str()
	m.From = d.str()
	m.FromName = d.str()
	m.EnvelopeFrom = d.str()
	m.EnvelopeTo = d.strs()
	m.To = d.strs()
	m.Cc = d.strs()
	m.Subject = d.str()
	m.Text = d.str()
	for range d.len() {
		m.Attachments = append(m.Attachments, tickets.Attachment{
			Name: d.str(), Type: d.str(), Size: d.int(), Inline: d.int() == 1, SHA256: d.str(),
		})
	}
	m.Defects = d.strs()
	m.Raw.SHA256 = d.str()
	m.AuthResults = d.str()
	m.ThreadReason = d.str()
	if s := d.str(); s != "" {
		m.Dedupe = []byte(s)
	}
	m.Whole = d.str()
	return d.err
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
