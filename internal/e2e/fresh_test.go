package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A queue that was added on one node is known at every other node's door when
// the command has returned: a 550 would bounce the first customer's mail. Who
// then works on that mail knows the queue, too.
func TestAQueueIsKnownOnEveryNodeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := arrangements[2].start(t, w, nil)
	here, there := h.nodes[0], h.nodes[1]
	c := mustDial(t, there)
	defer c.close()
	for i := range 8 {
		name := fmt.Sprintf("shop%d", i)
		address := name + "@desk.example"
		if i%2 == 1 {
			address = name + "@" + name + ".example" // a domain that is new, too
		}
		if _, err := c.say(250, "MAIL FROM:<ann@acme.example>"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.say(250, "RCPT TO:<%s>", support); err != nil { // it has looked just now
			t.Fatal(err)
		}
		here.must("queue", "add", name, "--address", address)
		if _, err := c.say(250, "RCPT TO:<%s>", address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		if _, err := c.say(250, "RSET"); err != nil {
			t.Fatal(err)
		}
	}
	here.must("queue", "add", "last", "--address", "last@desk.example", "--display-name", "The Last")
	here.must("agent", "add", "lou", "--address", "lou@agents.example", "--queue", "last")
	there.mustSend("ann@acme.example", "last@desk.example", letter(ann, "last@desk.example", "To the last", "", "Words."))
	if ack := w.next("ann@acme.example"); ack.msg.From[0].Address != "last@desk.example" {
		t.Errorf("the acknowledgement is from %s", ack.msg.From[0].Address)
	}
	// What is not there is refused all the same, and without long thinking.
	if _, err := there.send("ann@acme.example", "none@desk.example", letter(ann, support, "x", "", "x")); err == nil || !strings.HasPrefix(err.Error(), "550 5.1.1") {
		t.Errorf("an unknown recipient: %v", err)
	}
}
