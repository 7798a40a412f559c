package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"postroom/internal/mailtext"
	"postroom/internal/message"
	"postroom/tickets"
)

const replyToken = "privacy+p.abcdefghijklmnopqrstuvwxyz@desk.example"

func privacyTexts(t testing.TB) *mailtext.PrivacyMails {
	t.Helper()
	p, err := mailtext.NewPrivacyMails(mailtext.PrivacyDesk{Controller: "Example Ltd", Contact: "privacy@desk.example", DPO: "dpo@desk.example",
		Authority: "Example Authority"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// archiveParts are the parts of an archive, made as they are read.
type archiveParts struct {
	size int64
	fail atomic.Int32 // tries that fail
}

func (a *archiveParts) WriteArtifact(ctx context.Context, requestID int64, no int, w io.Writer) error {
	if a.fail.Add(-1) >= 0 {
		return errors.New("the disk is gone")
	}
	block := bytes.Repeat([]byte{byte(requestID), byte(no), 0xff, 0}, 8<<10)
	for left := a.size; left > 0; left -= int64(len(block)) {
		if _, err := w.Write(block[:min(left, int64(len(block)))]); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func privacyMail(template, to string, args map[string]string) *tickets.Outgoing {
	all := map[string]string{"no": "P-K7Q2-9F3M", "rights": "access"}
	for k, v := range args {
		all[k] = v
	}
	return &tickets.Outgoing{Org: 1, Kind: tickets.OutPrivacy, To: to, QueueID: 1, RequestID: 7,
		Spec: tickets.OutSpec{Template: template, Language: "de", Args: all}}
}

func privacyComposer(t testing.TB, a Artifacts) *composer {
	return &composer{addr: testAddresses(), privacy: privacyTexts(t), artifactsOf: a}
}

// TestP2_ToTheBareAddressAlone: a challenge goes to the one address, shows
// nobody else, repeats nothing of the sender's, and comes back when it bounces.
func TestP2_ToTheBareAddressAlone(t *testing.T) {
	out := privacyMail("privacy.challenge", "ada@customer.example", map[string]string{"code": "ABCD-EFGH", "until": "2026-12-01"})
	out.Spec.ReplyTo, out.Spec.Cc = replyToken, []string{"evil@evil.example"}
	out.Spec.Subject, out.Spec.Text = "the sender's subject", "the sender's words"
	out.ToPerson = &tickets.Person{Address: "ada@customer.example", Name: "Buy Pills Now"}
	m := composeWith(t, privacyComposer(t, nil), out)
	for field, want := range map[string]string{"To": "ada@customer.example", "Cc": "", "Auto-Submitted": "auto-replied", "X-Auto-Response-Suppress": "All"} {
		if got := m.field(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if !strings.Contains(m.field("Reply-To"), replyToken) || m.msg.Inspect().Subject != "Bitte bestätigen Sie Ihre Anfrage (P-K7Q2-9F3M)" {
		t.Errorf("Reply-To %q, Subject %q", m.field("Reply-To"), m.field("Subject"))
	}
	if !strings.HasPrefix(m.mail.From, "support+b.") {
		t.Errorf("return path %q brings no bounce back", m.mail.From)
	}
	for _, no := range []string{"evil", "Pills", "sender's"} {
		if bytes.Contains(m.raw, []byte(no)) {
			t.Errorf("the mail holds %q:\n%s", no, m.raw)
		}
	}
	in := m.msg.Inspect()
	if !strings.Contains(in.Text, "„BESTÄTIGEN“") || !strings.Contains(in.HTML, "Guten Tag") {
		t.Errorf("%s\n%s", in.Text, in.HTML)
	}
}

// TestPrivacy_NoHole: a mail that lacks what it has to say does not leave, nor
// does one for which there are no words yet.
func TestPrivacy_NoHole(t *testing.T) {
	dir, _ := desk()
	for _, c := range []struct {
		c     *composer
		out   *tickets.Outgoing
		class Class
	}{
		{privacyComposer(t, nil), privacyMail("privacy.challenge", "a@c.example", nil), Permanent},
		{privacyComposer(t, nil), privacyMail("privacy.nonsense", "a@c.example", nil), Permanent},
		{&composer{addr: testAddresses()}, privacyMail("privacy.cancelled", "a@c.example", nil), Temporary},
	} {
		c.out.MessageID = "x@desk.example"
		_, err := c.c.compose(t.Context(), Row{ID: 1}, &Job{Out: c.out, Directory: dir}, at)
		if r := classify(err); err == nil || r.Class != c.class {
			t.Errorf("%s: %+v", c.out.Spec.Template, r)
		}
	}
}

func archiveMail(no int) *tickets.Outgoing {
	out := privacyMail("privacy.archive", "ada@customer.example", map[string]string{"part": "2", "parts": "3", "encrypted": "yes", "expires": "2026-12-28"})
	out.Spec.Artifact, out.Spec.ReplyTo = no, replyToken
	return out
}

// TestPrivacy_Archive: the part goes along as it is, streamed.
func TestPrivacy_Archive(t *testing.T) {
	for _, size := range []int64{100, 3<<20 + 17} {
		a := &archiveParts{size: size}
		m := composeWith(t, privacyComposer(t, a), archiveMail(2))
		list := m.msg.Inspect().Attachments
		if len(list) != 1 || list[0].Name != "p-k7q2-9f3m-2.zip" || list[0].Type != "application/zip" {
			t.Fatalf("%+v", list)
		}
		var got, want bytes.Buffer
		if err := message.OpenAttachment(bytes.NewReader(m.raw), 0, &got); err != nil {
			t.Fatal(err)
		}
		if err := (&archiveParts{size: size}).WriteArtifact(t.Context(), 7, 2, &want); err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%d bytes came out as %d", want.Len(), got.Len())
		}
		if (m.mail.again != nil) != (size > inMemory) {
			t.Errorf("of %d bytes the mail is kept whole", size)
		}
	}
}

// TestPrivacy_ArchiveTriedAgain: a part that cannot be read just now is sent
// later; one of which nothing is known fails for good.
func TestPrivacy_ArchiveTriedAgain(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone}, "")
	a := &archiveParts{size: 1 << 20}
	a.fail.Store(1)
	w.worker.composer.privacy, w.worker.composer.artifactsOf = privacyTexts(t), a
	w.run(t)
	if o := w.send(t, archiveMail(1)); o.State != tickets.OutQueued || len(s.taken()) != 0 {
		t.Errorf("%+v", o)
	}
	if o := w.send(t, archiveMail(1)); o.State != tickets.OutSent || len(s.taken()) != 1 {
		t.Errorf("%+v", o)
	}
	orphan := archiveMail(1)
	orphan.RequestID = 0
	if o := w.send(t, orphan); o.State != tickets.OutFailed {
		t.Errorf("%+v", o)
	}
}

// TestPrivacy_Certificate: it goes along with its signature, and a bounce
// comes back.
func TestPrivacy_Certificate(t *testing.T) {
	out := privacyMail("privacy.certificate", "ada@customer.example", map[string]string{"backups": "2026-12-23", "count.messages": "17",
		"certificate": `{"no":"P-K7Q2-9F3M"}`, "signature": "sig"})
	m := composeWith(t, privacyComposer(t, nil), out)
	list := m.msg.Inspect().Attachments
	if len(list) != 2 || list[0].Name != "certificate-p-k7q2-9f3m.json" || list[1].Name != "certificate-p-k7q2-9f3m.json.sig" || m.field("Auto-Submitted") != "auto-generated" {
		t.Fatalf("%+v", list)
	}
	var got bytes.Buffer
	if err := message.OpenAttachment(bytes.NewReader(m.raw), 0, &got); err != nil || got.String() != `{"no":"P-K7Q2-9F3M"}` {
		t.Errorf("%v %q", err, got.String())
	}
	if !strings.HasPrefix(m.mail.From, "support+b.") {
		t.Errorf("return path %q", m.mail.From)
	}
}

// TestPrivacy_ErasureList: the officer's daily list goes along with its
// signature, byte for byte.
func TestPrivacy_ErasureList(t *testing.T) {
	out := privacyMail("officer.erasures", "dora@team.example", map[string]string{"list": "postroom erasures 1\nabc\n", "list-signature": "sig\n"})
	out.RequestID, out.Spec.Subject, out.Spec.Text = 0, "List of erasures", "Attached."
	m := composeWith(t, privacyComposer(t, nil), out)
	for i, want := range []string{"postroom erasures 1\nabc\n", "sig\n"} {
		var got bytes.Buffer
		if err := message.OpenAttachment(bytes.NewReader(m.raw), i, &got); err != nil || got.String() != want {
			t.Errorf("%d: %v %q", i, err, got.String())
		}
	}
}

func passphraseMail(to string) *tickets.Outgoing {
	out := privacyMail("privacy.passphrase", to, map[string]string{"passphrase": "apple-river-stone"})
	out.Spec.Verified = true
	return out
}

// TestPrivacy_VerifiedToTheMX: a passphrase goes over TLS with a certificate
// that verifies, and else to nobody: it fails at once and the desk is told.
func TestPrivacy_VerifiedToTheMX(t *testing.T) {
	good, pool := testCert(t, "mx.c.example")
	other, otherPool := testCert(t, "unrelated.example")
	stranger, _ := testCert(t, "mx.c.example")
	for _, c := range []struct {
		name     string
		cert     *tls.Config
		starttls string
		status   string // empty: sent
	}{
		{"verifies", good, "", ""}, {"another name", other, "", "5.7.5"}, {"nobody vouches", stranger, "", "5.7.5"},
		{"no STARTTLS", nil, "", "5.7.4"}, {"STARTTLS refused", good, "454 4.7.0 not now", "5.7.5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSink(t, "127.0.0.1:0")
			if s.cert = c.cert; c.starttls != "" {
				s.always("starttls", c.starttls)
			}
			roots := pool
			if c.cert == other {
				roots = otherPool
			}
			w := build(t, Config{MXPort: s.port(), AllowPrivate: true, TLS: &tls.Config{RootCAs: roots}}, "c.example MX 10 mx.c.example.\nmx.c.example A 127.0.0.1\n")
			w.worker.composer.privacy = privacyTexts(t)
			w.box.dir.Agents = append(w.box.dir.Agents, &tickets.Agent{ID: 3, Org: 1, Name: "dora", Address: "dora@team.example", Role: tickets.RolePrivacy, Active: true})
			w.run(t)
			// An ordinary mail leaves a connection open that would not do.
			if o := w.send(t, answer(w.ticket, "a@c.example")); o.State != tickets.OutSent {
				t.Fatalf("%+v", o.Result)
			}
			o := w.send(t, passphraseMail("a@c.example"))
			if c.status == "" {
				if o.State != tickets.OutSent || len(s.taken()) != 2 || !s.taken()[1].tls {
					t.Errorf("%s %+v", o.State, o.Result)
				}
				return
			}
			if o.State != tickets.OutFailed || o.Result.Status != c.status || len(s.taken()) != 1 {
				t.Errorf("%s %+v, %d taken", o.State, o.Result, len(s.taken()))
			}
			// The officer is told, without whom it was for and what was in it.
			if len(o.Reports) != 1 || o.Reports[0].ToAgent != 3 {
				t.Fatalf("%+v", o.Reports)
			}
			spec := fmt.Sprint(o.Reports[0].Spec)
			if strings.Contains(spec, "apple") || strings.Contains(spec, "c.example") || !strings.Contains(spec, "P-K7Q2-9F3M") || !strings.Contains(spec, c.status) {
				t.Errorf("%s", spec)
			}
		})
	}
}

// TestPrivacy_VerifiedToTheRelay: a relay in the clear does not get it either,
// however it is configured.
func TestPrivacy_VerifiedToTheRelay(t *testing.T) {
	good, pool := testCert(t, "127.0.0.1")
	for _, c := range []struct {
		cert *tls.Config
		mode TLSMode
	}{{nil, TLSNone}, {nil, TLSOpportunistic}, {good, TLSEncrypt}} {
		s := newSink(t, "127.0.0.1:0")
		s.cert = c.cert
		w := build(t, Config{Relay: s.addr, RelayTLS: c.mode, TLS: &tls.Config{RootCAs: pool}}, "")
		w.worker.composer.privacy = privacyTexts(t)
		w.run(t)
		if o := w.send(t, passphraseMail("a@c.example")); o.State != tickets.OutFailed || !strings.HasPrefix(o.Result.Status, "5.7.") || len(s.taken()) != 0 {
			t.Errorf("%s: %s %+v", c.mode, o.State, o.Result)
		}
	}
}

// TestPrivacy_VerifiedWaitsForAServerThatIsAway: only what is not safe enough
// is final; a server that is away is tried again.
func TestPrivacy_VerifiedWaitsForAServerThatIsAway(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	s.always("greeting", "421 4.3.2 later")
	w := build(t, Config{MXPort: s.port(), AllowPrivate: true}, "c.example A 127.0.0.1\n")
	w.worker.composer.privacy = privacyTexts(t)
	w.run(t)
	if o := w.send(t, passphraseMail("a@c.example")); o.State != tickets.OutQueued {
		t.Errorf("%s %+v", o.State, o.Result)
	}
}

// TestRestricted_NothingLeaves: of a restricted ticket no answer, no
// acknowledgement and no notification leaves, but the privacy desk's own mail
// and word to the officer; the team is told without its content (Article 18).
func TestRestricted_NothingLeaves(t *testing.T) {
	s := newSink(t, "127.0.0.1:0")
	w := build(t, Config{Relay: s.addr, RelayTLS: TLSNone}, "")
	w.worker.composer.privacy = privacyTexts(t)
	w.box.dir.Agents = append(w.box.dir.Agents, &tickets.Agent{ID: 3, Org: 1, Name: "dora", Address: "dora@team.example", Role: tickets.RolePrivacy, Active: true})
	w.run(t)
	w.ticket.Restricted = true
	msg := &tickets.Message{ID: 4, From: "ada@customer.example", Text: "my secret lamp", Direction: tickets.DirectionIn, Restricted: true, Received: at}
	o := w.send(t, answer(w.ticket, "ada@customer.example"))
	if o.State != tickets.OutFailed || o.Result.Status != statusRestricted || !strings.Contains(o.Result.Text, "Article 18") {
		t.Errorf("%s %+v", o.State, o.Result)
	}
	if len(o.Reports) == 0 || o.Reports[0].Spec.Text != "" {
		t.Errorf("the team is not told, or of the content: %+v", o.Reports)
	}
	toAgent := func(id int64, to string) *tickets.Outgoing {
		return &tickets.Outgoing{Org: 1, Kind: tickets.OutNotification, Ticket: w.ticket, Message: msg, To: to, ToAgent: id, QueueID: 1}
	}
	ack := &tickets.Outgoing{Org: 1, Kind: tickets.OutAck, Ticket: w.ticket, To: "ada@customer.example", QueueID: 1}
	later := answer(&tickets.Ticket{ID: 10, Org: 1, Ref: "AAAA-AAAA", QueueID: 1}, "ada@customer.example")
	later.Message = msg
	for _, out := range []*tickets.Outgoing{toAgent(1, "ben@team.example"), ack, later} {
		if o := w.send(t, out); o.State != tickets.OutFailed || out.Kind == tickets.OutNotification && len(o.Reports) != 0 {
			t.Errorf("%s: %s %+v", out.Kind, o.State, o.Reports)
		}
	}
	if n := len(s.taken()); n != 0 {
		t.Fatalf("%d mails left", n)
	}
	own := privacyMail("privacy.restricted", "ada@customer.example", map[string]string{"since": "2026-11-23"})
	own.Ticket = w.ticket
	for _, out := range []*tickets.Outgoing{own, toAgent(3, "dora@team.example"), w.reportOn(w.ticket)} {
		if o := w.send(t, out); o.State != tickets.OutSent {
			t.Errorf("%s: %s %+v", out.Kind, o.State, o.Result)
		}
	}
}

func (w *world) reportOn(t *tickets.Ticket) *tickets.Outgoing {
	return &tickets.Outgoing{Org: 1, Kind: tickets.OutReport, Ticket: t, To: "ben@team.example", ToAgent: 1, QueueID: 1,
		Spec: tickets.OutSpec{Template: templateFailed, Args: map[string]string{"to": "ada@customer.example", "kind": "answer", "status": "5.7.1", "words": "refused"}}}
}

// TestSummary_NoContentToAgents: with summaries no word and no address of a
// customer is mailed to an agent, by whatever door, and what remains is enough
// to work with.
func TestSummary_NoContentToAgents(t *testing.T) {
	_, ticket := desk()
	ticket.State = tickets.StateOpen
	secret := &tickets.Message{ID: 4, From: "ada@customer.example", FromName: "Ada Miller", EnvelopeFrom: "ada@customer.example", To: []string{"zoe@customer.example"},
		Cc: []string{"zoe@customer.example"}, Subject: "The lamp hums", Text: "It hums in B flat.", Direction: tickets.DirectionIn, Received: at, Proof: "aligned", Defects: []string{"hums"},
		Attachments: []tickets.Attachment{{Name: "hum.wav", Type: "audio/wav", Size: 3}}}
	earlier := &tickets.Message{ID: 3, From: "ada@customer.example", Text: "It hums in B flat.", Received: at}
	base := tickets.Outgoing{Org: 1, Ticket: ticket, To: "ben@team.example", ToAgent: 1, QueueID: 1}
	of := func(kind tickets.OutKind, m *tickets.Message, spec tickets.OutSpec) *tickets.Outgoing {
		out := base
		out.Kind, out.Message, out.Spec = kind, m, spec
		return &out
	}
	c := &composer{addr: testAddresses(), summaries: true, bodies: memBodies{}}
	for name, out := range map[string]*tickets.Outgoing{
		"notification": of(tickets.OutNotification, secret, tickets.OutSpec{Template: "notification", Subject: "The lamp hums", ReplyTo: "support+a.x@desk.example"}),
		"attachments":  of(tickets.OutNotification, secret, tickets.OutSpec{Template: templateAttachments, Attach: []int{0}}),
		"shown":        of(tickets.OutReceipt, nil, tickets.OutSpec{Template: tickets.TemplateShown, Subject: "Done", Text: "K7Q2-9F3M  open  from: ada@customer.example  The lamp hums\nIt hums in B flat."}),
		"collision":    of(tickets.OutReceipt, nil, tickets.OutSpec{Template: "collision", Subject: "Not sent: Cleo was faster", Text: "Cleo answered the customer.\n\nIt hums in B flat."}),
		"done":         of(tickets.OutReceipt, nil, tickets.OutSpec{Template: "receipt", Subject: "Done", Text: "Your mail is on its way to ada@customer.example.\nTagged hot."}),
		"failed": of(tickets.OutReport, nil, tickets.OutSpec{Template: templateFailed, Text: "It hums in B flat.",
			Args: map[string]string{"to": "ada@customer.example", "kind": "answer", "status": "5.1.1", "words": "no ada@customer.example here", "host": "mx.customer.example"}}),
	} {
		m := composeWith(t, c, out, earlier)
		all := strings.ToLower(string(m.raw) + m.msg.Inspect().Text)
		for _, no := range []string{"ada@", "zoe@", "miller", "hums", "flat", "hum.wav"} {
			if strings.Contains(all, no) {
				t.Errorf("%s holds %q:\n%s", name, no, m.raw)
			}
		}
		if !strings.Contains(all, "k7q2-9f3m") || m.field("Auto-Submitted") == "" {
			t.Errorf("%s does not say which ticket:\n%s", name, m.raw)
		}
		switch text := m.msg.Inspect().Text; name {
		case "notification":
			for _, want := range []string{"Example Support", "open", "postroom ticket show K7Q2-9F3M", "Reply to this mail to answer the customer", "Sender check: passed"} {
				if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
					t.Errorf("%s lacks %q:\n%s", name, want, text)
				}
			}
			if !strings.Contains(m.field("Reply-To"), "support+a.x@desk.example") || m.field("Subject") != "New message [#K7Q2-9F3M]" {
				t.Errorf("%q %q", m.field("Reply-To"), m.field("Subject"))
			}
		case "done":
			if !strings.Contains(text, "Tagged hot") {
				t.Errorf("what was done is not said: %s", text)
			}
		case "collision":
			if !strings.Contains(text, "#confirm") {
				t.Errorf("how to go on is not said: %s", text)
			}
		}
	}
	// A mail to a customer is no mail to an agent.
	if m := composeWith(t, c, answer(ticket, "ada@customer.example")); !strings.Contains(string(m.raw), "turn it off") {
		t.Errorf("%s", m.raw)
	}
}

// TestPrivacy_ArchiveMemory: parts of ten megabytes take no memory of that size.
func TestPrivacy_ArchiveMemory(t *testing.T) {
	a := &archiveParts{size: 10 << 20}
	c := privacyComposer(t, a)
	dir, _ := desk()
	out := archiveMail(1)
	out.MessageID = "x@desk.example"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := c.compose(t.Context(), Row{ID: 1, Created: at}, &Job{Out: out, Directory: dir}, at)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := m.WriteTo(t.Context(), io.Discard); err != nil || n < 13<<20 {
		t.Fatal(n, err)
	}
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > 2<<20 {
		t.Errorf("%d bytes allocated in all to send ten megabytes", allocated)
	}
	t.Logf("%d KiB allocated", allocated>>10)
}
