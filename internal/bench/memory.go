package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"sync"
	"time"
)

// The burst that memory is measured in.
const (
	burstMails = 100
	burstBytes = 25<<20 - 4096 // with its header below the limit
)

// memory measures a desk that has nothing to do, and then one hundred large
// mails that arrive at once.
func (b *bench) memory(ctx context.Context) error {
	d, err := b.newDesk(ctx, "memory", 0)
	if err != nil {
		return err
	}
	if err := d.start(ctx, b.roles); err != nil {
		return err
	}
	defer d.stop()
	select {
	case <-time.After(2 * time.Second): // what the start needed is given back, or not
	case <-ctx.Done():
		return ctx.Err()
	}
	idle, err := memoryOf(d.pid(), "VmRSS")
	if err != nil {
		return err
	}
	took, err := burst(d.mx)
	if err != nil {
		return fmt.Errorf("%w; its log ends: %s", err, d.lastLog())
	}
	peak, err := memoryOf(d.pid(), "VmHWM")
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "Memory: %d MiB idle, %d MiB at most while %d mails of 25 MiB came at once (%.1f s, %.0f MiB/s)\n\n",
		idle>>20, peak>>20, burstMails, took.Seconds(), burstMails*burstBytes/took.Seconds()/(1<<20))
	b.judge(idle < idleMemory, "memory idle: below 60 MiB", "%d MiB", idle>>20)
	b.judge(peak < burstMemory, "memory with one hundred 25 MiB mails at once: below 250 MiB", "%d MiB", peak>>20)
	return nil
}

// burst sends all mails side by side; each is one attachment that cannot be
// compressed.
func burst(addr string) (time.Duration, error) {
	body := largeBody()
	conns := make([]*conn, burstMails)
	for i := range conns {
		k, err := dial(addr)
		if err != nil {
			return 0, err
		}
		defer k.close()
		conns[i] = k
	}
	errs := make([]error, burstMails)
	began := time.Now()
	var wg sync.WaitGroup
	for i, k := range conns {
		wg.Go(func() { errs[i] = k.sendLarge(i, body) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func largeBody() []byte {
	const line = 57
	raw := make([]byte, line)
	var b bytes.Buffer
	b.Grow(burstBytes)
	for b.Len()+78 < burstBytes {
		rand.Read(raw)
		b.WriteString(base64.StdEncoding.EncodeToString(raw) + "\r\n")
	}
	b.WriteString("\r\n--" + boundary + "--\r\n.\r\n")
	return b.Bytes()
}

func (k *conn) sendLarge(i int, body []byte) error {
	k.c.SetDeadline(time.Now().Add(5 * time.Minute))
	from := fmt.Sprintf("large%d@%s", i, senderDomain(i))
	for _, line := range []string{"MAIL FROM:<" + from + ">\r\n", "RCPT TO:<" + queueAddress + ">\r\n", "DATA\r\n"} {
		if err := k.say([]byte(line)); err != nil {
			return err
		}
	}
	head := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: The scans %d\r\nDate: Tue, 3 Mar 2026 10:15:26 +0100\r\nMessage-ID: <large%d.%d@%s>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\nContent-Type: text/plain\r\n\r\nHere are the scans.\r\n--%s\r\n"+
		"Content-Type: application/pdf; name=\"scan.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"scan.pdf\"\r\n\r\n",
		from, queueAddress, i, i, time.Now().UnixNano(), senderDomain(i), boundary, boundary, boundary)
	if _, err := k.c.Write([]byte(head)); err != nil {
		return err
	}
	return k.say(body)
}
