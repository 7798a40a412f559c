package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"postroom/internal/config"
)

func TestExitStatus(t *testing.T) {
	t.Chdir(t.TempDir()) // no postroom.toml here
	t.Setenv("POSTROOM_CONFIG", "")
	for _, c := range []struct {
		args     string
		status   int
		out, err string
	}{
		{"", 0, "Usage: postroom", ""}, {"--help", 0, "Usage: postroom", ""}, {"help queue add", 0, "--address", ""}, {"queue add --help", 0, "--address", ""},
		{"--version", 0, "postroom ", ""}, {"version", 0, "postroom ", ""},
		{"nonsense", 2, "", "nonsense"}, {"queue", 2, "", ""}, {"serve extra", 2, "", "extra"},
		{"serve --roles cook", 1, "", "cook"}, {"queue list --config not-there.toml", 1, "", "not-there.toml"},
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), strings.Fields(c.args), strings.NewReader(""), &out, &errs)
		if status != c.status || !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.err) {
			t.Errorf("postroom %s: %d\n%s%s", c.args, status, out.String(), errs.String())
		}
	}
}

func TestAddressesAndNames(t *testing.T) {
	for in, want := range map[string]string{
		"ann@acme.example": "ann@acme.example", "ann@ACME.example": "ann@acme.example", " ann@acme.example": "", "Ann@acme.example": "Ann@acme.example",
		"ann@bücher.example": "ann@xn--bcher-kva.example", "ann": "", "@acme.example": "", "ann@": "", "ann@a b": "", "a@b@acme.example": "",
		"<ann@acme.example>": "", "ann@acme.example,bob@acme.example": "", strings.Repeat("a", 65) + "@acme.example": "", "a\nb@acme.example": "", "": "",
	} {
		got, err := mailAddress(in)
		if (err == nil) != (want != "") || got != want {
			t.Errorf("mailAddress(%q) is %q, %v; not %q", in, got, err, want)
		}
	}
	if _, err := queueAddress("desk+r.x@acme.example"); err == nil {
		t.Error("a queue may have a plus-form as its address")
	}
	for name, ok := range map[string]bool{"support": true, "Ünï-1_2.3": true, "": false, "two words": false, "-x": false, "a/b": false, "a@b": false, "me": false,
		"Nobody": false, "a\nb": false, strings.Repeat("a", 65): false} {
		if err := checkName("a queue", name); (err == nil) != ok {
			t.Errorf("checkName(%q): %v", name, err)
		}
	}
}

// /readyz is 503 before the doors are open, while the store does not answer, and
// when the server stops; /healthz is 200 all the while.
func TestReadiness(t *testing.T) {
	var ready atomic.Bool
	var store error
	h := newHTTP(&ready, func(context.Context) error { return store }, prometheus.NewRegistry()).Handler
	want := func(when string, status int) {
		t.Helper()
		for path, want := range map[string]int{"/readyz": status, "/healthz": http.StatusOK, "/metrics": http.StatusOK, "/": http.StatusNotFound} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if w.Code != want {
				t.Errorf("%s %s is %d", when, path, w.Code)
			}
		}
	}
	want("before it is ready", http.StatusServiceUnavailable)
	ready.Store(true)
	want("ready", http.StatusOK)
	store = errors.New("disk of ann@acme.example is broken")
	want("with a broken store", http.StatusServiceUnavailable)
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil)); strings.Contains(w.Body.String(), "ann@") {
		t.Errorf("it tells %q", w.Body)
	}
	store = nil
	ready.Store(false)
	want("stopping", http.StatusServiceUnavailable)
}

func TestMasterKey(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{Data: dir}
	cfg.Keys.MasterFile = filepath.Join(dir, "master.key")
	first, err := masterKey(cfg)
	if err != nil || len(first) != masterKeyLen {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	if st, err := os.Stat(cfg.Keys.MasterFile); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("it is kept as %v, %v", st.Mode(), err)
	}
	if again, err := masterKey(cfg); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the second start has another key: %v", err)
	}
	for _, bad := range []string{"", "0123", strings.Repeat("x", 64), hex.EncodeToString(first) + "00"} {
		if err := os.WriteFile(cfg.Keys.MasterFile, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := masterKey(cfg); err == nil || !strings.Contains(err.Error(), cfg.Keys.MasterFile) {
			t.Errorf("%q is a master key: %v", bad, err)
		}
	}
	// What is lost is not replaced where it is needed.
	if err := os.Remove(cfg.Keys.MasterFile); err != nil {
		t.Fatal(err)
	}
	if _, err := nodeName(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := masterKey(cfg); err == nil || !strings.Contains(err.Error(), "put back") {
		t.Errorf("a lost key was replaced: %v", err)
	}
}

func TestOneProcessHasTheFolder(t *testing.T) {
	dir := t.TempDir()
	lock, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lockData(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second process has it too: %v", err)
	}
	lock.Close()
	again, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// A backup is there whole or not at all, and never over another.
func TestDurableFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "backup")
	names := func() string {
		list, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range list {
			names = append(names, e.Name())
		}
		return strings.Join(names, " ")
	}
	f, err := createDurable(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("half"))
	if got := names(); got != "backup.partial" {
		t.Errorf("while it is written there is %q", got)
	}
	f.Discard()
	if got := names(); got != "" {
		t.Errorf("after it failed there is %q", got)
	}
	if f, err = createDurable(path); err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("whole"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "whole" || names() != "backup" {
		t.Errorf("%q %v, there is %q", text, err, names())
	}
	if _, err := createDurable(path); err == nil {
		t.Error("a backup may be written over")
	}
	if f, err = createDurable(path + "2"); err != nil {
		t.Fatal(err)
	}
	f.err = errors.New("no room") // as a write that failed
	if err := f.Close(); err == nil || names() != "backup" {
		t.Errorf("after a failed write: %v, there is %q", err, names())
	}
}
