package smtpd

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"postroom/tickets"
)

// startBDAT takes the first BDAT of a message (RFC 3030). To the engine it is a
// DATA whose 354 nobody hears; further BDATs are read by the bdatReader.
func (f *front) startBDAT(arg string) (forward string, ok bool) {
	size, last, ok := parseBDAT(arg)
	if !ok {
		f.say(say(501, 5, 5, 4, "expected BDAT size [LAST]"))
		f.closing = true // how much of what follows is message, nobody knows
		return "", false
	}
	d := newBDATReader(f, size, last)
	if r := f.mayData(false); r != nil {
		// The octets follow all the same.
		if !f.mailOpen {
			f.expires = f.commandDeadline()
		}
		if d.skip(f.skipBudget()); d.gone {
			f.closing = true
		}
		f.say(r)
		return "", false
	}
	f.data, f.verb = d, "DATA"
	return "DATA", true
}

func parseBDAT(arg string) (size int64, last, ok bool) {
	number, word, has := strings.Cut(arg, " ")
	if number == "" || len(number) > 18 || strings.Trim(number, "0123456789") != "" {
		return 0, false, false
	}
	if has && !strings.EqualFold(word, "LAST") {
		return 0, false, false
	}
	size, err := strconv.ParseInt(number, 10, 64)
	return size, has, err == nil
}

// bdatReader reads the message of a run of BDAT commands: it answers each but the
// last, and reads the next, while Intake reads the message.
type bdatReader struct {
	intakeStream
	left    int64 // of the present chunk
	last    bool
	refused bool // skipping: do not ask for a further chunk
	afterCR bool
	line    int
}

var _ source = (*bdatReader)(nil)

func newBDATReader(f *front, size int64, last bool) *bdatReader {
	d := &bdatReader{left: size, last: last}
	d.f = f
	d.intakeStream.next = d.run
	return d
}

func (d *bdatReader) run() ([]byte, error) {
	f := d.f
	if d.tooBig() && !d.refused {
		d.fail(tooLarge(), tickets.RefuseTooLarge)
	}
	for d.left == 0 {
		if d.last || d.refused || d.bad != nil {
			return nil, d.end()
		}
		if err := d.nextChunk(); err != nil {
			return nil, err
		}
	}
	if f.r == f.w {
		if err := d.fill(); err != nil {
			return nil, err
		}
	}
	run := f.buf[f.r:f.w]
	if int64(len(run)) > d.left {
		run = run[:d.left]
	}
	f.r += len(run)
	d.left -= int64(len(run))
	if !d.refused && !d.check(run) {
		return nil, d.malformed()
	}
	return run, nil
}

// tooBig looks at what a chunk announces, so that nothing of it is stored.
func (d *bdatReader) tooBig() bool {
	most := d.f.srv.cfg.MessageBytes
	return most > 0 && d.n+int64(len(d.rest))+d.left > most
}

func (d *bdatReader) end() error {
	if d.afterCR && !d.refused && d.bad == nil {
		return d.malformed()
	}
	return io.EOF
}

func (d *bdatReader) skip(budget int64) {
	d.refused = true
	d.intakeStream.skip(budget)
}

// check looks for what a text must not hold; a CR LF may lie across two chunks.
func (d *bdatReader) check(b []byte) (ok bool) {
	if d.afterCR, ok = textEnd(b, d.afterCR); !ok || d.f.srv.cfg.LineBytes <= 0 {
		return ok
	}
	for i := bytes.IndexByte(b, '\n'); i >= 0; i = bytes.IndexByte(b, '\n') {
		d.checkLine(d.line + i + 1)
		d.line, b = 0, b[i+1:]
	}
	d.line += len(b)
	d.checkLine(d.line)
	return true
}

// nextChunk answers the chunk that is through and waits for the next BDAT. What
// else may be said meanwhile is little: RFC 3030 section 2.
func (d *bdatReader) nextChunk() error {
	f := d.f
	f.verb = "BDAT"
	f.say(say(250, 2, 0, 0, "octets received"))
	f.inMessage = true
	defer func() { f.inMessage, f.verb = false, "DATA" }()
	for !f.closing {
		b, err := f.readLine(f.lineLimit)
		if err != nil {
			f.readFailed(err)
			continue
		}
		line := string(b)
		verb, arg, _ := strings.Cut(line, " ")
		switch f.verb = strings.ToUpper(verb); f.verb {
		case "BDAT":
			return d.begin(strings.Trim(arg, " "))
		case "NOOP":
			f.idle++
			f.say(say(250, 2, 0, 0, "ok"))
		case "RSET", "QUIT", "EHLO", "HELO":
			f.pushed, f.mute, d.refused = line, true, true
			return d.fail(say(451, 4, 3, 0, "given up"), tickets.RefuseTemporary)
		case "DATA":
			f.refuseData(say(503, 5, 5, 1, "BDAT is under way"))
		default:
			f.say(say(503, 5, 5, 1, "BDAT is under way"))
		}
	}
	f.mute = true // the reason has been said
	return d.lose(say(421, 4, 4, 2, "connection lost within the data"), tickets.RefuseTemporary)
}

func (d *bdatReader) begin(arg string) (err error) {
	var ok bool
	if d.left, d.last, ok = parseBDAT(arg); !ok {
		return d.lose(say(501, 5, 5, 4, "expected BDAT size [LAST]"), tickets.RefuseTemporary)
	}
	if d.left == 0 {
		d.f.idle++
	}
	if d.tooBig() {
		d.fail(tooLarge(), tickets.RefuseTooLarge)
	}
	return nil
}
