package password

import (
	"context"
	"errors"
	"testing"
	"time"
)

type accounts map[string]string

func (a accounts) PasswordOf(_ context.Context, login string) (int64, string, error) {
	if h := a[login]; h != "" {
		return 7, h, nil
	}
	return 0, "", nil
}

func TestAuthenticate(t *testing.T) {
	hash, err := Hash("correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	c := NewChecker(accounts{"anna": hash})
	ctx := context.Background()
	if id, err := c.Authenticate(ctx, "anna", "correct horse battery"); err != nil || id != 7 {
		t.Fatalf("right password: %d, %v", id, err)
	}
	for _, try := range [][2]string{{"anna", "correct horse batterz"}, {"anna", ""}, {"nobody", "correct horse battery"}, {"", ""}} {
		if _, err := c.Authenticate(ctx, try[0], try[1]); !errors.Is(err, ErrCredentials) {
			t.Errorf("%q: got %v", try[0], err)
		}
	}
	if _, err := Hash("short"); !errors.Is(err, ErrWeak) {
		t.Errorf("a short password was taken: %v", err)
	}
}

// The work for an unknown account is that for a known one: the shortest times
// differ by little, where no work at all would be a thousand times less. The
// margin is wide because the machine is shared.
func TestS12_UnknownAccountsTakeAsLong(t *testing.T) {
	hash, _ := Hash("correct horse battery")
	c := NewChecker(accounts{"anna": hash})
	known, unknown := time.Hour, time.Hour
	for range 20 { // in turn, so that a busy machine slows both
		start := time.Now()
		c.Authenticate(context.Background(), "anna", "wrong password")
		known = min(known, time.Since(start))
		start = time.Now()
		c.Authenticate(context.Background(), "nobody", "wrong password")
		unknown = min(unknown, time.Since(start))
	}
	if unknown < known/2 || known < unknown/2 {
		t.Fatalf("known %v, unknown %v", known, unknown)
	}
}

func TestS11_AtMostTwoChecksAtOnce(t *testing.T) {
	c := NewChecker(accounts{})
	if cap(c.slots) != 2 {
		t.Fatalf("%d checks at once", cap(c.slots))
	}
	c.slots <- struct{}{}
	c.slots <- struct{}{}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Authenticate(ctx, "anna", "x"); !errors.Is(err, context.Canceled) {
		t.Fatalf("a third check did not wait: %v", err)
	}
}
