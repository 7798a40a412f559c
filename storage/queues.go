package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"postroom/tickets"
)

const (
	sqlInsertQueue = `INSERT INTO queues (id, org, name, name_fold, address, address_fold, receives, reply_domain, display_name, ack, reopen_days,
 attach_limit, texts, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUpdateQueue = `UPDATE queues SET name = ?, name_fold = ?, address = ?, address_fold = ?, receives = ?, reply_domain = ?, display_name = ?,
 ack = ?, reopen_days = ?, attach_limit = ?, texts = ? WHERE id = ?`
)

// ErrTaken says that a name or an address belongs to somebody else already.
var ErrTaken = errors.New("taken already")

// ErrUnknown says that what a command names is not there.
var ErrUnknown = errors.New("is not there")

// AddQueue makes a queue and fills in its id. The name and every address must
// be free: ErrTaken otherwise.
func (db *DB) AddQueue(ctx context.Context, q *tickets.Queue) error {
	if q.Org == 0 {
		q.Org = tickets.DefaultOrg
	}
	if err := db.queueFree(ctx, q); err != nil {
		return err
	}
	id, err := db.ids.take(ctx, 1)
	if err != nil {
		return err
	}
	cols, err := queueColumns(q)
	if err != nil {
		return err
	}
	args := append([]any{id, q.Org}, cols...)
	if err := db.changeDirectory(ctx, op{text: sqlInsertQueue, args: append(args, micros(db.now())), want: 1}); err != nil {
		return fmt.Errorf("add queue %s: %w", q.Name, taken(err))
	}
	q.ID = id
	return nil
}

// UpdateQueue writes what is said of a queue.
func (db *DB) UpdateQueue(ctx context.Context, q *tickets.Queue) error {
	if err := db.queueFree(ctx, q); err != nil {
		return err
	}
	cols, err := queueColumns(q)
	if err != nil {
		return err
	}
	if err := db.changeDirectory(ctx, op{text: sqlUpdateQueue, args: append(cols, q.ID), want: 1}); err != nil {
		return fmt.Errorf("change queue %s: %w", q.Name, taken(err))
	}
	return nil
}

// RemoveQueue removes a queue that holds no ticket.
func (db *DB) RemoveQueue(ctx context.Context, id int64) error {
	var n int
	if err := db.readers.with(ctx, func(q querier) error {
		_, err := db.newView(q).row(ctx, "SELECT COUNT(*) FROM tickets WHERE queue_id = ?", []any{id}, &n)
		return err
	}); err != nil {
		return err
	}
	if n > 0 {
		return fmt.Errorf("the queue holds %d tickets; move or erase them first", n)
	}
	return db.changeDirectory(ctx,
		op{text: "DELETE FROM agent_queues WHERE queue_id = ?", args: []any{id}, want: -1},
		op{text: "DELETE FROM queues WHERE id = ?", args: []any{id}, want: 1})
}

// queueFree looks for another queue with one of the addresses.
func (db *DB) queueFree(ctx context.Context, q *tickets.Queue) error {
	return db.View(ctx, func(v tickets.View) error {
		dir, err := v.Directory(ctx)
		if err != nil {
			return err
		}
		if o := dir.QueueByName(q.Name); o != nil && o.ID != q.ID {
			return fmt.Errorf("queue %s: %w", q.Name, ErrTaken)
		}
		for _, a := range append([]string{q.Address}, q.Receives...) {
			if o := dir.QueueByAddress(a); o != nil && o.ID != q.ID {
				return fmt.Errorf("%s belongs to queue %s: %w", a, o.Name, ErrTaken)
			}
			if o := dir.AgentByAddress(a); o != nil {
				return fmt.Errorf("%s is the mailbox of agent %s: %w", a, o.Name, ErrTaken)
			}
		}
		return nil
	})
}

func queueColumns(q *tickets.Queue) ([]any, error) {
	receives, err := json.Marshal(nonNil(q.Receives))
	if err != nil {
		return nil, err
	}
	texts := q.Texts
	if texts == nil {
		texts = map[string]tickets.QueueTexts{}
	}
	words, err := json.Marshal(texts)
	if err != nil {
		return nil, err
	}
	return []any{q.Name, strings.ToLower(q.Name), q.Address, tickets.FoldAddress(q.Address), string(receives), q.ReplyDomain, q.DisplayName,
		bit(q.Ack), int64(q.ReopenDays), q.AttachLimit, string(words)}, nil
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// changeDirectory commits statements on queues and agents, and lets every node
// know that the directory is another.
func (db *DB) changeDirectory(ctx context.Context, ops ...op) error {
	ops = append(ops, op{text: sqlDirectory, want: 1})
	if err := db.execute(ctx, ops); err != nil {
		return err
	}
	db.dir.forget()
	return nil
}

// taken says what a failed change of the directory means.
func taken(err error) error {
	if errors.Is(err, errMoved) {
		return ErrUnknown
	}
	if moved(err) {
		return ErrTaken
	}
	return err
}
