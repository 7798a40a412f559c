package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"postroom/internal/message"
	"postroom/internal/testenv"
)

// Mail written by real clients is kept as they wrote it, attachment and all, and
// answered from an agent's real client.
func TestRealMailClients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := arrangements[0].start(t, w, nil)
	d := h.admin()
	blob := make([]byte, 200_000) // goes in by pieces, as every large mail
	rand.Read(blob)
	file := filepath.Join(t.TempDir(), "Überblick.bin")
	if err := os.WriteFile(file, blob, 0o600); err != nil {
		t.Fatal(err)
	}
	const body = "Grüße aus dem Test.\n\n.\n..\nFrom here on it is quiet.\n"
	host, port := d.ip, portMX
	clients := []struct {
		name string
		argv []string
		in   string
	}{
		{"swaks", []string{"--server", d.mx(), "--helo", "client.acme.example", "--from", "swaks@acme.example", "--to", support,
			"--h-Subject", "Written by swaks", "--add-header", "MIME-Version: 1.0", "--body", body, "--attach", "@" + file, "--suppress-data"}, ""},
		{"s-nail", []string{"-:/", "-S", "v15-compat", "-S", "mta=smtp://" + host + ":" + port, "-S", "smtp-auth=none", "-r", "s-nail@acme.example",
			"-S", "hostname=client.acme.example", "-S", "sendcharsets=utf-8", "-S", "ttycharset=utf-8", "-s", "Written by s-nail", "-a", file, support}, body},
		{"mutt", []string{"-n", "-F", "/dev/null", "-e", "set smtp_url=smtp://" + host + ":" + port + " ssl_starttls=yes ssl_force_tls=yes ssl_verify_host=no certificate_file=" + filepath.Join(d.data, "self-signed.pem") + " from=mutt@acme.example use_from=yes hostname=client.acme.example copy=no use_envelope_from=yes send_charset=utf-8",
			"-s", "Written by mutt", "-a", file, "--", support}, body},
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			defer func(outer testing.TB) { w.t, d.t = outer, outer }(w.t)
			w.t, d.t = t, t
			cmd := exec.Command(testenv.Program(t, c.name), c.argv...)
			cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8", "MAILRC=/dev/null")
			cmd.Stdin = strings.NewReader(c.in)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			from := c.name + "@acme.example"
			list := d.of(from)
			if len(list) != 1 || list[0].Subject != "Written by "+c.name || len(list[0].Messages) != 1 || list[0].Messages[0].Proof != "aligned" {
				t.Fatalf("it made %+v", list)
			}
			raw := d.control("ticket", "raw", itoa(list[0].Messages[0].ID))
			m, err := message.Parse(bytes.NewReader(raw), message.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(m.Text, "Grüße aus dem Test.") || !strings.Contains(m.Text, "\n.\n..\nFrom here on") {
				t.Errorf("the text is %q", m.Text)
			}
			if len(m.Attachments) != 1 || m.Attachments[0].SHA256 != sum(blob) {
				t.Errorf("the attachments are %+v", m.Attachments)
			}
			ack := w.next(from)
			if !strings.Contains(ack.msg.Subject, "[#") {
				t.Errorf("the acknowledgement's subject is %q", ack.msg.Subject)
			}
			n := w.next("berta@agents.example", "Written by "+c.name)
			if len(n.msg.Attachments) != 1 || n.msg.Attachments[0].SHA256 != sum(blob) {
				t.Errorf("the notification's attachments are %+v", n.msg.Attachments)
			}

			// Berta answers through the desk's submission port with s-nail, over TLS.
			answer := "The answer to " + c.name + "."
			send := exec.Command(testenv.Program(t, "s-nail"), "-:/", "-S", "v15-compat", "-S", "mta=submissions://berta:"+url.PathEscape(agentPassword)+"@"+d.submissions(),
				"-S", "tls-verify=ignore", "-S", "smtp-auth=login", "-r", "berta@agents.example", "-S", "hostname=client.agents.example",
				"-t")
			send.Env = cmd.Env
			send.Stdin = strings.NewReader(fmt.Sprintf("To: %s\nSubject: Re: %s\nIn-Reply-To: <%s>\n\n%s\n", n.replyTo(), n.msg.Subject, n.msg.MessageID, answer))
			if out, err := send.CombinedOutput(); err != nil {
				t.Fatalf("s-nail: %v: %s", err, out)
			}
			got := w.next(from, answer)
			w.mustVerify(t, got)
			if got.msg.From[0].Address != support || len(got.msg.Attachments) != 0 || strings.Contains(string(got.raw), "agents.example") {
				t.Errorf("the answer is\n%s", got.raw)
			}
		})
	}
}
