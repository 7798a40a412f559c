package storage

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zip"
	"github.com/klauspost/compress/zstd"
)

// The scanner sees a value however it is written, also across the edges of its
// windows.
func TestScanSeesEveryEncoding(t *testing.T) {
	t.Parallel()
	const value = "Zqx.Grüße@Example.test"
	wide := func(big bool) []byte {
		var b []byte
		for _, u := range utf16.Encode([]rune(value)) {
			if big {
				b = append(b, byte(u>>8), byte(u))
			} else {
				b = append(b, byte(u), byte(u>>8))
			}
		}
		return b
	}
	pack := func(open func(io.Writer) io.WriteCloser) []byte {
		var b bytes.Buffer
		w := open(&b)
		_, _ = io.WriteString(w, strings.Repeat("filling ", 4000)+value+strings.Repeat(" filling", 4000))
		_ = w.Close()
		return b.Bytes()
	}
	zipped := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, _ := z.Create("x")
		_, _ = io.WriteString(w, value)
		_ = z.Close()
		return b.Bytes()
	}
	qp := func() []byte {
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		_, _ = io.WriteString(w, value)
		_ = w.Close()
		return b.Bytes()
	}
	sum := sha256.Sum256([]byte(strings.ToLower(value)))
	sum5 := md5.Sum([]byte(value))
	backwards := []byte(strings.ToLower(value))
	slices.Reverse(backwards)
	cases := map[string][]byte{
		"plain": []byte(value), "lower": []byte(strings.ToLower(value)), "upper": []byte(strings.ToUpper(value)), "utf-16le": wide(false), "utf-16be": wide(true),
		"hex": []byte(hex.EncodeToString([]byte(value))), "HEX": []byte(strings.ToUpper(hex.EncodeToString([]byte(value)))), "qp": qp(), "percent": []byte(url.QueryEscape(value)),
		"reversed": backwards, "sha256": []byte(hex.EncodeToString(sum[:])), "md5": []byte(hex.EncodeToString(sum5[:])), "digest": sum[:],
		"zlib": pack(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"gzip": pack(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"zstd": pack(func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }),
		"s2":   pack(func(w io.Writer) io.WriteCloser { return s2.NewWriter(w) }),
		"zip":  zipped(),
	}
	for shift := range 3 {
		cases[fmt.Sprint("base64+", shift)] = []byte(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + value + "tail")))
	}
	for name, text := range cases {
		for _, at := range []int{0, 777, scanWindow - len(text)/2} {
			if at > 10000 && len(text) > 10000 {
				at = scanWindow - 10
			}
			dir := t.TempDir()
			data := append(append(bytes.Repeat([]byte{' '}, at), text...), bytes.Repeat([]byte{'\n'}, 500)...)
			if err := os.WriteFile(filepath.Join(dir, "file"), data, 0o600); err != nil {
				t.Fatal(err)
			}
			s := newScanner([]string{value})
			if err := s.tree(ctx, dir); err != nil {
				t.Fatal(err)
			}
			if len(s.finds()) == 0 {
				t.Errorf("%s at %d is not seen", name, at)
			}
			s = newScanner([]string{"somebody.else@Example.test"})
			if err := s.tree(ctx, dir); err != nil || len(s.finds()) > 0 {
				t.Errorf("%s: seen what is not there: %v %v", name, s.finds(), err)
			}
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "export of "+value), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newScanner([]string{value})
	if err := s.tree(ctx, dir); err != nil || len(s.finds()) != 1 {
		t.Errorf("a file's name: %v %v", s.finds(), err)
	}
}
