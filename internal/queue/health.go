package queue

import (
	"context"
	"errors"
	"log/slog"
	"sync"
)

// health is whether Redis is well, and since it last became so a closed channel.
type health struct {
	log *slog.Logger

	mu   *sync.Mutex
	err  error
	well chan struct{} // closed while err is nil
	said bool          // the absence is in the log
}

var errNotTried = errors.New("redis was not tried yet")

func newHealth(log *slog.Logger) health {
	return health{log: log, mu: new(sync.Mutex), err: errNotTried, well: make(chan struct{})}
}

func (h *health) get() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// set notes how it is, logs a change once, and reports whether Redis is back.
func (h *health) set(err error) (back bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.err
	h.err = err
	switch {
	case was != nil && err == nil:
		close(h.well)
		if h.said {
			h.log.Info("redis is back; wake-ups reach every node again")
		}
		h.said = false
		return true
	case was == nil && err != nil:
		h.well = make(chan struct{})
	}
	if err != nil && !h.said {
		h.said = true
		h.log.Warn("redis is not well; wake-ups stay in this process until it is", "err", err)
	}
	return false
}

// wait returns when Redis is well, or ctx's error.
func (h *health) wait(ctx context.Context) error {
	h.mu.Lock()
	well := h.well
	h.mu.Unlock()
	select {
	case <-well:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
