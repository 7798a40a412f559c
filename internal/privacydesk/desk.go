package privacydesk

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"postroom/privacy"
	"postroom/privacy/archive"
	"postroom/tickets"
)

// Processor is somebody who works with the data for the controller and is told
// of rectifications and erasures (Articles 19 and 28 GDPR).
type Processor struct {
	archive.Processor
	Address string // empty: told by other means
}

// Store is the privacy desk's store with what becomes of content that a law
// obliges to keep.
type Store interface {
	privacy.Store
	// KeptOf returns what is kept of an erasure, by ground and date.
	KeptOf(ctx context.Context, requestID int64) ([]privacy.Kept, error)
	// EraseFrozen erases up to limit messages whose duty to keep has ended.
	EraseFrozen(ctx context.Context, now time.Time, limit int) (n int, err error)
}

// Previews puts a preview into words for the officer.
type Previews func(p *privacy.Preview, zone *time.Location) string

// Desk carries out the jobs of the privacy desk. It keeps nothing in memory
// between them.
type Desk struct {
	Store  Store
	Decide *privacy.Desk // the rules of the requests
	Masker privacy.Masker
	Key    ed25519.PrivateKey // signs manifests and certificates

	About       archive.About
	Processors  []Processor
	Plain       bool                    // archives are not encrypted at all
	PartBytes   int64                   // of an archive; 0: 10 MiB
	BackupDays  int                     // until when backups hold what was erased
	ConsentKeep time.Duration           // how long what proves consents outlives an erasure; 0: as long as its record
	Budget      func(aligned bool) bool // of challenges; nil: no bound
	Words       Previews
	Zone        *time.Location

	Log  *slog.Logger
	Now  func() time.Time
	Made func() // told that mails or jobs were written
}

// Handlers are the jobs that belong here, for jobs.Worker.Others.
func (d *Desk) Handlers() map[string]func(context.Context, *tickets.Job) error {
	return map[string]func(context.Context, *tickets.Job) error{
		privacy.JobArchive: d.archive,
		privacy.JobPreview: d.preview,
		privacy.JobErase:   d.erase,
		privacy.JobTell:    d.tell,
		privacy.JobExpire:  d.expire,
		privacy.JobForget:  d.forget,
	}
}

var errNoView = errors.New("the store keeps no privacy requests")

// apply decides with the request of a job. It takes the job away where the
// request is gone; a decision that returns nil does, too.
func (d *Desk) apply(ctx context.Context, j *tickets.Job, decide func(context.Context, privacy.View, *privacy.Request) (*tickets.Change, error)) error {
	id, err := requestOf(j)
	if err != nil {
		return err
	}
	made := false
	_, err = d.Store.Apply(ctx, func(ctx context.Context, v tickets.View) (*tickets.Change, error) {
		pv, ok := v.(privacy.View)
		if !ok {
			return nil, errNoView
		}
		r, err := pv.RequestByID(ctx, id)
		if err != nil {
			return nil, err
		}
		var ch *tickets.Change
		if r != nil {
			if ch, err = decide(ctx, pv, r); err != nil {
				return nil, err
			}
		}
		if ch == nil {
			ch = &tickets.Change{FinishJob: j.ID}
		}
		made = len(ch.Outbox) > 0 || len(ch.Jobs) > 0
		return ch, nil
	})
	if err != nil {
		return fmt.Errorf("%s of request %d: %w", j.Kind, id, err)
	}
	if made && d.Made != nil {
		d.Made()
	}
	return nil
}

// request reads the request of a job; nil where it is gone.
func (d *Desk) request(ctx context.Context, j *tickets.Job) (r *privacy.Request, err error) {
	id, err := requestOf(j)
	if err != nil {
		return nil, err
	}
	err = d.view(ctx, func(v privacy.View) error { r, err = v.RequestByID(ctx, id); return err })
	return r, err
}

func (d *Desk) view(ctx context.Context, fn func(privacy.View) error) error {
	return d.Store.View(ctx, func(v tickets.View) error {
		pv, ok := v.(privacy.View)
		if !ok {
			return errNoView
		}
		return fn(pv)
	})
}

func requestOf(j *tickets.Job) (int64, error) {
	id, err := strconv.ParseInt(j.Data["request"], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("job %d names no request: %w", j.ID, err)
	}
	return id, nil
}

// queueOf is the queue a request's mails come from.
func (d *Desk) queueOf(ctx context.Context, v tickets.View, r *privacy.Request) (*tickets.Queue, *tickets.Directory, *tickets.Ticket, error) {
	dir, err := v.Directory(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	var t *tickets.Ticket
	if r.TicketID != 0 {
		if t, err = v.TicketByID(ctx, r.TicketID); err != nil {
			return nil, nil, nil, err
		}
	}
	q := dir.QueueByAddress(d.Decide.Rules.Address)
	if t != nil {
		if own := dir.QueueByID(t.QueueID); own != nil {
			q = own
		}
	}
	if q == nil {
		return nil, nil, nil, errors.New("there is no privacy queue")
	}
	return q, dir, t, nil
}

// The lease of a job that takes long is prolonged while it runs.
const (
	leasePiece = 2 * time.Minute
	leaseEvery = 20 * time.Second
)

// keep prolongs the job's lease until stop is called. Should another worker
// have taken the job, the returned context ends.
func (d *Desk) keep(ctx context.Context, j *tickets.Job) (kept context.Context, stop func(), err error) {
	if err := d.Store.ExtendJob(ctx, j.ID, d.Now().Add(leasePiece)); err != nil {
		return nil, nil, fmt.Errorf("keep the lease of job %d: %w", j.ID, err)
	}
	kept, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(leaseEvery)
		defer tick.Stop()
		for {
			select {
			case <-kept.Done():
				return
			case <-tick.C:
				if err := d.Store.ExtendJob(kept, j.ID, d.Now().Add(leasePiece)); err != nil {
					cancel(fmt.Errorf("keep the lease of job %d: %w", j.ID, err))
					return
				}
			}
		}
	}()
	return kept, func() { cancel(nil); <-done }, nil
}

// pipe hands what write writes to read, and returns the first fault.
func pipe(write func(io.Writer) error, read func(io.Reader) error) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w)) }()
	err := read(r)
	r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
	return err
}
