package main

import (
	"context"
	"io"

	"postroom/internal/pace"
	"postroom/smtpd"
	"postroom/tickets"
)

// countedIntake tells the doors of mails that have arrived whole and are not
// answered yet. A far server that dawdles over its mail makes nobody busy.
type countedIntake struct {
	smtpd.Intake
	doors *pace.Doors
}

func (in countedIntake) Receive(ctx context.Context, env tickets.Envelope, data io.Reader) (string, error) {
	whole := &untilEnd{r: data, end: in.doors.Enter}
	receipt, err := in.Intake.Receive(ctx, env, whole)
	if whole.over {
		in.doors.Leave()
	}
	return receipt, err
}

// untilEnd calls end once, when r has been read to its end.
type untilEnd struct {
	r    io.Reader
	end  func()
	over bool
}

func (u *untilEnd) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err == io.EOF && !u.over {
		u.over = true
		u.end()
	}
	return n, err
}
