package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"

	"postroom/internal/resolver"
)

// This binary called again, with one of these words, is one of the servers.
const (
	childPrefix = "child-"
	childBare   = childPrefix + "bare"
	childWorld  = childPrefix + "world"
)

// runChild serves until standard input ends, which it does with the parent. A
// line on standard input is answered with the number of mails taken.
func runChild(kind string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ready := l.Addr().String()
	if kind == childWorld {
		dns, err := resolver.ServeZone(ctx, zone())
		if err != nil {
			return err
		}
		ready += " " + dns
	}
	var taken atomic.Int64
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sink{&taken}, nil }))
	s.Domain = "mail.outside.example"
	s.MaxMessageBytes = 64 << 20
	s.MaxRecipients = 100
	s.ReadTimeout, s.WriteTimeout = 5*time.Minute, 5*time.Minute
	s.ErrorLog = log.New(io.Discard, "", 0)
	go s.Serve(l)
	fmt.Println(ready)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(taken.Load())
	}
	return s.Close()
}

// sink throws mail away and counts it.
type sink struct{ taken *atomic.Int64 }

func (sink) Reset()                               {}
func (sink) Logout() error                        { return nil }
func (sink) Mail(string, *smtp.MailOptions) error { return nil }
func (sink) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s sink) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	if err == nil {
		s.taken.Add(1)
	}
	return err
}

// senderDomains is how many domains customers write from.
const senderDomains = 200

func senderDomain(n int) string { return "customer" + strconv.Itoa(n%senderDomains) + ".example" }

// zone names the servers of customers and agents. Every domain publishes SPF,
// every second one DMARC too.
func zone() string {
	var z strings.Builder
	z.WriteString("mail.outside.example. 300 IN A 127.0.0.1\ndesk.example. 300 IN MX 10 mx.desk.example.\nmx.desk.example. 300 IN A 127.0.0.1\n" +
		"agents.example. 300 IN MX 10 mail.outside.example.\n")
	for i := range senderDomains {
		d := senderDomain(i)
		fmt.Fprintf(&z, "%s. 300 IN MX 10 mail.outside.example.\n%s. 300 IN TXT \"v=spf1 ip4:127.0.0.1 -all\"\n", d, d)
		if i%2 == 0 {
			fmt.Fprintf(&z, "_dmarc.%s. 300 IN TXT \"v=DMARC1; p=none\"\n", d)
		}
	}
	return z.String()
}

// child is a running copy of this binary.
type child struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	addr string
	dns  string // of the world
}

func startChild(ctx context.Context, kind string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, kind)}
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("start %s: %w", kind, err)
	}
	c.addr, c.dns, _ = strings.Cut(strings.TrimSpace(line), " ")
	return c, nil
}

func startWorld(ctx context.Context) (*child, error) { return startChild(ctx, childWorld) }

// taken is how many mails the child has had.
func (c *child) taken() (int, error) {
	if _, err := io.WriteString(c.in, "\n"); err != nil {
		return 0, err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line))
}

func (c *child) stop() {
	c.in.Close()
	c.cmd.Wait()
}
