package spam

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"postroom/internal/message"
	"postroom/internal/resolver"
	"postroom/internal/senderauth"
	"postroom/tickets"
)

const mail = "From: Ann <ann@customer.example>\r\nTo: support@desk.example\r\nSubject: My order\r\n" +
	"Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@customer.example>\r\n\r\nWhere is my order? I have waited for two weeks.\r\n"

func envelope(remote string) Envelope {
	return Envelope{Remote: netip.MustParseAddr(remote), Helo: "mx.customer.example", From: "ann@customer.example",
		To: []string{"support@desk.example", "sales@desk.example"}, ID: "receipt"}
}

func judge(t *testing.T, j *Judge, env Envelope, auth senderauth.Result, raw string) Verdict {
	t.Helper()
	l := j.Start(env)
	defer l.Close()
	if _, err := io.WriteString(l, raw); err != nil {
		t.Fatal(err)
	}
	m, err := message.Parse(strings.NewReader(raw), message.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return l.Judge(t.Context(), m, auth)
}

func TestListsAreAsked(t *testing.T) {
	zone := resolver.NewFake(`
2.0.0.127.bl.example A 127.0.0.2
9.2.0.192.bl.example A 127.0.0.4
9.2.0.192.more.example A 127.0.1.2
8.2.0.192.bl.example A 127.255.255.254
7.2.0.192.bl.example A 192.0.2.80
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example A 127.0.0.2
`)
	zone.Fail("5.2.0.192.bl.example")
	j, err := New(Config{Threshold: 6, Lists: []string{"bl.example", "more.example"}}, Parts{DNS: resolver.From(zone)})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, remote string
		points       float64
		forwarder    string
	}{
		{"on both", "192.0.2.9", 6, ""},
		{"IPv4 in IPv6", "::ffff:192.0.2.9", 6, ""},
		{"IPv6", "2001:db8::1", 4, ""},
		{"on none", "192.0.2.1", 0, ""},
		{"the list says that we may not ask", "192.0.2.8", 0, ""},
		{"a provider's answer for everything", "192.0.2.7", 0, ""},
		{"the list is down", "192.0.2.5", 0, ""},
		{"a forwarder's address is not the sender's", "192.0.2.9", 0, "old.example"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := judge(t, j, envelope(c.remote), senderauth.Result{Forwarder: c.forwarder}, mail)
			if v.Points != c.points || v.Junk != (c.points >= 6) {
				t.Fatalf("%.1f, junk %v: %v", v.Points, v.Junk, v.Reasons)
			}
		})
	}
}

// A list that never answers costs its time and no more.
func TestASilentListCostsItsTime(t *testing.T) {
	zone := resolver.NewFake("x.example A 127.0.0.2")
	zone.Silence("9.2.0.192.bl.example")
	j, err := New(Config{Threshold: 6, Lists: []string{"bl.example"}}, Parts{DNS: resolver.From(zone)})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if v := judge(t, j, envelope("192.0.2.9"), senderauth.Result{}, mail); v.Points != 0 {
		t.Fatalf("%v", v.Reasons)
	}
	if d := time.Since(begin); d > patience+3*time.Second {
		t.Fatalf("took %v", d)
	}
}

// fakeRspamd answers as told and keeps what it was asked.
type fakeRspamd struct {
	mu     sync.Mutex
	status int
	answer string
	wait   time.Duration
	asked  []*http.Request
	bodies []string
}

func (f *fakeRspamd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.asked, f.bodies = append(f.asked, r), append(f.bodies, string(body))
	status, answer, wait := f.status, f.answer, f.wait
	f.mu.Unlock()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-r.Context().Done():
			return
		}
	}
	if status == http.StatusFound {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
	io.WriteString(w, answer)
}

func (f *fakeRspamd) set(status int, answer string, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.answer, f.wait = status, answer, wait
}

func (f *fakeRspamd) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

const rejects = `{"is_skipped":false,"score":21.5,"required_score":15.0,"action":"reject","symbols":{"BAYES_SPAM":{"name":"BAYES_SPAM","score":5.1},
"R_SPF_FAIL":{"score":1.0},"a\nforged=symbol":{"score":99},"GTUBE":{"score":0}},"message-id":"x"}`

func startRspamd(t *testing.T, now func() time.Time) (*fakeRspamd, *Judge) {
	t.Helper()
	f := &fakeRspamd{status: http.StatusOK, answer: rejects}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	j, err := New(Config{Threshold: 6, Rspamd: strings.Replace(srv.URL, "http://", "http://any:teach-me@", 1)},
		Parts{DNS: resolver.From(resolver.NewFake("x.example A 192.0.2.1")), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return f, j
}

func TestRspamdIsAskedWithTheEnvelope(t *testing.T) {
	f, j := startRspamd(t, nil)
	env := envelope("192.0.2.9")
	env.Helo = "evil\r\nIP: 127.0.0.1"
	v := judge(t, j, env, senderauth.Result{IPRev: senderauth.IPRev{Result: senderauth.Pass, Name: "mx.customer.example"}}, mail)
	if !v.Junk || len(v.Reasons) != 1 || v.Reasons[0].Words != `rspamd says "reject" with 21.5 of 15.0: BAYES_SPAM, R_SPF_FAIL, GTUBE` {
		t.Fatalf("%+v", v)
	}
	r := f.asked[0]
	if r.Method != http.MethodPost || r.URL.Path != "/checkv2" || f.bodies[0] != mail {
		t.Fatalf("%s %s %q", r.Method, r.URL, f.bodies[0])
	}
	for name, want := range map[string]string{"Ip": "192.0.2.9", "Helo": "evilIP: 127.0.0.1", "From": "ann@customer.example",
		"Hostname": "mx.customer.example", "Queue-Id": "receipt", "Rcpt": "support@desk.example|sales@desk.example", "Password": "teach-me"} {
		if got := strings.Join(r.Header[name], "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Whatever is wrong with rspamd, the mail is judged by our own signals.
func TestRspamdsTroubleChangesNothing(t *testing.T) {
	cases := []struct {
		name   string
		status int
		answer string
		wait   time.Duration
	}{
		{"an error", 500, "oops", 0},
		{"a redirect", 302, rejects, 0},
		{"no JSON", 200, "<html>", 0},
		{"no opinion", 200, `{"is_skipped":true}`, 0},
		{"too much", 200, `{"action":"reject","x":"` + strings.Repeat("a", maxAnswer) + `"}`, 0},
		{"slow", 200, rejects, 10 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, j := startRspamd(t, nil)
			f.set(c.status, c.answer, c.wait)
			begin := time.Now()
			if v := judge(t, j, envelope("192.0.2.9"), senderauth.Result{}, mail); v.Points != 0 {
				t.Fatalf("%+v", v)
			}
			if d := time.Since(begin); d > patience+3*time.Second {
				t.Fatalf("took %v", d)
			}
			if n := f.count(); n != 1 {
				t.Fatalf("asked %d times", n)
			}
		})
	}
}

func TestRspamdIsLeftAloneAfterFailures(t *testing.T) {
	var mu sync.Mutex
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	f, j := startRspamd(t, clock)
	f.set(500, "", 0)
	for range 10 {
		judge(t, j, envelope("192.0.2.9"), senderauth.Result{}, mail)
	}
	if n := f.count(); n != failuresOpen {
		t.Fatalf("asked %d times in a row", n)
	}
	if err := j.Rspamd().Healthy(); !errors.Is(err, ErrResting) {
		t.Fatalf("health: %v", err)
	}
	mu.Lock()
	now = now.Add(restFor)
	mu.Unlock()
	judge(t, j, envelope("192.0.2.9"), senderauth.Result{}, mail)
	judge(t, j, envelope("192.0.2.9"), senderauth.Result{}, mail)
	if n := f.count(); n != failuresOpen+1 {
		t.Fatalf("asked %d times: one mail may try after the rest", n)
	}
	mu.Lock()
	now = now.Add(restFor)
	mu.Unlock()
	f.set(200, rejects, 0)
	for range 2 {
		if v := judge(t, j, envelope("192.0.2.9"), senderauth.Result{}, mail); !v.Junk {
			t.Fatalf("%+v", v)
		}
	}
	if err := j.Rspamd().Healthy(); err != nil {
		t.Fatal(err)
	}
}

// A large mail is shown up to a mebibyte, and with many at once each shows
// only its beginning: memory has a bound.
func TestWhatIsKeptOfLargeMailsIsBounded(t *testing.T) {
	f, j := startRspamd(t, nil)
	large := mail + strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n", 64<<10)
	judge(t, j, envelope("192.0.2.9"), senderauth.Result{}, large)
	if got := f.bodies[0]; len(got) != wholeHead || got != large[:wholeHead] {
		t.Fatalf("shown %d bytes", len(got))
	}
	var looks []*Look
	kept := 0
	for range 100 {
		l := j.Start(envelope("192.0.2.9"))
		for rest := large; rest != ""; {
			n := min(len(rest), 10_000)
			l.Write([]byte(rest[:n]))
			rest = rest[n:]
		}
		looks = append(looks, l)
		kept += len(l.head)
		if len(l.head) < smallHead || string(l.head) != large[:len(l.head)] {
			t.Fatalf("kept %d bytes, not the beginning", len(l.head))
		}
	}
	if most := roomForLarge + 100*smallHead; kept > most {
		t.Fatalf("kept %d bytes, more than %d", kept, most)
	}
	for _, l := range looks {
		l.Close()
		l.Close()
	}
	if j.room.left != roomForLarge {
		t.Fatalf("%d bytes of room are lost", roomForLarge-j.room.left)
	}
}

func TestLearning(t *testing.T) {
	f, j := startRspamd(t, nil)
	cases := []struct {
		name   string
		spam   bool
		status int
		answer string
		ok     bool
	}{
		{"spam", true, 200, `{"success":true}`, true},
		{"ham", false, 200, `{"success":true}`, true},
		{"seen before", true, 208, `{"error":"<x> has been already learned as spam, ignore it"}`, true},
		{"wrong password", true, 403, `{"error":"Unauthorized"}`, false},
		{"broken", true, 500, "", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f.set(c.status, c.answer, 0)
			err := j.Rspamd().Learn(t.Context(), c.spam, strings.NewReader(mail))
			if (err == nil) != c.ok {
				t.Fatal(err)
			}
			n := len(f.asked) - 1
			want := "/learnham"
			if c.spam {
				want = "/learnspam"
			}
			if f.asked[n].URL.Path != want || f.bodies[n] != mail || f.asked[n].Header.Get("Password") != "teach-me" {
				t.Fatalf("%s %q", f.asked[n].URL, f.bodies[n])
			}
		})
	}
}

type past struct {
	h     map[string]tickets.History
	asked *int
}

func (p past) SenderHistory(_ context.Context, org int64, address string) (tickets.History, error) {
	if p.asked != nil {
		*p.asked++
	}
	if org != tickets.DefaultOrg {
		return tickets.History{}, errors.New("another organisation")
	}
	return p.h[address], nil
}

func TestHistoryIsTheAuthors(t *testing.T) {
	j, err := New(Config{Threshold: pointsMarked}, Parts{History: past{h: map[string]tickets.History{
		"ann@customer.example": {Tickets: 1, Answered: 1}, "other@customer.example": {Tickets: 1, Spam: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	if v := judge(t, j, envelope("192.0.2.9"), senderauth.Result{Proof: senderauth.ProofAligned}, mail); v.Points != pointsAnswered {
		t.Fatalf("%+v", v)
	}
	if v := judge(t, j, envelope("192.0.2.9"), senderauth.Result{}, strings.Replace(mail, "Ann <ann@", "<other@", 1)); v.Points != pointsMarked {
		t.Fatalf("%+v", v)
	}
}

// The history is a reading of the store: it is asked only about a mail that it
// could make or keep junk.
func TestHistoryIsAskedWhereItCouldDecide(t *testing.T) {
	marked := map[string]tickets.History{"ann@customer.example": {Tickets: 1, Spam: 1}}
	for _, c := range []struct {
		name  string
		auth  senderauth.Result
		asked int
		junk  bool
	}{
		{"nothing else speaks against it", senderauth.Result{}, 0, false},
		{"something else does", senderauth.Result{Disposition: senderauth.DispositionQuarantine}, 1, true},
	} {
		asked := 0
		j, err := New(Config{Threshold: 6}, Parts{History: past{marked, &asked}})
		if err != nil {
			t.Fatal(err)
		}
		if v := judge(t, j, envelope("192.0.2.9"), c.auth, mail); asked != c.asked || v.Junk != c.junk {
			t.Errorf("%s: asked %d times, %+v", c.name, asked, v)
		}
	}
}

func TestAddressOfRspamd(t *testing.T) {
	for _, bad := range []string{"127.0.0.1:11333", "ftp://x", "http://", "http://:secret@", "http://a b/"} {
		_, err := NewRspamd(bad, nil)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// What comes back is a stranger's text about a stranger's mail.
func FuzzOpinion(f *testing.F) {
	f.Add([]byte(rejects))
	f.Add([]byte(`{"action":"no action","score":1e308,"symbols":{}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		o, err := readOpinion(answer)
		if err != nil {
			return
		}
		v := Weigh(Evidence{Rspamd: o}, 6)
		for _, r := range v.Reasons {
			if strings.ContainsAny(r.Words, "\r\n\x00\x1b") {
				t.Fatalf("%q", r.Words)
			}
		}
		if _, err := json.Marshal(v.Reasons); err != nil {
			t.Fatal(err)
		}
	})
}
