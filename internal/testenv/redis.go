package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// redisDatabases is how many numbered databases a server of ours has.
const redisDatabases = 4096

// StartRedis starts a Redis that keeps nothing on disk. The caller ends it
// with Stop.
func StartRedis(ctx context.Context) (*Server, error) {
	program, err := find("redis-server")
	if err != nil {
		return nil, err
	}
	s, err := newServer("redis", syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	s.url = "redis://" + s.Addr() + "/0"
	s.argv = []string{program, "--port", strconv.Itoa(s.port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--dir", s.dir,
		"--databases", strconv.Itoa(redisDatabases)}
	s.ping = func(ctx context.Context, _ string) error { return redisPing(ctx, s.Addr()) }
	if err := s.run(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func redisPing(ctx context.Context, addr string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if _, err := fmt.Fprint(conn, "PING\r\n"); err != nil {
		return err
	}
	answer := make([]byte, 5)
	if _, err := conn.Read(answer); err != nil {
		return err
	}
	if string(answer) != "+PONG" {
		return fmt.Errorf("redis answered %q", answer)
	}
	return nil
}
