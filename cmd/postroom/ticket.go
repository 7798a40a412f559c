package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"postroom/storage"
	"postroom/threading"
	"postroom/tickets"
)

type ticketCmd struct {
	List    ticketListCmd    `cmd:"" help:"List tickets, with their messages in --json."`
	Show    ticketShowCmd    `cmd:"" help:"Show one ticket as a conversation."`
	Explain ticketExplainCmd `cmd:"" help:"Say why each message stands in the ticket, and what happened to it."`
	Raw     ticketRawCmd     `cmd:"" help:"Write a message's bytes as they came in."`
	Search  ticketSearchCmd  `cmd:"" help:"Find messages by words in them."`
}

// ticketJSON is a line of ticket list --json. Others test against the names.
type ticketJSON struct {
	Ref       string           `json:"ref"`
	Queue     string           `json:"queue"`
	State     tickets.State    `json:"state"`
	Assignee  string           `json:"assignee"`
	Priority  tickets.Priority `json:"priority"`
	Tags      []string         `json:"tags"`
	Subject   string           `json:"subject"`
	Requester string           `json:"requester"`
	Linked    string           `json:"linked,omitempty"`
	Merged    string           `json:"merged_into,omitempty"`
	Created   string           `json:"created"`
	Updated   string           `json:"updated"`
	Messages  []messageJSON    `json:"messages"`
}

type messageJSON struct {
	ID           int64             `json:"id"`
	Receipt      string            `json:"receipt"`
	MessageID    string            `json:"message_id"`
	Direction    tickets.Direction `json:"direction"`
	From         string            `json:"from"`
	EnvelopeFrom string            `json:"envelope_from"`
	EnvelopeTo   []string          `json:"envelope_to"`
	Received     string            `json:"received"`
	Size         int64             `json:"size"`
	SHA256       string            `json:"sha256"`
	Proof        string            `json:"proof"`
	ThreadReason string            `json:"thread_reason"`
	Unverified   bool              `json:"unverified,omitempty"`
}

// minute is how lists show a time.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func toMessageJSON(m *tickets.Message) messageJSON {
	j := messageJSON{ID: m.ID, Receipt: m.Receipt, MessageID: m.MessageID, Direction: m.Direction, From: m.From,
		EnvelopeFrom: m.EnvelopeFrom, EnvelopeTo: m.EnvelopeTo, Received: stamp(m.Received), Size: m.Raw.Size, SHA256: m.Raw.SHA256,
		Proof: m.Proof, ThreadReason: m.ThreadReason, Unverified: m.Unverified}
	if j.EnvelopeTo == nil {
		j.EnvelopeTo = []string{}
	}
	return j
}

func toTicketJSON(t *tickets.Ticket, msgs []*tickets.Message, dir *tickets.Directory) ticketJSON {
	j := ticketJSON{Ref: t.Ref, State: t.State, Priority: t.Priority, Tags: t.Tags, Subject: t.Subject, Created: stamp(t.Created),
		Updated: stamp(t.Updated), Messages: []messageJSON{}}
	if j.Tags == nil {
		j.Tags = []string{}
	}
	if q := dir.QueueByID(t.QueueID); q != nil {
		j.Queue = q.Name
	}
	if a := dir.AgentByID(t.AssigneeID); a != nil {
		j.Assignee = a.Name
	}
	if p := t.Requester(); p != nil {
		j.Requester = p.Address
	}
	for _, m := range msgs {
		j.Messages = append(j.Messages, toMessageJSON(m))
	}
	return j
}

type ticketListCmd struct {
	JSON  bool   `help:"One JSON object a line, with the messages."`
	Queue string `help:"Only this queue." placeholder:"NAME"`
	State string `help:"Only this state." placeholder:"STATE"`
}

func (cmd *ticketListCmd) Do(ctx context.Context, d *desk, s streams) error {
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	filter := storage.TicketFilter{}
	if cmd.Queue != "" {
		q, err := d.queueNamed(ctx, cmd.Queue)
		if err != nil {
			return err
		}
		filter.Queue = q.ID
	}
	if cmd.State != "" {
		filter.State = tickets.State(strings.ToLower(cmd.State))
		if !slices.Contains(allStates, filter.State) {
			return fmt.Errorf("%q is no state: new, open, waiting, snoozed, resolved or spam", cmd.State)
		}
	}
	out := bufio.NewWriterSize(s.out, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	// Widths are fixed, so that a long list streams.
	const columns = "%-9s  %-8s  %-12s  %-10s  %4v  %-16s  %-28s  %s\n"
	if !cmd.JSON {
		fmt.Fprintf(out, columns, "REF", "STATE", "QUEUE", "HAS", "MAIL", "UPDATED", "FROM", "SUBJECT")
	}
	err = d.store.EachTicket(ctx, filter, func(t *tickets.Ticket, msgs []*tickets.Message) error {
		j := toTicketJSON(t, msgs, dir)
		if cmd.JSON {
			return enc.Encode(j)
		}
		_, err := fmt.Fprintf(out, columns, j.Ref, j.State, j.Queue, j.Assignee, len(j.Messages), minute(t.Updated), j.Requester, j.Subject)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

var allStates = []tickets.State{tickets.StateNew, tickets.StateOpen, tickets.StateWaiting, tickets.StateSnoozed, tickets.StateResolved, tickets.StateSpam}

// ticketByRef loads a ticket with its messages and events.
func (d *desk) ticketByRef(ctx context.Context, s string) (t *tickets.Ticket, msgs []*tickets.Message, err error) {
	ref, ok := threading.ParseRef(s)
	if !ok {
		return nil, nil, fmt.Errorf("%q is no ticket reference such as K7Q2-9F3M", s)
	}
	err = d.store.View(ctx, func(v tickets.View) error {
		if t, err = v.TicketByRef(ctx, tickets.DefaultOrg, ref); err != nil || t == nil {
			return err
		}
		msgs, err = v.MessagesOf(ctx, t.ID, 0)
		return err
	})
	if err == nil && t == nil {
		err = fmt.Errorf("there is no ticket %s", ref)
	}
	return t, msgs, err
}

type ticketShowCmd struct {
	Ref  string `arg:"" help:"Reference, such as K7Q2-9F3M."`
	JSON bool   `help:"As a JSON object."`
}

func (cmd *ticketShowCmd) Do(ctx context.Context, d *desk, s streams) error {
	t, msgs, err := d.ticketByRef(ctx, cmd.Ref)
	if err != nil {
		return err
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	j, err := d.linkedJSON(ctx, t, msgs, dir)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(s.out, j)
	}
	fmt.Fprintln(s.out, tickets.Describe(t, dir))
	if len(t.Tags) > 0 {
		fmt.Fprintf(s.out, "tags: %s\n", strings.Join(t.Tags, ", "))
	}
	for _, p := range t.Parties {
		if !p.Removed && p.Person != nil && p.Role != tickets.PartyRequester {
			fmt.Fprintf(s.out, "%s: %s\n", p.Role, p.Person.Address)
		}
	}
	if j.Linked != "" {
		fmt.Fprintf(s.out, "linked to %s\n", j.Linked)
	}
	if j.Merged != "" {
		fmt.Fprintf(s.out, "merged into %s\n", j.Merged)
	}
	for _, m := range msgs {
		fmt.Fprintf(s.out, "\n--- %s  %s  %s  (message %d, %s)\n", m.Received.UTC().Format("2006-01-02 15:04"), m.Direction, author(m, dir), m.ID, proofWords(m))
		if m.AuthResults != "" {
			fmt.Fprintf(s.out, "    %s\n", strings.Join(strings.Fields(m.AuthResults), " "))
		}
		for _, a := range m.Attachments {
			fmt.Fprintf(s.out, "    attachment: %q %s, %d bytes\n", a.Name, a.Type, a.Size)
		}
		fmt.Fprintf(s.out, "\n%s\n", m.Text)
	}
	return nil
}

func (d *desk) linkedJSON(ctx context.Context, t *tickets.Ticket, msgs []*tickets.Message, dir *tickets.Directory) (ticketJSON, error) {
	j := toTicketJSON(t, msgs, dir)
	err := d.store.View(ctx, func(v tickets.View) error {
		for id, to := range map[int64]*string{t.LinkedTo: &j.Linked, t.MergedInto: &j.Merged} {
			if id == 0 {
				continue
			}
			other, err := v.TicketByID(ctx, id)
			if err != nil {
				return err
			}
			if other != nil {
				*to = other.Ref
			}
		}
		return nil
	})
	return j, err
}

func author(m *tickets.Message, dir *tickets.Directory) string {
	if a := dir.AgentByID(m.AuthorAgent); a != nil {
		return "agent " + a.Name
	}
	return m.From
}

func proofWords(m *tickets.Message) string {
	words := map[string]string{"aligned": "sender proved", "none": "sender not proved", "fail": "sender check FAILED", "temp": "sender check unfinished",
		"agent": "by an agent", "import": "imported"}[m.Proof]
	if words == "" {
		words = m.Proof
	}
	if m.Unverified {
		words += ", UNVERIFIED follow-up"
	}
	return words
}

type ticketExplainCmd struct {
	Ref  string `arg:"" help:"Reference, such as K7Q2-9F3M."`
	JSON bool   `help:"As a JSON object."`
}

type eventJSON struct {
	At      string            `json:"at"`
	Kind    string            `json:"kind"`
	Actor   string            `json:"actor"`
	Message int64             `json:"message,omitempty"`
	Data    map[string]string `json:"data,omitempty"`
}

func (cmd *ticketExplainCmd) Do(ctx context.Context, d *desk, s streams) error {
	t, msgs, err := d.ticketByRef(ctx, cmd.Ref)
	if err != nil {
		return err
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	events, err := d.store.TicketEvents(ctx, t.ID)
	if err != nil {
		return err
	}
	if cmd.JSON {
		j := struct {
			ticketJSON
			Events []eventJSON `json:"events"`
		}{ticketJSON: toTicketJSON(t, msgs, dir), Events: []eventJSON{}}
		for _, e := range events {
			j.Events = append(j.Events, eventJSON{At: stamp(e.At), Kind: e.Kind, Actor: actor(e, dir, t), Message: eventMessage(e), Data: e.Data})
		}
		return printJSON(s.out, j)
	}
	fmt.Fprintln(s.out, tickets.Describe(t, dir))
	fmt.Fprintln(s.out, "\nWhy each message is here:")
	for _, m := range msgs {
		fmt.Fprintf(s.out, "  %d  %s  %s %s: %s\n", m.ID, m.Received.UTC().Format("2006-01-02 15:04"), m.Direction, author(m, dir), m.ThreadReason)
	}
	fmt.Fprintln(s.out, "\nWhat happened:")
	for _, e := range events {
		line := fmt.Sprintf("  %s  %s by %s", e.At.UTC().Format("2006-01-02 15:04:05"), e.Kind, actor(e, dir, t))
		keys := make([]string, 0, len(e.Data))
		for k := range e.Data {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			line += " " + k + "=" + nameOf(e.Kind, k, e.Data[k], dir)
		}
		if id := eventMessage(e); id != 0 {
			line += fmt.Sprintf(" (message %d)", id)
		}
		fmt.Fprintln(s.out, line)
	}
	return nil
}

func eventMessage(e *tickets.Event) int64 {
	if e.Message == nil {
		return 0
	}
	return e.Message.ID
}

func actor(e *tickets.Event, dir *tickets.Directory, t *tickets.Ticket) string {
	switch e.Actor {
	case tickets.ActorAgent:
		if a := dir.AgentByID(e.ActorID); a != nil && a.Name != "" {
			return "agent " + a.Name
		}
		return "an agent who is gone"
	case tickets.ActorPerson:
		for _, p := range t.Parties {
			if p.Person != nil && p.Person.ID == e.ActorID && p.Person.Address != "" {
				return p.Person.Address
			}
		}
		return "somebody else"
	}
	return string(e.Actor)
}

// nameOf shows the name for an id in an event's data.
func nameOf(kind, key, value string, dir *tickets.Directory) string {
	id, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return value
	}
	switch {
	case kind == "assigned" && id == 0:
		return "nobody"
	case kind == "assigned" || key == "agent":
		if a := dir.AgentByID(id); a != nil && a.Name != "" {
			return a.Name
		}
	case kind == "queue" || key == "queue":
		if q := dir.QueueByID(id); q != nil {
			return q.Name
		}
	}
	return value
}

type ticketRawCmd struct {
	ID string `arg:"" help:"Id of the message, from ticket show or ticket list --json."`
}

func (cmd *ticketRawCmd) Do(ctx context.Context, d *desk, s streams) error {
	id, err := strconv.ParseInt(cmd.ID, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no message id: those are numbers, and postroom ticket show REF lists a ticket's", cmd.ID)
	}
	var m *tickets.Message
	if err := d.store.View(ctx, func(v tickets.View) error {
		m, err = v.MessageByID(ctx, id)
		return err
	}); err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("there is no message %d", id)
	}
	return d.store.WriteRaw(ctx, id, s.out)
}

type ticketSearchCmd struct {
	Words []string `arg:"" help:"All of these stand in the message, in any case."`
	Limit int      `help:"At most so many." default:"50"`
	JSON  bool     `help:"One JSON object a line."`
}

func (cmd *ticketSearchCmd) Do(ctx context.Context, d *desk, s streams) error {
	ids, err := d.store.Search(ctx, tickets.DefaultOrg, cmd.Words, cmd.Limit)
	if err != nil {
		return err
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	return d.store.View(ctx, func(v tickets.View) error {
		for _, id := range ids {
			m, err := v.MessageByID(ctx, id)
			if err != nil {
				return err
			}
			if m == nil {
				continue
			}
			t, err := v.TicketByID(ctx, m.TicketID)
			if err != nil {
				return err
			}
			if cmd.JSON {
				j := struct {
					Ref string `json:"ref"`
					messageJSON
				}{messageJSON: toMessageJSON(m)}
				if t != nil {
					j.Ref = t.Ref
				}
				if err := printJSON(s.out, j); err != nil {
					return err
				}
				continue
			}
			ref := ""
			if t != nil {
				ref = t.Ref
			}
			fmt.Fprintf(s.out, "%s  %d  %s  %s  %s\n", ref, m.ID, m.Received.UTC().Format("2006-01-02 15:04"), author(m, dir), m.Subject)
		}
		return nil
	})
}
