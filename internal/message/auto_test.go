package message

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// classified parses a mail, which classifies it.
func classified(t testing.TB, raw string) *Message {
	t.Helper()
	m, err := Parse(strings.NewReader(raw), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// cases reads a file of mails, each under a line "=== name | field | …".
func cases(t testing.TB, file string) (heads [][]string, mails []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Split("\n"+string(b), "\n=== ")[1:] {
		head, raw, _ := strings.Cut(c, "\n")
		fields := strings.Split(head, "|")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		heads, mails = append(heads, fields), append(mails, raw+"\n")
	}
	return heads, mails
}

func TestAutomaticRepliesAndPeoplesMail(t *testing.T) {
	heads, mails := cases(t, "auto_cases.txt")
	if len(mails) < 60 {
		t.Fatalf("only %d cases", len(mails))
	}
	for i, f := range heads {
		m := classified(t, mails[i])
		kind, bulk := strings.CutSuffix(f[1], " bulk")
		if string(m.Kind) != kind || m.Bulk != bulk || !strings.Contains(m.AutoReason, f[2]) {
			t.Errorf("%s: got %s, bulk %v, %q, %+v; want %s, %q", f[0], m.Kind, m.Bulk, m.AutoReason, m.Bounce, f[1], f[2])
		}
		if (m.AutoReason == "") != (m.Kind != KindAutoReply) || (m.Bounce == nil) != (m.Kind != KindBounce) {
			t.Errorf("%s: kind %s with reason %q and bounce %+v", f[0], m.Kind, m.AutoReason, m.Bounce)
		}
	}
}

// A person's answer that a ticket system marks as generated is classed as
// automatic, so that it is filed and never acknowledged; its text stays whole.
func TestH14_ServiceNowAnswerKeepsItsText(t *testing.T) {
	m := classified(t, "From: anna@far.example\nAuto-Submitted: auto-generated\nX-ServiceNow-Generated: true\nSubject: Re: INC0010\n\nPlease go on.\n")
	if m.Kind != KindAutoReply || !strings.Contains(m.Text, "Please go on.") {
		t.Errorf("got %s %q, text %q", m.Kind, m.AutoReason, m.Text)
	}
}

// What is marked in any of the ways of H13 must never be acknowledged: it is
// a bounce, an automatic reply or bulk.
func TestH13_EveryMarkStopsTheAcknowledgement(t *testing.T) {
	for _, head := range []string{
		"Auto-Submitted: auto-replied", "Auto-Submitted: auto-notified", "Precedence: bulk", "Precedence: list", "Precedence: junk",
		"List-Id: <a.b>", "List-Unsubscribe: <mailto:a@b.example>", "X-Autoreply: yes", "X-Autorespond: x", "X-Loop: a@b.example\nPrecedence: auto_reply",
	} {
		m := classified(t, "From: anna@far.example\n"+head+"\nSubject: order\n\nhello\n")
		if m.Kind == KindMail && !m.Bulk {
			t.Errorf("%q passes as a person's mail", head)
		}
	}
}

func TestAutoCorpus(t *testing.T) {
	total, right, replies, found := 0, 0, 0, 0
	for _, r := range append(knownMails(t, "not_automatic.jsonl"), knownMails(t, "bounce.jsonl")...) {
		want := KindMail
		switch r.Expected.Class {
		case "autoreply":
			want = KindAutoReply
		case "normal", "list":
		default:
			continue
		}
		m := classified(t, r.raw)
		if want == KindAutoReply {
			replies++
			if m.Kind == want {
				found++
				continue
			}
		} else {
			total++
			if m.Kind == want {
				right++
				continue
			}
		}
		t.Logf("%s: want %s, got %s %q %+v", r.ID, want, m.Kind, m.AutoReason, m.Bounce)
	}
	t.Logf("automatic replies found    %4d of %4d", found, replies)
	t.Logf("mail by people and lists   %4d of %4d called mail", right, total)
	if right != total || found*100 < replies*98 {
		t.Error("below the mark: no false alarm, 98 % of the automatic replies")
	}
}

func FuzzClassify(f *testing.F) {
	for _, file := range []string{"auto_cases.txt", "bounce_cases.txt"} {
		_, mails := cases(f, file)
		for _, raw := range mails {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		m := classified(t, raw)
		switch {
		case m.Kind != KindMail && m.Kind != KindAutoReply && m.Kind != KindBounce:
			t.Errorf("kind %q", m.Kind)
		case (m.Kind == KindBounce) != (m.Bounce != nil) || (m.Kind == KindAutoReply) != (m.AutoReason != ""):
			t.Errorf("kind %s with %+v, %q", m.Kind, m.Bounce, m.AutoReason)
		}
		if b := m.Bounce; b != nil {
			if !enhancedRE.MatchString(b.Status) || b.Status == "" || len(b.Reason) > maxReason || len(b.Recipient) > 400 {
				t.Errorf("bounce %+v", b)
			}
			for _, s := range []string{b.Recipient, b.Reason, b.OriginalMessageID} {
				if s != cleanWords(s) {
					t.Errorf("not clean: %q", s)
				}
			}
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	header := "Received: from a.example by b.example; Mon, 3 Mar 2025 10:00:00 +0000\n"
	for i := range 12 {
		header += fmt.Sprintf("X-Spam-Field-%d: something that a filter wrote\n", i)
	}
	ordinary := header + "From: Anna <anna@far.example>\nTo: support@desk.example\nSubject: Where is my order?\nMessage-ID: <1@far.example>\n" +
		"Date: Mon, 3 Mar 2025 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + strings.Repeat("Some words of a person about an order.\n", 100)
	_, mails := cases(b, "bounce_cases.txt")
	for _, c := range []struct{ name, raw string }{{"mail", ordinary}, {"bounce", mails[0]}} {
		b.Run(c.name, func(b *testing.B) {
			m, err := Parse(strings.NewReader(c.raw), Limits{})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				classify(m)
			}
		})
	}
}
