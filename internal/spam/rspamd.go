package spam

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"sync"
	"time"
)

// Opinion is what rspamd thinks of a mail.
type Opinion struct {
	Action   string
	Score    float64
	Required float64
	Symbols  []string // names of what counted most, at most maxSymbols
}

const (
	maxSymbols   = 5
	maxAnswer    = 256 << 10
	failuresOpen = 3                // failures in a row after which rspamd is left alone,
	restFor      = 30 * time.Second // for so long; then one mail tries it
)

// ErrResting says that rspamd failed lately and is left alone for a while.
var ErrResting = errors.New("rspamd is left alone after failures")

// Rspamd speaks to an rspamd over HTTP: its normal worker judges, its
// controller judges and learns. It follows no redirect and reads no more of an
// answer than it understands.
type Rspamd struct {
	base     string
	password string
	client   *http.Client
	now      func() time.Time

	mu       sync.Mutex
	failures int
	until    time.Time // left alone until then
}

// NewRspamd takes a base URL such as http://127.0.0.1:11334; a password in the
// URL is given to the controller.
func NewRspamd(base string, now func() time.Time) (*Rspamd, error) {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("rspamd: the URL must begin with http:// or https:// and name a host") // never the URL: it may hold a password
	}
	r := &Rspamd{now: now, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 64, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: 16 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if r.now == nil {
		r.now = time.Now
	}
	r.password, _ = u.User.Password()
	u.User = nil
	r.base = strings.TrimSuffix(u.String(), "/")
	return r, nil
}

// Healthy reports why rspamd is not asked, or nil.
func (r *Rspamd) Healthy() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failures >= failuresOpen && r.now().Before(r.until) {
		return ErrResting
	}
	return nil
}

// allowed lets a question through; while rspamd rests only one, when its time
// is over.
func (r *Rspamd) allowed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failures < failuresOpen {
		return true
	}
	if r.now().Before(r.until) {
		return false
	}
	r.until = r.now().Add(restFor)
	return true
}

func (r *Rspamd) heard(ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ok {
		r.failures = 0
		return
	}
	if r.failures++; r.failures >= failuresOpen {
		r.until = r.now().Add(restFor)
	}
}

// Check asks for an opinion of a mail, of which body is all or the beginning.
// ctx says how long.
func (r *Rspamd) Check(ctx context.Context, env Envelope, hostname string, body []byte) (*Opinion, error) {
	if !r.allowed() {
		return nil, ErrResting
	}
	o, err := r.check(ctx, env, hostname, body)
	r.heard(err == nil)
	return o, err
}

func (r *Rspamd) check(ctx context.Context, env Envelope, hostname string, body []byte) (*Opinion, error) {
	req, err := r.request(ctx, "/checkv2", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	set := func(name, value string) {
		if value = plain(value); value != "" {
			req.Header.Add(name, value)
		}
	}
	if env.Remote.IsValid() {
		set("IP", env.Remote.Unmap().String())
	}
	set("Helo", env.Helo)
	set("Hostname", hostname)
	set("From", env.From)
	set("Queue-Id", env.ID)
	for _, a := range env.To {
		set("Rcpt", a)
	}
	status, answer, err := r.do(req)
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("rspamd answered %d", status)
	}
	return readOpinion(answer)
}

func readOpinion(answer []byte) (*Opinion, error) {
	var a struct {
		Action   string  `json:"action"`
		Score    float64 `json:"score"`
		Required float64 `json:"required_score"`
		Symbols  map[string]struct {
			Score float64 `json:"score"`
		} `json:"symbols"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, fmt.Errorf("rspamd's answer: %w", err)
	}
	if a.Action == "" { // is_skipped says only that not all was looked at: some verdicts need no look
		return nil, errors.New("rspamd gave no opinion")
	}
	o := &Opinion{Action: plain(a.Action), Score: a.Score, Required: a.Required}
	for name := range a.Symbols {
		if word(name) {
			o.Symbols = append(o.Symbols, name)
		}
	}
	weight := func(i int) float64 { return math.Abs(a.Symbols[o.Symbols[i]].Score) }
	sort.Slice(o.Symbols, func(i, j int) bool {
		if weight(i) != weight(j) {
			return weight(i) > weight(j)
		}
		return o.Symbols[i] < o.Symbols[j]
	})
	o.Symbols = o.Symbols[:min(len(o.Symbols), maxSymbols)]
	return o, nil
}

// Learn shows rspamd a mail that an agent called spam, or no spam. Having seen
// it before is no error. It takes two seconds at most, and while rspamd rests
// none.
func (r *Rspamd) Learn(ctx context.Context, spam bool, mail io.Reader) error {
	if !r.allowed() {
		return ErrResting
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	path := "/learnham"
	if spam {
		path = "/learnspam"
	}
	body, err := io.ReadAll(io.LimitReader(mail, wholeHead))
	if err != nil {
		return err
	}
	req, err := r.request(ctx, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	status, answer, err := r.do(req)
	r.heard(err == nil)
	switch {
	case err != nil:
		return err
	case status == http.StatusOK, status == http.StatusNoContent, status == http.StatusAlreadyReported:
		return nil
	case bytes.Contains(answer, []byte("already learned")):
		return nil
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return errors.New("rspamd does not let us teach it: it wants a password, or its controller's port")
	}
	return fmt.Errorf("rspamd answered %d", status)
}

func (r *Rspamd) request(ctx context.Context, path string, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "postroom")
	if r.password != "" {
		req.Header.Set("Password", r.password)
	}
	return req, nil
}

func (r *Rspamd) do(req *http.Request) (int, []byte, error) {
	res, err := r.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = errors.New("rspamd's answer is too long")
	}
	return res.StatusCode, answer, err
}

// plain is a value that can stand in a header of HTTP.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 1000)]
}

// word: rspamd's symbols are named like this, and nothing else comes into a reason.
func word(s string) bool {
	for _, c := range []byte(s) {
		if !('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
