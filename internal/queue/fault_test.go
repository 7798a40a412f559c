package queue

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postroom/internal/testenv"
)

const (
	promptly = 100 * time.Millisecond // Publish, whatever Redis does
	back     = 5 * time.Second        // from Redis's return to wake-ups on every node
)

// fault is a way for Redis to be unwell, and its end.
type fault struct {
	begin, end func(t *testing.T, s *testenv.Server, p *testenv.Proxy)
}

var faults = map[string]fault{
	"killed": {
		func(_ *testing.T, s *testenv.Server, _ *testenv.Proxy) { s.Kill() },
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
		},
	},
	"stopped": {
		func(_ *testing.T, s *testenv.Server, _ *testenv.Proxy) { s.Pause() },
		func(_ *testing.T, s *testenv.Server, _ *testenv.Proxy) { s.Resume() },
	},
	"slow": {
		func(_ *testing.T, _ *testenv.Server, p *testenv.Proxy) { p.Delay(2 * time.Second) },
		func(_ *testing.T, _ *testenv.Server, p *testenv.Proxy) { p.Delay(0) },
	},
	"cut off": {
		func(_ *testing.T, _ *testenv.Server, p *testenv.Proxy) { p.Cut() },
		func(_ *testing.T, _ *testenv.Server, p *testenv.Proxy) { p.Mend() },
	},
	"wrong type": {
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "SET", "postroom:queue:outbox", "not a stream")
		},
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "DEL", "postroom:queue:outbox")
		},
	},
	"read only": {
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "REPLICAOF", "127.0.0.1", "1")
		},
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "REPLICAOF", "NO", "ONE")
		},
	},
	"out of memory": {
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "CONFIG", "SET", "maxmemory", "1")
		},
		func(t *testing.T, s *testenv.Server, _ *testenv.Proxy) {
			testenv.RedisDo(t, s.URL(), "CONFIG", "SET", "maxmemory", "0")
		},
	},
}

// R8: Redis fails under load and comes back. The publisher never waits, local
// workers get every id published meanwhile, and five seconds after its return
// wake-ups reach the other node again.
func TestR8_RedisUnwell(t *testing.T) {
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testenv.RedisServer(t)
			p := testenv.NewProxy(t, s.Addr())
			cfg := Config{URL: p.Through(t, s.URL())}
			a, b := open(t, cfg), open(t, cfg)
			onA := consume(t, a, "outbox", nil)
			crosses(t, a, b)

			load := publishSteadily(t, a, "outbox")
			f.begin(t, s, p)
			eventually(t, "the fault is noticed", func() bool { return a.Healthy() != nil })
			publish(t, a, "outbox", 1, 2, 3)
			onA.waitFor(1, 2, 3)
			first := load.next()
			eventually(t, "fifty more were published", func() bool { return load.next() > first+50 })
			last := load.next()
			for id := first; id < last; id++ {
				onA.waitFor(id)
			}

			f.end(t, s, p)
			within(t, back, "redis is used again", func() bool { return a.Healthy() == nil && b.Healthy() == nil })
			crosses(t, a, b)
			// One in a hundred may have met a busy machine, none waited for Redis.
			took := load.stop()
			slices.Sort(took)
			if p99 := took[len(took)*99/100]; p99 > promptly {
				t.Errorf("of %d calls of Publish 1 %% took over %v, the limit is %v", len(took), p99, promptly)
			}
			if worst := took[len(took)-1]; worst > time.Second {
				t.Errorf("a Publish took %v", worst)
			}
		})
	}
}

func TestR8_RedisAbsentAtStart(t *testing.T) {
	s := testenv.RedisServer(t)
	s.Kill()
	a, b := open(t, Config{URL: s.URL()}), open(t, Config{URL: s.URL()})
	if a.Healthy() == nil {
		t.Error("healthy without Redis")
	}
	w := consume(t, a, "outbox", nil)
	publish(t, a, "outbox", 1, 2)
	w.waitFor(1, 2)
	publish(t, b, "elsewhere", 3) // no worker on this node: kept for the others

	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, back, "redis is used", func() bool { return a.Healthy() == nil && b.Healthy() == nil })
	consume(t, a, "elsewhere", nil).waitFor(3)
	crosses(t, a, b)
}

func TestR8_RedisFlushed(t *testing.T) {
	s := testenv.RedisServer(t)
	a, b := open(t, Config{URL: s.URL()}), open(t, Config{URL: s.URL()})
	w := consume(t, b, "outbox", nil)
	publish(t, a, "outbox", 1)
	w.waitFor(1)
	testenv.RedisDo(t, s.URL(), "FLUSHALL")
	publish(t, a, "outbox", 2)
	within(t, back, "an id published after the flush arrives", func() bool {
		for _, id := range w.seen() {
			if id == 2 {
				return true
			}
		}
		return false
	})
	crosses(t, a, b)
}

func TestDeadWorkersJobsAreClaimed(t *testing.T) {
	s := testenv.RedisServer(t)
	a := open(t, Config{URL: s.URL(), ClaimAfter: 300 * time.Millisecond})
	publish(t, a, "outbox", 1, 2, 3)
	eventually(t, "sent", func() bool {
		n, ok := testenv.RedisDo(t, s.URL(), "EXISTS", "postroom:queue:outbox").(int64)
		return ok && n == 1
	})
	testenv.RedisDo(t, s.URL(), "XGROUP", "CREATE", "postroom:queue:outbox", group, "0")
	// A node that takes all three and is never heard of again.
	testenv.RedisDo(t, s.URL(), "XREADGROUP", "GROUP", group, "dead", "STREAMS", "postroom:queue:outbox", ">")

	w := consume(t, a, "outbox", nil)
	w.waitFor(1, 2, 3)
	eventually(t, "nothing is left in Redis", func() bool {
		return testenv.RedisDo(t, s.URL(), "XLEN", "postroom:queue:outbox") == int64(0)
	})
}

// A slow job is not taken for a dead worker's.
func TestJobInHandIsNotClaimed(t *testing.T) {
	s := testenv.RedisServer(t)
	cfg := Config{URL: s.URL(), ClaimAfter: 600 * time.Millisecond}
	a, b := open(t, cfg), open(t, cfg)
	begun, end := make(chan int64, 10), make(chan bool)
	slow := func(_ context.Context, id int64) error {
		begun <- id
		<-end
		return nil
	}
	consume(t, a, "outbox", slow)
	consume(t, b, "outbox", slow)
	publish(t, a, "outbox", 1)
	receive(t, begun)
	select {
	case <-begun:
		t.Error("handed out again while in hand")
	case <-time.After(3 * cfg.ClaimAfter):
	}
	close(end)
}

// Only ids are in Redis: nothing else is ever written, whatever is published.
func TestNothingButIdsInRedis(t *testing.T) {
	s := testenv.RedisServer(t)
	a := open(t, Config{URL: s.URL()})
	publish(t, a, "outbox", 42)
	eventually(t, "sent", func() bool {
		return testenv.RedisDo(t, s.URL(), "EXISTS", "postroom:queue:outbox") == int64(1)
	})
	entries := testenv.RedisDo(t, s.URL(), "XRANGE", "postroom:queue:outbox", "-", "+").([]any)
	fields := entries[0].([]any)[1].([]any)
	if len(entries) != 1 || len(fields) != 2 || fields[0] != "id" || fields[1] != "42" {
		t.Errorf("the stream holds %v", entries)
	}
}

// go-redis logs every failed dial to standard error unless told not to.
func TestAbsentRedisIsNoNoise(t *testing.T) {
	const inner = "POSTROOM_TEST_NOISE"
	if os.Getenv(inner) != "" {
		q := open(t, Config{URL: "redis://127.0.0.1:1/0"})
		w := consume(t, q, "outbox", nil)
		publish(t, q, "outbox", 1)
		w.waitFor(1)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inner+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "PASS" {
		t.Errorf("%v, output: %s", err, out)
	}
}

// crosses checks that a wake-up and a broadcast get from a to b.
func crosses(t *testing.T, a, b Queue) {
	t.Helper()
	begin := time.Now()
	topic := "cross-" + t.Name()
	w := newWorker(t)
	stop := w.start(b, topic, nil)
	publish(t, a, topic, 1)
	w.waitFor(1)
	stop()
	bell, silence := b.Subscribe(topic)
	defer silence()
	eventually(t, "a bell rings on the other node", func() bool {
		if err := a.Broadcast(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		select {
		case <-bell:
			return true
		default:
			return false
		}
	})
	if d := time.Since(begin); d > back {
		t.Errorf("it took %v to reach the other node, the limit is %v", d, back)
	}
}

// load publishes an id every millisecond and notes how long each took.
type load struct {
	at   atomic.Int64
	quit chan bool
	took chan []time.Duration
}

func publishSteadily(t *testing.T, q Queue, topic string) *load {
	l := &load{quit: make(chan bool), took: make(chan []time.Duration, 1)}
	l.at.Store(1000)
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		var took []time.Duration
		for {
			select {
			case <-tick.C:
			case <-l.quit:
				l.took <- took
				return
			}
			begin := time.Now()
			if err := q.Publish(t.Context(), topic, l.at.Load()); err != nil {
				t.Errorf("Publish: %v", err)
			}
			took = append(took, time.Since(begin))
			l.at.Add(1)
		}
	}()
	return l
}

func (l *load) next() int64 { return l.at.Load() }

func (l *load) stop() []time.Duration {
	close(l.quit)
	return <-l.took
}
