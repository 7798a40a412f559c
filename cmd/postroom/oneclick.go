package main

import (
	"context"
	"html"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// withdrawer carries out a withdrawal by the secret of a mail.
type withdrawer func(ctx context.Context, hash []byte) error

// allower is ratelimit.Limiter's Allow.
type allower func(ctx context.Context, key string, n int, per time.Duration) (bool, time.Duration)

const clicksPerMinute = 300

// oneClick is where List-Unsubscribe-Post of our mails leads (RFC 8058). Only a
// POST withdraws, since scanners and previews follow links; a GET shows a page
// with one button that does. Nobody learns from an answer whether the secret
// was one of ours.
//
// A network may post clicksPerMinute times: far more than the servers of a
// large mail provider do after a mailing, far less than guessing takes.
func oneClick(publicURL string, withdraw withdrawer, allow allower, log *slog.Logger) (pattern string, h http.Handler) {
	u, _ := url.Parse(publicURL) // checked with the configuration
	path := strings.TrimRight(u.Path, "/") + "/"
	return path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Type", "text/html; charset=utf-8")
		head.Set("Cache-Control", "no-store")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("X-Robots-Tag", "noindex")
		head.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
		hash := privacy.ClickForm(strings.TrimPrefix(r.URL.Path, path))
		switch {
		case hash == nil:
			page(w, http.StatusNotFound, "<p>There is nothing here.</p>")
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			page(w, http.StatusOK, `<p>Do you want to withdraw your consent? It works at once.</p>`+
				`<form method="post" action="`+html.EscapeString(r.URL.Path)+`"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>Withdraw</button></form>`)
		case r.Method != http.MethodPost:
			head.Set("Allow", "GET, HEAD, POST")
			page(w, http.StatusMethodNotAllowed, "<p>This is not understood.</p>")
		case !isOneClick(w, r):
			page(w, http.StatusBadRequest, "<p>This is not understood.</p>")
		default:
			ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
			defer cancel()
			if ok, wait := allow(ctx, "click:"+clientNetwork(r), clicksPerMinute, time.Minute); !ok {
				head.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
				page(w, http.StatusTooManyRequests, "<p>Too many withdrawals come from your network just now. Please try again in a minute.</p>")
				return
			}
			if err := withdraw(ctx, hash); err != nil {
				log.Error("a withdrawal by one click was not kept", "err", err)
				head.Set("Retry-After", "60")
				page(w, http.StatusServiceUnavailable, "<p>This did not work just now. Please try again in a minute.</p>")
				return
			}
			page(w, http.StatusOK, "<p>Your consent is withdrawn. It works at once.</p>")
		}
	})
}

// clientNetwork is the IPv4 /24 or IPv6 /64 that a request comes from. Where a
// web server on this host or a private network passes it on, that is what it
// says last: whatever stands before came from the client.
func clientNetwork(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	a := at.Addr().Unmap()
	if list := r.Header.Values("X-Forwarded-For"); len(list) > 0 && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()) {
		last := list[len(list)-1]
		last = last[strings.LastIndexByte(last, ',')+1:]
		if client, err := netip.ParseAddr(strings.TrimSpace(last)); err == nil {
			a = client.Unmap()
		}
	}
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// maxClick is far above the 26 bytes of the form.
const maxClick = 4 << 10

// isOneClick reads the form, as multipart or urlencoded (RFC 8058 section 3.2).
func isOneClick(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxClick)
	return r.PostFormValue("List-Unsubscribe") == "One-Click"
}

func page(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	w.Write([]byte("<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Consent</title>" + body + "</html>\n"))
}

// withdrawByToken is a withdrawal by one click.
func (d *desk) withdrawByToken(ctx context.Context, hash []byte) error {
	_, err := d.applyPrivacy(ctx, func(v privacy.View) (*tickets.Change, error) {
		ch := &tickets.Change{}
		_, err := d.consents.StopByToken(ctx, v, ch, hash, privacy.Stop{Channel: "one-click", Now: d.now()})
		return ch, err
	})
	return err
}
