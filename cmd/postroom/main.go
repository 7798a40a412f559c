// Command postroom is the whole desk in one binary: the server, and the
// commands of its administrator. It is the one place where the parts are wired
// together; nothing imports it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line. Commands that work on the desk implement
// deskCommand and run in the server when one is running (see control.go).
type cli struct {
	Version bool `help:"Print the version." short:"V"`

	Config string `help:"Configuration file." default:"" env:"POSTROOM_CONFIG" placeholder:"FILE" short:"c"`

	Demo    demoCmd    `cmd:"" help:"Act out a day at the desk, without any configuration."`
	Init    initCmd    `cmd:"" help:"Write a commented configuration into a folder."`
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Check   checkCmd   `cmd:"" help:"Try the configuration and say what to fix."`
	Queue   queueCmd   `cmd:"" help:"Queues: where mail of an address is worked on."`
	Agent   agentCmd   `cmd:"" help:"Agents: who works on the queues."`
	Ticket  ticketCmd  `cmd:"" help:"Tickets and their messages."`
	Person  personCmd  `cmd:"" help:"The people who wrote."`
	Consent consentCmd `cmd:"" help:"Consents: asking, proving, withdrawing, and mail that rests on them."`
	Privacy privacyCmd `cmd:"" help:"Requests of data subjects: access, erasure and the other rights."`
	Outbox  outboxCmd  `cmd:"" help:"Mail on its way out."`
	Held    heldCmd    `cmd:"" help:"Mail that waits for a confirmation."`
	Inspect inspectCmd `cmd:"" help:"Print what the gateway sees in messages; needs no configuration."`
	Import  importCmd  `cmd:"" help:"Take in old mail; nothing is sent."`
	Backup  backupCmd  `cmd:"" help:"Write a backup of the content, or of the keys."`
	Restore restoreCmd `cmd:"" help:"Restore a backup into an empty installation."`
}

// exitError ends the program with a status of its own; its text is printed already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run parses and carries out one command line and returns the exit status:
// 0 done, 1 failed, 2 not understood.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c, kctx, err := parse(args, stdout, stderr)
	if err != nil {
		var exit exitError
		if errors.As(err, &exit) {
			return int(exit)
		}
		fmt.Fprintf(stderr, "postroom: %v\n", err)
		return 2
	}
	io := streams{in: stdin, out: stdout, err: stderr}
	if err := dispatch(ctx, c, kctx, args, io); err != nil {
		var exit exitError
		if errors.As(err, &exit) {
			return int(exit)
		}
		fmt.Fprintf(stderr, "postroom: %v\n", err)
		return 1
	}
	return 0
}

type streams struct {
	in       io.Reader
	out, err io.Writer
}

// parse reads the command line. --help prints and ends with exitError(0).
func parse(args []string, stdout, stderr io.Writer) (*cli, *kong.Context, error) {
	c := &cli{}
	code := -1
	p, err := kong.New(c, kong.Name("postroom"), kong.UsageOnError(), kong.Writers(stdout, stderr),
		kong.Description("An email-first helpdesk that is its own mail server."),
		kong.Exit(func(n int) { code = n }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		return nil, nil, err
	}
	if len(args) == 0 || args[0] == "help" {
		args = append(args[min(1, len(args)):], "--help")
	}
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-V" || args[0] == "version") {
		fmt.Fprintf(stdout, "postroom %s\n", version())
		return nil, nil, exitError(0)
	}
	kctx, err := p.Parse(args)
	if code >= 0 {
		return nil, nil, exitError(code)
	}
	return c, kctx, err
}

// localCommand needs no desk, or opens what it needs itself.
type localCommand interface {
	Run(ctx context.Context, c *cli, io streams) error
}

// deskCommand works on the desk, here or in the running server.
type deskCommand interface {
	Do(ctx context.Context, d *desk, io streams) error
}

// inputCommand reads something of the caller's, such as a password file, that
// the server could not open itself.
type inputCommand interface{ Input() (io.ReadCloser, error) }

// outputCommand writes its output to a file of the caller's.
type outputCommand interface {
	Output() (output, error)
}

// output is a file that is there whole after Close, or not at all.
type output interface {
	io.WriteCloser
	Discard()
}

func dispatch(ctx context.Context, c *cli, kctx *kong.Context, args []string, s streams) error {
	selected := kctx.Selected()
	if selected == nil {
		return errors.New("which command? postroom --help lists them")
	}
	target := selected.Target.Addr().Interface()
	if cmd, ok := target.(localCommand); ok {
		return cmd.Run(ctx, c, s)
	}
	cmd, ok := target.(deskCommand)
	if !ok {
		return fmt.Errorf("%q is not a whole command; postroom %s --help", kctx.Command(), kctx.Command())
	}
	if in, ok := cmd.(inputCommand); ok {
		r, err := in.Input()
		if err != nil {
			return err
		}
		if r != nil {
			defer r.Close()
			s.in = r
		}
	}
	if out, ok := cmd.(outputCommand); ok {
		w, err := out.Output()
		if err != nil {
			return err
		}
		if w != nil {
			s.out = w
			if err := runOnDesk(ctx, c, cmd, args, s); err != nil {
				w.Discard()
				return err
			}
			return w.Close()
		}
	}
	return runOnDesk(ctx, c, cmd, args, s)
}

// runOnDesk hands the command to the running server, else opens the desk.
func runOnDesk(ctx context.Context, c *cli, cmd deskCommand, args []string, s streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if served, err := runRemote(ctx, cfg, args, s); served {
		return err
	}
	d, err := openDesk(ctx, cfg, s.err)
	if err != nil {
		return err
	}
	defer d.close()
	return cmd.Do(ctx, d, s)
}
