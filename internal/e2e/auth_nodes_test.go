package e2e

import (
	"bufio"
	"context"
	"encoding/base64"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// logIn tries a password at a node's submission port from an address of ours.
func logIn(t *testing.T, d *desk, from, user, password string) (answer string) {
	t.Helper()
	conn, err := dialFrom(context.Background(), from, d.submission())
	if err != nil {
		t.Error(err)
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	c := &smtpClient{conn: conn, r: textproto.NewReader(bufio.NewReader(conn))}
	if _, err = c.expect(220); err == nil {
		if _, err = c.say(250, "EHLO mail.outside.example"); err == nil {
			_, err = c.startTLS()
		}
	}
	if err != nil {
		t.Error(err)
		return ""
	}
	if _, err := c.say(235, "AUTH PLAIN %s", base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))); err != nil {
		return err.Error()
	}
	return "235"
}

// S11: guessing at an agent's password on one node does not lock the agent out
// there who logged in on another before, from the same place; elsewhere the
// account is blocked, whoever knows the password.
func TestS11_AKnownPlaceIsKnownOnEveryNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := arrangements[2].start(t, w, nil)
	here, there := h.nodes[0], h.nodes[1]
	if got := logIn(t, here, "127.0.0.1", "berta", agentPassword); got != "235" {
		t.Fatalf("Berta logs in: %s", got)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := logIn(t, there, "127.6.6.1", "berta", "guess"); !strings.HasPrefix(got, "535") && !strings.HasPrefix(got, "454") {
				t.Errorf("a guess: %s", got)
			}
		})
	}
	wg.Wait()
	if got := logIn(t, there, "127.9.9.9", "berta", agentPassword); !strings.HasPrefix(got, "454") {
		t.Errorf("from an unknown place: %s", got)
	}
	if got := logIn(t, there, "127.0.0.2", "berta", agentPassword); got != "235" {
		t.Errorf("from the known place: %s", got)
	}
}
