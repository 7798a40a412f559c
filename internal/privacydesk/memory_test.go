package privacydesk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"testing"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// TestArchiveMemory: a person with thousands of messages with attachments is
// given their archive in less than 128 MiB. The long form has 10,000.
func TestArchiveMemory(t *testing.T) {
	n := 1000
	if os.Getenv("POSTROOM_SOAK") != "" {
		n = 10_000
	}
	w := newWorld(t)
	noise := make([]byte, 30<<10)
	rand.New(rand.NewSource(1)).Read(noise)
	file := hex.EncodeToString(noise)[:40<<10]
	who := &tickets.Person{Org: 1, Address: zoraAt, Name: "Zora Quastner", Language: "en", Created: w.now}
	for i := 0; i < n; i += 100 {
		w.now = w.now.Add(time.Minute)
		w.apply(func(ctx context.Context, v privacy.View) (*tickets.Change, error) {
			p, err := v.PersonByAddress(ctx, 1, zoraAt)
			if err != nil {
				return nil, err
			}
			if p == nil {
				p = who
			}
			ch := &tickets.Change{}
			var x *tickets.Ticket
			for j := range 100 {
				if j%10 == 0 {
					x = &tickets.Ticket{Org: 1, Ref: fmt.Sprintf("M%05d", i+j), QueueID: w.support.ID, State: tickets.StateOpen, Subject: "One of many", Created: w.now, Updated: w.now,
						Parties: []tickets.Party{{No: 1, Person: p, Role: tickets.PartyRequester, Joined: w.now}}}
					ch.Tickets = append(ch.Tickets, x)
				}
				raw := fmt.Appendf(nil, "From: %s\r\nSubject: One of many\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nmessage %d\r\n--b\r\nContent-Type: application/octet-stream; name=a.bin\r\n\r\n%s\r\n--b--\r\n", zoraAt, i+j, file)
				sum, dedupe := sha256.Sum256(raw), sha256.Sum256(fmt.Append(nil, "m", i+j))
				ch.Messages = append(ch.Messages, &tickets.Message{Ticket: x, Receipt: fmt.Sprintf("r%d", i+j), MessageID: fmt.Sprintf("big%d@x.example", i+j), Direction: tickets.DirectionIn, Kind: "mail", From: zoraAt,
					Subject: "One of many", Text: fmt.Sprintf("message %d", i+j), Received: w.now, AuthorPerson: p, Dedupe: dedupe[:],
					Attachments: []tickets.Attachment{{Name: "a.bin", Type: "application/octet-stream", Size: int64(len(file))}},
					Raw:         tickets.Raw{Bytes: raw, Size: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])}})
			}
			return ch, nil
		})
	}
	r := w.request(privacy.Access, zoraAt, privacy.JobArchive)
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapInuse+now.StackInuse)
			}
		}
	}()
	begun := time.Now()
	if w.work() != 1 {
		t.Error("no job")
	}
	close(stop)
	<-done
	after := w.reload(r)
	if after.Record.Counts["messages"] != n+1 || after.Record.Counts["attachments"] != n {
		t.Errorf("%v", after.Record.Counts)
	}
	t.Logf("%d messages in %d parts, %v, peak %d MiB (%d before)", n, after.Record.Parts, time.Since(begun).Round(time.Millisecond), peak>>20, before.HeapInuse>>20)
	if peak > 128<<20 {
		t.Errorf("%d MiB in use", peak>>20)
	}
}
