package main

import (
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// desk is a postroom with a data folder of its own.
type desk struct {
	bin, dir, mx string
	env          []string
	master       []byte
	cmd          *exec.Cmd
	exited       chan struct{}
	threads      []thread // tickets that are there, for replies
	tokens       *tokens
}

const deskTOML = `hostname = "mx.desk.example"
data = %q
[listen]
mx = %q
submission = ""
submissions = ""
imap = ""
imaps = ""
http = ""
[dns]
servers = [%q]
[outbound]
mx_port = %s
allow_private = true
[limits]
exempt = ["127.0.0.0/8"]
[privacy]
address = "privacy@desk.example"
`

// newDesk sets a desk up and puts so many messages into it.
func (b *bench) newDesk(ctx context.Context, name string, stored int) (*desk, error) {
	d, err := b.emptyDesk(ctx, name)
	if err != nil {
		return nil, err
	}
	return d, d.fill(ctx, stored, b.out)
}

// emptyDesk sets a desk up with the commands an administrator types.
func (b *bench) emptyDesk(ctx context.Context, name string) (*desk, error) {
	d := &desk{bin: b.postroom, dir: filepath.Join(b.dir, name), master: []byte("0123456789abcdef0123456789abcdef")}
	if b.profile != "" {
		d.env = append(os.Environ(), "POSTROOM_BENCH_PROFILE="+b.profile)
	}
	data := filepath.Join(d.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	var err error
	if d.mx, err = freeAddr(); err != nil {
		return nil, err
	}
	text := fmt.Sprintf(deskTOML, data, d.mx, b.world.dns, portOf(b.world.addr))
	for path, text := range map[string]string{
		d.config(): text, filepath.Join(data, "master.key"): hex.EncodeToString(d.master) + "\n", filepath.Join(d.dir, "password"): "bench-password\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	if err := d.command(ctx, "queue", "add", "support", "--address", queueAddress); err != nil {
		return nil, err
	}
	for i := range b.agents {
		agent := fmt.Sprintf("agent%d", i+1)
		if err := d.command(ctx, "agent", "add", agent, "--address", agent+"@agents.example", "--queue", "support",
			"--password-file", filepath.Join(d.dir, "password")); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *desk) config() string { return filepath.Join(d.dir, "postroom.toml") }

func (d *desk) command(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, d.bin, append(args, "--config", d.config())...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("postroom %s %s: %w: %s", args[0], args[1], err, out)
	}
	return nil
}

// start serves, and returns when the door is open.
func (d *desk) start(ctx context.Context, roles string) error {
	args := []string{"serve", "--config", d.config()}
	if roles != "" {
		args = append(args, "--roles", roles)
	}
	log, err := os.Create(filepath.Join(d.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	d.cmd = exec.Command(d.bin, args...)
	d.cmd.Stdout, d.cmd.Stderr, d.cmd.Env = log, log, d.env
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		return err
	}
	d.exited = make(chan struct{})
	go func() { d.cmd.Wait(); close(d.exited) }()
	if err := untilAnswers(ctx, d.mx, 30*time.Second); err != nil {
		d.stop()
		return fmt.Errorf("postroom: %w: %s", err, d.lastLog())
	}
	return nil
}

func (d *desk) lastLog() string {
	b, _ := os.ReadFile(filepath.Join(d.dir, "log"))
	return string(b[max(0, len(b)-2000):])
}

func (d *desk) pid() int { return d.cmd.Process.Pid }

// pause stops the process where it is, so that what it has left to do does not
// disturb who has the turn; resume lets it go on.
func (d *desk) pause()  { d.cmd.Process.Signal(syscall.SIGSTOP) }
func (d *desk) resume() { d.cmd.Process.Signal(syscall.SIGCONT) }

// profiled profiles the process until its end is called.
func (d *desk) profiled() (end func()) {
	d.cmd.Process.Signal(syscall.SIGUSR1)
	return func() {
		d.cmd.Process.Signal(syscall.SIGUSR2)
		time.Sleep(200 * time.Millisecond) // until the profile is written
	}
}

// stop ends the process; what it had still to send does not matter here.
func (d *desk) stop() {
	d.cmd.Process.Kill()
	<-d.exited
}

//go:embed profile.go.txt
var profileSource []byte

// buildProfiled builds postroom with a profiler that the product does not have.
func buildProfiled(ctx context.Context, dir, profiles string) (string, error) {
	if err := os.MkdirAll(profiles, 0o755); err != nil {
		return "", err
	}
	source := filepath.Join(dir, "profile.go")
	if err := os.WriteFile(source, profileSource, 0o644); err != nil {
		return "", err
	}
	root, err := filepath.Abs("cmd/postroom/profile.go")
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{root: source}})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o644); err != nil {
		return "", err
	}
	bin := filepath.Join(profiles, "postroom")
	out, err := exec.CommandContext(ctx, "go", "build", "-tags", "sqlite_fts5", "-overlay", file, "-o", bin, "./cmd/postroom").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build with a profiler: %w: %s", err, out)
	}
	return filepath.Abs(bin)
}
