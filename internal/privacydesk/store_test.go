package privacydesk

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"postroom/internal/message"
	"postroom/privacy"
	"postroom/privacy/archive"
	"postroom/storage"
	"postroom/tickets"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// world is a desk over a real store, with a clock of its own.
type world struct {
	t       testing.TB
	db      *storage.DB
	desk    *Desk
	now     time.Time
	support *tickets.Queue
	privacy *tickets.Queue
	made    int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: noon}
	var err error
	w.db, err = storage.Open(t.Context(), storage.Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: bytes.Repeat([]byte{1}, 32), Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	w.support = &tickets.Queue{Org: 1, Name: "Support", Address: "support@desk.example", ReplyDomain: "desk.example"}
	w.privacy = &tickets.Queue{Org: 1, Name: "Privacy", Address: "privacy@desk.example", ReplyDomain: "desk.example"}
	for _, q := range []*tickets.Queue{w.support, w.privacy} {
		if err := w.db.AddQueue(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []*tickets.Agent{
		{Org: 1, Name: "mia", DisplayName: "Mia Muster", Address: "mia@team.example", Role: tickets.RoleAgent, Queues: []int64{w.support.ID}, Active: true},
		{Org: 1, Name: "olga", DisplayName: "Olga Offizier", Address: "olga@team.example", Role: tickets.RolePrivacy, Queues: []int64{w.privacy.ID}, Active: true},
	} {
		if err := w.db.AddAgent(t.Context(), a, ""); err != nil {
			t.Fatal(err)
		}
	}
	w.desk = &Desk{
		Store: w.db, Decide: &privacy.Desk{Rules: privacy.Rules{Address: "privacy@desk.example"}}, Masker: &Masker{},
		Key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32)), BackupDays: 30,
		About:      archive.About{Controller: "Example Ltd", Contact: "privacy@desk.example", Purposes: []archive.Purpose{{Name: "answering", Basis: "contract"}}},
		Processors: []Processor{{archive.Processor{Name: "Relay Inc.", Purpose: "relay"}, "dpo@relay.example"}, {archive.Processor{Name: "Paper Ltd"}, ""}},
		Log:        slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }, Made: func() { w.made++ },
	}
	return w
}

func (w *world) apply(decide func(context.Context, privacy.View) (*tickets.Change, error)) *tickets.Change {
	w.t.Helper()
	ch, err := w.db.Apply(w.t.Context(), func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		return decide(ctx, v.(privacy.View))
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ch
}

func (w *world) look(fn func(context.Context, privacy.View) error) {
	w.t.Helper()
	if err := w.db.View(w.t.Context(), func(v tickets.View) error { return fn(w.t.Context(), v.(privacy.View)) }); err != nil {
		w.t.Fatal(err)
	}
}

// letter is a mail as a test writes it.
type letter struct {
	from, name, to, cc, subject, text, raw string
	ticket                                 string // its reference; empty: a new one
	direction                              tickets.Direction
	agent                                  int64
	into                                   *tickets.Queue
	passedOn                               string // by the agent with that address
}

var letters int

// keep puts a letter into a ticket and returns the ticket's reference and the message.
func (w *world) keep(l letter) (ref string, m *tickets.Message) {
	w.t.Helper()
	letters++
	n := letters
	w.now = w.now.Add(time.Minute)
	w.apply(func(ctx context.Context, v privacy.View) (*tickets.Change, error) {
		var who *tickets.Person
		var err error
		if l.agent == 0 {
			if who, err = v.PersonByAddress(ctx, 1, l.from); err != nil {
				return nil, err
			}
			if who == nil {
				who = &tickets.Person{Org: 1, Address: l.from, Name: l.name, Language: "en", Created: w.now}
			}
		}
		q := w.support
		if l.into != nil {
			q = l.into
		}
		t := &tickets.Ticket{Org: 1, Ref: fmt.Sprintf("T%03d-AAAA", n), QueueID: q.ID, State: tickets.StateNew, Priority: tickets.PriorityNormal, Subject: l.subject, Language: "en", Created: w.now, Updated: w.now}
		if l.ticket != "" {
			if t, err = v.TicketByRef(ctx, 1, l.ticket); err != nil {
				return nil, err
			}
		}
		if who != nil && t.PartyByAddress(l.from) == nil {
			role := tickets.PartyCc
			if len(t.Parties) == 0 {
				role = tickets.PartyRequester
			}
			t.Parties = append(t.Parties, tickets.Party{No: len(t.Parties) + 1, Person: who, Role: role, Joined: w.now})
		}
		raw := []byte(l.raw)
		if l.raw == "" {
			raw = fmt.Appendf(nil, "From: %s <%s>\r\nTo: %s\r\nSubject: %s\r\n\r\n%s\r\n", l.name, l.from, l.to, l.subject, l.text)
		}
		parsed, err := message.Parse(bytes.NewReader(raw), message.Limits{})
		if err != nil {
			return nil, err
		}
		sum, dedupe := sha256.Sum256(raw), sha256.Sum256(fmt.Append(nil, n))
		m = &tickets.Message{Ticket: t, Receipt: fmt.Sprintf("receipt%d", n), MessageID: fmt.Sprintf("m%d@x.example", n), Direction: l.direction, Kind: "mail", From: l.from, FromName: l.name,
			Subject: l.subject, Text: l.text, Received: w.now, AuthorAgent: l.agent, AuthorPerson: who, Dedupe: dedupe[:], Proof: "aligned",
			Raw: tickets.Raw{Bytes: raw, Size: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])}}
		if m.Direction == "" {
			m.Direction = tickets.DirectionIn
		}
		for _, a := range parsed.Attachments {
			m.Attachments = append(m.Attachments, tickets.Attachment{Name: a.Name, Type: a.Type, Size: a.Size, SHA256: a.SHA256})
		}
		if m.EnvelopeFrom = l.from; l.passedOn != "" {
			m.Proof, m.EnvelopeFrom, m.Whole = "agent", l.passedOn, string(raw)
		}
		if l.to != "" {
			m.To = []string{l.to}
		}
		if l.cc != "" {
			m.Cc = []string{l.cc}
		}
		ch := &tickets.Change{Tickets: []*tickets.Ticket{t}, Messages: []*tickets.Message{m},
			Events: []*tickets.Event{{Ticket: t, At: w.now, Kind: "joined", Actor: tickets.ActorSystem, Message: m}}}
		if m.Direction == tickets.DirectionOut {
			for _, p := range t.Parties {
				o := &tickets.Outgoing{Org: 1, Kind: tickets.OutAnswer, MessageID: fmt.Sprintf("sent%d.%d@desk.example", n, p.No), Ticket: t, Message: m, To: p.Person.Address, ToPerson: p.Person, QueueID: q.ID,
					Spec: tickets.OutSpec{Subject: l.subject, Text: l.text, Template: "answer"}}
				for i := range m.Attachments {
					o.Spec.Attach = append(o.Spec.Attach, i)
				}
				for _, other := range t.Parties {
					if other.No != p.No {
						o.Spec.Cc = append(o.Spec.Cc, other.Person.Address)
					}
				}
				ch.Outbox = append(ch.Outbox, o)
			}
		}
		ref = t.Ref
		return ch, nil
	})
	return ref, m
}

// request makes a proved request that is being carried out, with its job.
func (w *world) request(right privacy.Right, address, kind string) *privacy.Request {
	w.t.Helper()
	ref, _ := w.keep(letter{from: address, name: "Zora Quastner", to: "privacy@desk.example", subject: "my data", text: "please send me all you have", into: w.privacy})
	var r *privacy.Request
	w.apply(func(ctx context.Context, v privacy.View) (*tickets.Change, error) {
		t, err := v.TicketByRef(ctx, 1, ref)
		if err != nil {
			return nil, err
		}
		w.now = w.now.Add(time.Minute)
		r = &privacy.Request{Org: 1, No: fmt.Sprintf("P-%04d-XXXX", letters), Right: right, State: privacy.Executing, Ticket: t, TicketID: t.ID, Channel: privacy.ByMail, Received: w.now, Due: w.now.AddDate(0, 1, 0),
			Address: address, Name: "Zora Quastner", Language: "en"}
		r.Record.Verified, r.Record.Since, r.Record.Decided = w.now, w.now, w.now
		return &tickets.Change{Tickets: []*tickets.Ticket{t}, Also: []tickets.Extra{r}}, nil
	})
	w.job(r, kind, nil)
	return r
}

func (w *world) job(r *privacy.Request, kind string, data map[string]string) {
	w.t.Helper()
	all := map[string]string{"request": strconv.FormatInt(r.ID, 10)}
	for k, v := range data {
		all[k] = v
	}
	w.apply(func(context.Context, privacy.View) (*tickets.Change, error) {
		return &tickets.Change{Jobs: []*tickets.Job{{Kind: kind, Data: all, RunAt: w.now}}}, nil
	})
}

// lease takes the jobs that are due.
func (w *world) lease() []*tickets.Job {
	w.t.Helper()
	jobs, err := w.db.LeaseJobs(w.t.Context(), "worker", 20, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	return jobs
}

// work carries out all jobs that are due and returns how many there were.
func (w *world) work() (n int) {
	w.t.Helper()
	for _, j := range w.lease() {
		if h := w.desk.Handlers()[j.Kind]; h == nil {
			w.t.Fatal("no handler for ", j.Kind)
		} else if err := h(w.t.Context(), j); err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	return n
}

func (w *world) reload(r *privacy.Request) *privacy.Request {
	w.t.Helper()
	var out *privacy.Request
	w.look(func(ctx context.Context, v privacy.View) (err error) { out, err = v.RequestByID(ctx, r.ID); return err })
	return out
}

// mails returns the mails of a request with a template, as they are to be composed.
func (w *world) mails(r *privacy.Request, m privacy.Mail) (out []*tickets.Outgoing) {
	w.t.Helper()
	w.look(func(ctx context.Context, v privacy.View) error {
		list, err := v.MailsOfRequest(ctx, r.ID)
		if err != nil {
			return err
		}
		for _, x := range list {
			if x.Template == string(m) {
				o, _, err := v.OutgoingByID(ctx, x.ID)
				if err != nil {
					return err
				}
				out = append(out, o)
			}
		}
		return nil
	})
	return out
}

// files opens a part that is not encrypted.
func (w *world) files(r *privacy.Request, no int) map[string]string {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.db.WriteArtifact(w.t.Context(), r.ID, no, &b); err != nil {
		w.t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			w.t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			w.t.Fatal(err)
		}
		_, name, _ := strings.Cut(f.Name, "/")
		out[name] = string(content)
	}
	return out
}

// names names the files of a part, which may be encrypted.
func (w *world) names(r *privacy.Request, no int) (names []string) {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.db.WriteArtifact(w.t.Context(), r.ID, no, &b); err != nil {
		w.t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	return names
}

// settle has the far side accept a mail.
func (w *world) settle(id int64) {
	w.t.Helper()
	list, err := w.db.LeaseOutbox(w.t.Context(), "out", 100, 100, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range list {
		if l.ID == id {
			if err := w.db.FinishOutbox(w.t.Context(), l, tickets.OutOutcome{State: tickets.OutSent, Attempted: true, Status: "2.0.0"}); err != nil {
				w.t.Fatal(err)
			}
			return
		}
	}
	w.t.Fatalf("mail %d is not due", id)
}

// settleAll has the far side accept all mails.
func (w *world) settleAll() {
	w.t.Helper()
	list, err := w.db.LeaseOutbox(w.t.Context(), "out", 100, 100, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, l := range list {
		if err := w.db.FinishOutbox(w.t.Context(), l, tickets.OutOutcome{State: tickets.OutSent, Attempted: true, Status: "2.0.0"}); err != nil {
			w.t.Fatal(err)
		}
	}
}
