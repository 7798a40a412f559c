package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The shape of every --json output: each field that tests from outside read, by
// name and kind of value, and no other. A letter is a kind: s text, i whole
// number, b true or false, t time (RFC 3339), S list of texts, 0 null; with | one
// of several, with ? a field that may be missing.
const (
	shapeMessage = "id i, receipt s, message_id s, direction s, from s, envelope_from s, envelope_to S, received t, size i, sha256 s, proof s, thread_reason s, unverified b?"
	shapeTicket  = "ref s, queue s, state s, assignee s, priority s, tags S, subject s, requester s, linked s?, merged_into s?, created t, updated t, messages [message]"
	shapeEvent   = "at t, kind s, actor s, message i?, data *?"
	shapeOut     = "id i, message_id s, kind s, ticket s, to s, state s, attempts i, next_at t|0, status s?"
	shapeHeld    = "id i, at t, kind s, state s, agent s, ticket s, message {message}"
	shapeQueue   = "name s, address s, receives S, reply_domain s, display_name s, ack b, reopen_days i, attach_limit i, agents S, texts *"
	shapeAgent   = "name s, address s, display_name s, role s, queues S"
	shapePerson  = "id i, address s, name s, language s, created t"
	shapeAddress = "name s, address s"
	shapeFile    = "name s, type s, size i, inline b, sha256 s"
	shapeBounce  = "recipient s, status s, action s, reason s, original_message_id s"
	shapePrivacy = "rights S, language s, sure b"
	shapeInspect = "from [address], to [address], cc [address], reply_to [address], subject s, date t|0, message_id s, in_reply_to S, references S, " +
		"text s, reply s, html s, attachments [file], kind s, auto_reason s, bounce {bounce}|0, privacy {privacy}|0, error s, defects S"
)

var shapes = map[string]string{"message": shapeMessage, "ticket": shapeTicket, "event": shapeEvent, "address": shapeAddress, "file": shapeFile,
	"bounce": shapeBounce, "privacy": shapePrivacy}

func TestJSONShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	c := theStory(t, w, d)
	heldID := c.holdsSomething(d)
	// A mail that waits, one that failed, a stranger's follow-up.
	w.faults(func(to string) error {
		switch to {
		case "full@full.example":
			return refuse(452, 4, 2, 2, "mailbox full")
		case "gone@acme.example":
			return refuse(550, 5, 1, 1, "no such user")
		}
		return nil
	}, nil)
	for _, from := range []string{"full@full.example", "gone@acme.example"} {
		d.mustSend(from, support, letter(from, support, "Hello", "", "Words."))
	}
	d.mustSend("eve@acme.example", c.toAnn.replyTo(), letter("eve@acme.example", c.toAnn.replyTo(), "Me too", "", "I was given this address."))
	eventually(t, "one mail failed and one was tried", func() string {
		failed, tried := 0, 0
		for _, o := range d.outbox() {
			if o.State == "failed" {
				failed++
			}
			if o.State == "queued" && o.Attempts > 0 {
				tried++
			}
		}
		if failed == 0 || tried == 0 {
			return fmt.Sprintf("%d failed, %d tried", failed, tried)
		}
		return ""
	})
	id := fmt.Sprint
	outID := d.outbox()[0].ID
	dir := t.TempDir()
	files := writeMails(t, dir)

	for _, c := range []struct {
		args  []string
		shape string
		least int // lines
	}{
		{[]string{"ticket", "list"}, shapeTicket, 4},
		{[]string{"ticket", "show", c.ref}, shapeTicket, 1},
		{[]string{"ticket", "explain", c.ref}, shapeTicket + ", events [event]", 1},
		{[]string{"ticket", "search", "zebra"}, "ref s, " + shapeMessage, 1},
		{[]string{"outbox", "list"}, shapeOut, 8},
		{[]string{"outbox", "show", id(outID)}, shapeOut, 1},
		{[]string{"held", "list"}, shapeHeld, 1},
		{[]string{"held", "show", id(heldID)}, shapeHeld, 1},
		{[]string{"queue", "list"}, shapeQueue, 2},
		{[]string{"queue", "show", "support"}, shapeQueue, 1},
		{[]string{"agent", "list"}, shapeAgent, 2},
		{[]string{"agent", "show", "berta"}, shapeAgent, 1},
		{[]string{"person", "list"}, shapePerson, 2},
		{[]string{"person", "show", "ann@acme.example"}, shapePerson + ", tickets S", 1},
		{append([]string{"inspect"}, files...), shapeInspect, len(files)},
		{append([]string{"inspect", "--threads"}, files...), shapeInspect + ", thread i", len(files)},
	} {
		what := strings.Join(c.args[:2], " ")
		out := d.must(append(c.args, "--json")...)
		list := values(t, out)
		if len(list) < c.least || c.args[0] == "inspect" && len(list) != len(files) {
			t.Errorf("%s --json: only %d objects", what, len(list))
		}
		if strings.Count(out, "\n") != len(list) {
			t.Errorf("%s --json: %d objects on %d lines", what, len(list), strings.Count(out, "\n"))
		}
		for _, v := range list {
			for _, why := range unlike(v, c.shape) {
				t.Errorf("%s --json: %s in %.300s", what, why, asJSON(v))
			}
		}
	}
	// Only the words that are agreed.
	agreed := map[string]string{"state": "new open waiting snoozed resolved spam queued leased sent failed held", "direction": "in out note",
		"kind": "ack notification answer receipt report privacy agent collision", "priority": "low normal high urgent",
		"role": "agent admin privacy", "proof": "aligned none fail temp agent import"}
	for _, what := range []string{"ticket", "outbox", "held", "agent"} {
		for _, v := range values(t, d.must(what, "list", "--json")) {
			words(v, func(name, word string) {
				if list := agreed[name]; list != "" && !slices.Contains(strings.Fields(list), word) {
					t.Errorf("%s list --json: %s is %q", what, name, word)
				}
			})
		}
	}
}

// writeMails writes a mail with everything, a bounce, one that is hardly one, and
// names one that is not there.
func writeMails(t *testing.T, dir string) (files []string) {
	for i, text := range []string{
		"From ann@acme.example Mon Mar  2 10:00:00 2020\nFrom: =?utf-8?Q?Ann_K=C3=B6nig?= <ann@acme.example>\nTo: a@b.example, Bob <bob@b.example>\nCc: c@b.example\nReply-To: d@b.example\n" +
			"Subject: Please delete my data\nDate: Mon, 2 Mar 2020 10:00:00 +0100\nMessage-ID: <1@acme.example>\nIn-Reply-To: <0@b.example>\nReferences: <9@b.example> <0@b.example>\n" +
			"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>Please delete all my personal data.</p>\n--b\nContent-Type: text/plain; name=a.txt\nContent-Disposition: attachment; filename=a.txt\n\nwords\n--b--\n",
		"From: MAILER-DAEMON@x.example\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nno\n--b\n" +
			"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n",
		"From: away@acme.example\nAuto-Submitted: auto-replied\n\nI am away.\n",
		"\x00\xff",
	} {
		file := filepath.Join(dir, fmt.Sprintf("%d.eml", i))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return append(files, filepath.Join(dir, "is-not-there.eml"), dir)
}

// unlike says how a value differs from a shape.
func unlike(v any, shape string) (why []string) {
	object, ok := v.(map[string]any)
	if !ok {
		return []string{asJSON(v) + " is no object"}
	}
	known := map[string]bool{}
	for field := range strings.SplitSeq(shape, ", ") {
		name, kinds, _ := strings.Cut(field, " ")
		known[name] = true
		kinds, optional := strings.CutSuffix(kinds, "?")
		value, there := object[name]
		if !there {
			if !optional {
				why = append(why, "no field "+name)
			}
			continue
		}
		if !slices.ContainsFunc(strings.Split(kinds, "|"), func(kind string) bool { return is(value, kind, name, &why) }) {
			why = append(why, fmt.Sprintf("%s is %.80s", name, asJSON(value)))
		}
	}
	for name := range object {
		if !known[name] {
			why = append(why, "an unknown field "+name)
		}
	}
	return why
}

// is reports whether a value is of a kind; what is wrong inside it goes to why.
func is(v any, kind, name string, why *[]string) bool {
	switch kind[0] {
	case '*':
		return true
	case '0':
		return v == nil
	case 's':
		_, ok := v.(string)
		return ok
	case 'b':
		_, ok := v.(bool)
		return ok
	case 'i':
		n, ok := v.(json.Number)
		if !ok {
			return false
		}
		_, err := n.Int64()
		return err == nil
	case 't':
		s, _ := v.(string)
		return isTime(s)
	case 'S':
		list, ok := v.([]any)
		return ok && !slices.ContainsFunc(list, func(v any) bool { _, ok := v.(string); return !ok })
	case '{':
		if v == nil {
			return false
		}
		for _, w := range unlike(v, shapes[strings.Trim(kind, "{}")]) {
			*why = append(*why, name+": "+w)
		}
		return true
	case '[':
		list, ok := v.([]any)
		for _, v := range list {
			for _, w := range unlike(v, shapes[strings.Trim(kind, "[]")]) {
				*why = append(*why, name+": "+w)
			}
		}
		return ok
	}
	return false
}

func isTime(s string) bool {
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

// words calls f with every text in a value and the field it stands in.
func words(v any, f func(name, word string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if s, ok := value.(string); ok {
				f(name, s)
			}
			words(value, f)
		}
	case []any:
		for _, value := range v {
			words(value, f)
		}
	}
}

// A line of inspect is JSON whatever the file holds.
func TestInspectOfAnything(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, dir: t.TempDir()} // needs no configuration
	file := filepath.Join(d.dir, "x.eml")
	for _, text := range [][]byte{nil, {0}, []byte("\n"), []byte("From "), []byte(": x\n\n"), []byte("Subject: \xff\xfe\n\n\xff"),
		[]byte("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n"), bytes.Repeat([]byte("A: b\n"), 50_000), bytes.Repeat([]byte("x"), 3<<20)} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		list := values(t, d.must("inspect", "--json", file))
		if len(list) != 1 {
			t.Fatalf("inspect of %.40q: %d objects", text, len(list))
		}
		for _, why := range unlike(list[0], shapeInspect) {
			t.Errorf("inspect of %.40q: %s", text, why)
		}
	}
}
