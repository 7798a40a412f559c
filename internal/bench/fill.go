package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"postroom/storage"
	"postroom/threading"
	"postroom/tickets"
)

// queueAddress is where customers write.
const queueAddress = "support@desk.example"

// seedTickets is how many tickets of a desk are answered to by the load.
const seedTickets = 2000

// perTicket is how many messages a filled desk has to a ticket.
const perTicket = 2

// thread is a ticket a reply can go to.
type thread struct {
	ref, address, messageID string
}

// tokens make the secret addresses of a desk.
type tokens struct{ keys *threading.Keyring }

func (t *tokens) reply(ref string) string {
	return tickets.Addresses{Keys: t.keys}.Reply(&tickets.Queue{Address: queueAddress, ReplyDomain: "desk.example"}, ref, 1)
}

// fill puts messages in through the store's own door, as many at once as it
// takes, and keeps a sample of the tickets spread over all of them. Even an
// empty desk has the tickets that are replied to.
func (d *desk) fill(ctx context.Context, n int, out io.Writer) error {
	db, err := storage.Open(ctx, storage.Options{URL: "sqlite:", DataDir: filepath.Join(d.dir, "data"), MasterKey: d.master})
	if err != nil {
		return err
	}
	defer db.Close()
	secrets, err := db.Secrets(ctx)
	if err != nil {
		return err
	}
	d.tokens = &tokens{&threading.Keyring{Keys: secrets.Reply}}
	count := max(n/perTicket, seedTickets)
	every := max(count/seedTickets, 1)
	var next atomic.Int64
	var mu sync.Mutex
	var failed error
	began := time.Now()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			w := newWriter()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				th, err := w.ticket(ctx, db, i)
				mu.Lock()
				if err != nil {
					failed = err
				} else if i%every == 0 {
					d.threads = append(d.threads, th)
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if n > 0 && failed == nil {
		fmt.Fprintf(out, "Filled a desk with %d messages in %.0f s\n", count*perTicket, time.Since(began).Seconds())
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// ticket commits one ticket with its messages.
func (w *writer) ticket(ctx context.Context, db *storage.DB, i int) (thread, error) {
	address := "person" + strconv.Itoa(i/2) + "@" + senderDomain(i/2) // each writes about two matters
	id := fmt.Sprintf("seed%d.%d@%s", i, mrand.Uint32(), senderDomain(i/2))
	return w.matter(ctx, db, address, id, time.Now().Add(-time.Duration(mrand.IntN(720))*time.Hour), perTicket)
}

// matter commits a ticket of so many messages of one person.
func (w *writer) matter(ctx context.Context, db *storage.DB, address, id string, now time.Time, messages int) (thread, error) {
	var t *tickets.Ticket
	_, err := db.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		dir, err := v.Directory(ctx)
		if err != nil {
			return nil, err
		}
		who, err := v.PersonByAddress(ctx, tickets.DefaultOrg, address)
		if err != nil {
			return nil, err
		}
		if who == nil {
			who = &tickets.Person{Org: tickets.DefaultOrg, Address: address, Name: "Some Customer", Language: "en", Created: now}
		}
		first := w.message(id, address, who, now)
		ch := tickets.Receive(tickets.Incoming{Message: first, Sender: who, Queue: dir.QueueByAddress(queueAddress), Language: "en",
			Decision: threading.Decision{Action: threading.New, Reason: "new: nothing names a ticket"}, Import: tickets.StateOpen, Now: now})
		t = ch.Tickets[0]
		for n := 1; n < messages; n++ {
			m := w.message(fmt.Sprintf("more%d.%s", n, id), address, who, now.Add(time.Hour))
			m.Ticket = t
			ch.Messages = append(ch.Messages, m)
			ch.Events = append(ch.Events, &tickets.Event{Ticket: t, At: m.Received, Kind: "received", Actor: tickets.ActorPerson, Message: m})
		}
		return ch, nil
	})
	if err != nil {
		return thread{}, fmt.Errorf("fill: %w", err)
	}
	return thread{ref: t.Ref, address: address, messageID: id}, nil
}

func (w *writer) message(id, address string, who *tickets.Person, at time.Time) *tickets.Message {
	raw := w.mail(mailHead{from: address, to: queueAddress, id: id, subject: w.subject()})
	raw = append([]byte(nil), raw[:len(raw)-len(".\r\n")]...)
	sum := sha256.Sum256(raw)
	dedupe := make([]byte, 32)
	rand.Read(dedupe)
	return &tickets.Message{Receipt: tickets.NewReceipt(), MessageID: id, Direction: tickets.DirectionIn, Kind: "mail",
		From: address, FromName: "Some Customer", EnvelopeFrom: address, EnvelopeTo: []string{queueAddress}, To: []string{queueAddress},
		Subject: w.subject(), Text: string(raw[len(raw)/4:]), Received: at, Proof: "aligned", AuthResults: "mx.desk.example; spf=pass",
		ThreadReason: "new: nothing names a ticket", AuthorPerson: who, Dedupe: dedupe,
		Raw: tickets.Raw{Bytes: raw, Size: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])}}
}
