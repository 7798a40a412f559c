package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

// apply commits one change.
func apply(t testing.TB, db *DB, decide func(v privacy.View) (*tickets.Change, error)) *tickets.Change {
	t.Helper()
	c, err := db.Apply(ctx, func(_ context.Context, v tickets.View) (*tickets.Change, error) { return decide(v.(privacy.View)) })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// desk reads with the privacy desk's rows.
func desk(t testing.TB, db *DB, fn func(v privacy.View) error) {
	t.Helper()
	look(t, db, func(v tickets.View) error { return fn(v.(privacy.View)) })
}

var day = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// ask makes a request with its ticket, a challenge and an event.
func ask(t testing.TB, db *DB, right privacy.Right, address string, token []byte) *privacy.Request {
	t.Helper()
	hash := sha256.Sum256(token)
	r := &privacy.Request{No: "P-" + newRef(), Right: right, State: privacy.Challenged, Channel: privacy.ByMail, Received: day, Due: day.AddDate(0, 1, 0),
		NextAt: day.AddDate(0, 0, 1), Address: address, Name: "Ann", Language: "en", Detail: privacy.Detail{Words: "please"}}
	apply(t, db, func(v privacy.View) (*tickets.Change, error) {
		*r = privacy.Request{No: r.No, Right: right, State: privacy.Challenged, Channel: privacy.ByMail, Received: day, Due: day.AddDate(0, 1, 0),
			NextAt: day.AddDate(0, 0, 1), Address: address, Name: "Ann", Language: "en", Detail: privacy.Detail{Words: "please"}}
		who, err := v.PersonByAddress(ctx, 1, address)
		if err != nil {
			return nil, err
		}
		if who == nil {
			who = &tickets.Person{Org: 1, Address: address, Name: "Ann"}
		}
		r.Ticket = &tickets.Ticket{Ref: newRef(), QueueID: 9, State: tickets.StateNew, Subject: "Request of " + address, Parties: []tickets.Party{{No: 1, Person: who, Role: tickets.PartyRequester}}}
		return &tickets.Change{Tickets: []*tickets.Ticket{r.Ticket},
			Also: []tickets.Extra{&privacy.Event{Request: r, Edge: "received", Actor: tickets.ActorPerson},
				&privacy.Token{Hash: hash[:], Kind: privacy.TokenProof, Request: r, Scope: []byte("scope"), Address: address, Made: day, Expires: day.AddDate(0, 0, 7)}, r},
			Outbox: []*tickets.Outgoing{{Kind: tickets.OutPrivacy, MessageID: newRef() + "@desk.test", Ticket: r.Ticket, To: address, ToPerson: who, Request: r,
				Spec: tickets.OutSpec{Template: string(privacy.MailChallenge), Args: map[string]string{"no": r.No}, Artifact: 2}}},
			Jobs: []*tickets.Job{{Kind: "privacy-tell", Ticket: r.Ticket, Request: r}}}, nil
	})
	return r
}

func TestRequestIsFoundAgain(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		token := []byte("sixteen bytes ok")
		r := ask(t, db, privacy.Access, "ann@x.test", token)
		hash := sha256.Sum256(token)
		desk(t, db, func(v privacy.View) error {
			got, err := v.RequestByNo(ctx, 1, r.No)
			if err != nil {
				return err
			}
			if got.ID != r.ID || got.TicketID != r.Ticket.ID || got.Address != "ann@x.test" || got.Detail.Words != "please" || !got.Due.Equal(r.Due) || got.Version != 1 {
				t.Errorf("request %+v", got)
			}
			for _, open := range []bool{true, false} {
				if list, err := v.RequestsOf(ctx, 1, "ANN@x.test", open); err != nil || len(list) != 1 {
					t.Errorf("requests of: %v %v", list, err)
				}
			}
			if list, err := v.RequestsOfTicket(ctx, r.TicketID); err != nil || len(list) != 1 {
				t.Errorf("of the ticket: %v %v", list, err)
			}
			tok, err := v.TokenByHash(ctx, hash[:])
			if err != nil || tok == nil || tok.Address != "ann@x.test" || tok.RequestID != r.ID || string(tok.Scope) != "scope" || !tok.Used.IsZero() {
				t.Errorf("token %+v %v", tok, err)
			}
			if n, err := v.ChallengesSince(ctx, 1, "ann@x.test", day.Add(-time.Hour)); err != nil || n != 1 {
				t.Errorf("challenges %d %v", n, err)
			}
			mails, err := v.MailsOfRequest(ctx, r.ID)
			if err != nil || len(mails) != 1 || mails[0].To != "ann@x.test" || mails[0].Template != string(privacy.MailChallenge) || mails[0].Artifact != 2 {
				t.Errorf("mails %+v %v", mails, err)
			}
			o, _, err := v.OutgoingByID(ctx, mails[0].ID)
			if err != nil || o.RequestID != r.ID || o.SealKey == 0 || o.Spec.Args["no"] != r.No {
				t.Errorf("outgoing %+v %v", o, err)
			}
			until, err := v.CoveredUntil(ctx, 1, "ann@x.test")
			if err != nil || until.Before(time.Now()) {
				t.Errorf("covered until %v %v", until, err)
			}
			if until, err := v.CoveredUntil(ctx, 1, "bob@x.test"); err != nil || !until.IsZero() {
				t.Errorf("another is covered until %v %v", until, err)
			}
			return nil
		})
		if ids, err := db.DueRequests(ctx, day, 10); err != nil || len(ids) != 0 {
			t.Errorf("due too early: %v %v", ids, err)
		}
		if ids, err := db.DueRequests(ctx, day.AddDate(0, 0, 2), 10); err != nil || !slices.Equal(ids, []int64{r.ID}) {
			t.Errorf("due: %v %v", ids, err)
		}
		if events, err := db.Events(ctx, r.ID); err != nil || len(events) != 1 || events[0].Edge != "received" {
			t.Errorf("events %+v %v", events, err)
		}
		jobs, err := db.LeaseJobs(ctx, "me", 5, time.Minute)
		if err != nil || len(jobs) != 1 || jobs[0].Data["request"] == "" {
			t.Fatalf("jobs %+v %v", jobs, err)
		}
		if err := db.ExtendJob(ctx, jobs[0].ID, time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		if err := db.ExtendJob(ctx, jobs[0].ID+1, time.Now().Add(time.Hour)); !errors.Is(err, tickets.ErrLeaseLost) {
			t.Errorf("another's lease: %v", err)
		}
		n := 0
		if err := db.Requests(ctx, 1, true, func(*privacy.Request) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("%d listed, %v", n, err)
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}

func TestTokenWorksOnce(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		token := []byte("sixteen bytes ok")
		r := ask(t, db, privacy.Erasure, "ann@x.test", token)
		hash := sha256.Sum256(token)
		use := func() (again bool) {
			apply(t, db, func(v privacy.View) (*tickets.Change, error) {
				tok, err := v.TokenByHash(ctx, hash[:])
				if err != nil {
					return nil, err
				}
				if again = !tok.Used.IsZero(); again {
					return nil, nil
				}
				got, err := v.RequestByID(ctx, r.ID)
				if err != nil {
					return nil, err
				}
				got.State = privacy.Verified
				return &tickets.Change{Also: []tickets.Extra{got, &privacy.UseToken{Hash: hash[:], At: time.Now()},
					&privacy.Event{RequestID: r.ID, Edge: "verified"}, &privacy.Event{RequestID: r.ID, Edge: "verified"}}}, nil
			})
			return again
		}
		seen := make(chan bool, 8)
		for range cap(seen) {
			go func() { seen <- use() }()
		}
		first := 0
		for range cap(seen) {
			if !<-seen {
				first++
			}
		}
		if first != 1 {
			t.Errorf("the token worked %d times", first)
		}
		if events, err := db.Events(ctx, r.ID); err != nil || len(events) != 2 {
			t.Errorf("events %+v %v", events, err)
		}
	})
}

// P8: of requests that arrive together one is opened.
func TestP8_OneOpenRequestOfARight(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		done := make(chan bool)
		for i := range 6 {
			go func() {
				defer func() { done <- true }()
				apply(t, db, func(v privacy.View) (*tickets.Change, error) {
					list, err := v.RequestsOf(ctx, 1, "ann@x.test", true)
					if err != nil || len(list) > 0 {
						return nil, err
					}
					return &tickets.Change{Also: []tickets.Extra{&privacy.Request{No: newRef() + string(rune('a'+i)), Right: privacy.Access, State: privacy.Received, Address: "ann@x.test"}}}, nil
				})
			}()
		}
		for range 6 {
			<-done
		}
		if n := count(t, db, "SELECT COUNT(*) FROM privacy_requests"); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// A settled mail makes its request due, and an older reading does not undo that.
func TestSettledMailMakesItsRequestDue(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		r := ask(t, db, privacy.Access, "ann@x.test", []byte("sixteen bytes ok"))
		leases, err := db.LeaseOutbox(ctx, "w", 1, 1, time.Minute)
		if err != nil || len(leases) != 1 {
			t.Fatal(leases, err)
		}
		if err := db.FinishOutbox(ctx, leases[0], tickets.OutOutcome{State: tickets.OutSent, Attempted: true, Status: "2.0.0"}); err != nil {
			t.Fatal(err)
		}
		desk(t, db, func(v privacy.View) error {
			got, err := v.RequestByID(ctx, r.ID)
			if err == nil && (got.NextAt.Before(time.Now().Add(-time.Minute)) || got.NextAt.After(time.Now()) || got.Version != 2) {
				t.Errorf("next at %v, version %d", got.NextAt, got.Version)
			}
			mails, err := v.MailsOfRequest(ctx, r.ID)
			if err == nil && (mails[0].State != tickets.OutSent || mails[0].Template == "") {
				t.Errorf("mail %+v", mails[0])
			}
			return err
		})
	})
}

func TestUnknownRowIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t, Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster})
	_, err := db.Apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
		return &tickets.Change{Also: []tickets.Extra{strange{}}}, nil
	})
	if err == nil {
		t.Error("a row the store does not know was taken")
	}
}

type strange struct{}

func (strange) Extra() {}

func TestConsentsAndSecondFactor(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		e := &consent.Entry{Address: "ann@x.test", Purpose: "news", Act: consent.Asked, Version: "1", WordingHash: []byte("hash"), Language: "de", Channel: "mail", Lacks: "parent", Guardian: "mum@x.test", At: day}
		apply(t, db, func(privacy.View) (*tickets.Change, error) {
			return &tickets.Change{Also: []tickets.Extra{&privacy.Token{Hash: []byte("h"), Kind: privacy.TokenAgree, Entry: e, Address: "ann@x.test"}, e}}, nil
		})
		apply(t, db, func(privacy.View) (*tickets.Change, error) {
			return &tickets.Change{Also: []tickets.Extra{&consent.Entry{Address: "ann@x.test", Purpose: "news", Act: consent.Granted, At: day.Add(time.Hour)}}}, nil
		})
		if err := db.SetSecondFactor(ctx, 1, "ann@x.test", []byte("salted")); err != nil {
			t.Fatal(err)
		}
		desk(t, db, func(v privacy.View) error {
			list, err := v.ConsentsOf(ctx, 1, "Ann@X.test")
			if err != nil || len(list) != 2 || list[0].Address != "ann@x.test" || list[0].Guardian != "mum@x.test" || list[0].Lacks != "parent" || list[1].Act != consent.Granted {
				t.Errorf("ledger %+v %v", list, err)
			}
			if got, err := v.ConsentByID(ctx, e.ID); err != nil || got == nil || string(got.WordingHash) != "hash" {
				t.Errorf("entry %+v %v", got, err)
			}
			if tok, err := v.TokenByHash(ctx, []byte("h")); err != nil || tok.Consent != e.ID || tok.Address != "ann@x.test" {
				t.Errorf("token %+v %v", tok, err)
			}
			if f, err := v.SecondFactor(ctx, 1, "ann@x.test"); err != nil || string(f) != "salted" {
				t.Errorf("factor %q %v", f, err)
			}
			return nil
		})
		n := 0
		if err := db.Consents(ctx, 1, func(*consent.Entry) error { n++; return nil }); err != nil || n != 2 {
			t.Errorf("%d lines, %v", n, err)
		}
		if err := db.SetSecondFactor(ctx, 1, "ann@x.test", nil); err != nil {
			t.Fatal(err)
		}
		if n := count(t, db, "SELECT COUNT(*) FROM factors"); n != 0 {
			t.Error("a factor that was taken back is there")
		}
	})
}

// What is restricted is hidden from all who work with it, and what comes later
// is not; the privacy queue's own ticket stays open.
func TestRestrictionHidesAndIsLifted(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		own := keep(t, db, testMail{from: "ann@x.test", id: "1", subject: "printer", text: "smoke", raw: []byte("1")})
		other := keep(t, db, testMail{from: "bob@x.test", id: "2", subject: "printer", text: "paper", raw: []byte("2")})
		guest := keep(t, db, testMail{from: "ann@x.test", id: "3", ticket: other.Tickets[0].Ref, text: "my printer", raw: []byte("3")})
		r := ask(t, db, privacy.Restriction, "ann@x.test", []byte("sixteen bytes ok"))
		set := func(on bool) {
			apply(t, db, func(privacy.View) (*tickets.Change, error) {
				return &tickets.Change{Also: []tickets.Extra{&privacy.Restrict{Addresses: []string{"ann@x.test"}, RequestID: r.ID, On: on}}}, nil
			})
		}
		seen := func() (tks, found int, earlier int) {
			desk(t, db, func(v privacy.View) error {
				list, err := v.TicketsIn(ctx, []int64{7, 9}, []tickets.State{tickets.StateNew, tickets.StateOpen}, 10)
				tks = len(list)
				if err == nil {
					var ms []*tickets.Message
					ms, err = v.MessagesOf(ctx, other.Tickets[0].ID, 0)
					earlier = len(ms)
				}
				return err
			})
			ids, err := db.Search(ctx, 1, []string{"printer"}, 10)
			if err != nil {
				t.Fatal(err)
			}
			return tks, len(ids), earlier
		}
		if a, b, c := seen(); a != 3 || b != 3 || c != 2 {
			t.Fatalf("before: %d tickets, %d found, %d earlier", a, b, c)
		}
		set(true)
		if a, b, c := seen(); a != 2 || b != 1 || c != 1 {
			t.Errorf("restricted: %d tickets, %d found, %d earlier", a, b, c)
		}
		desk(t, db, func(v privacy.View) error {
			tk, err := v.TicketByID(ctx, own.Tickets[0].ID)
			if err == nil && !tk.Restricted {
				t.Error("the ticket does not say that it is restricted")
			}
			pt, err := v.TicketByID(ctx, r.TicketID)
			if err == nil && pt.Restricted {
				t.Error("the request's own ticket is restricted")
			}
			m, err := v.MessageByID(ctx, guest.Messages[0].ID)
			if err == nil && !m.Restricted {
				t.Error("the message in another's ticket is not restricted")
			}
			return err
		})
		later := keep(t, db, testMail{from: "ann@x.test", id: "4", subject: "printer again", text: "x", raw: []byte("4")})
		if a, b, _ := seen(); a != 3 || b != 2 {
			t.Errorf("later mail: %d tickets, %d found (ticket %v)", a, b, later.Tickets[0].Restricted)
		}
		var refs []string
		if err := db.EachTicket(ctx, TicketFilter{}, func(tk *tickets.Ticket, _ []*tickets.Message) error { refs = append(refs, tk.Ref); return nil }); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(refs, own.Tickets[0].Ref) || len(refs) != 3 {
			t.Errorf("listed %v", refs)
		}
		set(false)
		if a, b, c := seen(); a != 4 || b != 4 || c != 2 {
			t.Errorf("lifted: %d tickets, %d found, %d earlier", a, b, c)
		}
	})
}

func TestRenameMovesEverything(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		c := keep(t, db, testMail{from: "ann@x.test", name: "Anne", id: "1", subject: "s", raw: []byte("1"), ack: true})
		keep(t, db, testMail{from: "bob@x.test", id: "2", subject: "s", raw: []byte("2")})
		if err := db.SetSecondFactor(ctx, 1, "ann@x.test", []byte("salted")); err != nil {
			t.Fatal(err)
		}
		apply(t, db, func(privacy.View) (*tickets.Change, error) {
			return &tickets.Change{Also: []tickets.Extra{&privacy.Rename{Address: "ann@x.test", Name: "Ann", To: "ann@new.test"}}}, nil
		})
		desk(t, db, func(v privacy.View) error {
			if p, err := v.PersonByAddress(ctx, 1, "ann@x.test"); err != nil || p != nil {
				t.Errorf("the old address leads to %+v %v", p, err)
			}
			p, err := v.PersonByAddress(ctx, 1, "ann@new.test")
			if err != nil || p == nil || p.Name != "Ann" || p.Address != "ann@new.test" {
				t.Errorf("%+v %v", p, err)
			}
			if f, err := v.SecondFactor(ctx, 1, "ann@new.test"); err != nil || string(f) != "salted" {
				t.Errorf("factor %q %v", f, err)
			}
			tk, err := v.TicketByID(ctx, c.Tickets[0].ID)
			if err == nil && tk.Requester().Address != "ann@new.test" {
				t.Errorf("requester %+v", tk.Requester())
			}
			return err
		})
		if _, err := db.Apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
			return &tickets.Change{Also: []tickets.Extra{&privacy.Rename{Address: "ann@new.test", To: "bob@x.test"}}}, nil
		}); err == nil {
			t.Error("moved to somebody else's address")
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}
