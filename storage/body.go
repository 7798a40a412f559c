package storage

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
)

const (
	chunkSize = 240 << 10 // raw bytes of a chunk; sealed it stays under 256 KiB
	maxChunks = 4096      // of one content: 960 MiB
)

// First byte of what is squeezed.
const (
	plainBytes = 0
	zstdBytes  = 1
	s2Bytes    = 2
)

const (
	// squeezeAbove is the size from which compressing is worth its time; bodies
	// are always compressed, since they are what fills the disk.
	squeezeAbove = 1 << 10
	// s2UpTo is the size up to which S2 is used: on a mail of some KiB it takes
	// a quarter of the time of zstd at its fastest, and leaves the processor's
	// caches alone, for a quarter more bytes.
	s2UpTo = 64 << 10
)

// scratch is room for what is sealed at once: what is kept is a copy.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

// sealSqueezed seals bytes, compressed where they are more than above and
// where that helps.
func (db *DB) sealSqueezed(key sealer, p place, b []byte, above int) []byte {
	switch {
	case len(b) <= above:
	case len(b) <= s2UpTo:
		room := scratch.Get().(*[]byte)
		defer scratch.Put(room)
		packed := s2.Encode((*room)[:cap(*room)], b)
		if cap(packed) > cap(*room) {
			*room = packed
		}
		if len(packed) < len(b) {
			return key.sealIn(p, append(append(key.space(1+len(packed)), s2Bytes), packed...))
		}
	default:
		out := db.enc.EncodeAll(b, append(key.space(1+len(b)), zstdBytes))
		if len(out) <= len(b)+sealHead {
			return key.sealIn(p, out)
		}
	}
	return key.sealIn(p, append(append(key.space(1+len(b)), plainBytes), b...))
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
	case s2Bytes:
		if n, err := s2.DecodedLen(b[1:]); err != nil || n > s2UpTo {
			return nil, errEncoding
		}
		return s2.Decode(nil, b[1:])
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
	return db.sealSqueezed(key, chunkPlace(content, no, last), raw, 64)
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
