package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"postroom/internal/config"
)

type initCmd struct {
	Dir      string `arg:"" help:"Folder for postroom.toml; made if missing."`
	Hostname string `help:"The name this machine has in DNS." placeholder:"NAME"`
}

func (cmd *initCmd) Run(_ context.Context, _ *cli, s streams) error {
	host := cmd.Hostname
	if host == "" {
		if h, err := os.Hostname(); err == nil && strings.Contains(h, ".") && !strings.HasSuffix(h, ".localdomain") {
			host = h
		}
	}
	if host == "" {
		host = "desk.example"
	}
	path, err := config.Write(cmd.Dir, host)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s has a postroom.toml already; it was left as it is", cmd.Dir)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Wrote %s.\nLook at hostname and [listen] in it, then:\n\n", path)
	fmt.Fprintf(s.out, "  postroom queue add support --address support@%s --config %s\n", host, path)
	fmt.Fprintf(s.out, "  postroom agent add anna --address anna@elsewhere.example --queue support --config %s\n", path)
	fmt.Fprintf(s.out, "  postroom agent add dora --address dora@elsewhere.example --role privacy --config %s\n", path)
	fmt.Fprintf(s.out, "  postroom check --config %s\n  postroom serve --config %s\n", path, path)
	return nil
}

// load reads the configuration from --config, ./postroom.toml or /etc.
func (c *cli) load() (*config.Config, error) {
	path := c.Config
	if path == "" {
		for _, p := range []string{"postroom.toml", "/etc/postroom/postroom.toml"} {
			if _, err := os.Stat(p); err == nil {
				path = p
				break
			}
		}
	}
	if path == "" {
		return nil, errors.New("no configuration: give --config FILE, or make one with postroom init DIR")
	}
	cfg, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	return &cfg, nil
}

// version is what the Go toolchain stamped into the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v = s.Value
		}
	}
	return v
}
