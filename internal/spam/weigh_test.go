package spam

import (
	"math"
	"strings"
	"testing"

	"postroom/internal/senderauth"
	"postroom/tickets"
)

// What rspamd 3.4 answers to GTUBE, the mail that every filter rejects: it did
// not look further, and means it all the same.
func TestASkippedMailCanBeRejected(t *testing.T) {
	o, err := readOpinion([]byte(`{"is_skipped":true,"score":0.0,"required_score":15.0,"action":"reject","symbols":{},"messages":{"smtp_message":"Gtube pattern"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if v := Weigh(Evidence{Rspamd: o}, 6); !v.Junk {
		t.Fatalf("%+v", v)
	}
}

func TestWeigh(t *testing.T) {
	aligned := senderauth.Result{Proof: senderauth.ProofAligned}
	spfFail := senderauth.Result{SPF: senderauth.SPF{Result: senderauth.Fail}, IPRev: senderauth.IPRev{Result: senderauth.Fail}}
	forwarded := spfFail
	forwarded.Forwarder = "old.example"
	list := spfFail
	list.List = true
	quarantine := senderauth.Result{Proof: senderauth.ProofFail, Disposition: senderauth.DispositionQuarantine,
		SPF: senderauth.SPF{Result: senderauth.Fail}}
	var loud []Sign
	for range 20 {
		loud = append(loud, Sign{1, "a sign"})
	}
	cases := []struct {
		name   string
		e      Evidence
		points float64
		words  string // some reason holds it
	}{
		{"nothing known", Evidence{}, 0, ""},
		{"a proved stranger", Evidence{Auth: aligned}, 0, ""},
		{"SPF and reverse name fail", Evidence{Auth: spfFail}, 2.5, "SPF"},
		{"through a named forwarder they say nothing", Evidence{Auth: forwarded}, 0, ""},
		{"nor through a list", Evidence{Auth: list}, 0, ""},
		{"DMARC quarantine", Evidence{Auth: quarantine}, 4.5, "DMARC"},
		{"one list is not enough", Evidence{Listed: []string{"a.example"}}, 4, "list a.example"},
		{"two lists are", Evidence{Listed: []string{"a.example", "b.example"}}, 6, "list b.example"},
		{"marked before", Evidence{History: tickets.History{Tickets: 2, Spam: 2}}, 4, "marked as spam"},
		{"marked once among many is not held against anyone", Evidence{History: tickets.History{Tickets: 5, Spam: 1}}, 0, ""},
		{"a customer of ours", Evidence{Auth: aligned, History: tickets.History{Tickets: 3, Answered: 2}}, -5, "answered before"},
		{"who only claims to be one", Evidence{History: tickets.History{Tickets: 3, Answered: 2}}, 0, ""},
		{"signs never decide alone", Evidence{Signs: loud}, 5, "a sign"},
		{"rspamd rejects", Evidence{Rspamd: &Opinion{Action: "reject", Score: 19, Required: 15, Symbols: []string{"BAYES_SPAM"}}}, 8, "BAYES_SPAM"},
		{"rspamd marks", Evidence{Rspamd: &Opinion{Action: "add header", Score: 7, Required: 15}}, 6, `"add header" with 7.0 of 15.0`},
		{"rspamd hesitates", Evidence{Rspamd: &Opinion{Action: "greylist"}}, 2, "greylist"},
		{"rspamd is content", Evidence{Rspamd: &Opinion{Action: "no action", Score: -20}}, -3, "no action"},
		{"rspamd has no opinion to speak of", Evidence{Rspamd: &Opinion{Action: "no action", Score: 3}}, 0, ""},
		{"rspamd says a word we don't know", Evidence{Rspamd: &Opinion{Action: "explode", Score: 99}}, 0, ""},
		{"rspamd against a customer of ours", Evidence{Auth: aligned, History: tickets.History{Tickets: 3, Answered: 2},
			Rspamd: &Opinion{Action: "reject"}}, 3, "answered before"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := Weigh(c.e, 6)
			if math.Abs(v.Points-c.points) > 1e-9 || v.Junk != (c.points >= 6) {
				t.Fatalf("%.1f points, junk %v: %v", v.Points, v.Junk, v.Reasons)
			}
			var all []string
			sum := 0.0
			for _, r := range v.Reasons {
				all = append(all, r.String())
				sum += r.Points
			}
			if math.Abs(sum-v.Points) > 1e-9 {
				t.Errorf("the reasons sum up to %.1f of %.1f", sum, v.Points)
			}
			if text := strings.Join(all, "\n"); !strings.Contains(text, c.words) {
				t.Errorf("no reason says %q: %s", c.words, text)
			}
			if off := Weigh(c.e, 0); off.Junk {
				t.Error("junk though the threshold is 0, which means off")
			}
		})
	}
}
