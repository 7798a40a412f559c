package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

// testMasker replaces addresses and names. What stands in a part called
// image/png it cannot look into.
type testMasker struct{}

func (testMasker) pattern(who privacy.Identity) *regexp.Regexp {
	var alts []string
	for _, s := range slices.Concat(who.Addresses, who.Names) {
		if s != "" {
			alts = append(alts, regexp.QuoteMeta(s))
		}
	}
	return regexp.MustCompile("(?i)" + strings.Join(alts, "|"))
}

func (m testMasker) Mask(_ context.Context, who privacy.Identity, raw io.Reader, w io.Writer) (left []string, err error) {
	b, err := io.ReadAll(raw)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(b, []byte("image/png")) {
		left = []string{"image/png"}
	}
	_, err = w.Write(m.pattern(who).ReplaceAll(b, []byte("[masked]")))
	return left, err
}

func (m testMasker) Text(who privacy.Identity, s string) (string, bool) {
	out := m.pattern(who).ReplaceAllString(s, "[masked]")
	return out, out != s
}

const (
	annAddress = "zqxann@zqxdomain.test"
	annName    = "Zqxann Vqxsurname"
)

// canaries are what nothing may be left of (PRIVACY C): address, local part,
// name, phone, attachment, its name, subject, header, signature, encoded word,
// word that is not ASCII, search word.
var canaries = []string{annAddress, "zqxann", "Vqxsurname", "+49 555 9172634", "zqxattachedbytes", "zqxfile.pdf", "zqxsubject", "zqxheader", "zqxsignature",
	"=?utf-8?q?zqxencoded?=", "zqxgrüße", "zqxsearchword"}

func annRaw(n int) []byte {
	return fmt.Appendf(nil, "From: %s <%s>\r\nSubject: zqxsubject =?utf-8?q?zqxencoded?=\r\nX-Thing: zqxheader %d\r\n\r\nzqxgrüße zqxsearchword +49 555 9172634\r\n-- <b>zqxsignature</b>\r\nzqxattachedbytes zqxfile.pdf\r\n", annName, annAddress, n)
}

// erasable fills a store with somebody to erase, somebody who shares a ticket,
// and others.
type erasable struct {
	db     *DB
	queue  *tickets.Queue
	ann    privacy.Plan
	shared *tickets.Ticket // Bob's, in which Ann wrote
	own    *tickets.Ticket
	bobSay int64
}

func seed(t testing.TB, db *DB) *erasable {
	t.Helper()
	x := &erasable{db: db, queue: &tickets.Queue{Name: "Billing", Address: "billing@desk.test", ReplyDomain: "desk.test"}}
	if err := db.AddQueue(ctx, x.queue); err != nil {
		t.Fatal(err)
	}
	ann := func(n int, ref string, stage tickets.Raw) testMail {
		m := testMail{from: annAddress, name: annName, id: fmt.Sprintf("zqxid%d@zqxdomain.test", n), receipt: fmt.Sprint("ann", n), subject: "zqxsubject", text: "zqxsearchword zqxgrüße +49 555 9172634", raw: annRaw(n), ack: true, job: "notify", ticket: ref, stage: stage}
		if stage.Size > 0 {
			m.raw = nil
		}
		return m
	}
	x.own = keep(t, db, ann(1, "", tickets.Raw{})).Tickets[0]
	keep(t, db, ann(2, x.own.Ref, tickets.Raw{}))
	_, big := stageBytes(t, db, bytes.Repeat(annRaw(3), 3000))
	keep(t, db, ann(3, "", big))
	keep(t, db, testMail{from: "carol@x.test", name: "Carol", id: "carol-in-anns", ticket: x.own.Ref, text: "me too", raw: []byte("carol")})
	bob := keep(t, db, testMail{from: "bob@x.test", name: "Bob", id: "bob1", subject: "with " + annName, text: "hello", raw: []byte("From: bob@x.test\r\n\r\nI like tea\r\n"), ack: true})
	x.shared = bob.Tickets[0]
	keep(t, db, ann(4, x.shared.Ref, tickets.Raw{}))
	x.bobSay = keep(t, db, testMail{from: "bob@x.test", name: "Bob", id: "bob2", ticket: x.shared.Ref, text: "thanks " + annAddress, raw: []byte("From: bob@x.test\r\nCc: " + annName + " <" + annAddress + ">\r\n\r\nas " + annName + " said, image/png\r\n")}).Messages[0].ID
	_, bigBob := stageBytes(t, db, bytes.Repeat([]byte("about ZQXANN@zqxdomain.test and tea\r\n"), 20000))
	keep(t, db, testMail{from: "bob@x.test", name: "Bob", id: "bob3", ticket: x.shared.Ref, stage: bigBob})
	for i := range 11 {
		keep(t, db, testMail{from: fmt.Sprintf("other%d@x.test", i), name: "Other", id: fmt.Sprint("o", i), subject: "mine", text: "words", raw: fmt.Appendf(nil, "other %d", i), ack: true})
	}
	r := ask(t, db, privacy.Erasure, annAddress, []byte("token"))
	apply(t, db, func(v privacy.View) (*tickets.Change, error) {
		tk, err := v.TicketByID(ctx, x.shared.ID)
		if err != nil {
			return nil, err
		}
		who, err := v.PersonByAddress(ctx, 1, annAddress)
		return &tickets.Change{Tickets: []*tickets.Ticket{tk},
			Outbox: []*tickets.Outgoing{{Kind: tickets.OutAnswer, MessageID: "answer@desk.test", Ticket: tk, To: annAddress, ToPerson: who, Spec: tickets.OutSpec{Text: "to zqxann"}},
				{Kind: tickets.OutNotification, MessageID: "note@desk.test", Ticket: tk, To: "mia@team.test", ToAgent: 5, Spec: tickets.OutSpec{Text: "says " + annName}}},
			Held: []*tickets.Held{{ID: tickets.NewHeldID(), Kind: "agent", Message: &tickets.Message{Receipt: "heldone", From: "mia@team.test", Text: "#person " + annAddress, Raw: inMemory([]byte(annAddress))}}},
			Also: []tickets.Extra{&consent.Entry{Address: annAddress, Purpose: "news", Act: consent.Granted, Receipt: "ann1", WordingHash: []byte("w")}}}, err
	})
	if err := db.SetSecondFactor(ctx, 1, annAddress, []byte("zqxfactor")); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Search(ctx, 1, []string{"zqxsearchword"}, 10); err != nil {
		t.Fatal(err)
	}
	x.ann = privacy.Plan{RequestID: r.ID, Org: 1, Addresses: []string{annAddress}, Now: time.Now(), ConsentsUntil: time.Now().AddDate(3, 0, 0), Ends: time.Now().AddDate(3, 0, 0)}
	return x
}

// eraseAll carries out every step.
func eraseAll(t testing.TB, db *DB, p privacy.Plan) map[string]int {
	t.Helper()
	sum := map[string]int{}
	for _, step := range db.EraseSteps() {
		counts, err := db.EraseStep(ctx, p, step, testMasker{})
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		for k, n := range counts {
			sum[k] += n
		}
	}
	return sum
}

// export is what somebody would get, as text.
func export(t testing.TB, db *DB, address string) string {
	t.Helper()
	h, err := db.Holdings(ctx, 1, []string{address})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, x := range h.Tickets {
		fmt.Fprintf(&b, "ticket %+v\n", x)
	}
	for _, x := range h.Messages {
		fmt.Fprintf(&b, "message %+v\n", x)
		look(t, db, func(v tickets.View) error {
			m, err := v.MessageByID(ctx, x.ID)
			if err == nil {
				fmt.Fprintf(&b, "%s|%s|%s|%v|%v|%s|%s\n", m.MessageID, m.From, m.FromName, m.To, m.Cc, m.Subject, m.Text)
			}
			return err
		})
		sum := sha256.Sum256(raw(t, db, x.ID))
		fmt.Fprintln(&b, hex.EncodeToString(sum[:]))
	}
	for _, x := range h.Mails {
		fmt.Fprintf(&b, "mail %d %s %s\n", x.ID, x.Kind, x.To)
	}
	return b.String()
}

// readable is all that anybody with every key can read.
func readable(t testing.TB, db *DB) string {
	t.Helper()
	var b strings.Builder
	err := db.EachTicket(ctx, TicketFilter{Hidden: true}, func(tk *tickets.Ticket, list []*tickets.Message) error {
		fmt.Fprintf(&b, "%s %s ", tk.Subject, tk.ThreadIndex)
		for _, p := range tk.Parties {
			fmt.Fprintf(&b, "%s %s ", p.Person.Address, p.Person.Name)
		}
		return nil
	})
	if err == nil {
		err = db.eachMessageID(ctx, func(id int64) error {
			return db.View(ctx, func(v tickets.View) error {
				m, err := v.MessageByID(ctx, id)
				if err == nil {
					fmt.Fprintf(&b, "%+v", *m)
				}
				if err == nil && m.Raw.SHA256 != "" {
					var raw bytes.Buffer
					err = db.WriteRaw(ctx, id, &raw)
					b.Write(raw.Bytes())
				}
				return err
			})
		})
	}
	if err == nil {
		err = db.EachOutgoing(ctx, OutboxFilter{}, func(o OutRow) error {
			fmt.Fprintf(&b, "%s %s", o.To, o.MessageID)
			return db.View(ctx, func(v tickets.View) error {
				full, _, err := v.OutgoingByID(ctx, o.ID)
				fmt.Fprintf(&b, "%+v", full.Spec)
				return err
			})
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// clean fails the test for everything of Ann's that is left.
func (x *erasable) clean(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Forget(ctx, x.ann.RequestID); err != nil {
		t.Fatal(err)
	}
	all := strings.ToLower(readable(t, db))
	for _, c := range canaries {
		if i := strings.Index(all, strings.ToLower(c)); i >= 0 {
			t.Errorf("%q can be read: …%.200s…", c, all[max(0, i-100):])
		}
	}
	finds, err := db.Scan(ctx, canaries)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range finds {
		t.Errorf("left: %+v", f)
	}
	if f := faults(t, db); len(f) > 0 {
		t.Error(f)
	}
	h := db.hash.address(1, annAddress)
	for _, table := range []string{"lookups WHERE hash = ?", "privacy_tokens WHERE subject = ?", "factors WHERE subject = ?"} {
		if n := count(t, db, "SELECT COUNT(*) FROM "+table, h); n != 0 {
			t.Errorf("%d rows of %s", n, table)
		}
	}
	if err := db.sweepStages(ctx, true); err != nil { // of nodes that died
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT COUNT(*) FROM bodies b WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.content = b.id / 4096)"); n != 0 {
		t.Errorf("%d chunks of nobody's", n)
	}
	if n := count(t, db, "SELECT COUNT(*) FROM privacy_work WHERE kind <> 'left'"); n != 0 {
		t.Errorf("%d rows of work are left", n)
	}
}

// ciphertext is what stands sealed of Ann, and her key as it is wrapped.
func (x *erasable) ciphertext(t testing.TB, db *DB) (list [][]byte) {
	t.Helper()
	id := personID(t, db, annAddress)
	err := db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT meta FROM messages WHERE author_person = ? UNION ALL SELECT wrapped FROM wraps WHERE person_id = ? UNION ALL SELECT sealed FROM persons WHERE id = ?"), id, id, id)
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			var b []byte
			err := rows.Scan(&b)
			list = append(list, b[:min(len(b), 60)])
			return err
		})
	})
	var wrapped []byte
	if err == nil {
		err = db.keys.db.Get(&wrapped, db.d.keys("SELECT wrapped FROM keys.keys WHERE id = ?"), id)
	}
	if err != nil || len(list) < 6 {
		t.Fatalf("%d sealed, %v", len(list), err)
	}
	return append(list, wrapped)
}

// shredded looks for the ciphertext and the key in every file. PostgreSQL may
// keep both in free pages and in its WAL for a while, but not in its tables.
func (x *erasable) shredded(t testing.TB, db *DB, cipher [][]byte) {
	t.Helper()
	var list []form
	for i, b := range cipher {
		list = append(list, form{name: fmt.Sprint("sealed ", i, " of ", len(cipher)), text: b})
	}
	s := scannerOf(list)
	if err := s.tree(ctx, db.opt.DataDir); err != nil {
		t.Fatal(err)
	}
	if db.d.postgres {
		if err := db.scanTables(ctx, s); err != nil {
			t.Fatal(err)
		}
		var dir string
		if err := db.main.Get(&dir, "SHOW data_directory"); err != nil {
			t.Fatal(err)
		}
		files := newScanner([]string{annAddress, "zqxsearchword"})
		if err := files.tree(ctx, dir); err != nil {
			t.Fatal(err)
		}
		for _, f := range files.finds() {
			t.Errorf("the database server's files show %+v", f)
		}
	}
	for _, f := range s.finds() {
		t.Errorf("left: %+v", f)
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		x := seed(t, db)
		before := map[string]string{}
		for i := range 11 {
			a := fmt.Sprintf("other%d@x.test", i)
			before[a] = export(t, db, a)
		}
		bob := export(t, db, "bob@x.test")
		// The negative control: what the scanner must find, it finds.
		control := filepath.Join(opt.DataDir, "control")
		if err := os.WriteFile(control, annRaw(0), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, c := range canaries {
			finds, err := db.Scan(ctx, []string{c})
			if err != nil || len(finds) == 0 {
				t.Errorf("the scanner does not see %q: %v", c, err)
			}
			if !strings.Contains(strings.ToLower(readable(t, db)), strings.ToLower(c)) {
				t.Errorf("%q was never there", c)
			}
		}
		finds, err := db.Scan(ctx, []string{"zqxsearchword"})
		if err != nil || !slices.ContainsFunc(finds, func(f privacy.Find) bool { return strings.Contains(f.Where, searchFile) }) {
			t.Errorf("the search index was not seen: %v %v", finds, err)
		}
		if err := os.Remove(control); err != nil {
			t.Fatal(err)
		}
		cipher := x.ciphertext(t, db)
		preview, err := db.Preview(ctx, x.ann, testMasker{})
		if err != nil {
			t.Fatal(err)
		}
		if preview.Tickets != 1 || preview.Messages != 3 || len(preview.Masked) != 4 || preview.Mails != 5 || !preview.Blocked.IsZero() {
			t.Errorf("preview %+v", preview)
		}
		sum := eraseAll(t, db, x.ann)
		t.Logf("did %v", sum)
		if sum["tickets"] != 1 || sum["messages"] != 3 || sum["parts"] != 2 || sum["masked"] != 3 || sum["removed"] != 1 || sum["left"] != 1 || sum["loose"] != 1 || sum["mails"] != 5 || sum["keys"] != 1 {
			t.Errorf("did %v", sum)
		}
		for step, want := range map[string]string{"tickets": "messages", "others": "masked"} { // asked again, it says the same
			if again, err := db.EraseStep(ctx, x.ann, step, testMasker{}); err != nil || again[want] != sum[want] {
				t.Errorf("again: %v %v", again, err)
			}
		}
		left, err := db.LeftBehind(ctx, x.ann.RequestID)
		if err != nil || len(left) != 1 || left[0].MessageID != x.bobSay || left[0].Ref != x.shared.Ref {
			t.Errorf("left behind %+v %v", left, err)
		}
		x.clean(t, db)
		x.shredded(t, db, cipher)
		for a, was := range before {
			if now := export(t, db, a); now != was {
				t.Errorf("the export of %s is another:\n%s\n%s", a, was, now)
			}
		}
		if is := export(t, db, "carol@x.test"); !strings.Contains(is, "me too") || strings.Contains(is, "zqx") {
			t.Errorf("what Carol wrote in Ann's ticket went with it, or she got more:\n%s", is)
		}
		is := export(t, db, "bob@x.test")
		if is == bob || strings.Count(is, "message {") != strings.Count(bob, "message {") || !strings.Contains(is, "[masked]") {
			t.Errorf("what Bob would get:\n%s", is)
		}
		if string(raw(t, db, x.bobSay)) != "From: bob@x.test\r\nCc: [masked] <[masked]>\r\n\r\nas [masked] said, image/png\r\n" {
			t.Errorf("%q", raw(t, db, x.bobSay))
		}
		desk(t, db, func(v privacy.View) error {
			list, err := v.ConsentsOf(ctx, 1, annAddress)
			if err != nil || len(list) != 1 || list[0].Address != "" || list[0].Receipt != "" || list[0].Purpose != "news" || list[0].Until.IsZero() || len(list[0].WordingHash) == 0 {
				t.Errorf("ledger %+v %v", list, err)
			}
			tk, err := v.TicketByID(ctx, x.shared.ID)
			if err == nil && (tk.Subject != "with [masked]" || len(tk.Parties) != 2 || !tk.Parties[1].Removed || tk.Requester().Address != "bob@x.test") {
				t.Errorf("ticket %+v", tk)
			}
			return err
		})
		// Bob's ticket goes on, and a third party gets a number of its own.
		keep(t, db, testMail{from: "eve@x.test", id: "eve", ticket: x.shared.Ref, text: "x", raw: []byte("e")})
		look(t, db, func(v tickets.View) error {
			tk, err := v.TicketByID(ctx, x.shared.ID)
			if err == nil && (len(tk.Parties) != 3 || tk.Parties[2].No != 3) {
				t.Errorf("parties %+v", tk.Parties)
			}
			return err
		})
		if err := db.EraseMessage(ctx, x.ann.RequestID, x.bobSay); err != nil || !strings.Contains(string(raw(t, db, x.bobSay)), "erased") {
			t.Errorf("what could not be masked is there: %v", err)
		}
		// The person comes back as somebody new.
		c := keep(t, db, testMail{from: annAddress, name: annName, id: "zqxid1@zqxdomain.test", subject: "again", text: "hello again", raw: annRaw(1)})
		if c.Duplicate != nil || string(raw(t, db, c.Messages[0].ID)) != string(annRaw(1)) {
			t.Error("a new mail after the erasure is lost")
		}
	})
}

// An open request for access keeps what it covers; one that nobody proved does not.
func TestEraseWaitsForAccess(t *testing.T) {
	t.Parallel()
	db := open(t, Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster})
	x := seed(t, db)
	r := ask(t, db, privacy.Access, annAddress, []byte("other token"))
	set := func(state privacy.State, verified time.Time) {
		apply(t, db, func(v privacy.View) (*tickets.Change, error) {
			got, err := v.RequestByID(ctx, r.ID)
			got.State, got.Record.Verified, got.Finished = state, verified, time.Now()
			return &tickets.Change{Also: []tickets.Extra{got}}, err
		})
	}
	set(privacy.Executing, time.Now())
	if p, err := db.Preview(ctx, x.ann, testMasker{}); err != nil || p.Blocked.IsZero() {
		t.Errorf("preview %+v %v", p, err)
	}
	if _, err := db.EraseStep(ctx, x.ann, "people", testMasker{}); !errors.Is(err, ErrCovered) {
		t.Fatalf("erased although access is due: %v", err)
	}
	set(privacy.Done, time.Now())
	eraseAll(t, db, x.ann)
	x.clean(t, db)
}

// What a law obliges to keep is moved, hidden, named and erased on its date.
func TestEraseKeepsWhatALawObligesTo(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		x := seed(t, db)
		apply(t, db, func(v privacy.View) (*tickets.Change, error) {
			tk, err := v.TicketByID(ctx, x.own.ID)
			tk.QueueID = x.queue.ID
			return &tickets.Change{Tickets: []*tickets.Ticket{tk}}, err
		})
		until := time.Now().AddDate(10, 0, 0).Truncate(time.Microsecond).UTC()
		x.ann.Duties = []privacy.Duty{{Queue: "Billing", Ground: "Art. 17(3)(b)", Law: "law", Keep: func(time.Time) time.Time { return until }}}
		if p, err := db.Preview(ctx, x.ann, testMasker{}); err != nil || len(p.Kept) != 1 || p.Kept[0].Count != 3 || p.Tickets != 1 {
			t.Errorf("preview %+v %v", p, err)
		}
		eraseAll(t, db, x.ann)
		kept, err := db.KeptOf(ctx, x.ann.RequestID)
		if err != nil || len(kept) != 1 || kept[0].Count != 3 || !kept[0].Until.Equal(until) || kept[0].Law != "law" {
			t.Errorf("kept %+v %v", kept, err)
		}
		look(t, db, func(v tickets.View) error {
			tk, err := v.TicketByRef(ctx, 1, x.own.Ref)
			if err == nil && (tk == nil || !tk.Restricted || tk.Subject != "zqxsubject" || tk.Requester() != nil) {
				t.Errorf("ticket %+v", tk)
			}
			return err
		})
		if got := raw(t, db, int64(count(t, db, "SELECT MIN(id) FROM messages WHERE frozen > 0"))); !bytes.Equal(got, annRaw(1)) {
			t.Errorf("what is kept reads %q", got)
		}
		if list, err := db.Search(ctx, 1, []string{"zqxsearchword"}, 5); err != nil || len(list) > 0 {
			t.Errorf("what is kept is found: %v %v", list, err)
		}
		if strings.Contains(export(t, db, "carol@x.test"), "zqx") {
			t.Error("another sees what is kept")
		}
		if n, err := db.EraseFrozen(ctx, until.Add(-time.Hour), 10); err != nil || n != 0 {
			t.Errorf("%d erased too early, %v", n, err)
		}
		if n, err := db.EraseFrozen(ctx, until, 10); err != nil || n != 3 {
			t.Errorf("%d erased on the date, %v", n, err)
		}
		x.clean(t, db)
		var left int
		if err := db.keys.db.Get(&left, db.d.keys("SELECT COUNT(*) FROM keys.keys WHERE kind IN ('frozen', 'request')")); err != nil || left != 0 {
			t.Errorf("%d keys are left, %v", left, err)
		}
	})
}

// Broken off once before and once after every commit, with the store opened
// anew each time, the result is the same.
func TestEraseIsBrokenOffEverywhere(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		x := seed(t, db)
		seen := map[string]int{}
		broken := 0
		sum := map[string]int{}
		for _, step := range db.EraseSteps() {
			for {
				calls := map[string]int{}
				db.failpoint = func(step, at string) error {
					calls[step+at]++
					if n := calls[step+at]; n > seen[step+at] {
						seen[step+at] = n
						return errBroken
					}
					return nil
				}
				counts, err := db.EraseStep(ctx, x.ann, step, testMasker{})
				if err == nil {
					for k, n := range counts {
						sum[k] += n
					}
					break
				}
				if !errors.Is(err, errBroken) {
					t.Fatalf("%s: %v", step, err)
				}
				broken++
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				db = open(t, opt)
			}
		}
		t.Logf("broken off %d times, did %v", broken, sum)
		if broken < 2*len(db.EraseSteps()) || sum["messages"] != 3 || sum["masked"] != 3 || sum["removed"] != 1 {
			t.Errorf("broken off %d times, did %v", broken, sum)
		}
		x.clean(t, db)
	})
}

var errBroken = errors.New("broken off by the test")

// P13: mail of the person that arrives while the erasure runs, also by another
// node that has the key in its memory, is either erased with the rest or kept
// and readable, never half.
func TestP13_MailDuringTheErasureIsNotLost(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		x := seed(t, db)
		nodes := []*DB{db}
		if db.d.postgres {
			other := opt
			other.DataDir = t.TempDir()
			nodes = append(nodes, open(t, other))
		}
		type sent struct {
			id    int64
			late  bool
			bytes []byte
		}
		var mu sync.Mutex
		var all []sent
		var tombed, stop atomic.Bool
		var wg sync.WaitGroup
		for _, node := range nodes {
			for w := range 3 {
				wg.Go(func() {
					for i := 0; !stop.Load(); i++ {
						late := tombed.Load()
						id := fmt.Sprintf("late%d.%d.%p", w, i, node)
						body := []byte("body of " + id)
						var tk tickets.Ticket
						var m tickets.Message
						c, err := node.Apply(ctx, testMail{from: annAddress, name: annName, id: id, subject: "new", raw: body, ack: true}.decide(&tk, &m))
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						all = append(all, sent{c.Messages[0].ID, late, body})
						mu.Unlock()
					}
				})
			}
		}
		start := time.Now()
		for i, step := range db.EraseSteps() {
			if _, err := db.EraseStep(ctx, x.ann, step, testMasker{}); err != nil {
				t.Errorf("%s: %v", step, err)
			}
			if i == 0 {
				tombed.Store(true)
			}
		}
		stop.Store(true)
		wg.Wait()
		t.Log("the erasure took", time.Since(start).Round(time.Millisecond))
		gone, there := 0, 0
		for _, s := range all {
			var b bytes.Buffer
			err := db.WriteRaw(ctx, s.id, &b)
			switch {
			case err == nil && bytes.Equal(b.Bytes(), s.bytes):
				there++
			case errors.Is(err, ErrGone) && !s.late && count(t, db, "SELECT COUNT(*) FROM messages WHERE id = ?", s.id) == 0:
				gone++
			default:
				t.Errorf("message %d (late %v): %v", s.id, s.late, err)
			}
		}
		t.Logf("%d mails: %d erased, %d kept", len(all), gone, there)
		if there == 0 {
			t.Error("no mail arrived during the erasure, which shows nothing")
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}
