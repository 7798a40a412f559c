package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bench is one run.
type bench struct {
	options
	dir    string
	out    io.Writer
	world  *child
	judged []judgement
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// contestant is a server that takes turns.
type contestant struct {
	name    string
	addr    string
	pid     int   // 0 for a server of many processes
	desk    *desk // nil for the others
	threads *threads
	turns   []turn
}

const (
	nameBare    = "go-smtp, throws away"
	namePostfix = "Postfix, hold queue"
	nameDesk    = "Postroom"
	nameFilled  = "Postroom, filled"
)

// rates measures all scenarios.
func (b *bench) rates(ctx context.Context) error {
	scenarios, err := parseScenarios(b.load)
	if err != nil {
		return err
	}
	all, stop, err := b.contestants(ctx)
	defer stop()
	if err != nil {
		return err
	}
	for i, s := range scenarios {
		rounds := b.rounds
		if i > 0 {
			rounds = (rounds + 1) / 2
		}
		who := all
		if i > 0 {
			who = slices.DeleteFunc(slices.Clone(all), func(c *contestant) bool { return c.name == nameFilled })
		}
		if err := b.scenario(ctx, s, who, rounds); err != nil {
			return fmt.Errorf("%v: %w", s, err)
		}
	}
	return b.backlog(ctx, all)
}

func parseScenarios(text string) (list []scenario, err error) {
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimRight(word, "kn"))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no scenario such as 20k or 20n", word)
		}
		list = append(list, scenario{sessions: n, fresh: strings.HasSuffix(word, "n")})
	}
	return list, nil
}

// contestants starts all servers. stop is good also after an error.
func (b *bench) contestants(ctx context.Context) (all []*contestant, stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range slices.Backward(stops) {
			s()
		}
	}
	bare, err := startChild(ctx, childBare)
	if err != nil {
		return nil, stop, err
	}
	stops = append(stops, bare.stop)
	all = append(all, &contestant{name: nameBare, addr: bare.addr, pid: bare.cmd.Process.Pid})
	switch p, err := startPostfix(ctx, b.dir+"/postfix"); {
	case errors.Is(err, errNotRoot):
		fmt.Fprintln(b.out, err)
	case err != nil:
		return nil, stop, err
	default:
		stops = append(stops, p.stop)
		all = append(all, &contestant{name: namePostfix, addr: p.addr})
	}
	for _, d := range []struct {
		name, dir string
		stored    int
	}{{nameDesk, "desk", 0}, {nameFilled, "filled", b.stored}} {
		if d.name == nameFilled && d.stored == 0 {
			continue
		}
		desk, err := b.newDesk(ctx, d.dir, d.stored)
		if err != nil {
			return nil, stop, err
		}
		if err := desk.start(ctx, b.roles); err != nil {
			return nil, stop, err
		}
		stops = append(stops, func() { desk.resume(); desk.stop() })
		desk.pause()
		all = append(all, &contestant{name: d.name, addr: desk.mx, pid: desk.pid(), desk: desk, threads: newThreads(desk)})
	}
	for _, c := range all {
		if c.threads == nil {
			c.threads = newThreads(deskOf(all))
		}
	}
	return all, stop, nil
}

func deskOf(all []*contestant) *desk {
	return all[slices.IndexFunc(all, func(c *contestant) bool { return c.name == nameDesk })].desk
}

// scenario lets all take turns and prints what came of it.
func (b *bench) scenario(ctx context.Context, s scenario, who []*contestant, rounds int) error {
	for _, c := range who {
		c.turns = nil
	}
	cl := newClients(s)
	for round := range rounds + 1 {
		for i := range who {
			c := who[(i+round)%len(who)] // nobody is always the one after Postfix
			length := b.round
			if round == 0 {
				length /= 2
			}
			t, err := b.turn(cl, c, length)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 { // the first warms up
				c.turns = append(c.turns, t)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	b.table(s, who, rounds)
	return nil
}

// turn lets one server work, and nobody else.
func (b *bench) turn(cl *clients, c *contestant, length time.Duration) (turn, error) {
	if c.desk != nil {
		c.desk.resume()
		defer c.desk.pause()
		if b.profile != "" {
			defer c.desk.profiled()()
		}
	}
	t, err := cl.run(c.addr, c.pid, c.threads, length)
	if err != nil && c.desk != nil {
		err = fmt.Errorf("%w; its log ends: %s", err, c.desk.lastLog())
	}
	return t, err
}

// backlogTime is for how long the desk may catch up while it is looked at.
const backlogTime = 5 * time.Second

// backlog looks at how fast the desk sends what the load made it write, once
// the doors are quiet.
func (b *bench) backlog(ctx context.Context, all []*contestant) error {
	d := deskOf(all)
	before, err := b.world.taken()
	if err != nil {
		return err
	}
	d.resume()
	defer d.pause()
	select {
	case <-time.After(backlogTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := b.world.taken()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "Outgoing mail: %d delivered during the turns; %.0f a second once the doors are quiet\n\n", before, float64(after-before)/backlogTime.Seconds())
	return nil
}
