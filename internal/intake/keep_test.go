package intake_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"postroom/internal/intake"
	"postroom/tickets"
)

func TestR3_Once(t *testing.T) {
	d := newDesk(t)
	m := mail{ID: "1@customer.example", Body: "It burns."}
	m.Raw = d.raw(&mail{From: "ann@customer.example", Rcpt: []string{"support@desk.example"}, Subject: "Printer", ID: "1@customer.example", Body: "It burns."})
	first := d.ok(m)
	for range 3 { // a retry after a lost 250
		if again := d.ok(m); again.receipt != first.receipt || len(again.out) != 0 {
			t.Fatalf("receipt %q, mail %v", again.receipt, kinds(again.out))
		}
	}
	// The same to another of our addresses: one message, which went to both.
	m.Rcpt = []string{"billing@desk.example"}
	g := d.ok(m)
	if g.t.ID != first.t.ID || !slices.Equal(g.m.EnvelopeTo, []string{"support@desk.example", "billing@desk.example"}) {
		t.Errorf("in ticket %d, to %q", g.t.ID, g.m.EnvelopeTo)
	}
	if len(d.all()) != 1 {
		t.Fatalf("%d tickets", len(d.all()))
	}
	// What makes it another mail.
	for i, change := range []func(*mail){
		func(m *mail) { m.Raw = strings.Replace(m.Raw, "It burns.", "It burns!", 1) },
		func(m *mail) { m.Sender = "bounces@customer.example" },
		func(m *mail) { m.Raw = strings.Replace(m.Raw, "From: ann@", "From: bob@", 1) },
		func(m *mail) { m.Raw = strings.Replace(m.Raw, "<1@", "<2@", 1) },
	} {
		other := mail{Raw: m.Raw, Rcpt: []string{"support@desk.example"}}
		change(&other)
		if g := d.ok(other); g.receipt == first.receipt {
			t.Errorf("change %d: taken for the same", i)
		}
	}
	// A header that differs is none: the same mail by another way.
	other := mail{Raw: "Received: from b.example by c.example; Mon, 23 Nov 2026 12:00:00 +0000\r\n" + m.Raw}
	if g := d.ok(other); g.receipt != first.receipt {
		t.Error("another way makes another mail")
	}
}

func TestR3_ProofIsRaised(t *testing.T) {
	d := newDesk(t)
	m := mail{Raw: "From: ann@customer.example\r\nMessage-ID: <1@customer.example>\r\nSubject: Hi\r\n\r\nHello\r\n", IP: evilIP, Sender: "ann@customer.example"}
	if g := d.ok(m); g.m.Proof == "aligned" {
		t.Fatal("proved")
	}
	m.IP = home["customer.example"]
	if g := d.ok(m); g.m.Proof != "aligned" {
		t.Errorf("a copy with better proof leaves it %q", g.m.Proof)
	}
	m.IP = evilIP
	if g := d.ok(m); g.m.Proof != "aligned" {
		t.Errorf("a worse copy makes it %q", g.m.Proof)
	}
}

// A forger who knew the mail and sent it first, under another subject, neither
// hides the real one nor is proved by it.
func TestR3_ProofIsNotLentToAnotherMail(t *testing.T) {
	d := newDesk(t)
	raw := "From: ann@customer.example\r\nMessage-ID: <1@customer.example>\r\nSubject: %s\r\n\r\nHello\r\n"
	forged := d.ok(mail{Raw: fmt.Sprintf(raw, "Pay here"), IP: evilIP, Sender: "ann@customer.example"})
	real := mail{Raw: fmt.Sprintf(raw, "Hi"), IP: home["customer.example"], Sender: "ann@customer.example"}
	first := d.ok(real)
	if first.receipt == forged.receipt || first.m.Proof != "aligned" || first.m.Subject != "Hi" {
		t.Fatalf("the real mail became %+v", first.m)
	}
	if again := d.ok(real); again.receipt != first.receipt {
		t.Error("the real mail came again and makes a third")
	}
}

func TestR3_WithoutMessageID(t *testing.T) {
	d := newDesk(t)
	m := mail{Raw: "From: ann@customer.example\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nSubject: Hi\r\n\r\nHello\r\n", Sender: "ann@customer.example", IP: "192.0.2.1"}
	first := d.ok(m)
	d.now = d.now.Add(4 * 24 * time.Hour)
	if g := d.ok(m); g.receipt != first.receipt {
		t.Error("the same within five days is two")
	}
	other := m
	other.Raw = strings.Replace(m.Raw, "10:00:00", "10:00:01", 1)
	if g := d.ok(other); g.receipt == first.receipt {
		t.Error("another date is the same")
	}
	d.now = d.now.Add(2 * 24 * time.Hour)
	second := d.ok(m)
	if second.receipt == first.receipt {
		t.Error("in doubt, two messages")
	}
}

func TestEveryByteIsKept(t *testing.T) {
	d := newDesk(t)
	for name, raw := range map[string]string{
		"no header":            "\r\nHello\r\n",
		"no body":              "From: ann@customer.example\r\nSubject: x\r\n",
		"a line end":           "\r\n",
		"one line":             "Hello",
		"garbage":              "\xff\xfe\x00\x01:::\r\n\r\n\x80\x81",
		"broken MIME":          "From: ann@customer.example\r\nContent-Type: multipart/mixed; boundary=\"\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\n====\r\n",
		"endless nesting":      "From: ann@customer.example\r\n" + strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 3000),
		"unknown charset":      "From: ann@customer.example\r\nContent-Type: text/plain; charset=klingon\r\n\r\n\xe4\xf6\xfc\r\n",
		"no colon":             "From ann@customer.example Mon\r\nSubject Hello\r\n\r\nx\r\n",
		"an address like that": "From: <@@>\r\nTo: ,,,\r\n\r\nx\r\n",
	} {
		g := d.ok(mail{Raw: raw, Sender: "ann@customer.example", IP: home["customer.example"]})
		if g.t == nil {
			t.Errorf("%s: in no ticket", name)
			continue
		}
		sum := sha256.Sum256([]byte(raw))
		if d.bytesOf(g.m) != raw || g.m.Raw.Size != int64(len(raw)) {
			t.Errorf("%s: kept with %d bytes of %d", name, g.m.Raw.Size, len(raw))
		}
		if g.m.Raw.SHA256 != "" && g.m.Raw.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: sha256 %s", name, g.m.Raw.SHA256)
		}
	}
}

func TestWithoutFromTheEnvelopeSenderIsTheAuthor(t *testing.T) {
	d := newDesk(t)
	g := d.ok(mail{From: "-", Sender: "ann@customer.example", IP: home["customer.example"]})
	if g.t.Requester().Address != "ann@customer.example" || g.m.Proof != "none" || len(g.out) != 0 {
		t.Errorf("%s, %s", g.t.Requester().Address, g.m.Proof)
	}
	g = d.ok(mail{From: "-", Sender: "-", IP: home["customer.example"]})
	if g.t.Requester() != nil || g.m.From != "" {
		t.Errorf("%+v", g.t.Parties)
	}
	// Nobody becomes the desk's own customer.
	g = d.ok(mail{From: "-", Sender: "support@desk.example", IP: evilIP})
	if g.t.Requester() != nil {
		t.Errorf("%+v", g.t.Parties)
	}
	// Whoever answers such a ticket is told that it goes to nobody.
	d.jobs()
	if a := d.answer(g.t, "Hello?"); len(outside(a.out)) != 0 || len(a.out) != 1 || !strings.Contains(a.out[0].Spec.Text, "nobody in this ticket") {
		t.Errorf("%v", a.out)
	}
}

func TestRoleAddresses(t *testing.T) {
	d := newDesk(t)
	for _, to := range []string{"postmaster@desk.example", "ABUSE@desk.example", "postmaster@reply.desk.example", "abuse@old.example", "postmaster"} {
		if g := d.ok(mail{Rcpt: []string{to}, From: to[:5] + "@customer.example"}); g.t == nil || g.t.QueueID == d.privacy.ID {
			t.Errorf("%s: %+v", to, g.t)
		}
	}
	for to, want := range map[string]tickets.RefusalReason{
		"nobody@desk.example": tickets.RefuseUnknownRecipient, "support@reply.desk.example": tickets.RefuseUnknownRecipient,
		"ann@customer.example": tickets.RefuseRelay, "a%b@elsewhere.example": tickets.RefuseRelay, "support+x@desk.example": tickets.RefuseUnknownRecipient,
		"noat": tickets.RefuseRelay, "@desk.example": tickets.RefuseRelay,
	} {
		g := d.send(mail{Rcpt: []string{to}})
		var r *tickets.Refusal
		if !errors.As(g.err, &r) || r.Reason != want {
			t.Errorf("%s: %v", to, g.err)
		}
	}
}

func TestOldMailboxReceives(t *testing.T) {
	d := newDesk(t)
	if g := d.ok(mail{Rcpt: []string{"info@old.example"}}); g.t.QueueID != d.support.ID {
		t.Errorf("queue %d", g.t.QueueID)
	}
	if g := d.ok(mail{Rcpt: []string{"BILLING@desk.example"}, Body: "b"}); g.t.QueueID != d.billing.ID {
		t.Errorf("queue %d", g.t.QueueID)
	}
}

func TestDMARCReject(t *testing.T) {
	d := newDesk(t)
	spoof := mail{From: "boss@strict.example", IP: evilIP}
	d.refused(spoof, tickets.RefusePolicy)
	if g := d.ok(mail{From: "boss@strict.example"}); g.m.Proof != "aligned" {
		t.Error("the true one is not proved")
	}
	spoof.IP = "192.0.2.99" // a forwarder the administrator named
	if g := d.ok(spoof); g.m.Proof == "aligned" || len(g.out) != 0 {
		t.Errorf("forwarded: %s, mail %v", g.m.Proof, kinds(g.out))
	}
	spoof.IP, spoof.Body = evilIP, "Delete my data"
	spoof.Rcpt = []string{"privacy@desk.example"}
	// It is kept, and the address it claims is asked, once and neutrally.
	if g := d.ok(spoof); g.t.QueueID != d.privacy.ID || g.m.Proof == "aligned" || len(g.out) != 1 || g.out[0].To != "boss@strict.example" || g.out[0].Kind != tickets.OutPrivacy {
		t.Errorf("privacy: queue %d, %s, mail %v", g.t.QueueID, g.m.Proof, kinds(g.out))
	}
	spoof.Rcpt, spoof.Body = []string{"support@desk.example", "privacy@desk.example"}, "Delete it"
	if g := d.ok(spoof); g.t.QueueID != d.privacy.ID {
		t.Errorf("both: queue %d", g.t.QueueID)
	}
}

func TestM13_DNSFail(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{})
	d.jobs()
	d.dns.Fail("team.example", "_dmarc.team.example", "other.example", "_dmarc.other.example") // nobody was asked about these yet
	command := mail{From: "ada@team.example", Sender: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "#resolve\r\n"}
	d.refused(command, tickets.RefuseTemporary)
	// Customers' mail is kept, and proves nothing; so is the privacy desk's.
	for _, rcpt := range []string{"support@desk.example", "privacy@desk.example"} {
		if g := d.ok(mail{From: "zoe@other.example", Rcpt: []string{rcpt}, Body: rcpt}); g.t == nil || g.m.Proof != "temp" || len(g.out) != 0 {
			t.Errorf("%s: %+v, mail %v", rcpt, g.m, kinds(g.out))
		}
	}
	d.dns.Heal()
	d.now = d.now.Add(time.Hour)
	if d.ok(command); d.all()[0].Ticket.State != tickets.StateResolved {
		t.Error("not obeyed once the DNS answers")
	}
}

func TestS16_Loop(t *testing.T) {
	d := newDesk(t)
	hop := "Received: from a.example by b.example; Mon, 23 Nov 2026 12:00:00 +0000\r\n"
	d.refused(mail{Header: strings.Repeat(hop, 51)}, tickets.RefuseLoop)
	d.ok(mail{Header: strings.Repeat(hop, 50)})
}

func TestM3_HeaderLimits(t *testing.T) {
	d := newDesk(t)
	d.refused(mail{Header: strings.Repeat("X-A: b\r\n", 1000)}, tickets.RefuseHeader)
	d.ok(mail{Header: strings.Repeat("X-A: b\r\n", 900)})
	d.refused(mail{Header: "X-Long: " + strings.Repeat("x", 256<<10) + "\r\n"}, tickets.RefuseHeader)
	d.refused(mail{Header: strings.Repeat("X-Long: "+strings.Repeat("x", 900)+"\r\n", 300), Body: strings.Repeat("x", 1<<20)}, tickets.RefuseHeader)
	d.refused(mail{Raw: "From: ann@customer.example\r\n" + strings.Repeat("x", 300<<10)}, tickets.RefuseHeader)
	list := strings.Repeat("a@customer.example,\r\n ", 1001) + "b@customer.example"
	d.refused(mail{Header: "Cc: " + list + "\r\n"}, tickets.RefuseHeader)
	list = strings.Repeat("a@customer.example,\r\n ", 990) + "b@customer.example"
	d.ok(mail{Header: "Cc: " + list + "\r\n"})
	d.ok(mail{Header: "X-Long: " + strings.Repeat("x", 200<<10) + "\r\n", Body: "just below"})
}

// big is a mail of n bytes of which nothing is in memory.
func big(header string, n int) io.Reader {
	line := strings.Repeat("x", 76) + "\r\n"
	return io.MultiReader(strings.NewReader(header), io.LimitReader(repeat(line), int64(n-len(header))))
}

type repeater struct {
	s string
	i int
}

func repeat(s string) io.Reader { return &repeater{s: s} }

func (r *repeater) Read(p []byte) (int, error) {
	for n := range p {
		p[n] = r.s[r.i]
		r.i = (r.i + 1) % len(r.s)
	}
	return len(p), nil
}

func TestLargeMailNeedsNoMemory(t *testing.T) {
	d := newDesk(t)
	const size = 25 << 20
	header := "From: ann@customer.example\r\nMessage-ID: <big%d@customer.example>\r\nSubject: Big\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: application/octet-stream; name=disk.img\r\nContent-Disposition: attachment\r\n\r\n"
	env := tickets.Envelope{Via: tickets.ViaMX, From: "ann@customer.example", To: []string{"support@desk.example"}, Remote: netip.MustParseAddr("192.0.2.1"), Received: d.now}
	want := sha256.New()
	io.Copy(want, big(fmt.Sprintf(header, 0), size))
	var peak uint64
	watch := watcher{r: big(fmt.Sprintf(header, 0), size), peak: &peak}
	runtime.GC()
	var start runtime.MemStats
	runtime.ReadMemStats(&start)
	receipt, err := d.in.Receive(t.Context(), env, &watch)
	d.must(err)
	if grown := int64(peak) - int64(start.HeapAlloc); grown > 24<<20 {
		t.Errorf("the heap grew by %d MiB for a mail of 25", grown>>20)
	}
	t.Logf("25 MiB: heap at most %.1f MiB above the start", (float64(peak)-float64(start.HeapAlloc))/(1<<20))
	_, ms := d.ticket(d.all()[0].Ticket.ID)
	got := sha256.New()
	d.must(d.store.WriteRaw(t.Context(), ms[0].ID, got))
	if ms[0].Receipt != receipt || ms[0].Raw.Size != size || !bytes.Equal(got.Sum(nil), want.Sum(nil)) || len(ms[0].Attachments) != 1 {
		t.Errorf("kept %d bytes, %+v", ms[0].Raw.Size, ms[0].Attachments)
	}
	if ms[0].Proof != "aligned" {
		t.Errorf("a large mail is proved %q", ms[0].Proof)
	}
	// The same again is the same, though it comes in other pieces.
	again, err := d.in.Receive(t.Context(), env, io.MultiReader(io.LimitReader(big(fmt.Sprintf(header, 0), size), 0), big(fmt.Sprintf(header, 0), size)))
	if err != nil || again != receipt {
		t.Errorf("again: %q %v", again, err)
	}
	// A connection that breaks leaves nothing.
	broken := io.MultiReader(io.LimitReader(big(fmt.Sprintf(header, 1), size), 3<<20), errReader{})
	if _, err := d.in.Receive(t.Context(), env, broken); !errors.Is(err, errBroken) {
		t.Errorf("a broken connection: %v", err)
	}
	if len(d.all()) != 1 {
		t.Error("half a mail was kept")
	}
}

var errBroken = errors.New("broken")

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errBroken }

// watcher notes the largest heap while it is read.
type watcher struct {
	r    io.Reader
	n    int
	peak *uint64
}

func (w *watcher) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.n += n; w.n > 1<<20 {
		w.n = 0
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		*w.peak = max(*w.peak, s.HeapAlloc)
	}
	return n, err
}

func TestWarningsOfTheSenderCheck(t *testing.T) {
	d := newDesk(t)
	g := d.ok(mail{Header: "Authentication-Results: desk.example; dkim=pass header.d=customer.example\r\n"})
	if !strings.Contains(strings.Join(g.m.Defects, "\n"), "forged") {
		t.Errorf("defects %q", g.m.Defects)
	}
	g = d.ok(mail{From: "ann@xn--cstomer-7fg.example", Sender: "ann@evil.example", IP: evilIP, Body: "look-alike"})
	if g.m == nil || g.m.AuthResults == "" {
		t.Errorf("%+v", g.m)
	}
	g = d.ok(mail{From: "ann@xn--pple-43d.example", Sender: "ann@evil.example", IP: evilIP, Body: "look-alike"}) // аpple with a Cyrillic а
	if !strings.Contains(strings.Join(g.m.Defects, "\n"), "may not be what it looks like") {
		t.Errorf("defects %q", g.m.Defects)
	}
}

func TestWithoutAQueueMailWaits(t *testing.T) {
	d := newDesk(t)
	for _, q := range []*tickets.Queue{d.support, d.billing, d.privacy} {
		d.must(d.store.RemoveQueue(t.Context(), q.ID))
	}
	_, err := d.in.Receive(t.Context(), tickets.Envelope{Via: tickets.ViaMX, From: "ann@customer.example", To: []string{"postmaster@desk.example"},
		Remote: netip.MustParseAddr("192.0.2.1"), Received: d.now}, strings.NewReader("Subject: x\r\n\r\nx\r\n"))
	var r *tickets.Refusal
	if !errors.As(err, &r) || r.Reason != tickets.RefuseTemporary {
		t.Errorf("%v", err)
	}
}

func TestCheckOffLetsAFilterInFrontDecide(t *testing.T) {
	d := newDesk(t, func(o *intake.Options) { o.Sender, o.Config.CheckSenders = nil, false })
	own := d.ok(mail{IP: evilIP})
	if len(own.out) != 1 || own.m.Proof != "none" {
		t.Errorf("%s, mail %v", own.m.Proof, kinds(own.out))
	}
	if g := d.ok(mail{IP: evilIP, Header: "In-Reply-To: <" + own.m.MessageID + ">\r\n", Body: "more"}); g.t.ID != own.t.ID || g.m.Unverified {
		t.Error("her answer does not join")
	}
	// Commands still need a login.
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, own.t.Ref, d.ada.ID)}, Body: "#resolve\r\n"})
	if len(d.held()) != 1 {
		t.Error("an agent is obeyed without proof")
	}
}

func TestDailyCountAddsUp(t *testing.T) {
	d := newDesk(t)
	own := d.ok(mail{Raw: "From: ann@customer.example\r\nMessage-ID: <1@customer.example>\r\n\r\nx\r\n", Sender: "ann@customer.example", IP: "192.0.2.1"})
	d.ok(mail{Raw: "From: ann@customer.example\r\nMessage-ID: <1@customer.example>\r\n\r\nx\r\n", Sender: "ann@customer.example", IP: "192.0.2.1"})
	d.ok(mail{Rcpt: d.replyTo(own.t, 1), Body: "more"})
	d.ok(mail{From: "ada@team.example", IP: evilIP, Body: "#list\r\n"})
	d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Command(d.support, d.ada.ID)}, Body: "#list\r\n"})
	d.refused(mail{From: "boss@strict.example", IP: evilIP}, tickets.RefusePolicy)
	d.refused(mail{Header: strings.Repeat("Received: x\r\n", 60)}, tickets.RefuseLoop)
	d.jobs()
	counts, err := d.store.Counts(t.Context(), "day:2026-11-23:")
	d.must(err)
	want := map[string]int64{"ticket": 1, "again": 1, "joined": 1, "held": 1, "other": 1, "refused": 2}
	for kind, n := range want {
		if counts["day:2026-11-23:"+kind] != n {
			t.Errorf("%s: %d, want %d", kind, counts["day:2026-11-23:"+kind], n)
		}
	}
	if len(counts) != len(want) {
		t.Errorf("counts %v", counts)
	}
	// The next morning it goes to the admins, once, and to nobody else.
	root := &tickets.Agent{Org: 1, Name: "root", Address: "root@team.example", Role: tickets.RoleAdmin, Active: true}
	d.must(d.store.AddAgent(t.Context(), root, ""))
	d.now = time.Date(2026, 11, 24, 3, 59, 0, 0, time.UTC)
	if out := d.jobs(); len(out) != 0 {
		t.Error("the count goes out before its hour")
	}
	d.now = d.now.Add(2 * time.Minute)
	out := d.jobs()
	if len(out) != 1 || out[0].To != "root@team.example" || out[0].Kind != tickets.OutReport || !strings.Contains(out[0].Spec.Text, "7 mails came in on Monday, 23 November 2026") {
		t.Fatalf("%+v", out)
	}
	for range 3 {
		d.now = d.now.Add(time.Hour)
		if out := d.jobs(); len(out) != 0 {
			t.Error("the count goes out twice")
		}
	}
	other := newDeskOn(d) // another node
	if other.Work(t.Context()); count(d.outgoing(), tickets.OutReport) != 2 {
		t.Errorf("%d reports", count(d.outgoing(), tickets.OutReport))
	}
}

func count(list []*tickets.Outgoing, kind tickets.OutKind) (n int) {
	for _, o := range list {
		if o.Kind == kind {
			n++
		}
	}
	return n
}
