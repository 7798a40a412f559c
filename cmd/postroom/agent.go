package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"postroom/internal/password"
	"postroom/tickets"
)

type agentCmd struct {
	Add      agentAddCmd      `cmd:"" help:"Add somebody to the team."`
	Set      agentSetCmd      `cmd:"" help:"Change an agent."`
	Password agentPasswordCmd `cmd:"" help:"Set an agent's password."`
	List     agentListCmd     `cmd:"" help:"List the agents."`
	Show     agentShowCmd     `cmd:"" help:"Show one agent."`
	Remove   agentRemoveCmd   `cmd:"" help:"Remove an agent; what the agent wrote stays."`
}

// passwordInput reads a password where the caller is: from a file, or asked
// for on a terminal. No password means that the agent cannot log in, only
// answer from the mailbox.
type passwordInput struct {
	PasswordFile string `help:"File that holds the password for submission; - for standard input." placeholder:"FILE"`
}

func (p *passwordInput) Input() (io.ReadCloser, error) {
	switch p.PasswordFile {
	case "":
		return nil, nil
	case "-":
		if term.IsTerminal(int(os.Stdin.Fd())) {
			fmt.Fprint(os.Stderr, "Password: ")
			b, err := term.ReadPassword(int(os.Stdin.Fd()))
			fmt.Fprintln(os.Stderr)
			return io.NopCloser(strings.NewReader(string(b))), err
		}
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(p.PasswordFile)
}

func (p *passwordInput) hash(in io.Reader) (string, error) {
	if p.PasswordFile == "" {
		return "", nil
	}
	b, err := io.ReadAll(io.LimitReader(in, 4096))
	if err != nil {
		return "", err
	}
	return password.Hash(strings.TrimRight(string(b), "\r\n"))
}

func parseRole(s string) (tickets.Role, error) {
	switch r := tickets.Role(strings.ToLower(s)); r {
	case tickets.RoleAgent, tickets.RoleAdmin, tickets.RolePrivacy:
		return r, nil
	}
	return "", fmt.Errorf("%q is no role: agent, admin or privacy", s)
}

type agentAddCmd struct {
	Name        string   `arg:"" help:"Login and name for #assign, one word."`
	Address     string   `required:"" help:"The agent's own mailbox: notifications go there, answers come from there." placeholder:"ADDRESS"`
	Queue       []string `help:"Queues the agent works on." placeholder:"NAME"`
	Role        string   `help:"agent, admin or privacy." default:"agent"`
	DisplayName string   `help:"Name that customers see beside the queue's." placeholder:"NAME"`
	passwordInput
}

func (cmd *agentAddCmd) Do(ctx context.Context, d *desk, s streams) error {
	if err := checkName("an agent", cmd.Name); err != nil {
		return err
	}
	a := &tickets.Agent{Org: tickets.DefaultOrg, Name: cmd.Name, DisplayName: cmd.DisplayName, Active: true}
	var err error
	if a.Address, err = mailAddress(cmd.Address); err != nil {
		return err
	}
	if a.Role, err = parseRole(cmd.Role); err != nil {
		return err
	}
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	if o := dir.AgentByName(a.Name); o != nil {
		return fmt.Errorf("there is an agent %s already; postroom agent set changes it", o.Name)
	}
	if err := freeMailbox(dir, a); err != nil {
		return err
	}
	names := cmd.Queue
	if a.Role == tickets.RolePrivacy {
		if !slices.Contains(names, privacyQueueName) {
			names = append(names, privacyQueueName)
		}
		if err := ensurePrivacyQueue(ctx, d); err != nil {
			return err
		}
	}
	if a.Queues, err = d.queueIDs(ctx, names); err != nil {
		return err
	}
	hash, err := cmd.hash(s.in)
	if err != nil {
		return err
	}
	if err := d.store.AddAgent(ctx, a, hash); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Agent %s gets the mail of %s at %s and answers from there.\n", a.Name, orNone(names), a.Address)
	if hash != "" {
		fmt.Fprintf(s.out, "To send through this server: %s, submission port 587 (STARTTLS) or 465 (TLS), user %s.\n", d.cfg.Hostname, a.Name)
	}
	return nil
}

// freeMailbox makes sure that the agent's address is nobody else's and no
// queue's.
func freeMailbox(dir *tickets.Directory, a *tickets.Agent) error {
	if o := dir.AgentByAddress(a.Address); o != nil && o.ID != a.ID {
		return fmt.Errorf("%s is the mailbox of agent %s already", a.Address, o.Name)
	}
	local, domain, _ := tickets.SplitAddress(a.Address)
	base, _, _ := strings.Cut(local, "+")
	if q := dir.QueueByAddress(base + "@" + domain); q != nil {
		return fmt.Errorf("%s is the address of queue %s; an agent needs a mailbox of the agent's own", a.Address, q.Name)
	}
	return nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "no queue yet"
	}
	return strings.Join(names, ", ")
}

func (d *desk) queueIDs(ctx context.Context, names []string) ([]int64, error) {
	var ids []int64
	for _, n := range names {
		q, err := d.queueNamed(ctx, n)
		if err != nil {
			return nil, err
		}
		ids = append(ids, q.ID)
	}
	return ids, nil
}

func (d *desk) agentNamed(ctx context.Context, name string) (*tickets.Agent, *tickets.Directory, error) {
	dir, err := d.directory(ctx)
	if err != nil {
		return nil, nil, err
	}
	a := dir.AgentByName(name)
	if a == nil {
		a = dir.AgentByAddress(name)
	}
	if a == nil {
		return nil, nil, fmt.Errorf("there is no agent %q; postroom agent list shows them", name)
	}
	c := *a
	return &c, dir, nil
}

type agentSetCmd struct {
	Name        string   `arg:"" help:"Name of the agent."`
	Address     string   `help:"New mailbox." placeholder:"ADDRESS"`
	Queue       []string `help:"Works on these queues from now on." placeholder:"NAME"`
	Role        string   `help:"agent, admin or privacy." placeholder:"ROLE"`
	DisplayName *string  `help:"Name that customers see." placeholder:"NAME"`
}

func (cmd *agentSetCmd) Do(ctx context.Context, d *desk, s streams) error {
	a, dir, err := d.agentNamed(ctx, cmd.Name)
	if err != nil {
		return err
	}
	if cmd.Address == "" && cmd.Queue == nil && cmd.Role == "" && cmd.DisplayName == nil {
		return errors.New("nothing was said to change; postroom agent set --help lists what can be (a password: postroom agent password)")
	}
	if cmd.Address != "" {
		if a.Address, err = mailAddress(cmd.Address); err != nil {
			return err
		}
		if err := freeMailbox(dir, a); err != nil {
			return err
		}
		a.TrustedDomains = nil // they were those of the old mailbox
	}
	if cmd.Queue != nil {
		if a.Queues, err = d.queueIDs(ctx, cmd.Queue); err != nil {
			return err
		}
	}
	if cmd.Role != "" {
		if a.Role, err = parseRole(cmd.Role); err != nil {
			return err
		}
	}
	if cmd.DisplayName != nil {
		a.DisplayName = *cmd.DisplayName
	}
	if err := d.store.UpdateAgent(ctx, a); err != nil {
		return err
	}
	if a.Role == tickets.RolePrivacy {
		if err := ensurePrivacyQueue(ctx, d); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "Agent %s was changed.\n", a.Name)
	return nil
}

type agentPasswordCmd struct {
	Name string `arg:"" help:"Name of the agent."`
	passwordInput
}

func (cmd *agentPasswordCmd) Do(ctx context.Context, d *desk, s streams) error {
	a, _, err := d.agentNamed(ctx, cmd.Name)
	if err != nil {
		return err
	}
	if cmd.PasswordFile == "" {
		return fmt.Errorf("give --password-file FILE, or - to be asked")
	}
	hash, err := cmd.hash(s.in)
	if err != nil {
		return err
	}
	if err := d.store.SetPassword(ctx, a.ID, hash); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Agent %s has a new password.\n", a.Name)
	return nil
}

type agentJSON struct {
	Name        string       `json:"name"`
	Address     string       `json:"address"`
	DisplayName string       `json:"display_name"`
	Role        tickets.Role `json:"role"`
	Queues      []string     `json:"queues"`
}

func toAgentJSON(a *tickets.Agent, dir *tickets.Directory) agentJSON {
	j := agentJSON{Name: a.Name, Address: a.Address, DisplayName: a.DisplayName, Role: a.Role, Queues: []string{}}
	for _, id := range a.Queues {
		if q := dir.QueueByID(id); q != nil {
			j.Queues = append(j.Queues, q.Name)
		}
	}
	return j
}

type agentListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (cmd *agentListCmd) Do(ctx context.Context, d *desk, s streams) error {
	dir, err := d.directory(ctx)
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	if !cmd.JSON {
		fmt.Fprintln(tw, "NAME\tADDRESS\tROLE\tQUEUES")
	}
	for _, a := range dir.Agents {
		if !a.Active {
			continue
		}
		j := toAgentJSON(a, dir)
		if cmd.JSON {
			if err := printJSON(s.out, j); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", j.Name, j.Address, j.Role, strings.Join(j.Queues, " "))
	}
	return tw.Flush()
}

type agentShowCmd struct {
	Name string `arg:"" help:"Name of the agent."`
	JSON bool   `help:"As a JSON object."`
}

func (cmd *agentShowCmd) Do(ctx context.Context, d *desk, s streams) error {
	a, dir, err := d.agentNamed(ctx, cmd.Name)
	if err != nil {
		return err
	}
	j := toAgentJSON(a, dir)
	if cmd.JSON {
		return printJSON(s.out, j)
	}
	fmt.Fprintf(s.out, "name          %s\naddress       %s\ndisplay name  %s\nrole          %s\nqueues        %s\n",
		j.Name, j.Address, j.DisplayName, j.Role, strings.Join(j.Queues, " "))
	return nil
}

type agentRemoveCmd struct {
	Name string `arg:"" help:"Name of the agent."`
}

func (cmd *agentRemoveCmd) Do(ctx context.Context, d *desk, s streams) error {
	a, _, err := d.agentNamed(ctx, cmd.Name)
	if err != nil {
		return err
	}
	if err := d.store.RemoveAgent(ctx, a.ID); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Agent %s is gone; tickets that %s had are free again.\n", a.Name, a.Name)
	return nil
}
