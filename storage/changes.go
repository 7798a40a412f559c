package storage

import (
	"context"
)

// LogEntry says that a ticket changed or that a message came into it. Entries
// are in commit order: whoever has seen one has seen all before it.
type LogEntry struct {
	Seq       int64
	Org       int64
	TicketID  int64 // 0: a message held without a ticket
	MessageID int64 // 0: the ticket alone changed
}

// Changes returns up to limit entries of the change log after seq.
func (db *DB) Changes(ctx context.Context, seq int64, limit int) (list []LogEntry, err error) {
	if db.d.postgres {
		if err := db.numberChanges(ctx); err != nil {
			return nil, wrapErr("number changes", err)
		}
	}
	err = db.readers.with(ctx, func(q querier) error {
		rows, err := q.QueryContext(ctx, db.d.sql("SELECT seq, org, ticket_id, message_id FROM changes WHERE seq > ? ORDER BY seq LIMIT ?"), seq, limit)
		if err != nil {
			return err
		}
		return eachRow(rows, func() error {
			var e LogEntry
			err := rows.Scan(&e.Seq, &e.Org, &e.TicketID, &e.MessageID)
			list = append(list, e)
			return err
		})
	})
	return list, wrapErr("read changes", err)
}

// numberChanges gives committed changes their place. Under the lock nobody
// else does, so a number is never given after a greater one was readable; a
// sequence drawn within the writing transactions could not promise that.
func (db *DB) numberChanges(ctx context.Context) error {
	fresh := false
	err := db.readers.with(ctx, func(q querier) (err error) {
		var one int
		fresh, err = db.newView(q).row(ctx, "SELECT 1 FROM changes WHERE seq IS NULL LIMIT 1", nil, &one)
		return err
	})
	if err != nil || !fresh {
		return err
	}
	return db.update(ctx, func(ctx context.Context, q executor) error {
		if _, err := q.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", lockChanges); err != nil {
			return err
		}
		res, err := q.ExecContext(ctx, `UPDATE changes SET seq = n.seq FROM (SELECT id, (SELECT value FROM counters WHERE name = 'changes')
 + ROW_NUMBER() OVER (ORDER BY id) AS seq FROM changes WHERE seq IS NULL) AS n WHERE changes.id = n.id`)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		_, err = q.ExecContext(ctx, "UPDATE counters SET value = value + $1 WHERE name = 'changes'", n)
		return err
	})
}
