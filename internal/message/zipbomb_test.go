package message

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"runtime"
	"strings"
	"testing"
)

// zeros is n bytes of nothing.
func zeros(w io.Writer, n int64) error {
	_, err := io.CopyN(w, zeroReader{}, n)
	return err
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Attachments are bytes and are never opened: what would be large when it was
// expanded costs what it weighs.
func TestM4_ArchivesAreNeverExpanded(t *testing.T) {
	const expanded = 256 << 20
	var gz bytes.Buffer
	w, _ := gzip.NewWriterLevel(&gz, gzip.BestCompression)
	if err := zeros(w, expanded); err != nil {
		t.Fatal(err)
	}
	w.Close()
	// A zip within a zip within a zip, the innermost of zeros.
	inner := gz.Bytes()
	for range 3 {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range []string{"a.zip", "b.zip", "../../etc/passwd"} {
			f, err := z.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			f.Write(inner)
		}
		z.Close()
		inner = b.Bytes()
	}
	for _, c := range []struct {
		name, typ string
		body      []byte
	}{
		{"a gzip of 256 MiB", "application/gzip", gz.Bytes()},
		{"nested zips", "application/zip", inner},
		{"a gzip that calls itself text", "text/plain", gz.Bytes()},
		{"a zip that calls itself a document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", inner},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nsee the file\r\n--x\r\n" +
				"Content-Type: " + c.typ + "\r\nContent-Encoding: gzip\r\nContent-Disposition: attachment; filename=bomb.zip\r\n" +
				"Content-Transfer-Encoding: base64\r\n\r\n" + lines76(base64.StdEncoding.EncodeToString(c.body)) + "--x--\r\n"
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			m, err := Parse(strings.NewReader(raw), Limits{})
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(c.body)
			if len(m.Attachments) != 1 || m.Attachments[0].Size != int64(len(c.body)) || m.Attachments[0].SHA256 != hex.EncodeToString(sum[:]) {
				t.Fatalf("%+v, want %d bytes as they came", m.Attachments, len(c.body))
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
				t.Errorf("%d MiB allocated for a mail of %d KiB", got>>20, len(raw)>>10)
			}
			if strings.TrimSpace(m.Text) != "see the file" {
				t.Errorf("the text is %q", m.Text)
			}
		})
	}
}

func lines76(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	b.WriteString(s + "\r\n")
	return b.String()
}
