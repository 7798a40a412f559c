package storage

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postroom/tickets"
)

// Nothing personal stands in any byte of the database, its WAL or the keys.
func TestNothingPersonalIsReadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, Options{URL: "sqlite:", DataDir: dir, MasterKey: testMaster})
	canaries := []string{"zqxlocalpart", "Zqxdomain", "Zqxname Surname", "zqxmessageid", "Zqxsubject words", "zqxbodytext", "zqxattachment", "zqxbigbody",
		"zqxagentname", "zqxagentbox", "zqxtrusted", "zqxspectext", "zqxthread", "zqxanswer"}
	address := "zqxlocalpart@Zqxdomain.test"
	q := &tickets.Queue{Name: "Support", Address: "support@desk.test", ReplyDomain: "desk.test"}
	if err := db.AddQueue(ctx, q); err != nil {
		t.Fatal(err)
	}
	agent := &tickets.Agent{Name: "zqxagentname", Address: "zqxagentbox@team.test", DisplayName: "zqxagentname", Role: tickets.RoleAgent, Active: true, Queues: []int64{q.ID}}
	if err := db.AddAgent(ctx, agent, "hash"); err != nil {
		t.Fatal(err)
	}
	_, staged := stageBytes(t, db, bytes.Repeat([]byte("zqxbigbody and zqxattachment\r\n"), 20000))
	one := keep(t, db, testMail{from: address, name: "Zqxname Surname", id: "zqxmessageid@Zqxdomain.test", receipt: "one", subject: "Zqxsubject words", text: "zqxbodytext",
		raw: []byte("From: zqxlocalpart@Zqxdomain.test\r\nSubject: Zqxsubject words\r\n\r\nzqxbodytext\r\n"), ack: true, job: "notify"})
	keep(t, db, testMail{from: address, name: "Zqxname Surname", id: "zqxthread@Zqxdomain.test", receipt: "two", ticket: one.Tickets[0].Ref, text: "zqxbodytext", stage: staged})
	if _, err := db.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		tk, err := v.TicketByID(ctx, one.Tickets[0].ID)
		return &tickets.Change{Tickets: []*tickets.Ticket{tk}, TrustAgent: agent.ID, TrustDomain: "zqxtrusted.test",
			Outbox: []*tickets.Outgoing{{Kind: tickets.OutAnswer, MessageID: "random@desk.test", Ticket: tk, To: address, ToPerson: tk.Requester(), Spec: tickets.OutSpec{Text: "zqxspectext", Subject: "zqxanswer", Cc: []string{address}}},
				{Kind: tickets.OutNotification, MessageID: "random2@desk.test", Ticket: tk, To: agent.Address, ToAgent: agent.ID, Spec: tickets.OutSpec{Text: "zqxspectext"}}},
			Events: []*tickets.Event{{TicketID: tk.ID, Kind: "answered", Actor: tickets.ActorAgent, ActorID: agent.ID}},
			Jobs:   []*tickets.Job{{Kind: "notify", Ticket: tk, Data: map[string]string{"why": "zqxanswer"}}},
			Held: []*tickets.Held{{ID: tickets.NewHeldID(), Kind: "agent", AgentID: agent.ID, Ticket: tk,
				Message: &tickets.Message{Receipt: "x", From: agent.Address, FromName: "zqxagentname", Subject: "Zqxsubject words", Text: "zqxbodytext", Raw: inMemory([]byte("zqxbodytext"))}}}}, err
	}); err != nil {
		t.Fatal(err)
	}
	// The negative control: the bytes are there for whoever has the keys.
	if got := raw(t, db, one.Messages[0].ID); !bytes.Contains(got, []byte("zqxbodytext")) {
		t.Fatal("the mail is not there at all")
	}
	scan := func(when string) {
		t.Helper()
		scanned := 0
		for _, name := range []string{"desk.db", "desk.db-wal", "keys.db", "keys.db-wal"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				continue
			}
			scanned += len(data)
			lower := lowerASCII(data)
			for _, c := range canaries {
				for _, form := range spellings(strings.ToLower(c)) {
					if bytes.Contains(lower, []byte(strings.ToLower(form))) {
						i := bytes.Index(lower, []byte(strings.ToLower(form)))
						t.Errorf("%s: %s shows %q: %q", when, name, form, data[max(0, i-40):min(len(data), i+60)])
					}
				}
			}
		}
		if scanned < 100<<10 {
			t.Errorf("%s: only %d bytes were looked at", when, scanned)
		}
	}
	scan("live")
	if err := db.writer.checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	scan("after a checkpoint")
}

// lowerASCII leaves other bytes alone, unlike bytes.ToLower.
func lowerASCII(data []byte) []byte {
	out := bytes.Clone(data)
	for i, c := range out {
		if 'A' <= c && c <= 'Z' {
			out[i] = c + 'a' - 'A'
		}
	}
	return out
}

// spellings are the ways in which a word may stand in a file.
func spellings(s string) []string {
	list := []string{s, hex.EncodeToString([]byte(s))}
	for shift := range 3 {
		e := base64.StdEncoding.EncodeToString(append(make([]byte, shift), s...))
		list = append(list, e[4:len(e)-4])
	}
	wide := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		wide = append(wide, s[i], 0)
	}
	return append(list, string(wide))
}

// Ciphertexts do not open anywhere but in their own place.
func TestSealedDataIsBoundToItsPlace(t *testing.T) {
	t.Parallel()
	s := newSealer(randomKey())
	at := place{column: "messages.meta", row: 7, sub: 1}
	data := s.seal(at, []byte("secret"))
	if got, err := s.open(at, data); err != nil || string(got) != "secret" {
		t.Fatalf("%q %v", got, err)
	}
	for _, other := range []place{{column: "messages.meta", row: 8, sub: 1}, {column: "messages.meta", row: 7}, {column: "tickets.sealed", row: 7, sub: 1}} {
		if _, err := s.open(other, data); err == nil {
			t.Errorf("opened at %+v", other)
		}
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if _, err := s.open(at, bad); err == nil {
			t.Errorf("opened with byte %d altered", i)
		}
	}
	if _, err := newSealer(randomKey()).open(at, data); err == nil {
		t.Error("opened with another key")
	}
}

// A chunk left out or exchanged is an error and not a shorter message.
func TestR17_DamagedBodyIsReportedAndIsolated(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		data := bytes.Repeat([]byte("0123456789\r\n"), 60000)
		_, r := stageBytes(t, db, data)
		bad := keep(t, db, testMail{from: "a@x.test", id: "1", subject: "s", stage: r}).Messages[0].ID
		good := keep(t, db, testMail{from: "a@x.test", id: "2", subject: "s", raw: []byte("good")}).Messages[0].ID
		if err := db.execute(ctx, []op{{text: "DELETE FROM bodies WHERE id = (SELECT MAX(id) FROM bodies WHERE id < ?)", args: []any{chunkID(r.StageID+1, 0)}, want: 1}}); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := db.WriteRaw(ctx, bad, &b); err == nil {
			t.Error("a message without its end was read")
		}
		if string(raw(t, db, good)) != "good" {
			t.Error("another message suffered")
		}
		if f := faults(t, db); len(f) != 1 || !strings.Contains(f[0], "receipt-1") {
			t.Errorf("faults %q", f)
		}
	})
}
