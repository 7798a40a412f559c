package smtpd

import (
	"strings"
	"testing"

	"postroom/tickets"
)

// The address corpus of the threats at the door itself: each is refused as a
// recipient and as a sender, or taken and handed on in the one form it has.
func TestAddressCorpus_AtTheDoor(t *testing.T) {
	h := open(t, testConfig())
	h.desk.rcpt = func(a string) error {
		_, domain, _ := strings.Cut(a, "@")
		if at := strings.LastIndexByte(a, '@'); at >= 0 {
			domain = a[at+1:]
		}
		if domain != "corp.example" {
			return &tickets.Refusal{Reason: tickets.RefuseRelay}
		}
		return nil
	}
	for _, tc := range []struct{ path, taken string }{ // taken: empty when refused
		{`=?utf-8?q?evil=40e.test=3e=20?=@corp.example`, ""},
		{`"a@e.test> x"@corp.example`, ""},
		{`a%e@corp.example`, "a%e@corp.example"}, // a literal mailbox: the desk has no such, and nothing is routed
		{`e!a@corp.example`, "e!a@corp.example"},
		{`"a"@corp.example`, "a@corp.example"},
		{`a@corp.example`, "a@corp.example"},
		{`a@CORP.EXAMPLE`, "a@corp.example"},
		{`A@corp.example`, "A@corp.example"},
		{`a@corp.example(x)`, ""},
		{`g: a@x.example, b@y.example;`, ""},
		{`a@[127.0.0.1]`, ""},
		{`a@corp.example.`, ""},
		{"a@corp\x00.example", ""},
		{"a\x00@corp.example", ""},
		{"ag\u200bent@corp.example", ""},
		{"a@xn--corp-.example", ""},
		{"a@xn--a.example", ""},
		{"a@xn--a@b-.example", ""},
		{"a@xn--<>-.example", ""},
	} {
		for _, command := range []string{"MAIL FROM:<", "RCPT TO:<"} {
			c := h.dial(RoleMX).hello()
			suffix := ">"
			if !isPlain(tc.path) && command == "MAIL FROM:<" {
				suffix = "> SMTPUTF8"
			}
			if command == "RCPT TO:<" {
				utf8 := ""
				if !isPlain(tc.path) {
					utf8 = " SMTPUTF8"
				}
				c.cmd("MAIL FROM:<eva@customer.example>"+utf8, "250")
			}
			c.send(command + tc.path + suffix + "\r\n")
			got, err := c.reply()
			if taken := err == nil && strings.HasPrefix(got, "250"); taken != (tc.taken != "") {
				t.Errorf("%s%q: %q, %v", command, tc.path, got, err)
			} else if !taken && err == nil && !strings.HasPrefix(got, "5") {
				t.Errorf("%s%q: put off with %q", command, tc.path, got)
			}
			if tc.taken == "" || command == "MAIL FROM:<" {
				continue
			}
			c.cmd("DATA", "354")
			c.cmd("x\r\n.", "250")
			if kept := h.desk.take(); len(kept) != 1 || len(kept[0].env.To) != 1 || kept[0].env.To[0] != tc.taken {
				t.Errorf("%q handed on as %+v", tc.path, kept)
			}
		}
	}
	// A line break in an address is the end of the command and of nothing else.
	c := h.dial(RoleMX).hello()
	c.send("MAIL FROM:<a\r\nRCPT TO:<b@corp.example>\r\n")
	c.want("501")
	c.want("503")
}

func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
