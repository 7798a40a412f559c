package storage

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"postroom/internal/testenv"
	"postroom/tickets"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashChild) != "" {
		runCrashChild()
	}
	if os.Getenv(eraseChild) != "" {
		runEraseChild()
	}
	if os.Getenv(fullChild) != "" {
		runFullChild()
	}
	os.Exit(m.Run())
}

var testMaster = bytes.Repeat([]byte{7}, 32)

// backends runs a test on both databases.
func backends(t *testing.T, test func(t *testing.T, opt Options)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Options{URL: testenv.Postgres(t), DataDir: t.TempDir(), MasterKey: testMaster})
	})
}

func open(t testing.TB, opt Options) *DB {
	t.Helper()
	db, err := Open(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// a mail as a test writes it.
type testMail struct {
	from, name, id, subject, text string
	raw                           []byte
	stage                         tickets.Raw // instead of raw
	ticket                        string      // reference of the ticket it goes into; empty: a new one
	ack                           bool
	job, receipt                  string
}

var ctx = context.Background()

func (m testMail) decide(opened *tickets.Ticket, made *tickets.Message) tickets.Decide {
	return func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		now := time.Now()
		identity := sha256.Sum256([]byte(m.id + m.from + string(m.raw)))
		known, err := v.KnownByDedupe(ctx, 1, identity[:])
		if err != nil {
			return nil, err
		}
		if known != nil {
			return &tickets.Change{Duplicate: &tickets.Duplicate{MessageID: known.ID, Receipt: known.Receipt, Recipients: []string{"more@desk.test"}, Proof: "aligned"}}, nil
		}
		who, err := v.PersonByAddress(ctx, 1, m.from)
		if err != nil {
			return nil, err
		}
		if who == nil {
			who = &tickets.Person{Org: 1, Address: m.from, Name: m.name, Language: "en"}
		}
		t := &tickets.Ticket{}
		if m.ticket != "" {
			if t, err = v.TicketByRef(ctx, 1, m.ticket); err != nil {
				return nil, err
			}
			if t == nil {
				return nil, fmt.Errorf("no ticket %s", m.ticket)
			}
			t.State, t.Updated = tickets.StateOpen, now
			if t.PartyByAddress(m.from) == nil {
				t.Parties = append(t.Parties, tickets.Party{No: len(t.Parties) + 1, Person: who, Role: tickets.PartyThird, Joined: now})
			}
		} else {
			*t = tickets.Ticket{Org: 1, Ref: newRef(), QueueID: 7, State: tickets.StateNew, Priority: tickets.PriorityNormal, Subject: m.subject,
				Language: "en", Created: now, Updated: now, ThreadIndex: "conversation " + m.id,
				Parties: []tickets.Party{{No: 1, Person: who, Role: tickets.PartyRequester, Joined: now}}}
		}
		*opened = *t
		raw := m.stage
		if raw.Size == 0 {
			raw = inMemory(m.raw)
		}
		*made = tickets.Message{Ticket: t, Receipt: cmp.Or(m.receipt, "receipt-"+m.id), MessageID: m.id, Direction: tickets.DirectionIn, Kind: "mail", From: m.from,
			FromName: m.name, EnvelopeFrom: m.from, EnvelopeTo: []string{"support@desk.test"}, To: []string{"Support <support@desk.test>"},
			Cc: []string{"cc@else.test"}, Subject: m.subject, Text: m.text, Attachments: []tickets.Attachment{{Name: "att-" + m.id + ".pdf", Type: "application/pdf", Size: 9, Inline: true, SHA256: "ab"}},
			Defects: []string{"no date"}, Received: now, Raw: raw, Proof: "none", AuthResults: "spf=none " + m.from, ThreadReason: "because of " + m.id,
			AuthorPerson: who, Dedupe: identity[:], Whole: "whole " + m.text}
		c := &tickets.Change{Tickets: []*tickets.Ticket{t}, Messages: []*tickets.Message{made},
			Events: []*tickets.Event{{Ticket: t, At: now, Kind: "received", Actor: tickets.ActorPerson, ActorID: who.ID, Message: made, Data: map[string]string{"state": "open", "é": "ü\n"}}}}
		if m.ack {
			c.Outbox = []*tickets.Outgoing{{Org: 1, Kind: tickets.OutAck, MessageID: "ack." + m.id, Ticket: t, Message: made, To: m.from, ToPerson: who, QueueID: 7,
				Spec: tickets.OutSpec{Language: "en", Text: "we got " + m.subject}}}
		}
		if m.job != "" {
			c.Jobs = []*tickets.Job{{Kind: m.job, Ticket: t, Message: made, Data: map[string]string{"why": "\"new\""}}}
		}
		*opened = *t
		return c, nil
	}
}

func inMemory(b []byte) tickets.Raw {
	sum := sha256.Sum256(b)
	return tickets.Raw{Bytes: b, Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
}

func newRef() string { return fmt.Sprintf("%04X-%04X", rand.IntN(1<<16), rand.IntN(1<<16)) }

// keep applies a mail and returns what came of it.
func keep(t testing.TB, db *DB, m testMail) *tickets.Change {
	t.Helper()
	var opened tickets.Ticket
	var made tickets.Message
	c, err := db.Apply(ctx, m.decide(&opened, &made))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func look(t testing.TB, db *DB, fn func(v tickets.View) error) {
	t.Helper()
	if err := db.View(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

func raw(t testing.TB, db *DB, id int64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := db.WriteRaw(ctx, id, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func faults(t testing.TB, db *DB) []string {
	t.Helper()
	var list []string
	if err := db.VerifyStore(ctx, func(s string) { list = append(list, s) }); err != nil {
		t.Fatal(err)
	}
	return list
}

// count reads one number.
func count(t testing.TB, db *DB, text string, args ...any) (n int) {
	t.Helper()
	err := db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, text, args, &n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func stageBytes(t testing.TB, db *DB, data []byte) (tickets.Stage, tickets.Raw) {
	t.Helper()
	s := db.Stage(ctx)
	if _, err := io.Copy(s, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	r, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}
