package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"postroom/internal/testenv"
	"postroom/tickets"
)

// newMail builds the change of a first mail of a new customer, as the desk
// makes it: ticket, message, two events, an acknowledgement, a notify job.
func newMail(n int, raw []byte, text string) tickets.Decide {
	address := fmt.Sprintf("customer%d@example%d.test", n, n%50)
	sum := sha256.Sum256(raw)
	return func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		now := time.Now()
		id := fmt.Sprintf("m%d.%x@example.test", n, sum[:4])
		dedupe := sha256.Sum256([]byte(id))
		start := sha256.Sum256([]byte(id))
		copy(dedupe[:8], start[:])
		if _, err := v.Directory(ctx); err != nil {
			return nil, err
		}
		known, err := v.KnownByDedupe(ctx, 1, dedupe[:])
		if err != nil {
			return nil, err
		}
		if known != nil {
			return &tickets.Change{Duplicate: &tickets.Duplicate{MessageID: known.ID, Receipt: known.Receipt}}, nil
		}
		who, err := v.PersonByAddress(ctx, 1, address)
		if err != nil {
			return nil, err
		}
		if who == nil {
			who = &tickets.Person{Org: 1, Address: address, Name: "Carla Customer", Language: "en"}
		}
		if _, err := v.AcksSince(ctx, 1, address, now.Add(-24*time.Hour)); err != nil {
			return nil, err
		}
		t := &tickets.Ticket{Org: 1, Ref: fmt.Sprintf("%08X", rand.Uint64()>>16), QueueID: 7, State: tickets.StateNew, Priority: tickets.PriorityNormal,
			Subject: "Invoice 4711 is wrong", Language: "en", Created: now, Updated: now,
			Parties: []tickets.Party{{No: 1, Person: who, Role: tickets.PartyRequester, Joined: now}}}
		m := &tickets.Message{Ticket: t, Receipt: hex.EncodeToString(sum[:6]), MessageID: id, Direction: tickets.DirectionIn, Kind: "mail",
			From: address, FromName: "Carla Customer", EnvelopeFrom: address, EnvelopeTo: []string{"support@desk.test"}, To: []string{"support@desk.test"},
			Subject: "Invoice 4711 is wrong", Text: text, Received: now, Proof: "aligned", AuthResults: "desk.test; spf=pass", ThreadReason: "new: no reference",
			AuthorPerson: who, Dedupe: dedupe[:], Raw: tickets.Raw{Bytes: raw, Size: int64(len(raw)), SHA256: hex.EncodeToString(sum[:])}}
		return &tickets.Change{
			Tickets: []*tickets.Ticket{t}, Messages: []*tickets.Message{m},
			Events: []*tickets.Event{
				{Ticket: t, At: now, Kind: "created", Actor: tickets.ActorPerson, Message: m, Data: map[string]string{"queue": "support"}},
				{Ticket: t, At: now, Kind: "received", Actor: tickets.ActorPerson, Message: m},
			},
			Outbox: []*tickets.Outgoing{{Org: 1, Kind: tickets.OutAck, MessageID: orderedID(), Ticket: t, Message: m,
				To: address, ToPerson: who, QueueID: 7, Spec: tickets.OutSpec{Language: "en", Template: "ack"}}},
			Jobs: []*tickets.Job{{Kind: "notify", Ticket: t, Message: m}},
		}, nil
	}
}

// orderedID is a Message-ID that begins with its time.
func orderedID() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()>>3)<<24)
	b = binary.BigEndian.AppendUint64(b[:5], rand.Uint64())
	b = binary.BigEndian.AppendUint16(b, uint16(rand.Uint32()))
	return strings.ToLower(base32.StdEncoding.EncodeToString(b)) + "@desk.test"
}

func words(n int) []byte {
	var b bytes.Buffer
	for b.Len() < n {
		for range 10 {
			fmt.Fprintf(&b, "%s ", wordList[rand.IntN(len(wordList))])
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()[:n]
}

var wordList = func() []string {
	list := make([]string, 3000)
	for i := range list {
		w := make([]byte, 2+rand.IntN(9))
		for j := range w {
			w[j] = byte('a' + rand.IntN(26))
		}
		list[i] = string(w)
	}
	return list
}()

// BenchmarkApply keeps mails from twenty senders at once, each a new ticket of
// a new person. With POSTROOM_BENCH_STORED=n so many are kept before.
func BenchmarkApply(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchApply(b, "sqlite:") })
	b.Run("postgres", func(b *testing.B) { benchApply(b, testenv.Postgres(b)) })
}

func benchApply(b *testing.B, url string) {
	db, err := Open(b.Context(), Options{URL: url, DataDir: b.TempDir(), MasterKey: make([]byte, 32)})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	raws := make([][]byte, 64)
	for i := range raws {
		raws[i] = words(4096)
	}
	var n, until atomic.Int64
	took := make([]atomic.Int64, 10000)
	keepAll := func(count int) {
		until.Add(int64(count))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				for {
					i := n.Add(1)
					if i > until.Load() {
						n.Add(-1)
						return
					}
					raw := raws[i%int64(len(raws))]
					began := time.Now()
					st := db.Stage(context.Background())
					_, err := st.Write(raw)
					if err == nil {
						_, err = st.Finish()
					}
					if err == nil {
						_, err = db.Apply(context.Background(), newMail(int(i), raw, string(raw[:3000])))
					}
					st.Abort()
					if err != nil {
						b.Error(err)
						return
					}
					took[i%int64(len(took))].Store(int64(time.Since(began)))
				}
			})
		}
		wg.Wait()
	}
	if stored, err := strconv.Atoi(os.Getenv("POSTROOM_BENCH_STORED")); err == nil && b.N > 1 {
		const part = 50000
		for done := 0; done < stored; done += part {
			start, cpu := time.Now(), cpuTime()
			keepAll(part)
			b.Logf("%7d stored, %.0f mails/s, %.1f cpu-µs/mail", done+part, part/time.Since(start).Seconds(), float64((cpuTime()-cpu).Microseconds())/part)
		}
	}
	b.ResetTimer()
	start, cpu := time.Now(), cpuTime()
	keepAll(b.N)
	wall := time.Since(start)
	b.StopTimer()
	times := make([]int64, 0, len(took))
	for i := range took {
		times = append(times, took[i].Load())
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100])/1e6, "p99-ms")
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-µs/mail")
	b.ReportMetric(float64(b.N)/wall.Seconds(), "mails/s")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
