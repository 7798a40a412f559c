package privacy

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"postroom/tickets"
)

// Rules are what the controller decides of the privacy desk.
type Rules struct {
	Address   string        // the privacy address
	Automatic bool          // erasure without the officer
	Cooling   time.Duration // between the approval of an erasure and its beginning; 0: none
	Calendar  Calendar
	Deputy    string        // name or address of the agent who is told when the officer is silent
	Many      int           // an erasure of more tickets wants a second factor, or the officer; 0 means 50
	Keep      time.Duration // of the anonymous record after the end; 0 means three years
	Purpose   string        // of the consent ledger that an objection to marketing names; empty: all of them
	Duties    []Duty        // what a law obliges to keep

	// How many challenges are written in an hour to senders whose mail proved
	// nothing, and to those whose mail did. 0 means 60 and 600.
	ChallengesHour, AlignedHour int
}

// Budget is how many challenges may be written in an hour.
func (r Rules) Budget(aligned bool) int {
	switch {
	case aligned && r.AlignedHour > 0:
		return r.AlignedHour
	case aligned:
		return 600
	case r.ChallengesHour > 0:
		return r.ChallengesHour
	}
	return 60
}

func (r Rules) keepRecord() time.Duration {
	if r.Keep > 0 {
		return r.Keep
	}
	return 3 * 365 * 24 * time.Hour
}

func (r Rules) many() int {
	if r.Many > 0 {
		return r.Many
	}
	return 50
}

// holdFor is how long a new mailbox, or a changed address, makes an irreversible
// step wait for the officer's eyes (P4): a day, but never longer than the
// cooling-off that the controller finds long enough.
func (r Rules) holdFor() time.Duration { return min(24*time.Hour, r.Cooling) }

// Desk decides on the requests of data subjects. It holds no state: all that a
// decision depends on comes in, and a change goes out.
type Desk struct {
	Rules Rules
	Addr  tickets.Addresses
	// Show gives a mail in words, as the person would get it, so that an officer
	// sees a refusal before it is sent; nil: ground and facts alone are shown.
	Show func(m Mail, language string, args map[string]string) string
}

// Word is what somebody typed on a line of an answer.
type Word string

// The words; their spellings in each language are the mails'.
const (
	SaysConfirm Word = "confirm"
	SaysCancel  Word = "cancel"
	SaysAgain   Word = "again"
	SaysPlain   Word = "plain"
	SaysStop    Word = "stop"
)

// turn is one decision while it is made.
type turn struct {
	*Desk
	ch       *tickets.Change
	now      time.Time
	actor    tickets.ActorKind
	actorID  int64
	msg      *tickets.Message
	queue    *tickets.Queue // the privacy queue
	dir      *tickets.Directory
	ticket   *tickets.Ticket // of the requests, when it was there before
	siblings []*Request      // all requests of the ticket
	aligned  bool
	budget   func(aligned bool) bool
}

func digestOf(sha256 string) []byte {
	b, err := hex.DecodeString(sha256)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

var tokenText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// noText has no letters that look alike.
const noText = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newNo returns a request's public number: 40 random bits, easy to say on the
// phone.
func newNo() string {
	var b [8]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = noText[b[i]%32]
	}
	return "P-" + string(b[:4]) + "-" + string(b[4:])
}

// newRequest makes a request whose clock began at received, and takes its
// first edge.
func (t *turn) newRequest(right Right, ticket *tickets.Ticket, address, name, language string, received time.Time) *Request {
	r := &Request{Org: t.queue.Org, No: newNo(), Right: right, Ticket: ticket, TicketID: ticket.ID, Channel: ByMail, Received: received,
		Address: address, Name: name, Language: language}
	r.Due = t.Rules.Calendar.Due(received, 1)
	r.Internal = t.Rules.Calendar.Internal(received, r.Due)
	t.step(r, EdgeReceived, "", nil)
	return r
}

// Compose writes a mail to a data subject about a request: to the bare address
// alone, whatever the mail that asked for it named (P1, P2).
func Compose(q *tickets.Queue, r *Request, m Mail, to string, args map[string]string, now time.Time) *tickets.Outgoing {
	all := map[string]string{"no": r.No, "rights": string(r.Right)}
	maps.Copy(all, args)
	o := &tickets.Outgoing{Org: r.Org, Kind: tickets.OutPrivacy, MessageID: tickets.NewMessageID(q.ReplyDomain), Ticket: r.Ticket, To: to,
		QueueID: q.ID, RequestID: r.ID, NotBefore: now,
		Spec: tickets.OutSpec{Template: string(m), Language: r.Language, Args: all}}
	if o.Ticket == nil && r.TicketID != 0 {
		o.Ticket = &tickets.Ticket{ID: r.TicketID, Org: r.Org, QueueID: q.ID}
	}
	if r.ID == 0 {
		o.Request = r
	}
	// Its Message-ID is the sender's own words: before the proof nothing of
	// them goes to an address that may be somebody else's.
	if !r.Record.Verified.IsZero() && r.Detail.InReply != "" && to == r.Address {
		o.Spec.InReply, o.Spec.Refs = r.Detail.InReply, []string{r.Detail.InReply}
	}
	return o
}

// mail writes to the person of the request.
func (t *turn) mail(r *Request, m Mail, args map[string]string) *tickets.Outgoing {
	return t.mailTo(r, m, r.Address, args)
}

func (t *turn) mailTo(r *Request, m Mail, to string, args map[string]string) *tickets.Outgoing {
	o := Compose(t.queue, r, m, to, args, t.now)
	t.ch.Outbox = append(t.ch.Outbox, o)
	return o
}

// choices are the ready-made mails of [MailChoices].
func (t *turn) choices() map[string]string {
	args := map[string]string{}
	for right, form := range plusForms {
		local, domain, _ := tickets.SplitAddress(t.Rules.Address)
		args["mailto."+string(right)] = "mailto:" + local + "+" + form + "@" + domain + "?subject=" + url.PathEscape(form)
	}
	return args
}

// plusForms are the plus-forms of the privacy address that our mails name.
var plusForms = map[Right]string{Access: "access", Portability: "portability", Erasure: "erase", Rectification: "rectify",
	Restriction: "restrict", Objection: "object", ConsentWithdrawal: "stop"}

// tags are all plus-forms that decide the right, whatever the words say.
var tags = map[string]Right{
	"access": Access, "copy": Access, "data": Access, "export": Access, "portability": Portability, "portable": Portability,
	"erase": Erasure, "erasure": Erasure, "delete": Erasure, "deletion": Erasure, "forget": Erasure,
	"rectify": Rectification, "rectification": Rectification, "correct": Rectification, "correction": Rectification,
	"restrict": Restriction, "restriction": Restriction, "object": Objection, "objection": Objection,
	"stop": ConsentWithdrawal, "withdraw": ConsentWithdrawal, "consent-withdrawal": ConsentWithdrawal, "unsubscribe": ConsentWithdrawal,
}

// RightOf reads the plus-form of a privacy address, or a name that an officer
// typed. ok is false where it names no right.
func RightOf(tag string) (right Right, ok bool) {
	right, ok = tags[strings.ToLower(strings.TrimSpace(tag))]
	return right, ok
}

// Rights lists all rights.
func Rights() []Right {
	return []Right{Access, Portability, Erasure, Rectification, Restriction, Objection, ConsentWithdrawal}
}

// Officers are the agents who decide on requests: the privacy officers, the
// administrators where there is none.
func Officers(d *tickets.Directory) []*tickets.Agent {
	var officers, admins []*tickets.Agent
	for _, a := range d.Agents {
		switch {
		case !a.Active:
		case a.Role == tickets.RolePrivacy:
			officers = append(officers, a)
		case a.Role == tickets.RoleAdmin:
			admins = append(admins, a)
		}
	}
	if officers == nil {
		return admins
	}
	return officers
}

// deputy is the agent who stands in for the officer, or nil.
func (d *Desk) deputy(dir *tickets.Directory) *tickets.Agent {
	if d.Rules.Deputy == "" {
		return nil
	}
	if a := dir.AgentByName(d.Rules.Deputy); a != nil {
		return a
	}
	return dir.AgentByAddress(d.Rules.Deputy)
}

// Decides reports whether the agent may decide on requests.
func (d *Desk) Decides(dir *tickets.Directory, a *tickets.Agent) bool {
	if dep := d.deputy(dir); dep != nil && dep.ID == a.ID {
		return true
	}
	return slices.ContainsFunc(Officers(dir), func(o *tickets.Agent) bool { return o.ID == a.ID })
}

// report tells agents something of a ticket's requests. Their answer takes
// commands.
func (t *turn) report(to []*tickets.Agent, ticket *tickets.Ticket, subject, text string) {
	for _, a := range to {
		o := &tickets.Outgoing{Org: t.queue.Org, Kind: tickets.OutReport, MessageID: tickets.NewMessageID(t.queue.ReplyDomain), Ticket: ticket,
			To: a.Address, ToAgent: a.ID, QueueID: t.queue.ID, NotBefore: t.now,
			Spec: tickets.OutSpec{Template: "privacy-officer", Language: "en", Subject: subject, Text: text}}
		if ticket != nil {
			o.Spec.ReplyTo = t.Addr.Agent(t.queue, ticket.Ref, a.ID)
		}
		t.ch.Outbox = append(t.ch.Outbox, o)
	}
}

// job writes work that follows from the change.
func (t *turn) job(kind string, r *Request, data map[string]string) {
	if kind == JobArchive {
		r.Record.Since = t.now
		t.touch(r)
	}
	all := map[string]string{"request": itoa(r.ID)}
	maps.Copy(all, data)
	j := &tickets.Job{Kind: kind, RunAt: t.now, Data: all}
	if r.ID == 0 {
		j.Request = r
	}
	t.ch.Jobs = append(t.ch.Jobs, j)
}
