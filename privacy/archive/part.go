package archive

import (
	"archive/zip"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// The one encrypted entry of an encrypted part. It is a zip of its own, so that
// names, sizes and number of the files are hidden too, which WinZip's
// encryption leaves in the clear; and whoever has taken it out opens it like
// any zip, with what the system brings.
const (
	innerName  = "data.zip"
	readmeName = "README.txt"
)

// write writes one part.
func (b *builder) write(ctx context.Context, p *part, w io.Writer) error {
	if b.c.Passphrase == "" {
		return b.writeFiles(ctx, p, w)
	}
	outer := zip.NewWriter(w)
	readme, err := outer.CreateHeader(&zip.FileHeader{Name: readmeName, Method: zip.Store, Modified: b.c.Made.UTC()})
	if err != nil {
		return fmt.Errorf("write part %d: %w", p.no, err)
	}
	if _, err := io.WriteString(readme, crlf(b.words.locked()+"\n"+wordsOf("en").locked())); err != nil {
		return fmt.Errorf("write part %d: %w", p.no, err)
	}
	inner, err := encryptedEntry(outer, innerName, b.c.Passphrase, b.c.Made.UTC())
	if err != nil {
		return fmt.Errorf("write part %d: %w", p.no, err)
	}
	if err := b.writeFiles(ctx, p, inner); err != nil {
		return err
	}
	if err := inner.Close(); err != nil {
		return fmt.Errorf("write part %d: %w", p.no, err)
	}
	if err := outer.Close(); err != nil {
		return fmt.Errorf("write part %d: %w", p.no, err)
	}
	return nil
}

// files writes the files of one part and remembers their sums.
type files struct {
	z      *zip.Writer
	b      *builder
	folder string
	list   []listed

	deflate *flate.Writer
}

// compressor is one for all files of a part, which come one after the other,
// and fast: mail shrinks little more with patience.
func (f *files) compressor(w io.Writer) (io.WriteCloser, error) {
	if f.deflate == nil {
		var err error
		f.deflate, err = flate.NewWriter(w, flate.BestSpeed)
		return f.deflate, err
	}
	f.deflate.Reset(w)
	return f.deflate, nil
}

// listed is a file in the manifest.
type listed struct {
	Name   string `json:"name"` // within the part's folder
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// add writes one file.
func (f *files) add(name string, stored bool, fn func(io.Writer) error) error {
	h := &zip.FileHeader{Name: f.folder + "/" + name, Method: zip.Deflate, Modified: f.b.c.Made.UTC()}
	if stored {
		h.Method = zip.Store
	}
	w, err := f.z.CreateHeader(h)
	if err != nil {
		return fmt.Errorf("begin %s: %w", name, err)
	}
	sum := sha256.New()
	n := &counter{w: io.MultiWriter(w, sum)}
	if err := fn(n); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f.list = append(f.list, listed{name, n.n, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// writeFiles writes the zip with the files.
func (b *builder) writeFiles(ctx context.Context, p *part, w io.Writer) error {
	f := &files{z: zip.NewWriter(w), b: b, folder: b.folder(p.no)}
	f.z.RegisterCompressor(zip.Deflate, f.compressor)
	steps := []struct {
		name string
		skip bool
		fn   func(io.Writer) error
	}{
		{readmeName, false, func(w io.Writer) error { _, err := io.WriteString(w, crlf(b.words.readme(b, p))); return err }},
		{"index.html", false, func(w io.Writer) error { return b.writePage(ctx, p, w) }},
		{"data.json", false, func(w io.Writer) error { return b.writeData(ctx, p, w) }},
		{"tickets.csv", len(p.entries) == 0, func(w io.Writer) error { return b.writeTickets(p, w) }},
		{"messages.csv", len(p.entries) == 0, func(w io.Writer) error { return b.writeMessages(ctx, p, w) }},
		{"deliveries.csv", p.no > 1 || len(b.c.Deliveries) == 0, func(w io.Writer) error { return b.writeDeliveries(w) }},
		{"messages.mbox", !p.mbox(), func(w io.Writer) error { return b.writeMbox(ctx, p, w) }},
	}
	for _, s := range steps {
		if s.skip {
			continue
		}
		if err := f.add(s.name, false, s.fn); err != nil {
			return fmt.Errorf("part %d: %w", p.no, err)
		}
	}
	for _, piece := range p.pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.writePiece(ctx, f, piece); err != nil {
			return fmt.Errorf("part %d: %w", p.no, err)
		}
	}
	if err := b.writeManifest(f, p); err != nil {
		return fmt.Errorf("part %d: %w", p.no, err)
	}
	if err := f.z.Close(); err != nil {
		return fmt.Errorf("part %d: %w", p.no, err)
	}
	return nil
}

// mbox says whether messages stand in the part's mbox.
func (p *part) mbox() bool {
	for _, e := range p.entries {
		if e.mbox {
			return true
		}
	}
	return false
}

func (b *builder) writePiece(ctx context.Context, f *files, p piece) error {
	if p.index < 0 {
		return f.add(p.m.eml.name, false, func(w io.Writer) error { return b.src.WriteRaw(ctx, p.m.ID, w) })
	}
	a := p.m.Attachments[p.index]
	b.counts["attachments"]++
	return f.add(p.m.files[p.index].name, compressed(a.Type), func(w io.Writer) error {
		index := p.index
		if len(p.m.Indexes) > 0 {
			index = p.m.Indexes[index]
		}
		return b.src.WriteAttachment(ctx, p.m.ID, index, w)
	})
}

func (b *builder) writeMbox(ctx context.Context, p *part, w io.Writer) error {
	m := &mboxWriter{w: w}
	for _, e := range p.entries {
		if !e.mbox {
			continue
		}
		from := e.From
		if e.Envelope != "" {
			from = e.Envelope
		}
		if err := m.begin(from, e.Received); err != nil {
			return err
		}
		if err := b.src.WriteRaw(ctx, e.ID, m); err != nil {
			return err
		}
		if err := m.end(); err != nil {
			return err
		}
	}
	return nil
}

// compressed says whether deflating would be in vain.
func compressed(mediaType string) bool {
	switch {
	case strings.HasPrefix(mediaType, "image/") && mediaType != "image/svg+xml" && mediaType != "image/bmp",
		strings.HasPrefix(mediaType, "video/"), strings.HasPrefix(mediaType, "audio/"),
		mediaType == "application/pdf", mediaType == "application/zip",
		strings.HasPrefix(mediaType, "application/vnd.openxmlformats"), strings.HasPrefix(mediaType, "application/vnd.oasis"):
		return true
	}
	return false
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
