package privacydesk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/privacy/archive"
	"postroom/tickets"
)

// collector finds out what goes into an archive. It is its source as well:
// what is large is read when it is written.
type collector struct {
	d    *Desk
	r    *privacy.Request
	who  privacy.Identity
	me   []pattern // the person
	own  map[string]bool
	dir  *tickets.Directory
	c    *archive.Contents
	src  map[int64]*origin // by message
	last masks
	// files are the sums of what was attached in each ticket so far.
	files map[int64]map[string]bool
	by    map[string]*archive.Recipient
}

// origin says where the content of a message is.
type origin struct {
	ticket   int64
	relation privacy.Relation
	mail     int64 // of ours to the person: what was really sent
	attach   []int // of an answer that left: what went along
}

// masks are the patterns of all others in one ticket.
type masks struct {
	ticket   int64
	patterns []pattern
}

// collect reads all but the content.
func (d *Desk) collect(ctx context.Context, r *privacy.Request) (*collector, *archive.Contents, error) {
	addresses := r.Addresses()
	h, err := d.Store.Holdings(ctx, r.Org, addresses)
	if err != nil {
		return nil, nil, fmt.Errorf("look up what is held: %w", err)
	}
	made := r.Record.Since
	if made.IsZero() {
		made = d.Now()
	}
	c := &collector{d: d, r: r, src: map[int64]*origin{}, own: map[string]bool{}, files: map[int64]map[string]bool{}, by: map[string]*archive.Recipient{}}
	c.who = privacy.Identity{Addresses: addresses}
	for _, a := range addresses {
		c.own[tickets.FoldAddress(a)] = true
	}
	for _, p := range h.People {
		if p.Name != "" {
			c.who.Names = append(c.who.Names, p.Name)
		}
	}
	c.me = patternsOf(c.who)
	c.c = &archive.Contents{
		Right: r.Right, No: r.No, Made: made, Language: r.Language, Zone: d.Zone, Addresses: addresses, People: h.People, About: d.About,
		Consents: h.Consents, Requests: h.Requests, PartBytes: d.PartBytes, Key: d.Key,
	}
	for _, p := range d.Processors {
		c.c.About.Processors = append(slices.Clip(c.c.About.Processors), p.Processor)
	}
	if d.encrypts(r) {
		c.c.Passphrase = r.Detail.Secret
	}
	if err := c.tickets(ctx, h); err != nil {
		return nil, nil, err
	}
	for _, x := range c.by {
		c.c.Recipients = append(c.c.Recipients, *x)
	}
	slices.SortFunc(c.c.Recipients, func(a, b archive.Recipient) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Name, b.Name))
	})
	return c, c.c, nil
}

// tickets reads the tickets and what is known of their messages.
func (c *collector) tickets(ctx context.Context, h *privacy.Holdings) error {
	answers := map[int64]int64{}
	for _, m := range h.Mails {
		if m.Kind == tickets.OutAnswer {
			answers[m.MessageID] = m.ID
		}
	}
	requests := map[int64]bool{}
	for _, r := range h.Requests {
		requests[r.TicketID] = true
	}
	held := map[int64]*privacy.HeldTicket{}
	for i := range h.Tickets {
		held[h.Tickets[i].ID] = &h.Tickets[i]
	}
	at := map[int64]int{} // in Contents.Tickets
	refs := map[int64]string{}
	for _, m := range h.Messages {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := c.d.view(ctx, func(v privacy.View) error {
			if c.dir == nil {
				var err error
				if c.dir, err = v.Directory(ctx); err != nil {
					return err
				}
			}
			i, ok := at[m.TicketID]
			if !ok {
				t, err := c.ticket(ctx, v, m.TicketID, held[m.TicketID])
				if err != nil {
					return err
				}
				t.Desk = requests[m.TicketID] && m.TicketID != 0
				refs[m.TicketID] = t.Ref
				i = len(c.c.Tickets)
				at[m.TicketID] = i
				c.c.Tickets = append(c.c.Tickets, t)
			}
			return c.message(ctx, v, &c.c.Tickets[i], m, answers[m.ID])
		})
		if err != nil {
			return fmt.Errorf("read message %d: %w", m.ID, err)
		}
	}
	for _, m := range h.Mails {
		if m.Created.After(c.c.Made) {
			continue
		}
		c.c.Deliveries = append(c.c.Deliveries, archive.Delivery{Kind: string(m.Kind), To: m.To, State: string(m.State), Status: m.Status, Ticket: refs[m.TicketID],
			Created: m.Created.UTC(), Finished: m.Finished.UTC()})
	}
	return nil
}

func (c *collector) ticket(ctx context.Context, v privacy.View, id int64, held *privacy.HeldTicket) (archive.Ticket, error) {
	out := archive.Ticket{Ref: "-"}
	if id == 0 {
		return out, nil
	}
	t, err := v.TicketByID(ctx, id)
	if err != nil || t == nil {
		return out, err
	}
	out = archive.Ticket{Ref: t.Ref, Subject: t.Subject, State: t.State, Created: t.Created, Resolved: t.ResolvedAt}
	if q := c.dir.QueueByID(t.QueueID); q != nil {
		out.Queue = q.Name
	}
	if held != nil {
		out.Own, out.Frozen = held.Requester, held.Frozen
	}
	if out.Own {
		out.Priority, out.Tags = t.Priority, t.Tags
	} else {
		out.Subject, _ = maskText(t.Subject, c.others(t), maskedWord, maskedPlace, plain)
	}
	return out, nil
}

// message adds what is known of one message.
func (c *collector) message(ctx context.Context, v privacy.View, t *archive.Ticket, held privacy.HeldMessage, answer int64) error {
	m, err := v.MessageByID(ctx, held.ID)
	if err != nil || m == nil || m.Received.After(c.c.Made) {
		return err
	}
	if c.files[held.TicketID] == nil {
		c.files[held.TicketID] = map[string]bool{}
	}
	defer func() {
		for _, a := range m.Attachments {
			c.files[held.TicketID][a.SHA256] = true
		}
	}()
	for _, w := range c.r.Detail.Withheld {
		if w.Receipt == m.Receipt {
			c.c.Withheld = append(c.c.Withheld, archive.Withheld{Ticket: t.Ref, Receipt: m.Receipt, Received: m.Received.UTC(), What: "message", Ground: w.Ground})
			return nil
		}
	}
	x := archive.Message{ID: m.ID, Receipt: m.Receipt, Direction: m.Direction, Kind: cmp.Or(m.Kind, "mail"), Relation: held.Relation, Received: m.Received, TextBytes: len(m.Text) + len(m.Whole)}
	s := &origin{ticket: held.TicketID, relation: held.Relation}
	switch {
	case held.Relation == privacy.Wrote && passedOn(m):
		c.passedOn(&x, m)
	case held.Relation == privacy.Wrote, held.Relation == privacy.Addressed && m.Direction == tickets.DirectionIn:
		c.whole(&x, m)
	case held.Relation == privacy.Addressed:
		err = c.answer(ctx, v, &x, s, m, answer)
	default:
		if held.Relation == privacy.Beside && len(find(fold(m.Text, plain), c.me)) == 0 {
			return nil // another's matter that says nothing about the person
		}
		x.By, x.Masked = archive.Another, true
		if m.AuthorAgent != 0 || m.Direction == tickets.DirectionNote {
			x.By = archive.Team
		}
		for range m.Attachments {
			c.c.Withheld = append(c.c.Withheld, archive.Withheld{Ticket: t.Ref, Receipt: m.Receipt, Received: m.Received.UTC(), What: "attachment", Ground: "others"})
		}
		if full, err := v.TicketByID(ctx, held.TicketID); err != nil {
			return err
		} else if full != nil {
			x.Subject, _ = maskText(m.Subject, c.others(full), maskedWord, maskedPlace, plain)
		}
	}
	if err != nil {
		return err
	}
	c.src[m.ID] = s
	t.Messages = append(t.Messages, x)
	if held.Relation == privacy.Wrote && held.TicketID != 0 {
		c.worked(t, m.Received)
	}
	return nil
}

// passedOn reports whether a message of the person's came inside an agent's
// mail: its bytes, and what stands around it, are the agent's.
func passedOn(m *tickets.Message) bool {
	return m.Direction == tickets.DirectionIn && m.Proof == "agent" && tickets.FoldAddress(m.EnvelopeFrom) != tickets.FoldAddress(m.From)
}

// passedOn is a mail of the person as far as the agent passed it on: its words
// and files, without the agent's comment, addresses and signature.
func (c *collector) passedOn(x *archive.Message, m *tickets.Message) {
	x.By, x.From, x.FromName, x.Subject, x.TextBytes = archive.You, m.From, m.FromName, m.Subject, len(m.Text)
	for i, a := range m.Attachments {
		if !ownFiles[a.Type] {
			x.Attachments, x.Indexes = append(x.Attachments, a), append(x.Indexes, i)
		}
	}
}

// whole is a mail of the person, or of somebody else to the person: all of it.
func (c *collector) whole(x *archive.Message, m *tickets.Message) {
	x.By = archive.Another
	if x.Relation == privacy.Wrote {
		x.By, x.Envelope = archive.You, m.EnvelopeFrom
	}
	x.Whole, x.MessageID, x.From, x.FromName, x.To, x.Cc, x.Subject = true, m.MessageID, m.From, m.FromName, m.To, m.Cc, m.Subject
	x.Size, x.SHA256, x.Proof, x.Auth = m.Raw.Size, m.Raw.SHA256, m.Proof, m.AuthResults
	x.Attachments = m.Attachments
}

// answer is a mail of ours as it was sent to the person: the bytes that the
// agent handed in may hold what is the agent's own. Once a mail is delivered,
// what it was composed of is gone from the outbox, and it is told again from
// the message.
func (c *collector) answer(ctx context.Context, v privacy.View, x *archive.Message, s *origin, m *tickets.Message, mail int64) error {
	s.mail, s.attach = mail, c.sentFiles(s.ticket, m)
	a, err := c.answered(ctx, v, s, m)
	if err != nil {
		return err
	}
	x.By, x.Whole, x.MessageID, x.Subject, x.To, x.Cc, x.From, x.FromName = archive.Team, true, a.id, a.subject, []string{a.to}, a.cc, a.from, a.fromName
	x.TextBytes = len(a.text) + len(a.html)
	for _, other := range a.cc {
		c.disclosed(other, "copy", m.Received)
	}
	size := int64(4<<10) + 4*int64(x.TextBytes)
	for _, i := range a.attach {
		x.Attachments, x.Indexes = append(x.Attachments, m.Attachments[i]), append(x.Indexes, i)
		size += m.Attachments[i].Size*138/100 + 1<<10
	}
	x.Size = size
	return nil
}

// worked counts who of the team read what the person wrote.
func (c *collector) worked(t *archive.Ticket, at time.Time) {
	q := c.dir.QueueByName(t.Queue)
	if q == nil {
		return
	}
	n, domains := 0, []string{}
	for _, a := range c.dir.Agents {
		if a.Active && a.Works(q.ID) {
			n++
			if d := tickets.Domain(a.Address); d != "" && !slices.Contains(domains, d) {
				domains = append(domains, d)
			}
		}
	}
	if n > 0 {
		slices.Sort(domains)
		c.disclosed(fmt.Sprintf("%s: %d (%s)", q.Name, n, strings.Join(domains, ", ")), "agent", at)
	}
}

func (c *collector) disclosed(name, what string, at time.Time) {
	if c.own[tickets.FoldAddress(name)] {
		return
	}
	x := c.by[what+" "+name]
	if x == nil {
		x = &archive.Recipient{Name: name, What: what, First: at.UTC()}
		c.by[what+" "+name] = x
	}
	x.Count++
	x.Last = at.UTC()
}
