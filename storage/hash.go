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

// Kinds of look-ups. Those up to kindSent stand under the hash of a person's
// address, side by side. None is 0 or 1: SQLite prepares a statement anew
// whenever a parameter changes from or to one of these.
const (
	kindPerson  int64 = 11 // the person with the address
	kindAck     int64 = 12 // an acknowledgement written to the address; no is its time, target the mail
	kindParty   int64 = 13 // no: a ticket the person takes part in; target the party's number
	kindOwned   int64 = 14 // no: a message whose key is wrapped for the person
	kindSent    int64 = 15 // no: another mail written to the address, or naming it beside the recipient
	kindMessage int64 = 16 // Message-ID: the message
	kindMail    int64 = 17 // Message-ID of a mail of ours: its ticket; no is the message it is about
	kindDedupe  int64 = 18 // identity: the message
	kindThread  int64 = 19 // Outlook conversation: the ticket
	kindRequest int64 = 20 // under an address: no and target are a privacy request about it
	kindOpen    int64 = 21 // right and address: the open request
)

// Sorts of values; the first byte of what is hashed keeps them apart.
const (
	hashAddress = 'a'
	hashMailID  = 'm'
	hashDedupe  = 'd'
	hashThread  = 't'
	hashAgent   = 'n'
	hashDomain  = 'o'
	hashNear    = 'b'
	hashOpen    = 'q'
	hashErased  = 'e'
)

const hashSize = 16

// hasher computes keyed hashes; its states are pooled, since an HMAC costs
// more to set up than to run.
type hasher struct{ pool sync.Pool }

// hashing is one state with room for what goes in and comes out.
type hashing struct {
	mac hash.Hash
	in  []byte
	out [sha256.Size]byte
}

func newHasher(key []byte) *hasher {
	h := &hasher{}
	h.pool.New = func() any { return &hashing{mac: hmac.New(sha256.New, key), in: make([]byte, 0, 512)} }
	return h
}

func (h *hasher) sum(what byte, org int64, value string) []byte {
	return h.append(make([]byte, 0, hashSize), what, org, value)
}

// append adds the hash of a value to what is there.
func (h *hasher) append(to []byte, what byte, org int64, value string) []byte {
	s := h.pool.Get().(*hashing)
	in := append(binary.BigEndian.AppendUint64(append(s.in[:0], what), uint64(org)), value...)
	s.mac.Reset()
	s.mac.Write(in)
	to = append(to, s.mac.Sum(s.out[:0])[:hashSize]...)
	h.pool.Put(s)
	return to
}

func (h *hasher) address(org int64, address string) []byte {
	return h.sum(hashAddress, org, tickets.FoldAddress(address))
}

// near makes a common beginning for the hashes of a Message-ID and of the
// identities that begin with the first bytes of its SHA-256: their rows then
// lie on one page of the look-up table. At a million messages each random page
// a commit writes costs more than a row.
func (h *hasher) near(org int64, start []byte) []byte {
	return h.append(make([]byte, 0, nearSize+hashSize), hashNear, org, string(start))[:nearSize]
}

const nearSize = 8

// messageID hashes a Message-ID. One of ours begins with the time it was made
// (tickets.NewMessageID) and is kept by that, so that new ones are written side
// by side; it says nothing of anybody.
func (h *hasher) messageID(org int64, id string) []byte {
	if ours(id) {
		return h.append(append(make([]byte, 0, nearSize+hashSize), id[:nearSize]...), hashMailID, org, id)
	}
	start := sha256.Sum256([]byte(id))
	return h.append(h.near(org, start[:nearSize]), hashMailID, org, id)
}

// ours reports whether an id has the shape of those we make. Whoever imitates
// it gains nothing.
func ours(id string) bool {
	const local = 24
	return len(id) > local && id[local] == '@' && strings.Trim(id[:local], "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// dedupe hashes an identity. One that begins with the first eight bytes of the
// SHA-256 of its Message-ID is cheaper to keep; any other is as good.
func (h *hasher) dedupe(org int64, key []byte) []byte {
	return h.append(h.near(org, key[:min(len(key), nearSize)]), hashDedupe, org, string(key))
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
