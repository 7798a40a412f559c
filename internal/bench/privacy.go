package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"postroom/internal/privacydesk"
	"postroom/privacy"
	"postroom/storage"
	"postroom/tickets"
)

// What is measured of the privacy desk.
const (
	ownMessages   = 1000  // of a person, in both stores
	manyMessages  = 10000 // of a person who wrote much
	perMatter     = 4     // of the person's messages to a ticket
	privacyRounds = 5     // people in each store
)

// childPrivacy is this binary as a process that opens a store, exports and
// erases one person, and says how long that took.
const childPrivacy = childPrefix + "privacy"

// person is what an export and an erasure took.
type person struct {
	Export, Erase, Scan time.Duration
	Messages, Erased    int
	Peak                int64 // bytes of memory
}

func (p person) both() time.Duration { return p.Export + p.Erase }

// privacy exports and erases people from a store that holds nobody else and
// from a large one, in turns.
func (b *bench) privacy(ctx context.Context) error {
	if b.stored == 0 {
		return nil
	}
	small, err := b.emptyDesk(ctx, "privacy-small")
	if err != nil {
		return err
	}
	large, err := b.emptyDesk(ctx, "privacy-large")
	if err != nil {
		return err
	}
	if err := large.fill(ctx, b.stored, b.out); err != nil {
		return err
	}
	var few, many []person
	var ratios []float64
	for i := range privacyRounds + 1 {
		var pair [2]person
		for j, d := range []*desk{small, large} {
			if pair[j], err = b.leave(ctx, d, i, ownMessages); err != nil {
				return err
			}
		}
		if i > 0 { // the first warms up
			few, many = append(few, pair[0]), append(many, pair[1])
			ratios = append(ratios, pair[1].both().Seconds()/pair[0].both().Seconds())
		}
	}
	loud, err := b.leave(ctx, large, privacyRounds+1, manyMessages)
	if err != nil {
		return err
	}
	r, peak := median(ratios), loud.Peak
	for _, p := range append(few, many...) {
		peak = max(peak, p.Peak)
	}
	took := func(list []person, of func(person) time.Duration) time.Duration {
		var all []time.Duration
		for _, p := range list {
			all = append(all, of(p))
		}
		return median(all).Round(time.Millisecond)
	}
	export, erase := func(p person) time.Duration { return p.Export }, func(p person) time.Duration { return p.Erase }
	fmt.Fprintf(b.out, "A person with %d messages: export %v and erasure %v in a store of that person alone, %v and %v among %d messages (medians of %d);\na person with %d messages: %v and %v, and %v to look through every byte of the store. Memory of the process %d MiB at most before that.\n\n",
		ownMessages, took(few, export), took(few, erase), took(many, export), took(many, erase), b.stored, len(few),
		manyMessages, loud.Export.Round(time.Millisecond), loud.Erase.Round(time.Millisecond), loud.Scan.Round(time.Millisecond), peak>>20)
	b.judge(r < privacyGrowth, fmt.Sprintf("export and erasure of %d messages, among %d stored, of that among %d: below %.1f times", ownMessages, b.stored, ownMessages, privacyGrowth), "%.2f", r)
	b.judge(loud.Erase < erasureTime, fmt.Sprintf("erasure of %d messages: under %v", manyMessages, erasureTime), "%v", loud.Erase.Round(time.Millisecond))
	return nil
}

// leave has somebody write so many messages, and go.
func (b *bench) leave(ctx context.Context, d *desk, i, messages int) (p person, err error) {
	address := fmt.Sprintf("leaver%d@%s", i, senderDomain(i))
	if err := d.writes(ctx, address, messages); err != nil {
		return p, err
	}
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	cmd := exec.CommandContext(ctx, self, childPrivacy, filepath.Join(d.dir, "data"), string(d.master), address, strconv.Itoa(i+1))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &p)
	}
	if err == nil && (p.Messages != messages || p.Erased != messages) {
		err = fmt.Errorf("%d messages were exported and %d erased of %d", p.Messages, p.Erased, messages)
	}
	if err != nil {
		return p, fmt.Errorf("export and erase: %w", err)
	}
	return p, nil
}

// writes puts messages of one person into the store.
func (d *desk) writes(ctx context.Context, address string, messages int) error {
	db, err := storage.Open(ctx, storage.Options{URL: "sqlite:", DataDir: filepath.Join(d.dir, "data"), MasterKey: d.master})
	if err != nil {
		return err
	}
	w := newWriter()
	for n := 0; n < messages && err == nil; n += perMatter {
		_, err = w.matter(ctx, db, address, fmt.Sprintf("own%d.%s", n, address), time.Now().Add(-24*time.Hour), min(perMatter, messages-n))
	}
	return errors.Join(err, db.Close())
}

// runPrivacy is the child's work.
func runPrivacy(args []string) error {
	if len(args) != 4 {
		return errors.New("export and erase: wants folder, key, address and number")
	}
	id, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		return err
	}
	ctx := context.Background()
	db, err := storage.Open(ctx, storage.Options{URL: "sqlite:", DataDir: args[0], MasterKey: []byte(args[1])})
	if err != nil {
		return err
	}
	defer db.Close()
	var p person
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	d := &privacydesk.Desk{Store: db, Decide: &privacy.Desk{}, Masker: &privacydesk.Masker{}, Key: key, Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	began := time.Now()
	result, err := d.Export(ctx, &privacy.Request{Org: tickets.DefaultOrg, No: "bench", Right: privacy.Access, Address: args[2], Language: "en",
		Record: privacy.Record{Unsealed: true}}, io.Discard)
	if err != nil {
		return err
	}
	p.Export, p.Messages = time.Since(began), result.Messages
	began = time.Now()
	plan := privacy.Plan{RequestID: -id, Org: tickets.DefaultOrg, Addresses: []string{args[2]}, Now: began, Ends: began.Add(24 * time.Hour), ConsentsUntil: began.Add(24 * time.Hour)}
	for _, step := range db.EraseSteps() {
		counts, err := db.EraseStep(ctx, plan, step, d.Masker)
		if err != nil {
			return err
		}
		p.Erased += counts["messages"]
	}
	p.Erase = time.Since(began)
	if p.Peak, err = memoryOf(os.Getpid(), "VmHWM"); err != nil {
		return err
	}
	if p.Messages < manyMessages { // once is enough: it looks through the whole store
		return json.NewEncoder(os.Stdout).Encode(p)
	}
	began = time.Now()
	finds, err := db.Scan(ctx, []string{args[2]})
	if err != nil {
		return err
	}
	if len(finds) > 0 {
		return fmt.Errorf("the address was left in %s", finds[0].Where)
	}
	p.Scan = time.Since(began)
	return json.NewEncoder(os.Stdout).Encode(p)
}
