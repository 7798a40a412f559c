package smtpd

import (
	"net/mail"
	"strings"
	"testing"

	"postroom/tickets"
)

// The address corpus of S7: what is taken, in which form, and what is not.
func TestS7_AddressDifferential(t *testing.T) {
	for _, tc := range []struct {
		in   string
		utf8 bool
		want string // local@domain, or a code
	}{
		{"a@corp.example", false, "a@corp.example"},
		{"a@CORP.Example", false, "a@corp.example"},
		{"A@corp.example", false, "A@corp.example"},
		{`"a"@corp.example`, false, "a@corp.example"},
		{`"a\b"@corp.example`, false, "ab@corp.example"},
		{`"a b"@corp.example`, false, `"a b"@corp.example`},
		{`"a\"b"@corp.example`, false, `"a\"b"@corp.example`},
		{`"a\\b"@corp.example`, false, `"a\\b"@corp.example`},
		{`"a..b"@corp.example`, false, `"a..b"@corp.example`},
		{"a%e@corp.example", false, "a%e@corp.example"},
		{"e!a@corp.example", false, "e!a@corp.example"},
		{"support+r.abc234@corp.example", false, "support+r.abc234@corp.example"},
		{"a=b=c@host_1.example", false, "a=b=c@host_1.example"},
		{"a@localhost", false, "a@localhost"},
		{"a@xn--bcher-kva.example", false, "a@xn--bcher-kva.example"},
		{"a@bücher.example", true, "a@xn--bcher-kva.example"},
		{"a@BÜCHER.example", true, "a@xn--bcher-kva.example"},
		{"jürgen@corp.example", true, "jürgen@corp.example"},
		{"ju\u0308rgen@corp.example", true, "jürgen@corp.example"},

		{"=?utf-8?q?evil=40e.test=3e=20?=@corp.example", false, "553"},
		{`"=?utf-8?q?evil?="@corp.example`, false, "553"},
		{`"a@e.test> x"@corp.example`, false, "553"},
		{`"a@e.test"@corp.example`, false, "553"},
		{`"a\@e.test"@corp.example`, false, "553"},
		{"a@e.test@corp.example", false, "501"},
		{"@e.test:a@corp.example", false, "550"},
		{"a@corp.example(x)", false, "501"},
		{"a(x)@corp.example", false, "501"},
		{"g: a@x.example, b@y.example;", false, "501"},
		{"a@[127.0.0.1]", false, "553"},
		{"a@[IPv6:::1]", false, "553"},
		{"a@127.0.0.1", false, "501"},
		{"a@corp.example.", false, "501"},
		{"a@.corp.example", false, "501"},
		{"a@corp..example", false, "501"},
		{"a@-corp.example", false, "501"},
		{"a@corp.exa mple", false, "501"},
		{"a@corp.example\x00", false, "501"},
		{"a\r\nRCPT TO:<b@corp.example>", false, "501"},
		{"a\n@corp.example", false, "501"},
		{"a\x7f@corp.example", false, "501"},
		{"\"a\tb\"@corp.example", false, "501"},
		{"", false, "501"}, {"@", false, "501"}, {"a@", false, "501"}, {"@corp.example", false, "501"}, {"a", false, "501"},
		{`"@corp.example`, false, "501"}, {`""@corp.example`, false, "501"}, {`"a@corp.example`, false, "501"},
		{`"a"b@corp.example`, false, "501"}, {`a"b"@corp.example`, false, "501"}, {`"a\"@corp.example`, false, "501"},
		{".a@corp.example", false, "501"}, {"a.@corp.example", false, "501"}, {"a..b@corp.example", false, "501"},
		{"a b@corp.example", false, "501"},
		{strings.Repeat("a", 250) + "@corp.example", false, "501"},
		{"a@" + strings.Repeat("a", 64) + ".example", false, "501"},
		{"ag\u200bent@corp.example", true, "553"},
		{"ag\u00adent@corp.example", true, "553"},
		{"\u202eagent@corp.example", true, "553"},
		{"a\u00a0b@corp.example", true, "553"},
		{"a@co\u200brp.example", true, "553"},
		{"a@exa\u217fple.example", true, "553"},
		{"a@corp\u3002example", true, "553"},
		{"a@corp\uff0eexample", true, "553"},
		{"a@xn--corp-.example", false, "553"},
		{"a@xn--a.example", false, "553"},
		{"a@xn--bcher-kvb.example", false, "553"},
		{"a@xn--.example", false, "553"},
		{"jürgen@corp.example", false, "553"},
		{"a@bücher.example", false, "553"},
		{"\xff@corp.example", true, "553"},
		{"a@corp\xc3.example", true, "553"},
	} {
		local, domain, err := ParsePath(tc.in, tc.utf8)
		got := local + "@" + domain
		if err != nil {
			got = replyOf(err).Error()[len("SMTP error "):][:3]
		}
		if got != tc.want {
			t.Errorf("%q: got %s (%v), want %s", tc.in, got, err, tc.want)
		}
		if err != nil {
			continue
		}
		a, err := mail.ParseAddress("<" + got + ">")
		if err != nil {
			t.Errorf("%q: taken, but net/mail says %v", tc.in, err)
			continue
		}
		at := strings.LastIndexByte(a.Address, '@')
		if l := a.Address[:at]; a.Address[at+1:] != domain || l != local && quote(l) != local {
			t.Errorf("%q: taken as %s, but net/mail says %s", tc.in, got, a.Address)
		}
		if l2, d2, err := ParsePath(got, true); err != nil || l2 != local || d2 != domain {
			t.Errorf("%q: %s parses as %s@%s (%v)", tc.in, got, l2, d2, err)
		}
	}
}

func TestS6_OpenRelay(t *testing.T) {
	cfg := testConfig()
	cfg.AllowPlainAuth = true
	h := open(t, cfg)
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<eva@customer.example> SMTPUTF8", "250")
	for path, want := range map[string]string{
		"<a@foreign.example>":                      "550 5.7.1",
		"<a%foreign.example@desk.example>":         "550 5.1.1",
		"<foreign.example!a@desk.example>":         "550 5.1.1",
		"<@desk.example:a@foreign.example>":        "550 5.7.1",
		`<"a@foreign.example"@desk.example>`:       "553 5.1.3",
		"<a@foreign.example@desk.example>":         "501 5.1.3",
		"<a@[192.0.2.1]>":                          "553 5.1.3",
		"<support@desk.example.>":                  "501 5.1.3",
		"<a@foreign.example>(c)":                   "501 5.5.4",
		"<a@foreign\u3002example>":                 "553 5.1.3",
		"<support@desk.example> a@foreign.example": "555 5.5.4",
	} {
		c.cmd("RCPT TO:"+path, want)
	}
	c.cmd("DATA", "503")

	// An agent sends from addresses of their own only, and that is Intake's to say.
	h.desk.rcpt = func(string) error { return nil }
	h.desk.sender = func(env *tickets.Envelope) error {
		if env.AgentID != 7 || env.From != "anna@desk.example" {
			return &tickets.Refusal{Reason: tickets.RefuseSender}
		}
		return nil
	}
	c = h.dial(RoleSubmission).hello()
	c.cmd("MAIL FROM:<anna@desk.example>", "530 5.7.0")
	c.cmd("AUTH PLAIN "+plain("anna", "right"), "235")
	c.cmd("MAIL FROM:<eva@customer.example>", "550 5.7.1")
	c.cmd("MAIL FROM:<anna@desk.example>", "250")
	c.cmd("RCPT TO:<a@foreign.example>", "250")
}

func TestS15_SMTPUTF8(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(RoleMX).hello()
	c.cmd("MAIL FROM:<jürgen@customer.example>", "553 5.6.7")
	c.cmd("MAIL FROM:<j\xfcrgen@customer.example> SMTPUTF8", "553 5.6.7")
	c.cmd("MAIL FROM:<jürgen@bücher.example> SMTPUTF8", "250")
	c.cmd("RCPT TO:<support@desk.example>", "250")
	c.cmd("DATA", "354")
	c.cmd("ü\r\n.", "250")
	env := h.desk.mails()[0].env
	if env.From != "jürgen@xn--bcher-kva.example" || !env.UTF8 {
		t.Errorf("%+v", env)
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"a@b", `"a b"@c.example`, "ü@ü.example", "a@xn--bcher-kva.example", `"\""@c`, "@a:b@c", "a@[::1]"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, utf8 bool) {
		local, domain, err := ParsePath(s, utf8)
		if err != nil {
			return
		}
		path := local + "@" + domain
		if strings.ContainsAny(path, "\r\n\x00<>") || strings.Count(path, "@") != 1 || !isASCII(domain) {
			t.Fatalf("%q gives %q", s, path)
		}
		if l, d, err := ParsePath(path, true); err != nil || l != local || d != domain {
			t.Fatalf("%q gives %q, which gives %q@%q (%v)", s, path, l, d, err)
		}
		a, err := mail.ParseAddress("<" + path + ">")
		if err != nil {
			t.Fatalf("%q gives %q, of which net/mail says %v", s, path, err)
		}
		if a.Address[strings.LastIndexByte(a.Address, '@')+1:] != domain {
			t.Fatalf("%q gives %q, in net/mail %q", s, path, a.Address)
		}
	})
}
