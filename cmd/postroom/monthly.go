package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// monthlyEvery is how often it is looked whether the data protection officer
// was told of the last month.
const monthlyEvery = time.Hour

// keepMonthly sends the numbers of the last month whenever they have not gone
// yet, since a server that is down on the first of the month does not send them
// then. It has a desk of its own, which remembers what was sent.
func (s *server) keepMonthly(ctx context.Context, d *desk) {
	tick := time.NewTicker(monthlyEvery)
	defer tick.Stop()
	for {
		if err := d.mailLastMonth(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the numbers of the last month", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// mailLastMonth sends the numbers of the last month, once for all nodes. There
// are none of a month at whose end this installation was not there.
func (d *desk) mailLastMonth(ctx context.Context) error {
	now := d.now().In(d.cfg.Privacy.Location())
	first := time.Date(now.Year(), now.Month(), 1, regularHour, 0, 0, 0, now.Location())
	if now.Before(first) || d.regular == "monthly:"+first.AddDate(0, -1, 0).Format("2006-01") {
		return nil
	}
	made, err := os.Stat(filepath.Join(d.cfg.Data, "node"))
	if err != nil {
		return fmt.Errorf("since when is the installation there: %w", err)
	}
	if made.ModTime().After(first) {
		return nil
	}
	return d.mailMonthly(ctx, first)
}
