package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"postroom/internal/testenv"
)

// Exim and OpenSMTPD cannot be installed beside Postfix. They are unpacked
// instead, and run in a root of their own, which holds the program, the
// libraries it names, its users and its configuration at the paths that are
// compiled into it.

const eximConf = `primary_hostname = mx.%[1]s
local_interfaces = <; %[2]s
daemon_smtp_ports = %[3]d
spool_directory = /var/spool/exim4
log_file_path = /var/log/%%slog
log_selector = +dkim_verbose
tls_advertise_hosts = *
tls_certificate = /etc/cert.pem
tls_privatekey = /etc/key.pem
acl_smtp_rcpt = all
acl_smtp_mail = all
acl_smtp_data = all
host_lookup =
dns_ipv4_lookup = *
keep_environment =
message_size_limit = 25M
smtp_accept_max = 50

begin acl
all:
  accept

begin routers
desk:
  driver = manualroute
  domains = desk.example
  transport = desk
  route_list = * %[4]s byname
  self = send
world:
  driver = manualroute
  domains = %[1]s
  transport = world
  route_list = * %[6]s byname
  self = send

begin transports
desk:
  driver = smtp
  port = %[5]s
  hosts_require_tls = *
  tls_verify_hosts =
  tls_try_verify_hosts =
  allow_localhost
world:
  driver = smtp
  port = %[7]s
  hosts_avoid_tls = *
  allow_localhost

begin retry
* * F,1m,1s
`

func startExim(t *testing.T, p *peer, desk, world string) *exec.Cmd {
	t.Helper()
	deskHost, deskPort := hostOf(desk)
	worldHost, worldPort := hostOf(world)
	root := p.root(t, testenv.Program(t, "exim4"), "/usr/sbin/exim4", "Debian-exim")
	p.certificate(t, filepath.Join(root, "etc"))
	p.put(t, "etc/exim4/exim4.conf", fmt.Sprintf(eximConf, p.domain, p.ip, outsidePort, deskHost, deskPort, worldHost, worldPort), 0o644)
	for _, dir := range []string{"var/spool/exim4", "var/log", "etc/cert.pem", "etc/key.pem"} {
		path := filepath.Join(root, dir)
		if !strings.HasSuffix(dir, ".pem") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(path, firstUser, firstUser); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/usr/sbin/exim4", "-bdf", "-q1m")
	cmd.Path, cmd.Err = "/usr/sbin/exim4", nil
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.Dir = "/"
	return cmd
}

const openSMTPDConf = `pki peer cert "/etc/cert.pem"
pki peer key "/etc/key.pem"
listen on %[2]s port %[3]d tls pki peer hostname mx.%[1]s
action "desk" relay host smtp+tls://%[4]s:%[5]s tls no-verify
action "world" relay host smtp+notls://%[6]s:%[7]s
match from any for domain "desk.example" action "desk"
match from any for domain "%[1]s" action "world"
`

func startOpenSMTPD(t *testing.T, p *peer, desk, world string) *exec.Cmd {
	t.Helper()
	deskHost, deskPort := hostOf(desk)
	worldHost, worldPort := hostOf(world)
	root := p.root(t, testenv.Program(t, "smtpd"), "/usr/sbin/smtpd", "opensmtpd", "opensmtpq")
	p.certificate(t, filepath.Join(root, "etc"))
	p.put(t, "etc/smtpd.conf", fmt.Sprintf(openSMTPDConf, p.domain, p.ip, outsidePort, deskHost, deskPort, worldHost, worldPort), 0o644)
	p.put(t, "etc/mailname", "mx."+p.domain+"\n", 0o644)
	for _, dir := range []string{"var/lib/opensmtpd/empty", "var/spool", "var/run"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "var/spool/smtpd"), 0o711); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/sbin/smtpd", "-d", "-v")
	cmd.Path, cmd.Err = "/usr/sbin/smtpd", nil
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	cmd.Dir = "/"
	return cmd
}

// firstUser is the number of the first user that root makes.
const firstUser = 5210

// root makes a root folder for one program.
func (p *peer) root(t *testing.T, bin, at string, users ...string) string {
	t.Helper()
	root := filepath.Join(p.dir, "root")
	for dir, mode := range map[string]os.FileMode{"etc": 0o755, "tmp": 0o1777, "dev": 0o755, "var": 0o755} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(root, dir), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	p.copyIn(t, bin, at, 0o755)
	out, err := exec.Command("ldd", bin).CombinedOutput()
	if err != nil {
		t.Fatalf("ldd %s: %v: %s", bin, err, out)
	}
	if strings.Contains(string(out), "not found") {
		t.Fatalf("%s lacks libraries; run `make test`, which installs them:\n%s", bin, out)
	}
	for _, m := range regexp.MustCompile(`(/\S+)\s+\(0x`).FindAllStringSubmatch(string(out), -1) {
		p.copyIn(t, m[1], m[1], 0o755)
	}
	passwd, group := "root:x:0:0::/:/bin/false\n", "root:x:0:\n"
	for i, u := range users {
		passwd += fmt.Sprintf("%s:x:%d:%d::/var/lib/opensmtpd/empty:/bin/false\n", u, firstUser+i, firstUser+i)
		group += fmt.Sprintf("%s:x:%d:\n", u, firstUser+i)
	}
	p.put(t, "etc/passwd", passwd, 0o644)
	p.put(t, "etc/group", group, 0o644)
	p.put(t, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n", 0o644)
	p.put(t, "etc/hosts", "127.0.0.1 localhost\n"+p.ip+" mx."+p.domain+"\n", 0o644)
	p.put(t, "etc/resolv.conf", "nameserver "+p.ip+"\noptions timeout:1 attempts:1\n", 0o644)
	p.put(t, "dev/null", "", 0o666)
	return root
}

func (p *peer) put(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(p.dir, "root", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) copyIn(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	path := filepath.Join(p.dir, "root", to)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	dst, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		t.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
}
