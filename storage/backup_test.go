package storage

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"postroom/tickets"
)

// Backups go from either database to either.
func TestRestoredDeskAnswersTheSame(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		q := &tickets.Queue{Name: "Support", Address: "support@desk.test", ReplyDomain: "desk.test"}
		if err := db.AddQueue(ctx, q); err != nil {
			t.Fatal(err)
		}
		if err := db.AddAgent(ctx, &tickets.Agent{Name: "Mia", Address: "mia@team.test", Role: tickets.RoleAgent, Active: true, Queues: []int64{q.ID}}, "hash"); err != nil {
			t.Fatal(err)
		}
		big := bytes.Repeat([]byte("0123456789abcdef\r\n"), 40000)
		_, staged := stageBytes(t, db, big)
		one := keep(t, db, testMail{from: "ann@x.test", name: "Ann", id: "1", subject: "first", raw: []byte("one"), ack: true, job: "notify"})
		two := keep(t, db, testMail{from: "bob@x.test", name: "Bob", id: "2", ticket: one.Tickets[0].Ref, stage: staged})
		stageBytes(t, db, big) // arriving while the backup is made
		var content, keys bytes.Buffer
		if err := db.Backup(ctx, &content); err != nil {
			t.Fatal(err)
		}
		if err := db.BackupKeys(ctx, &keys, "correct horse battery"); err != nil {
			t.Fatal(err)
		}
		secrets, err := db.Secrets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"ann@x.test", "Ann", "first", "0123456789abcdef", "mia@team.test"} {
			if bytes.Contains(content.Bytes(), []byte(secret)) || bytes.Contains(keys.Bytes(), []byte(secret)) {
				t.Errorf("the backup shows %q", secret)
			}
		}
		backends(t, func(t *testing.T, opt Options) {
			opt.MasterKey = bytes.Repeat([]byte{9}, 32) // another machine's
			read := func() *bytes.Reader { return bytes.NewReader(content.Bytes()) }
			if err := Restore(ctx, opt, read(), nil, "", Erasures{AcceptMissing: true}); err == nil || !strings.Contains(err.Error(), "without its keys") {
				t.Fatalf("restored without keys: %v", err)
			}
			if err := Restore(ctx, opt, read(), bytes.NewReader(keys.Bytes()), "wrong horse battery", Erasures{AcceptMissing: true}); err == nil || !strings.Contains(err.Error(), "passphrase") {
				t.Fatalf("restored with a wrong passphrase: %v", err)
			}
			if err := Restore(ctx, opt, read(), bytes.NewReader(keys.Bytes()), "correct horse battery", Erasures{AcceptMissing: true}); err != nil {
				t.Fatal(err)
			}
			if err := Restore(ctx, opt, read(), bytes.NewReader(keys.Bytes()), "correct horse battery", Erasures{AcceptMissing: true}); err == nil {
				t.Error("restored into a desk that is not empty")
			}
			db := open(t, opt)
			if f := faults(t, db); len(f) > 0 {
				t.Error(f)
			}
			got, err := db.Secrets(ctx)
			if err != nil || !bytes.Equal(got.Lookup, secrets.Lookup) || !bytes.Equal(got.Reply[0], secrets.Reply[0]) {
				t.Errorf("secrets differ: %v", err)
			}
			look(t, db, func(v tickets.View) error {
				tk, err := v.TicketByRef(ctx, 1, one.Tickets[0].Ref)
				if err != nil {
					return err
				}
				dir, err := v.Directory(ctx)
				if err != nil {
					return err
				}
				if tk.Subject != "first" || len(tk.Parties) != 2 || tk.Parties[1].Person.Name != "Bob" || dir.AgentByName("mia") == nil || dir.QueueByAddress("support@desk.test") == nil {
					t.Errorf("ticket %+v, directory %+v", tk, dir)
				}
				return nil
			})
			if !bytes.Equal(raw(t, db, two.Messages[0].ID), big) || string(raw(t, db, one.Messages[0].ID)) != "one" {
				t.Error("bytes differ")
			}
			if n := count(t, db, "SELECT COUNT(*) FROM stages"); n != 0 {
				t.Errorf("%d stages came along", n)
			}
			// It goes on where it stopped: no id twice, a copy is a copy.
			if c := keep(t, db, testMail{from: "ann@x.test", name: "Ann", id: "1", subject: "first", raw: []byte("one")}); c.Duplicate == nil {
				t.Error("a mail from before the backup is not known")
			}
			if c := keep(t, db, testMail{from: "eve@x.test", id: "3", subject: "next", raw: []byte("3")}); c.Messages[0].ID <= two.Messages[0].ID {
				t.Error("ids begin again")
			}
			last, err := db.Changes(ctx, 0, 100)
			if err != nil || len(last) < 3 || last[len(last)-1].Seq <= last[len(last)-2].Seq {
				t.Errorf("change log: %+v %v", last, err)
			}
		})
	})
}

func TestDamagedBackupIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster})
	for i := range 5 {
		keep(t, db, testMail{from: "ann@x.test", id: newRef(), subject: "s", raw: []byte{byte(i)}})
	}
	var content, keys bytes.Buffer
	if err := db.Backup(ctx, &content); err != nil {
		t.Fatal(err)
	}
	if err := db.BackupKeys(ctx, &keys, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	flip := bytes.Clone(content.Bytes())
	flip[len(flip)-200] ^= 1
	for name, bad := range map[string][]byte{"cut short": content.Bytes()[:content.Len()-1], "altered": flip, "empty": nil, "keys": keys.Bytes()} {
		opt := Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster}
		if err := Restore(ctx, opt, bytes.NewReader(bad), bytes.NewReader(keys.Bytes()), "correct horse battery", Erasures{AcceptMissing: true}); err == nil {
			t.Errorf("a backup %s was restored", name)
		}
		if name == "cut short" {
			if _, err := Open(ctx, opt); err == nil || !strings.Contains(err.Error(), "broken off") {
				t.Errorf("a half restored database opened: %v", err)
			}
		}
	}
}

func TestSearchFindsWhatWasCommittedBefore(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		one := keep(t, db, testMail{from: "ann@x.test", name: "Ann", id: "1", subject: "Grüße aus KÖLN", text: "the printer burns", raw: []byte("1")})
		two := keep(t, db, testMail{from: "bob@x.test", name: "Bob", id: "2", subject: "printing", text: "no \"paper\"", raw: []byte("2")})
		for _, c := range []struct {
			words []string
			want  []int64
		}{
			{[]string{"print"}, []int64{two.Messages[0].ID, one.Messages[0].ID}},
			{[]string{"PRINT", "burns"}, []int64{one.Messages[0].ID}},
			{[]string{"köln"}, []int64{one.Messages[0].ID}},
			{[]string{`"paper"`}, []int64{two.Messages[0].ID}},
			{[]string{"bo"}, []int64{two.Messages[0].ID}},
			{[]string{"att-1.pdf"}, []int64{one.Messages[0].ID}},
			{[]string{"absent"}, nil},
			{[]string{""}, nil},
		} {
			got, err := db.Search(ctx, 1, c.words, 10)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q: %v, want %v", c.words, got, c.want)
			}
		}
		if got, _ := db.Search(ctx, 2, []string{"print"}, 10); len(got) > 0 {
			t.Error("found across the wall between organisations")
		}
		three := keep(t, db, testMail{from: "eve@x.test", id: "3", subject: "printout", raw: []byte("3")})
		if got, err := db.Search(ctx, 1, []string{"print"}, 2); err != nil || !slices.Equal(got, []int64{three.Messages[0].ID, two.Messages[0].ID}) {
			t.Errorf("after another: %v %v", got, err)
		}
	})
}
