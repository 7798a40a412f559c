package privacy_test

import (
	"strings"
	"testing"

	"postroom/internal/mailtext"
	"postroom/privacy"
)

// TestOwnNotices: the notice that the desk itself puts under every
// acknowledgement names all rights, and comes back in answers without a mark.
func TestOwnNotices(t *testing.T) {
	for _, l := range mailtext.Languages() {
		subject, text := mailtext.Ack(l, mailtext.AckVars{Ref: "[#K7Q2-9F3M]", Queue: "Support", Controller: "Example Ltd", Contact: "privacy@desk.example"})
		unsigned := strings.ReplaceAll(text, "\n-- \n", "\n\n")
		for _, s := range []string{text, unsigned, "Thanks!\n\n" + unsigned} {
			if r := privacy.Recognise("Re: "+subject, s); r != nil {
				t.Errorf("%s: %+v\n%s", l, r, s)
			}
		}
	}
}
