package storage

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	keySize    = chacha20poly1305.KeySize
	sealFormat = 1 // first byte of everything sealed
	sealHead   = 1 + chacha20poly1305.NonceSizeX
	sealExtra  = sealHead + chacha20poly1305.Overhead
)

// errSealed is returned for what does not open: wrong key, moved or altered.
var errSealed = errors.New("sealed data does not open")

// errKeyGone is returned when the key was destroyed or was never here.
var errKeyGone = errors.New("the key is gone")

// place says where a ciphertext stands; it opens nowhere else.
type place struct {
	column string // table.column
	row    int64
	sub    int64 // second part of the row's key; 0 if none
}

func (p place) aad(dst []byte) []byte {
	dst = append(dst, p.column...)
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(p.row))
	return binary.BigEndian.AppendUint64(dst, uint64(p.sub))
}

// sealer seals under one key with XChaCha20-Poly1305; random nonces of 192
// bits never need counting.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) sealer {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic("storage: key of a wrong size") // a programming error: all keys are made here
	}
	return sealer{a}
}

func (s sealer) seal(p place, plain []byte) []byte {
	return s.sealIn(p, append(s.space(len(plain)), plain...))
}

// space returns room for n bytes to be sealed in place: they are appended to
// it and given to sealIn.
func (sealer) space(n int) []byte {
	out := make([]byte, sealHead, sealExtra+n)
	out[0] = sealFormat
	return out
}

// sealIn seals what was appended to a space.
func (s sealer) sealIn(p place, out []byte) []byte {
	var aad [64]byte
	_, _ = rand.Read(out[1:sealHead]) // never fails (crypto/rand)
	return s.aead.Seal(out[:sealHead], out[1:sealHead], out[sealHead:], p.aad(aad[:0]))
}

func (s sealer) open(p place, data []byte) ([]byte, error) {
	var aad [64]byte
	if len(data) < sealExtra || data[0] != sealFormat {
		return nil, fmt.Errorf("%s %d: %w", p.column, p.row, errSealed)
	}
	nonce, text := data[1:sealHead], data[sealHead:]
	out, err := s.aead.Open(nil, nonce, text, p.aad(aad[:0]))
	if err != nil {
		return nil, fmt.Errorf("%s %d: %w", p.column, p.row, errSealed)
	}
	return out, nil
}

func randomKey() []byte {
	k := make([]byte, keySize)
	_, _ = rand.Read(k)
	return k
}

// masterKey derives the key that wraps all other keys.
func masterKey(master []byte) ([]byte, error) {
	if len(master) < keySize {
		return nil, fmt.Errorf("the master key has %d bytes, it needs %d", len(master), keySize)
	}
	return hkdf.Key(sha256.New, master, nil, "postroom: wrap keys, 1", keySize)
}
