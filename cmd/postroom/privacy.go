package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

type privacyCmd struct {
	List    privacyListCmd    `cmd:"" help:"List the requests of data subjects with their clocks."`
	Show    privacyShowCmd    `cmd:"" help:"Show one request and every step it took."`
	Preview privacyPreviewCmd `cmd:"" help:"Say exactly what an erasure would do."`
	Open    privacyOpenCmd    `cmd:"" help:"Enter a request that came by post, by phone or through a representative."`
	Export  privacyExportCmd  `cmd:"" help:"Write the archive of a person's data to a file, for the privacy officer."`
	Erase   privacyEraseCmd   `cmd:"" help:"Approve an erasure, as the privacy officer."`
	Close   privacyCloseCmd   `cmd:"" help:"End a request whose proof never came, with a neutral mail that gives reasons and remedies."`
	Verify  privacyVerifyCmd  `cmd:"" help:"Check the signature of a certificate, an archive or a list of erasures; needs only the public keys."`
	Scan    privacyScanCmd    `cmd:"" help:"Look through every byte on disk for a person; exit status 1 when something is found."`
	Drill   privacyDrillCmd   `cmd:"" help:"Rehearse archive and erasure with an invented person, and prove that nothing is left."`
	Factor  privacyFactorCmd  `cmd:"" help:"The second factor on file: something agreed with the person before."`
}

// requestJSON is a line of privacy list --json. Others test against the names.
type requestJSON struct {
	ID       int64           `json:"id"`
	No       string          `json:"no"`
	Right    privacy.Right   `json:"right"`
	State    privacy.State   `json:"state"`
	Waits    string          `json:"waits"` // officer, person, desk or nobody
	Channel  privacy.Channel `json:"channel"`
	Ticket   string          `json:"ticket"`
	Address  string          `json:"address"` // empty once it is forgotten
	Name     string          `json:"name"`
	Language string          `json:"language"`
	Received string          `json:"received"`
	Due      string          `json:"due"`      // by law
	Internal string          `json:"internal"` // the date we work towards
	Overdue  bool            `json:"overdue"`
	Extended bool            `json:"extended"`
	Held     bool            `json:"held"`
	Finished string          `json:"finished,omitempty"`
	Ends     string          `json:"ends,omitempty"` // when the last of the row goes
	Record   *privacy.Record `json:"record,omitempty"`
	Hints    []string        `json:"hints,omitempty"`
	Others   []string        `json:"other_addresses,omitempty"` // those that were proved
	Events   []edgeJSON      `json:"events,omitempty"`
}

type edgeJSON struct {
	At       string            `json:"at"`
	Edge     string            `json:"edge"`
	Key      string            `json:"key,omitempty"`
	Actor    tickets.ActorKind `json:"actor"`
	Evidence string            `json:"evidence,omitempty"` // SHA-256
	Data     map[string]string `json:"data,omitempty"`
}

// toRequestJSON reads the ticket's reference besides.
func (d *desk) toRequestJSON(ctx context.Context, r *privacy.Request) (requestJSON, error) {
	now := d.now()
	j := requestJSON{ID: r.ID, No: r.No, Right: r.Right, State: r.State, Waits: waitsFor(r), Channel: r.Channel, Address: r.Address, Name: r.Name, Language: r.Language,
		Received: stamp(r.Received), Due: stamp(r.Due), Internal: stamp(r.Internal), Overdue: overdue(r, now), Extended: r.Extended, Held: r.Held}
	if !r.Finished.IsZero() {
		j.Finished, j.Ends = stamp(r.Finished), stamp(r.Ends)
	}
	err := d.store.View(ctx, func(v tickets.View) error {
		t, err := v.TicketByID(ctx, r.TicketID)
		if err == nil && t != nil {
			j.Ticket = t.Ref
		}
		return err
	})
	return j, err
}

func overdue(r *privacy.Request, now time.Time) bool { return !r.State.Final() && now.After(r.Due) }

// waitsFor says whose turn it is.
func waitsFor(r *privacy.Request) string {
	switch {
	case r.State.Final():
		return "nobody"
	case r.State == privacy.Review || r.Held:
		return "officer"
	case r.State == privacy.Challenged || r.State == privacy.Cooling:
		return "person"
	}
	return "desk"
}

type privacyListCmd struct {
	JSON  bool   `help:"One JSON object a line."`
	All   bool   `help:"Those that have ended, too."`
	Right string `help:"Only this right." placeholder:"RIGHT"`
	State string `help:"Only this state." placeholder:"STATE"`
}

func (cmd *privacyListCmd) Do(ctx context.Context, d *desk, s streams) error {
	var right privacy.Right
	if cmd.Right != "" {
		var ok bool
		if right, ok = privacy.RightOf(cmd.Right); !ok {
			return errRight(cmd.Right)
		}
	}
	var list []*privacy.Request
	err := d.store.Requests(ctx, tickets.DefaultOrg, !cmd.All && cmd.State == "", func(r *privacy.Request) error {
		if (cmd.Right == "" || r.Right == right) && (cmd.State == "" || strings.EqualFold(string(r.State), cmd.State)) {
			list = append(list, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(s.out, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	const columns = "%-11s  %-18s  %-10s  %-10s  %-10s  %-7s  %-9s  %s\n"
	if !cmd.JSON {
		fmt.Fprintf(out, columns, "NUMBER", "RIGHT", "STATE", "DUE BY LAW", "OUR TARGET", "WAITS", "TICKET", "ADDRESS")
	}
	cal := d.privacy.Rules.Calendar
	for _, r := range list {
		j, err := d.toRequestJSON(ctx, r)
		if err != nil {
			return err
		}
		if cmd.JSON {
			err = enc.Encode(j)
		} else {
			_, err = fmt.Fprintf(out, columns, r.No, orSaid(r.Right), stateWords(r, j.Overdue), cal.Day(r.Due), cal.Day(r.Internal), j.Waits, j.Ticket, orDash(r.Address))
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}

func orSaid(right privacy.Right) string {
	if right == "" {
		return "(not said)"
	}
	return string(right)
}

func stateWords(r *privacy.Request, late bool) string {
	s := string(r.State)
	if r.Held {
		s = "on hold"
	}
	if late {
		s += " LATE"
	}
	return s
}

func errRight(s string) error {
	return fmt.Errorf("%q is no right: access, portability, erasure, rectification, restriction, objection or withdraw", s)
}

// request finds one by its number or id.
func (d *desk) request(ctx context.Context, name string) (r *privacy.Request, err error) {
	err = d.privacyView(ctx, func(v privacy.View) error {
		if id, err := strconv.ParseInt(name, 10, 64); err == nil {
			r, err = v.RequestByID(ctx, id)
			return err
		}
		r, err = v.RequestByNo(ctx, tickets.DefaultOrg, strings.ToUpper(strings.TrimSpace(name)))
		return err
	})
	if err == nil && r == nil {
		err = fmt.Errorf("there is no request %q; postroom privacy list --all shows them", name)
	}
	return r, err
}

type privacyShowCmd struct {
	ID   string `arg:"" help:"Number, such as P-K7Q2-9F3M, or id."`
	JSON bool   `help:"As a JSON object."`
}

func (cmd *privacyShowCmd) Do(ctx context.Context, d *desk, s streams) error {
	r, err := d.request(ctx, cmd.ID)
	if err != nil {
		return err
	}
	j, err := d.toRequestJSON(ctx, r)
	if err != nil {
		return err
	}
	events, err := d.store.Events(ctx, r.ID)
	if err != nil {
		return err
	}
	j.Record, j.Hints = &r.Record, r.Detail.Hints
	if list := r.Addresses(); len(list) > 1 {
		j.Others = list[1:]
	}
	for _, e := range events {
		j.Events = append(j.Events, edgeJSON{At: stamp(e.At), Edge: e.Edge, Key: e.Key, Actor: e.Actor, Evidence: hex.EncodeToString(e.Evidence), Data: e.Data})
	}
	if cmd.JSON {
		return printJSON(s.out, j)
	}
	cal := d.privacy.Rules.Calendar
	fmt.Fprintf(s.out, "%s  %s  %s  ticket %s\n", r.No, orSaid(r.Right), stateWords(r, j.Overdue), orDash(j.Ticket))
	fmt.Fprintf(s.out, "person    %s %s  language %s\n", orDash(r.Address), r.Name, orDash(r.Language))
	for _, a := range j.Others {
		fmt.Fprintf(s.out, "          %s (proved, too)\n", a)
	}
	fmt.Fprintf(s.out, "arrived   %s by %s\n", cal.Day(r.Received), r.Channel)
	fmt.Fprintf(s.out, "due       %s by law, %s by our target\n", cal.Day(r.Due), cal.Day(r.Internal))
	fmt.Fprintf(s.out, "waits     for %s\n", j.Waits)
	if len(r.Record.Counts) > 0 {
		fmt.Fprintf(s.out, "counts    %s\n", countWords(r.Record.Counts))
	}
	if len(j.Hints) > 0 {
		fmt.Fprintf(s.out, "look at   %s\n", strings.Join(j.Hints, ", "))
	}
	fmt.Fprintln(s.out)
	for _, e := range events {
		fmt.Fprintf(s.out, "%s  %-11s  %-8s  %s\n", minute(e.At), e.Edge, e.Actor, strings.TrimSpace(e.Key+" "+dataWords(e.Data)))
	}
	return nil
}

func countWords(counts map[string]int) string {
	var list []string
	for k, n := range counts {
		list = append(list, fmt.Sprintf("%s %d", k, n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func dataWords(data map[string]string) string {
	var list []string
	for k, v := range data {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
