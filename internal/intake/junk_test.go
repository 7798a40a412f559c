package intake_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"postroom/internal/intake"
	"postroom/internal/jobs"
	"postroom/internal/resolver"
	"postroom/internal/senderauth"
	"postroom/internal/spam"
	"postroom/storage"
	"postroom/threading"
	"postroom/tickets"
)

// junkDesk is a desk on a real store with an rspamd that says what it is told.
type junkDesk struct {
	t       *testing.T
	store   *storage.DB
	in      *intake.Intake
	addr    tickets.Addresses
	queue   *tickets.Queue
	agent   *tickets.Agent
	action  atomic.Value   // what rspamd says; "" makes it fail
	checks  atomic.Int32   // how often it was asked
	learned chan [2]string // path and mail
}

const junkZone = `
customer.example TXT "v=spf1 ip4:192.0.2.0/24 -all"
customer.example MX 10 mx.customer.example.
team.example TXT "v=spf1 ip4:192.0.2.0/24 -all"
stranger.example TXT "v=spf1 -all"
`

func newJunkDesk(t *testing.T) *junkDesk {
	t.Helper()
	d := &junkDesk{t: t, learned: make(chan [2]string, 16)}
	d.action.Store("reject")
	rspamd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(r.URL.Path, "/learn") {
			d.learned <- [2]string{r.URL.Path, string(body)}
			io.WriteString(w, `{"success":true}`)
			return
		}
		d.checks.Add(1)
		action := d.action.Load().(string)
		if action == "" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		io.WriteString(w, `{"action":"`+action+`","score":20,"required_score":15,"symbols":{"BAYES_SPAM":{"score":5}}}`)
	}))
	t.Cleanup(rspamd.Close)
	log := slog.New(slog.DiscardHandler)
	var err error
	if d.store, err = storage.Open(t.Context(), storage.Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: bytes.Repeat([]byte{7}, 32),
		Logger: log, Node: "n"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	d.queue = &tickets.Queue{Org: tickets.DefaultOrg, Name: "support", Address: "support@desk.example", ReplyDomain: "desk.example", Ack: true}
	if err := d.store.AddQueue(t.Context(), d.queue); err != nil {
		t.Fatal(err)
	}
	d.agent = &tickets.Agent{Org: tickets.DefaultOrg, Name: "anna", Address: "anna@team.example", Role: tickets.RoleAgent, Active: true,
		Queues: []int64{d.queue.ID}}
	if err := d.store.AddAgent(t.Context(), d.agent, ""); err != nil {
		t.Fatal(err)
	}
	secrets, err := d.store.Secrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys := &threading.Keyring{Keys: secrets.Reply}
	d.addr = tickets.Addresses{Keys: keys}
	dns := resolver.From(resolver.NewFake(junkZone))
	checker, err := senderauth.New(dns, "desk.example", senderauth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	judge, err := spam.New(spam.Config{Threshold: 6, Rspamd: rspamd.URL}, spam.Parts{DNS: dns, History: d.store})
	if err != nil {
		t.Fatal(err)
	}
	d.in = intake.New(intake.Options{Config: intake.Config{Hostname: "desk.example", PrivacyAddress: "privacy@desk.example", CheckSenders: true,
		AckEnabled: true}, Store: d.store, Bodies: d.store, Sender: checker, Junk: judge, Keys: keys})
	worker := &jobs.Worker{Store: d.store, Releaser: d.in, Learner: judge.Rspamd(), Bodies: d.store, Addr: d.addr, Name: "n", Log: log, Now: time.Now,
		Made: func() {}, Sweep: 20 * time.Millisecond}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); worker.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return d
}

func junkMail(from, id, more, body string) string {
	return "From: <" + from + ">\r\nTo: support@desk.example\r\nSubject: My order\r\nDate: Mon, 23 Nov 2026 10:00:00 +0100\r\n" +
		"Message-ID: <" + id + ">\r\n" + more + "\r\n" + body + "\r\n"
}

// receive takes a mail in and returns its ticket with what followed at once.
func (d *junkDesk) receive(env tickets.Envelope, raw string) (*tickets.Ticket, *tickets.Message) {
	d.t.Helper()
	if env.Via == "" {
		env.Via = tickets.ViaMX
	}
	if !env.Remote.IsValid() {
		env.Remote = netip.MustParseAddr("192.0.2.9")
	}
	receipt, err := d.in.Receive(d.t.Context(), env, strings.NewReader(raw))
	if err != nil {
		d.t.Fatal(err)
	}
	var t *tickets.Ticket
	var m *tickets.Message
	err = d.store.EachTicket(d.t.Context(), storage.TicketFilter{}, func(tk *tickets.Ticket, msgs []*tickets.Message) error {
		for _, msg := range msgs {
			if msg.Receipt == receipt {
				t, m = tk, msg
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return t, m
}

func (d *junkDesk) outbox() (n int) {
	if err := d.store.EachOutgoing(d.t.Context(), storage.OutboxFilter{}, func(storage.OutRow) error { n++; return nil }); err != nil {
		d.t.Fatal(err)
	}
	return n
}

func (d *junkDesk) command(ref, line, id string) {
	d.t.Helper()
	env := tickets.Envelope{Via: tickets.ViaSubmission, AgentID: d.agent.ID, From: d.agent.Address, To: []string{d.addr.Agent(d.queue, ref, d.agent.ID)}}
	d.receive(env, junkMail(d.agent.Address, id, "", line+"\r\n"))
}

func (d *junkDesk) taught(path, raw string) {
	d.t.Helper()
	select {
	case got := <-d.learned:
		if got[0] != path || got[1] != raw {
			d.t.Fatalf("taught %q with %q", got[0], got[1])
		}
	case <-time.After(20 * time.Second):
		d.t.Fatalf("nothing came to %s", path)
	}
}

func from(address string) tickets.Envelope {
	return tickets.Envelope{From: address, To: []string{"support@desk.example"}}
}

func TestJunkIsPutAsideInSilence(t *testing.T) {
	d := newJunkDesk(t)
	raw := junkMail("bob@customer.example", "1@customer.example", "", "Buy our pills, they are very good for you and for us.")
	tk, m := d.receive(from("bob@customer.example"), raw)
	if tk == nil || tk.State != tickets.StateSpam || m.Proof != "aligned" {
		t.Fatalf("%+v %+v", tk, m)
	}
	events, err := d.store.TicketEvents(t.Context(), tk.ID)
	if err != nil {
		t.Fatal(err)
	}
	last := events[len(events)-1]
	if last.Kind != "state" || last.Actor != tickets.ActorSystem || !strings.Contains(last.Data["why"], "BAYES_SPAM") || last.Data["points"] != "8.0" {
		t.Fatalf("%+v", last)
	}
	// What an agent writes by hand is the next thing that is sent: nothing
	// before it was.
	d.command(tk.Ref, "#open", "c1@team.example")
	d.taught("/learnham", raw)
	if n := d.outbox(); n != 1 {
		t.Fatalf("%d mails in the outbox, want the receipt of the command alone", n)
	}
	d.command(tk.Ref, "#spam", "c2@team.example")
	d.taught("/learnspam", raw)
	d.command(tk.Ref, "#tag pills", "c3@team.example")
	d.command(tk.Ref, "#resolve", "c4@team.example")
	d.taught("/learnham", raw)
}

func TestJunkIsNeverAReplyAPrivacyMailOrAnAgents(t *testing.T) {
	d := newJunkDesk(t)
	d.action.Store("no action")
	tk, first := d.receive(from("bob@customer.example"), junkMail("bob@customer.example", "1@customer.example", "", "Where is my order? I have waited."))
	if tk.State != tickets.StateNew {
		t.Fatalf("state %s", tk.State)
	}
	d.action.Store("reject")
	asked := d.checks.Load()

	reply := from("bob@customer.example")
	reply.To = []string{d.addr.Reply(d.queue, tk.Ref, 1)}
	if got, _ := d.receive(reply, junkMail("bob@customer.example", "2@customer.example", "", "I am still waiting.")); got.ID != tk.ID || got.State != tickets.StateNew {
		t.Fatalf("a reply to the secret address: %+v", got)
	}
	privacy := from("bob@customer.example")
	privacy.To = []string{"privacy@desk.example"}
	if got, _ := d.receive(privacy, junkMail("bob@customer.example", "4@customer.example", "", "Send me all data that you hold about me.")); got.State == tickets.StateSpam {
		t.Fatal("mail to the privacy address was put aside")
	}
	both := from("bob@customer.example")
	both.To = append(both.To, "privacy@desk.example")
	if got, _ := d.receive(both, junkMail("bob@customer.example", "5@customer.example", "", "Delete all data that you hold about me.")); got.State == tickets.StateSpam {
		t.Fatal("mail to the privacy address and another was put aside")
	}
	if n := d.checks.Load(); n != asked {
		t.Fatalf("rspamd was shown %d mails that it has no say in", n-asked)
	}

	named := junkMail("bob@customer.example", "3@customer.example", "In-Reply-To: <"+first.MessageID+">\r\n", "And waiting.")
	if got, _ := d.receive(from("bob@customer.example"), named); got.ID != tk.ID || got.State != tickets.StateNew {
		t.Fatalf("a reply by Message-ID: %+v", got)
	}
	if got, _ := d.receive(from("anna@team.example"), junkMail("anna@team.example", "6@team.example", "", "My own chair is broken.")); got.State == tickets.StateSpam {
		t.Fatal("a proved agent's mail was put aside")
	}
}

// Without rspamd everything else is the same, and nothing is refused.
func TestRspamdsAbsenceChangesNothingElse(t *testing.T) {
	d := newJunkDesk(t)
	d.action.Store("")
	for i, id := range []string{"1", "2", "3", "4", "5"} {
		tk, _ := d.receive(from("bob@customer.example"), junkMail("bob@customer.example", id+"@customer.example", "", "Where is my order? "+id))
		if tk == nil || tk.State != tickets.StateNew {
			t.Fatalf("mail %d: %+v", i, tk)
		}
	}
	if n := d.checks.Load(); n != 3 {
		t.Fatalf("asked %d times: a filter that fails is left alone", n)
	}
}

// A sender whose mail an agent marked comes back: the mark counts, and with
// what the mail itself shows it is enough.
func TestWhatWasMarkedOnceIsPutAsideWithLess(t *testing.T) {
	d := newJunkDesk(t)
	d.action.Store("no action")
	env := from("eve@stranger.example")
	tk, _ := d.receive(env, junkMail("eve@stranger.example", "1@stranger.example", "", "An offer you cannot refuse, really not."))
	if tk.State != tickets.StateNew {
		t.Fatalf("state %s", tk.State)
	}
	d.command(tk.Ref, "#spam", "c1@team.example")
	again, _ := d.receive(env, junkMail("eve@stranger.example", "2@stranger.example", "Reply-To: eve@elsewhere.example\r\n", "An offer you cannot refuse, again."))
	if again.State != tickets.StateSpam || again.ID == tk.ID {
		t.Fatalf("%+v", again)
	}
}
