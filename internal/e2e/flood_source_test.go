package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// floodSource is the network that attacks. It is made to cost little, since it
// shares the machine with the desk: mails are bytes made beforehand, pipelined over
// connections that are kept, and what is due is sent whether the desk keeps up
// or not, over further connections where it does not.
type floodSource struct {
	to      string
	wg      sync.WaitGroup
	open    atomic.Int64 // slow connections held now
	turned  atomic.Int64 // of those, turned away so far
	offered atomic.Int64 // mails: each ends as kept or refused, or is on its way
	kept    atomic.Int64
	refused atomic.Int64 // mails and connections answered 4xx or cut off
	lacking atomic.Int64 // mails due that this machine did not get to offer
	ids     atomic.Int64
}

func floodAddress(i int) string { return fmt.Sprintf("127.6.6.%d", 1+i%250) }

func dialFrom(ctx context.Context, from, to string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	return dialer.DialContext(ctx, "tcp", to)
}

// What a flood mail is, but for sixteen digits of its Message-ID.
const (
	floodEnvelope = "MAIL FROM:<flood@acme.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\n"
	floodDigits   = "0000000000000000"
)

var floodMail = []byte("From: flood@acme.example\r\nTo: support@desk.example\r\nSubject: Flood\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <" + floodDigits +
	"@acme.example>\r\n\r\n" + strings.Repeat("water and more water\r\n", 50) + ".\r\n")

// mails offers so many mails a second until ctx ends.
func (f *floodSource) mails(ctx context.Context, rate int) {
	const step = 5 * time.Millisecond
	due := make(chan struct{}, floodSenders)
	for i := range floodSenders {
		f.wg.Go(func() {
			for ctx.Err() == nil {
				f.pour(ctx, i, due, 0)
			}
		})
	}
	more := make(chan struct{}, floodExtra)
	begin, sent := time.Now(), 0
	for ; ctx.Err() == nil; floodWait(ctx, step) {
		for want := int(time.Since(begin).Seconds() * float64(rate)); sent < want; sent++ {
			select {
			case due <- struct{}{}:
				continue
			default:
			}
			select {
			case more <- struct{}{}:
				i := sent
				f.wg.Go(func() {
					one := make(chan struct{}, 1)
					one <- struct{}{}
					f.pour(ctx, i, one, 1)
					<-more
				})
			default:
				f.lacking.Add(1)
			}
		}
	}
}

// pour offers a mail for each that is due, over one connection while that
// lasts; at most so many, if most is not 0. A connection that is turned away
// is the end of the mail it was for.
func (f *floodSource) pour(ctx context.Context, i int, due <-chan struct{}, most int) {
	select {
	case <-due:
	case <-ctx.Done():
		return
	}
	f.offered.Add(1)
	conn, err := dialFrom(ctx, floodAddress(i), f.to)
	if err != nil {
		f.refused.Add(1)
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	r := bufio.NewReaderSize(conn, 1024)
	answer := func() (kept bool) {
		for {
			line, err := r.ReadSlice('\n')
			if err != nil || len(line) < 4 {
				return false
			}
			if line[3] == ' ' {
				return line[0] == '2' || line[0] == '3'
			}
		}
	}
	say := func(text []byte, answers int) (ok bool) {
		_, err := conn.Write(text)
		for ok = err == nil; ok && answers > 0; answers-- {
			ok = answer()
		}
		return ok
	}
	if !answer() || !say([]byte("EHLO flood.example\r\n"), 1) || !say([]byte(floodEnvelope), 3) {
		f.refused.Add(1)
		return
	}
	body := bytes.Clone(floodMail)
	at := bytes.Index(body, []byte(floodDigits))
	next := append(bytes.Clone(body), floodEnvelope...) // the final dot and the next envelope are one packet
	for n := 1; ; n++ {
		text, answers := next, 4
		if n == most {
			text, answers = body, 1
		}
		copy(text[at:], fmt.Sprintf("%016d", f.ids.Add(1)))
		if _, err := conn.Write(text); err != nil || !answer() {
			f.refused.Add(1)
			return
		}
		f.kept.Add(1)
		if answers == 1 {
			return
		}
		select {
		case <-due:
		case <-ctx.Done():
			return
		}
		f.offered.Add(1)
		for range answers - 1 {
			if !answer() {
				f.refused.Add(1)
				return
			}
		}
	}
}

// slow holds a connection for as long as it is let: silent, or with a byte of a
// command, or with a line of a mail now and then. Turned away it comes again.
func (f *floodSource) slow(ctx context.Context, i int) {
	floodWait(ctx, time.Duration(i)*time.Millisecond)
	for ctx.Err() == nil {
		f.hold(ctx, i)
		floodWait(ctx, 3*time.Second+time.Duration(i%1000)*time.Millisecond)
	}
}

func (f *floodSource) hold(ctx context.Context, i int) {
	conn, err := dialFrom(ctx, floodAddress(i), f.to)
	if err != nil {
		f.turned.Add(1)
		return
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 512)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "220") {
		f.turned.Add(1)
		return
	}
	f.open.Add(1)
	defer f.open.Add(-1)
	say := "x"
	if i%3 == 0 {
		say = "a line of a mail that never ends\r\n"
		io.WriteString(conn, "HELO slow.example\r\nMAIL FROM:<a@acme.example>\r\nRCPT TO:<support@desk.example>\r\nDATA\r\n")
	}
	gone := make(chan struct{})
	go func() { io.Copy(io.Discard, r); close(gone) }()
	pause := time.NewTicker(2 * time.Second)
	defer pause.Stop()
	for {
		select {
		case <-gone:
			return
		case <-pause.C:
		}
		if i%3 == 1 {
			continue
		}
		if _, err := io.WriteString(conn, say); err != nil {
			return
		}
	}
}

func floodWait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// figures are what the source has done so far.
type floodFigures struct {
	at                              time.Time
	offered, kept, refused, lacking int64
}

func (f *floodSource) figures() floodFigures {
	return floodFigures{time.Now(), f.offered.Load(), f.kept.Load(), f.refused.Load(), f.lacking.Load()}
}

// rate is what was offered and kept a second since before.
func (now floodFigures) rate(before floodFigures) (offered, kept float64) {
	s := now.at.Sub(before.at).Seconds()
	return float64(now.offered-before.offered) / s, float64(now.kept-before.kept) / s
}

// The generator's own arithmetic.
func TestFloodFigures(t *testing.T) {
	at := time.Now()
	offered, kept := floodFigures{at: at.Add(2 * time.Second), offered: 1100, kept: 300}.rate(floodFigures{at: at, offered: 100, kept: 100})
	if offered != 500 || kept != 100 {
		t.Errorf("%v %v", offered, kept)
	}
}
