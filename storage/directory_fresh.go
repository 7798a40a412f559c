package storage

import (
	"context"
	"sync"
	"time"

	"postroom/tickets"
)

// freshPause is how far apart the looks are that FreshDirectory takes.
const freshPause = 100 * time.Millisecond

// freshTime bounds one look, which many may wait for.
const freshTime = 10 * time.Second

// freshLook shares looks at the directory between all who ask at a time.
type freshLook struct {
	mu   sync.Mutex
	next *directoryLook // not begun yet
	last time.Time
}

// directoryLook is one look at the directory.
type directoryLook struct {
	done chan struct{}
	dir  *tickets.Directory
	err  error
}

// FreshDirectory returns the queues and agents with everything that any node
// committed before the call: what is asked before somebody is told that there is no
// such mailbox. Calls share looks, which begin 100 ms apart at least, so that
// a stranger who guesses costs the database little; a call may wait that long.
func (db *DB) FreshDirectory(ctx context.Context) (*tickets.Directory, error) {
	if db.writer != nil { // the data folder's lock: nobody else changes it
		return db.lookAtDirectory(ctx)
	}
	f := &db.fresh
	f.mu.Lock()
	l := f.next
	if l == nil {
		l = &directoryLook{done: make(chan struct{})}
		f.next = l
		time.AfterFunc(time.Until(f.last.Add(freshPause)), func() {
			f.mu.Lock()
			f.next, f.last = nil, time.Now() // who asks from now on needs a later look
			f.mu.Unlock()
			calm, cancel := context.WithTimeout(context.Background(), freshTime)
			defer cancel()
			l.dir, l.err = db.lookAtDirectory(calm)
			close(l.done)
		})
	}
	f.mu.Unlock()
	select {
	case <-l.done:
		return l.dir, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (db *DB) lookAtDirectory(ctx context.Context) (dir *tickets.Directory, err error) {
	err = db.readers.snapshot(ctx, func(q querier) error {
		dir, err = db.dir.look(ctx, db.newView(q))
		return err
	})
	return dir, err
}
