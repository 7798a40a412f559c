// Package config is the one typed configuration, read once at the start. A
// key that is not known is refused with its line, since a misspelt limit is a
// limit that does not hold. The commented example, which postroom init writes,
// is the reference; a test keeps it complete.
package config

import (
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Example is the commented configuration with every key at its default.
//
//go:embed postroom.toml
var Example string

// Config is all that the machine's administrator decides.
type Config struct {
	Hostname string   `toml:"hostname"`
	Data     string   `toml:"data"`
	Database Database `toml:"database"`
	Redis    Redis    `toml:"redis"`
	Keys     Keys     `toml:"keys"`
	Listen   Listen   `toml:"listen"`
	TLS      TLS      `toml:"tls"`
	DNS      DNS      `toml:"dns"`
	Outbound Outbound `toml:"outbound"`
	Limits   Limits   `toml:"limits"`
	Ack      Ack      `toml:"ack"`
	Trust    Trust    `toml:"trust"`
	Spam     Spam     `toml:"spam"`
	Privacy  Privacy  `toml:"privacy"`
	Consent  Consent  `toml:"consent"`
	Log      Log      `toml:"log"`
}

// Database says where the truth is kept.
type Database struct {
	URL string `toml:"url"`
}

// Redis carries pace between nodes; an empty URL means in process.
type Redis struct {
	URL string `toml:"url"`
}

// Keys names the master key's file, relative to the data folder.
type Keys struct {
	MasterFile string `toml:"master_file"`
}

// Listen holds the doors' addresses; an empty one is closed.
type Listen struct {
	MX          string `toml:"mx"`
	Submission  string `toml:"submission"`
	Submissions string `toml:"submissions"`
	IMAP        string `toml:"imap"`
	IMAPS       string `toml:"imaps"`
	HTTP        string `toml:"http"`
}

// TLS says where certificates come from.
type TLS struct {
	Cert           string `toml:"cert"`
	Key            string `toml:"key"`
	ACME           bool   `toml:"acme"`
	AllowPlainAuth bool   `toml:"allow_plain_auth"`
}

// DNS names the servers to ask; none means the system's.
type DNS struct {
	Servers []string `toml:"servers"`
}

// Outbound says how mail leaves.
type Outbound struct {
	Relay             string     `toml:"relay"`
	RelayUser         string     `toml:"relay_user"`
	RelayPasswordFile string     `toml:"relay_password_file"`
	RelayTLS          string     `toml:"relay_tls"`
	MXPort            int        `toml:"mx_port"`
	AllowPrivate      bool       `toml:"allow_private"`
	Retry             []Duration `toml:"retry"`
}

// Limits bound what comes in; 0 means no limit.
type Limits struct {
	MessageBytes          int64    `toml:"message_bytes"`
	Recipients            int      `toml:"recipients"`
	Connections           int      `toml:"connections"`
	ConnectionsPerNetwork int      `toml:"connections_per_network"`
	MailsPerNetworkHour   int      `toml:"mails_per_network_hour"`
	MailsPerSenderHour    int      `toml:"mails_per_sender_hour"`
	MinFreeBytes          int64    `toml:"min_free_bytes"`
	Exempt                []string `toml:"exempt"`
}

// Ack says whether new tickets are acknowledged.
type Ack struct {
	Enabled      bool `toml:"enabled"`
	PerSenderDay int  `toml:"per_sender_day"`
}

// Trust says how senders are checked.
type Trust struct {
	Check      bool     `toml:"check"`
	ARCSealers []string `toml:"arc_sealers"`
	Forwarders []string `toml:"forwarders"`
}

// Spam says what makes a new ticket spam. Nothing is ever refused for it.
type Spam struct {
	Threshold float64  `toml:"threshold"`
	DNSLists  []string `toml:"dns_lists"`
	Rspamd    string   `toml:"rspamd"`
}

// Log says what is logged and how.
type Log struct {
	Level     string `toml:"level"`
	Format    string `toml:"format"`
	Addresses bool   `toml:"addresses"`
}

// Duration is a time span written like 5m or 1h30m.
type Duration time.Duration

// UnmarshalText reads Go's notation of durations.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is no time span such as 5m or 1h", b)
	}
	*d = Duration(v)
	return nil
}

// Default returns the configuration in which only the host name is missing.
func Default() Config {
	var c Config
	if err := toml.Unmarshal([]byte(Example), &c); err != nil {
		panic("the embedded example does not parse: " + err.Error())
	}
	c.Hostname, c.Privacy.Address = "", ""
	return c
}

// Load reads, completes and checks the file. Errors name the file and the key
// or the line.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := parse(string(text), filepath.Dir(path))
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parse(text, dir string) (Config, error) {
	c := Default()
	dec := toml.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, readable(err)
	}
	if err := c.resolve(dir); err != nil {
		return c, err
	}
	return c, c.check()
}

func readable(err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := strict.Errors[0]
		row, _ := e.Position()
		return fmt.Errorf("line %d: there is no key %q", row, strings.Join(e.Key(), "."))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		row, col := bad.Position()
		return fmt.Errorf("line %d, column %d: %s", row, col, bad.Error())
	}
	return err
}

// resolve fills in values from files and the environment, and makes paths absolute.
func (c *Config) resolve(dir string) error {
	for key, p := range map[string]*string{
		"database.url": &c.Database.URL, "redis.url": &c.Redis.URL, "outbound.relay_user": &c.Outbound.RelayUser,
		"hostname": &c.Hostname, "privacy.address": &c.Privacy.Address, "spam.rspamd": &c.Spam.Rspamd,
	} {
		v, err := secret(*p, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		*p = v
	}
	abs := func(base string, p *string) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	if d, err := filepath.Abs(dir); err == nil {
		dir = d
	}
	abs(dir, &c.Data)
	abs(c.Data, &c.Keys.MasterFile)
	abs(dir, &c.TLS.Cert)
	abs(dir, &c.TLS.Key)
	abs(dir, &c.Outbound.RelayPasswordFile)
	c.Hostname = strings.ToLower(c.Hostname)
	if c.Privacy.Address == "" {
		c.Privacy.Address = "privacy@" + c.Hostname
	}
	c.completePrivacy()
	return nil
}

// secret reads a value that stands elsewhere: "env:NAME" or "file:PATH".
func secret(v, dir string) (string, error) {
	if name, ok := strings.CutPrefix(v, "env:"); ok {
		s, set := os.LookupEnv(name)
		if !set {
			return "", fmt.Errorf("the environment has no variable %s", name)
		}
		return s, nil
	}
	if path, ok := strings.CutPrefix(v, "file:"); ok {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		b, err := os.ReadFile(path)
		return strings.TrimSpace(string(b)), err
	}
	return v, nil
}

func (c *Config) check() error {
	if c.Hostname == "" {
		return errors.New("hostname: the name this machine has in DNS is missing")
	}
	if strings.ContainsAny(c.Hostname, " /@:\t") || len(c.Hostname) > 253 {
		return fmt.Errorf("hostname: %q is no host name", c.Hostname)
	}
	if c.Database.URL != "sqlite:" && !strings.HasPrefix(c.Database.URL, "sqlite:") &&
		!strings.HasPrefix(c.Database.URL, "postgres://") && !strings.HasPrefix(c.Database.URL, "postgresql://") {
		return errors.New("database.url: must begin with sqlite: or postgres://")
	}
	if c.Redis.URL != "" {
		if u, err := url.Parse(c.Redis.URL); err != nil || (u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix") {
			return errors.New("redis.url: must begin with redis:// or rediss://")
		}
	}
	for key, v := range map[string]string{"mx": c.Listen.MX, "submission": c.Listen.Submission, "submissions": c.Listen.Submissions,
		"imap": c.Listen.IMAP, "imaps": c.Listen.IMAPS, "http": c.Listen.HTTP} {
		if v == "" {
			continue
		}
		if _, _, err := net.SplitHostPort(v); err != nil {
			return fmt.Errorf("listen.%s: %q is no address such as 127.0.0.1:25", key, v)
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return errors.New("tls: cert and key go together")
	}
	if c.TLS.Cert != "" && c.TLS.ACME {
		return errors.New("tls: either files or acme, not both")
	}
	if _, err := c.ExemptPrefixes(); err != nil {
		return err
	}
	switch c.Outbound.RelayTLS {
	case "require", "starttls", "opportunistic", "none":
	default:
		return fmt.Errorf("outbound.relay_tls: %q is none of require, starttls, opportunistic, none", c.Outbound.RelayTLS)
	}
	if c.Outbound.Relay != "" {
		if _, _, err := net.SplitHostPort(c.Outbound.Relay); err != nil {
			return fmt.Errorf("outbound.relay: %q is no host:port", c.Outbound.Relay)
		}
	}
	if c.Outbound.MXPort < 1 || c.Outbound.MXPort > 65535 {
		return fmt.Errorf("outbound.mx_port: %d is no port", c.Outbound.MXPort)
	}
	if len(c.Outbound.Retry) == 0 {
		return errors.New("outbound.retry: at least one pause is needed")
	}
	for _, s := range c.DNS.Servers {
		if _, err := netip.ParseAddrPort(s); err != nil {
			if _, err := netip.ParseAddr(s); err != nil {
				return fmt.Errorf("dns.servers: %q is no address such as 127.0.0.1:53", s)
			}
		}
	}
	if err := c.checkPrivacy(); err != nil {
		return err
	}
	for key, v := range map[string]int64{"message_bytes": c.Limits.MessageBytes, "recipients": int64(c.Limits.Recipients),
		"connections": int64(c.Limits.Connections), "connections_per_network": int64(c.Limits.ConnectionsPerNetwork),
		"mails_per_network_hour": int64(c.Limits.MailsPerNetworkHour), "mails_per_sender_hour": int64(c.Limits.MailsPerSenderHour),
		"min_free_bytes": c.Limits.MinFreeBytes} {
		if v < 0 {
			return fmt.Errorf("limits.%s: must not be negative; 0 means no limit", key)
		}
	}
	if c.Ack.PerSenderDay < 0 {
		return errors.New("ack.per_sender_day: must not be negative; 0 means no limit")
	}
	if err := c.checkSpam(); err != nil {
		return err
	}
	if err := c.checkConsent(); err != nil {
		return err
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		return fmt.Errorf("log.level: %q is none of debug, info, warn, error", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return fmt.Errorf("log.format: %q is neither text nor json", c.Log.Format)
	}
	return nil
}

func (c *Config) checkSpam() error {
	if !(c.Spam.Threshold >= 0) {
		return errors.New("spam.threshold: must not be negative; 0 means that nothing is put aside")
	}
	if len(c.Spam.DNSLists) > 8 {
		return errors.New("spam.dns_lists: more than eight cost each mail too much time")
	}
	for _, l := range c.Spam.DNSLists {
		if !strings.Contains(l, ".") || strings.ContainsAny(l, " /@:") {
			return fmt.Errorf("spam.dns_lists: %q is no name of a list such as bl.example.org", l)
		}
	}
	if c.Spam.Rspamd != "" {
		// The URL may hold a password: it is not repeated.
		if u, err := url.Parse(c.Spam.Rspamd); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return errors.New("spam.rspamd: must be a URL such as http://127.0.0.1:11334")
		}
	}
	return nil
}

// ExemptPrefixes returns the networks without limits.
func (c *Config) ExemptPrefixes() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range c.Limits.Exempt {
		if p, err := netip.ParsePrefix(s); err == nil {
			out = append(out, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("limits.exempt: %q is no network such as 10.0.0.0/8", s)
		}
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out, nil
}

// RelayPassword reads the relay's password from its file; empty without one.
func (c *Config) RelayPassword() (string, error) {
	if c.Outbound.RelayPasswordFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(c.Outbound.RelayPasswordFile)
	if err != nil {
		return "", fmt.Errorf("outbound.relay_password_file: %w", err)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// Write makes DIR/postroom.toml for a first start, with the data beside it. It
// refuses to overwrite.
func Write(dir, hostname string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	path = filepath.Join(abs, "postroom.toml")
	text := strings.Replace(Example, `hostname = "desk.example"`, fmt.Sprintf("hostname = %q", hostname), 1)
	text = strings.Replace(text, `address = "privacy@desk.example"`, fmt.Sprintf("address = %q", "privacy@"+hostname), 1)
	text = strings.Replace(text, `data = "/var/lib/postroom"`, fmt.Sprintf("data = %q", filepath.Join(abs, "data")), 1)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return "", err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return "", err
	}
	return path, f.Close()
}
