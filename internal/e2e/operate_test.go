package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// get reads a page of the operator's port.
func (d *desk) get(path string) (status int, text string) {
	d.t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(d.url(path))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// metric is "" when the metric has the value, else what there is.
func (d *desk) metric(name, value string) string {
	d.t.Helper()
	_, text := d.get("/metrics")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if strings.TrimSpace(rest) == value {
				return ""
			}
			return line
		}
	}
	return "there is no " + name
}

// What a monitor asks: alive, ready, and the figures; and that they count.
func TestHealthReadinessAndMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, text := d.get(path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status, _ := d.get("/"); status != http.StatusNotFound {
		t.Errorf("/: %d", status)
	}
	d.mustSend("ann@acme.example", support, letter(ann, support, "Hello", "", "Are you there?"))
	w.next("ann@acme.example")
	for name, value := range map[string]string{"postroom_mails_kept_total": "1", "postroom_store_up": "1", "postroom_mail_seconds_count": "1"} {
		if why := d.metric(name, value); why != "" {
			t.Errorf("%s is not %s: %s", name, value, why)
		}
	}
	if _, text := d.get("/metrics"); strings.Contains(text, "acme.example") {
		t.Error("the metrics name a customer's domain")
	}
	d.stop()
	if status, _ := d.get("/readyz"); status == http.StatusOK {
		t.Error("ready after the stop")
	}
}

// check through a running server sees at once what was published after the
// last check.
func TestCheckSeesNewRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.team()
	d.serve()
	missing := func() int {
		out, _, _ := d.run("check")
		return strings.Count(out, "_domainkey.desk.example. IN TXT")
	}
	if n := missing(); n != 2 {
		t.Fatalf("before anything is published check asks for %d keys", n)
	}
	d.publishAsChecked(w)
	if n := missing(); n != 0 {
		out, _, _ := d.run("check")
		t.Errorf("after they are published check asks for %d keys:\n%s", n, out)
	}
}

// One process uses a data folder; commands go through it while it runs.
func TestOneServerAndItsControlSocket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	if _, errs, status := d.run("serve"); status != 1 || !strings.Contains(errs, "in use") {
		t.Errorf("a second server: status %d, %q", status, errs)
	}
	info, err := os.Stat(filepath.Join(d.data, "control.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("control.sock: %v, %v", info, err)
	}
	withServer := d.must("queue", "list", "--json")
	d.must("queue", "set", "billing", "--reopen-days", "7")
	if out := d.must("queue", "show", "billing", "--json"); !strings.Contains(out, `"reopen_days":7`) {
		t.Errorf("billing is %s", out)
	}
	d.must("queue", "set", "billing", "--reopen-days", "30")
	d.kill() // leaves its socket behind
	if got := d.must("queue", "list", "--json"); got != withServer {
		t.Errorf("without the server the list is\n%s\nwith it\n%s", got, withServer)
	}
	d.serve()
	if got := d.must("queue", "list", "--json"); got != withServer {
		t.Errorf("after the restart the list is\n%s\nbefore\n%s", got, withServer)
	}
	master, err := os.Stat(filepath.Join(d.data, "master.key"))
	if err != nil || master.Mode().Perm() != 0o600 {
		t.Errorf("master.key: %v, %v", master, err)
	}
}

// SIGHUP reads the certificate again, and keeps the old one when the new one
// is none.
func TestSIGHUPReloadsTheCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "cert.pem")
	if err := os.WriteFile(file, selfSigned(t, "mx.desk.example", 1001), 0o600); err != nil {
		t.Fatal(err)
	}
	d := alone(t, w, settings{"tls.cert": quote(file), "tls.key": quote(file)})
	serial := func() string {
		c, err := dialSMTP(d.mx())
		if err != nil {
			return err.Error()
		}
		defer c.close()
		state, err := c.startTLS()
		if err != nil {
			return err.Error()
		}
		return state.PeerCertificates[0].SerialNumber.String()
	}
	if got := serial(); got != "1001" {
		t.Fatalf("the certificate is %s", got)
	}
	replace := func(text []byte) {
		if err := os.WriteFile(file+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
		d.proc.cmd.Process.Signal(syscall.SIGHUP)
	}
	replace(selfSigned(t, "mx.desk.example", 1002))
	eventually(t, "the new certificate is shown", func() string {
		if got := serial(); got != "1002" {
			return got
		}
		return ""
	})
	replace([]byte("nonsense"))
	eventually(t, "the log says that it is none", func() string {
		if !strings.Contains(d.proc.log.String(), "the old one stays") {
			return "nothing"
		}
		return ""
	})
	if got := serial(); got != "1002" {
		t.Errorf("after a broken file the certificate is %s", got)
	}
}

// What an administrator does wrong is said in words that help, on standard
// error, with the exit status for it: 1 did not work, 2 not understood.
func TestWhatIsSaidOfMistakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	d.team()
	for _, c := range []struct {
		args   string
		status int
		words  string
	}{
		{"", 0, ""},
		{"--help", 0, ""},
		{"nonsense", 2, "nonsense"},
		{"ticket", 2, "list"},
		{"ticket show", 2, "ref"},
		{"ticket show 12", 1, "12"},
		{"ticket show K7Q2-9F3M", 1, "K7Q2-9F3M"},
		{"ticket raw 12345", 1, "12345"},
		{"ticket raw x", 1, "no message id"},
		{"ticket list --state nonsense", 1, "no state"},
		{"ticket list --queue nonsense", 1, "no queue"},
		{"queue add support --address s2@desk.example", 1, "support"},
		{"queue add s2 --address support@desk.example", 1, "support@desk.example"},
		{"queue add s2", 2, "--address"},
		{"queue add s2 --address nonsense", 1, "no mail address"},
		{"queue add a/b --address s2@desk.example", 1, "a/b"},
		{"queue show nonsense", 1, "nonsense"},
		{"agent add dora --address dora@agents.example --queue nonsense", 1, "nonsense"},
		{"agent add dora --address dora@agents.example --role king", 1, "king"},
		{"agent add dora --address support@desk.example", 1, "support"},
		{"agent add berta --address b2@agents.example", 1, "berta"},
		{"agent add dora --address dora@agents.example --password-file /nowhere/at/all", 1, "/nowhere/at/all"},
		{"agent password nobody --password-file /dev/null", 1, "nobody"},
		{"held show 1", 1, "1"},
		{"held release 1", 1, "1"},
		{"outbox show 1", 1, "1"},
		{"outbox list --state nonsense", 1, "no state"},
		{"person show nobody@acme.example", 1, "nobody@acme.example"},
		{"import --queue support /nowhere/at/all", 1, "/nowhere/at/all"},
		{"import --queue nonsense /dev/null", 1, "nonsense"},
		{"serve --roles nonsense", 1, "nonsense"},
		{"init " + filepath.Dir(d.config), 1, "left as it is"},
		{"check --config /nowhere/at/all", 1, "/nowhere/at/all"},
	} {
		out, errs, status := d.run(strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(errs, c.words) {
			t.Errorf("postroom %s: status %d (want %d), %q (want %q)", c.args, status, c.status, errs, c.words)
		}
		if status != 0 && (strings.Count(errs, "\n") > 4 && c.status == 1 || strings.Contains(errs, "goroutine")) {
			t.Errorf("postroom %s says too much:\n%s", c.args, errs)
		}
		if status == 1 && out != "" && !strings.HasPrefix(c.args, "import") {
			t.Errorf("postroom %s: standard output %q", c.args, out)
		}
	}
}

// A configuration that cannot be meant is refused with the file and the line
// or the key.
func TestWhatIsSaidOfTheConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, nil)
	good, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, words string }{
		{"recipients = ", "recipiants = ", "recipiants"},
		{"[limits]", "[limites]", "limites"},
		{"level = \"info\"", "level = \"loud\"", "log.level"},
		{"cert = \"\"", "cert = \"c.pem\"", "cert and key"},
		{"mx = \"" + d.mx() + "\"", "mx = \"nonsense\"", "listen.mx"},
		{"url = \"sqlite:\"", "url = \"mysql://x\"", "database.url"},
		{"recipients = 100", "recipients = \"many\"", "line"},
		{"connections = 1000", "connections = -1", "limits.connections"},
		{"relay_tls = \"require\"", "relay_tls = \"perhaps\"", "relay_tls"},
		{"hostname = \"mx.desk.example\"", "hostname = \"\"", "hostname"},
		{"url = \"sqlite:\"", "url = \"env:POSTROOM_NO_SUCH_VARIABLE\"", "POSTROOM_NO_SUCH_VARIABLE"},
	} {
		text := strings.Replace(string(good), c.old, c.new, 1)
		if text == string(good) {
			t.Fatalf("the configuration has no %q", c.old)
		}
		if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, errs, status := d.run("queue", "list")
		if status != 1 || !strings.Contains(errs, c.words) || !strings.Contains(errs, d.config) {
			t.Errorf("%q: status %d, %q", c.new, status, errs)
		}
	}
}

// A database or an address that is not to be had ends serve with its name.
func TestServeSaysWhatItDoesNotGet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDesk(t, w, settings{"listen.http": quote("192.0.2.1:80")})
	if _, errs, status := d.run("serve"); status != 1 || !strings.Contains(errs, "192.0.2.1:80") {
		t.Errorf("a foreign address: status %d, %q", status, errs)
	}
	d.configure(settings{"database.url": quote("postgres://postgres@127.0.0.1:1/none?sslmode=disable&connect_timeout=2")})
	if _, errs, status := d.run("serve"); status != 1 || !strings.Contains(errs, "127.0.0.1") {
		t.Errorf("no PostgreSQL: status %d, %q", status, errs)
	}
}

// Old mail is taken in without anything being sent, once however often it is
// imported, through a running server and without one; later replies thread to it.
func TestImportTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := arrangements[0].build(t, w, nil)
	d := h.admin()
	dir := t.TempDir()
	var mbox bytes.Buffer
	box := filepath.Join(dir, "Maildir")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(box, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var raws []string
	for i := range 20 {
		from := fmt.Sprintf("old%d@acme.example", i)
		raw := letter(from, support, "An old mail", "", fmt.Sprintf("Old %d.\n\nFrom the beginning\n>From the quote\n.\n", i))
		raw = strings.Replace(raw, "Date: "+time.Now().Format("Mon, 02 Jan 2006"), "Date: Mon, 02 Mar 2020", 1)
		raws = append(raws, raw)
		if i%2 == 0 {
			fmt.Fprintf(&mbox, "From %s Mon Mar  2 10:00:00 2020\n", from)
			for line := range strings.Lines(raw) {
				if strings.HasPrefix(strings.TrimLeft(line, ">"), "From ") {
					line = ">" + line
				}
				mbox.WriteString(line)
			}
			mbox.WriteString("\n")
			continue
		}
		if err := os.WriteFile(filepath.Join(box, []string{"cur", "new"}[i/2%2], fmt.Sprintf("%d.host:2,S", i)), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "archive.mbox")
	if err := os.WriteFile(file, mbox.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "20 messages taken in, 0 known already, 0 not taken."
	if out := d.must("import", "--queue", "support", file, box); !strings.Contains(out, want) {
		t.Errorf("import says %q", out)
	}
	d.serve()
	if out := d.must("import", "--queue", "support", box, file); !strings.Contains(out, "0 messages taken in, 20 known already, 0 not taken.") {
		t.Errorf("the second import says %q", out)
	}
	list := d.tickets()
	if len(list) != 20 {
		t.Errorf("%d tickets", len(list))
	}
	for _, tk := range list {
		if tk.State != "resolved" || len(tk.Messages) != 1 {
			t.Errorf("imported: %+v", tk)
			continue
		}
		m := tk.Messages[0]
		if !slices.ContainsFunc(raws, func(raw string) bool {
			return m.SHA256 == fmt.Sprintf("%x", sha256.Sum256([]byte(raw)))
		}) {
			t.Errorf("%s: the bytes are not those of the file: %+v\n%s", tk.Requester, m, d.must("ticket", "raw", fmt.Sprint(m.ID)))
		}
	}
	if rows := d.outbox(); len(rows) != 0 {
		t.Errorf("an import sent %+v", rows)
	}
	d.must("import", "--queue", "support", "--state", "open", file)
	id := messageID(crlf(raws[3]))
	d.mustSend("old3@acme.example", support, letter("old3@acme.example", support, "Re: An old mail", "In-Reply-To: <"+id+">\n", "And now?"))
	w.next("berta@agents.example", "And now?")
	if out, errs, status := d.run("import", "--queue", "support", "/etc/passwd"); status != 1 || !strings.Contains(errs+out, "mbox") {
		t.Errorf("a file that is no mbox: %d %s%s", status, out, errs)
	}
}

// A desk restored from its two backups, elsewhere and with another master key,
// answers as the first did.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	d.mustSend("ann@acme.example", support, letter(ann, support, "Hello", "", "Where is invoice 2026-1182?"))
	n := w.next("berta@agents.example", "2026-1182")
	extra, body := replying(n, "Hello Ann, here it is.", "Berta")
	d.mustSend("berta@agents.example", n.replyTo(), letter(berta, n.replyTo(), "Re: x", extra, body))
	answer := w.next("ann@acme.example", "here it is")
	big := letter(ann, support, "Much", "", strings.Repeat("0123456789 much text, much of it the same\n", 20_000))
	d.mustSend("ann@acme.example", support, big)
	d.quiet()
	dir := t.TempDir()
	pass := filepath.Join(dir, "passphrase")
	content, keys := filepath.Join(dir, "content"), filepath.Join(dir, "keys")
	if err := os.WriteFile(pass, []byte("a passphrase of some length\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.must("backup", content) // while it runs
	d.must("backup", "--keys", "--passphrase-file", pass, keys)
	for _, f := range []string{content, keys} {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"ann@acme.example", "2026-1182", "berta", "much text"} {
			if bytes.Contains(b, []byte(word)) {
				t.Errorf("%s holds %q in the clear", filepath.Base(f), word)
			}
		}
	}
	if _, errs, status := d.run("backup", content); status != 1 || !strings.Contains(errs, "already") {
		t.Errorf("a backup over another: %d %s", status, errs)
	}
	show := func(d *desk) (all string) {
		all = d.must("ticket", "list", "--json") + d.must("queue", "list", "--json") + d.must("agent", "list", "--json") + d.must("person", "list", "--json") + d.must("outbox", "list", "--json")
		for _, tk := range d.tickets() {
			all += d.must("ticket", "show", tk.Ref) + d.must("ticket", "explain", tk.Ref)
			for _, m := range tk.Messages {
				all += sum([]byte(d.must("ticket", "raw", fmt.Sprint(m.ID))))
			}
		}
		return all
	}
	before := show(d)
	if _, errs, status := d.run("restore", "--accept-missing-erasures", "--keys", keys, "--passphrase-file", pass, content); status != 1 || !strings.Contains(errs, "running") {
		t.Errorf("a restore under a running server: %d %s", status, errs)
	}
	d.stop()

	e := newDesk(t, w, nil)
	wrong := filepath.Join(dir, "wrong")
	os.WriteFile(wrong, []byte("another passphrase\n"), 0o600)
	if _, errs, status := e.run("restore", "--accept-missing-erasures", "--keys", keys, "--passphrase-file", wrong, content); status != 1 || !strings.Contains(errs, "passphrase") {
		t.Errorf("a wrong passphrase: %d %s", status, errs)
	}
	e.must("restore", "--accept-missing-erasures", "--keys", keys, "--passphrase-file", pass, content)
	if after := show(e); after != before {
		t.Errorf("the restored desk answers\n%s\nthe first answered\n%s", after, before)
	}
	e.serve()
	e.verify()
	// Secret addresses and passwords hold on.
	e.mustSend("ann@acme.example", answer.replyTo(), letter(ann, answer.replyTo(), "x", "", "It came, thank you."))
	w.next("berta@agents.example", "It came, thank you")
}

// The names that DESIGN.md fixes: tests from outside read them.
func TestJSONNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	d.mustSend("ann@acme.example", support, letter(ann, support, "Hello", "", "Are you there?"))
	w.next("ann@acme.example")
	d.quiet()
	eml := filepath.Join(t.TempDir(), "a.eml")
	if err := os.WriteFile(eml, []byte("From x@y.example Mon Mar  2 10:00:00 2020\n"+letter(ann, support, "Hello", "", "Hi")), 0o600); err != nil {
		t.Fatal(err)
	}
	report := filepath.Join(t.TempDir(), "b.eml")
	os.WriteFile(report, []byte("From: MAILER-DAEMON@x.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nno\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n"), 0o600)
	inspect := d.must("inspect", "--json", "--threads", eml, report, "/nowhere/at/all")
	if strings.Count(inspect, "\n") != 3 {
		t.Fatalf("inspect of three files says\n%s", inspect)
	}
	bounceLine := strings.Split(inspect, "\n")[1]
	for _, c := range []struct {
		what, line, path string
		want             []string
	}{
		{"ticket list", d.must("ticket", "list", "--json"), "", []string{"ref", "queue", "state", "assignee", "priority", "tags", "subject", "requester", "created", "updated", "messages"}},
		{"ticket list", d.must("ticket", "list", "--json"), "messages", []string{"id", "receipt", "message_id", "direction", "from", "envelope_from", "envelope_to", "received", "size", "sha256", "proof", "thread_reason"}},
		{"outbox list", d.must("outbox", "list", "--json"), "", []string{"id", "message_id", "kind", "ticket", "to", "state", "attempts", "next_at"}},
		{"inspect", inspect, "", []string{"from", "to", "cc", "reply_to", "subject", "date", "message_id", "in_reply_to", "references", "text", "reply", "html", "attachments", "kind", "auto_reason", "bounce", "privacy", "error", "thread"}},
		{"inspect", inspect, "from", []string{"name", "address"}},
		{"inspect", bounceLine, "bounce", []string{"recipient", "status", "action", "reason", "original_message_id"}},
	} {
		var v any
		if err := json.NewDecoder(strings.NewReader(c.line)).Decode(&v); err != nil {
			t.Errorf("%s --json: %v: %q", c.what, err, c.line)
			continue
		}
		if c.path != "" {
			v = v.(map[string]any)[c.path]
			if list, ok := v.([]any); ok && len(list) > 0 {
				v = list[0]
			}
		}
		m, ok := v.(map[string]any)
		if !ok {
			t.Errorf("%s --json: %s is %v", c.what, c.path, v)
			continue
		}
		for _, name := range c.want {
			if _, there := m[name]; !there {
				t.Errorf("%s --json: %s has no %q", c.what, c.path, name)
			}
		}
	}
	// Kinds of values.
	var tk map[string]any
	if err := json.Unmarshal([]byte(d.must("ticket", "list", "--json")), &tk); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"created", "updated"} {
		if _, err := time.Parse(time.RFC3339, fmt.Sprint(tk[name])); err != nil {
			t.Error(err)
		}
	}
	if _, ok := tk["tags"].([]any); !ok {
		t.Errorf("tags are %v", tk["tags"])
	}
	m := tk["messages"].([]any)[0].(map[string]any)
	if _, ok := m["envelope_to"].([]any); !ok {
		t.Errorf("envelope_to is %v", m["envelope_to"])
	}
	if m["id"] != float64(int64(m["id"].(float64))) || m["direction"] != "in" {
		t.Errorf("the message is %v", m)
	}
	last := strings.Split(inspect, "\n")[2]
	if !strings.Contains(last, `"error":"`) || strings.Contains(last, `"error":""`) {
		t.Errorf("an unreadable file: %s", last)
	}
}
