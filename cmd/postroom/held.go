package main

import (
	"context"
	"errors"
	"fmt"

	"postroom/tickets"
)

type heldCmd struct {
	List    heldListCmd    `cmd:"" help:"List what waits."`
	Show    heldShowCmd    `cmd:"" help:"Show one held mail."`
	Release heldReleaseCmd `cmd:"" help:"Act on it as its agent meant it."`
	Drop    heldDropCmd    `cmd:"" help:"Forget it."`
}

type heldJSON struct {
	ID      int64       `json:"id"`
	At      string      `json:"at"`
	Kind    string      `json:"kind"`
	State   string      `json:"state"`
	Agent   string      `json:"agent"`
	Ticket  string      `json:"ticket"`
	Message messageJSON `json:"message"`
}

func toHeldJSON(h *tickets.Held, dir *tickets.Directory) heldJSON {
	j := heldJSON{ID: h.ID, At: stamp(h.At), Kind: h.Kind, State: h.State}
	if a := dir.AgentByID(h.AgentID); a != nil {
		j.Agent = a.Name
	}
	if h.Ticket != nil {
		j.Ticket = h.Ticket.Ref
	}
	if h.Message != nil {
		j.Message = toMessageJSON(h.Message)
	}
	return j
}

type heldListCmd struct {
	JSON bool `help:"One JSON object a line."`
	All  bool `help:"Also what was released or dropped."`
}

func (cmd *heldListCmd) Do(ctx context.Context, d *desk, s streams) error {
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	state := "held"
	if cmd.All {
		state = ""
	}
	list, err := d.store.HeldList(ctx, state)
	if err != nil {
		return err
	}
	const columns = "%-15s  %-16s  %-8s  %-10s  %-10s  %-9s  %-28s  %s\n"
	if !cmd.JSON {
		fmt.Fprintf(s.out, columns, "ID", "AT", "STATE", "WHY", "AGENT", "TICKET", "FROM", "SUBJECT")
	}
	for _, h := range list {
		j := toHeldJSON(h, dir)
		if cmd.JSON {
			if err := printJSON(s.out, j); err != nil {
				return err
			}
			continue
		}
		subject := ""
		if h.Message != nil {
			subject = h.Message.Subject
		}
		fmt.Fprintf(s.out, columns, fmt.Sprint(j.ID), minute(h.At), j.State, heldWhy(j.Kind), j.Agent, j.Ticket, j.Message.From, subject)
	}
	return nil
}

// heldWhy is the kind of hold in a word for the list.
func heldWhy(kind string) string {
	switch kind {
	case "agent":
		return "not proved"
	case "collision":
		return "crossed"
	}
	return kind
}

type heldShowCmd struct {
	ID   int64 `arg:"" help:"Id, from held list."`
	JSON bool  `help:"As a JSON object."`
}

func (cmd *heldShowCmd) Do(ctx context.Context, d *desk, s streams) error {
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	var h *tickets.Held
	if err := d.store.View(ctx, func(v tickets.View) error {
		h, err = v.HeldByID(ctx, cmd.ID)
		return err
	}); err != nil {
		return err
	}
	if h == nil {
		return fmt.Errorf("there is no held mail %d", cmd.ID)
	}
	j := toHeldJSON(h, dir)
	if cmd.JSON {
		return printJSON(s.out, j)
	}
	fmt.Fprintf(s.out, "%s, %s, agent %s, ticket %s\n", j.State, j.Kind, j.Agent, j.Ticket)
	if m := h.Message; m != nil {
		fmt.Fprintf(s.out, "from %s (envelope %s), %s\nsubject: %s\n%s\n\n%s\n", m.From, m.EnvelopeFrom, proofWords(m), m.Subject, m.AuthResults, m.Text)
	}
	return nil
}

type heldReleaseCmd struct {
	ID int64 `arg:"" help:"Id, from held list."`
}

func (cmd *heldReleaseCmd) Do(ctx context.Context, d *desk, s streams) error {
	if err := d.intake.Release(ctx, cmd.ID, 0); err != nil {
		if errors.Is(err, tickets.ErrGone) {
			return fmt.Errorf("mail %d is not held, or not any more", cmd.ID)
		}
		return err
	}
	fmt.Fprintf(s.out, "Mail %d went its way.\n", cmd.ID)
	return nil
}

type heldDropCmd struct {
	ID int64 `arg:"" help:"Id, from held list."`
}

func (cmd *heldDropCmd) Do(ctx context.Context, d *desk, s streams) error {
	if err := d.intake.Drop(ctx, cmd.ID); err != nil {
		if errors.Is(err, tickets.ErrGone) {
			return fmt.Errorf("mail %d is not held, or not any more", cmd.ID)
		}
		return err
	}
	fmt.Fprintf(s.out, "Mail %d was forgotten.\n", cmd.ID)
	return nil
}
