package storage

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"postroom/tickets"
)

// Answers are leased before any number of older mails, and notifications only
// as many as there is room for.
func TestAnswersAreLeasedFirst(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, opt Options) {
		now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		opt.Now = func() time.Time { return now }
		db := open(t, opt)
		m := keep(t, db, testMail{from: "ann@x.test", id: "1@x.test", subject: "s", raw: []byte("x")})
		add := func(kinds ...tickets.OutKind) {
			t.Helper()
			ch := &tickets.Change{}
			for _, k := range kinds {
				ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Org: 1, Kind: k, MessageID: newRef() + "@x.test", Ticket: m.Tickets[0], To: "a@" + string(k) + ".test", QueueID: 1})
			}
			if _, err := db.Apply(ctx, func(context.Context, tickets.View) (*tickets.Change, error) { return ch, nil }); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Second)
		}
		for range 100 {
			add(tickets.OutNotification, tickets.OutNotification)
		}
		add(tickets.OutAck, tickets.OutReceipt)
		add(tickets.OutAnswer)
		add(tickets.OutPrivacy)
		add(tickets.OutAnswer)
		for _, want := range []struct {
			n, many int
			kinds   string
		}{{1, 1, "answer"}, {3, 0, "answer privacy ack"}, {8, 2, "receipt notification notification"}, {8, 0, ""}, {2, 2, "notification notification"}} {
			list, err := db.LeaseOutbox(ctx, "w", want.n, want.many, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range list {
				if got = append(got, string(l.Kind)); l.Lane != db.hash.domain(1, string(l.Kind)+".test") {
					t.Errorf("lane of a %s is %d", l.Kind, l.Lane)
				}
			}
			if s := strings.Join(got, " "); s != want.kinds {
				t.Errorf("%d with %d many-fold: %q, want %q", want.n, want.many, s, want.kinds)
			}
		}
		for _, k := range []tickets.OutKind{tickets.OutAck, tickets.OutNotification, tickets.OutAnswer, tickets.OutReceipt, tickets.OutReport, tickets.OutPrivacy, tickets.OutNews, tickets.OutSurvey} {
			if strings.Contains(firstDue, "'"+string(k)+"'") != k.ManyFold() {
				t.Errorf("the index and the domain differ about %s", k)
			}
		}
		if !db.d.postgres {
			for _, q := range []string{"SELECT 1 FROM outbox WHERE " + firstDue + " LIMIT 1", fmt.Sprintf(leaseFirst, "")} {
				if plan := explain(t, db, q); !strings.Contains(plan, "outbox_first") {
					t.Errorf("%s\nreads every mail: %s", q, plan)
				}
			}
		}
	})
}

// explain is how SQLite would carry a statement out, while nothing is written.
func explain(t *testing.T, db *DB, text string) string {
	t.Helper()
	args := make([]any, strings.Count(text, "?"))
	for i := range args {
		args[i] = 1
	}
	rows, err := db.writer.conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "; ")
	}
	return plan.String()
}
