package e2e

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"postroom/internal/testenv"
)

// What Redis may cost while it is away, and after it is back.
const (
	redisAcceptedIn = 3 * time.Second
	redisSentIn     = 10 * time.Second
	redisBackIn     = 5 * time.Second
)

// R8: where the doors wake the workers through Redis, whatever happens to it mail
// is accepted and sent all the same, once, and the nodes find it again within
// seconds of its return.
func TestR8_RedisBetweenNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	redis := testenv.RedisServer(t)
	do := func(command ...any) any { return testenv.RedisDo(t, redis.URL(), command...) }
	redis.Kill()
	h := arrangements[1].start(t, w, settings{"redis.url": quote(redis.URL())})
	h.mailFlows("Redis was never started")
	h.redisIs(0)
	start := func() {
		if err := redis.Start(); err != nil {
			t.Fatal(err)
		}
	}
	start()
	h.redisIs(1)
	for _, fault := range []struct {
		name        string
		break_, end func()
		seen        bool // the nodes have to notice
	}{
		{"killed", redis.Kill, start, true},
		{"paused", redis.Pause, redis.Resume, true},
		{"flushed", func() { do("FLUSHALL") }, func() {}, false},
		{"read-only", func() { do("REPLICAOF", "127.0.0.1", "1") }, func() { do("REPLICAOF", "NO", "ONE") }, true},
		{"full of the wrong types", func() {
			for _, key := range do("KEYS", "*").([]any) {
				do("SET", key, "something else")
			}
		}, func() { do("FLUSHALL") }, false},
	} {
		h.mailFlows("before Redis is " + fault.name)
		fault.break_()
		h.mailFlows("Redis is " + fault.name)
		if fault.seen {
			h.redisIs(0)
		}
		fault.end()
		h.redisIs(1)
	}
	h.mailFlows("at the end")
	h.admin().quiet()
	h.once()
	h.admin().verify()
}

// mailFlows hands over a few mails, and waits until an agent has been told of
// each.
func (h *house) mailFlows(when string) {
	t := h.admin().t
	t.Helper()
	var words []string
	for range 4 {
		n := letters.Add(1)
		word := fmt.Sprintf("order %d-%d", n, n*7919)
		from := fmt.Sprintf("redis-%d@acme.example", n)
		start := time.Now()
		h.door().mustSend(from, "billing@desk.example", letter(from, "billing@desk.example", "About "+word, "", "Words."))
		if took := time.Since(start); took > redisAcceptedIn {
			t.Errorf("%s: a mail was accepted after %v", when, took)
		}
		words = append(words, word)
	}
	start := time.Now()
	for _, word := range words {
		h.w.next("carl@agents.example", word)
	}
	if took := time.Since(start); took > redisSentIn {
		t.Errorf("%s: mail was sent after %v", when, took)
	}
}

// redisIs waits until every node says whether wake-ups and limits are on Redis.
func (h *house) redisIs(up float64) {
	t := h.admin().t
	t.Helper()
	start := time.Now()
	for _, n := range h.nodes {
		eventually(t, fmt.Sprintf("the figures say that Redis is up: %v", up), func() string {
			queue, limits := n.figure("postroom_queue_up"), n.figure("postroom_limits_up")
			// A node that counts nothing learns late that it could not.
			if queue != up || up == 1 && limits != up {
				return fmt.Sprintf("queue %v, limits %v", queue, limits)
			}
			return ""
		})
	}
	if took := time.Since(start); up == 1 && took > redisBackIn {
		t.Errorf("Redis was found again after %v", took)
	}
}

// once checks that every mail of the outbox came into the world once.
func (h *house) once() {
	t := h.admin().t
	t.Helper()
	seen := map[string]int{}
	for _, m := range h.w.all() {
		seen[m.msg.MessageID]++
	}
	for _, o := range h.admin().outbox() {
		if o.State != "sent" || seen[o.MessageID] != 1 {
			t.Errorf("sent %d times: %+v", seen[o.MessageID], o)
		}
		delete(seen, o.MessageID)
	}
	if len(seen) > 0 {
		t.Errorf("the outbox knows nothing of %v", seen)
	}
}

// figure is one of /metrics, summed over its labels; -1 without it.
func (d *desk) figure(name string) float64 {
	d.t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(d.url("/metrics"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	total := -1.0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 2 || f[0] != name && !strings.HasPrefix(f[0], name+"{") {
			continue
		}
		n, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			d.t.Fatal(err)
		}
		total = max(total, 0) + n
	}
	return total
}
