package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// StartPostgres makes a database cluster in a temporary folder and starts a
// server on it, as an unprivileged user when we are root, which PostgreSQL
// refuses. The caller ends it with Stop.
func StartPostgres(ctx context.Context) (*Server, error) {
	initdb, err := find("initdb")
	if err != nil {
		return nil, err
	}
	postgres, err := find("postgres")
	if err != nil {
		return nil, err
	}
	// SIGQUIT is PostgreSQL's immediate shutdown: it takes its children along.
	s, err := newServer("postgres", syscall.SIGQUIT)
	if err != nil {
		return nil, err
	}
	if err := s.runPostgres(ctx, initdb, postgres); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) runPostgres(ctx context.Context, initdb, postgres string) error {
	if err := s.dropPrivileges(); err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	init := exec.CommandContext(ctx, initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	init.Dir = s.dir
	init.Env = append(os.Environ(), "LC_ALL=C", "HOME="+s.dir)
	init.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.url = fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", s.Addr())
	s.argv = []string{postgres, "-D", data, "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=300", "-c", "shared_buffers=64MB",
		"-c", "fsync=off", "-c", "full_page_writes=off"}
	s.ping = func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
	return s.run(ctx)
}

// dropPrivileges picks the user to run as and hands the folder over.
func (s *Server) dropPrivileges() error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return fmt.Errorf("PostgreSQL does not run as root and neither postgres nor nobody is a user here: %w", err)
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return err
	}
	s.user = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, int(uid), int(gid))
}
