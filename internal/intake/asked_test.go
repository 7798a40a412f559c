package intake_test

import (
	"strings"
	"testing"
)

// What an agent is promised when asked about a held mail comes true: the way of a mail is
// remembered where there is one and the address is the agent's own.
func TestWhatAConfirmationPromises(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	secret, public := []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, []string{"support+commands@desk.example"}
	by := func(ip, sender string, rcpt []string) mail {
		return mail{From: "ada@team.example", Sender: sender, IP: ip, Rcpt: rcpt, Body: "#note\r\nWords.\r\n"}
	}
	for _, c := range []struct {
		name   string
		m      mail
		says   string
		asking bool // about the next one of the kind
	}{
		{"proved way, own address", by(home["mailer.example"], "bounces@mailer.example", secret), "through mailer.example, is remembered", false},
		{"no proved way, own address", by(evilIP, "x@nowhere.example", secret), "asked about the next one, too", true},
		{"proved way, public address", by(home["mailer.example"], "bounces@mailer.example", public), "you are asked about each mail there", true},
	} {
		before := len(d.held())
		g := d.ok(c.m)
		if len(d.held()) != before+1 || len(g.out) != 1 || !strings.Contains(g.out[0].Spec.Text, c.says) {
			t.Errorf("%s: Ada is asked %+v", c.name, g.out)
			continue
		}
		d.ok(mail{From: "ada@team.example", Rcpt: []string{g.out[0].Spec.ReplyTo}, Body: "#confirm\r\n"})
		d.jobs()
		if d.ok(c.m); len(d.held()) != before+map[bool]int{true: 1}[c.asking] {
			t.Errorf("%s: after a confirmation %d are held", c.name, len(d.held()))
		}
	}
}
