package e2e

import (
	"bytes"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopIn is how long a stop may take, whoever dawdles.
const stopIn = 15 * time.Second

// R14: at SIGTERM the desk turns its readiness off, sends away who is idle and
// lets a mail that is arriving arrive.
func TestR14_WhatArrivesMayFinish(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	from := "slow@acme.example"
	raw := crlf(letter(from, support, "Slow", "", strings.Repeat("A line of many.\n", 30_000)))
	sender, idle := mustDial(t, d), mustDial(t, d)
	if err := sender.envelope(from, []string{support}); err != nil {
		t.Fatal(err)
	}
	half := bytes.LastIndexByte(raw[:len(raw)/2], '\n') + 1
	if _, err := sender.conn.Write(raw[:half]); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	d.proc.cmd.Process.Signal(syscall.SIGTERM)
	if text, err := idle.expect(421); err != nil || !strings.HasPrefix(text, "4.3.2 ") {
		t.Errorf("who is idle hears %q %v", text, err)
	}
	eventually(t, "it is no longer ready, and says so", func() string {
		if status, text := d.get("/readyz"); status != http.StatusServiceUnavailable {
			return text
		}
		return ""
	})
	if status, text := d.get("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz while it drains: %d %s", status, text)
	}
	if conn, err := net.Dial("tcp", d.mx()); err == nil {
		conn.SetDeadline(time.Now().Add(patience))
		greeting := make([]byte, 3)
		if conn.Read(greeting); string(greeting) == "220" {
			t.Error("a new connection was greeted")
		}
		conn.Close()
	}
	if err := sender.body(raw[half:]); err != nil {
		t.Fatal(err)
	}
	text, err := sender.expect(250)
	m := receiptText.FindStringSubmatch(text)
	if err != nil || m == nil {
		t.Fatalf("the mail that was arriving: %q %v", text, err)
	}
	<-d.proc.exited
	if took, code := time.Since(start), d.proc.cmd.ProcessState.ExitCode(); code != 0 || took > stopIn {
		t.Errorf("exit status %d after %v", code, took)
	}
	d.serve()
	if list := d.of(from); len(list) != 1 || list[0].Messages[0].Receipt != m[1] || list[0].Messages[0].SHA256 != sum(raw) {
		t.Errorf("it is there as %+v", list)
	}
	w.next("carl@agents.example", "Slow")
}

// R14: who never ends a mail does not keep the desk from stopping, and nothing
// of that mail is kept.
func TestR14_WhoDawdlesIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	c := mustDial(t, d)
	if err := c.envelope("never@acme.example", []string{support}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.Write([]byte("Subject: this never ends\r\n\r\nWords")); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	d.proc.cmd.Process.Signal(syscall.SIGTERM)
	<-d.proc.exited
	if took, code := time.Since(start), d.proc.cmd.ProcessState.ExitCode(); code != 0 || took > stopIn {
		t.Errorf("exit status %d after %v:\n%s", code, took, d.proc.log)
	}
	if list := d.tickets(); len(list) != 0 {
		t.Errorf("kept: %+v", list)
	}
}

func mustDial(t *testing.T, d *desk) *smtpClient {
	t.Helper()
	c, err := dialSMTP(d.mx())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}
