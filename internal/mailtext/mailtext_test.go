package mailtext

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestAck_EveryLanguage: each says the reference, the desk and what Article 13
// GDPR asks, in at most ten lines, and leaves no gap open.
func TestAck_EveryLanguage(t *testing.T) {
	v := AckVars{Ref: "K7Q2-9F3M", Queue: "Example Support", Controller: "Example Ltd", Contact: "privacy@desk.example"}
	if n := len(Languages()); n < 16 {
		t.Errorf("%d languages", n)
	}
	subjects := map[string]string{}
	for _, lang := range Languages() {
		subject, text := Ack(lang, v)
		if other := subjects[subject]; other != "" {
			t.Errorf("%s and %s share a subject", lang, other)
		}
		subjects[subject] = lang
		if strings.ContainsAny(subject+text, "{}") || !utf8.ValidString(text) {
			t.Errorf("%s: a gap is open: %s", lang, text)
		}
		body, notice, ok := strings.Cut(text, "\n-- \n")
		if !ok || !strings.Contains(body, v.Ref) || !strings.Contains(body, v.Queue) {
			t.Errorf("%s: the body names neither desk nor reference: %s", lang, body)
		}
		if !strings.Contains(notice, v.Controller) || !strings.Contains(notice, v.Contact) || !strings.Contains(notice, "6") {
			t.Errorf("%s: the notice lacks something: %s", lang, notice)
		}
		width := 0
		for _, r := range notice {
			if width++; r > 0x2e80 {
				width++ // wide
			}
		}
		if width > 10*72 {
			t.Errorf("%s: the notice has %d columns, over ten lines", lang, width)
		}
		if strings.Contains(subject, "\n") || len(subject) > 100 {
			t.Errorf("%s: subject %q", lang, subject)
		}
	}
}

func TestAck_Choice(t *testing.T) {
	en, _ := Ack("en", AckVars{})
	for tag, same := range map[string]string{"xx": "en", "": "en", "DE-at": "de", "pt_BR": "pt", "no": "nb", "nn": "nb", "zh-Hant": "zh"} {
		got, _ := Ack(tag, AckVars{})
		want, _ := Ack(same, AckVars{})
		if got != want || (same != "en" && got == en) {
			t.Errorf("%q: %q, want %q", tag, got, want)
		}
	}
}

// TestAck_OwnWords: a queue's own words replace the body, never the notice.
func TestAck_OwnWords(t *testing.T) {
	_, text := Ack("en", AckVars{Ref: "K7Q2-9F3M", Queue: "Q", Controller: "Example Ltd", Contact: "p@x", Body: "Got {ref}, thanks.\n"})
	if !strings.HasPrefix(text, "Got K7Q2-9F3M, thanks.\n\n-- \n") || !strings.Contains(text, "Example Ltd") {
		t.Error(text)
	}
}

func TestReport(t *testing.T) {
	for _, v := range []ReportVars{
		{Ref: "K7Q2-9F3M", To: "a@b.example", Kind: "answer", Status: "5.1.1", Words: "no such user", Host: "mx.b.example", Text: "Hello"},
		{Ref: "K7Q2-9F3M", Late: true, To: "a@b.example", Kind: "answer", Status: "4.4.1", Words: "no answer in time"},
	} {
		text := Report(v)
		for _, want := range []string{v.Ref, v.To, v.Status, v.Words, v.Host, v.Text} {
			if !strings.Contains(text, want) {
				t.Errorf("it does not say %q:\n%s", want, text)
			}
		}
		if v.Late == strings.Contains(text, "not tried again") {
			t.Error(text)
		}
	}
}

func TestClip(t *testing.T) {
	if got := clip("a\nb\nc", 2, 100); got != "a\nb […]" {
		t.Errorf("%q", got)
	}
	if got := clip(strings.Repeat("ä", 50), 5, 10); got != strings.Repeat("ä", 10)+" […]" {
		t.Errorf("%q", got)
	}
}

func TestNotificationsOfRequestsNameTheOfficersCommands(t *testing.T) {
	for _, request := range []bool{true, false} {
		text := Notify(NotifyVars{Ref: "K7Q2-9F3M", From: "ann@customer.example", Text: "Hello", Case: request})
		if strings.Contains(text, "#approve") != request || !strings.Contains(text, "#note") {
			t.Errorf("request %v: %s", request, text)
		}
	}
}
