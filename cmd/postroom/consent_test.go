package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postroom/consent"
	"postroom/internal/config"
	"postroom/tickets"
)

const consentConfig = `hostname = "desk.example"
[[consent.purpose]]
name = "news"
lasts = "48h"
[[consent.purpose.wording]]
language = "en"
version = "1"
title = "Our news"
text = "May we send you our news?"
`

// consentDesk opens a desk with one purpose, and a clock that the test moves.
func consentDesk(t *testing.T, now *time.Time) *desk {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "postroom.toml")
	text := strings.Replace(consentConfig, "\n", "\ndata = \""+filepath.Join(dir, "data")+"\"\n", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := openDesk(t.Context(), &cfg, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	d.now = func() time.Time { return *now }
	return d
}

// say carries out a command and returns what it said.
func say(t *testing.T, d *desk, cmd deskCommand) string {
	t.Helper()
	var out bytes.Buffer
	if err := cmd.Do(t.Context(), d, streams{in: strings.NewReader("There is a lamp."), out: &out, err: &out}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	return out.String()
}

// A consent runs out on its date, for mail at once and in the ledger when it is
// looked through; commands say where it stands, in words and by hash.
func TestConsentRunsOut(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	d := consentDesk(t, &now)
	const ann = "ann@customer.example"
	say(t, d, &consentAskCmd{Purpose: "news", Language: "en", Address: []string{ann}})
	p := d.consents.Rules.Purpose("news")
	w := p.Current("en")
	if _, err := d.store.Apply(t.Context(), func(context.Context, tickets.View) (*tickets.Change, error) {
		return &tickets.Change{Also: []tickets.Extra{&consent.Entry{Org: 1, Address: ann, Purpose: "news", Act: consent.Granted, Version: w.Version,
			WordingHash: w.Hash(), Language: "en", Channel: "mail", Receipt: "r1", At: now.Add(time.Minute), Ends: now.Add(48 * time.Hour)}}}, nil
	}); err != nil {
		t.Fatal(err)
	}
	gate := func() (bool, string) {
		ok, why, err := consentGate{d}.Stands(t.Context(), &tickets.Outgoing{Org: 1, To: ann, Purpose: "news"})
		if err != nil {
			t.Fatal(err)
		}
		return ok, why
	}
	now = now.Add(time.Hour)
	if ok, _ := gate(); !ok {
		t.Fatal("it does not stand")
	}
	for cmd, words := range map[deskCommand][]string{
		&consentListCmd{}: {"news", "granted", "yes", ann}, &consentShowCmd{Address: ann}: {"news: stands", "asked", "granted"},
		&consentProveCmd{Address: ann, Purpose: "News"}: {"stands", "version 1, en", "May we send you our news?", "2026-11-25T12:00:00Z", "receipt r1"},
		&consentPurposesCmd{}:                           {"Article 6(1)(a) GDPR", "(asked)", "legal-obligation"},
	} {
		said := say(t, d, cmd)
		for _, s := range words {
			if !strings.Contains(said, s) {
				t.Errorf("%T does not say %q:\n%s", cmd, s, said)
			}
		}
	}
	if err := d.store.AddQueue(t.Context(), &tickets.Queue{Org: 1, Name: "support", Address: "support@desk.example", ReplyDomain: "desk.example"}); err != nil {
		t.Fatal(err)
	}
	if said := say(t, d, &consentSendCmd{Purpose: "news", Subject: "News", Count: true}); !strings.HasPrefix(said, "1 consent") {
		t.Errorf("counted: %s", said)
	}
	if err := d.expireConsents(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said := say(t, d, &consentListCmd{}); strings.Contains(said, "expired") {
		t.Errorf("expired too early:\n%s", said)
	}
	now = now.Add(47 * time.Hour)
	if ok, why := gate(); ok || why != "expired" {
		t.Errorf("on its date: %v %q", ok, why)
	}
	if said := say(t, d, &consentSendCmd{Purpose: "news", Subject: "News"}); !strings.HasPrefix(said, "0 mails") {
		t.Errorf("sent after it ran out: %s", said)
	}
	for range 2 {
		if err := d.expireConsents(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if said := say(t, d, &consentShowCmd{Address: ann}); strings.Count(said, "  expired  ") != 1 {
		t.Errorf("the ledger:\n%s", said)
	}
	if ok, why, _ := (consentGate{d}).Stands(t.Context(), &tickets.Outgoing{Org: 1, To: ann, Purpose: "gone"}); ok || !strings.Contains(why, "no longer configured") {
		t.Errorf("a purpose that is not configured: %v %q", ok, why)
	}
}
