package intake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"postroom/internal/intake"
	"postroom/internal/jobs"
	"postroom/internal/mailtext"
	"postroom/internal/ratelimit"
	"postroom/internal/resolver"
	"postroom/internal/senderauth"
	"postroom/storage"
	"postroom/threading"
	"postroom/tickets"
)

// The outside world: who may send for whom.
const zone = `
customer.example TXT "v=spf1 ip4:192.0.2.1 -all"
other.example    TXT "v=spf1 ip4:192.0.2.2 -all"
team.example     TXT "v=spf1 ip4:192.0.2.3 -all"
mailer.example   TXT "v=spf1 ip4:192.0.2.4 -all"
desk.example     TXT "v=spf1 ip4:192.0.2.5 -all"
evil.example     TXT "v=spf1 ip4:203.0.113.66 -all"
strict.example   TXT "v=spf1 ip4:192.0.2.6 -all"
_dmarc.strict.example TXT "v=DMARC1; p=reject"
service.example  TXT "v=spf1 ip4:192.0.2.7 -all"
`

// home is where each domain's honest mail comes from.
var home = map[string]string{"customer.example": "192.0.2.1", "other.example": "192.0.2.2", "team.example": "192.0.2.3", "mailer.example": "192.0.2.4",
	"desk.example": "192.0.2.5", "strict.example": "192.0.2.6", "service.example": "192.0.2.7", "evil.example": "203.0.113.66"}

const evilIP = "203.0.113.66"

// desk is an intake on a real store, with two queues, a privacy address and
// three agents.
type desk struct {
	t       *testing.T
	in      *intake.Intake
	store   *storage.DB
	addr    tickets.Addresses
	keys    *threading.Keyring
	support *tickets.Queue
	billing *tickets.Queue
	privacy *tickets.Queue
	ada     *tickets.Agent // support
	ben     *tickets.Agent // support
	cleo    *tickets.Agent // billing
	tally   *jobs.Tally
	work    *jobs.Worker
	now     time.Time
	n       int
	woken   map[string]int
	dns     *resolver.Fake
}

func newDesk(t *testing.T, set ...func(*intake.Options)) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), woken: map[string]int{}}
	clock := func() time.Time { return d.now }
	var err error
	d.store, err = storage.Open(t.Context(), storage.Options{URL: "sqlite:", DataDir: t.TempDir(), MasterKey: bytes.Repeat([]byte{7}, 32),
		Node: "n", Now: clock})
	d.must(err)
	t.Cleanup(func() { d.store.Close() })
	d.support = &tickets.Queue{Org: 1, Name: "Support", Address: "support@desk.example", Receives: []string{"info@old.example"},
		ReplyDomain: "reply.desk.example", Ack: true, ReopenDays: 30}
	d.billing = &tickets.Queue{Org: 1, Name: "Billing", Address: "billing@desk.example", ReplyDomain: "reply.desk.example", Ack: true}
	d.privacy = &tickets.Queue{Org: 1, Name: "Privacy", Address: "privacy@desk.example", ReplyDomain: "desk.example", Ack: true}
	for _, q := range []*tickets.Queue{d.support, d.billing, d.privacy} {
		d.must(d.store.AddQueue(t.Context(), q))
	}
	agent := func(name string, q *tickets.Queue) *tickets.Agent {
		a := &tickets.Agent{Org: 1, Name: name, Address: name + "@team.example", Role: tickets.RoleAgent, Active: true, Queues: []int64{q.ID}}
		d.must(d.store.AddAgent(t.Context(), a, ""))
		return a
	}
	d.ada, d.ben, d.cleo = agent("ada", d.support), agent("ben", d.support), agent("cleo", d.billing)
	secrets, err := d.store.Secrets(t.Context())
	d.must(err)
	d.keys = &threading.Keyring{Keys: secrets.Reply}
	d.addr = tickets.Addresses{Keys: d.keys}
	d.dns = resolver.NewFake(zone)
	checker, err := senderauth.New(resolver.From(d.dns), "desk.example", senderauth.Config{Forwarders: []string{"192.0.2.99"}, Now: clock})
	d.must(err)
	limit, err := ratelimit.Open(ratelimit.Config{Now: clock})
	d.must(err)
	d.tally = &jobs.Tally{}
	words, err := mailtext.NewPrivacyMails(mailtext.PrivacyDesk{Controller: "Example Ltd", Contact: "privacy@desk.example"}, nil)
	d.must(err)
	o := intake.Options{
		Foreign: words.Foreign,
		Config:  intake.Config{Hostname: "desk.example", PrivacyAddress: "privacy@desk.example", CheckSenders: true, AckEnabled: true, AckPerDay: 1},
		Store:   d.store, Bodies: d.store, Sender: checker, Limit: limit, Count: d.tally, Keys: d.keys, Now: clock,
		Wake: func(topic string, ids ...int64) { d.woken[topic] += max(1, len(ids)) },
	}
	for _, f := range set {
		f(&o)
	}
	d.in = intake.New(o)
	d.work = &jobs.Worker{Store: d.store, Releaser: d.in, Bodies: d.store, Addr: d.addr, Name: "n", Log: slog.New(slog.DiscardHandler), Now: clock,
		Made: func() {}, Limit: limit, Tally: d.tally, Ledger: d.store}
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// mail is one mail on its way to the desk. What is empty is filled in honestly.
type mail struct {
	From    string // header; "-" for none
	To      string // header
	Rcpt    []string
	Sender  string // envelope; "-" for the null sender
	IP      string
	Via     tickets.Via
	Agent   *tickets.Agent
	ID      string // Message-ID; "-" for none
	Subject string
	Header  string // further fields
	Body    string
	Raw     string // all of it
	State   tickets.State
	Quiet   bool // one of many: what became of it is not looked up
}

// got is what became of it.
type got struct {
	receipt string
	err     error
	t       *tickets.Ticket // nil when it stands in no ticket
	m       *tickets.Message
	out     []*tickets.Outgoing // written because of it, without notifications
}

func (d *desk) raw(m *mail) string {
	if m.Raw != "" {
		return m.Raw
	}
	d.n++
	var b strings.Builder
	if m.From != "-" {
		fmt.Fprintf(&b, "From: %s\r\n", m.From)
	}
	if m.To == "" {
		m.To = strings.Join(m.Rcpt, ", ")
	}
	fmt.Fprintf(&b, "To: %s\r\nSubject: %s\r\nDate: %s\r\n", m.To, m.Subject, d.now.Format(time.RFC1123Z))
	if m.ID == "" {
		m.ID = fmt.Sprintf("%d.%d@mail.example", d.n, d.now.Unix())
	}
	if m.ID != "-" {
		fmt.Fprintf(&b, "Message-ID: <%s>\r\n", m.ID)
	}
	b.WriteString(m.Header)
	b.WriteString("\r\n")
	b.WriteString(m.Body)
	return b.String()
}

func (d *desk) send(m mail) got {
	d.t.Helper()
	if m.From == "" {
		m.From = "ann@customer.example"
	}
	if m.Rcpt == nil {
		m.Rcpt = []string{"support@desk.example"}
	}
	if m.Subject == "" {
		m.Subject = "Printer"
	}
	address := strings.Trim(m.From[strings.LastIndexByte(m.From, '<')+1:], "<> ")
	switch m.Sender {
	case "":
		m.Sender = address
	case "-":
		m.Sender = ""
	}
	if m.IP == "" {
		if m.IP = home[tickets.Domain(address)]; m.IP == "" {
			m.IP = evilIP
		}
	}
	if m.Via == "" {
		m.Via = tickets.ViaMX
	}
	env := tickets.Envelope{Via: m.Via, From: m.Sender, To: m.Rcpt, Remote: netip.MustParseAddr(m.IP), Helo: "mail.example", Received: d.now}
	if m.Agent != nil {
		env.Via, env.AgentID = tickets.ViaSubmission, m.Agent.ID
	}
	if m.Via == tickets.ViaImport {
		env.Queue, env.State, env.Remote = "Support", m.State, netip.Addr{}
	}
	for _, to := range m.Rcpt {
		if err := d.in.CheckRecipient(d.t.Context(), &env, to); err != nil && m.Via != tickets.ViaImport {
			return got{err: err}
		}
	}
	if m.Quiet {
		receipt, err := d.in.Receive(d.t.Context(), env, strings.NewReader(d.raw(&m)))
		d.now = d.now.Add(time.Second)
		return got{receipt: receipt, err: err}
	}
	before := d.outgoing()
	var g got
	g.receipt, g.err = d.in.Receive(d.t.Context(), env, strings.NewReader(d.raw(&m)))
	for _, tm := range d.all() {
		for _, msg := range tm.Messages {
			if msg.Receipt == g.receipt {
				g.t, g.m = tm.Ticket, msg
			}
		}
	}
	g.out = append(g.out, d.outgoing()[len(before):]...)
	d.now = d.now.Add(time.Second)
	return g
}

// ok sends a mail that must be kept.
func (d *desk) ok(m mail) got {
	d.t.Helper()
	g := d.send(m)
	d.must(g.err)
	if g.receipt == "" {
		d.t.Fatal("no receipt")
	}
	return g
}

// refused sends a mail that must be turned away for the reason.
func (d *desk) refused(m mail, reason tickets.RefusalReason) {
	d.t.Helper()
	before := d.snapshot()
	g := d.send(m)
	var r *tickets.Refusal
	if !errors.As(g.err, &r) || r.Reason != reason {
		d.t.Fatalf("%v, want refusal %d", g.err, reason)
	}
	if d.snapshot() != before {
		d.t.Error("something of a refused mail was kept")
	}
}

type ticketAndMessages struct {
	Ticket   *tickets.Ticket
	Messages []*tickets.Message
}

func (d *desk) all() (list []ticketAndMessages) {
	d.t.Helper()
	d.must(d.store.EachTicket(d.t.Context(), storage.TicketFilter{}, func(t *tickets.Ticket, ms []*tickets.Message) error {
		list = append(list, ticketAndMessages{t, slices.Clone(ms)})
		return nil
	}))
	return list
}

func (d *desk) ticket(id int64) (t *tickets.Ticket, ms []*tickets.Message) {
	d.t.Helper()
	for _, tm := range d.all() {
		if tm.Ticket.ID == id {
			return tm.Ticket, tm.Messages
		}
	}
	d.t.Fatalf("ticket %d is not there", id)
	return nil, nil
}

// snapshot is all that the desk holds of tickets, their events and mail to
// send, in words.
func (d *desk) snapshot() string { return d.of(d.all()) + d.words(d.outgoing()) }

// of is all that is held of some tickets.
func (d *desk) of(list []ticketAndMessages) string {
	var b strings.Builder
	for _, tm := range list {
		events, err := d.store.TicketEvents(d.t.Context(), tm.Ticket.ID)
		d.must(err)
		b.WriteString(d.words(tm.Ticket) + d.words(tm.Messages) + d.words(events))
	}
	return b.String()
}

// ofTicket is all that is held of one ticket.
func (d *desk) ofTicket(id int64) string {
	t, ms := d.ticket(id)
	return d.of([]ticketAndMessages{{t, ms}})
}

func (d *desk) words(v any) string {
	text, err := json.Marshal(v)
	d.must(err)
	return string(text) + "\n"
}

func (d *desk) outgoing() (list []*tickets.Outgoing) {
	d.t.Helper()
	var ids []int64
	d.must(d.store.EachOutgoing(d.t.Context(), storage.OutboxFilter{}, func(r storage.OutRow) error { ids = append(ids, r.ID); return nil }))
	d.must(d.store.View(d.t.Context(), func(v tickets.View) error {
		for _, id := range ids {
			o, _, err := v.OutgoingByID(d.t.Context(), id)
			if err != nil {
				return err
			}
			list = append(list, o)
		}
		return nil
	}))
	return list
}

// jobs carries out what is due and returns the mail that came of it.
func (d *desk) jobs() []*tickets.Outgoing {
	d.t.Helper()
	before := len(d.outgoing())
	d.work.Work(d.t.Context())
	return d.outgoing()[before:]
}

// outside are the addresses of mail that goes to anybody but agents.
func outside(list []*tickets.Outgoing) (to []string) {
	for _, o := range list {
		if o.ToAgent == 0 {
			to = append(to, o.To)
		}
	}
	slices.Sort(to)
	return to
}

func kinds(list []*tickets.Outgoing) (k []tickets.OutKind) {
	for _, o := range list {
		k = append(k, o.Kind)
	}
	return k
}

func (d *desk) events(t *tickets.Ticket) (list []string) {
	d.t.Helper()
	events, err := d.store.TicketEvents(d.t.Context(), t.ID)
	d.must(err)
	for _, e := range events {
		list = append(list, e.Kind)
	}
	return list
}

func (d *desk) held() []*tickets.Held {
	d.t.Helper()
	list, err := d.store.HeldList(d.t.Context(), "held")
	d.must(err)
	return list
}

// bytesOf are the bytes that were kept of a message.
func (d *desk) bytesOf(m *tickets.Message) string {
	d.t.Helper()
	var b bytes.Buffer
	d.must(d.store.WriteRaw(context.Background(), m.ID, &b))
	return b.String()
}

// answer is Ada's to a ticket, from her own mailbox.
func (d *desk) answer(t *tickets.Ticket, body string) got {
	d.t.Helper()
	return d.ok(mail{From: "ada@team.example", Rcpt: []string{d.addr.Agent(d.support, t.Ref, d.ada.ID)}, Subject: "Re: " + t.Subject, Body: body})
}

// reply is a customer's to the secret address of a ticket.
func (d *desk) replyTo(t *tickets.Ticket, party int) []string {
	return []string{d.addr.Reply(d.support, t.Ref, party)}
}

// newDeskOn is the worker of another node on the same store.
func newDeskOn(d *desk) *jobs.Worker {
	w := &jobs.Worker{}
	w.Store, w.Releaser, w.Bodies, w.Addr, w.Name, w.Log, w.Now, w.Made = d.store, d.in, d.store, d.addr, "m", d.work.Log, d.work.Now, func() {}
	w.Tally, w.Ledger = &jobs.Tally{}, d.store
	return w
}
