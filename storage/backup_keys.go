package storage

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"
)

// Cost of turning a passphrase into a key: about a tenth of a second and 64
// MiB, each time.
const (
	argonTime   = 3
	argonMemory = 64 << 10
	argonLanes  = 2
	saltSize    = 16
)

const sealedKeysMagic = "postroom sealed keys 1\n"

var keyTables = []archiveTable{
	table("settings", "name value"),
	table("keys", "id kind created key"),
	table("secrets", "id name created key"),
}

func passphraseKey(passphrase string, salt []byte) sealer {
	return newSealer(argon2.IDKey([]byte(passphrase), salt, argonTime, argonMemory, argonLanes, keySize))
}

// BackupKeys writes all keys, sealed with the passphrase. Together with a
// backup of the content it restores everything; it does not need the master
// key. A person who is erased later is still in it: keep it for days, not
// months.
func (db *DB) BackupKeys(ctx context.Context, w io.Writer, passphrase string) error {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt)
	if _, err := w.Write(append([]byte(sealedKeysMagic), salt...)); err != nil {
		return wrapErr("write the backup of the keys", err)
	}
	sealed := &chunkWriter{w: w, key: passphraseKey(passphrase, salt)}
	if err := db.dumpKeys(ctx, sealed); err != nil {
		return wrapErr("back up the keys", err)
	}
	return wrapErr("write the backup of the keys", sealed.Close())
}

func (db *DB) dumpKeys(ctx context.Context, w io.Writer) error {
	name, err := db.installation(ctx)
	if err != nil {
		return err
	}
	a, err := newArchiveWriter(w, keysMagic, archiveHead{Schema: 1, Installation: name, Made: db.now().UTC(), Tables: keyTables})
	if err != nil {
		return err
	}
	if err := dumpTable(ctx, through{db.keys.db}, a, 0, db.d.keys("SELECT name, value FROM keys.settings WHERE name = 'installation'"), 2); err != nil {
		return err
	}
	open := func(table int, text, column string, bind int) error {
		rows, err := db.keys.db.QueryContext(ctx, db.d.keys(text))
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			var id, created int64
			var what string
			var wrapped []byte
			if err := rows.Scan(&id, &what, &created, &wrapped); err != nil {
				return err
			}
			at := place{column: column, row: id}
			if bind == 1 {
				at.column += what
			}
			key, err := db.keys.wrap.open(at, wrapped)
			if err != nil {
				return err
			}
			return a.row(table, []any{id, what, created, key})
		})
	}
	if err := open(1, "SELECT id, kind, created, wrapped FROM keys.keys ORDER BY id", "keys.wrapped", 0); err != nil {
		return err
	}
	if err := open(2, "SELECT id, name, created, wrapped FROM keys.secrets ORDER BY id", "secrets.", 1); err != nil {
		return err
	}
	return a.end(w)
}

// chunkWriter seals a stream in numbered chunks; the last is marked, so that
// none can be cut off.
type chunkWriter struct {
	w   io.Writer
	key sealer
	buf []byte
	no  int64
}

const keyChunk = 64 << 10

func (c *chunkWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if len(c.buf) == keyChunk {
			if err := c.flush(false); err != nil {
				return 0, err
			}
		}
		m := min(keyChunk-len(c.buf), len(p))
		c.buf = append(c.buf, p[:m]...)
		p = p[m:]
	}
	return n, nil
}

func (c *chunkWriter) flush(last bool) error {
	sealed := c.key.seal(place{column: "keys backup", row: c.no, sub: bit(last)}, c.buf)
	c.no++
	c.buf = c.buf[:0]
	if _, err := c.w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))|uint32(bit(last))<<31)); err != nil {
		return err
	}
	_, err := c.w.Write(sealed)
	return err
}

func (c *chunkWriter) Close() error { return c.flush(true) }

// chunkReader opens what a chunkWriter sealed.
type chunkReader struct {
	r     io.Reader
	key   sealer
	plain []byte
	no    int64
	last  bool
}

func (c *chunkReader) Read(p []byte) (int, error) {
	for len(c.plain) == 0 {
		if c.last {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.plain)
	c.plain = c.plain[n:]
	return n, nil
}

func (c *chunkReader) next() error {
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return errArchive
	}
	n := binary.BigEndian.Uint32(head[:])
	c.last = n>>31 == 1
	if n &= 1<<31 - 1; n > keyChunk+sealExtra {
		return errArchive
	}
	sealed := make([]byte, n)
	if _, err := io.ReadFull(c.r, sealed); err != nil {
		return errArchive
	}
	var err error
	if c.plain, err = c.key.open(place{column: "keys backup", row: c.no, sub: bit(c.last)}, sealed); err != nil {
		if c.no == 0 {
			return errors.New("the passphrase is not that of this backup of the keys")
		}
		return errArchive
	}
	c.no++
	return nil
}

// openKeysBackup reads the head of a backup of the keys.
func openKeysBackup(r io.Reader, passphrase string) (*archiveReader, error) {
	head := make([]byte, len(sealedKeysMagic)+saltSize)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(sealedKeysMagic)]) != sealedKeysMagic {
		return nil, errors.New("this is no backup of postroom's keys")
	}
	opened := &chunkReader{r: r, key: passphraseKey(passphrase, head[len(sealedKeysMagic):])}
	if err := opened.next(); err != nil { // tells a wrong passphrase from damage
		return nil, err
	}
	a, err := openArchive(opened, keysMagic)
	if err != nil {
		return nil, fmt.Errorf("backup of the keys: %w", err)
	}
	return a, nil
}
