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
