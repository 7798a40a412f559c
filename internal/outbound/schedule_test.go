package outbound

import (
	"testing"
	"time"

	"postroom/tickets"
)

// TestR10_Schedule walks a mail to a dead destination through five days.
func TestR10_Schedule(t *testing.T) {
	s := Schedule{Pauses: []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour}, Jitter: func() float64 { return 0.5 }}
	dir, ticket := desk()
	job := &Job{Out: answer(ticket, "ada@customer.example"), Directory: dir}
	created := at
	now := created
	row := Row{ID: 1, Created: created}
	var tries []time.Duration
	notices, last := 0, Outcome{}
	for range 100 {
		last = outcome(row, job, Result{Class: Unreachable, Status: "4.4.1", Text: "no answer"}, s, now)
		tries = append(tries, now.Sub(created))
		if last.Noticed {
			notices++
			if d := now.Sub(created); d != 4*time.Hour || len(last.Reports) != 2 || last.Reports[0].Spec.Template != templateLate {
				t.Errorf("notice after %s with %d reports", d, len(last.Reports))
			}
			row.Noticed = true
		}
		if last.State == tickets.OutFailed {
			break
		}
		if !last.Next.After(now) {
			t.Fatalf("the next try is not later: %s, %s", now, last.Next)
		}
		row.Attempts++
		now = last.Next
	}
	want := []time.Duration{0, 5 * time.Minute, 20 * time.Minute, 80 * time.Minute, 200 * time.Minute, 4 * time.Hour, 12 * time.Hour}
	for i, w := range want {
		if tries[i] != w {
			t.Errorf("try %d after %s, want %s", i+1, tries[i], w)
		}
	}
	if d := tries[len(tries)-1]; d != 5*24*time.Hour || notices != 1 || last.State != tickets.OutFailed || last.Result.Status != "5.4.7" || len(last.Reports) != 2 {
		t.Errorf("given up after %s with %d notices: %s %s", d, notices, last.State, last.Result.Status)
	}
}

func TestSchedule_Jitter(t *testing.T) {
	for _, j := range []float64{0, 0.999} {
		s := Schedule{Jitter: func() float64 { return j }}
		next, ok := s.Next(at, at, 1, false)
		if d := next.Sub(at); !ok || d < 270*time.Second || d > 330*time.Second {
			t.Errorf("jitter %v: %s", j, d)
		}
	}
	// A clock set back or forward makes no try in the past.
	s := Schedule{Pauses: []time.Duration{time.Minute}}
	if next, ok := s.Next(at, at.Add(-time.Hour), 3, false); !ok || !next.After(at.Add(-time.Hour)) {
		t.Errorf("clock set back: %s %v", next, ok)
	}
	if _, ok := s.Next(at, at.AddDate(10, 0, 0), 3, false); ok {
		t.Error("tried again after ten years")
	}
}

// TestReports_NoLoop: what fails for whom tells whom.
func TestReports_NoLoop(t *testing.T) {
	for _, c := range []struct {
		name     string
		kind     tickets.OutKind
		toAgent  int64
		assignee int64
		want     []int64
	}{
		{"answer, nobody has it", tickets.OutAnswer, 0, 0, []int64{1, 2}},
		{"answer, one has it", tickets.OutAnswer, 0, 2, []int64{2}},
		{"answer, the assignee has left", tickets.OutAnswer, 0, 99, []int64{1, 2}},
		{"notification to one tells the other", tickets.OutNotification, 1, 0, []int64{2}},
		{"notification to the assignee tells the other", tickets.OutNotification, 1, 1, []int64{2}},
		{"acknowledgement", tickets.OutAck, 0, 0, nil},
		{"receipt", tickets.OutReceipt, 1, 0, nil},
		{"report", tickets.OutReport, 1, 0, nil},
	} {
		dir, ticket := desk()
		ticket.AssigneeID = c.assignee
		out := answer(ticket, "x@customer.example")
		out.Kind, out.ToAgent = c.kind, c.toAgent
		o := outcome(Row{ID: 1, Created: at}, &Job{Out: out, Directory: dir}, Result{Class: Permanent, Status: "5.1.1", Text: "no"}, Schedule{}, at)
		var got []int64
		for _, r := range o.Reports {
			got = append(got, r.ToAgent)
			if r.Kind != tickets.OutReport || r.To == out.To {
				t.Errorf("%s: a %s to %s", c.name, r.Kind, r.To)
			}
		}
		if len(got) != len(c.want) || len(o.Events) != 1 {
			t.Errorf("%s: tells %v with %d events, want %v", c.name, got, len(o.Events), c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: tells %v, want %v", c.name, got, c.want)
			}
		}
	}
}
