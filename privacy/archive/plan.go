package archive

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"path"
	"strings"
	"time"
)

// piece is a file of a message.
type piece struct {
	m     *entry
	index int // of the message's attachments; -1: the message itself
}

// entry is a message with its place in the archive.
type entry struct {
	*Message
	ticket *Ticket
	seq    int // from 1, over the whole archive
	mbox   bool
	eml    place
	files  []place // of the attachments
}

// place is where a file lies.
type place struct {
	part int
	name string // in the part's folder; empty: it is not given
}

// part is what one zip holds.
type part struct {
	no      int
	entries []*entry // shown and told of here
	pieces  []piece
	large   bool // one file larger than a part
	used    int64
}

// What a part needs besides its messages, and a message besides its text, at
// most, compressed.
const (
	partOverhead    = 192 << 10
	messageOverhead = 2 << 10
	fileOverhead    = 1 << 10
)

// builder plans the parts from what is known of the messages beforehand. Sizes
// are taken as if nothing could be compressed, so that no part grows too large.
type builder struct {
	c      *Contents
	src    Source
	words  *words
	zone   *time.Location
	bound  int64
	parts  []part
	sums   hash.Hash
	counts map[string]int
}

func newBuilder(c *Contents, src Source) *builder {
	b := &builder{c: c, src: src, words: wordsOf(c.Language), zone: c.Zone, bound: c.PartBytes, sums: sha256.New(), counts: map[string]int{}}
	if b.portable() {
		c = portable(c)
		b.c = c
	}
	if b.zone == nil {
		b.zone = time.UTC
	}
	if b.bound <= 0 {
		b.bound = DefaultPartBytes
	}
	b.begin()
	b.parts[0].used += int64(len(c.Deliveries)+len(c.Withheld)+len(c.Consents)+len(c.Recipients)) * 256
	seq := 0
	for i := range c.Tickets {
		t := &c.Tickets[i]
		b.counts["tickets"]++
		for j := range t.Messages {
			seq++
			b.place(&entry{Message: &t.Messages[j], ticket: t, seq: seq})
		}
	}
	b.counts["messages"] = seq
	b.counts["withheld"] = len(c.Withheld)
	b.counts["deliveries"] = len(c.Deliveries)
	return b
}

func (b *builder) begin() *part {
	b.parts = append(b.parts, part{no: len(b.parts) + 1, used: partOverhead})
	return &b.parts[len(b.parts)-1]
}

// room returns the part to put n bytes into: the last, or a new one.
func (b *builder) room(n int64) *part {
	p := &b.parts[len(b.parts)-1]
	if p.large || p.used+n > b.bound && (len(p.entries) > 0 || len(p.pieces) > 0) {
		p = b.begin()
	}
	p.used += n
	return p
}

// place puts a message with all its files into one part if it can be, else
// the files into parts of their own.
func (b *builder) place(e *entry) {
	text := messageOverhead + 3*int64(e.TextBytes)
	whole := text
	if e.Whole {
		whole += 2*(e.Size+e.Size/50) + 2*fileOverhead
	}
	for _, a := range e.Attachments {
		whole += a.Size + fileOverhead
	}
	e.files = make([]place, len(e.Attachments))
	used := map[string]bool{}
	if whole+partOverhead <= b.bound {
		p := b.room(whole)
		p.entries = append(p.entries, e)
		if e.Whole {
			e.mbox = true
			e.eml = place{p.no, e.emlName()}
			p.pieces = append(p.pieces, piece{e, -1})
		}
		for i := range e.Attachments {
			e.files[i] = place{p.no, e.fileName(i, used)}
			p.pieces = append(p.pieces, piece{e, i})
		}
		return
	}
	p := b.room(text)
	p.entries = append(p.entries, e)
	if e.Whole {
		e.eml = place{b.alone(piece{e, -1}, e.Size), e.emlName()}
	}
	for i, a := range e.Attachments {
		e.files[i] = place{b.alone(piece{e, i}, a.Size), e.fileName(i, used)}
	}
}

// alone finds room for one file: one that is larger than a part gets its own.
func (b *builder) alone(f piece, size int64) int {
	var p *part
	if size+fileOverhead+partOverhead > b.bound {
		p = &b.parts[len(b.parts)-1]
		if len(p.entries) > 0 || len(p.pieces) > 0 {
			p = b.begin()
		}
		p.large = true
	} else {
		p = b.room(size + fileOverhead)
	}
	p.pieces = append(p.pieces, f)
	return p.no
}

func (e *entry) emlName() string {
	return fmt.Sprintf("messages/%05d_%s.eml", e.seq, e.Received.UTC().Format("2006-01-02"))
}

// fileName is the attachment's own name made safe, in a folder of the message.
func (e *entry) fileName(i int, used map[string]bool) string {
	name := safeFile(e.Attachments[i].Name, e.Attachments[i].Type)
	ext := path.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for n := 2; used[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s (%d)%s", stem, n, ext)
	}
	used[strings.ToLower(name)] = true
	return fmt.Sprintf("attachments/%05d/%s", e.seq, name)
}

// folder is the one folder of a part, so that parts can be unpacked side by
// side and link to each other.
func (b *builder) folder(no int) string { return fmt.Sprintf("%s-%d", safeFile(b.c.No, ""), no) }

func (b *builder) result() *Result {
	r := &Result{Parts: len(b.parts), SHA256: b.sums.Sum(nil), Counts: b.counts, Messages: b.counts["messages"]}
	for _, p := range b.parts {
		if p.large {
			r.Large++
		}
	}
	r.Counts["parts"] = r.Parts
	r.Nothing = len(b.c.Consents) == 0 && len(b.c.Withheld) == 0
	for i := range b.c.Tickets {
		r.Nothing = r.Nothing && b.c.Tickets[i].Desk
	}
	return r
}
