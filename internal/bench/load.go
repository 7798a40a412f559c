package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// threads is what can be replied to: tickets that were there, and those that
// the run has made. Safe for concurrent use.
type threads struct {
	tokens *tokens
	seeds  []thread
	mu     sync.RWMutex
	made   []thread
}

func newThreads(d *desk) *threads { return &threads{tokens: d.tokens, seeds: d.threads} }

func (t *threads) seed(r *rand.Rand) thread { return t.seeds[r.IntN(len(t.seeds))] }

// any is half the time a ticket of this run.
func (t *threads) any(r *rand.Rand) thread {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if len(t.made) == 0 || r.IntN(2) == 0 {
		return t.seed(r)
	}
	return t.made[r.IntN(len(t.made))]
}

func (t *threads) add(made []thread) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.made = append(t.made, made...)
}

// conn is a client's end of an SMTP conversation.
type conn struct {
	c net.Conn
	r *bufio.Reader
}

const patience = time.Minute

// dial connects and greets.
func dial(addr string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	k := &conn{c: c, r: bufio.NewReaderSize(c, 1024)}
	if err := k.reply(); err != nil {
		c.Close()
		return nil, err
	}
	if err := k.say([]byte("EHLO mail.outside.example\r\n")); err != nil {
		c.Close()
		return nil, err
	}
	return k, nil
}

func (k *conn) close() { k.c.Close() }

func (k *conn) say(b []byte) error {
	if _, err := k.c.Write(b); err != nil {
		return err
	}
	return k.reply()
}

// reply reads one reply and returns an error unless it is 2yz or 3yz.
func (k *conn) reply() error {
	for {
		line, err := k.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) < 4 || line[0] > '3' {
			return fmt.Errorf("the server says %q", line)
		}
		if line[3] == ' ' {
			return nil
		}
	}
}

// send hands over one mail and says how long it took from DATA to the 250.
func (k *conn) send(cmd []byte, l letter) (time.Duration, error) {
	k.c.SetDeadline(time.Now().Add(patience))
	cmd = append(append(append(cmd[:0], "MAIL FROM:<"...), l.from...), ">\r\n"...)
	if err := k.say(cmd); err != nil {
		return 0, err
	}
	cmd = append(append(append(cmd[:0], "RCPT TO:<"...), l.to...), ">\r\n"...)
	if err := k.say(cmd); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := k.say([]byte("DATA\r\n")); err != nil {
		return 0, err
	}
	if err := k.say(l.data); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// scenario is how the mails come.
type scenario struct {
	sessions int
	fresh    bool // a connection for each mail
}

func (s scenario) String() string {
	switch {
	case s.fresh:
		return fmt.Sprintf("%d sessions, a connection a mail", s.sessions)
	case s.sessions == 1:
		return "1 session"
	}
	return fmt.Sprintf("%d sessions, kept open", s.sessions)
}

// turn is what one server did in its turn.
type turn struct {
	mails     int
	took      time.Duration
	latencies []time.Duration
	cpu       time.Duration // of the server's process; 0 where not known
}

func (t turn) rate() float64 { return float64(t.mails) / t.took.Seconds() }

// clients are the sessions of one scenario with their writers, kept from turn
// to turn: the time to make bodies is nobody's.
type clients struct {
	scenario scenario
	writers  []*writer
}

func newClients(s scenario) *clients {
	c := &clients{scenario: s}
	for range s.sessions {
		c.writers = append(c.writers, newWriter())
	}
	return c
}

// run sends for so long, from when all connections are open, to the server at
// addr with the process pid.
func (c *clients) run(addr string, pid int, t *threads, length time.Duration) (turn, error) {
	conns := make([]*conn, len(c.writers))
	for i := range conns {
		if c.scenario.fresh {
			continue
		}
		k, err := dial(addr)
		if err != nil {
			return turn{}, err
		}
		defer k.close()
		conns[i] = k
	}
	results := make([]sessionResult, len(conns))
	cpu, err := cpuOf(pid)
	if err != nil {
		return turn{}, err
	}
	began := time.Now()
	until := began.Add(length)
	var wg sync.WaitGroup
	for i, w := range c.writers {
		wg.Go(func() { results[i] = session(addr, conns[i], w, t, until) })
	}
	wg.Wait()
	out := turn{took: time.Since(began)}
	after, err := cpuOf(pid)
	if err != nil {
		return turn{}, err
	}
	out.cpu = after - cpu
	for _, r := range results {
		if r.err != nil {
			return turn{}, r.err
		}
		out.mails += len(r.latencies)
		out.latencies = append(out.latencies, r.latencies...)
		t.add(r.made)
	}
	return out, nil
}

type sessionResult struct {
	latencies []time.Duration
	made      []thread
	err       error
}

// session sends one mail after the other; without a connection, each over one
// of its own.
func session(addr string, k *conn, w *writer, t *threads, until time.Time) (r sessionResult) {
	cmd := make([]byte, 0, 256)
	fresh := k == nil
	for time.Now().Before(until) {
		l := w.next(t)
		if fresh {
			if k, r.err = dial(addr); r.err != nil {
				return r
			}
		}
		took, err := k.send(cmd, l)
		if err != nil {
			r.err = err
			return r
		}
		if fresh {
			k.say([]byte("QUIT\r\n"))
			k.close()
		}
		r.latencies = append(r.latencies, took)
		if l.fresh && len(r.made) < 200 {
			r.made = append(r.made, l.thread)
		}
	}
	return r
}
