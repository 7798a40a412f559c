package smtpd

import (
	"context"
	"errors"
	"io"
	"time"

	"postroom/tickets"
)

// Role is what a listener is for.
type Role string

// The roles of a listener.
const (
	RoleMX          Role = "mx"          // port 25: anyone, no AUTH
	RoleSubmission  Role = "submission"  // port 587: agents, STARTTLS (RFC 6409)
	RoleSubmissions Role = "submissions" // port 465: agents, TLS from the first byte (RFC 8314)
)

// Intake takes mails in. Its methods are called by many sessions at once. An
// error that wraps a *tickets.Refusal is answered as the refusal says; any
// other is logged and answered 451 4.3.0 with no detail.
type Intake interface {
	// CheckSender is asked at MAIL FROM. env holds what is known so far: on
	// submission the agent, who may only send from addresses of their own.
	CheckSender(ctx context.Context, env *tickets.Envelope) error

	// CheckRecipient is asked at RCPT TO, with rcpt in the form of an envelope
	// address. env holds what is known so far, with the recipients accepted
	// before.
	CheckRecipient(ctx context.Context, env *tickets.Envelope, rcpt string) error

	// Receive keeps the mail and returns its receipt only when all is durably
	// committed. data yields the bytes of the message, dots unstuffed, line ends
	// as they were sent; it must be read to its end, and an error of it must be
	// returned.
	Receive(ctx context.Context, env tickets.Envelope, data io.Reader) (receipt string, err error)
}

// ErrCredentials is what an Authenticator returns for a name or a password
// that is wrong, without saying which.
var ErrCredentials = errors.New("smtpd: wrong name or password")

// Authenticator checks an agent's password. It takes the same time whether or
// not the name exists, and bounds its own concurrency. An error other than
// ErrCredentials means that it could not tell (answered 454).
type Authenticator interface {
	Authenticate(ctx context.Context, user, password string) (agentID int64, err error)
}

// Limiter counts events under a key: at most n within per. When there were
// more, it says after what time one would be let through. Keys hold no address
// in clear.
type Limiter interface {
	Allow(ctx context.Context, key string, n int, per time.Duration) (ok bool, retryAfter time.Duration)
}

// Places remembers facts for all nodes. Keys hold no address in clear; a fact
// that is lost makes the server stricter and no less correct.
type Places interface {
	Note(ctx context.Context, key string, keep time.Duration)
	Noted(ctx context.Context, key string) bool
}

// Metrics is told what happens. Methods are called from many goroutines.
type Metrics interface {
	// Session says that a session opened (+1) or ended (-1).
	Session(role Role, delta int)
	// Turned says that a connection was turned away before its session: "all",
	// "network" or "early".
	Turned(role Role, why string)
	// Reply counts the answer to a command; verb is one of a fixed set.
	Reply(role Role, verb string, code int)
	// Kept says that a mail was answered 250: its size in bytes, and how long
	// Receive took.
	Kept(role Role, size int64, took time.Duration)
}

type noMetrics struct{}

func (noMetrics) Session(Role, int)               {}
func (noMetrics) Turned(Role, string)             {}
func (noMetrics) Reply(Role, string, int)         {}
func (noMetrics) Kept(Role, int64, time.Duration) {}
