package privacydesk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// Edges of an erasure's events beside those of the machine.
const (
	edgePlanned = "planned"   // what is outside of this installation was counted
	edgeStep    = "step"      // one step was carried out; its key is the step's name
	edgeScanned = "scanned"   // nothing, or something, was found afterwards
	edgeSigned  = "certified" // the certificate was signed
)

// coveredPause is how long an erasure waits that an open request for access
// stands before.
const coveredPause = time.Hour

// outside marks counts of copies that are not in this installation.
const outside = "outside."

// erase carries out an erasure, step by step, and certifies it. Every step is
// durable and recorded before the next one begins; a job that is run again goes
// on where the last one stopped, and comes to the same certificate.
func (d *Desk) erase(ctx context.Context, j *tickets.Job) error {
	r, err := d.request(ctx, j)
	if err != nil {
		return err
	}
	if r == nil || r.State != privacy.Executing || r.Address == "" {
		return d.finish(ctx, j)
	}
	done, err := d.stepsDone(ctx, r.ID)
	if err != nil {
		return err
	}
	kept, stop, err := d.keep(ctx, j)
	if err != nil {
		return err
	}
	defer stop()
	if !done[edgePlanned] {
		waits, err := d.covered(ctx, j, r)
		if err != nil || waits {
			return err
		}
		if err := d.planned(kept, j, r); err != nil {
			return err
		}
	}
	p := d.plan(r)
	for _, step := range d.Store.EraseSteps() {
		if done[edgeStep+" "+step] {
			continue
		}
		counts, err := d.Store.EraseStep(kept, p, step, d.Masker)
		if err != nil {
			if cause := context.Cause(kept); cause != nil {
				err = cause
			}
			return fmt.Errorf("erase for request %d: %s: %w", r.ID, step, err)
		}
		if err := d.stepped(kept, j, step, counts); err != nil {
			return err
		}
	}
	finds, err := d.Store.Scan(kept, r.Addresses())
	if err != nil {
		return fmt.Errorf("scan after the erasure of request %d: %w", r.ID, err)
	}
	left, err := d.Store.KeptOf(kept, r.ID)
	if err != nil {
		return err
	}
	stop()
	return d.certify(ctx, j, scanned(finds), left)
}

// stepsDone reads from the events what was carried out before.
func (d *Desk) stepsDone(ctx context.Context, id int64) (map[string]bool, error) {
	events, err := d.Store.Events(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the events of request %d: %w", id, err)
	}
	done := map[string]bool{}
	for _, e := range events {
		switch e.Edge {
		case edgePlanned:
			done[edgePlanned] = true
		case edgeStep:
			done[edgeStep+" "+e.Key] = true
		}
	}
	return done, nil
}

// covered puts the erasure off while a proved request for access is open:
// until it is answered nothing it covers may go.
func (d *Desk) covered(ctx context.Context, j *tickets.Job, r *privacy.Request) (waits bool, err error) {
	err = d.view(ctx, func(v privacy.View) error {
		for _, a := range r.Addresses() {
			list, err := v.RequestsOf(ctx, r.Org, a, true)
			if err != nil {
				return err
			}
			waits = waits || slices.ContainsFunc(list, func(x *privacy.Request) bool {
				return x.ID != r.ID && (x.Right == privacy.Access || x.Right == privacy.Portability) && !x.Record.Verified.IsZero()
			})
		}
		return nil
	})
	if err != nil || !waits {
		return waits, err
	}
	return true, d.apply(ctx, j, func(context.Context, privacy.View, *privacy.Request) (*tickets.Change, error) {
		return &tickets.Change{FinishJob: j.ID, Jobs: []*tickets.Job{{Kind: j.Kind, Data: j.Data, RunAt: d.Now().Add(coveredPause)}}}, nil
	})
}

// planned counts the copies outside while it is still known where they are.
func (d *Desk) planned(ctx context.Context, j *tickets.Job, r *privacy.Request) error {
	p, err := d.Store.Preview(ctx, d.plan(r), d.Masker)
	if err != nil {
		return fmt.Errorf("preview the erasure of request %d: %w", r.ID, err)
	}
	_, _, refs, err := d.reach(ctx, r)
	if err != nil {
		return err
	}
	return d.apply(ctx, j, func(_ context.Context, _ privacy.View, r *privacy.Request) (*tickets.Change, error) {
		r.Record.Counts = map[string]int{}
		for what, n := range p.Copies {
			r.Record.Counts[outside+what] = n
		}
		r.Detail.Refs = refs
		return &tickets.Change{Also: []tickets.Extra{r, d.event(r, edgePlanned, "", r.Record.Counts)}}, nil
	})
}

// stepped records a step.
func (d *Desk) stepped(ctx context.Context, j *tickets.Job, step string, counts map[string]int) error {
	return d.apply(ctx, j, func(_ context.Context, _ privacy.View, r *privacy.Request) (*tickets.Change, error) {
		all := maps.Clone(r.Record.Counts)
		if all == nil {
			all = map[string]int{}
		}
		for what, n := range counts {
			all[what] += n
		}
		r.Record.Counts = all
		return &tickets.Change{Also: []tickets.Extra{r, d.event(r, edgeStep, step, counts)}}, nil
	})
}

func (d *Desk) event(r *privacy.Request, edge, key string, counts map[string]int) *privacy.Event {
	e := &privacy.Event{RequestID: r.ID, At: d.Now(), Edge: edge, Key: key, Actor: tickets.ActorSystem, Data: map[string]string{}}
	for what, n := range counts {
		e.Data[what] = strconv.Itoa(n)
	}
	return e
}

// scanned is what a scan found, as the record keeps it.
func scanned(finds []privacy.Find) string {
	n := 0
	for _, f := range finds {
		n += f.Count
	}
	if n == 0 {
		return "clean"
	}
	return strconv.Itoa(n)
}

// certify signs the certificate and writes the mails: the certificate, what
// the processors and the agents are asked to delete, and to the officer what
// the scan found.
func (d *Desk) certify(ctx context.Context, j *tickets.Job, scan string, kept []privacy.Kept) error {
	return d.apply(ctx, j, func(ctx context.Context, v privacy.View, r *privacy.Request) (*tickets.Change, error) {
		if r.State != privacy.Executing {
			return nil, nil
		}
		q, dir, ticket, err := d.queueOf(ctx, v, r)
		if err != nil {
			return nil, err
		}
		now := d.Now()
		r.Record.Scan, r.Record.Kept = scan, kept
		ch := &tickets.Change{FinishJob: j.ID}
		d.tellAll(ch, q, r, string(privacy.Erasure), now)
		d.tellAgents(ch, q, dir, r, now)
		cert := d.certificate(r, now)
		text, signature, err := cert.Sign(d.Key)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		r.Record.SHA256 = hex.EncodeToString(sum[:])
		signed := d.event(r, edgeSigned, "", nil)
		signed.Evidence = sum[:]
		found := d.event(r, edgeScanned, "erased", nil)
		found.Data["found"] = scan
		ch.Also = append(ch.Also, r, found, signed)
		ch.Outbox = append(ch.Outbox, privacy.Compose(q, r, privacy.MailCertificate, r.Address, certificateArgs(cert, text, signature), now))
		if scan != "clean" {
			d.report(ch, q, ticket, privacy.Officers(dir), "Found after an erasure: "+r.No,
				"After the erasure the scan still found "+scan+" traces in this installation's files. Run \"postroom privacy scan\" to see where they are. The certificate says so as well.", now)
		}
		return ch, nil
	})
}

// tellAgents asks the agents to delete what lies in mailboxes of their own.
func (d *Desk) tellAgents(ch *tickets.Change, q *tickets.Queue, dir *tickets.Directory, r *privacy.Request, now time.Time) {
	if len(r.Detail.Refs) == 0 || r.Record.Counts[outside+"agents"] == 0 {
		return
	}
	var agents []*tickets.Agent
	for _, a := range dir.Agents {
		if a.Active && a.Address != "" {
			agents = append(agents, a)
		}
	}
	d.report(ch, q, nil, agents, "Please delete: "+r.No, "Conversations were erased at somebody's request (Article 17 GDPR). Please delete from your own mailbox, its trash and any copy what carries one of these references:\n\n"+
		strings.Join(r.Detail.Refs, "\n"), now)
}

// report writes to agents.
func (d *Desk) report(ch *tickets.Change, q *tickets.Queue, ticket *tickets.Ticket, to []*tickets.Agent, subject, text string, now time.Time) {
	for _, a := range to {
		ch.Outbox = append(ch.Outbox, &tickets.Outgoing{Org: q.Org, Kind: tickets.OutReport, MessageID: tickets.NewMessageID(q.ReplyDomain), Ticket: ticket,
			To: a.Address, ToAgent: a.ID, QueueID: q.ID, NotBefore: now, Spec: tickets.OutSpec{Language: "en", Subject: subject, Text: text}})
	}
}

// forget destroys a request's own key. After an erasure the scan is repeated:
// now nothing of the person may be anywhere.
func (d *Desk) forget(ctx context.Context, j *tickets.Job) error {
	r, err := d.request(ctx, j)
	if err != nil {
		return err
	}
	if r == nil || !r.State.Final() {
		return d.finish(ctx, j)
	}
	kept, stop, err := d.keep(ctx, j)
	if err != nil {
		return err
	}
	defer stop()
	values := r.Addresses()
	if err := d.Store.DropArtifacts(kept, r.ID); err != nil {
		return fmt.Errorf("drop the archive of request %d: %w", r.ID, err)
	}
	if err := d.Store.Forget(kept, r.ID); err != nil {
		return fmt.Errorf("forget request %d: %w", r.ID, err)
	}
	scan := ""
	if r.Right == privacy.Erasure && r.State == privacy.Done && r.Address != "" {
		finds, err := d.Store.Scan(kept, values)
		if err != nil {
			return fmt.Errorf("scan after request %d was forgotten: %w", r.ID, err)
		}
		scan = scanned(finds)
	}
	stop()
	return d.apply(ctx, j, func(ctx context.Context, v privacy.View, r *privacy.Request) (*tickets.Change, error) {
		ch := &tickets.Change{FinishJob: j.ID}
		if scan == "" {
			return ch, nil
		}
		r.Record.Scan = scan
		found := d.event(r, edgeScanned, "forgotten", nil)
		found.Data["found"] = scan
		ch.Also = append(ch.Also, r, found)
		if scan == "clean" {
			return ch, nil
		}
		q, dir, ticket, err := d.queueOf(ctx, v, r)
		if err != nil {
			return nil, err
		}
		d.report(ch, q, ticket, privacy.Officers(dir), "Found after an erasure: "+r.No, "The last scan, after the key of this request was destroyed, still found "+scan+" traces in this installation's files.", d.Now())
		return ch, nil
	})
}
