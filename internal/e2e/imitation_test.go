package e2e

import (
	"strings"
	"testing"
)

// M10: somebody writes from a domain that looks like the desk's own or like an
// agent's, and proves it, as anyone can who has registered it. The agents are told
// which it is not; nobody else's mail is marked.
func TestM10_ADomainThatLooksLikeOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := alone(t, w, nil)
	for from, like := range map[string]string{
		"boss@xn--dsk-rdd.example": "desk.example", // with a Cyrillic letter
		"carl@agents.exarnple":     "agents.example",
		"ann@acme.example":         "",
		"ann@help.desk2.example":   "",
	} {
		d.mustSend(from, support, letter("Anna <"+from+">", support, "From "+from, "", "Words."))
		text := w.next("berta@agents.example", "From "+from).msg.Text
		if got := strings.Contains(text, "though it looks like it"); got != (like != "") || like != "" && !strings.Contains(text, "is not "+like+",") {
			t.Errorf("%s imitates %q:\n%s", from, like, text)
		}
	}
}
