package storage

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// fillPerson keeps n mails of one person, four to a ticket, eight at a time.
func fillPerson(t testing.TB, db *DB, address string, n int) {
	t.Helper()
	body := bytes.Repeat([]byte("some words of a mail. "), 90)
	keep(t, db, testMail{from: address, name: "Somebody", id: address, subject: "subject", raw: body})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			ref := ""
			for i := range (n - 1) / 8 {
				id := fmt.Sprintf("%s.%d.%d", address, w, i)
				m := testMail{from: address, name: "Somebody", id: id, subject: "subject", text: string(body[:500]), raw: append(body[:len(body):len(body)], id...), ticket: ref}
				if i%4 == 0 {
					m.ticket, m.ack = "", true
				}
				var tk tickets.Ticket
				var made tickets.Message
				c, err := db.Apply(ctx, m.decide(&tk, &made))
				if err != nil {
					t.Error(err)
					return
				}
				ref = c.Tickets[0].Ref
			}
		})
	}
	wg.Wait()
}

// Ten thousand messages are erased within ten seconds, and how long a thousand
// take does not grow with the store.
func TestEraseIsFast(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a store")
	}
	others, many := 20000, 10000
	if s := os.Getenv("POSTROOM_ERASE_OTHERS"); s != "" { // a larger store, to measure
		others, _ = strconv.Atoi(s)
	}
	db := open(t, Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: testMaster})
	erase := func(id int64, address string) time.Duration {
		start := time.Now()
		sum := eraseAll(t, db, privacy.Plan{RequestID: id, Org: 1, Addresses: []string{address}, Now: time.Now()})
		d := time.Since(start)
		t.Logf("%d messages erased in %v", sum["messages"], d)
		return d
	}
	fillPerson(t, db, "a@x.test", 1001)
	small := erase(1, "a@x.test")
	for p := range 20 {
		fillPerson(t, db, fmt.Sprintf("other%d@x.test", p), others/20)
	}
	fillPerson(t, db, "b@x.test", 1001)
	large := erase(2, "b@x.test")
	t.Logf("ratio %.2f between a store of 1000 and one of %d", float64(large)/float64(small), others+1000)
	fillPerson(t, db, "c@x.test", many)
	if d := erase(3, "c@x.test"); d > 10*time.Second {
		t.Errorf("%d messages took %v", many, d)
	}
}
