package storage

import (
	"context"

	"postroom/tickets"
)

// historyOf is how many of a sender's tickets are looked at, the newest.
const historyOf = 50

// SenderHistory tells what came of the newest tickets that the address takes
// part in.
func (db *DB) SenderHistory(ctx context.Context, org int64, address string) (h tickets.History, err error) {
	err = db.readers.with(ctx, func(q querier) error {
		v := db.newView(q)
		_, err := v.row(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN state = 'spam' THEN 1 ELSE 0 END), 0),
 COALESCE(SUM(CASE WHEN last_out > 0 THEN 1 ELSE 0 END), 0) FROM (SELECT t.state, t.last_out FROM lookups l JOIN tickets t ON t.id = l.no
 WHERE l.hash = ? AND l.kind = ? ORDER BY l.no DESC LIMIT ?) AS newest`,
			[]any{db.hash.address(org, address), kindParty, historyOf}, &h.Tickets, &h.Spam, &h.Answered)
		return err
	})
	return h, wrapErr("read a sender's history", err)
}
