package e2e

import (
	"strings"
	"testing"
)

// Who asks for it by NOTIFY=SUCCESS is told that the mail arrived, in the form
// of RFC 3464 and once; who may be forged, and who does not ask, is not.
func TestDeliveryReportOnRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	c := mustDial(t, d)
	defer c.close()
	hand := func(from, mailParams, rcptParams string) {
		t.Helper()
		for _, cmd := range []string{"MAIL FROM:<" + from + "> " + mailParams, "RCPT TO:<" + support + "> " + rcptParams} {
			if _, err := c.say(250, "%s", strings.TrimSpace(cmd)); err != nil {
				t.Fatal(cmd, err)
			}
		}
		if _, err := c.say(354, "DATA"); err != nil {
			t.Fatal(err)
		}
		if err := c.body(crlf(letter("Ann <"+from+">", support, "A question of "+from, "", "Zanzibar?"))); err != nil {
			t.Fatal(err)
		}
		if _, err := c.expect(250); err != nil {
			t.Fatal(err)
		}
	}
	hand("ann@acme.example", "RET=HDRS ENVID=QQ+2B314159", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Info+2BShop@old.example")
	hand("ben@acme.example", "", "NOTIFY=FAILURE,DELAY")
	hand("cid@acme.example", "", "NOTIFY=NEVER")
	hand("dan@unknown.example", "", "NOTIFY=SUCCESS") // nothing says who may send for it
	report := w.next("ann@acme.example", "Delivered")
	if report.from != "" {
		t.Errorf("its return path is %q: a bounce of it could be answered", report.from)
	}
	text := string(report.raw)
	for _, want := range []string{"multipart/report", "report-type=delivery-status", "message/delivery-status", "Original-Envelope-Id: QQ+314159",
		"Original-Recipient: rfc822;Info+Shop@old.example", "Final-Recipient: rfc822;" + support, "Action: delivered", "Status: 2.", "Reporting-MTA: dns;desk.example"} {
		if !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(text, "; ", ";"), "\"", ""), strings.ReplaceAll(want, "; ", ";")) {
			t.Errorf("no %q in the report:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Zanzibar") {
		t.Errorf("the report repeats the mail:\n%s", text)
	}
	for _, who := range []string{"ben", "cid"} { // the acknowledgement is the last that comes
		w.next(who+"@acme.example", "[#")
	}
	d.quiet()
	for _, o := range d.outbox() {
		if o.Kind == "report" && o.To != "ann@acme.example" {
			t.Errorf("a report to %s, who did not ask or may be forged", o.To)
		}
	}
	for _, m := range w.to("ann@acme.example") {
		if m != report && strings.Contains(string(m.raw), "delivery-status") {
			t.Error("two reports")
		}
	}
}
