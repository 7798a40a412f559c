package mailtext

import (
	"strings"
	"testing"
	"time"

	"postroom/privacy"
)

func TestPreviewText(t *testing.T) {
	text := PreviewText(&privacy.Preview{Tickets: 1, Messages: 12, Mails: 3,
		Masked: []privacy.Masked{{MessageID: 5, Ref: "AAAA-AAAA"}, {MessageID: 6, Ref: "BBBB-BBBB", Left: []string{"photo.jpg", "a PDF"}}},
		Kept:   []privacy.Kept{{Ground: "Art. 17(3)(b)", Law: "§ 147 AO", Until: time.Date(2036, 12, 31, 23, 30, 0, 0, time.UTC), Count: 2}},
		Copies: map[string]int{"agents": 2, "relays": 1}, Blocked: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)}, time.FixedZone("", 3600))
	for _, want := range []string{"1 ticket and 12 messages, those about the person's requests among them, and 3 mails of ours", "in 2 messages of other people's", "BBBB-BBBB, message 6: photo.jpg, a PDF", "2 messages until 1 January 2037: Art. 17(3)(b), § 147 AO",
		"before 24 December 2026", "mailboxes of our staff: 2", "mail servers on the way: 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "AAAA-AAAA") {
		t.Errorf("it names what needs no look:\n%s", text)
	}
}

// TestMonthly counts what arrived, ended or is open in the month, and nothing
// else; it holds nobody's data.
func TestMonthly(t *testing.T) {
	day := func(m, d int) time.Time { return time.Date(2026, time.Month(m), d, 9, 0, 0, 0, time.UTC) }
	m := NewMonthly(day(11, 23))
	for _, r := range []privacy.Request{
		{Right: privacy.Access, State: privacy.Done, Received: day(11, 1), Finished: day(11, 4), Address: "ada@customer.example", Record: privacy.Record{Factor: true}},
		{Right: privacy.Access, State: privacy.Done, Received: day(10, 20), Finished: day(11, 10), Extended: true},
		{Right: privacy.Access, State: privacy.Challenged, Received: day(10, 1), Due: day(11, 2)},
		{Right: privacy.Access, State: privacy.Review, Received: day(11, 20), Due: day(12, 20)},
		{Right: privacy.Erasure, State: privacy.Refused, Received: day(11, 2), Finished: day(11, 3), Record: privacy.Record{Kept: []privacy.Kept{{Count: 4}}}},
		{Right: privacy.Erasure, State: privacy.Done, Received: day(9, 2), Finished: day(9, 3)},
		{Right: privacy.Erasure, State: privacy.Received, Received: day(12, 2)},
	} {
		m.Add(&r)
	}
	subject, text := m.Mail()
	flat := strings.Join(strings.Fields(text), " ")
	for _, want := range []string{"access 2 2 0 0 0 2 1 1", "erasure 1 0 1 0 0 0 0 0", "3 in the middle, 21 at most", "after an erasure: 4. Requests with a second factor: 1"} {
		if !strings.Contains(flat, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if subject != "Privacy requests in November 2026" || strings.Contains(text, "@") {
		t.Errorf("%s\n%s", subject, text)
	}
	if _, text := NewMonthly(day(1, 1)).Mail(); !strings.Contains(text, "There were none") {
		t.Error(text)
	}
}
