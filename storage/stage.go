package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

	"postroom/tickets"
)

// stageAbove is the size above which a message is staged.
const stageAbove = 256 << 10

// stage takes in a message. Up to stageAbove it stays in memory; above, it is
// compressed, sealed and committed in chunks while it arrives. Its key is in
// memory only: until a change adopts it, what is on the disk is noise.
type stage struct {
	db      *DB
	ctx     context.Context
	buf     []byte
	sum     hash.Hash
	size    int64
	content int64 // 0 while in memory
	cek     []byte
	no      int
	touched time.Time
	err     error
	done    bool // finished or aborted
	counted bool // among those that arrive
	adopted bool
}

// stageSet holds the stages of this process that have rows.
type stageSet struct {
	mu   sync.Mutex
	open map[int64]*stage
}

func (s *stageSet) put(st *stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[int64]*stage{}
	}
	s.open[st.content] = st
}

func (s *stageSet) get(content int64) *stage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[content]
}

// drop forgets a stage; it reports whether its rows are still to be removed.
func (s *stageSet) drop(st *stage) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, st.content)
	return !st.adopted
}

func (s *stageSet) adopted(st *stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.adopted = true
	delete(s.open, st.content)
}

// Stage implements [tickets.Store]. ctx bounds the writing, not what follows.
func (db *DB) Stage(ctx context.Context) tickets.Stage {
	db.arriving.Add(1)
	return &stage{db: db, ctx: ctx, sum: sha256.New(), counted: true}
}

var errStageDone = errors.New("the stage is finished")

func (s *stage) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.done {
		return 0, errStageDone
	}
	written := len(p)
	s.sum.Write(p)
	s.size += int64(len(p))
	for len(p) > 0 {
		room := stageAbove
		if s.content != 0 {
			room = chunkSize + 1
		}
		n := min(len(p), room-len(s.buf))
		if n > 0 {
			s.grow(n, room)
			s.buf = append(s.buf, p[:n]...)
			p = p[n:]
		}
		if len(p) == 0 {
			break
		}
		// More follows, so that this chunk is not the last.
		if err := s.flush(min(len(s.buf), chunkSize), false); err != nil {
			s.err = err
			return 0, err
		}
	}
	return written, nil
}

// grow enlarges the buffer by doubling, but never past what it may hold.
func (s *stage) grow(n, room int) {
	if need := len(s.buf) + n; need > cap(s.buf) {
		b := make([]byte, len(s.buf), min(max(2*cap(s.buf), need, 4096), room))
		copy(b, s.buf)
		s.buf = b
	}
}

// flush commits the first n buffered bytes as a chunk.
func (s *stage) flush(n int, last bool) error {
	select { // bounds how many sealed chunks wait in memory
	case s.db.flushes <- struct{}{}:
		defer func() { <-s.db.flushes }()
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	if s.no >= maxChunks {
		return &tickets.Refusal{Reason: tickets.RefuseTooLarge, Text: "message too large"}
	}
	first := s.content == 0
	now := s.db.now()
	if first {
		id, err := s.db.ids.take(s.ctx, 1)
		if err != nil {
			return refuse(err)
		}
		s.content, s.cek = id, randomKey()
		s.db.stages.put(s)
	}
	ops := []op{{text: sqlInsertBody, want: -1, args: []any{chunkID(s.content, s.no), s.db.sealChunk(newSealer(s.cek), s.content, s.no, last, s.buf[:n])}}}
	if first {
		ops = append(ops, op{text: "INSERT INTO stages (content, created, touched) VALUES (?, ?, ?)", want: -1, args: []any{s.content, micros(now), micros(now)}})
	} else if now.Sub(s.touched) > stageTouch {
		ops = append(ops, op{text: "UPDATE stages SET touched = ? WHERE content = ?", want: 1, args: []any{micros(now), s.content}})
	}
	if first || now.Sub(s.touched) > stageTouch {
		s.touched = now
	}
	if err := s.db.execute(s.ctx, ops); err != nil {
		return refuse(err)
	}
	s.no++
	s.buf = append(s.buf[:0], s.buf[n:]...)
	return nil
}

// Finish names what was written.
func (s *stage) Finish() (tickets.Raw, error) {
	if s.err != nil {
		return tickets.Raw{}, s.err
	}
	if s.done {
		return tickets.Raw{}, errStageDone
	}
	raw := tickets.Raw{Size: s.size, SHA256: hex.EncodeToString(s.sum.Sum(nil))}
	if s.content == 0 {
		raw.Bytes = s.buf
		s.done = true
		return raw, nil
	}
	if len(s.buf) > chunkSize { // one byte more than a chunk holds
		if s.err = s.flush(chunkSize, false); s.err != nil {
			return tickets.Raw{}, s.err
		}
	}
	if s.err = s.flush(len(s.buf), true); s.err != nil {
		return tickets.Raw{}, s.err
	}
	s.buf = nil
	s.done = true
	raw.StageID = s.content
	return raw, nil
}

// abortWait is how long Abort waits for the rows to be gone. A sender is answered
// after it, within ten seconds, and may have waited for a locked database twice.
const abortWait = time.Second

// Abort forgets what was written, unless a change has adopted it. Removing the
// rows goes on after it when the database is slow.
func (s *stage) Abort() {
	if s.counted {
		s.counted = false
		s.db.arriving.Add(-1)
	}
	s.done, s.buf = true, nil
	if s.content == 0 || !s.db.stages.drop(s) {
		return
	}
	s.cek = nil
	gone := make(chan struct{})
	s.db.work.Go(func() {
		defer close(gone)
		if err := s.db.dropContent(context.WithoutCancel(s.ctx), s.content); err != nil {
			s.db.log.Warn("staged bytes are left for the sweeper", "err", err)
		}
	})
	late := time.NewTimer(abortWait)
	defer late.Stop()
	select {
	case <-gone:
	case <-late.C:
	}
}

const (
	stageTouch = 5 * time.Minute
	stageAge   = time.Hour // a stage untouched for so long belongs to nobody
)

// dropContent removes a stage and its chunks, unless it was adopted.
func (db *DB) dropContent(ctx context.Context, content int64) error {
	err := db.execute(ctx, []op{
		{text: "DELETE FROM stages WHERE content = ?", args: []any{content}, want: 1, gone: true},
		{text: "DELETE FROM bodies WHERE id >= ? AND id < ?", args: []any{chunkID(content, 0), chunkID(content+1, 0)}, want: -1},
	})
	if errors.Is(err, tickets.ErrGone) {
		return nil
	}
	return err
}

// sweepStages removes stages that nobody fills any more: at SQLite's start
// all, later those untouched for stageAge.
func (db *DB) sweepStages(ctx context.Context, all bool) error {
	before := micros(db.now().Add(-stageAge))
	if all {
		before = 1<<63 - 1
	}
	var list []int64
	err := db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT content FROM stages WHERE touched < ?"), before)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			list = append(list, id)
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("sweep staged bytes: %w", err)
	}
	for _, id := range list {
		if db.stages.get(id) != nil {
			continue
		}
		if err := db.dropContent(ctx, id); err != nil {
			return fmt.Errorf("sweep staged bytes: %w", err)
		}
	}
	return nil
}
