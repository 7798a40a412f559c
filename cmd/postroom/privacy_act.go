package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/threading"
	"postroom/tickets"
)

type privacyOpenCmd struct {
	Right    string `help:"Which right is exercised." required:"" placeholder:"RIGHT"`
	For      string `help:"The person's mail address, where the proof is asked for and the answer goes." required:"" placeholder:"ADDRESS"`
	Received string `help:"When it arrived, 2006-01-02: from here the law counts." required:"" placeholder:"DATE"`
	By       string `help:"How it came: post, phone or representative." required:"" enum:"post,phone,representative" placeholder:"CHANNEL"`
	Name     string `help:"The person's name."`
	Language string `help:"Of the mails the person gets, such as de." placeholder:"CODE"`
	Proved   bool   `help:"You saw a proof of who it is, beyond name and date of birth; without it the mailbox is asked."`
	JSON     bool   `help:"As a JSON object."`
}

func (cmd *privacyOpenCmd) Do(ctx context.Context, d *desk, s streams) error {
	right, ok := privacy.RightOf(cmd.Right)
	if !ok {
		return errRight(cmd.Right)
	}
	local, domain, ok := tickets.SplitAddress(strings.TrimSpace(cmd.For))
	if !ok || !strings.Contains(domain, ".") {
		return fmt.Errorf("--for %q is no mail address", cmd.For)
	}
	zone := d.cfg.Privacy.Location()
	received, err := time.ParseInLocation(time.DateOnly, cmd.Received, zone)
	now := d.now()
	if err != nil || received.After(now) {
		return fmt.Errorf("--received %q is no day such as 2026-11-23, or lies ahead", cmd.Received)
	}
	if received = received.Add(12 * time.Hour); received.After(now) {
		received = now
	}
	if err := ensurePrivacyQueue(ctx, d); err != nil {
		return err
	}
	in := privacy.Opened{Right: right, Channel: privacy.Channel(cmd.By), Address: local + "@" + strings.ToLower(domain), Name: cmd.Name, Language: cmd.Language,
		Received: received, Proved: cmd.Proved, Now: now}
	var r *privacy.Request
	_, err = d.applyPrivacy(ctx, func(v privacy.View) (ch *tickets.Change, err error) {
		if err := d.openedBy(ctx, v, &in); err != nil {
			return nil, err
		}
		ch, r = d.privacy.Open(in)
		return ch, nil
	})
	if err != nil {
		return err
	}
	if cmd.JSON {
		j, err := d.toRequestJSON(ctx, r)
		if err != nil {
			return err
		}
		return printJSON(s.out, j)
	}
	cal := d.privacy.Rules.Calendar
	fmt.Fprintf(s.out, "%s: %s, %s; due by law on %s, by our target on %s.\n", r.No, orSaid(r.Right), r.State, cal.Day(r.Due), cal.Day(r.Internal))
	return nil
}

// openedBy reads what a request that is entered by hand depends on, and makes
// its ticket.
func (d *desk) openedBy(ctx context.Context, v privacy.View, in *privacy.Opened) (err error) {
	if in.Directory, err = v.Directory(ctx); err != nil {
		return err
	}
	if in.Queue = in.Directory.QueueByAddress(d.privacy.Rules.Address); in.Queue == nil {
		return errors.New("there is no privacy queue")
	}
	if in.Directory.AgentByAddress(in.Address) != nil || in.Directory.QueueByAddress(in.Address) != nil {
		return errors.New("this is an address of the desk itself")
	}
	p, err := v.PersonByAddress(ctx, tickets.DefaultOrg, in.Address)
	if err != nil {
		return err
	}
	if p == nil {
		p = &tickets.Person{Org: tickets.DefaultOrg, Address: in.Address, Name: in.Name, Language: in.Language, Created: in.Now}
	} else {
		in.FirstSeen, in.Address = p.Created, p.Address
		if in.Name == "" {
			in.Name = p.Name
		}
		if in.Language == "" {
			in.Language = p.Language
		}
	}
	if in.Open, err = v.RequestsOf(ctx, tickets.DefaultOrg, in.Address, true); err != nil {
		return err
	}
	list, err := v.RequestsOf(ctx, tickets.DefaultOrg, in.Address, false)
	if err != nil {
		return err
	}
	in.Changed = false
	for _, r := range list {
		in.Changed = in.Changed || r.MovedTo(in.Address, in.Now)
	}
	in.Ticket = &tickets.Ticket{Org: in.Queue.Org, Ref: threading.NewRef(), QueueID: in.Queue.ID, State: tickets.StateNew, Priority: tickets.PriorityNormal,
		Subject: "Request for " + string(in.Right) + ", by " + string(in.Channel), Language: in.Language, Created: in.Now, Updated: in.Now,
		Parties: []tickets.Party{{No: 1, Person: p, Role: tickets.PartyRequester, Joined: in.Now}}}
	return nil
}

type privacyEraseCmd struct {
	ID       string `arg:"" help:"Number or id of the erasure."`
	Identity bool   `help:"You vouch for who the person is: another proof than the mailbox was seen."`
}

func (cmd *privacyEraseCmd) Do(ctx context.Context, d *desk, s streams) error {
	in := privacy.ByHand{Verb: tickets.VerbApprove}
	if cmd.Identity {
		in.Arg = "identity"
	}
	r, err := d.request(ctx, cmd.ID)
	if err != nil {
		return err
	}
	if r.Right != privacy.Erasure {
		return fmt.Errorf("%s is a request for %s, not an erasure; decide it in an answer to its mail", r.No, orSaid(r.Right))
	}
	return d.decideByHand(ctx, r.ID, in, s.out)
}

type privacyCloseCmd struct {
	ID    string `arg:"" help:"Number or id of the request."`
	Facts string `help:"A file with reasons in plain words that the person gets; - reads standard input." placeholder:"FILE"`
}

func (cmd *privacyCloseCmd) Input() (io.ReadCloser, error) {
	switch cmd.Facts {
	case "":
		return nil, nil
	case "-":
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(cmd.Facts)
}

func (cmd *privacyCloseCmd) Do(ctx context.Context, d *desk, s streams) error {
	in := privacy.ByHand{Verb: tickets.VerbResolve}
	if cmd.Facts != "" {
		const most = 4 << 10
		b, err := io.ReadAll(io.LimitReader(s.in, most))
		if err != nil {
			return err
		}
		in.Text = string(b)
	}
	r, err := d.request(ctx, cmd.ID)
	if err != nil {
		return err
	}
	return d.decideByHand(ctx, r.ID, in, s.out)
}

// decideByHand commits an officer's decision about one request and prints what
// was done.
func (d *desk) decideByHand(ctx context.Context, id int64, in privacy.ByHand, out io.Writer) error {
	said := ""
	_, err := d.applyPrivacy(ctx, func(v privacy.View) (ch *tickets.Change, err error) {
		in.Now = d.now()
		if in.Request, err = v.RequestByID(ctx, id); err != nil || in.Request == nil {
			return nil, errors.Join(err, errors.New("the request is gone"))
		}
		if in.Directory, err = v.Directory(ctx); err != nil {
			return nil, err
		}
		if in.Queue = in.Directory.QueueByAddress(d.privacy.Rules.Address); in.Queue == nil {
			return nil, errors.New("there is no privacy queue")
		}
		if in.Ticket, err = v.TicketByID(ctx, in.Request.TicketID); err != nil {
			return nil, err
		}
		if in.Siblings, err = v.RequestsOfTicket(ctx, in.Request.TicketID); err != nil {
			return nil, err
		}
		for i, s := range in.Siblings {
			if s.ID == id {
				in.Siblings[i] = in.Request
			}
		}
		if a := in.Request.Address; a != "" {
			p, err := v.PersonByAddress(ctx, tickets.DefaultOrg, a)
			if err != nil {
				return nil, err
			}
			if p != nil {
				in.FirstSeen = p.Created
			}
			if in.Consents, err = v.ConsentsOf(ctx, tickets.DefaultOrg, a); err != nil {
				return nil, err
			}
		}
		ch, said, err = d.privacy.Decide(in)
		return ch, err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, said)
	return err
}

type privacyFactorCmd struct {
	Set  privacyFactorSetCmd  `cmd:"" help:"Keep a customer number or passphrase, salted and hashed."`
	Drop privacyFactorDropCmd `cmd:"" help:"Forget it."`
}

type privacyFactorSetCmd struct {
	Address string `arg:"" help:"Whose."`
	File    string `help:"File with the factor; - reads standard input. It is never an argument: those can be read by others." default:"-" placeholder:"FILE"`
}

func (cmd *privacyFactorSetCmd) Input() (io.ReadCloser, error) {
	if cmd.File == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	return os.Open(cmd.File)
}

func (cmd *privacyFactorSetCmd) Do(ctx context.Context, d *desk, s streams) error {
	const least, most = 6, 200
	b, err := io.ReadAll(io.LimitReader(s.in, most+1))
	if err != nil {
		return err
	}
	factor := strings.TrimSpace(string(b))
	if len(factor) < least || len(factor) > most || strings.ContainsAny(factor, "\r\n") {
		return fmt.Errorf("a second factor is one line of %d to %d characters", least, most)
	}
	if err := d.known(ctx, cmd.Address); err != nil {
		return err
	}
	hash, err := privacy.HashFactor(factor)
	if err != nil {
		return err
	}
	if err := d.store.SetSecondFactor(ctx, tickets.DefaultOrg, cmd.Address, hash); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "The second factor is on file. It opens the archive, and stands in for the officer's look at large erasures.")
	return nil
}

type privacyFactorDropCmd struct {
	Address string `arg:"" help:"Whose."`
}

func (cmd *privacyFactorDropCmd) Do(ctx context.Context, d *desk, s streams) error {
	if err := d.store.SetSecondFactor(ctx, tickets.DefaultOrg, cmd.Address, nil); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "No second factor is on file for this address.")
	return nil
}

// known says whether the address is that of somebody here.
func (d *desk) known(ctx context.Context, address string) error {
	return d.store.View(ctx, func(v tickets.View) error {
		p, err := v.PersonByAddress(ctx, tickets.DefaultOrg, address)
		if err == nil && p == nil {
			err = fmt.Errorf("nobody with the address %s has written or was written to", address)
		}
		return err
	})
}
