// Package outbound is the outbox's worker: it takes the mails that a change
// has caused, composes, signs and hands them over, tries again when the far
// side cannot take them yet, and tells the team when it never will.
//
// What always holds: a mail is a row in the store before this package knows of
// it, and it is marked as sent only after a 250 of the next hop. In between
// anything may crash: the row's lease runs out and another worker takes it, so
// a mail is handed over at least once, each time under the same Message-ID. A
// holder whose lease was lost is refused by its fence and hands nothing over.
// Each destination has a lane of its own, so that one that hangs delays no
// other. Nothing of a mail is written to a disk: it is composed into memory
// when small and composed twice when large, once for the signature and once
// for the wire, byte for byte the same.
//
// When the store is away nothing is leased and what was handed over is marked
// again and again until the lease ends. When the resolver or the far side is
// away the row is put off: see [Schedule]. What cannot be delivered for good
// becomes an event and a mail to the agents; a failure of such a mail is never
// reported again, so that nothing loops.
package outbound

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"postroom/internal/tlspolicy"
	"postroom/tickets"
)

// Row is one leased row of the outbox.
type Row = tickets.OutLease

// Job is what a row says, opened.
type Job struct {
	Out       *tickets.Outgoing
	Directory *tickets.Directory
	Earlier   []*tickets.Message // what came before Out.Message in its ticket, oldest first; for notifications
}

// Outbox is the store's side. Times of leases are the store's own.
type Outbox interface {
	// Lease takes up to n rows that are due and not leased to anybody alive,
	// by the rank of their kinds and then the oldest due first, for d; at most
	// many of them are of many-fold kinds. It is called every second: finding
	// nothing must cost no write.
	Lease(ctx context.Context, worker string, n, many int, d time.Duration) ([]Row, error)
	// Renew prolongs leases to d from now and returns the ids of those lost.
	Renew(ctx context.Context, rows []Row, d time.Duration) (lost []int64, err error)
	// Load opens a row. It returns nil and no error for one that is gone.
	Load(ctx context.Context, id int64) (*Job, error)
	// Finish ends the lease with what came of it, all in one transaction. It
	// returns tickets.ErrLeaseLost when the fence is no longer the row's.
	Finish(ctx context.Context, row Row, o tickets.OutOutcome) error
}

// Reclaimer is an Outbox that can end at once the leases of an earlier process
// of this worker's name, which is known to be dead. Without it they run out.
type Reclaimer interface {
	Reclaim(ctx context.Context, worker string) error
}

// Bodies gives the bytes of stored messages.
type Bodies interface {
	WriteRaw(ctx context.Context, messageID int64, w io.Writer) error
}

// Outcome is what came of a lease, with the result it came from.
type Outcome struct {
	tickets.OutOutcome
	Result Result
}

// Resolver is what delivery asks of the DNS. Errors are *net.DNSError with
// IsNotFound set for names and records that do not exist; any other is temporary.
type Resolver interface {
	// LookupMX gives the exchangers; a null MX (RFC 7505) is one with Host ".".
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	// LookupIP gives addresses; network is "ip", "ip4" or "ip6".
	LookupIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// TLSPolicy says what a connection to an exchanger of a domain must be (MTA-STS,
// DANE). An error means that there must be none now.
type TLSPolicy interface {
	For(ctx context.Context, domain, host string) (*tlspolicy.Requirement, error)
}

// Meter counts. Implementations must be safe for concurrent use.
type Meter interface {
	Sent(kind tickets.OutKind, tls bool)
	Deferred(kind tickets.OutKind)
	Failed(kind tickets.OutKind)
}

// Gate holds deliveries back while mail at the doors needs the machine more.
type Gate interface {
	// Pass returns when one delivery may begin; its error is ctx's.
	Pass(ctx context.Context) error
	// Busy reports whether Pass would hold back.
	Busy() bool
}

type noGate struct{}

func (noGate) Pass(ctx context.Context) error { return ctx.Err() }
func (noGate) Busy() bool                     { return false }

type noMeter struct{}

func (noMeter) Sent(tickets.OutKind, bool) {}
func (noMeter) Deferred(tickets.OutKind)   {}
func (noMeter) Failed(tickets.OutKind)     {}

// TLSMode says how much a connection must be protected.
type TLSMode string

// The modes, as relay_tls names them. Port 465 means TLS from the first byte
// in every mode but none (RFC 8314).
const (
	TLSRequire       TLSMode = "require"       // TLS with a certificate that verifies for the host
	TLSEncrypt       TLSMode = "starttls"      // TLS, whoever holds the certificate
	TLSOpportunistic TLSMode = "opportunistic" // TLS where it is offered and works, else in the clear
	TLSNone          TLSMode = "none"
)

// Config is the [outbound] part of the configuration with what surrounds it.
type Config struct {
	Hostname      string // said in EHLO
	Relay         string // host:port of the smarthost; empty: straight to the MX
	RelayUser     string
	RelayPassword string
	RelayTLS      TLSMode // empty: require
	MXPort        int     // 0: 25
	AllowPrivate  bool    // deliver to MX in private and loopback networks too
	Retry         []time.Duration
	TLS           *tls.Config // roots and the like for the smarthost; nil: the system's

	Worker   string        // this node's name in leases
	Lease    time.Duration // 0: thirty seconds: how long a mail waits when its worker died
	Sweep    time.Duration // how often to look without being woken; 0: a second
	Slots    int           // rows leased at once; 0: 1024
	PerDest  int           // deliveries at once to one destination; 0: 8, with a relay 32
	Drain    time.Duration // how long deliveries may go on after the end was asked for; 0: ten seconds
	Timeouts Timeouts

	Summaries bool // mail to agents carries no content: which ticket, its state, nothing of what was written

	Notice Notice // who answers for the data, for the acknowledgements
}

// Notice is what the privacy notice of acknowledgements names.
type Notice struct {
	Controller string // empty: the queue's display name
	Contact    string // the privacy address; empty: the queue's address
}

// Timeouts of a conversation, each by RFC 5321 section 4.5.3.2 when zero.
type Timeouts struct {
	Connect  time.Duration // 30 s for each address
	Greeting time.Duration // 5 min
	Command  time.Duration // 5 min
	Block    time.Duration // 3 min for each write of the body
	Final    time.Duration // 10 min for the reply to the final dot
	Total    time.Duration // 30 min for all of it
	Idle     time.Duration // 10 s: how long a connection is kept for the next mail
}

func (c Config) withDefaults() Config {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&c.Lease, 30*time.Second)
	set(&c.Sweep, time.Second)
	set(&c.Drain, 10*time.Second)
	set(&c.Timeouts.Connect, 30*time.Second)
	set(&c.Timeouts.Greeting, 5*time.Minute)
	set(&c.Timeouts.Command, 5*time.Minute)
	set(&c.Timeouts.Block, 3*time.Minute)
	set(&c.Timeouts.Final, 10*time.Minute)
	set(&c.Timeouts.Total, 30*time.Minute)
	set(&c.Timeouts.Idle, 10*time.Second)
	if c.MXPort == 0 {
		c.MXPort = 25
	}
	if c.Slots == 0 {
		c.Slots = 1024
	}
	if c.PerDest == 0 {
		c.PerDest = 8
		if c.Relay != "" {
			c.PerDest = 32
		}
	}
	if c.RelayTLS == "" {
		c.RelayTLS = TLSRequire
	}
	if c.Worker == "" {
		c.Worker = c.Hostname
	}
	if c.Hostname == "" {
		c.Hostname = "localhost"
	}
	return c
}

// Parts are what a worker is made of.
type Parts struct {
	Outbox    Outbox
	Bodies    Bodies
	Resolver  Resolver
	TLSPolicy TLSPolicy // nil: nobody's policy is asked for
	Keys      KeyStore  // nil: mail goes unsigned
	Addresses tickets.Addresses
	Meter     Meter        // nil: nothing is counted
	Gate      Gate         // nil: nothing is held back
	Consents  ConsentGate  // nil: nothing leaves that rests on consent
	Privacy   PrivacyTexts // nil: mails of the privacy desk wait
	Artifacts Artifacts    // nil: no archive can be sent
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}
