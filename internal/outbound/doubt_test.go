package outbound

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestOneMailInDoubtAtATime(t *testing.T) {
	d := newDoubt(time.Now)
	d.moment = time.Hour
	first, err := d.stand(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.stand(ended, "b.example"); !errors.Is(err, context.Canceled) {
		t.Fatalf("a second mail stands beside the first: %v", err)
	}
	first.leave()
	first.leave() // twice does no harm to who stands next
	next, err := d.stand(t.Context(), "b.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.stand(ended, "a.example"); !errors.Is(err, context.Canceled) {
		t.Errorf("a third mail stands beside the second: %v", err)
	}
	next.leave()
}

func TestASlowServerPassesTheTurnOn(t *testing.T) {
	now := time.Now()
	d := newDoubt(func() time.Time { return now })
	d.moment = time.Millisecond
	first, err := d.stand(t.Context(), "slow.example")
	if err != nil {
		t.Fatal(err)
	}
	quick, err := d.stand(t.Context(), "quick.example") // waits for the moment, no longer
	if err != nil {
		t.Fatal(err)
	}
	first.leave() // late: it must not take the other's turn away
	if !d.isSlow("slow.example") {
		t.Fatal("who was slow is forgotten")
	}
	again, err := d.stand(t.Context(), "slow.example")
	if err != nil {
		t.Fatal(err)
	}
	again.leave()
	quick.leave()
	now = now.Add(slowFor)
	if d.isSlow("slow.example") {
		t.Error("who was slow once is slow for ever")
	}
}

func TestACommitThatTakesLongKeepsTheTurn(t *testing.T) {
	d := newDoubt(time.Now)
	d.moment = 20 * time.Millisecond
	first, err := d.stand(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	first.answered()
	soon, cancel := context.WithTimeout(t.Context(), 5*d.moment)
	defer cancel()
	if _, err := d.stand(soon, "b.example"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the turn passed on during the commit: %v", err)
	}
	first.leave()
	if d.isSlow("a.example") {
		t.Error("our own time was taken for the server's")
	}
}
