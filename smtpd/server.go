package smtpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// Server serves SMTP on any number of listeners. It is made by New.
type Server struct {
	cfg     Config
	intake  Intake
	auth    Authenticator
	lim     Limiter
	log     *slog.Logger
	metrics Metrics
	guard   *guard

	engine  *smtp.Server
	handoff *handoff
	start   sync.Once
	serial  atomic.Uint64
	open    atomic.Int64 // len(fronts), for those who only want to know whether it is crowded

	// life is what sessions and Intake see; it ends when Shutdown gives up.
	life context.Context
	end  context.CancelFunc
	// taking ends when Shutdown begins.
	taking context.Context
	stop   context.CancelFunc

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	fronts    map[*front]struct{}
	networks  map[netip.Prefix]int
	gone      sync.WaitGroup
}

// New makes a server. auth may be nil where no submission role is served; lim
// nil means no rates; metrics may be nil.
func New(cfg Config, intake Intake, auth Authenticator, lim Limiter, log *slog.Logger, metrics Metrics) *Server {
	cfg = cfg.withDefaults()
	if metrics == nil {
		metrics = noMetrics{}
	}
	s := &Server{
		cfg: cfg, intake: intake, auth: auth, lim: lim, log: log, metrics: metrics,
		listeners: make(map[net.Listener]struct{}),
		fronts:    make(map[*front]struct{}),
		networks:  make(map[netip.Prefix]int),
		handoff:   newHandoff(),
	}
	s.guard = newGuard(lim, cfg.Places, cfg.Now, cfg.Pseudonym)
	s.life, s.end = context.WithCancel(context.Background())
	s.taking, s.stop = context.WithCancel(s.life)
	s.engine = newEngine(cfg, log)
	return s
}

// newEngine sets go-smtp up to parse and to keep order, and to leave limits,
// deadlines, TLS and capabilities to the front.
func newEngine(cfg Config, log *slog.Logger) *smtp.Server {
	e := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		conv, ok := c.Conn().(*conversation)
		if !ok {
			return nil, errors.New("not a conversation")
		}
		return &session{f: conv.f}, nil
	}))
	e.Domain = cfg.Hostname
	e.MaxLineLength = maxAuthLine + 2
	e.AllowInsecureAuth = true // offerAuth decides
	e.EnableSMTPUTF8 = true
	e.EnableDSN = true
	e.ErrorLog = engineLog{log}
	return e
}

// Bound is a listener with what it is for.
type Bound struct {
	Role     Role
	Listener net.Listener
}

// Listen opens the addresses of the configuration, all of them or none.
func (s *Server) Listen(ctx context.Context) ([]Bound, error) {
	var bound []Bound
	var lc net.ListenConfig
	for _, b := range []struct {
		role Role
		addr string
	}{{RoleMX, s.cfg.MX}, {RoleSubmission, s.cfg.Submission}, {RoleSubmissions, s.cfg.Submissions}} {
		if b.addr == "" {
			continue
		}
		l, err := lc.Listen(ctx, "tcp", b.addr)
		if err != nil {
			for _, open := range bound {
				open.Listener.Close()
			}
			return nil, fmt.Errorf("listen for %s on %s: %w", b.role, b.addr, err)
		}
		bound = append(bound, Bound{b.role, l})
	}
	return bound, nil
}

// Serve takes connections from l until ctx is done or Shutdown is called, and
// closes it. Sessions live on until Shutdown. It returns nil when it was asked to stop.
func (s *Server) Serve(ctx context.Context, l net.Listener, role Role) error {
	defer l.Close()
	if role == RoleSubmissions && s.cfg.TLS == nil {
		return errors.New("smtpd: submissions needs a TLS configuration")
	}
	if role != RoleMX && s.auth == nil {
		return fmt.Errorf("smtpd: %s needs an authenticator", role)
	}
	if !s.register(l) {
		return nil
	}
	defer s.unregister(l)
	defer context.AfterFunc(ctx, func() { l.Close() })()
	s.start.Do(func() { go s.engine.Serve(s.handoff) })
	return s.accept(ctx, l, role)
}

func (s *Server) accept(ctx context.Context, l net.Listener, role Role) error {
	pause := time.Duration(0)
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.welcome(c, role)
		case ctx.Err() != nil || s.isDraining():
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("smtpd: accept: %w", err)
		default: // out of file descriptors and the like: it passes
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("smtp accept failed", "role", string(role), "cause", field(err.Error()))
			if sleep(ctx, pause) != nil {
				return nil
			}
		}
	}
}

// welcome begins a session or turns the connection away; it never waits for
// the other side.
func (s *Server) welcome(c net.Conn, role Role) {
	f := newFront(s, c, role)
	if why := s.admit(f); why != "" {
		s.metrics.Turned(role, why)
		f.log.Debug("turned away", "why", why)
		if role != RoleSubmissions { // there, the client would take our words for TLS
			c.SetWriteDeadline(time.Now().Add(time.Second))
			c.Write([]byte("421 4.7.0 " + s.cfg.Hostname + " too many connections, please try again later\r\n"))
		}
		c.Close()
		return
	}
	s.metrics.Session(role, +1)
	go func() {
		defer f.survive("begin")
		if f.begin() {
			s.handoff.give(&conversation{f: f})
		} else {
			f.shut()
		}
	}()
}

// admit counts a connection in, or says why not.
func (s *Server) admit(f *front) (why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isDraining() {
		return "all"
	}
	if !f.exempt {
		room := s.cfg.Connections
		if f.role != RoleMX {
			room += room/10 + 1 // agents get in when strangers fill the house
		}
		if s.cfg.Connections > 0 && len(s.fronts) >= room {
			return "all"
		}
		if s.cfg.ConnectionsPerNetwork > 0 && s.networks[f.network] >= s.cfg.ConnectionsPerNetwork {
			return "network"
		}
	}
	s.fronts[f] = struct{}{}
	s.networks[f.network]++
	s.open.Add(1)
	s.gone.Add(1)
	return ""
}

// crowded says that nearly all connections are taken.
func (s *Server) crowded() bool {
	if s.cfg.Connections == 0 {
		return false
	}
	return int(s.open.Load()) >= s.cfg.Connections-s.cfg.Connections/5
}

func (s *Server) leave(f *front) {
	s.mu.Lock()
	delete(s.fronts, f)
	s.open.Add(-1)
	if s.networks[f.network]--; s.networks[f.network] == 0 {
		delete(s.networks, f.network)
	}
	s.mu.Unlock()
	s.metrics.Session(f.role, -1)
	s.gone.Done()
}

func (s *Server) register(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isDraining() {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) unregister(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isDraining() bool { return s.taking.Err() != nil }

// Shutdown stops accepting, tells idle sessions 421, lets data that is on its
// way arrive (Timeouts.Drain at most) and be answered, and returns when all
// sessions have ended. When ctx is done first, the rest is cut off and the
// error is ctx's.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stop()
	for l := range s.listeners {
		l.Close()
	}
	fronts := make([]*front, 0, len(s.fronts))
	for f := range s.fronts {
		fronts = append(fronts, f)
	}
	s.mu.Unlock()
	for _, f := range fronts {
		f.drain()
	}
	all := make(chan struct{})
	go func() { s.gone.Wait(); close(all) }()
	var err error
	select {
	case <-all:
	case <-ctx.Done():
		err = ctx.Err()
		for _, f := range fronts {
			f.kill()
		}
	}
	s.end()
	s.handoff.Close()
	return err
}

// survive ends the session in which its goroutine panicked, and no other.
func (f *front) survive(where string) {
	if p := recover(); p != nil {
		f.logPanic(where, p)
		f.kill()
		f.shut()
	}
}

func (f *front) logPanic(where string, p any) {
	f.log.Error("panic in a session", "where", where, "value", field(fmt.Sprint(p)),
		"stack", string(debug.Stack()))
}

func (s *Server) nextID() string { return "s" + strconv.FormatUint(s.serial.Add(1), 36) }
