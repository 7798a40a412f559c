package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"postroom/internal/config"
	"postroom/internal/demo"
	"postroom/internal/message"
	"postroom/storage"
	"postroom/tickets"
)

type demoCmd struct {
	Once bool `help:"End after the transcript; the exit status is 0 only if every step was seen to work."`
}

// demoTime bounds the play.
const demoTime = 30 * time.Second

func (cmd *demoCmd) Run(ctx context.Context, _ *cli, s streams) error {
	dir, err := os.MkdirTemp("", "postroom-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	world, err := demo.New(ctx)
	if err != nil {
		return err
	}
	path, err := demoConfig(dir, world)
	if err != nil {
		return err
	}
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer logFile.Close()
	d, err := newDesk(ctx, &cfg, slog.New(slog.NewTextHandler(logFile, nil)))
	if err != nil {
		return err
	}
	defer d.close()
	d.roots = &tls.Config{RootCAs: world.Roots}
	srv, err := newServer(ctx, d, allRoles)
	if err != nil {
		return err
	}
	if err := demoTeam(ctx, d, io.Discard); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- srv.run(ctx) }()
	if err := srv.waitReady(ctx, done); err != nil {
		return err
	}
	world.MX = srv.address("mx")
	fmt.Fprintf(s.out, "Postroom's demo: a desk at desk.example with two queues, two agents and a privacy officer.\nCustomers and agents sit on a mail server of their own; every line is real SMTP.\n")
	playCtx, stop := context.WithTimeout(ctx, demoTime)
	playErr := demo.Play(playCtx, world, demoDesk{d}, s.out)
	stop()
	if errors.Is(playErr, context.Canceled) {
		playErr = nil
	}
	if !cmd.Once && ctx.Err() == nil {
		fmt.Fprintf(s.out, demoInvitation, srv.address("mx"), srv.address("submission"), demoPassword, os.Args[0], path, srv.address("http"))
		world.Show(s.out)
		select {
		case <-ctx.Done():
		case err := <-done:
			return err
		}
	}
	cancel()
	if err := <-done; err != nil && playErr == nil {
		return err
	}
	return playErr
}

const demoInvitation = `
The desk stays up until you press Ctrl-C. Be a customer, in another terminal:

  swaks --server %s --from you@acme.example --to support@desk.example --header 'Subject: Hello' --body 'Is anybody there?'

What arrives at customers and agents @acme.example, @kunde.example and @agents.example is printed here; answer it the same way.
A mail client sends as berta through %s (STARTTLS), user berta, password %q. The administrator sees:

  %s ticket list --config %s

and http://%s/metrics.
`

// demoPassword is good for the demo's agents only: its doors are on loopback,
// and its data goes with it.
const demoPassword = "demo-password"

func demoConfig(dir string, w *demo.World) (string, error) {
	text := fmt.Sprintf(`hostname = "mx.desk.example"
data = %q
[listen]
mx = "127.0.0.1:0"
submission = "127.0.0.1:0"
submissions = "127.0.0.1:0"
imap = ""
imaps = ""
http = "127.0.0.1:0"
[tls]
allow_plain_auth = true
[dns]
servers = [%q]
[outbound]
mx_port = %d
allow_private = true
[limits]
min_free_bytes = 0
exempt = ["127.0.0.0/8"]
[ack]
per_sender_day = 10
[privacy]
address = "privacy@desk.example"
controller = "Desk Ltd, 1 Example Street, Exampleton"
erasure = "automatic"
cooling_off = "0"
`, filepath.Join(dir, "data"), w.DNS, w.Port)
	path := filepath.Join(dir, "postroom.toml")
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// demoTeam sets the desk up with the same commands an administrator types.
func demoTeam(ctx context.Context, d *desk, out io.Writer) error {
	pass := filepath.Join(filepath.Dir(d.cfg.Data), "password")
	if err := os.WriteFile(pass, []byte(demoPassword+"\n"), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"queue", "add", "support", "--address", "support@desk.example", "--display-name", "Desk Support"},
		{"queue", "add", "billing", "--address", "billing@desk.example", "--display-name", "Desk Billing"},
		{"agent", "add", "berta", "--address", "berta@agents.example", "--queue", "support", "--password-file", pass},
		{"agent", "add", "carl", "--address", "carl@agents.example", "--queue", "support,billing", "--password-file", pass},
		{"agent", "add", "olga", "--address", "olga@agents.example", "--role", "privacy", "--password-file", pass},
	} {
		_, kctx, err := parse(args, out, out)
		if err != nil {
			return err
		}
		cmd := kctx.Selected().Target.Addr().Interface()
		s := streams{out: out, err: out}
		if in, ok := cmd.(inputCommand); ok {
			r, err := in.Input()
			if err != nil {
				return err
			}
			if r != nil {
				defer r.Close()
				s.in = r
			}
		}
		if err := cmd.(deskCommand).Do(ctx, d, s); err != nil {
			return err
		}
	}
	return nil
}

// demoDesk lets the play look at its tickets.
type demoDesk struct{ d *desk }

func (dd demoDesk) Tickets(ctx context.Context) ([]demo.Ticket, error) {
	dir, err := dd.d.directory(ctx)
	if err != nil {
		return nil, err
	}
	var out []demo.Ticket
	err = dd.d.store.EachTicket(ctx, storage.TicketFilter{}, func(t *tickets.Ticket, msgs []*tickets.Message) error {
		j := toTicketJSON(t, msgs, dir)
		dt := demo.Ticket{Ref: j.Ref, Queue: j.Queue, State: string(j.State), Assignee: j.Assignee, Requester: j.Requester, Subject: j.Subject, Tags: j.Tags}
		for _, m := range msgs {
			dt.Messages = append(dt.Messages, demo.Message{Direction: string(m.Direction), From: m.From, Proof: m.Proof, Reason: m.ThreadReason, Text: m.Text})
		}
		out = append(out, dt)
		return nil
	})
	return out, err
}

// Verify checks the certificate that a mail brings, as anybody with the public
// keys can.
func (dd demoDesk) Verify(mail []byte) error {
	var files [2]bytes.Buffer
	for i := range files {
		if err := message.OpenAttachment(bytes.NewReader(mail), i, &files[i]); err != nil {
			return err
		}
	}
	keys, err := readKeys(filepath.Join(dd.d.cfg.Data, publicKeysFile))
	if err != nil {
		return err
	}
	if err := verifyText(files[0].Bytes(), files[1].Bytes(), keys, io.Discard); err != nil {
		return err
	}
	return demo.CleanCertificate(files[0].Bytes())
}
