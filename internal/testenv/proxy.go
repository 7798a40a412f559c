package testenv

import (
	"net"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy in front of a server, which can make it slow or cut it
// off without the server's knowledge.
type Proxy struct {
	listener net.Listener
	target   string
	done     chan struct{}

	mu    sync.Mutex
	delay time.Duration
	cut   bool
	conns map[net.Conn]bool
}

// NewProxy starts a proxy to target, a host and port. It ends with t.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, done: make(chan struct{}), conns: map[net.Conn]bool{}}
	go p.accept()
	t.Cleanup(func() {
		close(p.done)
		l.Close()
		p.Cut()
	})
	return p
}

// Addr is the proxy's host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Through rewrites the URL of the target so that it leads through the proxy.
func (p *Proxy) Through(t testing.TB, target string) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = p.Addr()
	return u.String()
}

// Delay makes every answer of the server wait for d, on open connections too.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Cut closes all connections and every new one at once, until Mend.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		c.Close()
	}
}

// Mend ends a Cut.
func (p *Proxy) Mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil || !p.keep(near, far) {
			near.Close()
			if far != nil {
				far.Close()
			}
			continue
		}
		go p.pass(far, near, false)
		go p.pass(near, far, true)
	}
}

func (p *Proxy) keep(near, far net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return false
	}
	p.conns[near], p.conns[far] = true, true
	return true
}

// pass copies from src to dst until one of them ends, and then ends both.
func (p *Proxy) pass(dst, src net.Conn, slow bool) {
	defer func() {
		dst.Close()
		src.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, dst)
		delete(p.conns, src)
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if slow && n > 0 {
			p.mu.Lock()
			d := p.delay
			p.mu.Unlock()
			select {
			case <-time.After(d):
			case <-p.done:
				return
			}
		}
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
