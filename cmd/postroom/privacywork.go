package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"postroom/consent"
	"postroom/internal/config"
	"postroom/internal/mailtext"
	"postroom/internal/privacydesk"
	"postroom/privacy/archive"
)

// newPrivacyWork makes what carries out the privacy desk's decisions.
func newPrivacyWork(d *desk) (*privacydesk.Desk, error) {
	key, err := signingKey(d.secret)
	if err != nil {
		return nil, err
	}
	if err := publishKey(d.cfg.Data, key, d.now()); err != nil {
		return nil, fmt.Errorf("publish the key that signs certificates: %w", err)
	}
	p := &d.cfg.Privacy
	store := tellingStore{d.store, func() { d.queue.Broadcast(context.Background(), erasedTopic) }}
	w := &privacydesk.Desk{Store: store, Decide: d.privacy, Masker: &privacydesk.Masker{}, Key: key, About: aboutData(p, d.consents.Rules), ConsentKeep: d.consents.Rules.Keep, Plain: p.Archive == "plain",
		PartBytes: p.PartBytes, BackupDays: p.BackupDays, Words: mailtext.PreviewText, Zone: p.Location(), Log: d.log, Now: func() time.Time { return d.now() },
		Budget: func(aligned bool) bool { return d.intake.ChallengeBudget(context.Background(), aligned) },
		Made: func() {
			d.wake("outbox", anyRow)
			d.wake("jobs", anyRow)
			d.wake(clockTopic, anyRow)
		}}
	for _, c := range p.Processor {
		w.Processors = append(w.Processors, privacydesk.Processor{Address: c.Address,
			Processor: archive.Processor{Name: c.Name, Purpose: c.Purpose, Country: c.Country, Safeguard: c.Safeguard}})
	}
	return w, nil
}

// clockTopic wakes whoever keeps the clock of requests: a mail of one was
// settled, or something was decided.
const clockTopic = "requests"

// anyRow is an id for a wake-up that means: look.
const anyRow = 1

// aboutData is the information of Article 15(1), in the controller's words, with
// what each kind of mail rests on.
func aboutData(p *config.Privacy, r *consent.Rules) archive.About {
	a := archive.About{Controller: p.Controller, Contact: p.Address, DPO: p.DPO, Authority: p.Authority, Source: p.Source, Automated: p.Automated}
	for _, u := range p.Purpose {
		a.Purposes = append(a.Purposes, archive.Purpose(u))
	}
	for _, u := range r.Uses(p.Language) {
		a.Purposes = append(a.Purposes, archive.Purpose{Name: u.Name, Basis: u.Basis.Article()})
	}
	return a
}

// signingKey signs certificates, archives and lists of erasures. It follows
// from the installation's own secret, so that every node has the same and a
// restore brings it back.
func signingKey(secret []byte) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, secret, nil, "postroom: signature of the privacy desk, 1", ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// publicKeysFile has every public key that ever signed here: a line with name,
// key and first day for each. None is ever taken out, so that old certificates
// can be checked.
const publicKeysFile = "privacy-keys.txt"

const publicKeysHead = "# Public keys (Ed25519) of this privacy desk: name, key, first day. Publish this file; keep every line.\n"

// publishKey adds the key to the file, once.
func publishKey(dir string, key ed25519.PrivateKey, now time.Time) error {
	path := filepath.Join(dir, publicKeysFile)
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	public := key.Public().(ed25519.PublicKey)
	line := archive.KeyName(public) + " " + base64.StdEncoding.EncodeToString(public)
	if bytes.Contains(old, []byte(line)) {
		return nil
	}
	if len(old) == 0 {
		old = []byte(publicKeysHead)
	}
	f, err := os.CreateTemp(dir, publicKeysFile+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(string(old) + line + " " + now.UTC().Format(time.DateOnly) + "\n")
	if err = errors.Join(err, f.Sync(), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// readKeys reads a file of public keys.
func readKeys(path string) (keys []ed25519.PublicKey, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(f[1])
		if err != nil || len(key) != ed25519.PublicKeySize || archive.KeyName(key) != f[0] {
			return nil, fmt.Errorf("%s: the line of %s is no public key", path, cmp.Or(f[0], "?"))
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s has no public key", path)
	}
	return keys, nil
}
