package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"

	"postroom/tickets"
)

type personCmd struct {
	List personListCmd `cmd:"" help:"List the people who wrote."`
	Show personShowCmd `cmd:"" help:"Show one person and their tickets."`
}

type personJSON struct {
	ID       int64    `json:"id"`
	Address  string   `json:"address"`
	Name     string   `json:"name"`
	Language string   `json:"language"`
	Created  string   `json:"created"`
	Tickets  []string `json:"tickets,omitempty"`
}

func toPersonJSON(p *tickets.Person) personJSON {
	return personJSON{ID: p.ID, Address: p.Address, Name: p.Name, Language: p.Language, Created: stamp(p.Created)}
}

type personListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (cmd *personListCmd) Do(ctx context.Context, d *desk, s streams) error {
	out := bufio.NewWriterSize(s.out, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	const columns = "%-10s  %-40s  %s\n"
	if !cmd.JSON {
		fmt.Fprintf(out, columns, "SINCE", "ADDRESS", "NAME")
	}
	err := d.store.EachPerson(ctx, func(p *tickets.Person) error {
		if cmd.JSON {
			return enc.Encode(toPersonJSON(p))
		}
		_, err := fmt.Fprintf(out, columns, p.Created.UTC().Format("2006-01-02"), p.Address, p.Name)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

type personShowCmd struct {
	Address string `arg:"" help:"The person's mail address."`
	JSON    bool   `help:"As a JSON object."`
}

func (cmd *personShowCmd) Do(ctx context.Context, d *desk, s streams) error {
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	var p *tickets.Person
	if err := d.store.View(ctx, func(v tickets.View) error {
		p, err = v.PersonByAddress(ctx, tickets.DefaultOrg, cmd.Address)
		return err
	}); err != nil {
		return err
	}
	if p == nil {
		return fmt.Errorf("nobody with the address %s has written or was written to", cmd.Address)
	}
	list, err := d.store.TicketsOfPerson(ctx, p.ID)
	if err != nil {
		return err
	}
	j := toPersonJSON(p)
	for _, t := range list {
		j.Tickets = append(j.Tickets, t.Ref)
	}
	if cmd.JSON {
		return printJSON(s.out, j)
	}
	fmt.Fprintf(s.out, "%s  %s  language %s  since %s\n", p.Address, p.Name, p.Language, p.Created.UTC().Format("2006-01-02"))
	for _, t := range list {
		fmt.Fprintln(s.out, "  "+tickets.Describe(t, dir))
	}
	return nil
}
