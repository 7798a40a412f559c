package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// R9: two nodes with one database send each mail once.
func TestR9_TwoNodesSendOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := arrangements[2].start(t, w, nil)
	const servers, each = 10, 8
	var wg sync.WaitGroup
	for i := range servers {
		d := h.door()
		wg.Go(func() {
			for j := range each {
				from := fmt.Sprintf("two-%d-%d@acme.example", i, j)
				if _, err := d.send(from, support, letter(from, support, "Question", "", "Words.")); err != nil {
					t.Errorf("%s: %v", from, err)
				}
			}
		})
	}
	wg.Wait()
	h.allSent(2 * servers * each)
	h.once()
	// Both have worked; else this tries nothing.
	for _, n := range h.nodes {
		if sent := n.figure("postroom_outgoing_sent_total"); sent <= 0 {
			t.Errorf("the node at %s sent nothing", n.ip)
		}
	}
}

// takeOver is how long the mail of a node that died may wait: a lease, and a
// sweep of another node.
const takeOver = 45 * time.Second

// R9: what a node was sending when it died is sent by another one.
func TestR9_AnotherNodeTakesOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := arrangements[2].start(t, w, nil)
	var mu sync.Mutex
	holding, hold := map[string]int{}, make(chan struct{})
	released := sync.OnceFunc(func() { close(hold) })
	defer released()
	// Nobody's server answers: both nodes hold leases on what they send.
	w.faults(nil, func(_ string, to []string, _ []byte) error {
		mu.Lock()
		holding[to[0]]++
		mu.Unlock()
		<-hold
		return nil
	})
	const mails = 6
	for i := range mails {
		from := fmt.Sprintf("over-%d@acme.example", i)
		h.door().mustSend(from, support, letter(from, support, "Question", "", "Words."))
	}
	eventually(t, "all mail is written, and some is being sent", func() string {
		leased, rows := 0, h.admin().outbox()
		for _, o := range rows {
			if o.State == "leased" {
				leased++
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if len(rows) < 3*mails || leased == 0 || len(holding) == 0 {
			return fmt.Sprintf("%d rows, %d leased, at the far side %v", len(rows), leased, holding)
		}
		return ""
	})
	dead, alive := h.nodes[1], h.nodes[0]
	dead.kill()
	killed := time.Now()
	w.faults(nil, nil)
	released()
	deadline := killed.Add(takeOver)
	for {
		waiting, known := 0, 0
		for _, o := range alive.outbox() {
			known++
			if o.State != "sent" {
				waiting++
			}
		}
		if waiting == 0 && known >= 3*mails {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v after a node died %d of %d mails wait", takeOver, waiting, known)
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Logf("all was sent %v after a node died", time.Since(killed))
	// What it was sending may have come twice; nothing else, and nothing thrice.
	seen := map[string]int{}
	for _, m := range w.all() {
		seen[m.msg.MessageID]++
	}
	for _, o := range alive.outbox() {
		if n := seen[o.MessageID]; n < 1 || n > 2 || n == 2 && o.Attempts < 1 {
			t.Errorf("%d times in the world: %+v", n, o)
		}
	}
	alive.verify()
}

// allSent waits until at least so many mails are sent, and none waits.
func (h *house) allSent(least int) {
	t := h.admin().t
	t.Helper()
	eventually(t, "all is sent", func() string {
		sent, waiting := 0, 0
		for _, o := range h.admin().outbox() {
			if o.State == "sent" {
				sent++
			} else {
				waiting++
			}
		}
		if sent < least || waiting > 0 {
			return fmt.Sprintf("%d sent, %d wait", sent, waiting)
		}
		return ""
	})
}
