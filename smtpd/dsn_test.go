package smtpd

import (
	"reflect"
	"testing"

	"postroom/tickets"
)

// What the sender asks to hear of the delivery reaches the intake (RFC 3461).
func TestDSNParametersReachTheIntake(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<eva@customer.example> RET=HDRS ENVID=order+2B7", "250")
	c.cmd("RCPT TO:<support@desk.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;help@old.example", "250")
	c.cmd("RCPT TO:<support2@desk.example> NOTIFY=NEVER", "250")
	c.cmd("DATA", "354")
	c.cmd("Subject: x\r\n\r\ny\r\n.", "250 2.0.0")
	got := h.desk.mails()[0].env.DSN
	want := tickets.DSNRequest{EnvelopeID: "order+7", Success: []tickets.Delivered{{Address: "support@desk.example", Original: "rfc822;help@old.example"}}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v", got)
	}
}
