package archive

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Manifest names the files of one part. Its signature is in
// manifest.json.sig: base64 of Ed25519 over the bytes of manifest.json.
type Manifest struct {
	Format    string    `json:"format"`
	Request   string    `json:"request"`
	Part      int       `json:"part"`
	Parts     int       `json:"parts"`
	Made      time.Time `json:"made"`
	Files     []listed  `json:"files"`
	Algorithm string    `json:"algorithm,omitempty"`  // Ed25519
	PublicKey string    `json:"public_key,omitempty"` // base64, as the controller publishes it
	Key       string    `json:"key,omitempty"`        // its name: the first 16 hex digits of its SHA-256
}

const (
	manifestName   = "manifest.json"
	signatureName  = "manifest.json.sig"
	manifestFormat = "postroom-archive-manifest/1"
)

// KeyName names a public key.
func KeyName(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return fmt.Sprintf("%x", sum[:8])
}

func (b *builder) writeManifest(f *files, p *part) error {
	m := Manifest{Format: manifestFormat, Request: b.c.No, Part: p.no, Parts: len(b.parts), Made: b.c.Made.UTC(), Files: f.list}
	if b.c.Key != nil {
		public := b.c.Key.Public().(ed25519.PublicKey)
		m.Algorithm, m.PublicKey, m.Key = "Ed25519", base64.StdEncoding.EncodeToString(public), KeyName(public)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("make the manifest: %w", err)
	}
	text = append(text, '\n')
	b.sums.Write(text)
	if err := f.add(manifestName, false, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	if b.c.Key == nil {
		return nil
	}
	sig := base64.StdEncoding.EncodeToString(ed25519.Sign(b.c.Key, text)) + "\n"
	return f.add(signatureName, false, func(w io.Writer) error { _, err := io.WriteString(w, sig); return err })
}

// ErrSignature says that a signature is not that of the key over the text.
var ErrSignature = errors.New("the signature does not fit")

// VerifyManifest reads a manifest that was signed with one of the keys.
func VerifyManifest(text, signature []byte, keys []ed25519.PublicKey) (*Manifest, error) {
	sig, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(signature)))
	if err != nil {
		return nil, ErrSignature
	}
	for _, k := range keys {
		if len(k) != ed25519.PublicKeySize || !ed25519.Verify(k, text, sig) {
			continue
		}
		var m Manifest
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, fmt.Errorf("read the manifest: %w", err)
		}
		return &m, nil
	}
	return nil, ErrSignature
}
