package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"postroom/internal/ratelimit"
)

func limiter(t *testing.T) ratelimit.Limiter {
	t.Helper()
	l, err := ratelimit.Open(ratelimit.Config{Key: []byte("k"), Now: func() time.Time { return time.Unix(1, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A network that posts without end is told to wait, and others are served;
// what a client claims about its way counts only where our own web server
// passed it on.
func TestOneClickIsLimitedByNetwork(t *testing.T) {
	withdrawn := 0
	_, h := oneClick("https://desk.example/consent/", func(context.Context, []byte) error { withdrawn++; return nil }, limiter(t).Allow, slog.New(slog.DiscardHandler))
	post := func(remote, forwarded string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "http://desk.example/consent/"+strings.Repeat("a", 25)+"q", strings.NewReader("List-Unsubscribe=One-Click"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = remote
		if forwarded != "" {
			r.Header.Set("X-Forwarded-For", forwarded)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for i := range clicksPerMinute {
		if w := post(fmt.Sprintf("192.0.2.%d:5000", i%250), fmt.Sprintf("10.0.%d.1", i%200)); w.Code != 200 {
			t.Fatalf("%d: %d", i, w.Code)
		}
	}
	w := post("192.0.2.9:1", "198.51.100.1")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || withdrawn != clicksPerMinute {
		t.Errorf("one more: %d, wait %q, %d withdrawals", w.Code, w.Header().Get("Retry-After"), withdrawn)
	}
	for _, c := range []struct {
		remote, forwarded string
		status            int
	}{
		{"192.0.3.9:1", "", 200},
		{"[2001:db8::1]:1", "", 200},
		{"127.0.0.1:1", "192.0.2.77", 429},
		{"127.0.0.1:1", "203.0.113.5, 192.0.2.77", 429},
		{"127.0.0.1:1", "192.0.2.77, 203.0.113.5", 200},
		{"10.1.2.3:1", "::ffff:192.0.2.1", 429},
		{"10.1.2.3:1", "nonsense", 200},
		{"@", "", 200},
	} {
		if w := post(c.remote, c.forwarded); w.Code != c.status {
			t.Errorf("from %s, passed on for %q: %d, want %d", c.remote, c.forwarded, w.Code, c.status)
		}
	}
	// Looking takes nothing from anybody.
	r := httptest.NewRequest("GET", "http://desk.example/consent/"+strings.Repeat("a", 25)+"q", nil)
	r.RemoteAddr = "192.0.2.9:1"
	look := httptest.NewRecorder()
	if h.ServeHTTP(look, r); look.Code != 200 {
		t.Errorf("looking: %d", look.Code)
	}
}

// Only a POST of the form withdraws; whoever looks at the link changes nothing
// (P11), and the answer says nothing about the secret.
func TestP11_OneClick(t *testing.T) {
	var got [][]byte
	var fail error
	path, h := oneClick("https://desk.example/consent/", func(_ context.Context, hash []byte) error {
		got = append(got, hash)
		return fail
	}, limiter(t).Allow, slog.New(slog.DiscardHandler))
	if path != "/consent/" {
		t.Fatalf("path %q", path)
	}
	secret := "/consent/" + strings.Repeat("a", 25) + "q"
	const form, urlencoded = "List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"
	multipart := "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
	for _, c := range []struct {
		name, method, path, body, kind string
		status, withdrawn              int
	}{
		{"look", "GET", secret, "", "", 200, 0},
		{"look only", "HEAD", secret, "", "", 200, 0},
		{"look with the form in the query", "GET", secret + "?" + form, "", "", 200, 0},
		{"post", "POST", secret, form, urlencoded, 200, 1},
		{"post multipart", "POST", secret, multipart, "multipart/form-data; boundary=x", 200, 1},
		{"another path", "POST", secret[9:], form, urlencoded, 404, 0},
		{"post nothing", "POST", secret, "", urlencoded, 400, 0},
		{"post the query", "POST", secret + "?" + form, "", urlencoded, 400, 0},
		{"post much", "POST", secret, form + "&x=" + strings.Repeat("y", maxClick), urlencoded, 400, 0},
		{"put", "PUT", secret, form, urlencoded, 405, 0},
		{"no secret", "POST", "/consent/", form, urlencoded, 404, 0},
		{"damaged secret", "POST", secret + "a", form, urlencoded, 404, 0},
	} {
		got = nil
		r := httptest.NewRequest(c.method, "http://desk.example"+"/"+strings.TrimPrefix(c.path, "/"), strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || len(got) != c.withdrawn {
			t.Errorf("%s: status %d, %d withdrawals; want %d, %d", c.name, w.Code, len(got), c.status, c.withdrawn)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Set-Cookie") != "" || w.Header().Get("Location") != "" {
			t.Errorf("%s: header %v", c.name, w.Header())
		}
	}
	fail = errors.New("the disk is gone")
	r := httptest.NewRequest("POST", "http://desk.example"+secret, strings.NewReader(form))
	r.Header.Set("Content-Type", urlencoded)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("a broken store: %d %s", w.Code, w.Body)
	}
}
