package resolver

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	streakToProbe = 3               // unanswered questions in a row
	probeTime     = time.Second     // what a living server needs at most for the root
	downTime      = 5 * time.Second // between probes of servers that are down
)

var errDown = errors.New("the DNS servers do not answer")

// health notices that no server answers anything at all, so that mail then
// waits for the DNS once and not once for each mail.
//
// A streak of time-outs alone is no evidence: a stranger's slow zone makes
// those at will, and must not take the DNS away from everybody else. So the
// servers are asked for the root, which every living one knows.
type health struct {
	mu     sync.Mutex
	streak int
	down   bool
	next   time.Time // when down: of the next probe
}

// answered notes a sign of life.
func (h *health) answered() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streak, h.down = 0, false
}

// silent notes a question that nobody answered, and says whether to probe.
func (h *health) silent() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streak++
	return h.streak >= streakToProbe && !h.down
}

// fell notes that a probe failed.
func (h *health) fell(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down, h.next = true, now.Add(downTime)
}

// state says whether the servers are down, and whether it is time to look again.
func (h *health) state(now time.Time) (down, look bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.down, h.down && !now.Before(h.next)
}

// alive is asked before each question that has to go out.
func (c *client) alive() bool {
	down, look := c.health.state(c.cfg.Now())
	if look {
		return c.probe()
	}
	return !down
}

// probe asks every server for the root at once. Any answer will do, also a
// refusal.
func (c *client) probe() bool {
	ok, _, _ := c.flights.Do("probe", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.Background(), min(probeTime, c.cfg.Try))
		defer cancel()
		answers := make(chan bool, len(c.servers))
		for _, s := range c.servers {
			go func() {
				m := new(dns.Msg)
				m.SetQuestion(".", dns.TypeNS)
				_, err := c.send(ctx, "udp", s, m)
				answers <- err == nil || !timedOut(err)
			}()
		}
		for range c.servers {
			if <-answers {
				c.health.answered()
				return true, nil
			}
		}
		c.health.fell(c.cfg.Now())
		return false, nil
	})
	return ok.(bool)
}

func timedOut(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &ne) && ne.Timeout())
}
