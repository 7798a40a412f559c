package smtpd

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net/netip"
	"time"
)

// Config is what the operator decides. In the limits, 0 means no limit; in the
// times and in MaxBadCommands and MaxUnknown, 0 means the default that is named
// and a negative value means none.
type Config struct {
	Hostname string // our name, in the greeting and the EHLO reply

	// Addresses to listen on, for Listen. Empty: not that role.
	MX, Submission, Submissions string

	// TLS is asked for certificates through GetCertificate, which may change
	// its answer at any time. Nil: no STARTTLS, and no role submissions. A
	// MinVersion below TLS 1.2 is raised to it (RFC 8996).
	TLS *tls.Config
	// AllowPlainAuth offers AUTH without TLS, to clients on loopback only.
	AllowPlainAuth bool

	MessageBytes          int64 // size of a message; 552 5.3.4
	Recipients            int   // accepted recipients of a message; 452 4.5.3
	Connections           int   // sessions at once; 421 4.7.0. Submission may use a tenth more.
	ConnectionsPerNetwork int   // sessions at once of an IPv4 /24 or IPv6 /64; 421 4.7.0
	MailsPerNetworkHour   int   // 450 4.7.1
	MailsPerSenderHour    int   // by agent, else by reverse path; 450 4.7.1
	LineBytes             int   // a line of a message, with its CR LF; 500 5.6.0
	Exempt                []netip.Prefix

	// DiskFree says how many bytes the store can still take; with it, a mail
	// that would leave less than MinFreeBytes is answered 452 4.3.1.
	DiskFree     func() (int64, error)
	MinFreeBytes int64

	MaxBadCommands int // refused commands in a session before 421; default 20
	MaxUnknown     int // unknown recipients after which a session takes no further mail; default 5
	Timeouts       Timeouts
	MinRate        int64 // bytes a second within the data; default 1024

	GreetPause time.Duration // on the MX, who speaks within it before the greeting is 554; default 2ms
	AuthDelay  time.Duration // before a failed AUTH is answered; default 1s
	Tarpit     time.Duration // before an unknown recipient after the first is answered; default 5s

	// Pseudonym turns an address or a name into a keyed hash, for the keys of
	// the limiter and the log. Nodes that share a limiter share its key.
	// Default: an HMAC under a random key.
	Pseudonym func(string) string

	// Places shares between nodes from where agents logged in; nil: each
	// process knows its own.
	Places Places

	Now   func() time.Time                                 // default time.Now
	Sleep func(ctx context.Context, d time.Duration) error // default a timer
}

// Timeouts bounds every wait. RFC 5321 section 4.5.3.2 gives the floor of the
// defaults.
type Timeouts struct {
	Handshake   time.Duration // a TLS handshake; default 30s
	Command     time.Duration // a whole command line, from when we wait for it; default 5m, 10s when nearly all connections are taken
	DataIdle    time.Duration // silence within the data; default 3m
	Transaction time.Duration // from MAIL FROM to the end of the data; default 15m
	RateGrace   time.Duration // of waiting for data before MinRate counts; default 10s
	Write       time.Duration // a reply to be taken; default 1m
	Drain       time.Duration // data in progress when Shutdown is called; default 10s
	Linger      time.Duration // for the other side to fall silent and read why we close; default 2s
}

func (c Config) withDefaults() Config {
	orDuration(&c.Timeouts.Handshake, 30*time.Second)
	orDuration(&c.Timeouts.Command, 5*time.Minute)
	orDuration(&c.Timeouts.DataIdle, 3*time.Minute)
	orDuration(&c.Timeouts.Transaction, 15*time.Minute)
	orDuration(&c.Timeouts.RateGrace, 10*time.Second)
	orDuration(&c.Timeouts.Write, time.Minute)
	orDuration(&c.Timeouts.Drain, 10*time.Second)
	orDuration(&c.Timeouts.Linger, 2*time.Second)
	orDuration(&c.GreetPause, 2*time.Millisecond)
	orDuration(&c.AuthDelay, time.Second)
	orDuration(&c.Tarpit, 5*time.Second)
	if c.MaxBadCommands == 0 {
		c.MaxBadCommands = 20
	}
	if c.MaxUnknown == 0 {
		c.MaxUnknown = 5
	}
	if c.MinRate == 0 {
		c.MinRate = 1024
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Pseudonym == nil {
		c.Pseudonym = randomPseudonym()
	}
	if c.TLS != nil && c.TLS.MinVersion < tls.VersionTLS12 {
		c.TLS = c.TLS.Clone()
		c.TLS.MinVersion = tls.VersionTLS12
	}
	return c
}

func orDuration(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func randomPseudonym() func(string) string {
	key := make([]byte, 32)
	rand.Read(key) // never fails (crypto/rand, since Go 1.24)
	return func(s string) string {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(s))
		return hex.EncodeToString(m.Sum(nil)[:12])
	}
}
