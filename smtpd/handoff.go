package smtpd

import (
	"net"
	"sync"
)

// handoff is the listener the engine accepts from: conversations that have
// been admitted, and have had their TLS handshake.
type handoff struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

var _ net.Listener = (*handoff)(nil)

func newHandoff() *handoff {
	return &handoff{conns: make(chan net.Conn), done: make(chan struct{})}
}

// give hands a conversation to the engine, or closes it if that has stopped.
func (h *handoff) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.done:
		c.Close()
	}
}

func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

func (h *handoff) Addr() net.Addr { return engineAddr{} }

type engineAddr struct{}

func (engineAddr) Network() string { return "postroom" }
func (engineAddr) String() string  { return "engine" }
