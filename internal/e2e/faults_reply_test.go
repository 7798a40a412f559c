package e2e

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"postroom/internal/testenv"
)

// R3: who hears no answer after the final dot sends again, and what was kept the
// first time is recognised.
func TestR3_LostReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.team()
	d.serve()
	proxy := testenv.NewProxy(t, d.mx())

	for _, c := range []struct {
		name string
		raw  string
		lost func()
	}{
		{"the connection breaks", letter("broken@acme.example", support, "Broken", "", "The answer does not arrive."), func() {}},
		{"the server is killed", letter("killed@acme.example", support, "Killed", "", "The server dies."), func() { d.kill(); d.serve() }},
		{"a large mail", letter("large@acme.example", support, "Large", "", strings.Repeat("Forty characters of text in every line.\n", 20_000)), func() { d.kill(); d.serve() }},
		{"without Message-ID", withoutID(letter("nameless@acme.example", support, "Nameless", "", "My client writes no Message-ID.")), func() {}},
	} {
		from := address(c.raw)
		proxy.Mend()
		keptUnheard(t, d, proxy, from, crlf(c.raw))
		c.lost()
		first := d.of(from)[0].Messages[0]
		for range 2 {
			if receipt := d.mustSend(from, support, c.raw); receipt != first.Receipt {
				t.Errorf("%s: sent again it was kept as %s; it is there as %s", c.name, receipt, first.Receipt)
			}
		}
		if list := d.of(from); len(list) != 1 || len(list[0].Messages) != 1 || list[0].Messages[0].SHA256 != sum(crlf(c.raw)) {
			t.Errorf("%s: sent again it made %+v", c.name, list)
		}
	}
	// Each was told and acknowledged once.
	d.quiet()
	seen := map[string]int{}
	for _, o := range d.outbox() {
		seen[o.Ticket+" "+o.Kind+" "+o.To]++
	}
	for what, n := range seen {
		if n != 1 {
			t.Errorf("%d times in the outbox: %s", n, what)
		}
	}
}

// R3: what only looks like the mail that was kept is another one, and is kept
// too.
func TestR3_InDoubtTwoMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.team()
	d.serve()
	first := letter("ann@acme.example", support, "Twice", "", "The first text.")
	nameless := withoutID(letter("bob@acme.example", support, "Nameless", "", "The same words every day."))
	later := strings.Replace(nameless, "Date: "+header(nameless, "Date"), "Date: "+time.Now().Add(time.Hour).Format(time.RFC1123Z), 1)
	for _, c := range []struct{ name, envelope, one, other string }{
		{"another body under the same Message-ID", "ann@acme.example", first, strings.Replace(first, "first text", "second text", 1)},
		{"another author under the same Message-ID", "ann@acme.example", first, strings.Replace(first, "From: ann@", "From: anna@", 1)},
		{"no Message-ID, another Date", "bob@acme.example", nameless, later},
	} {
		if c.one == c.other {
			t.Fatalf("%s: both are the same mail", c.name)
		}
		one, other := d.mustSend(c.envelope, support, c.one), d.mustSend(c.envelope, support, c.other)
		if one == other {
			t.Errorf("%s: both are kept as %s", c.name, one)
		}
		stored := map[string]string{}
		for _, tk := range d.tickets() {
			for _, m := range tk.Messages {
				stored[m.Receipt] = m.SHA256
			}
		}
		if stored[one] != sum(crlf(c.one)) || stored[other] != sum(crlf(c.other)) {
			t.Errorf("%s: kept as %s and %s, there are %v", c.name, one, other, stored)
		}
	}
}

// R3: many senders that hang up after the final dot, at whatever moment that
// finds the server in, and send again until they hear an answer.
func TestR3_HangUps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.must("queue", "add", "support", "--address", support)
	d.serve()
	const servers, each = 8, 12
	var wg sync.WaitGroup
	for i := range servers {
		wg.Go(func() {
			for j := range each {
				from := fmt.Sprintf("hasty-%d-%d@acme.example", i, j)
				raw := crlf(letter(from, support, "In a hurry", "", "Words."))
				if err := hangUp(d.mx(), from, raw, time.Duration(j)*500*time.Microsecond); err != nil {
					t.Error(err)
				}
				if _, err := d.send(from, support, string(raw)); err != nil {
					t.Errorf("sent again: %v", err)
				}
			}
		})
	}
	wg.Wait()
	messages := 0
	for _, tk := range d.tickets() {
		messages += len(tk.Messages)
	}
	if messages != servers*each {
		t.Errorf("%d mails made %d messages", servers*each, messages)
	}
}

// hangUp hands a mail over and cuts the connection a moment after the final dot.
func hangUp(to, from string, raw []byte, moment time.Duration) error {
	c, err := dialSMTP(to)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.envelope(from, []string{support}); err != nil {
		return err
	}
	if err := c.body(raw); err != nil {
		return err
	}
	<-time.After(moment)
	return c.conn.(*net.TCPConn).SetLinger(0) // reset, not closed in good order
}

// keptUnheard hands a mail over through the proxy, and cuts it when the mail is
// in the list and the answer still on its way.
func keptUnheard(t *testing.T, d *desk, proxy *testenv.Proxy, from string, raw []byte) {
	t.Helper()
	c, err := dialSMTP(proxy.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.envelope(from, []string{support}); err != nil {
		t.Fatal(err)
	}
	proxy.Delay(time.Hour)
	defer proxy.Delay(0)
	if err := c.body(raw); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the mail is kept", func() string {
		if len(d.of(from)) == 0 {
			return "not yet"
		}
		return ""
	})
	proxy.Cut()
	if text, err := c.expect(250); err == nil {
		t.Fatalf("the answer came through: %s", text)
	}
}

// withoutID takes the Message-ID off a letter.
func withoutID(raw string) string {
	return strings.Replace(raw, "Message-ID: "+header(raw, "Message-ID")+"\n", "", 1)
}

// header is a field of a letter, as written.
func header(raw, name string) string {
	_, rest, _ := strings.Cut("\n"+raw, "\n"+name+": ")
	value, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(value, "\r")
}

// address is who a letter is from.
func address(raw string) string { return bare(header(raw, "From")) }
