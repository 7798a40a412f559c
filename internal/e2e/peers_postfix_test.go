package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"postroom/internal/testenv"
)

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.%[2]s
mydestination =
relay_domains = %[2]s, desk.example
transport_maps = inline:{ {desk.example = smtp:[%[3]s]:%[4]s}, {%[2]s = smtp:[%[5]s]:%[6]s} }
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_tls_policy_maps = inline:{ {[%[3]s]:%[4]s = encrypt}, {[%[5]s]:%[6]s = none} }
smtp_tls_security_level = none
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_tls_cert_file = %[7]s
smtpd_tls_key_file = %[8]s
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
local_recipient_maps =
relay_recipient_maps =
alias_maps =
alias_database =
message_size_limit = 26214400
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
`

const postfixMaster = `%s:%d inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

func startPostfix(t *testing.T, p *peer, desk, world string) *exec.Cmd {
	t.Helper()
	bin := testenv.Program(t, "postfix")
	conf := filepath.Join(p.dir, "conf")
	for _, dir := range []string{conf, filepath.Join(p.dir, "queue"), filepath.Join(p.dir, "data")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	u, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(p.dir, "data"), uid, -1); err != nil {
		t.Fatal(err)
	}
	cert, key := p.certificate(t, conf)
	deskHost, deskPort := hostOf(desk)
	worldHost, worldPort := hostOf(world)
	for name, text := range map[string]string{
		"main.cf":   fmt.Sprintf(postfixMain, p.dir, p.domain, deskHost, deskPort, worldHost, worldPort, cert, key),
		"master.cf": fmt.Sprintf(postfixMaster, p.ip, outsidePort),
	} {
		if err := os.WriteFile(filepath.Join(conf, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(bin, "-c", conf, "check").CombinedOutput(); err != nil { // makes the queue's folders
		t.Fatalf("postfix check: %v: %s%s", err, out, p.logs())
	}
	daemons, err := exec.Command(filepath.Join(filepath.Dir(bin), "postconf"), "-c", conf, "-h", "daemon_directory").Output()
	if err != nil {
		t.Fatal(err)
	}
	// master itself, rather than the script that starts it: it ends with us.
	cmd := exec.Command(filepath.Join(strings.TrimSpace(string(daemons)), "master"), "-c", conf, "-d")
	cmd.Env = append(os.Environ(), "MAIL_CONFIG="+conf)
	return cmd
}
