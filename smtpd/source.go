package smtpd

import (
	"bytes"
	"errors"
	"io"
	"time"

	"postroom/tickets"
)

// source is a message on the wire. Read yields its bytes; once it has returned
// an error it returns no other.
type source interface {
	io.Reader
	size() int64     // bytes so far
	ended() bool     // io.EOF was reached, or nothing more can be read
	failure() *reply // what is wrong with it, for the other side
	lost() bool      // the wire is not in step any more: close
	skip(budget int64)
}

// intakeStream is what dotReader and bdatReader have in common. next is theirs:
// it returns a run of checked bytes, valid until the following call, or io.EOF,
// or an error after which gone is set.
type intakeStream struct {
	f    *front
	next func() ([]byte, error)
	rest []byte // of the last run
	n    int64
	over int64         // bytes read after the size was exceeded
	wait time.Duration // spent waiting for the other side
	wire int64

	err  error
	bad  *reply
	gone bool
}

// Read implements io.Reader. An error of it other than io.EOF is a
// *tickets.Refusal where there is something to refuse.
func (d *intakeStream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		run, err := d.next()
		if err != nil {
			d.err = err
			return 0, err
		}
		if d.bad != nil { // a line of it is too long
			return 0, d.err
		}
		if most := d.f.srv.cfg.MessageBytes; most > 0 && d.n+int64(len(run)) > most {
			d.over = d.n + int64(len(run)) - most
			return 0, d.fail(tooLarge(), tickets.RefuseTooLarge)
		}
		d.rest = run
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	d.n += int64(n)
	return n, nil
}

func (d *intakeStream) size() int64     { return d.n }
func (d *intakeStream) failure() *reply { return d.bad }
func (d *intakeStream) lost() bool      { return d.gone }
func (d *intakeStream) ended() bool     { return len(d.rest) == 0 && (d.err == io.EOF || d.gone) }

// fail notes what is wrong, once, and returns the error for Intake.
func (d *intakeStream) fail(r *reply, reason tickets.RefusalReason) error {
	if d.bad == nil {
		d.bad = r
		d.err = &tickets.Refusal{Reason: reason, Text: r.Message}
	}
	return d.err
}

// lose is fail for what we cannot go on from.
func (d *intakeStream) lose(r *reply, reason tickets.RefusalReason) error {
	d.gone = true
	return d.fail(r, reason)
}

func (d *intakeStream) malformed() error {
	return d.lose(say(550, 5, 5, 2, "bare CR, bare LF or NUL in the message"), tickets.RefuseMalformed)
}

// checkLine notes a line that is too long (RFC 5321 section 4.5.3.1.6).
func (d *intakeStream) checkLine(n int) {
	if most := d.f.srv.cfg.LineBytes; most > 0 && n > most {
		d.fail(say(500, 5, 6, 0, "a line of the message is too long"), tickets.RefuseTooLarge)
	}
}

// skip reads on to the end, if that is not too far. Then the session is in step.
func (d *intakeStream) skip(budget int64) {
	d.rest = nil
	for left := budget - d.over; !d.gone; {
		run, err := d.next()
		if err == io.EOF {
			d.err = io.EOF
			return
		}
		if left -= int64(len(run)); left < 0 {
			d.lose(tooLarge(), tickets.RefuseTooLarge)
		}
	}
}

// fill waits for more of the message: under a rolling deadline, a least rate
// and the transaction's cap.
func (d *intakeStream) fill() error {
	f, t := d.f, &d.f.srv.cfg.Timeouts
	began := time.Now()
	deadline := began.Add(t.DataIdle)
	if f.expires.Before(deadline) {
		deadline = f.expires
	}
	had := f.w - f.r
	err := f.fill(deadline, phaseData)
	if err != nil {
		return d.broken(err)
	}
	d.wire += int64(f.w - f.r - had)
	d.wait += time.Since(began)
	if rate := f.srv.cfg.MinRate; rate > 0 && d.wait > t.RateGrace && float64(d.wire) < d.wait.Seconds()*float64(rate) {
		return d.broken(errSlow)
	}
	return nil
}

var errSlow = errors.New("too slow")

func (d *intakeStream) broken(err error) error {
	switch {
	case errors.Is(err, errSlow):
		return d.lose(say(421, 4, 4, 2, "the data comes too slowly"), tickets.RefuseTemporary)
	case isTimeout(err):
		d.f.quiet = true
		return d.lose(say(421, 4, 4, 2, "timeout within the data"), tickets.RefuseTemporary)
	default:
		d.f.quiet = true
		return d.lose(say(421, 4, 4, 2, "connection lost within the data"), tickets.RefuseTemporary)
	}
}

// textEnd checks b for what a text must not hold, given whether the byte before
// b was a CR, and says whether b ends in one.
func textEnd(b []byte, afterCR bool) (endsInCR, ok bool) {
	if bytes.IndexByte(b, 0) >= 0 {
		return false, false
	}
	for len(b) > 0 {
		if afterCR {
			if b[0] != '\n' {
				return false, false
			}
			b, afterCR = b[1:], false
			continue
		}
		cr := bytes.IndexByte(b, '\r')
		if cr < 0 {
			return false, bytes.IndexByte(b, '\n') < 0
		}
		if bytes.IndexByte(b[:cr], '\n') >= 0 {
			return false, false
		}
		b, afterCR = b[cr+1:], true
	}
	return afterCR, true
}
