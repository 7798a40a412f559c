package storage

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"postroom/tickets"
)

// Twenty mails into one ticket at once: each is decided on what the one before
// has left.
func TestRepliesAtOnceAreDecidedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		ref := keep(t, db, testMail{from: "a@x.test", id: "0", subject: "s", raw: []byte("0")}).Tickets[0].Ref
		const n = 20
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				var tk tickets.Ticket
				var m tickets.Message
				mail := testMail{from: string(rune('b'+i)) + "@x.test", id: newRef() + newRef(), raw: []byte{byte(i)}, ticket: ref}
				if _, err := db.Apply(ctx, mail.decide(&tk, &m)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		look(t, db, func(v tickets.View) error {
			tk, err := v.TicketByRef(ctx, 1, ref)
			if err != nil {
				return err
			}
			seen := map[int]bool{}
			for _, p := range tk.Parties {
				seen[p.No] = true
			}
			if len(tk.Parties) != n+1 || len(seen) != n+1 || tk.Version != n+1 {
				t.Errorf("%d parties with %d numbers, version %d; want %d", len(tk.Parties), len(seen), tk.Version, n+1)
			}
			list, err := v.MessagesOf(ctx, tk.ID, 0)
			if len(list) != n+1 {
				t.Errorf("%d messages", len(list))
			}
			return err
		})
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}

// The same mail from many connections at once makes one message.
func TestR3_CopiesAtOnceMakeOneMessage(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		var made atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				var tk tickets.Ticket
				var m tickets.Message
				c, err := db.Apply(ctx, testMail{from: "a@x.test", id: "same@x.test", subject: "s", raw: []byte("same"), ack: true}.decide(&tk, &m))
				if err != nil {
					t.Error(err)
					return
				}
				if c.Duplicate == nil {
					made.Add(1)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 {
			t.Errorf("%d changes made a message", made.Load())
		}
		for _, table := range []string{"messages", "tickets", "persons", "outbox", "bodies", "events"} {
			if n := count(t, db, "SELECT COUNT(*) FROM "+table); n != 1 {
				t.Errorf("%d rows in %s", n, table)
			}
		}
	})
}

// A panic or an error of one change is its own: the others of the batch are kept.
func TestFaultOfOneChangeSparesTheOthers(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		first := keep(t, db, testMail{from: "a@x.test", id: "0", subject: "s", raw: []byte("0")})
		var wg sync.WaitGroup
		var kept atomic.Int32
		for i := range 40 {
			wg.Go(func() {
				if i%4 == 0 { // a ticket's reference that is taken, every time
					_, err := db.Apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
						return &tickets.Change{Tickets: []*tickets.Ticket{{Org: 1, Ref: first.Tickets[0].Ref, QueueID: 7, State: tickets.StateNew}}}, nil
					})
					if err == nil {
						t.Error("a reference was given twice")
					}
					return
				}
				var tk tickets.Ticket
				var m tickets.Message
				if _, err := db.Apply(ctx, testMail{from: "a@x.test", id: newRef() + newRef(), subject: "s", raw: []byte{byte(i)}}.decide(&tk, &m)); err != nil {
					t.Error(err)
					return
				}
				kept.Add(1)
			})
		}
		wg.Wait()
		if n := count(t, db, "SELECT COUNT(*) FROM messages"); n != int(kept.Load())+1 || kept.Load() != 30 {
			t.Errorf("%d messages, %d kept", n, kept.Load())
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}

// A message that was filled in by a decision that did not hold is made again,
// not taken for one that is there.
func TestDecisionMayUseTheSameMessageAgain(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		ref := keep(t, db, testMail{from: "a@x.test", id: "0", subject: "s", raw: []byte("0")}).Tickets[0].Ref
		m := &tickets.Message{Receipt: "r", MessageID: "again@x", Direction: tickets.DirectionIn, Kind: "mail", Raw: inMemory([]byte("x"))}
		times := 0
		_, err := db.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
			tk, err := v.TicketByRef(ctx, 1, ref)
			if err != nil {
				return nil, err
			}
			if times++; times == 1 { // somebody else is quicker
				keep(t, db, testMail{from: "b@x.test", id: "1", raw: []byte("1"), ticket: ref})
			}
			m.Ticket = tk
			return &tickets.Change{Tickets: []*tickets.Ticket{tk}, Messages: []*tickets.Message{m}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "SELECT COUNT(*) FROM messages"); n != 3 || times != 2 {
			t.Errorf("%d messages after %d decisions, want 3 after 2", n, times)
		}
	})
}

func TestCancelledChangeIsNotMade(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		gone, cancel := context.WithCancel(ctx)
		_, err := db.Apply(gone, func(context.Context, tickets.View) (*tickets.Change, error) {
			cancel()
			return &tickets.Change{Jobs: []*tickets.Job{{Kind: "notify"}}}, nil
		})
		if err == nil {
			t.Error("kept")
		}
		if n := count(t, db, "SELECT COUNT(*) FROM jobs"); n != 0 {
			t.Errorf("%d jobs", n)
		}
	})
}

// Two processes on one PostgreSQL lease from one outbox: no mail twice.
func TestR9_TwoNodesNeverHoldTheSameMail(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		one := open(t, opt)
		nodes := []*DB{one, one}
		if one.d.postgres {
			other := opt
			other.DataDir = t.TempDir()
			nodes[1] = open(t, other)
		}
		const n = 60
		for i := range n {
			keep(t, nodes[i%2], testMail{from: newRef() + "@x.test", id: newRef() + newRef(), subject: "s", raw: []byte{byte(i)}, ack: true, job: "notify"})
		}
		var mu sync.Mutex
		held, jobs := map[int64]int{}, map[int64]int{}
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for {
					list, err := nodes[w%2].LeaseOutbox(ctx, "w", 5, 5, time.Minute)
					if err != nil {
						t.Error(err)
					}
					work, err := nodes[w%2].LeaseJobs(ctx, "w", 5, time.Minute)
					if err != nil {
						t.Error(err)
					}
					if len(list) == 0 && len(work) == 0 {
						return
					}
					mu.Lock()
					for _, l := range list {
						held[l.ID]++
					}
					for _, j := range work {
						jobs[j.ID]++
						if j.Data["why"] != `"new"` || j.Ticket == nil || j.Message == nil {
							t.Errorf("job %+v", j)
						}
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(held) != n || len(jobs) != n {
			t.Errorf("%d mails and %d jobs were leased, want %d", len(held), len(jobs), n)
		}
		for _, m := range []map[int64]int{held, jobs} {
			for id, times := range m {
				if times != 1 {
					t.Errorf("%d was leased %d times", id, times)
				}
			}
		}
	})
}

func TestLeaseThatRanOutIsRefused(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		now := time.Now()
		var mu sync.Mutex
		opt.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		later := func(d time.Duration) { mu.Lock(); now = now.Add(d); mu.Unlock() }
		db := open(t, opt)
		c := keep(t, db, testMail{from: "a@x.test", id: "1", subject: "s", raw: []byte("1"), ack: true})
		lease := func() tickets.OutLease {
			t.Helper()
			list, err := db.LeaseOutbox(ctx, "w", 5, 5, time.Minute)
			if err != nil || len(list) != 1 {
				t.Fatalf("leased %v %v", list, err)
			}
			return list[0]
		}
		first := lease()
		if list, err := db.LeaseOutbox(ctx, "v", 5, 5, time.Minute); err != nil || len(list) != 0 {
			t.Fatalf("leased while held: %v %v", list, err)
		}
		later(2 * time.Minute)
		second := lease()
		if err := db.FinishOutbox(ctx, first, tickets.OutOutcome{State: tickets.OutSent}); err != tickets.ErrLeaseLost {
			t.Errorf("the first holder finished: %v", err)
		}
		if lost, err := db.RenewOutbox(ctx, []tickets.OutLease{first, second}, time.Minute); err != nil || len(lost) != 1 || lost[0] != first.ID {
			t.Errorf("lost %v %v", lost, err)
		}
		if err := db.FinishOutbox(ctx, second, tickets.OutOutcome{State: tickets.OutQueued, Next: now.Add(time.Hour), Attempted: true, Noticed: true,
			Reports: []*tickets.Outgoing{{Kind: tickets.OutReport, MessageID: "late@desk", To: "agent@x.test", Ticket: c.Tickets[0]}},
			Events:  []*tickets.Event{{TicketID: c.Tickets[0].ID, Kind: "failed", Actor: tickets.ActorSystem}}}); err != nil {
			t.Fatal(err)
		}
		report := lease()
		if err := db.FinishOutbox(ctx, report, tickets.OutOutcome{State: tickets.OutFailed, Status: "5.1.1", Attempted: true}); err != nil {
			t.Fatal(err)
		}
		later(2 * time.Hour)
		third := lease()
		if third.ID != first.ID || third.Attempts != 1 || !third.Noticed || third.Fence != second.Fence+1 {
			t.Errorf("third lease %+v", third)
		}
		if err := db.FinishOutbox(ctx, third, tickets.OutOutcome{State: tickets.OutSent, Attempted: true, Status: "2.0.0"}); err != nil {
			t.Fatal(err)
		}
		if err := db.RetryOutgoing(ctx, third.ID); err == nil {
			t.Error("a sent mail is tried again")
		}
		if err := db.RetryOutgoing(ctx, report.ID); err != nil {
			t.Error(err)
		}
		if err := db.DropOutgoing(ctx, report.ID); err != nil {
			t.Error(err)
		}
		if n := count(t, db, "SELECT COUNT(*) FROM outbox WHERE spec IS NOT NULL"); n != 0 {
			t.Errorf("%d mails that are done with keep their content", n)
		}
	})
}

// A flood to one destination leaves room for the others.
func TestLeaseIsFairBetweenDestinations(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		for i := range 30 {
			keep(t, db, testMail{from: newRef() + "@flood.test", id: newRef() + newRef(), subject: "s", raw: []byte{byte(i)}, ack: true})
		}
		quiet := keep(t, db, testMail{from: "one@quiet.test", id: "q", subject: "s", raw: []byte("q"), ack: true}).Outbox[0].ID
		list, err := db.LeaseOutbox(ctx, "w", 2, 2, time.Minute)
		if err != nil || len(list) != 2 || list[0].ID != quiet && list[1].ID != quiet {
			t.Errorf("leased %v, without %d: %v", list, quiet, err)
		}
	})
}
