package smtpd

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"postroom/tickets"
)

// sink is a bare go-smtp backend that throws mail away.
type sink struct{}

func (sink) NewSession(*smtp.Conn) (smtp.Session, error) { return sink{}, nil }
func (sink) Reset()                                      {}
func (sink) Logout() error                               { return nil }
func (sink) Mail(string, *smtp.MailOptions) error        { return nil }
func (sink) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (sink) Data(r io.Reader) error                      { _, err := io.Copy(io.Discard, r); return err }

// taker is an Intake that throws mail away.
type taker struct{}

func (taker) CheckSender(context.Context, *tickets.Envelope) error            { return nil }
func (taker) CheckRecipient(context.Context, *tickets.Envelope, string) error { return nil }
func (taker) Receive(_ context.Context, _ tickets.Envelope, r io.Reader) (string, error) {
	_, err := io.Copy(io.Discard, r)
	return "receipt", err
}

// BenchmarkSMTP measures mails of 4 KiB over 20 sessions that stay open, with a
// bare go-smtp and with this package in turns of the same run, and reports the
// ratio (1.0: the front costs nothing).
func BenchmarkSMTP(b *testing.B) {
	bare := listenBare(b)
	ours := listenOurs(b)
	perSession := max(b.N/20, 50)
	var tBare, tOurs time.Duration
	const rounds = 4
	b.ResetTimer()
	for range rounds {
		tBare += flood(b, bare, perSession)
		tOurs += flood(b, ours, perSession)
	}
	mails := float64(rounds * 20 * perSession)
	b.ReportMetric(mails/tBare.Seconds(), "bare-mails/s")
	b.ReportMetric(mails/tOurs.Seconds(), "ours-mails/s")
	b.ReportMetric(tBare.Seconds()/tOurs.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

func listenBare(b *testing.B) string {
	s := smtp.NewServer(sink{})
	s.Domain = "mx.desk.example"
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	l := listen(b)
	go s.Serve(l)
	b.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

func listenOurs(b *testing.B) string {
	cfg := Config{Hostname: "mx.desk.example", MessageBytes: 25 << 20, Recipients: 100, Connections: 1000, ConnectionsPerNetwork: 500}
	s := New(cfg, taker{}, nil, nil, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
	l := listen(b)
	go s.Serve(context.Background(), l, RoleMX)
	b.Cleanup(func() { s.Shutdown(context.Background()) })
	return l.Addr().String()
}

func listen(b *testing.B) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// flood sends n mails in each of 20 sessions and says how long that took, from
// when all were open.
func flood(b *testing.B, addr string, n int) time.Duration {
	body := "Subject: bench\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 52) + ".\r\n"
	conns := make([]*bufio.ReadWriter, 20)
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		conns[i] = bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriterSize(c, 8<<10))
		ask(b, conns[i], "")
		ask(b, conns[i], "EHLO client.example\r\n")
	}
	began := time.Now()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			for range n {
				for _, step := range []string{"MAIL FROM:<eva@customer.example>\r\n", "RCPT TO:<support@desk.example>\r\n", "DATA\r\n", body} {
					if !ask(b, c, step) {
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

func ask(b *testing.B, c *bufio.ReadWriter, say string) bool {
	c.WriteString(say)
	c.Flush()
	for {
		line, err := c.ReadSlice('\n')
		if err != nil || line[0] > '3' {
			b.Errorf("got %q (%v)", line, err)
			return false
		}
		if line[3] == ' ' {
			return true
		}
	}
}
