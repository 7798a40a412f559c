package smtpd

import (
	"strings"
	"testing"
)

// REQUIRETLS (RFC 8689) promises that every further hop keeps it. What follows
// from a mail here goes to agents' mailboxes anywhere, so it is not offered,
// and a mail that asks for it is refused rather than taken on a promise.
func TestS17_RequireTLSIsNoEmptyPromise(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = testTLS(t)
	h := open(t, cfg)
	for _, role := range []Role{RoleMX, RoleSubmission} {
		c := h.dial(role).hello()
		c.cmd("STARTTLS", "220")
		c = c.tls()
		if caps := c.cmd("EHLO client.example", "250"); strings.Contains(strings.ToUpper(caps), "REQUIRETLS") {
			t.Errorf("offered: %s", caps)
		}
		if role == RoleSubmission {
			c.cmd("AUTH PLAIN "+plain("anna", "right"), "235")
		}
		c.cmd("MAIL FROM:<anna@desk.example> REQUIRETLS", "555 5.5.4")
		c.cmd("RCPT TO:<support@desk.example>", "503")
	}
	if n := len(h.desk.mails()); n != 0 {
		t.Errorf("%d mails were taken", n)
	}
}
