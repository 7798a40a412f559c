package main

import (
	"context"

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
	}
	return counts, err
}

// followErasures cleans this node's index when another one erased somebody, and
// has the erasure in this node's list, too.
func (s *server) followErasures(ctx context.Context) {
	erased, stop := s.d.queue.Subscribe(erasedTopic)
	defer stop()
	for {
		if _, err := s.d.store.ErasureList(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the list of erasures in the data folder is not the newest", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-erased:
			if err := s.d.store.PurgeSearch(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("the search index still has words of somebody who was erased; it is tried again within minutes", "err", err)
			}
		}
	}
}
