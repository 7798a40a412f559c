package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strings"
	"sync"

	"postroom/tickets"
)

// Kinds of look-ups. The first byte of what is hashed keeps kinds apart.
const (
	kindPerson  int64 = 1 // folded address to person
	kindAck     int64 = 2 // folded address to an acknowledgement written to it; no is its time
	kindMessage int64 = 3 // Message-ID to message
	kindMail    int64 = 4 // Message-ID of a mail of ours to its ticket; no is the message it is about
	kindDedupe  int64 = 5 // identity to message
	kindThread  int64 = 6 // Outlook conversation to ticket
)

// What is hashed under one domain of the HMAC. Person and Ack share theirs,
// so that their rows lie side by side.
const (
	hashAddress = 'a'
	hashMailID  = 'm'
	hashDedupe  = 'd'
	hashThread  = 't'
	hashAgent   = 'n'
	hashDomain  = 'o'
	hashErased  = 'e'
)

const hashSize = 16

// hasher computes keyed hashes; its states are pooled, since an HMAC costs
// more to set up than to run.
type hasher struct{ pool sync.Pool }

func newHasher(key []byte) *hasher {
	h := &hasher{}
	h.pool.New = func() any { return hmac.New(sha256.New, key) }
	return h
}

func (h *hasher) sum(what byte, org int64, value string) []byte {
	m := h.pool.Get().(hash.Hash)
	m.Reset()
	var head [9]byte
	head[0] = what
	binary.BigEndian.PutUint64(head[1:], uint64(org))
	m.Write(head[:])
	m.Write([]byte(value))
	var out [sha256.Size]byte
	s := m.Sum(out[:0])
	h.pool.Put(m)
	return append(make([]byte, 0, hashSize), s[:hashSize]...)
}

func (h *hasher) address(org int64, address string) []byte {
	return h.sum(hashAddress, org, tickets.FoldAddress(address))
}

func (h *hasher) messageID(org int64, id string) []byte { return h.sum(hashMailID, org, id) }

// dedupe keeps the beginning of the identity, which [DB.Identity] takes from
// the Message-ID's hash: the rows of both then lie on one page of the look-up
// table, and at a million messages each random page costs more than a row.
func (h *hasher) dedupe(org int64, key []byte) []byte {
	n := min(len(key), 8)
	return append(append(make([]byte, 0, 8+hashSize), key[:n]...), h.sum(hashDedupe, org, string(key))...)
}

func (h *hasher) thread(org int64, conversation string) []byte {
	return h.sum(hashThread, org, conversation)
}

func (h *hasher) agent(org int64, name string) []byte {
	return h.sum(hashAgent, org, strings.ToLower(name))
}

// domain is narrow, since it only tells destinations apart.
func (h *hasher) domain(org int64, domain string) int64 {
	return int64(binary.BigEndian.Uint64(h.sum(hashDomain, org, domain)) >> 1)
}
