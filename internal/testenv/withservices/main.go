// Command withservices runs a command with a PostgreSQL and a Redis of its own
// and ends them afterwards, whether the command succeeds, fails or is
// interrupted:
//
//	withservices go test ./...
//
// It exits with the command's status. The servers' addresses are in the
// environment, under the names testenv reads.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"postroom/internal/testenv"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: withservices COMMAND [ARG…]")
		os.Exit(2)
	}
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withservices:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

func run(argv []string) (status int, err error) {
	// An interrupt reaches the command too (it is in our process group); we
	// wait for it to end, and then clean up.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	postgres, err := testenv.StartPostgres(ctx)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	redis, err := testenv.StartRedis(ctx)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, redis.Stop()) }()

	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		testenv.PostgresVar+"="+postgres.URL(), testenv.RedisVar+"="+redis.URL())
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}
