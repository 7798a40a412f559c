package outbound

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"postroom/internal/message"
	"postroom/tickets"
)

var update = flag.Bool("update", false, "write the golden files anew")

var at = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)

// rawWithAttachment is a message with one attachment of n bytes.
func rawWithAttachment(n int) []byte {
	var b bytes.Buffer
	b.WriteString("From: ben@team.example\r\nX-Secret: inside\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" +
		"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	e := base64.StdEncoding.EncodeToString(attachmentBytes(n))
	for len(e) > 76 {
		b.WriteString(e[:76] + "\r\n")
		e = e[76:]
	}
	b.WriteString(e + "\r\n--x--\r\n")
	return b.Bytes()
}

func attachmentBytes(n int) []byte { return bytes.Repeat([]byte("0123456789abcde\n"), n/16) }

type composed struct {
	mail *Mail
	raw  []byte
	msg  *message.Message
}

func (c composed) field(name string) string { return c.msg.Get(name) }

// composeOne composes without signature, checks what holds for every mail, and
// reads it back.
func composeOne(t testing.TB, out *tickets.Outgoing, bodies Bodies, earlier ...*tickets.Message) composed {
	t.Helper()
	return composeWith(t, &composer{bodies: bodies, addr: testAddresses(), notice: Notice{Controller: "Example Ltd", Contact: "privacy@desk.example"}}, out, earlier...)
}

func composeWith(t testing.TB, c *composer, out *tickets.Outgoing, earlier ...*tickets.Message) composed {
	t.Helper()
	dir, _ := desk()
	if out.MessageID == "" {
		out.MessageID = "fixedid@desk.example"
	}
	m, err := c.compose(context.Background(), Row{ID: 77, Created: at}, &Job{Out: out, Directory: dir, Earlier: earlier}, at)
	if err != nil {
		t.Fatalf("compose: %v", err)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(context.Background(), &b); err != nil {
		t.Fatalf("write: %v", err)
	}
	checkWire(t, b.Bytes())
	if int64(b.Len()) != m.Size {
		t.Errorf("Size %d, wrote %d", m.Size, b.Len())
	}
	msg, err := message.Parse(bytes.NewReader(b.Bytes()), message.Limits{})
	if err != nil || len(msg.Defects) > 0 {
		t.Errorf("read back: %v %q\n%.1500s", err, msg.Defects, b.Bytes())
	}
	return composed{m, b.Bytes(), msg}
}

// checkWire checks the bytes: CRLF only, lines within limits, ASCII unless said.
func checkWire(t testing.TB, raw []byte) {
	t.Helper()
	s := string(raw)
	if strings.Contains(strings.ReplaceAll(s, "\r\n", ""), "\r") || strings.Contains(strings.ReplaceAll(s, "\r\n", ""), "\n") {
		t.Error("a bare CR or LF")
	}
	if !strings.HasSuffix(s, "\r\n") {
		t.Error("the last line has no end")
	}
	for line := range strings.SplitSeq(s, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
	for _, c := range raw {
		if c == 0 || c < ' ' && c != '\r' && c != '\n' && c != '\t' {
			t.Errorf("control byte %d", c)
			break
		}
	}
}

// fieldNames gives the header's field names in order.
func fieldNames(raw []byte) []string {
	head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
	var names []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if line != "" && line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(line, ":")
			names = append(names, name)
		}
	}
	return names
}

var allowedFields = map[string]bool{"Date": true, "From": true, "To": true, "Cc": true, "Reply-To": true, "Subject": true, "Message-ID": true,
	"In-Reply-To": true, "References": true, "Auto-Submitted": true, "X-Auto-Response-Suppress": true, "MIME-Version": true,
	"Content-Type": true, "Content-Transfer-Encoding": true, "DKIM-Signature": true}

func checkFields(t testing.TB, raw []byte) {
	t.Helper()
	seen := map[string]int{}
	for _, n := range fieldNames(raw) {
		if seen[n]++; !allowedFields[n] || (seen[n] > 1 && n != "DKIM-Signature") {
			t.Errorf("field %q (%d)", n, seen[n])
		}
	}
}

func question(t *tickets.Ticket) *tickets.Message {
	return &tickets.Message{ID: 3, TicketID: t.ID, MessageID: "q1@customer.example", Direction: tickets.DirectionIn, Kind: "mail",
		From: "ada@customer.example", FromName: "Ada Miller", EnvelopeFrom: "ada@customer.example", To: []string{"support@desk.example"},
		Subject: t.Subject, Text: "Hello,\n\nmy lamp hums since Tuesday. I have tried another socket and another bulb, and neither of them helped at all.\n\nAda\n",
		Received: at.Add(-time.Minute), Proof: "aligned"}
}

// golden compares with a file in testdata.
func golden(t *testing.T, name string, raw []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".eml")
	if *update {
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, want) {
		t.Errorf("%s differs; got:\n%s", file, raw)
	}
}

func TestCompose_Golden(t *testing.T) {
	_, ticket := desk()
	agentMail := &tickets.Message{ID: 4, Direction: tickets.DirectionOut, MessageID: "private@team.example", AuthorAgent: 1,
		Attachments: []tickets.Attachment{{Name: "Übersicht.bin", Type: "application/octet-stream", Size: 32}}}
	bodies := memBodies{4: rawWithAttachment(32)}
	ack := &tickets.Outgoing{Kind: tickets.OutAck, Ticket: ticket, To: "ada@customer.example", ToPerson: ticket.Requester(), QueueID: 1,
		Spec: tickets.OutSpec{Template: "ack", Language: "de", InReply: "q1@customer.example", Refs: []string{"q1@customer.example"}}}
	ans := answer(ticket, "ada@customer.example")
	ans.Message, ans.Spec.Attach, ans.Spec.HTML = agentMail, []int{0}, "<p>Hello Ada,</p>\n<p>please turn it off.</p>"
	ans.Spec.Text = "Hello Ada,\n\nplease turn it off, wait for ten seconds, and then turn it on again; that clears what it remembers of the old socket.\n\n> my lamp hums\n\n  indented\nFrom now on it is quiet.\n"
	note := &tickets.Outgoing{Kind: tickets.OutNotification, Ticket: ticket, Message: question(ticket), To: "ben@team.example", ToAgent: 1, QueueID: 1}
	receipt := &tickets.Outgoing{Kind: tickets.OutReceipt, Ticket: ticket, To: "ben@team.example", ToAgent: 1, QueueID: 1,
		Spec: tickets.OutSpec{Subject: "Done", Text: "Assigned to cleo.\nTagged lamp.", InReply: "cmd@team.example"}}
	report := reports(&Job{Out: ans, Directory: func() *tickets.Directory { d, _ := desk(); return d }()},
		Result{Class: Permanent, Status: "5.1.1", Text: "no such user here", Host: "mx.customer.example"}, templateFailed, at)[0]
	report.MessageID = "fixedid@desk.example"
	delivered := tickets.DeliveryReport(&tickets.Envelope{From: "ada@customer.example", Received: at, DSN: tickets.DSNRequest{EnvelopeID: "order+7",
		Success: []tickets.Delivered{{Address: "support@desk.example", Original: "rfc822;help@old.example"}}}},
		&tickets.Queue{ID: 1, ReplyDomain: "desk.example"}, at)
	delivered.MessageID = "fixedid2@desk.example"
	earlier := []*tickets.Message{{From: "ada@customer.example", FromName: "Ada Miller", Text: "Is anybody there?", Received: at.Add(-time.Hour)}}
	for name, c := range map[string]struct {
		out     *tickets.Outgoing
		earlier []*tickets.Message
	}{"ack": {out: ack}, "answer": {out: ans}, "notification": {note, earlier}, "receipt": {out: receipt}, "report": {out: report}, "delivered": {out: delivered}} {
		t.Run(name, func(t *testing.T) {
			got := composeOne(t, c.out, bodies, c.earlier...)
			checkFields(t, got.raw)
			golden(t, name, got.raw)
		})
	}
}

func TestCompose_Envelope(t *testing.T) {
	_, ticket := desk()
	for _, c := range []struct {
		kind tickets.OutKind
		null bool
		auto string
	}{{tickets.OutAck, true, "auto-replied"}, {tickets.OutReceipt, true, "auto-generated"}, {tickets.OutReport, true, "auto-generated"},
		{tickets.OutNotification, false, "auto-generated"}, {tickets.OutAnswer, false, ""}, {tickets.OutPrivacy, false, "auto-generated"}} {
		got := composeOne(t, &tickets.Outgoing{Kind: c.kind, Ticket: ticket, To: "ben@team.example", ToAgent: 1, QueueID: 1, Spec: tickets.OutSpec{Text: "x"}}, nil)
		if (got.mail.From == "") != c.null || got.field("Auto-Submitted") != c.auto || (got.field("X-Auto-Response-Suppress") == "All") != (c.auto != "") {
			t.Errorf("%s: return path %q, Auto-Submitted %q", c.kind, got.mail.From, got.field("Auto-Submitted"))
		}
		if !c.null {
			local, domain, _ := tickets.SplitAddress(got.mail.From)
			tok := testAddresses().Keys.Parse(local, at)
			if tok == nil || tok.ID != 77 || domain != "desk.example" || testAddresses().Keys.Parse(local, at.AddDate(0, 0, 16)) != nil {
				t.Errorf("%s: return path %q gives %+v", c.kind, got.mail.From, tok)
			}
		}
	}
}

func TestCompose_Answer(t *testing.T) {
	_, ticket := desk()
	out := answer(ticket, "ada@customer.example")
	out.Message = &tickets.Message{ID: 4, Direction: tickets.DirectionOut, From: "ben@private.example", FromName: "Ben Private", MessageID: "leak@private.example",
		AuthorAgent: 1, Subject: "AW: leak", Attachments: []tickets.Attachment{{Name: "a.bin", Type: "application/octet-stream", Size: 1 << 20}}}
	out.Spec.Attach = []int{0}
	bodies := memBodies{4: rawWithAttachment(1 << 20)}
	got := composeOne(t, out, bodies)
	if strings.Contains(string(got.raw), "private.example") || strings.Contains(string(got.raw), "X-Secret") || strings.Contains(string(got.raw), "leak") {
		t.Error("something of the agent's own mail went along")
	}
	m := got.msg
	if m.From[0].Address != "support@desk.example" || m.To[0].Address != "ada@customer.example" || m.Subject != "Re: The lamp hums [#K7Q2-9F3M]" {
		t.Errorf("from %v to %v subject %q", m.From, m.To, m.Subject)
	}
	local, _, _ := tickets.SplitAddress(m.ReplyTo[0].Address)
	if tok := testAddresses().Keys.Parse(local, at); tok == nil || tok.Ref != ticket.Ref || tok.PartyNo != 1 {
		t.Errorf("reply-to %v", m.ReplyTo)
	}
	sum := sha256.Sum256(attachmentBytes(1 << 20))
	if len(m.Attachments) != 1 || m.Attachments[0].SHA256 != hex.EncodeToString(sum[:]) || m.Attachments[0].Name != "a.bin" {
		t.Errorf("attachments %+v", m.Attachments)
	}
	if got.mail.again == nil {
		t.Error("a mail of 1 MiB was kept in memory whole")
	}
	if m.Text != "Please turn it off and on.\n\n-- \nBen\nExample Support\n" && strings.TrimSpace(m.Text) != "Please turn it off and on.\n\n-- \nBen\nExample Support" {
		t.Errorf("text %q", m.Text)
	}
}

// TestS13_HeaderInjection: nothing that a stranger wrote becomes a field.
func TestS13_HeaderInjection(t *testing.T) {
	for _, evil := range []string{
		"x\r\nBcc: v@w.example", "x\nBcc: v@w.example", "x\rBcc: v@w.example", "=?utf-8?q?a=0d=0aBcc:_v@w.example?=", "x\u2028Bcc: v@w.example", "x\x00\x1b[2J", "\u202emoc.live",
		strings.Repeat("ä", 5000), strings.Repeat("x", 5000), "x\r\n\r\n<html>", "a\"b\\c", "=?utf-8?b?", "\xff\xfe",
	} {
		_, ticket := desk()
		ticket.Subject = evil
		ticket.Parties[0].Person.Name = evil
		q := question(ticket)
		q.FromName, q.Subject, q.To, q.Defects = evil, evil, []string{evil}, []string{evil}
		q.Attachments = []tickets.Attachment{{Name: evil, Type: evil, Size: 32, ContentID: evil}}
		bodies := memBodies{3: rawWithAttachment(32)}
		for _, out := range []*tickets.Outgoing{
			{Kind: tickets.OutAnswer, Ticket: ticket, Message: q, To: "ada@customer.example", ToPerson: ticket.Requester(), QueueID: 1,
				Spec: tickets.OutSpec{Text: evil, Refs: []string{evil, "a@b>\r\nBcc: v"}, InReply: evil, Attach: []int{0}, Cc: []string{"v@w.example\r\nBcc: u@w", "ok@w.example"}, HTML: evil}},
			{Kind: tickets.OutNotification, Ticket: ticket, Message: q, To: "ben@team.example", ToAgent: 1, QueueID: 1},
			{Kind: tickets.OutAck, Ticket: ticket, To: "ada@customer.example", QueueID: 1, Spec: tickets.OutSpec{Subject: evil, Language: evil}},
			{Kind: tickets.OutReport, Ticket: ticket, To: "ben@team.example", ToAgent: 1, QueueID: 1, Spec: tickets.OutSpec{Template: templateFailed, Args: map[string]string{"to": evil, "words": evil, "host": evil}}},
		} {
			got := composeOne(t, out, bodies)
			checkFields(t, got.raw)
			if !isASCII(string(got.raw)) {
				t.Errorf("%s: bytes beyond ASCII on the wire", out.Kind)
			}
			if strings.ContainsAny(got.msg.Subject, "\r\n\u202e\x00") || len(got.msg.To) != 1 || len(got.msg.From) != 1 {
				t.Errorf("%s: subject %q to %v", out.Kind, got.msg.Subject, got.msg.To)
			}
			for _, a := range append(got.msg.Cc, got.msg.ReplyTo...) {
				if a.Address == "v@w.example" {
					t.Errorf("%s: a forged recipient", out.Kind)
				}
			}
		}
	}
	for _, to := range []string{"a@b\r\nRCPT TO:<v@w>", "a\r\n@b.example", "a@b@", "<v@w.example>", "", "a", "a b@[1.2.3.4]", "a@b.example\x00", strings.Repeat("x", 70) + "@b.example"} {
		dir, ticket := desk()
		out := answer(ticket, to)
		out.MessageID = "x@desk.example"
		c := &composer{addr: testAddresses()}
		if m, err := c.compose(context.Background(), Row{ID: 1}, &Job{Out: out, Directory: dir}, at); err == nil {
			t.Errorf("composed a mail to %q: %q", to, m.To)
		}
	}
}

// TestS2_SmugglingOut: whatever line ends a stored text has, one mail leaves,
// and no line of it is a dot alone.
func TestS2_SmugglingOut(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := start(t, Config{Relay: s.addr, RelayTLS: TLSNone}, "")
	evil := "one\r.\r\nMAIL FROM:<x@y>\n.\nRCPT TO:<v@w>\r\n.\r\nDATA\r.\r\n.\n\n..two\n" + strings.Repeat("z", 3000) + "\n.\r"
	out := answer(w.ticket, "ada@customer.example")
	out.Spec.Text, out.Spec.HTML = evil, "<p>"+evil+"</p>"
	o := w.send(t, out)
	if o.State != tickets.OutSent || len(s.taken()) != 1 || s.times("mail") != 1 || s.times("other") != 0 {
		t.Fatalf("%s, %d mails, %d MAIL, %d odd commands", o.State, len(s.taken()), s.times("mail"), s.times("other"))
	}
	m := s.taken()[0]
	checkWire(t, []byte(m.data))
	if regexp.MustCompile(`(?m)^\.(\r|$|[^.])`).MatchString(m.raw) {
		t.Error("a dot at a line's beginning was not stuffed")
	}
	if got, _ := message.Parse(strings.NewReader(m.data), message.Limits{}); !strings.Contains(got.Text, "MAIL FROM:<x@y>\n.\nRCPT") {
		t.Errorf("the text changed: %q", got.Text)
	}
}

func TestS2_LineWriter(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb": "a\r\nb\r\n", "a\rb\r": "a\r\nb\r\n", "a\r\nb\r\n": "a\r\nb\r\n", "a\r\r\nb": "a\r\n\r\nb\r\n", "a\n\rb": "a\r\n\r\nb\r\n", "": "",
		strings.Repeat("x", 999): strings.Repeat("x", 998) + "\r\nx\r\n",
	} {
		for _, step := range []int{1, 2, 4096} {
			var b bytes.Buffer
			l := &lineWriter{w: &b}
			for s := in; s != ""; s = s[min(step, len(s)):] {
				l.Write([]byte(s[:min(step, len(s))]))
			}
			l.close()
			if b.String() != want || l.n != int64(b.Len()) {
				t.Errorf("%.20q by %d: %.40q", in, step, b.String())
			}
		}
	}
}

// TestDKIM: both signatures verify, small and large, and break when a field is
// added or changed.
func TestDKIM(t *testing.T) {
	_, ticket := desk()
	keys := sharedKeys()
	records, err := DNSRecords(context.Background(), keys, "desk.example")
	if err != nil {
		t.Fatal(err)
	}
	txt := map[string]string{}
	for _, r := range records {
		txt[r.Name] = r.Value
		for part := range strings.SplitSeq(r.String(), `"`) {
			if len(part) > 255 {
				t.Error("a string of more than 255 octets")
			}
		}
	}
	verify := func(raw string) (good, bad int) {
		v, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(d string) ([]string, error) {
			if s, ok := txt[d]; ok {
				return []string{s}, nil
			}
			return nil, fmt.Errorf("no %s", d)
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range v {
			if one.Err == nil && one.Domain == "desk.example" {
				good++
			} else {
				bad++
			}
		}
		return good, bad
	}
	for _, size := range []int{0, 1 << 20} {
		out := answer(ticket, "ada@customer.example")
		bodies := memBodies{4: rawWithAttachment(size)}
		if size > 0 {
			out.Message, out.Spec.Attach = &tickets.Message{ID: 4, Direction: tickets.DirectionOut, Attachments: []tickets.Attachment{{Name: "a"}}}, []int{0}
		}
		got := composeWith(t, &composer{bodies: bodies, addr: testAddresses(), signer: newSigner(keys)}, out)
		raw := string(got.raw)
		if good, bad := verify(raw); good != 2 || bad != 0 {
			t.Errorf("size %d: %d good, %d bad", size, good, bad)
		}
		for _, forged := range []string{
			"From: evil@evil.example\r\n" + raw, "Subject: other\r\n" + raw, "To: other@evil.example\r\n" + raw, "Reply-To: evil@evil.example\r\n" + raw,
			"Content-Type: text/html\r\n" + raw, "Date: Mon, 02 Nov 2026 10:00:00 +0000\r\n" + raw, strings.Replace(raw, "lamp", "lump", 1), raw + "more\r\n",
			"Content-Transfer-Encoding: base64\r\n" + raw,
		} {
			if good, _ := verify(forged); good != 0 {
				t.Errorf("size %d: %.40q verifies", size, forged)
			}
		}
	}
}

// TestCompose_ChangedMeanwhile: a large mail whose source changed between
// signing and sending is not finished.
func TestCompose_ChangedMeanwhile(t *testing.T) {
	dir, ticket := desk()
	bodies := memBodies{4: rawWithAttachment(1 << 20)}
	out := answer(ticket, "ada@customer.example")
	out.MessageID = "x@desk.example"
	out.Message, out.Spec.Attach = &tickets.Message{ID: 4, Attachments: []tickets.Attachment{{Name: "a"}}}, []int{0}
	c := &composer{bodies: bodies, addr: testAddresses()}
	m, err := c.compose(context.Background(), Row{ID: 1, Created: at}, &Job{Out: out, Directory: dir}, at)
	if err != nil {
		t.Fatal(err)
	}
	bodies[4] = bytes.Replace(bodies[4], []byte("MDEy"), []byte("MDEz"), 1)
	if _, err := m.WriteTo(context.Background(), &bytes.Buffer{}); err == nil {
		t.Error("the changed mail was written as if nothing had happened")
	}
}

// TestCompose_NoteNeverLeaves: a note is composed for agents only.
func TestCompose_NoteNeverLeaves(t *testing.T) {
	dir, ticket := desk()
	note := question(ticket)
	note.Direction, note.AuthorAgent = tickets.DirectionNote, 1
	c := &composer{addr: testAddresses()}
	for _, k := range []tickets.OutKind{tickets.OutAck, tickets.OutAnswer, tickets.OutPrivacy} {
		out := &tickets.Outgoing{Kind: k, MessageID: "x@desk.example", Ticket: ticket, Message: note, To: "ada@customer.example", QueueID: 1, Spec: tickets.OutSpec{Text: "x"}}
		if _, err := c.compose(context.Background(), Row{}, &Job{Out: out, Directory: dir}, at); err == nil {
			t.Errorf("%s of a note was composed", k)
		}
	}
	// What is for agents goes to agents who still are some.
	for _, k := range []tickets.OutKind{tickets.OutNotification, tickets.OutReceipt, tickets.OutReport} {
		for _, agent := range []int64{0, 99} {
			out := &tickets.Outgoing{Kind: k, MessageID: "x@desk.example", Ticket: ticket, To: "ada@customer.example", ToAgent: agent, QueueID: 1}
			if _, err := c.compose(context.Background(), Row{}, &Job{Out: out, Directory: dir}, at); err == nil {
				t.Errorf("%s to agent %d was composed", k, agent)
			}
		}
	}
}

func TestCompose_Notification(t *testing.T) {
	_, ticket := desk()
	q := question(ticket)
	q.Attachments = []tickets.Attachment{{Name: "small.bin", Type: "application/octet-stream", Size: 32}, {Name: "film.mp4", Type: "video/mp4", Size: 30 << 20}}
	q.FromName = "boss@team.example"
	q.Unverified, q.Proof = true, "fail"
	stranger := &tickets.Message{From: "x@y.example", Text: "SECRET OF A STRANGER", Unverified: true, Received: at}
	old := &tickets.Message{From: "ada@customer.example", FromName: "Ada", Text: "Is anybody there?", Received: at}
	out := &tickets.Outgoing{Kind: tickets.OutNotification, Ticket: ticket, Message: q, To: "ben@team.example", ToAgent: 1, QueueID: 1}
	got := composeOne(t, out, memBodies{3: rawWithAttachment(32)}, old, stranger)
	text := got.msg.Text
	for _, want := range []string{message.ReplyLine, "UNVERIFIED", "FAILED", "my lamp hums", "ada@customer.example", "Not attached", "film.mp4", "30.0 MiB", "#note", "Is anybody there?"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notification does not say %q:\n%s", want, text)
		}
	}
	for _, not := range []string{"boss@team.example", "SECRET OF A STRANGER"} {
		if strings.Contains(string(got.raw), not) || strings.Contains(text, not) {
			t.Errorf("it says %q", not)
		}
	}
	if got.msg.From[0].Name != "Example Support" || len(got.msg.Attachments) != 1 {
		t.Errorf("from %v, %d attachments", got.msg.From, len(got.msg.Attachments))
	}
	local, _, _ := tickets.SplitAddress(got.msg.ReplyTo[0].Address)
	if tok := testAddresses().Keys.Parse(local, at); tok == nil || tok.AgentID != 1 || tok.Ref != ticket.Ref {
		t.Errorf("reply-to %v", got.msg.ReplyTo)
	}
	// What an agent writes above it is all that its answer says.
	quoted := "From: ben@team.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nTurn it off.\r\n\r\nOn Monday, Example Support wrote:\r\n> " +
		strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\r\n> ") + "\r\n"
	if m, _ := message.Parse(strings.NewReader(quoted), message.Limits{}); strings.TrimSpace(m.Reply) != "Turn it off." {
		t.Errorf("the reply reads %q", m.Reply)
	}
}

func TestCompose_AckSaysNothingOfTheSender(t *testing.T) {
	_, ticket := desk()
	ticket.Subject = "BUY PILLS"
	ticket.Parties[0].Person.Name = "BUY PILLS"
	out := &tickets.Outgoing{Kind: tickets.OutAck, Ticket: ticket, Message: question(ticket), To: "ada@customer.example", ToPerson: ticket.Requester(), QueueID: 1,
		Spec: tickets.OutSpec{Language: "xx", InReply: "q1@customer.example", Cc: []string{"v@w.example"}}}
	got := composeOne(t, out, nil)
	if strings.Contains(string(got.raw), "PILLS") || strings.Contains(got.msg.Text, "PILLS") || strings.Contains(got.msg.Text, "lamp") || len(got.msg.Cc) != 0 {
		t.Errorf("the acknowledgement carries the sender's words:\n%s", got.raw)
	}
	if got.msg.Subject != "We have received your message [#K7Q2-9F3M]" || got.field("In-Reply-To") != "<q1@customer.example>" {
		t.Errorf("subject %q", got.msg.Subject)
	}
	out.Spec.Subject = "Re: My lamp [#K7Q2-9F3M]"
	if got := composeOne(t, out, nil); got.msg.Subject != "Re: My lamp [#K7Q2-9F3M]" {
		t.Errorf("a proved sender's subject: %q", got.msg.Subject)
	}
}

func TestCompose_HTMLWithImage(t *testing.T) {
	_, ticket := desk()
	out := answer(ticket, "ada@customer.example")
	out.Message = &tickets.Message{ID: 4, Direction: tickets.DirectionOut, Attachments: []tickets.Attachment{{Name: "p.png", Type: "image/png", Inline: true, ContentID: "p1@x"}}}
	out.Spec.Attach, out.Spec.HTML = []int{0}, `<p>Ärger mit <img src="cid:p1@x"></p>`
	got := composeOne(t, out, memBodies{4: rawWithAttachment(32)})
	if !strings.Contains(string(got.raw), "multipart/related") || !strings.Contains(string(got.raw), "Content-ID: <p1@x>") || !strings.Contains(got.msg.HTML, "Ärger") {
		t.Errorf("%s", got.raw)
	}
	if len(got.msg.Attachments) != 1 || !got.msg.Attachments[0].Inline {
		t.Errorf("%+v", got.msg.Attachments)
	}
}

func TestReferences(t *testing.T) {
	var ids []string
	for i := range 50 {
		ids = append(ids, fmt.Sprintf("<m%d@x.example>", i))
	}
	got := references(append(ids, "bad id", "m3@x.example"), "m49@x.example")
	if len(got) != 20 || got[0] != "<m0@x.example>" || got[1] != "<m31@x.example>" || got[19] != "<m49@x.example>" {
		t.Errorf("%d: %v", len(got), got)
	}
}

func TestSubject(t *testing.T) {
	for _, c := range []struct {
		in    string
		reply bool
		want  string
	}{
		{"The lamp", true, "Re: The lamp [#K7Q2-9F3M]"}, {"Re: AW: re[2]: The lamp [#K7Q2-9F3M]", true, "Re: The lamp [#K7Q2-9F3M]"},
		{"[#k7q2-9f3m] The lamp [#K7Q2-9F3M]", false, "The lamp [#K7Q2-9F3M]"}, {"", true, "Re: (no subject) [#K7Q2-9F3M]"},
		{"回复：灯", true, "Re: 灯 [#K7Q2-9F3M]"}, {"Regarding: x", true, "Re: Regarding: x [#K7Q2-9F3M]"}, {"About [#AAAA-BBBB]", true, "Re: About [#AAAA-BBBB] [#K7Q2-9F3M]"},
	} {
		if got := Subject(c.in, "K7Q2-9F3M", c.reply); got != c.want {
			t.Errorf("Subject(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// TestFlow: what is written flowed is read back as it was.
func TestFlow(t *testing.T) {
	for _, s := range []string{
		"short\n", strings.Repeat("word ", 60) + "end\n", "  indented\n\nFrom me\n> quote\n> " + strings.Repeat("long quote ", 20) + "end\n", "-- \nsig\n",
		strings.Repeat("x", 2000) + "\n", "日本語" + strings.Repeat("長い文章です。", 100) + "\n", "a > b " + strings.Repeat("c > ", 40) + "d\n", "--\nno signature\n",
		"spaces   inside " + strings.Repeat("  wide  gaps  ", 20) + "end\n",
	} {
		_, ticket := desk()
		out := &tickets.Outgoing{Kind: tickets.OutPrivacy, Ticket: ticket, To: "ada@customer.example", QueueID: 1, Spec: tickets.OutSpec{Text: s, Subject: "x"}}
		got := composeOne(t, out, nil)
		if strings.TrimRight(got.msg.Text, "\n") != strings.TrimRight(s, "\n") {
			t.Errorf("%q came back as %q", s, got.msg.Text)
		}
	}
}

func TestWireAddress(t *testing.T) {
	for in, want := range map[string]string{
		"a@B.Example": "a@b.example", `a b@x.example`: `"a b"@x.example`, `"a b"@x.example`: `"a b"@x.example`, `a"b@x.example`: `"a\"b"@x.example`,
		`a@b@x.example`: `"a@b"@x.example`, "jürgen@bücher.example": "jürgen@xn--bcher-kva.example", "a.@x.example": `"a."@x.example`, "a@x.example.": "a@x.example",
	} {
		if got, _, err := wireAddress(in); err != nil || got != want {
			t.Errorf("wireAddress(%q) = %q %v, want %q", in, got, err, want)
		}
	}
}

// FuzzCompose: whatever stands in a ticket, what leaves is one mail of ours.
func FuzzCompose(f *testing.F) {
	f.Add("The lamp\r\nBcc: v@w", "Ada\x00", "text\r.\r\n", "a@b", "n\"a\\me.pdf")
	f.Add("=?utf-8?q?=0d=0a?=", "\u202ea@b", strings.Repeat("x ", 700), "<a@b>", strings.Repeat("é", 120))
	f.Add("\xff", "", "-- \n From \n>\n\t", "", "")
	f.Fuzz(func(t *testing.T, subject, name, text, id, file string) {
		_, ticket := desk()
		ticket.Subject, ticket.Parties[0].Person.Name = subject, name
		m := question(ticket)
		m.FromName, m.Text, m.From, m.To = name, text, id, []string{id}
		m.Attachments = []tickets.Attachment{{Name: file, Type: name, ContentID: id}}
		bodies := memBodies{3: rawWithAttachment(32)}
		for _, out := range []*tickets.Outgoing{
			{Kind: tickets.OutNotification, Ticket: ticket, Message: m, To: "ben@team.example", ToAgent: 1, QueueID: 1},
			{Kind: tickets.OutAnswer, Ticket: ticket, Message: m, To: "ada@customer.example", ToPerson: ticket.Requester(), QueueID: 1,
				Spec: tickets.OutSpec{Text: text, HTML: text, InReply: id, Refs: []string{id, subject}, Cc: []string{id}, Attach: []int{0}}},
		} {
			got := composeOne(t, out, bodies)
			checkFields(t, got.raw)
			if len(got.msg.From) != 1 || got.msg.From[0].Address != "support@desk.example" || len(got.msg.To) != 1 || len(got.msg.Attachments) != 1 {
				t.Errorf("from %v to %v, %d attachments", got.msg.From, got.msg.To, len(got.msg.Attachments))
			}
		}
	})
}

// What the writer quoted is cut from Text, and the agent gets it all the same.
func TestNotificationShowsTheWholeMessage(t *testing.T) {
	_, ticket := desk()
	m := question(ticket)
	m.Text, m.Whole = "Yes, the second one.", "Yes, the second one.\n\n> Which lamp do you mean?"
	got := composeOne(t, &tickets.Outgoing{Kind: tickets.OutNotification, Ticket: ticket, Message: m, To: "ben@team.example", ToAgent: 1, QueueID: 1}, nil)
	if !strings.Contains(string(got.raw), "Which lamp do you mean?") {
		t.Errorf("the quoted question is missing:\n%s", got.raw)
	}
}
