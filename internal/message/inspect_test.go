package message

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestInspect holds the names of the JSON object, which tests from outside use.
func TestInspect(t *testing.T) {
	line := func(mail string) string {
		m := parse(t, mail)
		m.Reply, m.Defects = "reply", nil
		b, err := json.Marshal(m.Inspect())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	got := line("From: Anna <a@b.example>\nTo: x@y.example\nCc: c@y.example\nReply-To: r@b.example\nSubject: s\nDate: Mon, 3 Mar 2025 10:11:12 +0100\nMessage-ID: <1@b>\nIn-Reply-To: <2@b>\nReferences: <3@b> <2@b>\n" +
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b\nContent-Type: image/png; name=i.png\n\nx\n--b--\n")
	want := `{"from":[{"name":"Anna","address":"a@b.example"}],"to":[{"name":"","address":"x@y.example"}],"cc":[{"name":"","address":"c@y.example"}],"reply_to":[{"name":"","address":"r@b.example"}],` +
		`"subject":"s","date":"2025-03-03T10:11:12+01:00","message_id":"1@b","in_reply_to":["2@b"],"references":["3@b","2@b"],"text":"Hello","reply":"reply","html":"",` +
		`"attachments":[{"name":"i.png","type":"image/png","size":1,"inline":false,"sha256":"` + sum("x") + `"}],"kind":"mail","auto_reason":"","bounce":null,"privacy":null,"defects":[],"error":""}`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	got = line("\n")
	want = `{"from":[],"to":[],"cc":[],"reply_to":[],"subject":"","date":null,"message_id":"","in_reply_to":[],"references":[],"text":"","reply":"reply","html":"","attachments":[],"kind":"mail","auto_reason":"","bounce":null,"privacy":null,"defects":[],"error":""}`
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	m := &Message{Bounce: &Bounce{Recipient: "a@b.example", Status: "5.1.1", Action: "failed", Reason: "gone", OriginalMessageID: "1@b"}}
	b, _ := json.Marshal(m.Inspect())
	if want := `"bounce":{"recipient":"a@b.example","status":"5.1.1","action":"failed","reason":"gone","original_message_id":"1@b"}`; !strings.Contains(string(b), want) {
		t.Errorf("%s", b)
	}
}
