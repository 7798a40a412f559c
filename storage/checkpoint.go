package storage

import (
	"context"
	"encoding/binary"
	"os"
	"time"
)

// A checkpoint copies the WAL into the database beside the commits. The longer
// it waits, the more changes of one page it copies once. While mails arrive
// without a pause it never catches up with the end; then the writer stops for
// what little is left, so that the WAL begins anew and stays bounded.
const (
	walSoft  = 4096  // frames not yet copied, of 4 KiB
	walHard  = 16384 // frames in all
	walCheck = 50 * time.Millisecond
	// After so many looks at which nothing had changed all of it is copied: what
	// comes next does not pay for what was before, such as an erasure, which has
	// to end with an empty WAL.
	walQuiet = 20
)

// checkpoints copies the WAL whenever it has grown.
func (w *writer) checkpoints(ctx context.Context) {
	side := openLite(w.file, 1, 256, false, true)
	defer side.Close()
	tick := time.NewTicker(walCheck)
	defer tick.Stop()
	last, quiet := 0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		frames, copied := walFrames(w.file)
		if quiet++; frames != last {
			last, quiet = frames, 0
		}
		if frames-copied < walSoft && (frames == copied || quiet != walQuiet) {
			continue
		}
		if _, err := side.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
			if ctx.Err() == nil {
				w.db.log.Warn("checkpoint", "err", err)
			}
			continue
		}
		if frames > walHard {
			if err := w.checkpoint(ctx); err != nil && ctx.Err() == nil {
				w.db.log.Warn("checkpoint", "err", err)
			}
		}
	}
}

// walFrames reads from the WAL's index how many frames the WAL holds and how
// many of them are in the database already (sqlite.org/walformat.html, 2.1:
// mxFrame at 16, nBackfill at 96, in the machine's byte order). The size of the
// WAL itself says nothing: it is written over, not cut.
func walFrames(file string) (frames, copied int) {
	f, err := os.Open(file + "-shm")
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	var head [100]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return 0, 0
	}
	return int(binary.NativeEndian.Uint32(head[16:])), int(binary.NativeEndian.Uint32(head[96:]))
}

// checkpoint copies what is left of the WAL while nothing is written, so that
// the next commit begins it anew.
func (w *writer) checkpoint(ctx context.Context) error {
	return w.hand(&request{ctx: ctx, after: true, done: make(chan struct{}), run: func(bool) error {
		// As a query: a row that nobody takes would keep the statement open.
		var busy, pages, done int
		return w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &pages, &done)
	}})
}
