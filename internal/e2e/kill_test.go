package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// senders is how many mail servers hand over mail while the desk is killed.
const senders = 20

// R1: what was answered 250 before a kill -9 is there afterwards, once, and all
// that was to follow from it was sent, at most one mail twice a kill.
func TestR1_Kill9(t *testing.T) {
	if soak() {
		t.Skip("TestSoakR1_Kill9 is the long form of it")
	}
	for _, a := range []arrangement{arrangements[0], arrangements[2]} {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			killing(t, a, 6)
		})
	}
}

// R1 whole. POSTROOM_KILLS is how many, 100 unless it says otherwise.
func TestSoakR1_Kill9(t *testing.T) {
	if !soak() {
		t.Skip("long: runs with POSTROOM_SOAK=1 (make soak); TestR1_Kill9 is the short form")
	}
	kills := 100
	if s := os.Getenv("POSTROOM_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		kills = n
	}
	for _, a := range []arrangement{arrangements[0], arrangements[2]} {
		t.Run(a.name, func(t *testing.T) { killing(t, a, kills) })
	}
}

// noted is what a sender wrote down of one mail.
type noted struct {
	id, sha string
	receipt string // "" when no 250 was heard
	tries   int
}

func killing(t *testing.T, a arrangement, kills int) {
	w := newWorld(t)
	h := a.start(t, w, nil)
	// A queue and an agent for every so many mails: what one agent is told in an
	// hour is limited, and here each mail has to be told.
	queues := max(senders, kills)
	for i := range queues {
		h.admin().control("queue", "add", fmt.Sprintf("q%d", i), "--address", killQueue(i))
		h.admin().control("agent", "add", fmt.Sprintf("a%d", i), "--address", fmt.Sprintf("a%d@agents.example", i), "--queue", fmt.Sprintf("q%d", i))
	}
	for _, n := range h.nodes { // another node learns of it within a second
		eventually(t, "every node knows the queues", func() string {
			if got := len(n.control("queue", "list", "--json")); got < len(h.admin().control("queue", "list", "--json")) {
				return "not yet"
			}
			return ""
		})
	}
	var stop atomic.Bool
	ledgers := make([][]noted, senders)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() { ledgers[i] = h.keepSending(t, i, queues, &stop) })
	}
	var slowest time.Duration
	for range kills {
		n := rand.IntN(len(h.nodes))
		d := h.nodes[n]
		<-time.After(time.Duration(100+rand.IntN(600)) * time.Millisecond)
		d.kill()
		start := time.Now()
		d.serve(a.roles[n]...)
		slowest = max(slowest, time.Since(start))
	}
	stop.Store(true)
	wg.Wait()
	written := 0
	for _, ledger := range ledgers {
		written += len(ledger)
	}
	h.quietAfterKills(written)

	stored := map[string][]stored{}
	byTicket := map[string]map[string]int{} // ticket to kind to number of outgoing mails
	for _, tk := range h.admin().tickets() {
		byTicket[tk.Ref] = map[string]int{}
		for _, m := range tk.Messages {
			stored[m.MessageID] = append(stored[m.MessageID], m)
		}
	}
	mails, unanswered := 0, 0
	for _, ledger := range ledgers {
		for _, n := range ledger {
			if n.receipt == "" {
				unanswered++
				continue
			}
			mails++
			list := stored[n.id]
			if len(list) != 1 || list[0].Receipt != n.receipt || list[0].SHA256 != n.sha {
				t.Errorf("%s was kept as %s, and is there as %+v", n.id, n.receipt, list)
			}
		}
	}
	if unanswered > 0 {
		t.Errorf("%d mails were never accepted", unanswered)
	}
	if len(stored) != mails {
		t.Errorf("%d messages are there, %d mails were written", len(stored), mails)
	}
	seen := map[string]int{}
	for _, m := range w.all() {
		seen[m.msg.MessageID]++
	}
	outgoing, twice := 0, 0
	for _, o := range h.admin().outbox() {
		outgoing++
		byTicket[o.Ticket][o.Kind]++
		if o.State != "sent" {
			t.Errorf("not sent: %+v", o)
		}
		n := seen[o.MessageID]
		if n == 0 {
			t.Errorf("sent, and nobody got it: %+v", o)
		}
		twice += max(n-1, 0)
		delete(seen, o.MessageID)
	}
	for id := range seen {
		t.Errorf("the world has %s, which the outbox does not know", id)
	}
	for ref, kinds := range byTicket {
		// Acknowledgements are limited in all; the agent is told of each mail.
		if kinds["ack"] > 1 || kinds["notification"] != 1 || len(kinds) > 2 {
			t.Errorf("from ticket %s followed %v", ref, kinds)
		}
	}
	if twice > kills {
		t.Errorf("%d mails were sent twice by %d kills", twice, kills)
	}
	h.admin().verify()
	if mails < kills*senders/4 {
		t.Errorf("only %d mails in %d kills: this tries nothing", mails, kills)
	}
	t.Logf("%d mails kept, %d sent, %d of them twice, %d kills, slowest restart %v", mails, outgoing, twice, kills, slowest)
}

// keepSending hands over mail after mail, each until it is answered 250, as a
// mail server does. It starts no new one after stop.
func (h *house) keepSending(t *testing.T, i, queues int, stop *atomic.Bool) (ledger []noted) {
	var c *smtpClient
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	doors := h.doors
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	for no := 0; !stop.Load(); no++ {
		from := fmt.Sprintf("customer-%d-%d@many.example", i, no)
		to := killQueue((i + senders*no) % queues)
		raw := crlf(letter(from, to, fmt.Sprintf("Question %d of %d", no, i), "", fmt.Sprintf("This is the question %d of sender %d.", no, i)))
		n := noted{sha: sum(raw)}
		n.id = messageID(raw)
		for deadline := time.Now().Add(2 * patience); n.receipt == "" && time.Now().Before(deadline); n.tries++ {
			var err error
			if c == nil {
				if c, err = dialSMTP(doors[rand.IntN(len(doors))].mx()); err != nil {
					c = nil
					<-pace.C
					continue
				}
			}
			if n.receipt, err = c.send(from, []string{to}, raw); err != nil {
				var reply *replyError
				if errors.As(err, &reply) && reply.code >= 500 {
					t.Errorf("mail %s: %v", n.id, err)
					return append(ledger, n)
				}
				c.close()
				c = nil
			}
		}
		ledger = append(ledger, n)
		<-pace.C
	}
	return ledger
}

// quietAfterKills waits until the last notification was made and sent.
func (h *house) quietAfterKills(mails int) {
	d := h.admin()
	d.t.Helper()
	limit := patience + time.Duration(mails)*50*time.Millisecond
	within(d.t, limit, "all mail is sent", d.waiting)
	within(d.t, limit, "the agents are told of each mail", func() string {
		told := 0
		for _, o := range d.outbox() {
			if o.Kind == "notification" {
				told++
			}
		}
		if told < mails {
			return fmt.Sprintf("of %d of %d", told, mails)
		}
		return d.waiting()
	})
}

func killQueue(i int) string { return fmt.Sprintf("q%d@desk.example", i) }
