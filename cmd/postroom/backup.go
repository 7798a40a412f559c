package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"postroom/internal/privacydesk"
	"postroom/storage"
)

type backupCmd struct {
	Keys           bool   `help:"Back up the keys instead, encrypted with a passphrase. Keep them apart from the content."`
	PassphraseFile string `help:"File that holds the passphrase for --keys." placeholder:"FILE"`
	File           string `arg:"" help:"File to write; - for standard output."`
}

func (cmd *backupCmd) Input() (io.ReadCloser, error) {
	if !cmd.Keys {
		return nil, nil
	}
	return openPassphrase(cmd.PassphraseFile)
}

func openPassphrase(path string) (io.ReadCloser, error) {
	if path != "" {
		return os.Open(path)
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, errors.New("the keys need a passphrase: give --passphrase-file FILE")
	}
	fmt.Fprint(os.Stderr, "Passphrase of the keys: ")
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return io.NopCloser(strings.NewReader(string(b))), err
}

func readPassphrase(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, 4096))
	if err != nil {
		return "", err
	}
	p := strings.TrimRight(string(b), "\r\n")
	if len(p) < 12 {
		return "", errors.New("a passphrase has at least 12 characters")
	}
	return p, nil
}

// durableFile is synced before it takes its name, so that a backup is whole or
// not there.
type durableFile struct {
	*os.File
	path string
	err  error
}

// partial is what an unfinished file is called.
const partial = ".partial"

func createDurable(path string) (*durableFile, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s is there already; a backup overwrites nothing", path)
	}
	f, err := os.OpenFile(path+partial, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &durableFile{File: f, path: path}, nil
}

func (f *durableFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err != nil {
		f.err = err
	}
	return n, err
}

// Close gives the file its name, unless a write failed.
func (f *durableFile) Close() error {
	if err := f.Sync(); err != nil && f.err == nil {
		f.err = err
	}
	if err := f.File.Close(); err != nil && f.err == nil {
		f.err = err
	}
	if f.err == nil {
		f.err = os.Rename(f.path+partial, f.path)
	}
	if f.err != nil {
		os.Remove(f.path + partial)
		return f.err
	}
	dir, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Discard leaves nothing.
func (f *durableFile) Discard() {
	f.File.Close()
	os.Remove(f.path + partial)
}

func (cmd *backupCmd) Output() (output, error) {
	if cmd.File == "-" {
		return nil, nil
	}
	f, err := createDurable(cmd.File)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (cmd *backupCmd) Do(ctx context.Context, d *desk, s streams) error {
	if !cmd.Keys {
		return d.store.Backup(ctx, s.out)
	}
	pass, err := readPassphrase(s.in)
	if err != nil {
		return err
	}
	return d.store.BackupKeys(ctx, s.out, pass)
}

type restoreCmd struct {
	Keys           string `help:"Backup of the keys, from backup --keys." placeholder:"FILE"`
	PassphraseFile string `help:"File that holds the passphrase of the keys." placeholder:"FILE"`
	Erasures       string `help:"The newest list of erasures, from the daily mail to the privacy officer or the lost data folder." placeholder:"FILE" xor:"erasures"`
	AcceptMissing  bool   `name:"accept-missing-erasures" help:"Restore without the list: people who were erased since the backup may be back. This is recorded." xor:"erasures"`
	File           string `arg:"" help:"Backup to restore."`
}

// Run restores into an installation that holds nothing yet. It never runs in a
// server. Nobody whose erasure is in the list comes back.
func (cmd *restoreCmd) Run(ctx context.Context, c *cli, s streams) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if conn, err := net.Dial("unix", controlPath(cfg)); err == nil {
		conn.Close()
		return errors.New("a server is running here; stop it before you restore")
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return err
	}
	lock, err := lockData(cfg.Data)
	if err != nil {
		return err
	}
	defer lock.Close()
	content, err := os.Open(cmd.File)
	if err != nil {
		return err
	}
	defer content.Close()
	master, err := masterKey(cfg)
	if err != nil {
		return err
	}
	opt := storage.Options{URL: cfg.Database.URL, DataDir: cfg.Data, MasterKey: master, Logger: newLogger(cfg, s.err)}
	var keys io.Reader
	pass := ""
	if cmd.Keys != "" {
		f, err := os.Open(cmd.Keys)
		if err != nil {
			return err
		}
		defer f.Close()
		keys = f
		in, err := openPassphrase(cmd.PassphraseFile)
		if err != nil {
			return err
		}
		defer in.Close()
		if pass, err = readPassphrase(in); err != nil {
			return err
		}
	}
	erasures := storage.Erasures{AcceptMissing: cmd.AcceptMissing, Masker: &privacydesk.Masker{}, Duties: privacyDuties(&cfg.Privacy)}
	file := cmd.Erasures
	if left := filepath.Join(cfg.Data, storage.ErasuresFile); file == "" && !cmd.AcceptMissing {
		if _, err := os.Stat(left); err == nil {
			file = left // only the database was lost
		}
	}
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		erasures.List = f
	}
	err = storage.Restore(ctx, opt, content, keys, pass, erasures)
	if errors.Is(err, storage.ErrNoErasures) {
		return fmt.Errorf("%w: --erasures FILE; where nobody was erased since, or no list is left, --accept-missing-erasures", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "Restored. postroom check --store verifies every message.")
	return nil
}
