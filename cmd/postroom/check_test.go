package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postroom/internal/config"
	"postroom/internal/resolver"
	"postroom/tickets"
)

// An agent's own mailbox cannot be in a domain whose mail comes to this server;
// where another server has the domain's mail, it can.
func TestCheckMailboxes(t *testing.T) {
	zone := "here.example MX 10 desk.example\nelsewhere.example MX 10 mx.elsewhere.example"
	d := &desk{cfg: &config.Config{Hostname: "desk.example"}, dns: resolver.From(resolver.NewFake(zone))}
	ours := map[string]bool{"here.example": true, "elsewhere.example": true, "none.example": true}
	for _, c := range []struct {
		address string
		active  bool
		bad     bool
	}{
		{"dora@here.example", true, true},
		{"dora@here.example", false, false},
		{"dora@elsewhere.example", true, false},
		{"dora@none.example", true, false},
		{"dora@mail.example", true, false},
	} {
		var out bytes.Buffer
		d.checkMailboxes(t.Context(), &report{w: &out}, &tickets.Directory{Agents: []*tickets.Agent{{Name: "dora", Address: c.address, Active: c.active}}}, ours)
		if bad := strings.Contains(out.String(), "dora has the mailbox "+c.address); bad != c.bad || !bad && out.Len() > 0 {
			t.Errorf("%s, active %v: %q", c.address, c.active, &out)
		}
	}
}

// What a controller has to tell people and nobody wrote down is warned of, and
// an acknowledgement names the controller only where one was named: the host's
// name stands in privacy mails alone.
func TestCheckPrivacy(t *testing.T) {
	for _, c := range []struct {
		privacy string
		named   string
		warned  []string
		not     []string
	}{
		{"", "", []string{"privacy.controller", "name desk.example", "privacy.dpo", "privacy.authority", "privacy.country is empty"}, []string{"ok    privacy"}},
		{"country = \"US\"\ndpo = \"dpo@example.org\"", "", []string{"privacy.controller", "privacy.authority", "holidays of US are not known"}, []string{"privacy.dpo"}},
		{"country = \"DE\"\ndpo = \"dpo@example.org\"\nauthority = \"LfDI\"\ncontroller = \"Example Ltd\"", "Example Ltd",
			[]string{"ok    privacy    Example Ltd; holidays of DE"}, []string{"warn"}},
	} {
		path := filepath.Join(t.TempDir(), "postroom.toml")
		if err := os.WriteFile(path, []byte("hostname = \"desk.example\"\n[privacy]\n"+c.privacy+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := outboundConfig(&cfg, "", "n").Notice; n.Controller != c.named || n.Contact == "" {
			t.Errorf("%q: acknowledgements name %q", c.privacy, n.Controller)
		}
		var out bytes.Buffer
		checkPrivacy(&cfg.Privacy, &report{w: &out})
		for _, s := range c.warned {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%q: it does not say %q:\n%s", c.privacy, s, &out)
			}
		}
		for _, s := range c.not {
			if strings.Contains(out.String(), s) {
				t.Errorf("%q: it says %q:\n%s", c.privacy, s, &out)
			}
		}
	}
}
