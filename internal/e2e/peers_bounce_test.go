package e2e

import (
	"os"
	"strings"
	"testing"
)

// Bounces of real make: an answer goes out through somebody else's server, which
// takes it and learns only later that there is no such person any more. What that
// server then writes, to the return path of the answer, is an event of the ticket and
// mail to the agent who answered; it makes no ticket and is not answered.
func TestPeersBounce(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("Postfix, Exim and OpenSMTPD start as root only")
	}
	w := newWorld(t)
	d := newDesk(t, w, nil)
	list := peers()
	for _, p := range list {
		p.ip = loopback(t)
		w.publish("mx."+p.domain+" A "+p.ip, p.domain+" MX 10 mx."+p.domain+".", p.domain+` TXT "v=spf1 ip4:127.0.0.0/8 -all"`)
	}
	d.team()
	d.publishAsChecked(w)
	d.serve()
	for _, p := range list {
		t.Run(p.domain, func(t *testing.T) {
			p.run(t, d, w)
			from, words := "gone@"+p.domain, "nobody-of-that-name"
			p.send(t, from, letter("Gone <"+from+">", support, "Before I leave "+p.domain, "", "Is my order on its way?"))
			status := "5.1.1"
			if p.domain == "opensmtpd.example" {
				status = "5.0.0" // whatever it was told
			}
			w.next(from, "[#")
			note := w.next("berta@agents.example", "Before I leave "+p.domain)
			w.faults(func(to string) error {
				if to == from {
					return refuse(550, 5, 1, 1, words)
				}
				return nil
			}, nil)
			defer w.faults(nil, nil)
			d.mustSend("berta@agents.example", note.replyTo(), letter(berta, note.replyTo(), "Re: "+note.msg.Subject, "", "It is, until Monday."))
			told := w.next("berta@agents.example", from, words)
			if told.msg.Get("Auto-Submitted") == "" {
				t.Errorf("what Berta is told does not say that a program wrote it:\n%s", told.raw)
			}
			d.quiet()
			mine := d.of(from)
			if len(mine) != 1 {
				t.Fatalf("the bounce made tickets: %+v", mine)
			}
			if n := len(mine[0].Messages); n != 3 { // question, answer, and the bounce, which is kept
				t.Errorf("the ticket has %d messages", n)
			}
			if why := d.must("ticket", "explain", mine[0].Ref); !strings.Contains(why, "bounced") || !strings.Contains(why, "permanent=true status="+status) {
				t.Errorf("the ticket's events tell of no bounce:\n%s", why)
			}
			failed := 0
			for _, o := range d.outbox() {
				if o.To == from && o.Kind == "answer" && o.State == "failed" && o.Status == status {
					failed++
				}
			}
			if failed != 1 {
				t.Errorf("%d answers are known to have failed", failed)
			}
			if all := d.tickets(); len(all) != countOf(all, list) {
				t.Errorf("there are tickets of others: %+v", all)
			}
		})
	}
}

// countOf counts the tickets whose requester is a person of the peers.
func countOf(all []ticket, list []*peer) (n int) {
	for _, tk := range all {
		for _, p := range list {
			if tk.Requester == "gone@"+p.domain {
				n++
			}
		}
	}
	return n
}
