package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Only a POST of the form withdraws; whoever looks at the link changes nothing
// (P11), and the answer says nothing about the secret.
func TestP11_OneClick(t *testing.T) {
	var got [][]byte
	var fail error
	path, h := oneClick("https://desk.example/consent/", func(_ context.Context, hash []byte) error {
		got = append(got, hash)
		return fail
	}, slog.New(slog.DiscardHandler))
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
