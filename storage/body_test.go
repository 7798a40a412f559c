package storage

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// Each form opens in which bytes were ever kept, and what is damaged says so.
func TestSqueezedBytesOpen(t *testing.T) {
	t.Parallel()
	db, err := newDB(Options{})
	if err != nil {
		t.Fatal(err)
	}
	key := newSealer(randomKey())
	text := []byte(strings.Repeat("All is well, and all shall be well. ", 5000))
	noise := bytes.Join([][]byte{randomKey(), randomKey(), randomKey(), randomKey()}, nil)
	for _, c := range []struct {
		name   string
		data   []byte
		above  int
		format byte
		most   int // sealed bytes
	}{
		{"nothing", nil, 64, plainBytes, 0},
		{"too little", text[:64], 64, plainBytes, 64},
		{"a mail", text[:4000], 64, s2Bytes, 1000},
		{"the most for S2", text[:s2UpTo], 64, s2Bytes, s2UpTo / 2},
		{"a chunk", text[:s2UpTo+1], 64, zstdBytes, s2UpTo / 2},
		{"noise", noise, 64, plainBytes, len(noise)},
	} {
		at := chunkPlace(7, 0, true)
		sealed := db.sealSqueezed(key, at, c.data, c.above)
		plain, err := key.open(at, sealed)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if plain[0] != c.format || len(sealed) > c.most+sealExtra+1 {
			t.Errorf("%s: form %d, %d bytes of %d", c.name, plain[0], len(sealed), len(c.data))
		}
		if got, err := db.unsqueeze(plain); err != nil || !bytes.Equal(got, c.data) {
			t.Errorf("%s: %d bytes, %v", c.name, len(got), err)
		}
	}
	old := db.enc.EncodeAll(text[:4000], []byte{zstdBytes}) // as mails were kept before S2
	if got, err := db.unsqueeze(old); err != nil || !bytes.Equal(got, text[:4000]) {
		t.Errorf("zstd: %d bytes, %v", len(got), err)
	}
	for _, bad := range [][]byte{nil, {3, 1, 2}, {s2Bytes}, {s2Bytes, 0xff, 0xff, 0xff, 0x7f, 1}, {s2Bytes, 5, 0xff}} {
		if got, err := db.unsqueeze(bad); err == nil {
			t.Errorf("%v opened as %d bytes", bad, len(got))
		}
	}
	if _, err := db.unsqueeze([]byte{s2Bytes, 0xff, 0xff, 0xff, 0x7f, 1}); !errors.Is(err, errEncoding) {
		t.Errorf("more than a mail: %v", err)
	}
}
