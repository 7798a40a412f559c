package storage

import (
	"context"
	"errors"
	"time"
)

const (
	tokenKept  = 30 * 24 * time.Hour // after it expired, so that a late answer can be told what happened
	sweepLimit = 500
)

// sweepEnded takes away what was kept until a date: content a law obliged to
// keep, requests, consents and keyed hashes of people erased, old tokens.
func (db *DB) sweepEnded(ctx context.Context) error {
	now := db.now()
	if _, err := db.EraseFrozen(ctx, now, sweepLimit); err != nil && !errors.Is(err, errMoved) { // another node does it, too
		return err
	}
	var ids []int64
	due := map[string]bool{}
	err := db.readers.with(ctx, func(q querier) (err error) {
		v := db.newView(q)
		if ids, err = v.ids(ctx, "SELECT id FROM privacy_requests WHERE ends > 0 AND ends <= ? LIMIT ?", micros(now), sweepLimit); err != nil {
			return err
		}
		for text, at := range endedRows(now) {
			var one int
			if due[text], err = v.row(ctx, "SELECT 1 FROM "+text+" LIMIT 1", []any{at}, &one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return wrapErr("look for what has ended", err)
	}
	for _, id := range ids {
		if err := db.Forget(ctx, id); err != nil {
			return err
		}
		var ops []op
		for _, text := range []string{"DELETE FROM privacy_events WHERE request_id = ?", "DELETE FROM privacy_steps WHERE request_id = ?",
			"DELETE FROM privacy_work WHERE request_id = ?", "DELETE FROM privacy_requests WHERE id = ?"} {
			ops = append(ops, op{text: text, args: []any{id}, want: -1})
		}
		if err := db.execute(ctx, ops); err != nil {
			return wrapErr("end a request", err)
		}
	}
	var ops []op
	for text, at := range endedRows(now) {
		if due[text] { // nothing to do costs no write
			ops = append(ops, op{text: "DELETE FROM " + text, args: []any{at}, want: -1})
		}
	}
	if len(ops) == 0 {
		return nil
	}
	return wrapErr("end what was kept", db.execute(ctx, ops))
}

// endedRows are the rows that go by their own date.
func endedRows(now time.Time) map[string]int64 {
	return map[string]int64{
		"consents WHERE kept_until > 0 AND kept_until <= ?": micros(now),
		"erasures WHERE ends <= ?":                          micros(now),
		"privacy_tokens WHERE expires <= ?":                 micros(now.Add(-tokenKept)),
	}
}
