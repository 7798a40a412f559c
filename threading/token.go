package threading

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// TokenKind says what a secret address is for. It stands in the address as
// support+r.<token>@desk.example.
type TokenKind byte

// The kinds of secret addresses.
const (
	TokenReply   TokenKind = 'r' // a party's reply to a ticket
	TokenAgent   TokenKind = 'a' // an agent's answer to a ticket
	TokenNote    TokenKind = 'n' // an agent's internal note: never reaches a customer
	TokenCommand TokenKind = 'c' // an agent's commands
	TokenReturn  TokenKind = 'b' // return path of one outgoing mail, for bounces
	TokenConfirm TokenKind = 'y' // confirmation of a held mail
)

// macLen is 112 bits, above the 100 that make guessing hopeless.
const macLen = 14

// returnDays is for how long a bounce may come back: mail is retried for five
// days, and far servers for five more.
const returnDays = 14

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Keyring makes and checks secret addresses. Keys[0] signs; all verify, so that
// rotating a key breaks no address that is out there. At least one key of 32
// bytes is needed.
type Keyring struct{ Keys [][]byte }

// Token is a verified secret address. Which fields are set depends on Kind.
type Token struct {
	Kind    TokenKind
	Ref     string // reply, agent, note: the ticket
	PartyNo int    // reply
	AgentID int64  // agent, note, command
	ID      int64  // return: the outgoing mail; confirm: the held mail
	Day     int    // return: days since 1970 on which it was made
}

// Reply returns the token of a party's reply to a ticket.
func (k *Keyring) Reply(ref string, partyNo int) string {
	b, _ := refBytes(ref)
	return k.sign(TokenReply, binary.BigEndian.AppendUint16(b[:], uint16(partyNo)))
}

// Agent returns the token of an agent's answer to a ticket.
func (k *Keyring) Agent(ref string, agentID int64) string { return k.agent(TokenAgent, ref, agentID) }

// Note returns the token of an agent's note in a ticket.
func (k *Keyring) Note(ref string, agentID int64) string { return k.agent(TokenNote, ref, agentID) }

func (k *Keyring) agent(kind TokenKind, ref string, agentID int64) string {
	b, _ := refBytes(ref)
	return k.sign(kind, binary.BigEndian.AppendUint32(b[:], uint32(agentID)))
}

// Command returns the token of an agent's command address.
func (k *Keyring) Command(agentID int64) string {
	return k.sign(TokenCommand, binary.BigEndian.AppendUint32(nil, uint32(agentID)))
}

// Return returns the token of an outgoing mail's return path.
func (k *Keyring) Return(outboxID int64, now time.Time) string {
	b := appendUint48(nil, outboxID)
	return k.sign(TokenReturn, binary.BigEndian.AppendUint16(b, uint16(now.Unix()/86400)))
}

// Confirm returns the token that confirms a held mail. It works once: the store
// knows whether the mail is still held.
func (k *Keyring) Confirm(heldID int64) string {
	return k.sign(TokenConfirm, appendUint48(nil, heldID))
}

func appendUint48(b []byte, v int64) []byte {
	return append(b, byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func uint48(b []byte) int64 {
	return int64(b[0])<<40 | int64(b[1])<<32 | int64(b[2])<<24 | int64(b[3])<<16 | int64(b[4])<<8 | int64(b[5])
}

func (k *Keyring) sign(kind TokenKind, payload []byte) string {
	return tokenEncoding.EncodeToString(append(payload, tokenMAC(k.Keys[0], kind, payload)...))
}

func tokenMAC(key []byte, kind TokenKind, payload []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte{'p', 'o', 's', 't', 'r', 'o', 'o', 'm', 0, byte(kind)})
	m.Write(payload)
	return m.Sum(nil)[:macLen]
}

var payloadLen = map[TokenKind]int{
	TokenReply: 7, TokenAgent: 9, TokenNote: 9, TokenCommand: 4, TokenReturn: 8, TokenConfirm: 6,
}

// Parse verifies the local part of a secret address, such as support+r.<token>,
// compared without case. It returns nil for anything that is not one of ours or
// whose time has passed; the comparison takes constant time.
func (k *Keyring) Parse(local string, now time.Time) *Token {
	i := strings.LastIndexByte(local, '+')
	if i < 0 || len(local)-i < 4 || len(local) > 64 || local[i+2] != '.' {
		return nil
	}
	kind := TokenKind(local[i+1] | 0x20)
	n, ok := payloadLen[kind]
	if !ok {
		return nil
	}
	text := foldASCII(local[i+3:])
	raw, err := tokenEncoding.DecodeString(text)
	// Encoding again refuses the other spellings of the same bytes.
	if err != nil || len(raw) != n+macLen || tokenEncoding.EncodeToString(raw) != text {
		return nil
	}
	payload, mac := raw[:n], raw[n:]
	good := 0
	for _, key := range k.Keys {
		good |= subtle.ConstantTimeCompare(mac, tokenMAC(key, kind, payload))
	}
	if good != 1 {
		return nil
	}
	return decodeToken(kind, payload, now)
}

// foldASCII lowers A to Z only: what Unicode would fold to a letter is none.
func foldASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

func decodeToken(kind TokenKind, p []byte, now time.Time) *Token {
	t := &Token{Kind: kind}
	switch kind {
	case TokenReply, TokenAgent, TokenNote:
		t.Ref = formatRef([5]byte(p[:5]))
		if kind == TokenReply {
			t.PartyNo = int(binary.BigEndian.Uint16(p[5:]))
		} else {
			t.AgentID = int64(binary.BigEndian.Uint32(p[5:]))
		}
	case TokenCommand:
		t.AgentID = int64(binary.BigEndian.Uint32(p))
	case TokenReturn:
		t.ID, t.Day = uint48(p), int(binary.BigEndian.Uint16(p[6:]))
		today := int(now.Unix() / 86400)
		if t.Day > today+1 || today-t.Day > returnDays {
			return nil
		}
	case TokenConfirm:
		t.ID = uint48(p)
	}
	return t
}

// Address puts a token into an address of a queue: local+r.<token>@domain. A
// local part that would grow beyond the 64 octets of RFC 5321 section 4.5.3.1.1
// gives way to the word "reply".
func Address(local string, kind TokenKind, token, domain string) string {
	if len(local)+3+len(token) > 64 || strings.ContainsAny(local, "\"\\ +") {
		local = "reply"
	}
	return local + "+" + string(kind) + "." + token + "@" + domain
}
