package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"postroom/internal/config"
	"postroom/internal/intake"
	"postroom/internal/jobs"
	"postroom/internal/mailtext"
	"postroom/internal/privacydesk"
	"postroom/internal/queue"
	"postroom/internal/ratelimit"
	"postroom/internal/resolver"
	"postroom/internal/senderauth"
	"postroom/internal/spam"
	"postroom/privacy"
	"postroom/storage"
	"postroom/threading"
	"postroom/tickets"
)

// desk is what commands work on: the store and the parts around it.
type desk struct {
	cfg      *config.Config
	log      *slog.Logger
	store    *storage.DB
	keys     *threading.Keyring
	addr     tickets.Addresses
	dns      *resolver.Resolver
	limit    ratelimit.Limiter
	queue    queue.Queue
	junk     *spam.Judge
	intake   *intake.Intake
	consents *privacy.Consents
	privacy  *privacy.Desk          // decides on requests of data subjects
	texts    *mailtext.PrivacyMails // what they are written
	work     *privacydesk.Desk      // carries out what was decided
	regular  string                 // the newest regular mail of the privacy desk that is written
	tally    *jobs.Tally            // what mails came to, for the daily count
	lock     *os.File
	node     string // this node's name in leases
	secret   []byte // keys pseudonyms
	now      func() time.Time
	served   bool        // the server runs in this process
	roots    *tls.Config // verify other mail servers; nil: the system's
}

// openDesk opens the store for one command, under the data folder's lock.
func openDesk(ctx context.Context, cfg *config.Config, logTo io.Writer) (*desk, error) {
	return newDesk(ctx, cfg, newLogger(cfg, logTo))
}

func newDesk(ctx context.Context, cfg *config.Config, log *slog.Logger) (_ *desk, err error) {
	d := &desk{cfg: cfg, log: log, now: time.Now, tally: &jobs.Tally{}}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if d.lock, err = lockData(cfg.Data); err != nil {
		return nil, err
	}
	master, err := masterKey(cfg)
	if err != nil {
		return nil, err
	}
	if d.node, err = nodeName(cfg.Data); err != nil {
		return nil, err
	}
	if d.store, err = storage.Open(ctx, storage.Options{URL: cfg.Database.URL, DataDir: cfg.Data, MasterKey: master, Logger: log, Node: d.node}); err != nil {
		return nil, err
	}
	secrets, err := d.store.Secrets(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the installation's keys: %w", err)
	}
	d.secret = secrets.Lookup
	d.keys = &threading.Keyring{Keys: secrets.Reply}
	d.addr = tickets.Addresses{Keys: d.keys}
	d.consents = newConsents(cfg, d.secret, d.addr)
	if d.privacy, d.texts, err = newPrivacyDesk(cfg, d.addr); err != nil {
		return nil, err
	}
	if d.dns, err = resolver.New(resolver.Config{Servers: cfg.DNS.Servers}); err != nil {
		return nil, err
	}
	if d.limit, err = ratelimit.Open(ratelimit.Config{URL: cfg.Redis.URL, Key: secrets.Lookup, Log: log}); err != nil {
		return nil, err
	}
	if d.queue, err = queue.Open(queue.Config{URL: cfg.Redis.URL, Log: log}); err != nil {
		return nil, err
	}
	var sender intake.Sender
	if cfg.Trust.Check {
		checker, err := senderauth.New(d.dns, cfg.Hostname, senderauth.Config{ARCSealers: cfg.Trust.ARCSealers,
			Forwarders: cfg.Trust.Forwarders, Log: log})
		if err != nil {
			return nil, err
		}
		sender = checker
	}
	if d.junk, err = spam.New(spam.Config{Threshold: cfg.Spam.Threshold, Lists: cfg.Spam.DNSLists, Rspamd: cfg.Spam.Rspamd},
		spam.Parts{DNS: d.dns, History: d.store, Log: log}); err != nil {
		return nil, err
	}
	var junk intake.Junk
	if cfg.Spam.Threshold > 0 {
		junk = d.junk
	}
	d.intake = intake.New(intake.Options{
		Config: intake.Config{Hostname: cfg.Hostname, PrivacyAddress: cfg.Privacy.Address, CheckSenders: cfg.Trust.Check,
			AckEnabled: cfg.Ack.Enabled, AckPerDay: cfg.Ack.PerSenderDay},
		Store: d.store, Bodies: d.store, Sender: sender, Junk: junk, Fresh: d.store, Limit: d.limit, Keys: d.keys, Consents: d.consents, Privacy: d.privacy, Foreign: d.texts.Foreign, Log: log, Wake: d.wake, Count: d.tally,
	})
	if d.work, err = newPrivacyWork(d); err != nil {
		return nil, err
	}
	return d, nil
}

// wake tells the workers, here or on another node, that rows wait for them.
func (d *desk) wake(topic string, ids ...int64) {
	if topic == "changes" {
		d.queue.Broadcast(context.Background(), topic)
		return
	}
	d.queue.Publish(context.Background(), topic, ids...)
}

func (d *desk) close() {
	if d.queue != nil {
		d.queue.Close()
	}
	if d.limit != nil {
		d.limit.Close()
	}
	if d.store != nil {
		if err := d.store.Close(); err != nil {
			d.log.Error("close the store", "err", err)
		}
	}
	if d.lock != nil {
		d.lock.Close()
	}
}

// lockData makes sure that one process uses the data folder.
func lockData(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another postroom process", dir)
	}
	return f, nil
}

const masterKeyLen = 32

// masterKey reads the master key, 32 bytes in hex, and makes it at the first
// start of an installation. A key that is missing from a folder in use is never
// replaced: the new one would open nothing. Nor is one removed again when the
// start fails: something may be sealed with it by then.
func masterKey(cfg *config.Config) ([]byte, error) {
	path := cfg.Keys.MasterFile
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		for _, name := range []string{"keys.db", "node"} {
			if _, err := os.Stat(filepath.Join(cfg.Data, name)); err == nil {
				return nil, fmt.Errorf("the master key %s is missing, and %s has been in use: put back the key it was made with", path, cfg.Data)
			}
		}
		key := make([]byte, masterKeyLen)
		rand.Read(key)
		return key, writeSecret(path, []byte(hex.EncodeToString(key)+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != masterKeyLen {
		return nil, fmt.Errorf("%s: a master key is 64 hexadecimal digits", path)
	}
	return key, nil
}

// writeSecret writes a file durably that only its owner reads.
func writeSecret(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// nodeName is this installation folder's name in leases, the same after a
// restart and another for each node.
func nodeName(dir string) (string, error) {
	path := filepath.Join(dir, "node")
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	b := make([]byte, 8)
	rand.Read(b)
	name := "node-" + hex.EncodeToString(b)
	return name, writeSecret(path, []byte(name+"\n"))
}

func newLogger(cfg *config.Config, w io.Writer) *slog.Logger {
	var level slog.Level
	level.UnmarshalText([]byte(cfg.Log.Level)) // checked with the configuration
	opt := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

// pseudonym turns an address into a word for logs and limits, the same on
// every node and meaningless without the installation's key.
func pseudonym(key []byte) func(string) string {
	return func(s string) string {
		m := hmac.New(sha256.New, key)
		m.Write([]byte("log\x00" + strings.ToLower(s)))
		return hex.EncodeToString(m.Sum(nil)[:8])
	}
}
