package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"postroom/internal/testenv"
)

// peer is a mail server of somebody else's make: it takes mail at its own
// address, hands what is for the desk to the desk, under TLS or not at all, and
// what is for its own domain to the world's mailboxes.
type peer struct {
	domain string
	ip     string
	dir    string
	secure *regexp.Regexp // how its Received field says that the mail came under TLS
	broken bool           // its STARTTLS fails with every client
	start  func(t *testing.T, p *peer, desk, world string) *exec.Cmd
}

func peers() []*peer {
	return []*peer{
		{domain: "postfix.example", secure: regexp.MustCompile(`\(using TLSv1\.[23] (?s:.*) with ESMTPS id `), start: startPostfix},
		{domain: "exim.example", secure: regexp.MustCompile(`with esmtps\s+\(TLS1\.[23]\)`), start: startExim},
		{domain: "opensmtpd.example", secure: regexp.MustCompile(`with ESMTPS id \S+ \(TLSv1\.[23]:`), start: startOpenSMTPD},
	}
}

// Other people's servers send to the desk and take mail from it, each way
// under TLS where they can, and what they pass on still bears a signature that holds for a
// verifier of somebody else's make.
func TestPeers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("Postfix, Exim and OpenSMTPD start as root only")
	}
	w := newWorld(t)
	d := newDesk(t, w, nil)
	list := peers()
	for _, p := range list {
		p.ip = loopback(t)
		w.publish("mx."+p.domain+" A "+p.ip, p.domain+" MX 10 mx."+p.domain+".", p.domain+` TXT "v=spf1 ip4:127.0.0.0/8 -all"`)
	}
	d.team()
	d.publishAsChecked(w)
	d.serve()
	for _, p := range list {
		t.Run(p.domain, func(t *testing.T) {
			p.run(t, d, w)
			if err := p.probeTLS(); err != nil {
				// Debian 12's OpenSMTPD loses its key under OpenSSL 3, whoever
				// asks; then its mail has to come all the same, in clear.
				if p.domain != "opensmtpd.example" {
					t.Fatalf("STARTTLS: %v", err)
				}
				t.Logf("this OpenSMTPD's own STARTTLS does not work (%v): mail to it goes in clear", err)
				p.broken = true
			}
			from := "ann@" + p.domain
			body := "The first line.\n.\n.. and a line of two dots\n.hidden\nÄpfel, 日本語\n" + strings.Repeat("y", 990) + "\n"
			p.send(t, from, letter("Ann <"+from+">", "support@desk.example", "By way of "+p.domain, "", body))
			large := strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n", 32<<10)
			p.send(t, from, letter("Ann <"+from+">", "support@desk.example", "Much from "+p.domain, "", large))
			var mine []ticket
			eventually(t, "both mails are tickets", func() string {
				if mine = d.of(from); len(mine) != 2 {
					return fmt.Sprintf("there are %d", len(mine))
				}
				return ""
			})
			for _, tk := range mine {
				m := tk.Messages[0]
				want := body
				if tk.Subject == "Much from "+p.domain {
					want = large
				}
				raw := d.must("ticket", "raw", fmt.Sprint(m.ID))
				if !strings.HasSuffix(raw, string(crlf("\n"+want+"\n"))) {
					t.Errorf("%q: the body is not what was written (%d bytes)", tk.Subject, len(raw))
				}
				if m.Proof != "aligned" {
					t.Errorf("%q: proof %q", tk.Subject, m.Proof)
				}
			}
			for _, words := range []string{"By way of", "Much from"} {
				p.judge(t, w, w.next(from, words))
			}
			// An agent's answer goes the same way.
			note := w.next("berta@agents.example", "By way of "+p.domain)
			answer := "Your answer.\n.\n..dots\nÜmläute"
			d.mustSend("berta@agents.example", note.replyTo(), letter("berta@agents.example", note.replyTo(), "Re: "+note.msg.Subject, "", answer))
			got := w.next(from, "Your answer.")
			p.judge(t, w, got)
			if !strings.Contains(got.msg.Text, answer) {
				t.Errorf("the answer reads %q", got.msg.Text)
			}
		})
	}
}

// run starts the peer, and ends it with t.
func (p *peer) run(t *testing.T, d *desk, w *world) {
	t.Helper()
	p.dir = t.TempDir()
	if _, err := w.zone.Serve(t.Context(), p.ip+":53"); err != nil { // for those who ask by themselves
		t.Fatal(err)
	}
	if err := os.Chmod(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(p.dir); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		os.Chmod(dir, 0o755) // its servers run as users of their own
	}
	cmd := p.start(t, p, d.mx(), fmt.Sprintf("%s:%d", w.ip, outsidePort))
	log := &logBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(2 * time.Second): // Exim's daemon takes its time
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
		if t.Failed() {
			t.Logf("%s said: %s%s", p.domain, log, p.logs())
		}
	})
	eventually(t, p.domain+" takes mail", func() string {
		select {
		case <-exited:
			t.Fatalf("%s ended: %v\n%s%s", p.domain, cmd.ProcessState, log, p.logs())
		default:
		}
		c, err := dialSMTP(p.addr())
		if err != nil {
			return err.Error()
		}
		c.close()
		return ""
	})
}

func (p *peer) addr() string { return fmt.Sprintf("%s:%d", p.ip, outsidePort) }

// probeTLS tries whether the peer's STARTTLS works at all, without the desk.
func (p *peer) probeTLS() error {
	c, err := dialSMTP(p.addr())
	if err != nil {
		return err
	}
	defer c.close()
	_, err = c.startTLS()
	return err
}

// logs are the log files the peer wrote.
func (p *peer) logs() string {
	var b strings.Builder
	for _, name := range []string{"log", "root/var/log/mainlog", "root/var/log/paniclog"} {
		text, err := os.ReadFile(filepath.Join(p.dir, name))
		if err == nil {
			b.Write(text[max(0, len(text)-64<<10):])
		}
	}
	return b.String()
}

// send gives the peer a mail for the desk, as its own user would.
func (p *peer) send(t *testing.T, from, raw string) {
	t.Helper()
	c, err := dialSMTP(p.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err = c.envelope(from, []string{"support@desk.example"}); err == nil {
		if err = c.body(crlf(raw)); err == nil {
			_, err = c.expect(250)
		}
	}
	if err != nil {
		t.Fatalf("%s does not take a mail: %v", p.domain, err)
	}
}

// judge says whether the peer took the mail under TLS, and lets OpenDKIM check
// the signatures of what the peer passed on.
func (p *peer) judge(t *testing.T, w *world, m *mail) {
	t.Helper()
	if !p.broken && !p.secure.Match(m.raw) {
		t.Errorf("%q did not come to %s under TLS:\n%s", m.msg.Subject, p.domain, m.raw[:min(len(m.raw), 1000)])
	}
	w.mustVerify(t, m)
	if p.domain == "exim.example" {
		// Exim checks what it receives, and asks the world's DNS for the keys.
		id := regexp.MustCompile(`\bid (\S+)\s+for `).FindSubmatch(m.raw)
		if id == nil {
			t.Fatalf("Exim's Received field names no id:\n%s", m.raw[:min(len(m.raw), 1000)])
		}
		held := 0
		for line := range strings.Lines(p.logs()) {
			if strings.Contains(line, string(id[1])+" DKIM: d=desk.example") && strings.Contains(line, "[verification succeeded]") {
				held++
			}
		}
		if held != 2 {
			t.Errorf("Exim found %d signatures of %q to hold", held, m.msg.Subject)
		}
	}
	dir := t.TempDir()
	var keys strings.Builder
	for _, s := range regexp.MustCompile(`\bs=([^;\s]+)`).FindAllSubmatch(m.raw, -1) {
		name := string(s[1]) + "._domainkey.desk.example"
		records, err := w.lookupTXT(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&keys, "%s %s\n", name, strings.Join(records, ""))
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := write("opendkim.conf", "Mode v\nSyslog no\nOn-Default reject\nOn-BadSignature reject\nOn-NoSignature reject\nTestPublicKeys "+write("keys", keys.String())+"\n")
	out, err := exec.Command(testenv.Program(t, "opendkim"), "-x", conf, "-t", write("mail", string(m.raw)), "-vv").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("verification (s=")) || !bytes.Contains(out, []byte("succeeded")) || bytes.Contains(out, []byte("failed")) {
		t.Errorf("OpenDKIM on %q: %v: %s", m.msg.Subject, err, out)
	}
}

// certificate writes a certificate that nobody vouches for, and its key.
func (p *peer) certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048) // OpenSMTPD's key process knows no other kind
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx." + p.domain}, DNSNames: []string{"mx." + p.domain},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: kder}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func hostOf(addr string) (host, port string) {
	host, port, _ = net.SplitHostPort(addr)
	return host, port
}
