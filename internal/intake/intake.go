// Package intake is what happens to a mail: read, check the sender, classify,
// find its ticket, decide, commit. [Intake.Receive] can be read from top to
// bottom as the way of a mail.
//
// When it returns a receipt, the raw bytes and all that follows from them are
// durably committed; when it returns an error, nothing of the mail is kept and
// the far server still has it. Refused, with a *tickets.Refusal, is only what
// follows here: header limits, more than one From, loops, a DMARC reject,
// unauthenticated mail from our own domains. Everything else is kept, if need
// be as a ticket that says why it could not be understood.
//
// DNS and parsing come before the decision; the decision itself is pure and
// may run again when the store moved meanwhile.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"postroom/internal/message"
	"postroom/internal/senderauth"
	"postroom/internal/spam"
	"postroom/privacy"
	"postroom/threading"
	"postroom/tickets"
)

// Sender checks what a mail proves about its sender.
type Sender interface {
	Start(ctx context.Context, in senderauth.Input) *senderauth.Check
}

// Bodies reads the bytes of kept messages.
type Bodies interface {
	WriteRaw(ctx context.Context, messageID int64, w io.Writer) error
}

// Limiter is the budget of mails we write because of others.
type Limiter interface {
	Allow(ctx context.Context, key string, n int, per time.Duration) (bool, time.Duration)
}

// Junk weighs how likely a mail is unwanted.
type Junk interface {
	Start(env spam.Envelope) *spam.Look
}

// Counter keeps the daily count for the administrator.
type Counter interface {
	Count(at time.Time, kind string)
}

// Fresh gives the directory with what other nodes were given up to now.
type Fresh interface {
	FreshDirectory(ctx context.Context) (*tickets.Directory, error)
}

// Config is what the administrator decides of the intake.
type Config struct {
	Hostname       string
	PrivacyAddress string
	CheckSenders   bool // off: a filter in front checks; nobody is proved by mail
	AckEnabled     bool
	AckPerDay      int
	AcksPerMinute  int // in all; 0 means 60
}

// Intake takes mails in.
type Intake struct {
	cfg      Config
	store    tickets.Store
	bodies   Bodies
	sender   Sender // nil when senders are not checked
	junk     Junk   // nil when nothing is weighed
	limit    Limiter
	count    Counter // nil: nobody counts
	fresh    Fresh   // nil: a view's directory is always the present one
	keys     *threading.Keyring
	consents *privacy.Consents // nil: no purposes are configured
	desk     *privacy.Desk
	words    map[string]privacy.Word
	foreign  func(subject, text string) (string, string)
	addr     tickets.Addresses
	log      *slog.Logger
	now      func() time.Time
	wake     func(topic string, ids ...int64)
	drawn    imitations
}

// Options are the parts an Intake works with.
type Options struct {
	Config   Config
	Store    tickets.Store
	Bodies   Bodies
	Sender   Sender
	Junk     Junk // nil: no mail is put aside
	Limit    Limiter
	Count    Counter // nil: nobody counts
	Fresh    Fresh   // asked before an address is refused; nil: a view's directory is always the present one
	Keys     *threading.Keyring
	Consents *privacy.Consents                           // nil: none is asked for here
	Privacy  *privacy.Desk                               // nil: its rules are the default ones
	Foreign  func(subject, text string) (string, string) // takes the words of our own mails out of an answer; nil: nothing is taken out
	Log      *slog.Logger
	Now      func() time.Time
	Wake     func(topic string, ids ...int64) // told which rows a commit made work of: "outbox", "jobs"; and "changes"
}

// New makes an Intake.
func New(o Options) *Intake {
	in := &Intake{cfg: o.Config, store: o.Store, bodies: o.Bodies, sender: o.Sender, junk: o.Junk, limit: o.Limit, count: o.Count, fresh: o.Fresh, keys: o.Keys, consents: o.Consents,
		addr: tickets.Addresses{Keys: o.Keys}, log: o.Log, now: o.Now, wake: o.Wake}
	if in.desk = o.Privacy; in.desk == nil {
		in.desk = &privacy.Desk{Rules: privacy.Rules{Address: o.Config.PrivacyAddress}, Addr: in.addr}
	}
	in.words, in.foreign = privacyWords(), o.Foreign
	if in.log == nil {
		in.log = slog.New(slog.DiscardHandler)
	}
	if in.now == nil {
		in.now = time.Now
	}
	if in.wake == nil {
		in.wake = func(string, ...int64) {}
	}
	if in.cfg.AcksPerMinute == 0 {
		in.cfg.AcksPerMinute = 60
	}
	return in
}

// Receive keeps a mail and returns its receipt. data is read to its end; an
// error of data is returned as it is.
func (in *Intake) Receive(ctx context.Context, env tickets.Envelope, data io.Reader) (receipt string, err error) {
	receipt, _, err = in.Take(ctx, env, data)
	return receipt, err
}

// Take is Receive that also says whether the mail was here already; the receipt
// is then the one it got the first time.
func (in *Intake) Take(ctx context.Context, env tickets.Envelope, data io.Reader) (receipt string, known bool, err error) {
	if env.Received.IsZero() {
		env.Received = in.now()
	}
	defer func() { in.countRefused(&env, err) }()
	mail, err := in.read(ctx, &env, data)
	if err != nil {
		return "", false, err
	}
	defer mail.stage.Abort()
	defer mail.endLook()
	if err := in.refuse(mail); err != nil {
		return "", false, err
	}
	in.weigh(ctx, mail)
	if in.toPrivacy(env.To) {
		in.recognised(mail) // now, while nobody waits for the reading that decides
	}
	change, err := in.store.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		ch, err := in.decide(ctx, v, mail)
		if err == nil {
			err = in.reportDelivery(ctx, v, mail, ch)
		}
		return ch, err
	})
	if err != nil {
		var refusal *tickets.Refusal
		if errors.As(err, &refusal) {
			return "", false, refusal
		}
		return "", false, fmt.Errorf("keep the mail: %w", err)
	}
	in.countKept(&env, change)
	in.announce(change)
	if change.Duplicate != nil {
		return change.Duplicate.Receipt, true, nil
	}
	return mail.receipt, false, nil
}

// mail is one mail on its way in: what the protocol said, what the message
// says, what the sender check found.
type mail struct {
	env     *tickets.Envelope
	msg     *message.Message
	auth    senderauth.Result
	results string        // the check in the words of RFC 8601
	look    *spam.Look    // nil when it is not weighed
	junk    *tickets.Junk // what it weighs too much for; nil otherwise
	raw     tickets.Raw
	stage   tickets.Stage
	header  headerScan
	digest  [32]byte // of the body

	headDigest [32]byte // of the header section
	receipt    string
	from       message.Address // the author: From, or the envelope sender when there is none
	noFrom     bool
	asked      bool // request is known
	request    *privacy.Recognition
	imitation  bool // the agents are warned of From's domain
	aligned    bool
	proof      string

	ackBudget *bool // asked once, however often the decision runs
	askBudget *bool

	challengeBudget *bool
	attached        *string // the words of what is attached, once they were read
	factor          *string // the second factor that stands in it, or empty; tried once
	reportBudget    *bool
	heldAgent       int64
	heldKind        string
	same            []byte // identity, once it is reckoned
	again           string // set when the same mail came before, too long ago to be a copy
	confirmed       int64  // the held mail that this one repeats after its confirmation
}

// announce wakes those who carry out what was committed. A lost wake-up is
// found by their sweeps.
func (in *Intake) announce(ch *tickets.Change) {
	for _, o := range ch.Outbox {
		in.wake("outbox", o.ID)
	}
	for _, j := range ch.Jobs {
		in.wake("jobs", j.ID)
	}
	if len(ch.Tickets) > 0 || len(ch.Messages) > 0 {
		in.wake("changes")
	}
}

// decide says what follows from the mail. It reads nothing but the view.
func (in *Intake) decide(ctx context.Context, v tickets.View, m *mail) (*tickets.Change, error) {
	dup, err := in.known(ctx, v, m)
	if err != nil || dup != nil {
		return dup, err
	}
	to, err := in.address(ctx, v, m)
	if err != nil {
		return nil, err
	}
	if to.returned != nil {
		return in.returned(ctx, v, m, to)
	}
	more, done, err := in.consented(ctx, v, m, to)
	if err != nil || done {
		return more, err
	}
	ch, err := in.sort(ctx, v, m, to)
	return join(ch, more), err
}

// sort says whose business the mail is.
func (in *Intake) sort(ctx context.Context, v tickets.View, m *mail, to *destination) (*tickets.Change, error) {
	switch {
	case to.confirm != 0:
		return in.confirmation(ctx, v, m, to)
	case to.agent != nil && to.token != nil && (to.proved || !to.privacy):
		return in.agent(ctx, v, m, to) // the note address is the strictest of all
	case to.privacy && to.proved && len(to.replies) > 0 && m.env.Via == tickets.ViaSubmission:
		return in.agent(ctx, v, m, to) // the officer answers from the mail client
	case to.privacy && m.env.Via != tickets.ViaImport:
		return in.privacyMail(ctx, v, m, to)
	case to.agent != nil:
		return in.agent(ctx, v, m, to)
	}
	return in.customer(ctx, v, m, to)
}

// remoteOf is for the sender check: an address without its IPv4-in-IPv6 dress.
func remoteOf(a netip.Addr) netip.Addr { return a.Unmap() }
