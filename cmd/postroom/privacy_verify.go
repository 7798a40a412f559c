package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"postroom/internal/privacydesk"
	"postroom/privacy/archive"
)

type privacyVerifyCmd struct {
	File      string `arg:"" help:"A certificate (.json), an archive (the zip, or the data.zip in an encrypted one), or a list of erasures."`
	Signature string `help:"The signature; without it FILE.sig." placeholder:"FILE"`
	Keys      string `help:"Public keys; without it privacy-keys.txt of the data folder." placeholder:"FILE"`
}

// maxSigned bounds what is read whole: certificates and lists of erasures.
const maxSigned = 64 << 20

// Run needs no server, no database and no configuration when the keys are
// named.
func (cmd *privacyVerifyCmd) Run(_ context.Context, c *cli, s streams) error {
	file := cmd.Keys
	if file == "" {
		cfg, err := c.load()
		if err != nil {
			return fmt.Errorf("name the public keys with --keys: %w", err)
		}
		file = filepath.Join(cfg.Data, publicKeysFile)
	}
	keys, err := readKeys(file)
	if err != nil {
		return err
	}
	f, err := os.Open(cmd.File)
	if err != nil {
		return err
	}
	defer f.Close()
	var magic [4]byte
	if _, err := io.ReadFull(f, magic[:]); err == nil && string(magic[:]) == "PK\x03\x04" {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return verifyArchive(f, info.Size(), keys, s.out)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSigned))
	if err != nil {
		return err
	}
	name := cmd.Signature
	if name == "" {
		name = cmd.File + ".sig"
	}
	sig, err := os.ReadFile(name)
	if err != nil {
		if bytes.HasPrefix(text, []byte("postroom erasures ")) {
			return fmt.Errorf("the list in the data folder has no signature of its own, restore checks its lines; take the one that came by mail, with its signature: %w", err)
		}
		return fmt.Errorf("the signature that came with it is needed as well: %w", err)
	}
	return verifyText(text, sig, keys, s.out)
}

func verifyText(text, sig []byte, keys []ed25519.PublicKey, out io.Writer) error {
	if bytes.HasPrefix(text, []byte("postroom erasures ")) {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(sig)))
		if err != nil {
			return archive.ErrSignature
		}
		for _, k := range keys {
			if ed25519.Verify(k, text, raw) {
				_, err := fmt.Fprintf(out, "The signature is right (key %s). Erasures in the list: %d.\n", archive.KeyName(k), bytes.Count(text, []byte("\n"))-1)
				return err
			}
		}
		return archive.ErrSignature
	}
	c, err := privacydesk.VerifyCertificate(text, sig, keys)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "The signature is right (key %s).\n\nrequest   %s\nfrom      %s\nerased    %s, %s\ncounts    %s\nscan      %s\n", c.Key, c.Request, c.Controller,
		stamp(c.Erased), "in this installation", countWords(c.Counts), c.Scan)
	for _, k := range c.Kept {
		fmt.Fprintf(out, "kept      %d until %s: %s, %s\n", k.Count, k.Until.UTC().Format("2006-01-02"), k.Ground, k.Law)
	}
	fmt.Fprintf(out, "backups   hold it, unreadable, until %s\n", c.Backups.UTC().Format("2006-01-02"))
	return nil
}

// verifyArchive checks the signature of each manifest in the zip, and every
// file against its manifest.
func verifyArchive(f io.ReaderAt, size int64, keys []ed25519.PublicKey, out io.Writer) error {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return err
	}
	n := 0
	for _, e := range z.File {
		if path.Base(e.Name) != "manifest.json" {
			continue
		}
		n++
		if err := verifyPart(z, path.Dir(e.Name), keys, out); err != nil {
			return err
		}
	}
	if n == 0 {
		return errors.New("there is no manifest to be seen: take data.zip out of the encrypted archive with its passphrase, and check that")
	}
	return nil
}

func verifyPart(z *zip.Reader, dir string, keys []ed25519.PublicKey, out io.Writer) error {
	read := func(name string) ([]byte, error) {
		r, err := z.Open(path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, maxSigned))
	}
	text, err := read("manifest.json")
	if err != nil {
		return err
	}
	sig, err := read("manifest.json.sig")
	if err != nil {
		return err
	}
	m, err := archive.VerifyManifest(text, sig, keys)
	if err != nil {
		return err
	}
	listed := map[string]bool{path.Join(dir, "manifest.json"): true, path.Join(dir, "manifest.json.sig"): true}
	for _, l := range m.Files {
		name := path.Join(dir, l.Name)
		listed[name] = true
		r, err := z.Open(name)
		if err != nil {
			return fmt.Errorf("%s is missing: %w", l.Name, err)
		}
		sum := sha256.New()
		size, err := io.Copy(sum, io.LimitReader(r, l.Size+1))
		r.Close()
		if err != nil || size != l.Size || hex.EncodeToString(sum.Sum(nil)) != l.SHA256 {
			return fmt.Errorf("%s is not the file that was signed", l.Name)
		}
	}
	for _, e := range z.File {
		if !listed[e.Name] && !strings.HasSuffix(e.Name, "/") && path.Dir(e.Name) == dir {
			return fmt.Errorf("%s was not signed", e.Name)
		}
	}
	_, err = fmt.Fprintf(out, "The signature is right (key %s): request %s, part %d of %d, %d files as they were made on %s.\n", m.Key, m.Request, m.Part, m.Parts, len(m.Files), stamp(m.Made))
	return err
}
