package storage

import (
	"context"
	"errors"
	"fmt"

	"postroom/tickets"
)

// VerifyStore reads everything that is kept and calls report with a sentence
// for each fault: the database's own check, every message's size and SHA-256,
// rows that lead nowhere. An error means that it could not look.
func (db *DB) VerifyStore(ctx context.Context, report func(fault string)) error {
	if err := db.verifyFiles(ctx, report); err != nil {
		return wrapErr("check the database", err)
	}
	if err := db.verifyRows(ctx, report); err != nil {
		return wrapErr("check the rows", err)
	}
	return wrapErr("check the messages", db.eachMessageID(ctx, func(id int64) error { return db.verifyMessage(ctx, id, report) }))
}

// verifyFiles asks SQLite whether its files are sound. PostgreSQL has its own
// checksums and tools.
func (db *DB) verifyFiles(ctx context.Context, report func(string)) error {
	if db.d.postgres {
		return nil
	}
	check := func(name string) func(q querier) error {
		return func(q querier) error {
			rows, err := q.QueryContext(ctx, "PRAGMA integrity_check(20)")
			if err != nil {
				return err
			}
			return eachRow(rows, func() error {
				var s string
				if err := rows.Scan(&s); err != nil {
					return err
				}
				if s != "ok" {
					report(name + ": " + s)
				}
				return nil
			})
		}
	}
	if err := check(keysFile)(through{db.keys.db}); err != nil {
		report(fmt.Sprintf("%s cannot be read: %v", keysFile, err))
	}
	if err := db.readers.with(ctx, check("database")); err != nil {
		report(fmt.Sprintf("the database cannot be read: %v", err))
	}
	return nil
}

// orphans are rows that lead nowhere, by what is wrong with them. Bodies of a
// stage that is being written are no fault.
var orphans = []struct{ fault, text string }{
	{"messages belong to no ticket that is there", "SELECT COUNT(*) FROM messages m WHERE m.ticket_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = m.ticket_id)"},
	{"wrapped keys belong to no message", "SELECT COUNT(*) FROM wraps w WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = w.message_id)"},
	{"identities lead to no message", "SELECT COUNT(*) FROM lookups l WHERE l.kind IN (16, 18) AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = l.target)"},
	{"addresses lead to nobody", "SELECT COUNT(*) FROM lookups l WHERE l.kind = 11 AND NOT EXISTS (SELECT 1 FROM persons p WHERE p.id = l.target)"},
	{"people cannot be found by their address", "SELECT COUNT(*) FROM persons p WHERE NOT EXISTS (SELECT 1 FROM lookups l WHERE l.hash = p.address AND l.kind = 11 AND l.target = p.id)"},
	{"held mails lead to no message", "SELECT COUNT(*) FROM held h WHERE h.state = 'held' AND h.message_id > 0 AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = h.message_id)"},
	{"parts of archives belong to no request that is there", "SELECT COUNT(*) FROM artifacts a WHERE NOT EXISTS (SELECT 1 FROM privacy_requests r WHERE r.id = a.request_id)"},
	{"tokens belong to no request that is there", "SELECT COUNT(*) FROM privacy_tokens t WHERE t.request_id > 0 AND NOT EXISTS (SELECT 1 FROM privacy_requests r WHERE r.id = t.request_id)"},
	{"requests cannot be found", "SELECT COUNT(*) FROM lookups l WHERE l.kind IN (20, 21) AND NOT EXISTS (SELECT 1 FROM privacy_requests r WHERE r.id = l.target)"},
	{"kept tickets are not there", "SELECT COUNT(*) FROM privacy_frozen f WHERE NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = f.ticket_id)"},
	{"events belong to no ticket that is there", "SELECT COUNT(*) FROM events e WHERE e.ticket_id > 0 AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.id = e.ticket_id)"},
}

func (db *DB) verifyRows(ctx context.Context, report func(string)) error {
	for _, o := range orphans {
		var n int64
		err := db.readers.with(ctx, func(q querier) error {
			_, err := db.newView(q).row(ctx, o.text, nil, &n)
			return err
		})
		if err != nil {
			return err
		}
		if n > 0 {
			report(fmt.Sprintf("%d %s", n, o.fault))
		}
	}
	return nil
}

// eachMessageID calls fn for each message in order. No transaction is open
// while fn runs.
func (db *DB) eachMessageID(ctx context.Context, fn func(int64) error) error {
	last := int64(0)
	return pages(func() (ids []int64, err error) {
		err = db.readers.with(ctx, func(q querier) error {
			ids, err = db.newView(q).ids(ctx, "SELECT id FROM messages WHERE id > ? ORDER BY id LIMIT 1000", last)
			return err
		})
		if len(ids) > 0 {
			last = ids[len(ids)-1]
		}
		return ids, err
	}, fn)
}

// verifyMessage reads a message to its last byte. What an erasure has closed
// is no fault.
func (db *DB) verifyMessage(ctx context.Context, id int64, report func(string)) error {
	var m *tickets.Message
	var r *contentReader
	err := db.readers.snapshot(ctx, func(q querier) error {
		rm, err := db.newView(q).readMessage(ctx, id)
		if err == nil && rm != nil && rm.cek != nil {
			m, r = rm.m, db.readContent(ctx, rm.content, rm.cek)
		}
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		report(fmt.Sprintf("message %d does not open: %v", id, err))
		return nil
	}
	if m == nil {
		return nil
	}
	size, sum, err := r.digest()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errSealed), errors.Is(err, errTruncated), errors.Is(err, errEncoding):
		report(fmt.Sprintf("message %d (receipt %s): its bytes do not open", id, m.Receipt))
	case err != nil:
		report(fmt.Sprintf("message %d (receipt %s) cannot be read: %v", id, m.Receipt, err))
	case size != m.Raw.Size || sum != m.Raw.SHA256:
		report(fmt.Sprintf("message %d (receipt %s): its bytes are not those that were received", id, m.Receipt))
	}
	return nil
}
