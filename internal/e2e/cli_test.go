package e2e

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postroom/internal/testenv"
)

// What an administrator gets wrong, beyond TestWhatIsSaidOfMistakes: the words
// name what was wrong and what to do, on standard error and without a trace of
// our inside; the exit status is 1 for what did not work and 2 for what is no
// command. Nothing is changed by any of it.
func TestWrongInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.team()
	short, binary := filepath.Join(d.dir, "short"), filepath.Join(d.dir, "binary")
	if err := os.WriteFile(short, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, []byte("\x00\x01From "), 0o600); err != nil {
		t.Fatal(err)
	}
	before := d.must("queue", "list", "--json") + d.must("agent", "list", "--json")
	for _, c := range []struct {
		args   []string
		status int
		words  []string
	}{
		// What is no command.
		{[]string{"tickets", "list"}, 2, []string{"tickets"}},
		{[]string{"queue"}, 2, []string{"add"}},
		{[]string{"queue", "ad", "x"}, 2, []string{"ad"}},
		{[]string{"queue", "add"}, 2, []string{"--address"}},
		{[]string{"queue", "add", "--address", "a@desk.example"}, 2, []string{"<name>"}},
		{[]string{"queue", "list", "--jsn"}, 2, []string{"--jsn"}},
		{[]string{"queue", "list", "support"}, 2, []string{"support"}},
		{[]string{"queue", "set", "support", "--reopen-days", "many"}, 2, []string{"--reopen-days", "many"}},
		{[]string{"agent", "add", "dora"}, 2, []string{"--address"}},
		{[]string{"held", "show", "K7Q2-9F3M"}, 2, []string{"K7Q2-9F3M"}},
		{[]string{"outbox", "retry"}, 2, []string{"<id>"}},
		{[]string{"import", short}, 2, []string{"--queue"}},
		{[]string{"import", "--queue", "support"}, 2, []string{"<file>"}},
		{[]string{"import", "--queue", "support", "--state", "new", short}, 2, []string{"resolved", "new"}},
		{[]string{"inspect"}, 2, []string{"<file>"}},
		{[]string{"backup"}, 2, []string{"<file>"}},
		{[]string{"--config"}, 2, []string{"--config"}},
		// Names and addresses.
		{[]string{"queue", "add", "two words", "--address", "a@desk.example"}, 1, []string{"two words", "one word"}},
		{[]string{"queue", "add", "me", "--address", "a@desk.example"}, 1, []string{`"me"`, "another name"}},
		{[]string{"queue", "add", "new", "--address", "a+b@desk.example"}, 1, []string{"a+b@desk.example", "+"}},
		{[]string{"queue", "add", "new", "--address", "a@"}, 1, []string{`"a@"`}},
		{[]string{"queue", "add", "new", "--address", "Desk <a@desk.example>"}, 1, []string{"Desk <a@desk.example>"}},
		{[]string{"queue", "add", "new", "--address", "a@desk.example", "--receives", "none"}, 1, []string{`"none"`}},
		{[]string{"queue", "add", "new", "--address", "a@desk.example", "--receives", "SUPPORT@desk.example"}, 1, []string{"SUPPORT@desk.example", "queue support"}},
		{[]string{"queue", "add", "new", "--address", "a@desk.example", "--reply-domain", "not a domain"}, 1, []string{"--reply-domain", "not a domain"}},
		{[]string{"queue", "add", "SUPPORT", "--address", "a@desk.example"}, 1, []string{"SUPPORT", "taken"}},
		{[]string{"queue", "add", "new", "--address", "berta@agents.example"}, 1, []string{"berta"}},
		{[]string{"queue", "set", "support"}, 1, []string{"queue set --help"}},
		{[]string{"queue", "set", "none", "--ack"}, 1, []string{`"none"`, "queue list"}},
		{[]string{"queue", "set", "support", "--address", "billing@desk.example"}, 1, []string{"billing@desk.example"}},
		{[]string{"queue", "set", "support", "--reopen-days=-1"}, 1, []string{"--reopen-days"}},
		{[]string{"queue", "set", "support", "--signature", "de"}, 1, []string{`"de"`, "LANG=FILE"}},
		{[]string{"queue", "set", "support", "--signature", "de=/not/there"}, 1, []string{"/not/there"}},
		{[]string{"queue", "remove", "none"}, 1, []string{`"none"`, "queue list"}},
		{[]string{"agent", "add", "new", "--address", "berta@agents.example"}, 1, []string{"berta@agents.example", "berta"}},
		{[]string{"agent", "add", "BERTA", "--address", "new@agents.example"}, 1, []string{"berta", "agent set"}},
		{[]string{"agent", "add", "nobody", "--address", "new@agents.example"}, 1, []string{`"nobody"`}},
		{[]string{"agent", "add", "new", "--address", "new@agents.example", "--password-file", short}, 1, []string{"password", "characters"}},
		{[]string{"agent", "set", "none", "--role", "admin"}, 1, []string{`"none"`, "agent list"}},
		{[]string{"agent", "set", "berta"}, 1, []string{"agent set --help"}},
		{[]string{"agent", "set", "berta", "--queue", "none"}, 1, []string{`"none"`, "queue list"}},
		{[]string{"agent", "set", "berta", "--address", "carl@agents.example"}, 1, []string{"carl@agents.example", "agent carl"}},
		{[]string{"agent", "set", "berta", "--address", "billing@desk.example"}, 1, []string{"billing@desk.example", "queue billing"}},
		{[]string{"agent", "password", "berta"}, 1, []string{"--password-file"}},
		{[]string{"agent", "remove", "none"}, 1, []string{`"none"`, "agent list"}},
		// References and ids.
		{[]string{"ticket", "show", "K7Q2"}, 1, []string{`"K7Q2"`, "K7Q2-9F3M"}},
		{[]string{"ticket", "explain", "k7q29f3m"}, 1, []string{"K7Q2-9F3M"}},
		{[]string{"ticket", "raw", "99999999999999999999"}, 1, []string{"99999999999999999999", "ticket show"}},
		{[]string{"ticket", "raw", "0"}, 1, []string{"0"}},
		{[]string{"held", "drop", "77"}, 1, []string{"77"}},
		{[]string{"outbox", "retry", "77"}, 1, []string{"77"}},
		{[]string{"outbox", "drop", "77"}, 1, []string{"77"}},
		{[]string{"person", "show", "not an address"}, 1, []string{"not an address"}},
		// Files.
		{[]string{"import", "--queue", "support", short}, 1, []string{short, "mbox"}},
		{[]string{"import", "--queue", "support", binary}, 1, []string{binary, "mbox"}},
		{[]string{"import", "--queue", "support", d.dir}, 1, []string{d.dir, "maildir"}},
		{[]string{"backup", short}, 1, []string{short, "already"}},
		{[]string{"backup", "/not/there/backup"}, 1, []string{"/not/there/backup"}},
		{[]string{"backup", "--keys", "--passphrase-file", short, filepath.Join(d.dir, "keys")}, 1, []string{"12 characters"}},
		{[]string{"backup", "--keys", filepath.Join(d.dir, "keys2")}, 1, []string{"--passphrase-file"}},
		{[]string{"restore", "/not/there"}, 1, []string{"/not/there"}},
		{[]string{"restore", short}, 1, []string{"backup"}},
		{[]string{"serve", "--roles", "mx,cook"}, 1, []string{`"cook"`, "submission"}},
		{[]string{"init", filepath.Join(short, "etc")}, 1, []string{short}},
		{[]string{"queue", "list", "--config", d.dir}, 1, []string{d.dir}},
		{[]string{"queue", "list", "--config", binary}, 1, []string{binary, "line"}},
	} {
		_, errs, status := d.run(c.args...)
		what := "postroom " + strings.Join(c.args, " ")
		if status != c.status {
			t.Errorf("%s: exit status %d, not %d: %s", what, status, c.status, errs)
		}
		for _, word := range c.words {
			if !strings.Contains(errs, word) {
				t.Errorf("%s: no %q in %q", what, word, errs)
			}
		}
		if c.status == 1 && (!strings.HasPrefix(errs, "postroom: ") || strings.Count(errs, "\n") > 2) {
			t.Errorf("%s: not a sentence of ours: %q", what, errs)
		}
		for _, inside := range []string{"UNIQUE", "constraint", "SQL", "sqlite", "goroutine", "strconv", "kong", "no rows", "EOF"} {
			if strings.Contains(errs, inside) {
				t.Errorf("%s: the words show our inside: %q", what, errs)
			}
		}
	}
	if after := d.must("queue", "list", "--json") + d.must("agent", "list", "--json"); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	if left, err := filepath.Glob(filepath.Join(d.dir, "keys*")); err != nil || len(left) > 0 {
		t.Errorf("backups that failed left %q", left)
	}
}

// What the server cannot have it names, and ends with status 1 before any door
// is open.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	taken, err := net.Listen("tcp", d.mx())
	if err != nil {
		t.Fatal(err)
	}
	if _, errs, status := d.run("serve"); status != 1 || !strings.Contains(errs, d.mx()) {
		t.Errorf("a door that is taken: %d %q", status, errs)
	}
	taken.Close()
	for _, c := range []struct {
		set   settings
		words []string
	}{
		{settings{"tls.cert": quote("/not/there.pem"), "tls.key": quote("/not/there.pem")}, []string{"tls.cert", "/not/there.pem"}},
		{settings{"tls.cert": `""`, "tls.key": `""`, "outbound.relay": quote("relay.example:587"), "outbound.relay_user": quote("desk"), "outbound.relay_password_file": quote("/not/there")}, []string{"relay_password_file", "/not/there"}},
		{settings{"outbound.relay": `""`, "outbound.relay_user": `""`, "outbound.relay_password_file": `""`, "keys.master_file": quote("/proc/version")}, []string{"/proc/version", "64 hexadecimal digits"}},
	} {
		d.configure(c.set)
		_, errs, status := d.run("serve")
		for _, word := range c.words {
			if status != 1 || !strings.Contains(errs, word) {
				t.Errorf("%v: %d, no %q in %q", c.set, status, word, errs)
			}
		}
	}
	d.configure(settings{"keys.master_file": quote("master.key")})
	d.serve() // nothing of all that is left
}

// A first start that fails, because the database is not there yet, leaves nothing
// that keeps the next one from working.
func TestFirstStartFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	postgres := testenv.Postgres(t)
	u, err := url.Parse(postgres)
	if err != nil {
		t.Fatal(err)
	}
	proxy := testenv.NewProxy(t, u.Host)
	proxy.Cut()
	d := newDesk(t, w, settings{"database.url": quote(proxy.Through(t, postgres))})
	if _, errs, status := d.run("serve"); status != 1 || !strings.Contains(errs, proxy.Addr()) {
		t.Errorf("without its database: %d %q", status, errs)
	}
	proxy.Mend()
	d.team()
	d.serve()
	d.mustSend("ann@acme.example", support, letter(ann, support, "Hello", "", "Words."))
	d.verify()
}
