package e2e

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Junk waits in a list of its own, unseen by anybody's mailbox; what an agent
// says of it reaches rspamd; and without rspamd mail comes as ever.
func TestJunk(t *testing.T) {
	learned := make(chan string, 8)
	rspamd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasPrefix(r.URL.Path, "/learn") {
			learned <- r.URL.Path + " " + r.Header.Get("Password") + " " + string(body)
			return
		}
		action := "no action"
		if strings.Contains(string(body), "pills") {
			action = "reject"
		}
		io.WriteString(w, `{"action":"`+action+`","score":16,"required_score":15,"symbols":{"PILLS":{"score":16}}}`)
	}))
	defer rspamd.Close()
	w := newWorld(t)
	d := newDesk(t, w, settings{"spam.rspamd": quote(strings.Replace(rspamd.URL, "http://", "http://:teach-me@", 1))})
	d.team()
	d.serve()

	raw := letter("Eve <eve@kunde.example>", "support@desk.example", "An offer", "", "Cheap pills for everybody.")
	d.mustSend("eve@kunde.example", "support@desk.example", raw)
	d.mustSend("ann@acme.example", "support@desk.example", letter("Ann <ann@acme.example>", "support@desk.example", "A question", "", "Where is my order?"))
	w.next("berta@agents.example", "A question") // the later mail's notification is here
	junk := lines[ticket](d, "ticket", "list", "--state", "spam")
	if len(junk) != 1 || junk[0].Requester != "eve@kunde.example" {
		t.Fatalf("in the list of spam: %+v", junk)
	}
	if why := d.must("ticket", "explain", junk[0].Ref); !strings.Contains(why, "PILLS") || !strings.Contains(why, "points=8.0") {
		t.Errorf("explained as:\n%s", why)
	}
	for _, o := range d.outbox() {
		if o.Ticket == junk[0].Ref {
			t.Errorf("%s was written about spam", o.Kind)
		}
	}
	if n := len(w.to("eve@kunde.example")); n != 0 {
		t.Errorf("%d mails went to its sender", n)
	}

	// Berta takes it, learns what it says, and takes the mark away.
	c, err := dialSMTP(d.submission())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if _, err := c.startTLS(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.say(235, "AUTH PLAIN %s", base64.StdEncoding.EncodeToString([]byte("\x00berta\x00"+agentPassword))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.send("berta@agents.example", []string{"support+commands@desk.example"},
		crlf(letter("berta@agents.example", "support+commands@desk.example", "take", "", "#take "+junk[0].Ref))); err != nil {
		t.Fatal(err)
	}
	note := w.next("berta@agents.example", "Cheap pills")
	d.mustSend("berta@agents.example", note.replyTo(), letter("berta@agents.example", note.replyTo(), "Re: "+note.msg.Subject, "", "#open"))
	select {
	case got := <-learned:
		if got != "/learnham teach-me "+string(crlf(raw)) {
			t.Errorf("rspamd learned %q", got)
		}
	case <-time.After(patience):
		t.Error("rspamd learned nothing")
	}

	rspamd.Close()
	for range 4 {
		d.mustSend("ann@acme.example", "support@desk.example", letter("Ann <ann@acme.example>", "support@desk.example", "More", "", "Cheap pills, you say?"))
	}
	if junk = lines[ticket](d, "ticket", "list", "--state", "spam"); len(junk) != 0 {
		t.Errorf("without rspamd in the list of spam: %+v", junk)
	}
}
