package smtpd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"
)

const (
	bufferBytes = 16 << 10
	outBytes    = 4 << 10

	maxCommandLine = 512   // RFC 5321 section 4.5.3.1.4, with its CR LF
	maxPathLine    = 2048  // MAIL and RCPT with the parameters of their extensions
	maxAuthLine    = 12288 // RFC 4954 section 4
	maxSkipped     = 64 << 10

	lingerPauses = 15 // who goes on sending for so many pauses is cut off
)

// What can be wrong with a command line. The first two leave the session in step.
var (
	errLongLine    = errors.New("line too long")
	errBadLine     = errors.New("bare CR, bare LF or NUL in a command line")
	errEndlessLine = errors.New("endless line")
	errDraining    = errors.New("shutting down")
)

// fill reads once from the wire into the buffer, which holds w-r bytes that are
// kept. phase tells Shutdown whether the wait may be broken off.
func (f *front) fill(deadline time.Time, phase phase) error {
	if f.r == f.w {
		f.r, f.w = 0, 0
	} else if f.w == len(f.buf) {
		copy(f.buf, f.buf[f.r:f.w])
		f.r, f.w = 0, f.w-f.r
	}
	if err := f.flush(); err != nil {
		return err
	}
	if err := f.await(deadline, phase); err != nil {
		return err
	}
	n, err := f.conn.Read(f.buf[f.w:])
	f.w += n
	f.setPhase(phaseBusy)
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	if phase == phaseIdle && f.isDraining() {
		return errDraining
	}
	return err
}

// await sets the deadline of a read unless Shutdown has begun.
func (f *front) await(deadline time.Time, phase phase) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drained {
		if phase == phaseIdle {
			return errDraining
		}
		if f.cutoff.Before(deadline) {
			deadline = f.cutoff
		}
	}
	f.phase = phase
	return f.conn.SetReadDeadline(deadline)
}

// readLine returns the next line without its CR LF; it is valid until the next
// read. The whole line must arrive before the deadline: half a line is never
// returned.
func (f *front) readLine(limit func(start []byte) int) ([]byte, error) {
	var deadline time.Time
	phase := phaseIdle
	if f.inMessage {
		phase = phaseData
	}
	scanned := 0
	for {
		if i := bytes.IndexByte(f.buf[f.r+scanned:f.w], '\n'); i >= 0 {
			line := f.buf[f.r : f.r+scanned+i+1]
			f.r += len(line)
			return checkLine(line, limit(line))
		}
		if scanned = f.w - f.r; scanned > maxAuthLine {
			return nil, f.skipLine()
		}
		if deadline.IsZero() {
			deadline = f.commandDeadline()
		}
		if err := f.fill(deadline, phase); err != nil {
			return nil, err
		}
	}
}

func checkLine(line []byte, limit int) ([]byte, error) {
	if len(line) > limit {
		return nil, errLongLine
	}
	end := len(line) - 2
	if end < 0 || line[end] != '\r' {
		return nil, errBadLine
	}
	line = line[:end]
	if bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, 0) >= 0 {
		return nil, errBadLine
	}
	return line, nil
}

// skipLine passes over the rest of a line that is too long, so that the
// session stays in step, if the line ends at all.
func (f *front) skipLine() error {
	deadline := f.commandDeadline()
	for skipped := 0; skipped < maxSkipped; {
		if i := bytes.IndexByte(f.buf[f.r:f.w], '\n'); i >= 0 {
			f.r += i + 1
			return errLongLine
		}
		skipped += f.w - f.r
		f.r, f.w = 0, 0
		if err := f.fill(deadline, phaseIdle); err != nil {
			return err
		}
	}
	return errEndlessLine
}

// put adds to what is to be written; replies to pipelined commands go out
// together (RFC 2920), at the latest before we wait for the other side.
func (f *front) put(line string) {
	f.out = append(append(f.out, line...), "\r\n"...)
	if len(f.out) > outBytes {
		f.flush()
	}
}

func (f *front) flush() error {
	if len(f.out) == 0 {
		return nil
	}
	f.conn.SetWriteDeadline(time.Now().Add(f.srv.cfg.Timeouts.Write))
	_, err := f.conn.Write(f.out)
	f.out = f.out[:0]
	if f.tls != "" {
		f.conn.SetWriteDeadline(time.Time{}) // a later Read may have to answer a key update
	}
	return err
}

// linger lets the other side read our last reply: closing a socket with unread
// bytes in it resets the connection, and a reset destroys what we said.
func (f *front) linger() {
	half, ok := f.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	pause := f.srv.cfg.Timeouts.Linger
	for end := time.Now().Add(lingerPauses * pause); time.Now().Before(end); {
		if f.await(time.Now().Add(pause), phaseData) != nil {
			return
		}
		if _, err := f.conn.Read(f.buf); err != nil {
			return
		}
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
