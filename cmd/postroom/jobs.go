package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"postroom/storage"
)

// jobJSON is a line of outbox jobs --json.
type jobJSON struct {
	ID       int64   `json:"id"`
	Kind     string  `json:"kind"`
	Ticket   string  `json:"ticket"`
	State    string  `json:"state"` // waiting or parked
	Attempts int     `json:"attempts"`
	NextAt   *string `json:"next_at"`
}

type jobsListCmd struct {
	JSON   bool `help:"One JSON object a line."`
	Parked bool `help:"Only those that failed too often and that nobody tries any more."`
}

func (cmd *jobsListCmd) Do(ctx context.Context, d *desk, s streams) error {
	out := bufio.NewWriter(s.out)
	enc := json.NewEncoder(out)
	const columns = "%-20v  %-7s  %-8s  %-9s  %5v  %s\n"
	if !cmd.JSON {
		fmt.Fprintf(out, columns, "ID", "STATE", "KIND", "TICKET", "TRIES", "NEXT TRY")
	}
	err := d.store.EachJob(ctx, cmd.Parked, func(r storage.JobRow) error {
		j, next := jobJSON{ID: r.ID, Kind: r.Kind, Ticket: r.Ticket, State: "parked", Attempts: r.Attempts}, ""
		if !r.Parked {
			at := stamp(r.NextAt)
			j.State, j.NextAt, next = "waiting", &at, minute(r.NextAt)
		}
		if cmd.JSON {
			return enc.Encode(j)
		}
		_, err := fmt.Fprintf(out, columns, j.ID, j.State, j.Kind, j.Ticket, j.Attempts, next)
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

type jobsResumeCmd struct {
	ID  int64 `arg:"" optional:"" help:"Id, from outbox jobs."`
	All bool  `help:"All parked jobs."`
}

func (cmd *jobsResumeCmd) Do(ctx context.Context, d *desk, s streams) error {
	ids := []int64{cmd.ID}
	if cmd.All == (cmd.ID != 0) {
		return fmt.Errorf("name a job, or give --all; postroom outbox jobs lists them")
	}
	if cmd.All {
		ids = nil
		err := d.store.EachJob(ctx, true, func(r storage.JobRow) error {
			ids = append(ids, r.ID)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := d.store.ResumeJob(ctx, id); err != nil {
			return err
		}
		d.wake("jobs", id)
	}
	fmt.Fprintf(s.out, "Jobs that are done again now: %d.\n", len(ids))
	return nil
}

// tellOfParked says, to whoever looks at the outbox, that some mail is not in
// it because the job that would write it failed. It goes to standard error:
// the list itself stays what it is.
func tellOfParked(ctx context.Context, d *desk, s streams) error {
	n, err := d.store.ParkedJobs(ctx)
	if err == nil && n > 0 {
		fmt.Fprintf(s.err, "Jobs that failed too often and wait for you: %d; see postroom outbox jobs --parked.\n", n)
	}
	return err
}

// parkedJobs counts at each scrape; it is one look into an index.
func parkedJobs(d *desk) prometheus.Collector {
	const within = 2 * time.Second
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "postroom_jobs_parked", Help: "Jobs that failed too often and wait for the administrator."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		n, err := d.store.ParkedJobs(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(n)
	})
}
