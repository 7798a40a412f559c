package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"postroom/tickets"
)

func TestR14_ShutdownLetsDataFinish(t *testing.T) {
	cfg := testConfig()
	cfg.Timeouts.Drain = 3 * time.Second
	h := open(t, cfg)
	idle := h.dial(RoleMX).hello()
	begun := h.dial(RoleMX).hello().mail()
	data := h.dial(RoleMX).hello().mail()
	data.cmd("DATA", "354")
	data.send("half\r\n")
	chunks := h.dial(RoleMX).hello().mail()
	chunks.cmd("BDAT 6\r\nhalf", "250")
	silent := h.dial(RoleMX).hello().mail()
	silent.cmd("DATA", "354")

	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		done <- h.Shutdown(ctx)
	}()
	idle.want("421 4.3.2")
	idle.wantClosed()
	begun.want("421 4.3.2")
	if _, err := net.Dial("tcp", h.addr[RoleMX]); err == nil {
		t.Error("still accepting")
	}
	data.cmd("done\r\n.", "250 2.0.0 kept as")
	data.want("421 4.3.2")
	chunks.send("BDAT 6 LAST\r\ndone\r\n")
	chunks.want("250 2.0.0 kept as")
	chunks.want("421 4.3.2")
	began := time.Now()
	silent.want("421 4.4.2") // its time is up
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("waited %v for silent data", d)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if m := h.desk.mails(); len(m) != 2 || m[0].data != "half\r\ndone\r\n" {
		t.Errorf("kept %+v", m)
	}
}

func TestR14_ShutdownCutsOffWhatDoesNotEnd(t *testing.T) {
	h := open(t, testConfig())
	stuck := make(chan struct{})
	h.desk.receive = func(_ tickets.Envelope, r io.Reader) (string, error) {
		close(stuck)
		<-h.life.Done()
		return "", context.Cause(h.life)
	}
	c := h.dial(RoleMX).hello().mail()
	c.cmd("DATA", "354")
	<-stuck
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	c.wantClosed()
}

func TestServe_EndsWithItsContext(t *testing.T) {
	h := open(t, testConfig())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- h.Serve(ctx, l, RoleMX) }()
	h.addr[RoleMX] = l.Addr().String()
	c := h.dial(RoleMX).hello()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	c.cmd("NOOP", "250") // sessions live on
	if err := h.Serve(context.Background(), l, RoleSubmissions); err == nil {
		t.Error("submissions without TLS")
	}
}

func TestListen_AllOrNone(t *testing.T) {
	cfg := testConfig()
	cfg.MX, cfg.Submission = "127.0.0.1:0", "127.0.0.1:0"
	s := New(cfg, taker{}, &passwords{}, nil, discard(), nil)
	bound, err := s.Listen(context.Background())
	if err != nil || len(bound) != 2 || bound[0].Role != RoleMX || bound[1].Role != RoleSubmission {
		t.Fatalf("%v, %v", bound, err)
	}
	cfg.MX, cfg.Submission = "127.0.0.1:0", bound[0].Listener.Addr().String()
	_, err = New(cfg, taker{}, &passwords{}, nil, discard(), nil).Listen(context.Background())
	if err == nil || !strings.Contains(err.Error(), cfg.Submission) {
		t.Errorf("error %v does not name %s", err, cfg.Submission)
	}
	for _, b := range bound {
		b.Listener.Close()
	}
}

func TestTLS_CertificatesAreAskedForEachTimeAndOldVersionsRefused(t *testing.T) {
	cfg := testConfig()
	first, second := testTLS(t), testTLS(t)
	now := first
	cfg.TLS = &tls.Config{GetCertificate: func(i *tls.ClientHelloInfo) (*tls.Certificate, error) { return now.GetCertificate(i) }}
	h := open(t, cfg)
	serial := func() string {
		c, err := tls.Dial("tcp", h.addr[RoleSubmissions], &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return string(c.ConnectionState().PeerCertificates[0].Raw)
	}
	one := serial()
	now = second
	if serial() == one {
		t.Error("the certificate was not reloaded")
	}
	_, err := tls.Dial("tcp", h.addr[RoleSubmissions], &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

// TestMemory_IsFlat: a message of any size costs one block.
func TestMemory_IsFlat(t *testing.T) {
	cfg := testConfig()
	cfg.MessageBytes = 0
	h := open(t, cfg)
	h.desk.receive = func(_ tickets.Envelope, r io.Reader) (string, error) {
		n, err := io.Copy(io.Discard, r)
		return fmt.Sprint(n), err
	}
	send := func(lines int) float64 {
		return testing.AllocsPerRun(1, func() {
			f := pieceFront(h.Server)
			f.buf = make([]byte, bufferBytes)
			line := strings.Repeat("x", 1022) + "\r\n"
			f.conn = endless{line: line, left: new(int), lines: lines}
			n, err := io.Copy(io.Discard, newDotReader(f))
			if err != nil || n != int64(lines*len(line)) {
				t.Fatalf("%d, %v", n, err)
			}
		})
	}
	if small, big := send(10), send(30_000); big > small+20 {
		t.Errorf("%v allocations for 10 KiB, %v for 30 MiB", small, big)
	}
}

// endless is a socket with so many lines, and an end.
type endless struct {
	net.Conn
	line  string
	left  *int
	lines int
}

func (e endless) SetReadDeadline(time.Time) error { return nil }

func (e endless) Read(b []byte) (int, error) {
	if *e.left++; *e.left > e.lines {
		return copy(b, ".\r\n"), nil
	}
	return copy(b, e.line), nil
}
