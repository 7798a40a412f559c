package archive

import (
	"archive/zip"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"io"
	"testing"
)

// decrypt is AE-2 written a second time, in the words of WinZip's paper, with
// the standard library's counter mode fed block by block.
func decrypt(t *testing.T, data []byte, passphrase string) []byte {
	t.Helper()
	keys, err := pbkdf2.Key(sha1.New, passphrase, data[:16], 1000, 66)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(keys[64:], data[16:18]) {
		return nil
	}
	content, mac := data[18:len(data)-10], data[len(data)-10:]
	h := hmac.New(sha1.New, keys[32:64])
	h.Write(content)
	if !hmac.Equal(h.Sum(nil)[:10], mac) {
		t.Fatal("the authentication code is wrong")
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 0, len(content))
	for n := uint64(1); len(content) > 0; n++ {
		counter := make([]byte, aes.BlockSize)
		for i := range 8 {
			counter[i] = byte(n >> (8 * i))
		}
		piece := make([]byte, min(aes.BlockSize, len(content)))
		cipher.NewCTR(block, counter).XORKeyStream(piece, content[:len(piece)])
		out, content = append(out, piece...), content[len(piece):]
	}
	return out
}

// TestP12_Encryption: what is encrypted comes back with the passphrase, and
// the entry's checksum tells nothing.
func TestP12_Encryption(t *testing.T) {
	for _, size := range []int{0, 1, 15, 16, 17, 70_000} {
		var buf bytes.Buffer
		z := zip.NewWriter(&buf)
		e, err := encryptedEntry(z, "data.zip", "six words", made)
		if err != nil {
			t.Fatal(err)
		}
		want := noise(size, int64(size))
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+len(rest)/3)
			if _, err := e.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
		if err != nil {
			t.Fatal(err)
		}
		f := r.File[0]
		if f.CRC32 != 0 || f.Method != 99 || f.UncompressedSize64 != uint64(size) || !f.Modified.Equal(made) {
			t.Errorf("%+v", f.FileHeader)
		}
		raw, err := f.OpenRaw()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := decrypt(t, data, "six words"); !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back as %d", size, len(got))
		}
		if decrypt(t, data, "other words") != nil {
			t.Error("a wrong passphrase fits")
		}
	}
}
