package intake

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// panicking stands for a fault of the parser: it fails within it.
type panicking struct{ r io.Reader }

func (p panicking) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err == io.EOF {
		panic("fault")
	}
	return n, err
}

func TestAFaultOfTheParserLosesNoMail(t *testing.T) {
	msg := parse(panicking{strings.NewReader("From: a@b\r\n\r\nx")})
	if msg == nil || len(msg.Defects) == 0 || msg.Subject == "" || msg.Kind == "" {
		t.Fatalf("%+v", msg)
	}
	if m := parse(iotest.ErrReader(io.ErrUnexpectedEOF)); m == nil {
		t.Fatal("nothing")
	}
}

func TestHeaderScan(t *testing.T) {
	for _, c := range []struct {
		raw                string
		body, fields, hops int
	}{
		{"", 0, 0, 0}, {"\r\n", 2, 0, 0}, {"A: b\r\n\r\nx", 8, 1, 0}, {"A: b\n\nx", 6, 1, 0}, {"A: b", 4, 1, 0},
		{"Received: a\r\n b\r\nreceived: c\r\n\r\n", 32, 2, 2}, {"Receivedx: a\r\n\r\n", 16, 1, 0}, {"A: b\r\n \r\n\r\nx", 11, 1, 0},
	} {
		var h headerScan
		h.scan([]byte(c.raw))
		if h.body != c.body || h.fields != c.fields || h.hops != c.hops || h.over {
			t.Errorf("%q: %+v", c.raw, h)
		}
	}
}

func TestVerificationMails(t *testing.T) {
	for _, c := range []struct {
		from, subject, text string
		want                bool
	}{
		{"no-reply@x.example", "Hi", "Hi", true}, {"NoReply@x.example", "Hi", "Hi", true}, {"do_not.reply@x.example", "Hi", "Hi", true},
		{"a@x.example", "Your verification code", "123456", true}, {"a@x.example", "Hi", "Please verify your email: https://x.example/v", true},
		{"a@x.example", "CÓDIGO DE VERIFICACIÓN", "123456", true}, {"a@x.example", "Hi", "Ihr BESTÄTIGUNGSCODE: 4711", true},
		{"a@x.example", "Hi", "Confirm your account: HTTPS://X.EXAMPLE/V", true}, {"a@x.example", "One-time password 123456", "", true},
		{"a@x.example", "co", "v", false}, {"a@x.example", "Promo code 123456", "c", false},
		{"a@x.example", "Your verification code", "I never got it", false}, {"noreen@x.example", "Order 123456", "Where is it?", false},
		{"a@x.example", "Hi", strings.Repeat("x", 5000) + "verification code 123456", false},
	} {
		m := &mail{}
		m.msg = parse(strings.NewReader("From: " + c.from + "\r\nSubject: " + c.subject + "\r\n\r\n" + c.text + "\r\n"))
		m.from.Address = c.from
		if got := looksLikeVerification(m); got != c.want {
			t.Errorf("%s, %q: %v", c.from, c.subject, got)
		}
	}
}

func BenchmarkNamesCode(b *testing.B) {
	text := strings.Repeat("Good morning, the invoice of October never came to our office. ", 50)
	for b.Loop() {
		if namesCode(strings.ToLower(text)) {
			b.Fatal("it names none")
		}
	}
}

func TestTheQuickLookForCodesMissesNone(t *testing.T) {
	for _, w := range codePhrases() {
		for _, text := range []string{w, "Your " + strings.ToUpper(w) + " is", strings.Repeat("often - äf ", 20) + w} {
			if !mayNameCode(text) || !namesCode(strings.ToLower(text)) {
				t.Errorf("%q is missed", text)
			}
		}
	}
	if mayNameCode("After the first refund I notified you - of a different, self-made offer.") {
		t.Error("ordinary words are looked at twice")
	}
	for local, want := range map[string]bool{"no-reply": true, "NoReply+7": true, "do_not.reply": true, "nora": false, "no-rep": false, "donotreplyx": true, "": false} {
		if got := beginsWith(local, "noreply") || beginsWith(local, "donotreply"); got != want {
			t.Errorf("%q: %v", local, got)
		}
	}
}
