package outbound

import (
	"sync"
	"time"
)

// maxPerConn is how many mails go over one connection: some servers grow
// suspicious of more.
const maxPerConn = 100

// pool keeps connections for a few seconds, so that several mails to one
// destination need one greeting. A destination keeps at most per of them.
type pool struct {
	mu   sync.Mutex
	per  int
	idle time.Duration
	m    map[string][]*kept
	done bool
}

type kept struct {
	s     *session
	timer *time.Timer
}

func newPool(per int, idle time.Duration) *pool {
	return &pool{per: per, idle: idle, m: map[string][]*kept{}}
}

// take gives a kept connection, the youngest, or nil.
func (p *pool) take(key string) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.m[key]
	for len(list) > 0 {
		k := list[len(list)-1]
		list = list[:len(list)-1]
		p.set(key, list)
		if k.timer.Stop() {
			return k.s
		}
	}
	return nil
}

func (p *pool) set(key string, list []*kept) {
	if len(list) == 0 {
		delete(p.m, key)
		return
	}
	p.m[key] = list
}

// put keeps the connection, or ends it when there are enough.
func (p *pool) put(key string, s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done || len(p.m[key]) >= p.per || s.sent >= maxPerConn {
		go s.quit()
		return
	}
	k := &kept{s: s}
	k.timer = time.AfterFunc(p.idle, func() { p.drop(key, k) })
	p.m[key] = append(p.m[key], k)
}

func (p *pool) drop(key string, k *kept) {
	p.mu.Lock()
	list := p.m[key]
	for i := range list {
		if list[i] == k {
			p.set(key, append(list[:i:i], list[i+1:]...))
			break
		}
	}
	p.mu.Unlock()
	k.s.quit()
}

// close ends all that are kept.
func (p *pool) close() {
	p.mu.Lock()
	p.done = true
	var all []*session
	for _, list := range p.m {
		for _, k := range list {
			if k.timer.Stop() {
				all = append(all, k.s)
			}
		}
	}
	clear(p.m)
	p.mu.Unlock()
	var wg sync.WaitGroup
	for _, s := range all {
		wg.Go(s.quit)
	}
	wg.Wait()
}
