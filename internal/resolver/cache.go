package resolver

import (
	"encoding/hex"
	"sync"
	"time"
)

type question struct {
	name  string
	qtype uint16
}

type entry struct {
	answer Answer
	err    error
	until  time.Time
	size   int
}

// cache is bounded in entries and in bytes. When it is full it drops what has
// run out, else whatever the map's random order brings: an attacker who fills
// it gains only the cost of asking again.
type cache struct {
	mu         sync.Mutex
	entries    map[question]entry
	bytes      int
	maxEntries int
	maxBytes   int
}

func newCache(maxEntries, maxBytes int) *cache {
	return &cache{entries: make(map[question]entry), maxEntries: maxEntries, maxBytes: maxBytes}
}

func (c *cache) get(q question, now time.Time) (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[q]
	if !ok {
		return entry{}, false
	}
	if !now.Before(e.until) {
		c.drop(q, e)
		return entry{}, false
	}
	return e, true
}

func (c *cache) put(q question, e entry, now time.Time) {
	e.size += len(q.name) + 256 // the map's and the records' own weight, roughly
	if e.size > c.maxBytes/16 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.entries[q]; ok {
		c.drop(q, old)
	}
	for len(c.entries) >= c.maxEntries || c.bytes+e.size > c.maxBytes {
		c.evict(now)
	}
	c.entries[q] = e
	c.bytes += e.size
}

// evict makes room: of a few entries met at random the expired ones, or else
// the last one met.
func (c *cache) evict(now time.Time) {
	const look = 8
	seen, dropped := 0, false
	for q, e := range c.entries {
		seen++
		if !now.Before(e.until) || (seen == look && !dropped) || len(c.entries) == 1 {
			c.drop(q, e)
			dropped = true
		}
		if seen >= look && dropped {
			return
		}
	}
	if dropped {
		return
	}
	for q, e := range c.entries { // fewer entries than we looked at
		c.drop(q, e)
		return
	}
}

func (c *cache) drop(q question, e entry) {
	delete(c.entries, q)
	c.bytes -= e.size
}

func (c *cache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

func hexBytes(s string) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil && len(b) > 0
}
