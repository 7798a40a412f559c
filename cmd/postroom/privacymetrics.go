package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"postroom/privacy"
	"postroom/tickets"
)

// privacyFigures counts open requests at each scrape: there are few.
type privacyFigures struct {
	d       *desk
	states  *prometheus.Desc
	overdue *prometheus.Desc
}

var openStates = []privacy.State{privacy.Received, privacy.Challenged, privacy.Verified, privacy.Review, privacy.Cooling, privacy.Executing}

func newPrivacyFigures(d *desk) *privacyFigures {
	return &privacyFigures{d: d,
		states:  prometheus.NewDesc("postroom_privacy_requests", "Open requests of data subjects by state.", []string{"state"}, nil),
		overdue: prometheus.NewDesc("postroom_privacy_overdue", "Open requests whose time by law is over.", nil, nil)}
}

func (p *privacyFigures) Describe(ch chan<- *prometheus.Desc) { ch <- p.states; ch <- p.overdue }

func (p *privacyFigures) Collect(ch chan<- prometheus.Metric) {
	const within = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	now, late := p.d.now(), 0
	states := map[privacy.State]int{}
	err := p.d.store.Requests(ctx, tickets.DefaultOrg, true, func(r *privacy.Request) error {
		states[r.State]++
		if overdue(r, now) {
			late++
		}
		return nil
	})
	if err != nil {
		ch <- prometheus.NewInvalidMetric(p.overdue, err)
		return
	}
	for _, s := range openStates {
		ch <- prometheus.MustNewConstMetric(p.states, prometheus.GaugeValue, float64(states[s]), string(s))
	}
	ch <- prometheus.MustNewConstMetric(p.overdue, prometheus.GaugeValue, float64(late))
}
