package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"postroom/internal/config"
	"postroom/internal/jobs"
	"postroom/internal/outbound"
	"postroom/internal/pace"
	"postroom/internal/password"
	"postroom/internal/tlspolicy"
	"postroom/privacy"
	"postroom/smtpd"
	"postroom/tickets"
)

type serveCmd struct {
	Roles []string `help:"Only these roles: mx, submission, worker, outbound; imap is accepted and has no door yet." placeholder:"ROLE"`
}

var allRoles = []string{"mx", "submission", "imap", "worker", "outbound"}

func (cmd *serveCmd) Run(ctx context.Context, c *cli, s streams) error {
	roles := allRoles
	if len(cmd.Roles) > 0 {
		roles = nil
		for _, r := range cmd.Roles {
			r = strings.ToLower(strings.TrimSpace(r))
			if !slices.Contains(allRoles, r) {
				return fmt.Errorf("there is no role %q; the roles are %s", r, strings.Join(allRoles, ", "))
			}
			roles = append(roles, r)
		}
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	tuneCollector()
	log := newLogger(cfg, s.err)
	d, err := newDesk(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer d.close()
	srv, err := newServer(ctx, d, roles)
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for range hup {
			if err := srv.certs.reload(); err != nil {
				log.Error("the certificate was not read again; the old one stays", "err", err)
				continue
			}
			log.Info("certificate read again")
		}
	}()
	return srv.run(ctx)
}

// server is all roles of one process.
type server struct {
	d       *desk
	roles   []string
	log     *slog.Logger
	certs   *certificates
	metrics *metrics
	mail    *smtpd.Server
	out     *outbound.Worker
	jobs    *jobs.Worker
	jobWake chan struct{}
	ready   atomic.Bool
	open    chan struct{} // closed when ready
	acme    *http.Server
	bound   map[string]string // role to address, once listening
}

func (s *server) has(role string) bool { return slices.Contains(s.roles, role) }

// drainTime is how long a stop waits for mail that is arriving.
const drainTime = 15 * time.Second

// How many deliveries and jobs are let through a second and processor while
// the doors are busy: some fortieth of the processor each. A delivery takes
// about two milliseconds of it, half of them for its signature.
const (
	deliveriesWhenBusy = 12
	jobsWhenBusy       = 50
)

func newServer(ctx context.Context, d *desk, roles []string) (*server, error) {
	s := &server{d: d, roles: roles, log: d.log, metrics: newMetrics(d), jobWake: make(chan struct{}, 1), open: make(chan struct{}), bound: map[string]string{}}
	d.served = true
	var err error
	if s.certs, err = newCertificates(d.cfg); err != nil {
		return nil, err
	}
	if err := ensurePrivacyQueue(ctx, d); err != nil {
		return nil, fmt.Errorf("set up the privacy queue: %w", err)
	}
	checker := password.NewChecker(d.store)
	doors := pace.NewDoors(d.now)
	s.mail = smtpd.New(s.mailConfig(), countedIntake{d.intake, doors}, authenticator{checker}, d.limit, d.log, s.metrics)
	relayPassword, err := d.cfg.RelayPassword()
	if err != nil {
		return nil, err
	}
	outCfg := outboundConfig(d.cfg, relayPassword, d.node)
	outCfg.TLS = d.roots
	s.out = outbound.New(outCfg, outbound.Parts{Outbox: outboxStore{d}, Bodies: d.store,
		Resolver: d.dns, TLSPolicy: tlspolicy.New(d.dns, policyConfig(d.cfg, s.metrics.policyResult)), Keys: d.store, Addresses: d.addr, Meter: s.metrics, Gate: doors.Gate(deliveriesWhenBusy), Consents: consentGate{d}, Privacy: d.texts, Artifacts: d.store, Log: d.log})
	var learner jobs.Learner
	if r := d.junk.Rspamd(); r != nil {
		learner = r
	}
	s.jobs = &jobs.Worker{Store: d.store, Releaser: d.intake, Learner: learner, Bodies: d.store, Limit: d.limit, Tally: d.tally, Ledger: d.store, Addr: d.addr, Name: d.node, Log: d.log, Now: d.now,
		Wake: s.jobWake, Gate: doors.Gate(jobsWhenBusy), Made: s.out.Wake, Request: requestIn, Others: d.work.Handlers()}
	return s, nil
}

// requestIn says which rights the words of a mail seem to exercise.
func requestIn(subject, text string) (rights []string, sure bool) {
	r := privacy.Recognise(subject, text)
	if r == nil {
		return nil, false
	}
	for _, x := range r.Rights {
		rights = append(rights, string(x))
	}
	if rights == nil {
		rights = []string{string(privacy.Access)} // rights without saying which
	}
	return rights, r.Sure
}

func (s *server) mailConfig() smtpd.Config {
	cfg := s.d.cfg
	exempt, _ := cfg.ExemptPrefixes() // checked with the configuration
	sc := smtpd.Config{Hostname: cfg.Hostname, TLS: s.certs.config(), AllowPlainAuth: cfg.TLS.AllowPlainAuth,
		MessageBytes: cfg.Limits.MessageBytes, Recipients: cfg.Limits.Recipients, Connections: cfg.Limits.Connections,
		ConnectionsPerNetwork: cfg.Limits.ConnectionsPerNetwork, MailsPerNetworkHour: cfg.Limits.MailsPerNetworkHour,
		MailsPerSenderHour: cfg.Limits.MailsPerSenderHour, Exempt: exempt, MinFreeBytes: cfg.Limits.MinFreeBytes,
		DiskFree: diskSeldom(cfg.Data), Pseudonym: pseudonym(s.d.secret), Places: s.d.limit}
	if cfg.Log.Addresses {
		sc.Pseudonym = func(s string) string { return s } // the limiter hashes its keys itself
	}
	if s.has("mx") {
		sc.MX = cfg.Listen.MX
	}
	if s.has("submission") {
		sc.Submission, sc.Submissions = cfg.Listen.Submission, cfg.Listen.Submissions
	}
	return sc
}

// diskSeldom asks the file system at most five times a second, however many mails come.
func diskSeldom(dir string) func() (int64, error) {
	const seldom = 200 * time.Millisecond
	var mu sync.Mutex
	var asked time.Time
	var free int64
	var err error
	return func() (int64, error) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(asked) >= seldom {
			free, err = diskFree(dir)
			asked = now
		}
		return free, err
	}
}

func diskFree(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * st.Bsize, nil
}

func outboundConfig(cfg *config.Config, relayPassword, node string) outbound.Config {
	oc := outbound.Config{Hostname: cfg.Hostname, Relay: cfg.Outbound.Relay, RelayUser: cfg.Outbound.RelayUser,
		RelayPassword: relayPassword, RelayTLS: outbound.TLSMode(cfg.Outbound.RelayTLS), MXPort: cfg.Outbound.MXPort,
		AllowPrivate: cfg.Outbound.AllowPrivate, Worker: node, Notice: outbound.Notice{Controller: cfg.Privacy.Named(), Contact: cfg.Privacy.Address},
		Summaries: cfg.Privacy.Summaries()}
	for _, r := range cfg.Outbound.Retry {
		oc.Retry = append(oc.Retry, time.Duration(r))
	}
	return oc
}

// policyConfig says how other domains' TLS policies are looked for.
func policyConfig(cfg *config.Config, count func(policy, result string)) tlspolicy.Config {
	pc := tlspolicy.Config{Port: cfg.Outbound.MXPort, Count: count}
	if !cfg.Outbound.AllowPrivate {
		pc.Allowed = outbound.Public
	}
	return pc
}

// authenticator tells smtpd what a wrong password is in its own words.
type authenticator struct{ c *password.Checker }

func (a authenticator) Authenticate(ctx context.Context, user, pass string) (int64, error) {
	id, err := a.c.Authenticate(ctx, user, pass)
	if errors.Is(err, password.ErrCredentials) {
		return 0, smtpd.ErrCredentials
	}
	return id, err
}

// run opens the doors and works until ctx ends or the store breaks. Then it
// drains: no new connections, mail that is arriving may finish.
func (s *server) run(ctx context.Context) error {
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var wg sync.WaitGroup
	spawn := func(f func()) {
		wg.Add(1)
		go func() { defer wg.Done(); f() }()
	}
	failed := make(chan error, 8)

	// Who was erased while this node was away is gone here before it serves.
	if err := s.d.store.PurgeSearch(ctx); err != nil {
		return err
	}
	control, err := listenControl(s.d.cfg)
	if err != nil {
		return err
	}
	defer control.Close()
	spawn(func() { serveControl(work, control, s.d, s.log) })

	bound, err := s.mail.Listen(ctx)
	if err != nil {
		stopWork()
		control.Close()
		return err
	}
	for _, b := range bound {
		s.bound[string(b.Role)] = b.Listener.Addr().String()
		s.log.Info("listening", "role", string(b.Role), "address", b.Listener.Addr().String())
		spawn(func() {
			if err := s.mail.Serve(work, b.Listener, b.Role); err != nil {
				failed <- fmt.Errorf("%s door: %w", b.Role, err)
			}
		})
	}
	web, err := s.serveHTTP(spawn, failed)
	if err != nil {
		stopWork()
		control.Close()
		s.mail.Shutdown(ctx)
		return err
	}
	outCtx, stopOut := context.WithCancel(work)
	defer stopOut()
	if s.has("outbound") {
		spawn(func() { s.out.Run(outCtx) })
		spawn(func() {
			s.d.queue.Consume(outCtx, "outbox", s.d.node, func(context.Context, int64) error { s.out.Wake(); return nil })
		})
	}
	if s.has("worker") {
		spawn(func() { s.jobs.Run(outCtx) })
		spawn(func() {
			s.d.queue.Consume(outCtx, "jobs", s.d.node, func(context.Context, int64) error {
				select {
				case s.jobWake <- struct{}{}:
				default:
				}
				return nil
			})
		})
	}
	spawn(func() { s.followErasures(outCtx) })
	if s.has("worker") {
		spawn(func() { s.keepLedger(outCtx) })
		monthly := *s.d
		spawn(func() { s.keepRegular(outCtx) })
		spawn(func() { s.keepMonthly(outCtx, &monthly) })
		clock := make(chan struct{}, 1)
		spawn(func() { s.d.work.Run(outCtx, clock) })
		spawn(func() {
			s.d.queue.Consume(outCtx, clockTopic, s.d.node, func(context.Context, int64) error {
				select {
				case clock <- struct{}{}:
				default:
				}
				return nil
			})
		})
	}
	if !s.has("worker") {
		spawn(func() { s.keepCount(outCtx) })
	}
	s.ready.Store(true)
	close(s.open)
	s.log.Info("ready", "hostname", s.d.cfg.Hostname, "roles", strings.Join(s.roles, ","))

	var cause error
	select {
	case <-ctx.Done():
		s.log.Info("stopping: mail that is arriving may finish")
	case cause = <-failed:
	case <-s.d.store.Fatal():
		cause = fmt.Errorf("the store is broken and takes nothing more: %w", s.d.store.Err())
	}
	s.ready.Store(false)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := s.mail.Shutdown(drain); err != nil && cause == nil {
		s.log.Warn("sessions were cut off", "err", err)
	}
	control.Close()
	stopOut()
	stopWork()
	for _, h := range []*http.Server{web, s.acme} {
		if h != nil {
			h.Shutdown(drain)
		}
	}
	wg.Wait()
	if err := s.d.tally.Flush(drain, s.d.store); err != nil {
		s.log.Warn("the last counts of the day were not kept", "err", err)
	}
	return cause
}

func (s *server) serveHTTP(spawn func(func()), failed chan<- error) (*http.Server, error) {
	if s.certs.acme != nil {
		l, err := net.Listen("tcp", ":443")
		if err != nil {
			return nil, fmt.Errorf("port 443 for ACME: %w", err)
		}
		acme := &http.Server{Handler: http.NotFoundHandler(), TLSConfig: s.certs.acmeConfig(), ReadHeaderTimeout: 5 * time.Second}
		s.acme = acme
		spawn(func() {
			if err := acme.ServeTLS(l, "", ""); err != nil && !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("acme: %w", err)
			}
		})
	}
	if s.d.cfg.Listen.HTTP == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", s.d.cfg.Listen.HTTP)
	if err != nil {
		return nil, fmt.Errorf("listen.http: %w", err)
	}
	s.bound["http"] = l.Addr().String()
	s.log.Info("listening", "role", "http", "address", l.Addr().String())
	web := newHTTP(&s.ready, s.healthy, s.metrics.registry)
	if public := s.d.cfg.Consent.PublicURL; public != "" {
		path, h := oneClick(public, s.d.withdrawByToken, s.d.limit.Allow, s.log)
		web.Handler.(*http.ServeMux).Handle(path, h)
	}
	spawn(func() {
		if err := web.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("http: %w", err)
		}
	})
	return web, nil
}

// countEvery is how often a process without a worker puts its counts away.
const countEvery = 10 * time.Second

func (s *server) keepCount(ctx context.Context) {
	tick := time.NewTicker(countEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.d.tally.Flush(ctx, s.d.store); err != nil && ctx.Err() == nil {
				s.log.Warn("the day's counts wait to be kept", "err", err)
			}
		}
	}
}

// keepLedger writes into the ledger of consents what has run out.
func (s *server) keepLedger(ctx context.Context) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		if err := s.d.expireConsents(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the ledger of consents could not be looked through", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// address is where a role listens, once the server is ready.
func (s *server) address(role string) string { return s.bound[role] }

// waitReady waits until the doors are open, or the server failed.
func (s *server) waitReady(ctx context.Context, done <-chan error) error {
	select {
	case <-s.open:
		return nil
	case err := <-done:
		if err == nil {
			err = errors.New("the server stopped before it was ready")
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// healthy asks the store for one reading.
func (s *server) healthy(ctx context.Context) error {
	if err := s.d.store.Err(); err != nil {
		return err
	}
	return s.d.store.View(ctx, func(v tickets.View) error {
		_, err := v.Directory(ctx)
		return err
	})
}
