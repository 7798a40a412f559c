package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"postroom/consent"
	"postroom/internal/config"
	"postroom/privacy"
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

// also commits rows of the privacy desk.
func also(t *testing.T, d *desk, rows ...tickets.Extra) {
	t.Helper()
	if _, err := d.store.Apply(t.Context(), func(context.Context, tickets.View) (*tickets.Change, error) {
		return &tickets.Change{Also: rows}, nil
	}); err != nil {
		t.Fatal(err)
	}
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
	also(t, d, &consent.Entry{Org: 1, Address: ann, Purpose: "news", Act: consent.Granted, Version: w.Version,
		WordingHash: w.Hash(), Language: "en", Channel: "mail", Receipt: "r1", At: now.Add(time.Minute), Ends: now.Add(48 * time.Hour)})
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

// Nothing that rests on a consent leaves to somebody whose data is restricted
// (Article 18 GDPR), whichever of the person's addresses the request came from,
// until that is lifted.
func TestNoNewsWhileRestricted(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	d := consentDesk(t, &now)
	if err := ensurePrivacyQueue(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	const ann, work = "ann@customer.example", "ann@work.example"
	w := d.consents.Rules.Purpose("news").Current("en")
	gate := func(to string) (bool, string) {
		ok, why, err := consentGate{d}.Stands(t.Context(), &tickets.Outgoing{Org: 1, To: to, Purpose: "news"})
		if err != nil {
			t.Fatal(err)
		}
		return ok, why
	}
	for _, a := range []string{ann, work, "bob@other.example"} {
		also(t, d, &consent.Entry{Org: 1, Address: a, Purpose: "news", Act: consent.Granted, Version: w.Version, WordingHash: w.Hash(),
			Language: "en", Channel: "mail", Receipt: "r-" + a, At: now.Add(-time.Hour), Ends: now.Add(48 * time.Hour)})
	}
	ticket := &tickets.Ticket{Org: 1, Ref: "R-1", State: tickets.StateNew, Created: now, Updated: now}
	r := &privacy.Request{Org: 1, No: "P-1", Right: privacy.Restriction, State: privacy.Done, Address: ann, Ticket: ticket, Received: now, Due: now.AddDate(0, 1, 0), Finished: now,
		Record: privacy.Record{Reminded: []string{"restricted"}}, Detail: privacy.Detail{Others: []privacy.Linked{{Address: work, Proved: now}, {Address: "bob@other.example"}}}}
	if _, err := d.store.Apply(t.Context(), func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		dir, err := v.Directory(ctx)
		if err != nil {
			return nil, err
		}
		who, err := v.PersonByAddress(ctx, 1, ann)
		ticket.QueueID = dir.QueueByAddress(d.cfg.Privacy.Address).ID
		ticket.Parties = []tickets.Party{{No: 1, Person: who, Role: tickets.PartyRequester, Joined: now}}
		return &tickets.Change{Tickets: []*tickets.Ticket{ticket}, Also: []tickets.Extra{r}}, err
	}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{ann, work} {
		if ok, why := gate(a); ok || !strings.Contains(why, "Article 18") {
			t.Errorf("%s while restricted: %v %q", a, ok, why)
		}
	}
	if ok, why := gate("bob@other.example"); !ok {
		t.Errorf("an address that only was named is kept back: %s", why)
	}
	r.Record.Reminded = append(r.Record.Reminded, "lifted")
	also(t, d, r)
	if ok, why := gate(ann); !ok {
		t.Errorf("after it was lifted: %s", why)
	}
}

// A mailing that is sent again reaches only those it did not reach, however
// often and from however many places; another one is another mailing.
func TestMailingIsSentOnce(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	d := consentDesk(t, &now)
	if err := d.store.AddQueue(t.Context(), &tickets.Queue{Org: 1, Name: "support", Address: "support@desk.example", ReplyDomain: "desk.example"}); err != nil {
		t.Fatal(err)
	}
	w := d.consents.Rules.Purpose("news").Current("en")
	grant := func(a string) {
		also(t, d, &consent.Entry{Org: 1, Address: a, Purpose: "news", Act: consent.Granted, Version: w.Version, WordingHash: w.Hash(),
			Language: "en", Channel: "mail", Receipt: "r-" + a, At: now.Add(-time.Hour), Ends: now.Add(48 * time.Hour)})
	}
	grant("ann@customer.example")
	grant("bob@other.example")
	first := func(cmd *consentSendCmd) string {
		n, _, _ := strings.Cut(say(t, d, cmd), " ")
		return n
	}
	if n := first(&consentSendCmd{Purpose: "news", Subject: "News"}); n != "2" {
		t.Fatal(n)
	}
	grant("cem@third.example")
	if n := first(&consentSendCmd{Purpose: "news", Subject: "News", Count: true}); n != "1" {
		t.Errorf("counted %s", n)
	}
	var all sync.WaitGroup
	counts := make([]int, 4)
	for i := range counts {
		all.Go(func() {
			n, err := strconv.Atoi(first(&consentSendCmd{Purpose: "News", Subject: "News"}))
			if err != nil {
				t.Error(err)
			}
			counts[i] = n
		})
	}
	all.Wait()
	if sum := counts[0] + counts[1] + counts[2] + counts[3]; sum != 1 {
		t.Errorf("the third got it %v times", counts)
	}
	if said := say(t, d, &consentSendCmd{Purpose: "news", Subject: "News"}); !strings.HasPrefix(said, "0 mails") || !strings.Contains(said, "3 have it") {
		t.Error(said)
	}
	for _, cmd := range []*consentSendCmd{{Purpose: "news", Subject: "Other news"}, {Purpose: "news", Subject: "News", ID: "autumn"}} {
		if n := first(cmd); n != "3" {
			t.Errorf("%+v reaches %s", cmd, n)
		}
	}
	if n := first(&consentSendCmd{Purpose: "news", Subject: "Mended news", ID: "autumn"}); n != "0" {
		t.Errorf("a mended text of the same mailing reaches %s", n)
	}
}

func TestToSecond(t *testing.T) {
	for in, want := range map[string]string{"2026-11-23T22:31:56.539991Z": "2026-11-23T22:31:56Z", "2026-11-23T22:31:56Z": "2026-11-23T22:31:56Z", "": ""} {
		if got := toSecond(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
