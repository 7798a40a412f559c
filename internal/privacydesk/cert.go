package privacydesk

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/privacy/archive"
)

// Certificate says what an erasure did. It names nobody: whoever holds it knows
// whose it is, and it can be shown to an auditor.
type Certificate struct {
	Format     string         `json:"format"`
	Request    string         `json:"request"`
	Controller string         `json:"controller"`
	Received   time.Time      `json:"received"`
	Decided    time.Time      `json:"decided,omitzero"`
	Automatic  bool           `json:"automatic"` // carried out without the officer, as configured
	Erased     time.Time      `json:"erased"`
	Where      string         `json:"where"`
	Counts     map[string]int `json:"counts"`
	Kept       []privacy.Kept `json:"kept"`
	Scan       string         `json:"scan"`          // clean, or how many traces were found
	Backups    time.Time      `json:"backups_until"` // the last backup that holds what was erased is gone by then
	Outside    map[string]int `json:"outside"`       // copies that are not in this installation
	Told       []ToldLine     `json:"told"`          // who was asked to delete theirs (Article 19 GDPR)
	Algorithm  string         `json:"algorithm"`
	PublicKey  string         `json:"public_key"`
	Key        string         `json:"key"`
}

// ToldLine is a recipient who was asked to delete.
type ToldLine struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}

const (
	certificateFormat = "postroom-erasure/1"
	inThisPlace       = "in this installation: its databases, mailboxes, search indexes, queues, temporary files and logs. Backups hold it, unreadable without a key that is kept apart, until the date in backups_until."
)

// certificate is made from the request's record alone.
func (d *Desk) certificate(r *privacy.Request, now time.Time) *Certificate {
	c := &Certificate{
		Format: certificateFormat, Request: r.No, Controller: strings.TrimSpace(d.About.Controller), Received: r.Received.UTC(), Decided: r.Record.Decided.UTC(), Automatic: r.Record.Automatic,
		Erased: now.UTC().Truncate(time.Second), Where: inThisPlace, Counts: map[string]int{}, Kept: append([]privacy.Kept{}, r.Record.Kept...), Scan: r.Record.Scan,
		Backups: now.UTC().AddDate(0, 0, d.BackupDays).Truncate(24 * time.Hour), Outside: map[string]int{}, Told: []ToldLine{},
	}
	for what, n := range r.Record.Counts {
		if out, ok := strings.CutPrefix(what, outside); ok {
			c.Outside[out] = n
		} else {
			c.Counts[what] = n
		}
	}
	for _, t := range r.Detail.Told {
		c.Told = append(c.Told, ToldLine{t.Name, t.Status})
	}
	return c
}

// Sign writes the certificate and its signature: base64 of Ed25519 over the
// very bytes of the text.
func (c *Certificate) Sign(key ed25519.PrivateKey) (text, signature []byte, err error) {
	public := key.Public().(ed25519.PublicKey)
	c.Algorithm, c.PublicKey, c.Key = "Ed25519", base64.StdEncoding.EncodeToString(public), archive.KeyName(public)
	text, err = json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, nil, fmt.Errorf("write a certificate: %w", err)
	}
	text = append(text, '\n')
	return text, []byte(base64.StdEncoding.EncodeToString(ed25519.Sign(key, text)) + "\n"), nil
}

// VerifyCertificate reads a certificate that was signed with one of the keys,
// which may be retired ones. The error is archive.ErrSignature where it was
// not.
func VerifyCertificate(text, signature []byte, keys []ed25519.PublicKey) (*Certificate, error) {
	sig, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(signature)))
	if err != nil {
		return nil, archive.ErrSignature
	}
	for _, k := range keys {
		if len(k) != ed25519.PublicKeySize || !ed25519.Verify(k, text, sig) {
			continue
		}
		var c Certificate
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("read the certificate: %w", err)
		}
		return &c, nil
	}
	return nil, archive.ErrSignature
}

// certificateArgs are what the mail with the certificate says and brings.
func certificateArgs(c *Certificate, text, signature []byte) map[string]string {
	args := map[string]string{"backups": c.Backups.Format(time.DateOnly), "certificate": string(text), "signature": string(signature)}
	for what, n := range c.Counts {
		args["count."+what] = strconv.Itoa(n)
	}
	var kept, out []string
	for _, k := range c.Kept {
		kept = append(kept, fmt.Sprintf("%s|%s|%s|%d", k.Ground, k.Law, k.Until.UTC().Format(time.DateOnly), k.Count))
	}
	for _, what := range []string{"agents", "relays", "recipients"} {
		if n := c.Outside[what]; n > 0 {
			status := "told"
			if what != "agents" {
				status = "" // they are not ours to command
			}
			out = append(out, strings.TrimRight(fmt.Sprintf("%s|%d|%s", what, n, status), "|"))
		}
	}
	for _, t := range c.Told {
		out = append(out, t.Name+"|"+t.Status)
	}
	args["kept"], args["outside"] = strings.Join(kept, "\n"), strings.Join(out, "\n")
	return args
}
