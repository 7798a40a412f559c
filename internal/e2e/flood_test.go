package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The flood: slow connections by the thousand and mails by the hundred a
// second from one network, and in between somebody honest from another.
const (
	floodSlow    = 2000
	floodRate    = 500 // mails a second that are offered
	floodSenders = 25
	floodMemory  = 300 << 20
	floodHonest  = time.Second
	honestFrom   = "127.0.5.1"
)

func TestFlood(t *testing.T) { flood(t, 5*time.Second, 5) }

// TestSoakFlood is the whole of it.
func TestSoakFlood(t *testing.T) {
	if !soak() {
		t.Skip("a long form: POSTROOM_SOAK=1")
	}
	flood(t, time.Minute, 20)
}

// flood lasts so long once all are there. One honest mail in lateOf may be late:
// the flood comes from this machine, which has other work beside, and where the
// tests run under the race detector the flood takes more of it than the desk.
func flood(t *testing.T, long time.Duration, lateOf int) {
	for _, c := range []struct {
		name string
		set  settings
		slow int // how many slow connections must be held at once, at least
	}{
		// As init writes it: one network gets its thirty connections.
		{"with the limits of a fresh installation", settings{"limits.exempt": "[]"}, 1},
		// With no limit to hide behind every one of them is let in.
		{"with every connection let in", settings{"limits.exempt": "[]", "limits.connections": "5000", "limits.connections_per_network": "0"}, floodSlow * 9 / 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			d := newDesk(t, w, c.set)
			d.team()
			s := d.serve()
			f := &floodSource{to: d.mx()}
			ctx, cancel := context.WithCancel(context.Background())
			for i := range floodSenders {
				f.wg.Go(func() { f.mails(ctx, i) })
			}
			eventually(t, "the flood of mails begins", func() string {
				if f.kept.Load() < floodSenders {
					return "too few are kept"
				}
				return ""
			})
			for i := range floodSlow {
				f.wg.Go(func() { f.slow(ctx, i) })
			}
			eventually(t, "the slow ones hold their connections", func() string {
				if n, all := f.open.Load(), f.open.Load()+f.turned.Load(); n < int64(c.slow) || all < floodSlow*9/10 {
					return fmt.Sprintf("%d are open, %d have come", n, all)
				}
				return ""
			})
			took := honest(t, d.mx(), long)
			held := f.open.Load()
			cancel()
			f.wg.Wait()
			peak := peakMemory(t, s.cmd.Process.Pid)
			slices.Sort(took)
			n := len(took)
			t.Logf("in %v: %d slow connections held, %d tries turned away; %d flood mails offered, %d kept; %d honest mails kept, median %v, worst %v; server's peak memory %d MiB",
				long, held, f.turned.Load(), f.offered.Load(), f.kept.Load(), n, took[n/2].Round(time.Millisecond), took[n-1].Round(time.Millisecond), peak>>20)
			if peak > floodMemory {
				t.Errorf("the server took %d MiB", peak>>20)
			}
			if late := took[n-1-n/lateOf]; late > floodHonest {
				t.Errorf("honest mail waited %v", late)
			}
			if held < int64(c.slow)/2 {
				t.Errorf("only %d slow connections were held to the end", held)
			}
		})
	}
}

// honest sends a mail twice a second, each over a connection of its own under
// TLS, and returns how long each took from the first packet to the 250.
func honest(t *testing.T, to string, long time.Duration) (took []time.Duration) {
	t.Helper()
	pause := time.NewTicker(500 * time.Millisecond)
	defer pause.Stop()
	for end := time.Now().Add(long); time.Now().Before(end); <-pause.C {
		begin := time.Now()
		conn, err := dialFrom(context.Background(), honestFrom, to)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(begin.Add(patience))
		c := &smtpClient{conn: conn, r: textproto.NewReader(bufio.NewReader(conn))}
		if _, err = c.expect(220); err == nil {
			if _, err = c.say(250, "EHLO mail.outside.example"); err == nil {
				if _, err = c.startTLS(); err == nil {
					_, err = c.send("ann@kunde.example", []string{"support@desk.example"},
						crlf(letter("Ann <ann@kunde.example>", "support@desk.example", "A question", "", "In the middle of a flood.")))
				}
			}
		}
		c.close()
		if err != nil {
			t.Fatalf("an honest mail was not taken: %v", err)
		}
		took = append(took, time.Since(begin))
	}
	return took
}

// floodSource is the network that attacks.
type floodSource struct {
	to      string
	wg      sync.WaitGroup
	open    atomic.Int64 // slow connections held now
	turned  atomic.Int64
	offered atomic.Int64
	kept    atomic.Int64
}

func floodAddress(i int) string { return fmt.Sprintf("127.6.6.%d", 1+i%250) }

func dialFrom(ctx context.Context, from, to string) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	return dialer.DialContext(ctx, "tcp", to)
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
	for {
		pause := time.NewTimer(2 * time.Second)
		select {
		case <-gone:
			pause.Stop()
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

// mails sends its part of the rate, over one connection while that lasts.
func (f *floodSource) mails(ctx context.Context, i int) {
	tick := time.NewTicker(time.Second * floodSenders / floodRate)
	defer tick.Stop()
	for ctx.Err() == nil {
		conn, err := dialFrom(ctx, floodAddress(i), f.to)
		if err == nil {
			f.pour(ctx, conn, tick.C)
			conn.Close()
		}
		floodWait(ctx, 200*time.Millisecond)
	}
}

func (f *floodSource) pour(ctx context.Context, conn net.Conn, tick <-chan time.Time) {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c := &smtpClient{conn: conn, r: textproto.NewReader(bufio.NewReader(conn))}
	if _, err := c.expect(220); err != nil {
		f.turned.Add(1)
		return
	}
	if _, err := c.say(250, "EHLO flood.example"); err != nil {
		return
	}
	for ctx.Err() == nil {
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
		f.offered.Add(1)
		_, err := c.send("flood@acme.example", []string{"support@desk.example"},
			crlf(letter("flood@acme.example", "support@desk.example", "Flood", "", strings.Repeat("water and more water\n", 50))))
		if err != nil {
			return
		}
		f.kept.Add(1)
	}
}

// peakMemory is the most memory that was resident of the process so far.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kib, err := strconv.ParseInt(strings.Fields(string(rest))[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("/proc names no VmHWM")
	return 0
}
