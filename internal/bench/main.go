// Command bench measures how fast the desk takes mail in, beside a bare
// go-smtp that throws mail away and Postfix with its hold queue. Absolute
// figures say little from one machine, or minute, to the next: every claim is
// a ratio of rounds that took turns in one run, on one disk, under one load
// client.
//
// All are real processes: the bare server and the outside world (name server,
// and a mail server that takes what the desk sends) are this binary again,
// Postfix runs on a configuration and a queue of its own, and the desk is the
// postroom binary with everything on. Who does not have the turn is stopped or
// idle. Nothing is left behind.
//
// The exit status is 0 also when a target is missed, and 1 when something
// could not be measured: the figures are for people to read.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	postroom string
	dir      string
	rounds   int
	round    time.Duration
	stored   int
	agents   int
	only     string
	roles    string
	profile  string
	load     string
}

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], childPrefix) {
		run := func() error { return runChild(os.Args[1]) }
		if os.Args[1] == childPrivacy {
			run = func() error { return runPrivacy(os.Args[2:]) }
		}
		if err := run(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, parseOptions(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// full asks for the long form, as many messages and rounds as the targets name.
const full = "BENCH_FULL"

func parseOptions() options {
	o := options{rounds: 5, round: 2 * time.Second, stored: 100_000}
	if os.Getenv(full) != "" {
		o.rounds, o.round, o.stored = 9, 4*time.Second, 1_000_000
	}
	flag.StringVar(&o.postroom, "postroom", "bin/postroom", "the binary to measure")
	flag.StringVar(&o.dir, "dir", "", "folder for all data, on the disk to measure; default: the temporary folder")
	flag.IntVar(&o.rounds, "rounds", o.rounds, "turns each server has in a scenario")
	flag.DurationVar(&o.round, "round", o.round, "length of a turn")
	flag.IntVar(&o.stored, "stored", o.stored, "messages in the filled desk ("+full+"=1: 1000000); 0: leave that comparison out")
	flag.IntVar(&o.agents, "agents", 2, "agents of the queue: each new mail notifies them all")
	flag.StringVar(&o.only, "only", "", "one part only: rate, memory, privacy")
	flag.StringVar(&o.load, "load", "", "scenarios, by number of sessions and k(ept) or n(ew): 20k,100k,20n,1k")
	flag.StringVar(&o.roles, "roles", "", "roles of the desk, to see what one costs; default: all")
	flag.StringVar(&o.profile, "profile", "", "write the desk's CPU profiles into this folder (the desk is built anew for it)")
	flag.Parse()
	if o.load == "" {
		o.load = "20k,100k,20n,1k"
	}
	return o
}

func run(ctx context.Context, o options, out io.Writer) error {
	dir, err := os.MkdirTemp(o.dir, "postroom-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // Postfix works as a user of its own
		return err
	}
	if o.profile != "" {
		if o.postroom, err = buildProfiled(ctx, dir, o.profile); err != nil {
			return err
		}
	}
	if _, err := os.Stat(o.postroom); err != nil {
		return fmt.Errorf("%s is not there: run make build (%w)", o.postroom, err)
	}
	b := &bench{options: o, dir: dir, out: out}
	began := time.Now()
	fmt.Fprintf(out, "Postroom's speed: %d cores, load average %s at the start\n", runtime.NumCPU(), loadAverage())
	fmt.Fprintf(out, "Mails: %s\n", mixInWords)
	fmt.Fprintf(out, "Desk: SQLite, synchronous=FULL; sealing, threading, events, sender checks, acknowledgements and notifications to %d agents\nas far as their budgets go, outgoing mail delivered\n\n", o.agents)
	if b.world, err = startWorld(ctx); err != nil {
		return err
	}
	defer b.world.stop()
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"rate", b.rates}, {"memory", b.memory}, {"privacy", b.privacy}} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	b.verdicts()
	fmt.Fprintf(out, "\n%.0f s; load average %s at the end\n", time.Since(began).Seconds(), loadAverage())
	return nil
}
