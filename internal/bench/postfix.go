package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postfix is a Postfix that accepts every mail for the desk's domain into its
// hold queue and does nothing else with it. It writes no log: there is no
// syslog to answer for here, and that is to its advantage.
type postfix struct {
	cmd  *exec.Cmd
	addr string
}

const mainCF = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.desk.example
mydestination = desk.example
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
alias_database =
smtpd_recipient_restrictions = check_recipient_access static:HOLD, permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_client_recipient_rate_limit = 0
smtpd_peername_lookup = no
smtpd_tls_security_level = none
message_size_limit = 26214400
default_process_limit = 200
in_flow_delay = 0
`

const masterCF = `%s inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
`

// errNotRoot says why Postfix was left out.
var errNotRoot = errors.New("postfix starts as root only: run the bench as root to compare")

func startPostfix(ctx context.Context, dir string) (*postfix, error) {
	if os.Geteuid() != 0 {
		return nil, errNotRoot
	}
	bin, err := exec.LookPath("postfix")
	if err != nil {
		if bin, err = exec.LookPath("/usr/sbin/postfix"); err != nil {
			return nil, fmt.Errorf("postfix is not on this machine: run make bench, which installs it (%w)", err)
		}
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "conf")
	for _, d := range []string{dir, conf, filepath.Join(dir, "queue"), filepath.Join(dir, "data")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if err := giveTo("postfix", filepath.Join(dir, "data")); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(conf, "main.cf"), fmt.Appendf(nil, mainCF, dir), 0o644); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(conf, "master.cf"), fmt.Appendf(nil, masterCF, addr), 0o644); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if out, err := exec.CommandContext(ctx, bin, "-c", conf, "check").CombinedOutput(); err != nil { // makes the queue's folders
		return nil, fmt.Errorf("postfix check: %w: %s", err, out)
	}
	daemons, err := exec.CommandContext(ctx, filepath.Join(filepath.Dir(bin), "postconf"), "-c", conf, "-h", "daemon_directory").Output()
	if err != nil {
		return nil, fmt.Errorf("postconf: %w", err)
	}
	// master itself, rather than the script that starts it: it ends with us.
	p := &postfix{cmd: exec.Command(filepath.Join(strings.TrimSpace(string(daemons)), "master"), "-c", conf, "-d"), addr: addr}
	p.cmd.Env = append(os.Environ(), "MAIL_CONFIG="+conf)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := untilAnswers(ctx, addr, 20*time.Second); err != nil {
		p.stop()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("postfix: %w: %s", err, text)
	}
	return p, nil
}

// giveTo makes a user the owner of a folder.
func giveTo(name, dir string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("postfix: %w", err)
	}
	id, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	return os.Chown(dir, id, -1)
}

// stop ends master, which ends its children.
func (p *postfix) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-done
	}
}
