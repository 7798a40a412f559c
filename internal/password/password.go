// Package password hashes and checks agents' passwords with argon2id.
//
// A check takes the same work whether or not the account exists, and at most
// two run at once, so that guessing cannot take both processors from the mail
// (docs/threats.md S11, S12). Passwords are never logged.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The costs of argon2id, after RFC 9106 section 4 scaled to a small server.
const (
	memoryKiB = 19 * 1024
	passes    = 2
	lanes     = 1
	saltLen   = 16
	keyLen    = 32
)

// MinLength is how short a password may be.
const MinLength = 10

// ErrWeak is what Hash returns for a password that is too short.
var ErrWeak = fmt.Errorf("a password has at least %d characters", MinLength)

// Hash returns the password's hash in the PHC format.
func Hash(password string) (string, error) {
	if len(password) < MinLength {
		return "", ErrWeak
	}
	salt := make([]byte, saltLen)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, passes, memoryKiB, lanes, keyLen)
	return encode(salt, key), nil
}

func encode(salt, key []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

var errFormat = errors.New("password: unknown hash format")

// verify compares in constant time.
func verify(hash, password string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errFormat
	}
	var version int
	var m, t uint32
	var p uint8
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false, errFormat
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &m, &t, &p); err != nil || m > 1<<20 || t == 0 || t > 64 || p == 0 {
		return false, errFormat
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(want) == 0 || len(want) > 128 {
		return false, errFormat
	}
	got := argon2.IDKey([]byte(password), salt, t, m, p, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// Accounts finds the hash of an account by its login, an agent's name or
// address. An unknown login is "" and no error.
type Accounts interface {
	PasswordOf(ctx context.Context, login string) (agentID int64, hash string, err error)
}

// ErrCredentials says that the login or the password is wrong, not which.
var ErrCredentials = errors.New("wrong name or password")

// Checker checks passwords against accounts.
type Checker struct {
	accounts Accounts
	slots    chan struct{}
	dummy    string
}

// NewChecker makes a Checker. The hash that stands in for unknown accounts is
// random, rather than that of some password: making one would take its 19 MiB
// at every start.
func NewChecker(a Accounts) *Checker {
	b := make([]byte, saltLen+keyLen)
	rand.Read(b)
	return &Checker{accounts: a, slots: make(chan struct{}, 2), dummy: encode(b[:saltLen], b[saltLen:])}
}

// Authenticate returns the agent's id, or ErrCredentials. Any other error means
// that it could not be found out.
func (c *Checker) Authenticate(ctx context.Context, login, password string) (int64, error) {
	id, hash, err := c.accounts.PasswordOf(ctx, login)
	if err != nil {
		return 0, fmt.Errorf("look the account up: %w", err)
	}
	known := hash != ""
	if !known {
		hash = c.dummy
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	ok, err := verify(hash, password)
	if err != nil {
		return 0, err
	}
	if !ok || !known {
		return 0, ErrCredentials
	}
	return id, nil
}
