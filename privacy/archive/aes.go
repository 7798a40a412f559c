package archive

import (
	"archive/zip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math"
	"time"
)

// WinZip's AE-2 with AES-256: the one strong encryption of zip files that
// 7-Zip, WinZip, macOS's Keka and The Unarchiver, and python's pyzipper all
// open. The entry's data is a salt, two bytes that tell a wrong passphrase at
// once, AES in counter mode, and 10 bytes of an HMAC-SHA1 over what is
// encrypted. Its CRC is left empty, since that would tell about the content.
const (
	aesMethod   = 99
	aesExtra    = 0x9901
	aesSalt     = 16
	aesKey      = 32
	aesRounds   = 1000
	aesMAC      = 10
	aesVerifier = 2

	flagEncrypted  = 0x1
	flagDescriptor = 0x8
	flagUTF8       = 0x800

	zipAES = 51 // version needed to extract
)

// encryptedEntry begins an entry that is stored, not compressed, and encrypted
// with the passphrase. What is written may be of any length: nothing is held
// back. Close must be called before the next entry begins.
func encryptedEntry(z *zip.Writer, name, passphrase string, modified time.Time) (io.WriteCloser, error) {
	extra := make([]byte, 11)
	binary.LittleEndian.PutUint16(extra, aesExtra)
	binary.LittleEndian.PutUint16(extra[2:], 7)
	binary.LittleEndian.PutUint16(extra[4:], 2) // AE-2
	copy(extra[6:], "AE")
	extra[8] = 3                                        // 256 bits
	binary.LittleEndian.PutUint16(extra[9:], zip.Store) // what is in it
	h := &zip.FileHeader{
		Name: name, Method: aesMethod, Extra: extra, Modified: modified,
		Flags: flagEncrypted | flagDescriptor, CreatorVersion: zipAES, ReaderVersion: zipAES,
	}
	//lint:ignore SA1019 CreateRaw writes these, and does not make them of Modified
	h.ModifiedDate, h.ModifiedTime = dosTime(modified)
	w, err := z.CreateRaw(h)
	if err != nil {
		return nil, fmt.Errorf("begin entry: %w", err)
	}
	salt := make([]byte, aesSalt)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("make a salt: %w", err)
	}
	e, verifier, err := newAESWriter(w, h, passphrase, salt)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(append(salt, verifier...)); err != nil {
		return nil, fmt.Errorf("begin entry: %w", err)
	}
	return e, nil
}

// aesWriter encrypts one entry.
type aesWriter struct {
	w      io.Writer
	h      *zip.FileHeader
	block  cipher.Block
	mac    hash.Hash
	count  [aes.BlockSize]byte // little-endian, unlike crypto/cipher's
	stream [aes.BlockSize]byte
	used   int // of stream
	buf    []byte
	n      int64
}

func newAESWriter(w io.Writer, h *zip.FileHeader, passphrase string, salt []byte) (*aesWriter, []byte, error) {
	keys, err := pbkdf2.Key(sha1.New, passphrase, salt, aesRounds, 2*aesKey+aesVerifier)
	if err != nil {
		return nil, nil, fmt.Errorf("derive a key: %w", err)
	}
	block, err := aes.NewCipher(keys[:aesKey])
	if err != nil {
		return nil, nil, fmt.Errorf("make a cipher: %w", err)
	}
	return &aesWriter{w: w, h: h, block: block, mac: hmac.New(sha1.New, keys[aesKey:2*aesKey]), used: aes.BlockSize, buf: make([]byte, 32<<10)}, keys[2*aesKey:], nil
}

func (e *aesWriter) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		out := e.buf[:min(len(e.buf), len(p)-done)]
		for i := range out {
			if e.used == aes.BlockSize {
				e.next()
			}
			out[i] = p[done+i] ^ e.stream[e.used]
			e.used++
		}
		e.mac.Write(out)
		if _, err := e.w.Write(out); err != nil {
			return done, err
		}
		done += len(out)
		e.n += int64(len(out))
	}
	return done, nil
}

// next makes the key stream of the next block; the first counter is 1.
func (e *aesWriter) next() {
	for i := range e.count {
		e.count[i]++
		if e.count[i] != 0 {
			break
		}
	}
	e.block.Encrypt(e.stream[:], e.count[:])
	e.used = 0
}

// Close writes the authentication code and the sizes.
func (e *aesWriter) Close() error {
	if _, err := e.w.Write(e.mac.Sum(nil)[:aesMAC]); err != nil {
		return fmt.Errorf("end entry: %w", err)
	}
	e.h.UncompressedSize64 = uint64(e.n)
	e.h.CompressedSize64 = uint64(e.n) + aesSalt + aesVerifier + aesMAC
	//lint:ignore SA1019 what the central directory says, since CreateRaw copied them before
	e.h.UncompressedSize = uint32(min(e.h.UncompressedSize64, math.MaxUint32))
	//lint:ignore SA1019 as above
	e.h.CompressedSize = uint32(min(e.h.CompressedSize64, math.MaxUint32))
	return nil
}

// dosTime is the time as zip writes it, to two seconds and without a zone.
func dosTime(t time.Time) (date, clock uint16) {
	return uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9), uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11)
}
