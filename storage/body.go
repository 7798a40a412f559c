package storage

import (
	"errors"
	"fmt"
)

const (
	chunkSize = 240 << 10 // raw bytes of a chunk; sealed it stays under 256 KiB
	maxChunks = 4096      // of one content: 960 MiB
)

// First byte of what is squeezed.
const (
	plainBytes = 0
	zstdBytes  = 1
)

// squeezeAbove is the size from which compressing is worth its time; bodies are
// always compressed, since they are what fills the disk.
const squeezeAbove = 4 << 10

// squeeze compresses what is larger than above, unless that does not help.
func (db *DB) squeeze(b []byte, above int) []byte {
	out := make([]byte, 1, len(b)+64)
	if len(b) > above {
		out[0] = zstdBytes
		if out = db.enc.EncodeAll(b, out); len(out) < len(b) {
			return out
		}
	}
	out = append(out[:0], plainBytes)
	return append(out, b...)
}

func (db *DB) unsqueeze(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, errEncoding
	}
	switch b[0] {
	case plainBytes:
		return b[1:], nil
	case zstdBytes:
		return db.dec.DecodeAll(b[1:], nil)
	}
	return nil, errEncoding
}

// chunkPlace binds a chunk to its content, its number and whether it is the
// last: chunks can neither be exchanged nor left out at the end.
func chunkPlace(content int64, no int, last bool) place {
	return place{column: "bodies.data", row: content, sub: int64(no)<<1 | bit(last)}
}

func chunkID(content int64, no int) int64 { return content*maxChunks + int64(no) }

func (db *DB) sealChunk(key sealer, content int64, no int, last bool, raw []byte) []byte {
	return key.seal(chunkPlace(content, no, last), db.squeeze(raw, 64))
}

var errTruncated = errors.New("stored bytes end too early")

func (db *DB) openChunk(key sealer, content int64, no int, last bool, data []byte) ([]byte, error) {
	plain, err := key.open(chunkPlace(content, no, last), data)
	if err != nil {
		if last {
			if _, err := key.open(chunkPlace(content, no, false), data); err == nil {
				return nil, fmt.Errorf("content %d: %w", content, errTruncated)
			}
		}
		return nil, err
	}
	return db.unsqueeze(plain)
}
