// Package testenv gives tests real servers: PostgreSQL, Redis, and a TCP proxy
// that stalls. A double of a database agrees with whoever wrote it, so the
// contract tests of storage, queue and ratelimit run on the real ones.
//
// Who gets what: Postgres and Redis give each test a database of its own on a
// server shared by the whole run. `make test` starts these two once and names
// them in POSTROOM_TEST_POSTGRES and POSTROOM_TEST_REDIS; a bare `go test`
// starts its own, once per test process. PostgresServer and RedisServer start
// a server for one test alone, to be killed, paused or flushed.
//
// Nothing is left behind. Each server has a small watchman (an sh that waits on
// a pipe): when the process that started it ends, in whatever way, kill -9 and
// a panic included, the watchman ends the server and removes its folder.
//
// A missing program fails the test with a sentence that says how to get it; it
// never skips. Only tests, and the command withservices, may import this room.
package testenv

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// The variables in which withservices tells the tests of its servers.
const (
	PostgresVar = "POSTROOM_TEST_POSTGRES"
	RedisVar    = "POSTROOM_TEST_REDIS"
)

// The servers a bare `go test` shares in one process, started at first use and
// ended by their watchmen; or those that the environment names.
var (
	sharedPostgres = sync.OnceValues(func() (*Server, error) { return shared(PostgresVar, StartPostgres) })
	sharedRedis    = sync.OnceValues(func() (*Server, error) { return shared(RedisVar, StartRedis) })
)

// shared returns the Server rather than its URL so that it stays reachable:
// with it the pipe to its watchman would be collected, and closed.
func shared(name string, start func(context.Context) (*Server, error)) (*Server, error) {
	if u := os.Getenv(name); u != "" {
		return &Server{url: u}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return start(ctx)
}

// Postgres returns the URL of a new, empty database, which is dropped when t
// ends. The server does not fsync: its data survives a kill of the server, not
// a loss of power.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	name := "t_" + randomHex(8)
	postgresExec(t, server.URL(), "CREATE DATABASE "+name)
	t.Cleanup(func() { postgresExec(t, server.URL(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })

	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatalf("%s: %v", PostgresVar, err)
	}
	u.Path = "/" + name
	return u.String()
}

// PostgresServer starts a server for t alone, with one empty database.
func PostgresServer(t testing.TB) *Server { return ownServer(t, StartPostgres) }

// RedisServer starts a server for t alone.
func RedisServer(t testing.TB) *Server { return ownServer(t, StartRedis) }

func ownServer(t testing.TB, start func(context.Context) (*Server, error)) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	s, err := start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop %s: %v", s.kind, err)
		}
	})
	return s
}

// Redis returns the URL of an empty numbered database on the shared server,
// flushed when t ends. Channels of PUBLISH know no databases: name them apart.
func Redis(t testing.TB) string {
	t.Helper()
	server, err := sharedRedis()
	if err != nil {
		t.Fatal(err)
	}
	// Database 0 holds the counter, so that test processes side by side never
	// share a number.
	next := RedisDo(t, server.URL(), "INCR", "testenv:next").(int64)
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatalf("%s: %v", RedisVar, err)
	}
	u.Path = fmt.Sprintf("/%d", 1+(next-1)%(redisDatabases-1))
	RedisDo(t, u.String(), "FLUSHDB")
	t.Cleanup(func() { RedisDo(t, u.String(), "FLUSHDB") })
	return u.String()
}

func postgresExec(t testing.TB, server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("the tests' PostgreSQL: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatalf("the tests' PostgreSQL: %s: %v", sql, err)
	}
}

// RedisDo runs one command on a Redis and returns its answer, failing t on an
// error: for what a fault test does behind the back of the code it tests.
func RedisDo(t testing.TB, server string, command ...any) any {
	t.Helper()
	opts, err := redis.ParseURL(server)
	if err != nil {
		t.Fatalf("%s: %v", RedisVar, err)
	}
	client := redis.NewClient(opts)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	v, err := client.Do(ctx, command...).Result()
	if err != nil {
		t.Fatalf("the tests' Redis: %v: %v", command, err)
	}
	return v
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}
