package storage

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// An archive is a line that says what it is, a line of JSON that says what is
// in it, rows of tables, an end mark with the number of rows, and the SHA-256
// of all before. A row is the table's number from 1 and a value for each
// column: a byte for its type, then an integer (varint) or a length (uvarint)
// with bytes. It is the same for both databases.

const (
	contentMagic = "postroom backup 1\n"
	keysMagic    = "postroom keys 1\n"
)

type archiveHead struct {
	Schema       int            `json:"schema"`
	Installation string         `json:"installation"`
	Made         time.Time      `json:"made"`
	Tables       []archiveTable `json:"tables"`
}

type archiveTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

const (
	valueNull = iota
	valueInt
	valueText
	valueBlob
)

// maxValue bounds one value of an archive: no column is larger.
const maxValue = 8 << 20

type archiveWriter struct {
	w    *bufio.Writer
	sum  hash.Hash
	rows uint64
	buf  []byte
}

func newArchiveWriter(w io.Writer, magic string, head archiveHead) (*archiveWriter, error) {
	a := &archiveWriter{sum: sha256.New()}
	a.w = bufio.NewWriterSize(io.MultiWriter(w, a.sum), 64<<10)
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(a.w, "%s%s\n", magic, line)
	return a, err
}

// row writes one row of the table with that number.
func (a *archiveWriter) row(table int, values []any) error {
	a.buf = binary.AppendUvarint(a.buf[:0], uint64(table+1))
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			a.buf = append(a.buf, valueNull)
		case int64:
			a.buf = binary.AppendVarint(append(a.buf, valueInt), v)
		case string:
			a.buf = append(binary.AppendUvarint(append(a.buf, valueText), uint64(len(v))), v...)
		case []byte:
			a.buf = append(binary.AppendUvarint(append(a.buf, valueBlob), uint64(len(v))), v...)
		default:
			return fmt.Errorf("a value of type %T in a backup", v)
		}
	}
	a.rows++
	_, err := a.w.Write(a.buf)
	return err
}

// end completes the archive. Without it, what was written is no backup.
func (a *archiveWriter) end(w io.Writer) error {
	a.buf = binary.AppendUvarint(binary.AppendUvarint(a.buf[:0], 0), a.rows)
	if _, err := a.w.Write(a.buf); err != nil {
		return err
	}
	if err := a.w.Flush(); err != nil {
		return err
	}
	_, err := w.Write(a.sum.Sum(nil))
	return err
}

// errArchive says that a backup is cut short or altered.
var errArchive = errors.New("the backup is damaged or not whole")

type archiveReader struct {
	r    *bufio.Reader
	sum  hash.Hash
	head archiveHead
	rows uint64
}

// openArchive reads the head. Everything read is hashed, so that the end can
// be checked.
func openArchive(r io.Reader, magic string) (*archiveReader, error) {
	a := &archiveReader{r: bufio.NewReaderSize(r, 64<<10), sum: sha256.New()}
	got := make([]byte, len(magic))
	if err := a.full(got); err != nil || string(got) != magic {
		if bytes.HasPrefix(got, []byte("postroom ")) {
			return nil, fmt.Errorf("this is %q, not %q", bytes.TrimSpace(got), magic[:len(magic)-1])
		}
		return nil, errors.New("this is no backup of postroom's")
	}
	line, err := a.r.ReadSlice('\n')
	if err != nil {
		return nil, errArchive
	}
	a.sum.Write(line)
	if err := json.Unmarshal(line, &a.head); err != nil {
		return nil, errArchive
	}
	return a, nil
}

func (a *archiveReader) full(p []byte) error {
	n, err := io.ReadFull(a.r, p)
	a.sum.Write(p[:n])
	if err != nil {
		return errArchive
	}
	return nil
}

// ReadByte makes varints readable; it feeds the hash.
func (a *archiveReader) ReadByte() (byte, error) {
	b, err := a.r.ReadByte()
	if err == nil {
		a.sum.Write([]byte{b})
	}
	return b, err
}

// next returns the next row; table is -1 at the end, once that is found to be
// whole.
func (a *archiveReader) next() (table int, values []any, err error) {
	n, err := binary.ReadUvarint(a)
	if err != nil {
		return 0, nil, errArchive
	}
	if n == 0 {
		return -1, nil, a.verify()
	}
	if n > uint64(len(a.head.Tables)) {
		return 0, nil, errArchive
	}
	table = int(n - 1)
	values = make([]any, len(a.head.Tables[table].Columns))
	for i := range values {
		if values[i], err = a.value(); err != nil {
			return 0, nil, errArchive
		}
	}
	a.rows++
	return table, values, nil
}

func (a *archiveReader) value() (any, error) {
	kind, err := a.ReadByte()
	if err != nil {
		return nil, err
	}
	switch kind {
	case valueNull:
		return nil, nil
	case valueInt:
		return binary.ReadVarint(a)
	case valueText, valueBlob:
		n, err := binary.ReadUvarint(a)
		if err != nil || n > maxValue {
			return nil, errArchive
		}
		b := make([]byte, n)
		if err := a.full(b); err != nil {
			return nil, err
		}
		if kind == valueText {
			return string(b), nil
		}
		return b, nil
	}
	return nil, errArchive
}

func (a *archiveReader) verify() error {
	rows, err := binary.ReadUvarint(a)
	if err != nil || rows != a.rows {
		return errArchive
	}
	want := a.sum.Sum(nil)
	got := make([]byte, sha256.Size)
	if _, err := io.ReadFull(a.r, got); err != nil || !bytes.Equal(got, want) {
		return errArchive
	}
	return nil
}
