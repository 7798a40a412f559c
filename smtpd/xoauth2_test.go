package smtpd

import (
	"strings"
	"testing"
)

// No issuer of tokens can be configured, so no token is taken: not offered,
// refused in whatever form it comes, never passed on and never logged.
func TestS18_TokensAreOffWithoutAnIssuer(t *testing.T) {
	cfg := testConfig()
	cfg.TLS = testTLS(t)
	h := open(t, cfg)
	const secret = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
	xoauth2 := b64("user=anna\x01auth=Bearer " + secret + "\x01\x01")
	bearer := b64("n,a=anna,\x01host=mx.desk.example\x01port=587\x01auth=Bearer " + secret + "\x01\x01")
	none := b64(`{"alg":"none"}`) + "." + b64(`{"sub":"anna","exp":1}`) + "."
	for _, role := range []Role{RoleSubmission, RoleSubmissions} {
		for _, line := range []string{"XOAUTH2 " + xoauth2, "XOAUTH2", "xoauth2 " + xoauth2, "XOAUTH2 !!!not-base64!!!",
			"OAUTHBEARER " + bearer, "OAUTHBEARER", "OAUTHBEARER " + b64("n,,\x01auth=Bearer "+none+"\x01\x01")} {
			c := h.dial(role)
			if role == RoleSubmission {
				c.hello()
				c.cmd("STARTTLS", "220")
				c = c.tls()
			} else {
				c = newClient(t, c.Conn).tls()
				c.want("220")
			}
			if caps := c.cmd("EHLO client.example", "250"); strings.Contains(strings.ToUpper(caps), "OAUTH") {
				t.Fatalf("offered: %s", caps)
			}
			c.cmd("AUTH "+line, "504 5.5.4")
			c.cmd("MAIL FROM:<anna@desk.example>", "530")
			c.cmd("QUIT", "221")
		}
	}
	if h.auth.asked != 0 {
		t.Errorf("%d tokens were tried as passwords", h.auth.asked)
	}
	if log := h.logs.String(); strings.Contains(log, secret) || strings.Contains(log, xoauth2) || strings.Contains(log, bearer) {
		t.Error("a token stands in the log")
	}
}
