package storage

import (
	"bytes"
	"cmp"
	"compress/flate"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"postroom/privacy"
)

var _ privacy.Eraser = (*DB)(nil)

// Scan implements [privacy.Eraser]: every file below the data folder and the
// folders that were named with ScanAlso, and, on PostgreSQL, the content of
// all tables. The files of a PostgreSQL server are out of our reach.
func (db *DB) Scan(ctx context.Context, values []string) ([]privacy.Find, error) {
	s := newScanner(values)
	dirs := append([]string{db.opt.DataDir}, db.opt.ScanAlso...)
	if file := strings.TrimPrefix(db.opt.URL, "sqlite:"); !db.d.postgres && file != "" {
		dirs = append(dirs, file, file+"-wal", file+"-shm", file+"-journal")
	}
	for _, dir := range dirs {
		if err := s.tree(ctx, dir); err != nil {
			return nil, wrapErr("scan "+dir, err)
		}
	}
	if db.d.postgres {
		if err := db.scanTables(ctx, s); err != nil {
			return nil, wrapErr("scan the tables", err)
		}
	}
	return s.finds(), nil
}

// scanTables copies every table and looks through the bytes.
func (db *DB) scanTables(ctx context.Context, s *scanner) error {
	var tables []string
	if err := db.main.SelectContext(ctx, &tables, `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
 WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`); err != nil {
		return err
	}
	conn, err := db.main.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		pg := c.(*stdlib.Conn).Conn()
		for _, t := range tables {
			for _, format := range []string{"binary", "text"} { // text for what binary splits, such as numbers
				if err := copyTable(ctx, pg, t, format, s); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func copyTable(ctx context.Context, pg *pgx.Conn, table, format string, s *scanner) error {
	r, w := io.Pipe()
	go func() {
		_, err := pg.PgConn().CopyTo(ctx, w, "COPY "+table+" TO STDOUT (FORMAT "+format+")")
		w.CloseWithError(err)
	}()
	defer r.Close()
	return s.stream(ctx, table, r, 0)
}

// scanner looks for values in every form. All forms are looked for in one pass,
// by their first two bytes: a store is large, and the forms are many.
type scanner struct {
	forms   []form
	longest int
	begins  [1 << 16]bool // whether a form begins so
	by      map[uint16][]int
	next    []int // from where on each form may be found
	found   map[privacy.Find]int
}

func newScanner(values []string) *scanner {
	var list []form
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			list = append(list, forms(v)...)
		}
	}
	return scannerOf(list)
}

// scannerOf looks for forms of two bytes at least.
func scannerOf(list []form) *scanner {
	s := &scanner{forms: list, by: map[uint16][]int{}, next: make([]int, len(list)), found: map[privacy.Find]int{}}
	for i, f := range list {
		s.longest = max(s.longest, len(f.text))
		for _, b := range f.begins() {
			s.begins[b] = true
			s.by[b] = append(s.by[b], i)
		}
	}
	return s
}

func (s *scanner) finds() (list []privacy.Find) {
	for f, n := range s.found {
		f.Count = n
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b privacy.Find) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.Encoding, b.Encoding))
	})
	return list
}

// tree looks through every file, and at the names of all.
func (s *scanner) tree(ctx context.Context, root string) error {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		}
		s.look(path+" (name)", []byte(filepath.Base(path)), 0)
		if !d.Type().IsRegular() {
			return ctx.Err()
		}
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil // gone meanwhile
		}
		if err != nil {
			return err
		}
		defer f.Close()
		return s.stream(ctx, path, f, 0)
	})
	return err
}

const (
	scanWindow = 4 << 20
	scanFirst  = 4 << 10
	scanDepth  = 3        // of what is compressed within what is compressed
	inflateMax = 64 << 20 // of one compressed stream
)

// stream looks through bytes in windows that overlap by the longest form. Most
// of what looks compressed is not, and ends at once: only what goes on gets a
// window.
func (s *scanner) stream(ctx context.Context, where string, r io.Reader, depth int) error {
	overlap := max(s.longest, 1)
	buf := make([]byte, 0, scanFirst)
	for start := 0; ; start = len(buf) {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		s.look(where, buf, start)
		if depth < scanDepth {
			s.inflate(ctx, where, buf, start, r, depth)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if cap(buf) < scanWindow {
			buf = append(make([]byte, 0, scanWindow+overlap), buf...)
			continue
		}
		buf = buf[:copy(buf, buf[len(buf)-overlap:])]
	}
}

// look counts the forms in b that end after the first known bytes.
func (s *scanner) look(where string, b []byte, known int) {
	clear(s.next)
	for i := max(0, known-s.longest+1); i+1 < len(b); i++ {
		begin := uint16(b[i])<<8 | uint16(b[i+1])
		if !s.begins[begin] {
			continue
		}
		for _, k := range s.by[begin] {
			if f := &s.forms[k]; i >= s.next[k] && i+len(f.text) > known && f.at(b[i:]) {
				s.found[privacy.Find{Where: where, Encoding: f.name}]++
				s.next[k] = i + len(f.text)
			}
		}
	}
}

// compressed streams by how they begin. A raw block of S2, as in this store,
// has no beginning of its own, and is sealed there.
var compressed = []struct {
	name  string
	magic []byte
	open  func(io.Reader) (io.Reader, error)
}{
	{"gzip", []byte{0x1f, 0x8b, 8}, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, func(r io.Reader) (io.Reader, error) {
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}},
	{"zlib", []byte{0x78, 0x01}, openZlib},
	{"zlib", []byte{0x78, 0x5e}, openZlib},
	{"zlib", []byte{0x78, 0x9c}, openZlib},
	{"zlib", []byte{0x78, 0xda}, openZlib},
	{"s2", []byte("\xff\x06\x00\x00S2sTwO"), func(r io.Reader) (io.Reader, error) { return s2.NewReader(r), nil }},
	{"snappy", []byte("\xff\x06\x00\x00sNaPpY"), func(r io.Reader) (io.Reader, error) { return s2.NewReader(r), nil }},
	{"zip", []byte("PK\x03\x04"), openZipEntry},
}

func openZlib(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) }

// openZipEntry inflates what follows the local header of a file in a zip.
func openZipEntry(r io.Reader) (io.Reader, error) {
	var head [30]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if head[8] != 8 {
		return nil, errors.New("not deflated")
	}
	skip := int64(head[26]) | int64(head[27])<<8
	skip += int64(head[28]) | int64(head[29])<<8
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return nil, err
	}
	return flate.NewReader(r), nil
}

// inflate looks into compressed streams that begin in this window. A stream
// that is longer than the window is read from a file again.
func (s *scanner) inflate(ctx context.Context, where string, b []byte, known int, src io.Reader, depth int) {
	for _, c := range compressed {
		for at := max(0, known-len(c.magic)+1); ; at++ {
			i := bytes.Index(b[at:], c.magic)
			if i < 0 {
				break
			}
			at += i
			var in io.Reader = bytes.NewReader(b[at:])
			if f, ok := src.(*os.File); ok {
				if pos, err := f.Seek(0, io.SeekCurrent); err == nil {
					in = io.NewSectionReader(f, pos-int64(len(b)-at), 1<<40)
				}
			}
			r, err := c.open(in)
			if err != nil {
				continue
			}
			_ = s.stream(ctx, where+" > "+c.name, io.LimitReader(noStop{r}, inflateMax), depth+1)
			if closer, ok := r.(io.Closer); ok {
				_ = closer.Close()
			}
		}
	}
}

// noStop ends a damaged stream quietly: what came before the damage counts.
type noStop struct{ r io.Reader }

func (n noStop) Read(p []byte) (int, error) {
	k, err := n.r.Read(p)
	if err != nil && err != io.EOF {
		err = io.EOF
	}
	return k, err
}
