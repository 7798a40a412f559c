package main

import (
	"cmp"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"
)

// The targets.
const (
	overPostfix   = 3.0
	overBare      = 0.35
	overEmpty     = 0.9
	within        = 25 * time.Millisecond
	idleMemory    = 60 << 20
	burstMemory   = 250 << 20
	percentWithin = 99
	privacyGrowth = 1.5
	erasureTime   = 10 * time.Second
)

// judgement is one target and what was reached.
type judgement struct {
	what, reached string
	pass          bool
}

func (b *bench) judge(pass bool, what, reached string, args ...any) {
	b.judged = append(b.judged, judgement{what, fmt.Sprintf(reached, args...), pass})
}

func (b *bench) verdicts() {
	for _, j := range b.judged {
		word := "FAIL"
		if j.pass {
			word = "PASS"
		}
		fmt.Fprintf(b.out, "%s  %s: %s\n", word, j.what, j.reached)
	}
}

func median[T cmp.Ordered](list []T) T {
	s := slices.Sorted(slices.Values(list))
	return s[len(s)/2]
}

// table prints a scenario and judges the one the targets speak of.
func (b *bench) table(s scenario, who []*contestant, rounds int) {
	fmt.Fprintf(b.out, "%v: medians of %d turns of %v\n", s, rounds, b.round)
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmails/s\tp50\tp95\tp99 of DATA→250\tCPU of the server a mail\t")
	for _, c := range who {
		all := latencies(c)
		cpu := "–"
		if c.pid != 0 {
			cpu = cpuPerMail(c).String()
		}
		fmt.Fprintf(w, "%s\t%.0f\t%v\t%v\t%v\t%s\t\n", c.name, median(rates(c)), share(all, 50), share(all, 95), share(all, 99), cpu)
	}
	w.Flush()
	desk := find(who, nameDesk)
	ratio := func(a, b *contestant) float64 {
		if a == nil || b == nil {
			return 0
		}
		return medianRatio(a, b)
	}
	postfix, bare, filled := find(who, namePostfix), find(who, nameBare), find(who, nameFilled)
	fmt.Fprintf(b.out, "Postroom is %.2f times Postfix and %.2f of the bare server\n\n", ratio(desk, postfix), ratio(desk, bare))
	if s.sessions != 20 || s.fresh {
		return
	}
	if postfix != nil {
		r := ratio(desk, postfix)
		b.judge(r >= overPostfix, fmt.Sprintf("mails kept and ticketed a second, of Postfix's: %.1f or more", overPostfix), "%.2f", r)
	}
	r := ratio(desk, bare)
	b.judge(r >= overBare, fmt.Sprintf("of the bare server's: %.2f or more", overBare), "%.2f", r)
	quick := 0
	all := latencies(desk)
	for _, l := range all {
		if l <= within {
			quick++
		}
	}
	part := 100 * float64(quick) / float64(len(all))
	b.judge(part >= percentWithin, fmt.Sprintf("250s within %v: %d %% or more", within, percentWithin), "%.2f %%", part)
	if filled != nil {
		r := ratio(filled, desk)
		b.judge(r >= overEmpty, fmt.Sprintf("rate at %d stored messages, of that at none: %.1f or more", b.stored, overEmpty), "%.2f", r)
	}
}

func find(who []*contestant, name string) *contestant {
	if i := slices.IndexFunc(who, func(c *contestant) bool { return c.name == name }); i >= 0 {
		return who[i]
	}
	return nil
}

func rates(c *contestant) (list []float64) {
	for _, t := range c.turns {
		list = append(list, t.rate())
	}
	return list
}

// medianRatio compares turns of the same round, so that what slowed the
// machine for a while slowed both.
func medianRatio(a, b *contestant) float64 {
	var list []float64
	for i := range a.turns {
		list = append(list, a.turns[i].rate()/b.turns[i].rate())
	}
	return median(list)
}

func latencies(c *contestant) (all []time.Duration) {
	for _, t := range c.turns {
		all = append(all, t.latencies...)
	}
	slices.Sort(all)
	return all
}

// share is the latency that so many percent do not exceed.
func share(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)].Round(10 * time.Microsecond)
}

func cpuPerMail(c *contestant) time.Duration {
	var cpu time.Duration
	mails := 0
	for _, t := range c.turns {
		cpu += t.cpu
		mails += t.mails
	}
	return (cpu / time.Duration(max(mails, 1))).Round(time.Microsecond)
}
