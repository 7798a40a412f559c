package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The flood: slow connections by the thousand and mails by the hundred a
// second from one network, and in between somebody honest from another.
const (
	floodSlow    = 2000
	floodRate    = 500 // mails a second that are offered, at least
	floodSenders = 20  // connections kept for them; one network gets thirty
	floodExtra   = 400 // further ones at once, where the desk takes its time
	floodMemory  = 300 << 20
	floodHonest  = time.Second
	honestFrom   = "127.0.5.1"
)

func TestFlood(t *testing.T) { flood(t, 5*time.Second, 5) }

// TestSoakFlood is the whole of it: the rate has to be reached, all the time.
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
	load := machineLoad(t)
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
			f.wg.Go(func() { f.mails(ctx, floodRate+floodRate/20) })
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
			before := f.figures()
			took := honest(t, d.mx(), long)
			after, held := f.figures(), f.open.Load()
			cancel()
			f.wg.Wait()
			peak := peakMemory(t, s.cmd.Process.Pid)
			slices.Sort(took)
			n := len(took)
			offered, kept := after.rate(before)
			t.Logf("in %v: %d slow connections held, %d tries turned away; %.0f flood mails offered a second, %.0f kept (%d due were not offered); %d honest mails kept, median %v, worst %v; server's peak memory %d MiB; load of the machine before: %.1f",
				long, held, f.turned.Load(), offered, kept, after.lacking-before.lacking, n, took[n/2].Round(time.Millisecond), took[n-1].Round(time.Millisecond), peak>>20, load)
			if soak() && offered < floodRate {
				t.Errorf("only %.0f mails a second were offered", offered)
			}
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

// machineLoad is how many processes wanted a processor in the last minute.
func machineLoad(t *testing.T) float64 {
	t.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	load, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return load
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
