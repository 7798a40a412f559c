package jobs

import (
	"strings"
	"testing"
	"time"

	"postroom/tickets"
)

func TestPausesGrowAndEnd(t *testing.T) {
	var all time.Duration
	last := time.Duration(0)
	for failures := 1; failures < parkAfter; failures++ {
		rest, more := pause(failures)
		if !more || rest < last {
			t.Errorf("after %d failures: %v %v", failures, rest, more)
		}
		last, all = rest, all+rest
	}
	if first, _ := pause(1); first > time.Second {
		t.Errorf("the first pause is %v", first)
	}
	if all < 20*time.Hour || all > 30*time.Hour {
		t.Errorf("its tries take %v, not about a day", all)
	}
	if _, more := pause(parkAfter); more {
		t.Error("it is never parked")
	}
}

// A job that panics fails like any other and takes no other down with it.
func TestAPanicIsAFailure(t *testing.T) {
	p := pileOf(3, 1)
	p.waiting[1] = &tickets.Job{ID: 2, Kind: "release", Data: map[string]string{"held": "7"}} // there is no Releaser here
	worker(p).Work(t.Context())
	if len(p.done) != 2 || len(p.off) != 1 || p.off[0] != 2 {
		t.Errorf("done %v, put off %v", p.done, p.off)
	}
}

func TestTheDailyMailTellsOfParkedJobs(t *testing.T) {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	if text := reportText(day, nil, 3); !strings.Contains(text, "wait for you: 3.") || !strings.Contains(text, "postroom outbox jobs") {
		t.Error(text)
	}
	if text := reportText(day, nil, 0); strings.Contains(text, "outbox jobs") {
		t.Error(text)
	}
}
