package storage

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"postroom/tickets"
)

// What is written together must lie together, or a commit at a million
// messages writes a page for each.
func TestHashesOfOneMailLieTogether(t *testing.T) {
	t.Parallel()
	h := newHasher(testMaster)
	id := "abc.def@example.test"
	start := sha256.Sum256([]byte(id))
	identity := append(start[:8:8], "and the rest"...)
	mid, dedupe := h.messageID(1, id), h.dedupe(1, identity)
	if !bytes.Equal(mid[:nearSize], dedupe[:nearSize]) || bytes.Equal(mid, dedupe) {
		t.Errorf("%x and %x", mid, dedupe)
	}
	if bytes.Equal(mid, h.messageID(2, id)) || bytes.Equal(dedupe, h.dedupe(2, identity)) {
		t.Error("two organisations have the same hash")
	}
	if bytes.Contains(mid, start[:8]) || bytes.Contains(dedupe, start[:8]) {
		t.Error("an unkeyed hash is kept")
	}
	if len(mid) < hashSize || len(dedupe) < hashSize || len(h.address(1, "a@x")) < hashSize {
		t.Error("a hash is too short")
	}
	if own := tickets.NewMessageID("desk.test"); !ours(own) || string(h.messageID(1, own)[:nearSize]) != own[:nearSize] {
		t.Errorf("%s is not taken for ours", own)
	}
	for _, other := range []string{"", "x@y", "abcdefghijklmnopqrstuvwx", "ABCDEFGHIJKLMNOPQRSTUVWX@y", "abcdefghijklmnopqrstuvwxy@y", "abcdefghijklmnopqrstuvw1@y"} {
		if ours(other) {
			t.Errorf("%q is taken for ours", other)
		}
	}
	if !bytes.Equal(h.address(1, "Ann@X.test"), h.address(1, "ann@x.TEST")) {
		t.Error("addresses are compared with case")
	}
}
