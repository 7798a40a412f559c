package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"postroom/internal/mailtext"
	"postroom/privacy"
	"postroom/tickets"
)

type privacyPreviewCmd struct {
	ID   string `arg:"" help:"Number or id of the erasure."`
	JSON bool   `help:"As a JSON object."`
}

func (cmd *privacyPreviewCmd) Do(ctx context.Context, d *desk, s streams) error {
	r, err := d.request(ctx, cmd.ID)
	if err != nil {
		return err
	}
	switch {
	case r.Right != privacy.Erasure:
		return fmt.Errorf("%s is a request for %s: it erases nothing", r.No, orSaid(r.Right))
	case r.State == privacy.Executing || r.State.Final():
		return fmt.Errorf("%s is %s: there is nothing to foresee", r.No, r.State)
	}
	p, err := d.work.Preview(ctx, r)
	if err != nil {
		return err
	}
	if cmd.JSON {
		return printJSON(s.out, p)
	}
	fmt.Fprintln(s.out, mailtext.PreviewText(p, d.cfg.Privacy.Location()))
	return nil
}

type privacyScanCmd struct {
	Address string   `arg:"" help:"The person's mail address."`
	Words   []string `arg:"" optional:"" help:"More that must not be found: a name, a telephone number."`
	JSON    bool     `help:"One JSON object a line."`
}

type findJSON struct {
	Where    string `json:"where"`
	Encoding string `json:"encoding"`
	Count    int    `json:"count"`
}

// Do looks through the files of this node and, on PostgreSQL, all tables. The
// server's own files, its write-ahead log and its backups it cannot read.
func (cmd *privacyScanCmd) Do(ctx context.Context, d *desk, s streams) error {
	finds, err := d.store.Scan(ctx, append([]string{cmd.Address}, cmd.Words...))
	if err != nil {
		return err
	}
	for _, f := range finds {
		if cmd.JSON {
			err = printJSON(s.out, findJSON(f))
		} else {
			_, err = fmt.Fprintf(s.out, "%6d  %-14s  %s\n", f.Count, f.Encoding, f.Where)
		}
		if err != nil {
			return err
		}
	}
	if len(finds) > 0 {
		return exitError(1)
	}
	if !cmd.JSON {
		fmt.Fprintln(s.out, "Nothing was found, in any encoding.")
	}
	return nil
}

type privacyExportCmd struct {
	Address  string `arg:"" help:"Whose data."`
	Out      string `help:"File to write, a zip without encryption." required:"" placeholder:"FILE"`
	Language string `help:"Of the page and the tables' heads, such as de; without it the person's." placeholder:"CODE"`
}

func (cmd *privacyExportCmd) Output() (output, error) {
	if cmd.Out == "-" {
		return nil, nil
	}
	f, err := createDurable(cmd.Out)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (cmd *privacyExportCmd) Do(ctx context.Context, d *desk, s streams) error {
	r := &privacy.Request{Org: tickets.DefaultOrg, No: "copy-" + d.privacy.Rules.Calendar.Day(d.now()), Right: privacy.Access, Address: cmd.Address, Language: cmd.Language, Channel: privacy.ByRepresentative,
		Record: privacy.Record{Unsealed: true}}
	if err := d.known(ctx, cmd.Address); err != nil {
		return err
	}
	if err := d.noteExport(ctx, r); err != nil {
		return fmt.Errorf("note that it was exported: %w", err)
	}
	result, err := d.work.Export(ctx, r, s.out)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "%d messages, sha256 of the manifest %s. It is not encrypted: keep it where only you read it, and delete it when it is used.\n",
		result.Messages, hex.EncodeToString(result.SHA256))
	return nil
}

// noteExport makes the export an event before a byte of it is written: of the
// person's requests, or, where there is none, of the person's last ticket.
func (d *desk) noteExport(ctx context.Context, r *privacy.Request) error {
	now := d.now()
	data := map[string]string{"by": "command"}
	_, err := d.applyPrivacy(ctx, func(v privacy.View) (*tickets.Change, error) {
		p, err := v.PersonByAddress(ctx, r.Org, r.Address)
		if err != nil || p == nil {
			return nil, errors.Join(err, errors.New("the person is gone"))
		}
		if r.Language == "" {
			r.Language = p.Language
		}
		ch := &tickets.Change{}
		list, err := v.RequestsOf(ctx, r.Org, r.Address, false)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			ch.Also = append(ch.Also, &privacy.Event{RequestID: x.ID, At: now, Edge: "exported", Key: now.UTC().Format("2006-01-02T15:04:05.000000Z"), Actor: tickets.ActorAdmin, Data: data})
		}
		if len(list) > 0 {
			return ch, nil
		}
		own, err := d.store.TicketsOfPerson(ctx, p.ID)
		if err != nil || len(own) == 0 {
			return ch, err
		}
		t, err := v.TicketByID(ctx, own[len(own)-1].ID)
		if err != nil || t == nil {
			return ch, err
		}
		ch.Events = append(ch.Events, &tickets.Event{Ticket: t, TicketID: t.ID, At: now, Kind: "exported", Actor: tickets.ActorAdmin, Data: data})
		return ch, nil
	})
	return err
}
