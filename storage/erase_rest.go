package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"postroom/privacy"
	"postroom/tickets"
)

// mails takes away what was written to the person, whatever it was about. The
// request's own mails stay under the request's key.
func (e *erasure) mails(ctx context.Context) error {
	for i := range e.who {
		w := &e.who[i]
		for {
			var ids []int64
			err := e.read(ctx, func(v *view) (err error) {
				ids, err = v.ids(ctx, "SELECT DISTINCT target FROM lookups WHERE hash = ? AND kind IN (12, 15) LIMIT 500", w.hash)
				for _, id := range ids {
					if err != nil {
						return err
					}
					var ops []op
					ops, err = v.mailOps(ctx, "WHERE id = ?", id)
					if len(ops) > 0 {
						e.count("mails", 1)
					}
					e.ops = append(e.ops, ops...)
					e.add(-1, "DELETE FROM lookups WHERE hash = ? AND kind IN (12, 15) AND target = ?", w.hash, id)
				}
				return err
			})
			if err != nil {
				return err
			}
			if len(ids) == 0 {
				break
			}
			if err := e.commit(ctx, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// loose takes away mail without a ticket that names the person: agents'
// commands and what is held. There is little of it.
func (e *erasure) loose(ctx context.Context) error {
	for last := int64(0); ; {
		var ids []int64
		err := e.read(ctx, func(v *view) (err error) {
			ids, err = v.ids(ctx, "SELECT id FROM messages WHERE ticket_id IS NULL AND id > ? ORDER BY id LIMIT 200", last)
			for _, id := range ids {
				if err != nil {
					return err
				}
				last = id
				var r *readMessage
				if r, err = v.readMessage(ctx, id); err != nil || r == nil || r.cek == nil {
					continue
				}
				if _, names := e.masked(searchText(r.m)); !names {
					continue
				}
				var ops []op
				ops, err = v.dropMessage(ctx, id)
				e.ops = append(e.ops, ops...)
				e.add(-1, "UPDATE held SET state = 'dropped', message_id = 0 WHERE message_id = ?", id)
				e.add(-1, sqlInsertChange, r.org, int64(0), id)
				e.count("loose", 1)
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		if err := e.full(ctx); err != nil {
			return err
		}
	}
}

// desk takes away what the privacy desk itself knows: earlier requests, tokens,
// second factors. Of consents stays what proves them, without the address
// (Articles 7(1) and 17(3)(e)).
func (e *erasure) desk(ctx context.Context) error {
	until := e.plan.ConsentsUntil
	if until.IsZero() {
		until = e.ends()
	}
	if err := e.guardians(ctx); err != nil {
		return err
	}
	for i := range e.who {
		id := e.who[i].person.ID
		e.add(-1, "DELETE FROM privacy_tokens WHERE owner = CAST(? AS INTEGER)", id)
		e.add(-1, "DELETE FROM factors WHERE owner = CAST(? AS INTEGER)", id)
		e.add(-1, "UPDATE consents SET owner = 0, sealed = NULL, receipt = '', language = '', kept_until = ? WHERE owner = CAST(? AS INTEGER)", micros(until), id)
	}
	var forget []int64
	err := e.read(ctx, func(v *view) error {
		for _, h := range e.hashes {
			list, err := v.requests(ctx, "WHERE subject = ?", h)
			if err != nil {
				return err
			}
			for _, r := range list {
				if r.ID != e.plan.RequestID && r.State.Final() && r.Address != "" && r.Received.Before(e.plan.Now) {
					forget = append(forget, r.ID)
				}
			}
		}
		return nil
	})
	for _, id := range forget {
		if err == nil {
			err = e.db.Forget(ctx, id)
		}
	}
	e.count("requests", len(forget))
	return err
}

// search takes the words of erased messages from this node's index. Other
// nodes read of it in the change log (sweep.go).
func (e *erasure) search(ctx context.Context) error {
	var ids []int64
	err := e.read(ctx, func(v *view) (err error) {
		ids, err = v.ids(ctx, "SELECT target FROM privacy_work WHERE request_id = ? AND kind = 'message'", e.plan.RequestID)
		return err
	})
	if err != nil {
		return err
	}
	return e.db.purgeSearch(ctx, len(ids))
}

// keys destroys the keys of those who are erased.
func (e *erasure) keys(ctx context.Context) error {
	for i := range e.who {
		w := &e.who[i]
		var left int
		if err := e.read(ctx, func(v *view) error {
			_, err := v.row(ctx, "SELECT COUNT(*) FROM lookups WHERE hash = ?", []any{w.hash}, &left)
			return err
		}); err != nil {
			return err
		}
		if left > 0 {
			e.add(-1, "DELETE FROM lookups WHERE hash = ?", w.hash)
		}
		if err := e.db.keys.drop(ctx, w.keyID); err != nil {
			return err
		}
		e.count("keys", 1)
	}
	e.add(-1, "DELETE FROM privacy_work WHERE request_id = ? AND kind IN ('person', 'message')", e.plan.RequestID)
	return nil
}

// files makes the files forget, too.
func (e *erasure) files(ctx context.Context) error { return e.db.settleFiles(ctx, erasedTables...) }

// erasedTables are those an erasure removes rows from.
var erasedTables = []string{"persons", "tickets", "messages", "wraps", "bodies", "lookups", "events", "outbox", "jobs", "held", "consents", "factors"}

// LeftBehind returns the messages in which an erasure could not mask
// everything, such as images and signed parts: the officer decides.
func (db *DB) LeftBehind(ctx context.Context, requestID int64) (list []privacy.Masked, err error) {
	err = db.readers.snapshot(ctx, func(q querier) error {
		v := db.newView(q)
		ids, err := v.ids(ctx, "SELECT target FROM privacy_work WHERE request_id = ? AND kind = 'left' ORDER BY target", requestID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			m, err := v.MessageByID(ctx, id)
			if err != nil {
				return err
			}
			if m == nil {
				continue
			}
			t, err := v.TicketByID(ctx, m.TicketID)
			if err != nil {
				return err
			}
			x := privacy.Masked{MessageID: id}
			if t != nil {
				x.Ref = t.Ref
			}
			list = append(list, x)
		}
		return nil
	})
	return list, wrapErr("read what an erasure left", err)
}

// EraseMessage takes away the content of a message that an erasure could not
// mask, and leaves its place in the ticket.
func (db *DB) EraseMessage(ctx context.Context, requestID, messageID int64) error {
	e := &erasure{db: db, step: "left", plan: privacy.Plan{RequestID: requestID, Org: tickets.DefaultOrg}}
	e.counts = map[string]int{}
	e.reset()
	var row messageRow
	var found bool
	err := e.read(ctx, func(v *view) (err error) {
		found, err = v.row(ctx, "SELECT "+messageColumns+" FROM messages m WHERE m.id = ?", []any{messageID}, row.dest()...)
		return err
	})
	if err == nil && !found {
		err = ErrGone
	}
	if err == nil {
		row.author = 0
		err = e.emptyMessage(ctx, &tickets.Ticket{ID: row.ticket.Int64}, &row, nil)
	}
	if err == nil {
		e.add(-1, "DELETE FROM privacy_work WHERE request_id = ? AND kind = 'left' AND target = ?", requestID, messageID)
		err = e.commit(ctx, false)
	}
	if err == nil {
		if err = db.purgeSearch(ctx, 1); err == nil {
			err = db.settleFiles(ctx)
		}
	}
	return wrapErr("erase a message", err)
}

// ticketsNaming returns the tickets in which an address is found by the search
// index, if there is one that is worth asking.
func (db *DB) ticketsNaming(ctx context.Context, org int64, addresses []string) (ids []int64, err error) {
	if _, err := os.Stat(filepath.Join(db.opt.DataDir, searchFile)); err != nil {
		return nil, nil
	}
	for _, a := range addresses {
		found, err := db.Search(ctx, org, []string{a}, 10000)
		if err != nil {
			return nil, err
		}
		err = db.readers.snapshot(ctx, func(q querier) error {
			v := db.newView(q)
			for _, id := range found {
				m, err := v.MessageByID(ctx, id)
				if err != nil {
					return err
				}
				if m != nil && m.TicketID != 0 && !slices.Contains(ids, m.TicketID) {
					ids = append(ids, m.TicketID)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// purgeAbove is from how many messages on the index is thrown away instead of
// being cleaned word by word; the next search builds it again.
const purgeAbove = 200

// purgeSearch brings the search index of this node, if it has one, up to date
// with what was erased, in the file too.
func (db *DB) purgeSearch(ctx context.Context, gone int) error {
	if _, err := os.Stat(filepath.Join(db.opt.DataDir, searchFile)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	db.SearchMode()
	if gone > purgeAbove || !db.search.fts {
		if err := db.search.close(); err != nil {
			return err
		}
		return removeSearch(db.opt.DataDir)
	}
	if err := db.catchUp(ctx); err != nil {
		return err
	}
	db.search.mu.Lock()
	defer db.search.mu.Unlock()
	if db.search.db == nil {
		return nil
	}
	return truncate(ctx, func(ctx context.Context, dest ...any) error {
		return db.search.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(dest...)
	})
}

// settleFiles has nothing left in a WAL: what was overwritten in the database
// stands there still. On PostgreSQL it removes the tables' dead rows; bytes of
// theirs may stay in free pages and in its WAL until they are written over, all
// of them ciphertext whose key is gone.
func (db *DB) settleFiles(ctx context.Context, tables ...string) error {
	if db.d.postgres {
		for _, table := range append(tables, "privacy_requests", "privacy_tokens", "privacy_work", "artifacts", "keys.keys") {
			if _, err := db.main.ExecContext(ctx, "VACUUM "+table); err != nil {
				return wrapErr("vacuum", err)
			}
		}
		return nil
	}
	if err := truncate(ctx, func(ctx context.Context, dest ...any) error {
		return db.keys.db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(dest...)
	}); err != nil {
		return err
	}
	return truncate(ctx, func(ctx context.Context, dest ...any) error {
		return db.writer.hand(&request{ctx: ctx, after: true, done: make(chan struct{}), run: func(bool) error {
			return db.writer.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(dest...)
		}})
	})
}

// truncateWait is how long readers may keep a WAL from being cut.
const truncateWait = 30 * time.Second

func truncate(ctx context.Context, checkpoint func(ctx context.Context, dest ...any) error) error {
	end := time.Now().Add(truncateWait)
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		var busy, pages, done int
		err := checkpoint(ctx, &busy, &pages, &done)
		if err != nil && !strings.Contains(err.Error(), "locked") {
			return wrapErr("cut the WAL", err)
		}
		if err == nil && busy == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("cut the WAL: somebody has been reading for %v", truncateWait)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
