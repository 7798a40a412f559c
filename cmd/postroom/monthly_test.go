package main

import (
	"strings"
	"testing"
	"time"

	"postroom/storage"
	"postroom/tickets"
)

// The numbers of a month go to the data protection officer also when the
// server was down on the first, once for all nodes, and never of a month before
// the installation.
func TestMonthlyIsNotLost(t *testing.T) {
	today := time.Now().UTC()
	now := today
	d := consentDesk(t, &now)
	d.cfg.Privacy.DPO, d.cfg.Privacy.Zone = "dpo@example.org", "UTC"
	if err := ensurePrivacyQueue(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	another := *d
	last := int64(0)
	sent := func() (subjects []string) {
		for range 2 {
			for _, node := range []*desk{d, &another} {
				if err := node.mailLastMonth(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		var ids []int64
		if err := d.store.EachOutgoing(t.Context(), storage.OutboxFilter{}, func(o storage.OutRow) error {
			if o.ID > last {
				ids, last = append(ids, o.ID), o.ID
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if err := d.store.View(t.Context(), func(v tickets.View) error {
				o, _, err := v.OutgoingByID(t.Context(), id)
				if o.To != "dpo@example.org" {
					t.Errorf("to %s", o.To)
				}
				subjects = append(subjects, o.Spec.Subject)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		return subjects
	}
	if got := sent(); got != nil {
		t.Errorf("of the month before the installation: %v", got)
	}
	first := time.Date(today.Year(), today.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	if now = first.Add(time.Hour); sent() != nil {
		t.Error("at night")
	}
	// Down on the first; back on the last day of a month, whose number the month
	// before may not have.
	now = first.AddDate(0, 1, -1).Add(12 * time.Hour)
	if got := sent(); len(got) != 1 || !strings.Contains(got[0], today.Format("January 2006")) {
		t.Fatalf("sent %v", got)
	}
	// What the morning of the first sends is not sent again.
	now = first.AddDate(0, 1, 0).Add(7 * time.Hour)
	if err := d.regularMails(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := sent(); len(got) != 1 || !strings.Contains(got[0], first.Format("January 2006")) {
		t.Errorf("the next month: %v", got)
	}
	if got := sent(); got != nil {
		t.Errorf("again: %v", got)
	}
}
