package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"postroom/internal/config"
	"postroom/storage"
	"postroom/tickets"
)

// privacyDesk opens a desk with an officer and a data protection officer, and a
// clock that the test moves.
func privacyDesk(t *testing.T, now *time.Time) *desk {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "postroom.toml")
	text := fmt.Sprintf("hostname = \"desk.example\"\ndata = %q\n[privacy]\nzone = \"Europe/Berlin\"\ndpo = \"Dana Data <dpo@desk.example>\"\n", filepath.Join(dir, "data"))
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
	typed(t, d, "agent", "add", "olga", "--address", "olga@agents.example", "--role", "privacy")
	return d
}

// typed carries out one command line in the desk.
func typed(t *testing.T, d *desk, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	_, kctx, err := parse(args, &out, &out)
	if err != nil {
		t.Fatal(err)
	}
	if err := kctx.Selected().Target.Addr().Interface().(deskCommand).Do(t.Context(), d, streams{out: &out, err: &out}); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out.String())
	}
	return out.String()
}

// outgoingOf are the mails of a template.
func outgoingOf(t *testing.T, d *desk, template string) (list []*tickets.Outgoing) {
	t.Helper()
	err := d.store.EachOutgoing(t.Context(), storage.OutboxFilter{}, func(r storage.OutRow) error {
		return d.store.View(context.Background(), func(v tickets.View) error {
			o, _, err := v.OutgoingByID(t.Context(), r.ID)
			if err == nil && o != nil && o.Spec.Template == template {
				list = append(list, o)
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// The list of erasures goes to the officer once a morning, signed, and not
// before anybody was erased; the month's numbers go to the data protection
// officer on the first.
func TestRegularMails(t *testing.T) {
	now := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	d := privacyDesk(t, &now)
	at := func(next time.Time) {
		t.Helper()
		now, d.regular = next, "" // as another node, or this one after a start
		if err := d.regularMails(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	at(now)
	if list := outgoingOf(t, d, "officer.erasures"); len(list) != 0 {
		t.Fatalf("%d lists of nobody", len(list))
	}
	typed(t, d, "privacy", "drill") // erases somebody
	at(now)
	at(now.Add(time.Hour))
	list := outgoingOf(t, d, "officer.erasures")
	if len(list) != 1 || list[0].To != "olga@agents.example" {
		t.Fatalf("%d lists were written", len(list))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "erasures.list")
	for name, text := range map[string]string{file: list[0].Spec.Args["list"], file + ".sig": list[0].Spec.Args["list-signature"]} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := readKeys(filepath.Join(d.cfg.Data, publicKeysFile))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	text, _ := os.ReadFile(file)
	sig, _ := os.ReadFile(file + ".sig")
	if err := verifyText(text, sig, keys, &out); err != nil || !strings.Contains(out.String(), "in the list: 1.") {
		t.Errorf("%v %s", err, out.String())
	}
	if err := verifyText(append(text, "x\n"...), sig, keys, &out); err == nil {
		t.Error("a longer list is believed")
	}

	at(time.Date(2026, 12, 1, 4, 59, 0, 0, time.UTC)) // one minute to six in Berlin
	if n := len(outgoingOf(t, d, "officer.monthly")); n != 0 {
		t.Errorf("%d reports before the morning", n)
	}
	at(time.Date(2026, 12, 1, 5, 0, 0, 0, time.UTC))
	at(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	at(time.Date(2026, 12, 2, 9, 0, 0, 0, time.UTC))
	monthly := outgoingOf(t, d, "officer.monthly")
	if len(monthly) != 1 || monthly[0].To != "dpo@desk.example" || !strings.Contains(monthly[0].Spec.Subject, "November 2026") {
		t.Errorf("%d monthly reports: %+v", len(monthly), monthly)
	}
}
