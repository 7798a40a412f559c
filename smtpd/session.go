package smtpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"postroom/tickets"
)

// session is what the engine calls when a command's syntax is right. It returns
// unwrapped replies only, for the engine would say the text of any other error.
type session struct{ f *front }

var _ smtp.AuthSession = (*session)(nil)

func panicReply() *reply { return say(421, 4, 3, 0, "internal error") }

// guarded runs a step of the session; a panic in it becomes 421, which ends the
// session.
func (s *session) guarded(where string, step func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.f.logPanic(where, p)
			err = panicReply()
		}
	}()
	if err = step(); err == nil {
		return nil
	}
	return s.f.answer(where, err)
}

// answer maps an error and logs it, once. What it returns is never nil.
func (f *front) answer(where string, err error) *reply {
	r := replyOf(err)
	level, attrs := slog.LevelInfo, []slog.Attr{slog.String("verb", where), slog.Int("code", r.Code)}
	var refusal *tickets.Refusal
	switch {
	case errors.As(err, &refusal):
		if refusal.Err != nil {
			level = slog.LevelWarn
			attrs = append(attrs, causeField(refusal.Err))
		}
	case error(r) != err:
		level, attrs = slog.LevelError, append(attrs, causeField(err))
	}
	f.event(level, "refused", attrs...)
	return r
}

// Mail is called for MAIL FROM; the path is the front's, see enginePath.
func (s *session) Mail(_ string, opts *smtp.MailOptions) error {
	return s.guarded("MAIL", func() error {
		if err := s.f.openMail(); err != nil {
			return err
		}
		s.f.env.DSN.EnvelopeID = printable(opts.EnvelopeID)
		return nil
	})
}

// Rcpt is called for RCPT TO.
func (s *session) Rcpt(_ string, opts *smtp.RcptOptions) error {
	return s.guarded("RCPT", func() error {
		if err := s.f.addRecipient(); err != nil {
			return err
		}
		if slices.Contains(opts.Notify, smtp.DSNNotifySuccess) && s.f.env.From != "" {
			d := tickets.Delivered{Address: s.f.path}
			if opts.OriginalRecipient != "" {
				d.Original = printable(strings.ToLower(string(opts.OriginalRecipientType)) + ";" + opts.OriginalRecipient)
			}
			s.f.env.DSN.Success = append(s.f.env.DSN.Success, d)
		}
		return nil
	})
}

// printable keeps what goes back to the sender to one line of ASCII.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s[:min(len(s), maxFieldBytes)])
}

// Data is called for DATA, and for a run of BDAT. The engine's reader is left
// alone: the front reads the wire.
func (s *session) Data(io.Reader) (err error) {
	f := s.f
	f.dataRead = true
	defer func() {
		if p := recover(); p != nil {
			f.logPanic("DATA", p)
			err = panicReply()
		}
	}()
	return f.receive()
}

// Reset is called at RSET, at a further EHLO and after each message.
func (s *session) Reset() {
	s.f.resetTransaction()
}

// Logout is called when the conversation ends. S6: a panic here would end the
// process, so there is nothing in it that could.
func (s *session) Logout() error { return nil }

// AuthMechanisms is not asked by the front, which says what it offers.
func (s *session) AuthMechanisms() []string { return nil }

// Auth begins a SASL exchange; the front let AUTH through only where it is offered.
func (s *session) Auth(mech string) (sasl.Server, error) {
	switch mech {
	case sasl.Plain:
		return &plainExchange{s}, nil
	case sasl.Login:
		return &loginExchange{s: s}, nil
	}
	return nil, say(504, 5, 5, 4, "mechanism not supported")
}

// receive hands the message to Intake and returns the answer. 250 is said only
// if the end of the data was seen.
func (f *front) receive() *reply {
	env, data := f.env, f.data
	env.Received = f.srv.cfg.Now()
	began := time.Now()
	receipt, err := f.srv.intake.Receive(f.srv.life, env, data)
	took := time.Since(began)

	if r := f.finish(err); r != nil {
		return r
	}
	f.idle, f.refused = 0, 0
	f.srv.metrics.Kept(f.role, data.size(), took)
	f.log.LogAttrs(context.Background(), slog.LevelInfo, "mail kept", slog.String("receipt", field(receipt)),
		slog.Int64("bytes", data.size()), slog.Int("recipients", len(env.To)), slog.Duration("took", took))
	return say(250, 2, 0, 0, "kept as "+publicText(receipt))
}

// finish brings the wire to the end of the message, whatever Intake did, and
// says what keeps it from being 250.
func (f *front) finish(err error) *reply {
	data := f.data
	unread := err == nil && !data.ended()
	if !data.ended() {
		data.skip(f.skipBudget())
	}
	switch bad := data.failure(); {
	case bad != nil:
		f.closing = f.closing || data.lost()
		f.event(slog.LevelInfo, "data refused", slog.Int("code", bad.Code), slog.Int64("bytes", data.size()))
		return bad
	case err != nil:
		return f.answer("DATA", err)
	case unread:
		return f.answer("DATA", errUnread)
	}
	return nil
}

var errUnread = errors.New("intake did not read the message to its end")

// skipBudget is how much of a refused message we read for the sake of an
// orderly answer.
func (f *front) skipBudget() int64 { return max(f.srv.cfg.MessageBytes, 1<<20) }

// pause waits, but not when the server is about to stop.
func (f *front) pause(d time.Duration) {
	if d > 0 {
		f.flush()
		f.srv.cfg.Sleep(f.srv.taking, d)
	}
}
