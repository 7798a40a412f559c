package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"postroom/internal/privacydesk"
	"postroom/privacy"
	"postroom/tickets"
)

type privacyDrillCmd struct {
	JSON bool `help:"As a JSON object."`
}

// drillJSON is the report of a rehearsal.
type drillJSON struct {
	At      string      `json:"at"`
	Took    string      `json:"took"`
	Steps   []drillStep `json:"steps"`
	Passed  bool        `json:"passed"`
	Failure string      `json:"failure,omitempty"`
}

type drillStep struct {
	What   string         `json:"what"`
	Took   string         `json:"took"`
	Counts map[string]int `json:"counts,omitempty"`
	Note   string         `json:"note,omitempty"`
}

// drill is a rehearsal with somebody invented. Nobody is written to.
type drill struct {
	d       *desk
	word    string // begins everything that is the person's
	address string
	name    string
	report  drillJSON
}

// Do rehearses in this very installation: two old mails of an invented person
// are taken in, found, exported, erased, and looked for.
func (cmd *privacyDrillCmd) Do(ctx context.Context, d *desk, s streams) error {
	var b [10]byte
	rand.Read(b[:])
	word := "zq" + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
	x := &drill{d: d, word: word, address: word + "@" + word + ".invalid", name: strings.ToUpper(word[:1]) + word[1:] + " Drillperson"}
	start := d.now()
	x.report.At = stamp(start)
	err := x.run(ctx)
	if err != nil {
		// Whatever was taken in goes again.
		if cerr := x.erase(context.WithoutCancel(ctx)); cerr != nil {
			err = errors.Join(err, fmt.Errorf("and the invented person could not be erased: %w", cerr))
		}
		x.report.Failure = err.Error()
	}
	x.report.Passed, x.report.Took = err == nil, time.Since(start).Round(time.Millisecond).String()
	if cmd.JSON {
		if perr := printJSON(s.out, x.report); perr != nil {
			return perr
		}
	} else {
		x.print(s.out)
	}
	if err != nil {
		return exitError(1)
	}
	return nil
}

func (x *drill) print(out io.Writer) {
	fmt.Fprintf(out, "Rehearsal with an invented person, %s\n\n", x.report.At)
	for _, st := range x.report.Steps {
		fmt.Fprintf(out, "%9s  %s", st.Took, st.What)
		if len(st.Counts) > 0 {
			fmt.Fprintf(out, ": %s", countWords(st.Counts))
		}
		if st.Note != "" {
			fmt.Fprintf(out, ": %s", st.Note)
		}
		fmt.Fprintln(out)
	}
	if x.report.Passed {
		fmt.Fprintf(out, "\nPassed in %s. Nobody was written to, and nothing of the invented person is left.\n", x.report.Took)
		return
	}
	fmt.Fprintf(out, "\nFAILED: %s\n", x.report.Failure)
}

// step times one part of the rehearsal.
func (x *drill) step(what string, fn func() (counts map[string]int, note string, err error)) error {
	start := time.Now()
	counts, note, err := fn()
	x.report.Steps = append(x.report.Steps, drillStep{What: what, Took: time.Since(start).Round(time.Millisecond).String(), Counts: counts, Note: note})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (x *drill) run(ctx context.Context) error {
	if err := ensurePrivacyQueue(ctx, x.d); err != nil {
		return err
	}
	for _, st := range []struct {
		what string
		do   func(context.Context) (map[string]int, string, error)
	}{
		{"the words of a request are understood", x.recognise},
		{"two mails of the person are taken in", x.takeIn},
		{"they are found (else this would prove nothing)", x.found},
		{"the archive is made and its signature is right", x.archive},
	} {
		if err := x.step(st.what, func() (map[string]int, string, error) { return st.do(ctx) }); err != nil {
			return err
		}
	}
	if err := x.erase(ctx); err != nil {
		return err
	}
	return x.step("every byte is looked through", func() (map[string]int, string, error) { return x.gone(ctx) })
}

func (x *drill) recognise(context.Context) (map[string]int, string, error) {
	for right, words := range map[privacy.Right]string{privacy.Access: "Please send me a copy of all data you hold about me.", privacy.Erasure: "Please delete my account and all my personal data."} {
		if r := privacy.Recognise("My data", words); r == nil || len(r.Rights) != 1 || r.Rights[0] != right {
			return nil, "", fmt.Errorf("a plain request for %s was not understood", right)
		}
	}
	return nil, "", nil
}

func (x *drill) takeIn(ctx context.Context) (map[string]int, string, error) {
	for n := 1; n <= 2; n++ {
		raw := fmt.Sprintf("From: %s <%s>\r\nTo: %s\r\nSubject: %ssubject %d\r\nDate: %s\r\nMessage-ID: <%smid%d@%s.invalid>\r\nX-Drill: %sheader\r\nMIME-Version: 1.0\r\n"+
			"Content-Type: text/plain; charset=utf-8\r\n\r\nMy number is %sphone, and %sgrüße.\r\n-- \r\n%ssignature\r\n",
			x.name, x.address, x.d.privacy.Rules.Address, x.word, n, x.d.now().Format(time.RFC1123Z), x.word, n, x.word, x.word, x.word, x.word, x.word)
		env := tickets.Envelope{Via: tickets.ViaImport, Queue: privacyQueueName, State: tickets.StateResolved, Received: x.d.now()}
		if _, _, err := x.d.intake.Take(ctx, env, strings.NewReader(raw)); err != nil {
			return nil, "", err
		}
	}
	return nil, "", nil
}

func (x *drill) found(ctx context.Context) (map[string]int, string, error) {
	h, err := x.d.store.Holdings(ctx, tickets.DefaultOrg, []string{x.address})
	if err != nil {
		return nil, "", err
	}
	ids, err := x.d.store.Search(ctx, tickets.DefaultOrg, []string{x.word + "phone"}, 10)
	if err != nil {
		return nil, "", err
	}
	counts := map[string]int{"tickets": len(h.Tickets), "messages": len(h.Messages), "found by search": len(ids)}
	if len(h.Messages) != 2 || len(ids) != 2 {
		return counts, "", errors.New("not everything was found")
	}
	return counts, "", nil
}

func (x *drill) archive(ctx context.Context) (map[string]int, string, error) {
	var b bytes.Buffer
	r := &privacy.Request{Org: tickets.DefaultOrg, No: "rehearsal", Right: privacy.Access, Address: x.address, Language: "en", Record: privacy.Record{Unsealed: true}}
	result, err := x.d.work.Export(ctx, r, &b)
	if err != nil {
		return nil, "", err
	}
	if result.Messages != 2 {
		return nil, "", fmt.Errorf("%d messages instead of 2 are in it", result.Messages)
	}
	keys := []ed25519.PublicKey{x.d.work.Key.Public().(ed25519.PublicKey)}
	return map[string]int{"bytes": b.Len()}, "", verifyArchive(bytes.NewReader(b.Bytes()), int64(b.Len()), keys, io.Discard)
}

// erase carries out every step of an erasure. Its number is none of a request,
// and its line goes from the list of erasures after a day.
func (x *drill) erase(ctx context.Context) error {
	now := x.d.now()
	p := privacy.Plan{RequestID: -now.UnixMicro(), Org: tickets.DefaultOrg, Addresses: []string{x.address}, Now: now, Ends: now.Add(24 * time.Hour), ConsentsUntil: now.Add(24 * time.Hour)}
	for _, step := range x.d.store.EraseSteps() {
		err := x.step("erase: "+step, func() (map[string]int, string, error) {
			counts, err := x.d.store.EraseStep(ctx, p, step, &privacydesk.Masker{})
			return counts, "", err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (x *drill) gone(ctx context.Context) (map[string]int, string, error) {
	finds, err := x.d.store.Scan(ctx, []string{x.address, x.word, x.name})
	if err != nil {
		return nil, "", err
	}
	counts := map[string]int{"places": len(finds)}
	if len(finds) > 0 {
		return counts, finds[0].Where + " (" + finds[0].Encoding + ")", errors.New("something was left")
	}
	return counts, "nothing found", nil
}
