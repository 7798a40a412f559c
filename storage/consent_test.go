package storage

import (
	"testing"
	"time"

	"postroom/consent"
	"postroom/privacy"
	"postroom/tickets"
)

// A child's consent outlives the parent who confirmed it, whose address goes;
// and it follows the child to a new address.
func TestConsentOutlivesAParentAndAMove(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		const kid, mum, moved = "kid@x.test", "zqxmum@zqxdomain.test", "kid@new.test"
		entry := func(act consent.Act, at time.Duration, receipt string) *consent.Entry {
			return &consent.Entry{Org: 1, Address: kid, Purpose: "school", Act: act, Receipt: receipt, Guardian: mum, WordingHash: []byte("w"), At: day.Add(at)}
		}
		asked, pending, granted := entry(consent.Asked, 0, ""), entry(consent.Pending, time.Hour, ""), entry(consent.Granted, 2*time.Hour, "mums1")
		apply(t, db, func(privacy.View) (*tickets.Change, error) { return &tickets.Change{Also: []tickets.Extra{asked}}, nil })
		apply(t, db, func(privacy.View) (*tickets.Change, error) {
			return &tickets.Change{Also: []tickets.Extra{pending, &privacy.Token{Hash: []byte("h"), Kind: privacy.TokenAgree, Entry: pending, Address: mum}}}, nil
		})
		apply(t, db, func(privacy.View) (*tickets.Change, error) {
			return &tickets.Change{Also: []tickets.Extra{granted}}, nil
		})
		keep(t, db, testMail{from: mum, id: "mums1", subject: "yes", raw: []byte("From: " + mum + "\r\n\r\nAGREE\r\n")})

		r := ask(t, db, privacy.Erasure, mum, []byte("token"))
		eraseAll(t, db, privacy.Plan{RequestID: r.ID, Org: 1, Addresses: []string{mum}, Now: time.Now(), Ends: time.Now().AddDate(3, 0, 0)})
		desk(t, db, func(v privacy.View) error {
			list, err := v.ConsentsOf(ctx, 1, kid)
			if err != nil || len(list) != 3 || list[2].Act != consent.Granted || list[2].Receipt != "mums1" || list[2].Address != kid {
				t.Errorf("the child's lines %+v %v", list, err)
			}
			for _, e := range list {
				if e.Guardian != "" {
					t.Errorf("the parent is still named: %+v", e)
				}
			}
			return nil
		})

		keep(t, db, testMail{from: kid, id: "kid1", subject: "s", raw: []byte("1")})
		apply(t, db, func(privacy.View) (*tickets.Change, error) {
			return &tickets.Change{Also: []tickets.Extra{&privacy.Rename{Address: kid, To: moved}}}, nil
		})
		desk(t, db, func(v privacy.View) error {
			if list, err := v.ConsentsOf(ctx, 1, moved); err != nil || len(list) != 3 || list[2].Address != moved {
				t.Errorf("after the move %+v %v", list, err)
			}
			return nil
		})
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}

// A mail that names somebody beside the one it goes to is taken along by that
// person's erasure, and by the recipient's: a question to a parent names the
// child, a review the person whose consent waits.
func TestErasureTakesMailsThatNameThePerson(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		const kid, mum = "zqxkid@zqxdomain.test", "mum@x.test"
		db := open(t, opt)
		for _, gone := range []string{mum, kid} {
			keep(t, db, testMail{from: kid, id: "kid1" + gone, subject: "s", raw: []byte("1")})
			keep(t, db, testMail{from: mum, id: "mum1" + gone, subject: "s", raw: []byte("2")})
			out := func(to string, agent int64) *tickets.Outgoing {
				o := &tickets.Outgoing{Org: 1, Kind: tickets.OutPrivacy, MessageID: "m" + to, To: to, QueueID: 1, ToAgent: agent, About: []string{kid},
					Spec: tickets.OutSpec{Template: string(privacy.MailConsentAsk), Args: map[string]string{"child": kid}}}
				if agent == 0 {
					o.ToPerson = &tickets.Person{Org: 1, Address: to, Created: day}
				}
				return o
			}
			ch := apply(t, db, func(v privacy.View) (*tickets.Change, error) {
				ask, review := out(mum, 0), out("olga@team.test", 7)
				who, err := v.PersonByAddress(ctx, 1, mum)
				ask.ToPerson = who
				return &tickets.Change{Outbox: []*tickets.Outgoing{ask, review}}, err
			})
			r := ask(t, db, privacy.Erasure, gone, []byte("token"+gone))
			eraseAll(t, db, privacy.Plan{RequestID: r.ID, Org: 1, Addresses: []string{gone}, Now: time.Now(), Ends: time.Now().AddDate(3, 0, 0)})
			desk(t, db, func(v privacy.View) error {
				for i, o := range ch.Outbox {
					left, _, err := v.OutgoingByID(ctx, o.ID)
					if err != nil {
						return err
					}
					if want := gone == mum && i == 1; (left != nil) != want {
						t.Errorf("%s is erased: mail %d to %s is left: %v", gone, i, o.To, left != nil)
					}
				}
				return nil
			})
			if f := faults(t, db); len(f) > 0 {
				t.Error(f)
			}
		}
	})
}
