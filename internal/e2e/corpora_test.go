package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// corpusMail is one mail as it goes over the wire.
type corpusMail struct {
	file string
	from string // envelope, its own for each file
	raw  []byte
}

// corpora reads every mail of the real ones, with lines ended as SMTP ends
// them. Bodies without headers get the least of a header around them.
func corpora(t *testing.T) (list []corpusMail) {
	dir := os.Getenv("POSTROOM_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	indexes, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil || len(indexes) == 0 {
		t.Skipf("corpora not there: %s", dir)
	}
	seen := map[string]bool{}
	for _, index := range indexes {
		f, err := os.Open(index)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		dec := json.NewDecoder(f)
		for {
			var rec struct{ File, Format string }
			if err := dec.Decode(&rec); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", index, err)
			}
			if rec.File == "" || seen[rec.File] || rec.Format == "smtp-data-bytes" { // no mail, or conversations of smtpd's own tests
				continue
			}
			seen[rec.File] = true
			raw, err := os.ReadFile(filepath.Join(dir, "data", rec.File))
			if err != nil {
				t.Fatal(err)
			}
			kind := map[string]string{"text": "plain", "html": "html"}[rec.Format]
			if kind != "" {
				raw = append(fmt.Appendf(nil, "From: writer@many.example\nTo: support@desk.example\nSubject: %s\nMessage-ID: <%d@many.example>\nMIME-Version: 1.0\nContent-Type: text/%s; charset=utf-8\n\n", rec.File, len(list), kind), raw...)
			}
			if !bytes.Contains(raw, []byte("\n")) { // as old Macs ended lines
				raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
			}
			raw = withoutFromLine(raw)
			list = append(list, corpusMail{file: rec.File, from: fmt.Sprintf("file%d@many.example", len(list)), raw: crlf(string(raw))})
		}
	}
	return list
}

// withoutFromLine takes off the line a mailbox file puts before each mail; it
// is no part of it.
func withoutFromLine(raw []byte) []byte {
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	return raw
}

// mayRefuse says why a mail may be refused, by a look of the test's own; "" is
// no reason.
func mayRefuse(raw []byte) string {
	if bytes.IndexByte(raw, 0) >= 0 {
		return "NUL"
	}
	if strings.Contains(strings.ReplaceAll(string(raw), "\r\n", ""), "\r") {
		return "bare CR"
	}
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	if len(head) > 200<<10 {
		return "header too large"
	}
	froms, received, fields := 0, 0, 0
	var from string
	sc := bufio.NewScanner(bytes.NewReader(head))
	sc.Buffer(nil, 1<<20)
	in := false
	for sc.Scan() {
		l := sc.Text()
		if strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t") {
			if in {
				from += l
			}
			continue
		}
		name, value, _ := strings.Cut(l, ":")
		fields++
		in = false
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "from":
			froms++
			from, in = value, true
		case "received":
			received++
		}
	}
	if froms > 1 {
		return "more than one From field"
	}
	if received > 50 || fields > 1000 {
		return "too many fields"
	}
	if strings.Count(from, "@") > 1 {
		if list, err := netmail.ParseAddressList(strings.TrimSpace(from)); err != nil || len(list) > 1 {
			return "more than one From mailbox"
		}
	}
	return ""
}

// The main job on real mail: what is answered 250 is found again, byte for
// byte; what comes twice is there once.
func TestEveryRealMailIsKept(t *testing.T) {
	list := corpora(t)
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, settings{"ack.enabled": "false"})
	d.must("queue", "add", "support", "--address", support)
	d.serve()

	first := deliver(t, d, list)
	second := deliver(t, d, list)
	type place struct {
		stored
		n int
	}
	found := map[string]*place{}
	note := func(m stored) {
		if p := found[m.Receipt]; p != nil {
			p.n++
			return
		}
		found[m.Receipt] = &place{m, 1}
	}
	for _, tk := range d.tickets() {
		for _, m := range tk.Messages {
			note(m)
		}
	}
	for _, hm := range d.held() {
		if found[hm.Message.Receipt] == nil {
			note(hm.Message)
		}
	}
	refused := map[string]int{}
	kept, receipts := 0, map[string]string{}
	for i, c := range list {
		a, b := first[i], second[i]
		if a.err != nil {
			why := mayRefuse(c.raw)
			if why == "" {
				t.Errorf("%s: refused without need: %v", c.file, a.err)
			}
			if b.err == nil || b.err.Error() != a.err.Error() {
				t.Errorf("%s: refused with %v, then %v", c.file, a.err, b.err)
			}
			refused[why+": "+a.err.Error()]++
			continue
		}
		kept++
		if b.err != nil || b.receipt != a.receipt {
			t.Errorf("%s: the second time %q, %v instead of %s", c.file, b.receipt, b.err, a.receipt)
		}
		if other := receipts[a.receipt]; other != "" {
			t.Errorf("%s: has the receipt of %s", c.file, other)
		}
		receipts[a.receipt] = c.file
		m := found[a.receipt]
		if m == nil {
			t.Errorf("%s: kept as %s, and nowhere", c.file, a.receipt)
			continue
		}
		if m.n != 1 || m.Size != int64(len(c.raw)) || m.SHA256 != sum(c.raw) || m.EnvelopeFrom != c.from {
			t.Errorf("%s: %d times %+v; sent were %d bytes, %s, from %s", c.file, m.n, m.stored, len(c.raw), sum(c.raw), c.from)
		}
		// The command line for some, and what it speaks with the server for all.
		var raw []byte
		if i%100 == 0 {
			raw = []byte(d.must("ticket", "raw", fmt.Sprint(m.ID)))
		} else {
			raw = d.control("ticket", "raw", fmt.Sprint(m.ID))
		}
		if !bytes.Equal(raw, c.raw) {
			t.Errorf("%s: ticket raw %d gives %d bytes, sent were %d", c.file, m.ID, len(raw), len(c.raw))
		}
	}
	if len(found) != kept {
		t.Errorf("%d messages for %d mails", len(found), kept)
	}
	d.verify()
	t.Logf("%d mails, %d kept, each twice", len(list), kept)
	for _, why := range slices.Sorted(maps.Keys(refused)) {
		t.Logf("refused %d: %s", refused[why], why)
	}
	if kept < len(list)*95/100 {
		t.Errorf("only %d of %d were kept", kept, len(list))
	}
}

type outcome struct {
	receipt string
	err     error
}

// deliver sends every mail over a few kept-open connections.
func deliver(t *testing.T, d *desk, list []corpusMail) []outcome {
	t.Helper()
	out := make([]outcome, len(list))
	work := make(chan int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var c *smtpClient
			for i := range work {
				var err error
				if c == nil {
					if c, err = dialSMTP(d.mx()); err != nil {
						out[i].err = err
						c = nil
						continue
					}
				}
				out[i].receipt, out[i].err = c.send(list[i].from, []string{support}, list[i].raw)
				var reply *replyError
				switch {
				case out[i].err == nil:
				case !errors.As(out[i].err, &reply), strings.HasPrefix(reply.text, "5.5.2"): // those close the connection
					c.close()
					c = nil
				}
			}
			if c != nil {
				c.say(221, "QUIT")
				c.close()
			}
		})
	}
	for i := range list {
		work <- i
	}
	close(work)
	wg.Wait()
	return out
}
