package storage

import (
	"context"
	"errors"
	"testing"
	"time"

	"postroom/tickets"
)

func TestHeldMailIsReleasedOnce(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		db := open(t, opt)
		id := tickets.NewHeldID()
		m := func() *tickets.Message {
			return &tickets.Message{Receipt: "r", MessageID: "h@x", Direction: tickets.DirectionIn, Kind: "mail", From: "agent@x", Subject: "hush", Received: time.Now(),
				Raw: inMemory([]byte("held")), Dedupe: []byte("0123456789abcdef")}
		}
		if _, err := db.Apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) {
			return &tickets.Change{Held: []*tickets.Held{{ID: id, Org: 1, At: time.Now(), Kind: "agent", AgentID: 3, Message: m()}}}, nil
		}); err != nil {
			t.Fatal(err)
		}
		list, err := db.HeldList(ctx, "held")
		if err != nil || len(list) != 1 || list[0].Message.Subject != "hush" || list[0].State != "held" {
			t.Fatalf("held: %+v %v", list, err)
		}
		look(t, db, func(v tickets.View) error {
			hits, err := v.TicketsByMessageIDs(ctx, 1, []string{"h@x"})
			if len(hits) > 0 {
				t.Errorf("a held mail is in a ticket: %+v", hits)
			}
			k, err2 := v.KnownByDedupe(ctx, 1, []byte("0123456789abcdef"))
			if k == nil {
				t.Error("a held mail's identity is not known")
			}
			return errors.Join(err, err2)
		})
		release := func(context.Context, tickets.View) (*tickets.Change, error) {
			return &tickets.Change{Release: id, ReleaseState: "released", Messages: []*tickets.Message{m()}}, nil
		}
		if _, err := db.Apply(ctx, release); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Apply(ctx, release); !errors.Is(err, tickets.ErrGone) {
			t.Errorf("released twice: %v", err)
		}
		if n := count(t, db, "SELECT COUNT(*) FROM messages"); n != 1 {
			t.Errorf("%d messages", n)
		}
		if f := faults(t, db); len(f) > 0 {
			t.Error(f)
		}
	})
}
