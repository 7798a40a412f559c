package privacydesk

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"postroom/privacy"
)

// Masker makes somebody unrecognisable in mail that is also another's. It
// knows addresses in every form they are written in, names and their parts
// that are distinctive, in headers, encoded words, texts and HTML of any
// charset and transfer encoding, names of attachments, attached texts and
// mails. What it cannot look into it leaves as it is and names.
//
// A masked message is a message again: what is not touched stays to the byte,
// and what is touched is encoded anew. Its DKIM signatures do not hold any more.
type Masker struct {
	Word string // stands where a name stood; empty means [erased]
	// Strip takes parts that cannot be looked into out of the message instead of
	// leaving them; they are named all the same.
	Strip bool
}

var _ privacy.Masker = (*Masker)(nil)

// maskedAddress stands where an address stood: one that can never be
// anybody's (RFC 2606), so that the header still parses.
const maskedAddress = "erased@erased.invalid"

const (
	maxMaskedText   = 16 << 20 // a text part above it is named instead of masked
	maxMaskedHeader = 1 << 20
	maxMaskedDepth  = 40
)

func (m *Masker) word() string {
	if m.Word != "" {
		return m.Word
	}
	return "[erased]"
}

// Text masks plain text.
func (m *Masker) Text(who privacy.Identity, s string) (string, bool) {
	return maskText(s, patternsOf(who), m.word(), maskedAddress, plain)
}

// Mask rewrites a message, part after part. Memory is bounded by the largest
// text in it.
func (m *Masker) Mask(ctx context.Context, who privacy.Identity, raw io.Reader, w io.Writer) ([]string, error) {
	out := bufio.NewWriterSize(w, 32<<10)
	r := &rewriter{ctx: ctx, m: m, patterns: patternsOf(who), in: bufio.NewReaderSize(raw, 32<<10), out: out}
	if err := r.entity(nil, 0); err != nil {
		return nil, fmt.Errorf("mask a message: %w", err)
	}
	if err := out.Flush(); err != nil {
		return nil, fmt.Errorf("mask a message: %w", err)
	}
	return r.left, nil
}

// maskText masks text of the markup and says whether anything was there.
func maskText(s string, list []pattern, word, address string, as markup) (string, bool) {
	if len(list) == 0 || s == "" {
		return s, false
	}
	kinds := []markup{plain}
	if as != plain {
		kinds = []markup{elements, source}
	}
	changed := false
	for _, k := range kinds {
		f := fold(s, k)
		if hits := find(f, list); len(hits) > 0 {
			s, changed = f.replace(hits, word, address), true
		}
	}
	return s, changed
}

func (r *rewriter) mask(s string, as markup) (string, bool) {
	return maskText(s, r.patterns, r.m.word(), maskedAddress, as)
}

// shows says whether somebody can be told from the text.
func (r *rewriter) shows(s string) bool { return len(find(fold(s, plain), r.patterns)) > 0 }

// leave names a part that was not looked into.
func (r *rewriter) leave(what, name string) {
	if name != "" {
		name, _ = r.mask(name, plain)
		what += " (" + name + ")"
	}
	if len(r.left) < 100 && !slices.Contains(r.left, what) {
		r.left = append(r.left, what)
	}
}

// atomWord is the masking word as it may stand in a header's phrase.
func (r *rewriter) atomWord() string {
	w := strings.Map(func(c rune) rune {
		if c == ' ' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return c
		}
		return -1
	}, r.m.word())
	if w = strings.TrimSpace(w); w == "" {
		return "erased"
	}
	return w
}
