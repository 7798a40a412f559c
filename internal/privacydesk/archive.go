package privacydesk

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/privacy/archive"
	"postroom/tickets"
)

const (
	edgeArchived = "archived"
	archiveLife  = 7 * 24 * time.Hour // as the desk's clock has it
)

// archive builds the archive of an access or portability request and writes
// its mails. The passphrase is chosen and kept before anything is built, and
// what came after the request's order is left out, so that whoever builds it
// again builds the same.
func (d *Desk) archive(ctx context.Context, j *tickets.Job) error {
	if err := d.passphrase(ctx, j); err != nil {
		return err
	}
	r, err := d.request(ctx, j)
	if err != nil {
		return err
	}
	if r == nil || r.State != privacy.Executing {
		return d.apply(ctx, j, func(context.Context, privacy.View, *privacy.Request) (*tickets.Change, error) { return nil, nil })
	}
	kept, stop, err := d.keep(ctx, j)
	if err != nil {
		return err
	}
	defer stop()
	result, err := d.build(kept, r)
	if err != nil {
		if cause := context.Cause(kept); cause != nil {
			err = cause
		}
		return fmt.Errorf("build the archive of request %d: %w", r.ID, err)
	}
	stop()
	ordered := r.Record.Since
	err = d.apply(ctx, j, func(ctx context.Context, v privacy.View, r *privacy.Request) (*tickets.Change, error) {
		if r.State != privacy.Executing || !r.Record.Since.Equal(ordered) {
			return nil, nil // ordered anew, or stopped meanwhile
		}
		q, _, _, err := d.queueOf(ctx, v, r)
		if err != nil {
			return nil, err
		}
		return d.mailArchive(j, r, q, result), nil
	})
	if err == nil {
		d.Log.Info("archive built", "request", r.ID, "parts", result.Parts, "messages", result.Messages)
	}
	return err
}

// encrypts says whether the archive of the request is to be encrypted.
func (d *Desk) encrypts(r *privacy.Request) bool { return !d.Plain && !r.Record.Unsealed }

// passphrase chooses the words that open the archive, once.
func (d *Desk) passphrase(ctx context.Context, j *tickets.Job) error {
	words, err := archive.Passphrase()
	if err != nil {
		return err
	}
	return d.apply(ctx, j, func(_ context.Context, _ privacy.View, r *privacy.Request) (*tickets.Change, error) {
		if r.State != privacy.Executing || r.Detail.Secret != "" || !d.encrypts(r) {
			return &tickets.Change{}, nil
		}
		r.Detail.Secret, r.Detail.Made = words, true
		return &tickets.Change{Also: []tickets.Extra{r}}, nil
	})
}

// build writes the parts into the store.
func (d *Desk) build(ctx context.Context, r *privacy.Request) (*archive.Result, error) {
	src, contents, err := d.collect(ctx, r)
	if err != nil {
		return nil, err
	}
	return archive.Build(ctx, contents, src, func(ctx context.Context, no, parts int, write func(io.Writer) error) error {
		name := fmt.Sprintf("%s-%d.zip", strings.ToLower(r.No), no)
		return pipe(write, func(in io.Reader) error {
			_, err := d.Store.PutArtifact(ctx, r.ID, no, name, in)
			return err
		})
	})
}

// mailArchive is the change that ends the job: a mail for each part, and the
// event with the sum of the manifests.
func (d *Desk) mailArchive(j *tickets.Job, r *privacy.Request, q *tickets.Queue, result *archive.Result) *tickets.Change {
	now := d.Now()
	ch := &tickets.Change{FinishJob: j.ID}
	r.Record.Parts, r.Record.SHA256, r.Record.Counts = result.Parts, hex.EncodeToString(result.SHA256), result.Counts
	args := map[string]string{"encrypted": "no"}
	switch {
	case result.Nothing:
		r.Record.Parts, r.Detail.Secret = 0, ""
		args = map[string]string{"nothing": "yes"}
	case !d.encrypts(r):
		r.Detail.Secret = ""
	case !r.Detail.Made:
		args["encrypted"], r.Detail.Secret = "factor", "" // the person gave it, and knows it
	default:
		args["encrypted"] = "yes"
	}
	key := strconv.Itoa(r.Detail.Again)
	ch.Also = append(ch.Also, r, &privacy.Event{RequestID: r.ID, At: now, Edge: edgeArchived, Key: key, Actor: tickets.ActorSystem, Evidence: result.SHA256,
		Data: map[string]string{"parts": strconv.Itoa(r.Record.Parts), "encrypted": cmp.Or(args["encrypted"], "no")}})
	if result.Nothing {
		ch.Outbox = append(ch.Outbox, privacy.Compose(q, r, privacy.MailArchive, r.Address, args, now))
		return ch
	}
	token, replyTo, _ := privacy.NewToken(privacy.TokenAgain, r, r.Address, d.Decide.Rules.Address, now)
	ch.Also = append(ch.Also, token)
	args["parts"], args["expires"] = strconv.Itoa(result.Parts), d.Decide.Rules.Calendar.Day(now.Add(archiveLife))
	for no := 1; no <= result.Parts; no++ {
		args["part"] = strconv.Itoa(no)
		o := privacy.Compose(q, r, privacy.MailArchive, r.Address, args, now)
		o.Spec.Artifact, o.Spec.ReplyTo = no, replyTo
		ch.Outbox = append(ch.Outbox, o)
	}
	return ch
}

// expire drops an archive that was delivered.
func (d *Desk) expire(ctx context.Context, j *tickets.Job) error {
	r, err := d.request(ctx, j)
	if err != nil {
		return err
	}
	if r != nil && r.State.Final() { // ordered anew meanwhile, it is another
		if err := d.Store.DropArtifacts(ctx, r.ID); err != nil {
			return fmt.Errorf("drop the archive of request %d: %w", r.ID, err)
		}
	}
	return d.apply(ctx, j, func(context.Context, privacy.View, *privacy.Request) (*tickets.Change, error) { return nil, nil })
}
