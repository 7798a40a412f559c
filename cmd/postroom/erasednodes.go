package main

import (
	"context"
	"time"

	"postroom/privacy"
	"postroom/storage"
)

// erasedTopic tells every node that somebody was erased: each has a search
// index and a file with the list of erasures of its own.
const erasedTopic = "erased"

// tellingStore is the store of the privacy desk's work; it lets the other nodes
// know when this one has cleaned its search index.
type tellingStore struct {
	*storage.DB
	tell func()
}

func (s tellingStore) EraseStep(ctx context.Context, p privacy.Plan, step string, m privacy.Masker) (map[string]int, error) {
	counts, err := s.DB.EraseStep(ctx, p, step, m)
	if err == nil && step == "search" {
		s.tell()
		err = s.AwaitSearch(ctx)
	}
	return counts, err
}

// followErasures cleans this node's index when another one erased somebody, and
// has the erasure in this node's list, too. While it runs erasures wait for
// this node.
func (s *server) followErasures(ctx context.Context) {
	erased, stop := s.d.queue.Subscribe(erasedTopic)
	defer stop()
	beat := time.NewTicker(storage.SearchBeat)
	defer beat.Stop()
	defer s.leaveErasures(ctx)
	for {
		if _, err := s.d.store.ErasureList(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the list of erasures in the data folder is not the newest", "err", err)
		}
		if err := s.d.store.PurgeSearch(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the search index may have words of somebody who was erased; it is tried again within minutes", "err", err)
		}
		if !s.liveUntil(ctx, erased, beat.C) {
			return
		}
	}
}

// liveUntil says that this node lives until somebody was erased; false when ctx
// ended.
func (s *server) liveUntil(ctx context.Context, erased <-chan struct{}, beat <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-erased:
			return true
		case <-beat:
			if err := s.d.store.SearchLives(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("other nodes do not hear that this one searches", "err", err)
			}
		}
	}
}

func (s *server) leaveErasures(ctx context.Context) {
	const within = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	if err := s.d.store.SearchLeaves(ctx); err != nil {
		s.log.Warn("an erasure may wait for this node for half a minute", "err", err)
	}
}
