package smtpd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"postroom/tickets"
)

func TestReplyOf(t *testing.T) {
	for reason, want := range map[tickets.RefusalReason]string{
		tickets.RefuseUnknownRecipient: "550 [5 1 1]",
		tickets.RefuseRelay:            "550 [5 7 1]",
		tickets.RefuseSender:           "550 [5 7 1]",
		tickets.RefusePolicy:           "550 [5 7 1]",
		tickets.RefuseOwnDomain:        "550 [5 7 1]",
		tickets.RefuseMalformed:        "550 [5 6 0]",
		tickets.RefuseHeader:           "552 [5 3 4]",
		tickets.RefuseTooLarge:         "552 [5 3 4]",
		tickets.RefuseLoop:             "554 [5 4 6]",
		tickets.RefuseBusy:             "450 [4 7 1]",
		tickets.RefuseDiskFull:         "452 [4 3 1]",
		tickets.RefuseTemporary:        "451 [4 3 0]",
		0:                              "451 [4 3 0]",
		99:                             "451 [4 3 0]",
	} {
		for _, text := range []string{"", "a reason\r\n250 2.0.0 kept", strings.Repeat("x", 5000)} {
			r := replyOf(fmt.Errorf("wrapped: %w", &tickets.Refusal{Reason: reason, Text: text, Err: errors.New("secret")}))
			if got := fmt.Sprint(r.Code, " ", r.EnhancedCode); got != want {
				t.Errorf("%d: %s, want %s", reason, got, want)
			}
			if strings.ContainsAny(r.Message, "\r\n") || r.Message == "" || len(r.Message) > 500 || strings.Contains(r.Message, "secret") {
				t.Errorf("%d: %q", reason, r.Message)
			}
		}
	}
	for _, err := range []error{errors.New("secret"), context.DeadlineExceeded, context.Canceled} {
		if r := replyOf(err); r.Code != 451 || strings.Contains(r.Message, "secret") {
			t.Errorf("%v: %v", err, r)
		}
	}
}
