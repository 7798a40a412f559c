package tickets

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"

	"postroom/threading"
)

// Addresses makes the secret addresses of a queue.
type Addresses struct{ Keys *threading.Keyring }

func (a Addresses) make(q *Queue, kind threading.TokenKind, token string) string {
	local, _, _ := SplitAddress(q.Address)
	return threading.Address(local, kind, token, q.ReplyDomain)
}

// Reply is where a party answers to in a ticket.
func (a Addresses) Reply(q *Queue, ref string, partyNo int) string {
	return a.make(q, threading.TokenReply, a.Keys.Reply(ref, partyNo))
}

// Agent is where an agent answers the customer from a mailbox elsewhere.
func (a Addresses) Agent(q *Queue, ref string, agentID int64) string {
	return a.make(q, threading.TokenAgent, a.Keys.Agent(ref, agentID))
}

// Note is where an agent writes an internal note; it can never reach a customer.
func (a Addresses) Note(q *Queue, ref string, agentID int64) string {
	return a.make(q, threading.TokenNote, a.Keys.Note(ref, agentID))
}

// Command is where an agent writes commands about no ticket in particular.
func (a Addresses) Command(q *Queue, agentID int64) string {
	return a.make(q, threading.TokenCommand, a.Keys.Command(agentID))
}

// Return is the return path of an outgoing mail.
func (a Addresses) Return(q *Queue, outboxID int64, now time.Time) string {
	return a.make(q, threading.TokenReturn, a.Keys.Return(outboxID, now))
}

// Confirm is where an agent confirms a held mail.
func (a Addresses) Confirm(q *Queue, heldID int64) string {
	return a.make(q, threading.TokenConfirm, a.Keys.Confirm(heldID))
}

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewMessageID returns a fresh Message-ID, without angle brackets, that says
// nothing of the ticket and cannot be guessed (80 random bits): naming it later
// is evidence. It begins with the time, so that the store writes new ones side
// by side.
func NewMessageID(domain string) string {
	var b [15]byte
	rand.Read(b[5:])
	ms := uint64(time.Now().UnixMilli()) >> 3
	for i := range 5 {
		b[i] = byte(ms >> (8 * (4 - i)))
	}
	return idEncoding.EncodeToString(b[:]) + "@" + strings.ToLower(domain)
}

// NewReceipt returns the random word that the 250 carries.
func NewReceipt() string {
	var b [10]byte
	rand.Read(b[:])
	return idEncoding.EncodeToString(b[:])
}

// NewHeldID returns the id of a held mail: random, so that the address which
// confirms it cannot be told from another.
func NewHeldID() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>17) | 1
}
