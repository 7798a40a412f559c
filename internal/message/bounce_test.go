package message

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBounces(t *testing.T) {
	heads, mails := cases(t, "bounce_cases.txt")
	if len(mails) < 40 {
		t.Fatalf("only %d cases", len(mails))
	}
	for i, f := range heads {
		m := classified(t, mails[i])
		if m.Bounce == nil {
			t.Errorf("%s: no bounce but %s %q", f[0], m.Kind, m.AutoReason)
			continue
		}
		b := *m.Bounce
		if b.Recipient != f[1] || b.Status != f[2] || b.Action != f[3] || b.OriginalMessageID != f[4] || !strings.Contains(b.Reason, f[5]) {
			t.Errorf("%s:\n got %+v\nwant %q", f[0], b, f[1:])
		}
	}
}

// CRLF line ends and a From line in front change nothing.
func TestBouncesWithOtherLineEnds(t *testing.T) {
	heads, mails := cases(t, "bounce_cases.txt")
	for i, f := range heads {
		m := classified(t, strings.ReplaceAll(mails[i], "\n", "\r\n"))
		if m.Bounce == nil || m.Bounce.Recipient != f[1] || m.Bounce.Status != f[2] || m.Bounce.OriginalMessageID != f[4] {
			t.Errorf("%s: got %s %+v", f[0], m.Kind, m.Bounce)
		}
	}
}

func TestStatusGroupsAreBounded(t *testing.T) {
	many := strings.Repeat("Final-Recipient: rfc822;a@b.example\nStatus: 5.1.1\n\n", 10*maxRecipients)
	if n := len(statusGroups(many)); n > maxRecipients {
		t.Errorf("%d recipients", n)
	}
	long := "Final-Recipient: rfc822;a@b.example\nDiagnostic-Code: smtp; 550 " + strings.Repeat("\n word", 1e5)
	if g := statusGroups(long); len(g) != 1 || len(g[0].diag) > 8*maxReason {
		t.Errorf("%d groups", len(g))
	}
}

// Recipients that only the header field names have no line of their own.
func TestFailedRecipientsNamedInTheHeaderAlone(t *testing.T) {
	m := classified(t, "From: MAILER-DAEMON@far.example\nX-Failed-Recipients: a@far.example, b@far.example\nSubject: failure notice\n\nIt could not be delivered.\n")
	if m.Bounce == nil || m.Bounce.Recipient != "a@far.example" {
		t.Errorf("got %s %+v", m.Kind, m.Bounce)
	}
}

// A line without an end, or one that is all addresses, costs little.
func TestHostileReportsAreBounded(t *testing.T) {
	for _, body := range []string{
		strings.Repeat("a@b.example ", 1e5), strings.Repeat("<a@b.example>\n", 1e5), strings.Repeat("550 5.1.1 ", 1e5), strings.Repeat("@", 1e6),
		strings.Repeat("550 5.1.1 <a@b.example> user unknown\n\n", 5e4),
	} {
		m := classified(t, "From: MAILER-DAEMON@far.example\nSubject: failure notice\n\nYour message could not be delivered to the following address.\n\n"+body)
		if m.Kind != KindBounce || len(m.Bounce.Reason) > maxReason || len(m.Bounce.Recipient) > 400 {
			t.Errorf("%.20q: %s %.100v", body, m.Kind, m.Bounce)
		}
	}
}

type knownMail struct {
	ID, File string
	Expected struct {
		Class   string
		Hard    *bool
		Final   []string `json:"final_recipients_in_dsn"`
		Results []struct{ Status, Reason string }
	}
	raw string
}

// knownMails reads the records of a file of known mails, or skips the test.
func knownMails(t *testing.T, file string) []knownMail {
	t.Helper()
	dir := os.Getenv("POSTROOM_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpora")
	}
	f, err := os.Open(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("corpora not there")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []knownMail
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var r knownMail
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "data", r.File))
		if err != nil {
			t.Fatal(err)
		}
		r.raw = string(raw)
		out = append(out, r)
	}
	if err := s.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%d records, %v", len(out), err)
	}
	return out
}

// bounceExceptions are records whose expected value is wrong for a person who
// reads the report. The code is not bent to them, and the score counts them
// as wrong all the same.
var bounceExceptions = map[string]string{
	"sisimai/lhost-apachejames-01":     "no such user, said at RCPT: permanent",
	"sisimai/lhost-domino-02":          "says in Japanese that the user is not in the directory",
	"sisimai/lhost-exchange2003-04":    "the server itself says: recipient not found",
	"sisimai/lhost-exim-37":            "the domain that does not exist is the sender's",
	"sisimai/lhost-exim-44":            "a pipe is no address: the alias in front of it is",
	"sisimai/lhost-exim-60":            "a file is no address: the mailbox in front of it is",
	"sisimai/lhost-messagingserver-03": "user unknown, said at RCPT: permanent",
	"sisimai/lhost-messagingserver-06": "user unknown, said at RCPT: permanent",
	"sisimai/lhost-opensmtpd-12":       "action delayed: the server is still trying",
}

// TestBounceCorpus holds real reports against what is known of them. The
// recipient is right when it is one that the report's machine-readable part
// names, or, where there is none, an address that the mail holds. Permanence
// is right when status class 5 agrees with the record's judgement.
func TestBounceCorpus(t *testing.T) {
	type score struct{ n, right int }
	var kind, rcpt, hard, class, all, id score
	count := func(s *score, ok bool) bool {
		s.n++
		if ok {
			s.right++
		}
		return ok
	}
	for _, r := range knownMails(t, "bounce.jsonl") {
		if r.Expected.Class != "bounce" && r.Expected.Class != "delivered" && r.Expected.Class != "complaint" {
			continue
		}
		m := classified(t, r.raw)
		if r.Expected.Class == "complaint" {
			count(&kind, m.Kind == KindAutoReply)
			continue
		}
		if !count(&kind, m.Kind == KindBounce) {
			count(&all, false)
			t.Logf("%s: want bounce, got %s %q, subject %q", r.ID, m.Kind, m.AutoReason, m.Subject)
			continue
		}
		b := m.Bounce
		ok := count(&rcpt, rightRecipient(r, m))
		if r.Expected.Hard != nil {
			ok = count(&hard, b.Permanent() == *r.Expected.Hard) && ok
			want := r.Expected.Results[0].Status
			count(&class, want == "" || want[0] == b.Status[0])
		}
		count(&id, b.OriginalMessageID != "")
		_, excused := bounceExceptions[r.ID]
		if !count(&all, ok) && !excused {
			t.Logf("%s: got %s %s <%s> %q, want %+v %v", r.ID, b.Status, b.Action, b.Recipient, b.Reason, r.Expected.Results, r.Expected.Final)
		}
		if ok && excused {
			t.Errorf("%s is no exception any more", r.ID)
		}
	}
	for _, row := range []struct {
		name string
		score
	}{{"told to be a bounce", kind}, {"recipient", rcpt}, {"permanence", hard}, {"recipient and permanence", all}, {"original Message-ID found", id}, {"(class of the status as reported)", class}} {
		t.Logf("%-36s %4d of %4d  %5.1f %%", row.name, row.right, row.n, 100*float64(row.right)/float64(max(row.n, 1)))
	}
	t.Logf("%d exceptions among the wrong", len(bounceExceptions))
	if all.right*100 < all.n*95 || kind.right*100 < kind.n*98 {
		t.Error("below the mark: 95 % right in recipient and permanence")
	}
}

func rightRecipient(r knownMail, m *Message) bool {
	got := strings.ToLower(m.Bounce.Recipient)
	if len(r.Expected.Final) == 0 {
		held := strings.ToLower(r.raw)
		for i := range m.parts { // encoded texts
			held += strings.ToLower(m.parts[i].text)
		}
		return strings.Contains(got, "@") && strings.Contains(held, got)
	}
	for _, want := range r.Expected.Final {
		if strings.EqualFold(want, got) {
			return true
		}
	}
	return false
}
