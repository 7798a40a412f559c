package storage

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"postroom/tickets"
)

func TestMailIsFoundAgain(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		body := []byte("Subject: Invoice\r\n\r\nplease help\r\n")
		mail := testMail{from: "Ann.Bell@Example.test", name: "Ann Bell", id: "one@example.test", subject: "Invoice", text: "please help", raw: body, ack: true, job: "notify"}
		c := keep(t, db, mail)
		tk, m := c.Tickets[0], c.Messages[0]
		if tk.ID == 0 || m.ID == 0 || m.TicketID != tk.ID || tk.Version != 1 || tk.LastInID != m.ID {
			t.Fatalf("ids: ticket %d, message %d in %d, version %d, last in %d", tk.ID, m.ID, m.TicketID, tk.Version, tk.LastInID)
		}
		look(t, db, func(v tickets.View) error {
			got, err := v.TicketByRef(ctx, 1, tk.Ref)
			if err != nil {
				return err
			}
			if got.Subject != "Invoice" || got.State != tickets.StateNew || got.ThreadIndex != tk.ThreadIndex || len(got.Parties) != 1 || got.Requester().Address != mail.from || got.Requester().Name != "Ann Bell" {
				t.Errorf("ticket: %+v", got)
			}
			gm, err := v.MessageByID(ctx, m.ID)
			if err != nil {
				return err
			}
			want := *m
			want.Ticket, want.Raw.Bytes = nil, nil
			want.Received = want.Received.UTC().Truncate(time.Microsecond)
			if gm.AuthorPerson == nil || gm.AuthorPerson.Address != mail.from {
				t.Errorf("author: %+v", gm.AuthorPerson)
			}
			same := *gm
			same.AuthorPerson = want.AuthorPerson
			if !reflect.DeepEqual(same, want) {
				t.Errorf("message:\n got %+v\nwant %+v", same, want)
			}
			hits, err := v.TicketsByMessageIDs(ctx, 1, []string{"nobody@x", "one@example.test", "ack.one@example.test", "one@example.test"})
			if err != nil {
				return err
			}
			slices.SortFunc(hits, func(a, b tickets.IDHit) int { return int(b.ID - a.ID) })
			if want := []tickets.IDHit{{MessageID: "one@example.test", TicketID: tk.ID, ID: m.ID}, {MessageID: "ack.one@example.test", TicketID: tk.ID, About: m.ID}}; !slices.Equal(hits, want) {
				t.Errorf("hits %+v, want %+v", hits, want)
			}
			if ids, err := v.TicketsByThreadIndex(ctx, 1, tk.ThreadIndex); err != nil || !slices.Equal(ids, []int64{tk.ID}) {
				t.Errorf("thread index: %v %v", ids, err)
			}
			if p, err := v.PersonByAddress(ctx, 1, "ann.bell@example.test"); err != nil || p == nil || p.Name != "Ann Bell" {
				t.Errorf("person by folded address: %+v %v", p, err)
			}
			if p, err := v.PersonByAddress(ctx, 2, mail.from); err != nil || p != nil {
				t.Errorf("person of another organisation: %+v %v", p, err)
			}
			if n, err := v.AcksSince(ctx, 1, mail.from, time.Now().Add(-time.Hour)); err != nil || n != 1 {
				t.Errorf("acks: %d %v", n, err)
			}
			if n, err := v.AcksSince(ctx, 1, mail.from, time.Now().Add(time.Hour)); err != nil || n != 0 {
				t.Errorf("acks later: %d %v", n, err)
			}
			list, err := v.TicketsIn(ctx, []int64{7, 8}, []tickets.State{tickets.StateNew, tickets.StateOpen}, 5)
			if err != nil || len(list) != 1 || list[0].ID != tk.ID {
				t.Errorf("tickets in: %v %v", list, err)
			}
			out, state, err := v.OutgoingByID(ctx, c.Outbox[0].ID)
			if err != nil || state != tickets.OutQueued || out.To != mail.from || out.Spec.Text != "we got Invoice" || out.Ticket.ID != tk.ID || out.Message.ID != m.ID || out.ToPerson.Address != mail.from {
				t.Errorf("outgoing: %+v %s %v", out, state, err)
			}
			return nil
		})
		if !bytes.Equal(raw(t, db, m.ID), body) {
			t.Error("the bytes differ")
		}
		events, err := db.TicketEvents(ctx, tk.ID)
		if err != nil || len(events) != 1 || events[0].Data["é"] != "ü\n" {
			t.Errorf("events: %+v %v", events, err)
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}

func TestSecondCopyAddsRecipientAndProof(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		mail := testMail{from: "a@x.test", id: "dup@x.test", subject: "s", raw: []byte("x")}
		c := keep(t, db, mail)
		for range 2 {
			if again := keep(t, db, mail); again.Duplicate == nil || again.Duplicate.MessageID != c.Messages[0].ID {
				t.Fatalf("not seen as a copy: %+v", again)
			}
		}
		look(t, db, func(v tickets.View) error {
			m, err := v.MessageByID(ctx, c.Messages[0].ID)
			if err == nil && (m.Proof != "aligned" || !slices.Equal(m.EnvelopeTo, []string{"support@desk.test", "more@desk.test"})) {
				t.Errorf("copy: proof %s, to %v", m.Proof, m.EnvelopeTo)
			}
			return err
		})
	})
}

func TestRepliesAndThirdPartiesJoin(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		c := keep(t, db, testMail{from: "a@x.test", name: "A", id: "1", subject: "s", raw: []byte("1")})
		ref := c.Tickets[0].Ref
		keep(t, db, testMail{from: "b@x.test", name: "B", id: "2", raw: []byte("2"), ticket: ref, text: "from b"})
		keep(t, db, testMail{from: "a@x.test", name: "A", id: "3", raw: []byte("3"), ticket: ref})
		look(t, db, func(v tickets.View) error {
			got, err := v.TicketByRef(ctx, 1, ref)
			if err != nil {
				return err
			}
			if len(got.Parties) != 2 || got.Parties[1].Person.Address != "b@x.test" || got.Version != 3 || got.State != tickets.StateOpen {
				t.Errorf("ticket: %+v", got)
			}
			list, err := v.MessagesOf(ctx, got.ID, 0)
			if err != nil {
				return err
			}
			var ids []string
			for _, m := range list {
				ids = append(ids, m.MessageID)
			}
			if !slices.Equal(ids, []string{"1", "2", "3"}) {
				t.Errorf("order %v", ids)
			}
			if last, err := v.MessagesOf(ctx, got.ID, 2); err != nil || len(last) != 2 || last[1].MessageID != "3" {
				t.Errorf("newest two: %v %v", last, err)
			}
			return nil
		})
		b := personID(t, db, "b@x.test")
		list, err := db.TicketsOfPerson(ctx, b)
		if err != nil || len(list) != 1 || list[0].Ref != ref {
			t.Errorf("tickets of b: %v %v", list, err)
		}
		// A message is wrapped for its ticket's requester and for its author.
		if n := count(t, db, "SELECT COUNT(*) FROM wraps WHERE person_id = ?", b); n != 1 {
			t.Errorf("%d keys wrapped for b, want 1", n)
		}
		if n := count(t, db, "SELECT COUNT(*) FROM lookups l JOIN persons p ON p.address = l.hash WHERE p.id = ? AND l.kind = ?", b, kindOwned); n != 1 {
			t.Errorf("%d messages lead from b, want 1", n)
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}

func personID(t testing.TB, db *DB, address string) (id int64) {
	t.Helper()
	look(t, db, func(v tickets.View) error {
		p, err := v.PersonByAddress(ctx, 1, address)
		if err == nil && p != nil {
			id = p.ID
		}
		return err
	})
	return id
}

func TestMovedMessageBelongsToTheNewRequester(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		one := keep(t, db, testMail{from: "a@x.test", id: "1", subject: "one", raw: []byte("1")})
		two := keep(t, db, testMail{from: "b@x.test", id: "2", subject: "two", raw: []byte("2")})
		move := func(id int64, to string) {
			t.Helper()
			_, err := db.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
				tk, err := v.TicketByRef(ctx, 1, to)
				return &tickets.Change{Tickets: []*tickets.Ticket{tk}, Moved: []tickets.Move{{MessageID: id, To: tk}}}, err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		id := one.Messages[0].ID
		for _, ref := range []string{two.Tickets[0].Ref, one.Tickets[0].Ref, two.Tickets[0].Ref} {
			move(id, ref)
		}
		if err := db.keys.drop(ctx, personID(t, db, "a@x.test")); err != nil {
			t.Fatal(err)
		}
		look(t, db, func(v tickets.View) error {
			m, err := v.MessageByID(ctx, id)
			if err == nil && (m.TicketID != two.Tickets[0].ID || m.MessageID != "1") {
				t.Errorf("message: %+v", m)
			}
			return err
		})
		if got := raw(t, db, id); string(got) != "1" {
			t.Errorf("bytes %q", got)
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}

func TestDestroyedKeyClosesWhatItSealed(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		c := keep(t, db, testMail{from: "a@x.test", name: "A", id: "1", subject: "one", raw: []byte("1"), ack: true})
		other := keep(t, db, testMail{from: "b@x.test", id: "2", subject: "two", raw: []byte("2")})
		if err := db.keys.drop(ctx, personID(t, db, "a@x.test")); err != nil {
			t.Fatal(err)
		}
		look(t, db, func(v tickets.View) error {
			tk, err := v.TicketByID(ctx, c.Tickets[0].ID)
			if err != nil {
				return err
			}
			m, err := v.MessageByID(ctx, c.Messages[0].ID)
			if err != nil {
				return err
			}
			out, _, err := v.OutgoingByID(ctx, c.Outbox[0].ID)
			if err != nil {
				return err
			}
			if tk.Subject != "" || tk.Requester().Name != "" || m.From != "" || m.MessageID != "" || out.To != "" || out.Spec.Text != "" {
				t.Errorf("still there: %+v %+v %+v", tk, m, out)
			}
			return nil
		})
		if err := db.WriteRaw(ctx, c.Messages[0].ID, new(bytes.Buffer)); !errors.Is(err, ErrGone) {
			t.Errorf("bytes: %v", err)
		}
		if string(raw(t, db, other.Messages[0].ID)) != "2" {
			t.Error("another person's mail suffered")
		}
	})
}

func TestLargeMessageIsStaged(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		for _, size := range []int{stageAbove - 1, stageAbove, stageAbove + 1, 2 * chunkSize, 2*chunkSize + 1, 3 * chunkSize, 1<<20 + 77} {
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(rand.IntN(40) + 'a')
			}
			st, r := stageBytes(t, db, data)
			if (r.StageID != 0) != (size > stageAbove) || r.Size != int64(size) {
				t.Fatalf("%d bytes: %+v", size, r.StageID)
			}
			c := keep(t, db, testMail{from: "a@x.test", id: newRef(), subject: "big", stage: r})
			st.Abort() // does nothing to what was adopted
			if !bytes.Equal(raw(t, db, c.Messages[0].ID), data) {
				t.Errorf("%d bytes came back otherwise", size)
			}
		}
		if n := count(t, db, "SELECT COUNT(*) FROM stages"); n != 0 {
			t.Errorf("%d stages left", n)
		}
		before := count(t, db, "SELECT COUNT(*) FROM bodies")
		st, _ := stageBytes(t, db, make([]byte, 1<<20))
		if count(t, db, "SELECT COUNT(*) FROM bodies") == before {
			t.Fatal("nothing was staged")
		}
		st.Abort()
		if n := count(t, db, "SELECT COUNT(*) FROM bodies"); n != before {
			t.Errorf("an aborted stage left %d chunks", n-before)
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}

func TestStagedLeftoversAreSwept(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		var later atomic.Int64 // the store's own sweep reads the clock, too
		begin := time.Now()
		opt.Now = func() time.Time { return begin.Add(time.Duration(later.Load())) }
		db := open(t, opt)
		stageBytes(t, db, make([]byte, 1<<20))
		db.stages = stageSet{} // as after a crash
		later.Store(int64(2 * stageAge))
		if err := db.sweepStages(ctx, false); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "SELECT COUNT(*) FROM bodies") + count(t, db, "SELECT COUNT(*) FROM stages"); n != 0 {
			t.Errorf("%d rows left", n)
		}
	})
}

func TestListsStream(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		const n = 2*page + 3
		for i := range n {
			keep(t, db, testMail{from: newRef() + "@x.test", id: newRef() + newRef(), subject: "s", raw: []byte{byte(i)}, ack: true})
		}
		seen, people, mails := 0, 0, 0
		err := errors.Join(
			db.EachTicket(ctx, TicketFilter{Queue: 7, State: tickets.StateNew}, func(tk *tickets.Ticket, list []*tickets.Message) error {
				if len(list) != 1 || list[0].TicketID != tk.ID {
					t.Errorf("ticket %s has %d messages", tk.Ref, len(list))
				}
				seen++
				return nil
			}),
			db.EachPerson(ctx, func(*tickets.Person) error { people++; return nil }),
			db.EachOutgoing(ctx, OutboxFilter{State: tickets.OutQueued}, func(r OutRow) error {
				if r.To == "" || r.Ticket == "" {
					t.Errorf("row %+v", r)
				}
				mails++
				return nil
			}))
		if err != nil || seen != n || people != n || mails != n {
			t.Errorf("%d tickets, %d people, %d mails, want %d of each: %v", seen, people, mails, n, err)
		}
	})
}

func TestChangeLogIsInCommitOrder(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		var want []int64
		for i := range 5 {
			want = append(want, keep(t, db, testMail{from: "a@x.test", id: newRef(), subject: "s", raw: []byte{byte(i)}}).Messages[0].ID)
			if i == 2 {
				if _, err := db.Changes(ctx, 0, 10); err != nil {
					t.Fatal(err)
				}
			}
		}
		var got []int64
		last := int64(0)
		for {
			list, err := db.Changes(ctx, last, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range list {
				if e.Seq <= last {
					t.Errorf("seq %d after %d", e.Seq, last)
				}
				last = e.Seq
				got = append(got, e.MessageID)
			}
			if len(list) == 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("log %v, want %v", got, want)
		}
	})
}
