package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// Every field of Config must stand in the example, and nothing else.
func TestExampleIsComplete(t *testing.T) {
	var tree map[string]any
	if err := toml.Unmarshal([]byte(Example), &tree); err != nil {
		t.Fatal(err)
	}
	var want func(typ reflect.Type, tree map[string]any, at string)
	want = func(typ reflect.Type, tree map[string]any, at string) {
		fields := slices.DeleteFunc(reflect.VisibleFields(typ), func(f reflect.StructField) bool { return !f.IsExported() })
		if len(tree) != len(fields) {
			t.Errorf("%s: the example has %d keys, the configuration %d", at, len(tree), len(fields))
		}
		for _, f := range fields {
			key := f.Tag.Get("toml")
			v, ok := tree[key]
			if !ok {
				t.Errorf("the example lacks %s%s", at, key)
				continue
			}
			if f.Type.Kind() == reflect.Struct {
				want(f.Type, v.(map[string]any), at+key+".")
			}
		}
	}
	want(reflect.TypeFor[Config](), tree, "")
	if _, err := parse(Example, "/"); err != nil {
		t.Errorf("the example itself is refused: %v", err)
	}
}

func TestLoad(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"only a host name", "hostname = \"d.example\"", ""},
		{"no host name", "", "hostname"},
		{"unknown key with its line", "hostname = \"d.example\"\n[limits]\nmesage_bytes = 3", `line 3: there is no key "limits.mesage_bytes"`},
		{"unknown table", "hostname = \"d.example\"\n[imap]\n", `there is no key "imap"`},
		{"wrong type", "hostname = 3", "line 1"},
		{"syntax", "hostname = ", "line 1"},
		{"bad listen", "hostname = \"d.example\"\n[listen]\nmx = \"25\"", "listen.mx"},
		{"half a certificate", "hostname = \"d.example\"\n[tls]\ncert = \"a.pem\"", "cert and key"},
		{"bad retry", "hostname = \"d.example\"\n[outbound]\nretry = [\"soon\"]", "time span"},
		{"bad exempt", "hostname = \"d.example\"\n[limits]\nexempt = [\"x\"]", "limits.exempt"},
		{"negative", "hostname = \"d.example\"\n[limits]\nrecipients = -1", "limits.recipients"},
		{"negative threshold", "hostname = \"d.example\"\n[spam]\nthreshold = -1.0", "spam.threshold"},
		{"whole threshold", "hostname = \"d.example\"\n[spam]\nthreshold = 5", ""},
		{"list", "hostname = \"d.example\"\n[spam]\ndns_lists = [\"https://bl.example\"]", "spam.dns_lists"},
		{"rspamd", "hostname = \"d.example\"\n[spam]\nrspamd = \"127.0.0.1:11334\"", "spam.rspamd"},
		{"database", "hostname = \"d.example\"\n[database]\nurl = \"mysql://\"", "database.url"},
		{"missing variable", "hostname = \"d.example\"\n[database]\nurl = \"env:POSTROOM_NOT_SET\"", "POSTROOM_NOT_SET"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "postroom.toml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path)
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path)):
				t.Fatalf("got %v, want %q with the file's name", err, c.want)
			}
		})
	}
}

func TestSecretsStandElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("POSTROOM_DB", "postgres://u:p@h/d")
	if err := os.WriteFile(filepath.Join(dir, "redis"), []byte("redis://:pw@h:1/0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := parse("hostname = \"D.example\"\n[database]\nurl = \"env:POSTROOM_DB\"\n[redis]\nurl = \"file:redis\"", dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.Database.URL != "postgres://u:p@h/d" || c.Redis.URL != "redis://:pw@h:1/0" || c.Hostname != "d.example" || c.Privacy.Address != "privacy@d.example" {
		t.Fatalf("%+v", c)
	}
	if c.Keys.MasterFile != "/var/lib/postroom/master.key" {
		t.Fatalf("master key at %s", c.Keys.MasterFile)
	}
}

func TestWriteNeverOverwrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	path, err := Write(dir, "desk.example.org")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil || c.Hostname != "desk.example.org" || c.Data != filepath.Join(dir, "data") {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := Write(dir, "other.example"); err == nil {
		t.Fatal("an existing configuration was overwritten")
	}
}
