package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"postroom/storage"
	"postroom/tickets"
)

type outboxCmd struct {
	List  outboxListCmd  `cmd:"" help:"List outgoing mail."`
	Show  outboxShowCmd  `cmd:"" help:"Show one outgoing mail."`
	Retry outboxRetryCmd `cmd:"" help:"Try now."`
	Drop  outboxDropCmd  `cmd:"" help:"Give up on it."`

	Jobs   jobsListCmd   `cmd:"" help:"List work that follows from mail and is not done yet, such as notifications to write."`
	Resume jobsResumeCmd `cmd:"" help:"Do a parked job again, now."`
}

// outgoingJSON is a line of outbox list --json. Others test against the names.
type outgoingJSON struct {
	ID        int64            `json:"id"`
	MessageID string           `json:"message_id"`
	Kind      tickets.OutKind  `json:"kind"`
	Ticket    string           `json:"ticket"`
	To        string           `json:"to"`
	State     tickets.OutState `json:"state"`
	Attempts  int              `json:"attempts"`
	NextAt    *string          `json:"next_at"`
	Status    string           `json:"status,omitempty"`
}

func toOutgoingJSON(r storage.OutRow) outgoingJSON {
	j := outgoingJSON{ID: r.ID, MessageID: r.MessageID, Kind: r.Kind, Ticket: r.Ticket, To: r.To, State: r.State, Attempts: r.Attempts, Status: r.Status}
	if r.State == tickets.OutQueued || r.State == tickets.OutLeased {
		at := stamp(r.NextAt)
		j.NextAt = &at
	}
	return j
}

type outboxListCmd struct {
	JSON  bool   `help:"One JSON object a line."`
	State string `help:"Only this state: queued, leased, sent or failed." placeholder:"STATE"`
}

func (cmd *outboxListCmd) Do(ctx context.Context, d *desk, s streams) error {
	switch tickets.OutState(cmd.State) {
	case "", tickets.OutQueued, tickets.OutLeased, tickets.OutSent, tickets.OutFailed:
	default:
		return fmt.Errorf("%q is no state: queued, leased, sent or failed", cmd.State)
	}
	out := bufio.NewWriterSize(s.out, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	const columns = "%-8v  %-7s  %-12s  %-9s  %5v  %-6s  %-16s  %s\n"
	if !cmd.JSON {
		fmt.Fprintf(out, columns, "ID", "STATE", "KIND", "TICKET", "TRIES", "STATUS", "NEXT TRY", "TO")
	}
	err := d.store.EachOutgoing(ctx, storage.OutboxFilter{State: tickets.OutState(cmd.State)}, func(r storage.OutRow) error {
		if cmd.JSON {
			return enc.Encode(toOutgoingJSON(r))
		}
		next := ""
		if r.State == tickets.OutQueued {
			next = minute(r.NextAt)
		}
		_, err := fmt.Fprintf(out, columns, r.ID, r.State, r.Kind, r.Ticket, r.Attempts, r.Status, next, r.To)
		return err
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return tellOfParked(ctx, d, s)
}

type outboxShowCmd struct {
	ID   int64 `arg:"" help:"Id, from outbox list."`
	JSON bool  `help:"As a JSON object."`
}

func (cmd *outboxShowCmd) Do(ctx context.Context, d *desk, s streams) error {
	found := false
	err := d.store.EachOutgoing(ctx, storage.OutboxFilter{ID: cmd.ID}, func(r storage.OutRow) error {
		found = true
		j := toOutgoingJSON(r)
		if cmd.JSON {
			return printJSON(s.out, j)
		}
		_, err := fmt.Fprintf(s.out, "id          %d\nmessage id  %s\nkind        %s\nticket      %s\nto          %s\nstate       %s\ntries       %d\nnext try    %s\nlast status %s\n",
			j.ID, j.MessageID, j.Kind, j.Ticket, j.To, j.State, j.Attempts, nextTry(r), j.Status)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("there is no outgoing mail %d", cmd.ID)
	}
	return err
}

func nextTry(r storage.OutRow) string {
	if r.State != tickets.OutQueued {
		return "none"
	}
	return r.NextAt.UTC().Format(time.RFC3339)
}

type outboxRetryCmd struct {
	ID int64 `arg:"" help:"Id, from outbox list."`
}

func (cmd *outboxRetryCmd) Do(ctx context.Context, d *desk, s streams) error {
	if err := d.store.RetryOutgoing(ctx, cmd.ID); err != nil {
		return err
	}
	d.wake("outbox", cmd.ID)
	fmt.Fprintf(s.out, "Mail %d is tried now.\n", cmd.ID)
	return nil
}

type outboxDropCmd struct {
	ID int64 `arg:"" help:"Id, from outbox list."`
}

func (cmd *outboxDropCmd) Do(ctx context.Context, d *desk, s streams) error {
	if err := d.store.DropOutgoing(ctx, cmd.ID); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Mail %d was given up.\n", cmd.ID)
	return nil
}
