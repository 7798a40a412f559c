package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// ErrGone is returned for the bytes of a message that is not there or was erased.
var ErrGone = errors.New("the message is gone")

// WriteRaw writes the bytes of a message exactly as they were received. No
// transaction and no connection is held while w takes them.
func (db *DB) WriteRaw(ctx context.Context, messageID int64, w io.Writer) error {
	r, err := db.OpenRaw(ctx, messageID)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

// OpenRaw returns a reader of the bytes of a message exactly as they were
// received. It holds at most two chunks and reports a missing end as an error.
func (db *DB) OpenRaw(ctx context.Context, messageID int64) (io.ReadCloser, error) {
	var cek []byte
	var content int64
	err := db.readers.snapshot(ctx, func(q querier) error {
		r, err := db.newView(q).readMessage(ctx, messageID)
		if err != nil {
			return err
		}
		if r == nil || r.cek == nil {
			return ErrGone
		}
		cek, content = r.cek, r.content
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open message %d: %w", messageID, err)
	}
	return db.readContent(ctx, content, cek), nil
}

// contentReader reads chunk by chunk, one ahead, so that it knows the last.
type contentReader struct {
	db      *DB
	ctx     context.Context
	content int64
	key     sealer
	no      int
	next    []byte // sealed, number no
	plain   []byte
	started bool
	err     error
}

func (db *DB) readContent(ctx context.Context, content int64, cek []byte) *contentReader {
	return &contentReader{db: db, ctx: ctx, content: content, key: newSealer(cek)}
}

func (r *contentReader) Read(p []byte) (int, error) {
	for len(r.plain) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.advance()
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

// WriteTo spares io.Copy its buffer.
func (r *contentReader) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if len(r.plain) > 0 {
			m, err := w.Write(r.plain)
			n += int64(m)
			r.plain = r.plain[m:]
			if err != nil {
				return n, err
			}
		}
		if r.err == io.EOF {
			return n, nil
		}
		if r.err != nil {
			return n, r.err
		}
		r.err = r.advance()
	}
}

// advance opens the next chunk. It returns io.EOF with the last one.
func (r *contentReader) advance() (err error) {
	if !r.started {
		r.started = true
		if r.next, err = r.chunk(0); err != nil {
			return err
		}
		if r.next == nil {
			return fmt.Errorf("content %d: %w", r.content, errTruncated)
		}
	}
	current := r.next
	if r.next, err = r.chunk(r.no + 1); err != nil {
		return err
	}
	last := r.next == nil
	if r.plain, err = r.db.openChunk(r.key, r.content, r.no, last, current); err != nil {
		return err
	}
	r.no++
	if last {
		return io.EOF
	}
	return nil
}

func (r *contentReader) chunk(no int) (data []byte, err error) {
	err = r.db.readers.with(r.ctx, func(q querier) error {
		_, err := r.db.newView(q).row(r.ctx, "SELECT data FROM bodies WHERE id = ?", []any{chunkID(r.content, no)}, &data)
		return err
	})
	return data, err
}

func (r *contentReader) Close() error {
	r.err, r.plain, r.next = errors.New("closed"), nil, nil
	return nil
}

// Open reads back what a stage holds, before or after Finish and until it is
// adopted or aborted. The bytes not yet committed come from memory.
func (s *stage) Open() io.ReadCloser {
	if s.content == 0 {
		return io.NopCloser(bytes.NewReader(s.buf))
	}
	return s.db.readContent(s.ctx, s.content, s.cek)
}

// digest returns the size and the SHA-256 of stored bytes.
func (r *contentReader) digest() (size int64, sum string, err error) {
	h := sha256.New()
	size, err = r.WriteTo(h)
	return size, hex.EncodeToString(h.Sum(nil)), err
}
